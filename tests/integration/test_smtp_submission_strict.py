"""Nothing can be smuggled through: for every lookalike of an end, what the relay received."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.road import Road
from support.scripted_relay import ScriptedRelay
from support.submission import Line, queue_id, submission, switch

pytestmark = pytest.mark.integration

LOOKALIKES = [
    b"\n.\n", b"\r.\r\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\n.\r", b"\r.\n",
    b"\r\r\n.\r", b"\r\n\0.\r\n",
]  # fmt: skip
EVIL = (
    b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n.\r\n"
)
NAMES = [repr(lookalike)[2:-1] for lookalike in LOOKALIKES]


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Road, int, ScriptedRelay]]:
    folder = tmp_path_factory.mktemp("strict")
    with ScriptedRelay() as relay, submission(folder) as (on_road, port):
        on_road.account("example", relay)
        yield on_road, port, relay


def last(smtp: tuple[Road, int, ScriptedRelay]) -> list[bytes]:
    """Everything relayed so far, once one more ordinary message has come through."""
    on_road, port, relay = smtp
    with Line(port) as line:
        answer = line.log_in().mail(b"Subject: ordinary\r\n\r\nx\r\n.\r\n")
    on_road.receiver.wait_for("messageSent", queueId=queue_id(answer))
    on_road.wait_empty()
    return relay.messages


def is_safe(message: bytes) -> bool:
    """Whether no server, however it reads line ends, can see an end inside of it."""
    rest = message.replace(b"\r\n", b"")
    return b"\r" not in rest and b"\n" not in rest and b"\r\n.\r\n" not in message


@pytest.mark.parametrize("lookalike", LOOKALIKES, ids=NAMES)
def test_a_lookalike_of_an_end_is_refused(
    smtp: tuple[Road, int, ScriptedRelay], lookalike: bytes
) -> None:
    switch(smtp[0], smtp[1], smtpServerNormalise=False)
    before = len(last(smtp))
    with Line(smtp[1]) as line:
        said = line.log_in().mail(b"Subject: first\r\n\r\nx" + lookalike + EVIL)
        if lookalike == b"\r\n\0.\r\n":  # an ordinary line with a NUL in front of its dot
            assert said.startswith("250 ")
            expected = 2
        else:
            assert said.startswith(("521 5.5.2 ", "554 5.6.0 "))
            expected = 1
    messages = last(smtp)
    assert len(messages) == before + expected
    assert all(b"victim" not in message or expected == 2 for message in messages[before:])
    assert not [said for said in smtp[2].said("MAIL") if "evil" in said]
    assert all(map(is_safe, messages))


@pytest.mark.parametrize("lookalike", LOOKALIKES, ids=NAMES)
def test_a_lookalike_of_an_end_stays_inside_of_one_message(
    smtp: tuple[Road, int, ScriptedRelay], lookalike: bytes
) -> None:
    switch(smtp[0], smtp[1], smtpServerNormalise=True)
    before = len(last(smtp))
    with Line(smtp[1]) as line:
        said = line.log_in().mail(b"Subject: first\r\n\r\nx" + lookalike + EVIL)
        assert said.startswith("250 ")
        assert line.say(b"NOOP\r\n").startswith("250 ")
    messages = last(smtp)
    assert len(messages) == before + 2
    assert sum(b"MAIL FROM:<evil@x.test>" in message for message in messages[before:]) == 1
    assert not [said for said in smtp[2].said("MAIL") if "evil" in said]
    assert all(map(is_safe, messages))


def test_a_line_feed_alone_spoils_the_message_and_the_session_goes_on(
    smtp: tuple[Road, int, ScriptedRelay],
) -> None:
    switch(smtp[0], smtp[1], smtpServerNormalise=False)
    with Line(smtp[1]) as line:
        assert line.log_in().mail(b"Subject: a\nb: c\r\n\r\nx\r\n.\r\n").startswith("554 5.6.0 ")
        assert line.mail(b"Subject: a\r\n\r\nx\r\n.\r\n").startswith("250 ")


def test_who_types_with_line_feeds_hears_why_at_once(
    smtp: tuple[Road, int, ScriptedRelay],
) -> None:
    switch(smtp[0], smtp[1], smtpServerNormalise=False)
    with Line(smtp[1]) as line:
        said = line.log_in().mail(b"Subject: hello world!\n\nHello!\n.\n")
        assert said.startswith("521 5.5.2 CR or LF alone around a dot")
        assert line.is_closed()


def test_commands_cannot_be_injected_in_front_of_tls(
    smtp: tuple[Road, int, ScriptedRelay],
) -> None:
    with Line(smtp[1]) as line:
        line.hear()
        line.say(b"EHLO foo\r\n")
        assert line.say(b"STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n").startswith(("502", "421"))


def test_http_is_turned_away(smtp: tuple[Road, int, ScriptedRelay]) -> None:
    with Line(smtp[1]) as line:
        line.hear()
        said = line.say(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO a\r\nMAIL FROM:<evil@x.test>\r\n")
        assert said.startswith("421 ")
        assert line.is_closed()
