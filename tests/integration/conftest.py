"""Real servers that the tests of one module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import dovecot as dovecots
from support.dovecot import Dovecot
from support.sink import Sink


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    with Dovecot() as running:
        yield running


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running
