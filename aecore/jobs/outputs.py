"""What is written into a run's folder while it trains."""

from __future__ import annotations

import dataclasses
from typing import Any

from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.data.datasets import Dataset
from aecore.jobs.live import LiveDecoder
from aecore.jobs.preview import PreviewStrip
from aecore.jobs.recorder import SnapshotRecorder, eval_mode
from aecore.jobs.run_times import PhaseTimer
from aecore.jobs.throttle import Throttle, WriteFunction
from aecore.models.recipe import Recipe
from aecore.store.writer import RunWriter
from aecore.training.loop import Progress
from aecore.training.state import TrainState

HISTORY_FIELDS = ("epoch", "seconds", "train", "validation", "grad_norm", "signals")  # in a run's history


class Outputs:
    """Writes what a training leaves on its way: progress, previews, snapshots, checkpoints, and the live decoder."""

    def __init__(
        self,
        writer: RunWriter,
        recipe: Recipe,
        data: Dataset,
        state: TrainState,
        timer: PhaseTimer,
        write: WriteFunction,
    ) -> None:
        self.writer, self.recipe, self.data, self.state, self.write = writer, recipe, data, state, write
        self.timer = timer
        self.preview, self.snapshots = PreviewStrip(data), SnapshotRecorder.of_run(writer, recipe, state.epoch)
        self.draw, self.keep = Throttle(0.0, 0.4, 0.06, 0.002), Throttle(0.3, 1.0, 0.06, 0.004)
        self.live = LiveDecoder(writer.run_dir, recipe)

    def report(self, progress: Progress) -> bool:
        """Writes what there is to write now: progress, and a preview, a snapshot and a checkpoint where they are due.
        True when a command stopped the run, whose checkpoint is then kept."""
        last, write = progress.fraction >= 1, self.write
        if progress.validation is not None:
            write(_record_epoch, self.writer, progress)
        write(self._report_progress, progress)
        if not last and (command := self.writer.command):
            write(self.writer.save_checkpoint, self.state.save())
            self.writer.set_stopped(command[0])
            return True
        write(self.draw.call, lambda: self.preview.draw(self.recipe, self.writer), force=last)
        if progress.validation is not None:
            self.take_snapshot(progress.epoch, last)
        if not last:
            self.live.update(self._model, self.data.test, progress.epoch, self.snapshots.latest)
            write(self.keep.call, lambda: self.writer.save_checkpoint(self.state.save()))
        return False

    def _report_progress(self, progress: Progress) -> None:
        """Where the training stands; what is left of it counts all that the worker does, the closing work too."""
        epochs_done = progress.epochs * progress.step / progress.steps
        self.timer.report(epochs_done)
        left = self.timer.seconds_left(progress.epochs - epochs_done if progress.fraction < 1 else 0.0)
        said = dataclasses.asdict(progress) | {"seconds_left": progress.seconds_left if left is None else left}
        said["seconds_left"] = min(said["seconds_left"], 1e9)
        self.writer.set_state("training", progress={name: each for name, each in said.items() if name != "signals"})

    def take_snapshot(self, epoch: int, last: bool) -> None:
        """A snapshot for the time machine, where one is due."""
        self.write(self._take_snapshot, epoch, last)

    def _take_snapshot(self, epoch: int, last: bool) -> None:
        if self.snapshots.should_record(epoch, self.state.seconds, last):
            with eval_mode(self.recipe):
                self.snapshots.record(self._model, self.data.test, epoch)

    @property
    def _model(self) -> LoadedModel:
        return LoadedModel(self.writer.config, self.recipe.model, {})


def initial_progress(config: Config) -> dict[str, Any]:
    """Where a training stands that has not begun."""
    return {"epoch": 0, "epochs": config.total_epochs, "fraction": 0.0}


def _record_epoch(writer: RunWriter, progress: Progress) -> None:
    said = dataclasses.asdict(progress)
    writer.add_epoch({name: said[name] for name in HISTORY_FIELDS})
