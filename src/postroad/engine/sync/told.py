"""How what happened in mailboxes is told. Contract: events §2.1, §2.3. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from postroad.domain.event import Event, EventName
from postroad.domain.mailbox import SpecialUse, split_path
from postroad.domain.mailbox_state import MailboxCursor
from postroad.domain.message_id import pack_message
from postroad.engine.sync.diff import Changed


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes the events of one mailbox."""

    account: str
    path: str
    number: int
    special_use: SpecialUse | None
    delimiter: str | None

    @classmethod
    def of(cls, account: str, cursor: MailboxCursor) -> Teller:
        return cls(account, cursor.path, cursor.number, cursor.special_use, cursor.delimiter)

    def message_new(self, data: Mapping[str, object]) -> Event:
        return replace(self._event(EventName.MESSAGE_NEW, data), queue_id=_answered(data))

    def message_missing(self, uid: int, *, retries: int, delay_ms: int) -> Event:
        told = {"missingRetries": retries, "missingDelay": delay_ms}
        return self._event(EventName.MESSAGE_MISSING, self._which(uid) | told)

    def message_deleted(self, uid: int) -> Event:
        return self._event(EventName.MESSAGE_DELETED, self._which(uid))

    def message_updated(self, change: Changed) -> Event:
        before, after = change.before, change.after
        changes: dict[str, object] = {}
        if before.flags != after.flags:
            changes["flags"] = _difference(before.flags, after.flags)
        if before.labels != after.labels and after.labels is not None:
            changes["labels"] = _difference(before.labels or (), after.labels)
        data = self._which(change.uid) | {"changes": changes}
        return self._event(EventName.MESSAGE_UPDATED, data)

    def message_moved(self, uid: int, *, origin: Place, email_id: str | None) -> Event:
        """A message that lies here now, and where it lay before. Ours; not in the contract."""
        data = self._which(uid) | {"path": self.path}
        if email_id is not None:
            data["emailId"] = email_id
        data["previous"] = {
            "id": pack_message(origin.number, origin.uid),
            "uid": origin.uid,
            "path": origin.path,
        }
        return self._event(EventName.MESSAGE_MOVED, data)

    def mailbox_new(self, uidvalidity: int) -> Event:
        return self._event(EventName.MAILBOX_NEW, self._mailbox(uidvalidity))

    def mailbox_deleted(self) -> Event:
        return self._event(EventName.MAILBOX_DELETED, self._mailbox(None))

    def mailbox_reset(self, uidvalidity: int, *, reason: str, previous: int | None) -> Event:
        data = self._mailbox(uidvalidity) | {"reason": reason}
        if previous is not None:
            data["prevUidValidity"] = str(previous)
        return self._event(EventName.MAILBOX_RESET, data)

    def _mailbox(self, uidvalidity: int | None) -> dict[str, object]:
        data: dict[str, object] = {
            "path": self.path,
            "name": split_path(self.path, self.delimiter)[1],
            "specialUse": False if self.special_use is None else self.special_use.value,
        }
        if uidvalidity is not None:
            data["uidValidity"] = str(uidvalidity)
        return data

    def _which(self, uid: int) -> dict[str, object]:
        return {"id": pack_message(self.number, uid), "uid": uid}

    def _event(self, name: EventName, data: Mapping[str, object]) -> Event:
        use = None if self.special_use is None else self.special_use.value
        return Event(name, self.account, data, path=self.path, special_use=use)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies or lay."""

    path: str
    number: int
    uid: int


def _difference(before: tuple[str, ...], after: tuple[str, ...]) -> dict[str, object]:
    told: dict[str, object] = {}
    if added := [word for word in after if word not in before]:
        told["added"] = added
    if deleted := [word for word in before if word not in after]:
        told["deleted"] = deleted
    told["value"] = list(after)
    return told


def _answered(data: Mapping[str, object]) -> str | None:
    """The submission that a mail is about, which has no event of its own besides."""
    submission = data.get("submission")
    if not isinstance(submission, Mapping) or "isBounce" in data or "isComplaint" in data:
        return None
    return str(submission["queueId"])
