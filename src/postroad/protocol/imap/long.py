"""Responses that take long to read.

Reading structure costs about a tenth of a second for each MiB of it; what lies in literals costs
next to nothing. A transport that serves others meanwhile reads the costly ones in a thread.
"""

from __future__ import annotations

import re

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.response import Response, parse_response

LONG_OCTETS = 128 * 1024  # some 15 ms
_HEAD_OCTETS = 4096
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\r\n")


class Long:
    """A response of more than :data:`LONG_OCTETS`, not yet read."""

    __slots__ = ("_frame", "_is_utf8", "_outcome")

    def __init__(self, frame: bytes, *, is_utf8: bool) -> None:
        self._frame = frame
        self._is_utf8 = is_utf8
        self._outcome: Response | RemoteProtocolError | None = None

    @property
    def is_costly(self) -> bool:
        """Whether there is more to it than one large literal, such as a body."""
        literal = _LITERAL.search(self._frame, 0, _HEAD_OCTETS)
        return literal is None or len(self._frame) - int(literal[1]) > LONG_OCTETS

    def read(self) -> None:
        """Do the work now, in whatever thread; never fails."""
        try:
            self._outcome = parse_response(self._frame, is_utf8=self._is_utf8)
        except RemoteProtocolError as error:
            self._outcome = error

    def response(self) -> Response:
        """What it says. Raises :exc:`RemoteProtocolError` where it makes no sense."""
        if self._outcome is None:
            self.read()
        if isinstance(self._outcome, RemoteProtocolError):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome
