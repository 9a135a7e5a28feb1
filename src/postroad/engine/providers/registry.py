"""The live providers of this process, one for each account that needed one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

from postroad.domain.account import Account
from postroad.domain.errors import NotFound
from postroad.domain.mailbox import MailboxNumber
from postroad.engine.accounts.credentials import Credentials
from postroad.engine.providers.base import WholeProvider
from postroad.engine.providers.imap import ImapProvider
from postroad.engine.providers.kept import Shelf
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.providers.sandbox import SandboxProvider
from postroad.engine.providers.sandbox_news import SettingsSource
from postroad.store import Store
from postroad.transport.imap import ImapConnection


class StoredNumbers:
    """Mailbox numbers of one account, kept in the store."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._known: dict[tuple[str, str], int] = {}

    async def get_number(self, path: str, uidvalidity: str) -> int:
        """The number of this life of a mailbox, given out now if it is met for the first time."""
        number = self._known.get((path, uidvalidity))
        if number is None:
            number = await self._store.write(
                lambda tx: tx.mailboxes.number(self._account, path, uidvalidity)
            )
            self._known[path, uidvalidity] = number
        return number

    async def find(self, number: int) -> MailboxNumber | None:
        return await self._store.read(lambda tx: tx.mailboxes.find(self._account, number))


class Providers:
    """Makes providers and keeps them for as long as the account's way in stays the same."""

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        route: MailboxRoute,
        *,
        settings: SettingsSource | None = None,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._route = route
        self._settings = settings
        self._shelf = Shelf()
        self._live: dict[str, tuple[Account, WholeProvider]] = {}
        self._logged: set[str] = set()  # accounts whose provider has a log

    async def get(self, account: Account) -> WholeProvider:
        """The provider of an account with a mailbox. Raises :exc:`NotFound` without one."""
        held = self._live.get(account.account)
        is_logged = self._route.is_logged(account)
        if held is not None and _same_way_in(held[0], account):
            if is_logged == (account.account in self._logged):
                return held[1]
        provider = self.make(account)
        self._live[account.account] = account, provider
        (self._logged.add if is_logged else self._logged.discard)(account.account)
        if held is not None:
            await self.close(held[1])
        return provider

    def make(self, account: Account) -> WholeProvider:
        """A provider that is not kept here; whoever asks closes it."""
        if account.is_sandbox:
            return SandboxProvider(account, store=self._store, settings=self._settings)
        imap = account.imap
        if imap is None or imap.disabled:
            raise NotFound("The account has no mailbox", code="IMAPUnavailable")

        async def connect() -> ImapConnection:
            login = await self._credentials.login_for(account, "imap")
            return await self._route.open_imap(
                replace(imap, login=login),
                proxy=account.proxy,
                compress=not _is_here(imap.host),
                account=account,
                purpose="command",
            )

        return ImapProvider(
            account, numbers=self.numbers(account), connect=connect, shelf=self._shelf
        )

    def numbers(self, account: Account) -> StoredNumbers:
        """The mailbox numbers of an account."""
        return StoredNumbers(self._store, account.account)

    async def forget(self, account: str) -> None:
        """The account is gone or has changed: log out."""
        if (held := self._live.pop(account, None)) is not None:
            await self.close(held[1])

    @staticmethod
    async def close(provider: WholeProvider) -> None:
        if isinstance(provider, ImapProvider):
            await provider.close()

    async def close_all(self) -> None:
        """Log out everywhere, side by side."""
        live, self._live = self._live, {}
        async with asyncio.TaskGroup() as group:
            for _, provider in live.values():
                group.create_task(self.close(provider))


def _is_here(host: str) -> bool:
    """Whether the server is on this machine, where compressing costs time and saves none."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _same_way_in(held: Account, now: Account) -> bool:
    return held is now or _depends_on(held) == _depends_on(now)


def _depends_on(account: Account) -> tuple[object, ...]:
    """What a provider was made of; one of a sandbox tells of its own changes as well."""
    told = (account.paths, account.indexer, account.notify_from) if account.is_sandbox else ()
    way = account.imap, account.proxy, account.is_sandbox, account.created_at
    return *way, account.logs, told
