"""A file becomes a data set to look at: which reader it needs, by what it holds and not by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from aecore.data import uploads
from aecore.data.adding import archives, arrays, division, image_archive, tabular
from aecore.data.adding.parsed import ParsedData
from aecore.data.adding.understood import MAX_FILE_BYTES, N_EXAMPLES, AddOptions, Understood, WorkFolder
from aecore.data.adding.wording import MAX_TITLE, one_line
from aecore.errors import UserError

KINDS = ("", "image", "table", "series", "vector", "points")
HEADERS: dict[bytes, str] = {
    b"7z\xbc\xaf": "This is a 7z archive, and only zip is read here: unpack it and pack it as zip.",
    b"Rar!": "This is a RAR archive, and only zip is read here: unpack it and pack it as zip.",
    b"\x1f\x8b": "This file is packed with gzip: unpack it first, and pack pictures as zip.",
    b"\xfd7zXZ": "This file is packed with xz: unpack it first, and pack pictures as zip.",
    b"BZh": "This file is packed with bzip2: unpack it first, and pack pictures as zip.",
    b"%PDF": "This is a PDF: save its table as CSV and add that.",
    b"\xd0\xcf\x11\xe0": "This is a document of an office program: save its sheet as CSV (UTF-8) and add that.",
    b"\x89HDF": "This is an HDF5 file, which is not read here: save its arrays with numpy.savez and add that.",
    b"{": "This is JSON, which is not read here: save its table as CSV and add that.",
    b"[": "This is JSON, which is not read here: save its table as CSV and add that.",
    b"\x80\x02": "This is a Python pickle, which is never opened here: save arrays with numpy.savez and add that.",
    b"\x80\x04": "This is a Python pickle, which is never opened here: save arrays with numpy.savez and add that.",
    b"\x80\x05": "This is a Python pickle, which is never opened here: save arrays with numpy.savez and add that.",
}


def understand(path: Path, options: AddOptions, progress: Callable[[str], None] | None = None) -> Understood:
    """Read a file of somebody's own within all bounds; keeps nothing but a temporary folder that the result owns.

    Parameters
    ----------
    path
        A zip of pictures, a table (CSV, TSV, Parquet), or arrays (.npz, .npy).
    options
        How it is to be read.
    progress
        Is told in words how far a long reading is, a few times a second.

    Returns
    -------
    Understood
        Close it, or use it in a `with` block: it holds a temporary folder.

    Raises
    ------
    UserError
        For every file that cannot be used; says why.
    """
    if options.kind not in KINDS:
        raise UserError(f"There is no kind of data called {options.kind}: choose image, table, series or vector.")
    work = WorkFolder()
    try:
        file = _checked(path)
        with open(file, "rb") as stream:
            beginning = stream.read(16)
        parsed = _read(file, beginning, options, work, progress or (lambda said: None))
        return _finish(parsed, path, options, work)
    except OSError as error:
        work.close()
        raise UserError(
            f"The file cannot be read, or there is no room to unpack it ({error}): try again later."
        ) from None
    except MemoryError:
        work.close()
        raise UserError("The file needs more memory than there is: add a part of it.") from None
    except BaseException:
        work.close()
        raise


def _checked(path: Path) -> Path:
    """The file itself. UserError when it is none, or too large."""
    file = path.resolve()
    if not file.is_file():
        raise UserError(f"There is no file {one_line(str(path), 200)}: check its name, and pack a folder as zip.")
    size = file.stat().st_size
    if not size:
        raise UserError("The file is empty: choose another one.")
    if size > MAX_FILE_BYTES:
        raise UserError(
            f"The file has {size / 1e6:,.0f} MB and at most {MAX_FILE_BYTES // 10**6} are taken: add a part of it, or "
            "shrink pictures before packing."
        )
    return file


def _read(
    file: Path, beginning: bytes, options: AddOptions, work: WorkFolder, progress: Callable[[str], None]
) -> ParsedData:
    for header, sentence in HEADERS.items():
        if beginning.startswith(header):
            raise UserError(sentence)
    if beginning.startswith(b"\x93NUMPY"):
        return arrays.from_npy(file, options, work)
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        with archives.open_archive(file) as archive:
            if arrays.is_npz(archive):
                return arrays.from_npz(archive, options, work)
            if options.kind not in ("", "image"):
                raise UserError(f"A zip is read as pictures, not as {options.kind}: add tables as CSV, arrays as .npz.")
            return image_archive.from_zip(archive, options, work, progress)
    if uploads.SIGNATURES.match(beginning) and not beginning.startswith(b"BM"):
        raise UserError("One picture is no data set: pack many as zip, in one folder a class, and add that.")
    if options.kind == "image":
        raise UserError("Images are read from a zip of pictures or an .npz of uint8 arrays: pack them so.")
    return tabular.from_table(file, beginning, options, progress)


def _finish(parsed: ParsedData, path: Path, options: AddOptions, work: WorkFolder) -> Understood:
    """What people look at: counts, splits and the first samples."""
    count = len(parsed.y)
    if parsed.rows is None:
        division.check_count(count, parsed.modality.noun.many)
        parsed.rows, said = division.by_lot(count, options.seed)
        parsed.notes.append(said)
    train, validation, test = parsed.rows
    shown = train[:N_EXAMPLES]
    samples = np.array(parsed.x[shown], np.float32) / (255 if parsed.x.dtype == np.uint8 else 1)
    counts = np.bincount(parsed.y[np.concatenate(parsed.rows)], minlength=len(parsed.classes)).tolist()
    named = parsed.classes if parsed.labelled else ("",)
    used = len(train) + len(validation) + len(test)
    return Understood(
        kind=parsed.kind,
        title=one_line(options.name, MAX_TITLE) or one_line(path.stem, MAX_TITLE) or "My data",
        modality=parsed.modality,
        classes=parsed.classes if parsed.labelled else (),
        class_counts=dict(zip(parsed.classes, counts, strict=True)) if parsed.labelled else {},
        n_samples=used,
        split_sizes=(len(train), len(validation), len(test)),
        bytes=used * (parsed.x[:1].nbytes + 8),
        notes=tuple(parsed.notes),
        columns=parsed.columns,
        file_columns=parsed.file_columns,
        samples=samples,
        sample_labels=tuple(named[label] for label in parsed.y[shown]),
        x=parsed.x,
        y=parsed.y,
        rows=parsed.rows,
        work=work,
    )
