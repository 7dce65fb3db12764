"""safetensors files of format 1 in format 2: tensors and metadata get their new names, and no bit of a tensor changes.

Only the head of a file is made anew; the bytes that follow it are copied as they are.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aecore.errors import UserError
from aecore.store.upgrade import documents, tables

METADATA = "__metadata__"


@dataclass(frozen=True)
class TensorFile:
    """A safetensors file: what its head says of each tensor, its metadata, and the bytes of all tensors."""

    tensors: dict[str, dict[str, Any]]
    metadata: dict[str, str]
    data: bytes

    def tensor_bytes(self, name: str) -> bytes:
        begin, end = self.tensors[name]["data_offsets"]
        return self.data[begin:end]


def parse(content: bytes) -> TensorFile:
    """The parts of a safetensors file. UserError when it is none."""
    size = int.from_bytes(content[:8], "little")
    try:
        head = json.loads(content[8 : 8 + size])
        metadata = head.pop(METADATA, {})
        tensors = {name: dict(each) for name, each in head.items()}
        if any(len(each["data_offsets"]) != 2 for each in tensors.values()):
            raise ValueError("offsets are no pairs")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"a safetensors file is damaged or cut short ({type(error).__name__})") from None
    return TensorFile(tensors, metadata, content[8 + size :])


def serialise(file: TensorFile) -> bytes:
    """The bytes of a safetensors file; its data begins at a multiple of 8, as the format asks."""
    head: dict[str, Any] = {METADATA: file.metadata} if file.metadata else {}
    text = json.dumps(head | file.tensors, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file.data


def rename(file: TensorFile, name: Callable[[str], str], metadata: Mapping[str, str]) -> TensorFile:
    """The same file with its tensors renamed by a function and its metadata by a table."""
    return TensorFile(
        {name(old): each for old, each in file.tensors.items()},
        {metadata.get(old, old): each for old, each in file.metadata.items()},
        file.data,
    )


# --- By kind of file --------------------------------------------------------------------------------------------------


def weight_name(name: str) -> str:
    """The new name of a tensor of a model, whatever stands before it (`0.`, `weights/0.`)."""
    for old, new in tables.TENSORS.items():
        name = re.sub(rf"(^|[./]){re.escape(old)}(?=$|\.)", rf"\g<1>{new}", name)
    return name


def weights(content: bytes) -> bytes:
    """weights.safetensors and auxiliary.safetensors. Their metadata say which names share a tensor."""
    file = rename(parse(content), weight_name, {})
    shared = {weight_name(name): weight_name(each) for name, each in file.metadata.items()}
    return serialise(TensorFile(file.tensors, shared, file.data))


def checkpoint(content: bytes) -> bytes:
    """checkpoint.safetensors; its checksum goes over the names in order, so it is taken again."""
    file = rename(parse(content), _checkpoint_name, tables.CHECKPOINT_METADATA)
    if "train_state" in file.metadata:
        state = documents.train_state(json.loads(file.metadata["train_state"]))
        if "crc" in state:
            state["crc"] = crc(file)
        file.metadata["train_state"] = json.dumps(state)
    return serialise(file)


def _checkpoint_name(name: str) -> str:
    part, slash, rest = name.partition("/")
    new = tables.CHECKPOINT_PARTS.get(part, part)
    if part == "tally":
        return f"{new}/{tables.LOSS_TERMS.get(rest, rest)}"
    return new + slash + (weight_name(rest) if part in ("weights", "best") else rest)


def crc(file: TensorFile) -> int:
    """The checksum (CRC-32) over the tensors by their names that a checkpoint holds."""
    found = 0
    for name in sorted(file.tensors):
        found = zlib.crc32(file.tensor_bytes(name), found)
    return found


def snapshot(content: bytes) -> bytes:
    """A file of snapshots/."""
    return serialise(rename(parse(content), str, tables.SNAPSHOT_METADATA))


def offline(content: bytes) -> bytes:
    """offline.safetensors."""
    file = rename(parse(content), lambda name: tables.OFFLINE_TENSORS.get(name, name), tables.OFFLINE_METADATA)
    if "metadata" in file.metadata:
        values = documents.rename_keys(json.loads(file.metadata["metadata"]), tables.OFFLINE)
        file.metadata["metadata"] = json.dumps(values)
    return serialise(file)


def program(content: bytes) -> bytes:
    """program.safetensors."""
    file = parse(content)
    if "head" in file.metadata:
        file.metadata["head"] = json.dumps(documents.program_head(json.loads(file.metadata["head"])))
    return serialise(file)


def photo_weights(content: bytes) -> bytes:
    """The weights of the network for photographs."""
    return serialise(
        rename(
            parse(content), lambda name: ".".join(tables.PHOTO_TENSORS.get(part, part) for part in name.split(".")), {}
        )
    )
