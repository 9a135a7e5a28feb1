"""Long responses, which a transport may read where nobody waits."""

from __future__ import annotations

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap import commands
from postroad.protocol.imap.cursor import MAX_LISTS, Cursor
from postroad.protocol.imap.events import Malformed, Told
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.long import LONG_OCTETS, Long
from postroad.protocol.imap.search import Search
from postroad.protocol.imap.session import ImapSession

NUMBERS = tuple(range(1_000_000, 1_000_000 + LONG_OCTETS // 4))
SEARCH = b"* SEARCH " + b" ".join(b"%d" % number for number in NUMBERS) + b"\r\n"


def begun() -> ImapSession:
    session = ImapSession()
    list(session.receive(b"* PREAUTH ready\r\n"))
    session.send(commands.NOOP)
    return session


def test_long_response_is_given_out_unread_and_then_told_in_its_place() -> None:
    session = begun()
    events = session.receive(b"* 1 EXISTS\r\n" + SEARCH + b"* 2 EXISTS\r\n")
    next(events)
    long = next(events)
    assert isinstance(long, Long)
    long.read()
    assert next(events) == Told(Search(NUMBERS))
    assert len(list(events)) == 1


def test_who_does_not_read_a_long_response_is_told_all_the_same() -> None:
    assert list(begun().receive(SEARCH))[1:] == [Told(Search(NUMBERS))]


def test_large_body_is_told_at_once() -> None:
    body = b"x" * 2 * LONG_OCTETS
    frame = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n" % (len(body), body)
    assert list(begun().receive(frame)) == [Told(Fetched(1, 1, sections={"": body}))]


def test_literal_does_not_hide_what_is_long_besides() -> None:
    flags = b"$Word " * (LONG_OCTETS // 6)
    frame = b"* 1 FETCH (BODY[] {3}\r\nabc FLAGS (%s$Last))\r\n" % flags
    assert isinstance(next(begun().receive(frame)), Long)


def test_long_response_that_makes_no_sense_is_dropped_as_a_short_one_is() -> None:
    frame = b"* 1 FETCH (" + b"(" * LONG_OCTETS + b"\r\n"
    long, dropped = begun().receive(frame)
    assert isinstance(dropped, Malformed)
    assert isinstance(long, Long)
    with pytest.raises(RemoteProtocolError, match=r"deeper|item"):
        long.response()


def test_value_of_lists_without_end_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="lists in one value"):
        Cursor(b"(" + b"()" * (MAX_LISTS + 1) + b")").value()
