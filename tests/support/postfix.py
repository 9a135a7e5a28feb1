"""A private Postfix on loopback, in a folder of its own, for tests against a real relay.

It takes mail on three ports: ``port`` asks for nothing, ``submission_port`` wants STARTTLS and a
login, ``smtps_port`` the same with TLS from the first octet. What it takes it relays to the
address given. ``reject@...`` and ``later@...`` are refused, for good and for now. Passwords are
checked by a Dovecot that does nothing else.

Needs root, because Postfix's master does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.certificate import localhost_contexts

MISSING = "needs Debian's postfix and dovecot-core, and root to run them"
USER, PASSWORD = "tim@sender.example", "tänst=aaf"
MAX_BYTES = 3_000_000

_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin"
_DEADLINE_S = 20.0

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [{relay_host}]:{relay_port}
smtp_dns_support_level = disabled
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/access,
  permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_tls_chain_files = {folder}/localhost.pem
smtpd_tls_security_level = {tls_level}
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
message_size_limit = {max_bytes}
minimal_backoff_time = 5s
queue_run_delay = 5s
alias_maps =
alias_database =
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{submission_port} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{smtps_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_DOVECOT = """\
protocols =
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
# Failed logins must not slow down the tests that come after.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running relay."""

    folder: Path
    port: int  # no questions asked; STARTTLS offered if the relay was started with it
    submission_port: int
    smtps_port: int
    ca: str  # PEM of the certificate, which says ``localhost``

    @property
    def log(self) -> str:
        return (self.folder / "maillog").read_text(errors="replace")


def is_possible() -> bool:
    """Whether this machine can run it."""
    programs = ("postfix", "dovecot")
    return os.geteuid() == 0 and all(shutil.which(name, path=_PATH) for name in programs)


@contextmanager
def postfix(
    relay_host: str,
    relay_port: int,
    *,
    offers_tls: bool = False,
    home: tuple[str, int] | None = None,
) -> Iterator[Postfix]:
    """Run one that relays to ``relay_host``; ``port`` offers STARTTLS if ``offers_tls``.

    ``home`` is a domain whose mail, bounces above all, goes to an LMTP port of loopback instead.
    """
    with ExitStack() as stack:
        # Not pytest's own folder: Postfix's unprivileged daemons have to reach it.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postfix-")))
        folder.chmod(0o755)
        port, submission_port, smtps_port = _free_ports(3)
        localhost_contexts(folder)
        pem = (folder / "localhost.pem").read_text()
        running = Postfix(
            folder=folder,
            port=port,
            submission_port=submission_port,
            smtps_port=smtps_port,
            ca=pem[pem.index("-----BEGIN CERTIFICATE") :],
        )
        _configure(running, relay_host, relay_port, offers_tls)
        if home is not None:
            _deliver_home(folder, *home)
        stack.enter_context(_dovecot(folder))
        _postfix(folder, "start")
        stack.callback(_postfix, folder, "stop")
        _await_greeting(port)
        _await_greeting(submission_port)
        yield running


def _configure(running: Postfix, relay_host: str, relay_port: int, offers_tls: bool) -> None:
    folder = running.folder
    etc = folder / "etc"
    shutil.copytree("/etc/postfix", etc)
    (etc / "main.cf").write_text(
        _MAIN.format(
            folder=folder,
            relay_host=relay_host,
            relay_port=relay_port,
            max_bytes=MAX_BYTES,
            tls_level="may" if offers_tls else "none",
        )
    )
    (etc / "master.cf").write_text(
        _MASTER.format(
            port=running.port,
            submission_port=running.submission_port,
            smtps_port=running.smtps_port,
        )
    )
    (folder / "access").write_text("reject@ 550 5.1.1 no such user\nlater@ 450 4.2.0 try later\n")
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    (folder / "spool").mkdir()
    (folder / "data").mkdir()
    shutil.chown(folder / "data", "postfix")


def _deliver_home(folder: Path, domain: str, lmtp_port: int) -> None:
    with (folder / "etc" / "main.cf").open("a") as config:
        config.write(f"transport_maps = inline:{{{{{domain}=lmtp:inet:127.0.0.1:{lmtp_port}}}}}\n")


@contextmanager
def _dovecot(folder: Path) -> Iterator[None]:
    (folder / "dovecot").mkdir()
    (folder / "dovecot.conf").write_text(_DOVECOT.format(folder=folder))
    program = shutil.which("dovecot", path=_PATH)
    assert program is not None
    process = subprocess.Popen([program, "-F", "-c", folder / "dovecot.conf"])
    try:
        _await((folder / "auth").exists, "Dovecot's auth socket")
        yield
    finally:
        process.terminate()
        process.wait(_DEADLINE_S)


def _postfix(folder: Path, command: str) -> None:
    program = shutil.which("postfix", path=_PATH)
    assert program is not None
    done = subprocess.run(
        [program, "-c", folder / "etc", command],
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _await_greeting(port: int) -> None:
    def greets() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                return probe.recv(3) == b"220"
        except OSError:
            return False

    _await(greets, f"Postfix on port {port}")


def _await(is_ready: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + _DEADLINE_S
    while not is_ready():
        assert time.monotonic() < give_up_at, f"{what} did not come up"
        time.sleep(0.05)
