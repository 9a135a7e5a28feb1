"""What a server offers in its answer to EHLO. RFC 5321 §4.1.1.1, §2.2."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.reply import SmtpReply


@dataclass(frozen=True, slots=True)
class Extensions:
    """The service extensions that we know how to use. All off after a mere HELO."""

    pipelining: bool = False  # RFC 2920
    eight_bit: bool = False  # 8BITMIME, RFC 6152
    smtputf8: bool = False  # RFC 6531
    dsn: bool = False  # RFC 3461
    starttls: bool = False  # RFC 3207
    enhanced: bool = False  # ENHANCEDSTATUSCODES, RFC 2034
    size: bool = False  # SIZE is offered, so MAIL may carry it. RFC 1870
    max_bytes: int | None = None  # the limit that SIZE names; None when it names none
    auth: frozenset[str] = frozenset()  # SASL mechanisms in capitals. RFC 4954


def parse_extensions(reply: SmtpReply) -> Extensions:
    """Read the reply to EHLO; what we do not know or cannot read counts as not offered.

    ``AUTH=LOGIN PLAIN``, the form of servers older than RFC 2554, adds to ``AUTH``.
    """
    keywords: set[str] = set()
    mechanisms: set[str] = set()
    has_size, max_bytes = False, None
    for line in reply.lines[1:]:  # the first one is the server's name
        words = line.upper().replace("AUTH=", "AUTH ", 1).split()
        if not words:
            continue
        keywords.add(words[0])
        if words[0] == "AUTH":
            mechanisms.update(words[1:])
        elif words[0] == "SIZE":
            has_size, max_bytes = True, _limit(words[1:])
    return Extensions(
        pipelining="PIPELINING" in keywords,
        eight_bit="8BITMIME" in keywords,
        smtputf8="SMTPUTF8" in keywords,
        dsn="DSN" in keywords,
        starttls="STARTTLS" in keywords,
        enhanced="ENHANCEDSTATUSCODES" in keywords,
        size=has_size,
        max_bytes=max_bytes,
        auth=frozenset(mechanisms),
    )


def _limit(words: list[str]) -> int | None:
    """The number behind SIZE; zero means that there is no fixed limit. RFC 1870 §4"""
    if words and len(words[0]) <= 20 and words[0].isascii() and words[0].isdigit():
        return int(words[0]) or None
    return None
