"""Settings that operators change while the process runs. Contract §13.

:data:`SETTINGS` is the only list: the API, the command line, the reference page and the typed
:class:`SettingValues` read it from here. Keys are spelled as the API spells them, because they
are data that people write into configuration. A setting that does nothing yet is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, overload

from postroad.domain.secret import Secret
from postroad.domain.setting_kinds import Setting, SettingKind
from postroad.domain.url import HTTP, PROXIES

_DAY_MS: Final = 86_400_000

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("webhooksEnabled", SettingKind.BOOLEAN, "Whether events are sent to webhooks.", False),
    Setting("webhooks", SettingKind.URL, "Where events are sent by default.", schemes=HTTP),
    Setting(
        "webhookEvents",
        SettingKind.NAMES,
        "Names of the events sent to the default webhook; `*` stands for all.",
        (),
        max_length=256,
    ),
    Setting(
        "webhooksCustomHeaders", SettingKind.HEADERS, "Headers added to every webhook request.", ()
    ),
    Setting(
        "serviceUrl",
        SettingKind.URL,
        "Public origin of this server, told with every event; reduced to scheme and host.",
        schemes=HTTP,
    ),
    Setting(
        "serviceSecret",
        SettingKind.TEXT,
        "Key that signs webhook requests; made at random when first needed.",
        is_secret=True,
    ),
    Setting(
        "ignoreMailCertErrors",
        SettingKind.BOOLEAN,
        "Whether mail servers may show certificates that do not check out.",
        False,
    ),
    Setting(
        "proxyEnabled", SettingKind.BOOLEAN, "Whether proxyUrl is used for mail servers.", False
    ),
    Setting("proxyUrl", SettingKind.URL, "Proxy towards IMAP and SMTP servers.", schemes=PROXIES),
    Setting(
        "httpProxyEnabled", SettingKind.BOOLEAN, "Whether httpProxyUrl is used for webhooks.", False
    ),
    Setting("httpProxyUrl", SettingKind.URL, "Proxy towards webhook targets.", schemes=PROXIES),
    Setting(
        "smtpEhloName",
        SettingKind.HOSTNAME,
        "Host name that SMTP servers are greeted with.",
        is_nullable=True,
    ),
    Setting(
        "deliveryAttempts",
        SettingKind.INTEGER,
        "Relay attempts per message, unless the message sets its own; 0 stands for the default.",
        10,
        minimum=0,
        maximum=1_000,
    ),
    Setting(
        "deliveryHorizon",
        SettingKind.DURATION,
        "Time after which an undelivered message is given up, counted from its schedule.",
        minimum=60_000,
        maximum=60 * _DAY_MS,
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "idempotencyStrict",
        SettingKind.BOOLEAN,
        "Whether a repeated Idempotency-Key with another body is refused.",
        False,
        is_ours=True,
    ),
    Setting(
        "failedRetention",
        SettingKind.INTEGER,
        "Days for which the content of failed messages is kept.",
        7,
        minimum=0,
        maximum=3_650,
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "eventRetention",
        SettingKind.INTEGER,
        "Days for which the event log is kept.",
        14,
        minimum=1,
        maximum=3_650,
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "notifyText",
        SettingKind.BOOLEAN,
        "Whether messageNew has the text of the message.",
        True,
    ),
    Setting(
        "notifyTextSize",
        SettingKind.INTEGER,
        "Characters after which plain text and HTML in messageNew are each cut; 0 for no cut.",
        2_097_152,
        minimum=0,
    ),
    Setting(
        "notifyHeaders",
        SettingKind.NAMES,
        "Header fields that messageNew has; `*` stands for all.",
        (),
        max_length=256,
    ),
    Setting(
        "notifyAttachments",
        SettingKind.BOOLEAN,
        "Whether messageNew has the content of attachments.",
        False,
    ),
    Setting(
        "notifyAttachmentSize",
        SettingKind.INTEGER,
        "Octets beyond which the content of an attachment is left out of messageNew.",
        minimum=0,
        is_nullable=True,
    ),
    Setting(
        "notifyWebSafeHtml",
        SettingKind.BOOLEAN,
        "Whether HTML in messageNew is cleaned, with its images put in.",
        False,
    ),
    Setting(
        "notifyCalendarEvents",
        SettingKind.BOOLEAN,
        "Whether messageNew tells the events of invitations.",
        False,
    ),
    Setting(
        "inboxNewOnly",
        SettingKind.BOOLEAN,
        "Whether messageNew is sent for messages in the inbox alone.",
        False,
    ),
    Setting(
        "enableApiProxy",
        SettingKind.BOOLEAN,
        "Whether X-Forwarded-For names the client's address.",
        True,
    ),
    Setting(
        "imapIndexer",
        SettingKind.CHOICE,
        "What is remembered of mailboxes of new accounts: `full` is every message, `fast` only how "
        "far they have come.",
        "full",
        choices=("full", "fast"),
    ),
    Setting(
        "threading",
        SettingKind.BOOLEAN,
        "Whether threads are computed for accounts whose servers know none.",
        False,
        is_ours=True,
    ),
    Setting(
        "imapClientName", SettingKind.TEXT, "Name told to IMAP servers with ID.", max_length=1024
    ),
    Setting(
        "imapClientVersion",
        SettingKind.TEXT,
        "Version told to IMAP servers with ID.",
        max_length=1024,
    ),
    Setting(
        "imapClientVendor",
        SettingKind.TEXT,
        "Vendor told to IMAP servers with ID.",
        max_length=1024,
    ),
    Setting(
        "imapClientSupportUrl",
        SettingKind.URL,
        "Support address told to IMAP servers with ID.",
        schemes=(*HTTP, "mailto"),
    ),
)

BY_KEY: Final[Mapping[str, Setting]] = MappingProxyType({item.key: item for item in SETTINGS})

# Known to clients and to the set-up of test systems, and without effect until there is an SMTP
# server here: taken with a warning at start, refused over the API.
SMTP_SERVER_KEYS: Final = frozenset(
    {
        "smtpServerEnabled",
        "smtpServerPort",
        "smtpServerHost",
        "smtpServerProxy",
        "smtpServerAuthEnabled",
        "smtpServerPassword",
        "smtpServerTLSEnabled",
    }
)


@dataclass(frozen=True, slots=True)
class SettingValues:
    """All settings as the program uses them; what is unset has its default."""

    webhooks_enabled: bool = False
    webhooks: str | None = None
    webhook_events: tuple[str, ...] = ()
    webhooks_custom_headers: tuple[tuple[str, Secret[str]], ...] = ()
    service_url: str | None = None
    service_secret: Secret[str] | None = None
    ignore_mail_cert_errors: bool = False
    proxy_enabled: bool = False
    proxy_url: Secret[str] | None = None
    http_proxy_enabled: bool = False
    http_proxy_url: Secret[str] | None = None
    smtp_ehlo_name: str | None = None
    delivery_attempts: int = 10
    delivery_horizon_ms: int | None = None
    idempotency_strict: bool = False
    failed_retention_days: int = 7
    event_retention_days: int = 14
    notify_text: bool = True
    notify_text_size: int = 2_097_152  # characters; 0 is no limit
    notify_headers: tuple[str, ...] = ()
    notify_attachments: bool = False
    notify_attachment_size: int | None = None  # octets
    notify_web_safe_html: bool = False
    notify_calendar_events: bool = False
    inbox_new_only: bool = False
    enable_api_proxy: bool = True
    imap_indexer: str = "full"
    threading: bool = False
    imap_client_name: str | None = None
    imap_client_version: str | None = None
    imap_client_vendor: str | None = None
    imap_client_support_url: str | None = None

    @property
    def mail_proxy(self) -> Secret[str] | None:
        """The proxy towards mail servers, when one is switched on."""
        return self.proxy_url if self.proxy_enabled else None

    @property
    def http_proxy(self) -> Secret[str] | None:
        """The proxy towards webhook targets, when one is switched on."""
        return self.http_proxy_url if self.http_proxy_enabled else None

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> SettingValues:
        """Build from stored JSON values; unknown keys and values of a wrong type are left out."""
        base = cls()
        return cls(
            webhooks_enabled=_flag(stored, "webhooksEnabled", base.webhooks_enabled),
            webhooks=_string(stored, "webhooks"),
            webhook_events=_strings(stored, "webhookEvents"),
            webhooks_custom_headers=_pairs(stored, "webhooksCustomHeaders"),
            service_url=_string(stored, "serviceUrl"),
            service_secret=_secret(stored, "serviceSecret"),
            ignore_mail_cert_errors=_flag(stored, "ignoreMailCertErrors", False),
            proxy_enabled=_flag(stored, "proxyEnabled", False),
            proxy_url=_secret(stored, "proxyUrl"),
            http_proxy_enabled=_flag(stored, "httpProxyEnabled", False),
            http_proxy_url=_secret(stored, "httpProxyUrl"),
            smtp_ehlo_name=_string(stored, "smtpEhloName"),
            delivery_attempts=_number(stored, "deliveryAttempts") or base.delivery_attempts,
            delivery_horizon_ms=_number(stored, "deliveryHorizon"),
            idempotency_strict=_flag(stored, "idempotencyStrict", False),
            failed_retention_days=_number(stored, "failedRetention", base.failed_retention_days),
            event_retention_days=_number(stored, "eventRetention", base.event_retention_days),
            notify_text=_flag(stored, "notifyText", base.notify_text),
            notify_text_size=_number(stored, "notifyTextSize", base.notify_text_size),
            notify_headers=_strings(stored, "notifyHeaders"),
            notify_attachments=_flag(stored, "notifyAttachments", False),
            notify_attachment_size=_number(stored, "notifyAttachmentSize"),
            notify_web_safe_html=_flag(stored, "notifyWebSafeHtml", False),
            notify_calendar_events=_flag(stored, "notifyCalendarEvents", False),
            inbox_new_only=_flag(stored, "inboxNewOnly", False),
            enable_api_proxy=_flag(stored, "enableApiProxy", True),
            imap_indexer=_string(stored, "imapIndexer") or base.imap_indexer,
            threading=_flag(stored, "threading", False),
            imap_client_name=_string(stored, "imapClientName"),
            imap_client_version=_string(stored, "imapClientVersion"),
            imap_client_vendor=_string(stored, "imapClientVendor"),
            imap_client_support_url=_string(stored, "imapClientSupportUrl"),
        )


def _flag(stored: Mapping[str, object], key: str, default: bool) -> bool:
    value = stored.get(key)
    return value if isinstance(value, bool) else default


@overload
def _number(stored: Mapping[str, object], key: str) -> int | None: ...
@overload
def _number(stored: Mapping[str, object], key: str, default: int) -> int: ...
def _number(stored: Mapping[str, object], key: str, default: int | None = None) -> int | None:
    value = stored.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _string(stored: Mapping[str, object], key: str) -> str | None:
    value = stored.get(key)
    return value or None if isinstance(value, str) else None


def _secret(stored: Mapping[str, object], key: str) -> Secret[str] | None:
    value = _string(stored, key)
    return Secret(value) if value is not None else None


def _strings(stored: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = stored.get(key)
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, str))


def _pairs(stored: Mapping[str, object], key: str) -> tuple[tuple[str, Secret[str]], ...]:
    value = stored.get(key)
    if not isinstance(value, list):
        return ()
    return tuple((str(item["key"]), Secret(str(item["value"]))) for item in value)
