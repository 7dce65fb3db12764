"""Ways to spoil the folder of a run, drawn from a seed: what disks, editors, other programs and attackers leave."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

MARKUP = '<script>alert(1)</script>![x](http://example.org/x.png) **b** `c` $d$ "quoted"'
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**63, 10**40, -(10**40), 0.5, -0.5, 1e-300, 1e300, -1e300, float("nan"),
    float("inf"), -float("inf"), 253402300800.0, -62135596801.0, "", "x", "1", "nan", "../../outside", "a\nb", "\ud800",
    "\0", MARKUP, "ä" * 50, "y" * 200_000, [], {}, [[]], {"": 1}, [None], ["x"], [1, 2, 3], {"a": "b"}, [float("nan")],
)  # fmt: skip
NAMES = (
    "a\nb",
    MARKUP.replace("/", "_"),
    "z" * 255,
    "名前",
    ".hidden",
    "-rf",
    "config.json~",
    "00001.safetensors.part",
)
Spoiler = Callable[[Random, Path, Path], str]  # what was done, in words


def _file(chance: Random, run: Path) -> Path:
    """A file of the run; small and important ones come more often than one of many snapshots."""
    own = sorted(each for each in run.iterdir() if each.is_file())
    snapshots = sorted(each for each in (run / "snapshots").glob("*") if each.is_file())
    return chance.choice([*own, chance.choice(snapshots)] if snapshots else own)


# --- Bytes ------------------------------------------------------------------------------------------------------------


def flipped(chance: Random, run: Path, outside: Path) -> str:
    file = _file(chance, run)
    content = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 1, 3, 20))):
        if content:
            content[chance.randrange(min(len(content), chance.choice((40, 400, len(content)))))] ^= (
                1 << chance.randrange(8)
            )
    file.write_bytes(content)
    return f"flips bits of {file.name}"


def truncated(chance: Random, run: Path, outside: Path) -> str:
    file = _file(chance, run)
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content) + 1)])
    return f"cuts {file.name}"


def other_content(chance: Random, run: Path, outside: Path) -> str:
    file, depth = _file(chance, run), chance.choice((40, 900, 100_000))
    contents = (
        b"", b"\n", b"null", b"[]", b"{}", b'"x"', b"0", b"NaN", b"\xff\xfe\x00", b"\xef\xbb\xbf{}",
        chance.randbytes(999),
        b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"9" * 10_000, b"{} {}",
        struct.pack("<Q", 2**40) + b"{}", struct.pack("<Q", 2) + b"{}", b'{"epoch": 1}\n' * 50,
    )  # fmt: skip
    content = chance.choice(contents)
    file.write_bytes(content)
    return f"{file.name} = {content[:20]!r}..."


def enormous(chance: Random, run: Path, outside: Path) -> str:
    """A sparse file: large to read, nothing on the disk."""
    file, size = _file(chance, run), chance.choice((20_000_000, 2_000_000_000))
    os.truncate(file, size)
    return f"makes {file.name} {size} bytes long"


# --- JSON -------------------------------------------------------------------------------------------------------------


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a JSON value; of a long list its ends."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _paths(each, (*path, name))
    elif isinstance(value, list):
        for at in {0, len(value) - 1} if value else ():
            yield from _paths(value[at], (*path, at))


def _changed(chance: Random, value: Any) -> str:
    """Changes a JSON value at a random place."""
    path = chance.choice(list(_paths(value)))
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    how, where = chance.random(), ".".join(map(str, path))
    if how < 0.15:
        del holder[path[-1]]
        return f"{where} is gone"
    if how < 0.2 and isinstance(holder, dict):
        holder[f"{path[-1]}s"] = holder.pop(path[-1])
        return f"{where} has another name"
    new = chance.choice(ODD)
    if how < 0.25:
        for _ in range(chance.choice((10, 50, 500))):
            new = [new]
    holder[path[-1]] = new
    return f"{where} = {str(new)[:30]!r}"


def changed_json(chance: Random, run: Path, outside: Path) -> str:
    file = chance.choice([run / name for name in JSON if (run / name).exists()])
    value = json.loads(file.read_bytes())
    said = _changed(chance, value)
    content = json.dumps(value)
    if chance.random() < 0.1:  # a name twice
        content = content.replace("{", '{"epoch": "x", "epoch": 1, ', 1)
    file.write_text(content)
    return f"{file.name}: {said}"


JSON = ("config.json", "request.json", "result.json", "state.json", "result.json", "state.json")  # the larger twice


def changed_line(chance: Random, run: Path, outside: Path) -> str:
    file = run / "history.jsonl"
    if not file.exists():
        return changed_json(chance, run, outside)
    lines = file.read_text().split("\n")[:-1]
    at = chance.randrange(len(lines))
    how = chance.random()
    if how < 0.7:
        value = json.loads(lines[at])
        said = _changed(chance, value)
        lines[at] = json.dumps(value)
    elif how < 0.8:
        lines[at], said = "", "nothing"
    elif how < 0.9:
        lines.insert(at, lines[-1])
        said = "the last one too"
    else:
        lines[at], said = "[" * 5000, "brackets"
    file.write_text("".join(f"{line}\n" for line in lines))
    return f"line {at + 1} of the history: {said}"


def changed_head(chance: Random, run: Path, outside: Path) -> str:
    """The head of a safetensors file: types, shapes, places of arrays, and what is said beside them."""
    there = sorted(run.rglob("*.safetensors"))
    if not there:
        return changed_json(chance, run, outside)
    file = chance.choice(there)
    content = file.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    head = json.loads(content[8 : 8 + length])
    said = _changed(chance, head)
    new = json.dumps(head).encode()
    file.write_bytes(struct.pack("<Q", len(new)) + new + content[8 + length :])
    return f"head of {file.name}: {said}"


# --- Something else in a file's place ---------------------------------------------------------------------------------


def _clear(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _put(chance: Random, place: Path, outside: Path) -> str:
    """Puts something that is no file, or nothing, in the place of a file or a folder."""
    like = outside / "like" / place.name  # what a link would be followed to gladly
    kinds: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "a folder": lambda: place.mkdir(),
        "a full folder": lambda: (place / "deep" / "er").mkdir(parents=True),
        "a FIFO": lambda: os.mkfifo(place),
        "a socket": lambda: _socket(place),
        "a device": lambda: place.symlink_to("/dev/zero"),
        "a link to a secret": lambda: place.symlink_to(outside / "secret.json"),
        "a link to its like": lambda: place.symlink_to(like if like.exists() else outside / "secret.json"),
        "a link to itself": lambda: place.symlink_to(place.name),
        "a link to nowhere": lambda: place.symlink_to(outside / "nowhere"),
        "a link to a folder": lambda: place.symlink_to(outside),
    }
    kind = chance.choice(list(kinds))
    _clear(place)
    kinds[kind]()
    return f"{kind} for {place.name}"


def _socket(place: Path) -> None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as listening:  # its path may be too long
        here = os.open(place.parent, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{here}/{place.name}")
        finally:
            os.close(here)


def replaced(chance: Random, run: Path, outside: Path) -> str:
    return _put(chance, _file(chance, run), outside)


def replaced_folder(chance: Random, run: Path, outside: Path) -> str:
    there = [each for each in (run / "snapshots", run) if each.is_dir()]
    return _put(chance, chance.choice(there), outside)


def extra(chance: Random, run: Path, outside: Path) -> str:
    """Something that nobody asked for, under a name that is none of ours, or one that training makes."""
    names = (
        *NAMES,
        "command",
        "log.txt",
        "checkpoint.safetensors",
        "label.json",
        "preview.png",
        "offline.safetensors",
    )
    place = chance.choice([run, run / "snapshots", run.parent]) / chance.choice(names)
    if not place.parent.is_dir() or os.path.lexists(place):
        place = run / "label.json"
    if chance.random() < 0.5:
        return f"extra: {_put(chance, place, outside)}"
    place.write_bytes(chance.choice((b"", b"{}", chance.randbytes(99))))
    return f"extra file {place.name}"


def forbidden(chance: Random, run: Path, outside: Path) -> str:
    """Nobody may read it (the superuser may)."""
    place = chance.choice([_file(chance, run), run, *([run / "snapshots"] if (run / "snapshots").exists() else [])])
    os.chmod(place, chance.choice((0o000, 0o200, 0o400)))
    return f"forbids {place.name}"


def dated(chance: Random, run: Path, outside: Path) -> str:
    """Of a time before or long after any calendar."""
    file, when = _file(chance, run), chance.choice((-(10**9), 0, 4 * 10**9, 10**11))
    with contextlib.suppress(OSError, OverflowError):  # not on every file system
        os.utime(file, (when, when))
    return f"dates {file.name} {when}"


SPOILERS: tuple[tuple[Spoiler, int], ...] = (
    (changed_json, 8), (changed_line, 3), (changed_head, 3), (flipped, 3), (truncated, 2), (other_content, 3),
    (enormous, 1), (replaced, 4), (replaced_folder, 2), (extra, 2), (forbidden, 1), (dated, 1),
)  # fmt: skip


WHOLE = (changed_json, changed_line, changed_head)  # which read what they change


def spoil(chance: Random, run: Path, outside: Path, again: bool = False) -> str:
    """Spoils a run's folder, once or `again`, in a way that `chance` draws; says what was done. `outside` is a folder
    that nothing may read or write."""
    there = [(each, weight) for each, weight in SPOILERS if not (again and each in WHOLE)]
    chosen = chance.choices([each for each, _ in there], [weight for _, weight in there])[0]
    return f"{chosen.__name__}: {chosen(chance, run, outside)}"
