"""The least that a finished run's result holds: what pages take for granted of one."""

from __future__ import annotations

from typing import Any

RESULT: dict[str, Any] = {
    "seconds": 1.0,
    "parameters": 10,
    "train": {"reconstruction": 20.0},
    "test": {"reconstruction": 21.0},
    "mse": 0.5,
    "device": "CPU",
    "created": 1.0,
}
EPOCH: dict[str, Any] = {"epoch": 1, "seconds": 1.0, "train": {"a": 1.0}, "validation": {"a": 1.0}}  # of a history
