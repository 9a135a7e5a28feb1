"""Commands about mailboxes, with extensions and without."""

from __future__ import annotations

import pytest

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.quota import Quota, QuotaUse
from postroad.transport.imap import CommandRefused, QresyncParams
from support.hostile_imap import Peer, Script, hostile_imap, opened

KNOWN = QresyncParams(7, 90)


def answering(capabilities: str, *turns: tuple[str, ...]) -> Script:
    """Let the client in; then hear each command, say lines. The last line completes it."""

    async def script(peer: Peer) -> None:
        await peer.log_in(capabilities)
        for command, *lines in turns:
            heard = await peer.hear()
            assert heard.split(b" ", 1)[1].decode() == command
            await peer.say(*lines)
        await peer.hang()

    return script


DONE = "{tag} OK done"


async def test_a_mailbox_that_we_knew_tells_what_has_changed() -> None:
    script = answering(
        "IMAP4rev1 QRESYNC",
        ("ENABLE QRESYNC", "* ENABLED QRESYNC", DONE),
        (
            "SELECT INBOX (QRESYNC (7 90))",
            "* 5 EXISTS",
            "* OK [UIDVALIDITY 7] x",
            "* OK [HIGHESTMODSEQ 95] x",
            "* VANISHED (EARLIER) 3,5:6",
            "* 2 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (94))",
            DONE,
        ),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.enable("QRESYNC")
        mailbox = await connection.select(b"INBOX", qresync=KNOWN)
        assert mailbox.is_resynced
        assert list(mailbox.vanished) == [3, 5, 6]
        assert mailbox.changed == [Fetched(2, 4, ("\\Seen",), modseq=94)]
        assert (mailbox.exists, mailbox.highestmodseq) == (5, 95)
        connection.abort()


@pytest.mark.parametrize(
    ("capabilities", "command"),
    [("IMAP4rev1 CONDSTORE", "SELECT INBOX (CONDSTORE)"), ("IMAP4rev1", "SELECT INBOX")],
)
async def test_without_qresync_it_is_a_lesser_select(capabilities: str, command: str) -> None:
    script = answering(capabilities, (command, "* 5 EXISTS", "* OK [UIDVALIDITY 7] x", DONE))
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        mailbox = await connection.select(b"INBOX", qresync=KNOWN)
        assert not mailbox.is_resynced
        assert mailbox.exists == 5
        connection.abort()


async def test_a_mailbox_in_a_new_life_is_not_resynced() -> None:
    script = answering(
        "IMAP4rev1 QRESYNC",
        ("ENABLE QRESYNC", "* ENABLED QRESYNC", DONE),
        ("EXAMINE INBOX (QRESYNC (7 90))", "* OK [UIDVALIDITY 8] x", "* OK [UIDNEXT 9] x", DONE),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.enable("QRESYNC")
        mailbox = await connection.select(b"INBOX", qresync=KNOWN, read_only=True)
        assert not mailbox.is_resynced
        connection.abort()


async def test_a_mailbox_without_uidnext_is_selected_for_its_uids_to_last() -> None:
    told = ("* 5 EXISTS", "* OK [UIDVALIDITY 8] x")
    script = answering("IMAP4rev1", ("EXAMINE INBOX", *told, DONE), ("SELECT INBOX", *told, DONE))
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        mailbox = await connection.select(b"INBOX", read_only=True)
        assert (mailbox.is_read_only, mailbox.exists) == (False, 5)
        connection.abort()


async def test_what_was_said_of_the_mailbox_before_is_not_said_of_this_one() -> None:
    script = answering(
        "IMAP4rev1 QRESYNC",
        ("ENABLE QRESYNC", "* ENABLED QRESYNC", DONE),
        ("SELECT One", "* 1 EXISTS", DONE),
        (
            "SELECT Two (QRESYNC (7 90))",
            "* VANISHED 1",
            "* 1 FETCH (UID 1 FLAGS ())",
            "* OK [CLOSED] x",
            "* 5 EXISTS",
            "* OK [UIDVALIDITY 7] x",
            "* OK [HIGHESTMODSEQ 95] x",
            DONE,
        ),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.enable("QRESYNC")
        await connection.select(b"One")
        mailbox = await connection.select(b"Two", qresync=KNOWN)
        assert (list(mailbox.vanished), mailbox.changed, mailbox.exists) == ([], [], 5)
        connection.abort()


async def test_only_what_the_server_counts_is_asked_for() -> None:
    script = answering(
        "IMAP4rev1 CONDSTORE",
        (
            "STATUS INBOX (MESSAGES HIGHESTMODSEQ)",
            "* STATUS Other (MESSAGES 9)",
            "* STATUS INBOX (MESSAGES 3 HIGHESTMODSEQ 8)",
            DONE,
        ),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        status = await connection.status(
            b"INBOX", ["MESSAGES", "HIGHESTMODSEQ", "SIZE", "MAILBOXID", "DELETED"]
        )
        assert status == MailboxStatus(b"INBOX", messages=3, highestmodseq=8)
        connection.abort()


async def test_all_mailboxes_are_counted_in_one_command() -> None:
    script = answering(
        "IMAP4rev1 LIST-EXTENDED LIST-STATUS",
        (
            'LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN))',
            '* LIST (\\Subscribed) "/" INBOX',
            "* STATUS INBOX (MESSAGES 3 UNSEEN 1)",
            '* LIST () "/" x',
            "* STATUS x (MESSAGES 0 UNSEEN 0)",
            DONE,
        ),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        listing = await connection.list_mailboxes(status=["MESSAGES", "UNSEEN"])
        assert listing.subscribed == frozenset({b"INBOX"})
        assert [(one.path, one.messages, one.unseen) for one in listing.status] == [
            ("INBOX", 3, 1),
            ("x", 0, 0),
        ]
        connection.abort()


async def test_without_list_status_mailboxes_are_counted_one_by_one() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer('* LIST (\\Noselect) "/" a', '* LIST () "/" b', '* LIST () "/" c')
        commands = [await peer.hear(), await peer.hear()]
        assert [command.split(b" ")[1:3] for command in commands] == [
            [b"STATUS", b"b"],
            [b"STATUS", b"c"],
        ]
        await peer.say("A3 NO not that one", "* STATUS c (MESSAGES 2)", "A4 OK")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert await connection.status_all(["MESSAGES"]) == [MailboxStatus(b"c", messages=2)]
        connection.abort()


async def test_a_mailbox_is_left_without_expunging_it() -> None:
    script = answering(
        "IMAP4rev1",
        ("SELECT x", DONE),
        ("EXAMINE x", DONE),
        ("CLOSE", DONE),
        ("NOOP", DONE),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"x")
        await connection.unselect()
        await connection.unselect()
        await connection.noop()
        assert connection.selected is None
        connection.abort()


async def test_mailboxes_are_made_moved_and_removed() -> None:
    script = answering(
        "IMAP4rev1 OBJECTID QUOTA NOTIFY",
        ('CREATE "a b"', "{tag} OK [MAILBOXID (F-1)] done"),
        ('RENAME "a b" c', DONE),
        ("SUBSCRIBE c", DONE),
        ("UNSUBSCRIBE c", DONE),
        (
            "GETQUOTAROOT c",
            '* QUOTAROOT c ""',
            '* QUOTA "" (STORAGE 10 512 MESSAGE 1 x)',
            DONE,
        ),
        (
            "NOTIFY SET STATUS (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange)) "
            "(PERSONAL (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",
            "* STATUS c (MESSAGES 1)",
            DONE,
        ),
        ("DELETE c", "{tag} NO [CANNOT] never"),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert await connection.create(connection.wire_name("a b")) == "F-1"
        await connection.rename(b"a b", b"c")
        await connection.subscribe(b"c")
        await connection.unsubscribe(b"c")
        assert await connection.quota(b"c") == [Quota("", {"STORAGE": QuotaUse(10, 512)})]
        await connection.notify(status=True)
        with pytest.raises(CommandRefused, match="never"):
            await connection.delete(b"c")
        connection.abort()


async def test_names_are_plain_utf8_once_that_is_enabled() -> None:
    script = answering(
        "IMAP4rev1 ENABLE UTF8=ACCEPT LIST-EXTENDED",
        ("ENABLE UTF8=ACCEPT", "* ENABLED UTF8=ACCEPT", DONE),
        (
            'LIST "" "*" RETURN (SUBSCRIBED)',
            '* LIST () "/" "R&D grün"',
            DONE,
        ),
        ("NOOP", DONE),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert connection.has_utf8_names
        assert connection.wire_name("grün") == "grün".encode()
        with pytest.raises(LocalProtocolError):
            connection.wire_name("a\x00")
        (entry,) = (await connection.list_mailboxes()).entries
        assert entry.path == "R&D grün"
        assert connection.wire_name(entry.path) == entry.wire_name
        await connection.noop()
        connection.abort()


async def test_a_server_that_will_not_have_utf8_is_spoken_to_as_any_other() -> None:
    script = answering(
        "IMAP4rev1 ENABLE UTF8=ACCEPT",
        ("ENABLE UTF8=ACCEPT", "{tag} NO not today"),
        ('LIST "" "*"', '* LIST () "/" gr&APw-n', DONE),
        ('LSUB "" "*"', DONE),
    )
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert connection.wire_name("grün") == b"gr&APw-n"
        (entry,) = (await connection.list_mailboxes()).entries
        assert entry.path == "grün"
        connection.abort()


async def test_a_server_without_quota_has_none() -> None:
    async with hostile_imap(answering("IMAP4rev1")) as hostile:
        connection = await opened(hostile.port)
        assert await connection.quota() is None
        assert await connection.enable("QRESYNC") == frozenset()
        connection.abort()


async def test_a_listing_without_end_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        for start in range(0, 200_000, 1000):
            await peer.say(*(f'* LIST () "/" f{start + i}' for i in range(1000)))
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(RemoteProtocolError, match="more than 50000 mailboxes"):
            await connection.list_mailboxes()
