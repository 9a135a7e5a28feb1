"""Mail addresses as people write them: a mailbox and perhaps a display name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. RFC 5322 §3.4. Both parts are Unicode text, never encoded words."""

    address: str  # local@domain
    name: str = ""  # display name; empty when there is none

    @property
    def domain(self) -> str:
        """The part behind the last ``@``; empty when there is none."""
        return self.address.rpartition("@")[2] if "@" in self.address else ""

    @property
    def key(self) -> str:
        """What tells mailboxes apart. Servers that mind the case of local parts are history."""
        return self.address.strip().lower()


def unique_addresses(addresses: Iterable[Address], *, but: Iterable[Address] = ()) -> list[Address]:
    """Each mailbox once, in order, as first spelled; none of ``but``."""
    seen = {address.key for address in but}
    found = []
    for address in addresses:
        if address.key not in seen:
            seen.add(address.key)
            found.append(address)
    return found
