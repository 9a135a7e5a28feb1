from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn, Envelope
from postroad.domain.errors import LocalProtocolError
from postroad.protocol.smtp import Extensions, RelayFailure, plan_transaction
from postroad.protocol.smtp.paths import encode_path

NASTY = st.text(st.sampled_from('ab@.<>"\\\r\n\0\t ü\u2028[]:;,=+-') | st.characters(), max_size=30)
ALL = Extensions(pipelining=True, eight_bit=True, smtputf8=True, dsn=True, size=True)


@given(NASTY)
def test_a_path_never_leaves_its_brackets(address: str) -> None:
    try:
        path = encode_path(address)
    except LocalProtocolError:
        return
    outside = b"".join(path.split(b'"')[0::2])

    assert not set(path) & set(b"\r\n\0\x7f")
    assert not set(outside) & set(b"<> \t")


@given(NASTY, NASTY, NASTY, NASTY)
def test_a_plan_says_no_more_than_its_commands(
    sender: str, recipient: str, envid: str, orcpt: str
) -> None:
    dsn = DsnRequest(DsnReturn.FULL, envid or None, (DsnNotify.DELAY,), orcpt or None)
    try:
        plan = plan_transaction(Envelope(sender, (recipient,)), ALL, octets=1, dsn=dsn)
    except RelayFailure:
        return
    for command in (plan.mail, plan.rcpts[0][1]):
        assert command.endswith(b"\r\n")
        assert not set(command[:-2]) & set(b"\r\n\0")
