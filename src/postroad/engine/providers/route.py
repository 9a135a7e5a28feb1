"""How IMAP servers are dialed: by which way, as whom, and with how much trust."""

from __future__ import annotations

from dataclasses import replace

from postroad import __version__
from postroad.domain.account import ImapSettings
from postroad.domain.secret import Secret
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
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
    ) -> None:
        self._settings = settings
        self._trust = trust
        self._timeouts = timeouts
        self._compresses = compresses

    async def open_imap(
        self, imap: ImapSettings, *, proxy: Secret[str] | None, compress: bool = True
    ) -> ImapConnection:
        """Dial and log in. Raises what :meth:`ImapConnection.open` raises."""
        current = self._settings.snapshot
        return await ImapConnection.open(
            replace(imap, tls=self._trust.complete(imap.tls)),
            proxy=proxy or current.mail_proxy,
            client_id=self._client_id(),
            timeouts=self._timeouts,
            compress=compress and self._compresses,
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
