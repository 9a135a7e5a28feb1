"""Enhanced status codes and SMTP reply codes in what servers say.

A code is taken where servers write one: behind a reply code, at the start of a line, in brackets,
behind ``#`` or a colon. Never from IP addresses, versions or dates, and never made up.
RFC 3463, RFC 2034 §4, RFC 5321 §4.2.
"""

from __future__ import annotations

import re

# RFC 3463 §3: subjects are 0 to 7. What follows must not be one more number of an IP address.
_CODE = r"([245]\.[0-7]\.\d{1,3})(?![\d]|\.\d|[/-]\d)"
_WHOLE = re.compile(rf"(?<![\d.])#?{_CODE}")
_AFTER_REPLY = re.compile(rf"(?<![\d.])([245])[0-5]\d(?:[ \-:]{{1,3}}|\s+\(|\s*\[|\s*#){_CODE}")
# A reply code, the host that gave it with its address, and then the code.
_AFTER_HOST = re.compile(
    rf"(?<![\d.])([45])[0-5]\d:? \S{{1,255}} [\[(][\da-f.:]{{3,45}}[\])]:? {_CODE}(?=\s)", re.I
)
_PLACED = re.compile(
    rf"(?:^|[(\[#<\"'=]|[:;,\u2026] ?|\.\.\. ?|- ){_CODE}(?=[\s)\]:;,.>\"'-]|$)", re.M
)
_NAMED = re.compile(rf"(?:status|code|error|dsn|failure|reason)\W{{0,8}}{_CODE}", re.I)
# The words before that make a number a version.
_VERSION = re.compile(r"(?:v|ver|version|release|exim|postfix|sendmail|agent|/)[ .:]?$", re.I)

_REPLY = re.compile(
    r"(?:^|said:?|error:?|response:?|responded:?|replied:?|reason:?|was:?|with:?|<<<|[(\[\"'#:;,])"
    r"[ \t#\"'<(\[]{0,4}([245][0-5]\d)(?=[ \-:\"')\]]|[#,.](?!\d)|$)",
    re.I | re.M,
)
_LOOSE_REPLY = re.compile(r"(?<![\w.:/@#-])([45][0-5]\d)(?=[ -]#?[45]\.\d\.\d|[ -]+[A-Za-z<\"'(])")


def status_field(value: str) -> str | None:
    """The code in a Status field, comments left out; ``None`` for other words. RFC 3464 §2.3.4."""
    found = _WHOLE.search(value)
    return _plain(found[1]) if found else None


def find_status(text: str) -> str | None:
    """The enhanced code in a diagnostic, the one behind a reply code of its class first."""
    for after in (_AFTER_REPLY, _AFTER_HOST):
        for reply in after.finditer(text):
            if reply[1] == reply[2][0]:
                return _plain(reply[2])
    for pattern in (_PLACED, _NAMED):
        for found in pattern.finditer(text):
            before = text[max(0, found.start(1) - 12) : found.start(1)]
            if found[1][0] != "2" and not _VERSION.search(before):
                return _plain(found[1])
    return None


def find_reply_code(text: str) -> int | None:
    """The SMTP reply code in a diagnostic."""
    for pattern in (_REPLY, _LOOSE_REPLY):
        for found in pattern.finditer(text):
            if found[1][0] != "2":
                return int(found[1])
    return None


def is_vague(status: str) -> bool:
    """Whether a code says no more than its class: 5.0.0, 4.0.0. RFC 3463 §3.1."""
    return status.endswith(".0.0")


def _plain(code: str) -> str:
    return ".".join(str(int(number)) for number in code.split("."))
