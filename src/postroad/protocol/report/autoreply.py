"""Answers that no person wrote: vacation notes, receipts, tickets, challenges. RFC 3834, B-199."""

from __future__ import annotations

import re

from postroad.protocol.mime.headers import Headers
from postroad.protocol.report.signs import Signs

_SUBJECT = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|fwd?)\s*:\s*)?(?:"
    r"auto(?:matic|matische|matisk|mated)?[- ]?(?:re(?:ply|sponse|sponder|spons)"
    r"|response|antwort|svar)\b"
    r"|(?:automati\w+|auto\w*) (?:e-?mail )?(?:repl|respon|antwort|answer|r[eé]ponse"
    r"|respuesta|resposta|risposta|svar|antwoord|odpowied)"
    r"|r[eé]ponse automatique|respuesta autom[aá]tica|resposta autom[aá]tica|risposta automatica"
    r"|abwesenheit|out of (?:the )?office|oo[fo]\s*:|absence du bureau"
    r"|fuera de (?:la )?oficina|ausente|automatisch antwoord"
    r"|(?:abwesend|on vacation|vacation|away from (?:my|the) (?:mail|office|desk))\b"
    r"|автоответ|автоматический ответ|нет на месте"
    r"|自動(?:応答|返信)|不在(?:通知)?|自动(?:回复|答复)"
    r"|自動回覆|자동 ?(?:응답|회신))",
    re.I,
)
_AUTO = re.compile(r"^\s*auto\s*:", re.I)
_FIELDS = (
    "x-autoresponder",
    "x-autorespond",
    "x-autoreply",
    "x-autoreply-from",
    "x-auto-reply",
    "x-mail-autoreply",
    "x-vacation",
)
_LISTS = ("list-id", "list-unsubscribe", "list-post")


def read_auto_reply(headers: Headers, signs: Signs) -> str | None:
    """The sign that a mail is an automatic answer; ``None`` when it has none.

    ``Auto-Submitted: auto-generated`` alone is any cron job's, so it needs an answer's fields.
    """
    submitted = " ".join(headers.raw_all("Auto-Submitted")).lower()
    if "auto-replied" in submitted or ("auto-notified" in submitted and signs.is_reply):
        return "Auto-Submitted"
    if _SUBJECT.search(signs.subject):
        return "Subject"
    if _AUTO.search(signs.subject) and signs.is_reply:
        return "Subject"
    if any(
        "auto_reply" in value.lower() or "auto-reply" in value.lower()
        for value in headers.raw_all("Precedence")
    ):
        return "Precedence"
    for name in _FIELDS:
        value = headers.raw(name)
        if value is not None and value.strip().lower() not in ("no", "false", "0"):
            return name
    # Looser than the field's meaning, as B-199 asks; newsletters carry it too, and are no answers.
    if "x-auto-response-suppress" in headers and not any(name in headers for name in _LISTS):
        return "X-Auto-Response-Suppress"
    if "auto-generated" in submitted and signs.is_reply and signs.is_reply_subject:
        return "Auto-Submitted"
    return None
