"""What the zoo is held to beyond its defaults: writes docs/zoo.md.

    python -m benchmarks.zoo [published] [samples] [codebook] [disentangle]

`published`, `samples` and `codebook` need MNIST in AECORE_DATA. Everything is measured on the test images.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from aecore.analysis import loaded, metrics
from aecore.config import Config
from aecore.data.datasets import load
from aecore.models import presets
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.recipe import Recipe
from aecore.training.loop import DeviceDataset, evaluate, fit
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "zoo.md"
HEADER = "# The zoo against published numbers and claims\n\nMade by `python -m benchmarks.zoo`."
CPU = torch.device("cpu")
# the two models of ae_bakeoff, which has 32 x 32 zero-padded images, batch normalisation and a constant rate
BAKEOFF_CONFIG = {
    "hidden_sizes": (512, 256),
    "latent_dim": 20,
    "epochs": 60,
    "batch_size": 256,
    "lr": 0.003,
    "schedule": "one-cycle",
}
PUBLISHED_RESULTS = (
    ("VAE 784-400-20, 7 epochs: the ELBO", 106.66, "vae", {}, "elbo",
     {"hidden_sizes": (400,), "latent_dim": 20, "epochs": 7, "batch_size": 128, "lr": 0.001, "schedule": "constant"}),
    ("VAE 20-D, 60 epochs: reconstruction", 76.12, "vae", {}, "reconstruction", BAKEOFF_CONFIG),
    ("beta-VAE 20-D, beta 2, 60 epochs: reconstruction", 86.12, "beta-vae", {"beta": 2.0},
     "reconstruction", BAKEOFF_CONFIG),
)  # fmt: skip


def train_model(
    dataset: str, family: str, params: dict[str, Any] | None = None, **overrides: Any
) -> tuple[Config, Recipe]:
    config = resolve_config(presets.default_config(dataset, family=family, params=params or {}, **overrides))
    recipe = build_recipe(config)
    *_, _last = fit(recipe, load(dataset), config, CPU)
    recipe.modules.eval()
    return config, recipe


def published() -> list[str]:
    lines = ["## Published numbers on MNIST", "", "| | published | ours | difference |", "|---|---|---|---|"]
    test = DeviceDataset.from_split(load("mnist").test, CPU)
    for name, number, family, params, part, said in PUBLISHED_RESULTS:
        config, recipe = train_model("mnist", family, params, **said)
        losses = evaluate(recipe, test, config)
        ours = sum(losses.values()) if part == "elbo" else losses[part]
        lines.append(f"| {name} | {number:.2f} | {ours:.2f} | {ours / number - 1:+.1%} |")
        print(lines[-1], flush=True)
    return lines


def samples(count: int = 1000) -> list[str]:
    """Precision and coverage of draws from N(0, I), with 5 nearest neighbours in pixels."""
    lines = [
        "## Sampling from N(0, I)", "",
        f"{count:,} draws against training images (5,000 of MNIST). *Precision* lets any training image in whose "
        "reach (the distance of its 5th neighbour) a draw lies vouch for it; on MNIST a few odd images with a long "
        "reach vouch for everything. *Strict* asks the nearest one alone. Coverage: of as many test images.",
        "", "| data | family | size | precision | strict | coverage |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for dataset in ("digits", "mnist"):
        data = load(dataset)
        real, some = data.train.to_float(slice(5000)), data.test.to_float(slice(count))
        for size in (8, 16):
            for family in ("vanilla", "vae"):
                config, recipe = train_model(dataset, family, latent_dim=size)
                opened = loaded.LoadedModel(config, recipe.model, {})
                made = opened.decode(opened.sample_prior(count))
                precision, _ = metrics.precision_and_coverage(real, made)
                strict = metrics.strict_precision(real, made)
                _, coverage = metrics.precision_and_coverage(some, made)
                lines.append(f"| {dataset} | {family} | {size} | {precision:.3f} | {strict:.3f} | {coverage:.3f} |")
                print(lines[-1], flush=True)
    return lines


def codebook() -> list[str]:
    _, recipe = train_model("mnist", "vq-vae", latent_dim=8)
    book = recipe.model.bottleneck
    assert isinstance(book, VectorQuantizer)
    line = f"Perplexity {book.perplexity:.1f} of {len(book.embedding)} vectors (8 slots, mlp, the form's settings)."
    print(line, flush=True)
    return ["## VQ-VAE's codebook on MNIST", "", line]


def disentanglement(seeds: int = 5, size: int = 6) -> list[str]:
    """The mutual information gap on shapes, whose factors are known; symmetric shapes and all."""
    lines = [
        "## Disentanglement on shapes", "",
        "Mutual information gap (Chen et al. 2018) of the test codes for shape, scale, rotation, x and y; "
        f"{size} dimensions, 30 epochs, beta 4 for the TCVAE, seeds 0 to {seeds - 1}.", "",
        "| family | MIG, median | each seed |", "|---|---|---|",
    ]  # fmt: skip
    test = load("shapes").test
    assert test.factors is not None
    for family, params in (("vae", {}), ("beta-tcvae", {"beta": 4.0})):
        found = []
        for seed in range(seeds):
            config, recipe = train_model("shapes", family, params, latent_dim=size, epochs=30, seed=seed)
            codes = loaded.LoadedModel(config, recipe.model, {}).encode_split(test)
            found.append(metrics.mutual_information_gap(codes, test.factors))
        each = ", ".join(f"{mig:.3f}" for mig in found)
        lines.append(f"| {family} | {statistics.median(found):.3f} | {each} |")
        print(lines[-1], flush=True)
    return lines


EXPERIMENTS: dict[str, Callable[[], list[str]]] = {
    "published": published,
    "samples": samples,
    "codebook": codebook,
    "disentangle": disentanglement,
}


def main() -> None:
    for name in sys.argv[1:] or EXPERIMENTS:
        report.write_section(DOCS, HEADER, EXPERIMENTS[name]())


if __name__ == "__main__":
    main()
