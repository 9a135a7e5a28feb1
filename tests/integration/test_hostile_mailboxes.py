"""What a hostile mail server costs: its own account's session, little memory, and clear words.

Beside the account under attack another one is followed on a decent server, and stays so.
"""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from postroad.domain.account import AccountState, AccountStatus
from postroad.transport.imap import ImapTimeouts
from support.followed import Followed, following, wait_for
from support.hostile_imap import HostileImap, Peer, Script, hostile_imap
from support.server import Server

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
BOUND = 64 * MIB
SHORT = ImapTimeouts(connect_s=5.0, open_s=2.0, silence_s=1.0, command_s=4.0, close_s=0.05)
BARE = "IMAP4rev1 IDLE"

Answer = Callable[[Peer, bytes], Awaitable[None]]


def server(**answers: Answer | tuple[str, ...]) -> Script:
    """A server with an empty INBOX, whose answers to some commands (``UID_FETCH``) are a test's:
    lines before the OK, or whatever a coroutine says."""
    usual: dict[str, Answer | tuple[str, ...]] = {
        "LIST": ('* LIST () "/" INBOX',),
        "EXAMINE": ("* 0 EXISTS", "* OK [UIDVALIDITY 1] x", "* OK [UIDNEXT 1] x"),
        "IDLE": idle,
    }
    usual |= answers

    async def script(peer: Peer) -> None:
        await peer.log_in(BARE)
        while True:
            command = await peer.hear()
            words = command.decode("latin-1").split(" ")
            name = "_".join(words[1:3]) if words[1] == "UID" else words[1]
            answer = usual.get(name, ())
            if callable(answer):
                await answer(peer, command)
            else:
                await peer.say(*answer, "{tag} OK done")

    return script


async def idle(peer: Peer, command: bytes) -> None:
    tag = peer.tag
    await peer.say("+ go")
    await peer.hear()
    await peer.say(f"{tag} OK done")


def saying(octets: bytes, *, before: bytes = b"", times: int = 1_000_000) -> Answer:
    """Says ``octets`` again and again, and nothing else."""

    async def answer(peer: Peer, command: bytes) -> None:
        await peer.say_octets(before)
        for _ in range(times):
            if peer.writer.is_closing():
                break
            await peer.say_octets(octets)
            await asyncio.sleep(0)
        await peer.hang()

    return answer


class At:
    """Where an account is."""

    host = "127.0.0.1"
    password = "pass word"

    def __init__(self, hostile: HostileImap) -> None:
        self.port = hostile.port


@asynccontextmanager
async def beside_a_neighbour(folder: Path, script: Script) -> AsyncIterator[tuple[Followed, str]]:
    """The account under attack; in the end its neighbour has to be where it was."""
    async with (
        hostile_imap(server()) as decent,
        hostile_imap(script) as hostile,
        following(folder, timeouts=SHORT) as followed,
    ):
        neighbour = await followed.add(At(decent), "neighbour")
        await followed.connected(neighbour)
        tracemalloc.start()
        try:
            account = await followed.add(At(hostile), "attacked")
            yield followed, account
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < BOUND
        assert (await followed.status(neighbour)).state is AccountState.CONNECTED
        assert len(decent.peers) == 1, "the neighbour had to connect again"


async def until_refused(followed: Followed, account: str) -> AccountStatus:
    """Wait until the account says what is wrong, in words that help."""

    async def says_why() -> bool:
        return (await followed.status(account)).last_error is not None

    await followed.until(says_why)
    status = await followed.status(account)
    error = status.last_error
    assert error is not None
    assert 10 < len(error.response) < 400
    assert error.response.isprintable()
    assert error.description is not None
    assert "again" in error.description or "Check" in error.description
    assert status.next_try_at is not None
    return status


LISTED = b'* LIST () "/" '
ROWS = {
    "EXAMINE": ("* 3 EXISTS", "* OK [UIDVALIDITY 1] x", "* OK [UIDNEXT 4] x"),
    "UID_SEARCH": ("* SEARCH 1 2 3",),
}
DEEDS: dict[str, tuple[Script, str]] = {
    "a giant literal": (
        server(LIST=saying(b"x" * MIB, before=LISTED + b"{4000000000}\r\n")),
        "larger than",
    ),
    "an endless line": (server(LIST=saying(b"x" * MIB)), "larger than"),
    "a hundred thousand parentheses": (
        server(**ROWS, UID_FETCH=saying(b"* 1 FETCH (X " + b"(" * 100_000 + b"\r\n")),
        "expected the end of a value",
    ),
    "NULs": (server(LIST=saying(b"\0" * 1000 + b"\r\n")), "expected"),
    "wrong tags": (server(EXAMINE=saying(b"A999 OK done\r\n")), "tag"),
    "a go-ahead for nothing": (server(LIST=saying(b"+ go\r\n")), "nothing was promised"),
    "goodbye in the middle": (server(EXAMINE=saying(b"* BYE enough\r\n", times=1)), "enough"),
    "an expunge storm while idling": (
        server(IDLE=saying(b"* 1 EXPUNGE\r\n" * 2000, before=b"+ go\r\n")),
        "",
    ),
    "a flood of rows": (
        server(**ROWS, UID_FETCH=saying(b"* 1 FETCH (UID 1 FLAGS ())\r\n" * 1000)),
        "",
    ),
    "two hundred thousand mailboxes": (
        server(
            LIST=saying(
                b"".join(b'* LIST () "/" folder-%06d\r\n' % n for n in range(200_000)), times=1
            )
        ),
        "more than 50000 mailboxes",
    ),
    "silence": (server(EXAMINE=saying(b"", times=1)), "did not answer"),
    "silence behind IDLE": (server(IDLE=saying(b"", times=1)), "did not answer"),
}


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_deed_costs_the_session_and_says_why(tmp_path: Path, deed: str) -> None:
    script, words = DEEDS[deed]
    async with beside_a_neighbour(tmp_path, script) as (followed, account):
        status = await until_refused(followed, account)
        assert status.state in (AccountState.DISCONNECTED, AccountState.CONNECTING)
        assert status.last_error is not None
        assert words in status.last_error.response


async def injected(peer: Peer) -> None:
    """Whatever stands between server and client says more behind the OK than the server did."""
    await peer.say("* OK [CAPABILITY IMAP4rev1 STARTTLS] hello")
    await peer.hear()
    await peer.say("{tag} OK go", "* PREAUTH [CAPABILITY IMAP4rev1] you are in")
    await peer.hang()


async def early(peer: Peer) -> None:
    await peer.say("* 3 EXISTS", "A1 OK you are in", "* OK [CAPABILITY IMAP4rev1] hello")
    await peer.hang()


async def mute(peer: Peer) -> None:
    await peer.hang()


async def hung_up(peer: Peer) -> None:
    await peer.say("* BYE not you")


BEFORE_LOGIN: dict[str, tuple[Script, str, str]] = {
    "cleartext behind STARTTLS": (injected, "EPROTOCOL", "cleartext"),
    "responses before the greeting": (early, "EPROTOCOL", "greeting"),
    "no greeting": (mute, "Timeout", "in time"),
    "goodbye for a greeting": (hung_up, "IMAPConnectionClosing", "not you"),
}


@pytest.mark.parametrize("deed", BEFORE_LOGIN)
async def test_who_misbehaves_before_the_login_hears_no_password(tmp_path: Path, deed: str) -> None:
    script, code, words = BEFORE_LOGIN[deed]
    heard: list[bytes] = []

    async def listening(peer: Peer) -> None:
        try:
            await script(peer)
        finally:
            heard.extend(peer.heard)

    async with beside_a_neighbour(tmp_path, listening) as (followed, account):
        status = await until_refused(followed, account)
        assert status.state is AccountState.CONNECT_ERROR
        assert status.last_error is not None
        assert (status.last_error.code, words in status.last_error.response) == (code, True)
    assert not any(b"pass word" in line or b"AUTH" in line for line in heard)


async def test_a_server_that_does_not_let_go_of_idle_is_given_up(tmp_path: Path) -> None:
    async def silent(peer: Peer, command: bytes) -> None:
        await peer.say("+ go")
        await peer.hang()

    async with beside_a_neighbour(tmp_path, server(IDLE=silent)) as (followed, account):
        await followed.connected(account)
        await followed.accounts.sync(account)  # which ends IDLE
        status = await until_refused(followed, account)
        assert status.last_error is not None
        assert "did not answer IDLE in time" in status.last_error.response


async def test_messages_under_uids_that_nobody_asked_for_are_no_messages(tmp_path: Path) -> None:
    """The server is believed that there are three, and asked a bounded number of times."""
    asked = 0

    async def others(peer: Peer, command: bytes) -> None:
        nonlocal asked
        asked += 1
        rows = [f"* {n} FETCH (UID {n + 4_000_000_000} FLAGS (\\Seen))" for n in (1, 2, 3)]
        await peer.say(*rows, "* 4 FETCH (FLAGS ())", "{tag} OK done")

    script = server(**ROWS, UID_FETCH=others)
    async with beside_a_neighbour(tmp_path, script) as (followed, account):
        await followed.connected(account)
        assert await followed.index(account) == []
        assert not await followed.events(account, "messageNew", "messageDeleted")
        assert asked < 20


async def test_a_server_that_kicks_out_at_random_is_gone_back_to_with_pauses(
    tmp_path: Path,
) -> None:
    async def kicked(peer: Peer, command: bytes) -> None:
        await peer.say("+ go", "* BYE [UNAVAILABLE] restarting")
        raise ConnectionResetError

    async with beside_a_neighbour(tmp_path, server(IDLE=kicked)) as (followed, account):
        status = await until_refused(followed, account)
        assert status.last_error is not None
        assert "restarting" in status.last_error.response
        assert status.next_try_at is not None
        assert status.next_try_at - followed.store.now() > 1000


NAMES = ("a\r\nA9 DELETE INBOX", "bell\x07", "\x1b[2J", "nul\x00nul", "\u202egpj.exe", "\x7f")


async def test_names_with_control_characters_are_names_like_any_other(tmp_path: Path) -> None:
    """What cannot be named on the wire is left out, and harms no other."""

    async def listed(peer: Peer, command: bytes) -> None:
        tag = peer.tag
        for name in ("INBOX", *NAMES):
            octets = name.encode()
            await peer.say_octets(LISTED + b"{%d}\r\n%b\r\n" % (len(octets), octets))
        await peer.say(f"{tag} OK done")

    async with beside_a_neighbour(tmp_path, server(LIST=listed)) as (followed, account):
        await followed.connected(account)
        told = await wait_for(followed, account, "mailboxNew", len(NAMES))
        assert {one.data["path"] for one in told} == {"INBOX", *NAMES} - {"nul\x00nul"}


async def test_reads_do_not_wait_for_a_first_look_that_takes_long(tmp_path: Path) -> None:
    """Contract B-233: the watch hangs in its first command, on a connection of its own."""
    watching: list[Peer] = []

    async def fetched(peer: Peer, command: bytes) -> None:
        if peer in watching or not watching:
            watching.append(peer)
            await peer.hang()
        await peer.say("* 1 FETCH (UID 1 FLAGS () ENVELOPE NIL)", "{tag} OK done")

    script = server(**ROWS, UID_FETCH=fetched, FETCH=fetched)
    async with hostile_imap(script) as hostile:
        with Server(tmp_path) as running:
            imap = {"host": "127.0.0.1", "port": hostile.port, "secure": False,
                    "auth": {"user": "u", "pass": "p"}}  # fmt: skip
            body = {"account": "slow", "name": "slow", "email": "s@x.test", "imap": imap}
            await asyncio.to_thread(running.ok, "POST", "/v1/account", body)
            async with asyncio.timeout(10):
                while not watching:
                    await asyncio.sleep(0.01)

            def read(n: int) -> tuple[int, str]:
                status, _ = running.call("GET", "/v1/account/slow/messages?path=INBOX&pageSize=3")
                return status, running.ok("GET", "/v1/account/slow")["state"]

            answers = await asyncio.gather(*(asyncio.to_thread(read, n) for n in range(50)))
            assert set(answers) == {(200, "syncing")}
