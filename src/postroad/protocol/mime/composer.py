"""A message from its parts: headers, bodies, attachments, as octets ready for a relay.

The serializer is our own: the standard library's takes ninety times as long and breaks
``References`` and ``List-Unsubscribe`` into encoded words. What it promises:

- no line exceeds 998 octets; header lines end at 76 characters unless a single token is longer;
- everything is ASCII, except embedded messages (8bit) and addresses whose local part needs
  UTF-8 (SMTPUTF8);
- nothing a caller gives can add a header field, a recipient or a body part that was not asked
  for: what could is refused, and a boundary never occurs in what it bounds;
- the same draft gives the same octets.

The shape is ``mixed( alternative( text, related( html, inline images ) ), attachments )``, each
level only when there is something for it. RFC 5322, RFC 2045, RFC 2046, RFC 2387.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from postroad.domain.address import Address
from postroad.domain.errors import Invalid
from postroad.domain.quick import quick_dataclass
from postroad.protocol.mime.addresses import format_addresses
from postroad.protocol.mime.bodies import Body, file_body, message_body, text_body
from postroad.protocol.mime.dates import format_date
from postroad.protocol.mime.faults import Faults, tidy_line
from postroad.protocol.mime.fields import REPLACING, format_custom
from postroad.protocol.mime.fold import fold_text, fold_tokens
from postroad.protocol.mime.ids import is_message_id
from postroad.protocol.mime.lines import gather
from postroad.protocol.mime.params import format_parameter, format_parameters, parse_type

OCTET_STREAM = "application/octet-stream"
MAX_TYPE = 512  # characters of a media type with its parameters

_CONTENT_ID = re.compile(r"<?([!-;=?-~]{1,900})>?")
# Parameters that we set ourselves, or that would tell readers to look elsewhere.
_OWN_PARAMETERS = frozenset({"name", "boundary"})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a message."""

    filename: str | None
    content_type: str  # "image/png"; parameters may follow
    disposition: str  # "inline" | "attachment"
    content_id: str | None  # with or without <>; html refers to it as cid:
    data: bytes = field(repr=False)  # decoded


@quick_dataclass(frozen=True, slots=True)
class Draft:
    """What a message is made of. Text is Unicode throughout, nothing is encoded yet."""

    from_: Address | None  # None: a draft that has no From yet
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str | None  # None: no Subject field
    message_id: str  # with <>
    date_ms: int
    in_reply_to: str | None  # with <>
    references: tuple[str, ...]  # each with <>
    headers: tuple[tuple[str, str], ...]  # custom fields in order, see ``fields``
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]


@quick_dataclass(frozen=True, slots=True)
class Composed:
    """A whole message in pieces, CRLF line ends, Bcc included."""

    pieces: list[bytes]  # a small message is one piece; none is longer than 512 KiB
    size: int  # octets
    bcc_start: int  # span of the Bcc field; both 0 when there is none
    bcc_end: int
    eight_bit: bool  # octets above 127 occur. RFC 6152
    smtputf8: bool  # a header field holds UTF-8. RFC 6531


def compose(draft: Draft, *, boundary_seed: str = "") -> Composed:
    """Write the message down.

    Boundaries follow from the message id and ``boundary_seed``. A text that ends without a line
    break gets one where it is the whole body. A ``message/*`` attachment that cannot travel
    unencoded (see :func:`~postroad.protocol.mime.bodies.message_body`) goes as
    ``application/octet-stream``, since such a type must not be encoded. No attachment is copied
    as a whole: beside the source stands only its encoded form.

    Raises :exc:`Invalid` naming every offending member at once.
    """
    faults = Faults()
    head, bcc_start, bcc_end, smtputf8 = _head(draft, faults)
    leaves = _Leaves(draft, faults)
    faults.settle()
    root = leaves.assemble(_boundary(f"{boundary_seed}{draft.message_id}", leaves.bare()))
    pieces = gather(_whole(head, root))
    return Composed(
        pieces=pieces,
        size=sum(map(len, pieces)),
        bcc_start=bcc_start,
        bcc_end=bcc_end,
        eight_bit=root.is_eight_bit or smtputf8,
        smtputf8=smtputf8,
    )


def tidy_attachment(attachment: Attachment) -> Attachment:
    """Make a file from a stranger's message fit to be written again; nobody could mend its names.

    Line breaks and the like in the name become blanks, an unusable media type becomes
    ``application/octet-stream``, an unusable content id is dropped.
    """
    parsed = parse_type(attachment.content_type)
    is_usable = parsed is not None and not parsed[0].startswith("multipart/")
    is_usable = is_usable and len(attachment.content_type) <= MAX_TYPE
    content_id = (attachment.content_id or "").strip()
    return replace(
        attachment,
        filename=tidy_line(attachment.filename or "").strip() or None,
        content_type=tidy_line(attachment.content_type) if is_usable else OCTET_STREAM,
        disposition="inline" if attachment.disposition == "inline" else "attachment",
        content_id=content_id if _CONTENT_ID.fullmatch(content_id) else None,
    )


def _head(draft: Draft, faults: Faults) -> tuple[bytes, int, int, bool]:
    """The fields of the message itself, with the span of Bcc and whether UTF-8 is in them."""
    custom, smtputf8 = format_custom(draft.headers, faults)
    replaced = {name.lower() for name, _ in draft.headers} & REPLACING
    out: list[str] = []
    bcc_at = -1
    for name, key, given in (
        ("From", "from", () if draft.from_ is None else (draft.from_,)),
        ("Reply-To", "replyTo", draft.reply_to),
        ("To", "to", draft.to),
        ("Cc", "cc", draft.cc),
        ("Bcc", "bcc", draft.bcc),
    ):
        if not given:
            continue
        if name == "Bcc":
            bcc_at = len(out)
        elif name == "Reply-To" and "reply-to" in replaced:
            faults.add("headers", "Reply-To is given twice; use the member replyTo")
        line, is_utf8 = format_addresses(name, given, key=key, faults=faults)
        smtputf8 = smtputf8 or is_utf8
        out.append(line)
    if draft.subject is not None and faults.is_line("subject", draft.subject, "subject"):
        out.append(fold_text("Subject", draft.subject))
    out.extend(_identity(draft, replaced, faults))
    out.extend(custom)
    out.append("MIME-Version: 1.0\r\n")
    if bcc_at < 0 or not smtputf8:
        start = 0 if bcc_at < 0 else sum(map(len, out[:bcc_at]))
        end = 0 if bcc_at < 0 else start + len(out[bcc_at])
    else:
        start = len("".join(out[:bcc_at]).encode())
        end = start + len(out[bcc_at].encode())
    return "".join(out).encode(errors="replace"), start, end, smtputf8


def _identity(draft: Draft, replaced: set[str], faults: Faults) -> Iterator[str]:
    """Message-ID, Date and the fields of a thread; ids are never encoded or broken."""
    if is_message_id(draft.message_id):
        yield fold_tokens("Message-ID", [draft.message_id])
    else:
        faults.add("messageId", "messageId must be <id> in printable ASCII without blanks")
    if "date" not in replaced:
        try:
            yield f"Date: {format_date(draft.date_ms)}\r\n"
        except Invalid as refused:
            for problem in refused.fields:
                faults.add(problem.key, problem.message)
    if draft.in_reply_to is not None and "in-reply-to" not in replaced:
        if is_message_id(draft.in_reply_to):
            yield fold_tokens("In-Reply-To", [draft.in_reply_to])
        else:
            faults.add("inReplyTo", "In-Reply-To must be <id> in printable ASCII without blanks")
    if draft.references and "references" not in replaced:
        if all(map(is_message_id, draft.references)):
            yield fold_tokens("References", draft.references)
        else:
            faults.add("references", "References must be <ids> in printable ASCII without blanks")


@quick_dataclass(frozen=True, slots=True)
class _Node:
    """A body part: its Content-* fields, and its body without a final CRLF."""

    head: str
    body: list[bytes]
    is_eight_bit: bool
    bare: bytes | None = None


class _Leaves:
    """The parts of a draft that hold content, before anything is wrapped around them."""

    __slots__ = ("_attached", "_html", "_related", "_text")

    def __init__(self, draft: Draft, faults: Faults) -> None:
        has_text = draft.text is not None or (draft.html is None and not draft.attachments)
        self._text = _text_leaf("plain", draft.text or "", "text", faults) if has_text else None
        self._html = (
            _text_leaf("html", draft.html, "html", faults) if draft.html is not None else None
        )
        self._related: list[_Node] = []
        self._attached: list[_Node] = []
        for attachment in draft.attachments:
            leaf = _attachment_leaf(attachment, faults)
            is_related = draft.html is not None and _belongs_to(attachment, draft.html)
            (self._related if is_related else self._attached).append(leaf)

    def bare(self) -> Iterator[bytes]:
        """Sources in which a boundary could occur by chance or malice."""
        for leaf in (self._text, self._html, *self._related, *self._attached):
            if leaf is not None and leaf.bare is not None:
                yield leaf.bare

    def assemble(self, boundary: str) -> _Node:
        """Wrap the leaves. The three levels' boundaries are no prefixes of each other."""
        html = self._html
        if html is not None and self._related:
            kind = 'related;\r\n type="text/html"'
            html = _multipart(kind, [html, *self._related], f"{boundary}r")
        bodies = [node for node in (self._text, html) if node is not None]
        if len(bodies) == 2:
            bodies = [_multipart("alternative", bodies, f"{boundary}a")]
        if self._attached:
            return _multipart("mixed", [*bodies, *self._attached], f"{boundary}m")
        return bodies[0]


def _whole(head: bytes, root: _Node) -> Iterator[bytes]:
    yield head
    yield root.head.encode()
    yield b"\r\n"
    yield from root.body
    if not root.body or not root.body[-1].endswith(b"\r\n"):
        yield b"\r\n"


def _text_leaf(subtype: str, text: str, key: str, faults: Faults) -> _Node:
    body = text_body(text if faults.is_text(key, text, key) else "")
    return _leaf(f"Content-Type: text/{subtype}; charset=utf-8\r\n", body)


def _attachment_leaf(attachment: Attachment, faults: Faults) -> _Node:
    """One file with its Content-Type, Content-Disposition and Content-ID."""
    kind, parameters = _media_type(attachment, faults)
    body = None
    if kind.startswith("message/"):
        body = message_body(attachment.data)
        if body is None:
            kind, parameters = OCTET_STREAM, []
    if attachment.disposition not in ("inline", "attachment"):
        faults.add("contentDisposition", "contentDisposition must be inline or attachment")
    filename = attachment.filename or ""
    if not faults.is_line("filename", filename, "filename"):
        filename = ""
    named = format_parameter("name", filename) if filename else []
    also = format_parameter("filename", filename) if filename else []
    given = [piece for name, value in parameters for piece in format_parameter(name, value)]
    head = format_parameters(f"Content-Type: {kind}", [*given, *named])
    head += format_parameters(f"Content-Disposition: {attachment.disposition}", also)
    if attachment.content_id:
        match = _CONTENT_ID.fullmatch(attachment.content_id)
        if match is None:
            faults.add("cid", "cid must be printable ASCII without blanks or angle brackets")
        else:
            head += f"Content-ID: <{match[1]}>\r\n"
    return _leaf(head, body if body is not None else file_body(attachment.data))


def _media_type(attachment: Attachment, faults: Faults) -> tuple[str, list[tuple[str, str]]]:
    given = attachment.content_type or OCTET_STREAM
    is_line = len(given) <= MAX_TYPE and faults.is_line("contentType", given, "contentType")
    parsed = parse_type(given) if is_line else None
    if parsed is None:
        faults.add("contentType", "contentType must be type/subtype")
        return OCTET_STREAM, []
    kind, parameters = parsed
    if kind.startswith("multipart/"):
        faults.add("contentType", "an attachment cannot be multipart")
    return kind, [(name, value) for name, value in parameters if name not in _OWN_PARAMETERS]


def _belongs_to(attachment: Attachment, html: str) -> bool:
    """Whether a file is a part of the html rather than something beside it."""
    content_id = (attachment.content_id or "").strip("<>")
    return bool(content_id) and (attachment.disposition == "inline" or f"cid:{content_id}" in html)


def _leaf(head: str, body: Body) -> _Node:
    head = f"{head}Content-Transfer-Encoding: {body.encoding}\r\n"
    return _Node(head, body.pieces, body.encoding == "8bit", body.bare)


def _multipart(kind: str, children: Sequence[_Node], boundary: str) -> _Node:
    body: list[bytes] = []
    lead = f"--{boundary}\r\n"
    for child in children:
        body.append(f"{lead}{child.head}\r\n".encode())
        body.extend(child.body)
        lead = f"\r\n--{boundary}\r\n"
    body.append(f"\r\n--{boundary}--\r\n".encode())
    is_eight_bit = any(child.is_eight_bit for child in children)
    head = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n'
    if is_eight_bit:  # a multipart is at least what its parts are. RFC 2045 §6.4
        head += "Content-Transfer-Encoding: 8bit\r\n"
    return _Node(head, body, is_eight_bit)


def _boundary(seed: str, bare: Iterator[bytes]) -> str:
    """A boundary that occurs in no unencoded body; ``=_`` cannot occur in the encoded ones.

    It follows from the message id, which an attacker may know, hence the search.
    """
    texts = list(bare)
    attempt = 0
    while True:
        digest = blake2b(f"{attempt}:{seed}".encode(errors="replace"), digest_size=12)
        boundary = f"=_{digest.hexdigest()}-"
        octets = boundary.encode()
        if not any(octets in text for text in texts):
            return boundary
        attempt += 1
