"""Accounts as JSON: registered, changed, shown. Contract §10."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from postroad.domain.account import Account, AccountKind, AccountState, AccountStatus
from postroad.domain.secret import Secret
from postroad.domain.url import MASK, is_field_value, is_http_token, mask_url
from postroad.engine.accounts.registry import AccountView
from postroad.engine.providers.results import Quota
from postroad.surfaces.api.schemas.account_sync import (
    Indexer,
    LastErrorAnswer,
    QuotaAnswer,
    SyncErrorAnswer,
    quota_answer,
)
from postroad.surfaces.api.schemas.formats import (
    EhloName,
    Email,
    EmptyOrHttpUrl,
    EmptyOrProxyUrl,
    No,
    Timestamp,
    iso,
)
from postroad.surfaces.api.schemas.members import (
    AccountName,
    Answer,
    MailboxPath,
    NewAccountId,
    Paging,
    Request,
    given,
)
from postroad.surfaces.api.schemas.servers import (
    Imap,
    ImapAnswer,
    ImapChange,
    Server,
    Smtp,
    SmtpAnswer,
    SmtpChange,
)
from postroad.surfaces.api.validation import Problems

Paths = Annotated[list[MailboxPath], Meta(extra={"single": True})]
State = Literal[
    "init",
    "unset",
    "connected",
    "connecting",
    "syncing",
    "authenticationError",
    "connectError",
    "disconnected",
    "paused",
]

Kind = Literal["imap", "sending", "sandbox", "invalid"]
Subconnections = Annotated[
    list[Annotated[str, Meta(max_length=256)]], Meta(max_length=100, extra={"single": True})
]
_TEXT = {"type": "string"}
SmtpStatus = Annotated[
    dict[str, Any],
    Meta(
        extra_json_schema={
            "properties": {
                "created": {"type": "string", "format": "date-time", "nullable": True},
                "status": {"type": "string", "enum": ["ok", "error"]},
                "response": _TEXT,
                "description": _TEXT,
                "responseCode": {"type": "integer"},
                "code": _TEXT,
                "command": _TEXT,
                "networkRouting": {"type": "object", "nullable": True},
            }
        }
    ),
]


class CustomHeader(Request):
    """A header that is added to webhook requests."""

    key: Annotated[str, Meta(max_length=1024, extra={"trim": True})]
    value: Annotated[str, Meta(max_length=10_240, extra={"trim": True})] = ""


class _Shared(Request):
    """What can be given on creation as well as changed later."""

    email: Email | UnsetType = UNSET
    webhooks: EmptyOrHttpUrl | UnsetType = UNSET
    webhooksCustomHeaders: list[CustomHeader] | UnsetType = UNSET
    copy: bool | UnsetType | None = UNSET
    proxy: EmptyOrProxyUrl | UnsetType = UNSET
    smtpEhloName: EhloName | UnsetType | None = UNSET
    path: Paths | UnsetType | None = UNSET
    notifyFrom: Timestamp | UnsetType | None = UNSET
    subconnections: Subconnections | UnsetType = UNSET
    threading: bool | UnsetType | None = UNSET
    logs: bool | UnsetType = UNSET
    oauth2: No | UnsetType = UNSET

    def applied(self, account: Account, problems: Problems) -> Account:
        """``account`` with what was given put into it."""
        if self.email is not UNSET:
            account = replace(account, email=str(self.email))
        if self.webhooks is not UNSET:
            account = replace(account, webhooks=str(self.webhooks) or None)
        if self.webhooksCustomHeaders is not UNSET:
            headers = _custom_headers(self.webhooksCustomHeaders, problems)
            account = replace(account, webhook_headers=headers)
        if self.copy is not UNSET:
            account = replace(account, copy=self.copy)
        if self.proxy is not UNSET:
            account = replace(account, proxy=Secret(str(self.proxy)) if self.proxy else None)
        if self.smtpEhloName is not UNSET:
            name = None if self.smtpEhloName is None else str(self.smtpEhloName)
            account = replace(account, ehlo_name=name)
        if self.path is not UNSET:
            # "*" is how clients spell "all of them".
            paths = None if self.path is None else tuple(p.strip() for p in self.path)
            account = replace(account, paths=None if not paths or "*" in paths else paths)
        if self.notifyFrom is not UNSET:
            at = None if self.notifyFrom is None else int(self.notifyFrom)
            account = replace(account, notify_from=at)
        if self.subconnections is not UNSET:
            wanted = dict.fromkeys(path.strip() for path in self.subconnections)
            account = replace(account, subconnections=tuple(path for path in wanted if path))
        if self.threading is not UNSET:
            account = replace(account, threading=self.threading)
        if self.logs is not UNSET:
            account = replace(account, logs=self.logs)
        return account


class CreateAccountBody(_Shared, kw_only=True):
    """A new account, or a new description of one that exists."""

    account: NewAccountId | None
    name: AccountName
    type: Literal["sandbox"] | UnsetType = UNSET
    imap: Imap | bool | UnsetType = UNSET
    smtp: Smtp | bool | UnsetType = UNSET
    imapIndexer: Indexer | UnsetType | None = UNSET
    logs: Annotated[bool, Meta(extra_json_schema={"default": False})] | UnsetType = UNSET

    def to_domain(self) -> Account:
        """An account without id when the caller leaves naming to us. Raises :exc:`Invalid`."""
        problems = Problems()
        account_id = given(self.account)
        if account_id == "":
            problems.add("account", "is not allowed to be empty")
        is_sandbox = self.type == "sandbox"
        imap = smtp = None
        for key, value in (("imap", self.imap), ("smtp", self.smtp)):
            if value is True:
                problems.add(key, "must be of type object or false")
            elif is_sandbox and isinstance(value, Server):
                problems.add(key, "is not allowed with type sandbox")
            elif isinstance(value, Imap):
                imap = value.to_domain(problems)
            elif isinstance(value, Smtp):
                smtp = value.to_domain(problems)
        draft = Account(
            account=account_id or "",
            name=self.name.strip(),
            email=None,
            created_at=0,
            is_sandbox=is_sandbox,
            imap=imap,
            smtp=smtp,
            indexer=self.imapIndexer if isinstance(self.imapIndexer, str) else "",
        )
        draft = self.applied(draft, problems)
        if draft.kind is AccountKind.INVALID and not problems.has_any:
            problems.add("imap", "or smtp is required")
        problems.check()
        return draft


class UpdateAccountBody(_Shared):
    """What changes of an account; members that are not given stay as they are."""

    name: AccountName | UnsetType = UNSET
    imap: ImapChange | bool | UnsetType = UNSET
    smtp: SmtpChange | bool | UnsetType = UNSET

    def apply(self, account: Account) -> Account:
        """The changed account. Pure. Raises :exc:`Invalid`."""
        problems = Problems()
        if self.name is not UNSET:
            account = replace(account, name=self.name.strip())
        for key, value in (("imap", self.imap), ("smtp", self.smtp)):
            if value is True:
                problems.add(key, "must be of type object or false")
            elif account.is_sandbox and isinstance(value, Server):
                problems.add(key, "is not allowed with type sandbox")
        if not account.is_sandbox:
            account = self._servers(account, problems)
        account = self.applied(account, problems)
        problems.check()
        return account

    def _servers(self, account: Account, problems: Problems) -> Account:
        if isinstance(self.imap, ImapChange):
            known = account.imap if self.imap.partial else None
            account = replace(account, imap=self.imap.to_domain(problems, known=known))
        elif self.imap is False:
            account = replace(account, imap=None)
        if isinstance(self.smtp, SmtpChange):
            relay = account.smtp if self.smtp.partial else None
            account = replace(account, smtp=self.smtp.to_domain(problems, known=relay))
        elif self.smtp is False:
            account = replace(account, smtp=None)
        return account


class ListAccountsQuery(Paging):
    state: State | UnsetType = UNSET
    query: str | UnsetType = UNSET


class AccountQuery(Request):
    quota: bool = False


class DeleteAccountQuery(Request):
    revoke: No | UnsetType = UNSET


class ReconnectBody(Request):
    reconnect: bool = False


class CreateAccountAnswer(Answer):
    account: str
    state: Literal["existing", "new"]


class UpdateAccountAnswer(Answer):
    account: str


class DeleteAccountAnswer(Answer):
    account: str
    deleted: bool


class ReconnectAnswer(Answer):
    reconnect: bool


class Counters(Answer):
    events: dict[str, int]


class AccountEntry(Answer):
    """An account in a list."""

    account: str
    name: str
    type: Kind
    state: State
    counters: Counters
    lastError: LastErrorAnswer | None
    email: str | UnsetType = UNSET
    webhooks: str | UnsetType = UNSET
    proxy: str | UnsetType = UNSET
    smtpEhloName: str | UnsetType | None = UNSET
    syncTime: str | UnsetType = UNSET

    @classmethod
    def of(cls, view: AccountView) -> AccountEntry:
        return cls(**_entry(view))


class AccountAnswer(AccountEntry, kw_only=True):
    """An account in full, secrets masked."""

    connections: int
    path: list[str] | UnsetType | None = UNSET
    imapIndexer: Indexer | UnsetType = UNSET
    subconnections: list[str] | UnsetType = UNSET
    threading: bool | UnsetType = UNSET
    logs: bool
    stateSince: str
    nextTry: str | UnsetType = UNSET  # when a connection is tried again
    syncError: SyncErrorAnswer | UnsetType = UNSET
    quota: QuotaAnswer | UnsetType = UNSET
    copy: bool | UnsetType = UNSET
    notifyFrom: str | UnsetType | None = UNSET
    imap: ImapAnswer | UnsetType = UNSET
    smtp: SmtpAnswer | UnsetType = UNSET
    smtpStatus: SmtpStatus | UnsetType | None = UNSET
    sendOnly: bool | UnsetType = UNSET
    webhooksCustomHeaders: list[CustomHeader] | UnsetType = UNSET

    @classmethod
    def of(cls, view: AccountView) -> AccountAnswer:
        account, status = view.account, view.status
        return cls(
            **_entry(view),
            connections=view.connections,
            stateSince=iso(status.state_since),
            nextTry=UNSET if status.next_try_at is None else iso(status.next_try_at),
            syncError=UNSET if status.sync_error is None else SyncErrorAnswer.of(status.sync_error),
            subconnections=list(account.subconnections) or UNSET,
            logs=account.logs,
            threading=UNSET if account.threading is None else account.threading,
            path=None if account.paths is None else list(account.paths),
            imapIndexer=_indexer(account),
            copy=UNSET if account.copy is None else account.copy,
            notifyFrom=None if account.notify_from is None else iso(account.notify_from),
            imap=UNSET if account.imap is None else ImapAnswer.of(account.imap),
            smtp=UNSET if account.smtp is None else SmtpAnswer.of(account.smtp),
            smtpStatus=_smtp_status(view.status),
            sendOnly=True if account.kind is AccountKind.SENDING else UNSET,
            webhooksCustomHeaders=[
                CustomHeader(key=key, value=MASK) for key, _ in account.webhook_headers
            ]
            or UNSET,
        )

    def with_quota(self, quota: Quota | None) -> AccountAnswer:
        """False where the server does not tell of any."""
        self.quota = quota_answer(quota)
        return self


class ListAccountsAnswer(Answer):
    total: int
    page: int
    pages: int
    query: str | bool
    state: str
    accounts: list[AccountEntry]


def _entry(view: AccountView) -> dict[str, Any]:
    account, status = view.account, view.status
    error = status.last_error if status.state is not AccountState.CONNECTED else None
    return {
        "account": account.account,
        "name": account.name,
        "type": account.kind.value,
        "state": status.state.value,
        "counters": Counters(events=view.counters),
        "lastError": None if error is None else LastErrorAnswer.of(error),
        "email": account.email or UNSET,
        "webhooks": mask_url(account.webhooks) if account.webhooks else UNSET,
        "proxy": mask_url(account.proxy.reveal()) if account.proxy else UNSET,
        "smtpEhloName": account.ehlo_name or UNSET,
        "syncTime": UNSET if status.synced_at is None else iso(status.synced_at),
    }


def _smtp_status(status: AccountStatus) -> dict[str, Any] | UnsetType:
    if not status.smtp_status:
        return UNSET
    shown: dict[str, Any] = dict(status.smtp_status)
    if isinstance(created := shown.get("created"), int):
        shown["created"] = iso(created)
    return shown


def _indexer(account: Account) -> Indexer | UnsetType:
    if not account.has_mailbox:
        return UNSET
    return "fast" if account.indexer == "fast" else "full"


def _custom_headers(
    members: list[CustomHeader], problems: Problems
) -> tuple[tuple[str, Secret[str]], ...]:
    headers = []
    for n, member in enumerate(members):
        key, value = member.key.strip(), member.value.strip()
        place = f"webhooksCustomHeaders[{n}]"
        if not is_http_token(key):
            problems.add("key", "must be a valid header name", place=f"{place}.key")
        if not is_field_value(value):
            problems.add("value", "must not contain control characters", place=f"{place}.value")
        headers.append((key, Secret(value)))
    return tuple(headers)
