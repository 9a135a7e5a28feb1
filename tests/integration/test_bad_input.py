"""Whatever comes in: a clear answer, nothing stored, the server unharmed."""

from __future__ import annotations

import base64
import contextlib
import email.policy
import http.client
import json
import socket
from collections.abc import Iterator
from copy import deepcopy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.surfaces.api.operation import OPERATIONS
from support.road import Road, query, road, tell
from support.scripted_relay import ScriptedRelay

pytestmark = pytest.mark.integration

TABLES = ("account", "submission", "content", "token", "setting", "idempotency")
ROUTES = sorted({(item.method, item.path) for item in OPERATIONS if item.method in ("POST", "PUT")})
SUBMIT = "/v1/account/fuzz/submit"


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as running:
        yield running


@pytest.fixture(scope="module")
def on_road(tmp_path_factory: pytest.TempPathFactory, relay: ScriptedRelay) -> Iterator[Road]:
    with road(tmp_path_factory.mktemp("bad")) as running:
        running.account("fuzz", relay)
        running.receiver.wait_for("accountAdded")  # by then the signing key is stored, too
        yield running
        assert running.server.call("GET", "/health")[0] == 200
        for word in ("Traceback", '"level":"error"', "turn failed"):
            assert word not in running.server.log


@pytest.fixture(autouse=True)
def usual_settings(on_road: Road) -> None:
    """What a test before this one may have set is undone."""
    tell(on_road.server, on_road.receiver)
    off = {"proxyEnabled": False, "httpProxyEnabled": False, "smtpEhloName": None}
    on_road.server.ok("POST", "/v1/settings", off)


def stored(on_road: Road) -> list[Any]:
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in TABLES)
    return query(on_road.server, counts)


# Bodies that are fine but for what is put into them, so that the inner rooms are reached too.
FINE: dict[str, dict[str, Any]] = {
    SUBMIT: {
        "from": {"name": "A", "address": "a@example.com"},
        "replyTo": [{"name": "R", "address": "r@example.com"}],
        "to": [{"name": "B", "address": "b@example.net"}],
        "cc": [{"address": "c@example.net"}],
        "bcc": [{"address": "d@example.net"}],
        "subject": "S", "text": "t", "html": "<p>h</p>", "messageId": "<m@example.com>",
        "headers": {"X-One": "1", "X-Many": ["1", "2"]},
        "attachments": [{"filename": "a.txt", "content": "YWI=", "contentType": "text/plain",
                         "contentDisposition": "inline", "cid": "c1", "encoding": "base64"}],
        "envelope": {"from": "e@example.com", "to": ["f@example.net"]},
        "dsn": {"id": "1", "return": "full", "notify": ["success"], "recipient": "g@example.net"},
        "sendAt": "2099-01-01T00:00:00Z", "deliveryAttempts": 3, "copy": True,
        "sentMailPath": "Sent", "proxy": "http://127.0.0.1:9", "localAddress": "127.0.0.1",
        "dryRun": True,
    },
    "/v1/account": {
        "account": "made", "name": "M", "email": "m@example.com", "copy": True, "path": ["*"],
        "imap": {"host": "127.0.0.1", "port": 9, "auth": {"user": "u", "pass": "p"},
                 "tls": {"rejectUnauthorized": False}, "sentMailPath": "Sent", "disabled": True},
        "smtp": {"host": "127.0.0.1", "port": 9, "auth": {"user": "u", "pass": "p"}},
        "proxy": "http://127.0.0.1:9", "smtpEhloName": "h.example",
        "webhooks": "http://127.0.0.1:9/x", "webhooksCustomHeaders": [{"key": "X", "value": "v"}],
        "notifyFrom": "2020-01-01T00:00:00Z",
    },
    "/v1/tokens": {
        "account": "fuzz", "description": "d", "scopes": ["api"], "metadata": "{}", "ip": "::1",
        "restrictions": {"addresses": ["10.0.0.0/8"], "referrers": ["x*"],
                         "rateLimit": {"maxRequests": 5, "timeWindow": 60}},
        "permissions": {"actions": ["send"], "groups": ["submit"]},
        "expires": "2099-01-01T00:00:00Z",
    },
    "/v1/settings": {
        "webhookEvents": ["*"], "webhooksCustomHeaders": [{"key": "X", "value": "v"}],
        "deliveryAttempts": 3, "deliveryHorizon": 600_000, "imapClientName": "n",
        "imapClientSupportUrl": "mailto:x@example.com", "smtpEhloName": "h.example",
        "serviceUrl": "https://x.example", "ignoreMailCertErrors": False, "eventRetention": 3,
    },
    "/v1/verifyAccount": {
        "smtp": {"host": "127.0.0.1", "port": 9, "auth": {"user": "u", "pass": "p"}},
        "smtpEhloName": "h.example",
    },
    "/v1/account/fuzz": {"name": "F", "copy": None, "smtpEhloName": "h.example"},
    "/v1/account/fuzz/reconnect": {"reconnect": True},
}  # fmt: skip
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.text(alphabet=st.characters(categories=["Zs", "Zl", "Zp", "Cc", "Cf", "Mn"]), max_size=8)
    | st.sampled_from(
        [
            [],
            {},
            [[]],
            [{}],
            {"a": {}},
            "",
            " ",
            "\r\n",
            "x\r\ny: z",
            "\x00",
            "a@b",
            "@",
            "<>",
            "a@" + "b" * 300,
            "x" * 3000,
            "YWI",
            "=",
            "2021-02-30",
            "0",
            "-1",
            2**63,
            2**64,
            -1,
            1e308,
            "99999999999999999999",
            "https://",
            "http://[::1",
            "http://x:99999/",
            "socks5://",
            "::ffff:1.2.3.4",
            "fe80::1%lo",
            "1.2.3.4/33",
            "AAAAAQAAAAE",
            "\ud83d\ude00" * 50,
            "multipart/mixed",
            'text/plain; charset="',
            "message/rfc822",
            "xn--a",
            "..",
            "a..b@c.d",
        ]
    )
)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A route and a body with some of it replaced, doubled, dropped or added."""
    method, path = draw(st.sampled_from(ROUTES))
    path = path.replace("{account}", "fuzz")
    body = json.loads(json.dumps(FINE.get(path) or FINE["/v1/tokens"]))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = body
        while True:
            if isinstance(place, dict) and place:
                key: Any = draw(st.sampled_from(sorted(place)))
            elif isinstance(place, list) and place:
                key = draw(st.integers(0, len(place) - 1))
            else:
                break
            if isinstance(place[key], (dict, list)) and draw(st.booleans()):
                place = place[key]
                continue
            change = draw(st.sampled_from(["replace", "replace", "replace", "drop", "add"]))
            if change == "drop" and len(body) > 1:
                del place[key]
            elif change == "add" and isinstance(place, dict):
                place[draw(st.text(min_size=1, max_size=12))] = deepcopy(draw(ODD))
            else:
                place[key] = deepcopy(draw(ODD))
            break
    return method, path, body


@settings(
    max_examples=700,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(spoiled())
def test_spoiled_requests_are_refused_in_full_or_taken(
    on_road: Road, spoilt: tuple[str, str, Any]
) -> None:
    method, path, body = spoilt
    before = stored(on_road)
    # Lone surrogates and the like are to reach the server as they are.
    octets = json.dumps(body).encode("utf-8", "surrogatepass")
    status, answer = on_road.server.call(method, path, octets)
    assert status in (200, 400, 403, 404, 422), (status, answer, body)
    if status == 200:
        if path == SUBMIT and body.get("dryRun") is True:
            parsed(answer)
        return
    assert answer["statusCode"] == status and answer["message"]
    if status == 400 and answer["message"] == "Invalid input":
        assert answer["fields"] and all(set(f) == {"message", "key"} for f in answer["fields"])
        assert "code" not in answer
    assert stored(on_road) == before


def parsed(answer: dict[str, Any]) -> EmailMessage:
    """The preview, which must hold to RFC 5322."""
    octets = base64.b64decode(answer["preview"])
    for line in octets.split(b"\r\n"):
        assert len(line) <= 998 and b"\r" not in line and b"\n" not in line and b"\0" not in line
    mail = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(octets)
    assert isinstance(mail, EmailMessage)
    assert mail.defects == []
    return mail


BREAKS = ["x\r\nInjected: yes", "x\nInjected: yes", "x\rInjected: yes", "x\x00Injected: yes",
          "x\r\n Injected: yes\r\n\r\nbody", "\r\nInjected: yes"]  # fmt: skip
ADDRESS = {"name": "N", "address": "n@example.com"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts are in a body, and names of free members."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from places(item, (*path, n))
    elif isinstance(value, str):
        yield path


def with_text(body: Any, path: tuple[Any, ...], text: str) -> Any:
    copy = json.loads(json.dumps(body))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = text
    return copy


RAW = base64.b64encode(b"From: o@example.com\r\nTo: p@example.com\r\n\r\nhi\r\n").decode()


@pytest.mark.parametrize("base", ["parts", "raw"])
def test_no_member_of_a_message_can_break_out_of_its_field(on_road: Road, base: str) -> None:
    body = dict(FINE[SUBMIT])
    if base == "raw":
        body = {k: v for k, v in body.items() if k not in ("text", "html", "attachments")}
        body["raw"] = RAW
    tried = 0
    for path in places(body):
        if path[0] in ("text", "html", "raw"):
            continue
        for text in BREAKS:
            for variant in (text, f"{text}@example.com", f"<{text}>", f"a{text}b"):
                status, answer = on_road.server.call("POST", SUBMIT, with_text(body, path, variant))
                assert status in (200, 400), (path, variant, answer)
                tried += 1
                if status == 200:
                    mail = parsed(answer)
                    assert "Injected" not in mail, (path, variant)
                    assert not any("Injected" in part for part in mail.walk()), (path, variant)
    for text in BREAKS:
        for name in (text, f"X-A: 1\r\n{text}", "", " ", "X A", "X:", "X-Ü"):
            status, answer = on_road.server.call("POST", SUBMIT, body | {"headers": {name: "1"}})
            assert status == 400, (name, answer)
        status, answer = on_road.server.call("POST", SUBMIT, body | {"headers": {"X-A": [text]}})
        assert status == 400, answer
    assert tried > 300


def test_no_member_can_break_out_of_its_command(on_road: Road, relay: ScriptedRelay) -> None:
    """Accounts, settings and envelopes reach SMTP, IMAP and HTTP servers as words of a line."""
    before = len(relay.commands)
    for path, method in (("/v1/account", "POST"), ("/v1/settings", "POST"),
                         ("/v1/verifyAccount", "POST")):  # fmt: skip
        for place in places(FINE[path]):
            if {"account", "name", "user", "pass", "webhookEvents"} & set(place):
                continue  # never sent, or as a literal or base64
            for text in BREAKS[:4]:
                status, answer = on_road.server.call(
                    method, path, with_text(FINE[path], place, text)
                )
                assert status == 400, (place, text, answer)
    body = {"to": {"address": "b@example.net"}, "text": "x"}
    for text in ("a@b.example>\r\nRSET", "a@b.example> NOTIFY=NEVER", "a@b.example\nRCPT TO:<c@d>"):
        for member in ({"envelope": {"from": text, "to": ["x@example.net"]}},
                       {"envelope": {"from": "", "to": [text]}},
                       {"to": {"address": text}},
                       {"dsn": {"return": "full", "recipient": text}}):  # fmt: skip
            status, answer = on_road.server.call("POST", SUBMIT, body | member)
            assert status == 400, (member, answer)
    assert not any("RSET" in line or "c@d" in line for line in relay.commands[before:])


def raw_request(on_road: Road, octets: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", on_road.server.port), timeout=15) as sock:
        answer = b""
        with contextlib.suppress(ConnectionError):  # it need not hear us out
            sock.sendall(octets)
            with contextlib.suppress(OSError):  # it may have hung up already
                sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                answer += piece
    return answer


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nope", b"[]", b"null", b'"x"', b"\xff\xfe{}", b'{"text": "\xc3"}', b"{}" * 2,
        b'{"a":' * 200_000, b"[" * 900_000, b'{"text":"x","text":"y"',
        b'{"to":{"address":"b@example.net"},"text":"\\ud800"}', b'{"deliveryAttempts":1e999}',
        b'{"deliveryAttempts":' + b"9" * 5000 + b"}",
    ],
    ids=range(14),
)  # fmt: skip
def test_broken_json_is_refused(on_road: Road, body: bytes) -> None:
    before = stored(on_road)
    for path in (SUBMIT, "/v1/account", "/v1/settings", "/v1/tokens", "/v1/verifyAccount"):
        status, answer = on_road.server.call("POST", path, body)
        assert status in (400, 413), (path, answer)
        assert answer["statusCode"] == status
    assert stored(on_road) == before


def test_all_problems_are_told_at_once(on_road: Road) -> None:
    body = {
        "to": [{"address": "no"}, {"name": "x" * 300, "address": "a@example.com"}],
        "subject": 5, "text": [], "attachments": [{"filename": "a", "content": "!!"}],
        "dsn": {}, "deliveryAttempts": "many", "surprise": 1, "template": "t", "sendAt": "soon",
    }  # fmt: skip
    status, answer = on_road.server.call(
        "POST", SUBMIT + "?what=1", body, headers={"x-ee-timeout": "-5"}
    )
    assert status == 400
    assert answer["message"] == "Invalid input" and answer["error"] == "Bad Request"
    assert "code" not in answer
    keys = [field["key"] for field in answer["fields"]]
    for key in ("address", "name", "subject", "text", "content", "return", "deliveryAttempts",
                "surprise", "template", "sendAt", "what", "x-ee-timeout"):  # fmt: skip
        assert key in keys, (key, answer)


@pytest.mark.parametrize(
    "member",
    ["template", "render", "mailMerge", "listId", "gateway", "previewText", "trackingEnabled",
     "baseUrl", "locale", "tz"],
)  # fmt: skip
def test_what_is_not_built_yet_is_refused_by_name(on_road: Road, member: str) -> None:
    body = {"to": {"address": "b@example.net"}, "text": "x", member: "x"}
    status, answer = on_road.server.call("POST", SUBMIT, body)
    assert (status, [field["key"] for field in answer["fields"]]) == (400, [member])
    inline = {"message": "AAAAAQAAAAE", "inline": True}
    status, answer = on_road.server.call(
        "POST", SUBMIT, {"to": {"address": "b@example.net"}, "text": "x", "reference": inline}
    )
    assert (status, [field["key"] for field in answer["fields"]]) == (400, ["inline"])


def test_more_than_allowed_is_refused_before_it_is_read(on_road: Road) -> None:
    before = stored(on_road)
    small = b'{"x":"' + b"x" * 1_100_000 + b'"}'
    assert on_road.server.call("POST", "/v1/settings", small)[0] == 413
    long = {"to": {"address": "b@example.net"}, "text": "x" * (5 * 1024**2 + 1)}
    status, answer = on_road.server.call("POST", SUBMIT, long)
    assert (status, answer["fields"][0]["key"]) == (400, "text")
    head = (
        b"POST /v1/account/fuzz/submit HTTP/1.1\r\nHost: x\r\nContent-Length: 52428801\r\n"
        b"Authorization: Bearer " + on_road.server.token.encode() + b"\r\n\r\n"
    )
    assert raw_request(on_road, head).startswith(b"HTTP/1.1 413")
    assert stored(on_road) == before


def test_ten_thousand_recipients_are_taken_and_served(on_road: Road, relay: ScriptedRelay) -> None:
    on_road.account("many", relay)  # of its own: others have been played with
    to = [{"address": f"r{n}@example.net"} for n in range(10_000)]
    queue_id = on_road.submit("many", to=to)["queueId"]
    sent = on_road.receiver.wait_for("messageSent", queueId=queue_id, timeout_s=30)
    assert len(sent.data["envelope"]["to"]) == 10_000
    wanted = {f"RCPT TO:<r{n}@example.net>" for n in range(10_000)}
    assert wanted <= {line.partition("> ")[0].rstrip(">") + ">" for line in relay.said("RCPT")}


def test_unknown_accounts_and_routes_are_not_found(on_road: Road) -> None:
    body = {"to": {"address": "b@example.net"}, "text": "x"}
    status, answer = on_road.server.call("POST", "/v1/account/nobody/submit", body)
    assert status == 404 and "code" not in answer
    assert answer["message"] == "Account record was not found for requested ID"
    for method, path in (
        ("GET", "/v1/nothing"),
        ("PATCH", SUBMIT),
        ("POST", "/v1/account/a/b/c"),
        ("GET", "/v1/account/%ff%00"),
        ("GET", "/v1/outbox/..%2f..%2fetc"),
    ):
        assert on_road.server.call(method, path)[0] in (400, 404, 405), path


WISHES = (b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"Connection: close\r\n",
          b"Expect: 100-continue\r\n")  # fmt: skip
TARGETS = (b"POST " + SUBMIT.encode(), b"GET /health", b"HEAD /v1/accounts", b"OPTIONS *",
           b"PUT /v1/account/fuzz", b"GET /v1/account/\xc3\xbc")  # fmt: skip
SLIPS = (b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"\xff", b"Transfer-Encoding: chunked\r\n",
         b"Content-Length: 3\r\n", b"Host: y\r\n")  # fmt: skip


@st.composite
def garbled(draw: st.DrawFn) -> bytes:
    """Some requests on one connection, with slips of the pen."""
    octets = b""
    for _ in range(draw(st.integers(1, 5))):
        body = draw(st.sampled_from([b"", b"{}", b'{"to":{"address":"a@b.c"},"dryRun":true}']))
        head = draw(st.sampled_from(TARGETS)) + b" HTTP/1.1\r\nHost: x\r\n"
        octets += head + draw(st.sampled_from(WISHES))
        if draw(st.booleans()):
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            octets += b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
        else:
            octets += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(octets)))
        gone = draw(st.integers(0, 20))
        octets = octets[:at] + draw(st.sampled_from(SLIPS)) + octets[at + gone :]
    return octets


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(garbled())
def test_garbled_requests_are_answered_or_dropped(on_road: Road, octets: bytes) -> None:
    answer = raw_request(on_road, octets)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 "), (octets, answer[:200])


def test_nonsense_on_the_wire_is_answered_or_dropped(on_road: Road) -> None:
    for octets in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"EHLO you\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST " + SUBMIT.encode() + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 5\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n",
        b"POST " + SUBMIT.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ):
        answer = raw_request(on_road, octets)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2")), answer[:200]
    connection = http.client.HTTPConnection("127.0.0.1", on_road.server.port, timeout=10)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()
