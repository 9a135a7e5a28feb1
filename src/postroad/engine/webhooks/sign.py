"""The signature by which a receiver knows our requests."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

from postroad.domain.secret import Secret


def signature(secret: Secret[str], body: bytes) -> str:
    """Unpadded base64url of HMAC-SHA256 over the exact octets of the body.

    The key is the ``serviceSecret`` setting as UTF-8. Contract: events §5.
    """
    digest = hmac.digest(secret.reveal().encode(), body, "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
