"""What a checkpoint says of itself; the tensors are `aecore.training.state`'s. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from aecore import files
from aecore.errors import UserError
from aecore.store import schema

HEADER = "train_state"  # the entry of the file's metadata that says where the training stood


def parse_header(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    """Where a training stood: epoch, step and more. KeyError or UserError when the metadata do not say it."""
    return schema.validate(files.parse_json(metadata[HEADER].encode()), schema.TRAIN_STATE, name)


def finished_epochs(file: Path) -> int:
    """How many epochs a training had finished at its checkpoint; 0 when there is none that can be read."""
    try:
        with files.regular_path(file) as regular, safe_open(regular, framework="numpy") as saved:
            return int(parse_header(saved.metadata(), file.name)["epoch"])
    except (OSError, SafetensorError, UserError, KeyError, TypeError, ValueError):
        return 0
