"""Recovery: a damaged database is set aside whole, and a new one made from the folders of the runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from filelock import FileLock, Timeout

from aecore import disk
from aecore.store import database, database_snapshot, runs
from aecore.store.run_info import RunInfo


def recover() -> Path | None:
    """Sets a damaged database aside and makes a new one; where the old one lies now, or None when it is sound (again).

    What the folders tell is had again: who owns a run and what it is called, which runs wait or are being trained and
    for whom. Lost are pins, and names of people who own no run. Raises UserError when nothing can be written here.
    """
    with disk.user_errors("The database cannot be made again"):
        lock = FileLock(str(disk.internal_dir(".locks") / "database"))
    try:
        with lock.acquire(timeout=database.WRITE_TIMEOUT):
            try:
                database_snapshot.check_integrity()  # another process may have been here first
                return None
            except database.Damaged:
                with disk.user_errors("The damaged database cannot be moved away"):
                    aside = database.quarantine()
                _rebuild()
                return aside
    except Timeout:
        raise database.Busy("Another process has been making the database again for too long: end it.") from None


def _rebuild() -> None:
    with database.transaction() as connection:
        for entry in runs.entries():
            if entry.pretrained:
                continue
            label = runs.read_label(entry.id)
            owner, name = label.get("owner"), label.get("name")
            connection.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, ?)", (entry.id, owner, name))
            if owner:
                values = (owner, label.get("owner_name") or "")
                connection.execute("INSERT OR IGNORE INTO users (user, name) VALUES (?, ?)", values)
            job = _job_state(entry)
            if job:
                row = (entry.id, json.dumps(entry.config and entry.config.to_json()), json.dumps(_environment()), *job)
                connection.execute(
                    "INSERT INTO jobs (run, config, environment, requested_at, state, executor, handle) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
                connection.execute(
                    "INSERT INTO requests VALUES (?, ?, ?)", (entry.id, owner or "anonymous", entry.created)
                )


def _job_state(entry: RunInfo) -> tuple[float, str, str | None, str | None] | None:
    """(requested_at, state, executor, handle) of a run that waits or is being trained; None of one that has stopped.
    Whether its worker lives the scheduler finds out."""
    fields = runs.read_state(entry.id) if entry.config and not entry.finished else {}
    if fields.get("state") == "training" and fields.get("handle"):
        return time.time(), "running", fields.get("executor"), fields.get("handle")
    return (time.time(), "waiting", None, None) if fields.get("state") in ("waiting", "training") else None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AECORE_") and name != "AECORE_RUNS"}


def recover_if_damaged() -> None:
    """Makes the database again if it was found damaged. Raises UserError when it cannot be used all the same."""
    if database_snapshot.is_damaged():
        recover()
