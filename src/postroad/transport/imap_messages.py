"""Commands about messages of the selected mailbox, with the best that the server can do for each.

Functions over an :class:`ImapWire`; :class:`~postroad.transport.imap.ImapConnection` offers them.
Long sets of UIDs are cut into as many commands as fit on a line each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap import message_commands
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.fetch import Fetched, merge_numbered, merge_rows
from postroad.protocol.imap.message_commands import SearchWord
from postroad.protocol.imap.numset import NONE, MessageSet, NumSet
from postroad.protocol.imap.response import Untagged
from postroad.protocol.imap.search import Esearch, Search, Sort
from postroad.protocol.imap.status import CopyUidCode, ModifiedCode, Status
from postroad.protocol.imap.vanished import Vanished
from postroad.transport.imap_errors import CommandRefused
from postroad.transport.imap_wire import DEFAULT_MAX_ANSWER_BYTES, ImapWire

_FETCH_ROOM = 64 * 1024  # beside the octets that were asked for
_MAX_STREAM_BYTES = 8 * 1024 * 1024 * 1024  # of one streamed fetch
_MAX_FOUND = 8_000_000  # messages; no mailbox has more
_MANY_ROWS = 100_000  # that may come on top of what a mailbox holds
_FEW_RANGES = 8


async def fetch(
    wire: ImapWire, uids: MessageSet, items: Sequence[str], *, max_bytes: int
) -> list[Fetched]:
    """Fetch and join rows of the same message; see :meth:`ImapConnection.uid_fetch`.

    What the server tells of other messages amid the answer is news like any other.
    """
    rows: list[Fetched] = []
    for piece in uids.pieces():
        told = await _fetch(wire, message_commands.uid_fetch(piece, items), max_bytes)
        if not isinstance(piece, NumSet):
            rows += told
            continue
        rows += merge_rows(told, piece)
        is_wanted = _membership(piece)
        for row in told:
            if row.flags is not None and (row.uid is None or not is_wanted(row.uid)):
                wire.news.hear(row)
    return rows


async def fetch_numbers(
    wire: ImapWire, low: int, high: int, items: Sequence[str], *, max_bytes: int
) -> list[Fetched]:
    """:func:`fetch` by message numbers; see :meth:`ImapConnection.fetch_numbers`."""
    told = await _fetch(wire, message_commands.fetch(low, high, items), max_bytes)
    return merge_numbered(told, low, high)


async def _fetch(wire: ImapWire, command: Command, max_bytes: int) -> list[Fetched]:
    session = wire.session
    before = session.max_response_bytes
    session.max_response_bytes = max(before, max_bytes + _FETCH_ROOM)
    try:
        answer = await wire.run(
            command,
            wants=(Fetched,),
            max_answer_bytes=max(DEFAULT_MAX_ANSWER_BYTES, max_bytes + _FETCH_ROOM),
        )
    finally:
        session.max_response_bytes = before
    return [row for row in answer.told if isinstance(row, Fetched)]


async def fetch_stream(
    wire: ImapWire,
    uids: MessageSet,
    items: Sequence[str],
    on_row: Callable[[Fetched], None],
    *,
    changed_since: int | None,
    vanished: bool,
) -> NumSet:
    """Hand over rows as they come; see :meth:`ImapConnection.uid_fetch_stream`."""
    gone: list[tuple[int, int]] = []
    selected = wire.selected
    rows_left = _MANY_ROWS + 4 * min(_MAX_FOUND, selected.exists if selected else 0)
    has_modseqs = wire.session.can("CONDSTORE")
    if changed_since is not None and not has_modseqs:
        changed_since = None
    vanished = vanished and changed_since is not None and "QRESYNC" in wire.session.enabled
    for piece in uids.pieces():
        is_wanted = _membership(piece)

        def hear(told: Untagged | Status, is_wanted: Callable[[int], bool] = is_wanted) -> None:
            nonlocal rows_left
            rows_left -= 1
            if rows_left < 0:
                raise RemoteProtocolError("the server tells of more messages than there are")
            if isinstance(told, Fetched):
                if told.uid is not None and is_wanted(told.uid):
                    on_row(told)
                else:
                    wire.news.hear(told)
            elif isinstance(told, Vanished):
                if told.is_earlier:
                    gone.extend(told.uids.ranges)
                    rows_left -= len(told.uids.ranges)
                else:
                    wire.news.hear(told)

        command = message_commands.uid_fetch(
            piece, items, changed_since=changed_since, vanished=vanished
        )
        await wire.run(
            command,
            wants=(Fetched, Vanished) if vanished else (Fetched,),
            on_told=hear,
            max_answer_bytes=_MAX_STREAM_BYTES,
        )
    return NumSet(tuple(gone)) if gone else NONE


async def store(
    wire: ImapWire,
    uids: MessageSet,
    how: str,
    flags: Sequence[str],
    *,
    unchanged_since: int | None = None,
) -> list[Fetched]:
    """Change flags or Gmail labels; what the server told of those messages."""
    rows: list[Fetched] = []
    for piece in uids.pieces():
        command = message_commands.uid_store(piece, how, flags, unchanged_since=unchanged_since)
        answer = await wire.run(command, wants=(Fetched,), may_fail=unchanged_since is not None)
        modified = isinstance(answer.status.code, ModifiedCode)
        if answer.status.condition != "OK" and not modified:
            raise CommandRefused(answer.status, command.name)
        told = [row for row in answer.told if isinstance(row, Fetched)]
        rows += merge_rows(told, piece) if isinstance(piece, NumSet) else told
    return rows


async def copy(wire: ImapWire, uids: MessageSet, wire_name: bytes) -> CopyUidCode | None:
    """Copy; which UIDs became which, where the server has UIDPLUS."""
    codes: list[CopyUidCode] = []
    for piece in uids.pieces():
        codes += await _run_copy(wire, message_commands.uid_copy(piece, wire_name))
    return _joined(codes)


async def move(wire: ImapWire, uids: MessageSet, wire_name: bytes) -> CopyUidCode | None:
    """Move, or copy and remove where the server has no MOVE. RFC 6851 §3.3."""
    codes: list[CopyUidCode] = []
    for piece in uids.pieces():
        if wire.session.can("MOVE"):
            codes += await _run_copy(wire, message_commands.uid_move(piece, wire_name))
            continue
        codes += await _run_copy(wire, message_commands.uid_copy(piece, wire_name))
        await remove(wire, piece)
    return _joined(codes)


async def remove(wire: ImapWire, uids: MessageSet) -> None:
    """Mark messages deleted and expunge them and no others."""
    for piece in uids.pieces():
        await wire.run(message_commands.uid_store(piece, "+FLAGS.SILENT", ["\\Deleted"]))
    await expunge(wire, uids)


async def expunge(wire: ImapWire, uids: MessageSet) -> None:
    """Expunge those of ``uids`` that are marked deleted, and no others.

    Without UIDPLUS the mark is taken from the others for a moment. If the connection is lost in
    between they stay without it: a message too many is better than one too few.
    """
    if wire.session.can("UIDPLUS"):
        for piece in uids.pieces():
            await wire.run(message_commands.uid_expunge(piece))
        return
    marked = await search(wire, ["DELETED"])
    ours = _membership(uids)
    others = NumSet.of(uid for uid in marked if not ours(uid))
    for piece in others.pieces():
        await wire.run(message_commands.uid_store(piece, "-FLAGS.SILENT", ["\\Deleted"]))
    await wire.run(message_commands.EXPUNGE)
    for piece in others.pieces():
        await wire.run(message_commands.uid_store(piece, "+FLAGS.SILENT", ["\\Deleted"]))


async def search(
    wire: ImapWire, criteria: Sequence[SearchWord], *, save: bool = False
) -> list[int]:
    """UIDs that match all criteria, ascending; ``save`` keeps them as ``$`` (SEARCHRES)."""
    session = wire.session
    returning: tuple[str, ...] = ()
    if session.can("ESEARCH"):
        returning = ("SAVE", "ALL") if save else ("ALL",)
    command = message_commands.uid_search(
        criteria, returning=returning, names_charset="UTF8=ACCEPT" not in session.enabled
    )
    answer = await wire.run(command, wants=(Search, Esearch))
    found: set[int] = set()
    for told in answer.told:
        if isinstance(told, Search):
            found.update(told.numbers)
        elif isinstance(told, Esearch) and told.all is not None:
            if len(told.all) > _MAX_FOUND:
                raise RemoteProtocolError("the server found more messages than can be")
            found.update(told.all)
    return sorted(found)


async def sort(wire: ImapWire, criteria: Sequence[SearchWord], order: Sequence[str]) -> list[int]:
    """UIDs that match, in the order that was asked for. Needs SORT."""
    answer = await wire.run(message_commands.uid_sort(criteria, order), wants=(Sort,))
    return [uid for told in answer.told if isinstance(told, Sort) for uid in told.numbers]


async def _run_copy(wire: ImapWire, command: Command) -> list[CopyUidCode]:
    """COPYUID stands in the tagged OK, for MOVE in an untagged one before it. RFC 6851 §4.3."""
    answer = await wire.run(command, wants=(Status,))
    statuses = [told for told in answer.told if isinstance(told, Status)]
    return [one.code for one in (*statuses, answer.status) if isinstance(one.code, CopyUidCode)]


def _joined(codes: list[CopyUidCode]) -> CopyUidCode | None:
    if not codes:
        return None
    first = codes[0]
    source = tuple(one for code in codes for one in code.source.ranges)
    destination = tuple(one for code in codes for one in code.destination.ranges)
    return CopyUidCode(first.uidvalidity, NumSet(source), NumSet(destination))


def _membership(uids: MessageSet) -> Callable[[int], bool]:
    """How to tell whether a UID was asked for; of ``$`` only the server knows."""
    if not isinstance(uids, NumSet):
        return lambda uid: True
    ranges = uids.ranges
    if len(ranges) == 1:
        low, high = ranges[0]
        return lambda uid: low <= uid <= high
    if len(ranges) < _FEW_RANGES or len(uids) > _MAX_FOUND:
        return uids.__contains__
    return frozenset(uids).__contains__
