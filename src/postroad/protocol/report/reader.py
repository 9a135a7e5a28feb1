"""``read_report``: one incoming mail to what it tells about mail that was sent.

The machine part is believed when it stands where a mail system puts it. Where it is missing or
silent the free text is read by its dialect, and then only believed when the outer signs of the
mail agree, for people quote bounces, lists refuse posts, and swindlers imitate mail systems.
Nothing is made up: what a report does not tell stays empty.

Time is linear in the size of the mail and memory bounded by the limits in :mod:`.parts`,
:mod:`.fields` and :mod:`.mail`. Never fails, whatever the octets.
"""

from __future__ import annotations

import re
from dataclasses import replace

from postroad.domain.bounce import (
    UNDETERMINED,
    Action,
    BounceReason,
    OriginalMessage,
    Report,
    ReportedRecipient,
    ReportKind,
    Response,
    Verdict,
)
from postroad.protocol.report.about import (
    addressees,
    failed_header,
    original_of,
    whole_address,
)
from postroad.protocol.report.advice import advise, judge, while_tried
from postroad.protocol.report.autoreply import read_absence, read_auto_reply
from postroad.protocol.report.complaint import read_complaint
from postroad.protocol.report.dsn import (
    MAX_RESPONSE,
    DeliveryStatus,
    make_response,
    parse_delivery_status,
)
from postroad.protocol.report.fields import find_machine_text
from postroad.protocol.report.folklore import Finding, Text, read_folklore
from postroad.protocol.report.mail import Mail
from postroad.protocol.report.notice import read_notice
from postroad.protocol.report.passed_on import is_passed_on
from postroad.protocol.report.phrases import (
    find_failure,
    find_trouble,
    is_delay,
    is_no_bounce,
    is_success,
    is_summary,
)
from postroad.protocol.report.refusal import read_refusal
from postroad.protocol.report.returned import message_id_of
from postroad.protocol.report.signs import Signs
from postroad.protocol.report.stage import is_content_refused, names_content
from postroad.protocol.report.status import find_status

# What the outer signs must weigh before free text is believed; see Signs.weight.
_ENOUGH = 3
_BLUNT = re.compile(r"^(?:user unknown|unknown user|no such user)", re.I)
# Sendmail, Domino and others put the reason behind these words; others put the original's subject.
_SUBJECT_REASON = re.compile(
    r"^\s*(?:Returned mail|DELIVERY FAILURE|FEHLER BEI DER ZUSTELLUNG)\s*:\s*(\S.{2,200})"
)
_ANYBODYS = ("", "prose", "labelled")  # dialects whose marks no software has for itself


def read_report(octets: bytes) -> Report:
    """Tell what a raw message is and, when it is a report, what it tells.

    ``octets`` is the whole message with any line ends; a message cut off behind its head is read
    as far as it goes. The kinds are tried in this order: complaint, delivery report, free-text
    bounce, auto-reply. A forwarded report is an ordinary mail.
    """
    mail = Mail.read(octets)
    if (complaint := _complaint(mail)) is not None:
        return complaint
    if mail.part("message/disposition-notification") is not None:
        # A read receipt, RFC 8098: a machine's, but no delivery's, unless the mail was refused.
        return _refused(mail) or _auto_or_ordinary(mail)
    return _standard(mail) or _notice(mail) or _free_text(mail) or _auto_or_ordinary(mail)


def _complaint(mail: Mail) -> Report | None:
    found = read_complaint(mail)
    if found is None:
        return None
    feedback, sign = found
    return Report(ReportKind.COMPLAINT, (sign,), feedback=feedback, original=mail.original)


def _standard(mail: Mail) -> Report | None:
    """A report by its machine part, also one that lost its MIME structure."""
    text, evidence = mail.status_text, "message/delivery-status"
    if text is not None and not mail.is_report and mail.signs.weight < _ENOUGH:
        return None  # the part alone, in a mail of a person: a bounce passed on
    if text is None and mail.signs.weight >= _ENOUGH:
        if is_passed_on(mail.signs, mail.words):
            return None
        # Of a double bounce the report that came back is about somebody else.
        content_type = (mail.returned_headers.raw("Content-Type") or "").lower()
        is_double = content_type.strip().startswith("multipart/report")
        text = find_machine_text(mail.words if is_double else mail.full_text)
        evidence = "delivery status in the text"
    if text is None:
        return None
    status = parse_delivery_status(text)
    if not status.recipients:
        return _silent(mail, status) if mail.is_report or mail.signs.weight >= _ENOUGH else None
    recipients = _completed(mail, status.recipients)
    is_bounce = any(item.action.is_bounce for item in recipients)
    kind = ReportKind.BOUNCE if is_bounce else ReportKind.DELIVERY
    return _report(mail, kind, evidence, recipients, status)


def _silent(mail: Mail, status: DeliveryStatus) -> Report | None:
    """A machine part without recipients: the text beside it, or the original, has to tell them."""
    dialect, recipients = _from_text(mail)
    if not recipients:
        if not (find_failure(mail.words) or mail.signs.is_failure_subject):
            return None
        action = Action.DELAYED if is_delay(mail.words, mail.signs.subject) else Action.FAILED
        recipients = tuple(ReportedRecipient(name, action) for name in addressees(mail))
    report = _report(
        mail, ReportKind.BOUNCE, "multipart/report without recipients", recipients, status
    )
    return replace(report, dialect=dialect or None)


def _refused(mail: Mail) -> Report | None:
    status = read_refusal(mail)
    if status is None:
        return None
    return _report(mail, ReportKind.BOUNCE, "refused unread", status.recipients, status)


def _notice(mail: Mail) -> Report | None:
    notice = read_notice(mail.full_text)
    if notice is None or mail.signs.is_reply_subject:
        return None
    evidence = ("Amazon SES notification",)
    if notice.feedback is not None:
        return Report(
            ReportKind.COMPLAINT, evidence, feedback=notice.feedback, original=notice.original
        )
    return Report(
        ReportKind.BOUNCE,
        evidence,
        recipients=_judged(mail, notice.recipients),
        reporting_mta=notice.reporting_mta,
        original=notice.original,
    )


def _free_text(mail: Mail) -> Report | None:
    """A bounce that is text only. Each sign that speaks for it is kept as evidence."""
    signs = mail.signs
    is_likely = signs.is_daemon or signs.has_failed_header
    if signs.weight < 2 or (signs.is_reply_subject and not is_likely):
        return None
    if is_summary(signs.subject) and not signs.is_failure_subject:
        return None
    if is_passed_on(signs, mail.words):
        return None
    if not is_likely and read_auto_reply(mail.headers, signs) not in (None, "Auto-Submitted"):
        return None
    is_returned = signs.has_null_path and signs.is_failure_subject
    failure = find_failure(mail.words)
    if failure is None and (is_likely or is_returned):
        failure = find_trouble(mail.full_text)
    if failure is None and is_success(mail.words, signs.subject):
        return None
    dialect, recipients = _from_text(mail)
    is_known = dialect not in _ANYBODYS
    if not (signs.is_failure_subject or failure or is_known):
        return None
    # Behind a colon stands what the original was called.
    if is_summary(signs.subject.partition(":")[0]) and not is_known:
        return None
    if not _is_proven(mail, recipients, is_known=is_known) and (
        is_no_bounce(mail.words, signs.subject)
        or (not is_known and _is_about_reader(signs, recipients))
        or not (signs.is_daemon_address or is_returned)
    ):
        return None
    if failure is None and is_returned:
        # A table, say, that has no sentences: a server's answer about somebody says enough.
        failure = next((f"code {code}" for code in map(_code, recipients) if code), None)
    weight = signs.weight + 2 * (failure is not None) + 2 * is_known
    weight += bool(recipients) + bool(mail.original.headers)
    if weight < 2 * _ENOUGH or (signs.is_reply and not is_likely and weight < 8):
        return None
    # Without recipient and original it is of little use; all outer signs must agree then.
    is_certain = signs.is_daemon_address and signs.has_null_path and signs.is_failure_subject
    # Bait names its reader where a report names others.
    words = mail.words.lower()
    is_certain = is_certain and not any(own in words for own in signs.own_addresses)
    if not (recipients or mail.original.headers or (is_certain and failure)):
        return None
    evidence = [
        "sender is a mail system" if signs.is_daemon else "",
        "empty envelope sender" if signs.has_null_path else "",
        "X-Failed-Recipients" if signs.has_failed_header else "",
        f"subject: {signs.subject[:80]}" if signs.is_failure_subject else "",
        f"text: {failure}" if failure else "",
    ]
    if not recipients:
        action = Action.DELAYED if is_delay(mail.words, mail.signs.subject) else Action.FAILED
        names = failed_header(mail) or addressees(mail)
        response = make_response(mail.words[:1500])
        recipients = tuple(ReportedRecipient(name, action, response=response) for name in names)
    return Report(
        ReportKind.BOUNCE,
        tuple(filter(None, evidence)),
        dialect=dialect or None,
        recipients=_judged(mail, recipients),
        original=original_of(mail, None),
    )


def _is_about_reader(signs: Signs, recipients: tuple[ReportedRecipient, ...]) -> bool:
    return bool(recipients) and all(r.recipient.lower() in signs.own_addresses for r in recipients)


def _is_proven(mail: Mail, recipients: tuple[ReportedRecipient, ...], *, is_known: bool) -> bool:
    """Whether the mail holds what only a mail system has: the original, or a server's answer.

    Bait tells its reader that mail to *him* was not delivered; a bounce is about somebody else,
    unless the original came back with it.
    """
    if mail.signs.has_failed_header or mail.original.headers:
        return True
    others = [r for r in recipients if r.recipient.lower() not in mail.signs.own_addresses]
    if not others:
        return False
    signs = mail.signs
    is_system = signs.is_daemon or signs.has_null_path
    return (
        is_known
        or (signs.is_daemon_address and signs.has_null_path)
        or (is_system and any(map(_code, others)))
    )


def _code(item: ReportedRecipient) -> str:
    """The code that a server gave; empty when none is told."""
    return item.status or str((item.response and item.response.code) or "")


def _auto_or_ordinary(mail: Mail) -> Report:
    if mail.part("message/disposition-notification") is not None:
        return Report(ReportKind.ORDINARY)
    sign = read_auto_reply(mail.headers, mail.signs)
    if sign is None:
        sign = read_absence(mail.headers, mail.signs, mail.words)
    if sign is None:
        return Report(ReportKind.ORDINARY)
    return Report(
        ReportKind.AUTO_REPLY,
        (sign,),
        original=OriginalMessage(message_id_of(mail.headers.raw("In-Reply-To"))),
    )


def _report(
    mail: Mail,
    kind: ReportKind,
    evidence: str,
    recipients: tuple[ReportedRecipient, ...],
    status: DeliveryStatus,
) -> Report:
    return Report(
        kind,
        (evidence,),
        recipients=_judged(mail, recipients),
        dropped=status.dropped,
        reporting_mta=status.reporting_mta,
        queue_id=status.queue_id,
        envelope_id=status.envelope_id,
        arrival_date=status.arrival_date,
        others=status.others,
        original=original_of(mail, status.message_id),
    )


def _from_text(mail: Mail) -> tuple[str, tuple[ReportedRecipient, ...]]:
    """The recipients that the free text tells, by the dialect that could read it."""
    text = Text(mail.words, mail.headers, mail.signs, mail.returned_headers)
    dialect, findings = read_folklore(text)
    action = Action.DELAYED if is_delay(mail.words, mail.signs.subject) else Action.FAILED
    named = failed_header(mail)
    return dialect, tuple(
        _reported(finding, action, whole_address(finding.recipient, mail, named))
        for finding in findings
        if finding.recipient or len(findings) == 1
    )


def _reported(finding: Finding, action: Action, recipient: str) -> ReportedRecipient:
    response = make_response(finding.said)
    return ReportedRecipient(
        recipient=recipient,
        action=finding.action or action,
        status=find_status(finding.said[:MAX_RESPONSE]),
        response=response,
        remote_mta=finding.remote,
        original_recipient=finding.original,
    )


def _completed(
    mail: Mail, recipients: tuple[ReportedRecipient, ...]
) -> tuple[ReportedRecipient, ...]:
    """Recipients with what the machine part left out taken from the text beside it."""
    if all(item.response is not None and "@" in item.recipient for item in recipients):
        return recipients
    dialect, told = _from_text(mail)
    by_name = {item.recipient.lower(): item for item in told}
    named = failed_header(mail)
    full = []
    is_same_number = len(told) == len(recipients)
    for number, item in enumerate(recipients):
        # A group without any address is about the one that the text names in its place.
        in_place = told[number].recipient if is_same_number and not item.recipient else ""
        whole = in_place or whole_address(item.recipient, mail, named)
        other = by_name.get(whole.lower())
        if other is None and len(told) == len(recipients) == 1 and dialect != "prose":
            other = told[0]
        response = item.response or (other.response if other else None)
        status = item.status or (other.status if other else None)
        full.append(replace(item, recipient=whole, response=response, status=status))
    return tuple(full)


def _judged(mail: Mail, recipients: tuple[ReportedRecipient, ...]) -> tuple[ReportedRecipient, ...]:
    words = mail.words if names_content(mail.words) else ""  # most do not, and need no search each
    is_alone = len(recipients) == 1
    named = _SUBJECT_REASON.match(mail.signs.subject) if is_alone else None
    subject = named[1] if named else ""
    return tuple(
        replace(item, verdict=_verdict(item, words, subject, is_alone=is_alone))
        if item.action.is_bounce
        else item
        for item in recipients
    )


def _verdict(item: ReportedRecipient, words: str, subject: str, *, is_alone: bool) -> Verdict:
    verdict = _cause(item, words, subject, is_alone=is_alone)
    return while_tried(verdict) if item.action is Action.DELAYED else verdict


def _cause(item: ReportedRecipient, words: str, subject: str, *, is_alone: bool) -> Verdict:
    """``words`` may tell at which step the recipient was refused, ``subject`` the reason."""
    said = item.response or Response("")
    verdict = advise(said.text, item.status, said.code, item.action)
    if verdict.evidence in ("", "delayed", item.status, str(said.code)):
        # No words, at best a code: the reporting side may have a reason of its own.
        if item.verdict is not UNDETERMINED:
            return item.verdict
        if verdict is UNDETERMINED and subject:
            return advise(subject, None, None, item.action)
    if verdict.reason is BounceReason.USER_UNKNOWN and _BLUNT.search(verdict.evidence):
        for text in (said.text, words):
            if is_content_refused(text, item.recipient, is_alone=is_alone or text is said.text):
                return judge(BounceReason.FILTERED, f"{verdict.evidence}, behind DATA", said.text)
    return verdict
