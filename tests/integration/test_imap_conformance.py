"""The suite of all providers, on IMAP with a real Dovecot and a real Courier."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from postroad.domain.account import Account, ImapSettings, Login, TlsOptions
from postroad.domain.mailbox import MailboxNumber
from postroad.domain.secret import Secret
from postroad.engine.providers.imap import ImapProvider, connector
from support import courier as couriers
from support import courier_packages
from support import dovecot as dovecots
from support.courier import Courier
from support.dovecot import Dovecot
from support.provider_suite import ProviderSuite
from support.reading_suite import ReadingSuite

pytestmark = pytest.mark.integration
_users = itertools.count(1)


class Numbers:
    """Mailbox numbers of one account, in memory."""

    def __init__(self) -> None:
        self._known: list[MailboxNumber] = []

    async def get_number(self, path: str, uidvalidity: str) -> int:
        for known in self._known:
            if (known.path, known.uidvalidity) == (path, uidvalidity):
                return known.number
        self._known.append(MailboxNumber(len(self._known) + 1, path, uidvalidity))
        return len(self._known)

    async def find(self, number: int) -> MailboxNumber | None:
        return next((known for known in self._known if known.number == number), None)


@pytest.fixture(scope="module")
def bare() -> Iterator[Dovecot]:
    """A server without any extension. RFC 3501."""
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    with Dovecot(special_use=False, compress=False, capability="IMAP4rev1") as running:
        yield running


@pytest.fixture(scope="module")
def courier() -> Iterator[Courier]:
    if not courier_packages.is_fetched():
        pytest.skip(couriers.MISSING)
    with Courier() as running:
        yield running


async def open_provider(server: Dovecot | Courier) -> AsyncIterator[ImapProvider]:
    user = f"conformance{next(_users)}"
    login = Login(user, Secret(server.password))
    tls = TlsOptions(verify=False)
    imap = ImapSettings(server.host, server.port, login=login, tls=tls)
    account = Account("a", "A", "a@example.test", created_at=1, imap=imap)
    made = ImapProvider(account, numbers=Numbers(), connect=connector(account))
    yield made
    await made.close()


class TestImapProvider(ProviderSuite, ReadingSuite):
    @pytest.fixture
    async def provider(self, dovecot: Dovecot) -> AsyncIterator[ImapProvider]:
        async for made in open_provider(dovecot):
            yield made


class TestBareImapProvider(ProviderSuite, ReadingSuite):
    @pytest.fixture
    async def provider(self, bare: Dovecot) -> AsyncIterator[ImapProvider]:
        async for made in open_provider(bare):
            yield made


class TestCourierProvider(ProviderSuite, ReadingSuite):
    @pytest.fixture
    async def provider(self, courier: Courier) -> AsyncIterator[ImapProvider]:
        async for made in open_provider(courier):
            yield made
