"""Where a server is, the proxies on the way, and what to call it when dialing fails."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from postroad.domain.account import TlsOptions
from postroad.domain.errors import RemoteProtocolError, Unavailable
from postroad.domain.reply import FailureKind
from postroad.domain.secret import Secret
from postroad.protocol.wire import ascii_domain, shorten

_SOCKS = {
    "socks": ProxyType.SOCKS5,
    "socks5": ProxyType.SOCKS5,
    "socks5h": ProxyType.SOCKS5,
    "socks4": ProxyType.SOCKS4,
    "socks4a": ProxyType.SOCKS4,
}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


class DialError(Unavailable):
    """A server could not be reached. ``kind`` is DNS, SOCKET, CONNECTION, TIMEOUT or TLS."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message, code=kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and by which road it is reached."""

    host: str  # name or IP address; Unicode names become A-labels
    port: int
    tls: Literal["implicit", "none"] = "none"
    tls_options: TlsOptions = field(default_factory=TlsOptions)
    proxy: Secret[str] | None = None  # http, https, socks4, socks4a, socks5 URL
    local_address: str | None = None  # IP address to connect from
    connect_timeout_s: float = 30.0  # everything together: DNS, TCP, proxy, TLS


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """An HTTP proxy that opens tunnels with CONNECT. RFC 9110 §9.3.6."""

    host: str
    port: int
    uses_tls: bool
    authorization: Secret[str] | None

    def connect_request(self, host: str, port: int) -> bytes:
        """The request that asks for a tunnel to ``host``."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.authorization is not None:
            lines.append(f"Proxy-Authorization: Basic {self.authorization.reveal()}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def parse_connect_response(head: bytes) -> None:
    """Check the head of an answer to CONNECT. Raises :exc:`DialError` unless it is a 2xx."""
    status = head.split(b"\r\n", 1)[0]
    words = status.split(b" ", 2)
    if not words[0].startswith(b"HTTP/1.") or len(words) < 2:
        raise DialError(FailureKind.CONNECTION, f"The proxy did not speak HTTP: {shorten(status)}")
    if len(words[1]) != 3 or not words[1].startswith(b"2"):
        raise DialError(FailureKind.CONNECTION, f"The proxy refused: {shorten(status)}")


def http_proxy(proxy: Secret[str] | None) -> HttpProxy | None:
    """Read a proxy URL if it names an HTTP proxy; ``None`` otherwise."""
    if proxy is None:
        return None
    url = _split(proxy)
    if url.scheme not in _DEFAULT_PORTS:
        return None
    authorization = None
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        authorization = Secret(b64encode(pair.encode()).decode("ascii"))
    return HttpProxy(
        host=url.hostname or "",
        port=url.port or _DEFAULT_PORTS[url.scheme],
        uses_tls=url.scheme == "https",
        authorization=authorization,
    )


async def open_socks(endpoint: Endpoint) -> socket.socket:
    """Connect through the SOCKS proxy that ``endpoint.proxy`` names.

    The proxy resolves the name, except with plain ``socks4``. Raises :exc:`DialError` when the
    proxy refuses and :exc:`OSError` when it cannot be reached.
    """
    assert endpoint.proxy is not None
    url = _split(endpoint.proxy)
    proxy = Proxy(
        _SOCKS[url.scheme],
        url.hostname or "",
        url.port or _SOCKS_PORT,
        username=unquote(url.username) if url.username is not None else None,
        password=unquote(url.password or "") if url.username is not None else None,
        rdns=url.scheme != "socks4",
        loop=asyncio.get_running_loop(),
    )
    local = (endpoint.local_address, 0) if endpoint.local_address is not None else None
    try:
        return await proxy.connect(
            ascii_domain(endpoint.host),
            endpoint.port,
            timeout=endpoint.connect_timeout_s,
            local_addr=local,
        )
    except ProxyError as error:
        raise DialError(FailureKind.CONNECTION, f"The proxy refused: {error}") from error


def dial_error(error: Exception, endpoint: Endpoint) -> DialError:
    """Name what went wrong while dialing. Neither address book nor credentials leak into it."""
    where = f"{endpoint.host}:{endpoint.port}"
    if isinstance(error, DialError):
        return error
    if isinstance(error, TimeoutError):
        return DialError(FailureKind.TIMEOUT, f"No connection to {where} in time")
    if isinstance(error, ssl.SSLError):
        return DialError(FailureKind.TLS, f"TLS with {where} failed: {tls_words(error)}")
    if isinstance(error, RemoteProtocolError):
        return DialError(FailureKind.CONNECTION, error.message)
    if isinstance(error, ConnectionResetError):
        return DialError(FailureKind.CONNECTION, f"{where} closed the connection")
    return DialError(FailureKind.SOCKET, f"Cannot connect to {where}: {os_words(error)}")


def tls_words(error: ssl.SSLError | ValueError) -> str:
    """What OpenSSL said, without its source positions."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted, {error.verify_message}"
    # Errors that Python makes up itself lack the attribute, or repeat their number in str().
    reason: str | None = getattr(error, "reason", None)
    return reason.lower().replace("_", " ") if reason else str(error.args[-1])


def _split(proxy: Secret[str]) -> SplitResult:
    try:
        url = urlsplit(proxy.reveal())
        known = url.scheme in _SOCKS or url.scheme in _DEFAULT_PORTS
        if known and url.hostname and (url.port is None or url.port > 0):
            return url
    except ValueError:
        pass
    # The URL may carry a password, so it is not repeated.
    raise DialError(FailureKind.SOCKET, "The proxy URL is not one of http, https or socks")


def os_words(error: BaseException) -> str:
    """What went wrong in the system's own words; event loops and libraries have others."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
