"""One run from its settings to a finished folder. The command line and the workers both go this way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from aecore import devices, metrics, pictures, runs, trained
from aecore.config import Config
from aecore.data import Data, Split, load
from aecore.errors import UserError
from aecore.families import build, settle
from aecore.recipe import Recipe
from aecore.train import Pictures, Progress, evaluate, fit

SHOWN = 10  # pictures in the strip that moves while a model learns
STRIP_EVERY = 0.4  # seconds


def carry_out(config: Config, wanted: str | None = None) -> Iterator[Progress]:
    """Trains a run and writes its folder as it goes; the folder is complete when this ends.

    Raises AlreadyTraining when another process is at it, UserError with one sentence when it cannot be done (data
    missing, diverged, memory exhausted). Closing the generator, or a file `stop` in the folder, stops it.
    """
    config = settle(config)
    with runs.Draft(config) as draft:
        try:
            draft.say(
                "training",
                reason="",
                offer="",
                progress={"epoch": 0, "epochs": config.epochs, "fraction": 0.0},
            )
            device, data = devices.pick(wanted), load(config.dataset)
            recipe, strip, progress = build(config), _Strip(data), None
            for progress in fit(recipe, data, config, device.torch):
                if draft.stop_asked:
                    break
                _record(draft, progress)
                strip.draw(recipe, draft, last=progress.fraction >= 1)
                yield progress
            if progress is None or progress.fraction < 1:
                done = f"{progress.epoch if progress else 0} of {config.epochs} epochs"
                draft.say("stopped", reason=f"Stopped after {done}; nothing of it was kept.")
                return
            _finish(draft, recipe, data, device, progress)
        except (GeneratorExit, KeyboardInterrupt):
            draft.say("stopped", reason="Stopped before it was done; nothing of it was kept.")
            raise
        except torch.OutOfMemoryError:
            sentence = "The GPU's memory is exhausted; train on the CPU, or with a smaller batch or network."
            draft.say("failed", reason=sentence, offer="cpu")
            raise UserError(sentence) from None
        except UserError as error:
            draft.say("failed", reason=str(error))
            raise
        except BaseException as error:
            draft.say("failed", reason=f"The training broke on an error of ours: {type(error).__name__}: {error}")
            raise


def _record(draft: runs.Draft, progress: Progress) -> None:
    said = dataclasses.asdict(progress) | {"seconds_left": min(progress.seconds_left, 1e9)}
    if progress.validation is not None:
        draft.add_epoch({name: said[name] for name in ("epoch", "seconds", "train", "validation")})
    draft.say("training", progress=said)


class _Strip:
    """The row of held-out pictures that is drawn again and again while a model learns."""

    def __init__(self, data: Data) -> None:
        labels = data.validation.labels
        firsts = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
        rest = [row for row in range(len(labels)) if row not in firsts]
        self.x = torch.from_numpy(data.validation.floats(np.array([*firsts, *rest][:SHOWN])))
        self.y = torch.from_numpy(labels[np.array([*firsts, *rest][:SHOWN])])
        self.due = 0.0

    @torch.no_grad()
    def draw(self, recipe: Recipe, draft: runs.Draft, last: bool) -> None:
        """Writes strip.png: the pictures, what the model saw of them if that differs, and what it makes of them."""
        if time.monotonic() < self.due and not last:
            return
        device = next(recipe.model.parameters()).device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            seen = recipe.corruption(self.x)
        drawn = recipe.model.reconstruct(seen.to(device), self.y.to(device)).float().cpu()
        rows = [self.x, drawn] if torch.equal(seen, self.x) else [self.x, seen, drawn]
        image = pictures.mosaic(torch.cat(rows).numpy().clip(0, 1), columns=len(self.x))
        runs.write(draft.place / "strip.png", pictures.png(image))
        self.due = time.monotonic() + STRIP_EVERY


def _finish(draft: runs.Draft, recipe: Recipe, data: Data, device: devices.Device, last: Progress) -> None:
    test = Pictures.of(data.test, device.torch)
    held_out = Pictures.of(data.validation, device.torch)  # the last epoch's weights need not be those that are kept
    validation, losses = (evaluate(recipe, split, draft.config) for split in (held_out, test))
    opened = trained.Trained(draft.config, recipe.model.eval(), {})
    codes = opened.codes_of(data.test)
    result: dict[str, Any] = {
        "seconds": round(last.seconds, 3),
        "parameters": trained.count(recipe.modules),
        "train": last.train,
        "validation": validation,
        "test": losses,
        "mse": float(squared_errors(opened, data.test).mean()),
        "active_units": metrics.active_units(codes),
        "device": device.name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "created": time.time(),
    }
    draft.finish(trained.weights(recipe.model.cpu()), result, trained.thumbnail(opened, codes))


def squared_errors(opened: trained.Trained, split: Split) -> np.ndarray:
    """Squared error per pixel value of each picture of a split, `[N]`."""
    errors = []
    for start in range(0, len(split), trained.BATCH):
        x = split.floats(slice(start, start + trained.BATCH))
        labels = split.labels[start : start + trained.BATCH]
        errors.append(metrics.mse(x, opened.reconstruct(x, labels)))
    return np.concatenate(errors)


def numbers_in(text: str, end: int) -> np.ndarray:
    """The numbers typed in a text, each from 0 to end - 1. Raises UserError for anything else."""
    words = text.replace(",", " ").split()
    if not words or not all(word.isdecimal() and int(word) < end for word in words):
        raise UserError(f"Type numbers from 0 to {end - 1} with commas between them, not {text[:40]!r}.")
    return np.array([int(word) for word in words])


def baselines(data: Data, z_dim: int, most: int = 10_000) -> dict[str, float]:
    """Squared errors per pixel value on the test pictures that a model has to beat: of always answering the mean
    picture, and of PCA with as many numbers. Fitted on at most `most` training pictures."""
    known, test = data.train.floats(slice(most)), data.test.floats(slice(most))
    return {
        "mean_picture_mse": metrics.mean_picture_error(known, test),
        "pca_mse": metrics.pca_error(known, test, z_dim),
    }
