"""Groups of fields: what the machine parts of reports are made of.

A delivery status is one group about the message and one for each recipient, empty lines between
(RFC 3464 §2.1). Real ones lose the empty lines, put everything into one group, or stand in the
middle of a text; all of these come out as the same groups. RFC 3464, RFC 6533, RFC 5965.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_RECIPIENTS = 1000

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)")
_MACHINE_LINE = re.compile(
    r"^(?:Reporting-MTA|Original-Envelope-Id|Received-From-MTA|Arrival-Date|Final-Recipient"
    r"|Original-Recipient|Diagnostic-Code|Action|Status)[ \t]*:[ \t]*\S",
    re.I | re.M,
)
_DECIDING = re.compile(r"^(?:Final|Original)-Recipient[ \t]*:[ \t]*[\w-]+;", re.I | re.M)
_RECIPIENT_FIELDS = frozenset({"final-recipient", "original-recipient", "action", "status"})
_BREAK = re.compile(r"\n[ \t]*\n")

Group = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Groups:
    """The message's group and those of its recipients; field names in lower case.

    Of a field that a group holds more than once the first value counts, but for
    ``diagnostic-code``, whose values are joined.
    """

    message: Group
    recipients: tuple[Group, ...] = ()
    dropped: int = 0  # recipients beyond MAX_RECIPIENTS


def read_groups(text: str) -> Groups:
    """Read a delivery status; linear in the length of ``text``, which has LF line ends."""
    message: dict[str, str] = {}
    current = message
    found: list[dict[str, str]] = []
    dropped = 0
    name = ""
    is_fresh = True  # behind an empty line
    for line in text.split("\n"):
        if not line.strip():
            is_fresh, name = True, ""
            continue
        if line[0] in " \t" and name:
            if len(current[name]) < 8000:
                current[name] += " " + line.strip()
            continue
        field = _FIELD.match(line)
        if field is None:
            # Some servers do not indent the lines that follow a long diagnostic.
            if name == "diagnostic-code" and len(current[name]) < 8000:
                current[name] += " " + line.strip()
            continue
        name = field[1].lower()
        if name in _RECIPIENT_FIELDS and (
            current is message
            or (name in current and (is_fresh or name in ("final-recipient", "action")))
            or (is_fresh and {"final-recipient", "action"} <= current.keys() and name != "status")
        ):
            current = {}
            if len(found) < MAX_RECIPIENTS:
                found.append(current)
            else:
                dropped += 1
        is_fresh = False
        value = field[2].strip()
        if name not in current:
            current[name] = value
        elif name == "diagnostic-code" and len(current[name]) < 8000:
            current[name] += " " + value
        else:
            name = "x-repeated"
            current[name] = value
    return Groups(message, tuple(found), dropped)


def read_fields(text: str) -> dict[str, list[str]]:
    """Every field of a single group with all its values, as feedback reports need. RFC 5965 §3."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and name:
            found[name][-1] += " " + line.strip()
            continue
        field = _FIELD.match(line)
        name = field[1].lower() if field else ""
        if field and len(found) < 200:
            values = found.setdefault(name, [])
            if len(values) < MAX_RECIPIENTS:
                values.append(field[2].strip())
            else:
                values[-1] = field[2].strip()
        elif field:
            name = ""
    return found


def find_machine_text(text: str) -> str | None:
    """The delivery status that stands in a text instead of in a part of its own."""
    if _DECIDING.search(text) is None:
        return None
    start = _MACHINE_LINE.search(text)
    return text[start.start() :] if start else None


def typed(value: str) -> tuple[str, str]:
    """A ``type; value`` field as both, the type in lower case; empty when there is none.

    RFC 3464 §2.1.2. A semicolon that does not follow a word is part of the value.
    """
    kind, semicolon, rest = value.partition(";")
    if semicolon and re.fullmatch(r"[\w.-]{1,40}", kind.strip()):
        return kind.strip().lower(), rest.strip()
    return "", value.strip()
