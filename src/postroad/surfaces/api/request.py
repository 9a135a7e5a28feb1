"""What one HTTP request says of itself: headers, client address, token, body.

Nothing here trusts the peer: the body is bounded in octets and seconds, and the address that a
proxy tells is believed only where the operator said so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import parse_qsl

from postroad.domain.errors import FieldProblem, Invalid, TooLarge
from postroad.surfaces.api.errors import RequestTimeout, UnsupportedMediaType

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_TIMEOUT_MS: Final = 7_200_000  # of x-ee-timeout
MAX_QUERY_MEMBERS: Final = 1000


class Disconnected(Exception):
    """The client went away; there is nobody to answer."""


def bearer_token(headers: Mapping[bytes, bytes], query: Mapping[str, object]) -> str | None:
    """The token of a request: from the header, else from the query. B-002."""
    header = headers.get(b"authorization")
    if header is not None:
        kind, _, value = header.partition(b" ")
        if kind.lower() == b"bearer":
            return value.strip().decode("latin-1") or None
    value_in_query = query.get("access_token")
    return value_in_query if isinstance(value_in_query, str) and value_in_query else None


def query_of(query_string: bytes) -> dict[str, object]:
    """Members of a query string; one that is repeated becomes a list. Raises :exc:`Invalid`."""
    if not query_string:
        return {}
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_MEMBERS,
        )
    except ValueError:
        raise Invalid("Invalid query string") from None
    members: dict[str, object] = {}
    for name, value in pairs:
        known = members.get(name)
        if known is None:
            members[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            members[name] = [known, value]
    return members


def timeout_s(headers: Mapping[bytes, bytes], default_s: float) -> float:
    """Seconds that work on the mailbox side may take; the header only lengthens them.

    Raises :exc:`Invalid`. B-013, B-014.
    """
    header = headers.get(b"x-ee-timeout")
    if header is None:
        return default_s
    text = header.strip()
    if not text.isdigit() or len(text) > 9 or int(text) > MAX_TIMEOUT_MS:
        wanted = f'"x-ee-timeout" must be an integer between 0 and {MAX_TIMEOUT_MS}'
        raise Invalid(fields=[FieldProblem("x-ee-timeout", wanted)])
    return max(default_s, int(text) / 1000)


class ClientAddresses:
    """Tells who is asking when proxies stand in between. B-024.

    With ``trusted`` networks only those peers may name a client, and the chain is read from the
    right, past every trusted entry. Without them the first entry is taken.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = tuple(ip_network(text, strict=False) for text in trusted)

    def of(self, peer: str, headers: Mapping[bytes, bytes], *, is_proxied: bool) -> str:
        forwarded = headers.get(b"x-forwarded-for") if is_proxied else None
        if forwarded is None or (self._trusted and not self._is_trusted(peer)):
            return peer
        chain = [entry.strip() for entry in forwarded.decode("latin-1").split(",")]
        if not self._trusted:
            return chain[0] if _is_address(chain[0]) else peer
        for entry in reversed(chain):
            if not _is_address(entry):
                return peer
            if not self._is_trusted(entry):
                return entry
        return chain[0]

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def check_media_type(headers: Mapping[bytes, bytes]) -> None:
    """Take JSON and bodies without a type; refuse the rest.

    The types that an HTML form can send are refused above all: a page elsewhere must not be
    able to make a browser inside the network send mail. Raises :exc:`UnsupportedMediaType`.
    """
    header = headers.get(b"content-type")
    if header is None or header == b"application/json":
        return
    kind = header.partition(b";")[0].strip().lower()
    if kind and kind != b"application/json" and not kind.endswith(b"+json"):
        raise UnsupportedMediaType("Unsupported Media Type: send application/json")


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], *, max_bytes: int, timeout_s: float
) -> bytes | bytearray:
    """Receive a whole body of at most ``max_bytes``.

    Raises :exc:`TooLarge`, :exc:`RequestTimeout` or :exc:`Disconnected`.
    """
    announced = headers.get(b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            message = await receive()
            first: bytes = message.get("body", b"")
            if not message.get("more_body") and message["type"] == "http.request":
                if len(first) > max_bytes:
                    raise _too_large(max_bytes)
                return first
            body = bytearray(first)
            while message["type"] == "http.request" and message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise RequestTimeout("Request Timeout") from None
    if message["type"] != "http.request":
        raise Disconnected
    return body


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"Payload content length greater than maximum allowed: {max_bytes}",
    )
