"""The submission server's limits, certificates and first settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from postroad.config import values
from postroad.config.given import Given
from postroad.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class SmtpServerConfig:
    """The submission server. Whether and where it listens are settings."""

    enabled: Annotated[
        bool | None,
        Given(
            values.flag,
            "First value of the setting smtpServerEnabled.",
            "POSTROAD_SMTP_ENABLED",
            "EENGINE_SMTP_ENABLED",
        ),
    ] = None
    host: Annotated[
        str | None,
        Given(
            values.text,
            "First value of the setting smtpServerHost.",
            "POSTROAD_SMTP_HOST",
            "EENGINE_SMTP_HOST",
        ),
    ] = None
    port: Annotated[
        int | None,
        Given(
            values.integer(0, 65_535),
            "First value of the setting smtpServerPort.",
            "POSTROAD_SMTP_PORT",
            "EENGINE_SMTP_PORT",
        ),
    ] = None
    password: Annotated[
        Secret[str] | None,
        Given(
            values.secret,
            "First value of the setting smtpServerPassword.",
            "POSTROAD_SMTP_SECRET",
            "EENGINE_SMTP_SECRET",
        ),
    ] = None
    proxy: Annotated[
        bool | None,
        Given(
            values.flag,
            "First value of the setting smtpServerProxy.",
            "POSTROAD_SMTP_PROXY",
            "EENGINE_SMTP_PROXY",
        ),
    ] = None
    proxy_addresses: Annotated[
        tuple[str, ...],
        Given(
            values.networks,
            "Peers that begin with a PROXY header while smtpServerProxy is on; others are clients.",
            "POSTROAD_SMTP_PROXY_ADDRESSES",
        ),
    ] = ("127.0.0.0/8", "::1/128")
    certificate: Annotated[
        Path | Secret[str] | None,
        Given(
            values.pem,
            "PEM file with the certificate and its chain, read again when it changes; or its text.",
            "POSTROAD_SMTP_TLS_CERTIFICATE",
            "EENGINE_SMTP_TLS_CERT",
        ),
    ] = None
    key: Annotated[
        Path | Secret[str] | None,
        Given(
            values.pem,
            "PEM file with the private key, where it is not with the certificate; or its text.",
            "POSTROAD_SMTP_TLS_KEY",
            "EENGINE_SMTP_TLS_KEY",
        ),
    ] = None
    self_signed: Annotated[
        bool,
        Given(
            values.flag,
            "Whether a certificate of our own making serves where none is given; for trials.",
            "POSTROAD_SMTP_TLS_SELF_SIGNED",
        ),
    ] = False
    tls_min_version: Annotated[
        str,
        Given(
            values.choice("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
            "Lowest TLS version that clients may speak.",
            "POSTROAD_SMTP_TLS_MIN_VERSION",
            "EENGINE_SMTP_TLS_MIN_VERSION",
        ),
    ] = "TLSv1.2"
    tls_ciphers: Annotated[
        str | None,
        Given(
            values.ciphers,
            "Ciphers for TLS before 1.3, as OpenSSL lists them; without them OpenSSL's own choice.",
            "POSTROAD_SMTP_TLS_CIPHERS",
            "EENGINE_SMTP_TLS_CIPHERS",
        ),
    ] = None
    max_message_bytes: Annotated[
        int,
        Given(
            values.size_bytes,
            "Largest message; it is told with SIZE, and more is refused with 552.",
            "POSTROAD_MAX_SMTP_MESSAGE_SIZE",
            "EENGINE_MAX_SMTP_MESSAGE_SIZE",
        ),
    ] = 25 * 1024**2
    max_recipients: Annotated[
        int,
        Given(
            values.integer(1, 100_000),
            "Recipients of one message; further ones are answered 452.",
            "POSTROAD_SMTP_MAX_RECIPIENTS",
        ),
    ] = 1_000
    max_sessions: Annotated[
        int,
        Given(
            values.integer(1, 1_000_000),
            "Sessions at the same time; further clients are answered 421.",
            "POSTROAD_SMTP_MAX_SESSIONS",
        ),
    ] = 4_000
    max_sessions_per_address: Annotated[
        int,
        Given(
            values.integer(1, 1_000_000),
            "Sessions at the same time from one address.",
            "POSTROAD_SMTP_MAX_SESSIONS_PER_ADDRESS",
        ),
    ] = 2_000
    max_sessions_per_account: Annotated[
        int,
        Given(
            values.integer(1, 1_000_000),
            "Sessions at the same time that are logged in to one account.",
            "POSTROAD_SMTP_MAX_SESSIONS_PER_ACCOUNT",
        ),
    ] = 500
    max_bad_commands: Annotated[
        int,
        Given(
            values.integer(1, 10_000),
            "Commands that are wrong, or come before the login; the last one ends the session.",
            "POSTROAD_SMTP_MAX_BAD_COMMANDS",
        ),
    ] = 10
    max_logins: Annotated[
        int,
        Given(
            values.integer(1, 100),
            "Logins that fail in one session; the last one ends it.",
            "POSTROAD_SMTP_MAX_LOGINS",
        ),
    ] = 3
    idle_timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that a client may be silent.",
            "POSTROAD_SMTP_IDLE_TIMEOUT",
        ),
    ] = 60.0
    message_timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that the content of one message may take to arrive.",
            "POSTROAD_SMTP_MESSAGE_TIMEOUT",
        ),
    ] = 600.0
    session_timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time after which a session is ended, behind the message under way.",
            "POSTROAD_SMTP_SESSION_TIMEOUT",
        ),
    ] = 3_600.0
    min_free_bytes: Annotated[
        int,
        Given(
            values.size_bytes,
            "Space that a message must leave free in the data directory; else it is answered 452.",
            "POSTROAD_SMTP_MIN_FREE",
        ),
    ] = 100 * 1024**2
