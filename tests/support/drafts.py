"""Messages for tests: drafts by hand and by chance, and their octets read back."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from email.message import EmailMessage
from typing import Any

from hypothesis import strategies as st

from postroad.domain.address import Address
from postroad.protocol.mime.composer import Attachment, Composed, Draft, compose

PLAIN = Draft(
    from_=Address("ann@example.com", "Ann Sender"),
    to=(Address("bob@example.net", "Bob"),),
    cc=(),
    bcc=(),
    reply_to=(),
    subject="Hello",
    message_id="<1@example.com>",
    date_ms=1_763_866_260_000,
    in_reply_to=None,
    references=(),
    headers=(),
    text="Hello Bob\n",
    html=None,
    attachments=(),
)


def draft(**changes: Any) -> Draft:
    """A plain draft with some members changed."""
    return dataclasses.replace(PLAIN, **changes)


def octets(composed: Composed) -> bytes:
    return b"".join(composed.pieces)


def composed(**changes: Any) -> bytes:
    """The octets of a plain draft with some members changed."""
    return octets(compose(draft(**changes)))


def header_block(raw: bytes) -> bytes:
    """The header fields, final CRLF included, without the empty line."""
    return raw[: raw.index(b"\r\n\r\n") + 2]


def read(raw: bytes) -> EmailMessage:
    """The message as the standard library reads it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


# Anything but what is refused: CR, LF, NUL and lone surrogates.
line_text = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
# What people type: printable characters of many scripts, single spaces.
words = st.lists(
    st.text(
        st.characters(categories=["L", "N", "P", "S"], exclude_characters="\ufffd"),
        min_size=1,
        max_size=50,
    ).filter(lambda word: "=?" not in word),
    min_size=1,
    max_size=5,
).map(" ".join)
body_text = st.text(
    st.characters(exclude_characters="\r\x85\u2028\u2029", exclude_categories=["Cs"])
)
_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789"
hosts = st.lists(st.text(_LABEL, min_size=1, max_size=20), min_size=1, max_size=4).map(".".join)
_ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-."
locals_ = st.one_of(
    st.text(_ATEXT, min_size=1, max_size=30),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
)
specs = st.builds("{}@{}".format, locals_, hosts).filter(lambda spec: "=?" not in spec)
people = st.builds(Address, specs, st.one_of(st.just(""), words))
files = st.builds(
    Attachment,
    filename=words,
    content_type=st.sampled_from(
        ["application/pdf", "image/png", "text/csv; charset=iso-8859-1", "application/octet-stream"]
    ),
    disposition=st.sampled_from(["inline", "attachment"]),
    content_id=st.one_of(st.none(), hosts.map("<{}@cid>".format)),
    data=st.binary(max_size=400),
)
drafts = st.builds(
    Draft,
    from_=people,
    to=st.lists(people, max_size=3).map(tuple),
    cc=st.lists(people, max_size=1).map(tuple),
    bcc=st.lists(people, max_size=2).map(tuple),
    reply_to=st.lists(people, max_size=1).map(tuple),
    subject=st.one_of(st.none(), words),
    message_id=hosts.map("<{}@id.example>".format),
    date_ms=st.integers(0, 4_000_000_000_000),
    in_reply_to=st.one_of(st.none(), hosts.map("<{}@id.example>".format)),
    references=st.lists(hosts.map("<{}@id.example>".format), max_size=8).map(tuple),
    headers=st.lists(st.tuples(st.sampled_from(["X-One", "X-Two"]), words), max_size=3).map(tuple),
    text=st.one_of(st.none(), body_text),
    html=st.one_of(st.none(), body_text),
    attachments=st.lists(files, max_size=2).map(tuple),
)
