"""Pages over scripted servers: which commands they cost, and what is kept between two looks."""

from __future__ import annotations

import asyncio

import pytest

from postroad.domain.account import Account, ImapSettings, Login
from postroad.domain.errors import NotFound
from postroad.domain.message import MessageSummary
from postroad.domain.message_id import pack_message
from postroad.domain.search import SearchQuery
from postroad.domain.secret import Secret
from postroad.engine.mail.details import entry_again, entry_of
from postroad.engine.providers.imap import ImapProvider, connector
from postroad.engine.providers.kept import MAX_BYTES, Shelf
from postroad.engine.providers.results import FoundPage, PageWish, PartWish
from postroad.transport.imap import ImapTimeouts
from support.hostile_imap import HostileImap, Peer, Script, hostile_imap
from support.mailbox_numbers import MemoryNumbers

TIMEOUTS = ImapTimeouts(connect_s=5, open_s=5, silence_s=5, command_s=5, close_s=0.05)
FULL = "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"
SHORT = "(UID FLAGS RFC822.SIZE INTERNALDATE)"
SELECTED = ("* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 9] x")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def provider(
    hostile: HostileImap,
    shelf: Shelf,
    *,
    warm_s: float = 60.0,
    clock: Clock | None = None,
    numbers: MemoryNumbers | None = None,
) -> ImapProvider:
    settings = ImapSettings("127.0.0.1", hostile.port, login=Login("me", Secret("x")))
    account = Account("a", "A", None, 0, imap=settings)
    return ImapProvider(
        account,
        numbers=numbers or MemoryNumbers(),
        connect=connector(account, timeouts=TIMEOUTS),
        warm_s=warm_s,
        shelf=shelf,
        clock=clock or Clock(),
    )


def full(number: int, uid: int, flags: str = "") -> str:
    return (
        f'* {number} FETCH (UID {uid} FLAGS ({flags}) ENVELOPE (NIL "Mail {uid}" NIL NIL NIL NIL '
        f"NIL NIL NIL NIL))"
    )


def short(number: int, uid: int, flags: str = "") -> str:
    return f"* {number} FETCH (UID {uid} FLAGS ({flags}))"


def script(*turns: tuple[str, tuple[str, ...]], capabilities: str = "IMAP4rev1") -> Script:
    """Let the client in; hear each command, say lines, complete it."""

    async def run(peer: Peer) -> None:
        await peer.log_in(capabilities)
        for command, lines in turns:
            assert (await peer.answer(*lines)).split(b" ", 1)[1].decode() == command
        await peer.hang()

    return run


def shown(page: FoundPage) -> list[tuple[int | None, str | None, tuple[str, ...]]]:
    """Make of a page what the mail service makes of it, and tell the provider."""
    entries = [
        entry_of(one.row, message=one.message, path=one.path)
        if one.known is None
        else entry_again(one.known, one.row)
        for one in page.items
    ]
    if page.remember is not None:
        page.remember(entries)
    return [
        (entry.uid, entry.subject, entry.flags)
        if isinstance(entry, MessageSummary)
        else (entry.uid, None, ())
        for entry in entries
    ]


FIRST_LOOK = (
    ("EXAMINE INBOX", SELECTED),
    (f"FETCH 1:3 {FULL}", (full(1, 4), full(2, 5, "\\Seen"), full(3, 9))),
)


async def test_a_page_looked_at_again_costs_its_short_items_alone() -> None:
    turns = (
        *FIRST_LOOK,
        ("NOOP", ()),
        (f"FETCH 1:3 {SHORT}", (short(1, 4, "\\Flagged"), short(2, 5), short(3, 9))),
    )
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf())
        first = shown(await mine.list_messages("INBOX", PageWish()))
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert first == [(9, "Mail 9", ()), (5, "Mail 5", ("\\Seen",)), (4, "Mail 4", ())]
    assert again == [(9, "Mail 9", ()), (5, "Mail 5", ()), (4, "Mail 4", ("\\Flagged",))]


async def test_new_mail_is_fetched_beside_what_is_known_and_what_went_is_gone() -> None:
    turns = (
        *FIRST_LOOK,
        ("NOOP", ("* 1 EXPUNGE", "* 3 EXISTS")),
        (f"FETCH 1:3 {SHORT}", (short(1, 5), short(2, 9), short(3, 12))),
        (f"UID FETCH 12 {FULL}", (full(3, 12, "\\Seen"),)),
    )
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf())
        shown(await mine.list_messages("INBOX", PageWish()))
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert again == [(12, "Mail 12", ("\\Seen",)), (9, "Mail 9", ()), (5, "Mail 5", ())]


async def test_a_search_asks_for_short_items_of_what_is_known() -> None:
    turns = (
        *FIRST_LOOK,
        ("NOOP", ()),
        ("UID SEARCH ALL", ("* SEARCH 5 9 10",)),
        (f"UID FETCH 10 {FULL}", (full(4, 10),)),
        (f"UID FETCH 5,9 {SHORT}", (short(2, 5, "a"), short(3, 9))),
    )
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf())
        shown(await mine.list_messages("INBOX", PageWish()))
        found = shown(await mine.search("INBOX", SearchQuery(), PageWish()))
        await mine.close()
    assert found == [(10, "Mail 10", ()), (9, "Mail 9", ()), (5, "Mail 5", ("a",))]


async def test_nothing_is_known_of_a_mailbox_that_began_a_new_life() -> None:
    turns = (
        *FIRST_LOOK,
        ("EXAMINE Other", SELECTED),
        ("EXAMINE INBOX", ("* 1 EXISTS", "* OK [UIDVALIDITY 8] x", "* OK [UIDNEXT 9] x")),
        (f"FETCH 1:1 {FULL}", ('* 1 FETCH (UID 4 ENVELOPE (NIL "New" ' + "NIL " * 7 + "NIL))",)),
    )
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf())
        shown(await mine.list_messages("INBOX", PageWish()))
        await mine.list_messages("Other", PageWish(page=9))
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert again == [(4, "New", ())]


async def test_a_mailbox_made_anew_while_it_was_open_is_seen_in_half_a_minute() -> None:
    turns = (
        *FIRST_LOOK,
        ("NOOP", ()),
        (f"FETCH 1:3 {SHORT}", (short(1, 4), short(2, 5), short(3, 9))),
        ("EXAMINE INBOX", ("* 1 EXISTS", "* OK [UIDVALIDITY 8] x", "* OK [UIDNEXT 9] x")),
        (f"FETCH 1:1 {FULL}", ('* 1 FETCH (UID 4 ENVELOPE (NIL "New" ' + "NIL " * 7 + "NIL))",)),
    )
    clock = Clock()
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf(), clock=clock)
        shown(await mine.list_messages("INBOX", PageWish()))
        clock.now = 30.0
        shown(await mine.list_messages("INBOX", PageWish()))
        clock.now = 30.1
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert again == [(4, "New", ())]


async def test_a_row_that_cannot_be_read_is_there_by_its_uid() -> None:
    turns = (
        ("EXAMINE INBOX", SELECTED),
        (f"FETCH 1:3 {FULL}", (full(1, 4), "* 2 FETCH (UID 5 ENVELOPE", full(3, 9))),
        ("UID SEARCH 1:3", ("* SEARCH 4 5 9",)),
        ("NOOP", ()),
        (f"FETCH 1:3 {SHORT}", (short(1, 4), short(2, 5), short(3, 9))),
        (f"UID FETCH 5 {FULL}", (full(2, 5),)),
    )
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf())
        first = shown(await mine.list_messages("INBOX", PageWish()))
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert first == [(9, "Mail 9", ()), (5, None, ()), (4, "Mail 4", ())]
    assert again == [(9, "Mail 9", ()), (5, "Mail 5", ()), (4, "Mail 4", ())]


async def test_a_message_that_goes_between_two_commands_is_no_lie_about_another() -> None:
    turns = (
        *FIRST_LOOK,
        ("NOOP", ("* 4 EXISTS",)),
        (f"FETCH 1:4 {SHORT}", (short(1, 4), short(2, 5), short(3, 9), short(4, 12))),
        (f"UID FETCH 12 {FULL}", ()),
    )
    async with hostile_imap(script(*turns)) as hostile:
        mine = provider(hostile, Shelf())
        shown(await mine.list_messages("INBOX", PageWish()))
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert again[0] == (12, None, ())
    assert [uid for uid, _, _ in again[1:]] == [9, 5, 4]


async def test_what_is_kept_goes_with_the_last_warm_connection() -> None:
    left = asyncio.Event()

    async def leaving(peer: Peer) -> None:
        await script(*FIRST_LOOK)(peer)
        left.set()

    shelf = Shelf()
    async with hostile_imap(leaving) as hostile:
        mine = provider(hostile, shelf, warm_s=0.01)
        page = await mine.list_messages("INBOX", PageWish())
        shown(page)
        held = shelf.size
        async with asyncio.timeout(5):
            await left.wait()
        assert page.remember is not None
        page.remember([entry_of(one.row, message="m", path="INBOX") for one in page.items])
        await mine.close()
    assert held > 0
    assert shelf.size == 0


async def test_what_is_dropped_while_the_server_is_asked_is_shown_all_the_same() -> None:
    shelf = Shelf()

    async def crowded(peer: Peer) -> None:
        await peer.log_in()
        for lines in (SELECTED, FIRST_LOOK[1][1]):
            await peer.answer(*lines)
        await peer.answer("* 4 EXISTS")
        await peer.answer(
            *[short(number, uid) for number, uid in ((1, 4), (2, 5), (3, 9), (4, 10))]
        )
        assert (await peer.hear()).endswith(f" UID FETCH 10 {FULL}".encode())
        shelf.grow(MAX_BYTES)  # others are being looked at
        await peer.say(full(4, 10), "{tag} OK done")
        await peer.hang()

    async with hostile_imap(crowded) as hostile:
        mine = provider(hostile, shelf)
        shown(await mine.list_messages("INBOX", PageWish()))
        again = shown(await mine.list_messages("INBOX", PageWish()))
        await mine.close()
    assert [subject for _, subject, _ in again] == ["Mail 10", "Mail 9", "Mail 5", "Mail 4"]


async def test_a_special_use_that_has_moved_is_found_again() -> None:
    place = "Old"
    opened: list[bytes] = []

    async def moving(peer: Peer) -> None:
        nonlocal place
        await peer.log_in("IMAP4rev1 SPECIAL-USE")
        while True:
            line = await peer.hear()
            if b" LIST " in line:
                await peer.say(f'* LIST (\\Sent) "/" {place}', '* LIST () "/" INBOX')
            elif line.endswith(b" Old"):
                opened.append(line.split()[1])
                place = "New"
                await peer.say("{tag} NO [NONEXISTENT] no such mailbox")
                continue
            elif line.endswith(b" New"):
                await peer.say("* OK [UIDVALIDITY 7] x")
            await peer.say("{tag} OK done")

    async with hostile_imap(moving) as hostile:
        mine = provider(hostile, Shelf())
        with pytest.raises(NotFound):
            await mine.list_messages("\\Sent", PageWish())
        page = await mine.list_messages("\\Sent", PageWish())
        await mine.close()
    assert page.total == 0
    assert opened  # it was looked for where it had been


@pytest.mark.parametrize(("path", "code"), [("..", "CANNOT"), ("\\mine", "NONEXISTENT")])
async def test_whether_a_name_can_be_one_is_for_the_server_to_say(path: str, code: str) -> None:
    heard: list[bytes] = []

    async def refusing(peer: Peer) -> None:
        await peer.log_in()
        heard.append(await peer.hear())
        await peer.say(f"{{tag}} NO [{code}] Invalid mailbox name")
        await peer.hang()

    async with hostile_imap(refusing) as hostile:
        mine = provider(hostile, Shelf())
        with pytest.raises(NotFound) as caught:
            await mine.list_messages(path, PageWish())
        await mine.close()
    assert b" EXAMINE " in heard[0]
    assert caught.value.code == "FolderNotFound"


async def test_a_server_that_refuses_parts_that_are_not_there_is_asked_without() -> None:
    structure = '* 1 FETCH (UID 4 BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 2 1)'
    items = "(UID FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER]"

    async def refusing(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer(*SELECTED)
        both = f" UID FETCH 4 {items} BODY.PEEK[1]<0.65536> BODY.PEEK[2]<0.65536>)"
        assert (await peer.hear()).endswith(both.encode())
        await peer.say("{tag} NO no such part")
        await peer.answer(structure + ' BODY[HEADER] "a: b")')
        assert (await peer.answer('* 1 FETCH (UID 4 BODY[1] "hi")')).endswith(b"(UID BODY.PEEK[1])")
        await peer.answer('* LIST () "/" INBOX')
        await peer.answer()
        await peer.hang()

    async with hostile_imap(refusing) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, Shelf(), numbers=numbers)
        message = pack_message(await numbers.get_number("INBOX", "7"), 4)
        read = await mine.read_message(
            message, choose=lambda row: [PartWish("1")], likely=("1", "2")
        )
        await mine.close()
    assert [body.octets for body in read.bodies] == [b"hi"]


async def test_labels_and_threads_come_anew_each_time() -> None:
    items = "X-GM-MSGID X-GM-THRID X-GM-LABELS)"
    gmail = " X-GM-MSGID 11 X-GM-THRID {} X-GM-LABELS ({}))"
    turns = (
        ("EXAMINE INBOX", ("* 1 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 9] x")),
        (f"FETCH 1:1 {FULL[:-1]} {items}", (full(1, 4)[:-1] + gmail.format(21, "\\Inbox"),)),
        ("NOOP", ()),
        (f"FETCH 1:1 {SHORT[:-1]} {items}", (short(1, 4)[:-1] + gmail.format(22, "\\Junk"),)),
    )
    async with hostile_imap(script(*turns, capabilities="IMAP4rev1 X-GM-EXT-1")) as hostile:
        mine = provider(hostile, Shelf())
        shown(await mine.list_messages("INBOX", PageWish()))
        (one,) = (await mine.list_messages("INBOX", PageWish())).items
        await mine.close()
    assert one.known is not None
    again = entry_again(one.known, one.row)
    assert (again.labels, again.thread_id, again.message_special_use) == (
        ("\\Junk",),
        "22",
        "\\Junk",
    )
