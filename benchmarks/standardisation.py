"""Writes aecore/data/standardisation.json: means and standard deviations of the built-in tables and series.

python -m benchmarks.standardisation
"""

from __future__ import annotations

import json

import numpy as np

from aecore.data import built_in, payment_columns, payments
from aecore.data.standardisation import FILE

NAMES = ("iris", "wine", "breast-cancer", "diabetes", "moons", "ring", "swiss-roll", "s-curve", "heartbeats", "machine")
NAMES += ("digits-rows", "payments")


def training_rows(count: int, n_test: int, n_validation: int) -> np.ndarray:
    """The rows that `aecore.data.datasets` trains on."""
    return np.random.RandomState(built_in.SEED).permutation(count)[n_test + n_validation :]


def statistics(name: str, n_test: int, n_validation: int) -> dict[str, list[float]]:
    """Of the training samples of a data set; of payments, which are divided by customer, the columns of numbers."""
    if name == "payments":
        paid, cells = payment_columns.draw_table()
        rows = payments.split_rows(paid.customer)[0]
        return built_in.moments(np.stack([cells[each][rows] for each in payment_columns.NUMBER_COLUMNS], 1))
    values, labels = built_in.raw(name)
    found = built_in.moments(values[training_rows(len(labels), n_test, n_validation)])
    if name == "digits-rows":  # a column at the edge hardly varies: all are scaled alike
        whole = built_in.moments(values.reshape(-1, 1))
        return {part: mean * len(found[part]) for part, mean in whole.items()}
    return found


def main() -> None:
    made = {}
    for name in NAMES:  # the cards cannot be asked how they are divided: they need this file
        count = 0 if name == "payments" else len(built_in.raw(name)[1])
        n_test = round(count / 5) if count < 600 else count // 10
        n_test = {"wine": 35, "breast-cancer": 113, "diabetes": 88, "iris": 30}.get(name, n_test)
        made[name] = statistics(name, n_test, (count - n_test) // 10)
    FILE.write_text(json.dumps(made, indent=1).replace("\n   ", " ").replace("\n  ]", " ]") + "\n")


if __name__ == "__main__":
    main()
