"""TLS in memory, so that it can begin at any point of any stream.

The loops' own TLS costs up to 290 KiB for each idle connection (a zeroed 256 KiB buffer on
CPython 3.11); an ``SSLObject`` between two memory BIOs costs about 29 KiB, behaves the same on
every loop, can be stacked (TLS to a proxy, TLS inside it) and can resume sessions.

Contexts are shared by the whole process: building one costs tens of milliseconds and its own
copy of the CA store.
"""

from __future__ import annotations

import ssl
import warnings
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

from postroad.domain.account import TlsOptions

DEFAULT_MIN_VERSION = "TLSv1"  # deliberately low, as old mail servers are. Contract B-170
DEFAULT_CIPHERS = "DEFAULT@SECLEVEL=0"

_RECORD_BYTES = 64 * 1024  # asked for at once; one record holds at most 16 KiB
_MAX_SESSIONS = 512

_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}

# Sessions to resume, by context and server; the least recently used one goes first.
_sessions: OrderedDict[tuple[ssl.SSLContext, str], ssl.SSLSession] = OrderedDict()


def client_context(options: TlsOptions) -> ssl.SSLContext:
    """The process's context for these options.

    Of ``options.extra``, ``ca`` (PEM text, trusted in place of the system's authorities) and
    ``ciphers`` (OpenSSL notation) are honoured. Raises :exc:`ssl.SSLError` or
    :exc:`ValueError` if the options make no sense.
    """
    ca, ciphers = options.extra.get("ca"), options.extra.get("ciphers")
    return _context(
        options.verify,
        options.min_version or DEFAULT_MIN_VERSION,
        ca if isinstance(ca, str) else None,
        ciphers if isinstance(ciphers, str) else DEFAULT_CIPHERS,
    )


def server_context(
    certificate: Path, key: Path | None, *, min_version: str, ciphers: str | None = None
) -> ssl.SSLContext:
    """A context that shows this certificate (PEM, with its chain) to clients.

    ``ciphers`` in OpenSSL notation are those of TLS before 1.3.

    Raises :exc:`OSError` and its kind :exc:`ssl.SSLError` if the files cannot be read or do not
    fit together. Blocks.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[min_version]
    if ciphers is not None:
        context.set_ciphers(ciphers)
    elif min_version in ("TLSv1", "TLSv1.1"):
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # those versions sign with SHA-1
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    return context


def server_name(host: str, options: TlsOptions) -> str:
    """The name that the certificate must carry; ``options.extra['servername']`` overrides."""
    name = options.extra.get("servername")
    return name if isinstance(name, str) and name else host


@lru_cache(maxsize=64)
def _context(verify: bool, min_version: str, ca: str | None, ciphers: str) -> ssl.SSLContext:
    if min_version not in _VERSIONS:
        raise ValueError(f"unknown TLS version {min_version!r}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are asked for
        context.minimum_version = _VERSIONS[min_version]
    context.set_ciphers(ciphers)
    # Without renegotiation a write never has to wait for a read.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        context.load_verify_locations(cadata=ca)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


class TlsLayer:
    """One TLS session as a pair of byte transforms; without a ``name`` it is the server's side.

    Call :meth:`handshake` until it is true, sending :meth:`take_output` and feeding what comes
    back; then :meth:`encrypt` and :meth:`decrypt`. All raise :exc:`ssl.SSLError`; after that
    :meth:`take_output` still holds the alert to send.
    """

    __slots__ = ("_incoming", "_key", "_outgoing", "_ssl", "has_ended")

    def __init__(self, context: ssl.SSLContext, name: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._key = None if name is None else (context, name)
        self._ssl = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=name is None,
            server_hostname=name,
            session=None if self._key is None else _sessions.get(self._key),
        )
        self.has_ended = False  # the peer said that nothing more will come

    def feed(self, data: bytes) -> None:
        self._incoming.write(data)

    def handshake(self) -> bool:
        """Go on with the handshake; true once it is complete."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes) -> bytes:
        """Cipher ``data``; anything else that waits to be sent comes before it."""
        view = memoryview(data)
        while view:
            view = view[self._ssl.write(view) :]
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Take in ``data`` and return what became readable, perhaps nothing."""
        if data:
            self._incoming.write(data)
        clear: list[bytes] = []
        try:
            while not self.has_ended:
                piece = self._ssl.read(_RECORD_BYTES)
                if piece:
                    clear.append(piece)
                else:
                    self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.has_ended = True
        return clear[0] if len(clear) == 1 else b"".join(clear)

    def take_output(self) -> bytes:
        """What the session itself wants sent: handshake, key updates, alerts."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def end(self) -> bytes:
        """Octets that tell the peer that nothing more will come; keeps the session for later."""
        self._remember()
        try:
            self._ssl.unwrap()
        except ssl.SSLError:
            pass  # the peer has not answered with its own close yet, and need not
        return self._outgoing.read()

    @property
    def version(self) -> str | None:
        """The protocol agreed on, ``TLSv1.3``."""
        return self._ssl.version()

    def _remember(self) -> None:
        session = self._ssl.session
        if self._key is None or session is None or not session.has_ticket:
            return
        _sessions[self._key] = session
        _sessions.move_to_end(self._key)
        while len(_sessions) > _MAX_SESSIONS:
            _sessions.popitem(last=False)
