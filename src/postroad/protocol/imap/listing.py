"""LIST, XLIST, LSUB and NAMESPACE responses. RFC 9051 §7.3, RFC 2342, RFC 6154."""

from __future__ import annotations

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
    is_utf8: bool = False  # the name is plain UTF-8, "&" is itself. RFC 6855 §3, RFC 9051 §5.1

    @property
    def path(self) -> str:
        """The decoded name; INBOX in capitals however it came. RFC 9051 §5.1."""
        return path_of(self.wire_name, is_utf8=self.is_utf8)

    def has(self, attribute: str) -> bool:
        """Whether the attribute is there, in any case."""
        return any(attribute.lower() == own.lower() for own in self.attributes)


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


def path_of(wire_name: bytes, *, is_utf8: bool = False) -> str:
    """What people call a mailbox; INBOX in capitals however it came. Never fails."""
    name = wire_name.decode("utf-8", "replace") if is_utf8 else utf7.decode_leniently(wire_name)
    return "INBOX" if name.upper() == "INBOX" else name


def mailbox_list(c: Cursor, command: str, *, is_utf8: bool = False) -> ListEntry:
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
        is_utf8,
    )


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
