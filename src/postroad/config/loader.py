"""Builds the configuration: defaults < TOML file < environment < command line.

Every variable may also be given as ``NAME_FILE``, the path of a file whose content is the value;
in the TOML file a secret may be given as ``key_file``. What is wrong is reported under the name
under which it was written, with what was expected there. Secrets are never repeated in a message.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from postroad.config import values
from postroad.config.model import OPTIONS, SECTIONS, Config, Option
from postroad.domain.errors import ConfigError

S = TypeVar("S")

CONFIG_VARIABLE = "POSTROAD_CONFIG"
_ON_COMMAND_LINE = {
    "http.host": "--host",
    "http.port": "--port",
    "store.data": "--data",
    "store.database": "--database",
}
_MAX_SHOWN = 60  # characters of a wrong value that a message repeats


def load(
    environ: Mapping[str, str],
    *,
    overrides: Mapping[str, object] | None = None,
    file: Path | None = None,
) -> Config:
    """Read the configuration. ``overrides`` are command line values by dotted name.

    ``file`` wins over ``POSTROAD_CONFIG``; without both no file is read. An empty variable counts
    as not set. Raises :exc:`ConfigError`.
    """
    if file is None and environ.get(CONFIG_VARIABLE):
        file = Path(environ[CONFIG_VARIABLE]).expanduser()
    from_file = _read_file(file) if file is not None else {}
    given = dict(overrides or {})
    _refuse_unknown(given, "--set")
    parts: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    for option in OPTIONS:
        parts[option.section][option.key] = _pick(option, given, environ, from_file)
    return _build(Config, {name: _build(SECTIONS[name], part) for name, part in parts.items()})


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Sentences about ``POSTROAD_*`` variables that nothing reads, with the likely meaning.

    Not an error: orchestrators put variables of their own under such names.
    """
    known = {name for option in OPTIONS for name in option.variables} | {CONFIG_VARIABLE}
    known |= {f"{name}_FILE" for name in known}
    found = []
    for name in sorted(environ):
        if name.startswith("POSTROAD_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            found.append(f"{name} is not known" + (f"; did you mean {close[0]}?" if close else ""))
    return found


def _pick(
    option: Option,
    given: Mapping[str, object],
    environ: Mapping[str, str],
    from_file: Mapping[str, tuple[str, object]],
) -> object:
    """The value of one option from the strongest source that has it."""
    if option.name in given:
        return _read(
            option, _ON_COMMAND_LINE.get(option.name, f"--set {option.name}"), given[option.name]
        )
    for name in option.variables:
        found = _from_environ(name, environ, is_path=option.read is values.pem)
        if found is not None:
            return _read(option, *found)
    if option.name in from_file:
        return _read(option, *from_file[option.name])
    return option.default


def _from_environ(
    name: str, environ: Mapping[str, str], *, is_path: bool
) -> tuple[str, object] | None:
    """Where a variable gave a value. What is a file by nature (``is_path``) is not read here."""
    value, path = environ.get(name), environ.get(f"{name}_FILE")
    if value and path:
        raise ConfigError(f"{name} and {name}_FILE are both set; keep one of them")
    if value:
        # Kubernetes sets <SERVICE>_PORT=tcp://address:port for every service it knows.
        return None if name.endswith("PORT") and value.startswith("tcp://") else (name, value)
    if not path:
        return None
    return f"{name}_FILE", path if is_path else _content(f"{name}_FILE", Path(path))


def _read(option: Option, source: str, value: object) -> object:
    try:
        return option.read(value)
    except ValueError as error:
        raise ConfigError(f"{source}: expected {error}{_shown(option, value)}") from None


def _shown(option: Option, value: object) -> str:
    if option.is_secret:
        return ""
    words = value if isinstance(value, str) else repr(value)
    return f"; got {words[:_MAX_SHOWN]!r}" + ("..." if len(words) > _MAX_SHOWN else "")


def _content(source: str, path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: cannot read {path}: {_words(error)}") from None


def _words(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"


def _read_file(path: Path) -> dict[str, tuple[str, object]]:
    """Values of the file by dotted name, each with the words that say where it stood."""
    try:
        tables = tomllib.loads(_content("configuration file", path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML: {error}") from None
    found: dict[str, object] = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f"{path}: {section!r} stands alone; expected it in a table such as [http]"
            )
        for key, value in table.items():
            name = f"{section}.{key}"
            if key.endswith("_file") and any(
                option.is_secret and f"{option.name}_file" == name for option in OPTIONS
            ):
                name, value = name.removesuffix("_file"), _content(name, Path(str(value)))
            found[name] = value
    _refuse_unknown(found, str(path))
    return {name: (f"{path}: {name}", value) for name, value in found.items()}


def _refuse_unknown(names: Mapping[str, object], source: str) -> None:
    known = [option.name for option in OPTIONS]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigError(f"{source}: {name} is not known{hint}")


def _build(part: Callable[..., S], members: Mapping[str, object]) -> S:
    return part(**members)
