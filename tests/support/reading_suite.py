"""The second half of the conformance suite: reading, changing, mailboxes.

Joined by the same subclass as :class:`~support.provider_suite.ProviderSuite`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from postroad.domain.errors import Invalid, NotFound, PostroadError
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import FlagChange
from postroad.domain.message_id import pack_attachment
from postroad.domain.search import SearchQuery, parse_ranges
from postroad.engine.providers.base import WholeProvider
from postroad.engine.providers.results import FoundMessage, PageWish, PartWish
from postroad.protocol.imap.fetch import Fetched
from support.provider_suite import PNG, file, octets, plain, with_parts

DAY_MS = 86_400_000


def dated(n: int, *, subject: str = "One", text: bytes = b"Hello\r\n") -> bytes:
    return (
        b"From: Sender %d <s%d@example.test>\r\nTo: b@example.test\r\n"
        b"Cc: c%d@example.test\r\nBcc: d%d@example.test\r\nSubject: %s\r\n"
        b"Message-ID: <%d@example.test>\r\nDate: %02d Aug 2021 15:00:00 +0000\r\n"
        b"X-Kind: %s\r\n\r\n"
        % (n, n, n, n, subject.encode(), n, 1 + n % 28, b"odd" if n % 2 else b"even")
    ) + text


def ids(messages: Sequence[FoundMessage]) -> list[str]:
    return [found.message for found in messages]


def header(row: Fetched) -> bytes:
    return row.sections.get("HEADER") or b""


class ReadingSuite:
    """The suite. Subclasses give ``provider``."""

    @pytest.fixture
    async def provider(self) -> WholeProvider:
        raise NotImplementedError("a subclass gives the provider")

    async def fill(self, provider: WholeProvider, count: int) -> list[str]:
        """Ids of ``count`` messages in INBOX, oldest first."""
        return [await file(provider, dated(n)) for n in range(count)]

    # Lists

    async def test_empty_mailbox_is_one_page_without_messages(
        self, provider: WholeProvider
    ) -> None:
        page = await provider.list_messages("INBOX", PageWish())
        assert (page.items, page.total, page.page, page.pages) == ((), 0, 0, 1)
        assert (page.next_cursor, page.prev_cursor) == (None, None)

    async def test_list_is_newest_first_in_pages(self, provider: WholeProvider) -> None:
        filed = await self.fill(provider, 5)
        first = await provider.list_messages("INBOX", PageWish(page_size=2))
        last = await provider.list_messages("INBOX", PageWish(page=2, page_size=2))
        assert ids(first.items) == [filed[4], filed[3]]
        assert ids(last.items) == [filed[0]]
        assert (first.total, first.pages, last.page) == (5, 3, 2)
        assert first.prev_cursor is None
        assert last.next_cursor is None

    async def test_page_past_the_end_is_empty(self, provider: WholeProvider) -> None:
        await self.fill(provider, 1)
        page = await provider.list_messages("INBOX", PageWish(page=7))
        assert (page.items, page.total, page.pages) == ((), 1, 1)

    async def test_cursor_leads_on_and_back(self, provider: WholeProvider) -> None:
        filed = await self.fill(provider, 3)
        first = await provider.list_messages("INBOX", PageWish(page_size=2))
        second = await provider.list_messages(
            "INBOX", PageWish(page=9, page_size=2, cursor=first.next_cursor)
        )
        back = await provider.list_messages(
            "INBOX", PageWish(page_size=2, cursor=second.prev_cursor)
        )
        assert ids(second.items) == [filed[0]]
        assert ids(back.items) == ids(first.items)

    @pytest.mark.parametrize(
        ("cursor", "code"),
        [("gmail_abc", "InvalidCursorType"), ("imap_!!", "InvalidCursorValue")],
    )
    async def test_cursor_of_somebody_else_is_refused(
        self, provider: WholeProvider, cursor: str, code: str
    ) -> None:
        with pytest.raises(Invalid) as caught:
            await provider.list_messages("INBOX", PageWish(cursor=cursor))
        assert caught.value.code == code

    async def test_list_tells_what_an_entry_shows(self, provider: WholeProvider) -> None:
        await provider.append(
            "INBOX", octets(with_parts()), flags=("\\Flagged",), date_ms=1_629_126_000_000
        )
        (found,) = (await provider.list_messages("INBOX", PageWish())).items
        row = found.row
        assert found.path == "INBOX"
        assert row.uid is not None
        assert row.size == len(with_parts())
        assert row.internal_date == 1_629_126_000_000
        assert row.flags is not None
        assert "\\Flagged" in row.flags
        assert row.structure is not None
        kinds = [node.content_type for node in row.structure.walk()]
        assert kinds == [
            "multipart/mixed",
            "multipart/related",
            "text/html",
            "image/png",
            "application/pdf",
        ]

    async def test_path_may_be_a_special_use(self, provider: WholeProvider) -> None:
        await self.fill(provider, 1)
        page = await provider.list_messages("\\Inbox", PageWish())
        assert [found.path for found in page.items] == ["INBOX"]
        assert (await provider.list_messages("\\Sent", PageWish())).total == 0

    @pytest.mark.parametrize("path", ["No such mailbox", "\\All", "\\Nonsense", "../etc", "/", ""])
    async def test_list_of_no_mailbox_is_not_found(
        self, provider: WholeProvider, path: str
    ) -> None:
        with pytest.raises(NotFound) as caught:
            await provider.list_messages(path, PageWish())
        assert caught.value.code == "FolderNotFound"

    async def test_new_mail_and_removed_mail_show_at_once(self, provider: WholeProvider) -> None:
        filed = await self.fill(provider, 2)
        assert (await provider.list_messages("INBOX", PageWish())).total == 2
        third = await file(provider, dated(3))
        assert ids((await provider.list_messages("INBOX", PageWish())).items)[0] == third
        await provider.remove(filed[0], force=True)
        assert ids((await provider.list_messages("INBOX", PageWish())).items) == [third, filed[1]]

    # Search

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (SearchQuery(), [3, 2, 1, 0]),
            (SearchQuery(seen=True), [1]),
            (SearchQuery(unseen=True), [3, 2, 0]),
            (SearchQuery(flagged=False, answered=False, draft=False, deleted=False), [3, 2, 1, 0]),
            (SearchQuery(from_="S2@example"), [2]),
            (SearchQuery(to="B@example"), [3, 2, 1, 0]),
            (SearchQuery(cc="c1@"), [1]),
            (SearchQuery(bcc="d3@example.test", cc="c3"), [3]),
            (SearchQuery(seen=False), [3, 2, 0]),
            (SearchQuery(unseen=False), [1]),
            (SearchQuery(answered=True), []),
            (SearchQuery(subject="münster"), [3]),
            (SearchQuery(body="needle"), [2]),
            (SearchQuery(headers=(("X-Kind", "odd"),)), [3, 1]),
            (SearchQuery(headers=(("X-Nothing", ""),)), []),
            (SearchQuery(headers=(("X-Kind", ""),), seen=True), [1]),
            (SearchQuery(larger=1_000_000), []),
            (SearchQuery(smaller=1_000_000), [3, 2, 1, 0]),
            (SearchQuery(sent_since=1_627_948_800_000), [3, 2]),
            (SearchQuery(sent_before=1_627_948_800_000), [1, 0]),
            (SearchQuery(since=3 * DAY_MS), [3, 2]),
            (SearchQuery(before=3 * DAY_MS), [1, 0]),
            (SearchQuery(seq=parse_ranges("2:3")), [2, 1]),
            (SearchQuery(seq=parse_ranges("*")), [3]),
            (SearchQuery(uid=parse_ranges("1:2,4")), [3, 1, 0]),
        ],
    )
    async def test_search_finds_what_fits(
        self, provider: WholeProvider, query: SearchQuery, expected: list[int]
    ) -> None:
        filed = []
        for n in range(4):
            message = dated(
                n,
                subject="=?utf-8?q?M=C3=BCnster?=" if n == 3 else "One",
                text=b"a needle here\r\n" if n == 2 else b"hay\r\n",
            )
            flags = ("\\Seen",) if n == 1 else ()
            await provider.append("INBOX", octets(message), flags=flags, date_ms=(n + 1) * DAY_MS)
            found = await provider.find_by_message_id("INBOX", f"<{n}@example.test>")
            assert found is not None
            filed.append(found)
        page = await provider.search("INBOX", query, PageWish())
        assert ids(page.items) == [filed[n] for n in expected]
        assert page.total == len(expected)

    async def test_search_is_paged(self, provider: WholeProvider) -> None:
        filed = await self.fill(provider, 5)
        query = SearchQuery(subject="One")
        page = await provider.search("INBOX", query, PageWish(page=1, page_size=2))
        assert ids(page.items) == [filed[2], filed[1]]
        assert (page.total, page.pages) == (5, 3)
        assert page.next_cursor is not None
        assert page.prev_cursor is not None

    async def test_search_that_only_gmail_knows_is_refused(self, provider: WholeProvider) -> None:
        with pytest.raises(PostroadError) as caught:
            await provider.search("INBOX", SearchQuery(gmail_raw="is:starred"), PageWish())
        assert caught.value.code == "MissingServerExtension"

    # One message

    async def test_message_is_read_with_headers_and_chosen_parts(
        self, provider: WholeProvider
    ) -> None:
        message = await file(provider, with_parts())
        seen: list[Fetched] = []

        def choose(row: Fetched) -> Sequence[PartWish]:
            seen.append(row)
            return [PartWish("1.1"), PartWish("2", 6), PartWish("9")]

        read = await provider.read_message(message, choose=choose)
        assert read.found.message == message
        assert read.mailbox.path == "INBOX"
        assert read.mailbox.special_use is SpecialUse.INBOX
        assert b"Message-ID: <parts@example.test>" in header(read.found.row)
        assert seen[0].structure is not None
        shown = [(body.part.part, body.octets, body.is_cut) for body in read.bodies]
        assert shown == [("1.1", b"<img src='cid:i@x'>", False), ("2", b"ten=3D", True)]

    async def test_message_that_is_named_by_an_attachment_is_shown_by_its_own_id(
        self, provider: WholeProvider
    ) -> None:
        message = await file(provider, with_parts())
        read = await provider.read_message(pack_attachment(message, "1.2"))
        assert read.found.message == message

    @pytest.mark.parametrize("size", [0, 100, 65_536, 200_000])
    async def test_parts_that_are_likely_are_read_the_same(
        self, provider: WholeProvider, size: int
    ) -> None:
        message = await file(provider, plain(body=(b"0123456" * 9 + b"\r\n") * (size // 65)))
        for max_bytes in (None, 10, 70_000):

            def choose(row: Fetched, limit: int | None = max_bytes) -> Sequence[PartWish]:
                return [PartWish("1", limit)]

            seen = []
            for likely in ((), ("1",), ("1", "2", "1.1", "x")):
                read = await provider.read_message(message, choose=choose, likely=likely)
                # A server may give an empty part as nothing.
                seen.append([body for body in read.bodies if body.octets])
            assert seen[0] == seen[1] == seen[2]

    async def test_reading_with_mark_seen_shows_it(self, provider: WholeProvider) -> None:
        message = await file(provider, plain())
        before = await provider.read_message(message)
        assert "\\Seen" not in (before.found.row.flags or ())
        marked = await provider.read_message(message, mark_seen=True)
        assert "\\Seen" in (marked.found.row.flags or ())
        again = await provider.read_message(message)
        assert "\\Seen" in (again.found.row.flags or ())

    async def test_part_streams_decoded(self, provider: WholeProvider) -> None:
        message = await file(provider, with_parts())
        part = await provider.open_part(message, "1.2")
        assert b"".join([chunk async for chunk in part.chunks]) == PNG
        assert (part.info.content_type, part.info.filename) == ("image/png", "i.png")
        assert part.size in (None, len(PNG))

    async def test_source_streams_whole(self, provider: WholeProvider) -> None:
        body = b"".join(b"%07d" % n + b"x" * 60 + b"\r\n" for n in range(30_000))
        message = await file(provider, plain(body=body))
        source = await provider.open_source(message)
        assert b"".join([chunk async for chunk in source.chunks]) == plain(body=body)
        assert source.size in (None, len(plain(body=body)))
        assert "\\Seen" not in ((await provider.read_message(message)).found.row.flags or ())

    async def test_streams_given_up_leave_no_trace(self, provider: WholeProvider) -> None:
        body = b"".join(b"%07d" % n + b"x" * 60 + b"\r\n" for n in range(30_000))
        message = await file(provider, plain(body=body))
        for _ in range(5):
            source = await provider.open_source(message)
            async for _chunk in source.chunks:
                break
            await source.chunks.aclose()  # type: ignore[attr-defined]  # all are generators
        part = await provider.open_part(message, "1")
        assert b"".join([chunk async for chunk in part.chunks]) == body

    @pytest.mark.parametrize("message", ["AAAAYwAAAAE", "not an id"])
    async def test_nothing_can_be_done_with_no_message(
        self, provider: WholeProvider, message: str
    ) -> None:
        for attempt in (
            provider.read_message(message),
            provider.open_part(message, "1"),
            provider.open_source(message),
            provider.change_flags(message, FlagChange(add=("\\Seen",))),
            provider.move(message, "\\Trash"),
            provider.remove(message),
        ):
            with pytest.raises(NotFound) as caught:
                await attempt
            assert caught.value.code == "MessageNotFound"

    async def test_part_that_no_message_has_cannot_be_opened(self, provider: WholeProvider) -> None:
        message = await file(provider, plain())
        for part in ("3", "x", "1.1"):
            with pytest.raises(NotFound):
                await provider.open_part(message, part)

    # Changes

    async def flags_of(self, provider: WholeProvider, message: str) -> set[str]:
        row = (await provider.read_message(message)).found.row
        return {flag for flag in row.flags or () if flag != "\\Recent"}

    async def test_flags_are_added_taken_and_replaced(self, provider: WholeProvider) -> None:
        message = await file(provider, plain(), flags=("\\Seen",))
        change = FlagChange(add=("\\Flagged", "$Own"), delete=("\\Seen",))
        await provider.change_flags(message, change)
        assert await self.flags_of(provider, message) == {"\\Flagged", "$Own"}
        await provider.change_flags(message, FlagChange(set=("\\Answered",), add=("\\Draft",)))
        assert await self.flags_of(provider, message) == {"\\Answered"}
        await provider.change_flags(message, FlagChange(set=()))
        assert await self.flags_of(provider, message) == set()

    async def test_moved_message_has_a_new_id(self, provider: WholeProvider) -> None:
        message = await file(provider, plain(), flags=("\\Flagged",))
        moved = await provider.move(message, "\\Trash")
        (found,) = (await provider.list_messages("\\Trash", PageWish())).items
        assert moved.path == found.path
        assert moved.message in (None, found.message)
        assert moved.uid in (None, found.row.uid)
        assert "\\Flagged" in (found.row.flags or ())
        assert (await provider.list_messages("INBOX", PageWish())).total == 0
        with pytest.raises(NotFound):
            await provider.read_message(message)

    async def test_move_to_nowhere_leaves_the_message(self, provider: WholeProvider) -> None:
        message = await file(provider, plain())
        with pytest.raises(NotFound) as caught:
            await provider.move(message, "No such mailbox")
        assert caught.value.code == "FolderNotFound"
        assert (await provider.read_message(message)).found.message == message

    async def test_removed_message_goes_to_trash_and_from_there_for_good(
        self, provider: WholeProvider
    ) -> None:
        message = await file(provider, plain())
        removal = await provider.remove(message)
        assert not removal.is_deleted
        assert removal.moved is not None
        (found,) = (await provider.list_messages(removal.moved.path, PageWish())).items
        again = await provider.remove(found.message)
        assert again.is_deleted
        assert again.moved is None
        assert (await provider.list_messages(removal.moved.path, PageWish())).total == 0

    @pytest.mark.parametrize(("path", "force"), [("INBOX", True), ("\\Junk", False)])
    async def test_junk_and_force_go_for_good(
        self, provider: WholeProvider, path: str, force: bool
    ) -> None:
        await provider.append(path, octets(plain()), flags=())
        (found,) = (await provider.list_messages(path, PageWish())).items
        assert (await provider.remove(found.message, force=force)).is_deleted
        assert (await provider.list_messages("\\Trash", PageWish())).total == 0

    async def test_removing_one_leaves_others_that_are_marked_deleted(
        self, provider: WholeProvider
    ) -> None:
        kept = await file(provider, dated(1), flags=("\\Deleted",))
        gone = await file(provider, dated(2))
        await provider.remove(gone, force=True)
        assert ids((await provider.list_messages("INBOX", PageWish())).items) == [kept]

    # Changes of all that match

    async def test_flags_of_all_matches_change(self, provider: WholeProvider) -> None:
        filed = await self.fill(provider, 3)
        query = SearchQuery(headers=(("X-Kind", "even"),))
        await provider.change_flags_of("INBOX", query, FlagChange(add=("\\Seen",)))
        seen = ["\\Seen" in await self.flags_of(provider, message) for message in filed]
        assert seen == [True, False, True]
        nothing = SearchQuery(subject="nowhere")
        await provider.change_flags_of("INBOX", nothing, FlagChange(set=("\\Draft",)))

    async def test_all_matches_move_with_a_map_of_ids(self, provider: WholeProvider) -> None:
        filed = await self.fill(provider, 3)
        query = SearchQuery(headers=(("X-Kind", "even"),))
        moved = await provider.move_all("INBOX", query, "\\Trash")
        there = ids((await provider.list_messages("\\Trash", PageWish())).items)
        assert len(there) == 2
        if moved.id_map is not None:
            assert dict(moved.id_map) == {filed[0]: there[1], filed[2]: there[0]}
        assert ids((await provider.list_messages("INBOX", PageWish())).items) == [filed[1]]

    async def test_moving_no_match_maps_nothing(self, provider: WholeProvider) -> None:
        moved = await provider.move_all("INBOX", SearchQuery(subject="nowhere"), "\\Trash")
        assert not moved.id_map

    async def test_all_matches_are_removed_as_one_is(self, provider: WholeProvider) -> None:
        await self.fill(provider, 3)
        removal = await provider.remove_all("INBOX", SearchQuery(subject="One"))
        assert not removal.is_deleted
        assert removal.moved is not None
        assert (await provider.list_messages("\\Trash", PageWish())).total == 3
        again = await provider.remove_all("\\Trash", SearchQuery())
        assert again.is_deleted
        assert (await provider.list_messages("\\Trash", PageWish())).total == 0

    # Mailboxes

    async def test_special_mailboxes_are_listed_first(self, provider: WholeProvider) -> None:
        made = await provider.create_mailbox(["A mailbox"])
        paths = [entry.mailbox.path for entry in await provider.entries()]
        assert paths[0] == "INBOX"
        assert paths[-1] == made.path
        assert len(paths) >= 6

    async def test_counters_are_told_when_asked_for(self, provider: WholeProvider) -> None:
        await file(provider, dated(1), flags=("\\Seen",))
        await file(provider, dated(2))
        entry = next(
            entry
            for entry in await provider.entries(counters=True)
            if entry.mailbox.path == "INBOX"
        )
        assert entry.counters is not None
        assert (entry.counters.messages, entry.counters.unseen) == (2, 1)
        plainly = (await provider.entries())[0]
        assert plainly.counters is None

    async def test_mailbox_is_made_once_and_holds_messages(self, provider: WholeProvider) -> None:
        made = await provider.create_mailbox(["Kunden", "Größe"])
        assert made.is_new
        assert not (await provider.create_mailbox([made.path])).is_new
        await provider.append(made.path, octets(plain()), flags=())
        assert (await provider.list_messages(made.path, PageWish())).total == 1
        listed = next(e for e in await provider.entries() if e.mailbox.path == made.path)
        assert listed.name == "Größe"
        assert listed.parent_path == made.path.rpartition(listed.mailbox.delimiter or "/")[0]
        assert listed.parent_path.endswith("Kunden")

    @pytest.mark.parametrize("levels", [[""], ["a", ""], ["bad\x01name"]])
    async def test_name_that_no_mailbox_can_have_is_refused(
        self, provider: WholeProvider, levels: list[str]
    ) -> None:
        with pytest.raises(Invalid):
            await provider.create_mailbox(levels)

    async def test_renamed_mailbox_keeps_messages_and_not_their_ids(
        self, provider: WholeProvider
    ) -> None:
        path = (await provider.create_mailbox(["Old"])).path
        await provider.append(path, octets(plain()), flags=())
        (old,) = (await provider.list_messages(path, PageWish())).items
        renamed = await provider.rename_mailbox(path, ["New"])
        assert renamed == path.replace("Old", "New")
        (new,) = (await provider.list_messages(renamed, PageWish())).items
        assert new.message != old.message
        with pytest.raises(NotFound):
            await provider.list_messages(path, PageWish())
        with pytest.raises(NotFound):
            await provider.read_message(old.message)

    async def test_rename_of_nothing_or_onto_another_is_refused(
        self, provider: WholeProvider
    ) -> None:
        with pytest.raises((Invalid, NotFound)):
            await provider.rename_mailbox("Nothing", ["Something"])
        one = await provider.create_mailbox(["One"])
        await provider.create_mailbox(["Two"])
        with pytest.raises(Invalid):
            await provider.rename_mailbox(one.path, ["Two"])

    async def test_subscription_changes(self, provider: WholeProvider) -> None:
        path = (await provider.create_mailbox(["Box"])).path
        for wanted in (True, False):
            assert await provider.subscribe(path, subscribed=wanted)
            entry = next(e for e in await provider.entries() if e.mailbox.path == path)
            assert entry.mailbox.subscribed is wanted

    async def test_deleted_mailbox_is_gone_and_its_ids_with_it(
        self, provider: WholeProvider
    ) -> None:
        path = (await provider.create_mailbox(["Box"])).path
        await provider.append(path, octets(plain()), flags=())
        (found,) = (await provider.list_messages(path, PageWish())).items
        assert await provider.delete_mailbox(path)
        assert all(entry.mailbox.path != path for entry in await provider.entries())
        with pytest.raises(NotFound):
            await provider.read_message(found.message)

    async def test_inbox_cannot_be_deleted(self, provider: WholeProvider) -> None:
        assert not await provider.delete_mailbox("INBOX")
        assert (await provider.entries())[0].mailbox.path == "INBOX"
