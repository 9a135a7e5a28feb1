"""Opens the session that shows whether an account's mailbox can be reached."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from postroad.domain.account import Account
from postroad.domain.errors import PostroadError
from postroad.engine.accounts.credentials import Credentials
from postroad.engine.accounts.runner import Refusal, Session
from postroad.engine.providers.imap import ImapProvider
from postroad.engine.providers.registry import Providers
from postroad.engine.providers.route import MailboxRoute
from postroad.transport.dial import DialError
from postroad.transport.imap import AuthenticationRefused, ImapConnection


class SandboxSession:
    """A mailbox inside this process is always reachable."""

    async def wait_closed(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Nothing is held open."""


class ImapWatch:
    """An IMAP connection that is kept alive; its end is the account's disconnection."""

    def __init__(self, connection: ImapConnection) -> None:
        self._connection = connection

    async def wait_closed(self) -> str:
        return str(await self._connection.keep_alive())

    async def close(self) -> None:
        await self._connection.close()


class AccountConnector:
    """Opens sessions of any kind of account."""

    def __init__(
        self,
        credentials: Credentials,
        route: MailboxRoute,
        providers: Providers,
    ) -> None:
        self._credentials = credentials
        self._route = route
        self._providers = providers

    async def open(self, account: Account) -> Session:
        """Dial and log in, and make sure that the mailbox can be listed. Raises :exc:`Refusal`."""
        if account.is_sandbox:
            return SandboxSession()
        if account.imap is None:
            raise Refusal("The account has no IMAP settings", None)
        try:
            login = await self._credentials.login_for(account, "imap")
            connection = await self._route.open_imap(
                replace(account.imap, login=login), proxy=account.proxy, compress=False
            )
        except AuthenticationRefused as error:
            raise Refusal(error.response, error.code, is_auth=True) from error
        except DialError as error:
            raise Refusal(error.message, error.kind.value) from error
        except PostroadError as error:
            raise Refusal(error.message, error.code) from error
        try:
            await self._meet(account, connection)
        except PostroadError as error:
            await connection.close()
            raise Refusal(error.message, error.code) from error
        return ImapWatch(connection)

    async def _meet(self, account: Account, connection: ImapConnection) -> None:
        """List the mailboxes and number INBOX: the first that an account meets, so number 1."""
        provider = await self._providers.get(account)
        if isinstance(provider, ImapProvider):
            await provider.learn(connection)
        inbox = await connection.select(b"INBOX", read_only=True)
        if inbox.uidvalidity is not None:
            numbers = self._providers.numbers(account)
            await numbers.get_number("INBOX", str(inbox.uidvalidity))
