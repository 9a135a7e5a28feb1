"""Which addresses a user's URL may reach."""

from __future__ import annotations

import pytest

from postroad.domain.egress import EgressPolicy

LINK_LOCAL = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",  # Teredo: the client's address is inverted
    "2001:db8::200:5efe:169.254.169.254",
    "2001:db8::5efe:169.254.169.254",
    "::ffff:100.100.100.200",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "240.0.0.1",
    "224.0.0.1",
    "198.18.0.1",
    "::1",
    "::",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "::127.0.0.1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", LINK_LOCAL)
def test_link_local_addresses_are_refused_in_every_disguise(address: str) -> None:
    assert EgressPolicy.LINK_LOCAL.refuses(address)
    assert EgressPolicy.PRIVATE.refuses(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_by_the_private_policy_alone(address: str) -> None:
    assert EgressPolicy.PRIVATE.refuses(address)
    assert not EgressPolicy.LINK_LOCAL.refuses(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert not EgressPolicy.PRIVATE.refuses(address)
    assert not EgressPolicy.LINK_LOCAL.refuses(address)


@pytest.mark.parametrize("address", LINK_LOCAL + PRIVATE)
def test_switched_off_nothing_is_refused(address: str) -> None:
    assert not EgressPolicy.OFF.refuses(address)


@pytest.mark.parametrize("text", ["localhost", "0x7f.1", "127.1", ""])
def test_only_numeric_addresses_are_judged(text: str) -> None:
    with pytest.raises(ValueError):
        EgressPolicy.LINK_LOCAL.refuses(text)
