from __future__ import annotations

from postroad.protocol.imap.response import parse_response
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import Status


def hearing(*lines: bytes) -> SelectedMailbox:
    mailbox = SelectedMailbox(b"INBOX", is_read_only=False)
    for line in lines:
        response = parse_response(line)
        assert not isinstance(response, Status) or response.tag is None
        mailbox.hear(response)  # type: ignore[arg-type]  # no continuation is among the lines
    return mailbox


def test_what_select_tells() -> None:
    mailbox = hearing(
        b"* 172 EXISTS",
        b"* OK [UIDVALIDITY 3857529045] UIDs valid",
        b"* OK [UIDNEXT 4392] Predicted next UID",
        b"* FLAGS (\\Answered \\Seen)",
        b"* OK [PERMANENTFLAGS (\\Seen \\*)] Limited",
        b"* OK [HIGHESTMODSEQ 715194045007]",
    )
    assert mailbox.exists == 172
    assert (mailbox.uidvalidity, mailbox.uidnext) == (3857529045, 4392)
    assert mailbox.highestmodseq == 715194045007
    assert mailbox.flags == ("\\Answered", "\\Seen")
    assert mailbox.keeps("\\seen")
    assert mailbox.keeps("$Forwarded")
    assert not mailbox.keeps("\\Answered")


def test_expunges_are_counted_and_never_below_none() -> None:
    assert hearing(b"* 1 EXISTS", b"* 1 EXPUNGE", b"* 1 EXPUNGE").exists == 0


def test_without_permanent_flags_every_flag_is_kept() -> None:
    assert hearing().keeps("\\Answered")


def test_keywords_are_not_kept_where_none_can_be_made() -> None:
    assert not hearing(b"* OK [PERMANENTFLAGS (\\Answered)] x").keeps("$Forwarded")


def test_read_only_is_noticed() -> None:
    assert hearing(b"* OK [READ-ONLY] changed").is_read_only
