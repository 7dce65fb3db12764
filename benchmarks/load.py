"""How a server bears a long queue and a long day, tried out: writes docs/load.md.

    python -m benchmarks.load [queue] [soak] [--keep]

`queue` has 2,000 runs of ten people wait, and takes the time of pages and of another submission; `soak` opens 400 pages
and trains 40 runs, and looks at the server's memory, file handles, threads and processes at the start, in the middle
and at the end. Each starts a real server in a runs folder of its own and visits it through its agent API, without a
browser; wants a machine that does nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from aecore import limits
from aecore.jobs import api, queue_position
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import database_snapshot, processes_table, runs
from benchmarks import report
from benchmarks.memory import AgentSession, pss
from benchmarks.service import wait_until
from tools.browser import start_server

DOCS = Path(__file__).parent.parent / "docs" / "load.md"
HEADER = "# Load, tried out\n\nMade by `python -m benchmarks.load --keep`."
N_WAITING, N_USERS, N_VISITS = 2000, 10, 30
LONG_CONFIG = resolve_config(
    presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=1000, batch_size=1)
)
SHORT_CONFIG = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=3))
PAGES = ("", "gallery", "data", "train", "runs", "reconstruct", "latent_map", "manifold", "latent_explorer", "draw",
         "interpolate", "model_inspector", "time_machine", "denoise", "denoise_photo")  # fmt: skip
N_TRAININGS, N_PAGE_VIEWS, N_VISITORS = 40, 400, 20


@contextlib.contextmanager
def run_server() -> Iterator[tuple[str, psutil.Process]]:
    """A server with one worker and a runs folder of its own, warm: its address, and its process."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        told = {"AECORE_RUNS": place, "AECORE_WORKERS": "1", "AECORE_DEVICE": "cpu", "AECORE_PRECOMPUTE": "off"}
        os.environ |= told
        with start_server(env=told | {"STREAMLIT_SERVER_ENABLE_AGENT_API": "true"}) as address:
            (server,) = (each for each in psutil.Process().children() if "streamlit" in " ".join(each.cmdline()))
            AgentSession(address).open("")
            wait_until(lambda: (there := processes_table.scheduler_process()) and there.slots)
            yield address, server


def _milliseconds(act: Callable[[], object]) -> float:
    """How long something takes, in milliseconds."""
    started = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - started)


# --- A long queue -----------------------------------------------------------------------------------------------------


def long_queue() -> list[str]:
    with run_server() as (address, _):
        empty = _time_pages(address, None)
        api.submit(LONG_CONFIG, user="somebody who trains")
        wait_until(lambda: runs.entry(LONG_CONFIG.id).state == "training")
        asking = []
        for number in range(N_WAITING):
            config = dataclasses.replace(SHORT_CONFIG, seed=number)
            asking.append(_milliseconds(lambda c=config, n=number: api.submit(c, user=f"person {n % N_USERS}")))  # type: ignore[misc]
        last = dataclasses.replace(SHORT_CONFIG, seed=N_WAITING - 1).id
        full = _time_pages(address, last)
        places = [_milliseconds(lambda: queue_position.position(last)) for _ in range(N_VISITS)]
        asked = {
            config.id: number % N_USERS
            for number, config in ((n, dataclasses.replace(SHORT_CONFIG, seed=n)) for n in range(N_WAITING))
        }
        turns = [asked[run] for run, _ in database_snapshot.snapshot().order]
        rounds = [sorted(turns[at : at + N_USERS]) for at in range(0, N_WAITING, N_USERS)]
        fair = len(turns) == N_WAITING and all(each == list(range(N_USERS)) for each in rounds)
        api.cancel(LONG_CONFIG.id, "somebody who trains")
    lines = [
        "## 2,000 waiting runs of ten people", "",
        "Milliseconds, median (95th percentile), through the agent API (script, elements, their JSON), a page at "
        "a time, while one run trains.", "",
        "| | nothing waits | 2,000 wait |", "|---|---|---|",
        *(f"| {name} | {_median_p95(empty[name])} | {_median_p95(full[name])} |" for name in full), "",
        f"Submitting one of them: median {statistics.median(asking):.0f} ms, of the last hundred "
        f"{statistics.median(asking[-100:]):.0f}. "
        f"The place in the queue of the last one: median {statistics.median(places):.2f} ms. Order: "
        + ("in each of the 200 rounds everybody has one turn." if fair else "NOT fair."), "",
        _hardware(),
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    return lines


def _time_pages(address: str, waiting_run: str | None) -> dict[str, list[float]]:
    """How long the pages take, each opened by a new visitor and then again and again."""
    found: dict[str, list[float]] = {}
    for name, page, query in (
        ("home", "", {}),
        ("Runs", "runs", {}),
        ("Train", "train", {"run": waiting_run} if waiting_run else {}),
    ):
        visitor = AgentSession(address)
        visitor.open(page, **query)
        found[name] = [_milliseconds(lambda p=page, q=query, v=visitor: v.open(p, **q)) for _ in range(N_VISITS)]  # type: ignore[misc]
    return found


def _median_p95(times: list[float]) -> str:
    ordered = sorted(times)
    return f"{statistics.median(ordered):.0f} ({ordered[int(0.95 * len(ordered))]:.0f})"


def _hardware() -> str:
    return f"Measured with {limits.cores()} cores."


# --- A long day -------------------------------------------------------------------------------------------------------


def soak() -> list[str]:
    chance = random.Random(0)
    finished = [each.id for each in runs.entries() if each.finished]
    with run_server() as (address, server):
        visitors = [AgentSession(address) for _ in range(N_VISITORS)]  # the agent API takes a hundred sessions at most
        for page in PAGES:  # everything once: what is imported and kept is none of what grows
            visitors[0].open(page, run=finished[0])
        rows = [_measure("start", server)]
        for visit in range(N_PAGE_VIEWS):
            visitors[visit % N_VISITORS].open(chance.choice(PAGES), run=chance.choice(finished))
            if visit % (N_PAGE_VIEWS // N_TRAININGS) == 0:
                api.submit(dataclasses.replace(SHORT_CONFIG, seed=visit), user=f"person {visit % N_USERS}")
            if visit == N_PAGE_VIEWS // 2:
                rows.append(_measure("middle", server))
        wait_until(lambda: not database_snapshot.snapshot().jobs)
        done = [each for each in runs.entries() if each.finished and not each.pretrained]
        time.sleep(15)  # what is let go of in time goes
        rows.append(_measure("end", server))
    lines = [
        f"## {N_PAGE_VIEWS} pages and {N_TRAININGS} trainings", "",
        f"Seed 0; pages of all kinds with models of the gallery, twenty visitors in turn; {len(done)} of {N_TRAININGS} "
        "runs finished. Memory is PSS; the scheduler is beside the server.", "",
        "| | server, MB | scheduler, MB | file handles | threads | processes |", "|---|---|---|---|---|---|", *rows, "",
        _hardware(),
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    return lines


def _measure(when: str, server: psutil.Process) -> str:
    children = server.children(recursive=True)
    scheduler = sum(pss(each.pid) for each in children)
    return (
        f"| {when} | {pss(server.pid) / 1e6:.0f} | {scheduler / 1e6:.0f} | {server.num_fds()} | {server.num_threads()} "
        f"| {1 + len(children)} |"
    )


EXPERIMENTS = {"queue": long_queue, "soak": soak}


def main() -> None:
    for name in [each for each in sys.argv[1:] if each in EXPERIMENTS] or EXPERIMENTS:
        lines = EXPERIMENTS[name]()
        if "--keep" in sys.argv:
            report.write_section(DOCS, HEADER, lines)


if __name__ == "__main__":
    main()
