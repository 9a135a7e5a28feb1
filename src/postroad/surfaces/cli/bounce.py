"""``postroad bounce``: what raw mails tell about mail that was sent, as one JSON line each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
import msgspec

from postroad.domain.bounce import (
    BounceType,
    Report,
    ReportedRecipient,
    ReportKind,
)
from postroad.domain.errors import Invalid
from postroad.engine.returns.told import response_data, told, verdict_data
from postroad.protocol.report import read_report

MAX_OCTETS = 64 * 1024 * 1024


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--batch", is_flag=True, help="Read the names of the files from standard input.")
def bounce(files: tuple[Path, ...], batch: bool) -> None:
    """Say what raw mails report: bounces, complaints, auto-replies.

    Prints one line of JSON for each of the FILES, in the order given: null for one that cannot
    be read, which is told on standard error and in the exit code. Needs no store and no server.
    """
    if batch == bool(files):
        raise click.UsageError("Give either FILES or --batch.")
    are_unread = False
    for path in _named(sys.stdin.buffer) if batch else files:
        try:
            said: object = record(read_report(_octets(path)))
        except (OSError, ValueError, Invalid) as error:
            # Mail is moved and deleted while its folder is read; the others are still there.
            why = error.strerror if isinstance(error, OSError) else None
            click.echo(f"Error: {path}: {why or error}", err=True)
            said, are_unread = None, True
        click.echo(msgspec.json.encode(said))
    if are_unread:
        raise SystemExit(1)


def record(report: Report) -> Mapping[str, object]:
    """A report in the words of the contract's events; what is not told is left out."""
    head: dict[str, object | None] = {"kind": report.kind.value}
    if report.kind is ReportKind.BOUNCE:
        reports = [_recipient(item) for item in report.failures]
        head |= reports[0] if reports else {}
        head |= {"reports": reports, "dropped": report.dropped or None}
    elif report.kind is ReportKind.DELIVERY:
        head["deliveries"] = [
            {"recipient": item.recipient, "action": item.action.value, "status": item.status}
            for item in report.recipients
        ]
    elif report.feedback is not None:
        head |= {
            "recipients": list(report.feedback.recipients),
            "feedbackType": report.feedback.feedback_type,
            "sourceIp": report.feedback.source_ip,
            "source": report.feedback.source,
            "abuseType": report.feedback.abuse_type,
            "userAgent": report.feedback.user_agent,
        }
    head |= {
        "messageId": report.original.message_id,
        "reportingMta": report.reporting_mta,
        "queueId": report.queue_id,
        "envelopeId": report.envelope_id,
        "dialect": report.dialect,
        "evidence": list(report.evidence) or None,
    }
    return told(head)


def _recipient(item: ReportedRecipient) -> dict[str, object]:
    return told(
        {
            "recipient": item.recipient or None,
            "originalRecipient": item.original_recipient,
            "action": item.action.value,
            "status": item.status,
            "response": response_data(item.response, item.status, item.verdict),
            "mta": item.remote_mta,
            "hard": item.verdict.type is BounceType.HARD,
            "bounce": verdict_data(item.verdict),
            "reason": item.verdict.reason.value,
        }
    )


def _octets(path: Path) -> bytes:
    if path.stat().st_size > MAX_OCTETS:
        raise Invalid(f"larger than {MAX_OCTETS // 1024**2} MiB")
    return path.read_bytes()


def _named(lines: Iterable[bytes]) -> Iterator[Path]:
    """Names, one a line, in whatever octets; empty lines are passed over."""
    for line in lines:
        if name := line.rstrip(b"\r\n"):
            yield Path(os.fsdecode(name))
