"""Hints that rows have changed, told after the commit.

A hint may be lost and may come for nothing: the row is the truth, and whoever waits also polls.
Topics: ``queue`` and ``finish`` (payload: when due in epoch ms, a space, the lane), ``events``,
``accounts`` and ``sync`` (the account), ``settings``, ``tokens``, ``suppressions`` (the list). An
empty payload means "any".
What other processes commit is heard of too: on PostgreSQL by NOTIFY, on SQLite by a look every
second at whether the file has changed, which then stirs every topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

TOPICS = ("queue", "finish", "events", "accounts", "sync", "settings", "tokens", "suppressions")

Note = tuple[str, str]  # topic, payload


class Settable(Protocol):
    """A flag to put up, such as ``engine.wakeup.Hint`` or :class:`asyncio.Event`."""

    def set(self) -> None: ...


class Wake:
    """Who listens to what, in this process. Belongs to the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Callable[[str], None]]] = {}

    @contextmanager
    def subscribe(self, topic: str, hint: Settable) -> Iterator[None]:
        """Put up ``hint`` at every note on ``topic`` while the context lasts."""
        with self.listen(topic, lambda _: hint.set()):
            yield

    @contextmanager
    def listen(self, topic: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Call ``tell`` with the payload of every note on ``topic`` while the context lasts.

        ``tell`` runs on the event loop; it must not block and must not raise.
        """
        if topic not in TOPICS:
            raise ValueError(f"there is no topic {topic!r}")
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(tell)
        try:
            yield
        finally:
            listeners.remove(tell)

    def tell(self, notes: Iterable[Note]) -> None:
        """Pass notes on, each once."""
        for topic, payload in dict.fromkeys(notes):
            for listener in tuple(self._listeners.get(topic, ())):
                listener(payload)

    def tell_all(self) -> None:
        """Stir everybody: something changed and nobody knows what."""
        self.tell((topic, "") for topic in TOPICS)
