"""Whatever is sent and however it is cut: the same frames, inverse codecs, no surprise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.domain.errors import RemoteProtocolError
from postroad.domain.message_id import (
    MessageKey,
    pack_attachment,
    pack_message,
    unpack_attachment,
    unpack_message,
)
from postroad.protocol.imap import commands, utf7
from postroad.protocol.imap.command import Literal, string
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.dates import date_time, parse_date_time
from postroad.protocol.imap.fetch import msg_att
from postroad.protocol.imap.flag_rows import flag_row
from postroad.protocol.imap.framer import ResponseFramer
from postroad.protocol.imap.listed_rows import listed_row
from postroad.protocol.imap.numset import MAX_NUMBER, NumSet
from postroad.protocol.imap.response import parse_response
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.mime.parameters import parameter

UINT32 = st.integers(1, MAX_NUMBER)
SOUP = st.lists(
    st.sampled_from(
        [
            b"* ",
            b"A1 ",
            b"OK ",
            b"FETCH ",
            b"(",
            b")",
            b'"',
            b"\\",
            b"{3}\r\n",
            b"{9999}\r\n",
            b"~{1}\r\n",
            b"BODY[",
            b"]",
            b"<0>",
            b"BODYSTRUCTURE ",
            b"ENVELOPE ",
            b"NIL ",
            b"1 ",
            b"LIST ",
            b"SEARCH ",
            b"ESEARCH ",
            b"[",
            b"COPYUID ",
            b"UID ",
            b" ",
            b"\r\n",
            b"\x00",
            b"abc",
            b"\xff",
            b"99999999999999999999",
            b"NAMESPACE ",
            b"ID ",
            b"STATUS ",
            b"FLAGS ",
            b"INTERNALDATE ",
            b"+ ",
            b"CAPABILITY ",
            b"text",
            b"message",
            b"rfc822",
            b"mixed",
        ]
    )
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)
RESPONSES = st.lists(
    st.sampled_from(
        [
            b"* OK about {5}",
            b"* 1 FETCH (BODY[] {12}\r\nab\r\ncd\r\n{9}\r)",
            b"* LIST () {1}\r\n/ {0}\r\n",
            b"",
            b"A1 NO x",
            b"+ go",
            b"* 5 EXISTS",
            b"* 2 FETCH (BINARY[1] ~{3}\r\n\r\n\r BODY[2] {2+}\r\n\x00\n)",
        ]
    ),
    max_size=8,
)


@given(RESPONSES, st.lists(st.integers(1, 9), max_size=200))
def test_any_split_of_the_stream_gives_the_same_frames(
    responses: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(response + b"\r\n" for response in responses)
    framer = ResponseFramer()
    found: list[bytes] = []
    at = 0
    for cut in [*cuts, len(stream)]:
        framer.feed(stream[at : at + cut])
        found += framer
        at += cut
    assert found == responses
    assert framer.pending == 0


@settings(max_examples=400)
@given(SOUP, st.integers(1, 50))
def test_no_octets_bring_a_session_to_anything_but_a_protocol_error(soup: bytes, size: int) -> None:
    session = ImapSession(max_response_bytes=2000)
    list(session.receive(b"* PREAUTH [CAPABILITY LITERAL+] x\r\n"))
    session.send(commands.NOOP)
    try:
        for at in range(0, len(soup), size):
            list(session.receive(soup[at : at + size]))
    except RemoteProtocolError:
        pass


@settings(max_examples=400)
@given(SOUP)
def test_no_frame_brings_the_grammar_to_anything_but_a_protocol_error(frame: bytes) -> None:
    for head in (b"", b"* ", b"* 1 FETCH (", b"* 1 FETCH (BODYSTRUCTURE (", b"* OK ["):
        try:
            parse_response(head + frame)
        except RemoteProtocolError:
            pass


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_mailbox_names_come_back(name: str) -> None:
    wire = utf7.encode(name)
    assert utf7.decode(wire) == name
    assert all(0x20 <= octet <= 0x7E for octet in wire)


@given(st.binary(max_size=60))
def test_a_name_that_can_be_read_has_one_spelling(wire: bytes) -> None:
    try:
        name = utf7.decode(wire)
    except RemoteProtocolError:
        return
    if "\x00" not in name and utf7.encode(name) != wire:
        # A needless shift is the only other spelling; it is read and never written.
        assert b"&" in wire


@given(st.lists(UINT32, max_size=50))
def test_sets_of_numbers_come_back_in_order(numbers: list[int]) -> None:
    found = NumSet.of(numbers)
    assert list(found) == numbers
    assert len(found) == len(numbers)
    if numbers:
        assert NumSet.parse(str(found).encode()) == found


@given(UINT32, UINT32, st.lists(st.integers(1, 99), min_size=1, max_size=5))
def test_ids_come_back(mailbox: int, uid: int, path: list[int]) -> None:
    message = pack_message(mailbox, uid)
    part = ".".join(map(str, path))
    assert len(message) == 11
    assert unpack_message(message) == MessageKey(mailbox, uid)
    attachment = unpack_attachment(pack_attachment(message, part))
    assert attachment is not None
    assert (attachment.message, attachment.part) == (message, part)


@given(st.text(max_size=40))
def test_no_text_brings_the_ids_down(text: str) -> None:
    unpack_message(text)
    unpack_attachment(text)


@given(st.binary().filter(lambda octets: b"\x00" not in octets))
def test_strings_come_back_as_they_were(octets: bytes) -> None:
    part = string(octets)
    if isinstance(part, Literal):
        spelled = b"{%d}\r\n%s" % (len(part.data), part.data)
    else:
        assert isinstance(part, bytes)
        assert b"\r" not in part
        assert b"\n" not in part
        spelled = part
    cursor = Cursor(spelled)
    assert cursor.string() == octets
    assert cursor.at_end


@given(st.integers(0, 4_000_000_000))
def test_dates_come_back_to_the_second(at_s: int) -> None:
    assert parse_date_time(date_time(at_s * 1000).encode()) == at_s * 1000


@given(st.dictionaries(st.sampled_from(["n", "n*", "n*0", "n*0*", "n*1", "n*1*"]), st.binary()))
def test_no_parameters_bring_the_names_down(parameters: dict[str, bytes]) -> None:
    parameter(parameters, "n")


ROWS = st.lists(
    st.sampled_from(
        [
            b"UID 7",
            b"UID 0",
            b"FLAGS ()",
            b"FLAGS (\\Seen a)",
            b"FLAGS (NIL)",
            b"MODSEQ (5)",
            b"MODSEQ (99999999999999999999)",
            b"RFC822.SIZE 12",
            b'INTERNALDATE "17-Jul-1996 02:44:25 -0700"',
            b'INTERNALDATE "31-Feb-1996 02:44:25 -0700"',
            b"EMAILID (M1)",
            b"EMAILID (nil)",
            b"THREADID (T1)",
            b"X-GM-MSGID 12",
            b"X-GM-THRID 13",
            b'X-GM-LABELS ("\\\\Inbox" b "c d")',
            b"X-GM-LABELS ()",
        ]
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda item: item.split(b" ")[0],
).map(lambda items: b"* 3 FETCH (" + b" ".join(items) + b")")


@given(ROWS)
def test_the_short_way_reads_what_the_long_way_reads(frame: bytes) -> None:
    row = flag_row(frame)
    if row is not None:
        c = Cursor(frame, len(b"* 3 FETCH "))
        assert row == msg_att(c, 3)


# What structures are made of, so that many are well-formed and few are sensible.
STRINGS = st.sampled_from(
    [b"NIL", b'"text"', b'"boundary"', b'"BOUNDARY"', b'" 1 "', b'"a\\" 2 "', b'""', b'"=?x?Q?y?="']
)
LEAVES = STRINGS | st.integers(0, 99).map(lambda number: b"%d" % number)
LISTS = st.recursive(
    st.lists(LEAVES, min_size=1, max_size=6).map(lambda words: b"(" + b" ".join(words) + b")"),
    lambda inner: st.lists(LEAVES | inner, min_size=1, max_size=8).map(
        lambda words: b"(" + b" ".join(words) + b")"
    ),
    max_leaves=12,
)
PEOPLE = st.lists(
    st.tuples(STRINGS, STRINGS, STRINGS, STRINGS).map(lambda one: b"(" + b" ".join(one) + b")"),
    max_size=3,
).map(lambda one: b"(" + b"".join(one) + b")" if one else b"NIL")
ENVELOPES = st.tuples(STRINGS, STRINGS, *[PEOPLE] * 6, STRINGS, STRINGS).map(
    lambda fields: b"ENVELOPE (" + b" ".join(fields) + b")"
)


@given(
    st.lists(ENVELOPES | LISTS.map(lambda one: b"BODYSTRUCTURE " + one), min_size=1, max_size=2),
)
def test_a_row_of_a_list_reads_the_same_in_the_short_way_and_the_long(items: list[bytes]) -> None:
    frame = b"* 3 FETCH (UID 7 " + b" ".join(items) + b")"
    row = listed_row(frame)
    if row is not None:
        assert row == msg_att(Cursor(frame, len(b"* 3 FETCH ")), 3)


COMMON = (
    rb"\* [0-9]{1,11} (?:EXISTS|RECENT|EXPUNGE)"
    rb"|A1 OK (?:\[APPENDUID [0-9]{1,11} [0-9]{1,11}\] )?.{0,30}"
)


@given(st.from_regex(COMMON, fullmatch=True))
def test_common_responses_read_the_same_with_a_space_more(frame: bytes) -> None:
    """A second space takes the long way."""
    assert outcome(frame) == outcome(frame.replace(b" ", b"  ", 1))


def outcome(frame: bytes) -> object:
    try:
        return parse_response(frame)
    except RemoteProtocolError:
        return None


LIST_TOKENS = [
    b"(",
    b"(",
    b")",
    b")",
    b" ",
    b"  ",
    b"NIL",
    b"nil",
    b"nIL",
    b'"a b"',
    b'""',
    b'"(\\"x"',
]
LIST_TOKENS += [
    b"atom",
    b"12",
    b"\\Seen",
    b"\\*",
    b"a]b",
    b"{1}\r\nx",
    b'"open',
    b"\x00",
    b"\xe4",
    b"x",
]
LISTS = st.lists(st.sampled_from(LIST_TOKENS), max_size=14).map(
    lambda tokens: b"(" + b"".join(tokens) + b")"
)


@given(LISTS)
def test_a_plain_list_is_read_as_any_other_value(text: bytes) -> None:
    plain = Cursor(text).plain_list()
    if plain is not None:
        c = Cursor(text)
        assert c.value() == tuple(plain)
        assert c.at_end
