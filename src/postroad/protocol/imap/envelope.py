"""The ENVELOPE data item. RFC 9051 §7.5.2."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.errors import RemoteProtocolError
from postroad.domain.quick import quick_dataclass
from postroad.protocol.imap.cursor import Value


@dataclass(frozen=True, slots=True)
class ImapAddress:
    """One address structure; octets are raw, still RFC 2047 encoded.

    A group (RFC 5322 §3.4) arrives as markers whose ``host`` is ``None`` and is kept as sent.
    """

    name: bytes | None
    mailbox: bytes | None
    host: bytes | None


@quick_dataclass(frozen=True, slots=True)
class ImapEnvelope:
    """Header fields as the server parsed them; raw octets, ``None`` when absent."""

    date: bytes | None
    subject: bytes | None
    from_: tuple[ImapAddress, ...]
    sender: tuple[ImapAddress, ...]
    reply_to: tuple[ImapAddress, ...]
    to: tuple[ImapAddress, ...]
    cc: tuple[ImapAddress, ...]
    bcc: tuple[ImapAddress, ...]
    in_reply_to: bytes | None
    message_id: bytes | None


def envelope(value: Value) -> ImapEnvelope:
    """Read an envelope from a parsed value.

    ::

        envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP
                   env-to SP env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"

    Fields missing at the end count as NIL. Raises :exc:`RemoteProtocolError`.
    """
    if not isinstance(value, tuple):
        raise RemoteProtocolError("expected a list as ENVELOPE")
    fields = (*value, *[None] * (10 - len(value)))
    return ImapEnvelope(
        date=_text(fields[0]),
        subject=_text(fields[1]),
        from_=address_list(fields[2]),
        sender=address_list(fields[3]),
        reply_to=address_list(fields[4]),
        to=address_list(fields[5]),
        cc=address_list(fields[6]),
        bcc=address_list(fields[7]),
        in_reply_to=_text(fields[8]),
        message_id=_text(fields[9]),
    )


def address_list(value: Value) -> tuple[ImapAddress, ...]:
    """Read one address field of ENVELOPE.

    ::

        env-from = "(" 1*address ")" / nil
        address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"

    Accepts ``()`` and the empty string for NIL, as some servers send. The source route
    (``addr-adl``) is dropped: nothing uses it. Raises :exc:`RemoteProtocolError`.
    """
    if value is None or value == b"":
        return ()
    if not isinstance(value, tuple):
        raise RemoteProtocolError("expected a list of addresses")
    addresses: list[ImapAddress] = []
    for entry in value:
        match entry:
            case (name, _, mailbox, host, *_):
                addresses.append(ImapAddress(_text(name), _text(mailbox), _text(host)))
            case _:
                raise RemoteProtocolError("expected four fields of an address")
    return tuple(addresses)


def _text(value: Value) -> bytes | None:
    if isinstance(value, tuple):
        raise RemoteProtocolError("expected a string, got a list")
    return value
