"""Access tokens as JSON. Contract §12."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from postroad.domain import token as domain
from postroad.engine.access import TokenDraft
from postroad.surfaces.api.schemas.formats import Ip, IpNetwork, Timestamp, iso
from postroad.surfaces.api.schemas.members import (
    AccountName,
    Answer,
    Description,
    NewAccountId,
    Paging,
    Request,
    given,
)
from postroad.surfaces.api.validation import Problems

Scope = Literal["api", "smtp", "imap-proxy", "mcp"]
ActionName = Literal["read", "write", "send", "destructive"]
GroupName = Literal[
    "account",
    "mailbox",
    "message",
    "submit",
    "outbox",
    "export",
    "template",
    "blocklist",
    "webhook",
    "gateway",
    "events",
    "diagnostics",
    "logs",
]
SINGLE = {"single": True}
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class RateLimit(Request):
    """At most ``maxRequests`` in each window of ``timeWindow`` seconds."""

    maxRequests: Count
    timeWindow: Count


class Restrictions(Request):
    """From where and how often a token may be used."""

    referrers: Annotated[list[AccountName], Meta(extra=SINGLE, max_length=100)] | None = None
    addresses: Annotated[list[IpNetwork], Meta(extra=SINGLE, max_length=1000)] | None = None
    rateLimit: RateLimit | None = None

    def to_domain(self) -> domain.Restrictions:
        rate = self.rateLimit
        return domain.Restrictions(
            addresses=tuple(str(item) for item in self.addresses or ()),
            referrers=tuple(item.strip() for item in self.referrers or ()),
            rate_limit=None
            if rate is None
            else domain.RateLimit(rate.maxRequests, rate.timeWindow),
        )


class Permissions(Request):
    """What a token may do of all that its scope opens."""

    actions: Annotated[list[ActionName], Meta(min_length=1, extra=SINGLE)] | UnsetType = UNSET
    groups: Annotated[list[GroupName], Meta(min_length=1, extra=SINGLE)] | UnsetType = UNSET

    def to_domain(self, problems: Problems) -> domain.Permissions:
        if self.actions is UNSET and self.groups is UNSET:
            problems.add("permissions", "must have at least 1 key")
        return domain.Permissions(
            actions=None if self.actions is UNSET else tuple(self.actions),
            groups=None if self.groups is UNSET else tuple(self.groups),
        )


class CreateTokenBody(Request):
    """A token to mint."""

    description: Description
    scopes: Annotated[list[Scope], Meta(extra=SINGLE)]
    account: NewAccountId | UnsetType = UNSET
    metadata: Annotated[str, Meta(max_length=1_048_576)] | UnsetType = UNSET
    restrictions: Restrictions | UnsetType | None = UNSET
    permissions: Permissions | UnsetType | None = UNSET
    expires: Timestamp | UnsetType = UNSET
    ip: Ip | UnsetType = UNSET

    def to_draft(self, *, address: str, now: int) -> TokenDraft:
        """Map to the engine's words; ``address`` is who asks. Raises :exc:`Invalid`. B-240."""
        problems = Problems()
        account = given(self.account) or None
        permissions = (
            self.permissions.to_domain(problems)
            if isinstance(self.permissions, Permissions)
            else None
        )
        if account is None and permissions is None:
            problems.add("account", "is required unless the token has permissions")
        if self.expires is not UNSET and self.expires <= now:
            problems.add("expires", "must be in the future")
        problems.check()
        return TokenDraft(
            description=self.description.strip(),
            # A token without scopes would open everything; nobody asks for that by an empty list.
            scopes=tuple(dict.fromkeys(self.scopes)) or ("api",),
            account=account,
            metadata=None if self.metadata is UNSET else self.metadata,
            restrictions=self.restrictions.to_domain()
            if isinstance(self.restrictions, Restrictions)
            else None,
            permissions=permissions,
            ip=given(self.ip) or address or None,
            expires_at=None if self.expires is UNSET else int(self.expires),
            remote=True,
        )


class ListTokensQuery(Paging):
    query: Annotated[str, Meta(max_length=1024, extra={"trim": True})] | UnsetType = UNSET
    account: NewAccountId | UnsetType = UNSET


class CreateTokenAnswer(Answer):
    token: str
    id: str


class DeleteTokenAnswer(Answer):
    deleted: bool


class LastUse(Answer):
    time: str | None
    ip: str | None


class TokenAnswer(Answer):
    id: str
    description: str
    created: str
    access: LastUse
    account: str | UnsetType | None = UNSET
    scopes: list[str] | UnsetType = UNSET
    metadata: str | UnsetType = UNSET
    ip: str | UnsetType = UNSET
    restrictions: Restrictions | UnsetType | None = UNSET
    permissions: Permissions | UnsetType | None = UNSET
    expires: str | UnsetType = UNSET

    @classmethod
    def of(cls, token: domain.Token) -> TokenAnswer:
        return cls(
            id=token.token_id,
            description=token.description,
            created=iso(token.created_at),
            access=LastUse(
                time=None if token.access_time is None else iso(token.access_time),
                ip=token.access_ip,
            ),
            account=token.account or UNSET,
            scopes=list(token.scopes) or UNSET,
            metadata=token.metadata or UNSET,
            ip=token.ip or UNSET,
            restrictions=_restrictions(token.restrictions),
            permissions=_permissions(token.permissions),
            expires=UNSET if token.expires_at is None else iso(token.expires_at),
        )


class ListTokensAnswer(Answer):
    total: int
    page: int
    pages: int
    tokens: list[TokenAnswer]
    account: str | UnsetType | None = UNSET


class AccountTokensAnswer(Answer):
    tokens: list[TokenAnswer]


def _restrictions(value: domain.Restrictions | None) -> Restrictions | UnsetType:
    if value is None:
        return UNSET
    rate = value.rate_limit
    return Restrictions(
        referrers=list(value.referrers) or None,
        addresses=[IpNetwork(item) for item in value.addresses] or None,
        rateLimit=None
        if rate is None
        else RateLimit(maxRequests=rate.max_requests, timeWindow=rate.window_s),
    )


def _permissions(value: domain.Permissions | None) -> Permissions | UnsetType:
    if value is None:
        return UNSET
    # What is stored may be older or newer than the names that this version knows: shown as it is.
    shown = Permissions()
    if value.actions is not None:
        shown.actions = list(value.actions)  # type: ignore[arg-type]  # see above
    if value.groups is not None:
        shown.groups = list(value.groups)  # type: ignore[arg-type]  # see above
    return shown
