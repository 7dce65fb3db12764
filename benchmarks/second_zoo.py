"""What the second zoo is held to beyond its defaults: writes docs/second_zoo.md.

    python -m benchmarks.second_zoo [priors] [tokens] [disentangle]

All but `disentangle` take MNIST from AECORE_DATA. Everything is measured on the test images; settings are the
form's, fixed before.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aecore.analysis import loaded, metrics, sampling
from aecore.config import Config
from aecore.data.datasets import Dataset, load
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.latents import Quantized
from aecore.models.recipe import Recipe
from aecore.training.loop import fit
from aecore.training.state import TrainState
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "second_zoo.md"
HEADER = "# The second zoo against claims\n\nMade by `python -m benchmarks.second_zoo`."
CPU = torch.device("cpu")
N_SAMPLES = 1000


def config_of(dataset: str, family: str, params: dict[str, Any] | None = None, **more: Any) -> Config:
    return resolve_config(presets.default_config(dataset, family=family, params=params or {}, **more))


def trained(config: Config, data: Dataset) -> Recipe:
    recipe = build_recipe(config)
    *_, _last = fit(recipe, data, config, CPU)
    recipe.modules.eval()
    return recipe


def with_prior(config: Config, model: Recipe, kind: str, data: Dataset) -> tuple[Recipe, float]:
    """A trained model with a prior fitted to its codes, as a run with this setting would end; and the seconds of that.

    The stage of the prior alone is run: the model before it is the same bit for bit.
    """
    config = resolve_config(replace(config, learned_prior=kind))
    recipe = build_recipe(config)
    recipe.model.load_state_dict(model.model.state_dict(), strict=False)
    state = TrainState(recipe, config, CPU)
    state.epoch = config.epochs
    state.step = config.epochs * math.ceil(len(data.train) / config.batch_size)
    start = time.perf_counter()
    list(fit(recipe, data, config, CPU, state))
    recipe.modules.eval()
    return recipe, time.perf_counter() - start


def quality(real: np.ndarray, opened: loaded.LoadedModel, codes: np.ndarray) -> str:
    found = sampling.sample_quality(real, opened.decode(codes))
    return " | ".join(f"{found[name]:.3f}" for name in ("precision", "strict_precision", "coverage"))


SAMPLE_COLUMNS = "precision | strict precision | coverage"


def priors(size: int = 16) -> list[str]:
    """Samples of three families from the standard normal and from what is fitted to their codes."""
    data = load("mnist")
    real = data.test.to_float(slice(N_SAMPLES))
    lines = [
        "## Priors on MNIST", "",
        f"{N_SAMPLES:,} samples of each against as many test images (metrics as in the panel Samples); codes of {size} "
        "numbers, seed 0. *mixture, EM*: scikit-learn's, ten components, fitted to 10,000 training codes without a "
        "network; the others are learned for as many epochs as the model. *training images*: what a perfect sampler "
        "would score.", "",
        f"| family | prior | {SAMPLE_COLUMNS} | seconds of fitting |", "|---|---|---|---|---|---|",
    ]  # fmt: skip

    def add(family: str, prior: str, found: str, seconds: float | None = None) -> None:
        lines.append(f"| {family} | {prior} | {found} | {'' if seconds is None else f'{seconds:.0f}'} |")
        print(lines[-1], flush=True)

    for family in ("vae", "vanilla", "wae"):
        config = config_of("mnist", family, latent_dim=size)
        model = trained(config, data)
        opened = loaded.LoadedModel(config, model.model, {})
        add(family, "standard normal", quality(real, opened, opened.sample_prior(N_SAMPLES)))
        codes, _ = sampling.fit_codes(opened, data.test)
        start = time.perf_counter()
        drawn = sampling.sample_gmm_fit(codes, N_SAMPLES)
        add(family, "mixture, EM", quality(real, opened, drawn), time.perf_counter() - start)
        for kind in ("mixture", "flow", "diffusion"):
            recipe, seconds = with_prior(config, model, kind, data)
            own = loaded.LoadedModel(config, recipe.model, {})
            add(family, kind, quality(real, own, own.sample(N_SAMPLES)), seconds)
    train = data.train.to_float(slice(N_SAMPLES))
    found = sampling.sample_quality(real, train)
    add("", "training images", " | ".join(f"{found[n]:.3f}" for n in ("precision", "strict_precision", "coverage")))
    return lines


def tokens() -> list[str]:
    """A codebook's entries drawn position by position, against each position by itself."""
    data = load("mnist")
    real = data.test.to_float(slice(N_SAMPLES))
    config = config_of("mnist", "vq-vae", latent_dim=16)
    model = trained(config, data)
    recipe, seconds = with_prior(config, model, "autoregressive", data)
    opened = loaded.LoadedModel(config, recipe.model, {})
    book = recipe.model.bottleneck
    latent = opened.latents(real)
    assert isinstance(latent, Quantized) and book.learned_prior is not None
    with torch.no_grad():
        learned = float(book.learned_prior.loss(latent).mean())
    train = opened.latents(data.train.to_float(slice(sampling.N_FIT_CODES)))
    assert isinstance(train, Quantized)
    counts = torch.stack([torch.bincount(column, minlength=train.codebook_size) for column in train.indices.T]) + 1.0
    shares = (counts / counts.sum(1, keepdim=True)).log()
    alone = -float(shares.gather(1, latent.indices.T).sum(0).mean())
    lines = [
        "## Tokens on MNIST", "",
        f"VQ-VAE, 16 positions, 64 entries, seed 0: entries drawn independently by how often each position takes them, "
        f"and by the autoregressive prior ({seconds:.0f} s). Nats for a test image's 16 entries: the less, the better "
        "they are known.", "",
        f"| prior | {SAMPLE_COLUMNS} | nats |", "|---|---|---|---|---|",
        f"| independent positions | {quality(real, opened, opened.sample_prior(N_SAMPLES))} | {alone:.1f} |",
        f"| autoregressive | {quality(real, opened, opened.sample(N_SAMPLES))} | {learned:.1f} |",
    ]  # fmt: skip
    print("\n".join(lines[-2:]), flush=True)
    return lines


def disentangle(seeds: int = 5, size: int = 6) -> list[str]:
    """The mutual information gap of FactorVAE on shapes beside those of docs/zoo.md, under the same settings."""
    test = load("shapes").test
    assert test.factors is not None
    lines = [
        "## FactorVAE on shapes", "",
        "Mutual information gap (Chen et al. 2018) of the test codes for shape, scale, rotation, x and y; "
        f"{size} dimensions, 30 epochs, seeds 0 to {seeds - 1}, as in zoo.md.", "",
        "| family | MIG, median | each seed |", "|---|---|---|",
    ]  # fmt: skip
    for family, params in (("factor-vae", {}), ("beta-tcvae", {"beta": 4.0}), ("vae", {})):
        found = []
        for seed in range(seeds):
            config = config_of("shapes", family, params, latent_dim=size, epochs=30, seed=seed)
            recipe = trained(config, load("shapes"))
            codes = loaded.LoadedModel(config, recipe.model, {}).encode_split(test)
            found.append(metrics.mutual_information_gap(codes, test.factors))
        each = ", ".join(f"{mig:.3f}" for mig in found)
        lines.append(f"| {family} | {statistics.median(found):.3f} | {each} |")
        print(lines[-1], flush=True)
    return lines


EXPERIMENTS: dict[str, Callable[[], list[str]]] = {"priors": priors, "tokens": tokens, "disentangle": disentangle}


def main() -> None:
    for name in sys.argv[1:] or EXPERIMENTS:
        report.write_section(DOCS, HEADER, EXPERIMENTS[name]())


if __name__ == "__main__":
    main()
