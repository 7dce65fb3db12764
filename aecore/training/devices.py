"""Devices: where the numbers are crunched."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from aecore.errors import UserError


@dataclass(frozen=True)
class Device:
    """A place to compute: torch's name for it, and a name that people know it by."""

    kind: str  # cpu, cuda or mps
    name: str  # "NVIDIA H200", "Apple GPU", "CPU, 2 threads"

    @property
    def torch(self) -> torch.device:
        return torch.device(self.kind)


def available_devices() -> dict[str, bool]:
    """Which kinds of device this machine has."""
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}


def select_device(device_name: str | None = None) -> Device:
    """The device `device_name`, else the one that AECORE_DEVICE names, else the fastest there is.

    Raises UserError when the one asked for is not there.
    """
    device_name = device_name or os.environ.get("AECORE_DEVICE") or None
    kinds = available_devices()
    kind = device_name or next(kind for kind, here in kinds.items() if here)
    if not kinds.get(kind.split(":")[0], False):
        found = ", ".join(kind for kind, here in kinds.items() if here)
        raise UserError(f"This machine has no device {kind}; set AECORE_DEVICE to one that it has: {found}.")
    return Device(kind, _name(kind))


@contextlib.contextmanager
def limit_threads(count: int | None) -> Iterator[None]:
    """Computes with so many threads for a while, where fewer than there are; None leaves them."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, count or before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether a precision of the settings means bfloat16 on this device: `auto` does where its chip multiplies that."""
    return precision == "bfloat16" or (precision == "auto" and _supports_bfloat16(device))


def _supports_bfloat16(device: torch.device) -> bool:
    """Whether there are units for it; without them it is emulated, and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # not in older ones
        capabilities = torch.cpu.get_capabilities()
        chip = any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
        return chip and _wide_instructions_allowed()
    return False


def _wide_instructions_allowed() -> bool:
    """Whether torch and oneDNN may use the chip's widest instructions: the environment can hold them to older ones."""
    most = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "DEFAULT"
    wide = any(word in most.upper() for word in ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT"))
    return wide and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _name(kind: str) -> str:
    if kind.startswith("cuda"):
        return torch.cuda.get_device_name(torch.device(kind))
    if kind == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'s' * (threads > 1)}"
