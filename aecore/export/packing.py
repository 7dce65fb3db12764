"""Arrays for a browser: a description in JSON of what lies where, and one block of bytes.

`static/net/packing.js` reads them. Numbers are little-endian; nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DTYPES = ("uint8", "uint16", "uint32", "float32")  # those that JavaScript has arrays of, and that are sent

Packable = np.ndarray | bytes | None
Piece = dict[str, Any] | None  # {"dtype", "shape", "offset" in bytes}; None where there was no array


def pack(arrays: Mapping[str, Packable | Sequence[Packable]]) -> tuple[dict[str, Any], bytes]:
    """The pieces of named arrays, or lists of arrays, and the block (bytes) in which they lie one behind the other.

    Bytes (a PNG file) count as an array of uint8. An array that is given twice lies there once.
    """
    packer = _Packer()
    pieces = {
        name: [packer.add(each) for each in value] if isinstance(value, list | tuple) else packer.add(value)
        for name, value in arrays.items()
    }
    return pieces, b"".join(packer.contents)


class _Packer:
    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.size = 0
        self._pieces: dict[int, Piece] = {}  # by the identity of arrays, all of which live as long as `pack` runs

    def add(self, value: Any) -> Piece:
        if value is None:
            return None
        if id(value) not in self._pieces:
            array = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value
            if array.dtype.name not in DTYPES:
                raise TypeError(f"no browser is sent {array.dtype.name}")
            content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
            self._pieces[id(value)] = {
                "dtype": array.dtype.name,
                "shape": list(array.shape),
                "offset": self.size,
            }
            self.contents.append(content)
            self.size += len(content)
        return self._pieces[id(value)]


def unpack(piece: Mapping[str, Any], blob: bytes) -> np.ndarray:
    """The array of a piece, read-only: what the browser sees."""
    dtype = np.dtype(piece["dtype"]).newbyteorder("<")
    return np.frombuffer(blob, dtype, math.prod(piece["shape"]), piece["offset"]).reshape(piece["shape"])
