"""What messageNew tells, setting by setting. Contract, events §2.1 and §3."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping

import msgspec
import pytest

from postroad.domain.mailbox import SpecialUse
from postroad.domain.setting import SettingValues
from postroad.engine.mail.details import summary_of
from postroad.engine.mail.payload import message_new_data, needed_items, wanted_bodies
from postroad.engine.providers.results import FoundBody
from postroad.protocol.mime.parser import parse_message
from support.reading import MAILS, MESSAGE, row_of

NO_TEXT = SettingValues(notify_text=False)


def told(
    octets: bytes,
    settings: SettingValues,
    *,
    special_use: SpecialUse | None = SpecialUse.INBOX,
    seems_like_new: bool = True,
) -> Mapping[str, object]:
    parsed = parse_message(octets)
    row = row_of(octets, arrived=1_700_000_000_000)
    bodies = []
    for wish in wanted_bodies(row, settings):
        part, content = parsed.root.find(wish.part), parsed.body(wish.part)
        assert part is not None
        assert content is not None
        bodies.append(FoundBody(part, content[: wish.max_bytes], wish.max_bytes is not None))
    return message_new_data(
        row,
        summary_of(row, message=MESSAGE, path="INBOX", special_use=special_use),
        special_use=special_use,
        settings=settings,
        bodies=bodies,
        seems_like_new=seems_like_new,
    )


def member(data: Mapping[str, object], *names: str | int) -> object:
    value: object = data
    for name in names:
        value = value[name]  # type: ignore[index]  # JSON of a known shape
    return value


def test_a_message_is_told_as_the_contract_spells_it() -> None:
    data = told(MAILS["html-with-inline-image"].read_bytes(), SettingValues())

    assert data == {
        "id": MESSAGE,
        "uid": 7,
        "path": "INBOX",
        "date": "2026-01-05T09:00:00.000Z",
        "flags": [],
        "unseen": True,
        "size": 1037,
        "subject": "Grüße aus Köln",
        "from": {"name": "Müller, Ann", "address": "ann@example.com"},
        "replyTo": [{"name": "Müller, Ann", "address": "ann@example.com"}],
        "sender": {"name": "Müller, Ann", "address": "ann@example.com"},
        "to": [{"name": "Bob", "address": "bob@example.net"}],
        "messageId": "<inline@example.com>",
        "text": {
            "id": "AAAAAQAAAAeTkaExkaMyLjGQ",
            "encodedSize": {"plain": 33, "html": 61},
            "plain": "Hello €, see the picture.",
            "html": '<p>Hello &euro;, see <img src="cid:pic%201@example.com">.</p>',
            "hasMore": False,
        },
        "attachments": [
            {
                "id": "AAAAAQAAAAcyLjI",
                "contentType": "image/png",
                "encodedSize": 40,
                "embedded": True,
                "inline": True,
                "encodedInMessage": False,
                "filename": "pic€.png",
                "contentId": "<pic 1@example.com>",
            }
        ],
        "seemsLikeNew": True,
        "messageSpecialUse": "\\Inbox",
        "specialUse": "\\Inbox",
    }
    msgspec.json.encode(data)


def test_without_notify_text_only_sizes_are_told() -> None:
    data = told(MAILS["text-attached"].read_bytes(), NO_TEXT)

    assert member(data, "text") == {
        "id": member(data, "text", "id"),
        "encodedSize": {"plain": 5, "html": 12},
    }


def test_texts_are_cut_at_the_size_that_is_set() -> None:
    mail = MAILS["html-with-inline-image"].read_bytes()

    text = member(told(mail, SettingValues(notify_text_size=5)), "text")
    assert member({"": text}, "", "plain") == "Hello"
    assert member({"": text}, "", "hasMore") is True
    uncut = told(mail, SettingValues(notify_text_size=0))
    assert member(uncut, "text", "hasMore") is False


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ((), None),
        (("subject", "X-Unheard-Of"), ["subject"]),
        (("*",), ["from", "to", "subject", "date", "message-id", "in-reply-to", "auto-submitted"]),
        (("X-Unheard-Of",), None),
    ],
)
def test_headers_are_told_that_are_asked_for(
    wanted: tuple[str, ...], names: list[str] | None
) -> None:
    data = told(MAILS["long-and-folded-headers"].read_bytes(), SettingValues(notify_headers=wanted))

    headers = data.get("headers")
    assert (list(headers) if isinstance(headers, dict) else None) == names
    assert data["isAutoReply"] is True


def test_attachments_are_told_with_their_content_up_to_a_size() -> None:
    mail = MAILS["signed-with-smime"].read_bytes()

    everything = told(mail, SettingValues(notify_attachments=True))
    assert member(everything, "attachments", 0, "content") == "JVBERi0xLjQ="
    small = told(mail, SettingValues(notify_attachments=True, notify_attachment_size=4))
    assert "'content'" not in str(member(small, "attachments", 0))
    assert member(small, "attachments", 1, "content") == "MIIB"
    assert "'content'" not in str(member(told(mail, SettingValues()), "attachments"))


def test_web_safe_html_takes_the_place_of_the_other() -> None:
    data = told(
        MAILS["html-with-inline-image"].read_bytes(), SettingValues(notify_web_safe_html=True)
    )

    assert member(data, "text", "webSafe") is True
    assert "data:image/png;base64," in str(member(data, "text", "html"))
    plain = told(b"Subject: x\r\n\r\n<b>", SettingValues(notify_web_safe_html=True))
    assert member(plain, "text", "html") == "<div>&lt;b&gt;</div>"


def test_invitations_are_told_once_with_their_times_in_utc() -> None:
    mail = MAILS["invitation"].read_bytes()

    data = told(mail, SettingValues(notify_calendar_events=True))
    events = data["calendarEvents"]
    assert isinstance(events, list)
    content = b64decode(events[0].pop("content"))
    assert content.startswith(b"BEGIN:VCALENDAR")
    assert events == [
        {
            "eventId": "plan-1@example.com",
            "attachment": member(data, "attachments", 0, "id"),
            "method": "REQUEST",
            "summary": "Plan, again",
            "description": "Line one\nLine two",
            "timezone": "Europe/Berlin",
            "startDate": "2026-01-10T13:00:00.000Z",
            "endDate": "2026-01-10T14:00:00.000Z",
            "organizer": "ann@example.com",
            "filename": "invite.ics",
            "contentType": "text/calendar",
            "encoding": "base64",
        }
    ]
    assert "calendarEvents" not in told(mail, SettingValues())


@pytest.mark.parametrize(
    "calendar",
    [
        b"not a calendar",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:tomorrow\r\nEND:VEVENT\r\nEND:VCALENDAR",
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nDURATION:P1D\r\n"
        b"END:VEVENT\r\nEND:VCALENDAR",
    ],
)
def test_a_broken_calendar_is_told_by_its_file(calendar: bytes) -> None:
    mail = b"Content-Type: text/calendar; method=cancel\r\n\r\n" + calendar

    (event,) = list(
        told(mail, SettingValues(notify_calendar_events=True))["calendarEvents"]  # type: ignore[call-overload]
    )
    assert (event["method"], event["filename"]) == ("CANCEL", "invite.ics")
    assert b64decode(event["content"]) == calendar


def test_what_is_sent_or_known_does_not_seem_new() -> None:
    mail = b"Subject: x\r\n\r\n"

    assert told(mail, NO_TEXT)["seemsLikeNew"] is True
    assert told(mail, NO_TEXT, seems_like_new=False)["seemsLikeNew"] is False
    assert told(mail, NO_TEXT, special_use=SpecialUse.SENT)["seemsLikeNew"] is False
    assert "specialUse" not in told(mail, NO_TEXT, special_use=None)


def test_only_needed_headers_are_fetched() -> None:
    header = needed_items(SettingValues(notify_headers=("X-Mine", "bad name", "ü")))[-1]

    assert header.startswith("BODY.PEEK[HEADER.FIELDS (From To")
    assert " X-Mine)]" in header
    assert "bad" not in header
    assert needed_items(SettingValues(notify_headers=("*",)))[-1] == "BODY.PEEK[HEADER]"


def test_a_part_is_fetched_once_even_if_it_is_wanted_twice() -> None:
    everything = SettingValues(
        notify_attachments=True, notify_web_safe_html=True, notify_calendar_events=True
    )
    for path in MAILS.values():
        wishes = wanted_bodies(row_of(path.read_bytes()), everything)
        assert len({wish.part for wish in wishes}) == len(wishes)
