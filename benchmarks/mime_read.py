"""CPU time of reading mail: taking messages apart, describing list entries, cleaning HTML.

``python benchmarks/mime_read.py [FOLDER] [--runs N] [--stdlib]`` prints JSON in CPU microseconds.
Without a folder of ``.eml`` files the mails of ``tests/data/mime/reading`` are read. ``--stdlib``
adds the standard library (``policy.compat32``, the faster of its two) for the same messages. Of
the runs the smallest is the least disturbed.
"""

from __future__ import annotations

import argparse
import email
import email.header
import json
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import postroad
import rig
from postroad.domain.message import TextWish
from postroad.domain.message_id import pack_message
from postroad.engine.mail.details import details_of, summary_of
from postroad.engine.mail.text import assemble, wanted_parts
from postroad.engine.providers.results import FoundBody
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.fetch import Fetched, msg_att
from postroad.protocol.mime.parser import parse_message
from postroad.protocol.mime.reply import split_reply
from postroad.protocol.mime.web_safe import web_safe

_RUNS = 5
_RUN_S = 0.2  # CPU seconds that one run of one case lasts about
_MAILS = Path(__file__).parents[1] / "tests" / "data" / "mime" / "reading"
_MESSAGE = pack_message(1, 7)
_BOTH = TextWish(plain=True, html=True)
# What a server tells of one message in a list: an alternative, a file, six addresses.
_LISTED = (
    b'(UID 7 FLAGS (\\Seen) RFC822.SIZE 54321 INTERNALDATE "05-Jan-2026 10:00:00 +0100" ENVELOPE ('
    b'"Mon, 5 Jan 2026 10:00:00 +0100" "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=" '
    b'(("=?utf-8?Q?=C3=84nn?=" NIL "ann" "example.com")) (("Ann" NIL "ann" "example.com")) '
    b'(("Ann" NIL "ann" "example.com")) (("Bob" NIL "bob" "example.net")'
    b'(NIL NIL "carl" "example.net")) NIL NIL NIL "<1@example.com>") BODYSTRUCTURE ((("text" '
    b'"plain" ("charset" "utf-8") NIL NIL "quoted-printable" 1200 30 NIL NIL NIL NIL)("text" '
    b'"html" ("charset" "utf-8") NIL NIL "quoted-printable" 4200 90 NIL NIL NIL NIL) '
    b'"alternative" ("boundary" "b1") NIL NIL NIL)("application" "pdf" ("name" "invoice.pdf") NIL '
    b'NIL "base64" 48000 NIL ("attachment" ("filename" "invoice.pdf")) NIL NIL) "mixed" '
    b'("boundary" "b2") NIL NIL NIL))'
)
_ROW = '<tr><td style="padding:4px;position:fixed"><p onclick="x()">News of <b>the</b> day</p>'
_NEWSLETTER = f"<table>{(_ROW + '</td></tr>') * 800}</table>"
_THREAD = "Yes.\n\nOn Mon, 5 Jan 2026, Ann <ann@example.com> wrote:\n" + "> words\n" * 200


def _read(octets: bytes) -> None:
    """Everything that the details of one message show."""
    parsed = parse_message(octets)
    row = Fetched(
        1, uid=7, structure=parsed.root, sections={"HEADER": parsed.header_block}, flags=()
    )
    details_of(row, message=_MESSAGE, path="INBOX")
    bodies = []
    for wish in wanted_parts(parsed.root, _BOTH):
        part, content = parsed.root.find(wish.part), parsed.body(wish.part)
        if part is not None and content is not None:
            bodies.append(FoundBody(part, content))
    assemble(parsed.root, bodies, _BOTH)


def _stdlib_read(octets: bytes) -> None:
    message = email.message_from_bytes(octets)
    for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "Reply-To"):
        with suppress(LookupError, ValueError):
            email.header.make_header(email.header.decode_header(message.get(name, "")))
    for part in message.walk():
        if part.get_content_maintype() == "text":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                content.decode("utf-8", "replace")


def _cpu_us(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    times = max(1, int(_RUN_S / max(time.process_time() - began, 1e-6)))
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


def _mean_us(read: Callable[[bytes], object], mails: list[bytes]) -> float:
    return _cpu_us(lambda: [read(octets) for octets in mails]) / len(mails)


def _works(mails: list[bytes], *, with_stdlib: bool) -> dict[str, Callable[[], float]]:
    row = msg_att(Cursor(_LISTED), 1)
    works: dict[str, Callable[[], float]] = {
        "parse_cpu_us": lambda: _mean_us(parse_message, mails),
        "details_and_texts_cpu_us": lambda: _mean_us(_read, mails),
        "fetch_row_cpu_us": lambda: _cpu_us(lambda: msg_att(Cursor(_LISTED), 1)),
        "list_entry_cpu_us": lambda: _cpu_us(
            lambda: summary_of(row, message=_MESSAGE, path="INBOX")
        ),
        "web_safe_newsletter_cpu_us": lambda: _cpu_us(lambda: web_safe(_NEWSLETTER)),
        "split_reply_200_lines_cpu_us": lambda: _cpu_us(lambda: split_reply(_THREAD)),
    }
    if with_stdlib:
        works["stdlib_parse_cpu_us"] = lambda: _mean_us(email.message_from_bytes, mails)
        works["stdlib_headers_and_texts_cpu_us"] = lambda: _mean_us(_stdlib_read, mails)
    return works


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=_MAILS)
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument("--stdlib", action="store_true")
    given = parser.parse_args()
    mails = [path.read_bytes() for path in sorted(given.folder.glob("*.eml"))]
    line = {
        "question": "mime_read",
        "version": postroad.__version__,
        "machine": rig.machine(),
        "runs": given.runs,
        "mails": len(mails),
        "median_octets": statistics.median(map(len, mails)),
        "newsletter_octets": len(_NEWSLETTER),
        **{
            name: rig.summary([work() for _ in range(given.runs)])
            for name, work in _works(mails, with_stdlib=given.stdlib).items()
        },
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
