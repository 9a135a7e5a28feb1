"""Why a delivery failed, read from the words and codes of the refusing side.

The rules stand in order; the first that fits decides, and what it matched is the evidence. Words
about the mailbox come first; then codes that have one meaning only; then words that are used for
many things (rejected, denied, blocked); then the other codes. Words come before most codes
because servers choose their words for people and their codes by habit. RFC 3463 §3, RFC 5321
§4.2.3, RFC 7372, RFC 7505.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from postroad.domain.bounce import BounceReason as Reason
from postroad.protocol.report import reason_words as words
from postroad.protocol.report import refusal_words as refusals
from postroad.protocol.report import trouble_words as trouble
from postroad.protocol.report.accents import Pattern
from postroad.protocol.report.status import find_status

MAX_WORDS = 2000  # characters of a response that are looked at


class Cause(NamedTuple):
    """A reason and the words, or the code, that it was read from."""

    reason: Reason
    evidence: str


class _Rule(NamedTuple):
    reason: Reason
    pattern: Pattern


def _rules(*table: tuple[Reason, tuple[str, ...]]) -> tuple[_Rule, ...]:
    return tuple(_Rule(reason, Pattern("|".join(parts), re.NOFLAG)) for reason, parts in table)


# Words with one meaning. A sentence may hold several kinds; the more telling stand first.
_PLAIN_WORDS = _rules(
    (Reason.VIRUS, refusals.VIRUS),
    (Reason.POLICY, refusals.EXCHANGE_RESTRICTION),
    (Reason.GREYLISTED, refusals.GREYLISTED),
    (Reason.BLOCKED, refusals.REPUTATION),
    (Reason.RATE_LIMITED, refusals.RATE_FIRM),
    (Reason.MAILBOX_FULL, words.MAILBOX_FULL),
    (Reason.MAILER, trouble.MAILER_FIRM),
    (Reason.TOO_LARGE, words.TOO_LARGE),
    (Reason.NETWORK, trouble.LOST),
    (Reason.FILTERED, words.FILTERED),
    (Reason.RATE_LIMITED, refusals.RATE_LIMITED),
    (Reason.AUTHENTICATION, refusals.AUTHENTICATION),
    (Reason.REVERSE_DNS, refusals.REVERSE_DNS),
    (Reason.SENDER_REJECTED, refusals.SENDER_FIRM),
    (Reason.HOST_UNKNOWN, words.HOST_FIRM),
    (Reason.BLOCKED, refusals.BLOCKLISTED),
    (Reason.SENDER_REJECTED, refusals.SENDER_REJECTED),
    (Reason.RELAY_DENIED, words.RELAY_DENIED),
    (Reason.NO_MAIL_HOST, words.NO_MAIL_HOST),
    (Reason.HOST_UNKNOWN, words.HOST_UNKNOWN),
    (Reason.SUSPENDED, words.SUSPENDED),
    (Reason.USER_UNKNOWN, words.USER_UNKNOWN),
    (Reason.USER_MOVED, words.USER_MOVED),
)
_VAGUE_WORDS = _rules(
    (Reason.SPAM, refusals.SPAM),
    (Reason.EXPIRED, trouble.EXPIRED_FIRM),
    (Reason.CONTENT, refusals.CONTENT_FIRM),
    (Reason.POLICY, refusals.POLICY_FIRM),
    (Reason.BLOCKED, refusals.BLOCKED),
    (Reason.SECURITY, refusals.SECURITY),
    (Reason.MAILER, trouble.MAILER),
    (Reason.PROTOCOL, trouble.PROTOCOL),
    (Reason.NETWORK, trouble.NETWORK),
    (Reason.POLICY, (r"polic(?:y|ies)\b",)),
    (Reason.USER_UNKNOWN, words.USER_REFUSED),
    (Reason.EXPIRED, trouble.EXPIRED),
    (Reason.CONTENT, refusals.CONTENT),
    (Reason.SYSTEM, trouble.SYSTEM),
    (Reason.POLICY, refusals.POLICY),
)
_TRANSIENT_WORDS = tuple(rule for rule in _VAGUE_WORDS if rule.reason is not Reason.USER_UNKNOWN)

# Codes with one meaning, whatever "rejected" or "denied" stands beside them.
_FIRM_CODES: Mapping[str, Reason] = {
    "1.0": Reason.USER_UNKNOWN,
    "1.1": Reason.USER_UNKNOWN,
    "1.2": Reason.HOST_UNKNOWN,
    "1.6": Reason.USER_MOVED,
    "1.7": Reason.SENDER_REJECTED,
    "1.8": Reason.SENDER_REJECTED,
    "1.10": Reason.NO_MAIL_HOST,
    "4.2": Reason.NETWORK,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.TOO_LARGE,
    "3.4": Reason.TOO_LARGE,
    "4.7": Reason.EXPIRED,
    "2.121": Reason.RATE_LIMITED,
    "2.122": Reason.RATE_LIMITED,
    "7.20": Reason.AUTHENTICATION,
    "7.21": Reason.AUTHENTICATION,
    "7.22": Reason.AUTHENTICATION,
    "7.23": Reason.AUTHENTICATION,
    "7.24": Reason.AUTHENTICATION,
    "7.25": Reason.REVERSE_DNS,
    "7.26": Reason.AUTHENTICATION,
    "7.27": Reason.NO_MAIL_HOST,
    "7.28": Reason.RATE_LIMITED,
}
_OTHER_CODES: Mapping[str, Reason] = {
    "1.3": Reason.USER_UNKNOWN,
    "1.4": Reason.USER_UNKNOWN,
    "1.5": Reason.USER_UNKNOWN,
    "1.9": Reason.PROTOCOL,
    "2.0": Reason.FILTERED,
    "2.1": Reason.SUSPENDED,
    "2.4": Reason.FILTERED,
    "3.0": Reason.SYSTEM,
    "3.1": Reason.SYSTEM,
    "3.2": Reason.SYSTEM,
    "3.3": Reason.SYSTEM,
    "3.5": Reason.SYSTEM,
    "4.0": Reason.NETWORK,
    "4.1": Reason.NETWORK,
    "4.3": Reason.NETWORK,
    "4.4": Reason.HOST_UNKNOWN,
    "4.5": Reason.SYSTEM,
    "4.6": Reason.NETWORK,
    "5.0": Reason.PROTOCOL,
    "5.1": Reason.PROTOCOL,
    "5.2": Reason.PROTOCOL,
    "5.3": Reason.RATE_LIMITED,
    "5.4": Reason.PROTOCOL,
    "6.0": Reason.CONTENT,
    "6.1": Reason.CONTENT,
    "6.2": Reason.CONTENT,
    "6.3": Reason.CONTENT,
    "6.7": Reason.PROTOCOL,
    "7.0": Reason.POLICY,
    "7.1": Reason.POLICY,
    "7.2": Reason.POLICY,
    "7.13": Reason.SUSPENDED,
    "7.17": Reason.USER_MOVED,
}
_REPLY_CODES: Mapping[int, Reason] = {
    421: Reason.SYSTEM,
    450: Reason.SYSTEM,
    451: Reason.SYSTEM,
    452: Reason.SYSTEM,
    500: Reason.PROTOCOL,
    501: Reason.PROTOCOL,
    502: Reason.PROTOCOL,
    503: Reason.PROTOCOL,
    551: Reason.USER_MOVED,
    552: Reason.MAILBOX_FULL,
    553: Reason.USER_UNKNOWN,
}
# What codes of things that last mean in a refusal for now.
_FOR_NOW: Mapping[Reason, Reason] = {
    Reason.USER_UNKNOWN: Reason.SYSTEM,
    Reason.USER_MOVED: Reason.SYSTEM,
    Reason.HOST_UNKNOWN: Reason.NETWORK,
    Reason.NO_MAIL_HOST: Reason.NETWORK,
}

# What stands around the answer and is the reporter's wording, not the refusing side's: addresses
# and host names hold any words at all.
# Names of blocklists tell a reason, all other names of hosts none.
_LISTS = r"\S{0,60}(?:dnsbl|[./]rbl|spamhaus|spamcop|sorbs|abuseat|uceprotect|barracudac)"
_NOISE = re.compile(
    rf"https?://(?!{_LISTS})\S+|"
    r"[^\s<>()\[\]\"']{1,128}@[^\s<>()\[\]\"',;:]{1,255}|\[[\w.:-]{4,255}\]"
    r"|\(in reply to [^)]{1,60}\)|smtp error from remote (?:mail ?)?(?:server|mailer)"
    r"|(?<=host )[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?= |\[|:|$)"
    # Exchange's tokens, RESOLVER.ADR.RecipNotFound and their like, look like names of hosts.
    r"|\b(?!(?:resolver|storedrv|transport|routing|smtpsend|queue|approval)\.)"
    rf"(?!{_LISTS})(?:" + r"[\w-]{1,63}\.){2,8}[a-z]{2,24}\b",
    re.I,
)
_SAID = re.compile(
    r"(?:said|returned was|response was|server was|returned|responded(?: as follows)?"
    r"|said us):[ \n]?",
    re.I,
)


# Of a thousand recipients that were refused with the same words all have the same reason.
@lru_cache(maxsize=32)
def find_cause(text: str, status: str | None, code: int | None = None) -> Cause | None:
    """The reason in a response; ``None`` when neither words nor codes tell one.

    ``status`` is the enhanced code and ``code`` the reply code, which decide where words do not.
    """
    heard = text[:MAX_WORDS]
    status = find_status(heard) or status  # the refusing side's code, not the reporter's
    key = status.partition(".")[2] if status and status[0] != "2" else ""
    tail = _SAID.split(heard)[-1]
    # What was said first, then what stands before it; a scrap at the end is no answer.
    parts = (tail, heard[: -len(tail)]) if 8 < len(tail) < len(heard) else (heard,)
    passages = [" ".join(_NOISE.sub(" ", part).split()) for part in parts]
    if code is not None and 400 <= code < 500:
        # What stands around an answer "for now" is at which step it came ("does not like
        # recipient"): the reason is in the answer, or in its code.
        del passages[1:]
    for passage in passages:
        if cause := _by_words(passage, _PLAIN_WORDS):
            return cause
    # A refusal for now is believed to mean what its words say, not what its code or vague words
    # about a recipient may mean: 4.1.1 is said of addresses that could not be looked up yet.
    is_for_now = (status or str(code or ""))[:1] == "4"
    if status and key in _FIRM_CODES and not (is_for_now and _FIRM_CODES[key] in _FOR_NOW):
        return Cause(_FIRM_CODES[key], status)
    for passage in passages:
        if cause := _by_words(passage, _TRANSIENT_WORDS if is_for_now else _VAGUE_WORDS):
            return cause
    if status and (reason := _FIRM_CODES.get(key) or _OTHER_CODES.get(key)):
        return Cause(_FOR_NOW.get(reason, reason) if is_for_now else reason, status)
    if code is not None and code in _REPLY_CODES:
        return Cause(_REPLY_CODES[code], str(code))
    return None


def _by_words(passage: str, rules: tuple[_Rule, ...]) -> Cause | None:
    # The words are lower case: so are the passages then, which is twice as fast as to ignore case.
    lower = passage.lower()
    for rule in rules:
        if found := rule.pattern.search(lower):
            start, end = found.span()
            words = passage[start:end] if len(lower) == len(passage) else found[0]
            return Cause(rule.reason, words.strip()[:120])
    return None
