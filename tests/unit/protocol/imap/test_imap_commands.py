from __future__ import annotations

import pytest

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap import commands, message_commands
from postroad.protocol.imap.command import Literal, LiteralStream, Part, astring, flag_list, string
from postroad.protocol.imap.numset import NumSet


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"Sent", b"Sent"),
        (b"INBOX/a&AOk-", b"INBOX/a&AOk-"),
        (b"two words", b'"two words"'),
        (b'q"\\', b'"q\\"\\\\"'),
        (b"", b'""'),
        (b"nil", b'"nil"'),
        (b"(x)", b'"(x)"'),
        (b"100%", b'"100%"'),
        (b"a\r\nA9 LOGOUT", Literal(b"a\r\nA9 LOGOUT")),
        (b"\xc3\xa9", Literal(b"\xc3\xa9")),
    ],
)
def test_strings_are_spelled_so_that_none_becomes_syntax(text: bytes, part: Part) -> None:
    assert astring(text) == part


def test_nul_fits_into_no_string() -> None:
    with pytest.raises(LocalProtocolError):
        string(b"a\x00b")


@pytest.mark.parametrize("flag", ["", "a b", "\\", "x)", "é", "a\r\nb", 'q"', "\\*", "x" * 300])
def test_what_is_no_flag_is_refused(flag: str) -> None:
    with pytest.raises(LocalProtocolError):
        flag_list((flag,))


def test_passwords_are_not_in_the_repr_of_a_command() -> None:
    assert "hunter2" not in repr(commands.login("me", "hunter2"))
    assert "hünter2" not in repr(commands.login("me", "hünter2").parts)


def test_login_takes_any_user_and_password() -> None:
    command = commands.login("me@example.com", 'pa"ss')
    assert command.parts == (b' me@example.com "pa\\"ss"',)
    assert commands.login("u", "pä").parts == (b" u ", Literal("pä".encode()))


def test_fetch_spells_its_items() -> None:
    command = message_commands.uid_fetch(
        NumSet.of([1, 2, 5]), ["FLAGS", "BODY.PEEK[2.1]<0.1000>", "BODY.PEEK[HEADER.FIELDS (TO)]"]
    )
    assert command.parts == (
        b" 1:2,5 (FLAGS BODY.PEEK[2.1]<0.1000> BODY.PEEK[HEADER.FIELDS (TO)])",
    )


@pytest.mark.parametrize("item", ["", "FLAGS)", "BODY[\r\n]", "BODY.PEEK[1] X", "BODY[(])"])
def test_what_is_no_fetch_item_is_refused(item: str) -> None:
    with pytest.raises(LocalProtocolError):
        message_commands.uid_fetch(NumSet.of([1]), [item])


def test_store_spells_flags() -> None:
    command = message_commands.uid_store(NumSet.of([4]), "+FLAGS", ["\\Answered", "$Forwarded"])
    assert command.parts == (b" 4 +FLAGS (\\Answered $Forwarded)",)


def test_search_arguments_are_always_quoted() -> None:
    assert message_commands.uid_search(("HEADER", b"Message-ID", b"<a@b>")).parts == (
        b' HEADER "Message-ID" "<a@b>"',
    )
    assert message_commands.uid_search(["SUBJECT", b"ALL"]).parts == (b' SUBJECT "ALL"',)
    assert message_commands.uid_search(["SUBJECT", "é".encode()]).parts == (
        b" CHARSET UTF-8 SUBJECT ",
        Literal("é".encode()),
    )


@pytest.mark.parametrize("key", ["", "ALL UNSEEN", "é", "X\r\nY", "(ALL)"])
def test_what_is_no_search_key_is_refused(key: str) -> None:
    with pytest.raises(LocalProtocolError):
        message_commands.uid_search([key])


def test_append_leaves_room_for_each_message() -> None:
    command = message_commands.append(b"Sent", [(310, ["\\Seen"], 0), (5, [], None)])
    assert command.parts == (
        b' Sent (\\Seen) " 1-Jan-1970 00:00:00 +0000" ',
        LiteralStream(310),
        b" ",
        LiteralStream(5),
    )


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        message_commands.append(b"Sent", [(0, [], None)])


def test_identification_is_cut_to_what_the_rfc_allows() -> None:
    assert commands.client_id(None).parts == (b" NIL",)
    assert commands.client_id({"name": "Postroad", "vendor": ""}).parts == (
        b' ("name" "Postroad")',
    )
    long = commands.client_id({"name": "é" * 2000}).parts
    assert long[1] == Literal(("é" * 512).encode())


@pytest.mark.parametrize("mechanism", ["", "plain", "PLAIN X", "A\r\n"])
def test_what_is_no_mechanism_is_refused(mechanism: str) -> None:
    with pytest.raises(LocalProtocolError):
        commands.authenticate(mechanism)


def test_an_empty_initial_response_is_an_equals_sign() -> None:
    assert commands.authenticate("EXTERNAL", b"").parts == (b" EXTERNAL =",)
