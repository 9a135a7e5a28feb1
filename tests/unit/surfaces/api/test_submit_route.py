"""Sending over REST: what reaches the engine, and what is refused before."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from postroad.domain.address import Address
from postroad.domain.envelope import DsnNotify, DsnReturn, Envelope
from postroad.domain.submission import ReferenceAction
from postroad.engine.access import TokenDraft
from postroad.engine.submit.request import SubmitRequest
from postroad.surfaces.api import Api
from support.api_engine import MemoryEngine
from support.asgi import Caller

SUBMIT = "/v1/account/example/submit"
TO = {"name": "Recipient", "address": "to@example.test"}


async def accepted(engine: MemoryEngine, call: Caller, body: dict[str, Any]) -> SubmitRequest:
    reply = await call("POST", SUBMIT, body)
    assert reply.status == 200, reply.body
    return engine.submit.accepted[-1][1]


async def test_answer_is_the_contracts(call: Caller) -> None:
    reply = await call("POST", SUBMIT, {"to": [TO], "text": "x", "subject": "s"})
    assert reply.json() == {
        "response": "Queued for delivery",
        "messageId": "<id@example.com>",
        "sendAt": "2021-08-16T15:04:46.161Z",
        "queueId": "0017b5a0ed91abcdef0",
    }


async def test_dry_run_shows_the_message(call: Caller) -> None:
    reply = await call("POST", SUBMIT, {"to": [TO], "text": "x", "dryRun": True})
    assert reply.json() == {
        "response": "Dry run",
        "messageId": "<id@example.com>",
        "preview": "U3ViamVjdDogeA0KDQp4DQo=",
    }


async def test_every_member_reaches_the_engine(engine: MemoryEngine, call: Caller) -> None:
    body = {
        "reference": {
            "message": "AAAAAQAAP1w",
            "action": "Forward",
            "ignoreMissing": True,
            "forwardAttachments": True,
            "inline": False,
            "messageId": "<r@example.test>",
        },
        "envelope": {"from": "", "to": "b@example.test"},
        "from": {"name": " Sender ", "address": "from@example.test"},
        "replyTo": TO,
        "to": [TO],
        "cc": [],
        "bcc": {"address": "bcc@example.test"},
        "subject": " Hello ",
        "text": " text ",
        "html": "<p>html</p>",
        "attachments": [
            {
                "filename": "a.txt",
                "content": "YWI",
                "contentType": "Text/Plain",
                "contentDisposition": "INLINE",
                "cid": "c1",
                "encoding": "base64",
            },
            {"reference": "AAAAAQAAP1wy"},
        ],
        "messageId": "m@example.test",
        "headers": {"X-One": "1", "X-Many": ["a", 2]},
        "copy": False,
        "sentMailPath": "Sent",
        "sendAt": "2021-08-18T06:42:25.408Z",
        "deliveryAttempts": "3",
        "dsn": {"return": "headers", "id": "e", "notify": "success", "recipient": "d@example.test"},
        "proxy": "socks5://127.0.0.1:1080",
        "localAddress": "127.0.0.1",
        "trackOpens": False,
        "trackClicks": False,
    }
    request = await accepted(engine, call, body)
    recipient = Address("to@example.test", "Recipient")
    assert request.reference is not None
    assert request.reference.action is ReferenceAction.FORWARD
    assert request.reference.message == "AAAAAQAAP1w"
    assert request.envelope == Envelope("", ("b@example.test",))
    assert request.from_ == Address("from@example.test", "Sender")
    assert (request.reply_to, request.to, request.cc) == ((recipient,), (recipient,), ())
    assert request.bcc == (Address("bcc@example.test"),)
    assert (request.subject, request.text, request.html) == ("Hello", "text", "<p>html</p>")
    first, second = request.attachments
    assert (first.data, first.content_type, first.disposition) == (b"ab", "text/plain", "inline")
    assert (second.data, second.reference) == (None, "AAAAAQAAP1wy")
    assert request.headers == (("X-One", "1"), ("X-Many", "a"), ("X-Many", "2"))
    assert (request.copy, request.sent_path, request.delivery_attempts) == (False, "Sent", 3)
    assert request.send_at == 1_629_268_945_408
    assert request.dsn is not None
    assert (request.dsn.ret, request.dsn.notify) == (DsnReturn.HEADERS, (DsnNotify.SUCCESS,))
    assert request.proxy is not None
    assert request.proxy.reveal() == "socks5://127.0.0.1:1080"
    assert request.local_address == "127.0.0.1"


async def test_raw_message_is_decoded(engine: MemoryEngine, call: Caller) -> None:
    request = await accepted(engine, call, {"raw": "U3ViamVjdDogeA0KDQp4", "to": []})
    assert (request.raw, request.to, request.cc) == (b"Subject: x\r\n\r\nx", (), None)


async def test_tags_are_trimmed_and_each_is_kept_once(engine: MemoryEngine, call: Caller) -> None:
    tags = [" a, b ", "späte Rosen", "x" * 64, "a, b", "👩‍🌾"]
    request = await accepted(engine, call, {"to": [TO], "text": "x", "tags": tags})
    assert request.tags == ("a, b", "späte Rosen", "x" * 64, "👩‍🌾")
    assert (await accepted(engine, call, {"to": [TO], "text": "x", "tags": []})).tags == ()


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("spring", '"tags" must be an array'),
        (["a"] * 11, '"tags" must contain less than or equal to 10 items'),
        (["a", 1], '"tags[1]" must be a string'),
        (["  "], '"tags[0]" is not allowed to be empty'),
        (["x" * 65], '"tags[0]" length must be less than or equal to 64 characters long'),
        (["a\r\nBcc: b@c"], '"tags[0]" must not contain control characters'),
        (["a\u0085b"], '"tags[0]" must not contain control characters'),
        (["a\x00b"], '"tags[0]" must not contain NUL characters'),
    ],
)
async def test_bad_tags_are_refused(
    engine: MemoryEngine, call: Caller, tags: object, words: str
) -> None:
    reply = await call("POST", SUBMIT, {"to": [TO], "text": "x", "tags": tags})
    assert reply.status == 400
    assert reply.json()["fields"] == [{"message": words, "key": "tags"}]
    assert engine.submit.accepted == []


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ({"raw": "eA==", "html": "x", "text": "x", "attachments": []}, "html text attachments"),
        ({"raw": "###"}, "raw"),
        ({"raw": "QUJD" * 300}, "raw"),
        ({"text": "x" * 1001}, "text"),
        ({"attachments": [{"content": "QUJD" * 300}]}, "content"),
        ({"attachments": [{"filename": "x"}]}, "content"),
        ({"attachments": [{"content": "YQ==", "reference": "x"}]}, "content"),
        ({"attachments": [{"content": "YQ==", "encoding": "utf-8"}]}, "encoding"),
        ({"attachments": [{"content": "YQ==", "contentType": "text"}]}, "contentType"),
        ({"attachments": [{"content": "YQ==", "filename": "a\r\nb"}]}, "filename"),
        ({"attachments": [{"content": "YQ==", "cid": "a b"}]}, "cid"),
        ({"reference": {}}, "message"),
        ({"reference": {"message": "x", "inline": True}}, "inline"),
        ({"reference": {"message": "x", "forwardAttachments": True}}, "forwardAttachments"),
        ({"reference": {"message": "x", "action": "ignore"}}, "action"),
        ({"subject": "a\r\nBcc: evil@example.test"}, "subject"),
        ({"to": [{"name": "a\nb", "address": "a@b"}]}, "name"),
        ({"to": [{"address": "a@b\r\nBcc: c@d"}]}, "address"),
        ({"messageId": "<a\r\nb@c>"}, "messageId"),
        ({"headers": {"X-A": "b\r\nX-B: c"}}, "X-A"),
        ({"headers": {"X-A: b\r\nX-B": "c"}}, "X-A: b\r\nX-B"),
        ({"headers": {"X-A": {"deep": 1}}}, "X-A"),
        ({"headers": {"X-A": "\x00"}}, "X-A"),
        ({"sentMailPath": "a\nb"}, "sentMailPath"),
        ({"sendAt": "tomorrow"}, "sendAt"),
        ({"deliveryAttempts": 0}, "deliveryAttempts"),
        ({"localAddress": "localhost"}, "localAddress"),
        ({"dsn": {}}, "return"),
        ({"dsn": {"return": "full", "notify": ["never", "failure"]}}, "notify"),
        ({"dsn": {"return": "full", "id": "é"}}, "id"),
        ({"envelope": {"to": ["a@b"]}}, "from"),
        ({"envelope": {"from": "a@b"}}, "to"),
        ({"envelope": {"from": "a b", "to": []}}, "from"),
        ({"trackOpens": True}, "trackOpens"),
        (
            {"template": "x", "render": {}, "mailMerge": [], "listId": "x", "gateway": "x"},
            "template render mailMerge listId gateway",
        ),
        (
            {"previewText": "x", "locale": "en", "tz": "x", "baseUrl": "x"},
            "previewText locale tz baseUrl",
        ),
    ],
)
async def test_wrong_message_is_refused_whole(
    engine: MemoryEngine, call: Caller, body: dict[str, Any], keys: str
) -> None:
    reply = await call("POST", SUBMIT, body)
    assert reply.status == 400, reply.body
    found = [item["key"] for item in reply.json()["fields"]]
    assert sorted(found) == sorted([keys] if "\r" in keys else keys.split())
    assert engine.submit.accepted == []


async def test_half_an_envelope_is_completed_from_the_headers(
    engine: MemoryEngine, call: Caller
) -> None:
    sender = {"address": "from@example.test"}
    to_only = {"from": sender, "to": [TO], "envelope": {"to": ["x@y"]}}
    assert (await accepted(engine, call, to_only)).envelope == Envelope(
        "from@example.test", ("x@y",)
    )
    from_only = {"to": [TO], "cc": [TO], "envelope": {"from": "x@y"}}
    assert (await accepted(engine, call, from_only)).envelope == Envelope(
        "x@y", ("to@example.test",)
    )


async def test_idempotency_key_brings_the_hash_of_the_body(
    engine: MemoryEngine, call: Caller
) -> None:
    body = {"to": [TO], "text": "x"}
    await call("POST", SUBMIT, body, headers={"idempotency-key": ' "k-1" '})
    await call("POST", SUBMIT, body)
    keyed, plain = (request for _, request in engine.submit.accepted)
    assert keyed.idempotency_key == "k-1"
    assert keyed.body_hash == hashlib.sha256(json.dumps(body).encode()).hexdigest()
    assert (plain.idempotency_key, plain.body_hash) == (None, None)


async def test_long_idempotency_key_is_refused(call: Caller) -> None:
    reply = await call("POST", SUBMIT, {"to": [TO]}, headers={"idempotency-key": "k" * 1025})
    assert reply.json()["fields"][0]["key"] == "idempotency-key"


async def test_ten_thousand_recipients_are_taken(engine: MemoryEngine, call: Caller) -> None:
    many = [{"address": f"user{n}@example.test"} for n in range(10_000)]
    assert len((await accepted(engine, call, {"to": many, "text": "x"})).to or ()) == 10_000


@pytest.mark.parametrize(
    ("member", "value", "most"),
    [
        ("to", [TO], 100_000),
        ("bcc", [TO], 100_000),
        ("attachments", [{"content": "YQ=="}], 10_000),
        ("headers", {"X": ["1"]}, 1_000),
    ],
)
async def test_lists_without_end_are_refused(
    engine: MemoryEngine, member: str, value: Any, most: int
) -> None:
    token, _ = await engine.access.issue(TokenDraft("t", ("api",)))
    call = Caller(Api(engine), token)

    def times(count: int) -> Any:
        return {"X": ["1"] * count} if isinstance(value, dict) else value * count

    body = {"text": "x", "to": [TO], "dryRun": True}
    assert (await call("POST", SUBMIT, body | {member: times(most)})).status == 200
    reply = await call("POST", SUBMIT, body | {member: times(most + 1)})
    words = f'"{member}" must contain less than or equal to {most} items'
    assert reply.json()["fields"] == [{"message": words, "key": member}]


@pytest.mark.parametrize(
    ("query", "status"),
    [("documentStore=false", 200), ("useStructuredFormat=0", 200), ("documentStore=true", 400)],
)
async def test_query_options_can_only_be_off(call: Caller, query: str, status: int) -> None:
    assert (await call("POST", f"{SUBMIT}?{query}", {"to": [TO], "text": "x"})).status == status
