"""The client side of HTTP/1.1, as bytes and values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.http import (
    HttpReply,
    ReplyReader,
    header_lines,
    parse_url,
    post_head,
)


def test_a_url_is_taken_apart() -> None:
    url = parse_url("https://Example.COM:8443/a/b?x=1&y=%20#part")
    assert (url.scheme, url.host, url.port) == ("https", "example.com", 8443)
    assert url.target == "/a/b?x=1&y=%20"
    assert url.authority == "example.com:8443"
    assert url.basic is None


def test_credentials_become_basic_and_are_not_shown() -> None:
    url = parse_url("http://us%40er:p%3Aass@example.com/x")
    assert url.basic is not None
    assert url.basic.reveal() == "Basic dXNAZXI6cDphc3M="
    assert str(url) == "http://example.com/x"


@pytest.mark.parametrize(
    ("text", "authority", "target"),
    [
        ("http://example.com", "example.com", "/"),
        ("http://example.com:80?q", "example.com", "/?q"),
        ("https://example.com:443/", "example.com", "/"),
        ("http://[2001:DB8::1]:8080/", "[2001:db8::1]:8080", "/"),
        ("http://bücher.example/ä?ö", "xn--bcher-kva.example", "/%C3%A4?%C3%B6"),
        ("http://my_service:3000/", "my_service:3000", "/"),
        ("http://１２７.0.0.1/", "127.0.0.1", "/"),
        (" http://example.com/ ", "example.com", "/"),
    ],
)
def test_urls_as_users_write_them(text: str, authority: str, target: str) -> None:
    url = parse_url(text)
    assert (url.authority, url.target) == (authority, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:port/",
        "http://exa mple.com/",
        "http://example.com/a b",
        "http://example.com/\r\nX: y",
        "http://example.com\\@evil.example/",
        "http://[::1/",
        "http://exam%70le.com/",
        "http://a..b\u2028c/",
    ],
)
def test_urls_that_cannot_be_dialed_are_refused(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        parse_url(text)


def test_the_head_of_a_post() -> None:
    url = parse_url("http://example.com/hook")
    lines = header_lines([("Host", url.authority), ("X-Name", " välue ")])
    assert post_head(url, lines, 5) == (
        b"POST /hook HTTP/1.1\r\nHost: example.com\r\nX-Name: v\xc3\xa4lue\r\n"
        b"Content-Length: 5\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X\r\nY", "b"),
        ("X Y", "b"),
        ("X:", "b"),
        ("", "b"),
        ("Ä", "b"),
    ],
)
def test_a_header_cannot_become_two(name: str, value: str) -> None:
    with pytest.raises(LocalProtocolError):
        header_lines([(name, value)])


# Reply as sent, and what it means when the connection stays open.
WHOLE = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HttpReply(200, "OK", True)),
    (b"HTTP/1.1 204 No Content\r\n\r\n", HttpReply(204, "No Content", True)),
    (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", HttpReply(200, "", True)),
    (
        b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        HttpReply(500, "Oh", True),
    ),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n%b"
        % b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        HttpReply(202, "Accepted", True),
    ),
    (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        HttpReply(200, "OK", False),
    ),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", HttpReply(200, "OK", False)),
    (
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        HttpReply(302, "Found", True),
    ),
]


@pytest.mark.parametrize(("octets", "reply"), WHOLE)
def test_a_reply_in_one_read(octets: bytes, reply: HttpReply) -> None:
    assert ReplyReader().feed(octets) == reply


@given(data=st.data(), case=st.sampled_from(WHOLE))
def test_a_reply_in_any_split_is_the_same(
    data: st.DataObject, case: tuple[bytes, HttpReply]
) -> None:
    octets, expected = case
    cuts = sorted(data.draw(st.sets(st.integers(1, len(octets) - 1), max_size=8)))
    reader = ReplyReader()
    pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    *early, last = [reader.feed(piece) for piece in pieces]
    assert early == [None] * len(early)
    assert last == expected


def test_one_reader_takes_many_replies() -> None:
    reader = ReplyReader()
    for status in (200, 500, 204):
        reply = reader.feed(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
        assert reply is not None
        assert (reply.status, reply.keep_alive) == (status, True)
        assert not reader.has_begun


def test_a_body_may_end_with_the_connection() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nsome") is None
    assert reader.eof() == HttpReply(200, "OK", False)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nX: y\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_early_end_is_the_servers_fault(octets: bytes) -> None:
    reader = ReplyReader()
    assert not octets or reader.feed(octets) is None
    with pytest.raises(RemoteProtocolError):
        reader.eof()


@pytest.mark.parametrize(
    "octets",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ReplyReader().feed(octets)


def test_a_second_reply_to_one_request_spends_the_connection() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert ReplyReader().feed(reply + reply) == HttpReply(200, "OK", False)
    assert ReplyReader().feed(reply + b"garbage") == HttpReply(200, "OK", False)


@pytest.mark.parametrize("again", [b"X-More: and more\r\n", b"x" * 100])
def test_a_head_that_never_ends_is_cut_off(again: bytes) -> None:
    reader = ReplyReader(max_head_bytes=1000)
    reader.feed(b"HTTP/1.1 200 OK\r\nX-")
    with pytest.raises(RemoteProtocolError, match="beyond 1000"):
        _feed_again_and_again(reader, again)


def test_informational_replies_without_end_are_cut_off() -> None:
    reader = ReplyReader(max_head_bytes=1000)
    with pytest.raises(RemoteProtocolError, match="beyond 1000"):
        _feed_again_and_again(reader, b"HTTP/1.1 102 Processing\r\n\r\n")


def _feed_again_and_again(reader: ReplyReader, octets: bytes) -> None:
    for _ in range(1000):
        reader.feed(octets)


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
)
def test_a_huge_body_is_cut_off_and_its_status_counts(start: bytes) -> None:
    reader = ReplyReader(max_body_bytes=10_000)
    replies = [reader.feed(start), *(reader.feed(b"x" * 1000) for _ in range(11))]
    assert HttpReply(200, "OK", False) in replies


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=10))
def test_no_octets_hang_or_break_the_reader(pieces: list[bytes]) -> None:
    reader = ReplyReader()
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.eof()
    except RemoteProtocolError:
        pass
