"""``postroad doctor``: can this machine, with this configuration, do the work?"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
import socket
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import apsw
import click

from postroad.config import Config, unknown_variables
from postroad.domain.errors import PostroadError
from postroad.surfaces.cli.options import configured, store_options
from postroad.surfaces.cli.storeroom import opened

_MIN_FREE_BYTES = 1024**3
_MIN_FILES = 4096
_SLOW_FSYNC_MS = 50.0
_MIN_SQLITE = (3, 51, 3)  # earlier ones can lose a commit when the WAL is reset
_MAX_CLOCK_OFFSET_MS = 2000
_DNS_NAME = "example.com"
_LIMIT_S = 5.0


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to, in words that say what to do."""

    verdict: Verdict
    subject: str
    words: str


@click.command()
@click.option("--host", help="Address that will be listened on.  [env: POSTROAD_HOST]")
@click.option("--port", help="Port that will be listened on.  [env: POSTROAD_PORT]")
@store_options
@click.pass_context
def doctor(
    ctx: click.Context,
    host: str | None,
    port: str | None,
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Check that this machine and configuration can work.

    Takes the options and variables of `postroad serve`. Opening the store brings its schema up to
    date. Exits with 1 when there is a problem; warnings do not count.
    """
    more: dict[str, object] = {}
    if host is not None:
        more["http.host"] = host
    if port is not None:
        more["http.port"] = port
    config = configured(config_file=config_file, data=data, database=database, more=more)
    problems = 0
    for finding in asyncio.run(examine(config)):
        problems += finding.verdict is Verdict.PROBLEM
        click.echo(f"{finding.verdict:<9}{finding.subject:<14}{finding.words}")
    if problems:
        click.echo(f"\n{problems} problem{'s' if problems > 1 else ''} found.", err=True)
        ctx.exit(1)


async def examine(config: Config) -> list[Finding]:
    """All checks, one after the other."""
    findings = [_platform(), _files(), *_environment(), _secret(config)]
    if config.store.database is None:
        findings += _data(config.store.data)
    findings += [finding async for finding in _store(config)]
    findings += [await _names(), await _port(config.http.host, config.http.port)]
    return findings


def _platform() -> Finding:
    lib = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    words = f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}"
    if lib < _MIN_SQLITE:
        needed = ".".join(map(str, _MIN_SQLITE))
        return Finding(Verdict.PROBLEM, "platform", f"{words}; SQLite {needed} is needed")
    return Finding(Verdict.OK, "platform", words)


def _files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    words = f"{soft} files and sockets at once"
    if soft != resource.RLIM_INFINITY and soft < _MIN_FILES:
        return Finding(Verdict.WARNING, "limits", f"{words}; many accounts need more (ulimit -n)")
    return Finding(Verdict.OK, "limits", words)


def _environment() -> Iterator[Finding]:
    for sentence in unknown_variables(os.environ):
        yield Finding(Verdict.WARNING, "environment", sentence)


def _secret(config: Config) -> Finding:
    if config.store.secret is None:
        words = "none is set: passwords are kept in clear text (POSTROAD_SECRET)"
        return Finding(Verdict.WARNING, "secret", words)
    return Finding(Verdict.OK, "secret", "set: passwords are sealed")


def _data(data: Path) -> Iterator[Finding]:
    """The data directory: can be written, is fast and large enough, and its times make sense."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        fsync_ms = _fsync_ms(data)
    except OSError as error:
        yield Finding(Verdict.PROBLEM, "data", f"{data} cannot be written: {error.strerror}")
        return
    is_slow = fsync_ms > _SLOW_FSYNC_MS
    words = f"{data} can be written; reaching the disk takes {fsync_ms:.1f} ms"
    if is_slow:
        words += ", which bounds how fast mail is accepted"
    yield Finding(Verdict.WARNING if is_slow else Verdict.OK, "data", words)
    free = shutil.disk_usage(data).free
    words = f"{free / 1024**3:.1f} GiB free"
    yield Finding(Verdict.WARNING if free < _MIN_FREE_BYTES else Verdict.OK, "disk", words)
    newest = max((path.stat().st_mtime for path in data.iterdir()), default=0.0)
    if newest > time.time() + _MAX_CLOCK_OFFSET_MS / 1000:
        words = f"{data} holds files from the future: this machine's clock is behind"
        yield Finding(Verdict.PROBLEM, "clock", words)


def _fsync_ms(directory: Path) -> float:
    """The median time of five small writes that reach the disk."""
    times = []
    with tempfile.TemporaryFile(dir=directory) as probe:
        for _ in range(5):
            started = time.perf_counter()
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
            times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[2]


async def _store(config: Config) -> AsyncIterator[Finding]:
    name = "SQLite" if config.store.database is None else "PostgreSQL"
    try:
        async with asyncio.timeout(_LIMIT_S * 4), opened(config) as store:
            await store.check_secret()
            offset_ms = store.now() - int(time.time() * 1000)
    except TimeoutError:
        yield Finding(Verdict.PROBLEM, "store", f"{name} does not answer")
        return
    except (PostroadError, OSError) as error:
        yield Finding(Verdict.PROBLEM, "store", f"{name} cannot be opened: {error}")
        return
    yield Finding(Verdict.OK, "store", f"{name} is reached and up to date")
    if abs(offset_ms) > _MAX_CLOCK_OFFSET_MS:
        words = f"this machine and the database differ by {offset_ms / 1000:+.1f} s"
        yield Finding(Verdict.WARNING, "clock", words)


async def _names() -> Finding:
    """Whether host names can be looked up; without that no mail server is found."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_LIMIT_S):
            await asyncio.get_running_loop().getaddrinfo(_DNS_NAME, None)
    except (OSError, TimeoutError):
        words = f"{_DNS_NAME} was not found: mail servers will not be reached by name"
        return Finding(Verdict.WARNING, "names", words)
    took_ms = (time.perf_counter() - started) * 1000
    return Finding(Verdict.OK, "names", f"host names are looked up in {took_ms:.0f} ms")


async def _port(host: str, port: int) -> Finding:
    place = f"{host}:{port}"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, proto, _, address = found[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if await asyncio.to_thread(_is_served, place):
            return Finding(Verdict.OK, "port", f"{place} is served by a running Postroad")
        return Finding(Verdict.PROBLEM, "port", f"{place} cannot be listened on: {error.strerror}")
    return Finding(Verdict.OK, "port", f"{place} is free")


def _is_served(place: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{place}/health", timeout=2.0) as response:
            return bool(response.status == 200)
    except OSError:
        return False
