"""What a large message costs in memory, from the request to the copy in Sent."""

from __future__ import annotations

import base64
import gc
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.dovecot import Dovecot
from support.road import Road, road
from support.sink import Sink

pytestmark = pytest.mark.integration

SIZE = 25 * 1024**2


def memory_of(on_road: Road, name: str) -> int:
    """``VmHWM`` or ``VmRSS`` of the server in octets."""
    assert on_road.server.process is not None
    for line in Path(f"/proc/{on_road.server.process.pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def as_attachment(octets: bytes) -> bytes:
    content = base64.b64encode(octets).decode()
    return json.dumps(
        {
            "to": {"address": "b@example.net"},
            "subject": "large",
            "text": "see attachment",
            "attachments": [{"filename": "a.bin", "content": content}],
        }
    ).encode()


def as_raw(octets: bytes) -> bytes:
    lines = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    message = (
        b"From: a@example.com\r\nTo: b@example.net\r\nBcc: c@example.net\r\nSubject: large\r\n"
        b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines
    )
    return json.dumps({"raw": base64.b64encode(message).decode()}).encode()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize("shape", [as_attachment, as_raw])
def test_a_message_of_25_mib_costs_at_most_three_times_its_size(
    engine: str,
    shape: Callable[[bytes], bytes],
    tmp_path: Path,
    dovecot: Dovecot,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    env = {"POSTROAD_MAX_SIZE": "48M", "POSTROAD_MAX_BODY_SIZE": "60M"}
    user = f"large-{engine}-{shape.__name__[3:]}"
    with Sink() as sink, road(tmp_path, env=env, database=database) as on_road:
        sink._controller.SMTP_kwargs["data_size_limit"] = 50 * 1024**2
        imap = {
            "auth": {"user": user, "pass": dovecot.password},
            "host": "localhost",
            "port": dovecot.port,
            "tls": {"ca": dovecot.ca},
        }
        account = on_road.account(user, sink, imap=imap)
        on_road.server.wait_connected(account)
        on_road.submit(account)  # what the first message loads, it loads once
        on_road.receiver.wait_for("messageSent")
        on_road.wait_empty()
        body = shape(os.urandom(SIZE * 735 // 1000))
        before = memory_of(on_road, "VmRSS")
        answer = on_road.server.ok("POST", f"/v1/account/{account}/submit", body)
        accepted = memory_of(on_road, "VmHWM")
        del body
        gc.collect()
        sent = on_road.receiver.wait_for("messageSent", queueId=answer["queueId"], timeout_s=40)
        assert sent.data["response"].startswith("250")
        on_road.server.wait_until(
            lambda: len(dovecot.messages(account, "Sent")) == 2, 40, "the copy is filed"
        )
        filed = max(dovecot.messages(account, "Sent"), key=lambda found: len(found[0]))[0]
        size = len(filed)
        assert SIZE <= size < SIZE * 1.06
        grown = memory_of(on_road, "VmHWM") - before
        record_property("accepted", round((accepted - before) / size, 2))
        record_property("in_all", round(grown / size, 2))
        assert grown <= 3 * size
        relayed = max(sink.mails, key=len)
        assert relayed.replace(b"\r\n", b"\n").endswith(filed.replace(b"\r\n", b"\n")[-10_000:])
