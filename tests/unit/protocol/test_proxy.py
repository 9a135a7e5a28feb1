from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.proxy import ProxyHeader, parse_proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = bytes([192, 0, 2, 7, 127, 0, 0, 1]) + (1234).to_bytes(2, "big") + (25).to_bytes(2, "big")
V6 = bytes.fromhex("20010db8" + "00" * 11 + "01") + bytes(15) + b"\x01" + bytes(4)
TLS = b"\x20\x00\x05\x01\x00\x00\x00\x00"


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([0x20 | command, family]) + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize(
    ("octets", "address", "is_encrypted"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 25\r\n", "192.0.2.7", False),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1", False),
        (b"PROXY UNKNOWN\r\n", None, False),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None, False),
        (v2(1, 0x11, V4), "192.0.2.7", False),
        (v2(1, 0x11, V4 + b"\x05\x00\x01x" + TLS), "192.0.2.7", True),
        (v2(1, 0x21, V6), "2001:db8::1", False),
        (v2(0, 0x11, V4), None, False),
        (v2(0, 0x00, b""), None, False),
        (v2(1, 0x31, b"x" * 216), None, False),
    ],
)
def test_the_client_behind_the_proxy(
    octets: bytes, address: str | None, is_encrypted: bool
) -> None:
    header = ProxyHeader(len(octets), address, is_encrypted)
    assert parse_proxy_header(octets + b"EHLO c\r\n") == header
    for size in range(len(octets)):
        assert parse_proxy_header(octets[:size]) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO c\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1234\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 99999\r\n",
        b"PROXY TCP5 192.0.2.7 127.0.0.1 1 2\r\n",
        b"PROXY " + b"x" * 110,
        v2(1, 0x11, V4[:8]),
        v2(2, 0x11, V4),
        SIGNATURE + b"\x31\x11\x00\x0c" + V4,
        SIGNATURE + b"\x21\x11\xff\xff" + V4,
    ],
)
def test_what_is_no_header_is_refused(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_proxy_header(octets)


@given(st.sampled_from([b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11\x00"]), st.binary())
def test_any_octets_are_read_or_refused(start: bytes, rest: bytes) -> None:
    try:
        parse_proxy_header(start + rest)
    except RemoteProtocolError:
        pass
