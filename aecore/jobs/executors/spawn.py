"""Spawn: a new Python for each task, where forking is unsafe or unknown."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from aecore import files
from aecore.jobs.executors import Task
from aecore.jobs.executors.process import ProcessExecutor, process_handle, python_path


class SpawnExecutor(ProcessExecutor):
    """Each task in a new Python. `warm`: one that has imported what a training needs always waits for the next task."""

    name = "spawn"

    def __init__(self, warm: bool) -> None:
        super().__init__()
        self._standby = _launch("--preload", os.environ) if warm else None

    def start(self, task: Task) -> str:
        if self._standby:
            process, self._standby = self._standby, _launch("--preload", os.environ)
        else:
            # the target stands there for people who look at what runs
            process = _launch(task.target, os.environ | task.environment, task.log)
            threading.Thread(target=process.wait, daemon=True).start()  # somebody must hear its end
        handle = process_handle(process.pid)
        self._children[handle] = process.poll
        assert process.stdin is not None
        with process.stdin as stdin:  # a standby process ends when this pipe does: with whoever started it
            stdin.write(json.dumps(dataclasses.asdict(task)) + "\n")
        return handle


def _launch(argument: str, environment: os._Environ[str] | dict[str, str], log: str = "") -> subprocess.Popen[str]:
    output = files.open_append(Path(log)) if log else None
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "aecore.jobs.executors.standby", argument],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            process_group=0,  # Ctrl-C in the laboratory's terminal is not meant for it
            env={**environment, **python_path()},
        )
    finally:
        if output:
            output.close()
