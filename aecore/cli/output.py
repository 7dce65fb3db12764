"""What the command line prints: tables, JSON, and the progress of a training."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from aecore.config import Config
from aecore.jobs import api, queue_position
from aecore.store import runs
from aecore.store.run_info import RunInfo

Row = dict[str, Any]


def format_table(rows: Iterable[Row]) -> str:
    """Format rows as aligned columns for a terminal."""
    rows = list(rows)
    if not rows:
        return "(none)"
    names = list(rows[0])
    texts = [names, *([_format_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in texts) for i in range(len(names))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in texts)


def _format_cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def print_rows(rows: list[Row], as_json: bool) -> None:
    """Print rows as a table, or as one line of JSON."""
    print(json.dumps(rows, default=str) if as_json else format_table(rows))


def format_values(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Format nested values as lines `outer.inner: 0.123`, one for each number or list of numbers."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from format_values(value, f"{prefix}{name}.")
        else:
            numbers = value if isinstance(value, list) else [value]
            texts = (f"{each:.6g}" if isinstance(each, float) else str(each) for each in numbers)
            yield f"{prefix}{name}: {', '.join(texts)}"


@contextlib.contextmanager
def progress_bar(config: Config, quiet: bool) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Show how far a training is: yields a function of the epochs done and the parts of the loss."""
    from tqdm import tqdm

    with tqdm(total=config.total_epochs, unit="epoch", disable=quiet or not sys.stderr.isatty()) as bar:

        def update(epoch: int, losses: Mapping[str, float]) -> None:
            bar.update(epoch - bar.n)
            bar.set_postfix({name: f"{nats:.2f}" for name, nats in losses.items()})

        yield update


def follow_run(run: str, quiet: bool) -> RunInfo:
    """Show how far a run of the server is until it stops; returns how it stands then."""
    entry = runs.entry(run)
    assert entry.config
    previous = ""
    with progress_bar(entry.config, quiet) as update:
        for entry in api.watch(run):
            progress = entry.progress
            if "train" in progress:
                update(progress["epoch"], progress["validation"] or progress["train"])
            if entry.state == "waiting" and not quiet:
                position = queue_position.position(run)
                text = f"waiting: {position.ahead} ahead"
                text += f", about {position.seconds:.0f} s" if position.seconds else ""
                if text != previous:
                    print(text, file=sys.stderr)
                previous = text
    return entry
