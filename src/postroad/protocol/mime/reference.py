"""What a reply or a forward takes from the message it refers to. Contract §6.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postroad.domain.address import Address, unique_addresses
from postroad.domain.errors import Invalid
from postroad.domain.submission import ReferenceAction
from postroad.protocol.mime.addresses import wire_address
from postroad.protocol.mime.headers import Headers, message_ids


@dataclass(frozen=True, slots=True)
class OwnFields:
    """What the caller gave by itself; it wins or is added to, per field."""

    subject: str | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Referred:
    """The fields of the new message."""

    subject: str | None  # None when neither side has one
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    in_reply_to: str | None
    references: tuple[str, ...]


def refer(original: Headers, action: ReferenceAction, own: OwnFields, sender: Address) -> Referred:
    """Derive subject, recipients and thread fields. B-114 to B-119.

    The original's own Message-ID leads ``references``, as the contract has it, although RFC 5322
    §3.6.4 would put it last; readers take the list as a set. Ids and addresses of the original
    that could not be written again are left out: nobody could mend them. A forward invents no
    recipients; Bcc of the original is never used.
    """
    own_id = next(iter(message_ids(original.raw("message-id") or "")), None)
    is_reply = action is not ReferenceAction.FORWARD
    to, cc = own.to, own.cc
    if action is ReferenceAction.REPLY_ALL:
        to, cc = _everyone(original, own, sender)
    elif is_reply and not to:
        to = tuple(unique_addresses(_author(original)))
    return Referred(
        subject=own.subject or _subject(original, "Re:" if is_reply else "Fwd:"),
        to=to,
        cc=cc,
        bcc=own.bcc,
        in_reply_to=own_id if is_reply else None,
        references=_references(original, own_id),
    )


def _author(original: Headers) -> list[Address]:
    return _writable(original, "reply-to") or _writable(original, "from")


def _everyone(
    original: Headers, own: OwnFields, sender: Address
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """Whoever took part, once each and without the sender; To comes before Cc."""
    to: Sequence[Address] = [*_author(original), *_writable(original, "to"), *own.to]
    cc: Sequence[Address] = [*_writable(original, "cc"), *own.cc]
    chosen = unique_addresses(to, but=(sender,))
    return tuple(chosen), tuple(unique_addresses(cc, but=(sender, *chosen)))


def _writable(original: Headers, name: str) -> list[Address]:
    found = []
    for address in original.addresses(name):
        try:
            wire_address(address.address)
        except Invalid:
            continue
        found.append(address)
    return found


def _subject(original: Headers, prefix: str) -> str | None:
    subject = (original.get("subject") or "").strip()
    if not subject or subject.lower().startswith(prefix.lower()):
        return subject or None
    return f"{prefix} {subject}"


def _references(original: Headers, own_id: str | None) -> tuple[str, ...]:
    ids: Iterable[str] = (
        *([own_id] if own_id is not None else []),
        *message_ids(original.raw("in-reply-to") or ""),
        *message_ids(original.raw("references") or ""),
    )
    return tuple(dict.fromkeys(ids))
