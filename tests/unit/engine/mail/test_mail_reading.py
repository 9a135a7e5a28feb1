"""Whole messages from tests/data/mime/reading: what is shown of each stands beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from postroad.domain.address import Address
from postroad.domain.message import AttachmentInfo
from postroad.engine.mail.details import details_of
from postroad.protocol.mime.parser import parse_message
from support.reading import MAILS, MESSAGE, row_of, text_of


def pair(address: Address | None) -> list[str] | None:
    return None if address is None else [address.name, address.address]


def line(info: AttachmentInfo) -> list[str | None]:
    marks = {
        "embedded": info.is_embedded,
        "inline": info.is_inline,
        "in message": info.is_in_message,
    }
    words = " ".join(word for word, is_so in marks.items() if is_so)
    return [info.part, info.content_type, info.filename, info.content_id, info.method, words]


def told(octets: bytes) -> Mapping[str, object]:
    summary = details_of(row_of(octets), message=MESSAGE, path="INBOX").summary
    text = text_of(octets)
    tree = parse_message(octets).root
    return {
        "subject": summary.subject,
        "from": pair(summary.from_),
        "to": [pair(address) for address in summary.to],
        "message_id": summary.message_id,
        "in_reply_to": summary.in_reply_to,
        "is_auto_reply": summary.is_auto_reply,
        "tree": [[part.part, part.content_type, part.size] for part in tree.walk()],
        "plain": text.plain,
        "html": text.html,
        "attachments": [line(info) for info in summary.attachments],
    }


@pytest.mark.parametrize("path", MAILS.values(), ids=MAILS.keys())
def test_a_message_is_shown_as_written_beside_it(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert told(path.read_bytes()) == expected


@pytest.mark.parametrize("path", MAILS.values(), ids=MAILS.keys())
def test_line_feeds_alone_change_no_text_and_no_part(path: Path) -> None:
    octets = path.read_bytes()
    unix = octets.replace(b"\r\n", b"\n")
    parts, kinds = parse_message(octets).root, parse_message(unix).root

    assert text_of(unix) == text_of(octets)
    assert [p.part for p in kinds.walk()] == [p.part for p in parts.walk()]
