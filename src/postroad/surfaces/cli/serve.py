"""``postroad serve``: the server itself."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

import click

from postroad.config import unknown_variables
from postroad.domain.errors import ConfigError, Invalid
from postroad.observe.logging import configure_logging, get_logger
from postroad.surfaces.cli.options import configured, store_options

_FILES = 65_536  # sockets and files at once


@click.command()
@click.option("--host", help="Address to listen on.  [env: POSTROAD_HOST; default: 127.0.0.1]")
@click.option(
    "--port", help="Port to listen on; 0 takes a free one.  [env: POSTROAD_PORT; default: 3000]"
)
@click.option(
    "--set",
    "assignments",
    metavar="SECTION.KEY=VALUE",
    multiple=True,
    help="Any other option of the configuration file; can be repeated.",
)
@store_options
def serve(
    host: str | None,
    port: str | None,
    assignments: tuple[str, ...],
    data: str | None,
    database: str | None,
    config_file: Path | None,
) -> None:
    """Run the server.

    It brings the store's schema up to date, and works until it is told to stop: by SIGTERM or
    Ctrl-C. Then what is being relayed gets a moment to finish.
    """
    more = dict(_assignment(text) for text in assignments)
    if host is not None:
        more["http.host"] = host
    if port is not None:
        more["http.port"] = port
    config = configured(config_file=config_file, data=data, database=database, more=more)
    configure_logging(config.log.level)
    for sentence in unknown_variables(os.environ):
        get_logger(__name__).warning("unknown environment variable", hint=sentence)
    from postroad.app import serve as run

    _allow_many_files()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            runner.run(run(config))
        except Invalid as error:
            # Only the settings that are applied at start can be wrong in this way.
            words = "; ".join(problem.message for problem in error.fields) or error.message
            raise ConfigError(f"start.settings (POSTROAD_SETTINGS): {words}") from error


def _allow_many_files() -> None:
    """Take the sockets that the system would grant anyway; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _assignment(text: str) -> tuple[str, object]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(f"--set: expected SECTION.KEY=VALUE; got {text!r}")
    return name.strip(), value


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.Loop
