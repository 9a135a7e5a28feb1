"""The face of a running unit: its time and one repository per aggregate."""

from __future__ import annotations

from postroad.store.accounts import Accounts
from postroad.store.attempts import Attempts
from postroad.store.backend import Session
from postroad.store.contents import Contents
from postroad.store.events import Events
from postroad.store.idempotency import Idempotencies
from postroad.store.leases import Leases
from postroad.store.mailboxes import Mailboxes
from postroad.store.messages import Messages
from postroad.store.nodes import Nodes
from postroad.store.protocol_logs import ProtocolLogs
from postroad.store.returned import ReturnedMail
from postroad.store.sandbox import Sandbox
from postroad.store.secrets import Secrets
from postroad.store.sent import Sent
from postroad.store.settings import Settings
from postroad.store.submissions import Submissions
from postroad.store.suppressions import Suppressions
from postroad.store.threads import Threads
from postroad.store.tokens import Tokens
from postroad.store.webhooks import Webhooks


class Tx:
    """Lives as long as its unit; whoever keeps it longer keeps nothing."""

    __slots__ = (
        "_session",
        "accounts",
        "attempts",
        "contents",
        "events",
        "idempotency",
        "leases",
        "mailboxes",
        "messages",
        "nodes",
        "protocol_logs",
        "returned",
        "sandbox",
        "secrets",
        "sent",
        "settings",
        "submissions",
        "suppressions",
        "threads",
        "tokens",
        "webhooks",
    )

    def __init__(self, session: Session) -> None:
        self._session = session
        self.accounts = Accounts(session)
        self.attempts = Attempts(session)
        self.contents = Contents(session)
        self.events = Events(session)
        self.idempotency = Idempotencies(session)
        self.leases = Leases(session)
        self.mailboxes = Mailboxes(session)
        self.messages = Messages(session)
        self.nodes = Nodes(session)
        self.protocol_logs = ProtocolLogs(session)
        self.returned = ReturnedMail(session)
        self.sandbox = Sandbox(session)
        self.secrets = Secrets(session)
        self.sent = Sent(session)
        self.settings = Settings(session)
        self.submissions = Submissions(session)
        self.suppressions = Suppressions(session)
        self.threads = Threads(session)
        self.tokens = Tokens(session)
        self.webhooks = Webhooks(session)

    @property
    def now(self) -> int:
        """Epoch ms of the store's clock; the same for the whole unit."""
        return self._session.now

    def notify(self, topic: str, payload: str = "") -> None:
        """Wake the listeners of ``topic`` once this unit is committed. Repositories do it too."""
        self._session.notify(topic, payload)

    async def probe(self) -> None:
        """Write something that leaves no trace, to see whether a commit goes through."""
        await self._session.run("probe_in")
        await self._session.run("probe_out")
