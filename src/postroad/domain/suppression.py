"""Addresses that are not written to any more, and why.

A suppression list is a name with addresses on it. One name is ours: :data:`RESERVED_LIST`, which
bounces and complaints are put on by themselves where the settings say so, and people by hand.
Contract §14.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from postroad.domain.bounce import Action, BounceType, Feedback, ReportedRecipient

RESERVED_LIST: Final = "postroad.suppressed"
DEFAULT_REASON: Final = "block"  # contract B-253

MAX_ADDRESS_CHARS: Final = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
MAX_REASON_CHARS: Final = 256  # of a reason given by hand; it is told with each skipped recipient
MAX_TEXT_CHARS: Final = 1000  # of what the refusing side said


class SuppressionSource(StrEnum):
    """How an address came onto a list. The contract's words, then ours."""

    API = "api"
    ONE_CLICK = "one-click"
    FORM = "form"
    CLI = "cli"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class SuppressionRules(StrEnum):
    """Which reports put an address onto the reserved list."""

    OFF = "off"
    HARD_BOUNCES = "hardBounces"
    COMPLAINTS = "complaints"
    HARD_BOUNCES_AND_COMPLAINTS = "hardBouncesAndComplaints"

    @property
    def takes_bounces(self) -> bool:
        return self in (self.HARD_BOUNCES, self.HARD_BOUNCES_AND_COMPLAINTS)

    @property
    def takes_complaints(self) -> bool:
        return self in (self.COMPLAINTS, self.HARD_BOUNCES_AND_COMPLAINTS)


class SuppressionScope(StrEnum):
    """For whom an address on the reserved list is suppressed."""

    ACCOUNT = "account"
    GLOBAL = "global"


class SuppressionAnswer(StrEnum):
    """What a submit to a suppressed address is answered."""

    SKIPPED = "skipped"  # accepted for the others; told who was left out
    REFUSE = "refuse"  # refused as a whole


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """The mail that a report came in."""

    reporter: str  # account in whose mailbox it lies; often not the one that sent
    message: str  # its id there
    arrived_at: int  # epoch ms
    queue_id: str | None  # our submission that the report speaks of; None when none is known
    message_id: str | None = None  # of the mail that was sent, with <>


@dataclass(frozen=True, slots=True)
class Evidence:
    """What brought an address onto the reserved list. Anything not told is ``None`` or empty."""

    reporter: str  # account in whose mailbox the mail with the report lies
    message: str  # its id there
    reported_at: int  # epoch ms; when that mail arrived
    queue_id: str  # our submission that the report speaks of
    type: str | None = None  # BounceType
    category: str | None = None  # Category
    status: str | None = None  # enhanced, "5.1.1"
    text: str = ""  # what the refusing side said; on one line
    mta: str | None = None  # who said it

    def to_json(self) -> dict[str, object]:
        """The members as they are kept, without those that are not told."""
        members: dict[str, object] = {
            "reporter": self.reporter,
            "message": self.message,
            "reportedAt": self.reported_at,
            "queueId": self.queue_id,
            "type": self.type,
            "category": self.category,
            "status": self.status,
            "text": self.text or None,
            "mta": self.mta,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Self:
        def text(name: str) -> str | None:
            found = value.get(name)
            return found if isinstance(found, str) else None

        at = value.get("reportedAt")
        return cls(
            reporter=text("reporter") or "",
            message=text("message") or "",
            reported_at=at if isinstance(at, int) else 0,
            queue_id=text("queueId") or "",
            type=text("type"),
            category=text("category"),
            status=text("status"),
            text=text("text") or "",
            mta=text("mta"),
        )


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One address on one list. A copy of its row."""

    list_id: str
    recipient: str  # as it was given
    account: str  # for whom it was put there
    source: str  # SuppressionSource
    reason: str  # "block", "unsubscribe", a bounce reason, a feedback type, or the caller's own
    created_at: int  # epoch ms
    scope: str = ""  # the account that it holds for; empty holds for all
    message_id: str | None = None  # of the mail that led here, with <>
    remote_address: str | None = None  # who asked for it
    user_agent: str | None = None
    evidence: Evidence | None = None

    @property
    def address(self) -> str:
        """What it is found by."""
        return address_key(self.recipient)


@dataclass(frozen=True, slots=True)
class ListSize:
    """A list and how many addresses are on it."""

    list_id: str
    count: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A recipient who is not written to, and the list that says so."""

    recipient: str  # as the envelope had it
    reason: str
    list_id: str


def address_key(address: str) -> str:
    """What an address is compared by: spellings of one mailbox give one key.

    Case does not count, in the local part neither (contract B-140); nor does whether a domain
    is spelled with Unicode or ``xn--`` labels, nor quotes around a local part that needs none
    (RFC 5321 §4.1.2). What is no address is only trimmed and lowered.
    """
    text = address.strip()
    if text.isascii() and '"' not in text and "xn--" not in (lowered := text.lower()):
        return lowered.removesuffix(".") if "@" in lowered else lowered
    local, at, domain = text.rpartition("@")
    if not at:
        return _folded(domain)
    if quoted := _QUOTED.fullmatch(local):
        local = quoted[1]
    labels = _DOTS.split(_folded(domain).removesuffix("."))
    return f"{_lowered(local)}@{'.'.join(map(_unicode_label, labels))}"


def suppression_of(
    account: str,
    recipient: str,
    returned: ReportedRecipient | Feedback,
    mail: ReturnedMail,
    *,
    rules: SuppressionRules,
    scope: SuppressionScope,
    now: int,
) -> Suppressed | None:
    """The entry that one recipient's report calls for under ``rules``; ``None`` for none.

    Anybody can write a mail that looks like a bounce of anybody's mail. A report therefore only
    counts when it speaks of a submission of ours (``mail.queue_id``). ``now`` is epoch ms.
    """
    cause = _cause(returned, rules)
    if cause is None or mail.queue_id is None or not _is_storable(recipient):
        return None
    source, reason = cause
    return Suppressed(
        list_id=RESERVED_LIST,
        recipient=recipient.strip(),
        account=account,
        source=source.value,
        reason=reason,
        created_at=now,
        scope=account if scope is SuppressionScope.ACCOUNT else "",
        message_id=mail.message_id,
        evidence=_evidence(returned, mail, mail.queue_id),
    )


def is_cause(returned: ReportedRecipient | Feedback, rules: SuppressionRules) -> bool:
    """Whether ``rules`` make this a reason to suppress."""
    return _cause(returned, rules) is not None


def addressed(reported: Iterable[str], wrote_to: Mapping[str, str]) -> str | None:
    """Whom of those that were written to a report is about, as he was written to.

    ``wrote_to`` has them by :func:`address_key`. A report may name the address that a mail was
    forwarded to. Where only one was written to it is about him all the same; among several
    nobody can tell, and it is ``None``.
    """
    for address in reported:
        if (who := wrote_to.get(address_key(address))) is not None:
            return who
    return next(iter(wrote_to.values())) if len(wrote_to) == 1 else None


def by_key(addresses: Iterable[str]) -> dict[str, str]:
    """Addresses by :func:`address_key`; of several spellings the first."""
    found: dict[str, str] = {}
    for address in addresses:
        found.setdefault(address_key(address), address)
    return found


def first_by_list(found: Sequence[Suppressed], lists: Sequence[str]) -> dict[str, Suppressed]:
    """By address the entry to tell of: of the first of ``lists`` that has it."""
    order = {list_id: place for place, list_id in enumerate(lists)}
    ranked = sorted(found, key=lambda item: order.get(item.list_id, len(order)), reverse=True)
    return {item.address: item for item in ranked}


# Whoever finds a mail wanted after all ("not-spam"), or reports on authentication or a virus,
# does not ask for peace. RFC 5965 §7.3, RFC 6430, RFC 6591.
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})

_DOTS: Final = re.compile("[.\u3002]")  # NFKC has made these two of the four dots of UTS 46
_ATEXT: Final = r"[^\s\"(),.:;<>@\[\\\]]+"
_QUOTED: Final = re.compile(rf'"({_ATEXT}(?:\.{_ATEXT})*)"')
_MAX_LABEL_CHARS: Final = 63


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _lowered(local: str) -> str:
    return unicodedata.normalize("NFC", local).lower()


def _unicode_label(label: str) -> str:
    """The Unicode spelling of an A-label; anything else as it is. RFC 5890 §2.3.2.1."""
    if not label.startswith("xn--") or len(label) > _MAX_LABEL_CHARS or not label.isascii():
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    # What no registrar would have encoded so must not pass for another domain.
    is_real = not decoded.isascii() and decoded.isprintable() and _folded(decoded) == decoded
    return decoded if is_real else label


def _is_storable(recipient: str) -> bool:
    """Whether this can be somebody's address; reports hold whatever a stranger wrote."""
    text = recipient.strip()
    local, _, domain = text.rpartition("@")
    return bool(local and domain) and len(text) <= MAX_ADDRESS_CHARS and text.isprintable()


def _cause(
    returned: ReportedRecipient | Feedback, rules: SuppressionRules
) -> tuple[SuppressionSource, str] | None:
    match returned:
        case ReportedRecipient(action=Action.FAILED, verdict=verdict):
            is_hard = verdict.type is BounceType.HARD and not _is_transient(returned)
            if rules.takes_bounces and is_hard:
                return SuppressionSource.BOUNCE, verdict.reason.value
        case Feedback(feedback_type=kind):
            if rules.takes_complaints and kind in _COMPLAINTS:
                return SuppressionSource.COMPLAINT, kind
    return None


def _is_transient(returned: ReportedRecipient) -> bool:
    """Whether the code contradicts the words: a server in trouble may say "unknown" of anybody."""
    code = None if returned.response is None else returned.response.code
    return (returned.status or "").startswith("4.") or (code is not None and 400 <= code < 500)


def _evidence(
    returned: ReportedRecipient | Feedback, mail: ReturnedMail, queue_id: str
) -> Evidence:
    match returned:
        case ReportedRecipient(verdict=verdict, response=response):
            return Evidence(
                mail.reporter,
                mail.message,
                mail.arrived_at,
                queue_id,
                type=verdict.type.value,
                category=None if verdict.category is None else verdict.category.value,
                status=returned.status,
                text=_shown(response.text) if response is not None else "",
                mta=_shown(returned.remote_mta or "") or None,
            )
        case Feedback():
            told_by = returned.reporting_mta or returned.source or ""
            return Evidence(
                mail.reporter,
                mail.message,
                mail.arrived_at,
                queue_id,
                mta=_shown(told_by) or None,
            )


def _shown(text: str) -> str:
    """A stranger's words, fit for a row and a terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_TEXT_CHARS]).strip()
