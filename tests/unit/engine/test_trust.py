"""What the operator decided about TLS, and what an account decided for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.account import TlsOptions
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from postroad.transport.tls import client_context

OURS = "ECDHE-RSA-AES128-GCM-SHA256"
THEIRS = "ECDHE-RSA-AES256-GCM-SHA384"


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    store = await stores.open(tmp_path)
    service = Settings(store)
    await service.load()
    await store.close()
    return service


def offered(tls: TlsOptions) -> set[str]:
    """Ciphers before TLS 1.3, whose own are not chosen."""
    known = client_context(tls).get_ciphers()
    return {item["name"] for item in known if item["protocol"] == "TLSv1.2"}


def test_ciphers_of_the_operator_are_all_that_servers_are_offered(settings: Settings) -> None:
    trust = Trust(settings, min_version="TLSv1.2", ciphers=OURS)
    assert offered(trust.complete(TlsOptions())) == {OURS}


def test_account_chooses_its_own_ciphers(settings: Settings) -> None:
    trust = Trust(settings, min_version="TLSv1.2", ciphers=OURS)
    own = TlsOptions(min_version="TLSv1.3", extra={"ciphers": THEIRS})
    assert trust.complete(own) is own
    assert offered(own) == {THEIRS}


def test_without_a_choice_everything_is_offered(settings: Settings) -> None:
    trust = Trust(settings, min_version="TLSv1")
    assert {OURS, THEIRS} < offered(trust.complete(TlsOptions()))
