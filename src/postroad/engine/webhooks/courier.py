"""Taking one event to its target and noting what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Protocol

from postroad.domain.account import Account
from postroad.domain.backoff import Backoff
from postroad.domain.secret import Secret
from postroad.domain.setting import SettingValues
from postroad.engine.webhooks.ledger import Ledger
from postroad.engine.webhooks.payload import webhook_body
from postroad.engine.webhooks.sign import signature
from postroad.engine.webhooks.target import (
    BrokenTarget,
    Target,
    choose_target,
    is_for_inbox,
    is_told_without_account,
    is_wanted,
)
from postroad.engine.webhooks.verdict import Delivered, Undelivered, judge_answer
from postroad.observe import get_logger, metrics
from postroad.protocol.http import HttpReply, HttpUrl
from postroad.store.webhooks import WebhookError, WebhookJob
from postroad.transport.http import HttpFailure

log = get_logger(__name__)

MAX_ATTEMPTS = 10  # including the first
BACKOFF = Backoff(base_ms=5_000)  # 5 s, doubling, each shortened by up to a fifth
_CLEAN_FOR_S = 60.0  # another process may raise a flag; it is looked for this often
_MAX_REMEMBERED = 10_000

_Choice = Target | BrokenTarget | None


class Poster(Protocol):
    """The HTTP client, as far as it is needed here."""

    async def post(
        self,
        url: HttpUrl,
        lines: bytes,
        body: bytes,
        *,
        timeout_s: float,
        proxy: Secret[str] | None = None,
    ) -> HttpReply | HttpFailure: ...


class SettingsSource(Protocol):
    """The settings service, as far as it is needed here."""

    @property
    def snapshot(self) -> SettingValues: ...

    async def service_secret(self) -> Secret[str]: ...


class Courier:
    """Chooses targets, posts to them, and notes each result in the ledger.

    ``clock`` tells epoch milliseconds, ``clock_s`` is any clock that only goes forward.
    """

    def __init__(
        self,
        settings: SettingsSource,
        client: Poster,
        ledger: Ledger,
        *,
        timeout_s: float,
        rng: Random,
        clock: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._client = client
        self._ledger = ledger
        self._timeout_s = timeout_s
        self._rng = rng
        self._clock = clock
        self._clock_s = clock_s
        # The last choices, each with what it was made from: settings and account are values.
        self._chosen: dict[str, tuple[SettingValues, Account | None, _Choice]] = {}
        self._clean: dict[str, float] = {}  # targets known to have no error flag, and since when

    def choose(self, account_id: str, account: Account | None) -> Target | BrokenTarget | None:
        """Where the events of an account go just now; ``None`` when nowhere."""
        values = self._settings.snapshot
        if not values.webhooks_enabled:
            return None
        known = self._chosen.get(account_id)
        if known is not None and known[0] is values and known[1] is account:
            return known[2]
        choice = choose_target(values, account)
        if len(self._chosen) >= _MAX_REMEMBERED:
            self._chosen.pop(next(iter(self._chosen)))
        self._chosen[account_id] = (values, account, choice)
        return choice

    def is_deliverable(self, job: WebhookJob, account: Account | None) -> bool:
        """Whether anybody may be told of this event. Contract: events §4.2, §4.3."""
        name = job.event.name
        if account is None and not is_told_without_account(name):
            return False
        values = self._settings.snapshot
        return is_wanted(values, name) and is_for_inbox(values, job.event)

    async def deliver(self, job: WebhookJob, target: Target | BrokenTarget) -> bool:
        """Make one attempt, whatever comes of it; false when the target seems to be down.

        The caller has claimed the job, which counted this attempt.
        """
        if job.attempts > MAX_ATTEMPTS:
            # Only processes that died amid their attempts get here.
            self._fail(job, target, Undelivered("Every attempt was interrupted", is_final=True))
            return True
        if isinstance(target, BrokenTarget):
            self._fail(job, target, Undelivered(target.message, "EINVALIDURL"))
            return True
        values = self._settings.snapshot
        body = webhook_body(job.event, values.service_url)
        secret = values.service_secret or await self._settings.service_secret()
        lines = target.header_lines(
            job_id=job.seq,
            attempts_made=job.attempts - 1,
            queued_s=max(0, self._clock() - job.queued_at) // 1000,
            event_id=job.event.event_id,
            signature=signature(secret, body),
        )
        started_s = self._clock_s()
        answer = await self._client.post(
            target.url, lines, body, timeout_s=self._timeout_s, proxy=values.http_proxy
        )
        seconds = self._clock_s() - started_s
        match judge_answer(answer):
            case Delivered():
                metrics.webhook_delivered("delivered", seconds)
                self._ledger.delivered(job)
                self._note_clean(target.key)
            case Undelivered() as why:
                is_lost = self._fail(job, target, why)
                metrics.webhook_delivered("failed" if is_lost else "retried", seconds)
        return isinstance(answer, HttpReply)

    def _fail(self, job: WebhookJob, target: Target | BrokenTarget, why: Undelivered) -> bool:
        """Plan another attempt or give up; true for the latter."""
        url = str(target.url) if isinstance(target, Target) else ""
        error = WebhookError(
            target=target.key,
            event=job.event.name,
            message=why.message,
            time=self._clock(),
            url=url,
            code=why.code,
            status_code=why.status,
        )
        self._ledger.flag(target.key, error)
        self._clean.pop(target.key, None)
        is_lost = why.is_final or job.attempts >= MAX_ATTEMPTS
        fields: dict[str, object] = {
            "account": job.event.account,
            "event_name": job.event.name,
            "event_id": job.event.event_id,
            "url": url,
            "error": why.message,
            "code": why.code,
            "status": why.status,
            "attempt": job.attempts,
        }
        if is_lost:
            self._ledger.give_up(job, asdict(error))
            log.error("webhook given up", **fields)
        else:
            delay_ms = BACKOFF.delay_ms(job.attempts, self._rng)
            self._ledger.retry(job, delay_ms, asdict(error))
            log.warning("webhook not delivered, will be tried again", delay_ms=delay_ms, **fields)
        return is_lost

    def _note_clean(self, target: str) -> None:
        now_s = self._clock_s()
        if now_s - self._clean.get(target, -_CLEAN_FOR_S) < _CLEAN_FOR_S:
            return
        self._ledger.flag(target, None)
        if len(self._clean) >= _MAX_REMEMBERED:
            self._clean.pop(next(iter(self._clean)))
        self._clean[target] = now_s
