from __future__ import annotations

import pytest

from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn
from postroad.domain.errors import LocalProtocolError
from postroad.protocol.smtp.commands import mail_command, rcpt_command
from postroad.protocol.smtp.extensions import Extensions

ALL = Extensions(
    pipelining=True, eight_bit=True, smtputf8=True, dsn=True, size=True, max_bytes=10_000
)
REPORT = DsnRequest(
    ret=DsnReturn.HEADERS,
    envid="QQ+314=159",
    notify=(DsnNotify.SUCCESS, DsnNotify.FAILURE),
    orcpt="Bob+x@Ivory.EDU",
)


def mail(
    offered: Extensions,
    *,
    eight_bit: bool = False,
    smtputf8: bool = False,
    dsn: DsnRequest | None = None,
) -> bytes:
    return mail_command(
        b"a@b.example", offered, octets=1234, eight_bit=eight_bit, smtputf8=smtputf8, dsn=dsn
    )


def test_a_bare_server_gets_bare_commands() -> None:
    assert mail(Extensions(), eight_bit=True, dsn=REPORT) == b"MAIL FROM:<a@b.example>\r\n"
    assert rcpt_command(b"c@d.example", Extensions(), dsn=REPORT) == b"RCPT TO:<c@d.example>\r\n"


def test_each_parameter_is_sent_where_it_is_offered() -> None:
    assert mail(ALL, eight_bit=True, smtputf8=True, dsn=REPORT) == (
        b"MAIL FROM:<a@b.example> SIZE=1234 BODY=8BITMIME SMTPUTF8"
        b" RET=HDRS ENVID=QQ+2B314+3D159\r\n"
    )
    assert rcpt_command(b"c@d.example", ALL, dsn=REPORT) == (
        b"RCPT TO:<c@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bx@Ivory.EDU\r\n"
    )


def test_size_is_told_even_where_no_limit_is() -> None:
    assert mail(Extensions(size=True)) == b"MAIL FROM:<a@b.example> SIZE=1234\r\n"


def test_a_request_without_details_asks_for_no_more() -> None:
    plain = DsnRequest(ret=DsnReturn.FULL)

    assert mail(ALL, dsn=plain) == b"MAIL FROM:<a@b.example> SIZE=1234 RET=FULL\r\n"
    assert rcpt_command(b"c@d.example", ALL, dsn=plain) == b"RCPT TO:<c@d.example>\r\n"


def test_never_stands_alone() -> None:
    dsn = DsnRequest(ret=DsnReturn.FULL, notify=(DsnNotify.DELAY, DsnNotify.NEVER))

    assert rcpt_command(b"c@d.example", ALL, dsn=dsn) == b"RCPT TO:<c@d.example> NOTIFY=NEVER\r\n"


def test_a_recipient_beyond_ascii_needs_no_smtputf8_in_orcpt() -> None:
    dsn = DsnRequest(ret=DsnReturn.FULL, orcpt="jü+ri@exämple.com")

    assert rcpt_command(b"c@d.example", ALL, dsn=dsn) == (
        rb"RCPT TO:<c@d.example> ORCPT=utf-8;j\x{FC}\x{2B}ri@ex\x{E4}mple.com" + b"\r\n"
    )


@pytest.mark.parametrize("envid", ["two\r\nlines", "nul\0", "x" * 101])
def test_an_envelope_id_that_cannot_be_sent_is_refused(envid: str) -> None:
    with pytest.raises(LocalProtocolError, match="envelope id"):
        mail(ALL, dsn=DsnRequest(ret=DsnReturn.FULL, envid=envid))


@pytest.mark.parametrize("orcpt", ["x@y\r\nDATA", "no address", "ü> NOTIFY=NEVER"])
def test_an_original_recipient_that_is_no_address_is_refused(orcpt: str) -> None:
    with pytest.raises(LocalProtocolError):
        rcpt_command(b"c@d.example", ALL, dsn=DsnRequest(ret=DsnReturn.FULL, orcpt=orcpt))
