"""The provider against scripted servers; a real one is in the integration tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from postroad.domain.account import Account, ImapSettings, Login
from postroad.domain.errors import (
    Invalid,
    NotFound,
    RemoteFailure,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import Appended
from postroad.domain.message_id import pack_message
from postroad.domain.search import SearchQuery
from postroad.domain.secret import Secret
from postroad.engine.providers.base import Octets
from postroad.engine.providers.imap import ImapProvider, connector
from postroad.engine.providers.results import PageWish
from postroad.transport.imap import AuthenticationRefused, ImapTimeouts
from support.hostile_imap import HostileImap, Peer, Script, hostile_imap
from support.mailbox_numbers import MemoryNumbers

TIMEOUTS = ImapTimeouts(connect_s=5, open_s=5, silence_s=5, command_s=5, close_s=0.05)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settings(port: int, host: str = "127.0.0.1") -> ImapSettings:
    return ImapSettings(host, port, login=Login("me", Secret("x")))


def provider(
    hostile: HostileImap,
    *,
    wanted: ImapSettings | None = None,
    numbers: MemoryNumbers | None = None,
    warm_s: float = 60.0,
    clock: Clock | None = None,
) -> ImapProvider:
    reachable = Account("a", "A", None, 0, imap=settings(hostile.port))
    return ImapProvider(
        Account("a", "A", None, 0, imap=wanted or settings(hostile.port)),
        numbers=numbers or MemoryNumbers(),
        connect=connector(reachable, timeouts=TIMEOUTS),
        warm_s=warm_s,
        clock=clock or Clock(),
    )


def octets(data: bytes = b"Subject: x\r\n\r\n") -> Octets:
    async def reading() -> AsyncIterator[bytes]:
        yield data

    return Octets(len(data), reading)


def answering(*answers: tuple[str, ...], capabilities: str = "IMAP4rev1") -> Script:
    """Let the client in and answer one command after another with lines and an OK."""

    async def script(peer: Peer) -> None:
        await peer.log_in(capabilities)
        for lines in answers:
            await peer.answer(*lines)
        await peer.hang()

    return script


def listing(*lines: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The answers to LIST and LSUB."""
    return tuple(f"* LIST {line}" for line in lines), ()


INBOX = '() "/" INBOX'
SELECTED = ("* 1 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 9] x")


async def message(numbers: MemoryNumbers, uid: int = 1) -> str:
    return pack_message(await numbers.get_number("INBOX", "7"), uid)


# Mailboxes


async def test_what_cannot_be_selected_is_hidden() -> None:
    lines = listing('(\\Noselect) "/" a', '(\\NonExistent) "/" b', INBOX, '() "/" Entw&APw-rfe')
    async with hostile_imap(answering(*lines)) as hostile:
        mine = provider(hostile)
        assert [one.path for one in await mine.mailboxes()] == ["INBOX", "Entwürfe"]
        drafts = await mine.find_mailbox(SpecialUse.DRAFTS)
        assert drafts is not None
        assert (drafts.path, drafts.special_use_source) == ("Entwürfe", "name")
        await mine.close()


async def test_the_users_word_wins_over_the_servers_and_that_over_a_name() -> None:
    lines = listing(INBOX, '() "/" Sent', '(\\Sent) "/" Dispatched', '() "/" Mine')
    async with hostile_imap(answering(*lines)) as hostile:
        mine = provider(
            hostile,
            wanted=ImapSettings("127.0.0.1", 1, sent_path="Mine"),
        )
        uses = {one.path: one.special_use_source for one in await mine.mailboxes()}
        assert uses == {
            "INBOX": "extension",
            "Sent": None,
            "Dispatched": None,
            "Mine": "user",
        }
        sent = await mine.find_mailbox(SpecialUse.SENT)
        assert sent is not None
        assert sent.path == "Mine"
        await mine.close()


async def test_names_deep_in_the_tree_mean_nothing() -> None:
    lines = listing(INBOX, '() "/" Trash/Sent', '() "/" INBOX/Junk', '() "/" Work/Archive')
    async with hostile_imap(answering(*lines)) as hostile:
        mine = provider(hostile)
        uses = {one.path: one.special_use for one in await mine.mailboxes()}
        assert uses["INBOX/Junk"] is SpecialUse.JUNK
        assert uses["Trash/Sent"] is None
        assert uses["Work/Archive"] is None
        await mine.close()


async def test_names_that_no_listing_has_are_spelled_as_the_connection_does() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 ENABLE UTF8=ACCEPT LITERAL+")
        await peer.answer("* ENABLED UTF8=ACCEPT")
        for lines in listing(INBOX):
            await peer.answer(*lines)
        octets = "Größe & Co".encode()
        assert (await peer.hear()).endswith(b" CREATE {%d+}" % len(octets))
        assert await peer.hear() == octets
        await peer.say("A5 NO [CANNOT] full")
        for lines in listing(INBOX):
            await peer.answer(*lines)
        await peer.hang()

    async with hostile_imap(script) as hostile:
        mine = provider(hostile)
        with pytest.raises(Invalid):
            await mine.create_mailbox(["Größe & Co"])
        await mine.close()


@pytest.mark.parametrize(
    ("uids", "named"), [(range(1, 4), "1:3"), (range(1, 20_000, 2), "$")], ids=["few", "many"]
)
async def test_very_many_matches_are_named_by_what_the_server_kept(
    uids: Sequence[int], named: str
) -> None:
    found = ",".join(map(str, uids))
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 ESEARCH SEARCHRES MOVE UIDPLUS")
        answers = {
            b"LIST": (f"* LIST {INBOX}", '* LIST () "/" Archive'),
            b"SELECT": (f"* {len(uids)} EXISTS", "* OK [UIDVALIDITY 7] x"),
            b"UID SEARCH": (f'* ESEARCH (TAG "A9") UID ALL {found}',),
            b"UID MOVE": (f"* OK [COPYUID 8 {found} 1:{len(uids)}] x",),
        }
        while True:
            words = (await peer.hear()).split(b" ")
            name = b" ".join(words[1:3]) if words[1] == b"UID" else words[1]
            heard.append(b" ".join(words[1:]))
            await peer.say(*answers.get(name, ()), "{tag} OK done")

    async with hostile_imap(script) as hostile:
        mine = provider(hostile)
        moved = await mine.move_all("INBOX", SearchQuery(), "Archive")
        await mine.close()
    assert f"UID MOVE {named} Archive".encode() in heard
    assert sum(line.startswith(b"UID MOVE") for line in heard) == 1
    assert b"UID SEARCH RETURN (SAVE ALL) ALL" in heard
    assert moved.id_map is not None
    assert len(moved.id_map) == len(uids)


async def test_an_empty_listing_is_the_servers_fault_and_ends_the_connection() -> None:
    async with hostile_imap(answering((), ())) as hostile:
        mine = provider(hostile)
        with pytest.raises(Unavailable):
            await mine.mailboxes()
        with pytest.raises(Unavailable):
            await mine.mailboxes()
        assert len(hostile.peers) == 2
        await mine.close()


async def test_a_use_is_found_from_memory_and_looked_for_again_when_that_is_old() -> None:
    first, second = listing(INBOX), listing(INBOX, '() "/" Sent')
    clock = Clock()
    async with hostile_imap(answering(*first, *second)) as hostile:
        mine = provider(hostile, clock=clock)
        assert await mine.find_mailbox(SpecialUse.SENT) is None
        assert await mine.find_mailbox(SpecialUse.SENT) is None
        assert len(hostile.peers[0].heard) == 3
        clock.now = 61.0
        assert await mine.find_mailbox(SpecialUse.SENT) is not None
        assert len(hostile.peers[0].heard) == 5
        await mine.close()


async def test_a_name_that_no_encoder_writes_is_used_as_the_server_spelled_it() -> None:
    lines = listing(INBOX, '() "/" "A&B"')
    async with hostile_imap(answering(*lines, SELECTED, ())) as hostile:
        mine = provider(hostile)
        assert [one.path for one in await mine.mailboxes()] == ["INBOX", "A&B"]
        await mine.find_by_message_id("A&B", "<x@y>")
        assert hostile.peers[0].heard[3] == b"A4 EXAMINE A&B"
        await mine.close()


# Who files sent mail


@pytest.mark.parametrize(
    ("host", "files"),
    [
        ("imap.gmail.com", True),
        ("outlook.office365.com", True),
        ("imap-mail.outlook.com", True),
        ("imap.example.com", False),
        ("office365.com.example.com", False),
    ],
)
async def test_known_hosts_are_believed_at_once(host: str, files: bool) -> None:
    async with hostile_imap(answering()) as hostile:
        mine = provider(hostile, wanted=settings(1, host))
        assert mine.traits.files_sent is files


@pytest.mark.parametrize(
    ("capabilities", "attribute", "files"),
    [
        ("IMAP4rev1 X-GM-EXT-1 SPECIAL-USE", "\\All", True),
        ("IMAP4rev1 X-GM-EXT-1 SPECIAL-USE", "\\Archive", False),
        ("IMAP4rev1 SPECIAL-USE", "\\All", False),
    ],
)
async def test_gmail_is_known_by_its_extension_and_all_mail(
    capabilities: str, attribute: str, files: bool
) -> None:
    lines = listing(INBOX, f'({attribute}) "/" "[Gmail]/X"')
    async with hostile_imap(answering(*lines, capabilities=capabilities)) as hostile:
        mine = provider(hostile)
        await mine.mailboxes()
        assert mine.traits.files_sent is files
        await mine.close()


# Filing


async def test_without_uidplus_the_place_is_unknown() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 LITERAL+")
        await peer.hear()
        await peer.hear_octets(16)
        await peer.say("A2 OK done")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        mine = provider(hostile)
        assert await mine.append("inbox", octets(), flags=[]) == Appended("INBOX")
        await mine.close()


@pytest.mark.parametrize(
    ("path", "flags", "error"),
    [("nul\0", [], NotFound), ("x", ["no flag"], Invalid), ("x", ["\r\nA9 LOGOUT"], Invalid)],
)
async def test_what_cannot_be_said_is_not_sent(
    path: str, flags: list[str], error: type[Exception]
) -> None:
    async with hostile_imap(answering()) as hostile:
        mine = provider(hostile)
        with pytest.raises(error):
            await mine.append(path, octets(), flags=flags)
        assert all(len(peer.heard) == 1 for peer in hostile.peers)
        await mine.close()


async def test_a_full_mailbox_is_a_remote_failure_with_its_code() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say("{tag} NO [OVERQUOTA] full")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        mine = provider(hostile)
        with pytest.raises(RemoteFailure) as caught:
            await mine.append("Sent", octets(), flags=[])
        assert caught.value.code == "OVERQUOTA"
        await mine.close()


# Connections


async def test_a_warm_connection_that_dies_before_the_literal_is_replaced() -> None:
    async def dying(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* LIST () NIL INBOX")
        await peer.answer()
        await peer.hear()  # APPEND, which waits for "+"

    async def lasting(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say("+ go")
        await peer.hear_octets(16)
        await peer.say("A2 OK done")
        await peer.hang()

    async with hostile_imap(dying, lasting) as hostile:
        mine = provider(hostile)
        await mine.mailboxes()
        await mine.append("Sent", octets(), flags=[])
        assert len(hostile.peers) == 2
        await mine.close()


async def test_a_message_that_may_have_been_filed_is_not_filed_again() -> None:
    async def dying(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* LIST () NIL INBOX")
        await peer.answer()
        await peer.hear()
        await peer.say("+ go")
        await peer.hear_octets(16)

    async with hostile_imap(dying) as hostile:
        mine = provider(hostile)
        await mine.mailboxes()
        with pytest.raises(Unavailable) as caught:
            await mine.append("Sent", octets(), flags=[])
        assert caught.value.code == "IMAPConnectionClosing"
        assert len(hostile.peers) == 1
        await mine.close()


async def test_a_read_on_a_dying_warm_connection_is_done_once_more() -> None:
    async def dying(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* LIST () NIL INBOX")
        await peer.answer()
        await peer.hear()

    async with hostile_imap(dying, answering(SELECTED, ("* SEARCH 4 9",))) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        await mine.mailboxes()
        found = await mine.find_by_message_id("INBOX", "<x@y>")
        assert found == await message(numbers, 9)
        await mine.close()


async def test_a_fresh_connection_that_dies_is_not_tried_again() -> None:
    async def dying(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()

    async with hostile_imap(dying) as hostile:
        mine = provider(hostile)
        with pytest.raises(Unavailable):
            await mine.mailboxes()
        assert len(hostile.peers) == 1
        await mine.close()


async def test_idle_connections_are_logged_out_after_a_while() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.answer("* LIST () NIL INBOX")
        await peer.answer()
        assert (await peer.hear()).endswith(b"LOGOUT")
        left.set()

    left = asyncio.Event()
    async with hostile_imap(script) as hostile:
        mine = provider(hostile, warm_s=0.01)
        await mine.mailboxes()
        await asyncio.wait_for(left.wait(), 5)
        await mine.close()


async def test_at_most_two_connections_work_at_once() -> None:
    async with hostile_imap(answering(*listing(INBOX) * 10)) as hostile:
        mine = provider(hostile)
        await asyncio.gather(*[mine.mailboxes() for _ in range(6)])
        assert len(hostile.peers) == 2
        await mine.close()


async def test_a_closed_provider_dials_no_more() -> None:
    async with hostile_imap(answering()) as hostile:
        mine = provider(hostile)
        await mine.close()
        with pytest.raises(Unavailable):
            await mine.mailboxes()
        assert hostile.peers == []


async def test_nobody_there_is_unavailable() -> None:
    async with hostile_imap(answering()) as hostile:
        mine = provider(hostile)
    with pytest.raises(Unavailable) as caught:
        await mine.mailboxes()
    assert caught.value.code == "IMAPUnavailable"


async def test_a_refused_login_stays_what_it_is() -> None:
    async def script(peer: Peer) -> None:
        await peer.say("* OK [CAPABILITY X] hi")
        await peer.hear()
        await peer.say("{tag} NO [AUTHENTICATIONFAILED] no")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        with pytest.raises(AuthenticationRefused):
            await provider(hostile).mailboxes()


async def test_nonsense_is_a_remote_failure() -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say("A99 OK what")

    async with hostile_imap(script) as hostile:
        with pytest.raises(RemoteFailure):
            await provider(hostile).mailboxes()


# Messages


async def test_another_uidvalidity_is_another_mailbox() -> None:
    async with hostile_imap(
        answering(("* 1 EXISTS", "* OK [UIDVALIDITY 8] x", "* OK [UIDNEXT 9] x"))
    ) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        with pytest.raises(NotFound):
            await mine.read_reference(await message(numbers))
        await mine.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [("", NotFound), ("[NONEXISTENT] ", NotFound), ("[UNAVAILABLE] ", RemoteFailure)],
)
async def test_a_mailbox_that_is_gone_is_told_from_one_that_is_ill(
    code: str, error: type[Exception]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in()
        await peer.hear()
        await peer.say(f"{{tag}} NO {code}sorry")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        with pytest.raises(error):
            await mine.read_reference(await message(numbers))
        await mine.close()


async def test_a_reference_has_thread_clean_flags_and_crlf_headers() -> None:
    row = (
        "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) X-GM-THRID 99 "
        'BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 1 1) '
        "BODY[HEADER] {12}\r\nA: b\nC: d\n\n\n)"
    )
    script = answering(SELECTED, (row,), capabilities="IMAP4rev1 X-GM-EXT-1")
    async with hostile_imap(script) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        reference = await mine.read_reference(await message(numbers))
        assert reference.headers == b"A: b\r\nC: d"
        assert (reference.flags, reference.thread_id) == (("\\Seen",), "99")
        assert reference.parts == ()
        assert b"X-GM-THRID" in hostile.peers[0].heard[2]
        await mine.close()


IMAGE = '* 1 FETCH (UID 1 BODYSTRUCTURE ("image" "png" NIL NIL NIL "base64" {size} NIL NIL))'


async def test_a_part_that_is_said_to_be_too_large_is_not_fetched() -> None:
    async with hostile_imap(answering(SELECTED, (IMAGE.format(size=11),))) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        with pytest.raises(TooLarge):
            await mine.read_part(await message(numbers), "1", max_bytes=10)
        assert len(hostile.peers[0].heard) == 3
        await mine.close()


async def test_a_part_that_is_larger_than_said_is_refused() -> None:
    rows = ((IMAGE.format(size=4),), ('* 1 FETCH (UID 1 BODY[1] "QUJDQUJDQUJD")',))
    async with hostile_imap(answering(SELECTED, *rows)) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        with pytest.raises(TooLarge):
            await mine.read_part(await message(numbers), "1", max_bytes=10)
        await mine.close()


async def test_flags_that_would_not_last_are_not_set() -> None:
    select = (*SELECTED, "* OK [PERMANENTFLAGS (\\Answered \\Seen)] x")
    async with hostile_imap(
        answering(select, ("* 1 FETCH (UID 1 FLAGS (\\Answered))",))
    ) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        await mine.add_flags(await message(numbers), ["\\Answered", "$Forwarded"])
        assert hostile.peers[0].heard[2] == b"A3 UID STORE 1 +FLAGS (\\Answered)"
        await mine.close()


async def test_silence_of_store_is_no_proof_that_the_message_is_gone() -> None:
    rows = ((), ("* 1 FETCH (UID 1)",))
    async with hostile_imap(answering(SELECTED, *rows)) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        await mine.add_flags(await message(numbers), ["\\Seen"])
        await mine.close()


async def test_a_mailbox_that_can_only_be_read_takes_no_flags() -> None:
    async with hostile_imap(answering((*SELECTED, "* OK [READ-ONLY] x"))) as hostile:
        numbers = MemoryNumbers()
        mine = provider(hostile, numbers=numbers)
        with pytest.raises(RemoteFailure):
            await mine.add_flags(await message(numbers), ["\\Seen"])
        await mine.close()


@pytest.mark.parametrize(
    "query",
    [SearchQuery(email_id="M1"), SearchQuery(email_ids=("M1", "M2")), SearchQuery(thread_id="T1")],
)
async def test_ids_that_the_server_does_not_give_cannot_be_searched_for(query: SearchQuery) -> None:
    async with hostile_imap(answering(SELECTED)) as hostile:
        mine = provider(hostile)
        with pytest.raises(Unprocessable) as caught:
            await mine.search("INBOX", query, PageWish())
        assert caught.value.code == "MissingServerExtension"
        await mine.close()
