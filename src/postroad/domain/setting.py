"""Settings as the program uses them: typed, with defaults for what is unset. Contract §13."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, overload

from postroad.domain.secret import Secret
from postroad.domain.setting_table import BY_KEY, SETTINGS
from postroad.domain.suppression import (
    RESERVED_LIST,
    SuppressionAnswer,
    SuppressionRules,
    SuppressionScope,
)

__all__ = [
    "BY_KEY",
    "SETTINGS",
    "LogValues",
    "SettingValues",
    "SmtpServerValues",
    "SuppressionValues",
]

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class SmtpServerValues:
    """The settings of the SMTP server."""

    enabled: bool = False
    port: int = 2525
    host: str = "127.0.0.1"
    proxy: bool = False
    auth_enabled: bool = True
    password: Secret[str] | None = None
    tls_enabled: bool = False
    tls_required: bool = False
    normalise: bool = False


@dataclass(frozen=True, slots=True)
class SuppressionValues:
    """The settings of suppression lists."""

    rules: SuppressionRules = SuppressionRules.OFF
    scope: SuppressionScope = SuppressionScope.ACCOUNT
    lists: tuple[str, ...] = (RESERVED_LIST,)  # that hold for every message
    answer: SuppressionAnswer = SuppressionAnswer.SKIPPED

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> SuppressionValues:
        base = cls()
        has_lists = isinstance(stored.get("suppressionLists"), list)
        return cls(
            rules=_choice(stored, "suppressionRules", base.rules),
            scope=_choice(stored, "suppressionScope", base.scope),
            lists=_strings(stored, "suppressionLists") if has_lists else base.lists,
            answer=_choice(stored, "suppressionAnswer", base.answer),
        )


@dataclass(frozen=True, slots=True)
class LogValues:
    """The setting of protocol logs."""

    all: bool = False  # every account has one
    max_lines: int = 10_000  # of each account

    @classmethod
    def of(cls, stored: object) -> LogValues:
        base = cls()
        members = stored if isinstance(stored, Mapping) else {}
        return cls(
            all=_flag(members, "all", base.all),
            max_lines=_number(members, "maxLogLines", base.max_lines),
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
    sent_retention_days: int = 30
    tagged_return_path: bool = False
    notify_text: bool = True
    notify_text_size: int = 2_097_152  # characters; 0 is no limit
    notify_headers: tuple[str, ...] = ()
    notify_attachments: bool = False
    notify_attachment_size: int | None = None  # octets
    notify_web_safe_html: bool = False
    notify_calendar_events: bool = False
    inbox_new_only: bool = False
    enable_api_proxy: bool = True
    locale: str = "en"
    imap_indexer: str = "full"
    threading: bool = False
    imap_client_name: str | None = None
    imap_client_version: str | None = None
    imap_client_vendor: str | None = None
    imap_client_support_url: str | None = None
    suppression: SuppressionValues = SuppressionValues()
    logs: LogValues = LogValues()
    smtp_server: SmtpServerValues = SmtpServerValues()

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
            sent_retention_days=_number(stored, "sentRetention", base.sent_retention_days),
            tagged_return_path=_flag(stored, "taggedReturnPath", False),
            notify_text=_flag(stored, "notifyText", base.notify_text),
            notify_text_size=_number(stored, "notifyTextSize", base.notify_text_size),
            notify_headers=_strings(stored, "notifyHeaders"),
            notify_attachments=_flag(stored, "notifyAttachments", False),
            notify_attachment_size=_number(stored, "notifyAttachmentSize"),
            notify_web_safe_html=_flag(stored, "notifyWebSafeHtml", False),
            notify_calendar_events=_flag(stored, "notifyCalendarEvents", False),
            inbox_new_only=_flag(stored, "inboxNewOnly", False),
            enable_api_proxy=_flag(stored, "enableApiProxy", True),
            locale=_string(stored, "locale") or base.locale,
            imap_indexer=_string(stored, "imapIndexer") or base.imap_indexer,
            threading=_flag(stored, "threading", False),
            imap_client_name=_string(stored, "imapClientName"),
            imap_client_version=_string(stored, "imapClientVersion"),
            imap_client_vendor=_string(stored, "imapClientVendor"),
            imap_client_support_url=_string(stored, "imapClientSupportUrl"),
            suppression=SuppressionValues.of(stored),
            logs=LogValues.of(stored.get("logs")),
            smtp_server=SmtpServerValues(
                enabled=_flag(stored, "smtpServerEnabled", False),
                port=_number(stored, "smtpServerPort", 2525),
                host=_string(stored, "smtpServerHost") or "127.0.0.1",
                proxy=_flag(stored, "smtpServerProxy", False),
                auth_enabled=_flag(stored, "smtpServerAuthEnabled", True),
                password=_secret(stored, "smtpServerPassword"),
                tls_enabled=_flag(stored, "smtpServerTLSEnabled", False),
                tls_required=_flag(stored, "smtpServerTLSRequired", False),
                normalise=_flag(stored, "smtpServerNormalise", False),
            ),
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


def _choice(stored: Mapping[str, object], key: str, default: E) -> E:
    kind = type(default)
    value = stored.get(key)
    return kind(value) if isinstance(value, str) and value in {*kind} else default


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
