"""What was sent and what came back of it, on both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from postroad.domain.errors import Conflict
from postroad.domain.sent import Returned, ReturnedKind, SentMessage
from postroad.store import Store, Tx
from support.store import MINUTE, START, Clock, account, claim, enqueue, put_account, submission

DAY = 24 * 60 * MINUTE
MANY = tuple(f"r{n}@example.net" for n in range(1_400))


def sent(queue_id: str = "q1", **changes: Any) -> SentMessage:
    made = SentMessage(
        queue_id=queue_id,
        account="a",
        message_id=f"<{queue_id}@example.com>",
        recipients=("you@example.net",),
        submitted_at=START,
        accepted_at=START + 5,
    )
    return replace(made, **changes)


def returned(**changes: Any) -> Returned:
    made = Returned(
        kind=ReturnedKind.BOUNCE,
        account="a",
        reporter="a",
        report="AAAAAQAAAAE",
        message_id="<q1@example.com>",
        recipient="you@example.net",
        action="failed",
        type="hard",
        reason="user_unknown",
        status="5.1.1",
        response="550 5.1.1 no such user",
        queue_id="q1",
        recorded_at=START,
    )
    return replace(made, **changes)


async def record(store: Store, *messages: SentMessage) -> None:
    async def unit(tx: Tx) -> None:
        for one in messages:
            await tx.sent.record(one)

    await store.write(unit)


async def find(store: Store, *message_ids: str) -> list[SentMessage]:
    return await store.read(lambda tx: tx.sent.by_message_ids(message_ids))


async def test_a_message_is_found_by_its_id_whatever_the_case(store: Store) -> None:
    await put_account(store, account())
    full = sent(remote_message_id="<Remote@Relay>", envelope_id="E 1", recipients=("ä@x", "b@y"))
    await record(store, full, sent("q2"))

    assert await find(store, "<Q1@EXAMPLE.com>") == [full]
    assert await find(store, "remote@relay") == [full]
    assert await find(store, "<q3@example.com>") == []
    assert await find(store) == []


async def test_of_several_messages_the_newest_comes_first(store: Store) -> None:
    await put_account(store, account())
    await put_account(store, account("b"))
    twice = [sent("q1"), sent("q2", message_id="<q1@example.com>", accepted_at=START + 9)]
    await record(store, *twice, sent("q3", account="b", accepted_at=START + 10))

    assert await find(store, "<q1@example.com>", "<q3@example.com>") == [
        sent("q3", account="b", accepted_at=START + 10),
        twice[1],
        twice[0],
    ]


async def test_what_a_former_account_of_that_id_sent_is_not_found(store: Store) -> None:
    await put_account(store, account(created_at=START + 6))
    await record(store, sent())

    assert await find(store, "<q1@example.com>") == []


async def test_an_envelope_id_is_the_accounts_own(store: Store) -> None:
    await put_account(store, account())
    await put_account(store, account("b"))
    await record(store, sent(envelope_id="E1"), sent("q2", account="b", envelope_id="e1"))

    def by_id(owner: str, envelope_id: str) -> Any:
        return store.read(lambda tx: tx.sent.by_envelope_id(owner, envelope_id))

    assert await by_id("a", "E1") == sent(envelope_id="E1")
    assert await by_id("a", "e1") is None
    assert await by_id("b", "E1") is None


async def test_a_return_path_leads_to_its_message_beside_any_envelope_id(store: Store) -> None:
    await put_account(store, account())
    nobody = sent("q2", has_own_return_path=True, envelope_id="E1", recipients=())
    await record(store, sent(has_own_return_path=True), nobody, sent("q3"))

    def by_tag(queue_id: str) -> Any:
        return store.read(lambda tx: tx.sent.by_return_path(queue_id))

    assert (await by_tag("q1")).queue_id == "q1"
    assert (await by_tag("q2")).envelope_id == "E1"
    assert await by_tag("q3") is None
    named = await store.read(lambda tx: tx.sent.by_envelope_id("a", "E1"))
    assert named is not None
    assert named.queue_id == "q2"


async def test_what_was_sent_is_found_by_its_queue_id(store: Store) -> None:
    await put_account(store, account())
    await record(store, sent(recipients=("a@x", "b@x")), sent("q2"))

    assert await store.read(lambda tx: tx.sent.find("q1")) == sent(recipients=("a@x", "b@x"))
    assert await store.read(lambda tx: tx.sent.find("q9")) is None


async def test_a_recipient_leads_to_the_newest_message_within_the_time(store: Store) -> None:
    await put_account(store, account())
    await record(
        store,
        sent("q1"),
        sent("q2", accepted_at=START + 50, recipients=MANY),
        sent("q3", accepted_at=START + 60, recipients=("You@Example.NET",)),
        sent("q4", accepted_at=START + 70, account="b"),
    )

    async def by_recipient(address: str, since: int = START) -> str | None:
        found = await store.read(lambda tx: tx.sent.by_recipient("a", address, since=since))
        return None if found is None else found.queue_id

    assert await by_recipient("YOU@example.net") == "q3"
    assert await by_recipient("r99@example.net") == "q2"
    assert await by_recipient("R1399@example.net") == "q2"
    assert await by_recipient("r1400@example.net") is None
    for recipient in MANY[99:101]:
        assert await by_recipient(recipient, START + 51) is None
    await record(store, sent("q5", accepted_at=START + 80, recipients=("r1399@example.net",)))
    assert await by_recipient("r1399@example.net") == "q5"


async def test_another_accounts_message_to_many_is_not_found_by_its_recipients(
    store: Store,
) -> None:
    await put_account(store, account())
    await put_account(store, account("b"))
    await record(store, sent(recipients=MANY, account="b"))

    assert await store.read(lambda tx: tx.sent.by_recipient("a", MANY[-1], since=START)) is None


async def test_a_recipient_is_found_by_any_spelling(store: Store) -> None:
    await put_account(store, account())
    few, many = ("you@bücher.example",), (*MANY, "me@xn--bcher-kva.example")
    await record(store, sent("q1", recipients=few), sent("q2", recipients=many))

    for queue_id, spelling in (("q1", "You@xn--bcher-kva.example"), ("q2", "ME@Bücher.example")):
        asked = spelling
        found = await store.read(lambda tx: tx.sent.by_recipient("a", asked, since=START))  # noqa: B023 - awaited at once
        assert found is not None
        assert found.queue_id == queue_id


async def test_of_a_message_to_many_the_first_recipients_and_the_number_are_read(
    store: Store,
) -> None:
    await put_account(store, account())
    await record(store, sent(recipients=MANY, tags=("a, b", "ä")), sent("q2", tags=("c",)))

    (found,) = await find(store, "<q1@example.com>")
    assert (found.recipients, found.further) == (MANY[:100], 1300)
    assert found.tags == ("a, b", "ä")
    assert await find(store, "<q2@example.com>") == [sent("q2", tags=("c",))]


async def test_further_recipients_are_told_as_they_were_written_to(store: Store) -> None:
    await put_account(store, account())
    await put_account(store, account("b"))
    messages = [
        sent("q1", recipients=(*MANY, "Late@Example.NET")),
        sent("q2", account="b", recipients=MANY),
        sent("q3", recipients=MANY[:100]),
    ]
    await record(store, *messages)
    found = await find(store, *(one.message_id for one in messages))

    async def further(*addresses: str) -> dict[str, list[str]]:
        return await store.read(lambda tx: tx.sent.further(found, addresses))

    assert await further("late@example.net", "nobody@x") == {"q1": ["Late@Example.NET"]}
    assert await further(MANY[-1]) == {"q1": [MANY[-1]], "q2": [MANY[-1]]}
    assert await further(MANY[99]) == {}
    assert await further() == {}


async def test_old_further_recipients_go_in_batches(store: Store) -> None:
    await put_account(store, account())
    late = sent("q2", recipients=MANY[:101], accepted_at=START + DAY)
    await record(store, sent("q1", recipients=MANY[:103]), late)

    async def purge() -> int:
        return await store.write(lambda tx: tx.sent.purge(before=START + 6, limit=60))

    assert [await purge() for _ in range(3)] == [63, 40, 0]
    found = await store.read(lambda tx: tx.sent.by_recipient("a", MANY[100], since=START))
    assert found is not None
    assert found.queue_id == "q2"


async def test_a_message_whose_attempt_is_running_is_found(store: Store) -> None:
    await put_account(store, account())
    await enqueue(store, submission("q1", tags=("a",)), submission("q2"))
    await claim(store, limit=1)

    def being_sent(queue_id: str) -> Any:
        return store.read(lambda tx: tx.sent.being_sent("a", f"<{queue_id}@example.com>"))

    found = await being_sent("q1")
    assert (found.queue_id, found.recipients) == ("q1", ("you@example.net",))
    assert found.tags == ("a",)
    assert await being_sent("q2") is None


async def test_old_rows_go_in_batches(store: Store) -> None:
    await put_account(store, account())
    await record(store, sent("q1", recipients=("x@y", "y@z")), sent("q2", accepted_at=START + DAY))

    async def purge() -> int:
        return await store.write(lambda tx: tx.sent.purge(before=START + 6, limit=1))

    assert [await purge(), await purge(), await purge()] == [1, 1, 0]
    assert await find(store, "<q1@example.com>", "<q2@example.com>") == [
        sent("q2", accepted_at=START + DAY)
    ]


async def test_bounces_are_found_by_message_and_by_submission(store: Store) -> None:
    await put_account(store, account())
    await put_account(store, account("b"))
    second = returned(
        recipient="other@example.net", recorded_at=START + 1, remote_id="<Remote@relay>"
    )
    complaint = returned(kind=ReturnedKind.COMPLAINT, reason="abuse", action=None)

    async def unit(tx: Tx) -> None:
        await tx.returned.record(1, [returned(), second])
        await tx.returned.record(2, [complaint])
        await tx.returned.record(3, [returned(account="b", queue_id=None)])
        await tx.returned.record(4, [returned(message_id=None, queue_id=None)])

    await store.write(unit)

    found = await store.read(lambda tx: tx.returned.bounces_of("a", ["<Q1@example.com>", "<x>"]))
    assert found == {"q1@example.com": [returned(), second]}
    both = ["<q1@example.com>", "<remote@relay>"]
    assert await store.read(lambda tx: tx.returned.bounces_of("a", both)) == {
        "q1@example.com": [returned(), second],
        "remote@relay": [second],
    }
    assert await store.read(lambda tx: tx.returned.of_submission("q1")) == [
        returned(), complaint, second
    ]  # fmt: skip


async def test_a_report_is_recorded_once(store: Store) -> None:
    await put_account(store, account())
    assert not await store.read(lambda tx: tx.returned.knows(7))

    await store.write(lambda tx: tx.returned.record(7, [returned()]))

    assert await store.read(lambda tx: tx.returned.knows(7))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.returned.record(7, [returned()]))


async def test_what_came_back_goes_with_its_account_and_with_its_time(
    store: Store, clock: Clock
) -> None:
    await put_account(store, account())
    await put_account(store, account("b"))

    async def unit(tx: Tx) -> None:
        await tx.returned.record(1, [returned()])
        await tx.returned.record(2, [returned(account="b", recorded_at=START + DAY)])
        await tx.returned.record(3, [returned(account="b")])

    await store.write(unit)
    await store.write(lambda tx: tx.accounts.delete("a"))
    assert not await store.read(lambda tx: tx.returned.knows(1))

    assert await store.write(lambda tx: tx.returned.purge(before=START + 1)) == 1
    assert await store.read(lambda tx: tx.returned.knows(2))
    assert not await store.read(lambda tx: tx.returned.knows(3))
