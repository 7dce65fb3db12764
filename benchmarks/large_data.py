"""Training on a set that is larger than the memory: its speed beside a set in memory, and what the worker holds.

    python -m benchmarks.large_data [--gigabytes 6] [--seconds 40] [--keep]

A set of colour images of 32 x 32 pixels is made in a temporary folder, as if somebody had added it, and trained on by a
process of its own: in a memory control group of 3 GiB where one can be made (Linux, as root). The rival trains on as
much of it as goes into memory. `RssAnon` is the worker's private memory; mapped pages of the file do not count.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from aecore.data import own_datasets
from aecore.data.card import DatasetCard, Origin
from aecore.data.modalities import Image
from benchmarks import report
from benchmarks.memory import make_cgroup

NAME, SIDE, LIMIT = "own-large-00000000", 32, 3 << 30
IN_MEMORY = 500 << 20  # bytes of the rival's set
CHUNK = 20_000  # images made at a time


def make_set(n_bytes: int) -> int:
    """Writes the set; how many images its training split has."""
    folder = own_datasets.folder_of(NAME)
    folder.mkdir(parents=True)
    sizes = {"train": n_bytes // (3 * SIDE * SIDE), "validation": 2000, "test": 2000}
    for name, count in sizes.items():
        x = np.lib.format.open_memmap(folder / f"{name}.x.npy", mode="w+", dtype=np.uint8, shape=(count, 3, SIDE, SIDE))
        for start in range(0, count, CHUNK):
            x[start : start + CHUNK] = _images(min(CHUNK, count - start), start)
        x.flush()
        np.save(folder / f"{name}.y.npy", np.zeros(count, np.int64))
    card = DatasetCard(
        NAME, "Large", "Coloured waves.", "coloured waves", Image(3, SIDE, SIDE), ("all",), sizes["train"],
        sizes["validation"], sizes["test"], "MIT", "benchmarks/large_data.py", labelled=False,
        origin=Origin("benchmark", time.time(), n_bytes),
    )  # fmt: skip
    (folder / own_datasets.CARD_FILE).write_text(json.dumps(own_datasets.card_to_json(card)))
    return sizes["train"]


def _images(count: int, seed: int) -> np.ndarray:
    """Waves of random direction, phase and colour, uint8 `[n, 3, 32, 32]`."""
    random = np.random.default_rng(seed)
    at = np.arange(SIDE, dtype=np.float32) / SIDE * 2 * np.pi
    across, down, phase = random.uniform(-3, 3, (3, count)).astype(np.float32)
    wave = np.sin(across[:, None, None] * at + down[:, None, None] * at[:, None] + phase[:, None, None])
    colour = random.uniform(0, 127, (count, 3)).astype(np.float32)
    return (127 + colour[:, :, None, None] * wave[:, None]).astype(np.uint8)


# --- The process that trains ------------------------------------------------------------------------------------------


def train(in_memory: bool, seconds: float) -> dict[str, Any]:
    """Trains for so long; samples per second and the most private memory, in bytes."""
    import torch

    import aecore
    from aecore.data.datasets import Dataset, Split

    data = aecore.load_dataset(NAME)
    if in_memory:
        count = IN_MEMORY // (3 * SIDE * SIDE)
        part = Split(np.array(data.train.x[:count]), np.array(data.train.y[:count]), kind=data.card.modality)
        data = Dataset(data.card, part, data.validation, data.test)
    config = aecore.resolve_config(aecore.default_config(NAME, family="vae", latent_dim=16, epochs=100))
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            peak[0] = max(peak[0], _private_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, seen, first = time.perf_counter(), 0, 0.0
    with contextlib.closing(aecore.fit(aecore.build_recipe(config), data, config, torch.device("cpu"))) as training:
        for progress in training:
            now = time.perf_counter() - began
            first, seen = (first, seen) if first else (now, progress.step)  # nothing is warm before the first report
            if now > seconds:
                break
    stop.set()
    watcher.join()
    rate = (progress.step - seen) * config.batch_size / (now - first)
    return {"samples_per_second": rate, "private_bytes": peak[0]}


def _private_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def measure(in_memory: bool, seconds: float) -> dict[str, Any]:
    """Trains in a process of its own, in a control group where one can be made."""
    group = make_cgroup(LIMIT)
    command = [sys.executable, "-m", "benchmarks.large_data", "--worker", str(int(in_memory)), "--seconds"]
    with group.attach() if group else contextlib.nullcontext():
        process = subprocess.Popen([*command, str(seconds)], stdout=subprocess.PIPE, text=True)
    said, _ = process.communicate(timeout=20 * seconds + 300)
    if group:
        group.close()
    if process.returncode:
        raise SystemExit(f"The worker ended with {process.returncode}.")
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found | {"limited": group is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=6)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--keep", action="store_true", help="write docs/performance.md")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker is not None:
        print(json.dumps(train(bool(asked.worker), asked.seconds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AECORE_DATA"], os.environ["AECORE_RUN_BYTES"] = folder, str(4 << 30)
        count = make_set(int(asked.gigabytes * 1e9))
        found = {name: measure(name == "memory", asked.seconds) for name in ("memory", "file", "memory ", "file ")}
        shutil.rmtree(own_datasets.own_dir())
    show(found, count, asked)


def show(found: dict[str, dict[str, Any]], count: int, asked: argparse.Namespace) -> None:
    """Prints the table, and keeps it where asked to."""
    rates = {name: [found[name + again]["samples_per_second"] for again in ("", " ")] for name in ("memory", "file")}
    ratio = sum(rates["file"]) / sum(rates["memory"])
    private = max(found[name]["private_bytes"] for name in ("file", "file ")) / 1e9
    group = "in a memory group of 3 GiB" if found["file"]["limited"] else "without a memory group"
    lines = [
        "## A set larger than the memory",
        "",
        f"{asked.gigabytes:g} GB, {count:,} images of 3 x {SIDE} x {SIDE}, {group}; a VAE, batches of 256. Twice each.",
        "",
        "| | images a second | private memory |",
        "|---|--:|--:|",
    ]
    for name in ("memory", "file"):
        held = max(found[name + again]["private_bytes"] for again in ("", " ")) / 1e9
        lines.append(f"| from {name} | {', '.join(f'{each:,.0f}' for each in rates[name])} | {held:.2f} GB |")
    lines += ["", f"From the file at {ratio:.2f} of the speed of memory; the worker holds {private:.2f} GB."]
    print("\n".join(lines))
    if asked.keep:
        report.write_section(report.PERFORMANCE, report.PERFORMANCE_HEADER, lines)


if __name__ == "__main__":
    main()
