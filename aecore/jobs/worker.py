"""One run from its settings to a finished folder. The command line and the workers both go this way."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model

from aecore import disk, files
from aecore.analysis import loaded, metrics
from aecore.analysis.diagnosis.checkup import examined
from aecore.config import Config
from aecore.data import images
from aecore.data.cards import CARDS
from aecore.data.datasets import Data, load
from aecore.errors import UserError
from aecore.jobs import projection_jobs
from aecore.limits import TooLarge
from aecore.models.autoencoder import Autoencoder
from aecore.models.families.build import build, complete_config, settle
from aecore.models.recipe import Recipe
from aecore.store import runs, snapshots
from aecore.training import devices
from aecore.training.loop import Pictures, Progress, evaluate, fit
from aecore.training.state import Diverged, Position

TINY = 8e6  # multiplications of a batch with the weights
NOTED = ("epoch", "seconds", "train", "validation", "gradient", "vitals")  # in a run's history
SHOWN = 10  # pictures in the strip that moves while a model learns

Write = Callable[..., None]  # calls a function that writes with what it is to be given, when there is room for it


def carry_out(
    config: Config, wanted: str | None = None, resume: bool = True, wait_for_room: bool = False
) -> Iterator[Progress]:
    """Trains a run and writes its folder as it goes; the folder is complete when this ends.

    Goes on from the checkpoint where there is one, and leaves one when it is stopped: by closing the generator, or by
    an order in the folder. Without `resume`, a run at rest is left as it is. With `wait_for_room` it stands still while
    the disk is full, and says so in the run's state. Raises AlreadyTraining when another process is at it, UserError
    with one sentence when it cannot be done (data missing, diverged, memory or disk exhausted).
    """
    config = _settled(config)
    with runs.Draft(config) as draft, devices.threads(1 if _tiny(config) else None):
        if not resume and draft.said in runs.AT_REST:
            return
        try:
            yield from _carry_out(draft, config, wanted, Patient(draft) if wait_for_room else _at_once)
        except (GeneratorExit, KeyboardInterrupt):
            draft.rest("stop")
            raise
        except torch.OutOfMemoryError:
            sentence = "The GPU's memory is exhausted; train on the CPU, or with a smaller batch or network."
            draft.say("failed", reason=sentence, offer="cpu")
            raise UserError(sentence) from None
        except OSError as error:
            if error.errno not in disk.NO_ROOM:
                draft.say("failed", reason=f"A file could not be read or written: {error}.")
                raise
            (draft.place / "strip.png").unlink(missing_ok=True)  # room for saying so
            on = "go on from the last checkpoint" if draft.mark() else "train it again"
            sentence = f"The disk is full: free some space, then {on}."
            draft.say("failed", reason=sentence)
            raise UserError(sentence) from None
        except UserError as error:
            if isinstance(error, Diverged):
                draft.checkpoint.unlink(missing_ok=True)  # going on from there would end the same way
            draft.say("failed", reason=str(error), diverged=isinstance(error, Diverged))
            raise
        except BaseException as error:
            draft.say("failed", reason=f"The training broke on an error of ours: {type(error).__name__}: {error}")
            raise


def _settled(config: Config) -> Config:
    """The run said completely. One that this computer has no memory for has failed, and says so: somebody may have
    asked for it elsewhere."""
    try:
        return settle(config)
    except TooLarge as error:
        with runs.Draft(complete_config(config)) as draft:
            if draft.said != "finished":
                draft.say("failed", reason=str(error))
        raise


def _tiny(config: Config) -> bool:
    """Whether the steps are too small to share: threads wait for each other as long as they save, and on a machine with
    other things to do much longer (docs/performance.md)."""
    return config.network == "mlp" and loaded.sizes(config).parameters * config.batch_size < TINY


class Ordered(Exception):
    """An order to come to rest was given while a training stood still."""


def _at_once(write: Callable[..., None], *args: Any, **more: Any) -> None:
    write(*args, **more)


class Patient:
    """Writes what a training has to write, and waits while the disk has no room for it. Raises Ordered when the run is
    to come to rest meanwhile."""

    EVERY = 0.5  # seconds between two tries

    def __init__(self, draft: runs.Draft) -> None:
        self.draft = draft

    def __call__(self, write: Callable[..., None], *args: Any, **more: Any) -> None:
        told = self.draft.state.get("reason", "")
        waiting = False
        while True:
            try:
                write(*args, **more)
                break
            except OSError as error:
                if error.errno not in disk.NO_ROOM:
                    raise
            if not waiting:
                self.draft.say("training", reason="The disk is full: it goes on as soon as there is room.")
                waiting = True
            if self.draft.ordered:
                raise Ordered
            time.sleep(self.EVERY)
        if waiting:
            self.draft.say("training", reason=told)


def _carry_out(draft: runs.Draft, config: Config, wanted: str | None, written: Write) -> Iterator[Progress]:
    try:
        yield from _trained(draft, config, wanted, written)
    except Ordered:
        given = draft.ordered
        draft.rest(given[0] if given else "stop")


def _trained(draft: runs.Draft, config: Config, wanted: str | None, written: Write) -> Iterator[Progress]:
    reason = draft.state.get("reason", "") if draft.said == "training" else ""  # why another worker goes on, say
    begun = draft.state.get("progress") or _nothing(config)
    draft.say("training", reason=reason, offer="", log="", diverged=False, progress=begun)
    device, data = devices.pick(wanted), load(config.dataset)
    recipe, at = _begin(draft, config, device.torch, written)
    strip, album = _Strip(data), _album(draft, recipe, at.epoch)
    draw, keep = Paced(0.0, 0.4, 0.06, 0.002), Paced(0.3, 1.0, 0.06, 0.004)

    def record(epoch: int, last: bool) -> None:
        """A snapshot for the time machine, where one is due."""
        if album.due(epoch, at.seconds, last):
            with _at_rest(recipe):
                album.add(loaded.Trained(config, recipe.model, {}), data.test, epoch)

    if not at.step:
        written(record, 0, last=False)
    progress = None
    try:
        for progress in fit(recipe, data, config, device.torch, at):
            last = progress.fraction >= 1
            if progress.validation is not None:
                written(_add_epoch, draft, progress)
            written(_say_progress, draft, progress)
            if not last and (ordered := draft.ordered):
                written(draft.keep, at.save())
                draft.rest(ordered[0])
                return
            written(draw.do, lambda: strip.draw(recipe, draft), anyway=last)
            if progress.validation is not None:
                written(record, progress.epoch, last)
            if not last:
                written(keep.do, lambda: draft.keep(at.save()))
            yield progress
    except GeneratorExit:
        if progress and progress.fraction < 1:
            draft.keep(at.save())
        raise
    assert progress is not None, "a position at the end of a training is never saved"
    _finish(draft, recipe, data, device, progress, written)


def _nothing(config: Config) -> dict[str, Any]:
    return {"epoch": 0, "epochs": config.epochs, "fraction": 0.0}


def _begin(draft: runs.Draft, config: Config, device: torch.device, written: Write) -> tuple[Recipe, Position]:
    """A recipe, and where its training stands: at the checkpoint, else at the beginning."""
    recipe = build(config)
    if config.parent and not draft.mark():
        inherit(recipe.model, config.parent)
    at = Position(recipe, config, device)
    if draft.mark():
        try:
            at.load(draft.checkpoint)
        except UserError as error:
            disk.remove(draft.checkpoint)
            draft.say("training", reason=f"{error} So it started over.")
            return _begin(draft, config, device, written)
    written(draft.back_to, at.epoch)
    return recipe, at


def inherit(model: Autoencoder, parent: str) -> None:
    """Gives a model the weights of a finished run. Raises UserError when they do not fit it or are not there."""
    try:
        weights = runs.path(parent) / "weights.safetensors"
        files.opened(weights).close()  # no FIFO, for which safetensors would wait
        load_model(model, weights)
    except FileNotFoundError:
        raise UserError(f"The run {parent}, whose weights this one starts from, is not here any more.") from None
    except (SafetensorError, RuntimeError, OSError):
        raise UserError(
            f"The weights of {parent} do not fit these settings: keep its network and latent size."
        ) from None


class Paced:
    """Something done beside the training again and again: not more often than `every` seconds, and in all for no longer
    than `start` seconds and a `share` of the time since. Times are in seconds."""

    def __init__(self, first: float, every: float, start: float, share: float) -> None:
        self.every, self.start, self.share = every, start, share
        self.began, self.spent, self.times = time.monotonic(), 0.0, 0
        self.due = self.began + first

    def do(self, what: Callable[[], None], anyway: bool = False) -> None:
        """Does it when it is due."""
        now = time.monotonic()
        if anyway or (now >= self.due and self.spent <= self.start + self.share * (now - self.began)):
            what()
            # the first one finds everything cold, and says nothing of those to come
            self.spent += time.monotonic() - now if self.times else 0
            self.times, self.due = self.times + 1, now + self.every


@contextlib.contextmanager
def _at_rest(recipe: Recipe) -> Iterator[None]:
    """The model as it is in use, for a look between two steps."""
    recipe.modules.eval()
    yield
    recipe.modules.train()


def _album(draft: runs.Draft, recipe: Recipe, epoch: int) -> snapshots.Album:
    pixels, size = math.prod(CARDS[draft.config.dataset].shape), recipe.model.bottleneck.outputs
    album = snapshots.Album(draft.place, pixels, size, draft.config.epochs)
    album.back_to(epoch)
    return album


def _add_epoch(draft: runs.Draft, progress: Progress) -> None:
    said = dataclasses.asdict(progress)
    draft.add_epoch({name: said[name] for name in NOTED})


def _say_progress(draft: runs.Draft, progress: Progress) -> None:
    said = dataclasses.asdict(progress) | {"seconds_left": min(progress.seconds_left, 1e9)}
    draft.say("training", progress={name: each for name, each in said.items() if name != "vitals"})


class _Strip:
    """The row of held-out pictures that is drawn again and again while a model learns."""

    def __init__(self, data: Data) -> None:
        rows = snapshots.shown(data.validation, SHOWN)
        self.x = torch.from_numpy(data.validation.floats(rows))
        self.y = torch.from_numpy(data.validation.labels[rows])

    @torch.no_grad()
    def draw(self, recipe: Recipe, draft: runs.Draft) -> None:
        """Writes strip.png: the pictures, what the model saw of them if that differs, and what it makes of them."""
        device = next(recipe.model.parameters()).device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            seen = recipe.corruption(self.x)
        with _at_rest(recipe):
            drawn = recipe.model.reconstruct(seen.to(device), self.y.to(device)).float().cpu()
        rows = [self.x, drawn] if torch.equal(seen, self.x) else [self.x, seen, drawn]
        image = images.mosaic(torch.cat(rows).numpy().clip(0, 1), columns=len(self.x))
        runs.write(draft.place / "strip.png", images.png(image))


def _finish(
    draft: runs.Draft,
    recipe: Recipe,
    data: Data,
    device: devices.Device,
    last: Progress,
    written: Write,
) -> None:
    recipe.modules.eval()
    losses = evaluate(recipe, Pictures.of(data.test, device.torch), draft.config)
    opened = loaded.Trained(draft.config, recipe.model, {})
    seen = examined(recipe, opened, data)  # the last epoch's weights need not be those that are kept
    codes = opened.codes_of(data.test)
    result: dict[str, Any] = {
        "seconds": round(last.seconds, 3),
        "parameters": loaded.count(recipe.modules),
        "train": last.train,
        "validation": seen["validation"],
        "test": losses,
        "checkup": seen,
        "mse": float(opened.errors(data.test).mean()),
        "code_size": opened.code_size,
        "code_bits": opened.code_bits,
        "active_units": metrics.active_units(codes),
        "device": device.name,
        "threads": torch.get_num_threads(),
        "precision": "bfloat16" if devices.halves(draft.config.precision, device.torch) else "float32",
        "torch": torch.__version__,
        "created": time.time(),
    }
    recipe.modules.cpu()
    adversary = loaded.weights(recipe.others) if len(recipe.others) else None
    written(draft.finish, loaded.weights(recipe.model), result, loaded.thumbnail(opened, codes), adversary)
    if projection_jobs.wanted():  # of the codes that pages find, to the last bit: theirs are the CPU's
        projection_jobs.prepare(codes if device.kind == "cpu" else opened.codes_of(data.test))


def numbers_in(text: str, end: int) -> np.ndarray:
    """The numbers typed in a text, each from 0 to end - 1. Raises UserError for anything else."""
    words = text.replace(",", " ").split()
    if not words or not all(word.isdecimal() and len(word) < 10 and int(word) < end for word in words):
        raise UserError(f"Type numbers from 0 to {end - 1} with commas between them, not {text[:40]!r}.")
    return np.array([int(word) for word in words])
