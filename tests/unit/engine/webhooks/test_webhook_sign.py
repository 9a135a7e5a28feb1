"""Signatures of webhook requests."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.secret import Secret
from postroad.engine.webhooks.sign import signature


def test_a_known_body_has_a_known_signature() -> None:
    # Worked out with: printf '{"a":1}' | openssl dgst -sha256 -hmac secret -binary | base64
    assert signature(Secret("secret"), b'{"a":1}') == "qp4uNXX11wmLbKzNeQiIw21f22M0KnO62i1qUXR6hJQ"


@given(secret=st.text(min_size=1), body=st.binary())
def test_a_signature_is_over_the_exact_octets(secret: str, body: bytes) -> None:
    given_signature = signature(Secret(secret), body)
    digest = base64.urlsafe_b64decode(given_signature + "=")
    assert digest == hmac.new(secret.encode(), body, hashlib.sha256).digest()
    assert "=" not in given_signature
