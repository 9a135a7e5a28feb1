"""Forward-only migrations: numbered files, each applied once, in one transaction, under a lock.

The table ``schema_version`` remembers number and checksum. A database that is newer than the
program, or that was migrated with other files, is refused: running on would damage it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from postroad.domain.errors import ConfigError
from postroad.store.dialect import Migration

CREATE_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_version (
    number     BIGINT NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    checksum   TEXT   NOT NULL,
    applied_at BIGINT NOT NULL
)
"""
LIST_VERSIONS = "SELECT number, checksum FROM schema_version ORDER BY number"


def checksum(migration: Migration) -> str:
    """Of the whole file, both engines' lines, so that it is the same everywhere."""
    return hashlib.sha256(migration.source.encode()).hexdigest()


def pending(
    migrations: Sequence[Migration], applied: Sequence[tuple[int, str]]
) -> Sequence[Migration]:
    """The migrations still to apply, given numbers and checksums of those applied.

    Raises :exc:`ConfigError` when the database is ahead of the program or does not fit it.
    """
    if len(applied) > len(migrations):
        raise ConfigError(
            f"The database has schema {applied[-1][0]}, this program knows {len(migrations)}: "
            "it was used by a newer version; start that one"
        )
    for (number, known), migration in zip(applied, migrations, strict=False):
        if number != migration.number or known != checksum(migration):
            raise ConfigError(
                f"Migration {migration.number} ({migration.name}) was applied to the database in "
                "another form; it belongs to another build of the program"
            )
    return migrations[len(applied) :]
