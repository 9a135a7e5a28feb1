"""Where events go, and with which headers."""

from __future__ import annotations

import pytest

from postroad import __version__
from postroad.domain.account import Account
from postroad.domain.event import RecordedEvent
from postroad.domain.secret import Secret
from postroad.domain.setting import SettingValues
from postroad.engine.webhooks.target import (
    BrokenTarget,
    Target,
    choose_target,
    is_for_inbox,
    is_told_without_account,
    is_wanted,
)


def account(
    webhooks: str | None = None, headers: tuple[tuple[str, Secret[str]], ...] = ()
) -> Account:
    return Account("one", "One", None, 0, webhooks=webhooks, webhook_headers=headers)


def target(values: SettingValues, of: Account | None) -> Target:
    chosen = choose_target(values, of)
    assert isinstance(chosen, Target)
    return chosen


def sent_headers(at: Target) -> list[str]:
    lines = at.header_lines(
        job_id=7, attempts_made=2, queued_s=3, event_id="an-id", signature="a-signature"
    )
    return lines.decode().split("\r\n")[:-1]


def test_without_any_url_there_is_no_target() -> None:
    assert choose_target(SettingValues(), account()) is None


def test_the_accounts_own_url_goes_before_the_default_one() -> None:
    values = SettingValues(webhooks="http://default.example/")
    own = target(values, account("http://own.example/hook"))
    assert (own.key, str(own.url)) == ("account:one", "http://own.example/hook")
    default = target(values, account())
    assert (default.key, str(default.url)) == ("global", "http://default.example/")


def test_a_deleted_account_leaves_the_default_url() -> None:
    assert target(SettingValues(webhooks="http://default.example/"), None).key == "global"


@pytest.mark.parametrize(
    ("events", "is_sent"),
    [((), False), (("messageSent",), True), (("*",), True), (("messageFailed",), False)],
)
def test_only_listed_events_are_wanted(events: tuple[str, ...], is_sent: bool) -> None:
    assert is_wanted(SettingValues(webhook_events=events), "messageSent") is is_sent


def test_only_its_deletion_is_told_of_a_deleted_account() -> None:
    assert is_told_without_account("accountDeleted")
    assert not is_told_without_account("messageSent")


def test_the_headers_of_a_plain_request() -> None:
    at = target(SettingValues(webhooks="http://default.example:8080/"), account())
    assert sent_headers(at) == [
        "Host: default.example:8080",
        "Content-Type: application/json",
        f"User-Agent: Postroad/{__version__}",
        "X-EE-Wh-Id: 7",
        "X-EE-Wh-Attempts-Made: 2",
        "X-EE-Wh-Queued-Time: 3s",
        "X-EE-Wh-Event-Id: an-id",
        "X-EE-Wh-Signature: a-signature",
    ]


def test_url_credentials_become_an_authorization_header() -> None:
    at = target(SettingValues(webhooks="http://user:pass@default.example/"), account())
    assert "Authorization: Basic dXNlcjpwYXNz" in sent_headers(at)
    assert "user" not in str(at.url)


def test_later_headers_override_earlier_ones_of_the_same_name() -> None:
    values = SettingValues(
        webhooks="http://user:pass@default.example/",
        webhooks_custom_headers=(
            ("authorization", Secret("Bearer global")),
            ("X-Team", Secret("global")),
            ("x-ee-wh-id", Secret("mine")),
        ),
    )
    headers = sent_headers(target(values, account(headers=(("X-TEAM", Secret("account")),))))
    assert "authorization: Bearer global" in headers
    assert not any(line.startswith("Authorization:") for line in headers)
    assert [line for line in headers if line.lower().startswith("x-team")] == ["X-TEAM: account"]
    assert [line for line in headers if "wh-id" in line.lower()] == ["x-ee-wh-id: mine"]


@pytest.mark.parametrize(
    "name",
    ["X-EE-Wh-Signature", "x-ee-wh-event-id", "Content-Length", "Transfer-Encoding", "Connection"],
)
def test_signature_event_id_and_framing_cannot_be_overridden(name: str) -> None:
    values = SettingValues(
        webhooks="http://default.example/", webhooks_custom_headers=((name, Secret("forged")),)
    )
    assert not any("forged" in line for line in sent_headers(target(values, account())))


@pytest.mark.parametrize(
    "values",
    [
        SettingValues(webhooks="ftp://default.example/"),
        SettingValues(webhooks="http://"),
        SettingValues(
            webhooks="http://default.example/",
            webhooks_custom_headers=(("X", Secret("a\r\nY: b")),),
        ),
    ],
)
def test_a_target_that_cannot_be_posted_to_says_why(values: SettingValues) -> None:
    broken = choose_target(values, account())
    assert isinstance(broken, BrokenTarget)
    assert broken.message


def test_star_stands_for_all_events_but_those_asked_for_by_name() -> None:
    assert is_wanted(SettingValues(webhook_events=("*",)), "messageNew")
    assert is_wanted(SettingValues(webhook_events=("*",)), "messageBounce")
    for name in ("messageMoved", "messageReply", "recipientSuppressed"):
        assert not is_wanted(SettingValues(webhook_events=("*",)), name)
        assert is_wanted(SettingValues(webhook_events=(name,)), name)


@pytest.mark.parametrize(
    ("name", "path", "special_use", "data", "passes"),
    [
        ("messageNew", "INBOX", None, "{}", True),
        ("messageNew", None, None, '{"path":"INBOX"}', True),
        ("messageNew", "Eingang", "\\Inbox", "{}", True),
        ("messageNew", "All", "\\All", r'{"labels":["\\Inbox","x"]}', True),
        ("messageNew", "All", "\\All", r'{"messageSpecialUse":"\\Inbox"}', True),
        ("messageNew", "All", "\\All", r'{"labels":["x"],"subject":"\\Inbox"}', False),
        ("messageNew", "Sent", "\\Sent", '{"path":"Sent"}', False),
        ("messageDeleted", "Sent", "\\Sent", '{"path":"Sent"}', True),
    ],
)
def test_inbox_new_only_holds_back_new_messages_elsewhere(
    name: str, path: str | None, special_use: str | None, data: str, passes: bool
) -> None:
    event = RecordedEvent(1, "id", "a", name, 0, data, None, path=path, special_use=special_use)

    assert is_for_inbox(SettingValues(inbox_new_only=True), event) is passes
    assert is_for_inbox(SettingValues(), event)
