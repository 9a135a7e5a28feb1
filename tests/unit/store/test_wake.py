"""Hints that rows have changed."""

from __future__ import annotations

import asyncio

import pytest

from postroad.store.wake import TOPICS, Wake


def test_note_reaches_the_listeners_of_its_topic_once() -> None:
    wake = Wake()
    queue: list[str] = []
    tokens: list[str] = []
    with wake.listen("queue", queue.append), wake.listen("tokens", tokens.append):
        wake.tell([("queue", "a"), ("queue", "b"), ("queue", "a")])
    assert (queue, tokens) == (["a", "b"], [])


def test_subscriber_is_put_up_only_while_it_listens() -> None:
    wake = Wake()
    hint = asyncio.Event()
    with wake.subscribe("settings", hint):
        pass
    wake.tell([("settings", "")])
    assert not hint.is_set()
    with wake.subscribe("settings", hint):
        wake.tell([("settings", "")])
    assert hint.is_set()


def test_everybody_is_stirred_when_nobody_knows_what_changed() -> None:
    wake = Wake()
    heard: list[str] = []
    for topic in TOPICS:
        with wake.listen(topic, heard.append):
            wake.tell_all()
    assert heard == [""] * len(TOPICS)


def test_misspelled_topic_is_an_error() -> None:
    with pytest.raises(ValueError, match="no topic"), Wake().listen("quene", print):
        pass


def test_listener_may_leave_while_it_is_told() -> None:
    wake = Wake()
    heard: list[str] = []
    inner = wake.listen("queue", heard.append)
    with inner:
        with wake.listen("queue", lambda _: None):
            wake.tell([("queue", "x")])
    assert heard == ["x"]
