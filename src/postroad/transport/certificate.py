"""The certificate that our own listeners show: read again when its files change.

A renewal therefore needs no restart: connections that begin after it see the new certificate. A
file that cannot be used (half written, wrong key) leaves the last good one in service.
"""

from __future__ import annotations

import datetime as dt
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postroad.domain.secret import Secret
from postroad.observe import get_logger
from postroad.transport.tls import server_context

log = get_logger(__name__)

CHECK_S = 2.0  # how often the files are looked at, at most

_SELF_SIGNED_DAYS = 3650

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate in PEM files, or as the text of such files. ``monotonic`` gives seconds."""

    def __init__(
        self,
        certificate: Path | Secret[str],
        key: Path | Secret[str] | None,
        *,
        min_version: str,
        ciphers: str | None = None,
        monotonic: Callable[[], float],
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._files = tuple(item for item in (certificate, key) if isinstance(item, Path))
        self._min_version = min_version
        self._ciphers = ciphers
        self._monotonic = monotonic
        self._stamp: _Stamp | None = None  # of the files as last tried
        self._checked_at: float | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | None:
        """The context for a new connection; ``None`` while there is no usable certificate."""
        now = self._monotonic()
        if self._checked_at is None or now - self._checked_at >= CHECK_S:
            self._checked_at = now
            self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            stamp: _Stamp = tuple(
                (stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in map(os.stat, self._files)
            )
            if stamp == self._stamp:
                return
            self._stamp = stamp
            with _as_file(self._certificate) as certificate, _as_file(self._key) as key:
                if certificate is not None:
                    self._context = server_context(
                        certificate, key, min_version=self._min_version, ciphers=self._ciphers
                    )
            log.info("certificate loaded", file=str(self._certificate))
        except OSError as error:
            log.error(
                "certificate cannot be used",
                file=str(self._certificate),
                error=str(error),
                has_former=self._context is not None,
            )


@contextmanager
def _as_file(pem: Path | Secret[str] | None) -> Iterator[Path | None]:
    """A file with the PEM text, as OpenSSL reads nothing else; gone when the block is left."""
    if not isinstance(pem, Secret):
        yield pem
        return
    descriptor, name = tempfile.mkstemp(suffix=".pem")  # for our eyes alone
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(pem.reveal())
        yield Path(name)
    finally:
        os.unlink(name)


def make_self_signed(file: Path, host: str) -> None:
    """Write key and certificate for ``host`` into one file, unless it is there already.

    Nobody can tell it from an impostor's, so it is good for trials alone. Raises :exc:`OSError`.
    """
    if file.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    octets = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(octets)
    draft.replace(file)
