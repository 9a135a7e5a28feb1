"""One client's session as a state machine: octets in, replies and events out. RFC 5321 §4.1.4.

Feed it what arrives, take events until there is none, send what :meth:`ServerSession.take_output`
holds. An event that wants an answer stops everything behind it, pipelined commands included,
until :meth:`ServerSession.answer`. What a session says and hands out does not depend on how the
stream was cut.

A command line may end with LF alone, as people type it; message content never does (see
``data``).
"""

from __future__ import annotations

import binascii
import re
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from postroad.domain.secret import Secret
from postroad.protocol.smtp.server import replies
from postroad.protocol.smtp.server.command import (
    MailFrom,
    RcptTo,
    parse_bdat,
    parse_mail,
    parse_rcpt,
)
from postroad.protocol.smtp.server.data import Chunk, Content
from postroad.protocol.smtp.server.events import (
    Ended,
    Event,
    Login,
    MailWanted,
    Octets,
    RcptWanted,
    Received,
    Spoiled,
    TlsWanted,
)
from postroad.protocol.smtp.server.login import Exchange, begin_login, decode_response
from postroad.protocol.smtp.server.replies import RefusedCommand, Reply, encode_lines
from postroad.protocol.smtp.server.states import State, Terms, refusal_of

MAX_LINE_BYTES = 4096  # RFC 5321 §4.5.3.1.4 says 512; extensions and UTF-8 addresses add to it
MAX_AUTH_BYTES = 12288  # RFC 4954 §4

_HTTP = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|TRACE) \S+ HTTP/\d")


class ServerSession:
    """See the module. ``is_encrypted`` says that TLS came before the first octet."""

    def __init__(self, terms: Terms, *, is_encrypted: bool = False) -> None:
        self._terms = terms
        self.is_encrypted = is_encrypted
        self.is_authenticated = False
        self.helo = ""  # as the client called itself; printable
        self.bad_commands = 0
        self.failed_logins = 0
        self._state = State.START
        self._input = b""
        self._at = 0  # where in _input the next octet stands
        self._output: list[bytes] = []
        self._events: deque[Event] = deque()
        self._pending: Event | None = None  # handed out, and waiting for its answer
        self._ending: Ended | None = None
        self._skipped = 0  # octets of the line under way, which is too long
        self._exchange: Exchange | None = None
        self._mail: MailFrom | None = None
        self._rcpts: list[RcptTo] = []
        self._content: Content | None = None
        self._is_data = False  # inside of DATA
        self._chunk: Chunk | None = None

    @property
    def is_between_messages(self) -> bool:
        """Whether ending the session now would cut no transaction."""
        return self._state in (State.START, State.READY) and self._pending is None

    @property
    def is_receiving(self) -> bool:
        """Whether content of a message is under way."""
        return self._content is not None or self._chunk is not None

    def greet(self) -> None:
        """Say who we are. Contract B-172."""
        self._output.append(f"220 {self._terms.host} ESMTP Postroad MSA\r\n".encode("ascii"))

    def feed(self, data: bytes) -> None:
        self._input = data if self._at == len(self._input) else self._input[self._at :] + data
        self._at = 0

    def take_output(self) -> bytes:
        """What is to be sent, once."""
        output = self._output[0] if len(self._output) == 1 else b"".join(self._output)
        self._output.clear()
        return output

    def next_event(self) -> Event | None:
        """What comes next; ``None`` when more has to arrive, or an answer is owed."""
        while True:
            if self._events:
                event = self._events.popleft()
                if not isinstance(event, (Octets, Spoiled)):
                    self._pending = event
                return event
            if self._pending is not None:
                return None
            if self._ending is not None:
                return self._ending
            if not self._advance():
                return None

    def _advance(self) -> bool:
        """Deal with the next bit of input; false when there is not enough of it."""
        if self._is_data:
            return self._read_data()
        return self._read_line() if self._chunk is None else self._read_chunk(self._chunk)

    def answer(self, reply: Reply) -> None:
        """Answer the event that waits; a success moves the session on."""
        event, self._pending = self._pending, None
        self._say(reply)
        match event:
            case Login() if reply.is_success:
                self.is_authenticated = True
            case Login() if reply.code == 535:
                self.failed_logins += 1
                if self.failed_logins >= self._terms.max_logins:
                    self.end(replies.TOO_MANY_LOGINS, "too many failed logins")
            case TlsWanted() if reply.is_success:
                self.is_encrypted = True  # RFC 3207 §4.2: what was said before counts for nothing
                self._state, self.helo = State.START, ""
            case MailWanted(mail) if reply.is_success:
                self._mail, self._state = mail, State.MAIL
            case RcptWanted(rcpt) if reply.is_success:
                self._rcpts.append(rcpt)
                self._state = State.RCPT
            case Received():
                self._forget_message()
                if reply.is_success:
                    self.bad_commands = 0
        if reply.code == 421 and self._ending is None:
            self._ending = Ended("refused")

    def end(self, reply: Reply | None, why: str) -> None:
        """End the session, whatever it is in the middle of."""
        if reply is not None:
            self._say(reply)
        self._pending, self._ending = None, Ended(why)

    # Lines

    def _read_line(self) -> bool:
        end = self._input.find(b"\n", self._at)
        limit = MAX_LINE_BYTES if self._exchange is None else MAX_AUTH_BYTES
        size = (end if end >= 0 else len(self._input)) - self._at
        if end < 0:
            if size > limit or self._skipped:
                self._skipped, self._at = self._skipped + size, len(self._input)
                if self._skipped > 256 * MAX_LINE_BYTES:
                    self.end(replies.ENDLESS, "endless line")
            return self._ending is not None
        if size > limit or self._skipped:
            self._skipped, self._exchange, self._at = 0, None, end + 1
            self._refuse(replies.TOO_LONG)
            return True
        line = self._input[self._at : end].removesuffix(b"\r")
        self._at = end + 1
        try:
            if self._exchange is not None:
                self._step(self._exchange, decode_response(line))
            else:
                self._obey(line)
        except RefusedCommand as refused:
            self._exchange = None
            self._refuse(refused.reply)
        return True

    def _obey(self, line: bytes) -> None:
        if b"\r" in line or b"\0" in line:
            raise RefusedCommand(replies.BAD_LINE)
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        method = _METHODS.get(verb)
        if (reply := replies.ALWAYS.get(verb)) is not None:
            self._say(reply)
            return
        if method is None:
            if not _HTTP.match(line):
                raise RefusedCommand(replies.UNKNOWN)
            self.end(replies.NOT_HTTP, "HTTP")
            return
        try:
            args = rest.decode("utf-8").strip(" \t")
        except UnicodeDecodeError as error:
            raise RefusedCommand(replies.BAD_SYNTAX) from error
        if (refusal := refusal_of(verb, self._state)) is not None:
            is_next = refusal in (replies.NO_SENDER, replies.NO_RECIPIENT)
            raise RefusedCommand(replies.NEEDS_LOGIN if is_next and self._needs_login else refusal)
        method(self, args)

    def _helo(self, args: str) -> None:
        self._hello(args)
        self._output.append(f"250 {self._terms.host}\r\n".encode("ascii"))

    def _ehlo(self, args: str) -> None:
        self._hello(args)
        offered = self._terms.ehlo_lines(is_encrypted=self.is_encrypted)
        self._output.append(encode_lines(250, offered))

    def _hello(self, args: str) -> None:
        # Anything goes as a name, as everywhere: what clients call themselves is rarely one.
        if not args:
            raise RefusedCommand(replies.BAD_SYNTAX)
        self.helo = "".join(c if " " <= c <= "~" else "?" for c in args[:255])
        self._forget_message()

    def _rset(self, args: str) -> None:
        if self._state is not State.START:
            self._forget_message()
        self._say(replies.FLUSHED)

    def _quit(self, args: str) -> None:
        self.end(replies.BYE, "quit")

    # TLS and login

    def _starttls(self, args: str) -> None:
        if args or not self._terms.has_tls:
            raise RefusedCommand(replies.BAD_SYNTAX if args else replies.NOT_DONE_HERE)
        if self.is_encrypted or self.is_authenticated:
            raise RefusedCommand(replies.HAS_TLS if self.is_encrypted else replies.HAS_LOGIN)
        if self._at < len(self._input):
            # Cleartext that would be read as if it had come encrypted. RFC 3207 §4.2
            self.end(replies.PIPELINED_TLS, "pipelined behind STARTTLS")
            return
        self._events.append(TlsWanted())

    def _auth(self, args: str) -> None:
        if not self._terms.has_login:
            raise RefusedCommand(replies.NOT_DONE_HERE)
        self._require_tls()
        if self.is_authenticated:
            raise RefusedCommand(replies.HAS_LOGIN)
        self._exchange = begin_login(args)
        self._step(self._exchange, None)

    def _step(self, exchange: Exchange, response: bytes | None) -> None:
        try:
            challenge = next(exchange) if response is None else exchange.send(response)
        except StopIteration as done:
            self._exchange = None
            self._events.append(Login(done.value[0], Secret(done.value[1])))
        else:
            self._output.append(b"334 " + binascii.b2a_base64(challenge, newline=False) + b"\r\n")

    @property
    def _needs_login(self) -> bool:
        return self._terms.has_login and not self.is_authenticated

    def _require_tls(self) -> None:
        if self._terms.needs_tls and not self.is_encrypted:
            raise RefusedCommand(replies.NEEDS_TLS)

    # Transactions

    def _mail_from(self, args: str) -> None:
        self._require_tls()
        if self._needs_login:
            raise RefusedCommand(replies.NEEDS_LOGIN)
        self._events.append(MailWanted(parse_mail(args, max_octets=self._terms.max_octets)))

    def _rcpt_to(self, args: str) -> None:
        assert self._mail is not None
        rcpt = parse_rcpt(args, smtputf8=self._mail.smtputf8)
        if len(self._rcpts) >= self._terms.max_recipients:
            # Not a bad command: the client sends the others in another transaction.
            self._say(replies.TOO_MANY_RECIPIENTS)
        else:
            self._events.append(RcptWanted(rcpt))

    def _begin_data(self, args: str) -> None:
        if args:
            raise RefusedCommand(replies.BAD_SYNTAX)
        self._content = Content(self._terms.max_octets, normalises=self._terms.normalises)
        self._is_data = True
        self._say(replies.START_DATA)

    def _read_data(self) -> bool:
        if self._at == len(self._input):
            return False
        content = self._content
        assert content is not None
        rest = content.feed_data(self._input[self._at :] if self._at else self._input)
        self._input, self._at = rest or b"", 0
        if content.is_trap:
            self.end(replies.BARE_END, "CR or LF alone around a dot")
            return True
        self._hand_out(content)
        if rest is not None:
            self._is_data = False
            self._finish(content)
        return True

    def _bdat(self, args: str) -> None:
        try:
            size, is_last = parse_bdat(args)
        except RefusedCommand as refused:
            # Without the size nobody knows where the next command begins.
            self.end(refused.reply, "BDAT without a size")
            return
        refusal = None
        if self._needs_login:
            refusal = replies.NEEDS_LOGIN
        elif self._state not in (State.RCPT, State.CHUNKS):
            refusal = replies.NO_RECIPIENT
        elif self._state is State.RCPT:
            self._state = State.CHUNKS
            self._content = Content(self._terms.max_octets, normalises=self._terms.normalises)
        self._chunk = Chunk(size, size, is_last, refusal)
        if size == 0:
            self._end_chunk(self._chunk)

    def _read_chunk(self, chunk: Chunk) -> bool:
        piece = self._input[self._at : self._at + chunk.left]
        if not piece:
            return False
        self._at += len(piece)
        chunk.left -= len(piece)
        if chunk.refusal is None and self._content is not None:
            self._content.feed_chunk(piece)
            self._hand_out(self._content)
        if chunk.left == 0:
            self._end_chunk(chunk)
        return True

    def _end_chunk(self, chunk: Chunk) -> None:
        self._chunk, content = None, self._content
        if chunk.refusal is not None or content is None:
            self._refuse(chunk.refusal or replies.NO_RECIPIENT)
            return
        if chunk.is_last:
            content.end_chunks()
            self._hand_out(content)
        if chunk.is_last or content.refusal is not None:
            self._finish(content)
        else:
            self._say(Reply(250, f"{chunk.size} octets received", "2.0.0"))

    def _hand_out(self, content: Content) -> None:
        if piece := content.take():
            self._events.append(Octets(piece))

    def _finish(self, content: Content) -> None:
        """The message is complete: hand it out, or refuse it if it may not be."""
        assert self._mail is not None
        self._content = None
        if content.refusal is None:
            self._events.append(Received(self._mail, tuple(self._rcpts)))
            return
        self._refuse(content.refusal)
        self._events.append(Spoiled(content.refusal))
        self._forget_message()

    def _forget_message(self) -> None:
        if self._content is not None:
            self._events.append(Spoiled(replies.FLUSHED))  # RSET or EHLO between two chunks
        self._state = State.READY
        self._mail, self._rcpts, self._content = None, [], None

    # Saying

    def _say(self, reply: Reply) -> None:
        self._output.append(replies.ENCODED.get(reply) or reply.encode())

    def _refuse(self, reply: Reply) -> None:
        self.bad_commands += 1
        if self.bad_commands >= self._terms.max_bad_commands:
            self.end(replies.TOO_MANY_ERRORS, "too many bad commands")
        else:
            self._say(reply)


_METHODS: Mapping[bytes, Callable[[ServerSession, str], None]] = MappingProxyType(
    {
        b"HELO": ServerSession._helo,
        b"EHLO": ServerSession._ehlo,
        b"STARTTLS": ServerSession._starttls,
        b"AUTH": ServerSession._auth,
        b"MAIL": ServerSession._mail_from,
        b"RCPT": ServerSession._rcpt_to,
        b"DATA": ServerSession._begin_data,
        b"BDAT": ServerSession._bdat,
        b"RSET": ServerSession._rset,
        b"QUIT": ServerSession._quit,
    }
)
