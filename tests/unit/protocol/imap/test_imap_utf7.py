from __future__ import annotations

import pytest

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap import utf7


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("Entwürfe", b"Entw&APw-rfe"),
        ("A & B", b"A &- B"),
        ("&", b"&-"),
        ("📮 Post", b"&2D3c7g- Post"),
        ("tab\there", b"tab&AAk-here"),
        ("", b""),
    ],
)
def test_known_names(name: str, wire: bytes) -> None:
    assert utf7.encode(name) == wire
    assert utf7.decode(wire) == name


@pytest.mark.parametrize(
    "wire", [b"&", b"a&b", b"&!!!-", b"&AOk", b"\xc3\xa9", b"&A-", b"&2D0-", b"&AP=-", b"&AP/-"]
)
def test_what_no_encoder_writes_is_refused(wire: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        utf7.decode(wire)


@pytest.mark.parametrize(
    ("wire", "name"),
    [(b"Caf\xc3\xa9", "Café"), (b"A&B", "A&B"), (b"\xff", "�"), (b"&-", "&")],
)
def test_names_as_servers_send_them_are_shown(wire: bytes, name: str) -> None:
    assert utf7.decode_leniently(wire) == name


@pytest.mark.parametrize("name", ["nul\x00", "half \ud83d"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        utf7.encode(name)
