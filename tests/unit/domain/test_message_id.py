from __future__ import annotations

import struct

import pytest

from postroad.domain.message_id import (
    AttachmentKey,
    MessageKey,
    pack_attachment,
    pack_message,
    unpack_attachment,
    unpack_message,
)


@pytest.mark.parametrize(
    ("message", "mailbox", "uid"),
    [("AAAAAQAAP1w", 1, 16220), ("AAAAAgAAxxk", 2, 50969), ("AAAADAAABy4", 12, 1838)],
)
def test_known_ids_pack_and_unpack(message: str, mailbox: int, uid: int) -> None:
    assert pack_message(mailbox, uid) == message
    assert unpack_message(message) == MessageKey(mailbox, uid)


def test_attachment_id_is_the_message_octets_and_the_part_number() -> None:
    assert pack_attachment("AAAADAAABy4", "2") == "AAAADAAABy4y"
    assert unpack_attachment("AAAADAAABy4y") == AttachmentKey("AAAADAAABy4", "2")


def test_an_attachment_id_names_its_message_too() -> None:
    assert unpack_message("AAAADAAABy4y") == MessageKey(12, 1838)


@pytest.mark.parametrize(
    "text",
    ["", "A", "AAAADAAABy", "AAAADAAABy4=", "AAAA DAAABy4", "AAAAAAAAAAA", "ä" * 11, "A" * 5000],
)
def test_what_cannot_be_a_message_id_is_none(text: str) -> None:
    assert unpack_message(text) is None


@pytest.mark.parametrize("text", ["AAAADAAABy4", "AAAADAAABy4w", "AAAADAAABy4g", "x", ""])
def test_what_cannot_be_an_attachment_id_is_none(text: str) -> None:
    assert unpack_attachment(text) is None


def test_numbers_beyond_32_bits_are_refused() -> None:
    with pytest.raises(struct.error):
        pack_message(1, 2**32)


@pytest.mark.parametrize("part", ["", "0", "1.", "HEADER", "1.0", "1\r\n"])
def test_what_is_no_part_number_is_refused(part: str) -> None:
    with pytest.raises(ValueError):
        pack_attachment("AAAADAAABy4", part)
