"""Finishing: after the relay's 250, file the copy in Sent and flag the answered message.

These are separate, retried steps. None of them can send the message again, and none of them is
worth a failure event: the message is delivered. When the mailbox stays out of reach for too long
the step is logged and left (contract B-128).

A retry after a crash or a lost connection first looks whether the copy is already there, by its
Message-ID, so that Sent does not fill with twins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from postroad.domain.account import Account
from postroad.domain.backoff import Backoff
from postroad.domain.errors import NotFound, PostroadError, RemoteFailure, TimedOut, Unavailable
from postroad.domain.mailbox import SpecialUse
from postroad.domain.submission import Submission, SubmissionState
from postroad.engine.accounts.directory import Directory
from postroad.engine.delivery.pace import Limits, Turn
from postroad.engine.delivery.turns import Turns
from postroad.engine.providers.base import MailProvider, Octets
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger("postroad.finishing")

CLAIM_MS = 10 * 60_000
STEP_LIMIT_S = 120.0
TURN_LENGTH = 50
TOGETHER_BYTES = 1024 * 1024  # of messages filed with one command
MAX_TRIES = 12  # about six hours with the backoff below
BACKOFF = Backoff(base_ms=5_000, cap_ms=3_600_000)

_SEEN = ("\\Seen",)


class Finisher:
    """Runs until stopped. Hears of accepted submissions through the store's hints."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        provider_of: Callable[[Account], Awaitable[MailProvider]],
        *,
        node_id: str,
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._provider_of = provider_of
        self._turns = Turns(
            store,
            SubmissionState.ACCEPTED,
            self._work,
            node_id=node_id,
            limits=limits or Limits(total=32, per_lane=1, per_host=32),
            host_of=lambda lane: lane,
        )

    @staticmethod
    def is_needed(sub: Submission, account: Account) -> bool:
        """Whether anything is left to do once the relay has accepted ``sub``.

        Contract §6.2: the message's own word on the copy wins over the account's, and there is
        nothing to do without a mailbox.
        """
        if not account.has_mailbox:
            return False
        wants_copy = sub.wants_copy if sub.wants_copy is not None else account.copy is not False
        return wants_copy or sub.flagging is not None

    def stop(self) -> None:
        """Begin no further turn."""
        self._turns.stop()

    async def run(self) -> None:
        """Deal turns until stopped."""
        await self._turns.run()

    async def _work(self, turn: Turn) -> None:
        claimed = await self._turns.claim(turn, limit=TURN_LENGTH, claim_ms=CLAIM_MS)
        finished, claimed = await self._file_together(claimed)
        while claimed and not self._turns.is_stopping:
            sub = claimed.pop(0)
            if await self._finish(sub):
                finished.append(sub)
            if claimed and self._turns.is_wanted(turn):
                break
        if claimed:
            await self._turns.release(claimed)
        if finished:
            await self._store.write(lambda tx: _finish_all(tx, finished))

    async def _finish(self, sub: Submission) -> bool:
        """Do what is left; true when the submission can be closed."""
        try:
            account = await self._directory.get(sub.account)
            provider = await self._provider_of(account)
            async with asyncio.timeout(STEP_LIMIT_S):
                await self._file(sub, account, provider)
                if sub.flagging is not None:
                    await provider.add_flags(sub.flagging.message, sub.flagging.flags)
        except (Unavailable, TimedOut, RemoteFailure, TimeoutError) as error:
            if sub.finish_attempts < MAX_TRIES:
                await self._defer(sub, error)
                return False
            log.warning("sent mail left unfiled", queue_id=sub.queue_id, error=str(error))
        except NotFound as error:
            log.info("nothing to file into or to flag", queue_id=sub.queue_id, error=str(error))
        except PostroadError as error:
            log.warning("finishing failed for good", queue_id=sub.queue_id, error=str(error))
        return True

    async def _file_together(
        self, claimed: list[Submission]
    ) -> tuple[list[Submission], list[Submission]]:
        """File in one stroke what only wants its copy; what is finished, and what is left.

        Several messages cost a server, and us, little more than one. If anything goes wrong all
        of them are tried again one by one, and each is looked for before it is filed.
        """
        plain = _plain(claimed)
        if len(plain) < 2:
            return [], claimed
        together = {sub.queue_id for sub in plain}
        left = [sub for sub in claimed if sub.queue_id not in together]
        try:
            account = await self._directory.get(plain[0].account)
            provider = await self._provider_of(account)
            async with asyncio.timeout(STEP_LIMIT_S):
                if (path := await self._copy_path(plain[0], account, provider)) is not None:
                    contents = [self._octets(sub) for sub in plain]
                    await provider.append_all(path, contents, flags=_SEEN)
        except (PostroadError, TimeoutError) as error:
            for sub in plain:
                await self._defer(sub, error)
            return [], left
        return plain, left

    async def _file(self, sub: Submission, account: Account, provider: MailProvider) -> None:
        path = await self._copy_path(sub, account, provider)
        if path is None:
            return
        if sub.finish_attempts > 1 and await provider.find_by_message_id(path, sub.message_id):
            return
        await provider.append(path, self._octets(sub), flags=_SEEN)

    async def _copy_path(
        self, sub: Submission, account: Account, provider: MailProvider
    ) -> str | None:
        """Where the copy goes; ``None`` when none is wanted or there is no such mailbox."""
        if sub.wants_copy is None:
            wanted = account.copy is not False and not provider.traits.files_sent
        else:
            wanted = sub.wants_copy
        if not wanted or sub.sent_path is not None:
            return sub.sent_path if wanted else None
        sent = await provider.find_mailbox(SpecialUse.SENT)
        if sent is None:
            log.info("account has no Sent mailbox", account=sub.account)
            return None
        return sent.path

    def _octets(self, sub: Submission) -> Octets:
        return Octets(
            sub.content.size, lambda: self._store.open_content(sub.content, skip_bcc=False)
        )

    async def _defer(self, sub: Submission, error: Exception) -> None:
        retry_at = self._store.now() + BACKOFF.nominal_ms(sub.finish_attempts)
        await self._store.write(lambda tx: tx.submissions.defer_finish(sub, retry_at))
        log.info("finishing is tried again", queue_id=sub.queue_id, error=str(error))


def _plain(claimed: list[Submission]) -> list[Submission]:
    """First tries that want a copy in the usual place and nothing else, up to a total size."""
    plain, octets = [], 0
    for sub in claimed:
        is_plain = sub.wants_copy is None and sub.sent_path is None and sub.flagging is None
        if is_plain and sub.finish_attempts == 1 and octets + sub.content.size <= TOGETHER_BYTES:
            plain.append(sub)
            octets += sub.content.size
    return plain


async def _finish_all(tx: Tx, finished: list[Submission]) -> None:
    for sub in finished:
        await tx.submissions.finish(sub)
