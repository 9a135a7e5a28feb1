"""The numbers under which message ids name mailboxes. Contract B-035."""

from __future__ import annotations

from postroad.domain.errors import Unavailable
from postroad.domain.mailbox import MailboxNumber
from postroad.store.backend import Session

_TRIES = 10  # against other processes that number mailboxes of the same account


class Mailboxes:
    """The ``mailbox_number`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def number(self, account: str, path: str, uidvalidity: str) -> int:
        """The number of this life of a mailbox, given out now if it is met for the first time.

        Numbers count up from 1 per account and die with it. Raises :exc:`Conflict` for an
        unknown account.
        """
        for _ in range(_TRIES):
            row = await self._session.maybe(
                "find_mailbox_number", account=account, path=path, uidvalidity=uidvalidity
            )
            if row is None:
                row = await self._session.maybe(
                    "give_mailbox_number", account=account, path=path, uidvalidity=uidvalidity
                )
            if row is not None:
                number: int = row[0]
                return number
        raise Unavailable("The mailbox could not be numbered just now")

    async def find(self, account: str, number: int) -> MailboxNumber | None:
        row = await self._session.maybe("find_mailbox", account=account, number=number)
        return MailboxNumber(*row) if row is not None else None
