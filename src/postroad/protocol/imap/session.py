"""The client side of one IMAP session, without its socket.

Feed what was read to :meth:`ImapSession.receive` and act on the events; hand commands to
:meth:`ImapSession.send` and write what :meth:`ImapSession.next_output` gives out. The session
keeps the state, the tags, the capabilities, the literals that wait for the server's go-ahead, and
the compression layer.

Commands may be pipelined; those that change the stream or the state travel alone. A response that
cannot be read is an event and not the end, up to a limit; what throws the stream out of step
raises :exc:`RemoteProtocolError` and ends the session. RFC 9051 §3, §5.5, §7.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap.capability import append_limit, names_are_utf8, understood
from postroad.protocol.imap.command import Command, Literal, LiteralStream
from postroad.protocol.imap.deflate import Inflater, stored
from postroad.protocol.imap.events import (
    Challenge,
    Completed,
    Event,
    GoAhead,
    Greeted,
    Malformed,
    StreamWanted,
    Told,
)
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.framer import DEFAULT_MAX_SIZE, ResponseFramer
from postroad.protocol.imap.long import LONG_OCTETS, Long
from postroad.protocol.imap.outgoing import Octets, Streaming, Wait
from postroad.protocol.imap.response import (
    Capability,
    Continuation,
    Enabled,
    Response,
    parse_response,
)
from postroad.protocol.imap.state import RULES, State, after, rule_for
from postroad.protocol.imap.status import CapabilityCode, Condition, Status
from postroad.protocol.imap.tapped import Tap

# Responses of one session that could not be read, and their octets: trying costs time.
MAX_MALFORMED, _MAX_MALFORMED_OCTETS = 100, 1024 * 1024
_MAX_IN_FLIGHT = 64
# LITERAL- allows literals without waiting to this size (RFC 7888 §5). Where LITERAL+ allows any,
# larger ones wait all the same: a server that refuses 25 MiB should say so before they are sent.
_LITERAL_MINUS_BYTES = 4096
_LITERAL_PLUS_BYTES = 64 * 1024


@dataclass(slots=True)
class _InFlight:
    command: Command
    is_alone: bool
    told_capabilities: bool = False  # CAPABILITY arrived while it ran
    is_idle_begun: bool | None = None  # of IDLE: the go-ahead has come


class ImapSession:
    """One session; see the module. ``max_response_bytes`` can be raised for a large fetch."""

    __slots__ = (
        "_allows_rev2",
        "_awaits_tls",
        "_capabilities",
        "_carry",
        "_framer",
        "_in_flight",
        "_inflater",
        "_malformed",
        "_malformed_octets",
        "_next_tag",
        "_output",
        "append_limit",
        "bye",
        "enabled",
        "has_utf8_names",
        "octets_received",
        "state",
        "tap",
    )

    def __init__(
        self, *, max_response_bytes: int = DEFAULT_MAX_SIZE, allows_rev2: bool = True
    ) -> None:
        self.state = State.GREETING
        self.bye: Status | None = None
        self.append_limit: int | None = None  # octets of one message. RFC 7889
        self.has_utf8_names = False  # mailbox names are plain UTF-8 on this connection
        self.enabled: frozenset[str] = frozenset()  # by ENABLE, in capitals
        self._framer = ResponseFramer(max_response_bytes)
        self._allows_rev2 = allows_rev2
        self._capabilities: frozenset[str] | None = None
        self._in_flight: dict[str, _InFlight] = {}
        self._output: list[Octets | Wait | Streaming] = []  # short; a deque idles dearly
        self._next_tag = 1
        self._malformed = self._malformed_octets = 0
        self._inflater: Inflater | None = None
        self._carry = b""
        self._awaits_tls = False
        self.octets_received = 0  # uncompressed
        self.tap: Tap | None = None  # hears both sides

    # What is known

    @property
    def capabilities(self) -> frozenset[str] | None:
        """In capitals; ``None`` when unknown or no longer true (after STARTTLS and login)."""
        return self._capabilities

    @property
    def is_compressed(self) -> bool:
        return self._inflater is not None

    @property
    def max_response_bytes(self) -> int:
        return self._framer.max_size

    @max_response_bytes.setter
    def max_response_bytes(self, limit: int) -> None:
        self._framer.max_size = limit

    def can(self, capability: str) -> bool:
        """Whether the server has said so."""
        return self._capabilities is not None and capability in self._capabilities

    # Sending

    def send(self, command: Command) -> str:
        """Queue a command and return its tag.

        Raises :exc:`LocalProtocolError` when the state forbids it, when it may not be sent now
        (:meth:`may_send`), and for LOGIN where the server has LOGINDISABLED.
        """
        rule = rule_for(command.name, self.state)
        if not self.may_send(command):
            raise LocalProtocolError(f"{command.name} cannot run beside what is in flight")
        if command.name == "LOGIN" and self.can("LOGINDISABLED"):
            raise LocalProtocolError("the server does not allow LOGIN here")
        tag = f"A{self._next_tag}"
        self._next_tag += 1
        begun = False if command.name == "IDLE" else None
        self._in_flight[tag] = _InFlight(command, rule.is_alone, is_idle_begun=begun)
        self._queue(tag, command)
        if self.tap is not None:
            self.tap.spoke(tag, command)
        return tag

    def may_send(self, command: Command) -> bool:
        """Whether a command may travel beside what is in flight; if not, wait and ask again."""
        if not self._in_flight:
            return True
        rule = RULES.get(command.name)
        if rule is None or rule.is_alone or len(self._in_flight) >= _MAX_IN_FLIGHT:
            return False
        return not any(one.is_alone for one in self._in_flight.values())

    def next_output(self) -> bytes | StreamWanted | None:
        """What to write next; ``None`` when the server's turn has come or nothing is queued."""
        if not self._output:
            return None
        match self._output[0]:
            case Octets(_, data):
                self._output.pop(0)
                return self._deflated(data)
            case Streaming(tag, remaining):
                return StreamWanted(tag, remaining)
            case Wait():
                return None

    def literal_octets(self, piece: bytes) -> bytes:
        """What to write for a piece of the wanted stream, which may not be longer than that."""
        head = self._output[0] if self._output else None
        if not isinstance(head, Streaming) or len(piece) > head.remaining:
            raise LocalProtocolError("more octets than the literal announced")
        head.remaining -= len(piece)
        if head.remaining == 0:
            self._output.pop(0)
        return self._deflated(piece)

    def done(self) -> None:
        """End IDLE; only once the server's go-ahead has come. RFC 2177."""
        tag = next(
            (tag for tag, one in self._in_flight.items() if one.command.name == "IDLE"), None
        )
        if tag is None:
            raise LocalProtocolError("IDLE is not running")
        self._output.append(Octets(tag, b"DONE\r\n"))
        if self.tap is not None:
            self.tap.stopped_idling()

    def respond(self, data: bytes | None) -> None:
        """Answer a challenge; ``None`` gives the exchange up. RFC 9051 §6.2.2."""
        tag = self._sasl_tag()
        if tag is None:
            raise LocalProtocolError("no SASL exchange is running")
        line = b"*" if data is None else base64.b64encode(data)
        self._output.append(Octets(tag, line + b"\r\n"))
        if self.tap is not None:
            self.tap.answered(line)

    def _queue(self, tag: str, command: Command) -> None:
        line = f"{tag} {command.name}".encode("ascii")
        for part in command.parts:
            if isinstance(part, bytes):
                if b"\r" in part or b"\n" in part or b"\x00" in part:
                    del self._in_flight[tag]
                    raise LocalProtocolError("a command cannot contain line ends")
                line += part
                continue
            size = part.size if isinstance(part, LiteralStream) else len(part.data)
            waits = not self.needs_no_wait(size)
            line += b"{%d}\r\n" % size if waits else b"{%d+}\r\n" % size
            self._output.append(Octets(tag, line))
            line = b""
            if waits:
                self._output.append(Wait(tag))
            if isinstance(part, Literal):
                line = part.data
            elif size:
                self._output.append(Streaming(tag, size))
        self._output.append(Octets(tag, line + b"\r\n"))

    def needs_no_wait(self, size: int) -> bool:
        if self.can("LITERAL+"):
            return size <= _LITERAL_PLUS_BYTES
        return self.can("LITERAL-") and size <= _LITERAL_MINUS_BYTES

    def _deflated(self, data: bytes) -> bytes:
        return data if self._inflater is None else stored(data)

    def _sasl_tag(self) -> str | None:
        for tag, one in self._in_flight.items():
            if one.command.name == "AUTHENTICATE":
                return tag
        return None

    # Receiving

    def tls_started(self) -> None:
        """Go on after STARTTLS: what is received from here on came through TLS."""
        self._awaits_tls = False

    def receive(self, data: bytes) -> Iterator[Event]:
        """Take in octets and yield what they say, one event at a time.

        Raises :exc:`RemoteProtocolError` when the stream is lost. Events are made as they are
        taken, so a flood is met at the pace of the caller; take all before the next call.
        """
        if self._awaits_tls:
            raise RemoteProtocolError("the server sent cleartext behind its OK to STARTTLS")
        for clear in self._inflater.pieces(data) if self._inflater else (data,):
            self.octets_received += len(clear)
            self._framer.feed(clear)
            for frame in self._framer:
                if self.tap is not None:
                    self.tap.heard(frame)
                try:
                    if len(frame) > LONG_OCTETS:
                        long = Long(frame, is_utf8=self.has_utf8_names)
                        if long.is_costly:
                            yield long  # it may be read elsewhere before we go on
                        response = long.response()
                    else:
                        response = parse_response(frame, is_utf8=self.has_utf8_names)
                except RemoteProtocolError as error:
                    yield self._malformed_response(frame, error)
                else:
                    yield self._event(response)
        if self._carry:
            carry, self._carry = self._carry, b""
            yield from self.receive(carry)

    def _event(self, response: Response) -> Event:
        if self.state is State.GREETING:
            return self._greeting(response)
        if type(response) is Fetched:  # by far the most
            return Told(response)
        match response:
            case Continuation(data):
                return self._continuation(data)
            case Status(tag=None):
                return self._untagged_status(response)
            case Status(tag=str(tag)):
                return self._completion(tag, response)
            case Enabled(capabilities):
                self.enabled |= capabilities
                self.has_utf8_names = names_are_utf8(self.enabled, self.capabilities)
                return Told(response)
            case Capability(capabilities):
                self._learn(capabilities)
                for one in self._in_flight.values():
                    one.told_capabilities = True
                return Told(response)
            case _:
                return Told(response)

    def _greeting(self, response: Response) -> Event:
        match response:
            case Status(tag=None, condition=Condition.OK):
                self.state = State.NOT_AUTHENTICATED
            case Status(tag=None, condition=Condition.PREAUTH):
                self.state = State.AUTHENTICATED
            case Status(tag=None, condition=Condition.BYE):
                self.state = State.LOGOUT
                self.bye = response
            case _:
                raise RemoteProtocolError("the server did not begin with a greeting")
        if isinstance(response.code, CapabilityCode):
            self._learn(response.code.capabilities)
        return Greeted(response)

    def _untagged_status(self, status: Status) -> Event:
        if status.condition is Condition.BYE:
            self.state = State.LOGOUT
            self.bye = status
        elif status.condition is Condition.PREAUTH:
            raise RemoteProtocolError("PREAUTH behind the greeting")
        return Told(status)

    def _continuation(self, data: bytes) -> Event:
        head = self._output[0] if self._output else None
        if isinstance(head, Wait):
            self._output.pop(0)
            return GoAhead(head.tag)
        tag = next(iter(self._in_flight), None)
        if tag is not None and self._in_flight[tag].is_idle_begun is False:
            self._in_flight[tag].is_idle_begun = True
            return GoAhead(tag)
        tag = self._sasl_tag()
        if tag is None or self._output:
            raise RemoteProtocolError("the server asked for more, and nothing was promised")
        try:
            return Challenge(tag, base64.b64decode(data.strip(), validate=True))
        except ValueError:
            # Free text in place of an empty challenge is common where nothing is to be said.
            return Challenge(tag, b"")

    def _completion(self, tag: str, status: Status) -> Event:
        one = self._in_flight.pop(tag, None)
        if one is None:
            raise RemoteProtocolError(f"no command has the tag {tag[:20]!r}")
        self._forget_output(tag)
        name = one.command.name
        self.state = after(name, status.condition, self.state)
        if status.condition is Condition.OK:
            self._layer_changed(name)
            if name in ("LOGIN", "AUTHENTICATE") and not one.told_capabilities:
                self._capabilities = None
        # What was said before TLS began is anybody's word. RFC 9051 §6.2.1
        if isinstance(status.code, CapabilityCode) and name != "STARTTLS":
            self._learn(status.code.capabilities)
        return Completed(tag, one.command, status)

    def _layer_changed(self, name: str) -> None:
        if name == "STARTTLS":
            if self._framer.pending:
                raise RemoteProtocolError("the server sent cleartext behind its OK to STARTTLS")
            self._capabilities = None
            self._awaits_tls = True
        elif name == "COMPRESS":
            self._carry = self._framer.take_rest()
            self._inflater = Inflater()

    def _forget_output(self, tag: str) -> None:
        """Drop what a completed command still wanted to say behind a ``+`` that never came.

        A literal that was announced without waiting, or is half sent, must still go out whole.
        """
        if Wait(tag) not in self._output:
            return
        at = self._output.index(Wait(tag))
        kept = [item for i, item in enumerate(self._output) if i < at or item.tag != tag]
        self._output = kept

    def _learn(self, capabilities: frozenset[str]) -> None:
        self._capabilities = understood(capabilities, allows_rev2=self._allows_rev2)
        self.append_limit = append_limit(capabilities)
        self.has_utf8_names = names_are_utf8(self.enabled, self._capabilities)

    def _malformed_response(self, frame: bytes, error: RemoteProtocolError) -> Malformed:
        self._malformed += 1
        self._malformed_octets += len(frame)
        first = frame.split(b" ", 1)[0].decode("latin-1")
        # Without its completion a command would wait for ever.
        if (
            first in self._in_flight
            or self.state is State.GREETING
            or self._malformed > MAX_MALFORMED
            or self._malformed_octets > _MAX_MALFORMED_OCTETS
        ):
            raise error
        return Malformed(error.message)
