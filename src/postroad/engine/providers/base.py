"""The one interface to a mailbox, whatever stands behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from postroad.domain.mailbox import Mailbox, MailboxEntry, SpecialUse
from postroad.domain.message import Appended, FlagChange, PartContent, ReferencedMessage
from postroad.domain.search import SearchQuery
from postroad.engine.providers.results import (
    BulkMoved,
    BulkRemoval,
    FoundPage,
    MadeMailbox,
    Moved,
    PageWish,
    PartStream,
    PartWish,
    Quota,
    ReadMessage,
    Removal,
    SourceStream,
)
from postroad.protocol.imap.fetch import Fetched

Choose = Callable[[Fetched], Sequence[PartWish]]


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
    has_labels: bool = False


class MailProvider(Protocol):
    """A live way into one mailbox.

    Every method raises :exc:`~postroad.domain.errors.Unavailable` when the way is lost,
    :exc:`TimedOut` when it does not answer, :exc:`RemoteFailure` when the server refuses, and
    :exc:`NotFound` (codes ``MessageNotFound``, ``FolderNotFound``) for what is not there.
    Message ids are those of the API (contract §3) and opaque to callers. A ``path`` may also be a
    special-use name (``\\Sent``; contract B-045). Methods may be called concurrently.
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

    async def append_all(
        self, path: str, contents: Sequence[Octets], *, flags: Sequence[str]
    ) -> None:
        """File several messages, in one stroke where the server can. Not idempotent, either."""
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


class WholeProvider(MailProvider, Protocol):
    """A provider whose mailbox can be read and changed over the API."""

    # Reading

    async def list_messages(self, path: str, wish: PageWish) -> FoundPage:
        """One page of a mailbox, newest first, with what a list shows (contract B-047)."""
        ...

    async def search(self, path: str, query: SearchQuery, wish: PageWish) -> FoundPage:
        """One page of what matches. Raises :exc:`Unprocessable` for what the server cannot do."""
        ...

    async def read_message(
        self,
        message: str,
        *,
        choose: Choose | None = None,
        likely: Sequence[str] = (),
        mark_seen: bool = False,
    ) -> ReadMessage:
        """One message with its whole header block, and the parts that ``choose`` picks.

        ``choose`` is a pure function of what is known of the message; ``likely`` are numbers of
        parts that it will probably pick, which may save a round trip and changes nothing else. A
        part that the server does not give is left out. With ``mark_seen`` the flags told already
        have ``\\Seen``.
        """
        ...

    async def open_part(self, message: str, part: str) -> PartStream:
        """Begin to read one part, decoded; nothing is marked as seen."""
        ...

    async def open_source(self, message: str) -> SourceStream:
        """Begin to read a whole message; nothing is marked as seen."""
        ...

    # Changing

    async def change_flags(
        self, message: str, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        """Change the flags of one message; labels where the provider has them."""
        ...

    async def move(self, message: str, path: str) -> Moved:
        """Move one message; its old id leads nowhere afterwards."""
        ...

    async def remove(self, message: str, *, force: bool = False) -> Removal:
        """Move one message to the trash, or expunge it.

        It is expunged where it lies in Trash or Junk already, with ``force``, and where there is
        no trash (contract B-072).
        """
        ...

    async def change_flags_of(
        self, path: str, query: SearchQuery, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        """:meth:`change_flags` for all that match, as do the next two. Contract B-073."""
        ...

    async def move_all(self, path: str, query: SearchQuery, destination: str) -> BulkMoved: ...

    async def remove_all(
        self, path: str, query: SearchQuery, *, force: bool = False
    ) -> BulkRemoval: ...

    # Mailboxes

    async def entries(self, *, counters: bool = False) -> Sequence[MailboxEntry]:
        """All selectable mailboxes in the order of B-064; counts only with ``counters``."""
        ...

    async def create_mailbox(self, levels: Sequence[str]) -> MadeMailbox:
        """Create a mailbox, given as a path or level by level (contract B-078).

        Raises :exc:`Invalid` with the server's code when it refuses.
        """
        ...

    async def rename_mailbox(self, path: str, levels: Sequence[str]) -> str:
        """Rename a mailbox; its new path. Raises as :meth:`create_mailbox` does."""
        ...

    async def subscribe(self, path: str, *, subscribed: bool) -> bool:
        """Change the subscription; false when the server refuses."""
        ...

    async def delete_mailbox(self, path: str) -> bool:
        """Delete a mailbox with all that is in it; false when the server refuses."""
        ...

    async def quota(self) -> Quota | None:
        """How full the account is; ``None`` where the server does not tell."""
        ...
