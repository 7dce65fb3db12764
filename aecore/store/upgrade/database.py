"""The database of version 1 as one of version 2: who wants which runs, whose runs are whose, and what they are called.

It is made beside the old one from a copy of it and put in place whole; the old one goes after that. What processes
noted of themselves is left out: none of them runs while a folder is upgraded.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aecore import disk, system
from aecore.errors import UserError
from aecore.store import database
from aecore.store.upgrade import documents, tables

_JOURNALS = ("-journal", "-wal", "-shm")


def running_process(runs_dir: Path) -> int | None:
    """The id of a process of format 1 that uses the folder at this moment."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(runs_dir / tables.DATABASE)) as old:
        rows = old.execute("SELECT pid, born FROM processes").fetchall()
        rows += old.execute("SELECT pid, born FROM jobs WHERE state = 'running'").fetchall()
        return next((pid for pid, born in rows if pid != os.getpid() and system.is_alive(pid, born)), None)
    return None


def run_configs(runs_dir: Path) -> dict[str, dict[str, Any]]:
    """The settings of the runs that wait, by id."""
    configs: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(runs_dir / tables.DATABASE)) as old:
        for run, text in old.execute("SELECT run, config FROM jobs"):
            with contextlib.suppress(ValueError):
                configs[run] = json.loads(text)
    return configs


def upgrade(runs_dir: Path, work_dir: Path, ids: Mapping[str, str]) -> bool:
    """Makes the database of version 2; whether there was one of version 1. UserError when it cannot be read."""
    source, target = runs_dir / tables.DATABASE, runs_dir / database.FILE_NAME
    if not source.is_file() or source.is_symlink():
        return False
    if not target.exists():
        made = work_dir / database.FILE_NAME
        disk.remove(made)
        try:
            with contextlib.closing(_open(source)) as old, contextlib.closing(sqlite3.connect(made)) as new:
                _copy(old, new, ids)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            disk.remove(made)
            raise UserError(
                f"The database {source} cannot be read ({error}): move it away, and upgrade again; the runs themselves "
                "are kept."
            ) from None
        os.replace(made, target)
    for suffix in ("", *_JOURNALS):
        disk.remove(Path(f"{source}{suffix}"))
    return True


def _open(file: Path) -> sqlite3.Connection:
    """A connection to a database that is there; reading may finish what a killed process left in its journal."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, ids: Mapping[str, str]) -> None:
    new.executescript(database.TABLES_SQL)
    new.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION}")
    for table, (name, columns) in tables.DATABASE_TABLES.items():
        marks = ", ".join("?" * len(columns))
        for row in old.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall():
            values = _row(dict(zip(columns, row, strict=True)), ids)
            new.execute(
                f"INSERT OR REPLACE INTO {name} ({', '.join(columns.values())}) VALUES ({marks})", list(values.values())
            )
    new.commit()


def _row(values: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """A row with the ids of runs, and with settings, users and environment under their new names."""
    old, new = tables.ANONYMOUS
    for column in ("person", "owner"):
        if values.get(column) == old:
            values[column] = new
    values["run"] = ids.get(values["run"], values["run"]) if "run" in values else None
    if "config" in values:
        config = json.loads(values["config"])
        values["config"] = json.dumps(documents.settings(config, ids) if documents.is_format_1(config) else config)
        environment = json.loads(values["environment"])
        values["environment"] = json.dumps(documents.rename_keys(environment, tables.ENVIRONMENT))
    return values if values["run"] is not None else {name: each for name, each in values.items() if name != "run"}
