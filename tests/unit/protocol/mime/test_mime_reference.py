from __future__ import annotations

import pytest

from postroad.domain.address import Address
from postroad.domain.submission import ReferenceAction
from postroad.protocol.mime.headers import parse_headers
from postroad.protocol.mime.reference import OwnFields, refer

_ME = Address("me@x.test")
_REPLY, _ALL, _FORWARD = ReferenceAction.REPLY, ReferenceAction.REPLY_ALL, ReferenceAction.FORWARD
_ORIGINAL = parse_headers(
    b"From: Ann <ann@x.test>\r\nTo: Me <ME@x.test>, Bob <bob@x.test>\r\n"
    b"Cc: Cy <cy@x.test>, ann@X.test, bob@x.test\r\nBcc: secret@x.test\r\n"
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <3@x>\r\nIn-Reply-To: <2@x>\r\n"
    b"References: <1@x>\r\n <2@x> <b\xc3\xa4d@x>\r\n"
)


def _to(*people: Address) -> list[str]:
    return [person.address for person in people]


def test_references_are_the_message_its_parent_and_its_ancestors_once_each() -> None:
    for action in ReferenceAction:
        assert refer(_ORIGINAL, action, OwnFields(), _ME).references == ("<3@x>", "<2@x>", "<1@x>")


@pytest.mark.parametrize(
    ("action", "in_reply_to"), [(_REPLY, "<3@x>"), (_ALL, "<3@x>"), (_FORWARD, None)]
)
def test_in_reply_to_is_for_replies(action: ReferenceAction, in_reply_to: str | None) -> None:
    assert refer(_ORIGINAL, action, OwnFields(), _ME).in_reply_to == in_reply_to


@pytest.mark.parametrize(
    ("original", "action", "own", "subject"),
    [
        ("Hi", _REPLY, None, "Re: Hi"),
        ("RE: Hi", _ALL, None, "RE: Hi"),
        ("Re:Hi", _REPLY, "", "Re:Hi"),
        ("AW: Hi", _REPLY, None, "Re: AW: Hi"),  # localised prefixes are not known
        ("Hi", _FORWARD, None, "Fwd: Hi"),
        ("fwd: Hi", _FORWARD, None, "fwd: Hi"),
        ("Re: Hi", _FORWARD, None, "Fwd: Re: Hi"),
        ("Hi", _REPLY, "Something else", "Something else"),
        ("", _REPLY, None, None),
        ("=?utf-8?Q?a=0D=0Ab?=", _REPLY, None, "Re: a  b"),  # nothing hidden comes back
    ],
)
def test_subject(original: str, action: ReferenceAction, own: str | None, subject: str) -> None:
    headers = parse_headers(f"Subject: {original}\r\n".encode())
    assert refer(headers, action, OwnFields(subject=own), _ME).subject == subject


def test_reply_goes_to_reply_to_else_to_the_author() -> None:
    assert refer(_ORIGINAL, _REPLY, OwnFields(), _ME).to == (Address("ann@x.test", "Ann"),)
    headers = parse_headers(b"From: a@x.test\r\nReply-To: Desk <d@x.test>, <>, e@x.test\r\n")
    assert _to(*refer(headers, _REPLY, OwnFields(), _ME).to) == ["d@x.test", "e@x.test"]
    headers = parse_headers(b"From: a@x.test\r\nReply-To: <>\r\n")
    assert _to(*refer(headers, _REPLY, OwnFields(), _ME).to) == ["a@x.test"]


def test_reply_keeps_the_recipients_it_is_given() -> None:
    own = OwnFields(to=(_ME,), cc=(_ME,), bcc=(_ME,))
    found = refer(_ORIGINAL, _REPLY, own, _ME)
    assert (found.to, found.cc, found.bcc) == ((_ME,), (_ME,), (_ME,))


def test_reply_all_reaches_everyone_once_and_not_the_sender() -> None:
    own = OwnFields(
        to=(Address("new@x.test"), Address("BOB@x.test")),
        cc=(Address("cc@x.test"), Address("new@x.test")),
        bcc=(Address("cy@x.test"),),
    )
    found = refer(_ORIGINAL, _ALL, own, _ME)
    assert _to(*found.to) == ["ann@x.test", "bob@x.test", "new@x.test"]
    assert _to(*found.cc) == ["cy@x.test", "cc@x.test"]
    assert _to(*found.bcc) == ["cy@x.test"]


def test_forward_invents_no_recipients() -> None:
    own = OwnFields(to=(Address("new@x.test"),))
    found = refer(_ORIGINAL, _FORWARD, own, _ME)
    assert (found.to, found.cc, found.bcc) == (own.to, (), ())


def test_addresses_that_nobody_could_write_again_are_left_out() -> None:
    headers = parse_headers(b"From: a@x.test\r\nTo: <b c@x.test>, d@x..test, e@x.test\r\n")
    assert _to(*refer(headers, _ALL, OwnFields(), _ME).to) == ["a@x.test", "bc@x.test", "e@x.test"]


def test_a_message_without_anything_gives_nothing() -> None:
    found = refer(parse_headers(b""), _REPLY, OwnFields(), _ME)
    assert (found.subject, found.to, found.in_reply_to, found.references) == (None, (), None, ())
