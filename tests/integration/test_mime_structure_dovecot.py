"""Our tree of a message beside the one that a real Dovecot tells of it."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator

import pytest

from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.structure import body
from postroad.protocol.mime.parameters import content_id, filename
from postroad.protocol.mime.parser import parse_message
from postroad.protocol.mime.part import BodyPart
from support import dovecot
from support.reading import MAILS

pytestmark = [pytest.mark.integration]

# Where we see more than it does: names without quotes, text that no boundary cuts.
MORE_LENIENT = {"broken-parameters", "no-boundary-at-all"}


@pytest.fixture(scope="module")
def client() -> Iterator[imaplib.IMAP4]:
    if dovecot.find_program() is None:
        pytest.skip(dovecot.MISSING)
    with dovecot.Dovecot() as server, server.client("reader") as client:
        for path in MAILS.values():
            client.append("INBOX", "", "", path.read_bytes())
        client.select("INBOX", readonly=True)
        yield client


def fetched(client: imaplib.IMAP4, name: str, item: str) -> bytes:
    """What stands behind the item, literals as they came."""
    number = [*MAILS].index(name) + 1
    _, rows = client.fetch(str(number), f"({item})")
    told = b"".join(b"\r\n".join(row) if isinstance(row, tuple) else row or b"" for row in rows)
    return told.partition(b"(")[2].partition(b" ")[2]


def shown(part: BodyPart) -> tuple[object, ...]:
    """Servers add a charset where there is none, so that is left out."""
    names = filename(part), content_id(part), part.disposition
    return part.part, part.content_type, part.encoding, part.size, *names


@pytest.mark.parametrize("name", sorted(MAILS.keys() - MORE_LENIENT))
def test_the_tree_is_the_one_that_the_server_tells(client: imaplib.IMAP4, name: str) -> None:
    theirs = body(Cursor(fetched(client, name, "BODYSTRUCTURE")).value())
    ours = parse_message(MAILS[name].read_bytes()).root

    assert [shown(part) for part in ours.walk()] == [shown(part) for part in theirs.walk()]


@pytest.mark.parametrize("name", sorted(MAILS.keys() - {"no-boundary-at-all"}))
def test_each_part_has_the_octets_that_the_server_gives(client: imaplib.IMAP4, name: str) -> None:
    parsed = parse_message(MAILS[name].read_bytes())

    for part in parsed.spans:
        theirs = Cursor(fetched(client, name, f"BODY.PEEK[{part}]")).value()
        assert (theirs or b"") == parsed.body(part), part
