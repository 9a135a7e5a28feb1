"""The way of every request: token, limits, errors. Operations themselves stand elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from postroad.domain.errors import (
    Conflict,
    LeaseLost,
    Limited,
    NotFound,
    PostroadError,
    RemoteFailure,
    TimedOut,
    Unavailable,
    Unprocessable,
)
from postroad.domain.token import Permissions, RateLimit, Restrictions
from postroad.engine.access import TokenDraft
from postroad.engine.submit.request import SubmitRequest, SubmitResult
from postroad.surfaces.api import Api, Limits
from support.api_engine import MemoryEngine, memory_engine
from support.asgi import Caller

SUBMIT = "/v1/account/example/submit"
MAIL = {"to": [{"address": "b@example.com"}], "text": "hello"}


async def caller(engine: MemoryEngine, app: Api, draft: TokenDraft) -> Caller:
    value, _ = await engine.access.issue(draft)
    return Caller(app, value)


async def test_missing_token_is_told_exactly(app: Api) -> None:
    reply = await Caller(app)("GET", "/v1/accounts")
    assert reply.status == 401
    assert reply.json() == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": "Missing authentication",
    }
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_bad_token_is_told_before_the_body_is_looked_at(app: Api) -> None:
    reply = await Caller(app, "00" * 32)("POST", SUBMIT, raw=b"{broken")
    assert (reply.status, reply.json()["message"]) == (401, "Bad token")


async def test_token_in_the_query_opens(engine: MemoryEngine, app: Api) -> None:
    value, _ = await engine.access.issue(TokenDraft("t", ("api",)))
    reply = await Caller(app)("GET", f"/v1/accounts?access_token={value}")
    assert reply.status == 200


async def test_token_of_another_surface_is_refused(engine: MemoryEngine, app: Api) -> None:
    call = await caller(engine, app, TokenDraft("t", ("smtp",)))
    reply = await call("GET", "/v1/accounts")
    assert reply.status == 403
    assert reply.json() == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": "Unauthorized scope",
        "requestedScope": "api",
    }


async def test_permission_that_is_missing_is_named(engine: MemoryEngine, app: Api) -> None:
    draft = TokenDraft("t", ("api",), permissions=Permissions(("send",), ("submit",)))
    call = await caller(engine, app, draft)
    assert (await call("POST", SUBMIT, MAIL)).status == 200
    reply = await call("GET", "/v1/outbox")
    assert reply.status == 403
    assert reply.json()["requiredPermission"] == {"action": "read", "group": "outbox"}


async def test_narrowed_token_may_not_choose_a_proxy(engine: MemoryEngine, app: Api) -> None:
    draft = TokenDraft("t", ("api",), permissions=Permissions(("send",), ("submit",)))
    call = await caller(engine, app, draft)
    reply = await call("POST", SUBMIT, MAIL | {"proxy": "socks5://127.0.0.1:9"})
    assert reply.status == 403
    assert engine.submit.accepted == []


async def test_rate_limit_is_told_with_every_answer(engine: MemoryEngine, app: Api) -> None:
    restrictions = Restrictions(rate_limit=RateLimit(1, 60))
    call = await caller(engine, app, TokenDraft("t", ("api",), restrictions=restrictions))
    first = await call("GET", "/v1/accounts")
    assert first.status == 200
    assert first.headers["x-ratelimit-limit"] == "1"
    assert first.headers["x-ratelimit-remaining"] == "0"
    second = await call("GET", "/v1/accounts")
    assert second.status == 429
    assert second.json()["ttl"] == int(second.headers["x-ratelimit-reset"])
    assert second.headers["retry-after"] == second.headers["x-ratelimit-reset"]


async def test_address_behind_a_proxy_counts(engine: MemoryEngine, app: Api) -> None:
    restrictions = Restrictions(addresses=("198.51.100.0/24",))
    call = await caller(engine, app, TokenDraft("t", ("api",), restrictions=restrictions))
    refused = await call("GET", "/v1/accounts")
    assert (refused.status, refused.json()["remoteAddress"]) == (403, "192.0.2.1")
    let_in = await call("GET", "/v1/accounts", headers={"x-forwarded-for": "198.51.100.9"})
    assert let_in.status == 200


async def test_open_server_mints_no_tokens(tmp_path: Path) -> None:
    async with memory_engine(tmp_path, require_auth=False) as engine:
        call = Caller(Api(engine))
        assert (await call("GET", "/v1/accounts")).status == 200
        body = {"description": "d", "scopes": ["api"], "permissions": {"actions": ["read"]}}
        assert (await call("POST", "/v1/token", body)).status == 403


@pytest.mark.parametrize("path", ["/v1/nope", "/v1/account/x/nope", "/admin", "/%ff"])
async def test_unknown_path_is_not_found(app: Api, path: str) -> None:
    reply = await Caller(app)("GET", path)
    assert reply.status == 404
    assert reply.json() == {"statusCode": 404, "error": "Not Found", "message": "Not Found"}


async def test_trailing_slash_is_accepted(call: Caller) -> None:
    assert (await call("GET", "/v1/accounts/")).status == 200


async def test_unknown_query_members_are_refused(call: Caller) -> None:
    reply = await call("DELETE", "/v1/outbox/q1?force=true")
    assert reply.json()["fields"] == [{"message": '"force" is not allowed', "key": "force"}]


async def test_problems_of_path_query_header_and_body_come_together(call: Caller) -> None:
    reply = await call(
        "POST",
        f"/v1/account/{'x' * 257}/submit?nope=1",
        {"template": "x"},
        headers={"x-ee-timeout": "soon"},
    )
    assert reply.status == 400
    assert reply.json()["message"] == "Invalid input"
    assert [item["key"] for item in reply.json()["fields"]] == [
        "account",
        "nope",
        "x-ee-timeout",
        "template",
    ]


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b'{"to":"\xff"}'])
async def test_broken_body_is_told(call: Caller, raw: bytes) -> None:
    reply = await call("POST", SUBMIT, raw=raw)
    assert reply.status == 400
    assert reply.json()["message"] == "Invalid request payload JSON format"


async def test_form_is_no_json(call: Caller) -> None:
    reply = await call("POST", SUBMIT, raw=b"a=1", headers={"content-type": "text/plain"})
    assert reply.status == 415


async def test_announced_body_beyond_the_limit_is_not_read(call: Caller) -> None:
    reply = await call(
        "POST", "/v1/account", chunks=[b"{}"], headers={"content-length": str(1024 * 1024 + 1)}
    )
    assert reply.status == 413
    assert reply.headers["connection"] == "close"


async def test_body_beyond_the_limit_is_cut_off(call: Caller) -> None:
    reply = await call("POST", "/v1/account", chunks=[b"x" * 400_000] * 3)
    assert reply.status == 413


async def test_submit_takes_larger_bodies(engine: MemoryEngine, call: Caller) -> None:
    parts = [{"content": "QUJD" * 200, "filename": f"{n}.txt"} for n in range(1400)]
    reply = await call("POST", SUBMIT, MAIL | {"attachments": parts})
    assert reply.status == 200, reply.body
    assert len(engine.submit.accepted[0][1].attachments) == 1400


async def test_body_that_does_not_arrive_times_out(call: Caller) -> None:
    reply = await call("POST", SUBMIT, chunks=[b"{", b'"to"'], is_stalling=True)
    assert reply.status == 408


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (NotFound("no relay", code="SMTPUnavailable"), 404, "SMTPUnavailable"),
        (Conflict("busy"), 409, None),
        (Unprocessable("differs", code="IdempotencyMismatch"), 422, "IdempotencyMismatch"),
        (Limited("slow down", retry_after_s=7), 429, None),
        (RemoteFailure("no", code="UploadFail"), 502, "UploadFail"),
        (Unavailable("not yet", code="NotYetConnected", info={"state": "init"}), 503, None),
        (TimedOut("late", code="Timeout"), 504, "Timeout"),
    ],
)
async def test_each_kind_of_error_has_its_status(
    engine: MemoryEngine, call: Caller, failure: PostroadError, status: int, code: str | None
) -> None:
    engine.submit.failure = failure
    reply = await call("POST", SUBMIT, MAIL)
    body = reply.json()
    assert (reply.status, body["statusCode"], body["message"]) == (status, status, failure.message)
    if code is not None:
        assert body["code"] == code
    for key, value in failure.info.items():
        assert body[key] == value


@pytest.mark.parametrize("failure", [ValueError("secret detail"), LeaseLost("secret detail")])
async def test_what_nobody_planned_for_tells_nothing(
    engine: MemoryEngine, call: Caller, failure: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.submit.failure = failure
    reply = await call("POST", SUBMIT, MAIL)
    assert reply.status == 500
    assert reply.json() == {
        "statusCode": 500,
        "error": "Internal Server Error",
        "message": "An internal server error occurred",
    }
    logged = capsys.readouterr().err
    assert reply.headers["x-request-id"] in logged
    assert "secret detail" in logged


async def test_work_on_the_mailbox_side_is_bounded(engine: MemoryEngine) -> None:
    value, _ = await engine.access.issue(TokenDraft("t", ("api",)))
    call = Caller(Api(engine, limits=Limits(request_timeout_s=0.01)), value)

    async def hang(account: str, request: SubmitRequest) -> SubmitResult:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    engine.submit.accept = hang  # type: ignore[method-assign]  # a service that never answers
    reply = await call("POST", SUBMIT, MAIL)
    assert (reply.status, reply.json()["code"]) == (504, "Timeout")


async def test_client_that_goes_away_is_not_an_error(app: Api, engine: MemoryEngine) -> None:
    value, _ = await engine.access.issue(TokenDraft("t", ("api",)))
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SUBMIT,
        "raw_path": SUBMIT.encode(),
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {value}".encode())],
        "client": None,
    }
    await app(scope, receive, send)
    assert sent == []


async def test_health_tells_the_truth(engine: MemoryEngine, app: Api) -> None:
    call = Caller(app)
    assert (await call("GET", "/health")).json() == {"success": True}
    engine.is_healthy = False
    assert (await call("GET", "/health")).status == 500


async def test_metrics_need_their_scope(engine: MemoryEngine, app: Api) -> None:
    assert (await Caller(app)("GET", "/metrics")).status == 401
    narrow = await caller(engine, app, TokenDraft("t", ("api",)))
    assert (await narrow("GET", "/metrics")).status == 403
    call = await caller(engine, app, TokenDraft("t", ("metrics",)))
    reply = await call("GET", "/metrics")
    assert reply.status == 200
    assert b"postroad_http_requests_total" in reply.body
    assert engine.measured == 1


async def test_landing_page_needs_no_token(app: Api) -> None:
    reply = await Caller(app)("GET", "/")
    assert reply.headers["content-type"].startswith("text/html")


async def test_account_id_may_hold_anything(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", {"account": "a/b ä", "name": "N", "type": "sandbox"})
    assert (await call("GET", "/v1/account/a%2Fb%20%C3%A4")).json()["account"] == "a/b ä"


async def test_bound_token_reaches_its_account_alone(engine: MemoryEngine, app: Api) -> None:
    value, token_id = await engine.access.issue(TokenDraft("t", ("api",)))
    actor = await engine.access.authenticate(value, address="")
    assert actor.token is not None
    known = engine.access._known[token_id]
    bound = replace(known, token=replace(known.token, account="example"))
    engine.access._known[token_id] = bound
    call = Caller(app, value)
    assert (await call("POST", SUBMIT, MAIL)).status == 200
    for path in ("/v1/account/other", "/v1/accounts", "/v1/outbox", "/v1/settings", "/v1/tokens"):
        assert (await call("GET", path)).json()["message"] == "Unauthorized account"
    assert (await call("GET", "/v1/tokens?account=example")).status == 200
