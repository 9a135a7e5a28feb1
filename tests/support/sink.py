"""A relay that takes everything and remembers what it took."""

from __future__ import annotations

import re
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from support.server import free_port

MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)


class _Handler:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("reject"):
            return "550 5.1.1 no such user"
        if address.startswith("tempfail"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self._sink.take(content, list(envelope.rcpt_tos))
        return "250 2.0.0 taken"


class Sink:
    """Listens on a free port of loopback."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.mails: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.counts: Counter[str] = Counter()  # by Message-ID
        # The controller dials its own port at start, so it has to know it before.
        self.port = free_port()
        self._controller = Controller(_Handler(self), hostname="127.0.0.1", port=self.port)

    @property
    def host(self) -> str:
        return "127.0.0.1"

    def take(self, content: bytes, recipients: list[str]) -> None:
        found = MESSAGE_ID.search(content)
        with self._lock:
            self.mails.append(content)
            self.recipients.append(recipients)
            self.counts[found[1].decode() if found else ""] += 1

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()
