"""Mailbox numbers of one account, kept in memory."""

from __future__ import annotations

from postroad.domain.mailbox import MailboxNumber


class MemoryNumbers:
    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    async def get_number(self, path: str, uidvalidity: str) -> int:
        return self._numbers.setdefault((path, uidvalidity), len(self._numbers) + 1)

    async def find(self, number: int) -> MailboxNumber | None:
        for (path, uidvalidity), known in self._numbers.items():
            if known == number:
                return MailboxNumber(number, path, uidvalidity)
        return None
