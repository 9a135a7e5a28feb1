"""What the server says about an account's quota, on a real Dovecot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from support import dovecot as dovecots
from support.dovecot import Dovecot
from support.server import Server

pytestmark = pytest.mark.integration
_users = itertools.count(1)
LIMIT = 200 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    running = Server(tmp_path_factory.mktemp("quota"))
    running.start()
    yield running
    running.stop()


def connect(server: Server, dovecot: Dovecot, user: str) -> None:
    body = {"account": user, "name": user, "email": f"{user}@x.test", "imap": dovecot.imap(user)}
    status, answer = server.call("POST", "/v1/account", body)
    assert status == 200, answer

    def is_connected() -> bool:
        return bool(server.call("GET", f"/v1/account/{user}")[1]["state"] == "connected")

    server.wait_until(is_connected, 20, "the account is connected")


def quota(server: Server, user: str) -> Any:
    status, answer = server.call("GET", f"/v1/account/{user}?quota=true")
    assert status == 200, answer
    return answer["quota"]


def mail(octets: int) -> bytes:
    head = b"From: a@x.test\r\nTo: b@x.test\r\nSubject: Large\r\n\r\n"
    return head + b"x" * 70 + b"\r\n" * ((octets - len(head) - 70) // 2)


def test_a_quota_tells_how_much_of_it_is_used(server: Server) -> None:
    user = f"quota{next(_users)}"
    with Dovecot(quota=f"*:bytes={LIMIT}:messages=1000") as dovecot:
        dovecot.deliver(user, mail(100 * 1024))
        connect(server, dovecot, user)

        told = quota(server, user)

        assert told["limit"] == LIMIT
        assert 99 * 1024 <= told["usage"] <= 102 * 1024  # with what LMTP has added
        assert told["status"] == f"{round(told['usage'] * 100 / LIMIT)}%"
        assert "quota" not in server.call("GET", f"/v1/account/{user}")[1]


def test_a_full_mailbox_takes_no_upload_and_says_why(server: Server) -> None:
    user = f"quota{next(_users)}"
    with Dovecot(quota=f"*:bytes={LIMIT}") as dovecot:
        connect(server, dovecot, user)
        letter = {"path": "INBOX", "subject": "Much", "text": "x" * 2 * LIMIT}

        status, answer = server.call("POST", f"/v1/account/{user}/message", letter)

        assert (status, answer["code"]) == (502, "UploadFail")
        assert "quota" in str(answer).lower()
        assert dovecot.messages(user) == []


@pytest.mark.parametrize("rule", ["", "*:messages=1000", None])
def test_a_mailbox_that_may_grow_for_ever_has_no_quota(server: Server, rule: str | None) -> None:
    user = f"quota{next(_users)}"
    with Dovecot(quota=rule) as dovecot:
        connect(server, dovecot, user)

        assert quota(server, user) is False
