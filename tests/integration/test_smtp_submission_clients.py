"""The programs that people send mail with, as they come."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificate import localhost_contexts
from support.road import Road
from support.sink import Sink
from support.submission import PASSWORD, submission, switch

pytestmark = pytest.mark.integration

BODY = "From: a@example.com\nTo: b@example.net\nSubject: from a client\n\nHello!\n.dot\n"


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Road, int, Sink, Path]]:
    folder = tmp_path_factory.mktemp("clients")
    localhost_contexts(folder)
    env = {"POSTROAD_SMTP_TLS_CERTIFICATE": str(folder / "localhost.pem")}
    with Sink() as sink, submission(folder, env=env) as (on_road, port):
        on_road.account("example", sink)
        yield on_road, port, sink, folder / "localhost.pem"


def program(name: str, package: str = "") -> str:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:" + os.environ["PATH"])
    if path is None:
        pytest.skip(f"needs Debian's {package or name}")
    return path


def arrives(smtp: tuple[Road, int, Sink, Path], *command: str, stdin: str = BODY) -> bytes:
    """Run a client that sends one message; what the relay got."""
    before = len(smtp[2].mails)
    done = subprocess.run(
        command, input=stdin.encode(), capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    smtp[0].server.wait_until(lambda: len(smtp[2].mails) > before, 20, "it is relayed")
    return smtp[2].mails[-1]


@pytest.mark.parametrize("url", ["smtp://localhost", "smtps://localhost"])
def test_curl(smtp: tuple[Road, int, Sink, Path], url: str) -> None:
    switch(smtp[0], smtp[1], smtpServerTLSEnabled=url.startswith("smtps"))
    try:
        mail = arrives(
            smtp, program("curl"), "-sS", "--crlf", "--url", f"{url}:{smtp[1]}", "--ssl-reqd",
            "--cacert", str(smtp[3]), "--user", f"example:{PASSWORD}", "--mail-from",
            "a@example.com", "--mail-rcpt", "b@example.net", "--upload-file", "-",
        )  # fmt: skip
    finally:
        switch(smtp[0], smtp[1], smtpServerTLSEnabled=False)
    assert mail.endswith(b"\r\n\r\nHello!\r\n.dot\r\n")


@pytest.mark.parametrize("login", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", [[], ["--tls"]])
def test_swaks(smtp: tuple[Road, int, Sink, Path], login: str, tls: list[str]) -> None:
    mail = arrives(
        smtp, program("swaks"), "--server", "127.0.0.1", "--port", str(smtp[1]), "--auth", login,
        "--auth-user", "example", "--auth-password", PASSWORD, "--from", "a@example.com", "--to",
        "b@example.net", "--body", "Hello!", *tls,
    )  # fmt: skip
    assert b"Hello!" in mail


def test_swaks_pipelining_a_proxy_header(smtp: tuple[Road, int, Sink, Path]) -> None:
    switch(smtp[0], smtp[1], smtpServerProxy=True)
    try:
        mail = arrives(
            smtp, program("swaks"), "--server", "127.0.0.1", "--port", str(smtp[1]), "--auth",
            "PLAIN", "--auth-user", "example", "--auth-password", PASSWORD, "--from",
            "a@example.com", "--to", "b@example.net,c@example.net", "--pipeline",
            "--proxy-version", "1", "--proxy-family", "TCP4", "--proxy-source", "192.0.2.7",
            "--proxy-source-port", "1", "--proxy-dest", "127.0.0.1", "--proxy-dest-port", "25",
        )  # fmt: skip
    finally:
        switch(smtp[0], smtp[1], smtpServerProxy=False)
    assert b"test" in mail
    assert smtp[2].recipients[-1] == ["b@example.net", "c@example.net"]


@pytest.mark.parametrize("tls", ["on", "off"])
def test_msmtp(smtp: tuple[Road, int, Sink, Path], tls: str) -> None:
    mail = arrives(
        smtp, program("msmtp"), "--file=/dev/null", "--host=localhost", f"--port={smtp[1]}",
        "--auth=plain", "--user=example", f"--passwordeval=echo {PASSWORD}", f"--tls={tls}",
        "--tls-starttls=on", f"--tls-trust-file={smtp[3]}", "--from=a@example.com",
        "b@example.net",
    )  # fmt: skip
    assert mail.endswith(b"\r\n\r\nHello!\r\n.dot\r\n")


def test_smtp_source_of_postfix(smtp: tuple[Road, int, Sink, Path]) -> None:
    """It can neither log in nor add a header: its messages are read whole, and put off."""
    switch(smtp[0], smtp[1], smtpServerAuthEnabled=False)
    try:
        done = subprocess.run(
            [program("smtp-source", "postfix"), "-s", "2", "-m", "4", "-l", "300000",
             "-f", "a@example.com", "-t", "b@example.net", f"127.0.0.1:{smtp[1]}"],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        switch(smtp[0], smtp[1], smtpServerAuthEnabled=True)
    assert b"451 4.3.0 The header X-EE-Account is missing" in done.stdout + done.stderr


NODE = """
const nodemailer = require('/usr/share/nodejs/nodemailer');
const [port, pass] = process.argv.slice(1);
const transport = nodemailer.createTransport({
  host: '127.0.0.1', port: Number(port), pool: true, ignoreTLS: true,
  auth: {user: 'example', pass}});
transport.sendMail({from: 'a@example.com', to: 'b@example.net', subject: 'nodemailer',
  text: 'Grüße', attachments: [{filename: 'x.bin', content: Buffer.alloc(400000, 7)}],
  dsn: {id: 'x', return: 'headers', notify: 'failure'}})
  .then(info => { console.log(info.response); transport.close(); });
"""

PHP = """<?php
require '/usr/share/php/libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->isSMTP();
$mail->Host = 'localhost';
$mail->Port = (int)$argv[1];
$mail->SMTPAuth = true;
$mail->Username = 'example';
$mail->Password = $argv[2];
$mail->SMTPSecure = 'tls';
$mail->SMTPOptions = ['ssl' => ['cafile' => $argv[3]]];
$mail->CharSet = 'utf-8';
$mail->setFrom('a@example.com');
$mail->addAddress('b@example.net');
$mail->addBCC('c@example.net');
$mail->addCustomHeader('X-EE-Delivery-Attempts', '3');
$mail->Subject = 'Grüße';
$mail->Body = str_repeat("Grüße\\n.\\n", 1000);
$mail->send();
"""


def test_nodemailer(smtp: tuple[Road, int, Sink, Path]) -> None:
    if not Path("/usr/share/nodejs/nodemailer").exists():
        pytest.skip("needs Debian's node-nodemailer")
    mail = arrives(smtp, program("node", "nodejs"), "-e", NODE, "--", str(smtp[1]), PASSWORD)
    assert len(mail) > 400_000 * 4 / 3


def test_phpmailer(smtp: tuple[Road, int, Sink, Path], tmp_path: Path) -> None:
    if not Path("/usr/share/php/libphp-phpmailer").exists():
        pytest.skip("needs Debian's libphp-phpmailer")
    script = tmp_path / "send.php"
    script.write_text(PHP)
    php = program("php", "php-cli")
    mail = arrives(smtp, php, str(script), str(smtp[1]), PASSWORD, str(smtp[3]))
    assert smtp[2].recipients[-1] == ["b@example.net", "c@example.net"]
    assert b"X-EE" not in mail and b"c@example.net" not in mail
