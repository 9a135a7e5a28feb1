"""Threads and ids of messages for servers that know none. Pure.

A thread is what Message-ID, In-Reply-To and References tie together, whichever came first: the
messages that name each other, or the same third one. RFC 5256, REFERENCES, without its merging
by subject. Subjects tie together what has nothing to do with each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

from postroad.domain.message import MessageSummary

MAX_REFERENCES = 50  # of one message
_COMPUTED = re.compile(r"[te]([0-9a-f]{16})")


def identity_of(summary: MessageSummary, internal_date: int | None) -> str:
    """What a message is called: its Message-ID, or else what stays the same when it is moved.

    RFC 5256 §3 has a message without a Message-ID assigned a unique one.
    """
    if summary.message_id:
        return summary.message_id
    return "\0".join(
        map(str, ("", summary.size, internal_date, summary.date, summary.subject or ""))
    )


def thread_nodes(identity: str, references: Sequence[str]) -> tuple[int, ...]:
    """What a message ties together: itself, that is the first, and all that it names.

    Of very many references the first ones count: a thread begins with the same ones wherever it
    branches, and they are had without reading the rest.
    """
    named = dict.fromkeys((identity, *references[:MAX_REFERENCES]))
    return tuple(thread_node(one) for one in named)


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


def parse_name(name: str) -> int | None:
    """The number in a computed ``threadId`` or ``emailId``; ``None`` for what is none."""
    match = _COMPUTED.fullmatch(name)
    return int(match[1], 16) - (1 << 63) if match is not None else None
