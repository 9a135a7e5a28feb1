"""Trying settings out, as JSON. Contract B-214."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from postroad.domain.mailbox import Mailbox
from postroad.domain.secret import Secret
from postroad.engine.accounts.verify import ProtocolVerdict, VerifyRequest, VerifyResult
from postroad.surfaces.api.schemas.formats import EhloName, ProxyUrl
from postroad.surfaces.api.schemas.members import Answer, Request
from postroad.surfaces.api.schemas.servers import Imap, Smtp
from postroad.surfaces.api.validation import Problems


class VerifyAccountBody(Request):
    """Settings to try; nothing of it is stored."""

    mailboxes: bool = False
    imap: Imap | bool | UnsetType = UNSET
    smtp: Smtp | bool | UnsetType = UNSET
    proxy: ProxyUrl | UnsetType = UNSET
    smtpEhloName: EhloName | UnsetType | None = UNSET

    def to_request(self) -> VerifyRequest:
        """Map to the engine's words. Raises :exc:`Invalid`."""
        problems = Problems()
        for key, value in (("imap", self.imap), ("smtp", self.smtp)):
            if value is True:
                problems.add(key, "must be of type object or false")
        request = VerifyRequest(
            imap=self.imap.to_domain(problems) if isinstance(self.imap, Imap) else None,
            smtp=self.smtp.to_domain(problems) if isinstance(self.smtp, Smtp) else None,
            mailboxes=self.mailboxes,
            proxy=None if self.proxy is UNSET else Secret(str(self.proxy)),
            ehlo_name=str(self.smtpEhloName) if isinstance(self.smtpEhloName, str) else None,
        )
        if request.imap is None and request.smtp is None and not problems.has_any:
            problems.add("imap", "or smtp is required")
        problems.check()
        return request


class VerdictAnswer(Answer):
    success: bool
    error: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    statusCode: int | UnsetType = UNSET
    responseText: str | UnsetType = UNSET

    @classmethod
    def of(cls, verdict: ProtocolVerdict | None) -> VerdictAnswer | UnsetType:
        if verdict is None:
            return UNSET
        return cls(
            success=verdict.success,
            error=verdict.error or UNSET,
            code=verdict.code or UNSET,
            statusCode=UNSET if verdict.status_code is None else verdict.status_code,
            responseText=verdict.response_text or UNSET,
        )


class MailboxAnswer(Answer):
    path: str
    name: str
    delimiter: str | None
    listed: bool
    subscribed: bool
    parentPath: str | UnsetType = UNSET
    specialUse: (
        Literal[
            "\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash", "\\Inbox"
        ]
        | UnsetType
    ) = UNSET
    specialUseSource: Literal["user", "extension", "name"] | UnsetType = UNSET
    noInferiors: bool | UnsetType = UNSET

    @classmethod
    def of(cls, mailbox: Mailbox) -> MailboxAnswer:
        parent, _, name = (
            mailbox.path.rpartition(mailbox.delimiter)
            if mailbox.delimiter
            else ("", "", mailbox.path)
        )
        answer = cls(
            path=mailbox.path,
            name=name,
            delimiter=mailbox.delimiter,
            listed=True,
            subscribed=mailbox.subscribed,
            parentPath=parent or UNSET,
            noInferiors=any(flag.lower() == "\\noinferiors" for flag in mailbox.attributes),
        )
        if mailbox.special_use is not None:
            answer.specialUse = mailbox.special_use.value
        match mailbox.special_use_source:
            case "user" | "extension" | "name" as source:
                answer.specialUseSource = source
        return answer


class VerifyAccountAnswer(Answer):
    imap: VerdictAnswer | UnsetType = UNSET
    smtp: VerdictAnswer | UnsetType = UNSET
    mailboxes: list[MailboxAnswer] | UnsetType = UNSET

    @classmethod
    def of(cls, result: VerifyResult) -> VerifyAccountAnswer:
        return cls(
            imap=VerdictAnswer.of(result.imap),
            smtp=VerdictAnswer.of(result.smtp),
            mailboxes=UNSET
            if result.mailboxes is None
            else [MailboxAnswer.of(item) for item in result.mailboxes],
        )
