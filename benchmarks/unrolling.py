"""Do autoencoders unroll? Moons, ring, Swiss roll and S-curve under codes of one and two numbers, beside PCA.

    python -m benchmarks.unrolling [--keep]     writes docs/unrolling.md

The coordinate is the place along the curve or sheet, known because we draw the points. Two measures of it, from the
codes of held-out points: R^2 of a straight line fitted to training codes, which asks for a code that has unrolled the
sheet; and R^2 of the 10 nearest training codes, which asks only that the code still knows the place.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

import aecore
from aecore.analysis.baselines import PCA
from aecore.analysis.loaded import LoadedModel
from aecore.data import simulated
from aecore.data.datasets import Dataset, load
from aecore.models.families.build import build_recipe, resolve_config

DOCS = Path(__file__).parent.parent / "docs" / "unrolling.md"
SEEDS = (0, 1, 2)
CODES = {"moons": (1, 2), "ring": (1, 2), "swiss-roll": (1, 2), "s-curve": (1, 2)}
SETTINGS = {"family": "vanilla", "hidden_sizes": (64, 64), "epochs": 200, "lr": 0.005}


def coordinate(name: str, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The place along the curve or sheet of points `[N, d]` in their own unit; `[N]`. Moons: the angle along each."""
    if name == "swiss-roll":
        return simulated.unrolled_swiss_roll(x)
    if name == "s-curve":
        return _s_place(x)
    if name == "ring":
        return np.arctan2(x[:, 1], x[:, 0])
    upper = np.arctan2(x[:, 1], x[:, 0])
    lower = np.arctan2(0.5 - x[:, 1], 1 - x[:, 0]) + 2 * np.pi
    return np.where(labels == 0, upper, lower)


def _s_place(x: np.ndarray) -> np.ndarray:
    """The angle along the S, from -1.5 pi to 1.5 pi, of points near it: the nearest of a fine grid."""
    t = np.linspace(-1.5 * np.pi, 1.5 * np.pi, 2000)
    curve = np.stack([np.sin(t), np.sign(t) * (np.cos(t) - 1)], 1)
    return t[((x[:, None, [0, 2]] - curve) ** 2).sum(2).argmin(1)]


def r2(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """(straight line, nearest codes) of a coordinate from codes; on test points."""
    models = LinearRegression(), KNeighborsRegressor(10)
    line, near = (model.fit(*train).score(*test) for model in models)
    return float(line), float(near)


def measure(name: str, size: int) -> list[str]:
    """The row of a data set and a size of code."""
    data = load(name)
    unit = np.array(data.card.modality.std), np.array(data.card.modality.mean)  # type: ignore[attr-defined]
    places = [coordinate(name, split.x * unit[0] + unit[1], split.y) for split in (data.train, data.test)]
    pca = PCA.fit(data.train, size)
    found = [_trained(data, size, seed, places) for seed in SEEDS]
    error = ((data.test.x - pca.reconstruct(data.test.x)) ** 2).mean()
    codes = [(split.x - pca.mean) @ pca.components.T for split in (data.train, data.test)]
    line, near = r2((codes[0], places[0]), (codes[1], places[1]))

    def spread(column: int) -> str:
        values = [each[column] for each in found]
        return f"{min(values):.3f} to {max(values):.3f}"

    return [name, str(size), f"{error:.4f}", spread(0), f"{line:.3f}", spread(1), f"{near:.3f}", spread(2)]


def _trained(data: Dataset, size: int, seed: int, places: list[np.ndarray]) -> tuple[float, float, float]:
    """Test MSE, R^2 of a straight line and of the nearest codes, of an autoencoder."""
    config = resolve_config(aecore.default_config(data.card.name, latent_dim=size, seed=seed, **SETTINGS))
    recipe = build_recipe(config)
    for _ in aecore.fit(recipe, data, config, torch.device("cpu")):
        pass
    run = LoadedModel(config, recipe.model.eval(), {})
    codes = [run.encode_split(split) for split in (data.train, data.test)]
    return float(run.squared_errors(data.test).mean()), *r2((codes[0], places[0]), (codes[1], places[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help=f"write {DOCS.name}")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "# Do autoencoders unroll?", "", "Made by `python -m benchmarks.unrolling --keep`: a vanilla autoencoder with "
        f"two hidden layers of 64 units, {SETTINGS['epochs']} epochs, three seeds (least to greatest), beside PCA with "
        "as many numbers. Held-out points; MSE in units of a standard deviation.",
        "", "R^2 of the place along the curve or sheet: *line* from a straight line on the code, which asks for an "
        "unrolled code; *near* from the ten nearest codes, which asks only that the place is still in it.", "",
        "| data | numbers in the code | MSE, PCA | MSE, autoencoder | line, PCA | line, autoencoder | near, PCA "
        "| near, autoencoder |", "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for name, sizes in CODES.items():
        for size in sizes:
            lines.append(f"| {' | '.join(measure(name, size))} |")
            print(lines[-1], flush=True)
    if asked.keep:
        text = DOCS.read_text().split("\n## ", 1)[1:] if DOCS.exists() else []
        DOCS.write_text("\n".join(lines) + "\n" + "".join(f"\n## {part}" for part in text))


if __name__ == "__main__":
    main()
