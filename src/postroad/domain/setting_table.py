"""The table of settings: every key that operators can change while the process runs.

The only list: the API, the command line, the reference page and the typed
:class:`~postroad.domain.setting.SettingValues` read it from here. Keys are spelled as the API
spells them, because they are data that people write into configuration. A setting that does
nothing yet is not in it. Contract §13.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from postroad.domain.setting_kinds import Setting, SettingKind
from postroad.domain.suppression import (
    RESERVED_LIST,
    SuppressionAnswer,
    SuppressionRules,
    SuppressionScope,
)
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
        "sentRetention",
        SettingKind.INTEGER,
        "Days for which it is remembered what was sent and what came back of it.",
        30,
        minimum=1,
        maximum=3_650,
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "taggedReturnPath",
        SettingKind.BOOLEAN,
        "Send from `local+queueId@domain` instead of the account's address, in the envelope alone, "
        "so that a bounce that names nothing else finds its message.",
        False,
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
        "locale",
        SettingKind.CHOICE,
        "Language of what is wrong with a request, where the caller's Accept-Language names none.",
        "en",
        choices=("en", "et", "fr", "de", "pl", "ja", "nl"),
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
    Setting(
        "suppressionRules",
        SettingKind.CHOICE,
        f"Which reports put their recipient onto the list `{RESERVED_LIST}`.",
        SuppressionRules.OFF.value,
        choices=tuple(item.value for item in SuppressionRules),
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "suppressionScope",
        SettingKind.CHOICE,
        f"For whom an address on `{RESERVED_LIST}` is suppressed: for the `account` that wrote to "
        "it, or for all (`global`).",
        SuppressionScope.ACCOUNT.value,
        choices=tuple(item.value for item in SuppressionScope),
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "suppressionLists",
        SettingKind.NAMES,
        "Lists that hold for every message; an empty array checks nothing.",
        (RESERVED_LIST,),
        max_length=253,
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "suppressionAnswer",
        SettingKind.CHOICE,
        "What becomes of a submit with a suppressed recipient: `skipped` leaves that one out and "
        "tells, `refuse` refuses all of it.",
        SuppressionAnswer.SKIPPED.value,
        choices=tuple(item.value for item in SuppressionAnswer),
        is_nullable=True,
        is_ours=True,
    ),
    Setting(
        "logs",
        SettingKind.OBJECT,
        "Whether `all` (false) accounts have a protocol log, beside those that ask for one, and "
        "how many lines of each are kept: `maxLogLines` (10000, at most 1000000).",
        members=(
            Setting("all", SettingKind.BOOLEAN, "Whether all accounts have a log.", False),
            Setting(
                "maxLogLines",
                SettingKind.INTEGER,
                "Lines that are kept of each account, the newest; 0 keeps none.",
                10_000,
                minimum=0,
                maximum=1_000_000,
            ),
        ),
    ),
    Setting("smtpServerEnabled", SettingKind.BOOLEAN, "Whether mail is taken over SMTP.", False),
    Setting(
        "smtpServerPort",
        SettingKind.INTEGER,
        "Port of the SMTP server; 0 takes a free one and logs it.",
        2525,
        minimum=0,
        maximum=65_535,
    ),
    Setting(
        "smtpServerHost",
        SettingKind.ADDRESS,
        "IP address that the SMTP server listens on.",
        "127.0.0.1",
    ),
    Setting(
        "smtpServerProxy",
        SettingKind.BOOLEAN,
        "Whether connections begin with a PROXY header (version 1 or 2) from a known proxy.",
        False,
    ),
    Setting(
        "smtpServerAuthEnabled",
        SettingKind.BOOLEAN,
        "Whether SMTP clients have to log in; if not, X-EE-Account names the account.",
        True,
    ),
    Setting(
        "smtpServerPassword",
        SettingKind.TEXT,
        "Password that opens every account over SMTP; without it only tokens do.",
        max_length=1024,
        is_nullable=True,
        is_secret=True,
    ),
    Setting(
        "smtpServerTLSEnabled",
        SettingKind.BOOLEAN,
        "Whether SMTP connections begin with TLS; if not, STARTTLS is offered with a certificate.",
        False,
    ),
    Setting(
        "smtpServerTLSRequired",
        SettingKind.BOOLEAN,
        "Whether SMTP clients have to use STARTTLS before they log in or send.",
        False,
        is_ours=True,
    ),
    Setting(
        "smtpServerNormalise",
        SettingKind.BOOLEAN,
        "Whether CR or LF alone in messages over SMTP becomes CRLF; if not, it is refused.",
        False,
        is_ours=True,
    ),
)

BY_KEY: Final[Mapping[str, Setting]] = MappingProxyType({item.key: item for item in SETTINGS})
