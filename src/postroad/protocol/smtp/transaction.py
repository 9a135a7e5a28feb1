"""One mail transaction: MAIL, RCPT, DATA and what the relay makes of it. RFC 5321 §3.3.

With PIPELINING all commands go out at once (RFC 2920), so DATA may be answered although nobody
will receive: such a 354 is met with a lone dot. A message goes to those recipients that the
relay takes; only if it takes none has the attempt failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postroad.domain.envelope import DsnRequest, Envelope
from postroad.domain.errors import LocalProtocolError
from postroad.domain.reply import (
    Accepted,
    Deferred,
    Failure,
    FailureKind,
    RefusedRecipient,
    SmtpReply,
    judge,
)
from postroad.protocol.smtp.commands import mail_command, rcpt_command
from postroad.protocol.smtp.extensions import Extensions
from postroad.protocol.smtp.failure import Dialogue, RelayFailure, refused, require
from postroad.protocol.smtp.paths import encode_path

_MAX_PIPELINED_RCPTS = 100  # then replies are read before more is said

_RSET = ("RSET", b"RSET\r\n", "")
_DATA = ("DATA", b"DATA\r\n", "")

_Step = tuple[str, bytes, str]  # command, octets, recipient


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction spelled out for one relay."""

    mail: bytes
    rcpts: tuple[tuple[str, bytes], ...]  # recipient and its command
    is_pipelined: bool


def plan_transaction(
    envelope: Envelope,
    offered: Extensions,
    *,
    octets: int,
    eight_bit: bool = False,
    smtputf8: bool = False,
    dsn: DsnRequest | None = None,
) -> Plan:
    """Spell out a transaction, or raise :exc:`RelayFailure` if it cannot succeed here.

    That is so without recipients, with an address that is none, with content larger than the
    relay says it takes, and with UTF-8 in addresses or headers for a relay without SMTPUTF8.
    ``smtputf8`` says that the headers have it; addresses are looked at.
    """
    if not envelope.rcpt_to:
        raise RelayFailure(Failure(FailureKind.ENVELOPE, "No recipients", "RCPT TO"))
    try:
        path = encode_path(envelope.mail_from) if envelope.mail_from else b""
        paths = [encode_path(address) for address in envelope.rcpt_to]
        has_utf8_path = not path.isascii() or not all(path.isascii() for path in paths)
        mail = mail_command(
            path,
            offered,
            octets=octets,
            eight_bit=eight_bit,
            smtputf8=smtputf8 or has_utf8_path,
            dsn=dsn,
        )
        wishes = {} if dsn is None else {wish.rcpt_to: wish for wish in dsn.recipients}
        rcpts = tuple(
            (address, rcpt_command(path, offered, dsn=wishes.get(address, dsn)))
            for address, path in zip(envelope.rcpt_to, paths, strict=True)
        )
    except LocalProtocolError as error:
        raise RelayFailure(Failure(FailureKind.ENVELOPE, error.message)) from error
    if (smtputf8 or has_utf8_path) and not offered.smtputf8:
        kind = FailureKind.ENVELOPE if has_utf8_path else FailureKind.MESSAGE
        where = "addresses" if has_utf8_path else "headers"
        words = f"The relay does not take UTF-8 in {where} (no SMTPUTF8)"
        raise RelayFailure(Failure(kind, words, "MAIL FROM"))
    if offered.max_bytes is not None and octets > offered.max_bytes:
        words = f"The message has {octets} octets, the relay takes {offered.max_bytes}"
        raise RelayFailure(Failure(FailureKind.MESSAGE, words, "MAIL FROM"))
    return Plan(mail, rcpts, offered.pipelining)


def begin(plan: Plan, *, reset: bool = False) -> Dialogue[tuple[RefusedRecipient, ...]]:
    """Go up to the 354 that asks for the content; gives the recipients that were refused.

    ``reset`` clears what an earlier transaction may have left, in the same breath. Raises
    :exc:`RelayFailure` once every outstanding reply has come in, so that the connection stays
    usable, except after a 421 or a refused RSET.
    """
    refused_rcpts: list[RefusedRecipient] = []
    taken = 0
    mail_refusal: SmtpReply | None = None
    data_reply: SmtpReply | None = None
    for batch in _batches(plan, reset):
        if mail_refusal is not None or (not taken and batch[0] is _DATA):
            break
        octets = b"".join([step[1] for step in batch])
        for command, _, recipient in batch:
            reply = yield command, octets
            octets = b""
            code = reply.code
            if code == 421:
                raise refused(FailureKind.CONNECTION, command, reply)
            if command == "DATA":
                data_reply = reply
                continue
            if command == "RSET":
                _require_reset(reply)
                continue
            require(code < 300 or code >= 400, command, reply)
            if command == "RCPT TO":
                if code < 300:
                    taken += 1
                else:
                    refused_rcpts.append(RefusedRecipient(recipient, reply))
            else:
                mail_refusal = reply if code >= 400 else None
    if data_reply is not None and data_reply.code == 354 and (mail_refusal or not taken):
        yield "DATA", b".\r\n"  # an empty message to nobody. RFC 2920 §3.1
    if mail_refusal is not None:
        raise refused(FailureKind.ENVELOPE, "MAIL FROM", mail_refusal)
    if not taken:
        raise _weightiest(refused_rcpts)
    assert data_reply is not None
    if data_reply.code != 354:
        require(data_reply.code >= 400, "DATA", data_reply)
        raise refused(FailureKind.MESSAGE, "DATA", data_reply)
    return tuple(refused_rcpts)


def finish(refused_rcpts: tuple[RefusedRecipient, ...]) -> Dialogue[Accepted]:
    """Hear what becomes of the message, after its final dot. Raises :exc:`RelayFailure`."""
    reply = yield "DATA", b""
    if 200 <= reply.code < 300:
        return Accepted(reply, refused_rcpts)
    require(reply.code >= 400, "DATA", reply)
    raise refused(FailureKind.MESSAGE, "DATA", reply)


def _require_reset(reply: SmtpReply) -> None:
    # Without the reply in it: this says that the connection is worn out, nothing about the mail.
    if not 200 <= reply.code < 300:
        words = f"RSET was answered {reply.text}"
        raise RelayFailure(Failure(FailureKind.CONNECTION, words, "RSET"))


def _batches(plan: Plan, reset: bool) -> Iterator[list[_Step]]:
    """What is said before the next reply is waited for."""
    head: list[_Step] = [_RSET] if reset else []
    head.append(("MAIL FROM", plan.mail, ""))
    rcpts: list[_Step] = [("RCPT TO", octets, address) for address, octets in plan.rcpts]
    if not plan.is_pipelined:
        for step in head + rcpts:
            yield [step]
        yield [_DATA]
        return
    while len(rcpts) > _MAX_PIPELINED_RCPTS:
        yield head + rcpts[:_MAX_PIPELINED_RCPTS]
        head, rcpts = [], rcpts[_MAX_PIPELINED_RCPTS:]
    yield [*head, *rcpts, _DATA]


def _weightiest(refusals: list[RefusedRecipient]) -> RelayFailure:
    """One failure for all: one that time may mend goes before those that it will not."""
    failures = [refused(FailureKind.ENVELOPE, "RCPT TO", r.reply) for r in refusals]
    for failure in failures:
        if isinstance(judge(failure.failure), Deferred):
            return failure
    return failures[0]
