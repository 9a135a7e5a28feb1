"""Bounces of software that nobody knows: read by what a sentence about a failed address looks like.

Every address in the text gets a weight from its place: alone on a line, before a reason, behind a
word for "recipient" or a verb of delivery, in an SMTP dialogue. The heaviest are the recipients.
Addresses of the report's own reader and of help desks weigh nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import HEAD, blocks
from postroad.protocol.report.reasons import find_cause

MAX_ADDRESSES = 400
MAX_NEAR = 300  # characters beside an address that say what it is
MAX_LINE = 2000  # characters of a line on either side of an address
MAX_ASKED = 10  # recipients whose paragraph is asked for a reason
_SURE = 4  # what the outer signs must weigh before a place without any hint is believed
_HELP = re.compile(
    r"^(?:postmaster|mailer-daemon|abuse|support|help|helpdesk|hostmaster|webmaster"
    r"|admin|administrator|info-?desk|service)@",
    re.I,
)
_HELP_BEFORE = re.compile(
    r"(?<!\w)(?:contact|assistance|help|from|sender|by|reply to|questions?|report\w* to"
    r"|mail to|write to|e-?mail to|message-id|visit|original sender"
    r"|an den|kontakt\w*|von|absender|contacter|de|expéditeur|remitente|от"
    r"|отправител\w+|発信者|差出人|发件人)[:\s<\"'(]{0,4}$",
    re.I,
)
_TO_BEFORE = re.compile(
    r"(?<!\w)(?:recipients?|receivers?|address(?:es|ee)?|to|for|deliver(?:ed|ing)?|user"
    r"|mailbox|account|rcpt to|addressed|destinat\w+|undeliverable|failed|reach(?:ed)?"
    r"|empfänger|adresse|adressat|an|à|destinataire|destinatario|destinatário"
    r"|dirección|direccion|a|para|получател\w*|адрес\w*|на|宛先|送信先|受信者|あて先|収件人|收件人|地址"
    r"|수신자|받는 ?사람"
    r"|用户"
    r"|to the following)[^\w\n]{1,4}$",
    re.I,
)
# French and its kin have the same word for "from" and "of".
_DESTINED = re.compile(
    r"(?:destina[tç]\w+|adresse|attention|direcci[oó]n|buz[oó]n|cuenta|indirizzo|casella"
    r"|endere[cç]o|caixa|conta|compte|bo[iî]te)(?: postale?| e-?mail| electr[oó]nico)?"
    r" d(?:e|i|o|a|u|el|es|['’])[:\s<\"'(]{0,4}$",
    re.I,
)
_PROTOCOL = re.compile(r"^[ \t]*(?:smtp|inet|internet|rfc822)[ \t:]+(?=[ \t<]*$)", re.I)
_ROW = re.compile(
    r"[>\"')\]]{0,3}[ \t]*(?:[,;/&+]|and|und|et|y|e|en|och|og|и|、|，)[ \t]*[<\"'(\[]{0,3}"
)
_IN_ROW = re.compile(r"@[^\s@]{1,255}$")  # what stands before a semicolon is an address as well
_ARRIVED = re.compile(
    r"[>\"')\]]{0,3}[ \t]*[:=-]{1,2}[ \t]*(?:(?:was|successfully|message) ){0,2}"
    r"(?:delivered|relayed|sent|ok|success\w*|accepted|25\d)(?:\W|$)",
    re.I,
)
_REPLY = re.compile(r"(?<![\d.])[45]\d\d(?:[ -]|: )")
_CODE = re.compile(r"(?<![\d.])[45](?:\d\d(?:[ -]|: )|\.\d\.\d{1,3}[ :,)])")
_BARE_CODE = re.compile(
    r"^\W*(?:(?:smtp|error|status|reply|response|dsn|diagnostic|code)\W*){0,4}[245][\d. -]*$", re.I
)
_AFTER = re.compile(
    r"^[>\"')\]]{0,3}[ \t]*(?:[45]\d\d\b|was|is|has|could|cannot|can't|does|did|not|unknown|user"
    r"|\.\.\.|:|-|\(|\[|n'|existe|existiert|konnte|wurde|не|は|が|不|无|no)",
    re.I,
)


class _Candidate(NamedTuple):
    address: str
    weight: int
    line: str


def _read(text: Text) -> list[Finding]:
    best: dict[str, _Candidate] = {}
    for candidate in _candidates(text):
        key = candidate.address.lower()
        if key not in best or candidate.weight > best[key].weight:
            best[key] = candidate
    top = max((candidate.weight for candidate in best.values()), default=0)
    if top < 2 and not (top == 1 and text.signs.weight >= _SURE and _is_single(best)):
        return []
    said_by = {found.recipient.lower(): found.said for found in blocks(text.words, HEAD)}
    everything = reason_of(text.words)
    chosen = [candidate for candidate in best.values() if candidate.weight == top]
    # Some tell the reason first and go on to somebody's help desk below the recipients.
    is_below = any(find_cause(said, None) for said in list(said_by.values())[:MAX_ASKED])
    findings = []
    for candidate in chosen:
        said = said_by.get(candidate.address.lower(), "") if is_below else ""
        is_told = bool(_REPLY.search(candidate.line)) or candidate.line.startswith(
            candidate.address + ": "
        )
        line = candidate.line if is_told else ""
        if not line and len(chosen) == 1 and _CODE.search(everything) and not _CODE.search(said):
            said = f"{said}\n{everything}"
        findings.append(Finding(candidate.address, line or said or everything))
    return findings


def _is_single(best: dict[str, _Candidate]) -> bool:
    """Whether one address alone can be meant, wherever it stands."""
    return sum(candidate.weight == 1 for candidate in best.values()) == 1


def _candidates(text: Text) -> list[_Candidate]:
    found: list[_Candidate] = []
    for line in text.words.split("\n"):
        if "@" not in line:
            continue
        last: re.Match[str] | None = None
        matches = list(ADDRESS.finditer(line))[:MAX_ADDRESSES]
        is_shared = len({match[0].lower() for match in matches}) > 1
        for number, match in enumerate(matches):
            address = tidy(match[0])
            if not address:
                continue
            weight = _weigh(text, line, match, address)
            if last and weight == 1 and _ROW.fullmatch(line, last.end(), match.start()):
                weight = found[-1].weight  # one of a row
            last = match
            end = matches[number + 1].start() if number + 1 < len(matches) else len(line)
            own = line[match.start() : end] if is_shared else ""
            near = line[max(0, match.start() - MAX_LINE) : match.end() + MAX_LINE]
            said = own if len(own) > len(match[0]) + 8 else near
            found.append(_Candidate(address, weight, said.strip()))
            if len(found) == MAX_ADDRESSES:
                return found
    return found


def _weigh(text: Text, line: str, match: re.Match[str], address: str) -> int:
    before = line[max(0, match.start() - MAX_NEAR) : match.start()]
    behind = line[match.end() : match.end() + MAX_NEAR]
    own = text.signs.own_addresses
    begun, _, typed = before.rpartition("; ")
    before = before if _IN_ROW.search(begun) else typed
    before = _PROTOCOL.sub("", before)
    if _ARRIVED.match(behind):
        return 0
    if _HELP.match(address) and not re.search(r"rcpt|recipient|\.\.\.", line, re.I):
        return 0
    is_destined = bool(_DESTINED.search(before))
    if address.lower() == text.signs.sender or (_HELP_BEFORE.search(before) and not is_destined):
        return 0
    bare = before.strip(" \t<>\"'([*-•·|") + behind.strip(" \t<>\"')]:;,.|=")
    weight = 1
    if not bare:
        weight = 6
    elif not before.strip(" \t<>\"'([*-•·|"):
        weight = 5 if _AFTER.match(behind) else 4
    elif is_destined or re.search(
        r"rcpt to|recipient|undeliver|empfänger|destinat|получат|宛先|收件", before, re.I
    ):
        weight = 5
    elif _REPLY.search(before) or _TO_BEFORE.search(before):
        weight = 4
    elif _AFTER.match(behind):
        weight = 3
    return weight - 4 if address.lower() in own else weight


def reason_of(words: str) -> str:
    """The line with a reply code, if there is one; else the text, for its words alone.

    A line that has words beside its code goes before one that does not.
    """
    coded = [line.strip() for line in words.split("\n") if _CODE.search(line)]
    return next((line for line in coded if not _BARE_CODE.match(line)), "") or (
        coded[0] if coded else words[:1500].strip()
    )


def _claims(text: Text) -> bool:
    return "@" in text.words


DIALECT = Dialect("prose", _claims, _read)
