"""Paths to operations."""

from __future__ import annotations

import pytest

from postroad.surfaces.api.router import Router

ROUTER = Router(
    [
        ("GET", "/", "root"),
        ("GET", "/v1/tokens", "list"),
        ("GET", "/v1/tokens/{token}", "one"),
        ("GET", "/v1/tokens/account/{account}", "of account"),
        ("POST", "/v1/account/{account}/submit", "submit"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "target", "members"),
    [
        ("GET", b"/", "root", []),
        ("GET", b"/v1/tokens", "list", []),
        ("GET", b"/v1/tokens/", "list", []),
        ("HEAD", b"/v1/tokens", "list", []),
        ("GET", b"/v1/tokens/abc", "one", ["abc"]),
        ("GET", b"/v1/tokens/account/x", "of account", ["x"]),
        ("POST", b"/v1/account/a%2Fb%20c/submit", "submit", ["a/b c"]),
        ("POST", b"/v1/account/%C3%A4/submit/", "submit", ["ä"]),
    ],
)
def test_path_is_found(method: str, path: bytes, target: str, members: list[str]) -> None:
    assert ROUTER.find(method, path) == (target, members)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", b"/v1/tokens"),
        ("GET", b"/v1"),
        ("GET", b"/V1/tokens"),
        ("GET", b"/v1/tokens/account"),
        ("POST", b"/v1/account//submit"),
        ("POST", b"/v1/account/%FF/submit"),
        ("POST", b"/v1/account/a/b/submit"),
        ("GET", b"/../etc/passwd"),
        ("GET", b"/" * 10_000 + b"x" * 100_000),
    ],
)
def test_other_paths_are_not(method: str, path: bytes) -> None:
    assert ROUTER.find(method, path) is None


def test_a_route_is_entered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Router([("GET", "/a/{b}", 1), ("GET", "/a/{c}", 2)])
