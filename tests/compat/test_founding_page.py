"""The curl examples that this kind of service was introduced with, word for word."""

from __future__ import annotations

from pathlib import Path

from postroad.domain.address import Address
from postroad.domain.submission import ReferenceAction
from postroad.engine.access import TokenDraft
from postroad.surfaces.api import Api
from support.api_engine import memory_engine
from support.asgi import Caller

REPLY = b"""{
    "reference": {
        "message": "AAAAAQAAP1w",
        "action": "reply"
    },
    "from": {
        "name": "Example Sender",
        "address": "sender@example.com"
    },
    "to": [{
        "name": "Andris Reinman",
        "address": "andris@example.com"
    }],
    "text": "test",
    "html": "<p>test</p>",
    "attachments": [
        {
            "filename": "checkmark.png",
            "content": "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEUAAAD///+l2Z/dAAAAM0lEQVR4nGP4/5/h/1+G/58ZDrAz3D/McH8yw83NDDeNGe4Ug9C9zwz3gVLMDA/A6P9/AFGGFyjOXZtQAAAAAElFTkSuQmCC"
        }
    ]
}"""  # noqa: E501 - one line on the page, too

SCHEDULED = b"""{
    "from": {
        "name": "Example Sender",
        "address": "sender@example.com"
    },
    "to": [{
        "name": "Andris Reinman",
        "address": "andris@example.com"
    }],
    "subject": "Scheduled email",
    "text": "test",
    "html": "<p>test</p>",
    "sendAt": "2021-08-18T06:42:25.408Z"
}"""


async def test_examples_are_taken_as_they_stand(tmp_path: Path) -> None:
    async with memory_engine(tmp_path) as engine:
        value, _ = await engine.access.issue(TokenDraft("t", ("api",)))
        call = Caller(Api(engine), value)
        first = await call("POST", "/v1/account/example/submit", raw=REPLY)
        second = await call("POST", "/v1/account/example/submit", raw=SCHEDULED)
        (_, reply), (_, scheduled) = engine.submit.accepted

    assert [*first.json()] == ["response", "messageId", "sendAt", "queueId"]
    assert first.json()["response"] == "Queued for delivery"
    assert reply.reference is not None
    assert (reply.reference.message, reply.reference.action) == (
        "AAAAAQAAP1w",
        ReferenceAction.REPLY,
    )
    assert reply.subject is None
    assert reply.from_ == Address("sender@example.com", "Example Sender")
    assert (reply.attachments[0].data or b"").startswith(b"\x89PNG\r\n\x1a\n")
    assert second.json()["sendAt"] == "2021-08-18T06:42:25.408Z"
    assert scheduled.send_at == 1_629_268_945_408
