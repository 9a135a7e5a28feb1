"""Try credentials without storing them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from postroad.domain.account import Account, ImapSettings, SmtpSettings
from postroad.domain.errors import PostroadError
from postroad.domain.mailbox import Mailbox
from postroad.domain.reply import Failure, FailureKind
from postroad.domain.secret import Secret
from postroad.engine.delivery.relay import ehlo_name
from postroad.engine.providers.registry import Providers
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from postroad.transport.imap import AuthenticationRefused
from postroad.transport.smtp import RelayFailure, SmtpConnection

LIMIT_S = 60.0  # for each of the two


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to try; ``mailboxes`` also lists them."""

    imap: ImapSettings | None
    smtp: SmtpSettings | None
    mailboxes: bool = False
    proxy: Secret[str] | None = None
    ehlo_name: str | None = None


@dataclass(frozen=True, slots=True)
class ProtocolVerdict:
    """Whether one of the two servers let us in, and if not, what it said. Contract B-214."""

    success: bool
    error: str | None = None
    code: str | None = None
    status_code: int | None = None  # SMTP reply code
    response_text: str | None = None  # the server's own words


@dataclass(frozen=True, slots=True)
class VerifyResult:
    imap: ProtocolVerdict | None
    smtp: ProtocolVerdict | None
    mailboxes: list[Mailbox] | None


class Verifier:
    """Dials both servers side by side. What goes wrong is a verdict, never an exception."""

    def __init__(
        self,
        settings: Settings,
        trust: Trust,
        route: MailboxRoute,
        providers: Providers,
    ) -> None:
        self._settings = settings
        self._trust = trust
        self._route = route
        self._providers = providers

    async def verify(self, request: VerifyRequest) -> VerifyResult:
        async with asyncio.TaskGroup() as both:
            imap = both.create_task(self._verify_imap(request))
            smtp = both.create_task(self._verify_smtp(request))
        verdict, mailboxes = imap.result()
        return VerifyResult(verdict, smtp.result(), mailboxes)

    async def _verify_imap(
        self, request: VerifyRequest
    ) -> tuple[ProtocolVerdict | None, list[Mailbox] | None]:
        if request.imap is None:
            return None, None
        mailboxes = None
        try:
            async with asyncio.timeout(LIMIT_S):
                connection = await self._route.open_imap(
                    request.imap, proxy=request.proxy, compress=False
                )
                await connection.close()
                if request.mailboxes:
                    mailboxes = await self._list(request, request.imap)
        except TimeoutError:
            return _timed_out("IMAP"), None
        except AuthenticationRefused as error:
            verdict = ProtocolVerdict(
                False, "Invalid username or password", "EAUTH", response_text=error.response
            )
            return verdict, None
        except PostroadError as error:
            return ProtocolVerdict(False, error.message, error.code), None
        return ProtocolVerdict(True), mailboxes

    async def _list(self, request: VerifyRequest, imap: ImapSettings) -> list[Mailbox]:
        account = Account(
            account="", name="", email=None, created_at=0, imap=imap, proxy=request.proxy
        )
        provider = self._providers.make(account)
        try:
            return list(await provider.mailboxes())
        finally:
            await self._providers.close(provider)

    async def _verify_smtp(self, request: VerifyRequest) -> ProtocolVerdict | None:
        if request.smtp is None:
            return None
        smtp, current = request.smtp, self._settings.snapshot
        smtp = replace(smtp, tls=self._trust.complete(smtp.tls))
        try:
            async with asyncio.timeout(LIMIT_S):
                connection = await SmtpConnection.open(
                    smtp,
                    ehlo_name=request.ehlo_name or ehlo_name(current),
                    proxy=request.proxy or current.mail_proxy,
                )
                await connection.quit()
        except TimeoutError:
            return _timed_out("SMTP")
        except RelayFailure as error:
            return _smtp_verdict(error.failure)
        return ProtocolVerdict(True)


def _smtp_verdict(failure: Failure) -> ProtocolVerdict:
    reply = failure.reply
    return ProtocolVerdict(
        False,
        failure.message,
        failure.kind.value,
        reply.code if reply is not None else None,
        reply.text if reply is not None else None,
    )


def _timed_out(protocol: str) -> ProtocolVerdict:
    return ProtocolVerdict(
        False, f"The {protocol} server did not answer in time", FailureKind.TIMEOUT.value
    )
