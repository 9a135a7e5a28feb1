"""The one interface to a mailbox, whatever stands behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.message import Appended, PartContent, ReferencedMessage


@dataclass(frozen=True, slots=True)
class Octets:
    """A message as octets of known length that can be read more than once.

    ``open`` starts a new reading from the beginning; pieces are of any size.
    """

    size: int
    open: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a provider does by itself, so that we do not do it again."""

    files_sent: bool = False  # sent mail appears in Sent without our copy (Gmail, Outlook)
    sets_answered: bool = False


class MailProvider(Protocol):
    """A live way into one mailbox.

    Every method raises :exc:`~postroad.domain.errors.Unavailable` when the way is lost,
    :exc:`TimedOut` when it does not answer, :exc:`RemoteFailure` when the server refuses, and
    :exc:`NotFound` (codes ``MessageNotFound``, ``FolderNotFound``) for what is not there.
    Message ids are those of the API (contract §3) and opaque to callers. Methods may be called
    concurrently.
    """

    @property
    def traits(self) -> Traits: ...

    async def mailboxes(self) -> Sequence[Mailbox]:
        """All selectable mailboxes, with special uses resolved (contract B-067)."""
        ...

    async def find_mailbox(self, use: SpecialUse) -> Mailbox | None:
        """The mailbox of that use; from memory where the listing is known."""
        ...

    async def append(
        self, path: str, content: Octets, *, flags: Sequence[str], date_ms: int | None = None
    ) -> Appended:
        """File a message. Not idempotent: look with :meth:`find_by_message_id` before a retry."""
        ...

    async def find_by_message_id(self, path: str, message_id: str) -> str | None:
        """The message id of the newest message in ``path`` with this Message-ID, if any."""
        ...

    async def read_reference(self, message: str) -> ReferencedMessage:
        """Headers, flags and attachable parts of one message; nothing is marked as seen."""
        ...

    async def read_part(self, message: str, part: str, *, max_bytes: int) -> PartContent:
        """One part, decoded. Raises :exc:`TooLarge` beyond ``max_bytes`` encoded octets."""
        ...

    async def add_flags(self, message: str, flags: Sequence[str]) -> None:
        """Add flags to one message; present ones stay."""
        ...
