"""What lists have shown: found again, bounded, gone when it has to be."""

from __future__ import annotations

from dataclasses import replace

from postroad.domain.address import Address
from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.engine.providers.kept import KeptMailbox, KeptMailboxes, Shelf
from postroad.protocol.imap.fetch import Fetched


def summary(uid: int, subject: str = "x") -> MessageSummary:
    return MessageSummary(f"m{uid}", uid, "INBOX", subject=subject)


def mailbox(shelf: Shelf, name: bytes = b"INBOX", life: int = 1) -> KeptMailbox:
    found = KeptMailboxes(shelf).of(name, life)
    assert found is not None
    return found


def fill(kept: KeptMailbox, uids: range) -> None:
    for uid in uids:
        kept.add(Fetched(uid, uid), summary(uid))


def test_an_entry_is_found_by_its_uid_as_it_was_made() -> None:
    kept = mailbox(Shelf())
    fill(kept, range(1, 4))

    assert kept.find(2) == summary(2)
    assert kept.find(9) is None
    assert kept.find(None) is None
    assert len(kept) == 3


def test_most_of_a_page_has_to_be_known_to_be_expected() -> None:
    kept = mailbox(Shelf())
    fill(kept, range(1, 61))

    assert kept.expects(1, 100)
    assert not kept.expects(21, 120)
    assert not kept.expects(61, 61)


def test_numbers_move_with_the_messages() -> None:
    kept = mailbox(Shelf())
    fill(kept, range(50, 60))

    kept.listed(Fetched(number, number + 49) for number in range(1, 11))

    assert kept.expects(1, 10)


def test_all_mailboxes_together_stay_within_the_room_and_the_unused_go_first() -> None:
    shelf = Shelf(max_bytes=20_000)
    old, other = mailbox(shelf), mailbox(shelf, b"Other")
    fill(old, range(1, 11))
    fill(other, range(1, 11))
    shelf.touch(old)

    fill(mailbox(shelf, b"New"), range(1, 11))

    assert shelf.size <= 20_000
    assert len(other) == 0
    assert 0 < len(old) < 10
    assert old.find(10) is not None


def test_a_mailbox_larger_than_the_room_keeps_what_was_added_last() -> None:
    shelf = Shelf(max_bytes=10_000)
    mailbox(shelf, b"Empty")
    kept = mailbox(shelf)

    fill(kept, range(1, 1001))

    assert shelf.size <= 10_000
    assert kept.find(1000) is not None
    assert kept.find(1) is None
    assert not kept.expects(1, 100)
    assert kept.expects(1000, 1000)


def test_large_and_unread_messages_are_not_kept() -> None:
    kept = mailbox(Shelf())
    crowd = tuple(Address(f"{n}@x.test", "A name") for n in range(100))

    kept.add(Fetched(1, 1), replace(summary(1), to=crowd))
    kept.add(Fetched(2, 2), summary(2, "y" * 10_000))
    kept.add(Fetched(3, 3), UnreadMessage(3, "broken"))
    kept.add(Fetched(4), summary(4))

    assert len(kept) == 0


def test_an_entry_made_anew_takes_the_place_of_the_old_one() -> None:
    shelf = Shelf()
    kept = mailbox(shelf)
    fill(kept, range(1, 2))
    size = shelf.size

    kept.add(Fetched(7, 1), summary(1))

    assert shelf.size == size
    assert len(kept) == 1


def test_a_new_life_begins_with_nothing_and_the_old_one_takes_nothing_more() -> None:
    shelf = Shelf()
    account = KeptMailboxes(shelf)
    old = account.of(b"INBOX", 1)
    assert old is not None
    fill(old, range(1, 4))

    new = account.of(b"INBOX", 2)
    fill(old, range(1, 4))

    assert new is not None
    assert new.find(1) is None
    assert len(old) == 0
    assert shelf.size == 0
    assert account.of(b"INBOX", None) is None


def test_an_account_keeps_a_bounded_number_of_mailboxes() -> None:
    shelf = Shelf()
    account = KeptMailboxes(shelf)
    for n in range(100):
        one = account.of(b"%d" % n, 1)
        assert one is not None
        fill(one, range(1, 2))
    first, last = account.of(b"0", 1), account.of(b"99", 1)

    assert first is not None
    assert last is not None
    assert (len(first), len(last)) == (0, 1)
    account.clear()
    assert shelf.size == 0
