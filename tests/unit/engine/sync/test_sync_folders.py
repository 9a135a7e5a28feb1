"""Which mailboxes are followed."""

from __future__ import annotations

import pytest

from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.engine.sync.folders import choose

INBOX = Mailbox("INBOX", "/", SpecialUse.INBOX)
SENT = Mailbox("Gesendet", "/", SpecialUse.SENT)
BOX = Mailbox("Box", "/")
ALL = Mailbox("[Gmail]/All Mail", "/", SpecialUse.ALL)
TRASH = Mailbox("[Gmail]/Trash", "/", SpecialUse.TRASH)
JUNK = Mailbox("[Gmail]/Spam", "/", SpecialUse.JUNK)


@pytest.mark.parametrize(
    ("listed", "wanted", "is_gmail", "chosen"),
    [
        ([BOX, INBOX, SENT], None, False, [INBOX, BOX, SENT]),
        ([BOX, INBOX, SENT], ["\\sent", "inbox"], False, [INBOX, SENT]),
        ([BOX, INBOX, SENT], ["Box", "\\Sent"], False, [BOX, SENT]),
        ([BOX, INBOX, SENT], ["\\Sent", "Box"], False, [SENT, BOX]),
        ([BOX, INBOX, SENT], ["box", "Nowhere"], False, []),
        ([INBOX, SENT, TRASH, ALL, JUNK], None, True, [ALL, TRASH, JUNK]),
        ([INBOX, SENT, TRASH, ALL, JUNK], ["INBOX", "\\All"], True, [ALL, INBOX]),
        ([INBOX, SENT, TRASH], None, True, [INBOX, SENT, TRASH]),
        ([INBOX, ALL], ["INBOX"], True, [INBOX]),
        ([ALL, INBOX], None, False, [INBOX, ALL]),
    ],
)
def test_the_main_one_comes_first(
    listed: list[Mailbox], wanted: list[str] | None, is_gmail: bool, chosen: list[Mailbox]
) -> None:
    assert choose(listed, wanted, is_gmail=is_gmail) == chosen
