"""What a log may show of a session, and above all what it may not."""

from __future__ import annotations

import base64

import pytest

from postroad.domain.account import Login
from postroad.domain.secret import Secret
from postroad.protocol.imap import commands, mailbox_commands
from postroad.protocol.imap.command import Command, Literal, LiteralStream
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.imap.tapped import MAX_CHARS, Tap, heard, spoken

PASSWORD = 'pa"ss w\\ord'
PLAIN = base64.b64encode(f"\0ann\0{PASSWORD}".encode()).decode()


class Heard:
    """A session that is tapped, and what the tap has told."""

    def __init__(self, *, token: str | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        login = Login("ann", Secret(PASSWORD), None if token is None else Secret(token))
        self.session = ImapSession()
        self.session.tap = Tap(lambda what, line: self.told.append((what, line)), login)
        self.hear("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello")

    def hear(self, *lines: str) -> None:
        while isinstance(self.session.next_output(), bytes):
            pass  # what is to be said is said
        list(self.session.receive("".join(f"{line}\r\n" for line in lines).encode()))

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.told)


def test_both_sides_are_told_in_order() -> None:
    one = Heard()
    one.session.send(commands.NOOP)
    one.hear("* 3 EXISTS", "A1 OK done")

    assert one.told == [
        ("response", "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello"),
        ("command", "A1 NOOP"),
        ("response", "* 3 EXISTS"),
        ("response", "A1 OK done"),
    ]


def test_a_login_is_told_without_its_arguments() -> None:
    one = Heard()
    one.session.send(commands.login("ann", PASSWORD))

    assert one.told[-1] == ("command", "A1 LOGIN ***")


@pytest.mark.parametrize(
    "echo",
    [PASSWORD, PASSWORD.replace("\\", "\\\\").replace('"', '\\"'), PLAIN],
    ids=["plain", "quoted", "initial response"],
)
def test_a_server_that_repeats_the_secret_is_told_without_it(echo: str) -> None:
    one = Heard()
    one.session.send(commands.authenticate("PLAIN", f"\0ann\0{PASSWORD}".encode()))
    one.hear(f"* NO who is {echo}", f"A1 NO [AUTHENTICATIONFAILED] not with {echo}")

    assert [line for _, line in one.told[-3:]] == [
        "A1 AUTHENTICATE PLAIN ***",
        "* NO who is ***",
        "A1 NO [AUTHENTICATIONFAILED] not with ***",
    ]


def test_a_sasl_exchange_is_hidden_on_both_sides() -> None:
    one = Heard(token="ya29.token")
    one.session.send(commands.authenticate("XOAUTH2"))
    one.hear("+ ")
    one.session.respond(b"user=ann\1auth=Bearer ya29.token\1\1")
    sent = base64.b64encode(b"user=ann\1auth=Bearer ya29.token\1\1").decode()
    one.hear(f"+ {base64.b64encode(b'status 400').decode()}", f"A1 BAD {sent} ya29.token")

    assert [line for _, line in one.told[1:]] == [
        "A1 AUTHENTICATE XOAUTH2 ***",
        "+ ***",
        "***",
        "+ ***",
        "A1 BAD *** ***",
    ]


def test_words_like_the_password_are_told_once_the_login_is_over() -> None:
    one = Heard()
    one.session.send(commands.login("ann", PASSWORD))
    one.hear("A1 OK in", f"* OK {PASSWORD}")

    assert one.told[-1] == ("response", f"* OK {PASSWORD}")


def test_what_is_uploaded_is_told_by_its_size() -> None:
    command = Command("APPEND", (b" INBOX (\\Seen) ", LiteralStream(123456)))

    assert spoken("A7", command) == "A7 APPEND INBOX (\\Seen) {123456}"
    assert spoken("A8", Command("X", (b" ", Literal(b"secret"), b" y"))) == "A8 X {6} y"


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        (
            b"* 1 FETCH (UID 5 BODY[] {10}\r\nSubject: x FLAGS ())",
            "* 1 FETCH (UID 5 BODY[] {10} FLAGS ())",
        ),
        (b'* 1 FETCH (PREVIEW "a secret \\" too" UID 5)', "* 1 FETCH (PREVIEW {15} UID 5)"),
        (
            b'* 1 FETCH (INTERNALDATE "01-Jan-2026 00:00:00 +0000" ENVELOPE ("d" "Hi" NIL))',
            '* 1 FETCH (INTERNALDATE "01-Jan-2026 00:00:00 +0000" ENVELOPE ({1} {2} NIL))',
        ),
        (b'* 1 fetch (BODY[1] ~{3}\r\na"b BODY[2] "x")', "* 1 fetch (BODY[1] ~{3} BODY[2] {1})"),
        (b'* LIST () "/" {5}\r\nAB"CD', '* LIST () "/" {5}'),
        (b"Dear Ann, here is my secret", "{27}"),
        (b"", "{0}"),
        (b"* OK \xff\x00\x1b[0m", "* OK \\xff\x00\x1b[0m"),
    ],
)
def test_contents_are_told_by_their_size(frame: bytes, shown: str) -> None:
    assert heard(frame) == shown


def test_a_string_without_end_is_not_shown_either() -> None:
    octets = b'* 1 FETCH (PREVIEW "' + b"secret " * 5_000 + b'" UID 5)'

    assert "secret" not in heard(octets)
    assert "secret" not in heard(b'* 1 FETCH (PREVIEW "secret \\')


def test_lines_are_cut() -> None:
    one = Heard()
    one.hear("* OK " + "x" * 10_000)
    one.session.send(commands.NOOP)

    assert len(one.told[1][1]) == MAX_CHARS + len("...")
    assert len(spoken("A1", Command("X", (b"y" * 100_000,)))) == MAX_CHARS + len("...")


def test_the_end_of_idling_is_told() -> None:
    one = Heard()
    one.session.send(commands.login("ann", PASSWORD))
    one.hear("A1 OK in")
    one.session.send(mailbox_commands.select(b"INBOX"))
    one.hear("A2 OK [READ-WRITE] in")
    one.session.send(commands.IDLE)
    one.hear("+ idling")
    one.session.done()

    assert one.told[-3:] == [
        ("command", "A3 IDLE"),
        ("response", "+ idling"),
        ("command", "DONE"),
    ]
