"""What the settings have to say about every connection to a mail server. Contract B-234, B-235."""

from __future__ import annotations

from pathlib import Path

from postroad import __version__
from postroad import store as stores
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from support.hostile_imap import QUICK, Peer, hostile_imap, settings


async def identified(folder: Path, **told: object) -> bytes:
    """What a server hears that wants to know who we are."""

    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 ID")
        await peer.answer("* ID NIL")
        await peer.hang()

    store = await stores.open(folder)
    try:
        current = Settings(store)
        await current.load()
        await current.update(told)
        route = MailboxRoute(current, Trust(current, min_version="TLSv1.2"), timeouts=QUICK)
        async with hostile_imap(script) as hostile:
            connection = await route.open_imap(settings(hostile.port), proxy=None)
            connection.abort()
            return hostile.peers[0].heard[1]
    finally:
        await store.close()


async def test_the_server_is_told_who_we_are(tmp_path: Path) -> None:
    heard = await identified(tmp_path)
    assert heard == f'A2 ID ("name" "Postroad" "version" "{__version__}")'.encode()


async def test_settings_say_who_we_claim_to_be(tmp_path: Path) -> None:
    heard = await identified(
        tmp_path,
        imapClientName="Acme",
        imapClientVersion="7",
        imapClientVendor="Acme Inc.",
        imapClientSupportUrl="https://acme.example",
    )
    assert heard == (
        b'A2 ID ("name" "Acme" "version" "7" "vendor" "Acme Inc." '
        b'"support-url" "https://acme.example")'
    )
