"""Pages of other origins: which of them a browser lets speak to the API. Contract B-023.

This stands around the application only where origins are configured. It keeps nobody out who does
not ask with a browser, for it decides nothing but what a browser may hand to a page; tokens decide
the rest. Asking beforehand (preflight) needs no token, as browsers send none then, and is answered
here for every path, so it tells nothing of what there is. Fetch Standard §3.2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from postroad.surfaces.api.request import Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ANY: Final = "*"

# Beyond what every page may send and read.
_MAY_SEND: Final = (
    b"Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-EE-Timeout"
)
_MAY_READ: Final = (
    b"Content-Disposition, Retry-After, WWW-Authenticate, X-RateLimit-Limit, "
    b"X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
)
_VARIES: Final = (b"vary", b"Origin")


class Cors:
    """``app`` for pages of ``origins``, each spelled as browsers do; ``*`` alone is every page.

    A listed origin may send credentials. Any origin may not (Fetch Standard §3.2.5), so that a
    page that nobody thought of never speaks as the person in front of it. ``methods`` are those
    of the operations; ``max_age_s`` is how long a browser may remember the answer.
    """

    def __init__(
        self, app: App, *, origins: Sequence[str], methods: Iterable[str], max_age_s: float
    ) -> None:
        self._app = app
        self._is_open = ANY in origins
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._preflight = [
            (b"access-control-allow-methods", ", ".join(sorted(set(methods))).encode("ascii")),
            (b"access-control-allow-headers", _MAY_SEND),
            (b"access-control-max-age", b"%d" % max_age_s),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        marks = self._marks(headers.get(b"origin"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            allowed = [*marks, *self._preflight] if len(marks) > 1 else marks
            await send({"type": "http.response.start", "status": 204, "headers": allowed})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *marks]
                if len(marks) > 1:
                    message["headers"].append((b"access-control-expose-headers", _MAY_READ))
            await send(message)

        await self._app(scope, receive, send_marked)

    def _marks(self, origin: bytes | None) -> Headers:
        """What tells a browser that ``origin`` is welcome; to others only that it matters."""
        if self._is_open:
            return [_VARIES, (b"access-control-allow-origin", b"*")]
        if origin not in self._origins:
            return [_VARIES]
        return [
            _VARIES,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
        ]
