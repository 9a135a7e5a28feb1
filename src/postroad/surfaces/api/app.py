"""The REST surface as an ASGI application.

One request: find the operation, authenticate, authorize, read and check the input, one engine
call, encode. Every refusal is an error body of one shape; what nobody planned for becomes a 500
that tells nothing, with the details in the log under the request's id. This is one of the three
places where everything is caught.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec

from postroad.domain.errors import Invalid, NotFound, PostroadError, TimedOut
from postroad.engine.access import Actor, Turn
from postroad.observe import get_logger
from postroad.observe.metrics import request_answered
from postroad.surfaces.api import routes  # noqa: F401 - fills the table
from postroad.surfaces.api.context import Context, Engine, Raw
from postroad.surfaces.api.errors import (
    ErrorAnswer,
    Headers,
    answer_of,
    internal_error,
    rate_headers,
)
from postroad.surfaces.api.openapi import document
from postroad.surfaces.api.operation import OPERATIONS, Operation, needs_query, snake_case
from postroad.surfaces.api.request import (
    ClientAddresses,
    Disconnected,
    Receive,
    Scope,
    Send,
    bearer_token,
    check_media_type,
    query_of,
    read_body,
    timeout_s,
)
from postroad.surfaces.api.router import Router
from postroad.surfaces.api.schemas.members import NoQuery
from postroad.surfaces.api.schemas.paths import PATH_MEMBERS
from postroad.surfaces.api.stream import Stream, send_stream
from postroad.surfaces.api.translation import choose_language, translated
from postroad.surfaces.api.validation import BROKEN_JSON, Problems, Reader

log = get_logger(__name__)

JSON: Final = b"application/json; charset=utf-8"
SMALL_BODY: Final = 1024 * 1024
SLOW_BODY: Final = 256 * 1024  # from here on decoding would hold up the event loop for too long


def _plain(value: object) -> str:
    """Checked texts of our formats go out as the texts that they are."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"an answer holds a {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may bring and take."""

    max_upload_bytes: int = 50 * 1024 * 1024
    max_chars: int = 5 * 1024 * 1024  # of one text or attachment, as sent
    body_timeout_s: float = 10.0
    request_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """An operation with everything that can be prepared before the first request."""

    operation: Operation
    query: Reader[Any]
    body: Reader[Any] | None
    members: tuple[tuple[str, str, Callable[[object], str]], ...]  # wire name, ours, check
    takes_query: bool
    no_query: Any  # the query structure of a request without one; None when it must have one

    @classmethod
    def of(cls, operation: Operation) -> _Entry:
        return cls(
            operation=operation,
            query=Reader(operation.query),
            body=None if operation.body is None else Reader(operation.body),
            members=tuple(
                (name, snake_case(name), PATH_MEMBERS[name].parse) for name in operation.members
            ),
            takes_query=operation.query is not NoQuery,
            no_query=None if needs_query(operation) else operation.query(),
        )


@dataclass(slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Headers = ()
    stream: Stream | None = None  # in place of the body


@dataclass(slots=True)
class _Exchange:
    """One request under way."""

    scope: Scope
    receive: Receive
    headers: dict[bytes, bytes]
    request_id: str
    turn: Turn | None = None
    extra: list[tuple[bytes, bytes]] = field(default_factory=list)


class Api:
    """The application. ``proxy_addresses`` are the peers that may name a client, if not all."""

    def __init__(
        self,
        engine: Engine,
        *,
        limits: Limits = Limits(),
        proxy_addresses: Sequence[str] = (),
        operations: Iterable[Operation] = OPERATIONS,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._addresses = ClientAddresses(proxy_addresses)
        operations = tuple(operations)
        self._router = Router((item.method, item.path, _Entry.of(item)) for item in operations)
        self._document = cache(lambda: msgspec.json.encode(document(operations)))
        # Ids that tell two lives of the process apart and cost nothing to make.
        self._ids = (
            f"{prefix}-{n:x}" for prefix in [secrets.token_hex(4)] for n in itertools.count(1)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        method: str = scope["method"]
        exchange = _Exchange(scope, receive, dict(scope["headers"]), next(self._ids))
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        found = self._router.find(method, raw_path)
        try:
            if found is None:
                answer = _refusal(answer_of(NotFound("Not Found")))
            else:
                answer = await self._answer(found[0], found[1], exchange)
        except Disconnected:
            log.info("client went away", request_id=exchange.request_id)
            return
        if not await _send(send, answer, exchange):
            return
        seconds = time.perf_counter() - started
        operation_id = "none" if found is None else found[0].operation.operation_id
        request_answered(operation_id, answer.status, seconds)
        log.info(
            "request answered",
            request_id=exchange.request_id,
            operation=operation_id,
            method=method,
            status=answer.status,
            ms=round(seconds * 1000, 2),
        )

    async def _answer(self, entry: _Entry, members: Sequence[str], exchange: _Exchange) -> _Answer:
        try:
            return await self._run(entry, members, exchange)
        except PostroadError as error:
            if isinstance(error, Invalid):
                error = translated(error, self._language(exchange))
            known = answer_of(error)
            if known is not None:
                return _refusal(known)
            log.exception("request failed", request_id=exchange.request_id, error=str(error))
        except Disconnected:
            raise
        except Exception:
            log.exception("request failed", request_id=exchange.request_id)
        return _refusal(internal_error())

    def _language(self, exchange: _Exchange) -> str:
        """The language for what is wrong with a request. B-011."""
        return choose_language(
            exchange.headers.get(b"accept-language"), self._engine.settings.snapshot.locale
        )

    async def _run(self, entry: _Entry, members: Sequence[str], exchange: _Exchange) -> _Answer:
        operation = entry.operation
        query_members = query_of(exchange.scope["query_string"])
        actor = await self._authorize(operation, members, query_members, exchange)
        body: bytes | bytearray = b""
        if entry.body is not None:
            check_media_type(exchange.headers)
            body = await read_body(
                exchange.receive,
                exchange.headers,
                max_bytes=self._limits.max_upload_bytes if operation.is_upload else SMALL_BODY,
                timeout_s=self._limits.body_timeout_s,
            )
        body_hash = await _hash(body) if b"idempotency-key" in exchange.headers else None
        given, limit_s = await self._input(entry, members, query_members, body, exchange)
        # A large body is not needed any more, and the message made of it needs the room.
        del body
        context = Context(
            engine=self._engine,
            actor=actor,
            headers=exchange.headers,
            body_hash=body_hash,
            max_chars=self._limits.max_chars,
            document=self._document,
        )
        if not operation.is_bounded:
            return _encoded(await operation.handler(context, **given))
        try:
            async with asyncio.timeout(limit_s):
                return _encoded(await operation.handler(context, **given))
        except TimeoutError:
            raise TimedOut("Timeout while waiting for the mail server", code="Timeout") from None

    async def _authorize(
        self,
        operation: Operation,
        members: Sequence[str],
        query: Mapping[str, object],
        exchange: _Exchange,
    ) -> Actor:
        """Who asks, if they may. Contract B-001..B-005, B-237..B-241."""
        client = exchange.scope.get("client")
        settings = self._engine.settings.snapshot
        address = self._addresses.of(
            client[0] if client else "", exchange.headers, is_proxied=settings.enable_api_proxy
        )
        if operation.scope is None:
            return Actor(None, address)
        access = self._engine.access
        referrer = exchange.headers.get(b"referer")
        actor = await access.authenticate(
            bearer_token(exchange.headers, query),
            address=address,
            referrer=None if referrer is None else referrer.decode("latin-1"),
        )
        account = None
        if operation.account_in == "path":
            account = members[operation.members.index("account")].strip()
        elif operation.account_in == "query":
            account = str(query.get("account") or "").strip() or None
        actor.require(
            scope=operation.scope,
            account=account,
            action=operation.action,
            group=operation.group,
        )
        if (turn := access.take_turn(actor)) is not None:
            exchange.extra.extend(rate_headers(turn.limit, turn.reset_s, turn.remaining))
        return actor

    async def _input(
        self,
        entry: _Entry,
        members: Sequence[str],
        query_members: dict[str, object],
        body: bytes | bytearray,
        exchange: _Exchange,
    ) -> tuple[dict[str, Any], float]:
        """The handler's arguments. All problems of path, query, headers and body at once."""
        problems = Problems()
        given: dict[str, Any] = {}
        limit_s = self._limits.request_timeout_s
        for (wire_name, name, check), text in zip(entry.members, members, strict=True):
            try:
                given[name] = str(check(text))
            except ValueError as error:
                problems.add(wire_name, str(error))
        query_members.pop("access_token", None)
        query = entry.no_query
        try:
            if query_members or query is None:
                query = entry.query.read_texts(query_members)
        except Invalid as error:
            problems.add_all(error.fields)
        if entry.takes_query:
            given["query"] = query
        try:
            limit_s = timeout_s(exchange.headers, limit_s)
        except Invalid as error:
            problems.add_all(error.fields)
        if entry.body is not None:
            try:
                given["body"] = await _read(entry.body, body)
            except Invalid as error:
                if not error.fields:
                    raise
                problems.add_all(error.fields)
        problems.check()
        return given, limit_s


async def _read(reader: Reader[Any], body: bytes | bytearray) -> Any:
    if not body:
        raise Invalid(BROKEN_JSON)
    if len(body) < SLOW_BODY:
        return reader.read(body)
    return await asyncio.to_thread(reader.read, body)


async def _hash(body: bytes | bytearray) -> str:
    if len(body) < SLOW_BODY:
        return hashlib.sha256(body).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.sha256(body).hexdigest())


def _encoded(result: object) -> _Answer:
    if isinstance(result, Stream):
        return _Answer(200, b"", stream=result)
    if isinstance(result, Raw):
        return _Answer(result.status, result.body, result.content_type.encode("ascii"))
    return _Answer(200, _encode(result))


def _refusal(error: ErrorAnswer | None) -> _Answer:
    error = error or internal_error()
    return _Answer(error.status, error.body, JSON, error.headers)


async def _send(send: Send, answer: _Answer, exchange: _Exchange) -> bool:
    """Send the answer; false when it could not be sent to its end."""
    if answer.stream is not None:
        return await _send_stream(send, answer.stream, exchange)
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-cache"),
        *exchange.extra,
        *answer.headers,
    ]
    if answer.status >= 500:
        headers.append((b"x-request-id", exchange.request_id.encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
    return True


async def _send_stream(send: Send, stream: Stream, exchange: _Exchange) -> bool:
    """The edge of a download: what fails in it ends its connection, and nothing else."""
    is_head = exchange.scope["method"] == "HEAD"
    try:
        await send_stream(send, exchange.receive, stream, exchange.extra, is_head=is_head)
    except Disconnected:
        log.info("client went away", request_id=exchange.request_id)
        return False
    except PostroadError as error:
        log.warning("download cut short", request_id=exchange.request_id, error=str(error))
        return False
    except Exception:
        log.exception("download cut short", request_id=exchange.request_id)
        return False
    return True


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
