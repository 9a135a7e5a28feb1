"""Whole answers of the operations on mail, beside golden ones, from a sandbox account.

``POSTROAD_WRITE_GOLDEN=1`` writes the file anew; review the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from postroad.domain.account import Account
from postroad.engine.access import TokenDraft
from postroad.engine.providers.sandbox import SandboxProvider
from postroad.store import Tx
from postroad.surfaces.api import Api
from support.api_engine import NOW_MS, MemoryEngine, memory_engine
from support.asgi import Caller, Reply
from support.provider_suite import octets, plain, with_parts

GOLDEN = Path(__file__).parent / "data" / "mail-answers.json"
ACCOUNT = Account("golden", "Golden", "golden@sandbox.test", created_at=1, is_sandbox=True)
BASE = "/v1/account/golden"

# In order: each step sees what the ones before it have done.
STEPS: list[tuple[str, str, Any]] = [
    ("GET", "/mailboxes", None),
    ("GET", "/mailboxes?counters=true", None),
    ("GET", "/messages?path=inbox&pageSize=1", None),
    ("GET", "/messages?path=%5CInbox&page=1&pageSize=1", None),
    ("GET", "/messages?path=INBOX&page=9", None),
    ("GET", "/messages", None),
    ("GET", "/messages?path=INBOX&cursor=gmail_x", None),
    ("GET", "/messages?path=INBOX&cursor=imap_x", None),
    ("GET", "/messages?path=Nowhere", None),
    ("POST", "/search?path=INBOX", {"search": {"subject": "one"}}),
    ("POST", "/search", {"search": {"unseen": True, "header": {"Message-ID": "parts@"}}}),
    ("POST", "/search?path=INBOX", {"search": {"gmailRaw": "is:starred"}}),
    ("POST", "/search?path=INBOX", {"search": {"uid": "x", "from": 5}}),
    ("POST", "/search?path=INBOX", {"documentQuery": {}, "search": {}}),
    ("GET", "/message/AAAAAQAAAAE", None),
    ("GET", "/message/AAAAAQAAAAE?textType=plain&maxBytes=3", None),
    ("GET", "/message/AAAAAQAAAAI?textType=*&markAsSeen=true", None),
    ("GET", "/message/AAAAAQAAAAI?webSafeHtml=true", None),
    ("GET", "/message/AAAAAQAAACI", None),
    ("GET", "/text/AAAAAQAAAAGTkaExkJA", None),
    ("GET", "/text/AAAAAQAAAAGTkaExkJA?textType=html", None),
    ("GET", "/text/AAAAAQAAAAGTkaExkJA?webSafeHtml=true", None),
    ("PUT", "/message/AAAAAQAAAAE", {"flags": {"add": "\\Flagged", "delete": ["\\Seen"]}}),
    ("PUT", "/message/AAAAAQAAAAE", {"flags": {"set": ["$a"], "add": ["$b"]}, "labels": {}}),
    ("PUT", "/message/AAAAAQAAAAE", {"flags": {"add": ["a b"]}}),
    ("PUT", "/messages?path=INBOX", {"search": {}, "update": {"flags": {"add": ["$all"]}}}),
    ("PUT", "/message/AAAAAQAAAAE/move", {"path": "\\Trash"}),
    ("DELETE", "/message/AAAAAQAAAAI", None),
    ("PUT", "/messages/move?path=Trash", {"search": {}, "path": "INBOX"}),
    ("PUT", "/messages/delete?path=INBOX", {"search": {"seq": "1"}}),
    ("PUT", "/messages/delete?path=INBOX&force=true", {"search": {}}),
    ("POST", "/mailbox", {"path": ["Work", "Größe"]}),
    ("POST", "/mailbox", {"path": "Work/Größe"}),
    ("PUT", "/mailbox", {"path": "Work/Größe", "newPath": ["Done"]}),
    ("PUT", "/mailbox", {"path": "Done", "subscribed": False}),
    ("PUT", "/mailbox", {"path": "Done"}),
    ("PUT", "/mailbox", {"path": "INBOX", "newPath": "X"}),
    ("DELETE", "/mailbox?path=Done", None),
    ("DELETE", "/mailbox?path=INBOX", None),
    (
        "POST",
        "/message",
        {
            "path": "\\Drafts",
            "flags": ["\\Draft"],
            "internalDate": "2021-08-16T15:04:46.161Z",
            "subject": "Draft",
            "text": "Hello",
            "to": {"address": "b@example.test"},
            "messageId": "<draft@example.test>",
        },
    ),
    ("GET", "/messages?path=Drafts", None),
    ("POST", "/message", {"path": "INBOX", "raw": "U3ViamVjdDogeAoKeA==", "messageId": "<r@x>"}),
    ("POST", "/message", {"path": "Nowhere", "text": "x"}),
    (
        "POST",
        "/message",
        {"path": "INBOX", "text": "x", "reference": {"message": "AAAAAQAAAAk"}},
    ),
]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[MemoryEngine]:
    async with memory_engine(tmp_path) as made:

        async def unit(tx: Tx) -> None:
            await tx.accounts.put(ACCOUNT)

        await made.store.write(unit)
        yield made


def shown(reply: Reply) -> Any:
    return {"status": reply.status, "body": reply.json()}


async def test_answers_are_the_golden_ones(engine: MemoryEngine) -> None:
    value, _ = await engine.access.issue(TokenDraft("all", ("*",)))
    call = Caller(Api(engine), value)
    provider = SandboxProvider(ACCOUNT, store=engine.store)
    await provider.append("INBOX", octets(plain()), flags=("\\Seen",), date_ms=NOW_MS)
    await provider.append("INBOX", octets(with_parts()), flags=(), date_ms=NOW_MS)
    answers = {
        f"{number:02} {method} {path}": shown(await call(method, BASE + path, body))
        for number, (method, path, body) in enumerate(STEPS)
    }
    if os.environ.get("POSTROAD_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
    assert answers == json.loads(GOLDEN.read_text())


async def test_attachment_and_source_go_out_as_files(engine: MemoryEngine) -> None:
    value, _ = await engine.access.issue(TokenDraft("all", ("*",)))
    call = Caller(Api(engine), value)
    provider = SandboxProvider(ACCOUNT, store=engine.store)
    await provider.append("INBOX", octets(with_parts()), flags=())
    attachment = await call("GET", f"{BASE}/attachment/AAAAAQAAAAEy")
    assert (attachment.status, attachment.body) == (200, b"ten=10")
    assert attachment.headers["content-type"] == "application/pdf"
    assert attachment.headers["content-disposition"] == (
        "attachment; filename=\"_.pdf\"; filename*=utf-8''%E2%82%AC.pdf"
    )
    assert attachment.headers["x-content-type-options"] == "nosniff"
    source = await call("GET", f"{BASE}/message/AAAAAQAAAAE/source")
    assert (source.status, source.body) == (200, with_parts())
    assert source.headers["content-type"] == "message/rfc822"
    head = await call("HEAD", f"{BASE}/message/AAAAAQAAAAE/source")
    assert (head.status, head.body) == (200, b"")
    missing = await call("GET", f"{BASE}/attachment/AAAAAQAAAAE5")
    assert (missing.status, missing.json()["code"]) == (404, "MessageNotFound")
