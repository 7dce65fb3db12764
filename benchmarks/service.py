"""What training as a service promises, tried out: writes docs/service.md.

    python -m benchmarks.service [kills] [together] [crowd] [stops] [overhead]

`kills` ends workers, foremen and laboratories at random moments of one run; `together` ends any of them while six runs
train at once; `crowd` asks for thirty runs at once;
`stops` takes the time from a click to a free worker; `overhead` compares the service with the bare training loop, and
wants a machine that does nothing else. Each works in a runs folder of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from aecore.config import Config
from aecore.jobs import api, scheduler
from aecore.models import presets
from aecore.models.families.build import settle
from aecore.store import queue, runs
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "service.md"
TOP = "# Training as a service, tried out\n\nMade by `python -m benchmarks.service`."
# 20 epochs on one thread: half a minute; the other two minutes
RUN = settle(presets.start("digits", family="vae", network="conv", hidden=(16, 32), z_dim=8, epochs=20, batch_size=2))
LONGER = dataclasses.replace(RUN, hidden=(64, 128), batch_size=1)
MINUTE = settle(presets.start("shapes", family="vae", epochs=90))
QUICK = settle(presets.start("digits", family="vae", epochs=10))
KILLS, SIX, SHORT, PEOPLE, EACH, STOPS, REPEATS = 20, 6, 6, 6, 5, 50, 3
LABORATORY = """
import json, sys
from aecore.jobs import api as jobs
from aecore.config import Config
jobs.submit(Config.from_json(json.loads(sys.argv[1])))
print("asked", flush=True)
sys.stdin.read()
"""
BARE = """
import json, sys, time
import torch
from aecore.jobs import scheduler as foreman
from aecore.config import Config
from aecore.data.datasets import load
from aecore.models.families.build import build
from aecore.training.loop import fit
foreman.warm_up()
torch.set_num_threads(int(sys.argv[2]))
started = time.perf_counter()
config = Config.from_json(json.loads(sys.argv[1]))
for _ in fit(build(config), load(config.dataset), config, torch.device("cpu")):
    pass
print(time.perf_counter() - started)
"""


# --- Laboratories and runs --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def laboratory(workers: int) -> Iterator[Path]:
    """A runs folder of one's own with this process as its laboratory and a foreman that is ready."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {"AECORE_RUNS": folder, "AECORE_WORKERS": str(workers), "AECORE_DEVICE": "cpu"}
        api.open_laboratory()
        until(lambda: (there := queue.foreman()) and there.lanes)
        try:
            yield Path(folder)
        finally:
            api.close_laboratory()
            until(lambda: queue.foreman() is None)


def until(condition: Callable[[], Any], seconds: float = 600) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError("It did not happen in ten minutes.")
        time.sleep(0.003)


def pid_of(config: Config) -> int | None:
    job = queue.job(config.id)
    return job.pid if job else None


def resting(config: Config) -> bool:
    return not runs.entry(config.id).moving


def outcome(config: Config) -> tuple[bytes, list[dict[str, Any]]]:
    """The final weights, and the history without its clock."""
    entry = runs.entry(config.id)
    if not entry.finished:
        raise RuntimeError(f"{config.id} is {entry.state}: {entry.reason} {entry.log}")
    lines = [{name: value for name, value in line.items() if name != "seconds"} for line in runs.history(config.id)]
    return (runs.path(config.id) / "weights.safetensors").read_bytes(), lines


def undisturbed(config: Config) -> tuple[bytes, list[dict[str, Any]], float]:
    with laboratory(2):
        api.submit(config)
        until(lambda: resting(config))
        return *outcome(config), runs.entry(config.id).result["seconds"]


# --- Kills ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Killing:
    """One run with its killer."""

    config: Config
    chance: random.Random
    kills: int = 0
    workers: set[int] = dataclasses.field(default_factory=set)

    def over(self) -> bool:
        pid = pid_of(self.config)
        if pid:
            self.workers.add(pid)
        return self.kills >= KILLS or resting(self.config)

    def wait(self, most: float) -> None:
        """Any moment within so many seconds will do."""
        self.over()
        time.sleep(self.chance.uniform(0, most))

    def kill(self, pid: int | None) -> None:
        if pid and not resting(self.config):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
                self.kills += 1


def killed_workers(it: Killing) -> None:
    """Each kill up to a second after a checkpoint that is newer than the last kill."""
    api.submit(it.config)
    draft, mark = runs.Draft(it.config), 0
    while not it.over():
        until(lambda mark=mark: draft.mark() not in (0, mark) or resting(it.config))
        mark = draft.mark()
        it.wait(1.0)
        pid = pid_of(it.config)
        mark = draft.mark()  # the one that the next worker begins with
        it.kill(pid)
        until(lambda pid=pid: pid_of(it.config) not in (pid, None) or resting(it.config))


def killed_foremen(it: Killing) -> None:
    """Each kill up to five seconds after the one before was replaced: while it imports, and when it is at work."""
    api.Keeper.EVERY = 0.2  # seconds between two looks, instead of two: twenty kills have to fit into one run
    api.submit(it.config)
    until(lambda: pid_of(it.config))
    while not it.over():
        it.wait(5.0)
        there = queue.foreman()
        it.kill(there.pid if there else None)
        until(lambda: queue.foreman() is not None or resting(it.config))


def killed_laboratories(it: Killing) -> None:
    """Each asks for the run, and is killed up to a second later; this process is none meanwhile."""
    api.close_laboratory()
    while not it.kills or not it.over():
        server = subprocess.Popen(
            [sys.executable, "-c", LABORATORY, json.dumps(it.config.to_json())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=api.ROOT,
        )
        assert server.stdout is not None
        server.stdout.readline()
        it.wait(1.0)
        it.kill(server.pid)
        server.communicate()
    api.open_laboratory()


VICTIMS: dict[str, tuple[Callable[[Killing], None], Config, int]] = {
    "worker": (killed_workers, RUN, 1),
    "laboratory (server)": (killed_laboratories, RUN, 2),
    "foreman": (killed_foremen, LONGER, 3),  # a new one imports for seconds
}


def kills() -> list[str]:
    lines = [
        "## Kills", "",
        f"kill -9 at {KILLS} random moments of one run of 20 epochs (digits, convolutional VAE, one thread). *Same*: "
        "the final weights are those of an undisturbed run, bit for bit, and so is every line of the history.", "",
        "| who is killed | seed | kills | workers in all | undisturbed | with kills | epochs told | same |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    known: dict[str, tuple[bytes, list[dict[str, Any]], float]] = {}
    for name, (victim, config, seed) in VICTIMS.items():
        if config.id not in known:
            known[config.id] = undisturbed(config)
        weights, history, seconds = known[config.id]
        with laboratory(2):
            it, started = Killing(config, random.Random(seed)), time.monotonic()
            victim(it)
            until(lambda it=it: it.kills and it.over() and resting(it.config))
            took, (found, told) = time.monotonic() - started, outcome(config)
        epochs = [line["epoch"] for line in told]
        complete = "1 to 20, each once" if epochs == list(range(1, 21)) else str(epochs)
        same = "yes" if found == weights and told == history else "NO"
        times = f"{seconds:.0f} s | {took:.0f} s"
        lines.append(f"| {name} | {seed} | {it.kills} | {len(it.workers)} | {times} | {complete} | {same} |")
        print(lines[-1], flush=True)
    return lines


# --- Six at once ------------------------------------------------------------------------------------------------------


def together() -> list[str]:
    """kill -9 of whoever is there, while six runs train at once."""
    configs = [dataclasses.replace(RUN, epochs=SHORT, seed=seed) for seed in range(1, SIX + 1)]
    with laboratory(SIX):
        for config in configs:
            api.submit(config)
        until(lambda: all(map(resting, configs)))
        known = [outcome(config) for config in configs]
    api.Keeper.EVERY = 0.2
    chance, killed = random.Random(6), dict.fromkeys(("worker", "foreman", "laboratory"), 0)
    marks = dict.fromkeys([config.id for config in configs], 0)
    with laboratory(SIX):
        for config in configs:
            api.submit(config)
        while not all(map(resting, configs)):
            time.sleep(chance.uniform(0, 1.0))
            who = chance.choice(["worker"] * 4 + ["foreman", "laboratory"])
            killed[who] += KILL[who](configs, marks, chance)
        until(lambda: all(map(resting, configs)))
        found = [outcome(config) for config in configs]
    same = sum(each == other for each, other in zip(known, found, strict=True))
    line = (
        f"{SIX} runs of {SHORT} epochs at once, {SIX} workers on {os.cpu_count()} cores: kill -9 of {killed['worker']} "
        f"workers, {killed['foreman']} foremen and {killed['laboratory']} laboratories at random moments (seed 6). "
        f"{same} of {SIX} have the weights and the history of an undisturbed run, bit for bit."
    )
    print(line, flush=True)
    return ["## Six at once", "", line]


def kill_worker(configs: list[Config], marks: dict[str, int], chance: random.Random) -> int:
    """One whose run has a newer checkpoint than at the last kill: two deaths in a row count as a fault."""
    ripe = [
        config for config in configs if not resting(config) and runs.Draft(config).mark() not in (0, marks[config.id])
    ]
    if not ripe:
        return 0
    config = chance.choice(ripe)
    pid, marks[config.id] = pid_of(config), runs.Draft(config).mark()
    return ended(pid)


def kill_foreman(configs: list[Config], marks: dict[str, int], chance: random.Random) -> int:
    there = queue.foreman()
    return ended(there.pid if there and there.lanes else None)


def kill_laboratory(configs: list[Config], marks: dict[str, int], chance: random.Random) -> int:
    """Another server on the same folder, which asks for one of the runs too and is killed up to a second later."""
    asked = chance.choice(configs)
    server = subprocess.Popen(
        [sys.executable, "-c", LABORATORY, json.dumps(asked.to_json())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=api.ROOT,
    )
    assert server.stdout is not None
    server.stdout.readline()
    time.sleep(chance.uniform(0, 1.0))
    done = ended(server.pid)
    server.communicate()
    return done


def ended(pid: int | None) -> int:
    """Kills a process; how many that was."""
    if pid is None:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)
        return 1
    return 0


KILL = {"worker": kill_worker, "foreman": kill_foreman, "laboratory": kill_laboratory}


# --- A crowd ----------------------------------------------------------------------------------------------------------


def crowd() -> list[str]:
    names, many, wanted = "ABCDEF"[:PEOPLE], PEOPLE * EACH, dataclasses.replace(QUICK, epochs=100)
    with laboratory(2):
        together = threading.Barrier(many)

        def ask(number: int) -> bool:
            together.wait()
            return api.submit(wanted, person=f"person {number}")

        with ThreadPoolExecutor(many) as pool:
            began = list(pool.map(ask, range(many))).count(False)
        workers = set[int | None]()
        until(lambda: workers.add(pid_of(wanted)) or resting(wanted))
        outcome(wanted)
    same = f"{many} requests for the same settings at once: {began} training, {len(workers - {None})} worker, finished."
    print(same, flush=True)

    with laboratory(2):
        asked = [
            (name, dataclasses.replace(QUICK, seed=10 * n + m)) for n, name in enumerate(names) for m in range(EACH)
        ]
        whose, order = {config.id: name for name, config in asked}, list[str]()
        blocker = [dataclasses.replace(RUN, seed=seed) for seed in (1, 2)]
        for config in blocker:  # so that all thirty wait before the first of them begins
            api.submit(config, person="nobody of these")
        until(lambda: all(map(pid_of, blocker)))
        started = time.monotonic()
        for name, config in asked:
            api.submit(config, person=name)
        asking = time.monotonic() - started
        for config in blocker:
            api.cancel(config.id, "nobody of these")
        while not all(resting(config) for _, config in asked):
            begun = [job.run for job in queue.jobs() if job.state == "running" and job.run in whose]
            order += [run for run in sorted(begun, key=begun.index) if run not in order]
            time.sleep(0.005)
        took, states = time.monotonic() - started, [runs.entry(config.id).state for _, config in asked]
    starts = "".join(whose[run] for run in order)
    rounds = " ".join(starts[first : first + PEOPLE] for first in range(0, len(starts), PEOPLE))
    fair = all(sorted(each) == sorted(names) for each in rounds.split())
    different = [
        f"{many} different ones by {PEOPLE} people, each asking for all {EACH} of theirs at once (in {asking:.1f} s), "
        f"two workers: {states.count('finished')} finished, {states.count('failed')} failed, in {took:.1f} s.",
        "",
        f"Order in which they began (A asked first): {rounds}. "
        + (
            "In every round each person had one turn." if fair else "NOT fair: a person came twice before another once."
        ),
    ]
    print("\n".join(different), flush=True)
    return ["## A crowd", "", same, "", *different]


# --- Stops ------------------------------------------------------------------------------------------------------------


def stops() -> list[str]:
    chance, times, kept = random.Random(0), list[float](), 0
    with laboratory(1):
        for seed in range(STOPS):
            config = dataclasses.replace(RUN, seed=seed)
            api.submit(config)
            until(lambda config=config: "step" in runs.entry(config.id).progress)
            time.sleep(chance.uniform(0, 1.0))
            clicked = time.perf_counter()
            api.cancel(config.id)
            until(lambda config=config: queue.job(config.id) is None)
            times.append(1000 * (time.perf_counter() - clicked))
            kept += runs.entry(config.id).kept
    times.sort()
    line = (
        f"{STOPS} runs stopped up to a second after their first report (seed 0), from the click to a worker that is "
        f"free again: median {statistics.median(times):.0f} ms, 95th percentile {times[int(0.95 * STOPS)]:.0f} ms, "
        f"longest {times[-1]:.0f} ms. {kept} of {STOPS} kept their checkpoint."
    )
    print(line, flush=True)
    return ["## Stops", "", line]


# --- Overhead ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Parts:
    """Where the time of a run goes, in seconds."""

    whole: float  # from asking to finished
    start: float  # until the first step
    training: float
    beside: float  # reports, checkpoints, pictures and snapshots while it trains
    closing: float  # the last snapshot, the test losses, the final files


def served(config: Config) -> Parts:
    """One run through the service, its parts by what a page would see (and as often as it looks)."""
    asked = time.perf_counter()
    api.submit(config)
    seen: list[tuple[float, float, float]] = []  # when, seconds trained, fraction
    while not resting(config):
        progress = runs.entry(config.id).progress
        if "step" in progress and (not seen or seen[-1][1] != progress["seconds"]):
            seen.append((time.perf_counter(), progress["seconds"], progress["fraction"]))
        time.sleep(api.LOOK)  # a closer look would take the cores from the training
    done, training = time.perf_counter(), runs.entry(config.id).result["seconds"]
    first, last = seen[0], seen[-1]
    beside = last[0] - first[0] - (last[1] - first[1])
    start = first[0] - first[1] - asked
    return Parts(done - asked, start, training, beside, done - asked - start - training - beside)


def told(epochs: int, threads: int, bare: list[float], whole: list[Parts]) -> list[str]:
    """The overhead in words: by the clock, pair by pair, and by what the service does that `fit` does not."""
    middle = {
        field.name: statistics.median(getattr(each, field.name) for each in whole)
        for field in dataclasses.fields(Parts)
    }
    added = (middle["beside"] + middle["closing"]) / middle["training"]
    pairs = ", ".join(f"{parts.whole / alone - 1:+.1%}" for alone, parts in zip(bare, whole, strict=True))
    spans = [f"{min(each):.2f} to {max(each):.2f}" for each in (bare, [parts.whole for parts in whole])]
    return [
        "## Overhead", "",
        f"A run of {epochs} epochs (VAE on the shapes at its defaults, {threads} threads): `fit` alone in a fresh "
        "process, after its imports, against the whole service from asking to finished, alternating. What the service "
        f"does beside the training and after it takes **{added:.1%}** of the training's time; by the clock, which "
        f"other work on the machine moves by more than that, the pairs differ by {pairs}.", "",
        "| | seconds, median |", "|---|---|",
        f"| `fit` alone | {statistics.median(bare):.2f} ({spans[0]}) |",
        f"| the service | {middle['whole']:.2f} ({spans[1]}) |",
        f"| of it until the first step (`fit` alone has most of it too) | {middle['start']:.2f} |",
        f"| of it training | {middle['training']:.2f} |",
        f"| of it reports, checkpoints, pictures, snapshots | {middle['beside']:.2f} |",
        f"| of it the last snapshot, evaluation, final files | {middle['closing']:.2f} |",
    ]  # fmt: skip


def overhead() -> list[str]:
    config, bare, whole = MINUTE, list[float](), list[Parts]()
    with laboratory(1):
        threads = max(1, scheduler.cores())
        for seed in range(REPEATS):
            each = dataclasses.replace(config, seed=seed)
            said = subprocess.run(
                [sys.executable, "-c", BARE, json.dumps(each.to_json()), str(threads)],
                capture_output=True, text=True, check=True, cwd=api.ROOT,
                env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},  # as workers have it
            )  # fmt: skip
            bare.append(float(said.stdout))
            whole.append(served(each))
            print(f"seed {seed}: bare {bare[-1]:.2f} s, {whole[-1]}", flush=True)
    lines = told(config.epochs, threads, bare, whole)
    print("\n".join(lines), flush=True)
    return lines


EXPERIMENTS: dict[str, Callable[[], list[str]]] = {
    "kills": kills,
    "together": together,
    "crowd": crowd,
    "stops": stops,
    "overhead": overhead,
}


def main() -> None:
    for name in sys.argv[1:] or EXPERIMENTS:
        machine = (
            f"Measured with {scheduler.cores()} cores, Python {platform.python_version()}, torch {torch.__version__}."
        )
        report.keep(DOCS, TOP, [*EXPERIMENTS[name](), "", machine])


if __name__ == "__main__":
    main()
