"""What holds for every message that is taken over ready-made."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from postroad.domain.address import Address
from postroad.protocol.mime.headers import parse_headers, split_fields
from postroad.protocol.mime.lines import crlf_chunks, has_long_line
from postroad.protocol.mime.raw import AdoptedRaw, RawOverrides, adopt_raw
from support.drafts import line_text, people

_NOW = 1_763_866_260_000
_FILL = RawOverrides(fallback_message_id="<fill@example.com>", now_ms=_NOW)
_COMPLETE = (
    b"From: ann@example.com\r\nDate: Sun, 23 Nov 2025 02:51:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
)

_values = st.binary(max_size=60).map(lambda b: b.translate(None, b"\r\n\0"))
_names = st.sampled_from(
    [b"DKIM-Signature", b"X-Long", b"Subject", b"to", b"CC", b"Received", b"x-empty", b"Sender"]
)
_folds = st.lists(_values, min_size=1, max_size=3).map(b"\r\n\t".join)
_fields = st.builds(
    lambda n, s, v: n + s + v + b"\r\n", _names, st.sampled_from([b":", b" : "]), _folds
)
_bodies = st.lists(_values, max_size=6).map(lambda lines: b"".join(x + b"\r\n" for x in lines))


def _octets(adopted: AdoptedRaw) -> bytes:
    return b"".join(adopted.pieces)


@given(st.lists(_fields, max_size=8).map(b"".join), _bodies)
def test_nothing_changes_in_a_complete_message(fields: bytes, body: bytes) -> None:
    raw = _COMPLETE + fields + b"\r\n" + body
    adopted = adopt_raw(raw, _FILL)
    assert _octets(adopted) == raw
    assert adopted.size == len(raw)
    assert adopted.eight_bit == (not raw.isascii())


@given(st.lists(_fields, max_size=6).map(b"".join), _bodies, line_text)
def test_changing_one_field_leaves_all_others(fields: bytes, body: bytes, subject: str) -> None:
    raw = _COMPLETE + fields + b"\r\n" + body
    adopted = adopt_raw(raw, RawOverrides("<fill@example.com>", _NOW, subject=f"x{subject}x"))
    kept = [f.octets for f in split_fields(_COMPLETE + fields)[0] if f.key != "subject"]
    assert [f.octets for f in adopted.headers if f.key != "subject"] == kept
    assert adopted.headers.get_all("subject") == [f"x{subject}x"]
    assert _octets(adopted).endswith(b"\r\n\r\n" + body)


@given(st.binary(max_size=300))
@example(b"")
@example(b"\r")
@example(b"\n")
@example(b"\r\r\n")
@example(b"a:b\r\rc:d")
@example(b"From x\nSubject: a")
@example(b"From: a@b\r\nno field here\r\n\r\nbody")
def test_any_octets_become_a_message_with_crlf_lines(raw: bytes) -> None:
    raw = raw.replace(b"\0", b"")
    adopted = adopt_raw(raw, _FILL)
    out = _octets(adopted)
    assert adopted.size == len(out)
    bare = out.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    assert out.endswith(b"\r\n")
    fields, body_at = split_fields(out)
    assert tuple(fields) == adopted.headers.fields
    assert out[body_at - 4 : body_at] == b"\r\n\r\n"
    again = adopt_raw(out, _FILL)
    assert _octets(again) == out


@given(
    st.lists(
        st.sampled_from(
            [b"Bcc: a@x\r\n", b"BCC: b@x,\r\n c@x\r\n", b"Subject: s\r\n", b"Resent-Bcc: d@x\r\n"]
        ),
        max_size=8,
    )
)
def test_one_span_covers_every_bcc(fields: list[bytes]) -> None:
    adopted = adopt_raw(_COMPLETE + b"".join(fields) + b"\r\nbody\r\n", _FILL)
    out = _octets(adopted)
    relayed = parse_headers(out[: adopted.bcc_start] + out[adopted.bcc_end :])
    hidden = parse_headers(out[adopted.bcc_start : adopted.bcc_end])
    assert {field.key for field in hidden} <= {"bcc", "resent-bcc"}
    assert not {"bcc", "resent-bcc"} & {field.key for field in relayed}
    assert sorted(f.octets for f in adopted.headers if "bcc" in f.key) == sorted(
        f for f in fields if b"cc:" in f.lower()
    )


@given(st.lists(people, max_size=4), st.lists(people, max_size=4))
def test_replaced_recipients_are_the_envelope(to: list[Address], bcc: list[Address]) -> None:
    raw = b"From: a@b.example\r\nTo: old@x.example\r\nCc: cc@x.example\r\nBcc: o@x.example\r\n\r\n"
    adopted = adopt_raw(raw, RawOverrides("<f@x>", _NOW, to=tuple(to), bcc=tuple(bcc)))
    assert len(adopted.headers.addresses("to")) == len(to)
    assert len(adopted.headers.addresses("bcc")) == len(bcc)
    assert {r.lower() for r in adopted.rcpt_to} == {
        a.key for name in ("to", "cc", "bcc") for a in adopted.headers.addresses(name)
    }


@given(st.binary(max_size=80), st.integers(0, 3))
def test_chunks_are_the_same_as_the_whole(data: bytes, start: int) -> None:
    whole = b"".join(crlf_chunks(data, start))
    assert whole.replace(b"\r\n", b"\n").count(b"\r") == 0
    assert b"".join(crlf_chunks(whole)) == whole


@given(st.lists(st.integers(990, 1001), max_size=4), st.integers(1, 1500))
def test_long_lines_are_seen_whatever_the_pieces(lengths: list[int], cut: int) -> None:
    text = b"".join(b"x" * length + b"\r\n" for length in lengths)
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    assert has_long_line(pieces) == any(length > 998 for length in lengths)
