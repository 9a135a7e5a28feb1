"""Mail addresses as people write them: a mailbox and perhaps a display name."""

from __future__ import annotations

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
