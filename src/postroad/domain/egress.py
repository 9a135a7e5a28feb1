"""Which addresses we dial on behalf of a user.

A URL that a user sets is dialed from inside the operator's network. The policy says which
addresses such a URL must not reach; it is asked for every address that a host resolves to, at
the moment of connecting, so that neither DNS nor an odd spelling of a number gets around it.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


class EgressPolicy(StrEnum):
    """How far a user's URL may reach."""

    LINK_LOCAL = "link-local"  # not to link-local ranges and the clouds' metadata services
    PRIVATE = "private"  # further not to anything but public unicast addresses
    OFF = "off"

    def refuses(self, address: str) -> bool:
        """Whether this policy forbids dialing ``address``, a numeric one with or without scope.

        IPv6 addresses that stand for an IPv4 address are judged by that one as well. Raises
        :exc:`ValueError` for anything that is not a numeric address.
        """
        if self is EgressPolicy.OFF:
            return False
        networks = _LINK_LOCAL if self is EgressPolicy.LINK_LOCAL else _LINK_LOCAL + _PRIVATE
        ip = ip_address(address.partition("%")[0])
        return any(meant in network for meant in _meanings(ip) for network in networks)


def _meanings(ip: IpAddress) -> list[IpAddress]:
    """The address and every IPv4 address that a translator or tunnel would make of it."""
    if isinstance(ip, IPv4Address):
        return [ip]
    found: list[IpAddress] = [ip]
    number = int(ip)
    for network, shift in _EMBEDDING:
        if ip in network:
            found.append(IPv4Address(number >> shift & 0xFFFFFFFF))
    if number >> 32 & 0xFDFFFFFF == 0x00005EFE:  # ISATAP interface identifier. RFC 5214 §6.1
        found.append(IPv4Address(number & 0xFFFFFFFF))
    if ip in _TEREDO:
        found.append(IPv4Address(~number & 0xFFFFFFFF))
    return found


def _networks(*names: str) -> tuple[IpNetwork, ...]:
    return tuple(ip_network(name) for name in names)


# Networks whose addresses carry an IPv4 address, and where: bits to its right.
_EMBEDDING = (
    (IPv6Network("::/96"), 0),  # IPv4-compatible. RFC 4291 §2.5.5.1
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped. RFC 4291 §2.5.5.2
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated. RFC 2765 §2.1
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64. RFC 6052 §2.1
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64 in local use, /96 form. RFC 8215
    (IPv6Network("2002::/16"), 80),  # 6to4. RFC 3056 §2
)
_TEREDO = IPv6Network("2001::/32")  # the client's address, inverted. RFC 4380 §4

_LINK_LOCAL = _networks(
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254/128",  # metadata service of a large cloud over IPv6
    "100.100.100.200/32",  # and of another one
)
# IANA special-purpose registries, without the few entries that are globally reachable.
_PRIVATE = _networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",  # with the broadcast address
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fec0::/10",
    "ff00::/8",
)
