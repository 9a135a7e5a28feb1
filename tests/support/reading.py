"""Messages that lie here as octets, read the way a provider would hand them over."""

from __future__ import annotations

from pathlib import Path

from postroad.domain.message import MessageText, TextWish
from postroad.domain.message_id import pack_message
from postroad.engine.mail.text import assemble, wanted_parts
from postroad.engine.providers.results import FoundBody
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.parser import ParsedMessage, parse_message

FOLDER = Path(__file__).parents[1] / "data" / "mime" / "reading"
MAILS = {path.stem: path for path in sorted(FOLDER.glob("*.eml"))}
MESSAGE = pack_message(1, 7)
BOTH = TextWish(plain=True, html=True)


def row_of(octets: bytes, *, flags: tuple[str, ...] = (), arrived: int = 0) -> Fetched:
    """What a provider without IMAP tells of a message."""
    parsed = parse_message(octets)
    return Fetched(
        1,
        uid=7,
        flags=flags,
        size=len(octets),
        internal_date=arrived,
        structure=parsed.root,
        sections={"HEADER": parsed.header_block},
    )


def bodies_of(parsed: ParsedMessage, wish: TextWish) -> list[FoundBody]:
    """The parts that are wanted, as far as they are wanted."""
    found = []
    for wanted in wanted_parts(parsed.root, wish):
        part, octets = parsed.root.find(wanted.part), parsed.body(wanted.part)
        assert part is not None
        assert octets is not None
        kept = octets[: wanted.max_bytes]
        found.append(FoundBody(part, kept, is_cut=len(kept) < len(octets)))
    return found


def text_of(octets: bytes, wish: TextWish = BOTH) -> MessageText:
    parsed = parse_message(octets)
    return assemble(parsed.root, bodies_of(parsed, wish), wish)
