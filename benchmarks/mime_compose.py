"""CPU time of writing one message, of taking one over, and of text from HTML.

``python benchmarks/mime_compose.py [--runs N] [--stdlib]`` prints JSON in CPU microseconds a
message; ``--stdlib`` adds ``email.message.EmailMessage`` for the same mails. Of the runs the
smallest is the least disturbed. ``run.py mime_compose`` works as well.
"""

from __future__ import annotations

import argparse
import email.policy
import json
import time
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import partial

import pybase64

import postroad
import rig
from postroad.domain.address import Address
from postroad.protocol.mime import (
    Attachment,
    Draft,
    RawOverrides,
    adopt_raw,
    compose,
    text_from_html,
)

_RUNS = 5
_RUN_S = 0.2  # CPU seconds that one run of one case lasts about
_TEXT = "Hello Ann,\r\n\r\nyour order 4711 has shipped and will arrive on Tuesday.\r\n" * 10
_HTML = "<p>Hello Ann,</p>\r\n<p>your order <b>4711</b> has shipped.</p>\r\n" * 15
_IMAGE = bytes(range(256)) * 24
_NEWSLETTER = (
    "<tr><td><p>News of <b>the</b> day: <a href='https://x.example/1'>read</a></p></td></tr>"
)
_MEGABYTE = 1024 * 1024


def _draft(**changes: object) -> Draft:
    members: dict[str, object] = {
        "from_": Address("shop@example.com", "The Shop"),
        "to": (Address("ann@example.net", "Ann Other"),),
        "cc": (),
        "bcc": (),
        "reply_to": (),
        "subject": "Your order 4711 has shipped",
        "message_id": "<0194f2c7-6d4e-7000-8000-000000000000@example.com>",
        "date_ms": 1_763_866_260_000,
        "in_reply_to": None,
        "references": (),
        "headers": (),
        "text": _TEXT,
        "html": _HTML,
        "attachments": (),
        **changes,
    }
    return Draft(**members)  # type: ignore[arg-type] # members by name


def _file(data: bytes) -> Attachment:
    return Attachment("Übersicht.bin", "application/octet-stream", "attachment", None, data)


def _cases() -> dict[str, Draft]:
    people = tuple(Address(f"user{i}@host{i}.example", f"User Number {i}") for i in range(100))
    return {
        "ascii_text_html": _draft(),
        "unicode_one_file": _draft(
            from_=Address("shop@example.com", "Bücher & Söhne"),
            subject="Ihre Bestellung 4711 über drei Bücher ist unterwegs",
            text=_TEXT.replace("order", "Bestellung über drei Bücher"),
            attachments=(_file(b"x" * 600),),
        ),
        "inline_image_one_file": _draft(
            html=f'{_HTML}<img src="cid:logo@x">',
            attachments=(
                Attachment("logo.png", "image/png", "inline", "logo@x", _IMAGE),
                _file(_IMAGE),
            ),
        ),
        "recipients_100": _draft(to=people),
        "file_1mb": _draft(attachments=(_file(bytes(_MEGABYTE)),)),
    }


def _stdlib(draft: Draft) -> bytes:
    """The same mail as the standard library writes it."""
    message = EmailMessage(policy=email.policy.SMTP)
    assert draft.from_ is not None
    message["From"] = f'"{draft.from_.name}" <{draft.from_.address}>'
    message["To"] = ", ".join(f'"{a.name}" <{a.address}>' for a in draft.to)
    message["Subject"] = draft.subject
    message["Message-ID"] = draft.message_id
    message.set_content(draft.text or "")
    message.add_alternative(draft.html or "", subtype="html")
    for attachment in draft.attachments:
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(attachment.data, main, sub, filename=attachment.filename)
    return message.as_bytes()


def _cpu_us(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    times = max(1, int(_RUN_S / max(time.process_time() - began, 1e-6)))
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


def _works(*, with_stdlib: bool = False) -> dict[str, Callable[[], object]]:
    works: dict[str, Callable[[], object]] = {}
    for name, draft in _cases().items():
        works[f"{name}_cpu_us"] = partial(compose, draft)
        if with_stdlib:
            works[f"{name}_stdlib_cpu_us"] = partial(_stdlib, draft)
    encoded = pybase64.b64encode(bytes(_MEGABYTE))
    works["file_1mb_from_base64_cpu_us"] = lambda: compose(
        _draft(attachments=(_file(pybase64.b64decode(encoded, validate=True)),))
    )
    raw = b"".join(compose(_draft()).pieces)
    overrides = RawOverrides("<f@example.com>", 0)
    works["raw_small_cpu_us"] = lambda: adopt_raw(raw, overrides)
    newsletter = _NEWSLETTER * (75_000 // len(_NEWSLETTER))
    works["text_from_newsletter_75kb_cpu_us"] = lambda: text_from_html(newsletter)
    return works


async def measure() -> Mapping[str, float]:
    """One run of every case."""
    return {name: _cpu_us(work) for name, work in _works().items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument("--stdlib", action="store_true")
    given = parser.parse_args()
    found = {
        name: rig.summary([_cpu_us(work) for _ in range(given.runs)])
        for name, work in _works(with_stdlib=given.stdlib).items()
    }
    sizes = {name: compose(draft).size for name, draft in _cases().items()}
    line = {
        "question": "mime_compose",
        "version": postroad.__version__,
        "machine": rig.machine(),
        "runs": given.runs,
        "octets": sizes,
        **found,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
