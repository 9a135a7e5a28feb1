"""Every fault at every verb: an outcome in bounded time, nothing left open, nothing believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from postroad.domain.account import Login, SmtpSettings
from postroad.domain.envelope import Envelope
from postroad.domain.reply import Accepted, Deferred, FailureKind, Outcome, judge
from postroad.domain.secret import Secret
from postroad.transport.smtp import RelayFailure, SmtpConnection, SmtpTimeouts
from support.hostile_smtp import Fault, HostileServer

IMPATIENT = SmtpTimeouts(dial_s=5, greeting_s=0.2, command_s=0.2, data_end_s=0.2, quit_s=0.1)
PATIENT = SmtpTimeouts(dial_s=10, greeting_s=10, command_s=10, data_end_s=10, quit_s=1)
BARE = b"250-x\r\n250 AUTH PLAIN\r\n"
LOST = {FailureKind.CONNECTION, FailureKind.PROTOCOL}

KINDS = {
    Fault.HANG: {FailureKind.TIMEOUT},
    Fault.DROP: {FailureKind.CONNECTION},
    Fault.RESET: {FailureKind.CONNECTION},
    Fault.HALF_LINE: {FailureKind.CONNECTION},
    Fault.ENDLESS_LINE: {FailureKind.PROTOCOL},
    Fault.ENDLESS_REPLY: {FailureKind.PROTOCOL},
    Fault.GARBAGE: {FailureKind.PROTOCOL},
    Fault.FAREWELL: {FailureKind.CONNECTION},
}


@dataclass(frozen=True, slots=True)
class Text:
    size: int = 6

    async def _read(self) -> AsyncIterator[bytes]:
        yield b"text\r\n"

    @property
    def open(self):  # type: ignore[no-untyped-def] # the method is the value
        return self._read


async def attempt(server: HostileServer, timeouts: SmtpTimeouts = PATIENT) -> Outcome:
    settings = SmtpSettings("127.0.0.1", server.port, login=Login("u", password=Secret("p")))
    try:
        connection = await SmtpConnection.open(settings, ehlo_name="us.example", timeouts=timeouts)
    except RelayFailure as error:
        return judge(error.failure)
    outcome = await connection.send(Envelope("a@b.example", ("c@d.example",)), Text())
    assert connection.is_reusable == isinstance(outcome, Accepted)
    await connection.quit()
    return outcome


@pytest.mark.parametrize("ehlo", [None, BARE], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize("verb", ["CONN", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("fault", list(KINDS), ids=lambda fault: fault.name)
async def test_a_fault_is_an_outcome_that_names_it(
    fault: Fault, verb: str, ehlo: bytes | None
) -> None:
    answers = {} if ehlo is None else {"EHLO": ehlo}
    async with HostileServer({**answers, verb: fault}) as server:
        async with asyncio.timeout(9):  # shorter than any patience
            outcome = await attempt(server, IMPATIENT if fault is Fault.HANG else PATIENT)

    assert not isinstance(outcome, Accepted)
    assert outcome.why.kind in KINDS[fault]
    assert outcome.why.command
    assert "\n" not in outcome.why.message
    if FailureKind.PROTOCOL not in KINDS[fault]:
        assert isinstance(outcome, Deferred)


@pytest.mark.parametrize("verb", ["CONN", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_an_answer_too_many_shifts_no_other(verb: str) -> None:
    async with HostileServer({verb: Fault.TWICE}) as server:
        outcome = await attempt(server)

    assert not isinstance(outcome, Accepted)
    assert server.messages == [] or verb == "DATA"


@pytest.mark.parametrize("verb", ["CONN", "EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_a_challenge_where_none_belongs_is_refused(verb: str) -> None:
    async with HostileServer({verb: Fault.WRONG_WAY}) as server:
        outcome = await attempt(server)

    assert not isinstance(outcome, Accepted)


async def test_a_server_that_challenges_without_end_is_left() -> None:
    async with HostileServer({"AUTH": Fault.WRONG_WAY}) as server:
        outcome = await attempt(server)

    assert not isinstance(outcome, Accepted)
    assert outcome.why.command == "AUTH"


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.GARBAGE, Fault.ENDLESS_LINE, Fault.RESET])
async def test_leaving_succeeds_whatever_the_server_does(fault: Fault) -> None:
    async with HostileServer({"QUIT": fault}) as server:
        outcome = await attempt(server)

    assert isinstance(outcome, Accepted)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.GARBAGE, Fault.HALF_LINE, Fault.RESET])
async def test_a_fault_in_place_of_the_handshake_is_no_connection(fault: Fault) -> None:
    async with HostileServer({"CONN": fault}) as server:
        settings = SmtpSettings("127.0.0.1", server.port, secure=True)
        with pytest.raises(RelayFailure) as caught:
            await SmtpConnection.open(settings, ehlo_name="us.example", timeouts=IMPATIENT)

    assert caught.value.failure.command == "CONN"
    assert caught.value.failure.kind in {FailureKind.CONNECTION, FailureKind.TLS}
