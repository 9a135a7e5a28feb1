"""A mailbox inside this program, behind the same interface as one on a mail server.

It always has the same five mailboxes. Messages are rows with content of their own; UIDs count up
per mailbox and are never reused, and message ids are packed as for IMAP, so nothing above can
tell the difference. A mailbox keeps its newest :data:`~postroad.store.sandbox.MAX_MESSAGES`
messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from postroad.domain.account import Account
from postroad.domain.errors import NotFound, TooLarge
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.message import Appended, PartContent, PartInfo, ReferencedMessage
from postroad.domain.message_id import pack_message, unpack_message
from postroad.engine.providers.base import Octets, Traits
from postroad.protocol.mime.headers import message_ids, parse_headers
from postroad.protocol.mime.structure import Leaf, decoded, header_block, leaves
from postroad.store import Store, Tx
from postroad.store.sandbox import SandboxMessage

MAILBOXES = tuple(
    Mailbox(path=path, delimiter="/", special_use=use, special_use_source="extension")
    for path, use in (
        ("INBOX", SpecialUse.INBOX),
        ("Drafts", SpecialUse.DRAFTS),
        ("Junk", SpecialUse.JUNK),
        ("Sent", SpecialUse.SENT),
        ("Trash", SpecialUse.TRASH),
    )
)
_PATHS = frozenset(mailbox.path for mailbox in MAILBOXES)
_MAX_HEADERS = 256 * 1024  # octets searched for the Message-ID of a message that is filed


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of a mailbox, as a list shows it."""

    message: str  # message id in the account
    received_at: int  # epoch ms
    flags: tuple[str, ...]
    size: int  # octets
    headers: bytes  # header block, CRLF


class SandboxProvider:
    """The way into one sandbox account. Holds nothing open and needs no closing."""

    def __init__(self, account: Account, *, store: Store) -> None:
        self._account = account.account
        # An account deleted and made again is another life of its mailboxes.
        self._uidvalidity = str(account.created_at)
        self._store = store

    @property
    def traits(self) -> Traits:
        return Traits()

    async def mailboxes(self) -> Sequence[Mailbox]:
        return MAILBOXES

    async def find_mailbox(self, use: SpecialUse) -> Mailbox | None:
        return next((mailbox for mailbox in MAILBOXES if mailbox.special_use is use), None)

    async def append(
        self, path: str, content: Octets, *, flags: Sequence[str], date_ms: int | None = None
    ) -> Appended:
        path = _checked(path)
        start = bytearray()
        reading = content.open()

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in reading:
                start.extend(piece[: _MAX_HEADERS - len(start)])
                yield piece

        staged = await self._store.stage(pieces(), bcc_start=0, bcc_end=0)
        written = parse_headers(header_block(bytes(start))).raw("Message-ID") or ""
        message_id = next(iter(message_ids(written)), "")

        async def unit(tx: Tx) -> str:
            if not await tx.sandbox.has_account(self._account):
                raise NotFound("Account record was not found for requested ID")
            uid = await tx.sandbox.put(
                self._account,
                path,
                message_id=message_id,
                content=await tx.contents.insert(staged),
                flags=tuple(flags),
                received_at=date_ms,
            )
            number = await tx.mailboxes.number(self._account, path, self._uidvalidity)
            return pack_message(number, uid)

        return Appended(path, await self._store.write(unit))

    async def find_by_message_id(self, path: str, message_id: str) -> str | None:
        path = _checked(path)

        async def unit(tx: Tx) -> int | None:
            return await tx.sandbox.find_by_message_id(self._account, path, message_id)

        uid = await self._store.read(unit)
        return None if uid is None else pack_message(await self._number(path), uid)

    async def read_reference(self, message: str) -> ReferencedMessage:
        found = await self._get(message)
        octets = await self._octets(found)
        parts = await asyncio.to_thread(leaves, octets)
        return ReferencedMessage(
            message=message,
            headers=header_block(octets),
            flags=found.flags,
            parts=tuple(_info(leaf) for leaf in parts if not leaf.is_body),
        )

    async def read_part(self, message: str, part: str, *, max_bytes: int) -> PartContent:
        octets = await self._octets(await self._get(message))
        leaf = next((leaf for leaf in leaves(octets) if leaf.number == part), None)
        if leaf is None:
            raise NotFound("Requested part was not found", code="MessageNotFound")
        if leaf.encoded_size > max_bytes:
            raise TooLarge(f"The part has {leaf.encoded_size} octets; {max_bytes} are allowed")
        return PartContent(_info(leaf), await asyncio.to_thread(decoded, octets, leaf))

    async def add_flags(self, message: str, flags: Sequence[str]) -> None:
        path, uid = await self._place(message)

        async def unit(tx: Tx) -> None:
            found = await tx.sandbox.find(self._account, path, uid)
            if found is None:
                raise _no_message()
            # Flags are compared without case (RFC 9051 §2.3.2) and kept as first written.
            known = {flag.lower() for flag in found.flags}
            added = tuple(dict.fromkeys(flag for flag in flags if flag.lower() not in known))
            if added:
                await tx.sandbox.set_flags(self._account, path, uid, found.flags + added)

        await self._store.write(unit)

    async def newest(self, path: str, *, limit: int) -> list[Listed]:
        """The newest messages of a mailbox, newest first. Raises :exc:`NotFound`."""
        path = _checked(path)

        async def unit(tx: Tx) -> list[SandboxMessage]:
            return await tx.sandbox.list(self._account, path, limit=limit)

        number = await self._number(path)
        return [
            Listed(
                message=pack_message(number, found.uid),
                received_at=found.received_at,
                flags=found.flags,
                size=found.content.size,
                headers=header_block(await self._octets(found)),
            )
            for found in await self._store.read(unit)
        ]

    async def _get(self, message: str) -> SandboxMessage:
        path, uid = await self._place(message)

        async def unit(tx: Tx) -> SandboxMessage | None:
            return await tx.sandbox.find(self._account, path, uid)

        found = await self._store.read(unit)
        if found is None:
            raise _no_message()
        return found

    async def _place(self, message: str) -> tuple[str, int]:
        """The mailbox and UID that a message id names."""
        key = unpack_message(message)
        if key is None:
            raise _no_message()

        async def unit(tx: Tx) -> str | None:
            found = await tx.mailboxes.find(self._account, key.mailbox)
            alive = found is not None and found.uidvalidity == self._uidvalidity
            return found.path if found is not None and alive else None

        path = await self._store.read(unit)
        if path is None:
            raise _no_message()
        return path, key.uid

    async def _number(self, path: str) -> int:
        async def unit(tx: Tx) -> int:
            return await tx.mailboxes.number(self._account, path, self._uidvalidity)

        return await self._store.write(unit)

    async def _octets(self, found: SandboxMessage) -> bytes:
        pieces = [piece async for piece in self._store.open_content(found.content, skip_bcc=False)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _checked(path: str) -> str:
    if path.upper() == "INBOX":  # the one name without case. RFC 9051 §5.1
        return "INBOX"
    if path not in _PATHS:
        raise NotFound("Requested folder was not found", code="FolderNotFound")
    return path


def _no_message() -> NotFound:
    return NotFound("Requested message was not found", code="MessageNotFound")


def _info(leaf: Leaf) -> PartInfo:
    is_known = leaf.disposition in ("inline", "attachment")
    return PartInfo(
        part=leaf.number,
        content_type=leaf.content_type,
        filename=leaf.filename,
        disposition=leaf.disposition if is_known else None,
        content_id=leaf.content_id,
        encoded_size=leaf.encoded_size,
    )
