"""At which step of the dialogue a recipient was refused.

A server that took the recipient and then, having seen the content, says that there is no such
user, answers for a filter: the carriers of Japan do so by design. RFC 5321 §3.3.
"""

from __future__ import annotations

import re

_CONTENT = re.compile(
    # Postfix; Exim and those that borrowed from it; qmail; Yahoo.
    r"in\s+reply\s+to\s+(?:end\s+of\s+)?DATA\b|after\s+(?:end\s+of\s+data|sending\s+data|DATA\b)"
    r"|(?:error|failed|response) (?:from [\w ]{3,40} )?(?:after|for|in|to) (?:TEXT|DATA) command"
    r"|failed after I sent the message|\[(?:DATA|BODY|DOT)\][ \t]*$",
    re.I | re.M,
)
_HINTS = ("data", "i sent the message", "text command", "[body]", "[dot]")  # of those above, cheap
# Sendmail, with pipelining: the answer to RCPT stands behind DATA too, and RCPT is then missed.
_DIALOGUE = re.compile(r"^>>> DATA[ \t]*\n<<< [45]\d\d[ -][^\n]{0,300}unknown", re.I | re.M)
_PIPELINED = re.compile(r"^<<< 50\d[^\n]{0,40}(?:RCPT|recipient)|^550 5\.1\.1 ", re.I | re.M)
_BLOCK = 1500  # characters behind an address that are about it


def is_content_refused(words: str, recipient: str, *, is_alone: bool) -> bool:
    """Whether the text says that ``recipient`` was refused behind the content of the mail.

    With several recipients only the paragraphs count that begin with this one.
    """
    return names_content(words if is_alone else _about(words, recipient))


def names_content(words: str) -> bool:
    """Whether a refusal behind the content is told anywhere."""
    lower = words.lower()
    if not any(hint in lower for hint in _HINTS):
        return False
    if _CONTENT.search(words):
        return True
    return bool(_DIALOGUE.search(words)) and not _PIPELINED.search(words)


def _about(words: str, recipient: str) -> str:
    at = words.rfind(recipient) if recipient else -1
    if at < 0:
        return ""
    end = words.find("\n\n", at, at + _BLOCK)
    return words[at : end if end >= 0 else at + _BLOCK]
