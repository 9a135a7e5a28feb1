"""A fuzzer over what servers really say: every stream in ``tests/data/imap/streams``, damaged.

Nothing but :exc:`RemoteProtocolError` may come out, the same however the stream is cut into reads,
and whatever is understood must be of use to what stands above. A finding becomes a file there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap import commands
from postroad.protocol.imap.events import Malformed, Told
from postroad.protocol.imap.fetch import Fetched, merge_rows
from postroad.protocol.imap.framer import ResponseFramer
from postroad.protocol.imap.listing import ListEntry
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.numset import EVERY
from postroad.protocol.imap.response import parse_response
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.mime.parameters import content_id, filename

STREAMS = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "data" / "imap" / "streams").glob("*.imap"))
}
# Octets that mean something to a grammar, and some that should mean nothing to any.
MEANT = [b"(", b")", b'"', b"\\", b"{3}\r\n", b"{3+}\r\n", b"~{1}\r\n", b"\r\n", b"\n", b"\r"]
MEANT += [
    b" ",
    b"*",
    b"+",
    b"[",
    b"]",
    b"<0>",
    b"NIL",
    b"0",
    b"4294967296",
    b"-1",
    b"\x00",
    b"\xff",
]
MEANT += [b"(" * 150, b"1:*", b"9" * 30, b"A1 OK ", b"* BYE ", b"* 1 FETCH (", b"UID 1", b","]

edits = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),  # where, of the whole
        st.integers(0, 12),  # octets to take away
        st.sampled_from(MEANT) | st.binary(max_size=4),  # what to put there
    ),
    max_size=12,
)
cuts = st.lists(st.integers(1, 400), min_size=1, max_size=20)


def damaged(stream: bytes, changes: Iterable[tuple[float, int, bytes]]) -> bytes:
    for where, gone, put in changes:
        at = int(where * len(stream))
        stream = stream[:at] + put + stream[at + gone :]
    return stream


def frames_of(stream: bytes) -> list[bytes]:
    framer = ResponseFramer()
    framer.feed(stream)
    try:
        return list(framer)
    except RemoteProtocolError:
        return []


def in_reads(stream: bytes, sizes: list[int]) -> Iterable[bytes]:
    at = turn = 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        yield stream[at : at + size]
        at += size
        turn += 1


def history(reads: Iterable[bytes]) -> list[object]:
    """All that a session tells, up to the end that it comes to; commands A1 to A40 are running."""
    session = ImapSession()
    told: list[object] = list(session.receive(b"* PREAUTH [CAPABILITY IMAP4rev1] in\r\n"))
    for _ in range(40):
        session.send(commands.NOOP)
    try:
        for read in reads:
            told.extend(session.receive(read))
    except RemoteProtocolError as error:
        told.append(error.message)
    return [*told, session.state, session.capabilities]


@pytest.mark.parametrize("name", STREAMS)
def test_each_stream_is_read_without_a_complaint(name: str) -> None:
    frames = frames_of(STREAMS[name])

    assert len(frames) > 15
    for frame in frames:
        parse_response(frame)


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(changes=edits, sizes=cuts)
def test_damage_means_the_same_however_it_is_cut(
    name: str, changes: list[tuple[float, int, bytes]], sizes: list[int]
) -> None:
    stream = damaged(STREAMS[name], changes)

    assert history([stream]) == history(in_reads(stream, sizes))


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(changes=edits)
def test_what_is_understood_can_be_used(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    mailbox = SelectedMailbox(b"INBOX", is_read_only=False)
    rows: list[Fetched] = []
    for frame in frames_of(damaged(STREAMS[name], changes)):
        try:
            response = parse_response(frame)
        except RemoteProtocolError:
            continue
        match response:
            case Fetched():
                rows.append(response)
            case ListEntry() | MailboxStatus():
                assert response.path.isprintable() or response.path
        mailbox.hear(response)  # type: ignore[arg-type]  # continuations included: it ignores them
    for row in merge_rows(rows, EVERY):
        assert row.uid is not None
        for part in row.structure.walk() if row.structure is not None else ():
            filename(part)
            content_id(part)
    assert mailbox.exists >= 0


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(STREAMS)), st.sampled_from(sorted(STREAMS)), edits)
def test_streams_of_two_servers_spliced_do_no_harm(
    one: str, other: str, changes: list[tuple[float, int, bytes]]
) -> None:
    stream = damaged(STREAMS[one] + STREAMS[other], changes)

    for event in history([stream]):
        if isinstance(event, Told):
            assert event.response is not None
        if isinstance(event, Malformed):
            assert event.reason
