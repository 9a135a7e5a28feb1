"""A real Dovecot of our own: IMAP in the clear with STARTTLS, IMAP over TLS, and LMTP.

Any user name gets in with the one password. Everything lies in a temporary folder and listens on
random ports of 127.0.0.1. The certificate is made for ``localhost`` and 127.0.0.1; ``ca`` has it
as PEM, for clients that check.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import grp
import imaplib
import ipaddress
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "letmein"
MISSING = "Dovecot is not installed (Debian: dovecot-imapd dovecot-lmtpd)"
_START_S = 15.0

_CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = {protocols}
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = {needs_tls}
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_format = %Lu
first_valid_uid = 1
first_valid_gid = 0
mail_home = {dir}/users/%Lu
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 100
mail_plugins = {mail_plugins}
default_vsz_limit = 512M
{unprivileged}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/users/%Lu
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  {mailboxes}
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
  service_count = 0
  process_limit = 1
}}
# A refused login slows down later ones from the same address; here that would be all tests.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
protocol imap {{
  mail_plugins = {imap_plugins}
  {capability}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
{quota}
"""
_QUOTA = """
plugin {{
  quota = count:User
  {rule}
  quota_grace = 0
  quota_vsizes = yes
}}
"""
_USES = ("Sent", "Drafts", "Trash", "Junk", "Archive")


def find_program() -> str | None:
    """The path of the daemon; ``None`` if it is not installed."""
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


class Dovecot:
    """One server. Use it as a context manager, or :meth:`start` and :meth:`stop` it."""

    host = "127.0.0.1"
    password = PASSWORD

    def __init__(
        self,
        *,
        special_use: bool = True,  # SPECIAL-USE attributes on the usual mailboxes
        compress: bool = True,  # COMPRESS=DEFLATE
        needs_tls: bool = False,  # LOGINDISABLED before TLS
        has_tls: bool = True,  # without it nothing but the plain port answers
        prefix: str = "",  # of the personal namespace, "INBOX."
        capability: str | None = None,  # announce exactly this
        quota: str | None = None,  # "*:storage=10M"; "" has the quota root without a limit
    ) -> None:
        self._special_use = special_use
        self._compress = compress
        self._needs_tls = needs_tls
        self._has_tls = has_tls
        self._prefix = prefix
        self.capability = capability
        self._quota = quota
        self._process: subprocess.Popen[bytes] | None = None
        self.port = self.tls_port = self.lmtp_port = 0
        self.ca = ""
        self._dir = Path()

    def start(self) -> Self:
        """Start and wait until it greets. Raises :exc:`RuntimeError` with its log."""
        program = find_program()
        if program is None:
            raise RuntimeError(MISSING)
        self._dir = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._dir.chmod(0o755)
        (self._dir / "state").mkdir()
        users = self._dir / "users"
        users.mkdir()
        is_root = os.getuid() == 0
        owner = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.getuid())
        os.chown(users, owner.pw_uid, owner.pw_gid)
        self.ca = _make_certificate(self._dir)
        self.port, self.tls_port, self.lmtp_port = _free_ports(3)
        config = self._dir / "dovecot.conf"
        config.write_text(self._config(owner, is_root=is_root))
        with (self._dir / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [program, "-F", "-c", str(config)], stdout=out, stderr=out
            )
        try:
            self._await_greeting()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
        shutil.rmtree(self._dir, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        path = self._dir / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # What tests do beside the program

    def deliver(self, user: str, message: bytes, *, sender: str = "sender@example.test") -> None:
        """Hand a message to the user's INBOX over LMTP; it is there when this returns."""
        with smtplib.LMTP(self.host, self.lmtp_port, timeout=10) as lmtp:
            lmtp.sendmail(sender, [user], message)

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A logged-in client that has nothing in common with ours."""
        imap = imaplib.IMAP4_SSL(self.host, self.tls_port, ssl_context=_trusting(), timeout=10)
        try:
            imap.login(user, self.password)
            yield imap
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                imap.logout()

    def messages(self, user: str, mailbox: str = "INBOX") -> list[tuple[bytes, tuple[str, ...]]]:
        """Every message of a mailbox, octets and flags, in order. ``mailbox`` is a wire name."""
        found: list[tuple[bytes, tuple[str, ...]]] = []
        with self.client(user) as imap:
            status, answer = imap.select(f'"{mailbox}"', readonly=True)
            if status != "OK":
                raise LookupError(f"{mailbox}: {answer!r}")
            _, numbers = imap.search(None, "ALL")
            for number in numbers[0].split():
                _, data = imap.fetch(number.decode(), "(FLAGS BODY.PEEK[])")
                head, octets = next(item for item in data if isinstance(item, tuple))
                rest = b" ".join(item for item in data if isinstance(item, bytes))
                flags = imaplib.ParseFlags(head + b" " + rest)
                kept = tuple(flag.decode() for flag in flags if flag != b"\\Recent")
                found.append((octets, kept))
        return found

    def maildir(self, user: str) -> Path:
        """Where a user's INBOX lies; write into it before the server has opened it."""
        return self._dir / "users" / user / "Maildir"

    def fill(self, user: str, messages: Iterable[tuple[bytes, dt.datetime]]) -> None:
        """Write messages into a mailbox that is not open yet, with the times of their arrival."""
        folder = self.maildir(user)
        for name in ("cur", "new", "tmp"):
            (folder / name).mkdir(parents=True)
        for place, (text, date) in enumerate(messages):
            stamp = int(date.timestamp()) + place
            path = folder / "cur" / f"{stamp}.M{place}P1.test,S={len(text)}:2,S"
            path.write_bytes(text)
            os.utime(path, (stamp, stamp))
        self.give(folder.parent)

    def imap(self, user: str, *, port: int | None = None) -> dict[str, Any]:
        """The member ``imap`` of an account; ``port`` may be that of somebody in between."""
        return {
            "host": self.host,
            "port": port or self.port,
            "secure": False,
            "tls": {"rejectUnauthorized": False},
            "auth": {"user": user, "pass": self.password},
        }

    def give(self, folder: Path) -> None:
        """Make over a folder that a test has written to the user that the server runs as."""
        owner = self._dir / "users"
        shown = owner.stat()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, shown.st_uid, shown.st_gid)

    def create(self, user: str, mailbox: str) -> None:
        """Make a mailbox. ``mailbox`` is a wire name."""
        with self.client(user) as imap:
            status, answer = imap.create(f'"{mailbox}"')
            if status != "OK":
                raise RuntimeError(f"{mailbox}: {answer!r}")

    def _config(self, owner: pwd.struct_passwd, *, is_root: bool) -> str:
        unprivileged = ""
        if not is_root:
            unprivileged = (
                f"default_internal_user = {owner.pw_name}\ndefault_login_user = {owner.pw_name}\n"
                f"default_internal_group = {grp.getgrgid(owner.pw_gid).gr_name}\n"
                "service imap-login {\n  chroot =\n}\nservice anvil {\n  chroot =\n}\n"
                "service stats {\n  chroot =\n}\n"
            )
        plugins = ["zlib"] * self._compress + ["quota"] * (self._quota is not None)
        return _CONFIG.format(
            dir=self._dir,
            protocols="imap lmtp" if _has_lmtp() else "imap",
            ssl="yes" if self._has_tls else "no",
            needs_tls="yes" if self._needs_tls else "no",
            mail_plugins=" ".join(plugins),
            imap_plugins=" ".join([*plugins, *(f"imap_{name}" for name in plugins)]),
            quota=""
            if self._quota is None
            else _QUOTA.format(rule=f"quota_rule = {self._quota}" if self._quota else ""),
            capability=f"imap_capability = {self.capability}" if self.capability else "",
            unprivileged=unprivileged,
            password=self.password,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            separator="." if self._prefix.endswith(".") else "/",
            prefix=self._prefix,
            mailboxes="\n  ".join(
                f"mailbox {use} {{\n    auto = subscribe\n"
                + (f"    special_use = \\{use}\n" if self._special_use else "")
                + "  }"
                for use in _USES
            ),
            port=self.port,
            tls_port=self.tls_port,
            lmtp_port=self.lmtp_port,
        )

    def _await_greeting(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                with socket.create_connection((self.host, self.port), 0.5) as probe:
                    if probe.recv(100).startswith(b"* OK"):
                        return
            time.sleep(0.05)
        out = (self._dir / "out").read_text(errors="replace")
        raise RuntimeError(f"Dovecot did not start:\n{out}\n{self.log}")


def _has_lmtp() -> bool:
    return any((Path(base) / "dovecot" / "lmtp").exists() for base in ("/usr/lib", "/usr/libexec"))


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _make_certificate(folder: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem.decode("ascii")
