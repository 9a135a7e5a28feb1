"""Facts worth telling."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from postroad.domain.quick import quick_dataclass


class EventName(StrEnum):
    """Names of events, as webhooks carry them, in the contract's canonical order."""

    MESSAGE_NEW = "messageNew"
    MESSAGE_DELETED = "messageDeleted"
    MESSAGE_UPDATED = "messageUpdated"
    MESSAGE_MISSING = "messageMissing"
    MESSAGE_MOVED = "messageMoved"  # ours; sent only where it is asked for by name
    MESSAGE_SENT = "messageSent"
    MESSAGE_DELIVERY_ERROR = "messageDeliveryError"
    MESSAGE_FAILED = "messageFailed"
    MESSAGE_BOUNCE = "messageBounce"
    MESSAGE_COMPLAINT = "messageComplaint"
    MESSAGE_REPLY = "messageReply"  # ours; sent only where it is asked for by name
    MAILBOX_RESET = "mailboxReset"
    MAILBOX_DELETED = "mailboxDeleted"
    MAILBOX_NEW = "mailboxNew"
    AUTHENTICATION_ERROR = "authenticationError"
    AUTHENTICATION_SUCCESS = "authenticationSuccess"
    CONNECT_ERROR = "connectError"
    ACCOUNT_ADDED = "accountAdded"
    ACCOUNT_INITIALIZED = "accountInitialized"
    ACCOUNT_DELETED = "accountDeleted"
    RECIPIENT_SUPPRESSED = "recipientSuppressed"  # ours; sent only where it is asked for by name


@quick_dataclass(frozen=True, slots=True)
class Event:
    """One fact about one account, to be stored in the transaction that makes it true.

    ``data`` holds the members of the event's ``data`` object under their wire names; values are
    JSON types only. The time is the transaction's.
    """

    name: EventName
    account: str
    data: Mapping[str, object]
    queue_id: str | None = None  # the submission that it tells of, if any
    path: str | None = None  # of the mailbox that it comes from, if any
    special_use: str | None = None  # of that mailbox
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@quick_dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it stands in the log."""

    seq: int  # place in the log; grows, with gaps
    event_id: str
    account: str
    name: str
    recorded_at: int  # epoch ms
    data: str  # JSON text of the data object
    queue_id: str | None
    path: str | None = None
    special_use: str | None = None
