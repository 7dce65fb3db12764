"""What training as a service promises, tried out: writes docs/service.md.

    python -m benchmarks.service [kills] [concurrent] [fairness] [stop-latency] [overhead]

`kills` ends workers, schedulers and servers at random moments of one run; `concurrent` ends any of them while six runs
train at once; `fairness` asks for thirty runs at once; `stop-latency` takes the time from a click to a free worker;
`overhead` compares the service with the bare training loop, and wants a machine that does nothing else. Each works in
a runs folder of its own.
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

from aecore import limits
from aecore.config import Config
from aecore.jobs import api, supervisor
from aecore.jobs.executors.process import parse_handle
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import history, processes_table, queue, runs
from aecore.store.writer import RunWriter
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "service.md"
HEADER = "# Training as a service, tried out\n\nMade by `python -m benchmarks.service`."
# 20 epochs on one thread: half a minute; the other two minutes
CONFIG = resolve_config(
    presets.default_config(
        "digits", family="vae", network="conv", hidden_sizes=(16, 32), latent_dim=8, epochs=20, batch_size=2
    )
)
LONG_CONFIG = dataclasses.replace(CONFIG, hidden_sizes=(64, 128), batch_size=1)
MINUTE_CONFIG = resolve_config(presets.default_config("shapes", family="vae", epochs=90))
SHORT_CONFIG = resolve_config(presets.default_config("digits", family="vae", epochs=10))
N_KILLS, N_CONCURRENT, CONCURRENT_EPOCHS, N_USERS, RUNS_PER_USER, N_STOPS, REPEATS = 20, 6, 6, 6, 5, 50, 3
SERVER_SCRIPT = """
import json, sys
from aecore.jobs import api as jobs
from aecore.config import Config
jobs.submit(Config.from_json(json.loads(sys.argv[1])))
print("asked", flush=True)
sys.stdin.read()
"""
BARE_SCRIPT = """
import json, sys, time
import torch
from aecore.jobs.executors.process import preload
from aecore.config import Config
from aecore.data.datasets import load
from aecore.models.families.build import build_recipe
from aecore.training.loop import fit
preload()
torch.set_num_threads(int(sys.argv[2]))
started = time.perf_counter()
config = Config.from_json(json.loads(sys.argv[1]))
for _ in fit(build(config), load(config.dataset), config, torch.device("cpu")):
    pass
print(time.perf_counter() - started)
"""


# --- Servers and runs -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def run_server(workers: int) -> Iterator[Path]:
    """A runs folder of one's own with this process as its server and a scheduler that is ready."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {"AECORE_RUNS": folder, "AECORE_WORKERS": str(workers), "AECORE_DEVICE": "cpu"}
        supervisor.register_server()
        wait_until(lambda: (there := processes_table.scheduler_process()) and there.slots)
        try:
            yield Path(folder)
        finally:
            supervisor.unregister_server()
            wait_until(lambda: processes_table.scheduler_process() is None)


def wait_until(condition: Callable[[], Any], timeout: float = 600) -> None:
    limit = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError("It did not happen in ten minutes.")
        time.sleep(0.003)


def pid_of(config: Config) -> int | None:
    job = queue.job(config.id)
    return parse_handle(job.handle)[0] if job and job.handle else None


def is_inactive(config: Config) -> bool:
    return not runs.entry(config.id).active


def outcome(config: Config) -> tuple[bytes, list[dict[str, Any]]]:
    """The final weights, and the history without its clock."""
    entry = runs.entry(config.id)
    if not entry.finished:
        raise RuntimeError(f"{config.id} is {entry.state}: {entry.message} {entry.log}")
    lines = [{name: value for name, value in line.items() if name != "seconds"} for line in history.history(config.id)]
    return (runs.path(config.id) / "weights.safetensors").read_bytes(), lines


def run_undisturbed(config: Config) -> tuple[bytes, list[dict[str, Any]], float]:
    with run_server(2):
        api.submit(config)
        wait_until(lambda: is_inactive(config))
        return *outcome(config), runs.entry(config.id).result["seconds"]


# --- Crash recovery ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class KillTrial:
    """One run with its killer."""

    config: Config
    rng: random.Random
    n_kills: int = 0
    workers: set[int] = dataclasses.field(default_factory=set)

    def is_over(self) -> bool:
        pid = pid_of(self.config)
        if pid:
            self.workers.add(pid)
        return self.n_kills >= N_KILLS or is_inactive(self.config)

    def wait(self, max_seconds: float) -> None:
        """Any moment within so many seconds will do."""
        self.is_over()
        time.sleep(self.rng.uniform(0, max_seconds))

    def kill(self, pid: int | None) -> None:
        if pid and not is_inactive(self.config):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
                self.n_kills += 1


def kill_workers(trial: KillTrial) -> None:
    """Each kill up to a second after a checkpoint that is newer than the last kill."""
    api.submit(trial.config)
    draft, mark = RunWriter(trial.config), 0
    while not trial.is_over():
        wait_until(lambda mark=mark: draft.checkpoint_version() not in (0, mark) or is_inactive(trial.config))
        mark = draft.checkpoint_version()
        trial.wait(1.0)
        pid = pid_of(trial.config)
        mark = draft.checkpoint_version()  # the one that the next worker begins with
        trial.kill(pid)
        wait_until(lambda pid=pid: pid_of(trial.config) not in (pid, None) or is_inactive(trial.config))


def kill_schedulers(trial: KillTrial) -> None:
    """Each kill up to five seconds after the one before was replaced: while it imports, and when it is at work."""
    supervisor.SchedulerSupervisor.INTERVAL = (
        0.2  # seconds between two looks, instead of two: twenty kills have to fit into one run
    )
    api.submit(trial.config)
    wait_until(lambda: pid_of(trial.config))
    while not trial.is_over():
        trial.wait(5.0)
        there = processes_table.scheduler_process()
        trial.kill(there.pid if there else None)
        wait_until(lambda: processes_table.scheduler_process() is not None or is_inactive(trial.config))


def kill_servers(trial: KillTrial) -> None:
    """Each asks for the run, and is killed up to a second later; this process is none meanwhile."""
    supervisor.unregister_server()
    while not trial.n_kills or not trial.is_over():
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER_SCRIPT, json.dumps(trial.config.to_json())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=supervisor.ROOT,
        )
        assert server.stdout is not None
        server.stdout.readline()
        trial.wait(1.0)
        trial.kill(server.pid)
        server.communicate()
    supervisor.register_server()


VICTIMS: dict[str, tuple[Callable[[KillTrial], None], Config, int]] = {
    "worker": (kill_workers, CONFIG, 1),
    "server": (kill_servers, CONFIG, 2),
    "scheduler": (kill_schedulers, LONG_CONFIG, 3),  # a new one imports for seconds
}


def kills() -> list[str]:
    lines = [
        "## Crash recovery", "",
        f"kill -9 at {N_KILLS} random moments of one run of 20 epochs (digits, convolutional VAE, one thread). "
        "*Bit-identical*: the final weights are those of an undisturbed run, and so is every line of the history.", "",
        "| process killed | seed | kills | workers | undisturbed | with kills | epochs in history | bit-identical |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    known: dict[str, tuple[bytes, list[dict[str, Any]], float]] = {}
    for name, (victim, config, seed) in VICTIMS.items():
        if config.id not in known:
            known[config.id] = run_undisturbed(config)
        weights, history, seconds = known[config.id]
        with run_server(2):
            it, started = KillTrial(config, random.Random(seed)), time.monotonic()
            victim(it)
            wait_until(lambda it=it: it.n_kills and it.is_over() and is_inactive(it.config))
            took, (found, told) = time.monotonic() - started, outcome(config)
        epochs = [line["epoch"] for line in told]
        complete = "1 to 20, each once" if epochs == list(range(1, 21)) else str(epochs)
        same = "yes" if found == weights and told == history else "NO"
        times = f"{seconds:.0f} s | {took:.0f} s"
        lines.append(f"| {name} | {seed} | {it.n_kills} | {len(it.workers)} | {times} | {complete} | {same} |")
        print(lines[-1], flush=True)
    return lines


# --- Concurrent runs --------------------------------------------------------------------------------------------------


def concurrent() -> list[str]:
    """kill -9 of whoever is there, while six runs train at once."""
    configs = [dataclasses.replace(CONFIG, epochs=CONCURRENT_EPOCHS, seed=seed) for seed in range(1, N_CONCURRENT + 1)]
    with run_server(N_CONCURRENT):
        for config in configs:
            api.submit(config)
        wait_until(lambda: all(map(is_inactive, configs)))
        known = [outcome(config) for config in configs]
    supervisor.SchedulerSupervisor.INTERVAL = 0.2
    chance, killed = random.Random(6), dict.fromkeys(("worker", "scheduler", "server"), 0)
    marks = dict.fromkeys([config.id for config in configs], 0)
    with run_server(N_CONCURRENT):
        for config in configs:
            api.submit(config)
        while not all(map(is_inactive, configs)):
            time.sleep(chance.uniform(0, 1.0))
            who = chance.choice(["worker"] * 4 + ["scheduler", "server"])
            killed[who] += KILL_FUNCTIONS[who](configs, marks, chance)
        wait_until(lambda: all(map(is_inactive, configs)))
        found = [outcome(config) for config in configs]
    same = sum(each == other for each, other in zip(known, found, strict=True))
    line = (
        f"{N_CONCURRENT} runs of {CONCURRENT_EPOCHS} epochs at once, {N_CONCURRENT} workers on {os.cpu_count()} "
        f"cores: kill -9 of {killed['worker']} "
        f"workers, {killed['scheduler']} schedulers and {killed['server']} servers at random moments (seed 6). "
        f"{same} of {N_CONCURRENT} have the weights and the history of an undisturbed run, bit for bit."
    )
    print(line, flush=True)
    return ["## Concurrent runs", "", line]


def kill_worker(configs: list[Config], versions: dict[str, int], rng: random.Random) -> int:
    """One whose run has a newer checkpoint than at the last kill: two deaths in a row count as a fault."""
    ripe = [
        config
        for config in configs
        if not is_inactive(config) and RunWriter(config).checkpoint_version() not in (0, versions[config.id])
    ]
    if not ripe:
        return 0
    config = rng.choice(ripe)
    pid, versions[config.id] = pid_of(config), RunWriter(config).checkpoint_version()
    return kill_process(pid)


def kill_scheduler(configs: list[Config], versions: dict[str, int], rng: random.Random) -> int:
    there = processes_table.scheduler_process()
    return kill_process(there.pid if there and there.slots else None)


def kill_server(configs: list[Config], versions: dict[str, int], rng: random.Random) -> int:
    """Another server on the same folder, which asks for one of the runs too and is killed up to a second later."""
    asked = rng.choice(configs)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER_SCRIPT, json.dumps(asked.to_json())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=supervisor.ROOT,
    )
    assert server.stdout is not None
    server.stdout.readline()
    time.sleep(rng.uniform(0, 1.0))
    done = kill_process(server.pid)
    server.communicate()
    return done


def kill_process(pid: int | None) -> int:
    """Kills a process; how many that was."""
    if pid is None:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)
        return 1
    return 0


KILL_FUNCTIONS = {"worker": kill_worker, "scheduler": kill_scheduler, "server": kill_server}


# --- Queue fairness ---------------------------------------------------------------------------------------------------


def fairness() -> list[str]:
    return ["## Queue fairness", "", same_request(N_USERS * RUNS_PER_USER), "", *different_requests()]


def same_request(many: int) -> str:
    """That many requests for one run at the same moment."""
    config = dataclasses.replace(SHORT_CONFIG, epochs=100)
    with run_server(2):
        together = threading.Barrier(many)

        def ask(number: int) -> bool:
            together.wait()
            return api.submit(config, user=f"user {number}").created

        with ThreadPoolExecutor(many) as pool:
            began = list(pool.map(ask, range(many))).count(True)
        workers = set[int | None]()
        wait_until(lambda: workers.add(pid_of(config)) or is_inactive(config))
        outcome(config)
    line = f"{many} requests for the same settings at once: {began} training, {len(workers - {None})} worker, finished."
    print(line, flush=True)
    return line


def different_requests() -> list[str]:
    """Each user's runs, requested one user after the other before the first of them begins."""
    names = "ABCDEF"[:N_USERS]
    configs = {
        (name, number): dataclasses.replace(SHORT_CONFIG, seed=10 * at + number)
        for at, name in enumerate(names)
        for number in range(RUNS_PER_USER)
    }
    owner, order = {config.id: name for (name, _), config in configs.items()}, list[str]()
    with run_server(2):
        blockers = [dataclasses.replace(CONFIG, seed=seed) for seed in (1, 2)]
        for config in blockers:
            api.submit(config, user="nobody of these")
        wait_until(lambda: all(map(pid_of, blockers)))
        started = time.monotonic()
        for (name, _), config in configs.items():
            api.submit(config, user=name)
        asking = time.monotonic() - started
        for config in blockers:
            api.cancel(config.id, "nobody of these")
        while not all(map(is_inactive, configs.values())):
            begun = [job.run for job in queue.jobs() if job.state == "running" and job.run in owner]
            order += [run for run in sorted(begun, key=begun.index) if run not in order]
            time.sleep(0.005)
        took, states = time.monotonic() - started, [runs.entry(config.id).state for config in configs.values()]
    starts = "".join(owner[run] for run in order)
    rounds = " ".join(starts[first : first + N_USERS] for first in range(0, len(starts), N_USERS))
    fair = all(sorted(each) == sorted(names) for each in rounds.split())
    verdict = "In every round each user had one turn." if fair else "NOT fair: a user came twice before another once."
    lines = [
        f"{len(configs)} different ones by {N_USERS} users, each requesting all {RUNS_PER_USER} of theirs at once (in "
        f"{asking:.1f} s), two workers: {states.count('finished')} finished, {states.count('failed')} failed, in "
        f"{took:.1f} s.",
        "",
        f"Order in which they began (A requested first): {rounds}. {verdict}",
    ]
    print("\n".join(lines), flush=True)
    return lines


# --- Stops ------------------------------------------------------------------------------------------------------------


def stop_latency() -> list[str]:
    chance, times, kept = random.Random(0), list[float](), 0
    with run_server(1):
        for seed in range(N_STOPS):
            config = dataclasses.replace(CONFIG, seed=seed)
            api.submit(config)
            wait_until(lambda config=config: "step" in runs.entry(config.id).progress)
            time.sleep(chance.uniform(0, 1.0))
            clicked = time.perf_counter()
            api.cancel(config.id)
            wait_until(lambda config=config: queue.job(config.id) is None)
            times.append(1000 * (time.perf_counter() - clicked))
            kept += runs.entry(config.id).has_checkpoint
    times.sort()
    line = (
        f"{N_STOPS} runs stopped up to a second after their first report (seed 0), from the click to a worker that is "
        f"free again: median {statistics.median(times):.0f} ms, 95th percentile {times[int(0.95 * N_STOPS)]:.0f} ms, "
        f"longest {times[-1]:.0f} ms. {kept} of {N_STOPS} kept their checkpoint."
    )
    print(line, flush=True)
    return ["## Stop latency", "", line]


# --- Overhead ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class TimeBreakdown:
    """Where the time of a run goes, in seconds."""

    total: float  # from asking to finished
    startup: float  # until the first step
    training: float
    reporting: float  # reports, checkpoints, images and snapshots while it trains
    finalising: float  # the last snapshot, the test losses, the final files


def run_through_service(config: Config) -> TimeBreakdown:
    """One run through the service, its parts by what a page would see (and as often as it looks)."""
    asked = time.perf_counter()
    api.submit(config)
    seen: list[tuple[float, float, float]] = []  # when, seconds trained, fraction
    while not is_inactive(config):
        progress = runs.entry(config.id).progress
        if "step" in progress and (not seen or seen[-1][1] != progress["seconds"]):
            seen.append((time.perf_counter(), progress["seconds"], progress["fraction"]))
        time.sleep(api.POLL)  # a closer look would take the cores from the training
    done, training = time.perf_counter(), runs.entry(config.id).result["seconds"]
    first, last = seen[0], seen[-1]
    beside = last[0] - first[0] - (last[1] - first[1])
    start = first[0] - first[1] - asked
    return TimeBreakdown(done - asked, start, training, beside, done - asked - start - training - beside)


def overhead_report(epochs: int, threads: int, bare: list[float], totals: list[TimeBreakdown]) -> list[str]:
    """The overhead in words: by the clock, pair by pair, and by what the service does that `fit` does not."""
    middle = {
        field.name: statistics.median(getattr(each, field.name) for each in totals)
        for field in dataclasses.fields(TimeBreakdown)
    }
    added = (middle["reporting"] + middle["finalising"]) / middle["training"]
    pairs = ", ".join(f"{parts.total / alone - 1:+.1%}" for alone, parts in zip(bare, totals, strict=True))
    spans = [f"{min(each):.2f} to {max(each):.2f}" for each in (bare, [parts.total for parts in totals])]
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
        f"| of it reports, checkpoints, images, snapshots | {middle['beside']:.2f} |",
        f"| of it the last snapshot, evaluation, final files | {middle['closing']:.2f} |",
    ]  # fmt: skip


def overhead() -> list[str]:
    config, bare, whole = MINUTE_CONFIG, list[float](), list[TimeBreakdown]()
    with run_server(1):
        threads = max(1, limits.cores())
        for seed in range(REPEATS):
            each = dataclasses.replace(config, seed=seed)
            said = subprocess.run(
                [sys.executable, "-c", BARE_SCRIPT, json.dumps(each.to_json()), str(threads)],
                capture_output=True, text=True, check=True, cwd=supervisor.ROOT,
                env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},  # as workers have it
            )  # fmt: skip
            bare.append(float(said.stdout))
            whole.append(run_through_service(each))
            print(f"seed {seed}: bare {bare[-1]:.2f} s, {whole[-1]}", flush=True)
    lines = overhead_report(config.epochs, threads, bare, whole)
    print("\n".join(lines), flush=True)
    return lines


EXPERIMENTS: dict[str, Callable[[], list[str]]] = {
    "kills": kills,
    "concurrent": concurrent,
    "fairness": fairness,
    "stop-latency": stop_latency,
    "overhead": overhead,
}


def main() -> None:
    for name in sys.argv[1:] or EXPERIMENTS:
        machine = (
            f"Measured with {limits.cores()} cores, Python {platform.python_version()}, torch {torch.__version__}."
        )
        report.write_section(DOCS, HEADER, [*EXPERIMENTS[name](), "", machine])


if __name__ == "__main__":
    main()
