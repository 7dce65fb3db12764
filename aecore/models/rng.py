"""Random number generators: torch's own, put to a seed for a while and back again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

CPU = torch.device("cpu")


def get_rng_state(device: torch.device = CPU) -> list[Tensor]:
    """The states of the generators that a computation on `device` draws from: the CPU's, and the device's own."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    if device.type == "mps":
        states.append(torch.mps.get_rng_state())
    return states


def set_rng_state(states: list[Tensor], device: torch.device = CPU) -> None:
    """Puts the generators to what `get_rng_state` found."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
    if device.type == "mps":
        torch.mps.set_rng_state(states[1])


@contextmanager
def seeded(seed: int, device: torch.device = CPU) -> Iterator[None]:
    """Inside, torch draws from generators seeded with `seed`; outside, its random state is as it was.

    That of the CPU, and that of `device` where it is a CUDA or MPS one (`torch.random.fork_rng` leaves MPS alone).
    Those of other devices are not touched.
    """
    outer = get_rng_state(device)
    try:
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        if device.type == "mps":
            torch.mps.manual_seed(seed)
        yield
    finally:
        set_rng_state(outer, device)
