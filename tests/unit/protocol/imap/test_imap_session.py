from __future__ import annotations

import zlib

import pytest

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap import commands, mailbox_commands, message_commands
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.events import (
    Challenge,
    Completed,
    Event,
    Greeted,
    Malformed,
    StreamWanted,
    Told,
)
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.response import Exists
from postroad.protocol.imap.session import MAX_MALFORMED, ImapSession
from postroad.protocol.imap.state import State


def session(greeting: bytes = b"* OK hello", *, allows_rev2: bool = True) -> ImapSession:
    one = ImapSession(allows_rev2=allows_rev2)
    list(one.receive(greeting + b"\r\n"))
    return one


def written(one: ImapSession) -> bytes:
    out = b""
    while isinstance(piece := one.next_output(), bytes):
        out += piece
    return out


def hear(one: ImapSession, data: bytes) -> list[Event]:
    return list(one.receive(data))


@pytest.mark.parametrize(
    ("greeting", "state"),
    [
        (b"* OK ready", State.NOT_AUTHENTICATED),
        (b"* PREAUTH ready", State.AUTHENTICATED),
        (b"* BYE too busy", State.LOGOUT),
    ],
)
def test_the_greeting_decides_where_it_begins(greeting: bytes, state: State) -> None:
    assert session(greeting).state is state


@pytest.mark.parametrize(
    "first", [b"* 3 EXISTS", b"A1 OK early", b"+ go on", b"* NO", b"SSH-2.0-x", b"HTTP/1.1 200 OK"]
)
def test_anything_but_a_greeting_ends_the_session(first: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        session(first)


@pytest.mark.parametrize(
    ("greeting", "command"),
    [
        (b"* OK ready", mailbox_commands.NAMESPACE),
        (b"* OK ready", mailbox_commands.select(b"x")),
        (b"* PREAUTH ready", commands.login("a", "b")),
        (b"* PREAUTH ready", commands.STARTTLS),
        (b"* PREAUTH ready", message_commands.uid_fetch(NumSet.of([1]), ["FLAGS"])),
        (b"* BYE no", commands.NOOP),
        (b"* OK ready", Command("XYZZY")),
        (b"* OK [CAPABILITY LOGINDISABLED] ready", commands.login("a", "b")),
    ],
)
def test_commands_are_refused_where_they_do_not_belong(greeting: bytes, command: Command) -> None:
    with pytest.raises(LocalProtocolError):
        session(greeting).send(command)


def test_a_command_that_changes_the_state_travels_alone() -> None:
    one = session(b"* PREAUTH ready")
    one.send(commands.NOOP)
    with pytest.raises(LocalProtocolError):
        one.send(mailbox_commands.select(b"x"))
    hear(one, b"A1 OK\r\n")
    one.send(mailbox_commands.select(b"x"))
    with pytest.raises(LocalProtocolError):
        one.send(commands.NOOP)


def test_plaintext_behind_starttls_is_refused() -> None:
    one = session()
    one.send(commands.STARTTLS)
    with pytest.raises(RemoteProtocolError, match="cleartext"):
        hear(one, b"A1 OK begin\r\n* CAPABILITY AUTH=EVIL\r\n")


def test_plaintext_that_comes_later_but_before_tls_is_refused() -> None:
    one = session()
    one.send(commands.STARTTLS)
    hear(one, b"A1 OK [CAPABILITY AUTH=EVIL] begin\r\n")
    assert one.capabilities is None
    with pytest.raises(RemoteProtocolError, match="cleartext"):
        hear(one, b"* CAPABILITY AUTH=EVIL\r\n")


def test_capabilities_told_within_the_login_are_kept() -> None:
    one = session(b"* OK [CAPABILITY IMAP4rev1] x")
    one.send(commands.login("a", "b"))
    hear(one, b"* CAPABILITY IMAP4rev1 X-NEW\r\nA1 OK in\r\n")
    assert one.can("X-NEW")


def test_capabilities_not_told_with_the_login_must_be_asked_for() -> None:
    one = session(b"* OK [CAPABILITY IMAP4rev1] x")
    one.send(commands.login("a", "b"))
    hear(one, b"A1 OK in\r\n")
    assert one.capabilities is None


def test_a_rev2_only_server_has_what_the_rfc_folds_in() -> None:
    assert session(b"* OK [CAPABILITY IMAP4rev2] x").can("UIDPLUS")
    assert not session(b"* OK [CAPABILITY IMAP4rev1 IMAP4rev2] x").can("UIDPLUS")


def test_rev2_can_be_left_alone() -> None:
    one = session(b"* OK [CAPABILITY IMAP4rev1 IMAP4rev2] x", allows_rev2=False)
    assert one.capabilities == frozenset({"IMAP4REV1"})


def test_a_sasl_exchange_goes_back_and_forth() -> None:
    one = session(b"* OK [CAPABILITY AUTH=CRAM-MD5] x")
    one.send(commands.authenticate("CRAM-MD5"))
    assert written(one) == b"A1 AUTHENTICATE CRAM-MD5\r\n"
    assert hear(one, b"+ PGFAYj4=\r\n") == [Challenge("A1", b"<a@b>")]
    one.respond(b"me digest")
    assert written(one) == b"bWUgZGlnZXN0\r\n"
    hear(one, b"+ \r\n")
    one.respond(None)
    assert written(one) == b"*\r\n"
    hear(one, b"A1 BAD cancelled\r\n")
    assert one.state is State.NOT_AUTHENTICATED


def test_a_challenge_of_free_text_is_an_empty_one() -> None:
    one = session()
    one.send(commands.authenticate("PLAIN"))
    written(one)
    assert hear(one, b"+ go ahead!\r\n") == [Challenge("A1", b"")]


def test_a_go_ahead_that_nobody_waits_for_ends_the_session() -> None:
    with pytest.raises(RemoteProtocolError):
        hear(session(), b"+ go ahead\r\n")


@pytest.mark.parametrize("line", [b"A9 OK done\r\n", b"* PREAUTH again\r\n", b"A1 WHAT\r\n"])
def test_what_throws_the_stream_out_of_step_ends_the_session(line: bytes) -> None:
    one = session()
    one.send(commands.NOOP)
    with pytest.raises(RemoteProtocolError):
        hear(one, line)


def test_a_malformed_response_is_dropped_and_the_rest_goes_on() -> None:
    events = hear(session(), b"* 1 FETCH (\r\n\r\n* 3 EXISTS\r\n")
    assert isinstance(events[0], Malformed)
    assert isinstance(events[1], Malformed)
    assert events[2] == Told(Exists(3))


def test_too_many_malformed_responses_end_the_session() -> None:
    one = session()
    with pytest.raises(RemoteProtocolError):
        hear(one, b"* SEARCH x\r\n" * (MAX_MALFORMED + 1))


def test_a_stream_takes_exactly_what_was_announced() -> None:
    one = session(b"* PREAUTH [CAPABILITY LITERAL+] x")
    one.send(message_commands.append(b"x", [(5, (), None)]))
    assert written(one) == b"A1 APPEND x {5+}\r\n"
    assert one.next_output() == StreamWanted("A1", 5)
    assert one.literal_octets(b"abc") == b"abc"
    with pytest.raises(LocalProtocolError):
        one.literal_octets(b"def")
    assert one.literal_octets(b"de") == b"de"
    assert written(one) == b"\r\n"


def test_large_literals_wait_even_where_they_need_not() -> None:
    one = session(b"* PREAUTH [CAPABILITY LITERAL+] x")
    one.send(message_commands.append(b"x", [(100_000, (), None)]))
    assert written(one) == b"A1 APPEND x {100000}\r\n"


def test_literal_minus_ends_at_4096_octets() -> None:
    one = session(b"* PREAUTH [CAPABILITY LITERAL-] x")
    one.send(message_commands.append(b"x", [(4096, (), None)]))
    assert written(one) == b"A1 APPEND x {4096+}\r\n"
    two = session(b"* PREAUTH [CAPABILITY LITERAL-] x")
    two.send(message_commands.append(b"x", [(4097, (), None)]))
    assert written(two) == b"A1 APPEND x {4097}\r\n"


def test_several_messages_go_in_one_append() -> None:
    one = session(b"* PREAUTH [CAPABILITY LITERAL+ MULTIAPPEND] x")
    one.send(message_commands.append(b"x", [(2, (), None), (3, (), None)]))
    out = written(one)
    out += one.literal_octets(b"ab")
    out += written(one)
    out += one.literal_octets(b"cde")
    out += written(one)
    assert out == b"A1 APPEND x {2+}\r\nab {3+}\r\ncde\r\n"


def test_compression_begins_behind_the_ok_in_the_same_read() -> None:
    one = session(b"* PREAUTH [CAPABILITY COMPRESS=DEFLATE] x")
    one.send(commands.COMPRESS_DEFLATE)
    assert written(one) == b"A1 COMPRESS DEFLATE\r\n"
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    more = z.compress(b"* 3 EXISTS\r\n") + z.flush(zlib.Z_SYNC_FLUSH)
    events = hear(one, b"A1 OK go\r\n" + more)
    assert isinstance(events[0], Completed)
    assert events[1] == Told(Exists(3))
    one.send(commands.NOOP)
    assert zlib.decompressobj(-15).decompress(written(one)) == b"A2 NOOP\r\n"


def test_a_refused_compression_changes_nothing() -> None:
    one = session(b"* PREAUTH x")
    one.send(commands.COMPRESS_DEFLATE)
    hear(one, b"A1 NO [COMPRESSIONACTIVE] TLS does it\r\n* 3 EXISTS\r\n")
    assert not one.is_compressed


def test_a_bomb_meets_the_limit_of_a_response() -> None:
    one = ImapSession(max_response_bytes=1_000_000)
    hear(one, b"* PREAUTH x\r\n")
    one.send(commands.COMPRESS_DEFLATE)
    hear(one, b"A1 OK go\r\n")
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    with pytest.raises(RemoteProtocolError, match="larger"):
        hear(one, z.compress(b"x" * 50_000_000) + z.flush(zlib.Z_SYNC_FLUSH))


def test_bye_is_remembered() -> None:
    one = session()
    hear(one, b"* BYE [UNAVAILABLE] later\r\n")
    assert one.bye is not None
    assert one.bye.code_name == "UNAVAILABLE"
    assert one.state is State.LOGOUT


def test_a_command_cannot_smuggle_in_another() -> None:
    one = session()
    with pytest.raises(LocalProtocolError):
        one.send(Command("NOOP", (b" x\r\nA2 LOGOUT",)))
    assert written(one) == b""


def test_the_greeting_is_told() -> None:
    one = ImapSession()
    (event,) = one.receive(b"* OK hi\r\n")
    assert isinstance(event, Greeted)
    assert event.status.text == "hi"
