"""The server's dialogue, as a transcript of what was sent and what was said."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from postroad.domain.envelope import DsnNotify, DsnReturn
from postroad.protocol.smtp.server import (
    Ended,
    Event,
    Login,
    MailWanted,
    Octets,
    RcptWanted,
    Received,
    Reply,
    ServerSession,
    Spoiled,
    Terms,
    TlsWanted,
)

TERMS = Terms("mx.test", max_octets=1000, max_recipients=3, has_login=False)
WITH_LOGIN = Terms("mx.test", max_octets=1000)
HELLO = b"EHLO c\r\n"
TO_DATA = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n"
QUEUED = Reply(250, "Message queued for delivery as 1 (2021-08-16T12:15:17.408Z)")


class Talk:
    """A session whose events are answered as a friendly server would."""

    def __init__(
        self, terms: Terms = TERMS, *, answer: Callable[[Event], Reply] | None = None
    ) -> None:
        self.session = ServerSession(terms)
        self.answer = answer or _agree
        self.said = b""
        self.events: list[Event] = []
        self.messages: list[tuple[str, tuple[str, ...], bytes]] = []
        self.content = b""

    def send(self, data: bytes) -> bytes:
        """What is said to ``data``."""
        self.session.feed(data)
        while (event := self.session.next_event()) is not None:
            self.events.append(event)
            match event:
                case Octets(piece):
                    self.content += piece
                    continue
                case Spoiled():
                    self.content = b""
                    continue
                case Ended():
                    break
                case Received(mail, rcpts):
                    paths = tuple(rcpt.path for rcpt in rcpts)
                    self.messages.append((mail.path, paths, self.content))
                    self.content = b""
            self.session.answer(self.answer(event))
        said = self.session.take_output()
        self.said += said
        return said

    @property
    def is_ended(self) -> bool:
        return isinstance(self.events[-1], Ended) if self.events else False


def _agree(event: Event) -> Reply:
    match event:
        case Login():
            return Reply(235, "Authentication successful")
        case TlsWanted():
            return Reply(220, "Ready to start TLS")
        case MailWanted() | RcptWanted():
            return Reply(250, "Accepted")
    return QUEUED


def b64(text: bytes) -> bytes:
    return base64.b64encode(text)


def test_a_session_of_the_founding_page() -> None:
    talk = Talk(Terms("host.test", max_octets=1000))
    talk.session.greet()
    assert talk.send(b"") == b"220 host.test ESMTP Postroad MSA\r\n"
    assert talk.send(b"EHLO foo\n").endswith(b"\r\n250 AUTH PLAIN LOGIN\r\n")
    said = talk.send(b"AUTH PLAIN AGV4YW1wbGUAc2FsYWR1cw==\n")
    assert said == b"235 Authentication successful\r\n"
    assert talk.send(b"MAIL FROM:<andris@ethereal.email>\n") == b"250 Accepted\r\n"
    assert talk.send(b"RCPT TO:<andris@example.com>\n") == b"250 Accepted\r\n"
    assert talk.send(b"DATA\n") == b"354 End data with <CR><LF>.<CR><LF>\r\n"
    talk.send(b"From: andris@ethereal.email\r\nSubject: hello world!\r\n\r\nHello!\r\n")
    said = talk.send(b".\r\n")
    assert said == b"250 Message queued for delivery as 1 (2021-08-16T12:15:17.408Z)\r\n"
    assert talk.messages == [
        (
            "andris@ethereal.email",
            ("andris@example.com",),
            b"From: andris@ethereal.email\r\nSubject: hello world!\r\n\r\nHello!\r\n",
        )
    ]
    login = talk.events[0]
    assert isinstance(login, Login)
    assert (login.user, login.password.reveal()) == ("example", "saladus")


def test_ehlo_offers_what_there_is() -> None:
    offered = Talk(Terms("h.test", max_octets=7, has_tls=True)).send(HELLO)
    assert offered.decode().splitlines() == [
        "250-h.test",
        "250-PIPELINING",
        "250-SIZE 7",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-ENHANCEDSTATUSCODES",
        "250-DSN",
        "250-CHUNKING",
        "250-STARTTLS",
        "250 AUTH PLAIN LOGIN",
    ]
    assert b"AUTH" not in Talk().send(HELLO)
    assert b"STARTTLS" not in Talk().send(HELLO)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"MAIL FROM:<a@x.test>\r\n", b"503 5.5.1 "),
        (HELLO + b"RCPT TO:<a@x.test>\r\n", b"503 5.5.1 "),
        (HELLO + b"DATA\r\n", b"503 5.5.1 "),
        (HELLO + b"MAIL FROM:<a@x.test>\r\nDATA\r\n", b"503 5.5.1 "),
        (HELLO + b"MAIL FROM:<a@x.test>\r\nMAIL FROM:<a@x.test>\r\n", b"503 5.5.1 "),
        (HELLO + b"HELLO\r\n", b"500 5.5.1 "),
        (HELLO + b"\r\n", b"500 5.5.1 "),
        (HELLO + b"NO\rOP\r\n", b"500 5.5.2 "),
        (HELLO + b"NOOP \0\r\n", b"500 5.5.2 "),
        (HELLO + b"NOOP " + b"x" * 5000 + b"\r\n", b"500 5.5.2 "),
        (HELLO + b"MAIL FROM:a@x.test\r\n", b"501 5.1.7 "),
        (HELLO + b"MAIL FROM:<a b@x.test>\r\n", b"501 5.1.7 "),
        (HELLO + b"MAIL a@x.test\r\n", b"501 5.5.4 "),
        (HELLO + b"MAIL FROM:<a@x.test> SIZE=1001\r\n", b"552 5.3.4 "),
        (HELLO + b"MAIL FROM:<a@x.test> SIZE=x\r\n", b"501 5.5.4 "),
        (HELLO + b"MAIL FROM:<a@x.test> BODY=BINARYMIME\r\n", b"501 5.5.4 "),
        (HELLO + b"MAIL FROM:<a@x.test> BY=3;R\r\n", b"555 5.5.4 "),
        (HELLO + "MAIL FROM:<ä@x.test>\r\n".encode(), b"553 5.6.7 "),
        (HELLO + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<>\r\n", b"501 5.1.3 "),
        (HELLO + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x> NOTIFY=NEVER,DELAY\r\n", b"501 5.5.4 "),
        (b"EHLO\r\n", b"501 5.5.4 "),
        (HELLO + b"AUTH PLAIN x\r\n", b"502 5.5.1 "),
        (HELLO + b"STARTTLS\r\n", b"502 5.5.1 "),
        (HELLO + b"EXPN all\r\n", b"502 5.5.1 "),
        (HELLO + b"VRFY a\r\n", b"252 2.5.0 "),
        (b"GET / HTTP/1.1\r\n", b"421 4.7.0 "),
    ],
)
def test_what_is_wrong_is_said(lines: bytes, said: bytes) -> None:
    assert Talk().send(lines).splitlines()[-1].startswith(said)


@pytest.mark.parametrize(
    "lines",
    [b"MAIL FROM:<a@x.test>\r\n", b"RCPT TO:<a@x.test>\r\n", b"DATA\r\n"],
)
def test_nothing_goes_before_the_login(lines: bytes) -> None:
    talk = Talk(WITH_LOGIN)
    talk.send(HELLO)
    assert talk.send(lines).startswith(b"530 5.7.0 Authentication required")


def test_nothing_goes_in_the_clear_where_tls_is_needed() -> None:
    talk = Talk(Terms("h.test", max_octets=9, has_tls=True, needs_tls=True))
    assert b"AUTH" not in talk.send(HELLO)
    assert talk.send(b"AUTH LOGIN\r\n").startswith(b"530 5.7.0 ")
    assert talk.send(b"STARTTLS\r\n") == b"220 Ready to start TLS\r\n"
    assert b"AUTH" in talk.send(HELLO)
    assert talk.send(b"MAIL FROM:<>\r\n").startswith(b"530 5.7.0 Authentication")


def test_the_tenth_bad_command_ends_the_session() -> None:
    talk = Talk()
    said = talk.send(b"FOO\r\n" * 12).splitlines()
    assert len(said) == 10
    assert said[-1].startswith(b"421 4.7.0 Too many bad commands")
    assert talk.is_ended


def test_a_line_that_is_too_long_is_read_past_and_one_without_end_ends_the_session() -> None:
    talk = Talk()
    talk.send(b"x" * 50_000)
    assert (
        talk.send(b"x" * 50_000 + b"\r\nNOOP\r\n") == b"500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n"
    )
    said = b"".join(talk.send(b"x" * 65_536) for _ in range(17))
    assert said == b"421 4.7.0 This line has no end\r\n"
    assert talk.is_ended


def test_a_message_that_is_taken_forgives_bad_commands() -> None:
    talk = Talk()
    talk.send(HELLO + b"FOO\r\n" * 9)
    talk.send(TO_DATA + b"x\r\n.\r\n" + b"FOO\r\n" * 9)
    assert not talk.is_ended


@pytest.mark.parametrize(
    ("lines", "user", "password"),
    [
        ([b"AUTH PLAIN " + b64(b"\0u\0p")], "u", "p"),
        ([b"auth plain " + b64(b"u\0u\0p")], "u", "p"),
        ([b"AUTH PLAIN", b64("\0ü\0ß ".encode())], "ü", "ß "),
        ([b"AUTH LOGIN", b64(b"u"), b64(b"p")], "u", "p"),
        ([b"AUTH LOGIN " + b64(b"u"), b64(b"p")], "u", "p"),
        ([b"AUTH LOGIN", b64(b"u"), b"="], "u", ""),
    ],
)
def test_logins_as_clients_say_them(lines: list[bytes], user: str, password: str) -> None:
    talk = Talk(WITH_LOGIN)
    talk.send(HELLO)
    for line in lines:
        talk.send(line + b"\r\n")
    login = talk.events[-1]
    assert isinstance(login, Login)
    assert (login.user, login.password.reveal()) == (user, password)
    assert talk.said.endswith(b"235 Authentication successful\r\n")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"AUTH PLAIN !!!\r\n", b"501 5.5.2 "),
        (b"AUTH PLAIN " + b64(b"u\0p") + b"\r\n", b"501 5.5.2 "),
        (b"AUTH PLAIN " + b64(b"boss\0u\0p") + b"\r\n", b"535 5.7.8 "),
        (b"AUTH LOGIN\r\n*\r\n", b"501 5.7.0 "),
        (b"AUTH CRAM-MD5\r\n", b"504 5.5.4 "),
        (b"AUTH\r\n", b"501 5.5.4 "),
        (b"AUTH PLAIN " + b64(b"\0u\0p") + b"\r\nAUTH PLAIN x\r\n", b"503 5.5.1 "),
        (b"AUTH LOGIN\r\n" + b"A" * 13000 + b"\r\n", b"500 5.5.2 "),
    ],
)
def test_logins_that_cannot_be_read(lines: bytes, said: bytes) -> None:
    talk = Talk(WITH_LOGIN)
    talk.send(HELLO)
    assert talk.send(lines).splitlines()[-1].startswith(said)


def test_the_third_refused_login_ends_the_session() -> None:
    talk = Talk(WITH_LOGIN, answer=lambda _: Reply(535, "Authentication failed", "5.7.8"))
    talk.send(HELLO)
    said = talk.send((b"AUTH PLAIN " + b64(b"\0u\0p") + b"\r\n") * 4).splitlines()
    assert said == [b"535 5.7.8 Authentication failed"] * 3 + [b"421 4.7.0 Too many failed logins"]


def test_an_event_holds_up_what_is_pipelined_behind_it() -> None:
    session = ServerSession(WITH_LOGIN)
    session.feed(HELLO + b"AUTH PLAIN " + b64(b"\0u\0p") + b"\r\nNOOP\r\n")
    assert isinstance(session.next_event(), Login)
    assert session.next_event() is None
    session.take_output()
    session.answer(Reply(235, "Authentication successful"))
    assert session.next_event() is None
    assert session.take_output() == b"235 Authentication successful\r\n250 2.0.0 OK\r\n"


def test_what_is_pipelined_behind_starttls_ends_the_session() -> None:
    talk = Talk(Terms("h.test", max_octets=9, has_tls=True))
    talk.send(HELLO)
    assert talk.send(b"STARTTLS\r\nEHLO injected\r\n").startswith(b"421 ")
    assert talk.is_ended


def test_starttls_forgets_who_the_client_said_it_was() -> None:
    talk = Talk(Terms("h.test", max_octets=9, has_tls=True, has_login=False))
    talk.send(HELLO)
    talk.send(b"STARTTLS\r\n")
    assert talk.send(b"MAIL FROM:<>\r\n").startswith(b"503 5.5.1 Send HELO")
    assert b"STARTTLS" not in talk.send(HELLO)
    assert talk.send(b"STARTTLS\r\n").startswith(b"503 ")


def test_parameters_reach_the_message() -> None:
    talk = Talk()
    talk.send(
        HELLO + b"MAIL FROM: <a@x.test> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=x+2By AUTH=<>\r\n"
        b"RCPT TO:<@relay.test:b@x.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@x.test\r\n"
        b"DATA\r\nx\r\n.\r\n"
    )
    received = talk.events[-1]
    assert isinstance(received, Received)
    assert (received.mail.ret, received.mail.envid, received.mail.size) == (
        DsnReturn.HEADERS,
        "x+y",
        10,
    )
    (rcpt,) = received.rcpts
    assert rcpt.path == "b@x.test"
    assert rcpt.notify == (DsnNotify.SUCCESS, DsnNotify.DELAY)
    assert rcpt.orcpt == "b+c@x.test"


def test_a_recipient_too_many_is_put_off_and_the_others_stay() -> None:
    talk = Talk()
    said = talk.send(HELLO + b"MAIL FROM:<>\r\n" + b"RCPT TO:<b@x.test>\r\n" * 4)
    assert said.splitlines()[-1] == b"452 4.5.3 Too many recipients"
    talk.send(b"DATA\r\nx\r\n.\r\n")
    assert talk.messages == [("", ("b@x.test",) * 3, b"x\r\n")]


def test_rset_and_ehlo_forget_the_transaction() -> None:
    for word in (b"RSET\r\n", HELLO):
        talk = Talk()
        talk.send(HELLO + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n" + word)
        assert talk.send(b"DATA\r\n").startswith(b"503 ")


def test_a_message_beyond_the_limit_is_read_and_refused() -> None:
    talk = Talk()
    said = talk.send(HELLO + TO_DATA + b"x" * 1001 + b"\r\n.\r\nNOOP\r\n").splitlines()
    assert said[-2:] == [b"552 5.3.4 Message exceeds the fixed maximum size", b"250 2.0.0 OK"]
    assert not talk.messages


def test_announced_mail_can_be_put_off() -> None:
    talk = Talk(answer=lambda _: Reply(452, "Insufficient system storage", "4.3.1"))
    said = talk.send(HELLO + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n").splitlines()
    assert said[-2].startswith(b"452 4.3.1 ")
    assert said[-1].startswith(b"503 5.5.1 ")


def test_chunks_make_one_message() -> None:
    talk = Talk()
    talk.send(HELLO + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n")
    said = talk.send(b"BDAT 6\r\nHi:\r\n\rBDAT 7 LAST\r\n\n.\r\n..x")
    assert said.splitlines() == [b"250 2.0.0 6 octets received", QUEUED.encode().rstrip()]
    assert talk.messages[0][2] == b"Hi:\r\n\r\n.\r\n..x\r\n"
    assert talk.send(b"NOOP\r\n") == b"250 2.0.0 OK\r\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"BDAT 4\r\nabcdNOOP\r\n", [b"503", b"250"]),  # nobody to send it to
        (b"MAIL FROM:<a@x.test>\r\nBDAT 4 LAST\r\nabcdNOOP\r\n", [b"250", b"503", b"250"]),
        (TO_DATA[:-6] + b"BDAT 3\r\na\nbBDAT 1 LAST\r\nxNOOP\r\n",
         [b"250", b"250", b"554", b"503", b"250"]),
        (TO_DATA[:-6] + b"BDAT 1001\r\n" + b"x" * 1001 + b"NOOP\r\n",
         [b"250", b"250", b"552", b"250"]),
        (TO_DATA[:-6] + b"BDAT 1\r\nxDATA\r\nRSET\r\nDATA\r\n",
         [b"250", b"250", b"250", b"503", b"250", b"503"]),
        (TO_DATA[:-6] + b"BDAT 0 LAST\r\n", [b"250", b"250", b"250"]),
        (TO_DATA[:-6] + b"BDAT x\r\nNOOP\r\n", [b"250", b"250", b"501"]),
    ],
)  # fmt: skip
def test_chunks_out_of_turn_are_read_past(lines: bytes, said: list[bytes]) -> None:
    talk = Talk()
    talk.send(HELLO)
    assert [line[:3] for line in talk.send(lines).splitlines()] == said


NO = Reply(550, "not to him", "5.1.1")
SOME = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<no@x.test>\r\nRCPT TO:<b@x.test>\r\n"


def _refuse_some(event: Event) -> Reply:
    match event:
        case RcptWanted(rcpt) if rcpt.path.startswith("no"):
            return NO
    return _agree(event)


def test_message_goes_without_the_recipients_that_are_refused() -> None:
    talk = Talk(answer=_refuse_some)
    assert talk.send(HELLO + SOME + b"DATA\r\n").endswith(
        b"250 Accepted\r\n550 5.1.1 not to him\r\n250 Accepted\r\n"
        b"354 End data with <CR><LF>.<CR><LF>\r\n"
    )
    talk.send(b"x\r\n.\r\n")
    assert talk.messages == [("a@x.test", ("b@x.test",), b"x\r\n")]


def test_message_without_any_recipient_left_is_refused() -> None:
    talk = Talk(answer=_refuse_some)
    said = talk.send(HELLO + b"MAIL FROM:<a@x.test>\r\nRCPT TO:<no@x.test>\r\nDATA\r\n")
    assert said.splitlines()[-1].startswith(b"503 5.5.1")
    # A recipient who may be written to, and all is well.
    assert talk.send(b"RCPT TO:<b@x.test>\r\nDATA\r\n").splitlines()[-1].startswith(b"354")


def test_refused_recipients_do_not_count_as_bad_commands_or_as_recipients() -> None:
    talk = Talk(answer=_refuse_some)
    talk.send(HELLO + b"MAIL FROM:<a@x.test>\r\n" + b"RCPT TO:<no@x.test>\r\n" * 50)
    assert talk.session.bad_commands == 0 and not talk.is_ended
    said = talk.send(b"RCPT TO:<b@x.test>\r\n" * 4)
    assert said.splitlines()[:3] == [b"250 Accepted"] * 3
    assert said.splitlines()[3].startswith(b"452 ")
