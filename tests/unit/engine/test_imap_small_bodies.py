"""Fetching the bodies of several messages at once."""

from __future__ import annotations

from collections.abc import Sequence

from postroad.engine.providers.imap_reading import fetch_small_bodies
from postroad.engine.providers.results import PartWish
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.mime.part import BodyPart

WISH = (PartWish("1"),)


class Mailbox:
    """Messages with one part each, by UID; notes what is asked for."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytes] = {}
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def add(self, uid: int, body: bytes, *, size: int | None = None) -> Fetched:
        self.bodies[uid] = body
        part = BodyPart("1", "text", "plain", size=len(body) if size is None else size)
        return Fetched(uid, uid=uid, structure=part)

    async def uid_fetch(
        self, uids: NumSet, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        self.asked.append((str(uids), tuple(items)))
        return [
            Fetched(uid, uid=uid, sections={"1": body})
            for uid, body in self.bodies.items()
            if uid in set(uids)
        ]


async def test_messages_that_are_alike_share_a_command() -> None:
    mailbox = Mailbox()
    rows = [mailbox.add(uid, b"text %d" % uid) for uid in (1, 2, 3)]
    found = await fetch_small_bodies(mailbox, [(row, WISH) for row in rows])
    assert mailbox.asked == [("1:3", ("UID", "BODY.PEEK[1]"))]
    assert {uid: [one.octets for one in got] for uid, got in found.items()} == {
        1: [b"text 1"],
        2: [b"text 2"],
        3: [b"text 3"],
    }


async def test_one_that_is_unlike_all_others_is_left_to_be_read_alone() -> None:
    mailbox = Mailbox()
    rows = [mailbox.add(uid, b"text") for uid in (1, 2)]
    other = mailbox.add(3, b"other")
    messages = [*((row, WISH) for row in rows), (other, (PartWish("1", max_bytes=2),))]
    assert sorted(await fetch_small_bodies(mailbox, messages)) == [1, 2]


async def test_large_bodies_are_not_read_together() -> None:
    mailbox = Mailbox()
    rows = [mailbox.add(uid, b"", size=1_000_000) for uid in (1, 2)]
    assert await fetch_small_bodies(mailbox, [(row, WISH) for row in rows]) == {}
    assert mailbox.asked == []


async def test_one_that_has_gone_meanwhile_is_not_found() -> None:
    mailbox = Mailbox()
    rows = [mailbox.add(uid, b"text") for uid in (1, 2, 3)]
    del mailbox.bodies[2]
    assert sorted(await fetch_small_bodies(mailbox, [(row, WISH) for row in rows])) == [1, 3]
