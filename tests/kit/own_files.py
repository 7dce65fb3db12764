"""Files as people add them: zips of pictures, tables and series, made of seeded random numbers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, size: tuple[int, int] = (12, 12), gray: bool = False, form: str = "PNG") -> bytes:
    """A file of random pixels; `size` is width and height."""
    shape = (size[1], size[0]) if gray else (size[1], size[0], 3)
    file = io.BytesIO()
    Image.fromarray(np.random.RandomState(seed).randint(0, 256, shape, np.uint8)).save(file, form)
    return file.getvalue()


def zip_bytes(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of named files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, data in entries:
            packed.writestr(name, data)
    return file.getvalue()


def write_zip(file: Path, entries: Iterable[tuple[str, bytes]]) -> Path:
    """The same as a file."""
    file.write_bytes(zip_bytes(entries))
    return file


def pictures_zip(file: Path, count: int = 24, folders: tuple[str, ...] = ("cats", "dogs"), **how: object) -> Path:
    """A zip of pictures, one folder a class, in turn."""
    made = ((f"{folders[at % len(folders)]}/{at}.png", picture(at, **how)) for at in range(count))  # type: ignore[arg-type]
    return write_zip(file, made)


def table_text(count: int = 40, seed: int = 0) -> str:
    """A CSV of two numbers, a category, a yes/no and a label."""
    draw = np.random.RandomState(seed)
    rows = [
        f"{draw.normal(5, 2):.3f},{draw.randint(0, 100)},{['red', 'green', 'blue'][draw.randint(3)]},"
        f"{'yes' if draw.rand() < 0.5 else 'no'},{'ab'[at % 2]}"
        for at in range(count)
    ]
    return "\n".join(["width,age,colour,member,label", *rows]) + "\n"


def write_text(file: Path, text: str, encoding: str = "utf-8") -> Path:
    """A text file in an encoding."""
    file.write_bytes(text.encode(encoding))
    return file
