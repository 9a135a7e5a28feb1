from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from postroad.domain.account import Login, SmtpSettings, TlsOptions
from postroad.domain.envelope import Envelope
from postroad.domain.reply import Accepted, Deferred, FailureKind, Rejected, judge
from postroad.domain.secret import Secret
from postroad.transport.smtp import AFTER_DOT, RelayFailure, SmtpConnection, SmtpTimeouts
from support.certificate import localhost_contexts
from support.hostile_smtp import Fault, HostileServer

ENVELOPE = Envelope("from@a.example", ("one@b.example", "two@b.example"))
SHORT = SmtpTimeouts(dial_s=5, greeting_s=5, command_s=5, data_end_s=5, quit_s=1)
NO_PIPELINING = b"250-x\r\n250 AUTH PLAIN\r\n"


@dataclass(frozen=True, slots=True)
class Pieces:
    size: int
    open: Callable[[], AsyncIterator[bytes]]


def content(*pieces: bytes, size: int | None = None) -> Pieces:
    async def read() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return Pieces(sum(map(len, pieces)) if size is None else size, read)


SMALL = content(b"Subject: x\r\n\r\n", b".dot\r\nbye\r\n")
LARGE = content(*[b"x" * 998 + b"\r\n"] * 200)


async def dial(
    server: HostileServer,
    *,
    host: str = "127.0.0.1",
    secure: bool = False,
    login: Login | None = None,
    tls: TlsOptions | None = None,
    timeouts: SmtpTimeouts = SHORT,
) -> SmtpConnection:
    settings = SmtpSettings(host, server.port, secure, login, tls or TlsOptions())
    return await SmtpConnection.open(settings, ehlo_name="us.example", timeouts=timeouts)


def trusting(folder: Path) -> tuple[ssl.SSLContext, TlsOptions]:
    server, _ = localhost_contexts(folder)
    pem = (folder / "localhost.pem").read_text()
    return server, TlsOptions(extra={"ca": pem[pem.index("-----BEGIN CERTIFICATE") :]})


async def test_messages_follow_one_another_on_one_connection() -> None:
    async with HostileServer() as server:
        connection = await dial(server)
        first = await connection.send(ENVELOPE, SMALL)
        second = await connection.send(ENVELOPE, SMALL)
        await connection.quit()

    assert isinstance(first, Accepted) and isinstance(second, Accepted)
    assert first.reply.text == "250 2.0.0 taken"
    assert server.messages == [b"Subject: x\r\n\r\n..dot\r\nbye\r\n"] * 2
    assert server.connections == 1
    assert server.commands == [
        b"EHLO us.example",
        b"MAIL FROM:<from@a.example> SIZE=25",
        b"RCPT TO:<one@b.example>",
        b"RCPT TO:<two@b.example>",
        b"DATA",
        b"RSET",
        b"MAIL FROM:<from@a.example> SIZE=25",
        b"RCPT TO:<one@b.example>",
        b"RCPT TO:<two@b.example>",
        b"DATA",
        b"QUIT",
    ]


async def test_large_content_is_streamed() -> None:
    async with HostileServer() as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, LARGE)
        await connection.quit()

    assert isinstance(outcome, Accepted)
    assert server.messages == [(b"x" * 998 + b"\r\n") * 200]


async def test_refused_recipients_are_told_and_the_rest_served() -> None:
    async with HostileServer({"RCPT": [b"550 5.1.1 nobody\r\n", b"250 ok\r\n"]}) as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, SMALL)
        await connection.quit()

    assert isinstance(outcome, Accepted)
    assert [(r.address, r.reply.code) for r in outcome.refused] == [("one@b.example", 550)]


@pytest.mark.parametrize("ehlo", [NO_PIPELINING, b"250-x\r\n250 PIPELINING\r\n"])
async def test_a_refused_message_leaves_the_connection_usable(ehlo: bytes) -> None:
    refusing_once = [b"550 not you\r\n", b"250 ok\r\n"]
    async with HostileServer({"EHLO": ehlo, "MAIL": refusing_once}) as server:
        connection = await dial(server)
        refused = await connection.send(ENVELOPE, SMALL)
        assert connection.is_reusable
        taken = await connection.send(ENVELOPE, SMALL)
        await connection.quit()

    assert isinstance(refused, Rejected)
    assert isinstance(taken, Accepted)


async def test_a_message_too_large_is_refused_without_a_word() -> None:
    async with HostileServer({"EHLO": b"250-x\r\n250 SIZE 10\r\n"}) as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, SMALL)
        assert connection.is_reusable
        await connection.quit()

    assert isinstance(outcome, Rejected) and outcome.why.kind is FailureKind.MESSAGE
    assert server.commands == [b"EHLO us.example", b"QUIT"]


async def test_no_recipients_is_final_without_a_word() -> None:
    async with HostileServer() as server:
        connection = await dial(server)
        outcome = await connection.send(Envelope("a@b.example", ()), SMALL)
        await connection.quit()

    assert isinstance(outcome, Rejected) and outcome.why.kind is FailureKind.ENVELOPE


async def test_starttls_is_used_where_offered_and_what_was_offered_before_forgotten(
    tmp_path: Path,
) -> None:
    context, trust = trusting(tmp_path)
    answers = {"EHLO": [b"250-x\r\n250-DSN\r\n250 STARTTLS\r\n", b"250-x\r\n250 AUTH PLAIN\r\n"]}
    async with HostileServer(answers, tls=context) as server:
        login = Login("u", password=Secret("p"))
        connection = await dial(server, host="localhost", tls=trust, login=login)
        outcome = await connection.send(ENVELOPE, LARGE)
        await connection.quit()

    assert isinstance(outcome, Accepted)
    assert not connection.extensions.dsn
    assert server.commands[:4] == [
        b"EHLO us.example",
        b"STARTTLS",
        b"EHLO us.example",
        b"AUTH PLAIN AHUAcA==",
    ]


async def test_tls_from_the_first_octet(tmp_path: Path) -> None:
    context, trust = trusting(tmp_path)
    async with HostileServer(tls=context, implicit_tls=True) as server:
        connection = await dial(server, host="localhost", tls=trust, secure=True)
        outcome = await connection.send(ENVELOPE, LARGE)
        await connection.quit()

    assert isinstance(outcome, Accepted)


@pytest.mark.parametrize("secure", [True, False])
async def test_a_certificate_nobody_vouches_for_is_a_tls_failure(
    tmp_path: Path, secure: bool
) -> None:
    context, _ = trusting(tmp_path)
    answers = {"EHLO": b"250-x\r\n250 STARTTLS\r\n"}
    async with HostileServer(answers, tls=context, implicit_tls=secure) as server:
        with pytest.raises(RelayFailure) as caught:
            await dial(server, host="localhost", secure=secure)

    failure = caught.value.failure
    assert failure.kind is FailureKind.TLS
    assert failure.command == ("CONN" if secure else "STARTTLS")
    assert "certificate" in failure.message
    assert isinstance(judge(failure), Rejected)


async def test_a_certificate_for_another_name_is_a_tls_failure(tmp_path: Path) -> None:
    context, trust = trusting(tmp_path)
    async with HostileServer(tls=context, implicit_tls=True) as server:
        with pytest.raises(RelayFailure) as caught:
            await dial(server, host="127.0.0.1", secure=True, tls=trust)

    assert caught.value.failure.kind is FailureKind.TLS


async def test_any_certificate_does_where_that_is_wanted(tmp_path: Path) -> None:
    context, _ = trusting(tmp_path)
    async with HostileServer(tls=context, implicit_tls=True) as server:
        connection = await dial(server, secure=True, tls=TlsOptions(verify=False))
        await connection.quit()

    assert server.commands == [b"EHLO us.example", b"QUIT"]


@pytest.mark.parametrize("answer", [b"220 go\r\n250 injected\r\n", b"220 go\r\nhalf a line"])
async def test_cleartext_after_the_go_ahead_is_never_taken_for_encrypted(
    tmp_path: Path, answer: bytes
) -> None:
    context, trust = trusting(tmp_path)
    answers = {"EHLO": b"250-x\r\n250 STARTTLS\r\n", "STARTTLS": answer}
    async with HostileServer(answers, tls=context) as server:
        with pytest.raises(RelayFailure) as caught:
            await dial(server, host="localhost", tls=trust)

    assert caught.value.failure.kind is FailureKind.PROTOCOL
    assert caught.value.failure.command == "STARTTLS"


async def test_a_temporary_login_failure_is_deferred() -> None:
    async with HostileServer({"AUTH": b"454 4.7.0 later\r\n"}) as server:
        with pytest.raises(RelayFailure) as caught:
            await dial(server, login=Login("u", password=Secret("p")))

    assert caught.value.failure.kind is FailureKind.AUTH
    assert isinstance(judge(caught.value.failure), Deferred)


async def test_a_bad_name_for_ourselves_is_found_before_it_is_said() -> None:
    async with HostileServer() as server:
        with pytest.raises(RelayFailure) as caught:
            await SmtpConnection.open(
                SmtpSettings("127.0.0.1", server.port), ehlo_name="x\r\nQUIT", timeouts=SHORT
            )

    assert caught.value.failure.command == "EHLO"
    assert server.commands == []


async def test_content_that_ends_early_gets_no_final_dot() -> None:
    async with HostileServer() as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, content(b"x" * 998 + b"\r\n", size=100_000))
        await server.ended.wait()

    assert isinstance(outcome, Deferred) and outcome.why.kind is FailureKind.STREAM
    assert not connection.is_reusable
    assert server.messages == []


async def test_small_content_that_ends_early_is_not_even_begun() -> None:
    async with HostileServer() as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, content(b"short", size=100))
        assert connection.is_reusable
        await connection.quit()

    assert isinstance(outcome, Deferred) and outcome.why.kind is FailureKind.STREAM
    assert server.commands == [b"EHLO us.example", b"QUIT"]


@pytest.mark.parametrize("size", [100, 100_000])
async def test_content_that_cannot_be_read_is_a_stream_failure(size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError(5, "Input/output error")

    async with HostileServer() as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, Pieces(size, broken))
        connection.abort()

    assert isinstance(outcome, Deferred) and outcome.why.kind is FailureKind.STREAM
    assert server.messages == []


@pytest.mark.parametrize("message", [SMALL, LARGE])
async def test_a_loss_after_the_final_dot_says_so(message: Pieces) -> None:
    async with HostileServer({".": Fault.DROP}) as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, message)

    assert isinstance(outcome, Deferred) and outcome.why.kind is FailureKind.CONNECTION
    assert AFTER_DOT in outcome.why.message
    assert not connection.is_reusable and not connection.was_stale
    assert len(server.messages) == 1


async def test_a_refusal_in_the_middle_of_the_content_is_heard() -> None:
    endless = content(*[b"x" * 998 + b"\r\n"] * 20_000)
    answers = {"DATA": b"354 go\r\n552 5.3.4 too much\r\n"}
    async with HostileServer(answers) as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, endless)

    assert isinstance(outcome, Rejected)
    assert outcome.why.reply is not None and outcome.why.reply.code == 552
    assert not connection.is_reusable


async def test_a_premature_250_accepts_nothing() -> None:
    async with HostileServer({"DATA": b"354 go\r\n250 taken\r\n"}) as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, SMALL)

    assert isinstance(outcome, Rejected) and outcome.why.kind is FailureKind.PROTOCOL
    assert server.messages == []


async def test_a_farewell_between_messages_makes_the_connection_unfit() -> None:
    async with HostileServer({".": b"250 taken\r\n421 4.4.2 idle\r\n"}) as server:
        connection = await dial(server)
        outcome = await connection.send(ENVELOPE, SMALL)
        assert isinstance(outcome, Accepted)
        again = await connection.send(ENVELOPE, SMALL)

    assert isinstance(again, Deferred)
    assert connection.was_stale


async def test_a_cancelled_send_closes_the_connection() -> None:
    async with HostileServer({".": Fault.HANG}) as server:
        connection = await dial(server)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connection.send(ENVELOPE, SMALL)

    assert not connection.is_reusable


async def test_reset_and_noop_ask_and_hear() -> None:
    async with HostileServer({"NOOP": [b"250 ok\r\n", b"421 no\r\n"]}) as server:
        connection = await dial(server)
        await connection.reset()
        await connection.noop()
        with pytest.raises(RelayFailure):
            await connection.noop()

    assert not connection.is_reusable
    assert server.commands[1:] == [b"RSET", b"NOOP", b"NOOP"]


async def test_leaving_says_quit_and_waits_for_nobody() -> None:
    async with HostileServer() as server:
        connection = await dial(server)
        connection.leave()
        connection.leave()
        assert not connection.is_reusable
        await server.ended.wait()

    assert server.commands == [b"EHLO us.example", b"QUIT"]
