"""How far mail servers' certificates are trusted: an account's own options, then the operator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from postroad.domain.account import TlsOptions
from postroad.engine.settings import Settings


class Trust:
    """Completes the TLS options of an account. Contract B-170."""

    def __init__(self, settings: Settings, *, min_version: str, ciphers: str | None = None) -> None:
        self._settings = settings
        self._min_version = min_version
        self._ciphers: Mapping[str, object] = {} if ciphers is None else {"ciphers": ciphers}

    def complete(self, tls: TlsOptions) -> TlsOptions:
        """The options with what the operator decided for all accounts."""
        verify = tls.verify and not self._settings.snapshot.ignore_mail_cert_errors
        min_version = tls.min_version or self._min_version
        extra = {**self._ciphers, **tls.extra}
        if (verify, min_version, extra) == (tls.verify, tls.min_version, tls.extra):
            return tls
        return replace(tls, verify=verify, min_version=min_version, extra=extra)
