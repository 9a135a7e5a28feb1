"""Learning of new messages what is told about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from postroad.domain.mailbox_state import MailboxCursor
from postroad.engine.sync.connection import Connection
from postroad.protocol.imap.fetch import Fetched


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of one message once it was read."""

    data: Mapping[str, object]  # of messageNew
    date: int | None  # epoch ms, of the Date field or else of the arrival
    message_id: str | None
    references: tuple[str, ...] = ()  # Message-IDs that it names, In-Reply-To included


class Describer(Protocol):
    """Reads messages for their announcement."""

    def items(self, connection: Connection) -> Sequence[str]:
        """What to fetch for :meth:`describe`, besides UID, FLAGS and ids."""
        ...

    def is_complete(self, row: Fetched) -> bool:
        """Whether the server gave enough to describe the message."""
        ...

    async def describe(
        self, connection: Connection, cursor: MailboxCursor, row: Fetched, *, not_before: int | None
    ) -> Description:
        """Read what is still lacking, such as the text, unless the message is older than
        ``not_before`` (epoch ms) and is not announced anyway.
        """
        ...
