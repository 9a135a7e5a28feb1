"""The API listener and what it takes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from postroad.config import values
from postroad.config.given import Given


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The API listener and what it takes in."""

    host: Annotated[
        str,
        Given(
            values.text,
            "Address that the API listens on.",
            "POSTROAD_HOST",
            "EENGINE_HOST",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Given(
            values.integer(0, 65_535),
            "Port that the API listens on; 0 takes a free one and logs it.",
            "POSTROAD_PORT",
            "EENGINE_PORT",
            "PORT",
        ),
    ] = 3000
    max_body_bytes: Annotated[
        int,
        Given(
            values.size_bytes,
            "Largest request body of submit and upload; other operations take 1 MiB.",
            "POSTROAD_MAX_BODY_SIZE",
            "EENGINE_MAX_BODY_SIZE",
        ),
    ] = 50 * 1024**2
    max_text_chars: Annotated[
        int,
        Given(
            values.size_bytes,
            "Longest text, html, raw or attachment content in a request, in characters as sent.",
            "POSTROAD_MAX_SIZE",
            "EENGINE_MAX_SIZE",
        ),
    ] = 5 * 1024**2
    body_timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time within which a request body must have arrived; later is answered with 408.",
            "POSTROAD_MAX_PAYLOAD_TIMEOUT",
            "EENGINE_MAX_PAYLOAD_TIMEOUT",
        ),
    ] = 10.0
    request_timeout_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time that one call on a mailbox may take; the header x-ee-timeout can lengthen it.",
            "POSTROAD_TIMEOUT",
            "EENGINE_TIMEOUT",
        ),
    ] = 10.0
    api_proxy: Annotated[
        bool | None,
        Given(
            values.flag,
            "First value of the setting enableApiProxy: whether X-Forwarded-For is believed.",
            "POSTROAD_API_PROXY",
            "EENGINE_API_PROXY",
        ),
    ] = None
    proxy_addresses: Annotated[
        tuple[str, ...],
        Given(
            values.networks,
            "Peers that may set X-Forwarded-For; the chain is read from the right past them.",
            "POSTROAD_API_PROXY_ADDRESSES",
            "EENGINE_API_PROXY_ADDRESSES",
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Given(
            values.origins,
            "Origins whose pages may call the API from a browser; `*` is any. Without one, none.",
            "POSTROAD_CORS_ORIGIN",
            "EENGINE_CORS_ORIGIN",
        ),
    ] = ()
    cors_max_age_s: Annotated[
        float,
        Given(
            values.duration_s,
            "Time for which a browser may remember what it was allowed.",
            "POSTROAD_CORS_MAX_AGE",
            "EENGINE_CORS_MAX_AGE",
        ),
    ] = 60.0
    require_auth: Annotated[
        bool,
        Given(
            values.flag,
            "Whether a request needs a token; false trusts everyone who reaches the port.",
            "POSTROAD_REQUIRE_API_AUTH",
            "EENGINE_REQUIRE_API_AUTH",
        ),
    ] = True
