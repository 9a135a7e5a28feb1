"""What holds for every composed message, whatever goes in."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import email.utils
import re
from email.header import decode_header, make_header
from email.message import Message

import mailparser
import pytest
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st

from postroad.domain.address import Address
from postroad.domain.errors import Invalid
from postroad.protocol.mime.addresses import addresses
from postroad.protocol.mime.composer import Attachment, Draft, compose
from postroad.protocol.mime.headers import Headers, parse_headers
from support.drafts import (
    body_text,
    composed,
    draft,
    drafts,
    header_block,
    line_text,
    octets,
    people,
    read,
    specs,
    words,
)

# The standard library takes milliseconds for what is asked of it here.
_DRAFTS = settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


def _unquoted(address: Address) -> Address:
    """The same mailbox with its local part as the one who gave it may have spelled it."""
    local, _, host = address.address.rpartition("@")
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return Address(f"{local}@{host}", address.name)


def _all_fields(headers: Headers, name: str) -> tuple[Address, ...]:
    return tuple(map(_unquoted, headers.addresses(name)))


def _leaves(message: Message) -> list[Message]:
    return [part for part in message.walk() if not part.is_multipart()]


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def _no_defects(message: Message) -> None:
    for part in message.walk():
        assert part.defects == []


@_DRAFTS
@given(drafts)
def test_own_parser_reads_back_what_was_composed(given_draft: Draft) -> None:
    headers = parse_headers(octets(compose(given_draft)))
    assert given_draft.from_ is not None
    assert _all_fields(headers, "from") == (_unquoted(given_draft.from_),)
    assert _all_fields(headers, "to") == tuple(map(_unquoted, given_draft.to))
    assert _all_fields(headers, "cc") == tuple(map(_unquoted, given_draft.cc))
    assert _all_fields(headers, "bcc") == tuple(map(_unquoted, given_draft.bcc))
    assert _all_fields(headers, "reply-to") == tuple(map(_unquoted, given_draft.reply_to))
    assert headers.get("subject") == given_draft.subject
    assert headers.get_all("x-one") == [v for k, v in given_draft.headers if k == "X-One"]


@_DRAFTS
@given(drafts)
def test_standard_library_reads_back_what_was_composed(given_draft: Draft) -> None:
    message = read(octets(compose(given_draft)))
    _no_defects(message)
    for value in message.values():
        assert value.defects == ()
    assert (None if message["subject"] is None else str(message["subject"])) == given_draft.subject
    for name, people_given in (("to", given_draft.to), ("bcc", given_draft.bcc)):
        field = message[name]
        found = () if field is None else field.addresses
        # Up to 3.11 it keeps the blank between two words of a phrase, against RFC 2047 §6.2.
        assert [(_close(a.display_name), a.username) for a in found] == [
            (_close(p.name), _unquoted(p).address.rpartition("@")[0]) for p in people_given
        ]
    assert message["message-id"] == given_draft.message_id
    assert (message["references"] or "").split() == list(given_draft.references)


@_DRAFTS
@given(drafts)
def test_bodies_and_files_arrive_octet_by_octet(given_draft: Draft) -> None:
    raw = octets(compose(given_draft))
    message = email.message_from_bytes(raw)  # compat32: the older and more literal reader
    _no_defects(message)
    leaves = _leaves(message)
    found = {
        (part.get_content_type(), email.utils.collapse_rfc2231_value(part.get_filename("")))
        for part in leaves
        if part.get_filename() is not None
    }
    assert found == {
        (a.content_type.partition(";")[0], a.filename) for a in given_draft.attachments
    }
    assert sorted(_payload(p) for p in leaves if p.get_filename() is not None) == (
        sorted(a.data for a in given_draft.attachments)
    )
    for kind, text in (("text/plain", given_draft.text), ("text/html", given_draft.html)):
        if text is None:
            continue
        part = next(p for p in leaves if p.get_content_type() == kind and not p.get_filename())
        assert _payload(part).decode().replace("\r\n", "\n").removesuffix(
            "\n"
        ) == text.removesuffix("\n")


@_DRAFTS
@given(drafts)
def test_mail_parser_agrees(given_draft: Draft) -> None:
    parsed = mailparser.parse_from_bytes(octets(compose(given_draft)))
    assert parsed.defects == []
    assert parsed.message_id == given_draft.message_id
    assert parsed.subject.split() == (given_draft.subject or "").split()
    assert len(parsed.to) == len(given_draft.to)
    assert len(parsed.attachments) == len(given_draft.attachments)


@_DRAFTS
@given(drafts)
def test_lines_fold_at_78_and_all_is_ascii(given_draft: Draft) -> None:
    result = compose(given_draft)
    raw = octets(result)
    assert raw.isascii()
    assert not result.eight_bit
    assert not result.smtputf8
    assert result.size == len(raw)
    assert b"\0" not in header_block(raw)
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    for line in header_block(raw).split(b"\r\n"):
        # A longer line is one token, alone or behind the name of its field.
        assert len(line) <= 78 or line.strip().partition(b": ")[2].count(b" ") == 0


@_DRAFTS
@given(drafts)
def test_bcc_span_covers_the_field_and_nothing_else(given_draft: Draft) -> None:
    result = compose(given_draft)
    raw = octets(result)
    span = raw[result.bcc_start : result.bcc_end]
    without = raw[: result.bcc_start] + raw[result.bcc_end :]
    assert span.startswith(b"Bcc: ") == bool(given_draft.bcc)
    assert len(parse_headers(span).fields) == bool(given_draft.bcc)
    assert "bcc" not in parse_headers(without)
    assert without == octets(compose(_without_bcc(given_draft)))


@_DRAFTS
@given(drafts)
def test_same_draft_gives_same_octets(given_draft: Draft) -> None:
    assert compose(given_draft) == compose(given_draft)


@given(line_text)
@example(" a ")
@example("=?utf-8?q?x?=")
@example("a\tb")
@example("a  b" * 40)
@example("\u2028\x85\x0b\x1c")
def test_any_subject_survives(subject: str) -> None:
    raw = composed(subject=subject)
    assert parse_headers(raw).get("subject") == subject
    message = email.message_from_bytes(raw)
    assert str(make_header(decode_header(message["subject"]))) == subject
    assert len(message.keys()) == 8
    assert all(len(line) <= 78 for line in header_block(raw).split(b"\r\n"))


@given(people)
def test_any_name_and_address_stay_one_mailbox(person: Address) -> None:
    headers = parse_headers(composed(to=(person,)))
    assert _all_fields(headers, "to") == (_unquoted(person),)


@given(line_text, specs)
def test_any_display_name_survives_up_to_blanks_around_it(name: str, spec: str) -> None:
    (found,) = parse_headers(composed(to=(Address(spec, name),))).addresses("to")
    assert found.name == name.strip(" \t").strip()
    assert _unquoted(found) == _unquoted(Address(spec, found.name))


@given(st.text(min_size=1))
def test_an_address_is_refused_or_stays_one_address(text: str) -> None:
    raw = _composed_or_blamed("address", to=(Address(text),))
    if raw is None:
        return
    assert len(parse_headers(raw).fields) == 8
    assert len(parse_headers(raw).addresses("to")) == 1
    assert len(read(raw)["to"].addresses) == 1


_HOSTILE = st.builds(
    "{}{}{}".format,
    words,
    st.sampled_from(["\r\n", "\n", "\r", "\0", "\r\n\r\n", "\n ", "\r\nBcc: evil@example.org"]),
    words,
)


@given(_HOSTILE)
@pytest.mark.parametrize(
    ("member", "key", "wrap"),
    [
        ("subject", "subject", str),
        ("message_id", "messageId", "<{}@x>".format),
        ("in_reply_to", "inReplyTo", "<{}@x>".format),
        ("references", "references", lambda text: (f"<{text}@x>",)),
        ("headers", "headers", lambda text: (("X-Custom", text),)),
        ("headers", "headers", lambda text: ((text, "x"),)),
        ("headers", "headers", lambda text: (("References", text),)),
        ("headers", "headers", lambda text: (("List-Unsubscribe", text),)),
        ("from_", "name", lambda text: Address("a@example.com", f"a{text}a")),
        ("from_", "address", lambda text: Address(f"a{text}a@example.com")),
        ("to", "address", lambda text: (Address(f"a@exa{text}mple.com"),)),
        ("cc", "name", lambda text: (Address("a@example.com", f"a{text}a"),)),
        ("bcc", "name", lambda text: (Address("a@example.com", f"a{text}a"),)),
        ("reply_to", "name", lambda text: (Address("a@example.com", f"a{text}a"),)),
        ("attachments", "filename", lambda t: (Attachment(t, "a/b", "attachment", None, b""),)),
        ("attachments", "contentType", lambda t: (Attachment("x", t, "attachment", None, b""),)),
        (
            "attachments",
            "contentType",
            lambda t: (Attachment("x", f"a/b; c={t}", "attachment", None, b""),),
        ),
        ("attachments", "cid", lambda t: (Attachment("x", "a/b", "inline", t, b""),)),
        ("attachments", "contentDisposition", lambda t: (Attachment("x", "a/b", t, None, b""),)),
    ],
)
@settings(max_examples=15)
def test_line_breaks_and_nul_are_refused_by_name(
    member: str, key: str, wrap: object, text: str
) -> None:
    assert callable(wrap)
    with pytest.raises(Invalid) as caught:
        compose(draft(**{member: wrap(text)}))
    assert {problem.key for problem in caught.value.fields} == {key}


@given(st.text(min_size=1))
def test_a_custom_name_is_a_field_name_or_refused(name: str) -> None:
    assume(name.lower() not in {"date", "in-reply-to", "references"})
    raw = _composed_or_blamed("headers", headers=((name, "x"),))
    assert raw is None or len(parse_headers(raw).fields) == 9


@given(body_text)
def test_text_alone_gains_at_most_a_final_line_break(text: str) -> None:
    message = email.message_from_bytes(composed(text=text))
    got = _payload(message).decode().replace("\r\n", "\n")
    assert got in (text, text + "\n")


@given(st.lists(people, min_size=1, max_size=20))
def test_address_lists_keep_their_order(given_people: list[Address]) -> None:
    raw = parse_headers(composed(to=tuple(given_people))).raw("to")
    assert raw is not None
    assert list(map(_unquoted, addresses(raw))) == list(map(_unquoted, given_people))


def _without_bcc(given_draft: Draft) -> Draft:
    return dataclasses.replace(given_draft, bcc=())


def _composed_or_blamed(key: str, **changes: object) -> bytes | None:
    """The octets, or ``None`` when the draft was refused for that one member."""
    try:
        return composed(**changes)
    except Invalid as refused:
        if {problem.key for problem in refused.fields} != {key}:
            raise
        return None


def _close(text: str) -> str:
    return text.replace(" ", "")
