"""The SQLite files that keep what must survive a restart of a service."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from ..errors import BadInput


def open_database(path: Path, schema: str, *, synchronous: Literal["NORMAL", "FULL"]) -> sqlite3.Connection:
    """The file at ``path``, which nobody but its owner can read, made with ``schema`` where it is new.

    Args:
        path: Where it is.
        schema: SQL that may be run again.
        synchronous: ``FULL`` keeps each transaction even if the machine then loses its power.

    Raises:
        BadInput: It cannot be opened.
    """
    try:
        path.touch(mode=0o600)  # the files that SQLite puts beside it are as it is
        path.chmod(0o600)
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {synchronous}")
        database.executescript(schema)
    except (sqlite3.Error, OSError) as error:
        raise BadInput(f"state: {path} cannot be used ({error}); name a file that this service may write") from None
    return database
