"""A webhook receiver of one page: takes signed POST requests and checks the signature."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_MAX_HEAD = 64 * 1024
_MAX_BODY = 1024 * 1024
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook request as it came in."""

    event: str
    account: str
    data: dict[str, object]
    is_signed: bool  # the signature fits the body and the secret


class Receiver:
    """Listens on a free port of this machine; ``async with`` starts and ends it."""

    def __init__(self, secret: str, on_delivery: Callable[[Delivery], None]) -> None:
        self._secret = secret.encode()
        self._on_delivery = on_delivery
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the receiver is not running")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/webhooks"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until the peer is done with it."""
        try:
            while True:
                async with asyncio.timeout(_TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    headers = _headers(head)
                    length = min(int(headers.get("content-length", "0")), _MAX_BODY)
                    body = await reader.readexactly(length)
                    self._take(headers, body)
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                    await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            pass  # the connection is over
        except (ValueError, KeyError):
            pass  # whoever talks here is not our server
        finally:
            writer.close()

    def _take(self, headers: dict[str, str], body: bytes) -> None:
        payload = json.loads(body)
        expected = base64.urlsafe_b64encode(hmac.digest(self._secret, body, "sha256"))
        given = headers.get("x-ee-wh-signature", "")
        self._on_delivery(
            Delivery(
                event=payload["event"],
                account=payload["account"],
                data=payload.get("data") or {},
                is_signed=hmac.compare_digest(expected.decode().rstrip("="), given),
            )
        )


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
