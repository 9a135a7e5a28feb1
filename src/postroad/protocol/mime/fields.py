"""Header fields that a caller adds to a message by name. Contract B-096.

A custom field may be anything but what the message's own members or its structure decide:
those are refused, because a second ``From`` or ``Content-Type`` would be read differently by
different programs, and a custom ``Bcc`` would be shown to everyone.

What a value becomes:

- ``List-*``, message ids, dates, signatures and the like are never encoded, only folded at
  spaces; non-ASCII text is refused there, except in the phrase of ``List-Id``;
- fields of addresses (``Sender``, ``Reply-To``, ...) are read and written again when they hold
  non-ASCII text;
- everything else goes as it stands while it is ASCII, and as encoded words otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from postroad.protocol.mime.addresses import addresses, format_addresses
from postroad.protocol.mime.controls import CONTROL_FIELDS
from postroad.protocol.mime.dates import parse_date
from postroad.protocol.mime.faults import Faults
from postroad.protocol.mime.fold import (
    MAX_TOKEN,
    Folder,
    fold_text,
    fold_verbatim,
    split_tokens,
)
from postroad.protocol.mime.words import encode_words

MAX_NAME = 76  # a longer name could not stand on one line with anything

# Fields of which a message has one: a custom one replaces ours. RFC 5322 §3.6.
REPLACING = frozenset({"date", "in-reply-to", "references", "reply-to", "sender"})

_KEY = "headers"
_FTEXT = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8
_VISIBLE = re.compile(r"[\t -~]*")
_LIST_ID = re.compile(r"(.*?)[ \t]*(<[!-;=?-~]+>)")
_REFUSED = {
    "bcc": "use the member bcc; a custom Bcc field would be sent to everyone",
    "resent-bcc": "a Resent-Bcc field would be sent to everyone",
    "from": "use the member from",
    "to": "use the member to",
    "cc": "use the member cc",
    "subject": "use the member subject",
    "message-id": "use the member messageId",
    "mime-version": "it is always added",
    "content-type": "it follows from the content",
    "content-transfer-encoding": "it follows from the content",
    "content-disposition": "it belongs to an attachment",
    "content-id": "it belongs to an attachment",
}
_CONTROLS = "it is for us and never sent; use the member or the HTTP header of that meaning"
_ADDRESSES = frozenset(
    {
        "sender", "reply-to", "errors-to", "disposition-notification-to", "return-receipt-to",
        "mail-followup-to", "mail-reply-to", "resent-from", "resent-sender", "resent-to",
        "resent-cc",
    }
)  # fmt: skip
_OPAQUE = frozenset(
    {
        "date", "in-reply-to", "references", "received", "return-path", "resent-date",
        "resent-message-id", "dkim-signature", "domainkey-signature", "authentication-results",
        "arc-seal", "arc-message-signature", "arc-authentication-results", "auto-submitted",
        "precedence", "content-language", "feedback-id",
    }
)  # fmt: skip


def format_custom(headers: Iterable[tuple[str, str]], faults: Faults) -> tuple[list[str], bool]:
    """Write custom fields, one string with CRLF each, and tell whether one needs SMTPUTF8.

    Problems go to ``faults`` under the key ``headers``; the fields concerned are left out.
    """
    out: list[str] = []
    seen: set[str] = set()
    needs_utf8 = False
    for name, value in headers:
        key = name.lower()
        if not _is_allowed(name, key, seen, faults):
            continue
        if not faults.is_line(_KEY, value, f"the value of {name}"):
            continue
        value = value.strip(" \t")
        if key in _ADDRESSES and not value.isascii():
            line, is_utf8 = format_addresses(name, addresses(value), key=name, faults=faults)
            needs_utf8 = needs_utf8 or is_utf8
        else:
            line = _format(name, key, value, faults)
        out.append(line)
    return out, needs_utf8


def _is_allowed(name: str, key: str, seen: set[str], faults: Faults) -> bool:
    if len(name) > MAX_NAME or not _FTEXT.fullmatch(name):
        shown = ascii(name[:MAX_NAME])
        faults.add(_KEY, f"{shown} is not a header field name of at most {MAX_NAME} characters")
        return False
    reason = _CONTROLS if key in CONTROL_FIELDS else _REFUSED.get(key)
    if reason is not None:
        faults.add(_KEY, f"{name} cannot be set here: {reason}")
        return False
    if key in REPLACING and key in seen:
        faults.add(_KEY, f"{name} may be given only once")
        return False
    seen.add(key)
    return True


def _format(name: str, key: str, value: str, faults: Faults) -> str:
    is_opaque = key in _OPAQUE or key.startswith("list-")
    if key == "list-id" and not value.isascii():
        return _list_id(name, value, faults)
    if not _VISIBLE.fullmatch(value):
        if not is_opaque:
            return fold_text(name, value)
        faults.add(_KEY, f"{name} must be printable ASCII; percent-encode what is not")
    elif key == "date" and parse_date(value) is None:
        faults.add(_KEY, f"{name} must be a date as RFC 5322 has it")
    elif len(value) > MAX_TOKEN and max(map(len, split_tokens(value))) > MAX_TOKEN:
        faults.add(_KEY, f"{name} has more than {MAX_TOKEN} characters without a single space")
    else:
        return fold_verbatim(name, value)
    return ""


def _list_id(name: str, value: str, faults: Faults) -> str:
    match = _LIST_ID.fullmatch(value)
    if match is None or len(match[2]) > MAX_TOKEN:
        faults.add(_KEY, f"{name} must end with an ASCII id in angle brackets")
        return ""
    folder = Folder(name)
    for word in encode_words(match[1], folder.room):
        folder.add(word)
    folder.add(match[2])
    return folder.finish()
