"""What workers do: one training, and what follows it. Executors call this in a process (or elsewhere) of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from aecore.config import Config
from aecore.errors import UserError
from aecore.jobs import projection_jobs
from aecore.store import queue, runs

LOCK_RETRY_SECONDS = 0.1  # seconds between two tries while another process trains the same run


def train(arguments: Mapping[str, Any], executor: str, handle: str) -> None:
    """Trains the run of a job: `run`, `config`, `device` (None for the best one) and `threads`. What goes wrong is in
    the run's state already; the log gets the traceback."""
    import torch

    from aecore.jobs.worker import run_training

    torch.set_num_threads(arguments["threads"])
    config = Config.from_json(arguments["config"])
    if not queue.register_worker(arguments["run"], executor, handle):  # another worker does, which nobody noted
        return
    with contextlib.suppress(UserError):  # it stands in the run's state
        while True:
            try:
                # not a run that whoever had it before has stopped, by a command that this worker has not seen
                for _ in run_training(config, arguments["device"], False, True, (executor, handle)):
                    pass
                break
            except runs.AlreadyTraining:  # the command line: it may die before it is done
                time.sleep(LOCK_RETRY_SECONDS)
        precompute_projections(config)


def precompute_projections(config: Config) -> None:
    """Has the projections of a run's codes computed that people find first on its pages, where a server is open."""
    if not projection_jobs.precompute_enabled() or not runs.entry(config.id).finished:
        return
    from aecore.analysis import loaded
    from aecore.data.datasets import load
    from aecore.jobs.worker import threads_limited

    run = loaded.load(config.id)  # on the CPU, as pages load it: their codes are these to the last bit
    with threads_limited(run.config):
        projection_jobs.precompute(run.encode_split(load(run.config.dataset).test))
