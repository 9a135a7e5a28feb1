"""From a reason to what the sender should do: type, category, action, time to wait, blocklist."""

from __future__ import annotations

import re
from dataclasses import replace

from postroad.domain.bounce import (
    UNDETERMINED,
    Action,
    BounceReason,
    BounceType,
    Category,
    RecommendedAction,
    Verdict,
)
from postroad.protocol.report.reasons import find_cause

_Advice = tuple[Category | None, RecommendedAction | None]
_HARD = frozenset(
    {
        BounceReason.USER_UNKNOWN,
        BounceReason.USER_MOVED,
        BounceReason.HOST_UNKNOWN,
        BounceReason.NO_MAIL_HOST,
    }
)
_ADVICE: dict[BounceReason, _Advice] = {
    BounceReason.USER_UNKNOWN: (Category.USER_UNKNOWN, RecommendedAction.REMOVE),
    BounceReason.USER_MOVED: (Category.USER_UNKNOWN, RecommendedAction.REMOVE),
    BounceReason.HOST_UNKNOWN: (Category.INVALID_ADDRESS, RecommendedAction.REMOVE),
    BounceReason.NO_MAIL_HOST: (Category.INVALID_ADDRESS, RecommendedAction.REMOVE),
    BounceReason.SUSPENDED: (Category.MAILBOX_DISABLED, RecommendedAction.REMOVE),
    BounceReason.MAILBOX_FULL: (Category.MAILBOX_FULL, RecommendedAction.RETRY),
    BounceReason.FILTERED: (Category.POLICY_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.TOO_LARGE: (Category.POLICY_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.RATE_LIMITED: (Category.RATE_LIMITED, RecommendedAction.RETRY),
    BounceReason.GREYLISTED: (Category.GREYLISTING, RecommendedAction.RETRY),
    BounceReason.BLOCKED: (Category.IP_BLACKLISTED, RecommendedAction.RETRY_DIFFERENT_IP),
    BounceReason.SPAM: (Category.SPAM_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.VIRUS: (Category.VIRUS_DETECTED, RecommendedAction.REMOVE_CONTENT),
    BounceReason.CONTENT: (Category.POLICY_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.POLICY: (Category.POLICY_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.AUTHENTICATION: (Category.AUTH_FAILURE, RecommendedAction.FIX_CONFIGURATION),
    BounceReason.REVERSE_DNS: (Category.AUTH_FAILURE, RecommendedAction.FIX_CONFIGURATION),
    BounceReason.RELAY_DENIED: (Category.RELAY_DENIED, RecommendedAction.FIX_CONFIGURATION),
    BounceReason.SENDER_REJECTED: (Category.POLICY_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.SECURITY: (Category.AUTH_FAILURE, RecommendedAction.FIX_CONFIGURATION),
    BounceReason.PROTOCOL: (Category.POLICY_BLOCKED, RecommendedAction.REVIEW),
    BounceReason.NETWORK: (Category.SERVER_ERROR, RecommendedAction.RETRY),
    BounceReason.EXPIRED: (Category.SERVER_ERROR, RecommendedAction.RETRY),
    BounceReason.SYSTEM: (Category.SERVER_ERROR, RecommendedAction.RETRY),
    BounceReason.MAILER: (Category.SERVER_ERROR, RecommendedAction.RETRY),
}

_RETRY_AFTER = re.compile(
    r"(?:try|retry|again|wait|after|in)\D{0,30}?(\d{1,5}) ?(s|sec|secs|seconds?|m|min"
    r"|mins|minutes?|h|hours?)\b"
    r"|(?:retry|try again) (?:after|in)[: ]+(\d{1,2}):(\d\d):(\d\d)",
    re.I,
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_BLOCKLISTS = re.compile(
    r"spamhaus|spamcop|barracuda(?:central)?|sorbs|uceprotect|cbl\.abuseat|abuseat|senderscore"
    r"|invaluement|surbl|uribl|psbl|mailspike|spamrats|backscatterer|nixspam|proofpoint|cloudmark"
    r"|\bs25r\b|truncate\.gbudb|(?:[\w-]+\.)+(?:dnsbl|rbl|bl)(?:\.[\w-]+)+|(?:dnsbl"
    r"|rbl|bl)(?:\.[\w-]+){2,}",
    re.I,
)
_LISTED = frozenset({BounceReason.BLOCKED, BounceReason.SPAM})
_PATIENT = frozenset({BounceReason.GREYLISTED, BounceReason.RATE_LIMITED})
# Codes alone that say no more than that something is not right.
_NO_DELAY = frozenset({BounceReason.PROTOCOL, BounceReason.SYSTEM})


def advise(text: str, status: str | None, code: int | None, action: Action) -> Verdict:
    """The verdict on one recipient from the response and its codes.

    A delay without a readable reason is a delivery that takes too long; a failure without one
    stays undetermined. RFC 3464 §2.3.3.
    """
    cause = find_cause(text, status, code)
    if action is Action.DELAYED and (cause is None or (not text and cause.reason in _NO_DELAY)):
        return judge(BounceReason.EXPIRED, "delayed", text)
    return UNDETERMINED if cause is None else judge(cause.reason, cause.evidence, text)


def while_tried(verdict: Verdict) -> Verdict:
    """The verdict on a recipient whose delivery is still tried.

    As long as it is, no address is given up, whatever was answered so far. RFC 3464 §2.3.3.
    """
    if verdict.recommended_action is not RecommendedAction.REMOVE:
        return verdict
    return replace(verdict, type=BounceType.SOFT, recommended_action=RecommendedAction.RETRY)


def judge(reason: BounceReason, evidence: str, text: str) -> Verdict:
    """What follows from a reason; ``text`` may name a blocklist or a time to wait."""
    if reason is BounceReason.UNDETERMINED:
        return UNDETERMINED
    category, recommended = _ADVICE[reason]
    listed = _BLOCKLISTS.search(text) if reason in _LISTED else None
    return Verdict(
        type=BounceType.HARD if reason in _HARD else BounceType.SOFT,
        reason=reason,
        category=category,
        recommended_action=recommended,
        retry_after_s=_retry_after(text) if reason in _PATIENT else None,
        blocklist=listed[0].lower() if listed else None,
        evidence=evidence,
    )


def _retry_after(text: str) -> int | None:
    found = _RETRY_AFTER.search(text)
    if found is None:
        return None
    if found[1]:
        return int(found[1]) * _UNITS[found[2][0].lower()]
    return int(found[3]) * 3600 + int(found[4]) * 60 + int(found[5])
