"""What can be set before the process starts, each with its default, names and one sentence.

This is the only list: the loader, ``postroad doctor`` and the reference page read it from here.
What operators change while the process runs is a setting in the store instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, get_type_hints

from postroad.config import values
from postroad.config.given import Given
from postroad.config.http_listener import HttpConfig
from postroad.config.smtp_server import SmtpServerConfig
from postroad.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be set: ``[section] key`` in the file."""

    section: str
    key: str
    read: values.Reader
    default: object
    variables: tuple[str, ...]  # environment names, the first is ours and wins
    sentence: str

    @property
    def name(self) -> str:
        """How the file and ``--set`` call it."""
        return f"{self.section}.{self.key}"

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be shown; such a value may come from a file of its own."""
        return self.read in (
            values.secret,
            values.token,
            values.database,
            values.json_object,
            values.pem,
            values.proxy_url,
        )


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where everything is kept."""

    data: Annotated[
        Path,
        Given(
            values.path,
            "Directory of the SQLite file and of large message content; made when missing.",
            "POSTROAD_DATA",
        ),
    ] = Path("postroad-data")
    database: Annotated[
        Secret[str] | None,
        Given(
            values.database,
            "PostgreSQL URL; without it SQLite in the data directory is used.",
            "POSTROAD_DATABASE",
        ),
    ] = None
    secret: Annotated[
        Secret[str] | None,
        Given(
            values.secret,
            "Seals passwords and tokens at rest; without it they are kept in clear text.",
            "POSTROAD_SECRET",
            "EENGINE_SECRET",
        ),
    ] = None
    secret_old: Annotated[
        Secret[str] | None,
        Given(
            values.secret,
            "The former secret: values sealed with it stay readable until `postroad encrypt` ran.",
            "POSTROAD_SECRET_OLD",
        ),
    ] = None

    @property
    def location(self) -> str:
        """What the store is opened by: the database URL, or the path of the SQLite file."""
        if self.database is not None:
            return self.database.reveal()
        return str(self.data / "postroad.db")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is said about the work."""

    level: Annotated[
        str,
        Given(
            values.choice(
                "debug",
                "info",
                "warning",
                "error",
                aliases={"trace": "debug", "warn": "warning", "fatal": "error", "silent": "error"},
            ),
            "Least severity that is logged.",
            "POSTROAD_LOG_LEVEL",
            "EENGINE_LOG_LEVEL",
        ),
    ] = "info"


@dataclass(frozen=True, slots=True)
class MailConfig:
    """Conversations with mail servers."""

    tls_min_version: Annotated[
        str,
        Given(
            values.choice("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
            "Lowest TLS version spoken with mail servers; an account may set its own.",
            "POSTROAD_TLS_MIN_VERSION",
            "EENGINE_TLS_MIN_VERSION",
        ),
    ] = "TLSv1"
    tls_ciphers: Annotated[
        str | None,
        Given(
            values.ciphers,
            "Ciphers offered to mail servers, as OpenSSL lists them, in place of "
            "DEFAULT@SECLEVEL=0; an account may set its own.",
            "POSTROAD_TLS_CIPHERS",
            "EENGINE_TLS_CIPHERS",
        ),
    ] = None
    imap_silence_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that an IMAP server may be silent while it owes an answer.",
            "POSTROAD_IMAP_SOCKET_TIMEOUT",
            "EENGINE_IMAP_SOCKET_TIMEOUT",
        ),
    ] = 60.0
    uncompressed: Annotated[
        bool,
        Given(
            values.flag,
            "Whether IMAP connections stay without compression where the server offers it.",
            "POSTROAD_DISABLE_COMPRESSION",
            "EENGINE_DISABLE_COMPRESSION",
        ),
    ] = False
    refused_limit_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time of refused logins without a success after which an account's IMAP is disabled.",
            "POSTROAD_MAX_IMAP_AUTH_FAILURE_TIME",
            "EENGINE_MAX_IMAP_AUTH_FAILURE_TIME",
        ),
    ] = 3 * 86_400.0
    show_quotes: Annotated[
        bool,
        Given(
            values.flag,
            "Whether quoted history in web-safe HTML stays open instead of being folded.",
            "POSTROAD_SHOW_QUOTES",
            "EENGINE_DISABLE_THREAD_COLLAPSE",
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """How much is relayed at once."""

    concurrency: Annotated[
        int,
        Given(
            values.integer(1, 10_000),
            "Relay attempts that run at the same time, over all accounts.",
            "POSTROAD_DELIVERY_CONCURRENCY",
        ),
    ] = 32
    per_account: Annotated[
        int,
        Given(
            values.integer(1, 10_000),
            "Relay attempts of one account at the same time.",
            "POSTROAD_DELIVERY_PER_ACCOUNT",
        ),
    ] = 5
    per_relay: Annotated[
        int,
        Given(
            values.integer(1, 10_000),
            "Relay attempts towards one relay host at the same time.",
            "POSTROAD_DELIVERY_PER_RELAY",
        ),
    ] = 20
    attempt_timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that one relay attempt may take in all.",
            "POSTROAD_DELIVERY_TIMEOUT",
        ),
    ] = 600.0
    failed_age_s: Annotated[
        float | None,
        Given(
            values.age_s,
            "First value of the setting failedRetention, in whole days; a bare number is seconds.",
            "POSTROAD_QUEUE_KEEP_FAILED_AGE",
            "EENGINE_QUEUE_KEEP_FAILED_AGE",
        ),
    ] = None
    grace_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that running attempts get to finish when the process is asked to stop.",
            "POSTROAD_STOP_GRACE",
        ),
    ] = 10.0


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """Deliveries of events over HTTP."""

    timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that one webhook attempt may take: connect, response and body.",
            "POSTROAD_WEBHOOK_TIMEOUT",
            "EENGINE_WEBHOOK_TIMEOUT",
        ),
    ] = 30.0
    egress_policy: Annotated[
        str,
        Given(
            values.choice("link-local", "private", "off"),
            "Addresses that webhooks must not reach: link-local and cloud metadata, also all "
            "private ones, or none.",
            "POSTROAD_WEBHOOK_EGRESS_POLICY",
            "EENGINE_WEBHOOK_EGRESS_POLICY",
        ),
    ] = "link-local"
    concurrency: Annotated[
        int,
        Given(
            values.integer(1, 10_000),
            "Webhook requests that run at the same time, each for another account.",
            "POSTROAD_WEBHOOK_CONCURRENCY",
        ),
    ] = 32
    proxy_enabled: Annotated[
        bool | None,
        Given(
            values.flag,
            "Written to the setting httpProxyEnabled at every start.",
            "POSTROAD_HTTP_PROXY_ENABLED",
            "EENGINE_HTTP_PROXY_ENABLED",
        ),
    ] = None
    proxy_url: Annotated[
        Secret[str] | None,
        Given(
            values.proxy_url,
            "Written to the setting httpProxyUrl at every start.",
            "POSTROAD_HTTP_PROXY_URL",
            "EENGINE_HTTP_PROXY_URL",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Accounts of type sandbox."""

    slow_s: Annotated[
        float,
        Given(
            values.duration_s,
            "How long the recipient slow@ keeps a relay attempt waiting.",
            "POSTROAD_SANDBOX_SLOW",
        ),
    ] = 2.0


@dataclass(frozen=True, slots=True)
class StartConfig:
    """What is put into the store when the process starts."""

    settings: Annotated[
        Mapping[str, object],
        Given(
            values.json_object,
            "Settings to write at start, as one JSON object.",
            "POSTROAD_SETTINGS",
            "EENGINE_SETTINGS",
        ),
    ] = field(default_factory=dict)
    prepared_token: Annotated[
        Secret[str] | None,
        Given(
            values.token,
            "Access token that shall exist with scope * at start: 64 hexadecimal digits.",
            "POSTROAD_PREPARED_TOKEN",
            "EENGINE_PREPARED_TOKEN",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that was decided before the process started."""

    http: HttpConfig = field(default_factory=HttpConfig)
    store: StoreConfig = StoreConfig()
    log: LogConfig = LogConfig()
    mail: MailConfig = MailConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    webhooks: WebhookConfig = WebhookConfig()
    sandbox: SandboxConfig = SandboxConfig()
    smtp: SmtpServerConfig = field(default_factory=SmtpServerConfig)
    start: StartConfig = StartConfig()


SECTIONS: Mapping[str, type] = MappingProxyType(
    {
        "http": HttpConfig,
        "store": StoreConfig,
        "log": LogConfig,
        "mail": MailConfig,
        "delivery": DeliveryConfig,
        "webhooks": WebhookConfig,
        "sandbox": SandboxConfig,
        "smtp": SmtpServerConfig,
        "start": StartConfig,
    }
)


def _options(section: str, part: type) -> Iterator[Option]:
    hints = get_type_hints(part, include_extras=True)
    for item in dataclasses.fields(part):
        given = hints[item.name].__metadata__[0]
        # The only default made by a factory is the empty JSON object.
        default = {} if item.default is dataclasses.MISSING else item.default
        yield Option(section, item.name, given.read, default, given.variables, given.sentence)


OPTIONS: tuple[Option, ...] = tuple(
    option for section, part in SECTIONS.items() for option in _options(section, part)
)
