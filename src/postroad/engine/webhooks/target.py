"""Where an account's events go, and the part of the request that is the same for all of them.

The choice follows the contract, events §4 and §5: the account's own URL or else the default
one; the same list of wanted events for both; headers in an order in which later ones override
earlier ones of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from postroad import __version__
from postroad.domain.account import Account
from postroad.domain.errors import LocalProtocolError
from postroad.domain.event import EventName, RecordedEvent
from postroad.domain.mailbox import SpecialUse
from postroad.domain.secret import Secret
from postroad.domain.setting import SettingValues
from postroad.protocol.http import HttpUrl, header_lines, parse_url

GLOBAL_TARGET = "global"  # key of the default URL's error flag
USER_AGENT = f"Postroad/{__version__}"

_ID = "x-ee-wh-id"
_ATTEMPTS = "x-ee-wh-attempts-made"
_QUEUED = "x-ee-wh-queued-time"
_BY_NAME_ONLY = frozenset(
    {
        EventName.MESSAGE_MOVED.value,
        EventName.MESSAGE_REPLY.value,
        EventName.RECIPIENT_SUPPRESSED.value,
    }
)
# Told for each request, and behind the custom headers in the order of overriding.
_LAST = frozenset({"x-ee-wh-event-id", "x-ee-wh-signature", "content-length"})
# These would change how the request is cut out of the connection. RFC 9112 §6, §9.
_FRAMING = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """One destination, ready to be posted to."""

    key: str  # of its error flag: "global" or "account:<id>"
    url: HttpUrl
    lines: bytes  # header fields that do not change from request to request
    overridden: frozenset[str]  # of our changing fields, those that a custom header replaces

    def header_lines(
        self, *, job_id: int, attempts_made: int, queued_s: int, event_id: str, signature: str
    ) -> bytes:
        """All header fields of one request except Content-Length."""
        lines = [self.lines]
        if _ID not in self.overridden:
            lines.append(b"X-EE-Wh-Id: %d\r\n" % job_id)
        if _ATTEMPTS not in self.overridden:
            lines.append(b"X-EE-Wh-Attempts-Made: %d\r\n" % attempts_made)
        if _QUEUED not in self.overridden:
            lines.append(b"X-EE-Wh-Queued-Time: %ds\r\n" % queued_s)
        lines.append(
            b"X-EE-Wh-Event-Id: %b\r\nX-EE-Wh-Signature: %b\r\n"
            % (event_id.encode("ascii"), signature.encode("ascii"))
        )
        return b"".join(lines)


@dataclass(frozen=True, slots=True)
class BrokenTarget:
    """A destination that is configured, but cannot be posted to."""

    key: str
    message: str


def is_wanted(values: SettingValues, name: str) -> bool:
    """Whether an event of this name is sent at all. Nothing is until a list is set.

    ``*`` stands for the events that clients of the contract know; others are asked for by name.
    """
    if name in values.webhook_events:
        return True
    return "*" in values.webhook_events and name not in _BY_NAME_ONLY


def is_for_inbox(values: SettingValues, event: RecordedEvent) -> bool:
    """Whether ``inboxNewOnly`` lets an event pass. Contract: events §3.

    Only messageNew is held back, when neither its mailbox nor its labels say that the message is
    in the inbox.
    """
    if not values.inbox_new_only or event.name != EventName.MESSAGE_NEW:
        return True
    inbox = SpecialUse.INBOX
    if event.path == "INBOX" or event.special_use == inbox:
        return True
    data = msgspec.json.decode(event.data, type=_Place)
    is_there = data.path == "INBOX" or inbox in (data.specialUse, data.messageSpecialUse)
    return is_there or inbox in (data.labels or ())


def is_told_without_account(name: str) -> bool:
    """Whether an event outlives its account: its deletion alone."""
    return name == EventName.ACCOUNT_DELETED


def choose_target(values: SettingValues, account: Account | None) -> Target | BrokenTarget | None:
    """The destination of an account's events; ``None`` when no URL is set for them.

    ``account`` is ``None`` once it is deleted; the default URL is left then.
    """
    if account is not None and account.webhooks:
        key, text = f"account:{account.account}", account.webhooks
    elif values.webhooks:
        key, text = GLOBAL_TARGET, values.webhooks
    else:
        return None
    try:
        url = parse_url(text)
        custom = [*values.webhooks_custom_headers]
        if account is not None:
            custom += account.webhook_headers
        fields = _merge(url, custom)
        return Target(
            key,
            url,
            header_lines(fields.values()),
            frozenset({_ID, _ATTEMPTS, _QUEUED} & fields.keys()),
        )
    except LocalProtocolError as error:
        return BrokenTarget(key, error.message)


class _Place(msgspec.Struct):
    """The members of messageNew that tell where the message is."""

    path: str | None = None
    specialUse: str | None = None  # noqa: N815 - as the event spells it
    messageSpecialUse: str | None = None  # noqa: N815
    labels: list[str] | None = None


def _merge(url: HttpUrl, custom: Iterable[tuple[str, Secret[str]]]) -> dict[str, tuple[str, str]]:
    """Our constant fields and the custom ones by lower-case name; later ones win."""
    fields = {
        "host": ("Host", url.authority),
        "content-type": ("Content-Type", "application/json"),
        "user-agent": ("User-Agent", USER_AGENT),
    }
    if url.basic is not None:
        fields["authorization"] = ("Authorization", url.basic.reveal())
    for name, value in custom:
        lower = name.lower()
        if lower not in _LAST and lower not in _FRAMING:
            fields[lower] = (name, value.reveal())
    return fields
