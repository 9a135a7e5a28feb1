"""Writes the delivery status report that the sandbox's ``bounce@`` sends back.

A real report as a mail server would make it, so that whatever reads bounces can be tried on it.
RFC 3464, RFC 6522; RFC 6533 when an address is not ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate

REPORTER = "sandbox.postroad.invalid"  # RFC 2606 §2: can never be a real host
STATUS = "5.1.1"
DIAGNOSTIC = "550 5.1.1 <{recipient}>: Recipient address rejected: mailbox unavailable"
_MAX_HEADERS = 64 * 1024  # octets of the original's headers that come back


@dataclass(frozen=True, slots=True)
class Bounced:
    """What the report tells of."""

    report_id: str  # becomes the report's Message-ID and boundary; letters, digits, hyphen
    sender: str  # who gets the report
    recipients: Sequence[str]  # whom the message did not reach
    headers: bytes  # header block of the original, CRLF
    envelope_id: str | None  # ENVID that the sender gave, plain text
    at_ms: int  # epoch ms

    @property
    def message_id(self) -> str:
        """The report's own Message-ID, with <>."""
        return f"<{self.report_id}@{REPORTER}>"


def report(bounced: Bounced) -> bytes:
    """The whole report as RFC 5322 octets with CRLF line ends."""
    is_ascii = all(text.isascii() for text in (bounced.sender, *bounced.recipients))
    headers = bounced.headers[:_MAX_HEADERS].rstrip(b"\r\n")
    is_ascii = is_ascii and headers.isascii()
    status_type = "message/delivery-status" if is_ascii else "message/global-delivery-status"
    headers_type = "text/rfc822-headers" if is_ascii else "message/global-headers"
    encoding = "7bit" if is_ascii else "8bit"
    boundary = f"=_{bounced.report_id}"
    head = [
        f"From: Mail Delivery System <MAILER-DAEMON@{REPORTER}>",
        f"To: {_one_line(bounced.sender)}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {formatdate(bounced.at_ms / 1000)}",
        f"Message-ID: {bounced.message_id}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type="
        + ("delivery-status" if is_ascii else "global-delivery-status")
        + f';\r\n boundary="{boundary}"',
        f"Content-Transfer-Encoding: {encoding}",
        "",
    ]
    text = [
        "This is the Postroad sandbox. Your message could not be delivered to:",
        "",
        *(
            f"<{_one_line(who)}>: host {REPORTER} said:\r\n    {_diagnostic(who)}"
            for who in bounced.recipients
        ),
    ]
    parts = [
        _part(f"text/plain; charset={'us-ascii' if is_ascii else 'utf-8'}", encoding, text),
        _part(status_type, encoding, _status(bounced)),
        _part(headers_type, encoding, []) + headers + b"\r\n",
    ]
    delimiter = f"--{boundary}".encode()
    body = b"".join(delimiter + b"\r\n" + part for part in parts) + delimiter + b"--\r\n"
    return "\r\n".join(head).encode() + b"\r\n" + body


def _status(bounced: Bounced) -> list[str]:
    lines = [f"Reporting-MTA: dns; {REPORTER}"]
    if bounced.envelope_id is not None:
        lines.append(f"Original-Envelope-Id: {_one_line(bounced.envelope_id)}")
    lines.append(f"Arrival-Date: {formatdate(bounced.at_ms / 1000)}")
    for recipient in bounced.recipients:
        kind = "rfc822" if recipient.isascii() else "utf-8"
        lines += [
            "",
            f"Final-Recipient: {kind}; {_one_line(recipient)}",
            "Action: failed",
            f"Status: {STATUS}",
            f"Remote-MTA: dns; {REPORTER}",
            f"Diagnostic-Code: smtp; {_diagnostic(recipient)}",
        ]
    return lines


def _part(content_type: str, encoding: str, lines: Sequence[str]) -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return (head + "".join(f"{line}\r\n" for line in lines)).encode()


def _diagnostic(recipient: str) -> str:
    return DIAGNOSTIC.format(recipient=_one_line(recipient))


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
