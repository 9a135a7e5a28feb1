"""JSON log lines on standard error, one a line, secrets removed.

``log = get_logger(__name__)`` at the top of a module, then constant sentences with fields::

    log.info("relay answered", queue_id=sub.queue_id, code=reply.code)

Each line has ``time`` (UTC), ``level``, ``logger`` and ``message``; ``log.exception(...)`` adds
``exception`` with the traceback. The field name ``event`` is taken by the library: say
``event_name``. Until :func:`configure_logging` is called, warnings and worse are written.

What libraries log through :mod:`logging` (the HTTP server, asyncio's "never retrieved") is
written in the same form, warnings and worse, or everything at level ``debug``.

Writing blocks. Standard error is expected to be a file, a terminal or a supervisor that reads.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger as Logger

from postroad.observe.redaction import redact, redact_text

__all__ = ["LEVELS", "Logger", "configure_logging", "get_logger"]

# Ours first; the others are the names that configurations of similar servers use.
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "trace": logging.DEBUG,
    "warn": logging.WARNING,
    "fatal": logging.CRITICAL,
}


def get_logger(name: str) -> Logger:
    """Return the logger of one module; pass ``__name__``. Cheap enough for import time."""
    # Lazy: it looks at the configuration when it is first used, not here.
    return cast(Logger, structlog.get_logger(logger_name=name.removeprefix("postroad.")))


def configure_logging(level: str) -> None:
    """Write lines of this level and above; ``level`` is a key of :data:`LEVELS`, in any case.

    Raises :exc:`ValueError` for any other word.
    """
    number = LEVELS.get(level.lower())
    if number is None:
        raise ValueError(f"unknown log level {level!r}; known are {', '.join(LEVELS)}")
    _configure(number, is_final=True)
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if isinstance(handler, _Bridge):
            root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(logging.DEBUG if number <= logging.DEBUG else max(number, logging.WARNING))


class _Lines:
    """Writes finished lines to whatever is standard error at that moment."""

    def msg(self, line: bytes) -> None:
        # One write for the whole line, so that lines of several threads do not mix.
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()

    debug = info = warning = error = critical = msg


class _Bridge(logging.Handler):
    """Takes what libraries log and writes it as we do."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            exception = record.exc_info if record.exc_info and record.exc_info[0] else None
            structlog.get_logger(logger_name=record.name).log(
                # The library's own levels between ours would not be known to the bound logger.
                max(10, record.levelno // 10 * 10),
                record.getMessage(),
                **({"exc_info": exception} if exception else {}),
            )
        except Exception:  # noqa: BLE001 - the handler's own contract: never raise into a caller
            self.handleError(record)


def _finish(_logger: object, method: str, fields: MutableMapping[str, Any]) -> bytes:
    """Turn one entry into its line. The order of the members is for people who read raw lines."""
    line: dict[str, object] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": method,
        "logger": fields.pop("logger_name", None),
        "message": redact_text(str(fields.pop("event", ""))),
    }
    for key, value in fields.items():
        line[key] = redact(key, value)
    return msgspec.json.encode(line) + b"\n"


def _configure(number: int, *, is_final: bool) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            _finish,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(),
        # A logger used before the level is known must not keep the default for ever.
        cache_logger_on_first_use=is_final,
    )


_configure(logging.WARNING, is_final=False)
