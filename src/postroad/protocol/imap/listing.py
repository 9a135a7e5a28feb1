"""LIST, XLIST, LSUB, STATUS and NAMESPACE responses. RFC 9051 §7.3, RFC 2342, RFC 6154."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap import utf7
from postroad.protocol.imap.cursor import Cursor


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One line of LIST, XLIST or LSUB."""

    command: str  # LIST | XLIST | LSUB
    attributes: tuple[str, ...]
    delimiter: str | None  # None: a flat namespace
    wire_name: bytes  # as the server spelled it, and as it wants to hear it

    @property
    def path(self) -> str:
        """The decoded name; INBOX in capitals however it came. RFC 9051 §5.1."""
        name = utf7.decode_leniently(self.wire_name)
        return "INBOX" if name.upper() == "INBOX" else name

    def has(self, attribute: str) -> bool:
        """Whether the attribute is there, in any case."""
        return any(attribute.lower() == own.lower() for own in self.attributes)


@dataclass(frozen=True, slots=True)
class MailboxCounts:
    """A STATUS response: names in capitals, MESSAGES, UIDNEXT, UIDVALIDITY ..."""

    wire_name: bytes
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class NamespacePart:
    prefix: str  # decoded
    delimiter: str | None


@dataclass(frozen=True, slots=True)
class Namespace:
    """Where mailboxes of one's own, of others and of all are found. RFC 2342 §5."""

    personal: tuple[NamespacePart, ...] = ()
    others: tuple[NamespacePart, ...] = ()
    shared: tuple[NamespacePart, ...] = ()


def mailbox_list(c: Cursor, command: str) -> ListEntry:
    """Read what follows the word LIST.

    ::

        mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox

    Extended items behind the name (RFC 5258) are passed over.
    """
    attributes = c.flag_list()
    c.space()
    delimiter = c.nstring()
    c.space()
    # Names with spaces come unquoted from some servers, but only the last token may be one.
    wire_name = c.astring()
    if not c.at_end and not c.looking_at(b" ("):
        wire_name += c.rest()
    return ListEntry(
        command,
        attributes,
        delimiter.decode("utf-8", "replace") if delimiter else None,
        wire_name,
    )


def mailbox_status(c: Cursor) -> MailboxCounts:
    """Read what follows the word STATUS; items that are not numbers are left out."""
    wire_name = c.astring()
    c.space()
    items = c.value()
    if items is None:
        items = ()
    if not isinstance(items, tuple) or len(items) % 2:
        raise RemoteProtocolError("expected pairs in STATUS")
    counts: dict[str, int] = {}
    for name, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(name, bytes) and isinstance(value, bytes) and value.isdigit():
            counts[name.decode("ascii", "replace").upper()] = Cursor(value).number()
    return MailboxCounts(wire_name, counts)


def namespace_response(c: Cursor) -> Namespace:
    """Read what follows the word NAMESPACE: three lists or NILs. RFC 9051 §7.3.5."""
    return Namespace(_namespace(c), _namespace(c), _namespace(c))


def _namespace(c: Cursor) -> tuple[NamespacePart, ...]:
    if c.at_end:
        return ()
    value = c.value()
    if value is None:
        return ()
    if not isinstance(value, tuple):
        raise RemoteProtocolError("expected a list in NAMESPACE")
    parts: list[NamespacePart] = []
    for entry in value:
        match entry:
            case (prefix, delimiter, *_) if not isinstance(prefix, tuple) and not isinstance(
                delimiter, tuple
            ):
                parts.append(
                    NamespacePart(
                        utf7.decode_leniently(prefix or b""),
                        delimiter.decode("utf-8", "replace") if delimiter else None,
                    )
                )
            case _:
                raise RemoteProtocolError("expected a prefix and a delimiter in NAMESPACE")
    return tuple(parts)
