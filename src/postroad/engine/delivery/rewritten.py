"""The Message-ID that a relay says it gave a message instead of ours.

Some providers replace the Message-ID and tell the new one in their final reply. Whoever wants to
match a later bounce or reply needs that one. Contract EVENTS §2.2, messageSent.
"""

from __future__ import annotations

import re

from postroad.domain.reply import SmtpReply

_OUTLOOK = re.compile(r"^2\.0\.0 OK (<[^\s<>]+\.prod\.outlook\.com>)", re.IGNORECASE)
_SES = re.compile(r"^Ok ([0-9a-f-]{16,})$", re.IGNORECASE)
_SES_HOST = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws|awsapps)\.com$", re.IGNORECASE)


def rewritten_message_id(host: str, reply: SmtpReply) -> str | None:
    """The Message-ID that the relay at ``host`` reveals in its final ``reply``, with ``<>``."""
    text = " ".join(reply.lines).strip()
    if found := _OUTLOOK.match(text):
        return found[1]
    if host.lower().endswith((".amazonaws.com", ".awsapps.com")) and (found := _SES.match(text)):
        region = _SES_HOST.search(host)
        where = region[1].lower() if region else "us-east-1"
        # The first region names its mail host differently from all others.
        return f"<{found[1]}@{'email' if where == 'us-east-1' else where}.amazonses.com>"
    return None
