"""The command line: ``postroad serve | tokens | accounts | settings | migrate | ...``.

Exit codes: 0 done, 1 it could not be done (the last line on standard error says why),
2 the command line or the configuration is wrong, 130 interrupted. Answers go to standard output,
everything else to standard error.

Modules of commands are imported when their command runs, so that help comes at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from postroad.domain.errors import ConfigError, Invalid, PostroadError

# Name, where it is written, what it does. Each module's command is found by the name after ":".
COMMANDS: Final = (
    ("serve", "serve:serve", "Run the server."),
    ("demo", "demo:demo", "See the whole road: three sends in a sandbox, with their webhooks."),
    ("tokens", "tokens:tokens", "Issue, list and revoke access tokens."),
    ("accounts", "accounts:accounts", "List, show, add and delete mail accounts."),
    ("settings", "settings:settings", "Read and change settings."),
    ("suppress", "suppress:suppress", "List, explain, add and remove suppressed addresses."),
    ("trace", "trace:trace", "Say what became of a message, and what came back of it."),
    ("bounce", "bounce:bounce", "Say what raw mails report: bounces, complaints, auto-replies."),
    ("migrate", "upkeep:migrate", "Bring the store's schema up to date."),
    ("encrypt", "upkeep:encrypt", "Seal all secrets with the configured secret."),
    ("doctor", "doctor:doctor", "Check that this machine and configuration can work."),
    ("version", "upkeep:version", "Print the version."),
)


class Failed(click.ClickException):
    """It could not be done, and the message says why."""


class Misconfigured(click.ClickException):
    """The configuration cannot work."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands are imported on use, and the edge where errors become words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for name, place, _ in COMMANDS:
            if name == cmd_name:
                module, _, attribute = place.partition(":")
                found = getattr(import_module(f"{__name__}.{module}"), attribute)
                return found if isinstance(found, click.Command) else None
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, _, sentence in COMMANDS])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ExceptionGroup as group:
            # A task of the server failed; the first reason is the one to tell.
            known, unknown = group.split((PostroadError, OSError))
            if known is None or unknown is not None:
                raise
            raise _told(_first(known)) from group
        except (PostroadError, OSError) as error:
            raise _told(error) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Postroad turns a mail account into a mail platform, over HTTP.

    Every option can also be set by an environment variable or in a TOML file (--config); the
    command line wins over the environment, the environment over the file.
    """


def main() -> None:
    """The entry point of the installed program."""
    try:
        cli(prog_name="postroad")
    except Exception as error:  # noqa: BLE001 - the edge of the process: nobody else will tell
        from postroad.observe import get_logger

        get_logger(__name__).error("stopped by an unforeseen error", exc_info=error)
        raise SystemExit(1) from None


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _told(error: BaseException) -> click.ClickException:
    """What the user is told, and with it the exit code."""
    match error:
        case ConfigError():
            return Misconfigured(error.message)
        case PostroadError():
            return Failed(_words(error))
        case OSError() if error.filename:
            return Failed(f"{error.filename}: {error.strerror}")
        case _:
            return Failed(str(error))


def _words(error: PostroadError) -> str:
    """The error for people; every problem of a wrong input on a line of its own."""
    if isinstance(error, Invalid) and error.fields:
        return "\n".join(problem.message for problem in error.fields)
    return error.message
