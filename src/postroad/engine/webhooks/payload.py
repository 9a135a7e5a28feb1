"""The JSON body of a webhook request, exactly as it is signed and sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from postroad.domain.event import RecordedEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.encode


def webhook_body(event: RecordedEvent, service_url: str | None) -> bytes:
    """Spell one event as the envelope of the contract, events §1, in its order of members.

    ``serviceUrl`` is always there, ``null`` when unset. ``data`` goes out as it was recorded,
    byte for byte; what was null in it stays null. ``path`` and
    ``specialUse`` of the mailbox that the event comes from stand on the envelope, and so does a
    ``path`` in the data. The event id is not part of the body: it travels in a header.
    """
    data = event.data.encode()
    return b'{"serviceUrl":%b,"account":%b,"date":"%b"%b,"event":"%b","data":%b}' % (
        _encode(service_url),
        _encode(event.account),
        iso_time(event.recorded_at).encode("ascii"),
        _place(event, data),
        event.name.encode("ascii"),
        data,
    )


def iso_time(epoch_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``, as every date in the contract."""
    seconds, ms = divmod(epoch_ms, 1000)
    return f"{_iso_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=64)  # events come in bursts
def _iso_second(epoch_s: int) -> str:
    return (_EPOCH + timedelta(seconds=epoch_s)).strftime("%Y-%m-%dT%H:%M:%S")


def _place(event: RecordedEvent, data: bytes) -> bytes:
    place = b"" if event.path is None else b',"path":' + _encode(event.path)
    if not place:
        place = _path(data)
    if event.special_use is not None:
        place += b',"specialUse":' + _encode(event.special_use)
    return place


def _path(data: bytes) -> bytes:
    if b'"path"' not in data:  # most events have none, and need no parsing to know it
        return b""
    members = msgspec.json.decode(data)
    path = members.get("path") if isinstance(members, dict) else None
    return b',"path":' + _encode(path) if isinstance(path, str) else b""
