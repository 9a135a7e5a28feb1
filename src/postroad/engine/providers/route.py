"""How IMAP servers are dialed: by which way, as whom, and with how much trust."""

from __future__ import annotations

from dataclasses import replace

from postroad import __version__
from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import PostroadError
from postroad.domain.secret import Secret
from postroad.engine.protocol_log import ProtocolLog
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from postroad.protocol.imap.tapped import Tap
from postroad.transport.imap import ImapConnection, ImapTimeouts


class MailboxRoute:
    """Applies the settings that concern every IMAP connection."""

    def __init__(
        self,
        settings: Settings,
        trust: Trust,
        *,
        timeouts: ImapTimeouts | None = None,
        compresses: bool = True,
        log: ProtocolLog | None = None,
    ) -> None:
        self._settings = settings
        self._trust = trust
        self._timeouts = timeouts
        self._compresses = compresses
        self._log = log

    def is_logged(self, account: Account) -> bool:
        """Whether connections for this account have a log."""
        return self._log is not None and self._log.is_kept(account)

    async def open_imap(
        self,
        imap: ImapSettings,
        *,
        proxy: Secret[str] | None,
        compress: bool = True,
        account: Account | None = None,
        purpose: str = "",
    ) -> ImapConnection:
        """Dial and log in. Raises what :meth:`ImapConnection.open` raises.

        With ``account`` the connection is told of in its log, if it has one; ``purpose`` is a
        word there about what it is for.
        """
        log = self._log if account is not None else None
        tell = None if log is None or account is None else log.begin(account, purpose)
        if tell is None:
            return await self._open(imap, proxy, compress=compress, tap=None)
        tell("connect", f"{imap.host}:{imap.port}{' with TLS' if imap.secure else ''}")
        try:
            tap = Tap(tell, imap.login)
            return await self._open(imap, proxy, compress=compress, tap=tap)
        except PostroadError as error:
            tell("error", error.message)
            raise

    async def _open(
        self, imap: ImapSettings, proxy: Secret[str] | None, *, compress: bool, tap: Tap | None
    ) -> ImapConnection:
        return await ImapConnection.open(
            replace(imap, tls=self._trust.complete(imap.tls)),
            proxy=proxy or self._settings.snapshot.mail_proxy,
            client_id=self._client_id(),
            timeouts=self._timeouts,
            compress=compress and self._compresses,
            tap=tap,
        )

    def _client_id(self) -> dict[str, str]:
        """What the server is told about us. Contract B-234; RFC 2971."""
        current = self._settings.snapshot
        told = {
            "name": current.imap_client_name or "Postroad",
            "version": current.imap_client_version or __version__,
            "vendor": current.imap_client_vendor,
            "support-url": current.imap_client_support_url,
        }
        return {name: value for name, value in told.items() if value}
