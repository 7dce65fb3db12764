"""Whether a server outlives what people ask of its memory, tried out: writes docs/memory.md.

    python -m benchmarks.memory [asked] [training] [--keep]

A real server, with its scheduler, workers and projection jobs, in a memory control group of 4 GiB where one can be made
(Linux, as root), else told of 4 GiB by AECORE_MEMORY and watched. `asked`: hostile trainings, tours of three models as
large as may be opened, maps of all training images, the largest Jacobian and manifold. `training`: tours while a
training as large as is taken goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from aecore import limits
from aecore.config import Config
from aecore.data import datasets
from aecore.models import presets
from aecore.store import runs
from aecore.store.writer import RunWriter
from benchmarks import report
from tools.browser import start_server

DOCS = Path(__file__).parent.parent / "docs" / "memory.md"
HEADER = "# Memory, tried out\n\nMade by `python -m benchmarks.memory --keep`."
MEMORY_LIMIT = 4 << 30  # bytes of the server and all that it starts, together
TIMEOUT = 600  # seconds for an answer
PAGES = (
    "reconstruct",
    "latent_map",
    "manifold",
    "latent_explorer",
    "draw",
    "interpolate",
    "model_inspector",
    "time_machine",
)
PANELS = ("jacobian", "samples", "aggregate-posterior", "network", "filters", "kl-per-dimension")


# --- A group of processes with so much memory -------------------------------------------------------------------------


class MemoryCgroup:
    """A memory control group within our own; `start` puts what this process starts meanwhile into it."""

    def __init__(self, limit: int) -> None:
        self.parent, most = _own_cgroup()
        self.path = self.parent / f"aecore-{os.getpid()}"
        self.path.mkdir()
        try:
            (self.path / most).write_text(str(limit))
        except OSError:
            self.path.rmdir()
            raise

    @contextlib.contextmanager
    def attach(self) -> Iterator[None]:
        (self.path / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self.parent / "cgroup.procs").write_text(str(os.getpid()))

    def close(self) -> None:
        """Removes the group once it is empty: the scheduler stays a moment longer than the server."""
        until = time.monotonic() + 60
        while (self.path / "cgroup.procs").read_text().split() and time.monotonic() < until:
            time.sleep(0.5)
        self.path.rmdir()


def _own_cgroup() -> tuple[Path, str]:
    """The folder of the group that this process is in, and the file of a group's limit: version 1, or 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        if "memory" in controllers.split(","):
            return limits.CGROUP_ROOT / "memory" / place.strip("/"), "memory.limit_in_bytes"
        own = limits.CGROUP_ROOT / place.strip("/")
        if not controllers and "memory" in (own / "cgroup.subtree_control").read_text().split():
            return own, "memory.max"
    raise OSError("no memory controller")


def make_cgroup(limit: int) -> MemoryCgroup | None:
    """None where this process may make none."""
    try:
        return MemoryCgroup(limit)
    except OSError:
        return None


class MemoryMonitor(threading.Thread):
    """Adds up the memory of a server and of all that it has started, again and again: each page of it once (PSS)."""

    def __init__(self, server: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.server, self.stop_event = server, threading.Event()
        self.first: dict[str, int] = {}
        self.peak: dict[str, int] = {}
        self.last: dict[str, int] = {}

    def run(self) -> None:
        while not self.stop_event.wait(0.2):
            self.sample()

    def sample(self) -> None:
        found = {"server": pss(self.server.pid)}
        with contextlib.suppress(psutil.Error):
            for each in self.server.children(recursive=True):
                kind = "projection jobs" if "projection_worker" in " ".join(each.cmdline()) else "scheduler and workers"
                found[kind] = found.get(kind, 0) + pss(each.pid)
        found["together"] = sum(found.values())
        self.first, self.last = self.first or found, found
        self.peak = {name: max(found.get(name, 0), self.peak.get(name, 0)) for name in {*found, *self.peak}}


def pss(pid: int) -> int:
    """Bytes of a process, those it shares with others divided among them; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0


# --- What is asked ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class AgentSession:
    """A visitor without a browser: a session of the agent API."""

    address: str
    session_id: str | None = None
    response: dict[str, Any] = dataclasses.field(default_factory=dict)

    def interact(self, **fields: Any) -> dict[str, Any]:
        """Asks for a page, or sets widgets of the one that is open; what it shows now."""
        said = fields | ({"session_id": self.session_id} if self.session_id else {})
        asked = urllib.request.Request(
            f"{self.address}/_stcore/agent/interact", json.dumps(said).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:
            self.response = json.loads(answer.read())
        self.session_id = self.response["session_id"]
        if broken := [each for each in self.errors if not each.endswith(".") or "encountered an error" in each]:
            raise RuntimeError(f"{fields}: {broken}")
        return self.response

    def open(self, page: str, **query: str) -> dict[str, Any]:
        return self.interact(page=page, query_params={name: [value] for name, value in query.items()})

    def set(self, **values: Any) -> dict[str, Any]:
        """Sets widgets by the ends of their keys; those that are not there are left."""
        keys = [each["key"] for each in elements(self.response["tree"]) if "value_schema" in each]
        ends = {key: value for name, value in values.items() for key in keys if key == name or key.endswith(f"-{name}")}
        return self.interact(widget_state=ends)

    def press(self, label: str) -> dict[str, Any]:
        """Presses a button; leaves it when there is none of that name."""
        there = [each for each in elements(self.response["tree"]) if each.get("type") == "button"]
        keys = [each["key"] for each in there if each["props"].get("label") == label]
        return self.interact(trigger={"key": keys[0]}) if keys else self.response

    @property
    def errors(self) -> list[str]:
        """What the page says in red."""
        found = [each for each in elements(self.response["tree"]) if each.get("type") in ("error", "exception")]
        return [str(each["props"].get("body") or each["props"].get("message")) for each in found]


def elements(tree: Any) -> Iterator[dict[str, Any]]:
    """The elements of a page."""
    if isinstance(tree, Mapping):
        if "type" in tree:
            yield dict(tree)
        for each in tree.values():
            yield from elements(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from elements(each)


def hostile_forms(dataset: str) -> dict[str, tuple[dict[str, str], dict[str, Any]]]:
    """60 hostile trainings: what is chosen in the address, and what is typed into the form."""
    found: dict[str, tuple[dict[str, str], dict[str, Any]]] = {}
    widths = {"4,096 x 80": "4096," * 80, "4,096 x 4": "4096," * 4, "1 x 300": "1," * 300, "2,048 x 20": "2048," * 20}
    for family in ("vae", "vanilla", "beta-tcvae", "vq-vae", "ladder-vae", "conditional-vae"):
        chosen = _query_of(dataset, family)
        for name, typed in widths.items():
            found[f"{family}, widths {name}"] = chosen, {"hidden_sizes": typed}
        found[f"{family}, latent size 4,096, batch 8,192"] = chosen, {"latent_dim": 4096, "batch_size": 8192}
        found[f"{family}, all at their most"] = (
            chosen,
            {"hidden_sizes": "4096,4096", "latent_dim": 4096, "batch_size": 8192},
        )
        wide = chosen | {"preset": "convolutional"}
        found[f"{family}, 4,096 channels"] = wide, {"hidden_sizes": "4096"}
        found[f"{family}, 4,096 channels twice"] = wide, {"hidden_sizes": "4096,4096"}
        found[f"{family}, 4,096 channels, batch 8,192"] = wide, {"hidden_sizes": "4096", "batch_size": 8192}
        found[f"{family}, codebook 1,024 x 64"] = chosen, {"latent_dim": 4096, "codes": 1024, "width": 64}
    return found


def _query_of(dataset: str, family: str) -> dict[str, str]:
    """How the address of Train says them: as the form does."""

    return {"dataset": dataset, "family": family}


LARGE_MODELS = {  # as large as may be opened with so little memory
    "widths": {"family": "vae", "hidden_sizes": (4096,), "latent_dim": 3072},
    "convolutions": {
        "dataset": "digits",
        "family": "vanilla",
        "network": "conv",
        "hidden_sizes": (4096, 384),
        "latent_dim": 16,
    },
    "codes": {"family": "vanilla", "hidden_sizes": (2048, 2048), "latent_dim": 4096},
}


def make_runs(dataset: str) -> dict[str, str]:
    """Finished runs of LARGE with random weights: what pages need of a run, without its training."""
    from safetensors.torch import save

    from aecore.data import images
    from aecore.models.families.build import FAMILIES, build_recipe, resolve_config

    made = {}
    for name, settings in LARGE_MODELS.items():
        config: Config = resolve_config(presets.default_config(**{"dataset": dataset, **settings}), for_training=False)
        losses = {"reconstruction": 1.0} | dict.fromkeys(FAMILIES[config.family].loss_terms, 1.0)
        result = {"seconds": 1.0, "parameters": 1, "mse": 0.1, "device": "cpu", "created": time.time()}
        result |= {"train": losses, "validation": losses, "test": losses}
        with RunWriter(config) as draft:
            draft.finish(save(build_recipe(config).model.state_dict()), result, images.png(_blank_image()))
        made[name] = config.id
    return made


def _blank_image() -> Any:
    import numpy as np

    return np.zeros((1, 8, 8), np.float32)


@dataclasses.dataclass
class Trial:
    """One server that is asked for all of it."""

    address: str
    monitor: MemoryMonitor
    lines: list[str] = dataclasses.field(default_factory=list)
    n_refused: int = 0
    n_submitted: int = 0

    def record(self, what: str, started: float) -> None:
        now, top = self.monitor.last, self.monitor.peak
        self.lines.append(
            f"| {what} | {time.monotonic() - started:.0f} s | {now['server'] / 1e9:.2f} | {now['together'] / 1e9:.2f} "
            f"| {top['together'] / 1e9:.2f} |"
        )
        print(self.lines[-1], flush=True)

    def submit_forms(self, forms: Mapping[str, tuple[dict[str, str], dict[str, Any]]]) -> None:
        """Fills in hostile forms; those that are not refused are trained, and stopped."""
        started, page = time.monotonic(), AgentSession(self.address)
        for name, (chosen, typed) in forms.items():
            page.open("train", **chosen)
            page.set(**typed)
            self.n_submitted, self.n_refused = self.n_submitted + 1, self.n_refused + bool(page.errors)
            if page.errors and "most" not in page.errors[0]:
                raise RuntimeError(f"{name}: {page.errors}")
            if not page.errors:
                page.press("Train")
                time.sleep(2)
                page.interact()
                page.press("Stop")
        self.record(f"{len(forms)} hostile forms, {self.n_refused} of them refused", started)

    def train(self, config: Config) -> None:
        """Has a training begun, and waits until it has made a checkpoint."""
        started, page = time.monotonic(), AgentSession(self.address)
        page.open("train", **_query_of(config.dataset, config.family))
        settings = {
            "hidden_sizes": ", ".join(map(str, config.hidden_sizes)),
            "latent_dim": config.latent_dim,
            "epochs": config.epochs,
        }
        page.set(**settings, batch_size=config.batch_size)
        page.press("Train")
        if page.errors:
            raise RuntimeError(f"{config.id}: {page.errors}")
        place = runs.runs_dir() / config.id / runs.CHECKPOINT_FILE
        until = time.monotonic() + 600
        while not place.exists() and time.monotonic() < until:
            time.sleep(1)
        self.record(f"A training of {config.summary}, batch {config.batch_size}, to its first checkpoint", started)

    def visit_pages(self, name: str, run: str) -> None:
        """Opens eight pages of a run."""
        started, page, said = time.monotonic(), AgentSession(self.address), []
        for each in PAGES:
            page.open(each, run=run)
            said += page.errors
        self.record(f"Tour of eight pages, {name}{_error_note(said)}", started)

    def open_panels(self, name: str, run: str) -> None:
        """Opens the panels that compute most."""
        started, page, said = time.monotonic(), AgentSession(self.address), []
        for each in PANELS:
            page.open("model_inspector", run=run, panel=each)
            said += page.errors
        self.record(f"Inside, {len(PANELS)} panels ({', '.join(PANELS)}), {name}{_error_note(said)}", started)

    def open_manifold(self, name: str, run: str) -> None:
        started, page = time.monotonic(), AgentSession(self.address)
        page.open("manifold", run=run, grid_size="25")
        self.record(f"Manifold of 25 x 25, {name}", started)

    def request_projections(self, name: str, run: str) -> None:
        """Asks for t-SNE of all training images, and of all that is asked for in its place."""
        started, page = time.monotonic(), AgentSession(self.address)
        for kind in ("t-SNE", "UMAP"):
            page.open("latent_map", run=run, map=kind, subset="training")
            if page.errors:
                break
            page.set(points=max((each for each in _point_counts(page)), default=10_000))
            page.press("Draw this map")
        until = time.monotonic() + 300
        while page.response and time.monotonic() < until and "projection jobs" in self.monitor.last:
            time.sleep(1)
        self.record(f"t-SNE and UMAP of all training images, {name}{_error_note(page.errors)}", started)


def _error_note(errors: list[str]) -> str:
    """What pages said in place of what was asked for."""
    return f" ({' '.join(dict.fromkeys(errors))})" if errors else ""


def _point_counts(page: AgentSession) -> Iterator[int]:
    for each in elements(page.response["tree"]):
        if each.get("key") == "points":
            yield from (int(str(option).replace(",", "")) for option in each["props"].get("options", []))


# --- All of it --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def run_server(folder: Path) -> Iterator[tuple[str, MemoryMonitor, MemoryCgroup | None]]:
    """A server with ROOM, and what watches it."""
    own = make_cgroup(MEMORY_LIMIT)
    told = {"AECORE_RUNS": str(folder), "AECORE_WORKERS": "1", "AECORE_DEVICE": "cpu"}
    told |= {"STREAMLIT_SERVER_ENABLE_AGENT_API": "true", "STREAMLIT_SERVER_AGENT_WAIT_TIMEOUT": str(TIMEOUT)}
    told["AECORE_MEMORY"] = "" if own else str(MEMORY_LIMIT)  # in a group it finds out by itself
    with contextlib.ExitStack() as stack:
        if own:
            stack.callback(own.close)
        with own.attach() if own else contextlib.nullcontext():
            address = stack.enter_context(start_server(env=told))
        (server,) = (each for each in psutil.Process().children() if "streamlit" in " ".join(each.cmdline()))
        AgentSession(address).open("")
        time.sleep(8)  # until torch and the scheduler are there
        watch = MemoryMonitor(server)
        watch.sample()
        watch.start()
        yield address, watch, own
        watch.stop_event.set()
        watch.sample()


@contextlib.contextmanager
def run_trial() -> Iterator[tuple[Trial, dict[str, str], list[str]]]:
    """A trial of its own, the models that it may look at by their names, and the lines of its report, which are there
    in the end. RuntimeError when the server is gone."""
    dataset = "mnist" if datasets.is_available("mnist") else "shapes"
    lines: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        os.environ |= {"AECORE_RUNS": place, "AECORE_MEMORY": str(MEMORY_LIMIT), "AECORE_WORKERS": "1"}
        models = make_runs(dataset)
        with run_server(Path(place)) as (address, watch, own):
            it = Trial(address, watch)
            yield it, models, lines
            watch.sample()
            if not watch.server.is_running() or not watch.last["server"]:
                raise RuntimeError("The server is gone.")
            lines += report_lines(it, own, dataset, models, _cache_status(AgentSession(address)))


def _cache_status(page: AgentSession) -> str:
    """What the sidebar says of the caches."""
    said = [str(each.get("props", {}).get("body")) for each in elements(page.open("")["tree"])]
    return next(each for each in said if "Cache:" in each).splitlines()[-1].strip()


def oversized_requests(short: bool = False) -> list[str]:
    """Everything that is too large, and everything of models that are as large as may be; some of it when `short`."""
    with run_trial() as (it, models, lines):
        hostile = hostile_forms("mnist" if datasets.is_available("mnist") else "shapes")
        it.submit_forms(dict(list(hostile.items())[::10]) if short else hostile)
        for name, run in list(models.items())[: 1 if short else None]:
            it.visit_pages(name, run)
            if not short:
                it.open_panels(name, run)
                it.open_manifold(name, run)
                it.request_projections(name, run)
    return ["## A server with 4 GiB, asked for what is too large", "", *lines]


def during_training() -> list[str]:
    """Tours of two models while a training goes on that is as large as is taken."""
    with run_trial() as (it, models, lines):
        it.train(largest_trainable())
        for name in ("convolutions", "codes"):
            it.visit_pages(name, models[name])
        page = AgentSession(it.address)
        page.open("train", run=largest_trainable().id)
        page.press("Stop")  # it would go on without a server
        time.sleep(3)
    return ["## A server with 4 GiB that trains as well", "", *lines]


def largest_trainable() -> Config:
    """The run with the largest code that such a machine trains with two layers of 2,048 units."""
    from aecore.models.families.build import resolve_config

    for size in range(4096, 0, -128):
        with contextlib.suppress(limits.TooLarge):
            settings = {"hidden_sizes": (2048, 2048), "latent_dim": size, "batch_size": 4096, "epochs": 1000}
            return resolve_config(presets.default_config("digits", family="vanilla", **settings))
    raise RuntimeError("Nothing is small enough.")


def report_lines(
    trial: Trial, cgroup: MemoryCgroup | None, dataset: str, models: Mapping[str, str], status: str
) -> list[str]:
    how = "a memory control group" if cgroup else "AECORE_MEMORY, watched (no control group could be made)"
    first, last, peak = trial.monitor.first, trial.monitor.last, trial.monitor.peak
    rows = [
        f"| {name} | {first.get(name, 0) / 1e9:.2f} | {peak[name] / 1e9:.2f} | {last.get(name, 0) / 1e9:.2f} |"
        for name in sorted(peak)
    ]
    return [
        f"{MEMORY_LIMIT / 1e9:.2f} GB by {how}; {limits.cores()} cores, one training at a time, data: {dataset}. "
        f"Models: "
        f"{', '.join(f'{name} (`{run}`)' for name, run in models.items())}. Memory is PSS in GB: what processes share "
        "is divided among them.",
        "",
        "| Asked for | Took | Server now | Together now | Together, peak |",
        "|---|---|---|---|---|",
        *trial.lines,
        "",
        "| | At the start | At its peak | At the end |",
        "|---|---|---|---|",
        *rows,
        "",
        f"The server lives. Its sidebar says in the end: {status}.",
    ]


EXPERIMENTS = {"asked": oversized_requests, "training": during_training}


def main() -> None:
    named = [name for name in sys.argv[1:] if name in EXPERIMENTS]
    for name in named or EXPERIMENTS:
        lines = EXPERIMENTS[name]()
        print("\n".join(lines))
        if "--keep" in sys.argv:
            report.write_section(DOCS, HEADER, lines)


if __name__ == "__main__":
    main()
