"""What is fetched of new mail: the source only of what may be a report, and not all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from postroad.domain.bounce import ReportKind
from postroad.domain.mailbox import SpecialUse
from postroad.domain.mailbox_state import Indexer, MailboxCursor
from postroad.domain.setting import SettingValues
from postroad.engine.returns.clue import MAX_SOURCE
from postroad.engine.sync.describe import Description, MessageDescriber
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.status import Condition, Status
from postroad.transport.imap import CommandRefused
from support.reading import row_of
from support.scripted_mailbox import ScriptedConnection, ScriptedServer

REPORTS = Path(__file__).parents[3] / "data" / "report"
MAIL = b"From: A <a@x>\r\nSubject: Hi\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n"


@dataclass
class Settings:
    snapshot: SettingValues = field(default_factory=lambda: SettingValues(notify_text=False))


class Server(ScriptedConnection):
    """Gives one message, as far as it is asked for."""

    def __init__(self, octets: bytes, *, refuses: bool = False) -> None:
        super().__init__(ScriptedServer())
        self._octets = octets
        self._refuses = refuses
        self.asked: list[str] = []

    async def uid_fetch(
        self, uids: object, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        assert str(uids) == str(NumSet.of([7]))
        self.asked += items
        if self._refuses:
            raise CommandRefused(Status("a", Condition.NO, None, "no"), "UID FETCH")
        if "BODY.PEEK[]" in items:
            return [Fetched(1, uid=7, sections={"": self._octets})]
        return [Fetched(1, uid=7, sections={"<0>": self._octets[:MAX_SOURCE]})]


async def describe(
    octets: bytes,
    use: SpecialUse | None = SpecialUse.INBOX,
    *,
    server: Server | None = None,
    not_before: int | None = None,
) -> tuple[Description, list[str]]:
    cursor = MailboxCursor(
        path="INBOX", number=1, uidvalidity=1, uidnext=1, announced=1, baseline=1, messages=0,
        indexer=Indexer.FULL, special_use=use, delimiter="/",
    )  # fmt: skip
    server = server or Server(octets)
    row = row_of(octets, arrived=1_700_000_000_000)
    told = await MessageDescriber(Settings()).describe(
        server, cursor, row, not_before=not_before, ahead={}
    )
    return told, server.asked


async def test_nothing_more_is_fetched_of_ordinary_mail() -> None:
    told, asked = await describe(MAIL)

    assert (told.clue, asked) == (None, [])


async def test_the_source_of_a_report_is_read() -> None:
    told, asked = await describe((REPORTS / "exim-failed.eml").read_bytes())

    assert told.clue is not None
    assert told.clue.report.kind is ReportKind.BOUNCE
    assert asked == ["UID", "BODY.PEEK[]"]


@pytest.mark.parametrize("use", [None, SpecialUse.SENT, SpecialUse.TRASH])
async def test_elsewhere_than_in_inbox_and_junk_no_source_is_read(use: SpecialUse | None) -> None:
    told, asked = await describe((REPORTS / "exim-failed.eml").read_bytes(), use)

    assert asked == []
    assert told.clue is None or told.clue.report.kind is ReportKind.ORDINARY


async def test_of_a_large_report_only_the_beginning_is_fetched() -> None:
    octets = (REPORTS / "exim-failed.eml").read_bytes() + b"x\r\n" * MAX_SOURCE

    told, asked = await describe(octets)

    assert asked == ["UID", f"BODY.PEEK[]<0.{MAX_SOURCE}>"]
    assert told.clue is not None
    assert told.clue.report.kind is ReportKind.BOUNCE


async def test_a_source_that_is_withheld_leaves_an_ordinary_mail() -> None:
    octets = (REPORTS / "exim-failed.eml").read_bytes()

    told, _ = await describe(octets, server=Server(octets, refuses=True))

    assert told.data["id"]
    assert told.clue is None or told.clue.report.kind is ReportKind.ORDINARY


async def test_of_mail_that_is_too_old_to_be_announced_nothing_is_read() -> None:
    octets = (REPORTS / "exim-failed.eml").read_bytes()

    told, asked = await describe(octets, not_before=1_900_000_000_000)

    assert (told.clue, asked) == (None, [])
