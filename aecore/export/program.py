"""What a browser computes of a model, as files hold it: read without torch, so that the first screen need not wait."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from aecore import files
from aecore.errors import UserError

FILE_NAME = "program.safetensors"
MAX_BYTES = 200_000_000


class UnsupportedLayer(UserError):
    """The model has a layer that the browser cannot compute."""


class TooLarge(UnsupportedLayer):
    """The model has more weights than a browser is sent."""


@dataclass(frozen=True)
class Program:
    """What the browser needs: `head` says what to do in which order, `weights` is float32 `[W]`."""

    head: dict[str, Any]
    weights: np.ndarray

    def payload(self, likelihood: str) -> tuple[dict[str, Any], np.ndarray]:
        """What static/net/models.js takes: the head, and the weights. Those that a file held in half precision go in
        half precision: as exact, and half the bytes."""
        halves = as_float16(self.weights)
        head = {**self.head, "likelihood": likelihood, "float16": halves is not None}
        return head, self.weights.astype("<f4", copy=False) if halves is None else halves


def as_float16(weights: np.ndarray, rows: int = 1 << 20) -> np.ndarray | None:
    """Weights in half precision, so many at a time; None where that is not exact."""
    found = np.empty(len(weights), "<f2")
    for start in range(0, len(weights), rows):
        part = slice(start, start + rows)
        with np.errstate(over="ignore"):  # what is too large for it is seen in the next line
            found[part] = weights[part]
        if not (found[part] == weights[part]).all():
            return None
    return found


def save_program(run_dir: Path, program: Program) -> None:
    """Writes it into a run's folder, in half precision as the gallery's weights are."""
    said = {"head": json.dumps(program.head)}
    files.atomic_write(run_dir / FILE_NAME, save({"weights": program.weights.astype(np.float16)}, said))


def load_program(run_dir: Path) -> Program:
    """Reads it back; UserError when it is missing or damaged."""
    try:
        arrays, said = files.read_tensors(run_dir / FILE_NAME, MAX_BYTES)
        return Program(dict(files.parse_json(said["head"].encode())), arrays["weights"].astype(np.float32))
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The browser's part of {run_dir.name} cannot be read ({error}); remake it.") from None
