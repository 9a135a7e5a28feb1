"""All services together, as surfaces are given them."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.engine.access import Access
from postroad.engine.accounts.registry import Accounts
from postroad.engine.delivery.outbox import Outbox
from postroad.engine.mail.service import Mail
from postroad.engine.protocol_log import ProtocolLog
from postroad.engine.settings import Settings
from postroad.engine.submit.accept import Submit
from postroad.engine.suppression.service import Suppression
from postroad.observe import metrics
from postroad.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Engine:
    """What surfaces call. They call nothing else."""

    store: Store
    accounts: Accounts
    submit: Submit
    outbox: Outbox
    mail: Mail
    access: Access
    settings: Settings
    suppression: Suppression
    log: ProtocolLog

    async def health(self) -> bool:
        """Whether a message handed over now would be kept."""
        return await self.store.is_healthy()

    async def measure(self) -> None:
        """Bring the gauges up to date, for a scrape."""

        async def unit(tx: Tx) -> tuple[dict[str, int], dict[str, int]]:
            queue = {k.value: n for k, n in (await tx.submissions.counts()).items()}
            accounts = {k.value: n for k, n in (await tx.accounts.counts()).items()}
            return queue, accounts

        queue, accounts = await self.store.read(unit)
        metrics.set_queue(queue)
        metrics.set_accounts(accounts)
