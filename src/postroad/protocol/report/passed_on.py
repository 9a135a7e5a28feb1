"""Bounces that a person shows to somebody: pasted, quoted, put into a ticket, answered.

The text is a mail system's to the last letter, so the outer signs and the words above it have to
tell. Reports that were forwarded as attachments are not looked at in the first place.
"""

from __future__ import annotations

import re

from postroad.protocol.report.signs import Signs

# Mailboxes of offices, which programs write under; mail systems without a name of their own too.
_OFFICE = re.compile(
    r"^(?:admin\w*|sys\w*|root|system|server|support|info|web-?master|host-?master|abuse|help-?desk"
    r"|no-?reply\S*|do-?not-?reply\S*|notif\w*|alerts?|e?mail\w*|smtp\w*|mta\w*|mx\w*|relay\w*"
    r"|nobody|daemon|bounce\S*|reports?|security|virus\w*|antivirus|spam\w*|gateway|message\w*)@",
    re.I,
)
_MAILER = re.compile(r"^(?:mailer|mail|mdaemon|delivery)[-_.]?(?:daemon|delivery|system)?", re.I)
# The line that programs put above what they quote or forward.
_ABOVE = re.compile(
    r"(?:wrote|writes|schrieb|écrit|escribi[óo]|scritto|escreveu|schreef|skrev|pisze|написал\w*|пишет)"
    r"[ \t]?:[ \t]*$"
    r"|^[ \t>]*-{2,}[ \t]*(?:original message|forwarded message|forwarded by"
    r"|weitergeleitete nachricht|ursprüngliche nachricht|message transféré|message d.origine"
    r"|mensaje original"
    r"|messaggio originale|mensagem original|oorspronkelijk bericht)"
    r"|^begin forwarded message:",
    re.I | re.M,
)
_ABOVE_CHARS = 1000


def is_passed_on(signs: Signs, words: str) -> bool:
    """Whether a text that reads like a bounce stands in somebody's own mail."""
    if not signs.is_of_machine:
        is_of_office = signs.is_auto_submitted or _OFFICE.match(signs.sender)
        return not is_of_office or bool(_ABOVE.search(words[:_ABOVE_CHARS]))
    # A postmaster is a person too, who answers.
    is_answer = signs.is_reply_subject and signs.is_reply
    is_silent = signs.has_null_path or signs.is_auto_submitted or signs.has_failed_header
    return is_answer and not is_silent and not _MAILER.match(signs.sender)
