from __future__ import annotations

import time

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import ListEntry, Namespace, NamespacePart
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.response import (
    Capability,
    Continuation,
    Enabled,
    Exists,
    Expunge,
    Flags,
    Recent,
    Response,
    ServerId,
    Unknown,
    parse_response,
)
from postroad.protocol.imap.search import Esearch, Search
from postroad.protocol.imap.status import (
    AppendUidCode,
    CapabilityCode,
    Condition,
    CopyUidCode,
    NumberCode,
    OtherCode,
    PermanentFlagsCode,
    Status,
)

OK, NO, BAD, BYE = Condition.OK, Condition.NO, Condition.BAD, Condition.BYE


@pytest.mark.parametrize(
    ("frame", "response"),
    [
        # Most are the examples of RFC 9051 §7, RFC 3501 §7 and RFC 4315 §3.
        (b"+ Ready for literal", Continuation(b"Ready for literal")),
        (b"+", Continuation(b"")),
        (b"+ YGgGCSqG", Continuation(b"YGgGCSqG")),
        (b"* OK IMAP4rev2 server ready", Status(None, OK, None, "IMAP4rev2 server ready")),
        (b"* OK", Status(None, OK, None, "")),
        (
            b"* OK [ALERT] System shutdown in 10 minutes",
            Status(None, OK, OtherCode("ALERT"), "System shutdown in 10 minutes"),
        ),
        (
            b"A222 NO COPY failed: disk is full",
            Status("A222", NO, None, "COPY failed: disk is full"),
        ),
        (b"* BAD Command line too long", Status(None, BAD, None, "Command line too long")),
        (
            b"* BYE Autologout; idle for too long",
            Status(None, BYE, None, "Autologout; idle for too long"),
        ),
        (
            b"* OK [UIDVALIDITY 3857529045] UIDs valid",
            Status(None, OK, NumberCode("UIDVALIDITY", 3857529045), "UIDs valid"),
        ),
        (
            b"* OK [HIGHESTMODSEQ 715194045007]",
            Status(None, OK, NumberCode("HIGHESTMODSEQ", 715194045007), ""),
        ),
        (
            b"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited",
            Status(None, OK, PermanentFlagsCode(("\\Deleted", "\\Seen", "\\*")), "Limited"),
        ),
        (
            b"* OK [PERMANENTFLAGS ([gmail] \\Seen)] ok",
            Status(None, OK, PermanentFlagsCode(("[gmail]", "\\Seen")), "ok"),
        ),
        (
            b"A003 OK [APPENDUID 38505 3955] APPEND completed",
            Status("A003", OK, AppendUidCode(38505, NumSet.of([3955])), "APPEND completed"),
        ),
        (
            b"A004 OK [COPYUID 38505 304,319:320 3956:3958] Done",
            Status(
                "A004",
                OK,
                CopyUidCode(38505, NumSet.of([304, 319, 320]), NumSet.of([3956, 3957, 3958])),
                "Done",
            ),
        ),
        (
            b"A1 OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=plain] in",
            Status(
                "A1",
                OK,
                CapabilityCode(frozenset({"IMAP4REV1", "LITERAL+", "AUTH=PLAIN"})),
                "in",
            ),
        ),
        (
            b"A1 NO [authenticationfailed] no",
            Status("A1", NO, OtherCode("AUTHENTICATIONFAILED"), "no"),
        ),
        (
            b'A1 NO [BADCHARSET ("a]b" UTF-8)] no',
            Status("A1", NO, OtherCode("BADCHARSET", '("a]b" UTF-8)'), "no"),
        ),
        (
            b"A1 OK [APPENDUID what] kept",
            Status("A1", OK, OtherCode("APPENDUID", "what"), "kept"),
        ),
        (b"A1 OK [not closed", Status("A1", OK, None, "[not closed")),
        (b"A1 NO caf\xe9", Status("A1", NO, None, "caf�")),
        (b"* CAPABILITY IMAP4rev2 STARTTLS ", Capability(frozenset({"IMAP4REV2", "STARTTLS"}))),
        (b"* ENABLED CONDSTORE", Enabled(frozenset({"CONDSTORE"}))),
        (b"* ID NIL", ServerId({})),
        (
            b'* ID ("name" "Cyrus" "version" NIL "os" "sunos")',
            ServerId({"name": "Cyrus", "os": "sunos"}),
        ),
        (b"* FLAGS (\\Answered \\Flagged)", Flags(("\\Answered", "\\Flagged"))),
        (b"* 23 EXISTS", Exists(23)),
        (b"* 5 RECENT", Recent(5)),
        (b"* 44 expunge", Expunge(44)),
        (b"* XYZZY something (odd)", Unknown("XYZZY")),
        (b"* 7 XYZZY", Unknown("XYZZY")),
        (
            b'* LIST (\\Noselect) "/" foo',
            ListEntry("LIST", ("\\Noselect",), "/", b"foo"),
        ),
        (
            b'* LIST (\\Marked \\NoInferiors) "" "a b"',
            ListEntry("LIST", ("\\Marked", "\\NoInferiors"), None, b"a b"),
        ),
        (
            b'* LIST () "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))',
            ListEntry("LIST", (), "/", b"foo"),
        ),
        (b'* LIST () NIL {3}\r\na"b', ListEntry("LIST", (), None, b'a"b')),
        (b'* LIST () "\\\\" Two words', ListEntry("LIST", (), "\\", b"Two words")),
        (b'* XLIST (\\Sent) "/" Sent', ListEntry("XLIST", ("\\Sent",), "/", b"Sent")),
        (
            b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 X (1))",
            MailboxStatus(b"blurdybloop", messages=231, uidnext=44292),
        ),
        (
            b'* NAMESPACE (("" "/")) (("~" "/")) (("#shared/" "/" "X" ("y")))',
            Namespace(
                (NamespacePart("", "/"),),
                (NamespacePart("~", "/"),),
                (NamespacePart("#shared/", "/"),),
            ),
        ),
        (b'* NAMESPACE (("INBOX." ".")) NIL NIL', Namespace((NamespacePart("INBOX.", "."),))),
        (b"* SEARCH 2 84 882", Search((2, 84, 882))),
        (b"* SEARCH", Search(())),
        (b"* SEARCH 2 5 (MODSEQ 917162500) ", Search((2, 5), 917162500)),
        (
            b'* ESEARCH (TAG "A285") UID MIN 7 MAX 3800 COUNT 3 ALL 7,9,3800',
            Esearch("A285", True, 7, 3800, 3, NumSet.of([7, 9, 3800])),
        ),
        (b'* ESEARCH (TAG "A") ANNOY (a b) MODSEQ 9', Esearch("A", modseq=9)),
    ],
)
def test_known_answers(frame: bytes, response: Response) -> None:
    assert parse_response(frame) == response


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"*",
        b"* ",
        b"A1",
        b"A1 MAYBE",
        b"A1 BYE no",
        b"* 99999999999999999999 EXISTS",
        b"* 4294967296 EXISTS",
        b"* 0 EXPUNGE",
        b"* 0 FETCH (UID 1)",
        b"* 1 FETCH",
        b"* 1 FETCH (UID 1",
        b"* 1 FETCH (BODY[] {10}\r\nabc)",
        b'* 1 FETCH (BODY[] "abc)',
        b"* 1 FETCH (BODY[HEADER.FIELDS (",
        b"* LIST foo",
        b"* SEARCH x",
        b"* SEARCH 0",
        b"* STATUS x MESSAGES",
        b"* NAMESPACE x y z",
        b"* ID x",
        b"* 1 FETCH (X " + b"(" * 200_000,
    ],
)
def test_what_makes_no_sense_is_the_peers_fault(frame: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_response(frame)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"A1 NO [AUTHENTICATIONFAILED] Bad", "NO [AUTHENTICATIONFAILED] Bad"),
        (b"A1 NO [X y z] Bad", "NO [X y z] Bad"),
        (b"A1 OK [UIDNEXT 4] Good", "OK [UIDNEXT] Good"),
        (b"A1 BAD", "BAD"),
    ],
)
def test_a_status_is_shown_on_one_line(line: bytes, shown: str) -> None:
    status = parse_response(line)
    assert isinstance(status, Status)
    assert status.line == shown


def test_inbox_is_in_capitals_and_other_paths_are_as_they_are() -> None:
    paths = [ListEntry("LIST", (), "/", name).path for name in (b"Inbox", b"inbox/x", b"Sent")]
    assert paths == ["INBOX", "inbox/x", "Sent"]


def test_attributes_are_found_in_any_case() -> None:
    assert ListEntry("LIST", ("\\NOSELECT",), "/", b"x").has("\\Noselect")


def test_flags_with_odd_characters_are_kept() -> None:
    fetched = parse_response(b"* 1 FETCH (FLAGS ($Forwarded [x] Junk% \\Seen))")
    assert fetched == Fetched(1, flags=("$Forwarded", "[x]", "Junk%", "\\Seen"))


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (b'* NO [X "a]b"] text', OtherCode("X", '"a]b"'), "text"),
        (b'* NO [X "open] text', OtherCode("X", '"open'), "text"),
        (b'* NO [X "open] text "closed" [y]', OtherCode("X", '"open'), 'text "closed" [y]'),
        (b'* NO [X "a\\"]b"] text', OtherCode("X", '"a\\"]b"'), "text"),
        (b"* NO [X open", None, "[X open"),
    ],
)
def test_quotes_in_a_code_need_not_close(line: bytes, code: OtherCode | None, text: str) -> None:
    assert parse_response(line) == Status(None, Condition.NO, code, text)


@pytest.mark.parametrize("piece", [b'"a" ', b'"', b'\\"', b"() ", b"( )", b" ", b"[", b"x"])
@pytest.mark.parametrize("head", [b"* OK [X ", b"* OK [PERMANENTFLAGS (", b'* OK [X "', b"* OK "])
def test_a_code_without_end_is_read_in_linear_time(head: bytes, piece: bytes) -> None:
    began = time.process_time()

    parse_response(head + piece * 300_000)

    assert time.process_time() - began < 2.0
