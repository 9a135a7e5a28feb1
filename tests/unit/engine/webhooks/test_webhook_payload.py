"""The body of a webhook request."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.event import RecordedEvent
from postroad.engine.webhooks.payload import iso_time, webhook_body


def event(
    data: str = "{}", *, account: str = "example", name: str = "messageSent"
) -> RecordedEvent:
    return RecordedEvent(
        seq=1,
        event_id="8f5e2c0e-9a75-4c3a-a8b1-2f0f6b1d1c11",
        account=account,
        name=name,
        recorded_at=1_700_000_000_042,
        data=data,
        queue_id=None,
    )


def test_the_envelope_is_spelled_in_the_order_of_the_contract() -> None:
    body = webhook_body(event('{"messageId":"<a@b>","response":null}'), "https://mail.example")
    assert body == (
        b'{"serviceUrl":"https://mail.example","account":"example",'
        b'"date":"2023-11-14T22:13:20.042Z","event":"messageSent",'
        b'"data":{"messageId":"<a@b>","response":null}}'
    )


def test_an_unset_service_url_is_null_and_not_absent() -> None:
    assert webhook_body(event(), None).startswith(b'{"serviceUrl":null,')


def test_the_event_id_is_not_in_the_body() -> None:
    assert b"8f5e2c0e" not in webhook_body(event(), None)


def test_a_path_in_the_data_is_repeated_on_the_envelope() -> None:
    body = webhook_body(event('{"path":"Box/\\u00e4"}'), None)
    assert list(json.loads(body)) == ["serviceUrl", "account", "date", "path", "event", "data"]
    assert json.loads(body)["path"] == "Box/ä"


@pytest.mark.parametrize(
    "data", ['{"a":{"path":"x"}}', '{"path":null}', '["path"]', '{"a":"\\"path\\""}']
)
def test_only_a_text_at_the_top_of_the_data_is_a_path(data: str) -> None:
    assert "path" not in json.loads(webhook_body(event(data), None))


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_700_000_000_001, "2023-11-14T22:13:20.001Z"),
        (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
    ],
)
def test_times_have_milliseconds_and_z(epoch_ms: int, text: str) -> None:
    assert iso_time(epoch_ms) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    account=st.text(min_size=1),
    service_url=st.none() | st.text(),
    data=st.dictionaries(st.text(), json_values, max_size=4),
)
def test_the_body_is_json_that_says_what_was_recorded(
    account: str, service_url: str | None, data: dict[str, object]
) -> None:
    text = json.dumps(data, ensure_ascii=False)
    decoded = json.loads(webhook_body(event(text, account=account), service_url))
    assert decoded["data"] == data
    assert decoded["account"] == account
    assert decoded["serviceUrl"] == service_url


def test_the_mailbox_that_an_event_comes_from_stands_on_the_envelope() -> None:
    told = replace(event('{"id":"x"}'), path="INBOX", special_use="\\Inbox")
    body = json.loads(webhook_body(told, None))

    assert list(body) == ["serviceUrl", "account", "date", "path", "specialUse", "event", "data"]
    assert (body["path"], body["specialUse"]) == ("INBOX", "\\Inbox")
