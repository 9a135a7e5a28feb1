"""Threads and ids of messages for servers that know none. Pure.

A thread is what Message-ID, In-Reply-To and References tie together, whichever came first: the
messages that name each other, or the same third one. RFC 5256, REFERENCES, without its merging
by subject. Subjects tie together what has nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

MAX_REFERENCES = 50  # of one message; the newest are the last


def thread_nodes(message_id: str | None, references: Sequence[str]) -> tuple[int, ...]:
    """What a message ties together: itself and all that it names. Empty when it names nothing."""
    return tuple(thread_node(one) for one in _named(message_id, references))


def thread_node(message_id: str) -> int:
    """A Message-ID as a node of the threads of an account, signed as a database keeps it."""
    digest = blake2b(message_id.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def thread_name(thread: int) -> str:
    """How a computed thread is shown as ``threadId``."""
    return f"t{thread + (1 << 63):016x}"


def email_name(fingerprint: int) -> str:
    """How a computed fingerprint is shown as ``emailId``."""
    return f"e{fingerprint + (1 << 63):016x}"


def _named(message_id: str | None, references: Sequence[str]) -> Iterable[str]:
    named = [*references[-MAX_REFERENCES:], message_id]
    return dict.fromkeys(one for one in named if one)
