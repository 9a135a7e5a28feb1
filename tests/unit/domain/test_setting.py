"""The table of settings: parsing, showing, typed values."""

from __future__ import annotations

import pytest

from postroad.domain.secret import Secret
from postroad.domain.setting import BY_KEY, SETTINGS, LogValues, SettingValues, SuppressionValues
from postroad.domain.suppression import SuppressionAnswer, SuppressionRules, SuppressionScope


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("webhooksEnabled", "on", True),
        ("webhooksEnabled", "", False),
        ("webhooksEnabled", "N", False),
        ("deliveryAttempts", "5", 5),
        ("deliveryHorizon", "36h", 129_600_000),
        ("deliveryHorizon", 120_000, 120_000),
        ("serviceUrl", "https://Example.com:8443/path?x#y", "https://example.com:8443"),
        ("serviceUrl", "", None),
        ("smtpEhloName", None, None),
        ("imapIndexer", " fast ", "fast"),
        ("logs", {}, {"all": False, "maxLogLines": 10_000}),
        ("logs", {"all": "yes", "maxLogLines": "0"}, {"all": True, "maxLogLines": 0}),
        ("webhookEvents", "messageSent", ["messageSent"]),
        ("webhooksCustomHeaders", [{"key": " X-A "}], [{"key": "X-A", "value": ""}]),
        ("imapClientSupportUrl", "mailto:help@example.com", "mailto:help@example.com"),
        ("proxyUrl", "socks5://user:pass@127.0.0.1:1080", "socks5://user:pass@127.0.0.1:1080"),
    ],
)
def test_value_is_normalised(key: str, value: object, expected: object) -> None:
    assert BY_KEY[key].parse(value) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("webhooksEnabled", "maybe"),
        ("webhooksEnabled", None),
        ("deliveryAttempts", -1),
        ("deliveryAttempts", 1.5),
        ("deliveryAttempts", True),
        ("deliveryHorizon", "soon"),
        ("deliveryHorizon", 1),
        ("webhooks", "ftp://example.com"),
        ("webhooks", "http://exa mple.com"),
        ("webhooks", "http://example.com/\r\nX: y"),
        ("webhooks", 5),
        ("smtpEhloName", "not a host"),
        ("logs", None),
        ("logs", []),
        ("logs", {"all": None}),
        ("logs", {"maxLogLines": 1_000_001}),
        ("logs", {"more": 1}),
        ("imapClientName", "x" * 1025),
        ("imapClientName", "a\r\nb"),
        ("imapIndexer", "slow"),
        ("imapIndexer", None),
        ("webhookEvents", [1]),
        ("webhooksCustomHeaders", [{"key": "a b"}]),
        ("webhooksCustomHeaders", [{"key": "a", "value": "x\r\ny: z"}]),
        ("webhooksCustomHeaders", {"key": "a"}),
    ],
)
def test_wrong_value_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError):
        BY_KEY[key].parse(value)


def test_credentials_are_masked_when_shown() -> None:
    assert BY_KEY["webhooks"].show("https://u:p@h/x") == "https://u:******@h/x"
    assert BY_KEY["webhooksCustomHeaders"].show([{"key": "A", "value": "s"}]) == [
        {"key": "A", "value": "******"}
    ]
    assert BY_KEY["serviceSecret"].show("s") is True


def test_every_setting_has_a_value_of_its_default() -> None:
    values = SettingValues.of({})
    assert values == SettingValues()
    assert values.delivery_attempts == BY_KEY["deliveryAttempts"].default
    assert values.failed_retention_days == BY_KEY["failedRetention"].default
    assert values.event_retention_days == BY_KEY["eventRetention"].default
    assert values.sent_retention_days == BY_KEY["sentRetention"].default
    assert values.enable_api_proxy is BY_KEY["enableApiProxy"].default
    assert values.notify_text is BY_KEY["notifyText"].default
    assert values.notify_text_size == BY_KEY["notifyTextSize"].default


def test_stored_values_reach_their_typed_places() -> None:
    values = SettingValues.of(
        {
            "proxyEnabled": True,
            "proxyUrl": "http://p:1",
            "webhookEvents": ["*"],
            "webhooksCustomHeaders": [{"key": "A", "value": "s"}],
            "deliveryAttempts": 0,
            "notifyHeaders": ["List-Id"],
            "notifyTextSize": 0,
            "notifyAttachmentSize": 5,
            "unknown": 1,
        }
    )
    assert values.mail_proxy == Secret("http://p:1")
    assert values.http_proxy is None
    assert values.webhook_events == ("*",)
    assert values.webhooks_custom_headers == (("A", Secret("s")),)
    assert values.delivery_attempts == 10
    assert values.notify_headers == ("List-Id",)
    assert (values.notify_text_size, values.notify_attachment_size) == (0, 5)


def test_every_setting_says_what_it_does() -> None:
    assert all(setting.sentence.endswith(".") for setting in SETTINGS)
    assert len(BY_KEY) == len(SETTINGS)


def test_suppression_has_its_typed_values() -> None:
    stored = {
        "suppressionRules": "hardBounces",
        "suppressionScope": "global",
        "suppressionLists": ["a", "b"],
        "suppressionAnswer": "refuse",
    }
    assert SettingValues.of(stored).suppression == SuppressionValues(
        SuppressionRules.HARD_BOUNCES, SuppressionScope.GLOBAL, ("a", "b"), SuppressionAnswer.REFUSE
    )
    assert SettingValues.of({"suppressionLists": []}).suppression.lists == ()
    unknown = dict.fromkeys(stored, "of a later version")
    assert SettingValues.of(unknown).suppression == SuppressionValues()


def test_an_object_that_was_never_set_is_shown_with_its_defaults() -> None:
    assert BY_KEY["logs"].show(None) == {"all": False, "maxLogLines": 10_000}
    assert SettingValues.of({}).logs == LogValues(all=False, max_lines=10_000)
    stored = {"logs": {"all": True, "maxLogLines": 5}}
    assert SettingValues.of(stored).logs == LogValues(all=True, max_lines=5)
