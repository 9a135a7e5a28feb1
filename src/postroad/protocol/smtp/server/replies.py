"""What the server says. RFC 5321 §4.2, RFC 3463.

The replies of a transaction that goes well are worded as existing clients and their tests know
them (contract B-172 to B-186) and carry no enhanced status, although RFC 2034 §4 wants one in
every reply: whoever compares the text is served, whoever parses codes reads the first three
digits. Every refusal carries its enhanced status.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from postroad.domain.errors import RemoteProtocolError

_MAX_TEXT = 480  # a reply line has 512 octets at most. RFC 5321 §4.5.3.1.5
_NOT_TEXT = re.compile(r"[^ -~]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; ``enhanced`` is written in front of the text when there is one."""

    code: int
    text: str
    enhanced: str = ""  # "5.1.1"

    @property
    def is_success(self) -> bool:
        return 200 <= self.code < 300

    def encode(self) -> bytes:
        """The reply as one line; what is not printable ASCII becomes a blank."""
        text = _NOT_TEXT.sub(" ", self.text)[:_MAX_TEXT]
        middle = f"{self.enhanced} " if self.enhanced else ""
        return f"{self.code} {middle}{text}\r\n".encode("ascii")


class RefusedCommand(RemoteProtocolError):
    """A command that cannot be obeyed; ``reply`` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def encode_lines(code: int, lines: Sequence[str]) -> bytes:
    """A reply of several lines, as EHLO is answered."""
    last = len(lines) - 1
    return b"".join(
        f"{code}{' ' if n == last else '-'}{line}\r\n".encode("ascii")
        for n, line in enumerate(lines)
    )


ACCEPTED: Final = Reply(250, "Accepted")
FLUSHED: Final = Reply(250, "Flushed", "2.0.0")
OK: Final = Reply(250, "OK", "2.0.0")
BYE: Final = Reply(221, "Bye", "2.0.0")
START_DATA: Final = Reply(354, "End data with <CR><LF>.<CR><LF>")
START_TLS: Final = Reply(220, "Ready to start TLS", "2.0.0")
AUTHENTICATED: Final = Reply(235, "Authentication successful")
HELP: Final = Reply(214, "See https://www.rfc-editor.org/rfc/rfc6409", "2.0.0")
CANNOT_VERIFY: Final = Reply(252, "Try to deliver and see", "2.5.0")

UNKNOWN: Final = Reply(500, "Command not recognized", "5.5.1")
BAD_LINE: Final = Reply(500, "Lines must end with CRLF and hold no other CR or NUL", "5.5.2")
TOO_LONG: Final = Reply(500, "Line too long", "5.5.2")
BAD_SYNTAX: Final = Reply(501, "Syntax error in the arguments", "5.5.4")
BAD_ENCODING: Final = Reply(501, "Not base64 of what was asked for", "5.5.2")
CANCELLED: Final = Reply(501, "Authentication cancelled", "5.7.0")
BAD_ADDRESS: Final = Reply(501, "Bad address syntax", "5.1.3")
BAD_SENDER: Final = Reply(501, "Bad sender address syntax", "5.1.7")
NOT_DONE_HERE: Final = Reply(502, "Command not implemented", "5.5.1")
NO_HELLO: Final = Reply(503, "Send HELO or EHLO first", "5.5.1")
NO_SENDER: Final = Reply(503, "MAIL FROM is needed first", "5.5.1")
NO_RECIPIENT: Final = Reply(503, "RCPT TO is needed first", "5.5.1")
HAS_SENDER: Final = Reply(503, "A transaction is under way already", "5.5.1")
CHUNKS_BEGUN: Final = Reply(503, "The message is arriving with BDAT already", "5.5.1")
HAS_LOGIN: Final = Reply(503, "Authenticated already", "5.5.1")
HAS_TLS: Final = Reply(503, "TLS is active already", "5.5.1")
NO_MECHANISM: Final = Reply(504, "Authentication mechanism not supported", "5.5.4")
NEEDS_LOGIN: Final = Reply(530, "Authentication required", "5.7.0")
NEEDS_TLS: Final = Reply(530, "Must issue a STARTTLS command first", "5.7.0")
BAD_LOGIN: Final = Reply(535, "Authentication failed", "5.7.8")
NEEDS_SMTPUTF8: Final = Reply(553, "The address needs SMTPUTF8", "5.6.7")
UNKNOWN_PARAMETER: Final = Reply(555, "Parameter not recognized or not implemented", "5.5.4")
TOO_MANY_RECIPIENTS: Final = Reply(452, "Too many recipients", "4.5.3")
TOO_LARGE: Final = Reply(552, "Message exceeds the fixed maximum size", "5.3.4")
BARE_LINE_END: Final = Reply(554, "Message refused: CR or LF alone, lines must end CRLF", "5.6.0")
BARE_END: Final = Reply(
    521, "CR or LF alone around a dot; only <CR><LF>.<CR><LF> ends a message", "5.5.2"
)
TOO_MANY_ERRORS: Final = Reply(421, "Too many bad commands", "4.7.0")
TOO_MANY_LOGINS: Final = Reply(421, "Too many failed logins", "4.7.0")
ENDLESS: Final = Reply(421, "This line has no end", "4.7.0")
NOT_HTTP: Final = Reply(421, "This is not an HTTP server", "4.7.0")
PIPELINED_TLS: Final = Reply(421, "Nothing may follow STARTTLS before the handshake", "4.7.0")

# Commands that are answered the same at any time.
ALWAYS: Final = {b"NOOP": OK, b"HELP": HELP, b"VRFY": CANNOT_VERIFY, b"EXPN": NOT_DONE_HERE}
# What is said for every message, ready to send.
ENCODED: Final = {reply: reply.encode() for reply in (ACCEPTED, START_DATA, FLUSHED)}
