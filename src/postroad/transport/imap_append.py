"""APPEND, with as few round trips and as little work as size and server allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postroad.domain.errors import LocalProtocolError, TooLarge
from postroad.protocol.imap import message_commands
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.status import AppendUidCode
from postroad.transport.imap_running import Content
from postroad.transport.imap_wire import ImapWire

_Message = tuple[int | bytes, Sequence[str], int | None]


@dataclass(frozen=True, slots=True)
class ToAppend:
    """One message to file."""

    content: Content
    flags: Sequence[str] = ()
    date_ms: int | None = None  # INTERNALDATE, epoch ms; None is now


async def append(
    wire: ImapWire, wire_name: bytes, messages: Sequence[ToAppend]
) -> AppendUidCode | None:
    """File messages; see :meth:`ImapConnection.append_many`.

    Contents that need no go-ahead are read before anything is said: they travel with the command
    in one write, and what cannot be read costs no connection.
    """
    session = wire.session
    limit = session.append_limit
    wanted: list[_Message] = []
    streamed: list[Content] = []
    for one in messages:
        size = one.content.size
        if limit is not None and size > limit:
            raise TooLarge(f"The mail server takes messages of at most {limit} bytes")
        if session.needs_no_wait(size):
            wanted.append((await _read(one.content), one.flags, one.date_ms))
        else:
            wanted.append((size, one.flags, one.date_ms))
            streamed.append(one.content)
    if len(wanted) == 1 or session.can("MULTIAPPEND"):
        return await _append(wire, wire_name, wanted, streamed)
    codes: list[AppendUidCode] = []
    for message in wanted:
        own = [streamed.pop(0)] if isinstance(message[0], int) else []
        code = await _append(wire, wire_name, [message], own)
        if code is not None:
            codes.append(code)
    if len(codes) < len(wanted):
        return None
    uids = NumSet(tuple(one for code in codes for one in code.uids.ranges))
    return AppendUidCode(codes[0].uidvalidity, uids)


async def _append(
    wire: ImapWire, wire_name: bytes, messages: Sequence[_Message], streamed: Sequence[Content]
) -> AppendUidCode | None:
    answer = await wire.run(message_commands.append(wire_name, messages), contents=streamed)
    code = answer.status.code
    return code if isinstance(code, AppendUidCode) else None


async def _read(content: Content) -> bytes:
    pieces = [piece async for piece in content.open()]
    octets = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if len(octets) != content.size:
        raise LocalProtocolError(
            f"the content has {len(octets)} octets, {content.size} were announced"
        )
    return octets
