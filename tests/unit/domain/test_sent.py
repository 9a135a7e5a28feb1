"""Numbers by which messages and reports are found."""

from __future__ import annotations

from postroad.domain.sent import address_key, id_key, report_key


def test_case_and_brackets_do_not_tell_message_ids_apart() -> None:
    assert id_key("<A@Example.com>") == id_key(" a@example.COM ")
    assert id_key("<a@example.com>") != id_key("<b@example.com>")


def test_an_address_is_never_taken_for_a_message_id() -> None:
    assert address_key("A@example.com") == address_key("a@EXAMPLE.com")
    assert address_key("a@example.com") != id_key("<a@example.com>")


def test_keys_fit_into_a_database() -> None:
    keys = [id_key(f"<{n}@x>") for n in range(200)]

    assert all(-(1 << 63) <= key < 1 << 63 for key in keys)
    assert min(keys) < 0 < max(keys)


def test_a_report_is_the_same_wherever_it_lies_and_another_when_it_comes_again() -> None:
    first = report_key("a", "<dsn@x>", arrived_at=1, size=9)

    assert first == report_key("a", "<dsn@x>", arrived_at=1, size=9)
    others = [
        report_key("b", "<dsn@x>", arrived_at=1, size=9),
        report_key("a", "<dsn@y>", arrived_at=1, size=9),
        report_key("a", "<dsn@x>", arrived_at=2, size=9),
        report_key("a", "<dsn@x>", arrived_at=1, size=8),
    ]
    assert first not in others
