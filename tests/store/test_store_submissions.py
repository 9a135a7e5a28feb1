"""The queue, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn, Envelope
from postroad.domain.errors import Conflict, NotFound
from postroad.domain.secret import Secret
from postroad.domain.submission import Attempt, Flagging, Source, SubmissionState
from postroad.store import Store, Tx
from postroad.store.submissions import CancelResult, LaneDue
from support.store import (
    MINUTE,
    START,
    Clock,
    accept,
    claim,
    enqueue,
    fail,
    get,
    octets_of,
    submission,
)

QUEUED, ACCEPTED = SubmissionState.QUEUED, SubmissionState.ACCEPTED


async def test_every_field_comes_back_as_it_was_given(store: Store) -> None:
    full = submission(
        account="ü-konto",
        lane="lane",
        source=Source.SMTP,
        envelope=Envelope("", ("ä@exämple.net", "b@example.net")),
        subject="Grüße 💌",
        scheduled_at=START + 5,
        next_attempt_at=START + 5,
        max_attempts=3,
        expires_at=START + 9,
        dsn=DsnRequest(DsnReturn.FULL, "id", (DsnNotify.SUCCESS, DsnNotify.DELAY), "x@example.com"),
        wants_copy=False,
        sent_path="Sent/2024",
        flagging=Flagging("AAAAAQAAP1w", ("\\Answered", "$Forwarded")),
        idempotency_key="key",
        proxy=Secret("socks5://user:pass@proxy"),
        local_address="192.0.2.1",
        eight_bit=True,
        smtputf8=True,
        tags=("order 42", "späte, rote"),
    )
    (kept,) = await enqueue(store, full)

    assert await store.read(lambda tx: tx.submissions.get(full.queue_id)) == kept
    assert replace(kept, content=full.content) == full


async def test_unknown_submission_is_none_or_not_found(store: Store) -> None:
    assert await store.read(lambda tx: tx.submissions.find("nope")) is None
    with pytest.raises(NotFound):
        await store.read(lambda tx: tx.submissions.get("nope"))


async def test_same_queue_id_twice_is_a_conflict_and_leaves_nothing(store: Store) -> None:
    (first,) = await enqueue(store, submission("q1", subject="first"))
    with pytest.raises(Conflict):
        await enqueue(store, submission("q1", subject="second"))

    kept = await store.read(lambda tx: tx.submissions.get("q1"))
    assert (kept.subject, kept.content) == ("first", first.content)


async def test_claim_counts_the_attempt_and_moves_the_time_before_the_dial(store: Store) -> None:
    await enqueue(store, submission("q1"))
    (claimed,) = await claim(store)

    assert (claimed.attempts, claimed.claim_token, claimed.claimed_by) == (1, 1, "n1")
    assert claimed.next_attempt_at == START + MINUTE
    assert await store.read(lambda tx: tx.submissions.get("q1")) == claimed
    assert await claim(store) == []


async def test_claim_takes_the_oldest_due_rows_of_its_lane_only(store: Store, clock: Clock) -> None:
    await enqueue(
        store,
        submission("q3", next_attempt_at=START - 1, scheduled_at=START - 1),
        submission("q1", next_attempt_at=START - 3, scheduled_at=START - 3),
        submission("q2", next_attempt_at=START - 2, scheduled_at=START - 2),
        submission("later", next_attempt_at=START + 1, scheduled_at=START + 1),
        submission("other", account="b"),
    )
    assert [sub.queue_id for sub in await claim(store, limit=2)] == ["q1", "q2"]
    assert [sub.queue_id for sub in await claim(store)] == ["q3"]
    clock.advance(1)
    assert [sub.queue_id for sub in await claim(store)] == ["later"]
    assert [sub.queue_id for sub in await claim(store, "b")] == ["other"]


async def test_claims_at_the_same_time_share_no_row(store: Store) -> None:
    await enqueue(store, *(submission() for _ in range(30)))
    taken = await asyncio.gather(*(claim(store, limit=5, node=f"n{n}") for n in range(8)))
    ids = [sub.queue_id for batch in taken for sub in batch]
    assert len(ids) == len(set(ids)) == 30


async def test_expired_claim_comes_back_with_a_larger_token(store: Store, clock: Clock) -> None:
    await enqueue(store, submission("q1"))
    (first,) = await claim(store)
    clock.advance(MINUTE)
    (second,) = await claim(store, node="n2")

    assert (second.attempts, second.claim_token, second.claimed_by) == (2, 2, "n2")
    assert not await store.write(lambda tx: tx.submissions.defer(first, START, error="late"))
    assert not await store.write(lambda tx: tx.submissions.fail(first, error="late"))
    assert await store.write(lambda tx: tx.submissions.defer(second, START, error="now"))


async def test_rows_beyond_their_attempts_or_their_time_are_claimed_too(
    store: Store, clock: Clock
) -> None:
    await enqueue(store, submission("q1", attempts=10), submission("q2", expires_at=START - 1))
    assert {sub.queue_id for sub in await claim(store)} == {"q1", "q2"}


async def test_lanes_tell_the_first_time_of_each(store: Store) -> None:
    await enqueue(
        store,
        submission(account="b", next_attempt_at=START + 7),
        submission(account="a", next_attempt_at=START + 9),
        submission(account="a", next_attempt_at=START + 8),
        submission(account="C", next_attempt_at=START - 1),
    )
    lanes = await store.read(lambda tx: tx.submissions.lanes(QUEUED))
    assert lanes == [LaneDue("C", START - 1), LaneDue("a", START + 8), LaneDue("b", START + 7)]
    due = await store.read(lambda tx: tx.submissions.due_lanes(QUEUED, now_limit=START + 7))
    assert [lane.lane for lane in due] == ["C", "b"]
    assert await store.read(lambda tx: tx.submissions.next_due("a", QUEUED)) == START + 8
    assert await store.read(lambda tx: tx.submissions.next_due("z", QUEUED)) is None
    assert await store.read(lambda tx: tx.submissions.lanes(ACCEPTED)) == []


async def test_acceptance_is_recorded_once_whoever_holds_the_claim(
    store: Store, clock: Clock
) -> None:
    await enqueue(store, submission("q1"))
    (first,) = await claim(store)
    clock.advance(MINUTE)
    (second,) = await claim(store)

    assert await store.write(lambda tx: tx.submissions.accept(first, "250 first"))
    assert not await store.write(lambda tx: tx.submissions.accept(second, "250 second"))
    assert not await store.write(lambda tx: tx.submissions.fail(second, error="too late"))
    kept = await store.read(lambda tx: tx.submissions.get("q1"))
    assert (kept.state, kept.response, kept.claimed_by) == (ACCEPTED, "250 first", None)


async def test_accepted_and_done_at_once_drops_the_content(store: Store) -> None:
    (sub,) = await enqueue(store, submission("q1"))
    assert await store.write(
        lambda tx: tx.submissions.accept(sub, "250 ok", remote_message_id="<r@x>", done=True)
    )
    kept = await store.read(lambda tx: tx.submissions.get("q1"))
    assert (kept.state, kept.finished_at) == (SubmissionState.DONE, START)
    assert kept.remote_message_id == "<r@x>"
    with pytest.raises(NotFound):
        await octets_of(store, sub.content)


async def test_late_acceptance_of_a_failed_one_is_filed_and_of_a_cancelled_one_is_done(
    store: Store,
) -> None:
    failed, cancelled = await enqueue(store, submission("q1"), submission("q2", lane="c"))
    (claimed,) = await claim(store)
    await store.write(lambda tx: tx.submissions.fail(claimed, error="gone"))
    await store.write(lambda tx: tx.submissions.cancel("q2"))

    assert await store.write(lambda tx: tx.submissions.accept(failed, "250 ok"))
    assert await store.write(lambda tx: tx.submissions.accept(cancelled, "250 ok"))
    assert (await store.read(lambda tx: tx.submissions.get("q1"))).state is ACCEPTED
    assert (await store.read(lambda tx: tx.submissions.get("q2"))).state is SubmissionState.DONE


async def test_finishing_may_be_due_later(store: Store, clock: Clock) -> None:
    (sub,) = await enqueue(store, submission("q1"))
    await store.write(lambda tx: tx.submissions.accept(sub, "250 ok", finish_delay_ms=5_000))
    assert await claim(store, state=ACCEPTED) == []
    clock.ms += 5_000
    assert [one.queue_id for one in await claim(store, state=ACCEPTED)] == ["q1"]


async def test_finishing_is_claimed_counted_and_ends_in_done(store: Store, clock: Clock) -> None:
    (sub,) = await enqueue(store, submission("q1"))
    await store.write(lambda tx: tx.submissions.accept(sub, "250 ok"))
    (claimed,) = await claim(store, state=ACCEPTED)
    assert (claimed.finish_attempts, claimed.attempts) == (1, 0)

    retry_at = START + 2 * MINUTE
    assert await store.write(lambda tx: tx.submissions.defer_finish(claimed, retry_at))
    assert await claim(store, state=ACCEPTED) == []
    clock.ms = retry_at
    (again,) = await claim(store, state=ACCEPTED)
    assert not await store.write(lambda tx: tx.submissions.finish(claimed))
    assert await store.write(lambda tx: tx.submissions.finish(again))
    assert (await store.read(lambda tx: tx.submissions.get("q1"))).state is SubmissionState.DONE
    with pytest.raises(NotFound):
        await octets_of(store, sub.content)


async def test_deferred_row_keeps_why_and_waits_for_its_time(store: Store, clock: Clock) -> None:
    await enqueue(store, submission("q1"))
    (claimed,) = await claim(store)
    retry_at = START + 5_000
    assert await store.write(
        lambda tx: tx.submissions.defer(
            claimed, retry_at, error="try later", code="ECONNECTION", status=421
        )
    )
    kept = await store.read(lambda tx: tx.submissions.get("q1"))
    assert (kept.last_error, kept.last_code, kept.last_status) == ("try later", "ECONNECTION", 421)
    assert (kept.next_attempt_at, kept.claimed_by) == (retry_at, None)
    assert await claim(store) == []


async def test_failed_row_keeps_its_content(store: Store) -> None:
    (sub,) = await enqueue(store, submission("q1"))
    (claimed,) = await claim(store)
    assert await store.write(lambda tx: tx.submissions.fail(claimed, error="no", status=550))
    kept = await store.read(lambda tx: tx.submissions.get("q1"))
    assert (kept.state, kept.finished_at) == (SubmissionState.FAILED, START)
    assert await octets_of(store, sub.content) == b"hello"


async def test_released_claims_are_uncounted_and_due_now(store: Store, clock: Clock) -> None:
    await enqueue(store, submission("q1"), submission("q2"))
    claimed = await claim(store)
    clock.advance(10)
    assert await store.write(lambda tx: tx.submissions.release(claimed)) == 2
    assert await store.write(lambda tx: tx.submissions.release(claimed)) == 0
    again = await claim(store)
    assert [(sub.attempts, sub.claim_token) for sub in again] == [(1, 2), (1, 2)]


async def test_cancelling_spares_a_live_claim_and_takes_what_waits(
    store: Store, clock: Clock
) -> None:
    waiting, running = await enqueue(
        store, submission("q1", lane="w", next_attempt_at=START + MINUTE), submission("q2")
    )
    await claim(store)
    assert await store.write(lambda tx: tx.submissions.cancel("q1")) is CancelResult.CANCELLED
    assert await store.write(lambda tx: tx.submissions.cancel("q2")) is CancelResult.CLAIMED
    assert await store.write(lambda tx: tx.submissions.cancel("q1")) is CancelResult.GONE
    assert await store.write(lambda tx: tx.submissions.cancel("q9")) is CancelResult.GONE
    with pytest.raises(NotFound):
        await octets_of(store, waiting.content)
    clock.advance(MINUTE)  # the claim is over: whoever had it is gone
    assert await store.write(lambda tx: tx.submissions.cancel("q2")) is CancelResult.CANCELLED
    assert not await store.write(lambda tx: tx.submissions.fail(running, error="late"))


async def test_cancelling_a_failed_one_removes_it(store: Store) -> None:
    await enqueue(store, submission("q1"))
    (claimed,) = await claim(store)
    await store.write(lambda tx: tx.submissions.fail(claimed, error="no"))
    assert await store.write(lambda tx: tx.submissions.cancel("q1")) is CancelResult.CANCELLED
    assert await store.read(lambda tx: tx.submissions.find("q1")) is None
    with pytest.raises(NotFound):
        await octets_of(store, claimed.content)


async def test_outbox_lists_delayed_waiting_active_failed(store: Store) -> None:
    await enqueue(
        store,
        submission("failed", lane="f"),
        submission("claimed", lane="c"),
        submission("filing", lane="s"),
        submission("due", lane="d", next_attempt_at=START - 1),
        submission("delayed2", lane="d", next_attempt_at=START + 20),
        submission("delayed1", lane="d", next_attempt_at=START + 10),
        submission("done", lane="x"),
    )
    (failing,) = await claim(store, "f")
    await store.write(lambda tx: tx.submissions.fail(failing, error="no"))
    await claim(store, "c")
    await accept(store, await get(store, "filing"))
    await accept(store, await get(store, "done"), done=True)

    rows, total = await store.read(lambda tx: tx.submissions.list_outbox(0, 4))
    assert [sub.queue_id for sub in rows] == ["delayed1", "delayed2", "due", "filing"]
    rows, total = await store.read(lambda tx: tx.submissions.list_outbox(1, 4))
    assert [sub.queue_id for sub in rows] == ["claimed", "failed"]
    assert total == 6
    counts = await store.read(lambda tx: tx.submissions.counts())
    assert counts == {QUEUED: 4, ACCEPTED: 1, SubmissionState.FAILED: 1}


async def test_removing_an_account_takes_rows_attempts_and_contents(store: Store) -> None:
    kept, *gone = await enqueue(
        store, submission(account="b"), submission("q1"), submission("q2"), submission("q3")
    )
    await store.write(
        lambda tx: tx.attempts.record(Attempt("q1", 1, 1, 2, "deferred", None, 421, "later"))
    )
    assert await store.write(lambda tx: tx.submissions.remove_account("a", limit=2)) == 2
    assert await store.write(lambda tx: tx.submissions.remove_account("a", limit=2)) == 1
    assert await store.write(lambda tx: tx.submissions.remove_account("a", limit=2)) == 0
    assert await store.read(lambda tx: tx.attempts.of("q1")) == []
    assert await octets_of(store, kept.content) == b"hello"
    for sub in gone:
        with pytest.raises(NotFound):
            await octets_of(store, sub.content)


async def test_purge_keeps_what_is_open_recent_or_among_the_newest_failed(
    store: Store, clock: Clock
) -> None:
    subs = await enqueue(store, *(submission(f"f{n}", lane=f"f{n}") for n in range(4)))
    (done,) = await enqueue(store, submission("done"))
    await enqueue(store, submission("open", lane="open"))
    for sub in subs:
        (claimed,) = await claim(store, sub.lane)
        await fail(store, claimed)
        clock.advance(1)
    await store.write(lambda tx: tx.submissions.accept(done, "250", done=True))

    async def purge(ended_before: int, failed_before: int, keep_failed: int) -> int:
        return await store.write(
            lambda tx: tx.submissions.purge(
                ended_before=ended_before, failed_before=failed_before, keep_failed=keep_failed
            )
        )

    assert await purge(START, START, 10) == 0
    assert await purge(START, START + 1, 10) == 1  # f0 is too old
    assert await purge(START, START, 2) == 1  # f1 is not of the newest two
    assert await purge(START, START, 0) == 2
    assert await purge(clock.ms + 1, START, 0) == 1
    assert await store.read(lambda tx: tx.submissions.find("open")) is not None
    with pytest.raises(NotFound):
        await octets_of(store, subs[0].content)


async def test_burial_frees_the_dead_nodes_claims_and_remembers_lost_attempts(
    store: Store,
) -> None:
    await enqueue(store, submission("q1"), submission("q2", lane="b"), submission("q3", lane="c"))
    filing = await store.read(lambda tx: tx.submissions.get("q3"))
    await store.write(lambda tx: tx.submissions.accept(filing, "250"))
    await claim(store, "a", node="dead")
    await claim(store, "c", node="dead", state=ACCEPTED)
    await claim(store, "b", node="alive")

    assert await store.write(lambda tx: tx.submissions.bury("dead")) == ["q1"]
    assert [sub.queue_id for sub in await claim(store, "a")] == ["q1"]
    assert [sub.queue_id for sub in await claim(store, "c", state=ACCEPTED)] == ["q3"]
    assert await claim(store, "b") == []
    (lost,) = await store.read(lambda tx: tx.attempts.of("q1"))
    assert (lost.number, lost.outcome, lost.node_id) == (1, "lost", "dead")
    assert await store.read(lambda tx: tx.attempts.of("q3")) == []


async def test_what_became_of_a_lost_attempt_replaces_the_presumption(store: Store) -> None:
    await enqueue(store, submission("q1"))
    await claim(store, node="dead")
    await store.write(lambda tx: tx.submissions.bury("dead"))
    known = Attempt("q1", 1, START, START + 2, "accepted", None, 250, "250 ok", "dead")
    await store.write(lambda tx: tx.attempts.record(known))
    assert await store.read(lambda tx: tx.attempts.of("q1")) == [known]


async def test_attempts_of_an_unknown_submission_are_refused(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(
            lambda tx: tx.attempts.record(Attempt("nope", 1, 1, 2, "lost", None, None, None))
        )


async def test_notes_come_after_the_commit_with_time_and_lane(store: Store) -> None:
    heard: list[str] = []
    with store.wake.listen("queue", heard.append):
        await enqueue(store, submission("q1"))
    assert heard == [f"{START} a"]


async def test_failed_unit_wakes_nobody(store: Store) -> None:
    heard: list[str] = []

    async def unit(tx: Tx) -> None:
        await tx.submissions.insert(submission())
        raise ValueError("no")

    with store.wake.listen("queue", heard.append):
        with pytest.raises(ValueError):
            await store.write(unit)
    assert heard == []
