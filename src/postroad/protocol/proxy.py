"""The PROXY protocol, versions 1 and 2: who the client behind a proxy is.

A proxy that is trusted says so in front of everything else. Nothing here decides whether it is.
Specification: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.wire import shorten

MAX_V1_BYTES: Final = 107  # §2.1, line end included
MAX_V2_BYTES: Final = 4096  # with its extensions, of which we read one

_V1 = b"PROXY "
_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
_SSL = 0x20  # PP2_TYPE_SSL, §2.2.6
_HAS_TLS = 0x01  # PP2_CLIENT_SSL


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What the proxy said, and how many octets it took to say it."""

    size: int
    address: str | None  # of the client; None when the proxy speaks for itself or cannot tell
    is_encrypted: bool = False  # the client spoke TLS to the proxy


def looks_like_proxy(octets: bytes) -> bool:
    """Whether a PROXY header may begin here, so far as it has come."""
    return octets[:6] == _V1[: len(octets)] or octets[:12] == _V2[: len(octets)]


def parse_proxy_header(octets: bytes) -> ProxyHeader | None:
    """Read the header in front of ``octets``; ``None`` when more of it has to arrive.

    Raises :exc:`RemoteProtocolError` when it is none.
    """
    if not looks_like_proxy(octets):
        raise RemoteProtocolError(f"Expected a PROXY header, got {shorten(octets)}")
    if octets[:1] == b"P":
        return _parse_v1(octets)
    return _parse_v2(octets)


def _parse_v1(octets: bytes) -> ProxyHeader | None:
    end = octets.find(b"\r\n", 0, MAX_V1_BYTES)
    if end < 0:
        if len(octets) < MAX_V1_BYTES:
            return None
        raise RemoteProtocolError("The PROXY line has no end")
    words = octets[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return ProxyHeader(end + 2, None)
    try:
        kind, client, server, *ports = words[1:]
        expected = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}[kind]
        addresses = [ip_address(text.decode("ascii")) for text in (client, server)]
        if len(ports) != 2 or not all(port.isdigit() and int(port) < 65_536 for port in ports):
            raise ValueError("ports")
        if not all(isinstance(address, expected) for address in addresses):
            raise ValueError("family")
    except (KeyError, ValueError) as error:
        raise RemoteProtocolError(f"Cannot read the PROXY line {shorten(octets[:end])}") from error
    return ProxyHeader(end + 2, str(addresses[0]))


def _parse_v2(octets: bytes) -> ProxyHeader | None:
    if len(octets) < 16:
        return None
    version, command = octets[12] >> 4, octets[12] & 15
    length = int.from_bytes(octets[14:16], "big")
    size = 16 + length
    if version != 2 or command > 1 or size > MAX_V2_BYTES:
        raise RemoteProtocolError(f"Cannot read the PROXY header {shorten(octets[12:16])}")
    if len(octets) < size:
        return None
    body = octets[16:size]
    if command == 0:  # LOCAL: the proxy looks whether we live
        return ProxyHeader(size, None)
    match octets[13]:
        case 0x11 if length >= 12:
            address: IPv4Address | IPv6Address = IPv4Address(body[:4])
            return ProxyHeader(size, str(address), _has_tls(body[12:]))
        case 0x21 if length >= 36:
            address = IPv6Address(body[:16])
            return ProxyHeader(size, str(address.ipv4_mapped or address), _has_tls(body[36:]))
        case 0x11 | 0x21:
            raise RemoteProtocolError("The PROXY header is too short for its addresses")
    return ProxyHeader(size, None)  # §2.2: other families are for the receiver to ignore


def _has_tls(extensions: bytes) -> bool:
    at = 0
    while at + 3 <= len(extensions):
        kind, length = extensions[at], int.from_bytes(extensions[at + 1 : at + 3], "big")
        if kind == _SSL and length >= 5:
            return bool(extensions[at + 3 : at + 4] and extensions[at + 3] & _HAS_TLS)
        at += 3 + length
    return False
