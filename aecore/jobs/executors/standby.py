"""`python -m aecore.jobs.executors.standby`: a process that reads a task from its standard input, does it and ends."""

from __future__ import annotations

import json
import sys

from aecore.jobs.executors import Task
from aecore.jobs.executors.process import preload, run_in_process


def main() -> None:
    if sys.argv[1:] == ["--preload"]:
        preload()
    line = sys.stdin.readline()
    if line:
        run_in_process(Task(**json.loads(line)), "spawn")


if __name__ == "__main__":
    main()
