"""Sendmail of all ages, and those that copied its layout: Active!hunter, Biglobe, McAfee.

Sections between ruled titles: the addresses, then the transcript of the session, in which ``<<<``
is what the remote said. ``sendmail/savemail.c``.
"""

from __future__ import annotations

import re
from dataclasses import replace

from postroad.domain.bounce import Action
from postroad.protocol.report.addressing import ADDRESS, addresses_in, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import MAX_FINDINGS, said_of, unique
from postroad.protocol.report.status import find_status

_TITLE = re.compile(r"^[ \t]*-{2,}[ \t]*([A-Za-z][^\n]{3,120}?)[ \t]*-{2,}[ \t]*$", re.M)
_ADDRESSES = re.compile(r"address(?:es)? (?:had|have|with|follow)|recipient|failed address", re.I)
_TRANSCRIPT = re.compile(r"transcript|session|log follows|non-delivered|error detail|reason", re.I)
_REASON = re.compile(r"\((?:reason:|expanded from:)?[ \t]*([^\n]{1,1000})")
_SAID = re.compile(
    r"^[ \t]*(?:<<<[ \t]*)?((?:[245]\d\d[ -]|<?[^\s<>]+@[^\s<>]+>?\.\.\. ?).{2,1000})$", re.M
)
_DELAYED = re.compile(
    r"transient non-fatal|warning message only|cannot send (?:message )?for"
    r"|will keep trying|could not send message for",
    re.I,
)
_RCPT = re.compile(rf">>> ?RCPT TO: ?<?({ADDRESS.pattern})", re.I)
_TALKING = re.compile(r"while talking to ([\w.-]{3,255}?)\.?:", re.I)
# What Sendmail itself says of a recipient for good: behind the remote's "<<<", or for a reason of
# its own. A 4yz line leaves its recipient in the queue.
_REFUSED = re.compile(
    r"^(?P<said>5\d\d(?:[ -]5\.\d{1,3}\.\d{1,3})? (?:"
    rf"<?(?P<rcpt>{ADDRESS.pattern})>?\.\.\. ?\S.{{0,500}}"
    r"|Too many hops \d+ \(\d+ max\): from .{1,320} via .{1,255}, to "
    rf"<?(?P<hop>{ADDRESS.pattern})>?))$",
    re.M,
)


def _read(text: Text) -> list[Finding]:
    listed, transcript = _sections(text.words)
    findings = _listed(listed)
    own = {*text.signs.own_addresses, text.signs.sender}
    findings += _refused(transcript, findings, own)
    lines = [found[1].strip() for found in _SAID.finditer(transcript)][:200]
    action = Action.DELAYED if _DELAYED.search(text.words) else Action.FAILED
    if not findings:
        names = [tidy(f) for f in _RCPT.findall(transcript)]
        names = names or [a for line in lines if line[0] in "45<" for a in addresses_in(line)[:1]]
        findings = [Finding(name, "") for name in dict.fromkeys(names) if name]
    talking = _TALKING.search(transcript)
    remote = talking[1].lower() if talking else None
    full = []
    for finding in findings[:MAX_FINDINGS]:
        said = finding.said or _said_of(finding.recipient, lines) or transcript.strip()[:500]
        full.append(replace(finding, said=said, action=action, remote=remote))
    return full


def _refused(transcript: str, listed: list[Finding], own: set[str]) -> list[Finding]:
    """Those whom the session refused without the list naming them as failed.

    The list may lack them, or name what they were expanded to. A mail that went round too often is
    refused before anybody is expanded; an answer about an alias is that about its target.
    ``own`` are the addresses that the report itself bears: a refused sender is no recipient.
    """
    known = {finding.recipient.lower() for finding in listed} | own
    written = {(finding.original or "").lower() for finding in listed}
    found: list[Finding] = []
    for line in _REFUSED.finditer(transcript):
        recipient = tidy(line["rcpt"] or line["hop"])
        key = recipient.lower()
        if not key or key in known or (line["rcpt"] and key in written):
            continue
        known.add(key)
        found.append(Finding(recipient, line["said"]))
    return found[:MAX_FINDINGS] if listed else []


def _sections(words: str) -> tuple[str, str]:
    """The text under titles about addresses, and that under titles about the session."""
    titles = list(_TITLE.finditer(words))[:50]
    listed, transcript = [], []
    for number, title in enumerate(titles):
        end = titles[number + 1].start() if number + 1 < len(titles) else len(words)
        if _ADDRESSES.search(title[1]):
            listed.append(words[title.end() : end])
        elif _TRANSCRIPT.search(title[1]):
            transcript.append(words[title.end() : end])
    return "\n".join(listed), "\n".join(transcript)


def _listed(section: str) -> list[Finding]:
    findings: list[Finding] = []
    for line in section.split("\n"):
        clean = line.strip()
        if clean.startswith("(") and findings:
            last = findings[-1]
            if clean.lower().startswith("(expanded from"):
                # A program or another mailbox stands for the address that was written to.
                written = next(iter(addresses_in(clean)), None)
                recipient = last.recipient or written or ""
                findings[-1] = replace(last, recipient=recipient, original=written)
            elif reason := _REASON.match(clean):
                findings[-1] = replace(last, said=reason[1].rstrip(")"))
        elif clean and len(findings) < MAX_FINDINGS:
            names = list(dict.fromkeys(addresses_in(clean)))
            if names:
                said = clean.partition(names[0])[2].strip("<>()[] .,:;\t")
                # Active!hunter writes "addr <addr>", which says nothing.
                findings.append(Finding(names[0], "" if said == names[0] else said))
            elif clean[0] in '"|':
                findings.append(Finding("", ""))  # a program; the address it stands for follows
    return unique([finding for finding in findings if finding.recipient])


def _said_of(recipient: str, lines: list[str]) -> str:
    """The answer about this recipient; else the last refusal of the session.

    Behind a remote's answer without an enhanced code Sendmail's own words give one.
    """
    refusals = [line for line in lines if line[0] in "45" or "..." in line]
    about = [line for line in refusals if recipient and recipient.lower() in line.lower()]
    said = (about or refusals[-1:] or [""])[0]
    coded = "" if find_status(said) else next(filter(find_status, about), "")
    return f"{said} {coded}".strip()


DIALECT = Dialect(
    "sendmail",
    said_of(
        "permanent fatal errors",
        "transient non-fatal errors",
        "transcript of session follows",
        "addresses had delivery",
        "had delivery problems",
        "had delivery errors",
        "failed addresses follow",
        "addresses had problems",
    ),
    _read,
)
