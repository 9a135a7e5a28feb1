"""What an author wrote, told from what the mail program put below it.

Known are the lines with which mail programs introduce what they quote, in the languages that most
mail is written in, header blocks as Outlook repeats them, and lines that begin with ``>``. Rules
of our own: the libraries for this (mail-parser-reply, quotequail, talon) take minutes for some
texts of 100 KB that a stranger can send, and need lxml.

Nothing is lost and nothing invented: reply and quote are lines of the text. Signatures stay with
what they stand below. Linear in the length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAX_LINE = 500  # characters of a line that are looked at
_ATTRIBUTION_LINES = 4  # over which an introduction may be wrapped
_HEADER_LINES = 8

_WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|schreef|geschreven|a écrit|écrit|escribió|escreveu|ha scritto|"
    r"skrev|napisała?|napisał\(a\)|pisze|napsala?|napísala?|je napisal|írta|kirjoitti|kirjutas|"
    r"rašė|rakstīja|yazdı|έγραψε|написала?|пишет|пише|написав|a scris|va escriure|viết)\b"
    r"[^:]{0,120}:\s{0,9}\Z"
    r"|(?:写道|寫道|のメール|は書きました|さんの投稿|님이 작성|כתב|כתבה|كتب)"
    r"[^:：]{0,60}[:：]\s{0,9}\Z",
    re.I,
)
_ATTRIBUTION_START = re.compile(r"""\s{0,9}[\w"'<„“*_(\[]""")
_HAS_WHO_OR_WHEN = re.compile(r"[0-9@<]")
_DIVIDER = re.compile(
    r"\s{0,9}-{2,20}\s{0,9}(?:original(?:\s(?:message|appointment))?|forwarded message|"
    r"ursprüngliche (?:nachricht|mail)|weitergeleitete nachricht|message d'origine|"
    r"message (?:transféré|original)|mensaje original|mensaje reenviado|mensagem original|"
    r"messaggio originale|messaggio inoltrato|oorspronkelijk bericht|ursprungligt meddelande|"
    r"oprindelig meddelelse|wiadomość oryginalna|původní zpráva|eredeti üzenet|"
    r"alkuperäinen viesti|исходное сообщение|пересланное сообщение|原始邮件|原始郵件|"
    r"元のメッセージ|원본 메일|original message|oryginalna wiadomość|edastatud kiri)"
    r"\s{0,9}-{2,20}\s{0,9}\Z|begin forwarded message:\s{0,9}\Z",
    re.I,
)
_RULE = re.compile(r"\s{0,3}(?:_{20,}|-{30,})\s{0,9}\Z")
_FIELD = re.compile(r"\s{0,3}\*{0,2}([\w .'/-]{1,24}?)\s{0,2}:\*{0,2}(?:\s|\Z)")
_FROM = frozenset(
    {
        "from", "von", "de", "da", "van", "från", "fra", "od", "lähettäjä", "saatja",
        "felad", "feladó", "gönderen", "от", "від", "expéditeur", "remitente", "mittente",
        "afzender", "avsändare", "nadawca", "odesílatel", "发件人", "寄件者", "差出人", "보낸사람",
        "מאת",
    }
)  # fmt: skip
_OTHER_FIELDS = frozenset(
    {
        "sent", "to", "cc", "subject", "date", "reply-to", "gesendet", "an", "betreff",
        "datum", "envoyé", "à", "objet", "enviado", "para", "asunto", "assunto", "fecha",
        "data", "inviato", "a", "oggetto", "verzonden", "aan", "onderwerp", "skickat",
        "till", "ämne", "sendt", "til", "emne", "wysłano", "do", "temat", "odesláno",
        "komu", "předmět", "lähetetty", "vastaanottaja", "aihe", "saadetud", "kellele",
        "teema", "elküldve", "címzett", "tárgy", "отправлено", "кому", "тема", "дата",
        "gönderildi", "kime", "konu", "date/heure", "发送时间", "收件人", "主题", "抄送",
        "寄件日期", "收件者", "主旨", "送信日時", "宛先", "件名", "보낸날짜", "받는사람", "제목",
        "נשלח", "אל", "נושא",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """A text in two. Joined they hold every line; both are without blank lines at the ends."""

    reply: str
    quoted: str  # empty when nothing is quoted


def split_reply(text: str) -> Reply:
    """Tell the reply from what it quotes; ``text`` has LF line ends.

    A quote below takes everything behind its introduction. Where lines marked with ``>`` are
    followed by words of the author (answers below or between), those are the reply.
    """
    lines = text.split("\n")
    start = _quote_start(lines)
    if start is None:
        return Reply(_joined(lines), "")
    head, tail = lines[:start], lines[start:]
    introduced = _introduction(lines, start)
    body = tail[introduced:]
    if any(_is_marked(line) for line in body[:3]):
        after = [line for line in body if not _is_marked(line)]
        if any(line.strip() for line in after):
            quoted = [*tail[:introduced], *(line for line in body if _is_marked(line))]
            return Reply(_joined([*head, *after]), _joined(quoted))
    return Reply(_joined(head), _joined(tail))


def quote_at(text: str) -> int | None:
    """The character at which the quote begins that runs to the end of ``text``, if there is one."""
    lines = text.split("\n")
    start = _quote_start(lines)
    if start is None:
        return None
    body = lines[start + _introduction(lines, start) :]
    if any(_is_marked(line) for line in body[:3]):
        last = max(at for at, line in enumerate(body) if _is_marked(line))
        if any(line.strip() for line in body[last + 1 :]):
            return None
    return sum(len(line) + 1 for line in lines[:start])


def _quote_start(lines: list[str]) -> int | None:
    for at, line in enumerate(lines):
        if _is_marked(line) or _introduction(lines, at):
            return at
    return None


def _introduction(lines: list[str], at: int) -> int:
    """How many lines from ``at`` on introduce a quote; 0 for none."""
    line = lines[at][:_MAX_LINE]
    if _DIVIDER.match(line):
        return 1
    if _RULE.match(line):
        fields = _header_block(lines, at + 1)
        return fields + 1 if fields else 0
    return _header_block(lines, at) or _attribution(lines, at)


def _header_block(lines: list[str], at: int) -> int:
    """``From: ... Sent: ... To: ...``, at least three of them and the sender first."""
    found = 0
    for number, line in enumerate(lines[at : at + _HEADER_LINES]):
        field = _FIELD.match(line[:_MAX_LINE])
        name = field[1].strip().lower().replace(" ", "") if field is not None else ""
        if found == 0 and name not in _FROM:
            return 0
        if name in _FROM or name in _OTHER_FIELDS:
            found += 1
        elif not line.strip() and found:
            return number if found >= 3 else 0
    return min(_HEADER_LINES, len(lines) - at) if found >= 3 else 0


def _attribution(lines: list[str], at: int) -> int:
    """``On Monday ... Ann <ann@example.com> wrote:``, perhaps wrapped."""
    first = lines[at][:_MAX_LINE]
    if not first.strip() or not _ATTRIBUTION_START.match(first):
        return 0
    joined = ""
    for number, line in enumerate(lines[at : at + _ATTRIBUTION_LINES], 1):
        line = line[:_MAX_LINE].strip()
        if not line:
            return 0
        joined = f"{joined} {line}"
        if line.endswith((":", "：")):
            is_one = _WROTE.search(joined) and _HAS_WHO_OR_WHEN.search(joined)
            return number if is_one and len(joined) <= _MAX_LINE else 0
    return 0


def _is_marked(line: str) -> bool:
    return line.startswith((">", " >", "|>", "\u2502 "))


def _joined(lines: list[str]) -> str:
    first, last = 0, len(lines)
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return "\n".join(lines[first:last])
