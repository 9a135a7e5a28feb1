from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from postroad.domain.secret import Secret
from postroad.transport.certificate import CHECK_S, Certificate, make_self_signed
from postroad.transport.tls import TlsLayer
from support.certificate import localhost_contexts


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def serving(file: Path, clock: Clock) -> Certificate:
    return Certificate(file, None, min_version="TLSv1.2", monotonic=clock)


def can_verify(server: ssl.SSLContext | None, client: ssl.SSLContext) -> bool:
    """Whether the client believes what the server shows, over a handshake in memory."""
    assert server is not None
    here, there = TlsLayer(client, "localhost"), TlsLayer(server, None)
    try:
        for _ in range(4):
            here.handshake()
            there.feed(here.take_output())
            there.handshake()
            here.feed(there.take_output())
        return here.handshake() and there.handshake()
    except ssl.SSLError:
        return False


def test_a_renewed_certificate_is_read_again(tmp_path: Path, clock: Clock) -> None:
    _, first = localhost_contexts(tmp_path)
    certificate = serving(tmp_path / "localhost.pem", clock)
    assert can_verify(certificate.context(), first)
    _, second = localhost_contexts(tmp_path)
    assert can_verify(certificate.context(), first)  # the files are not looked at all the time
    clock.now += CHECK_S
    assert can_verify(certificate.context(), second)
    assert not can_verify(certificate.context(), first)


def test_certificate_and_key_may_come_as_text(tmp_path: Path, clock: Clock) -> None:
    _, client = localhost_contexts(tmp_path)
    whole = (tmp_path / "localhost.pem").read_text()
    (tmp_path / "localhost.pem").unlink()
    certificate = Certificate(
        Secret(whole),
        Secret(whole),
        min_version="TLSv1.2",
        ciphers="ECDHE+AESGCM",
        monotonic=clock,
    )
    assert can_verify(certificate.context(), client)
    shown = certificate.context()
    assert shown is not None
    assert {item["name"] for item in shown.get_ciphers() if item["protocol"] == "TLSv1.2"} <= {
        f"ECDHE-{key}-AES{size}-GCM-SHA{digest}"
        for key in ("RSA", "ECDSA")
        for size, digest in ((128, 256), (256, 384))
    }


def test_text_that_is_no_certificate_serves_nobody(clock: Clock) -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    certificate = Certificate(Secret(text), None, min_version="TLSv1.2", monotonic=clock)
    assert certificate.context() is None


def test_a_broken_file_leaves_the_last_good_certificate(tmp_path: Path, clock: Clock) -> None:
    _, client = localhost_contexts(tmp_path)
    file = tmp_path / "localhost.pem"
    certificate = serving(file, clock)
    good = certificate.context()
    for content in ("half", None):
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        clock.now += CHECK_S
        assert certificate.context() is good
    assert can_verify(good, client)


def test_without_a_usable_file_there_is_no_context(tmp_path: Path, clock: Clock) -> None:
    assert serving(tmp_path / "none.pem", clock).context() is None


def test_a_certificate_of_our_own_is_made_once_and_is_private(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "new" / "own.pem"
    make_self_signed(file, "localhost")
    octets = file.read_bytes()
    make_self_signed(file, "localhost")
    assert file.read_bytes() == octets
    assert file.stat().st_mode & 0o777 == 0o600
    assert can_verify(serving(file, clock).context(), ssl.create_default_context(cafile=str(file)))
