"""The sandbox: mailboxes inside Postroad, and the relay between them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.account import Account
from postroad.domain.envelope import Envelope
from postroad.domain.errors import NotFound
from postroad.domain.message import FlagChange
from postroad.domain.reply import Accepted, Deferred, Outcome, Rejected
from postroad.domain.submission import Source, Submission, SubmissionState
from postroad.engine.delivery.sandbox_relay import SandboxRelay
from postroad.engine.providers.base import WholeProvider
from postroad.engine.providers.sandbox import SandboxProvider
from postroad.store import Store, Tx
from postroad.store.events import EventPosition
from postroad.store.sandbox import SandboxMessage
from support.provider_suite import ProviderSuite, octets, plain
from support.reading_suite import ReadingSuite

ME = Account("me", "Me", "me@sandbox.test", created_at=1, is_sandbox=True)
YOU = Account("you", "You", "You@Sandbox.test", created_at=1, is_sandbox=True)
REAL = Account("real", "Real", "real@sandbox.test", created_at=1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store lies; each engine in its turn."""
    if request.param == "sqlite":
        return str(tmp_path)
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = await stores.open(database)
    for account in (ME, YOU, REAL):
        await add(opened, account)
    yield opened
    await opened.close()


async def add(store: Store, account: Account) -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account)

    await store.write(unit)


async def submission(
    store: Store, *rcpt_to: str, message: bytes = plain(), attempts: int = 1, mail_from: str = ""
) -> Submission:
    """A claimed submission whose content is in the store; a ``Bcc`` field stays at home."""
    start = message.find(b"Bcc: ")
    end = message.find(b"\r\n", start) + 2 if start >= 0 else 0
    staged = await store.stage([message], bcc_start=max(start, 0), bcc_end=end)

    async def unit(tx: Tx) -> None:
        await tx.contents.insert(staged)

    await store.write(unit)
    return Submission(
        queue_id="18c0ffee00000000001",
        account="me",
        lane="me",
        source=Source.API,
        envelope=Envelope(mail_from or "me@sandbox.test", rcpt_to),
        message_id="<one@example.test>",
        subject="One",
        content=staged.content,
        state=SubmissionState.QUEUED,
        created_at=1,
        scheduled_at=1,
        next_attempt_at=1,
        attempts=attempts,
        max_attempts=10,
    )


async def send(store: Store, *rcpt_to: str, attempts: int = 1) -> Outcome:
    sub = await submission(store, *rcpt_to, attempts=attempts)
    return await SandboxRelay(store).send(ME, sub)


async def inbox(store: Store, account: Account) -> list[bytes]:
    """The whole messages in an INBOX, oldest first."""

    async def unit(tx: Tx) -> list[SandboxMessage]:
        return await tx.sandbox.list(account.account, "INBOX", limit=100)

    return [
        b"".join([piece async for piece in store.open_content(found.content, skip_bcc=False)])
        for found in reversed(await store.read(unit))
    ]


class TestSandboxProvider(ProviderSuite, ReadingSuite):
    @pytest.fixture
    async def provider(self, store: Store) -> WholeProvider:
        return SandboxProvider(ME, store=store)


async def test_mail_to_a_sandbox_address_arrives_in_its_inbox(store: Store) -> None:
    outcome = await send(store, "you@sandbox.test")
    assert isinstance(outcome, Accepted)
    assert outcome.reply.text == ("250 2.0.0 Ok: queued in the sandbox as 18c0ffee00000000001")
    (message,) = await inbox(store, YOU)
    assert message == (
        b"Return-Path: <me@sandbox.test>\r\nDelivered-To: you@sandbox.test\r\n" + plain()
    )


async def test_bcc_does_not_travel(store: Store) -> None:
    message = plain().replace(b"Subject:", b"Bcc: you@sandbox.test\r\nSubject:")
    sub = await submission(store, "you@sandbox.test", message=message)
    await SandboxRelay(store).send(ME, sub)
    (arrived,) = await inbox(store, YOU)
    assert b"Bcc" not in arrived


async def test_mail_to_nobody_here_is_accepted_and_arrives_nowhere(store: Store) -> None:
    assert isinstance(await send(store, "who@else.test", "real@sandbox.test"), Accepted)
    assert await inbox(store, YOU) == []
    assert await inbox(store, REAL) == []


async def test_two_addresses_of_one_account_make_one_message(store: Store) -> None:
    await send(store, "you@sandbox.test", "YOU@sandbox.test", "me@sandbox.test")
    assert len(await inbox(store, YOU)) == 1
    assert len(await inbox(store, ME)) == 1


async def test_reject_is_refused_for_good(store: Store) -> None:
    outcome = await send(store, "reject@anywhere.test")
    assert isinstance(outcome, Rejected)
    assert outcome.why.reply is not None
    assert (outcome.why.reply.code, outcome.why.reply.enhanced) == (550, "5.1.1")
    assert outcome.why.reply.text.startswith("550 5.1.1 <reject@anywhere.test>")


@pytest.mark.parametrize(("attempt", "kind"), [(1, Deferred), (2, Deferred), (3, Accepted)])
async def test_defer_is_taken_at_the_third_attempt(
    store: Store, attempt: int, kind: type[Outcome]
) -> None:
    outcome = await send(store, "Defer@anywhere.test", attempts=attempt)
    assert isinstance(outcome, kind)
    if isinstance(outcome, Deferred):
        assert outcome.why.reply is not None
        assert (outcome.why.reply.code, outcome.why.reply.enhanced) == (451, "4.7.1")


async def test_slow_waits_and_accepts(store: Store) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    sub = await submission(store, "slow@anywhere.test")
    assert isinstance(await SandboxRelay(store, slow_s=1.5, sleep=sleep).send(ME, sub), Accepted)
    assert waited == [1.5]


async def test_refused_recipients_do_not_keep_the_others_from_theirs(store: Store) -> None:
    outcome = await send(store, "reject@a.test", "you@sandbox.test", "defer@a.test")
    assert isinstance(outcome, Accepted)
    assert [(who.address, who.reply.code) for who in outcome.refused] == [
        ("reject@a.test", 550),
        ("defer@a.test", 451),
    ]
    assert len(await inbox(store, YOU)) == 1


async def test_nobody_left_is_deferred_while_one_may_still_take_it(store: Store) -> None:
    assert isinstance(await send(store, "reject@a.test", "defer@a.test"), Deferred)


async def test_no_recipients_is_an_envelope_that_cannot_be(store: Store) -> None:
    outcome = await send(store)
    assert isinstance(outcome, Rejected)
    assert outcome.why.kind == "EENVELOPE"


async def test_bounce_is_accepted_and_reported_to_the_sender(store: Store) -> None:
    assert isinstance(await send(store, "bounce@far.test", "you@sandbox.test"), Accepted)
    (report,) = await inbox(store, ME)
    parsed = message_from_bytes(report, policy=default)
    assert parsed.get_content_type() == "multipart/report"
    assert b"Final-Recipient: rfc822; bounce@far.test" in report
    assert b"Message-ID: <one@example.test>" in report
    assert len(await inbox(store, YOU)) == 1


async def test_bounce_of_a_message_without_a_sender_is_told_to_nobody(store: Store) -> None:
    sub = await submission(store, "bounce@far.test")
    nameless = Envelope("", sub.envelope.rcpt_to)
    outcome = await SandboxRelay(store).send(ME, replace(sub, envelope=nameless))
    assert isinstance(outcome, Accepted)
    assert await inbox(store, ME) == []


async def test_large_message_arrives_whole(store: Store) -> None:
    message = plain(body=b"".join(b"%09d\r\n" % n for n in range(50_000)))
    sub = await submission(store, "you@sandbox.test", message=message)
    await SandboxRelay(store).send(ME, sub)
    (arrived,) = await inbox(store, YOU)
    assert arrived.endswith(message)


async def test_ids_of_a_former_account_of_the_same_name_lead_nowhere(store: Store) -> None:
    old = SandboxProvider(YOU, store=store)
    filed = await old.append("INBOX", octets(plain()), flags=())
    assert filed.message is not None

    async def forget(tx: Tx) -> bool:
        return await tx.accounts.delete("you")

    assert await store.write(forget)
    again = Account("you", "You", "you@sandbox.test", created_at=2, is_sandbox=True)
    await add(store, again)
    provider = SandboxProvider(again, store=store)
    assert await provider.find_by_message_id("INBOX", "<one@example.test>") is None
    with pytest.raises(NotFound):
        await provider.read_reference(filed.message)


async def test_content_goes_with_its_account(store: Store) -> None:
    provider = SandboxProvider(YOU, store=store)
    await provider.append("INBOX", octets(plain()), flags=())

    async def content_id(tx: Tx) -> str:
        (found,) = await tx.sandbox.list("you", "INBOX", limit=1)
        return found.content.content_id

    gone = await store.read(content_id)

    async def forget(tx: Tx) -> None:
        await tx.accounts.delete("you")

    await store.write(forget)

    async def missing(tx: Tx) -> set[str]:
        return await tx.contents.missing([gone])

    assert await store.read(missing) == {gone}


async def test_newest_messages_come_first_in_a_list(store: Store) -> None:
    provider = SandboxProvider(ME, store=store)
    for n in range(3):
        await provider.append("INBOX", octets(plain(f"<{n}@x>")), flags=("\\Seen",), date_ms=n)
    listed = await provider.newest("INBOX", limit=2)
    assert [found.received_at for found in listed] == [2, 1]
    assert b"Message-ID: <2@x>" in listed[0].headers
    assert listed[0].flags == ("\\Seen",)


async def test_filing_for_an_account_that_is_gone_is_not_found(store: Store) -> None:
    nobody = Account("nobody", "N", "n@s.test", created_at=1, is_sandbox=True)
    with pytest.raises(NotFound):
        await SandboxProvider(nobody, store=store).append("INBOX", octets(plain()), flags=())


async def told(store: Store, account: str) -> list[tuple[str, dict[str, object]]]:
    """Names and data of an account's events, in order."""

    async def unit(tx: Tx) -> list[tuple[str, dict[str, object]]]:
        log = await tx.events.read_after(EventPosition(0, 0), 1000)
        return [(one.name, json.loads(one.data)) for _, one in log if one.account == account]

    return await store.read(unit)


async def test_delivered_mail_is_announced_with_it(store: Store) -> None:
    await send(store, "you@sandbox.test")
    ((name, data),) = await told(store, "you")
    assert name == "messageNew"
    assert data["id"] == "AAAAAQAAAAE"
    assert (data["subject"], data["messageId"]) == ("One", "<one@example.test>")
    assert (data["path"], data["specialUse"], data["seemsLikeNew"]) == ("INBOX", "\\Inbox", True)
    provider = SandboxProvider(YOU, store=store)
    assert (await provider.read_message(str(data["id"]))).found.path == "INBOX"


async def test_what_is_changed_in_the_sandbox_is_told(store: Store) -> None:
    provider = SandboxProvider(ME, store=store)
    message = (await provider.append("INBOX", octets(plain()), flags=())).message
    assert message is not None
    await provider.change_flags(message, FlagChange(add=("\\Seen",)))
    await provider.change_flags(message, FlagChange(add=("\\Seen",)))  # changes nothing
    moved = await provider.move(message, "\\Trash")
    assert moved.message is not None
    await provider.remove(moved.message)
    await provider.create_mailbox(["Box"])
    await provider.delete_mailbox("Box")
    events = await told(store, "me")
    assert [(name, data.get("id")) for name, data in events] == [
        ("messageNew", message),
        ("messageUpdated", message),
        ("messageDeleted", message),
        ("messageNew", moved.message),
        ("messageMoved", moved.message),
        ("messageDeleted", moved.message),
        ("mailboxNew", None),
        ("mailboxDeleted", None),
    ]
    assert events[1][1]["changes"] == {"flags": {"added": ["\\Seen"], "value": ["\\Seen"]}}


async def test_account_hears_of_what_it_wants_to_hear(store: Store) -> None:
    inbox_only = replace(ME, paths=("\\Inbox",), indexer="fast", notify_from=1_629_126_001_000)
    provider = SandboxProvider(inbox_only, store=store)
    await provider.append("Sent", octets(plain()), flags=())
    await provider.append("INBOX", octets(plain()), flags=())  # its Date is earlier
    late = plain().replace(b"2021", b"2031")
    message = (await provider.append("INBOX", octets(late), flags=())).message
    assert message is not None
    await provider.change_flags(message, FlagChange(add=("\\Seen",)))
    await provider.remove(message, force=True)
    assert [name for name, _ in await told(store, "me")] == ["messageNew"]


async def test_mail_of_the_second_in_which_an_account_began_is_told(store: Store) -> None:
    young = replace(ME, notify_from=1_629_126_000_999)  # the Date field knows 1_629_126_000
    await SandboxProvider(young, store=store).append("INBOX", octets(plain()), flags=())
    assert [name for name, _ in await told(store, "me")] == ["messageNew"]
