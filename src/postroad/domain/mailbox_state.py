"""How a mailbox stands at the server, and how far our knowledge of it has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from postroad.domain.mailbox import SpecialUse


class Indexer(StrEnum):
    """What is remembered of a mailbox. Contract B-223."""

    FULL = "full"  # every message: new, changed and deleted ones are told
    FAST = "fast"  # how far the UIDs have come: new ones alone are told


@dataclass(frozen=True, slots=True)
class MailboxState:
    """What SELECT or STATUS tells of a mailbox; ``None`` for what the server does not say."""

    uidvalidity: int | None  # None: UIDs do not outlive the session
    uidnext: int | None
    messages: int
    highestmodseq: int | None = None


@dataclass(frozen=True, slots=True)
class MailboxCursor:
    """How far the sync of one life of a mailbox has come. A copy of its row.

    A message below ``uidnext`` is known. A message below ``announced`` was announced, or is not
    to be. Both move in the transaction that records what they pass.
    """

    path: str
    number: int  # in message ids; another one for each life of the mailbox
    uidvalidity: int
    uidnext: int = 1
    announced: int = 1
    baseline: int = 1  # uidnext when the mailbox was met; what lies below was there before
    messages: int = 0  # known ones, or with the fast indexer those that the server counted
    highestmodseq: int | None = None  # every change up to here is known
    checked_at: int = 0  # epoch ms of the last look at every message; 0: the first is not done
    indexer: Indexer = Indexer.FULL
    special_use: SpecialUse | None = None
    delimiter: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the first look at the mailbox is done."""
        return self.checked_at > 0

    @property
    def is_told(self) -> bool:
        """Whether every known message that is to be announced was."""
        return self.announced >= self.uidnext


@dataclass(frozen=True, slots=True)
class SyncError:
    """Why a mailbox could not be followed, the last time. Contract B-230."""

    path: str
    time: int  # epoch ms
    error: str
