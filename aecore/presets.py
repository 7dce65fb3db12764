"""Presets: settings that work. Where a form starts for each data set, and the runs that the gallery holds."""

from __future__ import annotations

import os
from typing import Any

from aecore.cards import CARDS
from aecore.config import Config

# widths of the encoder for each network, and what a data set of this size needs to be learnt in a short while
_SMALL: dict[str, Any] = {"mlp": (128, 64), "conv": (32, 64), "epochs": 60, "batch_size": 64, "lr": 0.004}
_LARGE: dict[str, Any] = {"mlp": (512, 256), "conv": (32, 64), "epochs": 10, "batch_size": 256, "lr": 0.003}
STARTS: dict[str, dict[str, Any]] = {"digits": _SMALL}


def start(dataset: str, network: str = "mlp", **more: Any) -> Config:
    """The settings that the form begins with for a data set and a network."""
    usual = STARTS.get(dataset, _LARGE)
    rest = {name: value for name, value in usual.items() if name not in ("mlp", "conv")}
    said: dict[str, Any] = {"dataset": dataset, "network": network, "hidden": usual[network], **rest}
    if dataset in CARDS:
        said["likelihood"] = CARDS[dataset].likelihood
    return Config(**said | more)


GALLERY: tuple[Config, ...] = (start("digits", family="vae", z_dim=2, epochs=200),)


def main() -> None:
    """Trains what the gallery lacks into pretrained/."""
    from aecore import runs
    from aecore.work import carry_out

    os.environ["AECORE_RUNS"] = str(runs.GALLERY)
    for config in GALLERY:
        from aecore.families import settle

        settled = settle(config)
        if not (runs.GALLERY / settled.id / "config.json").exists():
            for progress in carry_out(settled):
                print(f"\r{settled.id}: epoch {progress.epoch} of {progress.epochs}", end="", flush=True)
            print()


if __name__ == "__main__":
    main()
