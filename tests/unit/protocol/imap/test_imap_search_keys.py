from __future__ import annotations

from dataclasses import fields

import pytest

from postroad.domain.errors import LocalProtocolError
from postroad.domain.search import SearchQuery, parse_ranges
from postroad.protocol.imap.message_commands import uid_search
from postroad.protocol.imap.search_keys import search_keys

DAY = 1_700_000_000_000  # 14 November 2023, 22:13:20 UTC
GMAIL = frozenset({"X-GM-EXT-1"})
OBJECTS = frozenset({"OBJECTID"})

CASES = [
    (SearchQuery(), frozenset(), b" ALL"),
    (SearchQuery(seq=parse_ranges("1:3,7,9:*")), frozenset(), b" 1:3,7,9:*"),
    (SearchQuery(uid=parse_ranges("*")), frozenset(), b" UID *"),
    (SearchQuery(answered=True, deleted=False), frozenset(), b" ANSWERED UNDELETED"),
    (SearchQuery(draft=True, flagged=False), frozenset(), b" DRAFT UNFLAGGED"),
    (SearchQuery(unseen=True), frozenset(), b" UNSEEN"),
    (SearchQuery(unseen=False), frozenset(), b" SEEN"),
    (SearchQuery(seen=False), frozenset(), b" UNSEEN"),
    (SearchQuery(from_="a b", to="c"), frozenset(), b' FROM "a b" TO "c"'),
    (SearchQuery(cc="UNSEEN", bcc='"'), frozenset(), b' CC "UNSEEN" BCC "\\""'),
    (SearchQuery(body="x", subject="y"), frozenset(), b' BODY "x" SUBJECT "y"'),
    (SearchQuery(larger=5, smaller=0), frozenset(), b" LARGER 5 SMALLER 0"),
    (SearchQuery(before=DAY, since=0), frozenset(), b" BEFORE 14-Nov-2023 SINCE 1-Jan-1970"),
    (
        SearchQuery(sent_before=DAY, sent_since=DAY),
        frozenset(),
        b" SENTBEFORE 14-Nov-2023 SENTSINCE 14-Nov-2023",
    ),
    (
        SearchQuery(headers=(("X-A", "b"), ("C", ""))),
        frozenset(),
        b' HEADER "X-A" "b" HEADER "C" ""',
    ),
    (SearchQuery(email_id="M1", thread_id="T-2"), OBJECTS, b" EMAILID M1 THREADID T-2"),
    (SearchQuery(thread_id="t1", known_uids=(3, 4, 9)), frozenset(), b" UID 3:4,9"),
    (SearchQuery(thread_id="t1", known_uids=()), OBJECTS, b" THREADID t1"),
    (SearchQuery(email_id="12", thread_id="34"), GMAIL, b" X-GM-MSGID 12 X-GM-THRID 34"),
    (
        SearchQuery(email_ids=("a", "b", "c")),
        OBJECTS,
        b" OR EMAILID a OR EMAILID b EMAILID c",
    ),
    (SearchQuery(modseq=9), frozenset({"CONDSTORE"}), b" MODSEQ 9"),
    (SearchQuery(gmail_raw="has:attachment"), GMAIL, b' X-GM-RAW "has:attachment"'),
    (
        SearchQuery(labels_has=("\\Inbox", "a b"), labels_not=("ö",)),
        GMAIL,
        b' X-GM-LABELS \\Inbox X-GM-LABELS "a b" NOT X-GM-LABELS "&APY-"',
    ),
]


@pytest.mark.parametrize(("query", "capabilities", "line"), CASES)
def test_every_condition_has_its_key(
    query: SearchQuery, capabilities: frozenset[str], line: bytes
) -> None:
    keys = search_keys(query, capabilities.__contains__)

    assert uid_search(keys).parts == (line,)


def test_labels_are_plain_once_names_are() -> None:
    query = SearchQuery(labels_has=("grün", "\\Inbox"), labels_not=("R&D",))
    keys = search_keys(query, lambda name: True, is_utf8=True)
    assert keys == [
        "X-GM-LABELS", "grün".encode(), "X-GM-LABELS", "\\Inbox", "NOT", "X-GM-LABELS", b"R&D",
    ]  # fmt: skip


def test_no_condition_is_forgotten() -> None:
    told = {
        one.name
        for query, _, _ in CASES
        for one in fields(SearchQuery)
        if getattr(query, one.name) != getattr(SearchQuery(), one.name)
    }

    assert told == {one.name for one in fields(SearchQuery)}


@pytest.mark.parametrize(
    "query",
    [
        SearchQuery(email_id="M1"),
        SearchQuery(email_ids=("M1",)),
        SearchQuery(thread_id="T1"),
        SearchQuery(modseq=1),
        SearchQuery(gmail_raw="x"),
        SearchQuery(labels_not=("x",)),
    ],
)
def test_what_a_bare_server_cannot_answer_is_refused(query: SearchQuery) -> None:
    with pytest.raises(LocalProtocolError, match="The mail server has no"):
        search_keys(query, frozenset({"IMAP4REV1"}).__contains__)


@pytest.mark.parametrize("email", ["a b", "a) ALL (", "", "ä"])
def test_an_id_cannot_become_syntax(email: str) -> None:
    with pytest.raises(LocalProtocolError):
        search_keys(SearchQuery(email_id=email), OBJECTS.__contains__)


def test_words_above_ascii_travel_as_literals_in_utf8() -> None:
    keys = search_keys(SearchQuery(subject="grün"), frozenset().__contains__)

    command = uid_search(keys)

    assert command.parts[0] == b" CHARSET UTF-8 SUBJECT "
    assert uid_search(keys, names_charset=False).parts[0] == b" SUBJECT "
