"""Reasons that the reporting side names in a field of its own: PowerMTA's bounce categories, and
the exit codes of delivery programs as Sendmail passes them on.

They serve where the refusing side's words do not tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from postroad.domain.bounce import UNDETERMINED, BounceReason, Verdict
from postroad.protocol.report.advice import judge

# PowerMTA User's Guide, "Bounce categories".
_POWERMTA: Mapping[str, BounceReason] = {
    "bad-mailbox": BounceReason.USER_UNKNOWN,
    "bad-domain": BounceReason.HOST_UNKNOWN,
    "inactive-mailbox": BounceReason.SUSPENDED,
    "quota-issues": BounceReason.MAILBOX_FULL,
    "spam-related": BounceReason.SPAM,
    "virus-related": BounceReason.VIRUS,
    "content-related": BounceReason.CONTENT,
    "policy-related": BounceReason.POLICY,
    "relaying-issues": BounceReason.RELAY_DENIED,
    "routing-errors": BounceReason.NETWORK,
    "no-answer-from-host": BounceReason.NETWORK,
    "bad-connection": BounceReason.NETWORK,
    "protocol-errors": BounceReason.PROTOCOL,
    "message-expired": BounceReason.EXPIRED,
    "bad-configuration": BounceReason.SYSTEM,
}
# sysexits.h: what a delivery program meant by its code.
_EXITS: Mapping[str, BounceReason] = {
    "67": BounceReason.USER_UNKNOWN,
    "68": BounceReason.HOST_UNKNOWN,
    "71": BounceReason.SYSTEM,
    "73": BounceReason.SYSTEM,
    "74": BounceReason.SYSTEM,
    "77": BounceReason.POLICY,
}
_EXIT = re.compile(r"\d{1,3}")


def read_classification(group: Mapping[str, str], source: str, said: str) -> Verdict:
    """The verdict that a recipient's group of fields names; undetermined for most.

    ``source`` and ``said`` are the diagnostic code's type and text.
    """
    category = group.get("x-powermta-bouncecategory", "").strip().lower()
    if category in _POWERMTA:
        return judge(_POWERMTA[category], f"X-PowerMTA-BounceCategory: {category}", said)
    if source == "x-unix" and (code := _EXIT.match(said)):
        return judge(_EXITS.get(code[0], BounceReason.MAILER), f"X-Unix; {code[0]}", said)
    return UNDETERMINED
