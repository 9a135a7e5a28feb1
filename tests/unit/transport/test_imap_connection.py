from __future__ import annotations

import asyncio
import base64
import dataclasses
import zlib
from collections.abc import AsyncIterator

import pytest

from postroad.domain.account import Login
from postroad.domain.errors import (
    LocalProtocolError,
    PostroadError,
    RemoteProtocolError,
    TimedOut,
    TooLarge,
    Unavailable,
)
from postroad.domain.secret import Secret
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.status import AppendUidCode
from postroad.transport.imap import (
    AuthenticationRefused,
    CommandRefused,
    ConnectionLost,
    DialError,
    ImapConnection,
    ToAppend,
)
from support.hostile_imap import (
    PASSWORD,
    QUICK,
    OctetsOf,
    Peer,
    Script,
    hostile_imap,
    opened,
    settings,
)

HASTY = dataclasses.replace(QUICK, open_s=0.2, silence_s=0.2)
TOKEN = Login("me", access_token=Secret("t0ken"))


def logging_in(*answers: str, capabilities: str = "IMAP4rev1") -> Script:
    """Greet, then answer the commands that follow one by one."""

    async def script(peer: Peer) -> None:
        await peer.say(f"* OK [CAPABILITY {capabilities}] hello")
        for answer in answers:
            await peer.hear()
            await peer.say(answer)
        await peer.hang()

    return script


def after_login(*lines: str, capabilities: str = "IMAP4rev1") -> Script:
    """Let the client in, hear one command, say lines, hang."""

    async def script(peer: Peer) -> None:
        await peer.log_in(capabilities)
        await peer.hear()
        await peer.say(*lines)
        await peer.hang()

    return script


# Logging in


@pytest.mark.parametrize(
    ("capabilities", "login", "heard"),
    [
        ("IMAP4rev1", PASSWORD, [b'A1 LOGIN me "pass word"']),
        ("AUTH=PLAIN SASL-IR", PASSWORD, [b"A1 AUTHENTICATE PLAIN AG1lAHBhc3Mgd29yZA=="]),
        ("AUTH=SCRAM-SHA-1", PASSWORD, [b'A1 LOGIN me "pass word"']),
        (
            "AUTH=XOAUTH2 SASL-IR",
            TOKEN,
            [b"A1 AUTHENTICATE XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0MGtlbgEB"],
        ),
    ],
)
async def test_the_best_common_way_is_taken(
    capabilities: str, login: Login, heard: list[bytes]
) -> None:
    async with hostile_imap(
        logging_in("{tag} OK [CAPABILITY X] in", capabilities=capabilities)
    ) as (hostile):
        connection = await opened(hostile.port, login=login)
        assert hostile.peers[0].heard == heard
        await connection.close()


async def test_without_sasl_ir_the_response_waits_for_the_challenge() -> None:
    async def script(peer: Peer) -> None:
        await peer.say("* OK [CAPABILITY AUTH=PLAIN] hello")
        assert await peer.hear() == b"A1 AUTHENTICATE PLAIN"
        await peer.say("+ ")
        assert base64.b64decode(await peer.hear()) == b"\0me\0pass word"
        await peer.say("A1 OK [CAPABILITY X] in")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        await (await opened(hostile.port)).close()


async def test_oauthbearer_names_the_server_that_was_dialed() -> None:
    async def script(peer: Peer) -> None:
        await peer.say("* OK [CAPABILITY AUTH=OAUTHBEARER SASL-IR] hello")
        initial = base64.b64decode((await peer.hear()).split()[-1])
        assert initial.startswith(b"n,a=me,\x01host=127.0.0.1\x01port=")
        await peer.say("+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=")
        assert await peer.hear() == b"AQ=="
        await peer.say("A1 NO [AUTHENTICATIONFAILED] token expired")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        with pytest.raises(AuthenticationRefused) as caught:
            await opened(hostile.port, login=TOKEN)
    assert caught.value.code == "AUTHENTICATIONFAILED"
    assert caught.value.response == "NO [AUTHENTICATIONFAILED] token expired"


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ("{tag} NO [AUTHENTICATIONFAILED] no", AuthenticationRefused, "AUTHENTICATIONFAILED"),
        ("{tag} NO wrong", AuthenticationRefused, None),
        ("{tag} NO [WEBALERT https://x.test] in browser", AuthenticationRefused, "WEBALERT"),
        ("{tag} NO [UNAVAILABLE] later", Unavailable, "UNAVAILABLE"),
        ("{tag} NO [INUSE] busy", Unavailable, "INUSE"),
        ("{tag} NO [ALERT] Too many simultaneous connections.", Unavailable, "ALERT"),
        ("{tag} BAD User is authenticated but not connected.", Unavailable, None),
        ("* BYE [UNAVAILABLE] shutting down", Unavailable, "UNAVAILABLE"),
    ],
)
async def test_a_refused_login_is_told_from_a_server_in_trouble(
    answer: str, error: type[PostroadError], code: str | None
) -> None:
    async with hostile_imap(logging_in(answer)) as hostile:
        with pytest.raises(error) as caught:
            await opened(hostile.port)
    assert caught.value.code == code
    assert isinstance(caught.value, AuthenticationRefused) == (error is AuthenticationRefused)


async def test_another_way_is_tried_when_the_server_does_not_know_its_own() -> None:
    script = logging_in(
        "{tag} BAD what?", "{tag} OK [CAPABILITY X] in", capabilities="AUTH=PLAIN SASL-IR"
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert hostile.peers[0].heard[1].startswith(b"A2 LOGIN")
        await connection.close()


@pytest.mark.parametrize(
    ("capabilities", "login"),
    [
        ("IMAP4rev1 LOGINDISABLED", PASSWORD),
        ("IMAP4rev1 AUTH=PLAIN", TOKEN),
        ("IMAP4rev1", None),
        ("IMAP4rev1", Login("me")),
        ("IMAP4rev1 AUTH=PLAIN SASL-IR", Login("me", Secret("nul\0"))),
    ],
)
async def test_a_login_that_cannot_be_is_refused_without_showing_it(
    capabilities: str, login: Login | None
) -> None:
    async with hostile_imap(logging_in(capabilities=capabilities)) as hostile:
        with pytest.raises(AuthenticationRefused):
            await opened(hostile.port, login=login)
        assert not any(b"LOGIN" in line or b"AUTH" in line for line in hostile.peers[0].heard)


async def test_a_server_that_knows_us_already_is_not_shown_the_password() -> None:
    async def script(peer: Peer) -> None:
        await peer.say("* PREAUTH [CAPABILITY IMAP4rev1] welcome")
        await peer.answer()
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.noop()
        assert hostile.peers[0].heard == [b"A1 NOOP"]
        connection.abort()


async def test_the_client_says_who_it_is_where_the_server_wants_to_know() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 ID")
        assert await peer.answer('* ID ("name" "X")') == b'A2 ID ("name" "Postroad")'
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await ImapConnection.open(
            settings(hostile.port), client_id={"name": "Postroad"}, timeouts=QUICK
        )
        assert connection.server_id == {"name": "X"}
        connection.abort()


# Servers that cannot be opened


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"* BYE too busy\r\n",
        b"220 smtp.example.test ESMTP\r\n",
        b"* 3 EXISTS\r\n",
        b"\x00" * 100 + b"\r\n",
        b"\xff\xfe\r\n",
        b"* OK [CAPABILITY X] hi\r\n* BYE gone\r\n",
        b"* OK [CAPABILITY X] hi\r\nA9 OK what\r\n",
        b"* OK [CAPABILITY X] hi\r\n+ more\r\n",
        b"* OK [CAPABILITY X] hi\r\n* PREAUTH again\r\n",
        b"* OK [CAPABILITY X] hi\r\n" + b"* SEARCH x\r\n" * 200,
        b"* OK [CAPABILITY X] hi\r\n* LIST () NIL {999999999999}\r\n",
        b"* OK [CAPABILITY X] hi\r\nA1 MAYBE\r\n",
    ],
)
async def test_a_server_that_speaks_nonsense_is_left(octets: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.say_octets(octets)

    async with hostile_imap(script) as hostile:
        with pytest.raises((Unavailable, RemoteProtocolError)):
            await opened(hostile.port)


async def test_an_endless_line_is_left_at_its_limit() -> None:
    async def script(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say_octets(b"x" * 1_000_000)

    async with hostile_imap(script) as hostile:
        with pytest.raises(RemoteProtocolError, match="larger"):
            await opened(hostile.port)


@pytest.mark.parametrize("answers", [0, 1])
async def test_a_silent_server_is_left_when_time_is_up(answers: int) -> None:
    async def script(peer: Peer) -> None:
        if answers:
            await peer.say("* OK [CAPABILITY IMAP4rev1] hello")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        with pytest.raises(TimedOut):
            await opened(hostile.port, timeouts=HASTY)


async def test_cleartext_behind_starttls_is_refused() -> None:
    script = logging_in(
        "{tag} OK begin\r\n* CAPABILITY AUTH=EVIL", capabilities="IMAP4rev1 STARTTLS"
    )
    async with hostile_imap(script) as hostile:
        with pytest.raises(RemoteProtocolError, match="cleartext"):
            await opened(hostile.port)
        assert len(hostile.peers[0].heard) == 1


@pytest.mark.parametrize("answer", ["{tag} NO no", "{tag} BAD what", "{tag} OK\r\n" + "x" * 50])
async def test_a_password_is_not_shown_where_starttls_fails(answer: str) -> None:
    script = logging_in(answer, capabilities="IMAP4rev1 STARTTLS")
    async with hostile_imap(script) as hostile:
        with pytest.raises((DialError, RemoteProtocolError)):
            await opened(hostile.port)
        assert len(hostile.peers[0].heard) == 1


async def test_nobody_there_is_a_dial_error() -> None:
    async with hostile_imap(logging_in()) as hostile:
        port = hostile.port
    with pytest.raises(DialError):
        await opened(port)


# Commands


async def test_a_refusal_has_the_servers_words_and_code() -> None:
    async with hostile_imap(after_login("{tag} NO [NONEXISTENT] no such mailbox")) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(CommandRefused) as caught:
            await connection.select(b"x")
        assert caught.value.code == "NONEXISTENT"
        assert "NO [NONEXISTENT] no such mailbox" in caught.value.message
        assert connection.is_open
        connection.abort()


async def test_rows_of_one_message_are_joined_and_others_dropped() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* 9 EXISTS", "* OK [UIDVALIDITY 7] x")
        await peer.answer(
            "* 3 FETCH (UID 5 FLAGS ())",
            "* 4 FETCH (FLAGS (\\Seen))",
            "* 8 FETCH (UID 6 FLAGS (\\Seen))",
            "* 3 FETCH (UID 5 RFC822.SIZE 10)",
            "* 3 FETCH (UID 5 FLAGS (\\Deleted))",
        )
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        mailbox = await connection.select(b"INBOX")
        (row,) = await connection.uid_fetch(NumSet.of([5]), ["FLAGS", "RFC822.SIZE"])
        assert (mailbox.exists, mailbox.uidvalidity) == (9, 7)
        assert (row.uid, row.flags, row.size) == (5, ("\\Deleted",), 10)
        connection.abort()


async def test_a_message_larger_than_asked_for_ends_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* 9 EXISTS")
        await peer.hear()
        await peer.say("* 1 FETCH (UID 1 BODY[] {40000000}")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        with pytest.raises(RemoteProtocolError, match="larger"):
            await connection.uid_fetch(NumSet.of([1]), ["BODY.PEEK[]"], max_bytes=1000)
        assert not connection.is_open


async def test_searches_are_sorted_whatever_their_form() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* 9 EXISTS")
        assert await peer.answer("* SEARCH 9 3", '* ESEARCH (TAG "x") UID ALL 4:5') == (
            b'A3 UID SEARCH HEADER "Message-ID" "<a@b>"'
        )
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        assert await connection.search_header("Message-ID", "<a@b>") == [3, 4, 5, 9]
        connection.abort()


async def test_subscriptions_come_from_lsub_where_list_cannot_tell() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer('* LIST () "/" INBOX', '* LIST () "/" x')
        await peer.answer('* LSUB () "/" x')
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        listing = await connection.list_mailboxes()
        assert [entry.path for entry in listing.entries] == ["INBOX", "x"]
        assert listing.subscribed == frozenset({b"x"})
        connection.abort()


async def test_commands_travel_side_by_side() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 NAMESPACE")
        first, second = await peer.hear(), await peer.hear()
        assert first.endswith(b"NAMESPACE")
        assert second.endswith(b"NOOP")
        await peer.say("A3 OK done", '* NAMESPACE (("x." ".")) NIL NIL', "A2 OK done")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        namespace, _ = await asyncio.gather(connection.namespace(), connection.noop())
        assert namespace.personal[0].prefix == "x."
        connection.abort()


async def test_compressed_sessions_go_on_as_before() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 COMPRESS=DEFLATE")
        assert await peer.hear() == b"A2 COMPRESS DEFLATE"
        await peer.say("A2 OK go")
        inflater = zlib.decompressobj(-15)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        text = b""
        while b"\r\n" not in text:
            text += inflater.decompress(await peer.reader.read(1000))
        assert text == b"A3 NOOP\r\n"
        answer = deflater.compress(b"A3 OK done\r\n") + deflater.flush(zlib.Z_SYNC_FLUSH)
        await peer.say_octets(answer)
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert connection.is_compressed
        await connection.noop()
        connection.abort()


# Filing


async def test_content_is_streamed_once_the_server_is_ready() -> None:
    data = bytes(range(256)) * 1000

    async def script(peer: Peer) -> None:
        await peer.log_in()
        assert await peer.hear() == b"A2 APPEND Sent (\\Seen) {256000}"
        await peer.say("+ go ahead")
        assert await peer.hear_octets(len(data) + 2) == data + b"\r\n"
        await peer.say("A2 OK [APPENDUID 7 12] done")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        code = await connection.append(b"Sent", OctetsOf(data), flags=["\\Seen"])
        assert code == AppendUidCode(7, NumSet.of([12]))
        connection.abort()


async def test_several_messages_are_filed_in_one_command() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 LITERAL+ MULTIAPPEND")
        assert await peer.hear() == b"A2 APPEND x {3+}"
        assert await peer.hear_octets(13) == b"one (\\Seen) {"
        assert await peer.hear_octets(9) == b"3+}\r\ntwo\r"
        await peer.say("A2 OK [APPENDUID 7 12:13] done")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        code = await connection.append_many(
            b"x", [ToAppend(OctetsOf(b"one")), ToAppend(OctetsOf(b"two"), ["\\Seen"])]
        )
        assert code is not None
        assert list(code.uids) == [12, 13]
        connection.abort()


async def test_a_message_beyond_the_servers_limit_is_not_sent() -> None:
    async with hostile_imap(after_login(capabilities="IMAP4rev1 APPENDLIMIT=10")) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(TooLarge):
            await connection.append(b"x", OctetsOf(b"12345678901"))
        assert connection.is_open
        connection.abort()


async def test_a_refused_append_leaves_the_connection_usable() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say("{tag} NO [TRYCREATE] no such mailbox")
        await peer.answer()
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(CommandRefused) as caught:
            await connection.append(b"x", OctetsOf(b"abc"))
        assert caught.value.code == "TRYCREATE"
        await connection.noop()
        connection.abort()


@pytest.mark.parametrize(("said", "was_sent"), [("* OK hm", False), ("+ go", True)])
async def test_a_loss_tells_whether_the_message_may_be_there(said: str, was_sent: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say(said)
        if was_sent:
            await peer.hear_octets(5)

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(ConnectionLost) as caught:
            await connection.append(b"x", OctetsOf(b"abc"))
        assert caught.value.was_sent is was_sent
        assert caught.value.code == "IMAPConnectionClosing"


async def test_content_that_ends_early_takes_the_connection_with_it() -> None:
    async with hostile_imap(after_login("+ go")) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(LocalProtocolError, match="2 octets early"):
            await connection.append(b"x", OctetsOf(b"abc", size=5))
        assert not connection.is_open


async def test_content_that_cannot_be_read_says_so_itself() -> None:
    class Broken:
        size = 10

        async def open(self) -> AsyncIterator[bytes]:
            yield b"abc"
            raise KeyError("the store is gone")

    async with hostile_imap(after_login("+ go")) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(KeyError):
            await connection.append(b"x", Broken())
        assert not connection.is_open


# Losing it


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"* BYE going down\r\n",
        b"A2 MAYBE\r\n",
        b"A7 OK not asked\r\n",
        b"+ what\r\n",
        b"* 1 FETCH (BODY[] {99999999999}\r\n",
        b"* X " + b"(" * 100 + b"\r\n* SEARCH (\r\n" * 150,
        b"\xff" * 20_000_000,
    ],
)
async def test_a_server_that_fails_in_mid_command_costs_only_its_connection(
    octets: bytes,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say_octets(octets)

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises((ConnectionLost, RemoteProtocolError)):
            await connection.noop()
        assert not connection.is_open
        assert await connection.wait_closed() is not None
        with pytest.raises((ConnectionLost, RemoteProtocolError)):
            await connection.noop()


async def test_silence_in_a_command_ends_the_connection() -> None:
    async with hostile_imap(after_login()) as hostile:
        connection = await opened(hostile.port, timeouts=HASTY)
        with pytest.raises(TimedOut):
            await connection.noop()
        assert not connection.is_open


async def test_a_trickle_is_bounded_in_all() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        while not peer.writer.is_closing():
            await peer.say("* 1 EXISTS")
            await asyncio.sleep(0.01)

    timeouts = dataclasses.replace(QUICK, command_s=0.3)
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port, timeouts=timeouts)
        with pytest.raises(TimedOut):
            await connection.noop()


async def test_a_cancelled_command_takes_the_connection_with_it() -> None:
    async with hostile_imap(after_login()) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.noop()
        assert not connection.is_open


async def test_a_drop_is_noticed_while_nobody_asks() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer()
        await peer.say("* BYE [UNAVAILABLE] maintenance")

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.noop()
        reason = await asyncio.wait_for(connection.wait_closed(), 5)
        assert reason.code == "UNAVAILABLE"
        assert "maintenance" in reason.message


async def test_keeping_alive_asks_now_and_then_and_tells_the_end() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        assert await peer.answer() == b"A2 NOOP"
        assert await peer.answer() == b"A3 NOOP"

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        reason = await asyncio.wait_for(connection.keep_alive(interval_s=0.01), 5)
        assert isinstance(reason, ConnectionLost)


async def test_closing_says_goodbye_and_waits_for_no_one() -> None:
    async with hostile_imap(after_login()) as hostile:
        connection = await opened(hostile.port, timeouts=dataclasses.replace(QUICK, close_s=0.1))
        await connection.close()
        await connection.close()
        assert hostile.peers[0].heard[-1] == b"A2 LOGOUT"
        assert not connection.is_open


async def test_no_error_shows_the_password() -> None:
    async with hostile_imap(logging_in("{tag} NO wrong")) as hostile:
        with pytest.raises(AuthenticationRefused) as caught:
            await opened(hostile.port)
    assert "pass word" not in repr(caught.value) + str(caught.value)
