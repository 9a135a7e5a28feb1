"""One attempt: hand a message to its account's relay and tell what came of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit

from postroad.domain.account import Account, Login, SmtpSettings
from postroad.domain.errors import NotFound, PostroadError
from postroad.domain.reply import Deferred, Failure, FailureKind, Outcome, Rejected
from postroad.domain.secret import Secret
from postroad.domain.setting import SettingValues
from postroad.domain.submission import Submission
from postroad.engine.accounts.credentials import Credentials
from postroad.engine.accounts.directory import Directory
from postroad.engine.delivery.pool import RelayPool, relay_key
from postroad.engine.providers.base import Octets
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from postroad.store import Store
from postroad.transport.smtp import SmtpConnection

ATTEMPT_LIMIT_S = 600.0  # contract B-159
_MAX_WAYS = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of an attempt and by which way it went."""

    outcome: Outcome
    host: str
    routing: dict[str, object] | None = None  # networkRouting; None for the default route


class LocalRelay(Protocol):
    """A relay inside this process."""

    async def send(self, account: Account, sub: Submission) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Route:
    """By which way a server is dialed."""

    proxy: Secret[str] | None
    local_address: str | None

    def describe(self) -> dict[str, object] | None:
        """The ``networkRouting`` of events; proxy credentials are masked."""
        if self.proxy is None and self.local_address is None:
            return None
        told: dict[str, object] = {}
        if self.local_address is not None:
            told["localAddress"] = self.local_address
        if self.proxy is not None:
            told["proxy"] = _masked(self.proxy.reveal())
        return told


@dataclass(frozen=True, slots=True)
class _Way:
    """How an account's relay is reached, and what that was made of."""

    account: Account
    settings: SettingValues
    login: Login | None
    route: Route
    smtp: SmtpSettings  # complete
    ehlo_name: str
    key: Hashable  # of the pool

    def is_made_of(
        self, account: Account, settings: SettingValues, login: Login | None, route: Route
    ) -> bool:
        # All of them are values that are replaced as a whole when anything in them changes.
        return (
            self.account is account
            and self.settings is settings
            and self.login is login
            and self.route == route
        )


class Relay:
    """Sends submissions. Never raises for what a relay or the network does."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        credentials: Credentials,
        settings: Settings,
        trust: Trust,
        pool: RelayPool,
        sandbox: LocalRelay,
        *,
        attempt_limit_s: float = ATTEMPT_LIMIT_S,
    ) -> None:
        self._store = store
        self._directory = directory
        self._credentials = credentials
        self._settings = settings
        self._trust = trust
        self._pool = pool
        self._sandbox = sandbox
        self._attempt_limit_s = attempt_limit_s
        self._ways: dict[str, _Way] = {}  # by account; a message may have a route of its own

    async def send(self, sub: Submission) -> Sent:
        """Make one attempt, bounded in time."""
        host, route = "", Route(None, None)
        try:
            account = await self._directory.get(sub.account)
            route = self._route(sub, account)
            async with asyncio.timeout(self._attempt_limit_s):
                if account.is_sandbox:
                    host = "sandbox"
                    return Sent(await self._sandbox.send(account, sub), host)
                if account.smtp is None:
                    why = Failure(FailureKind.ENVELOPE, "the account has no SMTP settings any more")
                    return Sent(Rejected(why), host)
                host = account.smtp.host
                outcome = await self._send_smtp(sub, account, account.smtp, route)
                return Sent(outcome, host, route.describe())
        except TimeoutError:
            why = Failure(FailureKind.TIMEOUT, "the attempt took too long and was ended")
            return Sent(Deferred(why), host, route.describe())
        except NotFound as error:
            return Sent(Rejected(Failure(FailureKind.MESSAGE, error.message)), host)
        except PostroadError as error:
            return Sent(Deferred(Failure(FailureKind.STREAM, error.message)), host)

    async def _send_smtp(
        self, sub: Submission, account: Account, smtp: SmtpSettings, route: Route
    ) -> Outcome:
        login = await self._credentials.login_for(account, "smtp")
        way = self._way(account, smtp, login, route)
        content = Octets(
            sub.content.relay_size, lambda: self._store.open_content(sub.content, skip_bcc=True)
        )

        async def open_connection() -> SmtpConnection:
            return await SmtpConnection.open(
                way.smtp,
                ehlo_name=way.ehlo_name,
                proxy=route.proxy,
                local_address=route.local_address,
            )

        async def send(connection: SmtpConnection) -> Outcome:
            return await connection.send(
                sub.envelope,
                content,
                eight_bit=sub.eight_bit,
                smtputf8=sub.smtputf8,
                dsn=sub.dsn,
            )

        return await self._pool.deliver(way.key, open_connection, send)

    def _way(self, account: Account, smtp: SmtpSettings, login: Login | None, route: Route) -> _Way:
        """Made once for as long as nothing changes that it is made of."""
        settings = self._settings.snapshot
        known = self._ways.get(account.account)
        if known is not None and known.is_made_of(account, settings, login, route):
            return known
        smtp = replace(smtp, login=login, tls=self._trust.complete(smtp.tls))
        name = account.ehlo_name or ehlo_name(settings)
        key = relay_key(smtp, ehlo_name=name, proxy=route.proxy, local_address=route.local_address)
        if len(self._ways) >= _MAX_WAYS:
            del self._ways[next(iter(self._ways))]
        way = _Way(account, settings, login, route, smtp, name, key)
        self._ways[account.account] = way
        return way

    def _route(self, sub: Submission, account: Account) -> Route:
        """Message before account before settings. Contract B-169."""
        proxy = sub.proxy or account.proxy or self._settings.snapshot.mail_proxy
        return Route(proxy, sub.local_address)


def ehlo_name(settings: SettingValues) -> str:
    """The name that relays are greeted with unless the account has its own. Contract B-168."""
    service_host = urlsplit(settings.service_url or "").hostname
    return settings.smtp_ehlo_name or service_host or _host_name()


@cache
def _host_name() -> str:
    return socket.getfqdn()


def _masked(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc="******@" + parts.netloc.rpartition("@")[2]).geturl()
