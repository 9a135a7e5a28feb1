"""The parts of a mail that may be a report, found in well-formed and in damaged MIME.

Unlike :mod:`postroad.protocol.mime.structure` this repairs: a boundary that is not the declared
one, or a multipart body under a head that says nothing of it, as gateways and forwarding scripts
leave behind. Messages inside the message are leaves and never opened here, so a bounce that a
person forwards as an attachment stays an attachment.

Bounded: at most :data:`MAX_DEPTH` levels and :data:`MAX_PARTS` leaves, and of each leaf at most
:data:`MAX_OCTETS` are decoded; boundaries are searched once per level.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

import pybase64

from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.headers import Headers, split_fields
from postroad.protocol.report.undeclared import read_undeclared

MAX_DEPTH = 6
MAX_PARTS = 60
MAX_HEAD = 256 * 1024  # octets of a header block that are looked at
MAX_OCTETS = 1024 * 1024  # octets of a leaf, encoded
MAX_TEXT = 96 * 1024  # octets of a text leaf, encoded: reports say what they have to at once
MAX_BROKEN = 20  # lines in a header block that are no fields, and are skipped
MAX_GUESS = 64 * 1024  # octets in which a lost boundary is looked for

_TYPE = re.compile(r"\s*([\w!#$&.+^-]+/[\w!#$&.+^-]+)")
_PARAM = re.compile(r';\s*([\w-]+)\*?\s*=\s*(?:"((?:[^"\\]|\\.){0,300})"?|([^\s;]{1,300}))')
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_DELIMITER = re.compile(rb"(?:\A|\n)--([^\s-][^\r\n]{0,80}|-{1,20}[^\s-][^\r\n]{0,80})\r?\n")
_PART_HEAD = re.compile(rb"(?:\r?\n)?Content-(?:Type|Description|Disposition|Transfer)", re.I)
_SOFT_BREAK = re.compile(r"=\r?\n")
_QP_EQUALS = re.compile(r"=3D|=20\r?\n|=[C-F][0-9A-F]=[89AB][0-9A-F]")
_JIS = re.compile(rb"\x1b\$[@B]")
_EMPTY = Headers()


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf: no parts of its own."""

    content_type: str  # lower case
    charset: str  # as written; empty when not told
    encoding: str  # lower case
    is_attachment: bool
    parent: str  # content type of the multipart around it; empty for the root
    report_type: str  # of the multipart/report around it, lower case
    start: int
    end: int

    def octets(self, message: bytes, limit: int = MAX_OCTETS) -> bytes:
        """The decoded content, of at most ``limit`` encoded octets."""
        content = message[self.start : min(self.end, self.start + limit)]
        if self.encoding == "base64":
            clean = _NOT_BASE64.sub(b"", content)
            clean = clean[: len(clean) - (len(clean) % 4 == 1)]
            return pybase64.b64decode(clean + b"=" * (-len(clean) % 4))
        return a2b_qp(content) if self.encoding == "quoted-printable" else content

    def text(self, message: bytes, limit: int = MAX_TEXT) -> str:
        """The content as text with LF line ends, transfer encoding and charset undone.

        Quoted-printable that no head announces is undone too: forwarding loses such fields.
        """
        octets = self.octets(message, limit)
        charset = self.charset or "utf-8"
        if _JIS.search(octets):
            charset = "iso-2022-jp"
        text = read_undeclared(octets, self.charset) or decode_octets(octets, charset)
        if "\ufffd" in text and not self.charset:
            text = decode_octets(octets, "iso-8859-1")
        if self.encoding not in ("quoted-printable", "base64") and _is_bare_qp(text):
            text = decode_octets(a2b_qp(text.encode("utf-8", "replace")), charset)
        return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", " ")


def _is_bare_qp(text: str) -> bool:
    return bool(_SOFT_BREAK.search(text) and _QP_EQUALS.search(text))


def split_message(message: bytes) -> tuple[Headers, int]:
    """The message's own header fields, and where its body begins.

    Of a header block beyond :data:`MAX_HEAD` the rest is skipped.
    """
    # Tools that save mails put blank lines before the first field; split_fields would stop there.
    start = len(message[:MAX_HEAD]) - len(message[:MAX_HEAD].lstrip(b" \t\r\n"))
    head = message[start:MAX_HEAD]
    fields, body = split_fields(head)
    for _ in range(MAX_BROKEN):
        # A line that was folded without a blank ends the block for strict readers; more fields
        # right behind it say that it was meant to go on.
        line = head.find(b"\n", body) + 1
        if head[:body].endswith((b"\n\n", b"\n\r\n")) or not line:
            break
        more, size = split_fields(head[line:])
        if len(more) < 2 or not head[body:line].strip():
            break
        fields += more
        body = line + size
    body += start
    if body >= MAX_HEAD:
        ends = [at for at in (message.find(b"\n\n"), message.find(b"\n\r\n")) if at >= 0]
        body = min(ends) + 2 if ends else len(message)
    return Headers(tuple(fields)), body


def parts_of(message: bytes, headers: Headers, body: int, *, may_repair: bool) -> list[Part]:
    """All leaves in their order.

    ``may_repair`` lets a body under a plain head be read as multipart when it looks like one. It
    must be false for what people write: they paste whole reports.
    """
    found = []
    for part in _walk(message, headers, body, len(message), "", "", 0, may_repair):
        found.append(part)
        if len(found) == MAX_PARTS:
            break
    return found


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """A Content-Type field as type and parameters, names in lower case. RFC 2045 §5.1."""
    found = _TYPE.match(value)
    if found is None:
        return "", {}
    params: dict[str, str] = {}
    for name, quoted, bare in _PARAM.findall(value[found.end() :][:4000]):
        params.setdefault(name.lower(), (quoted or bare).replace('\\"', '"'))
    return found[1].lower(), params


def _walk(
    message: bytes,
    headers: Headers,
    start: int,
    end: int,
    parent: str,
    report_type: str,
    depth: int,
    may_repair: bool,
) -> Iterator[Part]:
    content_type, params = parameters(headers.raw("Content-Type") or "")
    content_type = content_type or "text/plain"
    spans: list[tuple[int, int]] = []
    if depth < MAX_DEPTH:
        if content_type.startswith("multipart/"):
            boundary = params.get("boundary", "").rstrip().encode("utf-8", "replace")
            spans = _cut(message, start, end, boundary) if boundary else []
        if not spans and (may_repair or content_type.startswith("multipart/")):
            guessed = _guess(message, start, end, is_sure=content_type.startswith("multipart/"))
            spans = _cut(message, start, end, guessed) if guessed else []
            if spans and not content_type.startswith("multipart/"):
                content_type = "multipart/mixed"
    if not spans:
        yield Part(
            content_type=content_type,
            charset=params.get("charset", "").strip(),
            encoding=(headers.raw("Content-Transfer-Encoding") or "").strip().lower(),
            is_attachment=(headers.raw("Content-Disposition") or "").lower().startswith("att"),
            parent=parent,
            report_type=report_type,
            start=start,
            end=end,
        )
        return
    if content_type == "multipart/report":
        report_type = params.get("report-type", "").lower()
    for child_start, child_end in spans:
        fields, size = split_fields(message[child_start : min(child_end, child_start + MAX_HEAD)])
        head = Headers(tuple(fields)) if fields else _EMPTY
        yield from _walk(
            message,
            head,
            child_start + size,
            child_end,
            content_type,
            report_type,
            depth + 1,
            False,
        )


def _cut(message: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """The spans between the delimiter lines. RFC 2046 §5.1.1."""
    delimiter = b"--" + boundary
    spans: list[tuple[int, int]] = []
    content: int | None = None
    at = message.find(delimiter, start, end)
    while at >= 0 and len(spans) <= MAX_PARTS:
        after = at + len(delimiter)
        if at == start or message[at - 1 : at] == b"\n":
            tail = message[after : after + 1]
            is_last = message.startswith(b"--", after, end)
            if is_last or tail in (b"\r", b"\n", b" ", b"\t", b""):
                if content is not None:
                    spans.append((content, max(content, _before_break(message, at))))
                    content = None
                if is_last:
                    return spans
                line = message.find(b"\n", after, end)
                content = line + 1 if line >= 0 else end
        at = message.find(delimiter, after, end)
    if content is not None:
        spans.append((content, end))
    return spans


def _before_break(message: bytes, at: int) -> int:
    """The line break before a delimiter belongs to it."""
    if message[at - 2 : at] == b"\r\n":
        return at - 2
    return at - 1 if message[at - 1 : at] == b"\n" else at


def _guess(message: bytes, start: int, end: int, *, is_sure: bool) -> bytes | None:
    """A boundary by its look: a delimiter line with a part's head right behind it."""
    window = message[start : min(end, start + MAX_GUESS)]
    for found in _DELIMITER.finditer(window):
        candidate = found[1].rstrip()
        declared = window.rfind(candidate, 0, found.start(1))
        if (
            declared >= 0
            and window[max(0, declared - 24) : declared].lower().find(b"boundary=") >= 0
        ):
            return None  # the delimiter of a multipart that was pasted as text
        if _PART_HEAD.match(window, found.end()) and (
            is_sure or window.find(b"\n--" + candidate, found.end()) >= 0
        ):
            return candidate
    return None
