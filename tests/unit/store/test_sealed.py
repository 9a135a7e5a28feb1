"""Encryption of secrets at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.errors import ConfigError
from postroad.domain.secret import Secret
from postroad.store.sealed import Sealer, is_sealed

NEW = Sealer(Secret("new"), [Secret("old")])
OLD = Sealer(Secret("old"))
NONE = Sealer()


@given(st.text(), st.text())
def test_what_was_sealed_opens_in_its_place(text: str, place: str) -> None:
    assert NEW.open(NEW.seal(Secret(text), place), place) == Secret(text)


@given(st.one_of(st.text(), st.sampled_from(["sealed:1:x", "plain:", "plain:plain:x", "sealed:"])))
def test_without_a_secret_every_text_comes_back(text: str) -> None:
    stored = NONE.seal(Secret(text), "a")
    assert not is_sealed(stored)
    assert NONE.open(stored, "b") == NEW.open(stored, "c") == Secret(text)


def test_same_value_is_sealed_differently_every_time() -> None:
    assert NEW.seal(Secret("x"), "a") != NEW.seal(Secret("x"), "a")


def test_sealed_text_names_its_key_and_hides_its_value() -> None:
    stored = NEW.seal(Secret("hunter2"), "a")
    assert stored.startswith("sealed:1:")
    assert "hunter2" not in stored
    assert stored.split(":")[2] != OLD.seal(Secret("x"), "a").split(":")[2]


def test_value_moved_to_another_place_does_not_open() -> None:
    with pytest.raises(ConfigError, match="damaged or moved"):
        NEW.open(NEW.seal(Secret("x"), "account/a"), "account/b")


def test_damaged_value_does_not_open() -> None:
    stored = NEW.seal(Secret("some value"), "a")
    flipped = stored[:-6] + ("A" if stored[-6] != "A" else "B") + stored[-5:]
    with pytest.raises(ConfigError):
        NEW.open(flipped, "a")


def test_old_secret_opens_and_is_not_current() -> None:
    stored = OLD.seal(Secret("x"), "a")
    assert NEW.open(stored, "a") == Secret("x")
    assert not NEW.is_current(stored)
    assert NEW.is_current(NEW.seal(Secret("x"), "a"))


def test_plain_is_current_only_without_a_secret() -> None:
    assert NONE.is_current("x")
    assert not NEW.is_current("x")
    assert not NONE.is_current(NEW.seal(Secret("x"), "a"))


def test_missing_key_is_told_in_words_that_say_what_to_do() -> None:
    with pytest.raises(ConfigError, match="start with the secret that sealed them"):
        OLD.open(NEW.seal(Secret("x"), "a"), "a")
    with pytest.raises(ConfigError):
        NONE.open(OLD.seal(Secret("x"), "a"), "a")
