"""What all line protocols share: names on the wire and foreign octets in messages."""

from __future__ import annotations

import idna


def ascii_domain(domain: str) -> str:
    """Turn a domain into the form that DNS and SMTP know: A-labels for Unicode ones.

    ASCII domains, IP addresses and address literals come back as they are, underscores and
    all. Raises :exc:`ValueError` if a label cannot be encoded. RFC 5891 §4, UTS 46.
    """
    if domain.isascii():
        return domain
    # idna.IDNAError is a UnicodeError and so a ValueError.
    return idna.encode(domain, uts46=True).decode("ascii")


def shorten(octets: bytes | bytearray | memoryview, limit: int = 80) -> str:
    """Show foreign octets in a message: one line, escaped, at most about ``limit`` long."""
    head = bytes(octets[:limit])
    shown = head.decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
    return shown + ("..." if len(octets) > limit else "")
