"""Calls an ASGI application in this process, without sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from postroad.surfaces.api import Api
from postroad.surfaces.api.request import Message


@dataclass(frozen=True, slots=True)
class Reply:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Sends requests to one application, with one token."""

    def __init__(self, app: Api, token: str | None = None, *, peer: str = "192.0.2.1") -> None:
        self._app = app
        self._token = token
        self._peer = peer

    async def __call__(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        chunks: Iterable[bytes] | None = None,
        is_stalling: bool = False,
    ) -> Reply:
        """``body`` is sent as JSON, ``raw`` as it is, ``chunks`` one by one.

        ``is_stalling`` never sends the last chunk.
        """
        if body is not None:
            raw = json.dumps(body).encode()
        pieces = list(chunks) if chunks is not None else [raw or b""]
        sent = {"content-type": "application/json"} if raw is not None else {}
        if self._token is not None:
            sent["authorization"] = f"Bearer {self._token}"
        if chunks is None:
            sent["content-length"] = str(len(raw or b""))
        sent |= headers or {}
        path, _, query = target.partition("?")
        messages: list[Message] = []

        async def receive() -> Message:
            if not pieces:
                await asyncio.get_running_loop().create_future()
            piece = pieces.pop(0)
            is_last = not pieces and not is_stalling
            return {"type": "http.request", "body": piece, "more_body": not is_last}

        async def send(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in sent.items()],
            "client": (self._peer, 1025),
        }
        await self._app(scope, receive, send)
        start, *rest = messages
        return Reply(
            status=start["status"],
            headers={k.decode(): v.decode("latin-1") for k, v in start["headers"]},
            body=b"".join(message["body"] for message in rest),
        )
