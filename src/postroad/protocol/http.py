"""HTTP/1.1 as a client of few words speaks it: one POST, one answer, again.

Nothing here waits or dials. Of an answer only its status matters; the body is counted and
dropped. RFC 9110, RFC 9112.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import httptools
import idna

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.domain.secret import Secret

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}")  # underscores are no host names, but are used
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # field-name. RFC 9110 §5.1
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 §5.5
_SAFE_IN_TARGET = "!$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """Where a request goes. Credentials are taken out of what is shown and sent."""

    scheme: str  # http | https
    host: str  # ASCII, lower case, IPv6 without brackets
    port: int
    target: str  # path and query in ASCII, begins with "/"
    basic: Secret[str] | None = None  # value of an Authorization field, "Basic ..."

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Value of the Host field: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


def parse_url(text: str) -> HttpUrl:
    """Read an absolute ``http`` or ``https`` URL as users write it.

    Host names are brought to their ASCII form (UTS 46), other non-ASCII is percent-encoded
    as UTF-8, the fragment is dropped. Raises :exc:`LocalProtocolError`.
    """
    text = text.strip()
    if re.search(r"[\x00-\x20\x7f\\]", text):
        raise LocalProtocolError("the URL contains spaces, backslashes or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise LocalProtocolError(f"the URL cannot be read: {error}") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise LocalProtocolError(f"expected an http or https URL, got scheme {scheme[:20]!r}")
    if port == 0:
        raise LocalProtocolError("port 0 cannot be dialed")
    target = quote(parts.path or "/", safe=_SAFE_IN_TARGET)
    if parts.query:
        target += "?" + quote(parts.query, safe=_SAFE_IN_TARGET)
    basic = None
    if parts.username is not None or parts.password is not None:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        basic = Secret("Basic " + base64.b64encode(pair.encode()).decode("ascii"))
    return HttpUrl(scheme, _ascii_host(host), port or _DEFAULT_PORTS[scheme], target, basic)


def _ascii_host(host: str) -> str:
    if ":" in host:  # IPv6; urlsplit has taken the brackets off
        return host.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise LocalProtocolError(f"the host name is not valid: {error}") from error
    if not _PLAIN_HOST.fullmatch(host):
        raise LocalProtocolError("the URL has no usable host name")
    return host.lower()


def header_lines(headers: Iterable[tuple[str, str]]) -> bytes:
    """Spell header fields, each line with its CRLF.

    Values beyond ASCII go out as UTF-8 (RFC 9110 §5.5 calls it opaque). Raises
    :exc:`LocalProtocolError` for a name that is no token or a value with control characters,
    which could otherwise begin a header or a request of its own.
    """
    lines = []
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise LocalProtocolError(f"not a header name: {name[:40]!r}")
        if _FORBIDDEN_IN_VALUE.search(value):
            raise LocalProtocolError(f"control character in the value of header {name}")
        lines.append(f"{name}: {value.strip()}\r\n")
    return "".join(lines).encode("utf-8", "replace")


def post_head(url: HttpUrl, lines: bytes, body_size: int) -> bytes:
    """Spell the head of a POST. ``lines`` come from :func:`header_lines`, Host among them."""
    return b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (
        url.target.encode("ascii"),
        lines,
        body_size,
    )


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The final answer to one request."""

    status: int
    reason: str  # may be empty; printable, shortened
    keep_alive: bool  # the connection can carry another request

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return self.status in (301, 302, 303, 307, 308)


class ReplyReader:
    """Take replies off one connection, one for each request.

    Informational replies (1xx) are skipped. A body is counted and dropped; beyond
    ``max_body_bytes`` the reply counts as complete and the connection as spent. A head beyond
    ``max_head_bytes``, informational ones included, and anything that is not HTTP raise
    :exc:`RemoteProtocolError`; so does an early end. RFC 9112 §4-§6, §8.
    """

    def __init__(self, *, max_head_bytes: int = 65_536, max_body_bytes: int = 1_048_576) -> None:
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpResponseParser(self)
        self.has_begun = False  # octets of a reply have arrived since the last complete one
        self._begin()

    def _begin(self) -> None:
        self.has_begun = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._in_body = False
        self._is_bounded = False  # the body's end is told by its own framing, not by the close
        self._keep_alive = False
        self._reason = b""
        self._status = 0
        self._is_complete = False
        self._has_surplus = False

    def feed(self, data: bytes) -> HttpReply | None:
        """Take in ``data``; the reply once it is complete, otherwise ``None``."""
        self.has_begun = True
        if self._in_body:
            self._body_bytes += len(data)  # framing and trailers too: all of it must end
        else:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise RemoteProtocolError("the server switched to another protocol unasked") from error
        except httptools.HttpParserError as error:
            if not self._is_complete:
                raise RemoteProtocolError(f"the answer is not HTTP/1.1: {error}") from error
            self._has_surplus = True
        if self._is_complete:
            return self._take()
        if self._in_body:
            return self._take(cut=True) if self._body_bytes > self._max_body_bytes else None
        if self._head_bytes > self._max_head_bytes:
            raise RemoteProtocolError(f"response header beyond {self._max_head_bytes} octets")
        return None

    def eof(self) -> HttpReply:
        """Take note that the server closed; the reply if that is how its body ends."""
        if self._in_body and not self._is_bounded:
            return self._take(cut=True)
        raise RemoteProtocolError("the server closed the connection before its answer was complete")

    def _take(self, *, cut: bool = False) -> HttpReply:
        reason = self._reason[:200].decode("latin-1")
        reply = HttpReply(
            self._status,
            "".join(c for c in reason if c.isprintable()),
            self._keep_alive and not cut and not self._has_surplus,
        )
        self._begin()
        return reply

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self._is_complete:
            self._has_surplus = True  # a second reply to one request

    def on_status(self, status: bytes) -> None:
        if not self._is_complete:
            self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == b"content-length" or (
            lower == b"transfer-encoding" and value.lower().endswith(b"chunked")
        ):
            self._is_bounded = True

    def on_headers_complete(self) -> None:
        if self._is_complete:
            return
        self._status = self._parser.get_status_code()
        if self._status >= 200:
            self._in_body = True
            self._keep_alive = self._parser.should_keep_alive()

    def on_message_complete(self) -> None:
        if self._in_body:
            self._is_complete = True
        else:  # an informational reply; the final one follows
            self._reason = b""
            self._is_bounded = False
