"""A mail account that a team owns, and how it fares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from postroad.domain.address import Address
from postroad.domain.mailbox_state import SyncError
from postroad.domain.secret import Secret


class AccountState(StrEnum):
    """How the way into the mailbox stands. Contract B-200, B-201."""

    INIT = "init"
    CONNECTING = "connecting"
    SYNCING = "syncing"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    AUTHENTICATION_ERROR = "authenticationError"
    CONNECT_ERROR = "connectError"
    UNSET = "unset"  # no mailbox behind it: send-only, or IMAP switched off
    PAUSED = "paused"


class AccountKind(StrEnum):
    """What stands behind an account; the API's ``type``."""

    IMAP = "imap"
    SENDING = "sending"  # SMTP only
    SANDBOX = "sandbox"  # a mailbox inside Postroad
    INVALID = "invalid"  # neither a mailbox nor a relay


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How far a server's certificate is trusted."""

    verify: bool = True  # False accepts any certificate
    min_version: str | None = None  # "TLSv1.2"; None leaves it to the process default
    extra: Mapping[str, object] = field(
        default_factory=dict
    )  # other members of ``tls``, kept as sent


@dataclass(frozen=True, slots=True)
class Login:
    """What a server is shown. One of the two secrets is set; none is a configuration gap."""

    user: str
    password: Secret[str] | None = None
    access_token: Secret[str] | None = None  # used with XOAUTH2 or OAUTHBEARER


@dataclass(frozen=True, slots=True)
class ImapSettings:
    host: str
    port: int
    secure: bool = False  # TLS from the first octet; otherwise STARTTLS where offered
    login: Login | None = None
    tls: TlsOptions = TlsOptions()
    disabled: bool = False
    resync_delay_s: int = 900
    disable_rev2: bool = False
    sent_path: str | None = None
    drafts_path: str | None = None
    junk_path: str | None = None
    trash_path: str | None = None
    archive_path: str | None = None


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    host: str
    port: int
    secure: bool = False
    login: Login | None = None  # None: the relay wants no AUTH
    tls: TlsOptions = TlsOptions()


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it was configured. A copy of its row."""

    account: str  # the caller's id
    name: str
    email: str | None
    created_at: int  # epoch ms
    version: int = 1  # grows with every change; a runner compares it with its own
    is_sandbox: bool = False
    imap: ImapSettings | None = None
    smtp: SmtpSettings | None = None
    expected_email: str | None = None
    paths: tuple[str, ...] | None = None  # folders to sync; None is all
    subconnections: tuple[str, ...] = ()
    webhooks: str | None = None  # this account's own webhook URL
    webhook_headers: tuple[tuple[str, Secret[str]], ...] = ()
    copy: bool | None = None  # file sent mail; None is the default, yes
    logs: bool = False
    notify_from: int | None = None  # epoch ms
    proxy: Secret[str] | None = None  # URL, may carry credentials
    ehlo_name: str | None = None
    indexer: str = "full"  # full | fast; contract B-223. Empty in a draft follows the setting
    threading: bool | None = None  # threads of our own; None follows the setting
    locale: str | None = None
    tz: str | None = None

    @property
    def kind(self) -> AccountKind:
        if self.is_sandbox:
            return AccountKind.SANDBOX
        if self.imap is not None:
            return AccountKind.IMAP
        return AccountKind.SENDING if self.smtp is not None else AccountKind.INVALID

    @property
    def has_mailbox(self) -> bool:
        """Whether there is a mailbox to read, file into and flag in."""
        return self.is_sandbox or (self.imap is not None and not self.imap.disabled)

    @property
    def can_send(self) -> bool:
        return self.is_sandbox or self.smtp is not None

    @property
    def sender(self) -> Address | None:
        """The default From; ``None`` when the account has no address."""
        return Address(self.email, self.name) if self.email else None


@dataclass(frozen=True, slots=True)
class LastError:
    """Why an account does not work, in words that say what to do."""

    response: str  # what the server or the network said
    code: str | None = None  # IMAP response code or socket error code
    description: str | None = None  # what to do about it


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """How an account fares. A copy of its row."""

    state: AccountState
    state_since: int  # epoch ms
    last_error: LastError | None = None
    next_try_at: int | None = None  # epoch ms of the next connection attempt, when one is planned
    connected_before: bool = False  # accountInitialized was told
    authenticated_before: bool = False  # authenticationSuccess was told and no error since
    smtp_status: Mapping[str, object] | None = None  # contract B-165, ready for JSON
    synced_at: int | None = None  # epoch ms; when all mailboxes were last found in order
    sync_error: SyncError | None = None  # contract B-230
