"""WeightBuffer: the weights that the steps of a browser's program read, one behind the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

Op = dict[str, Any]
Ops = list[Op]


class WeightBuffer:
    """Weights one behind the other; what two layers share stands there once."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, np.ndarray]] = []  # where each begins; views of the model's own numbers
        self.size = 0
        self._offsets: dict[tuple[Any, ...], int] = {}
        self._tensors: list[Tensor] = []  # kept, or another could come to lie where one of them was

    def add(self, tensor: Tensor) -> int:
        """Where a tensor begins, its numbers in the order of its dimensions."""
        seen = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if seen not in self._offsets:
            part = tensor.detach().float().cpu().numpy()
            self._tensors.append(tensor)
            self._offsets[seen] = self.size
            self.parts.append((self.size, part))
            self.size += part.size
        return self._offsets[seen]

    def add_bias(self, layer: nn.Module, size: int) -> int:
        """Where a layer's bias begins; zeros where it has none."""
        if isinstance(bias := getattr(layer, "bias", None), Tensor):
            return self.add(bias)
        self.parts.append((self.size, np.zeros(size, np.float32)))
        self.size += size
        return self.size - size

    def packed(self) -> np.ndarray:
        """All of them, float32 `[W]`: the one copy that is made."""
        packed = np.empty(self.size, np.float32)
        for start, part in self.parts:
            packed[start : start + part.size].reshape(part.shape)[...] = part
        return packed
