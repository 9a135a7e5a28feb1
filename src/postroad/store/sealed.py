"""Encryption of secrets at rest.

A sealed text is ``sealed:1:<key id>:<base64 of nonce and AES-256-GCM ciphertext>``. The place
that it belongs to (account id and field) is authenticated with it, so that a value copied to
another row does not open there. The key comes from the configured secret by scrypt; its id
stands in the prefix, so values under an older secret stay readable while that one is configured
too, and plain values (written before there was a secret) stay readable always.

Without a secret values are kept as they are. A plain value that happens to begin like a marked
one is kept behind ``plain:``, so reading never mistakes one for the other.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postroad.domain.errors import ConfigError
from postroad.domain.secret import Secret

_SEALED = "sealed:1:"
_PLAIN = "plain:"
_NONCE_BYTES = 12
# The secret may be a phrase: scrypt makes guessing it from a stolen database expensive, and is
# paid once per process. The salt is fixed because every node must come to the same key.
_SALT = b"postroad sealed 1"
_SCRYPT_N = 2**15


class Sealer:
    """Seals with ``secret`` and opens with it or any of ``old_secrets``.

    Making one costs about 0.1 s of CPU per secret. Without ``secret`` nothing is sealed.
    """

    def __init__(
        self, secret: Secret[str] | None = None, old_secrets: Sequence[Secret[str]] = ()
    ) -> None:
        self._keys: dict[str, AESGCM] = {}
        self._key_id = self._add(secret) if secret else None
        for old in old_secrets:
            if old:
                self._add(old)

    @property
    def is_sealing(self) -> bool:
        return self._key_id is not None

    def seal(self, value: Secret[str], place: str) -> str:
        """The text to store. ``place`` names row and field and must be given again to open."""
        text = value.reveal()
        if self._key_id is None:
            return _PLAIN + text if text.startswith((_SEALED, _PLAIN)) else text
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._key_id].encrypt(nonce, text.encode(), place.encode())
        return f"{_SEALED}{self._key_id}:{b64encode(nonce + sealed).decode()}"

    def open(self, stored: str, place: str) -> Secret[str]:
        """The value of a stored text. Raises :exc:`ConfigError` without the key it needs."""
        if not stored.startswith(_SEALED):
            return Secret(stored.removeprefix(_PLAIN))
        key_id, _, body = stored.removeprefix(_SEALED).partition(":")
        key = self._keys.get(key_id)
        if key is None:
            raise ConfigError(
                f"The database holds values sealed with another secret (key {key_id}); start with "
                "the secret that sealed them, or give it as the old secret"
            )
        octets = b64decode(body)
        try:
            text = key.decrypt(octets[:_NONCE_BYTES], octets[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise ConfigError(f"The sealed value at {place} was damaged or moved") from error
        return Secret(text.decode())

    def is_current(self, stored: str) -> bool:
        """Whether sealing again would change nothing but the nonce."""
        if self._key_id is None:
            return not stored.startswith(_SEALED)
        return stored.startswith(f"{_SEALED}{self._key_id}:")

    def _add(self, secret: Secret[str]) -> str:
        key = hashlib.scrypt(
            secret.reveal().encode(), salt=_SALT, n=_SCRYPT_N, r=8, p=1, maxmem=2**26, dklen=32
        )
        key_id = hashlib.sha256(b"key id" + key).hexdigest()[:8]
        self._keys[key_id] = AESGCM(key)
        return key_id


def is_sealed(stored: str) -> bool:
    """Whether a stored text is ciphertext."""
    return stored.startswith(_SEALED)
