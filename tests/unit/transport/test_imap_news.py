from __future__ import annotations

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.response import Exists, Flags, Recent
from postroad.protocol.imap.status import Condition, OtherCode, Status
from postroad.transport.imap_news import OVERFLOW, News

STILL_HERE = Status(None, Condition.OK, None, "still here")


def test_a_sign_of_life_is_no_change() -> None:
    news = News()

    assert not news.hear(STILL_HERE)
    assert not news.hear(Recent(1))
    assert not news.hear(Flags(("\\Seen",)))
    assert news.hear(Exists(1))


def test_a_server_that_cannot_keep_up_is_believed() -> None:
    heard: list[object] = []
    news = News()

    assert news.hear(Status(None, Condition.OK, OtherCode("NOTIFICATIONOVERFLOW"), "sorry"))
    assert news.deliver(heard.append)
    assert len(heard) == 1
    assert not news.deliver(heard.append)


def test_changes_beyond_a_limit_are_kept_as_one_word() -> None:
    heard: list[object] = []
    news = News()
    for number in range(1, 1000):
        news.hear(Exists(number))

    assert news.deliver(heard.append)
    assert heard == [OVERFLOW]


def test_a_server_that_never_stops_is_given_up() -> None:
    news = News()
    for _ in range(1_000_000):
        news.hear(STILL_HERE)

    with pytest.raises(RemoteProtocolError, match="on and on"):
        news.hear(STILL_HERE)


def test_a_flood_is_met_with_pauses() -> None:
    news = News()
    assert news.pause_s(100.0) == 0.0
    for _ in range(20_000):
        news.hear(STILL_HERE)

    assert news.pause_s(100.25) == 0.75
    assert news.pause_s(101.0) == 0.0
