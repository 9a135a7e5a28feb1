"""What makes two addresses the same, and which reports put one onto the list."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.bounce import (
    Action,
    BounceReason,
    BounceType,
    Category,
    Feedback,
    ReportedRecipient,
    Response,
    Verdict,
)
from postroad.domain.suppression import (
    MAX_TEXT_CHARS,
    RESERVED_LIST,
    Evidence,
    ReturnedMail,
    Suppressed,
    SuppressionRules,
    SuppressionScope,
    address_key,
    addressed,
    by_key,
    first_by_list,
    suppression_of,
)

UNKNOWN = Verdict(BounceType.HARD, BounceReason.USER_UNKNOWN, Category.USER_UNKNOWN)
FULL = Verdict(BounceType.SOFT, BounceReason.MAILBOX_FULL, Category.MAILBOX_FULL)
HARD = ReportedRecipient(
    "gone@example.net",
    Action.FAILED,
    status="5.1.1",
    response=Response("550 5.1.1 no such user", "smtp", 550),
    remote_mta="mx.example.net",
    verdict=UNKNOWN,
)
ABUSE = Feedback("abuse", reporting_mta="fbl.example.net")
MAIL = ReturnedMail("inbox", "AAAAAQAAAAE", 1000, "q1", "<1@example.com>")
BOTH = SuppressionRules.HARD_BOUNCES_AND_COMPLAINTS


def judged(returned: ReportedRecipient | Feedback = HARD, **changes: Any) -> Suppressed | None:
    arguments: dict[str, Any] = {
        "recipient": "gone@example.net",
        "mail": MAIL,
        "rules": BOTH,
        "scope": SuppressionScope.ACCOUNT,
        **changes,
    }
    recipient, mail = arguments.pop("recipient"), arguments.pop("mail")
    return suppression_of("me", recipient, returned, mail, now=2000, **arguments)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Gone@Example.NET", "gone@example.net"),
        ("  gone@example.net ", "gone@example.net"),
        ("gone@example.net.", "gone@example.net"),
        ("x@bücher.example", "x@xn--bcher-kva.example"),
        ("x@BÜCHER.example", "x@XN--BCHER-KVA.EXAMPLE"),
        ("x@bu\u0308cher.example", "x@bücher.example"),  # composed and not
        ("x@straße.example", "x@xn--strae-oqa.example"),
        ("x@例え。テスト", "x@xn--r8jz45g.xn--zckzah"),
        ("x@ｅｘａｍｐｌｅ．net", "x@example.net"),
        ("jose\u0301@example.net", "JOSÉ@example.net"),
        ('"gone.for.good"@example.net', "gone.for.good@example.net"),
    ],
)
def test_spellings_of_one_mailbox_have_one_key(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a@example.net", "b@example.net"),
        ("a@example.net", "a@example.org"),
        ("a+tag@example.net", "a@example.net"),
        ("a.b@example.net", "ab@example.net"),
        ("x@straße.example", "x@strasse.example"),  # two domains since IDNA 2008
        ("x@xn--abc-.example", "x@abc.example"),  # no encoding of anything
        ('"a b"@example.net', "ab@example.net"),
        ('"a@x"@example.net', "a@x@example.net"),
    ],
)
def test_other_mailboxes_have_other_keys(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


@pytest.mark.parametrize("label", ["xn--", "xn--\u00fc", "xn--99999999999", "xn--0d800"])
def test_label_that_decodes_to_nothing_stays_as_it_is(label: str) -> None:
    assert address_key(f"x@{label}.example") == f"x@{label}.example"


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_has_a_key_and_its_case_does_not_count_in_ascii(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    key = address_key(address)
    assert key.isprintable() or not address.isprintable()
    if address.isascii():
        assert address_key(address.upper()) == address_key(address.lower()) == key


def test_hard_bounce_puts_its_recipient_onto_the_list_with_the_evidence() -> None:
    assert judged() == Suppressed(
        list_id=RESERVED_LIST,
        recipient="gone@example.net",
        account="me",
        source="bounce",
        reason="user_unknown",
        created_at=2000,
        scope="me",
        message_id="<1@example.com>",
        evidence=Evidence(
            reporter="inbox",
            message="AAAAAQAAAAE",
            reported_at=1000,
            queue_id="q1",
            type="hard",
            category="user_unknown",
            status="5.1.1",
            text="550 5.1.1 no such user",
            mta="mx.example.net",
        ),
    )


def test_complaint_puts_its_recipient_onto_the_list() -> None:
    entry = judged(ABUSE, scope=SuppressionScope.GLOBAL)
    assert entry is not None and entry.evidence is not None
    assert (entry.source, entry.reason, entry.scope) == ("complaint", "abuse", "")
    assert entry.evidence.mta == "fbl.example.net"


@pytest.mark.parametrize(
    "returned",
    [
        ReportedRecipient("gone@example.net", Action.FAILED, verdict=FULL),
        ReportedRecipient("gone@example.net", Action.FAILED),  # the report does not say why
        ReportedRecipient("gone@example.net", Action.DELAYED, verdict=UNKNOWN),
        ReportedRecipient("gone@example.net", Action.DELIVERED),
        ReportedRecipient("gone@example.net", Action.FAILED, status="4.1.1", verdict=UNKNOWN),
        ReportedRecipient(
            "gone@example.net",
            Action.FAILED,
            response=Response("451 unknown user", code=451),
            verdict=UNKNOWN,
        ),
        Feedback("not-spam"),
        Feedback("auth-failure"),
        Feedback("virus"),
    ],
    ids=lambda returned: str(getattr(returned, "action", returned)),
)
def test_other_reports_suppress_nobody(returned: ReportedRecipient | Feedback) -> None:
    assert judged(returned) is None


@pytest.mark.parametrize(
    ("rules", "bounces", "complaints"),
    [
        (SuppressionRules.OFF, False, False),
        (SuppressionRules.HARD_BOUNCES, True, False),
        (SuppressionRules.COMPLAINTS, False, True),
        (BOTH, True, True),
    ],
)
def test_rules_say_which_reports_count(
    rules: SuppressionRules, bounces: bool, complaints: bool
) -> None:
    assert (judged(rules=rules) is not None) == bounces
    assert (judged(ABUSE, rules=rules) is not None) == complaints


def test_report_on_no_mail_of_ours_suppresses_nobody() -> None:
    assert judged(mail=ReturnedMail("inbox", "AAAAAQAAAAE", 1000, None)) is None


@pytest.mark.parametrize(
    "recipient", ["", "gone", "@example.net", "gone@", "g\x00ne@example.net", "x" * 251 + "@y.z"]
)
def test_what_is_no_address_is_not_put_onto_the_list(recipient: str) -> None:
    assert judged(recipient=recipient) is None


def test_strangers_words_are_kept_short_and_on_one_line() -> None:
    words = Response("no\x1b[31m\r\nsuch user" + "x" * 5000)
    entry = judged(ReportedRecipient("gone@example.net", Action.FAILED, None, None, words,
                                     verdict=UNKNOWN))  # fmt: skip
    assert entry is not None and entry.evidence is not None
    assert entry.evidence.text.startswith("no [31m  such user")
    assert len(entry.evidence.text) <= MAX_TEXT_CHARS


def test_evidence_comes_back_from_its_row() -> None:
    entry = judged()
    assert entry is not None and entry.evidence is not None
    assert Evidence.from_json(entry.evidence.to_json()) == entry.evidence
    bare = Evidence("r", "m", 5, "q")
    assert Evidence.from_json(bare.to_json()) == bare


@pytest.mark.parametrize(
    ("reported", "wrote_to", "who"),
    [
        (["gone@x.test"], ["A@x.test", "Gone@X.test"], "Gone@X.test"),
        (["", "gone@x.test"], ["gone@x.test", "b@x.test"], "gone@x.test"),
        (["first@x.test", "second@x.test"], ["second@x.test", "first@x.test"], "first@x.test"),
        (["forwarded@y.test"], ["gone@x.test"], "gone@x.test"),
        (["forwarded@y.test"], ["gone@x.test", "GONE@x.test"], "gone@x.test"),
        (["forwarded@y.test"], ["gone@x.test", "b@x.test"], None),
        ([], ["gone@x.test"], "gone@x.test"),
        (["gone@x.test"], [], None),
    ],
)
def test_report_is_about_somebody_who_was_written_to(
    reported: list[str], wrote_to: list[str], who: str | None
) -> None:
    assert addressed(reported, by_key(wrote_to)) == who


def test_the_first_list_that_has_an_address_is_told() -> None:
    on_two = [Suppressed(name, "A@example.net", "me", "api", name, 1) for name in ("x", "y")]
    for lists in (["x", "y"], ["y", "x"]):
        assert first_by_list(on_two, lists)["a@example.net"].list_id == lists[0]
