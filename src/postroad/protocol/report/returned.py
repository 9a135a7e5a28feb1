"""What came back of the original message: a part of its own, or pasted behind the text.

Pasted headers are known by their grammar, not by the words before them, which every server and
every language chooses anew: a run of header fields among which are those that only a message in
transport has.
"""

from __future__ import annotations

import re
from dataclasses import replace

from postroad.domain.bounce import OriginalMessage
from postroad.protocol.mime.headers import Headers, message_ids, parse_headers

MAX_HEADERS = 200
MAX_SUMMARY = 15  # lines
RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "message/rfc822-headers",
        "message/partial",
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/rfc822",
        "message/news",
    }
)

_LINE = re.compile(r"[>| \t]{0,6}([A-Za-z][A-Za-z0-9-]{1,60})[ \t]?:(?!//)[ \t]*(.*)")
_TRANSPORT = frozenset(
    {"received", "return-path", "message-id", "mime-version", "dkim-signature", "delivered-to"}
)
_COMMON = frozenset({"from", "to", "subject", "date", "cc", "reply-to", "sender", "content-type"})
_MARK = re.compile(
    r"^[>| \t]{0,6}(?:[-_=*+|#]{2,}[ \t]*(?:\[?)"
    r"(?:(?:start of |the )?(?:below|returned|original|unsent|undelivered|forwarded"
    r"|rejected|bounced"
    r"|message (?:text|header|content|follows|as sent)|header|enclosed|this is a copy|the header"
    r"|here is a copy|copy of|first |mensaje original|mensagem original|message original"
    r"|urspr\w+ nachricht|original\w* nachricht|weitergeleitet))"
    r"|-{2,}[ \t]*(?:Nachricht|Kopie|Copia|Copie|原|以下|元の)"
    r"|(?:Original mail as follows|Original message (?:follows|headers?)"
    r"|Message headers? follow|Original message:"
    r"|Old message:|Here is a copy of the"
    r"|Below (?:is|this line|the next line)\b.{0,30}(?:copy|original|message)"
    r"|The (?:first \d+ lines|header|headers) of (?:your|the) (?:original )?message"
    r"|A copy of (?:your|the) "
    r"(?:original )?message|Original Message Headers|The (?:original|unsent|returned) message"
    r"(?: (?:follows|is attached|is included|headers?)|:)|Message (?:removed|truncated)))",
    re.I | re.M,
)
_LOST_ID = re.compile(rb"^Message-ID[ \t]*:[ \t]*(?:\r?\n[ \t]+)?(\S[^\r\n]*)", re.I | re.M)
_BARE_ID = re.compile(
    r"^[ \t>|*-]{0,8}(?:original[- ])?message[- ]?id[ \t]*[:=][ \t]*"
    r"([^\s<>@;,]{3,300}@[^\s<>@;,]{1,255})[ \t]*$",
    re.I | re.M,
)
_INLINE_ID = re.compile(
    r"\b(?:original[- ])?message[- ]?id(?:entifier)?(?: (?:is|was))?[ \t]*[:=]?[ \t]*\n?[ \t]*"
    r"(<[^<>\s]{3,300}@[^<>\s]{1,300}>)",
    re.I,
)


def read_original(octets: bytes) -> tuple[OriginalMessage, Headers]:
    """The original from its own octets, of which only the header block is looked at."""
    headers = parse_headers(octets.lstrip(b"\r\n \t"))
    # An mbox line, or a note of the gateway, may stand before the fields.
    if not headers.fields and (found := re.search(rb"^[A-Za-z][\w-]{1,60}:[ \t]", octets, re.M)):
        headers = parse_headers(octets[found.start() :])
    original = original_of(headers)
    if original.message_id is None and (lost := _LOST_ID.search(_header_octets(octets))):
        # Some gateway unfolded a line and left its rest without a blank, which ends a block.
        original = replace(original, message_id=message_id_of(lost[1].decode("latin-1")))
    return original, headers


def _header_octets(octets: bytes) -> bytes:
    """Everything before the first empty line."""
    content = octets.lstrip(b"\r\n \t")
    ends = [at for at in (content.find(b"\n\n"), content.find(b"\n\r\n")) if at >= 0]
    return content[: min(ends)] if ends else content


def original_of(headers: Headers) -> OriginalMessage:
    """A header block as the value that reports carry."""
    kept = tuple((field.key, field.raw) for field in headers.fields[:MAX_HEADERS])
    return OriginalMessage(message_id_of(headers.raw("Message-ID")), kept)


def message_id_of(value: str | None) -> str | None:
    """A Message-ID in brackets, also from servers that wrote it without, or folded inside."""
    if not value or not value.strip():
        return None
    if found := message_ids(value):
        return found[0]
    inner = re.sub(r"\s", "", value.partition("(")[0]).strip("<>")
    return f"<{inner}>" if inner and re.fullmatch(r"[!-;=?-~]{3,990}", inner) else None


def find_inline_id(text: str) -> str | None:
    """A Message-ID that a report tells in its sentences."""
    if found := _INLINE_ID.search(text):
        return found[1]
    bare = _BARE_ID.search(text)
    return message_id_of(bare[1]) if bare else None


def split_pasted(text: str) -> tuple[str, str]:
    """Cut a text into what the server says and the original that it pasted behind it.

    Cuts at a line that announces the original, or at the first run of header fields that is one;
    whichever comes first. A run that comes before anything was said about a recipient is the
    summary that some servers begin with, and stays. Linear in the length of ``text``.
    """
    # A mark before anything was said is a heading of the report itself.
    mark = next((found for found in _MARK.finditer(text) if text[: found.start()].strip()), None)
    run = _header_run(text)
    if mark is not None and (run is None or mark.start() <= run):
        return text[: mark.start()], text[mark.start() :]
    if run is None:
        return text, ""
    return (text[:run], text[run:]) if "@" in text[:run] else (text, text[run:])


def pasted_headers(text: str, *, is_whole: bool = False) -> Headers:
    """The header fields in the pasted part, quoting marks and indentation taken off.

    With ``is_whole`` the text has to begin with them.
    """
    run = _header_run(text)
    if run is None or (is_whole and text[:run].strip()):
        return Headers()
    lines: list[str] = []
    line_of_run = text[run:]
    prefix = re.match(r"[>| \t]*", line_of_run)
    depth = len(prefix[0]) if prefix else 0
    for line in line_of_run.split("\n", 600)[:600]:
        bare = line[depth:] if not line[:depth].strip(">| \t") else line
        if not bare.strip():
            break
        lines.append(bare)
    return parse_headers("\n".join(lines).encode("utf-8", "replace"))


def summarised_headers(text: str) -> Headers:
    """The few fields that some servers tell of an original, behind the line that announces it.

    People's programs write the like above what they forward: to be asked for servers' mails only.
    """
    fields: dict[str, str] = {}
    for line in text.split("\n", MAX_SUMMARY)[1:MAX_SUMMARY]:
        found = _LINE.match(line)
        if found and found[1].lower() in _COMMON:
            fields.setdefault(found[1], found[2].strip())
    if not {"to", "subject"} <= {name.lower() for name in fields}:
        return Headers()
    block = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return parse_headers(block.encode("utf-8", "replace"))


def _header_run(text: str) -> int | None:
    """Where the first run of header fields begins that only a message can have."""
    start = 0
    begun: int | None = None
    names: set[str] = set()
    gap = 0
    for line in text.split("\n"):
        here, start = start, start + len(line) + 1
        field = _LINE.match(line)
        name = field[1].lower() if field else ""
        if (
            name in _TRANSPORT
            or name in _COMMON
            or name.startswith(("x-", "content-", "list-", "arc-"))
            or (name and begun is not None and "-" in name)
        ):
            if begun is None:
                begun = here
            names.add(name)
            gap = 0
            transport = len(names & _TRANSPORT)
            if transport + len(names & _COMMON) >= 3 and (
                transport >= 2
                or (transport and {"from", "to", "subject", "date"} & names)
                or {"from", "date", "subject"} <= names
            ):
                return begun
        elif begun is not None:
            gap += 1
            is_continuation = line[:1] in (" ", "\t", ">", "|") and line.strip(" \t>|")
            if not is_continuation or gap > 40:
                begun, names = None, set()
    return None
