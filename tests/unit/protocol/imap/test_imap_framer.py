from __future__ import annotations

import time

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.framer import ResponseFramer


def frames(*reads: bytes, max_size: int = 10_000) -> list[bytes]:
    framer = ResponseFramer(max_size)
    out: list[bytes] = []
    for read in reads:
        framer.feed(read)
        out += framer
    return out


def test_lines_are_frames_without_their_ends() -> None:
    assert frames(b"* OK hi\r\n* 3 EXISTS\r\nA1 ") == [b"* OK hi", b"* 3 EXISTS"]


def test_literal_split_across_reads_is_one_frame() -> None:
    reads = [b"* 1 FETCH (BODY[] {1", b"2}\r\nab\r\ncd", b"\r\n{2}\r", b")\r\n* OK\r\n"]
    assert frames(*reads) == [b"* 1 FETCH (BODY[] {12}\r\nab\r\ncd\r\n{2}\r)", b"* OK"]


@pytest.mark.parametrize("form", [b"{3}", b"{3+}", b"{3-}", b"~{3}"])
def test_every_form_of_a_literal_is_stepped_over(form: bytes) -> None:
    frame = b"* LIST () NIL " + form + b"\r\n\r\nx"
    assert frames(frame + b"\r\n") == [frame]


def test_two_literals_in_one_response() -> None:
    frame = b"* LIST () {1}\r\n/ {3}\r\na\r\n"
    assert frames(frame + b"\r\n* OK\r\n") == [frame, b"* OK"]


def test_empty_literal_ends_where_it_begins() -> None:
    assert frames(b"* 1 FETCH (BODY[] {0}\r\n)\r\n") == [b"* 1 FETCH (BODY[] {0}\r\n)"]


@pytest.mark.parametrize("line", [b"* OK about {5}", b"A1 NO {7}", b"+ send {9}", b"* bye {3}"])
def test_free_text_that_ends_like_a_literal_is_only_text(line: bytes) -> None:
    assert frames(line + b"\r\n* 1 EXISTS\r\n") == [line, b"* 1 EXISTS"]


def test_a_carriage_return_at_the_end_of_a_read_waits_for_its_line_feed() -> None:
    assert frames(b"* OK\r", b"\n", b"\r\n") == [b"* OK", b""]


@pytest.mark.parametrize(
    "stream",
    [b"x" * 200, b"* 1 FETCH (BODY[] {200}\r\n", b"* LIST () NIL {99999999999999999999}\r\n"],
)
def test_a_response_beyond_the_limit_ends_the_stream(stream: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="larger than 100"):
        frames(stream, max_size=100)


def test_many_responses_in_one_read_are_not_one_large_response() -> None:
    assert len(frames(b"* 1 EXISTS\r\n" * 100, max_size=100)) == 100


def test_the_rest_can_be_taken_for_another_layer() -> None:
    framer = ResponseFramer()
    framer.feed(b"A1 OK\r\n\x00\x01\r\n")
    assert next(iter(framer)) == b"A1 OK"
    assert framer.pending == 4
    assert framer.take_rest() == b"\x00\x01\r\n"
    assert framer.pending == 0


def test_a_line_that_comes_in_many_pieces_is_scanned_once() -> None:
    framer = ResponseFramer(64 * 1024 * 1024)
    piece = b"x" * 16_384
    began = time.process_time()
    for _ in range(2048):
        framer.feed(piece)
        assert not list(framer)
    framer.feed(b"\r\n* 1 EXISTS\r\n")

    assert [len(frame) for frame in framer] == [2048 * 16_384, len(b"* 1 EXISTS")]
    assert time.process_time() - began < 2.0


def test_the_rest_of_a_read_is_given_up_whole() -> None:
    framer = ResponseFramer()
    framer.feed(b"A1 OK go\r\nnot\r\nimap any more\r")

    assert next(iter(framer)) == b"A1 OK go"
    assert framer.pending == len(b"not\r\nimap any more\r")
    assert framer.take_rest() == b"not\r\nimap any more\r"
    assert framer.pending == 0


def test_literals_and_plain_lines_mix_in_one_read() -> None:
    framer = ResponseFramer()
    framer.feed(b"* 1 EXISTS\r\n* 1 FETCH (BODY[] {4}\r\na\r\nb)\r\n* 2 EXISTS\r\n* 3 EX")
    assert list(framer) == [b"* 1 EXISTS", b"* 1 FETCH (BODY[] {4}\r\na\r\nb)", b"* 2 EXISTS"]
    framer.feed(b"ISTS\r\nA1 OK {5}\r\n* 4 EXISTS\r\n")
    assert list(framer) == [b"* 3 EXISTS", b"A1 OK {5}", b"* 4 EXISTS"]


def test_a_line_that_is_all_literal_does_not_borrow_the_next_lines_status() -> None:
    whole, apart = ResponseFramer(), ResponseFramer()
    stream = b"{3}\r\n* OK hello\r\n"
    whole.feed(stream)
    found: list[bytes] = []
    for octet in stream:
        apart.feed(bytes([octet]))
        found += apart

    assert list(whole) == found
