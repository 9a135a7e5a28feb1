"""QUOTA and QUOTAROOT responses. RFC 9208 §4.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How far one resource is used. STORAGE counts units of 1024 octets, others count things."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota root; resources in capitals, STORAGE, MESSAGE, MAILBOX."""

    root: str
    resources: Mapping[str, QuotaUse]


@dataclass(frozen=True, slots=True)
class QuotaRoot:
    """Which quota roots hold for a mailbox."""

    wire_name: bytes
    roots: tuple[str, ...]


def quota_response(c: Cursor) -> Quota:
    """Read what follows the word QUOTA; resources that make no sense are left out.

    ::

        "QUOTA" SP quota-root-name SP "(" [resource SP usage SP limit *(SP ...)] ")"
    """
    root = c.astring().decode("utf-8", "replace")
    c.space()
    value = c.value()
    if not isinstance(value, tuple) or len(value) % 3:
        raise RemoteProtocolError("expected triples in QUOTA")
    resources: dict[str, QuotaUse] = {}
    for name, used, limit in zip(value[::3], value[1::3], value[2::3], strict=True):
        if isinstance(name, bytes) and isinstance(used, bytes) and isinstance(limit, bytes):
            if used.isdigit() and limit.isdigit():
                word = name.decode("ascii", "replace").upper()
                resources[word] = QuotaUse(Cursor(used).number(), Cursor(limit).number())
    return Quota(root, resources)


def quota_root_response(c: Cursor) -> QuotaRoot:
    """``"QUOTAROOT" SP mailbox *(SP quota-root-name)``."""
    wire_name = c.astring()
    roots: list[str] = []
    c.spaces()
    while not c.at_end:
        roots.append(c.astring().decode("utf-8", "replace"))
        c.spaces()
    return QuotaRoot(wire_name, tuple(roots))
