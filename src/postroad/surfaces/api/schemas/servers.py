"""IMAP and SMTP settings of an account, as JSON: given, changed in parts, and shown masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from postroad.domain.account import ImapSettings, Login, SmtpSettings, TlsOptions
from postroad.domain.errors import shorten
from postroad.domain.secret import Secret
from postroad.domain.url import MASK
from postroad.surfaces.api.schemas.formats import Hostname, No
from postroad.surfaces.api.schemas.members import (
    AccessTokenText,
    Answer,
    Credential,
    MailboxPath,
    Request,
    given,
)
from postroad.surfaces.api.validation import Problems

Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[int, Meta(ge=1, le=86_400 * 7, extra_json_schema={"default": 900})]
# Off is what an account without the member has; an update without it changes nothing.
Secure = Annotated[bool, Meta(extra_json_schema={"default": False})]
Tls = Annotated[
    dict[str, Any],
    Meta(
        extra_json_schema={
            "properties": {
                "rejectUnauthorized": {"type": "boolean", "default": True},
                "minVersion": {"type": "string", "maxLength": 256},
            }
        }
    ),
]

TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


class Auth(Request):
    """What a server is shown."""

    user: Credential
    pass_: Credential | UnsetType = field(name="pass", default=UNSET)
    accessToken: AccessTokenText | bool | UnsetType = UNSET


class Server(Request):
    """What IMAP and SMTP have in common. An object; ``false`` in its place means "none"."""

    useAuthServer: No | UnsetType = UNSET
    auth: Auth | bool | UnsetType = UNSET
    host: Hostname | UnsetType = UNSET
    port: Port | UnsetType = UNSET
    secure: Secure | UnsetType = UNSET
    tls: Tls | UnsetType = UNSET

    def endpoint(
        self, known: ImapSettings | SmtpSettings | None, place: str, problems: Problems
    ) -> tuple[str, int]:
        host = known.host if known is not None else ""
        port = known.port if known is not None else 0
        if self.host is not UNSET:
            host = str(self.host)
        elif known is None:
            problems.add("host", "is required", place=f"{place}.host")
        if self.port is not UNSET:
            port = self.port
        elif known is None:
            problems.add("port", "is required", place=f"{place}.port")
        return host, port

    def login(self, known: Login | None, place: str, problems: Problems) -> Login | None:
        auth = self.auth
        if auth is UNSET:
            return known
        if auth is True:
            problems.add("auth", "must be of type object or false", place=f"{place}.auth")
            return None
        if auth is False:
            return None
        assert isinstance(auth, Auth)
        password, token = given(auth.pass_), None
        if isinstance(auth.pass_, str):
            password = auth.pass_  # blanks at its ends may be meant
        if isinstance(auth.accessToken, str):
            token = given(auth.accessToken)
        elif auth.accessToken is True:
            problems.add(
                "accessToken", "must be a string or false", place=f"{place}.auth.accessToken"
            )
        if password is not None and token is not None:
            problems.add("pass", "is not allowed with accessToken", place=f"{place}.auth.pass")
        if known is not None and password is None and token is None:
            return replace(known, user=auth.user)
        return Login(
            auth.user,
            None if password is None else Secret(password),
            None if token is None else Secret(token),
        )

    def tls_options(self, known: TlsOptions, place: str, problems: Problems) -> TlsOptions:
        if self.tls is UNSET:
            return known
        options = dict(self.tls)
        verify = options.pop("rejectUnauthorized", known.verify)
        version = options.pop("minVersion", known.min_version)
        for name, value in options.items():
            if not all(_is_plain(item) for item in (value if isinstance(value, list) else [value])):
                problems.add(
                    shorten(name), "must be a plain value", place=f"{place}.tls.{shorten(name)}"
                )
        if not isinstance(verify, bool):
            problems.add(
                "rejectUnauthorized", "must be a boolean", place=f"{place}.tls.rejectUnauthorized"
            )
        if version is not None and version not in TLS_VERSIONS:
            problems.add(
                "minVersion",
                f"must be one of [{', '.join(TLS_VERSIONS)}]",
                place=f"{place}.tls.minVersion",
            )
        return TlsOptions(
            verify=verify is True,
            min_version=None if version is None else str(version),
            extra={**known.extra, **options},
        )


class Imap(Server):
    """The way into the mailbox."""

    disableIMAP4rev2: bool | UnsetType = UNSET
    resyncDelay: Seconds | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    sentMailPath: MailboxPath | UnsetType | None = UNSET
    draftsMailPath: MailboxPath | UnsetType | None = UNSET
    junkMailPath: MailboxPath | UnsetType | None = UNSET
    trashMailPath: MailboxPath | UnsetType | None = UNSET
    archiveMailPath: MailboxPath | UnsetType | None = UNSET

    def to_domain(self, problems: Problems, *, known: ImapSettings | None = None) -> ImapSettings:
        """Build settings; members that are not given come from ``known``, or are the defaults."""
        host, port = self.endpoint(known, "imap", problems)
        base = known or ImapSettings(host, port)
        return ImapSettings(
            host=host,
            port=port,
            secure=base.secure if self.secure is UNSET else self.secure,
            login=self.login(base.login, "imap", problems),
            tls=self.tls_options(base.tls, "imap", problems),
            disabled=base.disabled if self.disabled is UNSET else self.disabled,
            resync_delay_s=base.resync_delay_s if self.resyncDelay is UNSET else self.resyncDelay,
            disable_rev2=base.disable_rev2
            if self.disableIMAP4rev2 is UNSET
            else self.disableIMAP4rev2,
            sent_path=_path(self.sentMailPath, base.sent_path),
            drafts_path=_path(self.draftsMailPath, base.drafts_path),
            junk_path=_path(self.junkMailPath, base.junk_path),
            trash_path=_path(self.trashMailPath, base.trash_path),
            archive_path=_path(self.archiveMailPath, base.archive_path),
        )


class SmtpParts(Server):
    """The account's own relay, perhaps not all of it."""

    def to_domain(self, problems: Problems, *, known: SmtpSettings | None = None) -> SmtpSettings:
        """Build settings; members that are not given come from ``known``, or are the defaults."""
        host, port = self.endpoint(known, "smtp", problems)
        base = known or SmtpSettings(host, port)
        return SmtpSettings(
            host=host,
            port=port,
            secure=base.secure if self.secure is UNSET else self.secure,
            login=self.login(base.login, "smtp", problems),
            tls=self.tls_options(base.tls, "smtp", problems),
        )


class Smtp(SmtpParts, kw_only=True):
    """The account's own relay."""

    host: Hostname
    port: Port


class ImapChange(Imap):
    """New settings, or with ``partial`` only what changes of them."""

    partial: bool = False


class SmtpChange(SmtpParts):
    """New settings, or with ``partial`` only what changes of them."""

    partial: bool = False


class AuthAnswer(Answer):
    user: str
    pass_: str | UnsetType = field(name="pass", default=UNSET)
    accessToken: str | UnsetType = UNSET

    @classmethod
    def of(cls, login: Login) -> AuthAnswer:
        return cls(
            user=login.user,
            pass_=UNSET if login.password is None else MASK,
            accessToken=UNSET if login.access_token is None else MASK,
        )


class ServerAnswer(Answer):
    auth: AuthAnswer | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    secure: bool | UnsetType = UNSET
    tls: Tls | UnsetType = UNSET


class SmtpAnswer(ServerAnswer):
    @classmethod
    def of(cls, smtp: SmtpSettings) -> SmtpAnswer:
        return cls(
            auth=UNSET if smtp.login is None else AuthAnswer.of(smtp.login),
            host=smtp.host,
            port=smtp.port,
            secure=smtp.secure,
            tls=_tls(smtp.tls),
        )


class ImapAnswer(ServerAnswer):
    disabled: bool | UnsetType = UNSET
    disableIMAP4rev2: bool | UnsetType = UNSET
    resyncDelay: int | UnsetType = UNSET
    sentMailPath: str | UnsetType | None = UNSET
    draftsMailPath: str | UnsetType | None = UNSET
    junkMailPath: str | UnsetType | None = UNSET
    trashMailPath: str | UnsetType | None = UNSET
    archiveMailPath: str | UnsetType | None = UNSET

    @classmethod
    def of(cls, imap: ImapSettings) -> ImapAnswer:
        return cls(
            auth=UNSET if imap.login is None else AuthAnswer.of(imap.login),
            host=imap.host,
            port=imap.port,
            secure=imap.secure,
            tls=_tls(imap.tls),
            disabled=imap.disabled or UNSET,
            disableIMAP4rev2=imap.disable_rev2 or UNSET,
            resyncDelay=imap.resync_delay_s,
            sentMailPath=imap.sent_path or UNSET,
            draftsMailPath=imap.drafts_path or UNSET,
            junkMailPath=imap.junk_path or UNSET,
            trashMailPath=imap.trash_path or UNSET,
            archiveMailPath=imap.archive_path or UNSET,
        )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _path(value: str | UnsetType | None, known: str | None) -> str | None:
    return known if value is UNSET else (given(value) or None)


def _tls(options: TlsOptions) -> dict[str, Any] | UnsetType:
    shown: dict[str, Any] = dict(options.extra)
    if not options.verify:
        shown["rejectUnauthorized"] = False
    if options.min_version is not None:
        shown["minVersion"] = options.min_version
    return shown or UNSET
