"""Which mails are read whole: all that report something, and next to no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad.domain.bounce import ReportKind
from postroad.protocol.mime.headers import Headers, parse_headers
from postroad.protocol.mime.parser import parse_message
from postroad.protocol.report import read_report
from postroad.protocol.report.candidate import REPORT_FIELDS, is_automatic, may_report
from postroad.protocol.report.signs import read_signs

DATA = Path(__file__).parents[3] / "data"
REPORTS = sorted((DATA / "report").glob("*.eml"))
ORDINARY = sorted((DATA / "mime" / "reading").glob("*.eml"))

each_report = pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)


def known(octets: bytes) -> Headers:
    """The fields that are fetched of every mail."""
    names = {name.lower() for name in REPORT_FIELDS}
    headers = parse_headers(parse_message(octets).header_block, skips_junk=True)
    return Headers(tuple(field for field in headers if field.key in names))


def is_candidate(octets: bytes) -> bool:
    return may_report(read_signs(known(octets)), parse_message(octets).root)


@each_report
def test_what_reports_something_is_read_whole(path: Path) -> None:
    octets = path.read_bytes()
    kind = read_report(octets).kind

    if kind in (ReportKind.BOUNCE, ReportKind.DELIVERY, ReportKind.COMPLAINT):
        assert is_candidate(octets)


@each_report
def test_what_the_reader_takes_for_automatic_is_so_by_its_header(path: Path) -> None:
    octets = path.read_bytes()
    headers = known(octets)

    if read_report(octets).kind is ReportKind.AUTO_REPLY:
        assert is_automatic(
            headers,
            read_signs(headers),
            subject=headers.get("Subject"),
            in_reply_to=headers.raw("In-Reply-To"),
        )


def test_mail_of_people_is_not_read_whole() -> None:
    assert [path.stem for path in ORDINARY if is_candidate(path.read_bytes())] == []


def mail(*fields: str, body: str = "x") -> bytes:
    return "\r\n".join((*fields, "", body, "")).encode()


@pytest.mark.parametrize(
    "fields",
    [
        ("From: Mail Delivery System <x@example.net>",),
        ("From: Internet Mail Delivery <x@example.net>",),
        ("From: NDR Administrator <x@example.net>",),
        ("From: MAILER-DAEMON@example.net",),
        ("From: Someone <postmaster@example.net>",),
        ("From: x@example.net", "Subject: Undeliverable Message"),
        ("From: x@example.net", "Subject: Mail delivery failed: returning message"),
        ("From: x@example.net", "Subject: Delivery Status Notification (Failure)"),
        ("From: x@example.net", "Subject: Returned mail: see transcript"),
        ("From: x@example.net", "Subject: Failure Notice"),
        ("From: x@example.net", "Subject: There was an error sending your mail"),
        ("From: x@example.net", "X-Failed-Recipients: y@example.org"),
        ("From: staff@hotmail.com", "Subject: complaint about message"),
        ("From: fbl@example.net", "Subject: x"),
        ("From: abuse@example.net", "Subject: x"),
        ("From: x@example.net", "Subject: Email abuse report"),
        ("From: no-reply@sns.eu-west-1.amazonaws.com", "Subject: Notification"),
    ],
)
def test_signs_that_the_contract_names_suffice(fields: tuple[str, ...]) -> None:
    assert is_candidate(mail(*fields))


@pytest.mark.parametrize(
    "content_type",
    [
        "message/delivery-status",
        "message/global-delivery-status",
        "message/feedback-report",
        "text/rfc822-headers",
    ],
)
def test_a_part_that_only_reports_have_suffices(content_type: str) -> None:
    octets = mail(
        "From: x@example.net",
        "Content-Type: multipart/mixed; boundary=b",
        body=f"--b\r\nContent-Type: {content_type}\r\n\r\nX: y\r\n--b--",
    )

    assert is_candidate(octets)


def test_an_attached_message_needs_a_subject_that_tells_of_failure() -> None:
    def with_message(subject: str) -> bytes:
        return mail(
            "From: x@example.net",
            f"Subject: {subject}",
            "Content-Type: multipart/mixed; boundary=b",
            body="--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n--b--",
        )

    assert is_candidate(with_message("It failed"))
    assert not is_candidate(with_message("Holidays"))


def test_a_report_inside_a_forwarded_message_is_somebody_elses() -> None:
    inner = (
        "Content-Type: multipart/report; report-type=delivery-status; boundary=i\r\n\r\n"
        "--i\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n--i--"
    )
    octets = mail(
        "From: x@example.net",
        "Subject: look at this",
        "Content-Type: multipart/mixed; boundary=b",
        body=f"--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--",
    )

    assert not is_candidate(octets)


def test_without_the_tree_of_parts_the_header_decides() -> None:
    signs = read_signs(Headers())

    assert not may_report(signs, None)
