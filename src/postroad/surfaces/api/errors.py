"""Errors as answers. The one table from kinds to statuses, and the one shape of an error body.

``{"statusCode", "error", "message", "code"?, "fields"?: [{"message", "key"}], ...}``: what is not
among these comes from the error's ``info``. Contract B-001, B-006, B-007, B-012.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from postroad.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Limited,
    NotFound,
    PostroadError,
    RemoteFailure,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

Headers = tuple[tuple[bytes, bytes], ...]

# What is not listed is our own fault: 500, and nothing told.
STATUS_OF: Final[Mapping[type[PostroadError], int]] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Unprocessable: 422,
    Limited: 429,
    RemoteFailure: 502,
    Unavailable: 503,
    TimedOut: 504,
}


class RequestTimeout(PostroadError):
    """The request's own body did not arrive in time."""


class UnsupportedMediaType(PostroadError):
    """The body is not JSON."""


_OWN_STATUS: Final[Mapping[type[PostroadError], int]] = {
    RequestTimeout: 408,
    UnsupportedMediaType: 415,
}


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as it goes out."""

    status: int
    body: bytes
    headers: Headers = ()


def answer_of(error: PostroadError) -> ErrorAnswer | None:
    """The answer to an error that was raised on purpose; ``None`` when it is our own fault."""
    status = next(
        (
            (_OWN_STATUS.get(kind) or STATUS_OF[kind])
            for kind in type(error).__mro__
            if kind in _OWN_STATUS or kind in STATUS_OF
        ),
        None,
    )
    if status is None:
        return None
    members: dict[str, object] = dict(error.info)
    if error.code is not None:
        members["code"] = error.code
    if isinstance(error, Invalid) and error.fields:
        members["fields"] = [{"message": item.message, "key": item.key} for item in error.fields]
    return ErrorAnswer(status, error_body(status, error.message, members), _headers(error))


def internal_error() -> ErrorAnswer:
    return ErrorAnswer(500, error_body(500, "An internal server error occurred"))


def error_body(status: int, message: str, members: Mapping[str, object] | None = None) -> bytes:
    """The JSON of an error answer; the three members that are always there come first."""
    body: dict[str, object] = {
        "statusCode": status,
        "error": HTTPStatus(status).phrase,
        "message": message,
    }
    return msgspec.json.encode(body | dict(members or {}))


def _headers(error: PostroadError) -> Headers:
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b"Bearer"))
    elif isinstance(error, Limited):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
        if error.limit is not None:
            headers += rate_headers(error.limit, error.retry_after_s)
    elif isinstance(error, (TooLarge, RequestTimeout)):
        # The rest of the body would be read as the next request.
        headers.append((b"connection", b"close"))
    return tuple(headers)


def rate_headers(
    limit: int, reset_s: int, remaining: int | None = None
) -> Sequence[tuple[bytes, bytes]]:
    """What a rate-limited caller is told. B-241."""
    headers = [
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-reset", b"%d" % reset_s),
    ]
    if remaining is not None:
        headers.append((b"x-ratelimit-remaining", b"%d" % remaining))
    return headers
