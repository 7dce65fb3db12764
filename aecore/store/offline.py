"""What a model of the gallery brings along in place of its data set: nothing of the data, only what the model made of
some test images. With it every page works on a computer on which nothing has been downloaded."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from aecore import files
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.store import runs, schema
from aecore.store.run_info import RunInfo

FILE_NAME = "offline.safetensors"
N_SAMPLES = 2000  # test images whose codes are kept: the first ones
MAX_BYTES = 100_000_000  # of the file: 2,000 codes of 4,096 numbers have 16 MB


@dataclass(frozen=True, eq=False)
class OfflineBundle:
    """What a model made of the first test images of its data set."""

    codes: np.ndarray  # float32 [N, D]
    pseudo_labels: np.ndarray  # int64 [N], the classes that the nearest training images vote for: guesses, no labels
    mse: np.ndarray  # float32 [N], squared error per pixel
    kl_per_dim: np.ndarray | None  # float32 [D], what each number of a code tells of its image; None for points
    pseudo_label_accuracy: float  # share of the votes that are right


def save_bundle(run_dir: Path, bundle: OfflineBundle) -> None:
    """Writes them into a run's folder, codes and errors in half precision."""
    said = {"pseudo_label_accuracy": bundle.pseudo_label_accuracy}
    arrays: dict[str, np.ndarray] = {
        "codes": bundle.codes.astype(np.float16),
        "pseudo_labels": bundle.pseudo_labels.astype(np.uint8),
        "mse": bundle.mse.astype(np.float16),
    }
    if bundle.kl_per_dim is not None:
        arrays["kl_per_dim"] = bundle.kl_per_dim.astype(np.float32)
    files.atomic_write(run_dir / FILE_NAME, save(arrays, {"metadata": json.dumps(said)}))


def load_bundle(run: str) -> OfflineBundle | None:
    """What a run brings along; None when it brings nothing. UserError when the file is damaged, or of another run."""
    entry, file = runs.entry(run), runs.path(run) / FILE_NAME
    if not os.path.lexists(file):
        return None
    runs.verify_checksum(run, FILE_NAME, MAX_BYTES)
    try:
        arrays, head = files.read_tensors(file, MAX_BYTES)
        said = schema.validate(files.parse_json(head["metadata"].encode()), schema.OFFLINE_BUNDLE, FILE_NAME)
        found = OfflineBundle(
            arrays["codes"].astype(np.float32),
            arrays["pseudo_labels"].astype(np.int64),
            arrays["mse"].astype(np.float32),
            arrays.get("kl_per_dim"),
            float(said["pseudo_label_accuracy"]),
        )
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{FILE_NAME} of {run} is damaged ({schema.plain_text(str(error))}); fetch or remake it."
        ) from None
    if wrong := _content_error(found, entry):
        raise UserError(f"{FILE_NAME} of {run} is spoilt ({wrong}); fetch or remake it.")
    return found


def _content_error(bundle: OfflineBundle, entry: RunInfo) -> str:
    """What does not fit the run that brings it, in words; empty when all does."""
    scores = entry.result.get("scores")  # of images that are not here: the same ones
    if entry.config is None or not scores:
        return "result.json has no scores beside it"
    card, size, nats = CARDS[entry.config.dataset], scores["code_size"], bundle.kl_per_dim
    count = min(N_SAMPLES, card.n_test)
    if bundle.codes.shape != (count, size) or bundle.pseudo_labels.shape != (count,) or bundle.mse.shape != (count,):
        return f"it is not of {count} codes of {size} numbers"
    if nats is not None and (nats.shape != (size,) or nats.dtype != np.float32):
        return f"its nats are not those of {size} numbers"
    if not 0 <= bundle.pseudo_labels.min() <= bundle.pseudo_labels.max() < len(card.classes):
        return "it votes for classes that there are not"
    known = [bundle.codes, bundle.mse] + ([] if nats is None else [nats])
    return "" if all(np.isfinite(each).all() for each in known) else "it has numbers that are not finite"
