"""Header fields by which a raw message tells us what to do with it. Contract B-100, B-178, B-179.

Each exists as ``X-EE-...`` and as ``X-Postroad-...``. They are for us, so they never travel on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postroad.protocol.mime.dates import parse_instant
from postroad.protocol.mime.headers import Field
from postroad.protocol.mime.words import decode_words

_NAMES = (
    "send-at", "delivery-attempts", "gateway", "tracking-enabled", "account", "idempotency-key",
    "tags",
)  # fmt: skip
CONTROL_FIELDS = {f"{prefix}{name}": name for prefix in ("x-ee-", "x-postroad-") for name in _NAMES}
_TRUE = frozenset({"true", "1", "y", "yes", "on"})
_FALSE = frozenset({"false", "0", "n", "no", "off"})


@dataclass(frozen=True, slots=True)
class Controls:
    """What the fields said; ``None`` when absent, empty or unreadable."""

    send_at_ms: int | None = None  # epoch ms
    delivery_attempts: int | None = None  # 1 or more
    gateway: str | None = None
    tracking_enabled: bool | None = None
    account: str | None = None
    idempotency_key: str | None = None
    tags: tuple[str, ...] = ()  # separated by commas, each once; ours


def read_controls(fields: Iterable[Field]) -> Controls:
    """Read the control fields among ``fields``; of repetitions the first with a value counts."""
    found: dict[str, str] = {}
    for field in fields:
        name = CONTROL_FIELDS.get(field.key)
        if name is not None and (value := decode_words(field.raw).strip()):
            found.setdefault(name, value)
    attempts = found.get("delivery-attempts", "")
    tracking = found.get("tracking-enabled", "").lower()
    return Controls(
        send_at_ms=parse_instant(found.get("send-at", "")),
        delivery_attempts=int(attempts) if _is_count(attempts) else None,
        gateway=found.get("gateway"),
        tracking_enabled=True if tracking in _TRUE else False if tracking in _FALSE else None,
        account=found.get("account"),
        idempotency_key=found.get("idempotency-key"),
        tags=_words(found["tags"]) if "tags" in found else (),
    )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0


def _words(text: str) -> tuple[str, ...]:
    words = (word.strip() for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))
