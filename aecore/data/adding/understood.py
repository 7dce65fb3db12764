"""What may be asked of an added file, and what was understood of it before anything is kept."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np

from aecore.data.modalities import Modality

MAX_FILE_BYTES = 500 * 10**6
MIN_SAMPLES = 20
MAX_CLASSES = 255
N_EXAMPLES = 20  # samples that are shown before a data set is kept
NO_LABEL = "-"  # in place of a column: none
NO_CLASS = "no label"  # the class of samples without one, where others have one
UNLABELLED = ("all",)  # the classes where there are none
WORK_PREFIX, WORK_SECONDS = "aecore-add-", 24 * 3600  # of temporary folders, and when they are surely nobody's


@dataclass(frozen=True)
class AddOptions:
    """How a file is to be read. Whatever is left empty is guessed.

    Attributes
    ----------
    name
        The title of the data set; the name of the file, where it is empty.
    kind
        "image", "table", "series", "vector" or "points".
    label
        The column of the classes; "-" for none.
    side
        Height and width that pictures of a zip are fitted to, 8 to 128.
    colour
        Whether pictures keep their colours; None: gray if all of them are.
    licence, added_by
        Kept as they are typed.
    layout
        Of series in a table: "rows" (a row is a series), "long" (a row is a moment of one of many series) or
        "windows" (a row is a moment of one long series, which is cut).
    id_column, time_column
        Of long series: which series a row belongs to, and when it was measured. The time is used for windows too.
    window, stride
        Rows of a window, and from the beginning of one to that of the next.
    column_kinds
        By the name of a column "number", "category", "boolean", "cyclic" or "drop", in place of what is guessed.
    group_column
        Rows that have the same value here stay in one split.
    split_time_column
        The last rows in the order of this column are for testing.
    seed
        Of the random split.
    """

    name: str = ""
    kind: str = ""
    label: str = ""
    side: int = 32
    colour: bool | None = None
    licence: str = ""
    added_by: str = ""
    layout: str = ""
    id_column: str = ""
    time_column: str = ""
    window: int = 100
    stride: int = 50
    column_kinds: Mapping[str, str] = field(default_factory=dict)
    group_column: str = ""
    split_time_column: str = ""
    seed: int = 0


@dataclass(frozen=True)
class ColumnSummary:
    """What was found in a column of a file.

    Attributes
    ----------
    name
        As in the file; repeated names are numbered.
    kind
        "number", "category", "boolean", "cyclic"; "label", "id", "time" or "group" for what is no value of a sample;
        "constant", "empty", "date", "text", "row number" or "dropped" for what is left out.
    n_missing, n_distinct
        Cells without a value, and different values.
    example
        The first value, at most 60 characters of it.
    """

    name: str
    kind: str
    n_missing: int
    n_distinct: int
    example: str


class WorkFolder:
    """A temporary folder that is gone when it is closed, or when nobody holds it any more."""

    def __init__(self) -> None:
        for each in Path(tempfile.gettempdir()).glob(f"{WORK_PREFIX}*"):  # of servers that were killed
            with contextlib.suppress(OSError):
                if each.stat().st_mtime < time.time() - WORK_SECONDS:
                    shutil.rmtree(each)
        self.path = Path(tempfile.mkdtemp(prefix=WORK_PREFIX))
        self.close = weakref.finalize(self, shutil.rmtree, self.path, True)


@dataclass
class Understood:
    """A file as it was understood. Holds a temporary folder: use it in a `with` block, or call `close`.

    Attributes
    ----------
    kind
        "image", "table", "series", "vector" or "points".
    title
        Of the data set.
    modality
        Of its samples.
    classes, class_counts
        Their names in the order of the labels, and how many samples each has; empty where there are no labels.
    n_samples, split_sizes
        All samples, and those of train, validation and test.
    bytes
        On the disk, once it is kept.
    notes
        Sentences: what was left out and why, what was filled or changed, how it was split.
    columns
        Of tables and series; empty for others.
    file_columns
        The names of all columns in the file.
    samples, sample_labels
        Up to 20 training samples as networks get them, float32 `[n, *shape]` with NaN where a value is missing, and
        their classes in words ("" where there are none).
    """

    kind: str
    title: str
    modality: Modality
    classes: tuple[str, ...]
    class_counts: dict[str, int]
    n_samples: int
    split_sizes: tuple[int, int, int]
    bytes: int
    notes: tuple[str, ...]
    columns: tuple[ColumnSummary, ...]
    file_columns: tuple[str, ...]
    samples: np.ndarray
    sample_labels: tuple[str, ...]
    # what `keep` writes: x [N, *shape] uint8 or float32, y int64 [N], and the rows of each split
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    rows: tuple[np.ndarray, np.ndarray, np.ndarray] = field(repr=False)
    work: WorkFolder = field(repr=False)

    def close(self) -> None:
        """Remove the temporary folder; nothing can be kept after that."""
        self.x = self.x[:0].copy()
        self.work.close()

    def __enter__(self) -> Understood:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
