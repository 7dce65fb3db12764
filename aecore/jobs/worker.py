"""One run from its settings to a finished folder. The command line and the workers both go this way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model

from aecore import disk, files
from aecore.analysis import loaded, metrics
from aecore.analysis.diagnosis.checkup import compute_checkup
from aecore.config import Config
from aecore.data.datasets import Dataset, load_training
from aecore.errors import UserError
from aecore.jobs.heartbeat import heartbeat
from aecore.jobs.outputs import Outputs, initial_progress
from aecore.jobs.run_times import PhaseTimer
from aecore.jobs.throttle import RetryWhenDiskFull, StopRequested, WriteFunction, write_now
from aecore.jobs.thumbnail import thumbnail
from aecore.limits import TooLarge
from aecore.models.autoencoder import Autoencoder
from aecore.models.families.build import build_recipe, complete_config, model_size, resolve_config
from aecore.models.footprint import count_parameters
from aecore.models.networks import NETWORKS
from aecore.models.recipe import Recipe
from aecore.store import run_info, runs
from aecore.store.writer import RunWriter
from aecore.training import devices
from aecore.training.loop import DeviceDataset, Progress, evaluate, fit
from aecore.training.state import Diverged, TrainState

MIN_THREADED_WORK = 8e6  # multiplications of a batch with the weights


def run_training(
    config: Config,
    device_name: str | None = None,
    resume: bool = True,
    wait_for_space: bool = False,
    worker: tuple[str, str] = ("", ""),
) -> Iterator[Progress]:
    """Train a run in this process and write its folder as it goes; the folder is complete when this ends.

    Goes on from the checkpoint where there is one, and leaves one when it is stopped: by closing the generator, or by a
    command in the folder.

    Parameters
    ----------
    config
        The run; it is resolved first.
    device_name
        "cpu", "cuda" or "mps"; else AECORE_DEVICE, else the fastest there is.
    resume
        Whether to train a run that was stopped; else it is left as it is.
    wait_for_space
        Whether to stand still while the disk is full; the run's state says so.
    worker
        Executor and handle of the process that trains, for the run's state.

    Yields
    ------
    Progress
        Where the training stands.

    Raises
    ------
    AlreadyTraining
        When another process trains it.
    UserError
        With one sentence when it cannot be done: data missing, diverged, memory or disk exhausted.

    Examples
    --------
    >>> import aecore
    >>> config = aecore.resolve_config(aecore.default_config("digits", family="vanilla", epochs=1))
    >>> *_, last = aecore.run_training(config, "cpu")
    >>> last.epoch, config.id in [run.id for run in aecore.list_runs()]
    (1, True)
    """
    config = _resolve_config(config)
    with (
        RunWriter(config, *worker) as writer,
        threads_limited(config),
        heartbeat(writer.run_dir / runs.STATE_FILE),
        _failures_in_state(writer),
    ):
        if resume or writer.state not in run_info.INACTIVE_STATES:
            yield from _train_until_stopped(
                writer, config, device_name, RetryWhenDiskFull(writer) if wait_for_space else write_now
            )


@contextlib.contextmanager
def _failures_in_state(writer: RunWriter) -> Iterator[None]:
    """Writes into a run's state why its training ended before it was done; what people can mend becomes UserError."""
    try:
        yield
    except (GeneratorExit, KeyboardInterrupt):
        writer.set_stopped("stop")
        raise
    except torch.OutOfMemoryError:
        sentence = "The GPU's memory is exhausted; train on the CPU, or with a smaller batch or network."
        writer.set_state("failed", message=sentence, fallback_device="cpu")
        raise UserError(sentence) from None
    except OSError as error:
        if error.errno not in disk.DISK_FULL_ERRNOS:
            writer.set_state("failed", message=f"A file could not be read or written: {error}.")
            raise
        (writer.run_dir / "preview.png").unlink(missing_ok=True)  # room for saying so
        on = "go on from the last checkpoint" if writer.checkpoint_version() else "train it again"
        sentence = f"The disk is full: free some space, then {on}."
        writer.set_state("failed", message=sentence)
        raise UserError(sentence) from None
    except UserError as error:
        if isinstance(error, Diverged):
            writer.checkpoint.unlink(missing_ok=True)  # going on from there would end the same way
        writer.set_state("failed", message=str(error), diverged=isinstance(error, Diverged))
        raise
    except BaseException as error:
        writer.set_state("failed", message=f"The training broke on an error of ours: {type(error).__name__}: {error}")
        raise


def _resolve_config(config: Config) -> Config:
    """The run said completely. One that this computer has no memory for has failed, and says so: somebody may have
    asked for it elsewhere."""
    try:
        return resolve_config(config)
    except TooLarge as error:
        with RunWriter(complete_config(config)) as draft:
            if draft.state != "finished":
                draft.set_state("failed", message=str(error))
        raise


def threads_limited(config: Config) -> contextlib.AbstractContextManager[None]:
    """Inside, one thread computes where a run's steps are too small to share: threads wait for each other as long as
    they save, and on a machine with other things to do much longer (docs/performance.md)."""
    small = model_size(config).parameters * config.batch_size < MIN_THREADED_WORK
    small = small and NETWORKS[config.network].matrix_products
    return devices.limit_threads(1 if small else None)


def _train_until_stopped(
    writer: RunWriter, config: Config, device_name: str | None, write: WriteFunction
) -> Iterator[Progress]:
    try:
        yield from _train(writer, config, device_name, write)
    except StopRequested:
        command = writer.command
        writer.set_stopped(command[0] if command else "stop")


def _train(writer: RunWriter, config: Config, device_name: str | None, write: WriteFunction) -> Iterator[Progress]:
    timer = PhaseTimer(config.to_json())
    # why another worker goes on, say
    message = writer.state_fields.get("message", "") if writer.state == "training" else ""
    begun = writer.state_fields.get("progress") or initial_progress(config)
    writer.set_state("training", message=message, fallback_device="", log="", diverged=False, progress=begun)
    device, data = devices.select_device(device_name), load_training(config)
    recipe, state = _start_or_resume(writer, config, device.torch, write)
    outputs = Outputs(writer, recipe, data, state, timer, write)
    if not state.step:
        outputs.take_snapshot(0, last=False)
    progress = None
    with contextlib.closing(outputs.live):
        try:
            for progress in fit(recipe, data, config, device.torch, state):
                if outputs.report(progress):
                    return
                yield progress
        except GeneratorExit:
            if progress and progress.fraction < 1:
                writer.save_checkpoint(state.save())
            raise
        assert progress is not None, "a state at the end of a training is never saved"
        _finish(writer, recipe, data, device, progress, timer, write)


def _start_or_resume(
    writer: RunWriter, config: Config, device: torch.device, write: WriteFunction
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


def _finish(
    writer: RunWriter,
    recipe: Recipe,
    data: Dataset,
    device: devices.Device,
    last: Progress,
    timer: PhaseTimer,
    write: WriteFunction,
) -> None:
    recipe.modules.eval()
    losses = evaluate(recipe, DeviceDataset.from_split(data.test, device.torch), writer.config)
    opened = loaded.LoadedModel(writer.config, recipe.model, {})
    checkup = compute_checkup(recipe, opened, data)  # the last epoch's weights need not be those that are kept
    codes = opened.encode_split(data.test)
    result: dict[str, Any] = {
        "seconds": round(last.seconds, 3),
        "parameters": count_parameters(recipe.modules),
        "train": last.train,
        "validation": checkup["validation"],
        "test": losses,
        "checkup": checkup,
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
    auxiliary = loaded.state_bytes(recipe.auxiliary_modules) if len(recipe.auxiliary_modules) else None
    weights, picture = loaded.state_bytes(recipe.model), thumbnail(opened, codes)
    if phases := timer.phases():
        result["phase_seconds"] = phases.to_json()
    write(writer.finish, weights, result, picture, auxiliary)
