"""Which pages a browser lets speak to the API: the real server, asked as browsers ask."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.road import TOKEN, new_server
from support.server import Server

pytestmark = pytest.mark.integration

APP = "https://app.example.com"
LOCAL = "http://localhost:8080"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    env = {"EENGINE_CORS_ORIGIN": f"{APP} HTTP://LocalHost:8080/", "EENGINE_CORS_MAX_AGE": "5m"}
    with new_server(tmp_path_factory.mktemp("listed"), env=env) as server:
        yield server


@contextmanager
def started(folder: Path, **env: str) -> Iterator[Server]:
    with new_server(folder, env=env) as server:
        yield server


def ask(server: Server, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def preflight(server: Server, origin: str, path: str = "/v1/account/a/submit") -> dict[str, str]:
    response = ask(
        server,
        "OPTIONS",
        path,
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type,x-ee-timeout",
    )
    assert response.status == 204
    return {name.lower(): value for name, value in response.getheaders()}


def allowances(headers: dict[str, str]) -> list[str]:
    return [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", [APP, LOCAL])
def test_listed_origin_may_ask_without_a_token_what_it_may_do(listed: Server, origin: str) -> None:
    headers = preflight(listed, origin)
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-max-age"] == "300"
    assert headers["vary"] == "Origin"
    methods = headers["access-control-allow-methods"].split(", ")
    assert {"GET", "POST", "PUT", "DELETE"} <= set(methods)
    sendable = headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-ee-timeout", "idempotency-key"} <= set(sendable)


def test_preflight_does_not_tell_which_paths_exist(listed: Server) -> None:
    seen = preflight(listed, APP)
    assert preflight(listed, APP, "/v1/nothing") | {"date": ""} == seen | {"date": ""}


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.com.evil.example", "http://app.example.com", "null", "*",
     "https://APP.example.com:8443", ""],
)  # fmt: skip
def test_other_origin_is_allowed_nothing(listed: Server, origin: str) -> None:
    assert allowances(preflight(listed, origin)) == []
    response = ask(listed, "GET", "/health", origin=origin)
    assert response.status == 200
    assert allowances(dict(response.getheaders())) == []
    assert response.headers["vary"] == "Origin"


def test_answers_to_a_listed_origin_may_be_read_refusals_included(listed: Server) -> None:
    fine = ask(listed, "GET", "/v1/accounts", origin=APP, authorization=f"Bearer {TOKEN}")
    refused = ask(listed, "GET", "/v1/accounts", origin=APP)
    assert (fine.status, refused.status) == (200, 401)
    for response in (fine, refused):
        assert response.headers["access-control-allow-origin"] == APP
        assert response.headers["access-control-allow-credentials"] == "true"
        assert "X-RateLimit-Remaining" in response.headers["access-control-expose-headers"]


def test_default_age_is_a_minute(tmp_path: Path) -> None:
    with started(tmp_path, POSTROAD_CORS_ORIGIN=APP) as server:
        assert preflight(server, APP)["access-control-max-age"] == "60"


def test_any_origin_may_come_but_without_credentials(tmp_path: Path) -> None:
    with started(tmp_path, POSTROAD_CORS_ORIGIN="*") as server:
        headers = preflight(server, "https://anyone.example")
        assert headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in headers
        assert "access-control-allow-methods" in headers
        response = ask(server, "GET", "/health", origin="null")
        assert response.headers["access-control-allow-origin"] == "*"


def test_nothing_is_allowed_while_no_origin_is_listed(tmp_path: Path) -> None:
    with started(tmp_path) as server:
        method = {"access_control_request_method": "POST"}
        response = ask(server, "OPTIONS", "/v1/account/a/submit", origin=APP, **method)
        assert response.status == 404
        assert allowances(dict(response.getheaders())) == []
        response = ask(server, "GET", "/health", origin=APP)
        assert allowances(dict(response.getheaders())) == []
        assert "vary" not in response.headers
