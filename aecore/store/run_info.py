"""One run as a list shows it, and the states that it can be in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aecore.config import Config

State = Literal["finished", "training", "waiting", "paused", "stopped", "failed", "broken"]
Command = Literal["stop", "pause"]
STATE_AFTER: dict[Command, State] = {"stop": "stopped", "pause": "paused"}
INACTIVE_STATES: tuple[State, ...] = (
    "finished",
    "failed",
    *STATE_AFTER.values(),
)  # nobody trains it until it is asked for again


@dataclass(frozen=True)
class RunInfo:
    """One run of the store, as a list shows it.

    Attributes
    ----------
    id
        Name of its folder.
    state
        "finished", "training", "waiting", "paused", "stopped", "failed" or "broken".
    config
        Its settings; None only when it is broken.
    result
        Metrics and circumstances; filled when it is finished.
    progress
        Epoch and losses; filled while it trains.
    message
        Why it is broken, failed or stopped: one sentence.
    created
        Seconds since 1970.

    Examples
    --------
    >>> import aecore
    >>> run = next(run for run in aecore.list_runs() if run.pretrained)
    >>> run.finished, run.active, 0 < run.result["mse"] < 1
    (True, False, True)
    """

    id: str
    state: State
    config: Config | None = None  # None only when broken
    result: Mapping[str, Any] = field(default_factory=dict)  # filled when finished
    progress: Mapping[str, Any] = field(default_factory=dict)  # filled while it trains
    message: str = ""  # why it is broken, failed or at rest: one sentence
    fallback_device: str = ""  # a device to try instead, when this one gave up
    log: str = ""  # the end of what its process printed, when that failed
    diverged: bool = False  # whether it failed because its loss was no longer a number
    has_checkpoint: bool = False  # whether there is a checkpoint to go on from
    checkpoint_epochs: int = 0  # epochs that the training had finished at its checkpoint
    pretrained: bool = False
    created: float = 0.0  # seconds since 1970

    @property
    def finished(self) -> bool:
        return self.state == "finished"

    @property
    def stopped_early(self) -> bool:
        """Whether its training rests after an epoch or more, so that its checkpoint is a model to look at."""
        return self.state in ("stopped", "paused", "failed") and self.checkpoint_epochs > 0

    @property
    def explorable(self) -> bool:
        """Whether there is a model to look at: a finished one, or that of a training that rests."""
        return self.finished or self.stopped_early

    @property
    def epochs_text(self) -> str:
        """How far a model to look at was trained, as "after 2 of 60 epochs"; empty when it is finished."""
        if not self.stopped_early or self.config is None:
            return ""
        return f"after {self.checkpoint_epochs} of {self.config.total_epochs} epochs"

    @property
    def title(self) -> str:
        """What the gallery calls it; empty for a run of ours."""
        return str(self.result.get("pretrained", {}).get("title", ""))

    @property
    def active(self) -> bool:
        return self.state in ("training", "waiting")
