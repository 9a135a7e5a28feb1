"""Commands about messages, with extensions and without."""

from __future__ import annotations

import pytest

from postroad.domain.errors import (
    LocalProtocolError,
    NotFound,
    RemoteFailure,
    RemoteProtocolError,
)
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import EVERY, NONE, SAVED, NumSet
from postroad.protocol.imap.status import AppendUidCode, CopyUidCode
from postroad.transport.imap import CommandRefused, IdleEnd, ImapConnection, ToAppend
from support.hostile_imap import OctetsOf, Peer, Script, hostile_imap, opened

BARE = "IMAP4rev1"


def answering(capabilities: str, *turns: tuple[str, tuple[str, ...], str]) -> Script:
    """Let the client in and into a mailbox; then hear each command, say lines, complete it."""

    async def script(peer: Peer) -> None:
        await peer.log_in(capabilities)
        await peer.answer("* 9 EXISTS", "* OK [UIDVALIDITY 7] x")
        for command, lines, end in turns:
            heard = await peer.hear()
            assert heard.split(b" ", 1)[1].decode() == command
            await peer.say(*lines, f"{{tag}} {end}")
        await peer.hang()

    return script


async def selected(port: int) -> ImapConnection:
    connection = await opened(port)
    await connection.select(b"INBOX")
    return connection


def turn(command: str, *lines: str, end: str = "OK done") -> tuple[str, tuple[str, ...], str]:
    return command, lines, end


UIDS = NumSet.of([4, 5])


async def test_rows_are_handed_over_as_they_come() -> None:
    script = answering(
        BARE,
        turn(
            "UID FETCH 1:4294967295 (UID FLAGS)",
            "* 1 FETCH (UID 5 FLAGS (\\Seen))",
            "* 2 FETCH (FLAGS ())",
            "* 3 FETCH (UID 6 FLAGS ())",
        ),
    )
    rows: list[Fetched] = []
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        gone = await connection.uid_fetch_stream(EVERY, ["UID", "FLAGS"], rows.append)
        assert [row.uid for row in rows] == [5, 6]
        assert gone == NONE
        connection.abort()


async def test_what_vanished_is_told_with_what_changed() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 ENABLE CONDSTORE QRESYNC")
        assert await peer.answer("* ENABLED QRESYNC CONDSTORE") == b"A2 ENABLE QRESYNC"
        await peer.answer("* 9 EXISTS")
        assert (
            await peer.answer("* VANISHED (EARLIER) 1:2,8", "* VANISHED 3", "* 1 FETCH (UID 9)")
            == b"A4 UID FETCH 1:4294967295 (UID) (CHANGEDSINCE 5 VANISHED)"
        )
        await peer.hang()

    rows: list[Fetched] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        assert await connection.enable("QRESYNC", "UTF8=ACCEPT") == {"QRESYNC", "CONDSTORE"}
        await connection.select(b"INBOX")
        gone = await connection.uid_fetch_stream(
            EVERY, ["UID"], rows.append, changed_since=5, vanished=True
        )
        assert list(gone) == [1, 2, 8]
        assert rows == [Fetched(1, 9)]
        connection.abort()


async def test_a_bare_server_is_asked_for_all() -> None:
    script = answering(BARE, turn("UID FETCH 1:4294967295 (UID)", "* 1 FETCH (UID 9)"))
    rows: list[Fetched] = []
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        await connection.uid_fetch_stream(
            EVERY, ["UID"], rows.append, changed_since=5, vanished=True
        )
        assert rows == [Fetched(1, 9)]
        connection.abort()


async def test_long_sets_go_out_in_several_commands() -> None:
    uids = NumSet.of(range(1_000_001, 1_004_001, 2))
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* 9 EXISTS")
        for _ in uids.pieces():
            heard.append(await peer.answer())
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        await connection.uid_store(uids, "+FLAGS", ["\\Seen"])
        assert len(heard) == 3
        assert max(map(len, heard)) < 8192
        numbers = [n for line in heard for n in NumSet.parse(line.split(b" ")[3])]
        assert numbers == list(uids)
        connection.abort()


async def test_a_server_that_tells_of_more_messages_than_there_are_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* 9 EXISTS")
        await peer.hear()
        while not peer.writer.is_closing():
            await peer.say(*["* 1 FETCH (UID 1)"] * 5000)

    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        with pytest.raises(RemoteProtocolError, match="more messages than there are"):
            await connection.uid_fetch_stream(EVERY, ["UID"], lambda row: None)


COPIED = CopyUidCode(3, UIDS, NumSet.of([8, 9]))


@pytest.mark.parametrize(
    ("capabilities", "turns"),
    [
        (
            "IMAP4rev1 MOVE UIDPLUS",
            [turn("UID MOVE 4:5 Trash", "* OK [COPYUID 3 4:5 8:9] moved", "* 2 EXPUNGE")],
        ),
        (
            "IMAP4rev1 UIDPLUS",
            [
                turn("UID COPY 4:5 Trash", end="OK [COPYUID 3 4:5 8:9] done"),
                turn("UID STORE 4:5 +FLAGS.SILENT (\\Deleted)"),
                turn("UID EXPUNGE 4:5", "* 2 EXPUNGE"),
            ],
        ),
    ],
)
async def test_moving_tells_where_everything_went(
    capabilities: str, turns: list[tuple[str, tuple[str, ...], str]]
) -> None:
    async with hostile_imap(answering(capabilities, *turns)) as hostile:
        connection = await selected(hostile.port)
        assert await connection.uid_move(UIDS, b"Trash") == COPIED
        connection.abort()


async def test_without_uidplus_others_that_are_marked_survive() -> None:
    script = answering(
        BARE,
        turn("UID COPY 4:5 Trash"),
        turn("UID STORE 4:5 +FLAGS.SILENT (\\Deleted)"),
        turn("UID SEARCH DELETED", "* SEARCH 2 4 5 7"),
        turn("UID STORE 2,7 -FLAGS.SILENT (\\Deleted)"),
        turn("EXPUNGE", "* 2 EXPUNGE", "* 2 EXPUNGE"),
        turn("UID STORE 2,7 +FLAGS.SILENT (\\Deleted)"),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await connection.uid_move(UIDS, b"Trash") is None
        connection.abort()


async def test_nothing_is_removed_when_the_copy_is_refused() -> None:
    script = answering(BARE, turn("UID COPY 4:5 Trash", end="NO [TRYCREATE] no such mailbox"))
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        with pytest.raises(CommandRefused) as caught:
            await connection.uid_move(UIDS, b"Trash")
        assert caught.value.code == "TRYCREATE"
        assert connection.is_open
        connection.abort()


async def test_searches_use_what_the_server_has() -> None:
    script = answering(
        "IMAP4rev1 ESEARCH SEARCHRES SORT",
        turn("UID SEARCH RETURN (ALL) UNSEEN", '* ESEARCH (TAG "A3") UID ALL 2,10:12'),
        turn("UID SEARCH RETURN (SAVE ALL) UNSEEN", '* ESEARCH (TAG "A4") UID ALL 2'),
        turn("UID FETCH $ (UID)", "* 1 FETCH (UID 2)"),
        turn("UID SORT (REVERSE DATE) UTF-8 UNSEEN", "* SORT 5 9 1"),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await connection.uid_search(["UNSEEN"]) == [2, 10, 11, 12]
        assert await connection.uid_search(["UNSEEN"], save=True) == [2]
        assert await connection.uid_fetch(SAVED, ["UID"]) == [Fetched(1, 2)]
        assert await connection.uid_sort(["UNSEEN"], ["REVERSE DATE"]) == [5, 9, 1]
        connection.abort()


async def test_labels_are_stored_as_gmail_spells_them() -> None:
    script = answering(
        "IMAP4rev1 X-GM-EXT-1",
        turn('UID STORE 4:5 +X-GM-LABELS (\\Important "a b")'),
        turn("UID STORE 4:5 (UNCHANGEDSINCE 7) -FLAGS (a)", end="OK [MODIFIED 5] some"),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        await connection.uid_store(UIDS, "+X-GM-LABELS", ["\\Important", "a b"])
        await connection.uid_store(UIDS, "-FLAGS", ["a"], unchanged_since=7)
        assert connection.identity_items == ("X-GM-MSGID", "X-GM-THRID")
        connection.abort()


# Large contents


def part(section: str, octets: str) -> str:
    return f"* 1 FETCH (UID 5 BODY[{section}] {{{len(octets)}}}\r\n{octets})"


async def read(connection: ImapConnection, section: str, **more: bool) -> tuple[int | None, bytes]:
    size, pieces = await connection.fetch_body(5, section, partial_chunk=4, **more)
    return size, b"".join([piece async for piece in pieces])


async def test_a_large_part_comes_piece_by_piece() -> None:
    script = answering(
        BARE,
        turn("UID FETCH 5 (UID BODY.PEEK[2]<0.4>)", part("2]<0>", "abcd").replace("]<0>]", "]<0>")),
        turn("UID FETCH 5 (UID BODY.PEEK[2]<4.4>)", part("2]<4>", "efgh").replace("]<4>]", "]<4>")),
        turn("UID FETCH 5 (UID BODY.PEEK[2]<8.4>)", part("2]<8>", "i").replace("]<8>]", "]<8>")),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await read(connection, "2") == (None, b"abcdefghi")
        connection.abort()


async def test_a_small_part_is_one_command_and_its_size_is_known() -> None:
    script = answering(
        "IMAP4rev1 BINARY",
        turn("UID FETCH 5 (UID BINARY.PEEK[1]<0.4>)", '* 1 FETCH (UID 5 BINARY[1]<0> "abc")'),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await read(connection, "1", decoded=True) == (3, b"abc")
        connection.abort()


async def test_the_size_of_a_whole_message_may_be_wrong() -> None:
    script = answering(
        BARE,
        turn(
            "UID FETCH 5 (UID RFC822.SIZE BODY.PEEK[]<0.4>)",
            '* 1 FETCH (UID 5 RFC822.SIZE 99 BODY[]<0> "abcd")',
        ),
        turn("UID FETCH 5 (UID BODY.PEEK[]<4.4>)", '* 1 FETCH (UID 5 BODY[]<4> "")'),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await read(connection, "") == (99, b"abcd")
        connection.abort()


async def test_a_server_that_knows_no_pieces_gives_all_or_is_refused() -> None:
    script = answering(
        BARE,
        turn("UID FETCH 5 (UID BODY.PEEK[1]<0.4>)", '* 1 FETCH (UID 5 BODY[1] "abcdefgh")'),
        turn("UID FETCH 5 (UID BODY.PEEK[2]<0.4>)", '* 1 FETCH (UID 5 BODY[2]<0> "abcd")'),
        turn("UID FETCH 5 (UID BODY.PEEK[2]<4.4>)", '* 1 FETCH (UID 5 BODY[2] "abcdefgh")'),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await read(connection, "1") == (8, b"abcdefgh")
        with pytest.raises(RemoteFailure, match="gives no parts"):
            await read(connection, "2")
        connection.abort()


@pytest.mark.parametrize("line", ["* OK gone", "* 1 FETCH (UID 5)", "* 1 FETCH (UID 5 BODY[9] x)"])
async def test_what_is_not_there_is_not_found(line: str) -> None:
    script = answering(BARE, turn("UID FETCH 5 (UID BODY.PEEK[2]<0.4>)", line))
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        with pytest.raises(NotFound):
            await connection.fetch_body(5, "2", partial_chunk=4)
        connection.abort()


# Filing


async def test_several_messages_are_filed_one_by_one_where_it_must_be() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 LITERAL- UIDPLUS")
        for uid, size in ((4, 3), (5, 5000)):
            await peer.hear()
            if size > 4096:
                await peer.say("+ go")
            await peer.hear_octets(size + 2)
            await peer.say(f"{{tag}} OK [APPENDUID 7 {uid}] done")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        code = await connection.append_many(
            b"x", [ToAppend(OctetsOf(b"abc")), ToAppend(OctetsOf(b"x" * 5000))]
        )
        assert code == AppendUidCode(7, NumSet(((4, 4), (5, 5))))
        assert hostile.peers[0].heard == [
            hostile.peers[0].heard[0],
            b"A2 APPEND x {3+}",
            b"A3 APPEND x {5000}",
        ]
        connection.abort()


async def test_content_that_cannot_be_read_costs_no_connection_where_it_is_small() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 LITERAL+")
        assert (await peer.answer()).endswith(b" NOOP")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        with pytest.raises(Exception, match="5 were announced"):
            await connection.append(b"x", OctetsOf(b"abc", size=5))
        await connection.noop()
        connection.abort()


async def test_a_look_for_news_travels_with_the_next_command() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 MOVE")
        await peer.answer("* 9 EXISTS")
        assert await peer.hear() == b"A3 NOOP"
        assert await peer.hear() == b"A4 UID FETCH 5 (UID FLAGS)"
        await peer.say("* 10 EXISTS", "* 2 FETCH (FLAGS (old))", "A3 OK news")
        await peer.say("* 3 FETCH (UID 5 FLAGS (new))", "A4 OK done")
        assert await peer.hear() == b"A5 NOOP"  # also when nothing that may travel with it comes
        await peer.say("A5 BAD no")
        assert await peer.answer() == b"A6 UID MOVE 5 Other"
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        mailbox = await connection.select(b"INBOX")
        connection.noop_ahead()
        assert await connection.uid_fetch(NumSet.of([5]), ["UID", "FLAGS"]) == [
            Fetched(3, 5, ("new",))
        ]
        assert mailbox.exists == 10
        connection.noop_ahead()
        await connection.uid_move(NumSet.of([5]), b"Other")
        connection.abort()


async def test_rows_by_number_are_joined_and_strays_left_out() -> None:
    script = answering(
        BARE,
        turn(
            "FETCH 2:4 (UID FLAGS RFC822.SIZE)",
            "* 2 FETCH (UID 5 FLAGS ())",
            "* 9 FETCH (UID 9 FLAGS ())",
            "* 3 FETCH (FLAGS (\\Seen))",
            "* 2 FETCH (RFC822.SIZE 7)",
        ),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        rows = await connection.fetch_numbers(2, 4, ["UID", "FLAGS", "RFC822.SIZE"])
        assert rows == [Fetched(2, 5, (), 7)]
        with pytest.raises(LocalProtocolError):
            await connection.fetch_numbers(0, 1, ["UID"])
        connection.abort()


async def test_answer_that_takes_long_to_read_keeps_its_place() -> None:
    found = [n for n in range(1, 200_001) if n % 3]
    flags = " ".join(f"$Word{n}" for n in range(20_000))
    script = answering(
        "IMAP4rev1 ESEARCH",
        turn("UID SEARCH RETURN (ALL) ALL", f"* ESEARCH UID ALL {','.join(map(str, found))}"),
        turn(
            "UID FETCH 1:2 (UID FLAGS)",
            f"* 1 FETCH (UID 1 FLAGS ({flags}))",
            "* 2 FETCH (UID 2 FLAGS ())",
        ),
    )
    async with hostile_imap(script) as hostile:
        connection = await selected(hostile.port)
        assert await connection.uid_search(["ALL"]) == found
        rows = await connection.uid_fetch(NumSet.of([1, 2]), ["UID", "FLAGS"])
        assert [(row.uid, len(row.flags or ())) for row in rows] == [(1, 20_000), (2, 0)]
        connection.abort()


async def test_what_is_told_of_other_messages_amid_a_fetch_is_news() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* 9 EXISTS")
        await peer.answer(
            "* 3 FETCH (UID 3 FLAGS (\\Seen))", "* 9 FETCH (UID 9 FLAGS ())", "* 4 FETCH (FLAGS ())"
        )
        await peer.answer()  # NOOP, where IDLE is not known
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        rows = await connection.uid_fetch(NumSet.of([9]), ["UID", "FLAGS"])
        assert await connection.idle(heard.append, max_s=60) is IdleEnd.CHANGED
        connection.abort()
    assert [row.uid for row in rows] == [9]
    assert heard == [Fetched(3, uid=3, flags=("\\Seen",)), Fetched(4, flags=())]
