"""Computes one projection when it is its turn. An executor calls this in a process of its own."""

from __future__ import annotations

import dataclasses
import io
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from aecore import disk, files, system
from aecore.analysis import projection_engines, projections
from aecore.errors import UserError
from aecore.jobs.projection_store import (
    SLOTS,
    ProjectionRequest,
    active_requests,
    evict,
    job_dir,
    lock,
    read_request,
    record_timing,
    result_path,
)

POLL = {True: 0.05, False: 0.25}  # seconds between two looks whether it is one's turn, by whether it is urgent


def _wait_for_turn(key: str) -> ProjectionRequest | None:
    """Waits until this projection may be computed, and notes that it is; None when nobody wants it any more."""
    while True:
        with lock():
            request = read_request(key)
            if request is None or request.cancelled:
                return None
            others = [other for other in active_requests() if other.key != key]
            drawn = sum(other.started_at is not None for other in others)
            first = all(other.started_at or other.priority > request.priority for other in others)
            if first and drawn < SLOTS[request.urgent]:
                request = dataclasses.replace(request, started_at=time.time())
                request.save()
                return request
        time.sleep(POLL[request.urgent])


def _note_end(key: str, seconds: float) -> None:
    """Notes when a projection will be ready, as what computes it tells."""
    with lock():
        request = read_request(key)
        if request and not request.cancelled:
            dataclasses.replace(request, ends_at=time.time() + seconds).save()


def run(key: str) -> None:
    """Computes the projection that was requested under this key, when it is its turn."""
    system.lower_priority(system.NICENESS_PROJECTION)
    request = _wait_for_turn(key)
    if request is None:
        return
    if not request.urgent:
        system.lower_priority(system.NICENESS_PRECOMPUTED - system.NICENESS_PROJECTION)
    codes, content = np.load(job_dir(key) / "codes.npy"), io.BytesIO()
    with projection_engines.telling_seconds_left(lambda seconds: _note_end(key, seconds)):
        np.save(content, projections.PROJECTIONS[request.kind](codes, **request.params))
    with lock():
        files.atomic_write(result_path(key), content.getvalue())
        record_timing(request, time.time() - (request.started_at or 0.0))
        shutil.rmtree(job_dir(key), ignore_errors=True)
        evict()


def run_task(arguments: Mapping[str, Any], executor: str, handle: str) -> None:
    """Computes the projection of this `key`, or says in its last line why not."""
    try:
        run(arguments["key"])
    except UserError as error:
        fail(str(error))
    except MemoryError:
        fail("The memory is exhausted: project fewer points.")
    except OSError as error:
        fail(disk.error_message(error))


def fail(message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(1)
