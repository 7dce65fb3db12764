"""How fast models train: what a textbook does, the same tuned, and the laboratory, on MNIST, side by side in one run.

    AECORE_DATA=folder python -m benchmarks.training          prints tables and, last, one line of JSON
    ... --keep                                                puts the tables into docs/performance.md too

The same 2-D VAE, seed, 55,000 training images and number of examples for all. Losses are negative ELBOs in nats per
image, one draw of z each: of the 10,000 test images, and of the 5,000 that were held out to choose by. The clock
stands still while they are taken. Workers tell waiting threads to spin for a moment (aecore/jobs/api.py): for the
same set GOMP_SPINCOUNT=20000, which rivals then have too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torch.utils.flop_counter import FlopCounterMode

from aecore.config import Config
from aecore.data import datasets as data
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.training import devices
from aecore.training.loop import DeviceDataset, evaluate, fit
from aecore.training.state import TrainState
from benchmarks import report

GOAL = 147.0  # nats: about what the textbook's loop comes to in seven epochs
EPOCHS = {"short": 6, "long": 12}  # of a one-cycle rate that is to reach it, and of the comparison of what is reached
CPU = torch.device("cpu")
EvaluateLoss = Callable[[DeviceDataset], float]  # the negative ELBO of images


# --- What a textbook does, written as one would write it --------------------------------------------------------------


class TextbookVAE(nn.Module):
    """784-512-256-2 and back, or two convolutions with 32 and 64 channels: the same sizes as the laboratory's."""

    def __init__(self, network: str) -> None:
        super().__init__()
        if network == "mlp":
            wide = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 4)]
            back = [nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784)]
            self.encoder = nn.Sequential(nn.Flatten(), *wide)
            self.decoder = nn.Sequential(*back, nn.Unflatten(1, (1, 28, 28)))
        else:
            down = [nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU()]
            up = [nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1)]
            self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(64 * 7 * 7, 4))
            self.decoder = nn.Sequential(nn.Linear(2, 64 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)), *up)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return self.decoder(z), mean, logvar


def textbook_loss(raw: Tensor, x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    reconstruction = F.binary_cross_entropy_with_logits(raw, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
    return (reconstruction + kl) / len(x)


def textbook(network: str, epochs: int, seed: int, tuned: bool = False) -> Iterator[tuple[float, EvaluateLoss]]:
    """After each epoch: the seconds of training so far, and how to judge the model.

    Tuned: batches of 512 from two workers that stay, one fused optimiser, twice the rate for four times the batch.
    """
    from torchvision import datasets, transforms

    torch.manual_seed(seed)
    everything = datasets.MNIST(data.data_dir(), train=True, transform=transforms.ToTensor())
    workers: dict[str, Any] = {"num_workers": 2, "persistent_workers": True, "prefetch_factor": 4} if tuned else {}
    # the laboratory holds out the first 5,000
    loader = DataLoader(Subset(everything, range(5000, 60000)), 512 if tuned else 128, shuffle=True, **workers)
    model = TextbookVAE(network)
    more = {"lr": 2e-3, "fused": True} if tuned else {"lr": 1e-3}
    optimiser = torch.optim.Adam(model.parameters(), **more)
    seconds = 0.0
    for _ in range(epochs):
        started = time.perf_counter()
        for x, _label in loader:
            raw, mean, logvar = model(x)
            loss = textbook_loss(raw, x, mean, logvar)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        seconds += time.perf_counter() - started
        yield seconds, lambda images: textbook_evaluate(model, images)


@torch.no_grad()
def textbook_evaluate(model: nn.Module, dataset: DeviceDataset) -> float:
    torch.manual_seed(0)
    batches = dataset.batches(torch.arange(len(dataset)), 500)
    return sum(float(textbook_loss(*_loss_inputs(model, x))) * len(x) for x, _ in batches) / len(dataset)


def _loss_inputs(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    raw, mean, logvar = model(x)
    return raw, x, mean, logvar


# --- What the laboratory does -----------------------------------------------------------------------------------------


BATCH_SETTINGS: dict[str, dict[str, Any]] = {
    "mlp": {"batch_size": 512, "lr": 0.008},  # as the tuned loop
    "conv": {"batch_size": 256, "lr": 0.003},  # as the form: larger ones leave the cache
}


LARGE_BATCH: dict[str, Any] = {
    "batch_size": 768,
    "lr": 0.01,
}  # fewer steps: faster, and a little worse after as many epochs


def make_config(network: str, epochs: int, seed: int, precision: str, **overrides: Any) -> Config:
    """A VAE as the form makes it, but for the MLP's batch."""
    more = {"epochs": epochs, "seed": seed, "precision": precision, **BATCH_SETTINGS[network], **overrides}
    return resolve_config(presets.default_config("mnist", network, family="vae", latent_dim=2, **more))


def app_loop(config: Config, dataset: data.Dataset) -> Iterator[tuple[float, EvaluateLoss]]:
    """After each epoch: the seconds of training so far, and how to judge the model.

    The loop is given nothing to hold out, or its clock would run while it looks at that.
    """
    recipe, nothing = (
        build_recipe(config),
        replace(dataset.validation, x=dataset.validation.x[:0], y=dataset.validation.y[:0]),
    )
    for progress in fit(recipe, replace(dataset, validation=nothing), config, CPU, TrainState(recipe, config, CPU)):
        if progress.validation is not None:
            yield progress.seconds, lambda images: sum(evaluate(recipe, images, config).values())


# --- Side by side -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LearningCurve:
    """A training as a curve: seconds, test and validation loss after each epoch; losses where they were asked for."""

    seconds: list[float]
    test: list[float]
    validation: list[float]

    @property
    def seconds_per_epoch(self) -> float:
        """Seconds of the fastest epoch: other work on the machine only ever adds to it."""
        return min(after - before for before, after in zip([0.0, *self.seconds], self.seconds, strict=False))

    def seconds_to_goal(self) -> float | None:
        """Seconds until the test loss was no more than GOAL."""
        return next((s for s, loss in zip(self.seconds, self.test, strict=True) if loss <= GOAL), None)


def record_curve(
    training: Iterator[tuple[float, EvaluateLoss]], dataset: data.Dataset, evaluated: bool = True
) -> LearningCurve:
    test, validation = DeviceDataset.from_split(dataset.test, CPU), DeviceDataset.from_split(dataset.validation, CPU)
    run = LearningCurve([], [], [])
    for seconds, judge in training:
        run.seconds.append(seconds)
        if evaluated:
            run.test.append(judge(test))
            run.validation.append(judge(validation))
    return run


def peak_flops(dtype: torch.dtype, side: int = 1024) -> float:
    """The fastest matrix product of this machine, FLOP/s: the best of many."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    best = float("inf")
    for _ in range(30):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def flops_per_epoch(config: Config, dataset: data.Dataset) -> int:
    """Floating-point operations of the products and convolutions that one epoch needs, there and back."""
    recipe, n = build_recipe(config), config.batch_size
    x, y = DeviceDataset.from_split(dataset.train, CPU).batch(torch.arange(n))
    with FlopCounterMode(display=False) as counter:
        sum(recipe.objectives[0].loss(recipe.forward(x, y)).values(), torch.zeros(())).backward()
    return int(counter.get_total_flops() * len(dataset.train) / n)


def compare_quality(dataset: data.Dataset, seeds: range) -> tuple[list[str], dict[str, Any]]:
    """Seconds to GOAL, and what is reached after the same number of epochs."""
    short, long = EPOCHS["short"], EPOCHS["long"]
    rivals = {
        "textbook": [record_curve(textbook("mlp", long, 0), dataset)],
        "textbook, tuned": [record_curve(textbook("mlp", long, 0, tuned=True), dataset)],
        "ours, float32": [
            record_curve(app_loop(make_config("mlp", short, s, "float32"), dataset), dataset) for s in seeds
        ],
        "ours": [record_curve(app_loop(make_config("mlp", short, s, "auto"), dataset), dataset) for s in seeds],
        "ours, long": [
            record_curve(app_loop(make_config("mlp", long, s, "auto"), dataset), dataset) for s in seeds[:1]
        ],
        "ours, long, batches of 768": [
            record_curve(app_loop(make_config("mlp", long, s, "auto", **LARGE_BATCH), dataset), dataset)
            for s in seeds[:1]
        ],
    }
    base = rivals["textbook"][0].seconds_to_goal()
    lines = [
        "",
        f"| | epochs | seconds to {GOAL:.0f} | times faster | test | validation |",
        "|---|---|---|---|---|---|",
    ]
    said: dict[str, Any] = {}
    for name, runs in rivals.items():
        times = [run.seconds_to_goal() for run in runs]
        took = median(float("inf") if each is None else each for each in times)
        told = f"{took:.1f} | {base / took:.1f}" if base and took < float("inf") else "not reached | "
        test, validation = (median(curve[-1] for curve in curves) for curves in _curves(runs))
        lines.append(f"| {name} | {len(runs[0].test)} | {told} | {test:.1f} | {validation:.1f} |")
        said[name] = {
            "seconds": times,
            "test": [run.test for run in runs],
            "validation": [run.validation[-1] for run in runs],
        }
    return lines, said


def _curves(runs: list[LearningCurve]) -> tuple[list[list[float]], list[list[float]]]:
    return [run.test for run in runs], [run.validation for run in runs]


def compare_speed(network: str, dataset: data.Dataset, epochs: int) -> tuple[list[str], dict[str, Any]]:
    """Seconds an epoch, and the share of the machine's matrix products that this is."""
    rivals: dict[str, tuple[str, LearningCurve]] = {
        "textbook": ("float32", record_curve(textbook(network, epochs, 0), dataset, evaluated=False)),
        "textbook, tuned": (
            "float32",
            record_curve(textbook(network, epochs, 0, tuned=True), dataset, evaluated=False),
        ),
        "ours, float32": (
            "float32",
            record_curve(app_loop(make_config(network, epochs, 0, "float32"), dataset), dataset, False),
        ),
    }
    if devices.use_bfloat16("auto", CPU):
        half = record_curve(app_loop(make_config(network, epochs, 0, "auto"), dataset), dataset, evaluated=False)
        rivals["ours, bfloat16"] = ("bfloat16", half)
        if network == "mlp":
            larger = make_config(network, epochs, 0, "auto", **LARGE_BATCH)
            rivals["ours, bfloat16, batches of 768"] = (
                "bfloat16",
                record_curve(app_loop(larger, dataset), dataset, evaluated=False),
            )
    peaks = {"float32": peak_flops(torch.float32), "bfloat16": peak_flops(torch.bfloat16)}
    work, base, said = (
        flops_per_epoch(make_config(network, 1, 0, "float32"), dataset),
        rivals["textbook"][1].seconds_per_epoch,
        {},
    )
    lines = [
        "",
        f"| {network} | seconds an epoch | images a second | times faster | GFLOP/s | of the peak |",
        "|---|---|---|---|---|---|",
    ]
    for name, (precision, run) in rivals.items():
        took = run.seconds_per_epoch
        lines.append(
            f"| {name} | {took:.2f} | {len(dataset.train) / took:,.0f} | {base / took:.1f} | {work / took / 1e9:.0f} | "
            f"{work / took / peaks[precision]:.0%} |"
        )
        said[name] = {"epoch": round(took, 3), "share": round(work / took / peaks[precision], 3)}
    lines += ["", ", ".join(f"{name} {each / 1e9:.0f} GFLOP/s" for name, each in peaks.items()) + " at best."]
    return lines, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help=f"put the tables into {report.PERFORMANCE}")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of ours, whose median is told")
    parser.add_argument("--only", choices=["mlp", "conv", "quality"], help="one part")
    asked = parser.parse_args()
    known, said = data.load("mnist"), {}
    machine = (
        f"{torch.get_num_threads()} threads of {os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}"
    )
    parts: dict[str, tuple[str, Callable[[], tuple[list[str], dict[str, Any]]]]] = {
        "mlp": ("Training an MLP, seconds an epoch", lambda: compare_speed("mlp", known, 3)),
        "conv": ("Training convolutions, seconds an epoch", lambda: compare_speed("conv", known, 2)),
        "quality": ("Training to a test loss", lambda: compare_quality(known, range(asked.seeds))),
    }
    for name, (title, measure) in parts.items():
        if asked.only in (None, name):
            lines, said[name] = measure()
            print("\n".join(lines), flush=True)
            if asked.keep:
                report.write_section(
                    report.PERFORMANCE,
                    report.PERFORMANCE_HEADER,
                    [f"## {title}", *lines, "", f"Measured with {machine}."],
                )
    print(json.dumps(said))


if __name__ == "__main__":
    main()
