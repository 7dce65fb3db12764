"""One run from its settings to a finished folder. The command line and the workers both go this way."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model

from aecore import disk, files
from aecore.analysis import loaded, metrics
from aecore.analysis.diagnosis.checkup import compute_checkup
from aecore.config import Config
from aecore.data import images
from aecore.data.cards import CARDS
from aecore.data.datasets import Dataset, load
from aecore.errors import UserError
from aecore.jobs import projection_jobs
from aecore.limits import TooLarge
from aecore.models.autoencoder import Autoencoder
from aecore.models.families.build import build_recipe, complete_config, model_size, resolve_config
from aecore.models.footprint import count_parameters
from aecore.models.recipe import Recipe
from aecore.models.rng import seeded
from aecore.store import runs, snapshots
from aecore.training import devices
from aecore.training.loop import DeviceDataset, Progress, evaluate, fit
from aecore.training.state import Diverged, TrainState

MIN_THREADED_WORK = 8e6  # multiplications of a batch with the weights
HISTORY_FIELDS = ("epoch", "seconds", "train", "validation", "grad_norm", "signals")  # in a run's history
PREVIEW_SIZE = 10  # pictures in the strip that moves while a model learns

WriteFunction = Callable[
    ..., None
]  # calls a function that writes with what it is to be given, when there is room for it


def run_training(
    config: Config, device_name: str | None = None, resume: bool = True, wait_for_space: bool = False
) -> Iterator[Progress]:
    """Trains a run and writes its folder as it goes; the folder is complete when this ends.

    Goes on from the checkpoint where there is one, and leaves one when it is stopped: by closing the generator, or by
    an order in the folder. Without `resume`, a run at rest is left as it is. With `wait_for_room` it stands still while
    the disk is full, and says so in the run's state. Raises AlreadyTraining when another process is at it, UserError
    with one sentence when it cannot be done (data missing, diverged, memory or disk exhausted).
    """
    config = _resolve_config(config)
    with runs.RunWriter(config) as draft, devices.limit_threads(1 if _is_small(config) else None):
        if not resume and draft.state in runs.INACTIVE_STATES:
            return
        try:
            yield from _run_training(
                draft, config, device_name, RetryWhenDiskFull(draft) if wait_for_space else _write_now
            )
        except (GeneratorExit, KeyboardInterrupt):
            draft.set_stopped("stop")
            raise
        except torch.OutOfMemoryError:
            sentence = "The GPU's memory is exhausted; train on the CPU, or with a smaller batch or network."
            draft.set_state("failed", message=sentence, fallback_device="cpu")
            raise UserError(sentence) from None
        except OSError as error:
            if error.errno not in disk.DISK_FULL_ERRNOS:
                draft.set_state("failed", message=f"A file could not be read or written: {error}.")
                raise
            (draft.run_dir / "preview.png").unlink(missing_ok=True)  # room for saying so
            on = "go on from the last checkpoint" if draft.checkpoint_version() else "train it again"
            sentence = f"The disk is full: free some space, then {on}."
            draft.set_state("failed", message=sentence)
            raise UserError(sentence) from None
        except UserError as error:
            if isinstance(error, Diverged):
                draft.checkpoint.unlink(missing_ok=True)  # going on from there would end the same way
            draft.set_state("failed", message=str(error), diverged=isinstance(error, Diverged))
            raise
        except BaseException as error:
            draft.set_state(
                "failed", message=f"The training broke on an error of ours: {type(error).__name__}: {error}"
            )
            raise


def _resolve_config(config: Config) -> Config:
    """The run said completely. One that this computer has no memory for has failed, and says so: somebody may have
    asked for it elsewhere."""
    try:
        return resolve_config(config)
    except TooLarge as error:
        with runs.RunWriter(complete_config(config)) as draft:
            if draft.state != "finished":
                draft.set_state("failed", message=str(error))
        raise


def _is_small(config: Config) -> bool:
    """Whether the steps are too small to share: threads wait for each other as long as they save, and on a machine with
    other things to do much longer (docs/performance.md)."""
    return config.network == "mlp" and model_size(config).parameters * config.batch_size < MIN_THREADED_WORK


class StopRequested(Exception):
    """An order to come to rest was given while a training stood still."""


def _write_now(write: Callable[..., None], *args: Any, **more: Any) -> None:
    write(*args, **more)


class RetryWhenDiskFull:
    """Writes what a training has to write, and waits while the disk has no room for it. Raises Ordered when the run is
    to come to rest meanwhile."""

    RETRY_EVERY = 0.5  # seconds between two tries

    def __init__(self, writer: runs.RunWriter) -> None:
        self.writer = writer

    def __call__(self, write: Callable[..., None], *args: Any, **more: Any) -> None:
        told = self.writer.state_fields.get("message", "")
        waiting = False
        while True:
            try:
                write(*args, **more)
                break
            except OSError as error:
                if error.errno not in disk.DISK_FULL_ERRNOS:
                    raise
            if not waiting:
                self.writer.set_state("training", message="The disk is full: it goes on as soon as there is room.")
                waiting = True
            if self.writer.command:
                raise StopRequested
            time.sleep(self.RETRY_EVERY)
        if waiting:
            self.writer.set_state("training", message=told)


def _run_training(
    writer: runs.RunWriter, config: Config, device_name: str | None, write: WriteFunction
) -> Iterator[Progress]:
    try:
        yield from _train(writer, config, device_name, write)
    except StopRequested:
        given = writer.command
        writer.set_stopped(given[0] if given else "stop")


def _train(writer: runs.RunWriter, config: Config, device_name: str | None, write: WriteFunction) -> Iterator[Progress]:
    message = (
        writer.state_fields.get("message", "") if writer.state == "training" else ""
    )  # why another worker goes on, say
    begun = writer.state_fields.get("progress") or _initial_progress(config)
    writer.set_state("training", message=message, fallback_device="", log="", diverged=False, progress=begun)
    device, data = devices.select_device(device_name), load(config.dataset)
    recipe, at = _start_or_resume(writer, config, device.torch, write)
    strip, album = _PreviewStrip(data), _snapshot_recorder(writer, recipe, at.epoch)
    draw, keep = Throttle(0.0, 0.4, 0.06, 0.002), Throttle(0.3, 1.0, 0.06, 0.004)

    def record(epoch: int, last: bool) -> None:
        """A snapshot for the time machine, where one is due."""
        if album.should_record(epoch, at.seconds, last):
            with _eval_mode(recipe):
                album.record(loaded.LoadedModel(config, recipe.model, {}), data.test, epoch)

    if not at.step:
        write(record, 0, last=False)
    progress = None
    try:
        for progress in fit(recipe, data, config, device.torch, at):
            last = progress.fraction >= 1
            if progress.validation is not None:
                write(_record_epoch, writer, progress)
            write(_report_progress, writer, progress)
            if not last and (ordered := writer.command):
                write(writer.save_checkpoint, at.save())
                writer.set_stopped(ordered[0])
                return
            write(draw.call, lambda: strip.draw(recipe, writer), force=last)
            if progress.validation is not None:
                write(record, progress.epoch, last)
            if not last:
                write(keep.call, lambda: writer.save_checkpoint(at.save()))
            yield progress
    except GeneratorExit:
        if progress and progress.fraction < 1:
            writer.save_checkpoint(at.save())
        raise
    assert progress is not None, "a position at the end of a training is never saved"
    _finish(writer, recipe, data, device, progress, write)


def _initial_progress(config: Config) -> dict[str, Any]:
    return {"epoch": 0, "epochs": config.epochs, "fraction": 0.0}


def _start_or_resume(
    writer: runs.RunWriter, config: Config, device: torch.device, write: WriteFunction
) -> tuple[Recipe, TrainState]:
    """A recipe, and where its training stands: at the checkpoint, else at the beginning."""
    recipe = build_recipe(config)
    if config.parent and not writer.checkpoint_version():
        load_parent_weights(recipe.model, config.parent)
    at = TrainState(recipe, config, device)
    if writer.checkpoint_version():
        try:
            at.load(writer.checkpoint)
        except UserError as error:
            disk.remove(writer.checkpoint)
            writer.set_state("training", message=f"{error} So it started over.")
            return _start_or_resume(writer, config, device, write)
    write(writer.truncate_history, at.epoch)
    return recipe, at


def load_parent_weights(model: Autoencoder, parent: str) -> None:
    """Gives a model the weights of a finished run. Raises UserError when they do not fit it or are not there."""
    try:
        weights = runs.path(parent) / "weights.safetensors"
        files.open_regular(weights).close()  # no FIFO, for which safetensors would wait
        load_model(model, weights)
    except FileNotFoundError:
        raise UserError(f"The run {parent}, whose weights this one starts from, is not here any more.") from None
    except (SafetensorError, RuntimeError, OSError):
        raise UserError(
            f"The weights of {parent} do not fit these settings: keep its network and latent size."
        ) from None


class Throttle:
    """Something done beside the training again and again: not more often than `every` seconds, and in all for no longer
    than `start` seconds and a `share` of the time since. Times are in seconds."""

    def __init__(self, delay: float, interval: float, budget: float, max_share: float) -> None:
        self.interval, self.budget, self.max_share = interval, budget, max_share
        self.started_at, self.time_spent, self.calls = time.monotonic(), 0.0, 0
        self.next_call = self.started_at + delay

    def call(self, function: Callable[[], None], force: bool = False) -> None:
        """Does it when it is due."""
        now = time.monotonic()
        if force or (
            now >= self.next_call and self.time_spent <= self.budget + self.max_share * (now - self.started_at)
        ):
            function()
            # the first one finds everything cold, and says nothing of those to come
            self.time_spent += time.monotonic() - now if self.calls else 0
            self.calls, self.next_call = self.calls + 1, now + self.interval


@contextlib.contextmanager
def _eval_mode(recipe: Recipe) -> Iterator[None]:
    """The model as it is in use, for a look between two steps."""
    recipe.modules.eval()
    yield
    recipe.modules.train()


def _snapshot_recorder(writer: runs.RunWriter, recipe: Recipe, epoch: int) -> snapshots.SnapshotRecorder:
    pixels, size = math.prod(CARDS[writer.config.dataset].shape), recipe.model.bottleneck.out_features
    album = snapshots.SnapshotRecorder(writer.run_dir, pixels, size, writer.config.epochs)
    album.truncate(epoch)
    return album


def _record_epoch(writer: runs.RunWriter, progress: Progress) -> None:
    said = dataclasses.asdict(progress)
    writer.add_epoch({name: said[name] for name in HISTORY_FIELDS})


def _report_progress(writer: runs.RunWriter, progress: Progress) -> None:
    said = dataclasses.asdict(progress) | {"seconds_left": min(progress.seconds_left, 1e9)}
    writer.set_state("training", progress={name: each for name, each in said.items() if name != "signals"})


class _PreviewStrip:
    """The row of held-out pictures that is drawn again and again while a model learns."""

    def __init__(self, data: Dataset) -> None:
        rows = snapshots.preview_rows(data.validation, PREVIEW_SIZE)
        self.x = torch.from_numpy(data.validation.to_float(rows))
        self.y = torch.from_numpy(data.validation.y[rows])

    @torch.no_grad()
    def draw(self, recipe: Recipe, writer: runs.RunWriter) -> None:
        """Writes preview.png: the pictures, what the model saw of them if that differs, and what it makes of them."""
        device = next(recipe.model.parameters()).device
        with seeded(0):
            seen = recipe.corruption(self.x)
        with _eval_mode(recipe):
            drawn = recipe.model.reconstruct(seen.to(device), self.y.to(device)).float().cpu()
        rows = [self.x, drawn] if torch.equal(seen, self.x) else [self.x, seen, drawn]
        image = images.image_grid(torch.cat(rows).numpy().clip(0, 1), columns=len(self.x))
        runs.atomic_write(writer.run_dir / "preview.png", images.png(image))


def _finish(
    writer: runs.RunWriter,
    recipe: Recipe,
    data: Dataset,
    device: devices.Device,
    last: Progress,
    write: WriteFunction,
) -> None:
    recipe.modules.eval()
    losses = evaluate(recipe, DeviceDataset.from_split(data.test, device.torch), writer.config)
    opened = loaded.LoadedModel(writer.config, recipe.model, {})
    seen = compute_checkup(recipe, opened, data)  # the last epoch's weights need not be those that are kept
    codes = opened.encode_split(data.test)
    result: dict[str, Any] = {
        "seconds": round(last.seconds, 3),
        "parameters": count_parameters(recipe.modules),
        "train": last.train,
        "validation": seen["validation"],
        "test": losses,
        "checkup": seen,
        "mse": float(opened.squared_errors(data.test).mean()),
        "code_size": opened.code_size,
        "code_bits": opened.code_bits,
        "active_units": metrics.active_units(codes),
        "device": device.name,
        "threads": torch.get_num_threads(),
        "precision": "bfloat16" if devices.use_bfloat16(writer.config.precision, device.torch) else "float32",
        "torch": torch.__version__,
        "created": time.time(),
    }
    recipe.modules.cpu()
    adversary = loaded.state_bytes(recipe.auxiliary_modules) if len(recipe.auxiliary_modules) else None
    write(writer.finish, loaded.state_bytes(recipe.model), result, loaded.thumbnail(opened, codes), adversary)
    if projection_jobs.precompute_enabled():  # of the codes that pages find, to the last bit: theirs are the CPU's
        projection_jobs.precompute(codes if device.kind == "cpu" else opened.encode_split(data.test))
