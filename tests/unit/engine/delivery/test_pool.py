from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from postroad.domain.account import Login, SmtpSettings, TlsOptions
from postroad.domain.envelope import Envelope
from postroad.domain.reply import Accepted, Deferred, FailureKind, Outcome
from postroad.domain.secret import Secret
from postroad.engine.delivery.pool import Opener, RelayPool, relay_key
from postroad.transport.smtp import AFTER_DOT, RelayFailure, SmtpConnection, SmtpTimeouts
from support.hostile_smtp import Answer, Fault, HostileServer

SHORT = SmtpTimeouts(dial_s=5, greeting_s=5, command_s=5, data_end_s=5, quit_s=1)


@dataclass(frozen=True, slots=True)
class Pieces:
    size: int
    open: Callable[[], AsyncIterator[bytes]]


async def _read() -> AsyncIterator[bytes]:
    yield b"text\r\n"


TEXT = Pieces(6, _read)


def opener(server: HostileServer) -> Opener:
    async def open_connection() -> SmtpConnection:
        return await SmtpConnection.open(
            SmtpSettings("127.0.0.1", server.port), ehlo_name="us.example", timeouts=SHORT
        )

    return open_connection


async def send(connection: SmtpConnection) -> Outcome:
    return await connection.send(Envelope("a@b.example", ("c@d.example",)), TEXT)


async def test_one_connection_serves_one_message_after_another() -> None:
    async with HostileServer() as server:
        pool = RelayPool()
        for _ in range(3):
            assert isinstance(await pool.deliver("key", opener(server), send), Accepted)
        await pool.close()

    assert server.connections == 1
    assert len(server.messages) == 3
    assert server.commands[-1] == b"QUIT"


async def test_other_settings_get_another_connection() -> None:
    async with HostileServer() as server:
        pool = RelayPool()
        await pool.deliver("one", opener(server), send)
        await pool.deliver("two", opener(server), send)
        await pool.close()

    assert server.connections == 2


async def test_a_used_up_connection_is_left() -> None:
    async with HostileServer() as server:
        pool = RelayPool(max_messages=2)
        for _ in range(5):
            await pool.deliver("key", opener(server), send)
        await pool.close()

    assert server.connections == 3


async def test_an_old_connection_is_left() -> None:
    async with HostileServer() as server:
        pool = RelayPool(max_age_s=0)
        for _ in range(2):
            await pool.deliver("key", opener(server), send)
        await pool.close()

    assert server.connections == 2


async def test_an_idle_connection_is_left_after_its_time() -> None:
    async with HostileServer() as server:
        pool = RelayPool(max_idle_s=0.05)
        await pool.deliver("key", opener(server), send)
        async with asyncio.timeout(5):
            await server.ended.wait()
        await pool.close()

    assert server.commands[-1] == b"QUIT"


async def test_no_more_are_kept_than_allowed() -> None:
    async with HostileServer() as server:
        pool = RelayPool(max_idle=1)
        await pool.deliver("one", opener(server), send)
        await pool.deliver("two", opener(server), send)
        await pool.deliver("one", opener(server), send)
        await pool.deliver("two", opener(server), send)
        await pool.close()

    assert server.connections == 3


@pytest.mark.parametrize("allowed", [1, 3])
async def test_those_who_wait_are_served_in_order_by_no_more_than_allowed(allowed: int) -> None:
    order: list[int] = []

    async with HostileServer() as server:
        pool = RelayPool(max_connections=allowed)

        async def user(number: int) -> None:
            async with pool.lease("key", opener(server)) as connection:
                order.append(number)
                assert isinstance(await send(connection), Accepted)

        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(user(number))
        await pool.close()

    waited = [number for number in order if number >= allowed]  # the first ones had to dial
    assert waited == sorted(waited) and len(order) == 20
    assert server.connections == allowed
    assert len(server.messages) == 20


async def test_a_cancelled_wait_costs_nobody_a_place() -> None:
    async with HostileServer() as server:
        pool = RelayPool(max_connections=1)
        lease = pool.lease("key", opener(server))
        connection = await lease.__aenter__()

        async def wait() -> None:
            async with pool.lease("key", opener(server)):
                raise AssertionError("was never to be served")

        waiting = [asyncio.ensure_future(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        await lease.__aexit__(None, None, None)
        for task in waiting:  # the second one has been given the place and not yet run
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(5):
            async with pool.lease("key", opener(server)) as again:
                assert again is connection
        await pool.close()


async def test_a_connection_that_cannot_be_opened_is_an_outcome_and_leaves_no_trace() -> None:
    async with HostileServer({"CONN": b"421 busy\r\n"}) as server:
        pool = RelayPool(max_connections=1)
        outcomes = [await pool.deliver("key", opener(server), send) for _ in range(3)]

        with pytest.raises(RelayFailure):
            async with pool.lease("key", opener(server)):
                pass

    assert all(isinstance(outcome, Deferred) for outcome in outcomes)


async def test_a_broken_connection_never_comes_back() -> None:
    async with HostileServer({".": [Fault.DROP, b"250 ok\r\n"]}) as server:
        pool = RelayPool()
        lost = await pool.deliver("key", opener(server), send)
        taken = await pool.deliver("key", opener(server), send)
        await pool.close()

    assert isinstance(lost, Deferred) and AFTER_DOT in lost.why.message
    assert isinstance(taken, Accepted)
    assert server.connections == 2


async def test_a_failing_user_does_not_leave_its_connection_to_others() -> None:
    async with HostileServer() as server:
        pool = RelayPool()
        with pytest.raises(ZeroDivisionError):
            async with pool.lease("key", opener(server)):
                raise ZeroDivisionError
        await pool.deliver("key", opener(server), send)
        await pool.close()

    assert server.connections == 2


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.RESET, Fault.FAREWELL, Fault.HALF_LINE])
@pytest.mark.parametrize("verb", ["RSET", "MAIL"])
async def test_a_kept_connection_found_dead_is_no_failure(verb: str, fault: Fault) -> None:
    good = b"250 ok\r\n"
    answers: list[Answer] = [fault, good] if verb == "RSET" else [good, fault, good]
    async with HostileServer({verb: answers}) as server:
        pool = RelayPool()
        assert isinstance(await pool.deliver("key", opener(server), send), Accepted)
        assert isinstance(await pool.deliver("key", opener(server), send), Accepted)
        await pool.close()

    assert server.connections == 2
    assert len(server.messages) == 2


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
async def test_a_connection_lost_later_is_a_failure_and_not_tried_again(verb: str) -> None:
    good = b"354 go\r\n" if verb == "DATA" else b"250 ok\r\n"
    async with HostileServer({verb: [good, Fault.DROP, good]}) as server:
        pool = RelayPool()
        assert isinstance(await pool.deliver("key", opener(server), send), Accepted)
        lost = await pool.deliver("key", opener(server), send)
        await pool.close()

    assert isinstance(lost, Deferred) and lost.why.kind is FailureKind.CONNECTION
    assert server.connections == 1


async def test_a_fresh_connection_found_dead_is_a_failure() -> None:
    async with HostileServer({"MAIL": Fault.DROP}) as server:
        pool = RelayPool()
        outcome = await pool.deliver("key", opener(server), send)
        await pool.close()

    assert isinstance(outcome, Deferred)
    assert server.connections == 1


async def test_after_the_end_nothing_is_kept() -> None:
    async with HostileServer() as server:
        pool = RelayPool()
        async with pool.lease("key", opener(server)) as connection:
            await pool.close()
            assert isinstance(await send(connection), Accepted)
        assert not connection.is_reusable


def test_a_key_tells_settings_apart() -> None:
    one = SmtpSettings("Relay.example", 587, login=Login("u", password=Secret("p")))
    same = SmtpSettings("relay.example", 587, login=Login("u", password=Secret("p")))
    others = [
        SmtpSettings("relay.example", 465, login=Login("u", password=Secret("p"))),
        SmtpSettings("relay.example", 587, login=Login("u", password=Secret("q"))),
        SmtpSettings("relay.example", 587, login=None),
        SmtpSettings("relay.example", 587, True, Login("u", password=Secret("p"))),
        SmtpSettings(
            "relay.example", 587, False, Login("u", password=Secret("p")), TlsOptions(verify=False)
        ),
        SmtpSettings(
            "relay.example",
            587,
            False,
            Login("u", password=Secret("p")),
            TlsOptions(extra={"servername": "x"}),
        ),
    ]
    key = relay_key(one, ehlo_name="x")

    assert key == relay_key(same, ehlo_name="x")
    assert key not in [relay_key(other, ehlo_name="x") for other in others]
    assert key != relay_key(one, ehlo_name="y")
    assert key != relay_key(one, ehlo_name="x", proxy=Secret("socks5://proxy"))
    assert key != relay_key(one, ehlo_name="x", local_address="127.0.0.2")
