"""One SQL text for two engines.

Queries live in ``sql/*.sql``, each under a heading that names it and tells its cardinality::

    -- claim_queued :many

``:one`` returns exactly one row, ``:maybe`` one or none, ``:many`` any number, ``:run`` tells
how many rows it changed, ``:defer`` changes rows and tells nothing (PostgreSQL may send it
later, together with others, but before the commit). ``:part`` is a piece of text that other
queries of the same file put in with ``{name}``. A heading that ends in ``slow`` tells that the
query may read or change more than some dozen rows; it is kept off the event loop.

A line that only one engine knows ends in ``--@sqlite`` or ``--@postgres``; a query without a
line for an engine does nothing there. Parameters are written ``:name`` and become numbered ones
in the order of first use. Lists travel as JSON text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from operator import itemgetter

SqlValue = str | int | bytes | None


class Engine(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Query:
    """A query in one engine's words."""

    name: str
    cardinality: str
    text: str
    is_slow: bool  # may take more than a millisecond
    names: tuple[str, ...]  # of the parameters, in the driver's order
    bind: Callable[[Mapping[str, SqlValue]], tuple[SqlValue, ...]]


@dataclass(frozen=True, slots=True)
class Queries:
    """All queries of one engine by cardinality, so that a wrong use fails on first call."""

    one: Mapping[str, Query]
    maybe: Mapping[str, Query]
    many: Mapping[str, Query]
    run: Mapping[str, Query]
    defer: Mapping[str, Query]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, in one engine's words."""

    number: int  # from 1, without gaps
    name: str
    source: str  # the file as it is, for the checksum
    statements: tuple[str, ...]


_HEADING = re.compile(r"^-- (\w+) :(one|maybe|many|run|defer|part)( slow)?\s*$")
_MARK = re.compile(r"\s*--@(sqlite|postgres)\s*$")
_TEXT_COLUMN = re.compile(r"^(\s+\w+\s+TEXT)\b", re.MULTILINE)
_PARAM = re.compile(r"(?<![:\w]):([a-z]\w*)")
_STATEMENT_END = re.compile(r"(?<=;)\s*\n\s*\n")
_PART = re.compile(r"\{(\w+)\}")


def load_queries(engine: Engine) -> Queries:
    """Read every ``sql/*.sql`` for ``engine``. A name may be used once in all files."""
    found: dict[str, dict[str, Query]] = {
        kind: {} for kind in ("one", "maybe", "many", "run", "defer")
    }
    seen: set[str] = set()
    for file in sorted(resources.files(__package__).joinpath("sql").iterdir(), key=str):
        if not file.name.endswith(".sql"):
            continue
        for query in parse_queries(file.read_text("utf-8"), engine):
            if query.name in seen:
                raise ValueError(f"query {query.name} is written twice")
            seen.add(query.name)
            found[query.cardinality][query.name] = query
    return Queries(**found)


def parse_queries(source: str, engine: Engine) -> list[Query]:
    """Cut one file into its queries. Raises :exc:`ValueError` for text without a heading."""
    parts: dict[str, str] = {}
    queries: list[Query] = []
    for name, cardinality, is_slow, body in _sections(source):
        text = _PART.sub(lambda m: parts[m[1]], _for_engine(body, engine)).strip().removesuffix(";")
        if cardinality == "part":
            parts[name] = text
        else:
            queries.append(_query(name, cardinality, is_slow, text, engine))
    return queries


def load_migrations(engine: Engine) -> list[Migration]:
    """Read ``migrations/NNNN_name.sql`` in order. Raises :exc:`ValueError` on a gap."""
    migrations = []
    folder = resources.files(__package__).joinpath("migrations")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        number, _, name = file.name.removesuffix(".sql").partition("_")
        source = file.read_text("utf-8")
        migrations.append(Migration(int(number), name, source, _statements(source, engine)))
    if [m.number for m in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError("migrations must be numbered from 1 without gaps")
    return migrations


def _sections(source: str) -> list[tuple[str, str, bool, str]]:
    sections: list[tuple[str, str, bool, list[str]]] = []
    for line in source.splitlines():
        if heading := _HEADING.match(line):
            sections.append((heading[1], heading[2], heading[3] is not None, []))
        elif sections:
            sections[-1][3].append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"SQL before the first heading: {line}")
    return [(name, kind, is_slow, "\n".join(lines)) for name, kind, is_slow, lines in sections]


def _for_engine(source: str, engine: Engine) -> str:
    """Drop the other engine's lines, all marks and all comments; empty lines stay."""
    kept = []
    for line in source.splitlines():
        mark = _MARK.search(line)
        if mark and mark[1] != engine:
            continue
        line = line[: mark.start()] if mark else line
        code = line.partition("--")[0].rstrip()
        if code or not line.strip():
            kept.append(code)
    return "\n".join(kept)


def _query(name: str, cardinality: str, is_slow: bool, text: str, engine: Engine) -> Query:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        position = names.index(match[1]) + 1
        return f"?{position}" if engine is Engine.SQLITE else f"${position}"

    text = _PARAM.sub(number, text)
    return Query(name, cardinality, text, is_slow, tuple(names), _binder(names))


def _binder(names: list[str]) -> Callable[[Mapping[str, SqlValue]], tuple[SqlValue, ...]]:
    # itemgetter gives a tuple only for two names or more; it is the fastest way for many.
    if not names:
        return lambda _: ()
    if len(names) == 1:
        only = names[0]
        return lambda params: (params[only],)
    return itemgetter(*names)


def _statements(source: str, engine: Engine) -> tuple[str, ...]:
    """Cut a migration into statements: each ends with a semicolon and an empty line."""
    text = _for_engine(source, engine)
    if engine is Engine.POSTGRES:
        # SQLite compares text bytewise; so must PostgreSQL, whatever the database was made with.
        text = _TEXT_COLUMN.sub(r'\1 COLLATE "C"', text)
    parts = (part.strip().removesuffix(";") for part in _STATEMENT_END.split(text + "\n\n"))
    return tuple(part for part in parts if part)
