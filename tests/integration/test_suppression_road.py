"""Suppression lists over REST and SMTP, on a whole server. Contract §14."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from postroad.domain.suppression import RESERVED_LIST
from support.road import Road, new_server, road
from support.sink import Sink
from support.submission import PASSWORD, Line, submission, switch

pytestmark = pytest.mark.integration

GONE = "gone@example.net"
LIST = f"/v1/blocklist/{RESERVED_LIST}"
SKIPPED = {"recipient": GONE, "reason": "block", "listId": RESERVED_LIST}


@pytest.fixture(scope="module")
def served(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Road, int]]:
    with submission(tmp_path_factory.mktemp("suppression")) as (running, port):
        running.account("mine", sink)
        running.account("theirs", sink)
        yield running, port


@pytest.fixture
def on_road(served: tuple[Road, int]) -> Road:
    """The road with every list empty before the test and the settings unset."""
    server = served[0].server
    names = ("Rules", "Scope", "Lists", "Answer")
    server.ok("POST", "/v1/settings", {f"suppression{name}": None for name in names})
    for found in server.ok("GET", "/v1/blocklists?pageSize=1000")["blocklists"]:
        path = f"/v1/blocklist/{found['listId']}"
        entries = server.ok("GET", f"{path}?pageSize=1000")["addresses"]
        for recipient in {entry["recipient"] for entry in entries}:
            server.ok("DELETE", f"{path}?recipient={recipient}")
    return served[0]


def add(on_road: Road, recipient: str = GONE, path: str = LIST, **more: Any) -> bool:
    body = {"account": "mine", "recipient": recipient, **more}
    answer = on_road.server.ok("POST", path, body)
    assert answer["success"] is True
    return bool(answer["added"])


def to(*addresses: str) -> list[dict[str, str]]:
    return [{"address": address} for address in addresses]


def mail(*recipients: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "mine@example.com"
    message["To"] = ", ".join(recipients)
    message.set_content("Hello")
    return message


def test_lists_as_the_contract_has_them(on_road: Road) -> None:
    server = on_road.server
    assert server.ok("GET", "/v1/blocklists") == {
        "total": 0, "page": 0, "pages": 0, "blocklists": []
    }  # fmt: skip
    assert add(on_road, "b@example.net", "/v1/blocklist/news", reason="unsubscribe")
    assert add(on_road, "A@Example.net", "/v1/blocklist/news")
    assert not add(on_road, "a@example.net", "/v1/blocklist/news", reason="other")
    assert add(on_road, GONE, "/v1/blocklist/alerts")
    assert server.ok("GET", "/v1/blocklists") == {
        "total": 2,
        "page": 0,
        "pages": 1,
        "blocklists": [{"listId": "alerts", "count": 1}, {"listId": "news", "count": 2}],
    }
    shown = server.ok("GET", "/v1/blocklist/news?pageSize=1")
    (entry,) = shown.pop("addresses")
    assert shown == {"listId": "news", "total": 2, "page": 0, "pages": 2}
    created = entry.pop("created")
    assert created.endswith("Z")
    assert entry == {
        "recipient": "a@example.net",
        "account": "mine",
        "source": "api",
        "reason": "other",
        "remoteAddress": "127.0.0.1",
    }
    (entry,) = server.ok("GET", "/v1/blocklist/news?page=1&pageSize=1")["addresses"]
    assert (entry["recipient"], entry["reason"]) == ("b@example.net", "unsubscribe")
    release = "/v1/blocklist/news?recipient="
    assert server.ok("DELETE", f"{release}B@example.net") == {"deleted": True}
    assert server.ok("DELETE", f"{release}b@example.net") == {"deleted": False}
    assert server.ok("DELETE", f"{release}a@example.net") == {"deleted": True}
    assert server.call("DELETE", f"{release}a@example.net")[0] == 404
    assert server.call("GET", "/v1/blocklist/news")[0] == 404


def test_user_agent_is_remembered(on_road: Road) -> None:
    body = {"account": "mine", "recipient": GONE}
    on_road.server.ok("POST", LIST, body, headers={"user-agent": "my-shop/1.0"})
    (entry,) = on_road.server.ok("GET", LIST)["addresses"]
    assert entry["userAgent"] == "my-shop/1.0"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "key"),
    [
        ("POST", LIST, {"recipient": GONE}, 400, "account"),
        ("POST", LIST, {"account": "mine"}, 400, "recipient"),
        ("POST", LIST, {"account": "mine", "recipient": "gone"}, 400, "recipient"),
        ("POST", LIST, {"account": "mine", "recipient": GONE, "x": 1}, 400, "x"),
        ("POST", LIST, {"account": "mine", "recipient": GONE, "reason": "x" * 257}, 400, "reason"),
        ("POST", LIST, {"account": "mine", "recipient": GONE, "reason": "a\nb"}, 400, "reason"),
        ("POST", LIST, {"account": "nobody", "recipient": GONE}, 404, None),
        ("POST", "/v1/blocklist/a%20b", {"account": "mine", "recipient": GONE}, 400, "listId"),
        ("POST", "/v1/blocklist/-a", {"account": "mine", "recipient": GONE}, 400, "listId"),
        ("POST", f"/v1/blocklist/{'a' * 64}", {"account": "mine", "recipient": GONE}, 400,
         "listId"),
        ("GET", "/v1/blocklist/a..b", None, 400, "listId"),
        ("GET", "/v1/blocklist/unknown", None, 404, None),
        ("GET", "/v1/blocklists?pageSize=1001", None, 400, "pageSize"),
        ("GET", "/v1/blocklists?page=-1", None, 400, "page"),
        ("DELETE", LIST, None, 400, "recipient"),
        ("DELETE", f"{LIST}?recipient=gone", None, 400, "recipient"),
        ("DELETE", "/v1/blocklist/unknown?recipient=gone@example.net", None, 404, None),
    ],
)  # fmt: skip
def test_bad_input_is_told(
    on_road: Road, method: str, path: str, body: Any, status: int, key: str | None
) -> None:
    answer = on_road.server.call(method, path, body)
    assert answer[0] == status
    assert [item["key"] for item in answer[1].get("fields", [])] == ([key] if key else [])


def test_token_needs_the_group(on_road: Road) -> None:
    def mint(**more: Any) -> str:
        body = {"description": "t", "scopes": ["api"], **more}
        return str(on_road.server.ok("POST", "/v1/token", body)["token"])

    reader = mint(permissions={"groups": ["blocklist"], "actions": ["read"]})
    other = mint(permissions={"groups": ["submit"]})
    bound = mint(account="mine")
    body = {"account": "mine", "recipient": GONE}
    call = on_road.server.call
    assert call("GET", "/v1/blocklists", token=reader)[0] == 200
    for method, path, given, action in (
        ("POST", LIST, body, "write"),
        ("DELETE", f"{LIST}?recipient={GONE}", None, "destructive"),
    ):
        status, answer = call(method, path, given, token=reader)
        assert status == 403
        assert answer["requiredPermission"] == {"action": action, "group": "blocklist"}
    assert call("GET", "/v1/blocklists", token=other)[0] == 403
    assert call("GET", "/v1/blocklists", token=bound)[1]["message"] == "Unauthorized account"


def test_suppressed_recipient_is_left_out_and_told(on_road: Road, sink: Sink) -> None:
    add(on_road)
    answer = on_road.submit("mine", to=to("ok@example.net", "GONE@example.net"), cc=to("cc@x.test"))
    assert answer["response"] == "Queued for delivery"
    assert answer["skipped"] == [SKIPPED | {"recipient": "GONE@example.net"}]
    sent = on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
    assert sent.data["envelope"]["to"] == ["ok@example.net", "cc@x.test"]
    assert sink.recipients[-1] == ["ok@example.net", "cc@x.test"]
    # The header is the author's and stays as it was written.
    assert b"GONE@example.net" in sink.mails[-1]


def test_nothing_is_queued_when_all_are_suppressed(on_road: Road, sink: Sink) -> None:
    add(on_road)
    had = len(sink.mails)
    answer = on_road.submit("mine", to=to(GONE))
    assert answer.pop("messageId").startswith("<")
    assert answer == {"response": "Skipped", "skipped": [SKIPPED]}
    assert on_road.server.ok("GET", "/v1/outbox")["total"] == 0
    assert len(sink.mails) == had
    assert 'postroad_recipients_suppressed_total{outcome="skipped"}' in str(
        on_road.server.call("GET", "/metrics")[1]
    )


def test_other_accounts_and_other_people_are_written_to(on_road: Road) -> None:
    add(on_road)
    assert "skipped" not in on_road.submit("theirs", to=to(GONE))
    assert "skipped" not in on_road.submit("mine", to=to("ok@example.net"))
    on_road.server.ok("POST", "/v1/settings", {"suppressionScope": "global"})
    add(on_road)
    assert on_road.submit("theirs", to=to(GONE))["response"] == "Skipped"


def test_own_lists_hold_once_the_setting_names_them(on_road: Road) -> None:
    add(on_road, path="/v1/blocklist/news", reason="unsubscribe")
    assert "skipped" not in on_road.submit("mine", to=to(GONE))
    on_road.server.ok("POST", "/v1/settings", {"suppressionLists": ["news"]})
    assert on_road.submit("mine", to=to(GONE))["skipped"] == [
        {"recipient": GONE, "reason": "unsubscribe", "listId": "news"}
    ]


def test_submit_is_refused_as_a_whole_where_the_setting_says_so(on_road: Road) -> None:
    add(on_road)
    on_road.server.ok("POST", "/v1/settings", {"suppressionAnswer": "refuse"})
    body = {"to": to("ok@example.net", GONE), "text": "x"}
    status, answer = on_road.server.call("POST", "/v1/account/mine/submit", body)
    assert status == 422
    assert answer["code"] == "RecipientSuppressed"
    assert answer["recipients"] == [SKIPPED]
    assert on_road.server.ok("GET", "/v1/outbox")["total"] == 0
    assert "skipped" not in on_road.submit("mine", to=to("ok@example.net"))


def test_dry_run_tells_who_would_be_left_out(on_road: Road) -> None:
    add(on_road)
    answer = on_road.submit("mine", to=to(GONE), dryRun=True)
    assert answer["response"] == "Dry run" and answer["preview"]
    assert answer["skipped"] == [SKIPPED]


def test_raw_message_and_envelope_are_checked_as_well(on_road: Road) -> None:
    add(on_road)
    envelope = {"from": "mine@example.com", "to": ["ok@example.net", GONE]}
    assert on_road.submit("mine", envelope=envelope)["skipped"] == [SKIPPED]
    raw = "VG86IGdvbmVAZXhhbXBsZS5uZXQNCg0KSGVsbG8NCg=="  # To: gone@example.net
    assert on_road.submit("mine", raw=raw)["response"] == "Skipped"


def test_repeat_under_a_key_is_answered_alike_and_an_empty_one_is_tried_again(
    on_road: Road,
) -> None:
    add(on_road)
    key = {"Idempotency-Key": "some"}
    first = on_road.submit("mine", to=to("ok@example.net", GONE), http_headers=key)
    again = on_road.submit("mine", to=to("ok@example.net", GONE), http_headers=key)
    assert first.pop("idempotency")["status"] == "MISS"
    assert again.pop("idempotency")["status"] == "HIT"
    assert again == first and again["skipped"] == [SKIPPED]
    key = {"Idempotency-Key": "none"}
    assert on_road.submit("mine", to=to(GONE), http_headers=key)["response"] == "Skipped"
    on_road.server.ok("DELETE", f"{LIST}?recipient={GONE}")
    later = on_road.submit("mine", to=to(GONE), http_headers=key)
    assert (later["response"], later["idempotency"]["status"]) == ("Queued for delivery", "MISS")


def test_smtp_client_is_told_which_recipient_is_refused(
    on_road: Road, served: tuple[Road, int], sink: Sink
) -> None:
    add(on_road)
    with smtplib.SMTP("127.0.0.1", served[1], timeout=20) as client:
        client.login("mine", PASSWORD)
        refused = client.send_message(mail("ok@example.net", GONE))
        assert refused == {
            GONE: (550, f"5.1.1 {GONE} is on suppression list {RESERVED_LIST} (block)".encode())
        }
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.send_message(mail(GONE))
    on_road.wait_empty()
    assert sink.recipients[-1] == ["ok@example.net"]
    with smtplib.SMTP("127.0.0.1", served[1], timeout=20) as client:
        client.login("theirs", PASSWORD)
        assert client.send_message(mail(GONE)) == {}


def test_smtp_commands_sent_at_once_are_answered_in_their_order(
    on_road: Road, served: tuple[Road, int]
) -> None:
    add(on_road)
    with Line(served[1]) as line:
        line.hear()
        line.say(b"EHLO c\r\n")
        line.say(b"AUTH PLAIN AG1pbmUAc2FsYWR1cw==\r\n")  # mine, saladus
        line.send(
            b"MAIL FROM:<mine@example.com>\r\nRCPT TO:<ok@x.test>\r\nRCPT TO:<gone@example.net>\r\n"
            b"RCPT TO:<too@x.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
        )
        codes = [line.hear()[:3] for _ in range(7)]
    assert codes == ["250", "250", "550", "250", "354", "250", "221"]


def test_smtp_without_login_is_screened_with_the_message(
    on_road: Road, served: tuple[Road, int]
) -> None:
    add(on_road)
    switch(on_road, served[1], smtpServerAuthEnabled=False)
    try:
        with smtplib.SMTP("127.0.0.1", served[1], timeout=20) as client:
            both, alone = mail("ok@example.net", GONE), mail(GONE)
            both["X-EE-Account"] = alone["X-EE-Account"] = "mine"
            assert client.send_message(both) == {}
            with pytest.raises(smtplib.SMTPDataError) as refusal:
                client.send_message(alone)
            assert refusal.value.smtp_code == 550
            assert "suppression list" in str(refusal.value.smtp_error)
    finally:
        switch(on_road, served[1], smtpServerAuthEnabled=True)
    on_road.wait_empty()


def test_command_line_beside_the_server_is_heeded(on_road: Road) -> None:
    server = on_road.server
    assert server.cli("suppress", "add", GONE, "--account", "mine") == "added"
    server.wait_until(
        lambda: on_road.submit("mine", to=to(GONE), dryRun=True).get("skipped"), 10, "it is heard"
    )
    assert server.cli("suppress", "list", RESERVED_LIST).split()[:2] == [GONE, "mine"]
    assert server.cli("suppress", "remove", GONE) == "removed"
    server.wait_until(
        lambda: "skipped" not in on_road.submit("mine", to=to(GONE), dryRun=True), 10, "it is heard"
    )


def test_lists_outlive_a_restart_and_go_with_their_account(tmp_path: Path) -> None:
    with Sink() as sink, road(tmp_path) as running:
        running.account("mine", sink)
        add(running)
        add(running, path="/v1/blocklist/news")
        running.server.stop()
        running.server.start()
        assert running.submit("mine", to=to(GONE))["response"] == "Skipped"
        running.server.kill()
        running.server.start()
        assert running.submit("mine", to=to(GONE))["response"] == "Skipped"
        running.server.ok("DELETE", "/v1/account/mine")
        lists = running.server.ok("GET", "/v1/blocklists")["blocklists"]
        assert lists == [{"listId": "news", "count": 1}]


def test_processes_on_one_database_hear_of_each_others_entries(
    tmp_path: Path, postgres_dsn: str
) -> None:
    with Sink() as sink, road(tmp_path / "one", database=postgres_dsn) as running:
        running.account("mine", sink)
        with new_server(tmp_path / "two", database=postgres_dsn) as other:
            body = {"to": to(GONE), "text": "x", "dryRun": True}

            def skipped_there() -> bool:
                return "skipped" in other.ok("POST", "/v1/account/mine/submit", body)

            assert not skipped_there()  # from now on it believes that nobody is listed
            add(running)
            other.wait_until(skipped_there, 10, "the other process has heard of the entry")
            running.server.ok("DELETE", f"{LIST}?recipient={GONE}")
            assert not skipped_there()
