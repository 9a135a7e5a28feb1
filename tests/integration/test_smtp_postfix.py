"""The SMTP client against a real Postfix: what it takes, refuses, encrypts and checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from postroad.domain.account import Login, SmtpSettings, TlsOptions
from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn, Envelope
from postroad.domain.reply import Accepted, Deferred, FailureKind, Outcome, Rejected
from postroad.domain.secret import Secret
from postroad.engine.delivery.pool import RelayPool, relay_key
from postroad.protocol.smtp import Extensions, authenticate
from postroad.transport.smtp import RelayFailure, SmtpConnection, SmtpTimeouts
from support.postfix import MAX_BYTES, MISSING, PASSWORD, USER, Postfix, is_possible, postfix
from support.sink import Sink

pytestmark = pytest.mark.integration

TIMEOUTS = SmtpTimeouts(dial_s=10, greeting_s=10, command_s=20, data_end_s=20)
LOGIN = Login(USER, password=Secret(PASSWORD))


@dataclass(frozen=True, slots=True)
class Pieces:
    size: int
    open: Callable[[], AsyncIterator[bytes]]


def message(subject: str, *body: bytes) -> Pieces:
    head = (
        f"From: <{USER}>\r\nTo: <b@dest.example>\r\nDate: Mon, 23 Nov 2026 02:00:00 +0000\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{subject}@sender.example>\r\n\r\n"
    ).encode()
    pieces = [head, *body]

    async def read() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return Pieces(sum(map(len, pieces)), read)


@pytest.fixture(scope="module")
def relay(sink: Sink) -> Iterator[Postfix]:
    if not is_possible():
        pytest.skip(MISSING)
    with postfix(sink.host, sink.port) as running:
        yield running


def settings(relay: Postfix, kind: str = "plain", login: Login | None = LOGIN) -> SmtpSettings:
    trust = TlsOptions(extra={"ca": relay.ca})
    match kind:
        case "submission":
            return SmtpSettings("localhost", relay.submission_port, False, login, trust)
        case "smtps":
            return SmtpSettings("localhost", relay.smtps_port, True, login, trust)
        case _:
            return SmtpSettings("127.0.0.1", relay.port)


async def dial(to: SmtpSettings) -> SmtpConnection:
    return await SmtpConnection.open(to, ehlo_name="us.example", timeouts=TIMEOUTS)


async def send_one(
    to: SmtpSettings, content: Pieces, *recipients: str, dsn: DsnRequest | None = None
) -> Outcome:
    connection = await dial(to)
    outcome = await connection.send(Envelope(USER, recipients), content, dsn=dsn)
    await connection.quit()
    return outcome


async def arrival(sink: Sink, subject: str) -> bytes:
    """The mail as it came out at the other end of the relay."""
    return await arriving(sink, f"Message-ID: <{subject}@sender.example>".encode())


async def arriving(sink: Sink, wanted: bytes) -> bytes:
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        for mail in list(sink.mails):
            if wanted in mail:
                return mail
        await asyncio.sleep(0.02)
    raise AssertionError(f"{wanted!r} did not come out of the relay")


@pytest.mark.parametrize("kind", ["plain", "submission", "smtps"])
async def test_a_message_passes_the_relay_octet_for_octet(
    relay: Postfix, sink: Sink, kind: str
) -> None:
    body = b".\r\n..\r\n.dot\r\n" + bytes(range(0x80, 0x100)) + b"\r\n" + b"x" * 900 + b"\r\n"
    content = message(f"passes-{kind}", body)
    connection = await dial(settings(relay, kind))
    outcome = await connection.send(Envelope(USER, ("b@dest.example",)), content, eight_bit=True)
    await connection.quit()

    assert isinstance(outcome, Accepted)
    assert "queued as" in outcome.reply.text
    assert (await arrival(sink, f"passes-{kind}")).endswith(b"\r\n\r\n" + body)


async def test_postfix_offers_what_we_know(relay: Postfix) -> None:
    connection = await dial(settings(relay, "submission"))
    offered = connection.extensions
    await connection.quit()

    assert offered.pipelining and offered.eight_bit and offered.smtputf8 and offered.dsn
    assert offered.max_bytes == MAX_BYTES
    assert offered.auth == {"PLAIN", "LOGIN", "CRAM-MD5"}


async def test_a_large_message_passes_in_pieces(relay: Postfix, sink: Sink) -> None:
    line = b"y" * 76 + b"\r\n"
    content = message("large", *[line * 800] * 40)
    outcome = await send_one(settings(relay, "submission"), content, "b@dest.example")

    assert isinstance(outcome, Accepted)
    assert (await arrival(sink, "large")).endswith(line * 32_000)


async def test_the_pool_uses_one_connection_for_many(relay: Postfix, sink: Sink) -> None:
    to = settings(relay, "submission")
    key = relay_key(to, ehlo_name="us.example")
    pool = RelayPool()
    seen: set[int] = set()

    async def send(connection: SmtpConnection) -> Outcome:
        seen.add(id(connection))
        content = message(f"pooled-{connection.messages}")
        return await connection.send(Envelope(USER, ("b@dest.example",)), content)

    outcomes = [await pool.deliver(key, lambda: dial(to), send) for _ in range(10)]
    await pool.close()

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len(seen) == 1
    for number in range(10):
        await arrival(sink, f"pooled-{number}")


async def test_many_connections_at_once_lose_nothing(relay: Postfix, sink: Sink) -> None:
    to = settings(relay)
    key = relay_key(to, ehlo_name="us.example")
    pool = RelayPool(max_connections=5)

    async def deliver(number: int) -> None:
        async def send(connection: SmtpConnection) -> Outcome:
            content = message(f"many-{number}")
            return await connection.send(Envelope(USER, ("b@dest.example",)), content)

        assert isinstance(await pool.deliver(key, lambda: dial(to), send), Accepted)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for number in range(60):
            group.create_task(deliver(number))
    await pool.close()

    for number in range(60):
        await arrival(sink, f"many-{number}")
        assert sink.counts[f"<many-{number}@sender.example>"] == 1


async def test_refused_recipients_are_told_and_the_rest_served(relay: Postfix, sink: Sink) -> None:
    outcome = await send_one(
        settings(relay),
        message("partly"),
        "reject@dest.example",
        "b@dest.example",
        "later@dest.example",
    )

    assert isinstance(outcome, Accepted)
    assert [(r.address, r.reply.code, r.reply.enhanced) for r in outcome.refused] == [
        ("reject@dest.example", 550, "5.1.1"),
        ("later@dest.example", 450, "4.2.0"),
    ]
    await arrival(sink, "partly")


async def test_refused_by_all_is_final_unless_time_may_mend_one(relay: Postfix) -> None:
    never = await send_one(settings(relay), message("never"), "reject@dest.example")
    later = await send_one(
        settings(relay), message("later"), "reject@dest.example", "later@dest.example"
    )

    assert isinstance(never, Rejected)
    assert isinstance(later, Deferred)
    assert never.why.reply is not None and never.why.reply.code == 550
    assert never.why.command == "RCPT TO"


async def test_the_connection_serves_on_after_refusals(relay: Postfix, sink: Sink) -> None:
    connection = await dial(settings(relay))
    for _ in range(3):
        refused = await connection.send(
            Envelope(USER, ("reject@dest.example",)), message("refused")
        )
        assert isinstance(refused, Rejected) and connection.is_reusable
    taken = await connection.send(Envelope(USER, ("b@dest.example",)), message("after-refusals"))
    await connection.quit()

    assert isinstance(taken, Accepted)
    await arrival(sink, "after-refusals")


async def test_a_message_above_the_relays_limit_is_refused_before_it_is_sent(
    relay: Postfix,
) -> None:
    content = message("too-large", b"z" * 76 + b"\r\n", *[(b"z" * 76 + b"\r\n") * 1000] * 40)
    outcome = await send_one(settings(relay), content, "b@dest.example")

    assert isinstance(outcome, Rejected) and outcome.why.kind is FailureKind.MESSAGE


async def test_the_relay_itself_refuses_what_says_it_is_too_large(relay: Postfix) -> None:
    connection = await dial(settings(relay))
    content = message("says-too-large")
    connection.extensions = replace(connection.extensions, max_bytes=None)  # as if it named none
    outcome = await connection.send(
        Envelope(USER, ("b@dest.example",)), content, message_size=MAX_BYTES + 1
    )
    await connection.quit()

    assert isinstance(outcome, Rejected)
    assert outcome.why.command == "MAIL FROM"
    assert outcome.why.reply is not None and outcome.why.reply.code == 552


@pytest.mark.parametrize("kind", ["submission", "smtps"])
async def test_a_wrong_password_is_final(relay: Postfix, kind: str) -> None:
    wrong = Login(USER, password=Secret("wrong"))
    with pytest.raises(RelayFailure) as caught:
        await dial(settings(relay, kind, wrong))

    failure = caught.value.failure
    assert (failure.kind, failure.command) == (FailureKind.AUTH, "AUTH")
    assert failure.reply is not None and failure.reply.code == 535


async def test_no_login_where_one_is_wanted_is_refused(relay: Postfix) -> None:
    outcome = await send_one(
        settings(relay, "submission", None), message("nobody"), "b@dest.example"
    )

    assert isinstance(outcome, Rejected)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_each_password_mechanism_is_accepted(relay: Postfix, mechanism: str) -> None:
    connection = await dial(settings(relay, "smtps", None))
    offered = Extensions(auth=frozenset({mechanism}))
    dialogue = authenticate(LOGIN, offered, is_encrypted=True, host="localhost", port=465)
    await connection._talk(dialogue, 10)
    await connection.quit()


@pytest.mark.parametrize("kind", ["submission", "smtps"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(relay: Postfix, kind: str) -> None:
    good = settings(relay, kind)
    with pytest.raises(RelayFailure) as caught:
        await dial(SmtpSettings(good.host, good.port, good.secure, LOGIN))

    assert caught.value.failure.kind is FailureKind.TLS


async def test_addresses_beyond_ascii_pass(relay: Postfix, sink: Sink) -> None:
    outcome = await send_one(settings(relay), message("utf8"), "b@bücher.example")
    assert isinstance(outcome, Accepted)
    await arrival(sink, "utf8")

    eai = await send_one(settings(relay), message("eai"), "jürgen@bücher.example")
    assert isinstance(eai, Accepted)


async def test_a_report_on_success_comes_back_with_what_was_asked(
    relay: Postfix, sink: Sink
) -> None:
    # The next hop knows no DSN, so Postfix itself reports that it has relayed. RFC 3461 §5.2.2
    dsn = DsnRequest(DsnReturn.HEADERS, "QQ+314=159", (DsnNotify.SUCCESS,), "orig+x@dest.example")
    outcome = await send_one(settings(relay), message("dsn"), "b@dest.example", dsn=dsn)

    assert isinstance(outcome, Accepted)
    report = await arriving(sink, b"Original-Envelope-Id: QQ+314=159")
    assert b"Original-Recipient: rfc822;orig+x@dest.example" in report
    assert b"Action: relayed" in report
