"""Transcripts in ``tests/data/imap``: adding a case is adding a file.

``S:`` is a line of the server, ``C:`` the line that the client must write next, ``!`` a command to
give, ``=`` something that must be true now.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad.protocol.imap import commands, mailbox_commands, message_commands
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.events import StreamWanted
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.session import ImapSession

TRANSCRIPTS = sorted((Path(__file__).parents[3] / "data" / "imap").glob("*.txt"))
BODY = b"hello world"


def command(words: list[str]) -> Command:
    match words:
        case ["LOGIN", user, password]:
            return commands.login(user, password)
        case ["SELECT", name]:
            return mailbox_commands.select(name.encode())
        case ["APPEND", name, size]:
            return message_commands.append(name.encode(), [(int(size), ("\\Seen",), None)])
        case ["UID", "FETCH", uid, *items]:
            return message_commands.uid_fetch(NumSet.of([int(uid)]), items)
        case [name]:
            return Command(name)
        case _:
            raise AssertionError(f"no such command: {words}")


class Player:
    def __init__(self) -> None:
        self.session = ImapSession()
        self.written = b""

    def play(self, line: str) -> None:
        kind, _, rest = line.partition(" ")
        match kind:
            case "S:":
                list(self.session.receive(rest.encode() + b"\r\n"))
            case "C:":
                self.collect()
                expected = rest.encode() + b"\r\n"
                assert self.written.startswith(expected), (expected, self.written)
                self.written = self.written[len(expected) :]
            case "!" if rest == "TLS":
                self.session.tls_started()
            case "!":
                self.session.send(command(rest.split(" ")))
            case "=":
                self.check(rest)
            case _:
                raise AssertionError(f"not a line of a transcript: {line}")

    def check(self, claim: str) -> None:
        match claim.split(" "):
            case ["silent"]:
                self.collect()
                assert self.written == b""
            case ["streams", size]:
                self.collect()
                assert self.session.next_output() == StreamWanted("A1", int(size))
                self.written += self.session.literal_octets(BODY)
            case ["can", capability]:
                assert self.session.can(capability)
            case ["capabilities", "unknown"]:
                assert self.session.capabilities is None
            case _:
                assert self.session.state == claim

    def collect(self) -> None:
        while isinstance(output := self.session.next_output(), bytes):
            self.written += output


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    player = Player()
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            player.play(line)
    player.check("silent")


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 7
