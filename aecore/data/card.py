"""DatasetCard: what may be known of a data set without loading it."""

from __future__ import annotations

from dataclasses import dataclass

from aecore.data.modalities import Modality


@dataclass(frozen=True)
class Origin:
    """Who added a data set of one's own, when, and what became of the file."""

    added_by: str  # the name that the person goes by here
    added_at: float  # seconds since 1970
    bytes: int  # on the disk
    notes: tuple[str, ...] = ()  # what was left out or turned into something else, and why


@dataclass(frozen=True)
class DatasetCard:
    """What people and programs may know of a data set without loading it."""

    name: str
    title: str
    description: str  # for a curious student: what the images are and where they come from
    short_description: str  # completes "This model has only ever seen ..."
    modality: Modality  # what its samples are
    classes: tuple[str, ...]
    n_train: int
    n_validation: int
    n_test: int
    licence: str
    source: str
    download_bytes: int = 0  # 0: comes with the laboratory
    max_value: int = 255  # the stored integer that means 1.0
    # settings that suit it: what a training begins with
    likelihood: str = "bernoulli"
    network: str = "mlp"
    epochs: int = 10
    batch_size: int = 256
    lr: float = 0.003
    precision: str = "auto"
    labelled: bool = True  # whether classes mean something; else all samples are of one
    origin: Origin | None = None  # of what somebody added; None for what comes with the laboratory

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample as a network gets it."""
        return self.modality.shape
