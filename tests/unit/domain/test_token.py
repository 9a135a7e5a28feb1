"""Tokens: ids, scopes, and records that cannot be read."""

from __future__ import annotations

import pytest

from postroad.domain.token import Permissions, RateLimit, Restrictions, Token, token_id_of


def test_id_is_the_hash_of_the_raw_octets() -> None:
    # Known answer: SHA-256 of 32 zero octets.
    expected = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
    assert token_id_of("00" * 32) == expected


def test_case_of_a_value_does_not_matter() -> None:
    assert token_id_of("AB" * 32) == token_id_of("ab" * 32)


@pytest.mark.parametrize("value", ["", "00" * 31, "00" * 33, "zz" * 32, "00" * 32 + "\n", "٠" * 64])
def test_anything_but_64_hexadecimal_digits_is_no_token(value: str) -> None:
    assert token_id_of(value) is None


@pytest.mark.parametrize(
    ("scopes", "opens"), [((), True), (("*",), True), (("api",), True), (("smtp",), False)]
)
def test_token_without_scopes_opens_everything(scopes: tuple[str, ...], opens: bool) -> None:
    assert Token("id", "d", 0, scopes=scopes).has_scope("api") is opens


def test_admin_group_cannot_be_granted() -> None:
    assert not Permissions(actions=None, groups=("admin",)).allow("read", "admin")


def test_both_halves_of_a_permission_must_match() -> None:
    granted = Permissions(actions=("read",), groups=("outbox",))
    assert granted.allow("read", "outbox")
    assert not granted.allow("write", "outbox")
    assert not granted.allow("read", "account")


@pytest.mark.parametrize("record", [5, [], {}, {"actions": "read"}, {"other": []}, {"groups": [1]}])
def test_malformed_permissions_grant_nothing(record: object) -> None:
    permissions = Permissions.from_json(record)
    assert permissions is not None
    assert not permissions.allow("read", "account")


@pytest.mark.parametrize("record", [5, {"addresses": 1}, {"rateLimit": {"maxRequests": 0}}])
def test_malformed_restrictions_let_no_address_in(record: object) -> None:
    restrictions = Restrictions.from_json(record)
    assert restrictions is not None
    assert restrictions.addresses == ("",)


def test_records_survive_storage() -> None:
    permissions = Permissions(("read",), None)
    restrictions = Restrictions(("10.0.0.0/8",), ("https://*.example.com/*",), RateLimit(5, 60))
    assert Permissions.from_json(permissions.to_json()) == permissions
    assert Restrictions.from_json(restrictions.to_json()) == restrictions
