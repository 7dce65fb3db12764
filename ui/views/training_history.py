"""The losses of a training: which parts add up to what a model minimises, and all of them as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aecore.config import Config
from ui.session import cache
from ui.widgets import charts


def objective_terms(config: Config) -> tuple[str, ...]:
    """The parts of the loss that a run's model itself minimises, in its last stage: their sum is its total. An
    adversary's and an earlier stage's are losses of their own."""
    return _objective_terms(config.id, config)


@cache.cached(max_entries=256)
def _objective_terms(run: str, _config: Config) -> tuple[str, ...]:
    from aecore.content import formulas  # torch comes with it

    return formulas.objective_terms(_config)


def history_csv(history: Sequence[Mapping[str, Any]], own_terms: Collection[str]) -> str:
    """A history as CSV, a line an epoch: of the training and the validation images each part of the loss, and the
    total of the parts that are the model's `own_terms`. Empty where a stage does not charge a part."""
    columns = [
        (split, part)
        for split in ("train", "validation")
        for part in [*dict.fromkeys(part for line in history for part in line[split]), charts.TOTAL]
    ]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["epoch", "seconds", *(f"{split}_{part}".replace(" ", "_") for split, part in columns)])
    for line in history:
        nats = [charts.term_value(line[split], part, own_terms) for split, part in columns]
        lines.writerow([line["epoch"], line["seconds"], *nats])
    return text.getvalue()
