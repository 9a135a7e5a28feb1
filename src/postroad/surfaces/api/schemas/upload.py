"""A message to file in a mailbox, as JSON, and the answer. Contract B-074 to B-077."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from postroad.engine.mail.upload import Uploaded, UploadRequest
from postroad.engine.submit.request import SubmitRequest
from postroad.surfaces.api.schemas.changes import Flags, check_flags
from postroad.surfaces.api.schemas.formats import MailDate
from postroad.surfaces.api.schemas.members import (
    AddressMember,
    Answer,
    MailboxPath,
    MessageId,
    Request,
    Subject,
    given,
)
from postroad.surfaces.api.schemas.submit import (
    Addresses,
    Attachments,
    Long,
    Octets,
    Reference,
    addresses_of,
    check_octets,
    check_text,
    headers_of,
)
from postroad.surfaces.api.validation import Problems


class UploadBody(Request):
    """A message to compose, or a raw one whose fields the other members replace."""

    path: MailboxPath
    flags: Flags | UnsetType = UNSET
    internalDate: MailDate | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    raw: Octets | UnsetType = UNSET
    from_: AddressMember | UnsetType = field(name="from", default=UNSET)
    replyTo: Addresses | UnsetType = UNSET
    to: Addresses | UnsetType = UNSET
    cc: Addresses | UnsetType = UNSET
    bcc: Addresses | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    text: Long | UnsetType = UNSET
    html: Long | UnsetType = UNSET
    attachments: Attachments | UnsetType = UNSET
    messageId: MessageId | UnsetType = UNSET
    headers: dict[str, Any] | UnsetType = UNSET

    def to_upload(self, *, max_chars: int) -> UploadRequest:
        """Map to the engine's words. Raises :exc:`Invalid` with what no single type can tell."""
        problems = Problems()
        raw = self.raw if isinstance(self.raw, bytes) else None
        check_octets(raw, "raw", "raw", max_chars, problems)
        text = check_text("text", self.text, max_chars, problems)
        html = check_text("html", self.html, max_chars, problems)
        message = SubmitRequest(
            from_=None if self.from_ is UNSET else self.from_.to_domain(),
            to=addresses_of(self.to),
            cc=addresses_of(self.cc),
            bcc=addresses_of(self.bcc),
            reply_to=addresses_of(self.replyTo),
            subject=given(self.subject),
            text=text,
            html=html,
            raw=raw,
            attachments=()
            if self.attachments is UNSET
            else tuple(
                item.to_domain(problems, f"attachments[{n}]", max_chars)
                for n, item in enumerate(self.attachments)
            ),
            reference=None if self.reference is UNSET else self.reference.to_domain(problems),
            message_id=given(self.messageId),
            headers=() if self.headers is UNSET else headers_of(self.headers, problems),
        )
        problems.check()
        flags = () if self.flags is UNSET else tuple(dict.fromkeys(self.flags))
        check_flags(flags)
        return UploadRequest(
            message=message,
            path=given(self.path) or "",
            flags=flags,
            internal_date=None if self.internalDate is UNSET else int(self.internalDate),
        )


class UploadReference(Answer):
    message: str | UnsetType = UNSET
    success: bool | UnsetType = UNSET
    error: str | UnsetType = UNSET
    threadId: str | UnsetType = UNSET


class UploadAnswer(Answer):
    path: str
    id: str | UnsetType = UNSET
    uid: int | UnsetType = UNSET
    uidValidity: str | UnsetType = UNSET
    messageId: str | UnsetType = UNSET
    reference: UploadReference | UnsetType = UNSET

    @classmethod
    def of(cls, uploaded: Uploaded) -> UploadAnswer:
        reference = uploaded.reference
        return cls(
            path=uploaded.path,
            id=uploaded.message or UNSET,
            uid=UNSET if uploaded.uid is None else uploaded.uid,
            uidValidity=uploaded.uidvalidity or UNSET,
            messageId=uploaded.message_id,
            reference=UNSET
            if reference is None
            else UploadReference(
                message=reference.message or UNSET,
                success=reference.success,
                error=reference.error or UNSET,
                threadId=reference.thread_id or UNSET,
            ),
        )
