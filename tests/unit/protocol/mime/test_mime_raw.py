from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from postroad.domain.address import Address
from postroad.domain.errors import Invalid
from postroad.protocol.mime.controls import Controls
from postroad.protocol.mime.raw import AdoptedRaw, RawOverrides, adopt_raw

_NOW = 1_763_866_260_000
_FILL = RawOverrides("<fill@example.com>", _NOW, fallback_from=Address("me@example.com", "Me"))
_DATA = Path(__file__).parents[3] / "data" / "mime"


def _adopt(raw: bytes, **changes: object) -> tuple[AdoptedRaw, bytes]:
    adopted = adopt_raw(raw, RawOverrides("<fill@example.com>", _NOW, **changes))  # type: ignore[arg-type] # members by name
    return adopted, b"".join(adopted.pieces)


def test_missing_fields_are_added_behind_the_others() -> None:
    adopted = adopt_raw(b"Subject: x\r\n\r\nbody\r\n", _FILL)
    assert b"".join(adopted.pieces) == (
        b"Subject: x\r\n"
        b"From: Me <me@example.com>\r\n"
        b"Message-ID: <fill@example.com>\r\n"
        b"Date: Sun, 23 Nov 2025 02:51:00 +0000\r\n"
        b"MIME-Version: 1.0\r\n"
        b"\r\nbody\r\n"
    )
    assert adopted.mail_from == "me@example.com"
    assert adopted.message_id == "<fill@example.com>"


@pytest.mark.parametrize("path", sorted(_DATA.glob("*.eml")), ids=lambda path: path.stem)
def test_recorded_messages(path: Path) -> None:
    raw = path.read_bytes()
    expected = json.loads(path.with_suffix(".json").read_text())
    adopted = adopt_raw(raw, _FILL)
    out = b"".join(adopted.pieces)
    assert adopted.message_id == expected["message_id"]
    assert adopted.subject == expected["subject"]
    assert adopted.mail_from == expected["mail_from"]
    assert list(adopted.rcpt_to) == expected["rcpt_to"]
    assert out[adopted.bcc_start : adopted.bcc_end].decode() == expected["bcc"]
    assert adopted.long_lines == expected["long_lines"]
    assert adopted.eight_bit == expected["eight_bit"]
    assert adopted.smtputf8 == expected["smtputf8"]
    assert (out == raw) == expected["unchanged"]
    for kept in expected["kept"]:
        assert kept.encode() in out
    for gone in expected["gone"]:
        assert gone.encode() not in out


def test_from_that_is_there_is_never_touched() -> None:
    adopted = adopt_raw(b"FROM:  You <you@x.test>\r\n\r\n", _FILL)
    assert b"".join(adopted.pieces).startswith(b"FROM:  You <you@x.test>\r\nMessage-ID:")
    assert adopted.mail_from == "you@x.test"


def test_recipients_next_to_raw_replace_in_place_and_empty_ones_remove() -> None:
    raw = (
        b"To: a@x.test\r\nCc: b@x.test\r\nX: 1\r\nTo: c@x.test\r\nBcc: d@x.test\r\n"
        b"Subject: old\r\n\r\n"
    )
    adopted, out = _adopt(raw, to=(Address("n@x.test", "N"),), cc=(), subject="Neü")
    assert out.startswith(
        b"To: N <n@x.test>\r\nX: 1\r\nBcc: d@x.test\r\nSubject: =?utf-8?Q?Ne=C3=BC?=\r\n"
    )
    assert adopted.rcpt_to == ("n@x.test", "d@x.test")
    assert adopted.subject == "Neü"
    _, out = _adopt(raw, subject="", bcc=())
    assert b"Subject" not in out
    assert b"Bcc" not in out


def test_custom_headers_are_added_and_thread_fields_replaced() -> None:
    raw = b"References: <old@x>\r\nX-A: 1\r\n\r\n"
    _, out = _adopt(
        raw, headers=(("X-A", "2"), ("references", "<new@x>"), ("In-Reply-To", "<n@x>"))
    )
    assert out.startswith(b"references: <new@x>\r\nX-A: 1\r\nIn-Reply-To: <n@x>\r\nX-A: 2\r\n")
    _, out = _adopt(raw, in_reply_to="<a@b>", references=("<a@b>", "<c@d>"), message_id="<m@x>")
    assert out.startswith(b"References: <a@b> <c@d>\r\nX-A: 1\r\n")
    assert b"\r\nIn-Reply-To: <a@b>\r\n" in out
    assert b"\r\nMessage-ID: <m@x>\r\n" in out


@pytest.mark.parametrize(
    ("send_at_ms", "field", "rewritten"),
    [
        (None, b"", False),
        (_NOW - 1, b"", False),
        (_NOW + 60_000, b"", True),
        (_NOW + 60_000, b"X-EE-Send-At: 2020-01-01T00:00:00Z\r\n", False),  # the field wins
        (None, b"X-Postroad-Send-At: %d\r\n" % (_NOW + 60_000), True),
    ],
)
def test_date_is_rewritten_only_for_the_future(
    send_at_ms: int | None, field: bytes, rewritten: bool
) -> None:
    raw = field + b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\r\n"
    _, out = _adopt(raw, send_at_ms=send_at_ms)
    assert (b"Date: Sun, 23 Nov 2025 02:52:00 +0000\r\n" in out) == rewritten
    assert (b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n" in out) != rewritten


def test_control_fields_are_read_and_stripped_in_every_repetition() -> None:
    raw = (
        b"X-EE-Send-At: 1763866260000\r\nx-ee-delivery-attempts: 3\r\nX-EE-Gateway: gw\r\n"
        b"X-EE-Tracking-Enabled: Y\r\nX-EE-Account:\r\nX-Ee-Account: =?utf-8?Q?j=C3=BCri?=\r\n"
        b"X-EE-Account: other\r\nX-Postroad-Idempotency-Key: key\r\nX-EE-Else: kept\r\n\r\n"
        b"X-EE-Account: in the body\r\n"
    )
    adopted, out = _adopt(raw)
    assert adopted.controls == Controls(1_763_866_260_000, 3, "gw", True, "jüri", "key")
    assert out.lower().count(b"x-ee-") == 2
    assert b"X-EE-Else: kept\r\n" in out
    assert out.endswith(b"\r\n\r\nX-EE-Account: in the body\r\n")


@pytest.mark.parametrize(
    ("field", "tags"),
    [
        (b"X-EE-Tags: spring sale,  b ,,b,\r\n", ("spring sale", "b")),
        (b"x-postroad-tags:\r\n one,\r\n\ttwo\r\n", ("one", "two")),
        (b"X-EE-Tags: =?utf-8?Q?sp=C3=A4t=2C_rot?=, \xc3\xa4\r\n", ("spät", "rot", "ä")),
        (b"X-EE-Tags: a\r\nX-EE-Tags: b\r\n", ("a",)),
        (b"X-EE-Tags: , ,\r\n", ()),
    ],
)
def test_tags_are_read_and_stripped(field: bytes, tags: tuple[str, ...]) -> None:
    adopted, out = _adopt(field + b"Subject: s\r\n\r\n")
    assert adopted.controls == Controls(tags=tags)
    assert b"tags" not in out.lower()


@pytest.mark.parametrize("value", [b"soon", b"-3", b"0", b"", b"1e3", b"99999999"])
def test_unreadable_control_values_are_ignored(value: bytes) -> None:
    raw = b"X-EE-Send-At: soon\r\nX-EE-Delivery-Attempts: %s\r\nX-EE-Tracking-Enabled: ?\r\n\r\n"
    assert _adopt(raw % value)[0].controls == Controls()


def test_header_without_body_gets_its_empty_line() -> None:
    adopted, out = _adopt(b"To: a@x.test")
    assert out.endswith(b"MIME-Version: 1.0\r\n\r\n")
    assert adopted.rcpt_to == ("a@x.test",)


def test_a_second_copy_of_a_large_body_is_all_there_is() -> None:
    raw = b"To: a@x.test\r\n\r\n" + (b"x" * 70 + b"\r\n") * 100_000
    tracemalloc.start()
    try:
        adopted = adopt_raw(raw, _FILL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.15 * len(raw)
    assert adopted.size > len(raw)


@pytest.mark.parametrize(
    ("raw", "changes", "keys"),
    [
        (b"Subject: a\0b\r\n\r\n", {}, ["raw"]),
        (b"\r\n", {"subject": "a\nb", "to": (Address("x"),)}, ["address", "subject"]),
        (b"\r\n", {"message_id": "a b", "references": ("x",)}, ["messageId", "references"]),
        (b"\r\n", {"headers": (("Bcc", "x@y"),)}, ["headers"]),
    ],
)
def test_refused_by_name(raw: bytes, changes: dict[str, object], keys: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        _adopt(raw, **changes)
    assert [problem.key for problem in caught.value.fields] == keys
