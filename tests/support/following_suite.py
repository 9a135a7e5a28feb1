"""What following a mailbox means on every server, however little it offers.

A server joins by a subclass of :class:`FollowingSuite` in a test module, with fixtures ``server``
and ``user``; each user has an empty mailbox.
"""

from __future__ import annotations

import imaplib
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from support.followed import MailServer, following, message, told


class FilledServer(MailServer, Protocol):
    """A mail server into whose mailboxes others put and change mail."""

    def deliver(self, user: str, message: bytes) -> None: ...
    def client(self, user: str) -> AbstractContextManager[imaplib.IMAP4]: ...


class FollowingSuite:
    """The suite. Subclasses give ``server``; ``user`` is anybody of it."""

    @pytest.fixture
    def server(self) -> FilledServer:
        raise NotImplementedError("a subclass gives the server")

    async def test_new_mail_is_announced_once_in_order_and_old_mail_is_not(
        self, server: FilledServer, user: str, tmp_path: Path
    ) -> None:
        old = datetime(2020, 1, 1, tzinfo=UTC)
        for number in range(3):
            server.deliver(user, message(f"old-{number}", date=old))
        async with following(tmp_path) as followed:
            account = await followed.add(server, user)
            await followed.connected(account)
            wanted = [f"new-{number}" for number in range(5)]
            for subject in wanted:
                server.deliver(user, message(subject))
            await followed.announced(account, wanted)
            assert await followed.subjects(account) == wanted
            first = (await followed.events(account, "messageNew"))[0]
            assert first.path == "INBOX"
            assert first.data["text"]["plain"].strip() == "Hello"  # type: ignore[index]  # JSON
            assert len(await followed.index(account)) == 8

    async def test_flags_and_deletions_are_told(
        self, server: FilledServer, user: str, tmp_path: Path
    ) -> None:
        for number in range(3):
            server.deliver(user, message(f"m{number}"))
        async with following(tmp_path) as followed:
            account = await followed.add(server, user)
            await followed.connected(account)
            with server.client(user) as imap:
                imap.select("INBOX")
                imap.uid("STORE", "2", "+FLAGS", "(\\Flagged)")
                assert await told(followed, account, "messageUpdated", 1) == [2]
                imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
                assert await told(followed, account, "messageUpdated", 2) == [2, 1]
                imap.expunge()
                assert await told(followed, account, "messageDeleted", 1) == [1]
            updated = await followed.events(account, "messageUpdated")
            changes = updated[0].data["changes"]
            assert changes == {"flags": {"added": ["\\Flagged"], "value": ["\\Flagged"]}}
            assert [entry.uid for entry in await followed.index(account)] == [2, 3]

    async def test_what_happened_while_away_is_told_after_it(
        self, server: FilledServer, user: str, tmp_path: Path
    ) -> None:
        for number in range(4):
            server.deliver(user, message(f"m{number}"))
        async with following(tmp_path) as followed:
            account = await followed.add(server, user)
            await followed.connected(account)
        with server.client(user) as imap:
            imap.select("INBOX")
            imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
            imap.expunge()
        server.deliver(user, message("meanwhile"))  # as many as before: counting finds nothing
        async with following(tmp_path) as followed:
            await followed.announced(account, ["meanwhile"])
            assert await told(followed, account, "messageDeleted", 1) == [1]
            assert [entry.uid for entry in await followed.index(account)] == [2, 3, 4, 5]
