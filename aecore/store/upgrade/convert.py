"""The files of one folder of format 1, each as it is in format 2. Nothing in the folder changes: a new one is written.

A file that cannot be read as what its name says is copied as it is; whoever opens it is told what is wrong with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aecore import files
from aecore.errors import UserError
from aecore.store.upgrade import documents, tables, tensors

Convert = Callable[[bytes], bytes]


def new_folder(old: Path, new: Path, ids: Mapping[str, str]) -> None:
    """Writes a run's folder of format 1 as one of format 2. `ids` maps ids of runs, old to new."""
    converters: dict[str, Convert] = {
        "config.json": _json(lambda each: documents.settings(each, ids), indent=1),
        "request.json": _json(lambda each: documents.settings(each, ids)),
        "state.json": _json(documents.state),
        "deleted.json": _json(documents.deleted),
        "label.json": _json(documents.label),
        "history.jsonl": _history,
        "weights.safetensors": tensors.weights,
        "adversary.safetensors": tensors.weights,
        "checkpoint.safetensors": tensors.checkpoint,
        "products.safetensors": tensors.offline,
        "program.safetensors": tensors.program,
    }
    _copy_all(old, new, converters, tables.FILES)
    _rewrite_checksums(old, new)


def new_photo_folder(old: Path, new: Path) -> None:
    """The same for the folder of the network for photographs."""
    converters: dict[str, Convert] = {
        "photographs.json": _json(documents.photo_metadata, indent=1),
        "weights.safetensors": tensors.photo_weights,
    }
    _copy_all(old, new, converters, tables.PHOTO_FILES)
    metadata, weights = new / "metadata.json", "weights.safetensors"
    values = files.read_json(metadata)
    if isinstance(values, dict) and values.get("sha256") == _sha256(old / weights):
        _write(metadata, json.dumps(values | {"sha256": _sha256(new / weights)}, indent=1).encode(), metadata)


def _copy_all(old: Path, new: Path, converters: Mapping[str, Convert], names: Mapping[str, str]) -> None:
    """Copies a folder; a file gets its new name, and its content by its converter. Links are copied as links; what is
    neither file nor link, and what a killed process has half written, is left out."""
    new.mkdir(parents=True)
    for entry in sorted(os.scandir(old), key=lambda each: each.name):
        source, target = Path(entry.path), new / names.get(entry.name, entry.name)
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISDIR(mode):
            inside = {each.name: tensors.snapshot for each in source.glob("*.safetensors")}
            _copy_all(source, target, inside if entry.name == "snapshots" else {}, {})
        elif stat.S_ISREG(mode) and not entry.name.startswith("."):
            content = source.read_bytes()
            with contextlib.suppress(UserError, ValueError, TypeError, AttributeError):  # it stays as it is
                content = converters.get(entry.name, bytes)(content)
            _write(target, content, source)


def _write(file: Path, content: bytes, like: Path) -> None:
    """Writes a file to the disk, with the time of another: which checkpoint there is goes by it."""
    times = os.stat(like)
    with open(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _json(change: Callable[[Any], Any], indent: int | None = None) -> Convert:
    return lambda content: json.dumps(change(files.parse_json(content)), indent=indent).encode()


def _history(content: bytes) -> bytes:
    """history.jsonl, line by line; one that is invalid stays as it is."""
    lines = content.split(b"\n")
    for number, line in enumerate(lines):
        with contextlib.suppress(ValueError):
            lines[number] = json.dumps(documents.history_line(files.parse_json(line))).encode()
    return b"\n".join(lines)


def _rewrite_checksums(old: Path, new: Path) -> None:
    """result.json under its new names, with the checksums of the files as they are now. That of a file which was
    changed since it was written stays a wrong one."""
    with contextlib.suppress(UserError, FileNotFoundError):
        result = documents.result(files.read_json(old / "result.json"))
        if not isinstance(result, dict):
            return
        if isinstance(result.get("sha256"), dict):
            result["sha256"] = dict(_new_checksum(old, new, *each) for each in result["sha256"].items())
        _write(new / "result.json", json.dumps(result, indent=1).encode(), old / "result.json")


def _new_checksum(old: Path, new: Path, name: str, checksum: str) -> tuple[str, str]:
    renamed = tables.FILES.get(name, name)
    with contextlib.suppress(FileNotFoundError, UserError):
        if _sha256(old / name) == checksum:
            return renamed, _sha256(new / renamed)
    return renamed, checksum


def _sha256(file: Path) -> str:
    return hashlib.sha256(files.read_bytes(file, 10**10)).hexdigest()
