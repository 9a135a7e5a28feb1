"""How far mail servers' certificates are trusted: an account's own options, then the operator's."""

from __future__ import annotations

from dataclasses import replace

from postroad.domain.account import TlsOptions
from postroad.engine.settings import Settings


class Trust:
    """Completes the TLS options of an account. Contract B-170."""

    def __init__(self, settings: Settings, *, min_version: str) -> None:
        self._settings = settings
        self._min_version = min_version

    def complete(self, tls: TlsOptions) -> TlsOptions:
        """The options with what the operator decided for all accounts."""
        verify = tls.verify and not self._settings.snapshot.ignore_mail_cert_errors
        min_version = tls.min_version or self._min_version
        if (verify, min_version) == (tls.verify, tls.min_version):
            return tls
        return replace(tls, verify=verify, min_version=min_version)
