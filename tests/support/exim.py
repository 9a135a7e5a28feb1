"""A private Exim on loopback, as a relay that sends bounces back, for tests against a real one.

Debian installs one mail server at a time, and here that is Postfix. So Exim's package is only
unpacked, into a cache folder, and the copy is made to run as ``mail`` instead of a user that only
an installation would make. What it takes it relays to the address given; mail for
``home_domain``, its own bounces above all, it delivers over LMTP.

Needs root, because Exim changes users.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.packages import unpack
from support.server import free_port

MISSING = "needs Debian's exim4-daemon-light (it is downloaded) and root"

# Where Exim's own user can read it too.
_CACHE = Path("/var/cache/postroad-tests/exim4")
_PROGRAM = _CACHE / "usr" / "sbin" / "exim4"
_DEADLINE_S = 20.0
_USER, _OWN_USER = b"mail", b"Debian-exim"

_CONFIG = """\
primary_hostname = relay.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
exim_path = {program}
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
dsn_advertise_hosts = *
host_lookup =
rfc1413_hosts =
never_users =
acl_smtp_rcpt = accept
acl_smtp_data = accept
queue_run_max = 1

begin routers

home:
  driver = manualroute
  domains = {home_domain}
  route_list = * 127.0.0.1
  transport = lmtp
  self = send

elsewhere:
  driver = manualroute
  route_list = * {relay_host}
  transport = smarthost
  self = send

begin transports

lmtp:
  driver = smtp
  protocol = lmtp
  port = {lmtp_port}
  hosts_try_fastopen =

smarthost:
  driver = smtp
  port = {relay_port}
  hosts_try_fastopen =

begin retry

* * F,1h,5m
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """A running relay."""

    folder: Path
    port: int

    @property
    def log(self) -> str:
        path = self.folder / "log" / "mainlog"
        return path.read_text(errors="replace") if path.exists() else ""


def is_possible() -> bool:
    """Whether this machine can run it. Downloads and unpacks it the first time."""
    if os.geteuid() != 0 or shutil.which("dpkg") is None:
        return False
    if not _PROGRAM.exists():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            unpack(["exim4-daemon-light"], _CACHE, _with_our_user)
    return _PROGRAM.exists()


def _with_our_user(root: Path) -> None:
    program = root / _PROGRAM.relative_to(_CACHE)
    octets = program.read_bytes()
    program.write_bytes(octets.replace(_OWN_USER, _USER.ljust(len(_OWN_USER), b"\0")))


@contextmanager
def exim(relay_host: str, relay_port: int, *, home_domain: str, lmtp_port: int) -> Iterator[Exim]:
    """Run one until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exim-")))
        folder.chmod(0o755)
        running = Exim(folder, free_port())
        owner = pwd.getpwnam(_USER.decode())
        for name in ("spool", "log"):
            (folder / name).mkdir()
            os.chown(folder / name, owner.pw_uid, owner.pw_gid)
        config = folder / "exim.conf"
        config.write_text(
            _CONFIG.format(
                folder=folder,
                program=_PROGRAM,
                port=running.port,
                home_domain=home_domain,
                lmtp_port=lmtp_port,
                relay_host=relay_host,
                relay_port=relay_port,
            )
        )
        with (folder / "out").open("wb") as out:
            process = subprocess.Popen(
                [_PROGRAM, "-C", config, "-bdf", "-q30s"],
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        stack.callback(_end, process)
        _await_greeting(running, process)
        yield running


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_DEADLINE_S)


def _await_greeting(running: Exim, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + _DEADLINE_S
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", running.port), 1) as probe:
                if probe.recv(3) == b"220":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    out = (running.folder / "out").read_text(errors="replace")
    raise AssertionError(f"Exim did not come up:\n{out}\n{running.log}")
