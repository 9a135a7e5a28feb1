"""TLS from the first octet and STARTTLS, a certificate that changes, a real HAProxy in front."""

from __future__ import annotations

import shutil
import smtplib
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.certificate import localhost_contexts
from support.road import Road
from support.scripted_relay import ScriptedRelay
from support.server import free_port
from support.submission import PASSWORD, Line, is_open, plain, submission, switch

pytestmark = pytest.mark.integration

MAIL = b"Subject: x\r\n\r\nx\r\n.\r\n"


def with_certificate(folder: Path) -> tuple[dict[str, str], ssl.SSLContext]:
    folder.mkdir(exist_ok=True)
    _, client = localhost_contexts(folder)
    return {"POSTROAD_SMTP_TLS_CERTIFICATE": str(folder / "localhost.pem")}, client


def test_a_login_after_starttls(tmp_path: Path) -> None:
    """What desktop clients do: EHLO, STARTTLS, EHLO, AUTH, send."""
    env, context = with_certificate(tmp_path / "tls")
    with submission(tmp_path, {"smtpServerTLSRequired": True}, env=env) as (on_road, port):
        on_road.server.ok("POST", "/v1/account", sandbox())
        with smtplib.SMTP("localhost", port) as client:
            client.ehlo()
            assert client.has_extn("starttls")
            assert not client.has_extn("auth")
            assert client.docmd("AUTH", "PLAIN AHUAcA==")[0] == 530
            client.starttls(context=context)
            client.ehlo()
            assert not client.has_extn("starttls")
            client.login("example", PASSWORD)
            assert client.sendmail("a@x.test", ["b@x.test"], MAIL[:-3] * 2000) == {}
        log_has(on_road, '"tls":"TLSv1.3"')


def log_has(on_road: Road, words: str) -> None:
    on_road.server.wait_until(lambda: words in on_road.server.log, 5, f"{words} is logged")


def sandbox() -> dict[str, str]:
    return {"account": "example", "name": "e", "email": "e@sandbox.example", "type": "sandbox"}


def test_cleartext_in_front_of_the_handshake_is_not_taken_for_encrypted(tmp_path: Path) -> None:
    env, context = with_certificate(tmp_path / "tls")
    with submission(tmp_path, env=env) as (_, port):
        with Line(port) as line:
            line.hear()
            line.say(b"EHLO c\r\n")
            assert line.say(b"STARTTLS\r\nNOOP\r\n").startswith("421 ")
        with Line(port) as line:
            line.hear()
            line.say(b"EHLO c\r\n")
            assert line.say(b"STARTTLS\r\n").startswith("220 ")
            line.send(b"NOOP\r\n")  # no handshake: the connection ends
            assert line.is_closed()
        with Line(port) as line:
            line.hear()
            line.say(b"EHLO c\r\n")
            line.say(b"STARTTLS\r\n")
            line.begin_tls(context, "localhost")
            assert line.say(b"NOOP\r\n").startswith("250 ")


def test_tls_from_the_first_octet_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    with submission(tmp_path, {"smtpServerTLSEnabled": True}) as (on_road, port):
        on_road.server.ok("POST", "/v1/account", sandbox())
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP_SSL("localhost", port, context=context) as client:
            client.login("example", PASSWORD)
            client.sendmail("a@x.test", ["b@x.test"], MAIL[:-3])
        switch(on_road, port, smtpServerTLSEnabled=False)
        with Line(port) as line:
            line.log_in(plain("example", PASSWORD))
        key = on_road.server.data / "smtp-self-signed.pem"
        assert key.stat().st_mode & 0o777 == 0o600


def test_a_new_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    env, first = with_certificate(tmp_path / "tls")
    with submission(tmp_path, env=env) as (on_road, port):
        assert can_verify(port, first)
        _, second = with_certificate(tmp_path / "tls")
        on_road.server.wait_until(lambda: can_verify(port, second), 10, "the new one is shown")
        assert not can_verify(port, first)
        (tmp_path / "tls" / "localhost.pem").write_text("half written")
        on_road.server.wait_until(
            lambda: can_verify(port, second) and "cannot be used" in on_road.server.log,
            10,
            "the broken one is told and the last good one stays",
        )


def can_verify(port: int, context: ssl.SSLContext) -> bool:
    with smtplib.SMTP("localhost", port) as client:
        try:
            client.starttls(context=context)
        except ssl.SSLCertVerificationError:
            client.close()
            return False
    return True


# HAProxy, as the founding page describes it.

HAPROXY = """
global
  log /dev/null local0
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen plain
  bind 127.0.0.1:{plain}
  server s 127.0.0.1:{port} send-proxy
listen plain2
  bind 127.0.0.1:{plain2}
  server s 127.0.0.1:{port} send-proxy-v2
listen tls
  bind 127.0.0.1:{tls} ssl crt {certificate}
  server s 127.0.0.1:{port} send-proxy
listen tls2
  bind 127.0.0.1:{tls2} ssl crt {certificate}
  server s 127.0.0.1:{port} send-proxy-v2-ssl
"""


@contextmanager
def haproxy(folder: Path, port: int) -> Iterator[tuple[dict[str, int], ssl.SSLContext]]:
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("needs Debian's haproxy")
    folder.mkdir()
    _, context = localhost_contexts(folder)
    ports = {name: free_port() for name in ("plain", "plain2", "tls", "tls2")}
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, certificate=folder / "localhost.pem", **ports))
    with subprocess.Popen([program, "-db", "-q", "-f", str(config)]) as process:
        deadline = time.monotonic() + 10
        while not is_open(ports["plain"]):
            assert time.monotonic() < deadline and process.poll() is None
        try:
            yield ports, context
        finally:
            process.terminate()


def test_through_a_real_haproxy(tmp_path: Path) -> None:
    with ScriptedRelay() as relay, submission(tmp_path) as (on_road, port):
        on_road.account("example", relay)
        switch(on_road, port, smtpServerProxy=True)
        with haproxy(tmp_path / "haproxy", port) as (ports, context):
            for name in ("plain", "plain2"):
                with smtplib.SMTP("127.0.0.1", ports[name]) as client:
                    client.login("example", PASSWORD)
                    assert client.sendmail("a@x.test", ["b@x.test"], MAIL[:-3]) == {}
            for name in ("tls", "tls2"):
                with smtplib.SMTP_SSL("localhost", ports[name], context=context) as client:
                    client.login("example", PASSWORD)
                    assert client.sendmail("a@x.test", ["b@x.test"], MAIL[:-3]) == {}
        on_road.server.wait_until(lambda: len(relay.messages) == 4, 10, "all four are relayed")
        log_has(on_road, '"proxy":"127.0.0.1"')
        log_has(on_road, '"tls":"proxy"')


def test_a_proxy_tells_who_the_client_is(tmp_path: Path) -> None:
    with ScriptedRelay() as relay, submission(tmp_path) as (on_road, port):
        on_road.account("example", relay)
        switch(on_road, port, smtpServerProxy=True)
        body = {"account": "example", "description": "x", "scopes": ["smtp"]}
        body |= {"restrictions": {"addresses": ["192.0.2.7"]}}  # type: ignore[dict-item]
        token = on_road.server.ok("POST", "/v1/token", body)["token"]
        for address, said in (("192.0.2.7", "235 "), ("192.0.2.8", "535 5.7.8 Unauthorized a")):
            first = f"PROXY TCP4 {address} 127.0.0.1 4711 {port}\r\n".encode()
            with Line(port, first=first) as line:
                line.hear()
                line.say(b"EHLO c\r\n")
                assert line.say(plain("example", token)).startswith(said)
        with Line(port, first=b"EHLO c\r\n") as line:
            assert line.is_closed()
        log_has(on_road, "Expected a PROXY header")


def test_only_known_proxies_are_believed(tmp_path: Path) -> None:
    env = {"POSTROAD_SMTP_PROXY_ADDRESSES": "192.0.2.0/24"}
    with submission(tmp_path, {"smtpServerProxy": True}, env=env) as (on_road, port):
        with Line(port, first=b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n") as line:
            assert line.hear().startswith("220 ")
            assert line.hear().startswith("500 ")
            assert line.say(b"QUIT\r\n").startswith("221 ")
        log_has(on_road, "smtp session ended")
        assert "192.0.2.7" not in on_road.server.log
