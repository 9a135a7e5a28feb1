"""Access tokens: what they open, for whom, from where and how often. Contract §12.

A token's value is 64 hexadecimal digits (32 random bytes). Its id is the SHA-256 of those bytes;
only the id is ever kept, so a stolen store opens nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class TokenScope(StrEnum):
    """Surfaces that a token opens. A token without scopes opens all of them."""

    ALL = "*"
    API = "api"
    SMTP = "smtp"
    IMAP_PROXY = "imap-proxy"
    METRICS = "metrics"
    MCP = "mcp"


class Action(StrEnum):
    """What an operation does; one half of a grant."""

    READ = "read"
    WRITE = "write"
    SEND = "send"
    DESTRUCTIVE = "destructive"


class Group(StrEnum):
    """What an operation does it to; the other half of a grant."""

    ADMIN = "admin"  # open to unrestricted tokens alone; no record can grant it
    ACCOUNT = "account"
    MAILBOX = "mailbox"
    MESSAGE = "message"
    SUBMIT = "submit"
    OUTBOX = "outbox"
    EXPORT = "export"
    TEMPLATE = "template"
    BLOCKLIST = "blocklist"
    WEBHOOK = "webhook"
    GATEWAY = "gateway"
    EVENTS = "events"
    DIAGNOSTICS = "diagnostics"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a token may do of all that its scope opens. ``None`` leaves that half open."""

    actions: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None

    def allow(self, action: str, group: str) -> bool:
        """Whether both halves are granted. ``admin`` never is."""
        return (
            group != Group.ADMIN
            and (self.actions is None or action in self.actions)
            and (self.groups is None or group in self.groups)
        )

    def to_json(self) -> dict[str, object]:
        halves = {"actions": self.actions, "groups": self.groups}
        return {name: list(half) for name, half in halves.items() if half is not None}

    @classmethod
    def from_json(cls, value: object) -> Self | None:
        """Read a stored record. One that cannot be read grants nothing: never fail open."""
        if value is None:
            return None
        nothing = cls(actions=(), groups=())
        if not isinstance(value, Mapping) or not value or not {*value} <= {"actions", "groups"}:
            return nothing
        try:
            return cls(_texts(value.get("actions")), _texts(value.get("groups")))
        except ValueError:
            return nothing


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``max_requests`` in each fixed window of ``window_s`` seconds."""

    max_requests: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Restrictions:
    """From where and how often a token may be used. Empty lists restrict nothing."""

    addresses: tuple[str, ...] = ()  # IP addresses and CIDR networks
    referrers: tuple[str, ...] = ()  # patterns for the Referer header, ``*`` matches any run
    rate_limit: RateLimit | None = None

    def to_json(self) -> dict[str, object]:
        """The members that the API shows, absent ones as ``null``."""
        rate = self.rate_limit
        return {
            "addresses": list(self.addresses) or None,
            "referrers": list(self.referrers) or None,
            "rateLimit": rate and {"maxRequests": rate.max_requests, "timeWindow": rate.window_s},
        }

    @classmethod
    def from_json(cls, value: object) -> Self | None:
        """Read a stored record. One that cannot be read lets no address in."""
        if value is None:
            return None
        try:
            if not isinstance(value, Mapping):
                raise ValueError("not an object")
            return cls(
                addresses=_texts(value.get("addresses")) or (),
                referrers=_texts(value.get("referrers")) or (),
                rate_limit=_rate_limit(value.get("rateLimit")),
            )
        except ValueError:
            return cls(addresses=("",))


@dataclass(frozen=True, slots=True)
class Token:
    """One access token as it is remembered. A copy of its row."""

    token_id: str  # 64 lower-case hexadecimal digits
    description: str
    created_at: int  # epoch ms
    scopes: tuple[str, ...] = ()  # empty opens everything
    account: str | None = None  # opens this account alone
    metadata: str | None = None  # caller's own JSON text
    restrictions: Restrictions | None = None
    permissions: Permissions | None = None
    ip: str | None = None  # who asked for it
    expires_at: int | None = None  # epoch ms
    access_time: int | None = None  # epoch ms of the last use
    access_ip: str | None = None  # where it came from
    remote: bool = False  # minted over the API, not on this machine

    def has_scope(self, scope: str) -> bool:
        return not self.scopes or scope in self.scopes or TokenScope.ALL in self.scopes


def token_id_of(value: str) -> str | None:
    """The id of a token value; ``None`` when it cannot be a token. Either case of hex goes."""
    if not _VALUE.match(value):
        return None
    return hashlib.sha256(bytes.fromhex(value)).hexdigest()


_VALUE = re.compile(r"[0-9A-Fa-f]{64}\Z")


def _texts(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise ValueError("not a list")
    if not all(isinstance(item, str) for item in value):
        raise ValueError("not a list of strings")
    return tuple(value)


def _rate_limit(value: object) -> RateLimit | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("not an object")
    count, window = value.get("maxRequests"), value.get("timeWindow")
    if not isinstance(count, int) or not isinstance(window, int) or count < 1 or window < 1:
        raise ValueError("not a rate limit")
    return RateLimit(count, window)
