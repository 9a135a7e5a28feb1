"""Opens the session over which an account is followed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import PostroadError
from postroad.domain.lease import Lease
from postroad.domain.mailbox import SpecialUse
from postroad.engine.accounts.advice import words_of
from postroad.engine.accounts.credentials import Credentials
from postroad.engine.accounts.session import Refusal, SandboxSession, Session
from postroad.engine.providers.imap import ImapProvider
from postroad.engine.providers.imap_folders import Folders
from postroad.engine.providers.registry import Providers
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.settings import Settings
from postroad.engine.sync.backfill import AT_ONCE
from postroad.engine.sync.describe import Describer
from postroad.engine.sync.session import ImapSession
from postroad.store import Store
from postroad.transport.dial import DialError
from postroad.transport.imap import AuthenticationRefused, ImapConnection


class AccountConnector:
    """Opens sessions of any kind of account."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        credentials: Credentials,
        route: MailboxRoute,
        providers: Providers,
        describer: Describer,
        *,
        rng: Random | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._credentials = credentials
        self._route = route
        self._providers = providers
        self._describer = describer
        self._rng = rng or Random()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def open(self, account: Account, lease: Lease) -> Session:
        """Dial and log in. Raises :exc:`Refusal`."""
        if account.is_sandbox:
            return SandboxSession()
        imap = account.imap
        if imap is None:
            raise Refusal("The account has no IMAP settings", None)
        try:
            connection = await self._dial(account, imap)
            provider = await self._providers.get(account)
        except AuthenticationRefused as error:
            raise Refusal(error.response, error.code, is_auth=True) from error
        except DialError as error:
            raise Refusal(error.message, error.kind.value) from error
        except PostroadError as error:
            raise Refusal(*words_of(error)) from error
        is_gmail = connection.can("X-GM-EXT-1")

        def know(folders: Folders) -> None:
            if isinstance(provider, ImapProvider):
                has_all = folders.find(SpecialUse.ALL) is not None
                provider.know(folders, is_gmail=is_gmail and has_all)

        return ImapSession(
            connection,
            account,
            imap,
            lease,
            self._store,
            self._describer,
            threading=lambda: self._settings.computes_threads(account),
            is_logged=lambda: self._route.is_logged(account),
            turns=self._turns,
            dial=lambda: self._dial(account, imap),
            on_listing=know,
            rng=self._rng,
        )

    async def _dial(self, account: Account, imap: ImapSettings) -> ImapConnection:
        login = await self._credentials.login_for(account, "imap")
        return await self._route.open_imap(
            replace(imap, login=login),
            proxy=account.proxy,
            compress=False,
            account=account,
            purpose="watch",
        )
