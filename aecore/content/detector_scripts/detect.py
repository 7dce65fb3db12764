"""Score samples with the detector in this folder, and say which of them are anomalies.

    python detect.py picture.png folder     pictures of any size, a sample each
    python detect.py table.csv              a sample a row: tables, vectors and points in their own units, by the names
                                            of their columns; series moment after moment
    python detect.py array.npy              samples [N, ...]

Writes CSV: file, row, score (higher = odder), p_value and alarm (1 or 0). It needs NumPy and onnxruntime, and Pillow
where it reads pictures. README.md says what was normal, and what the detector is worth.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from detector import BATCH, Detector, DetectorError
from read_images import ImageReader
from read_tables import TableReader

COLUMNS = ("file", "row", "score", "p_value", "alarm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Score files; returns 0, or 1 where something could not be scored, which is told on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="pictures, CSV, .npy, or folders of them")
    parser.add_argument("--out", type=Path, metavar="CSV", help="write there (default: to standard output)")
    args = parser.parse_args(arguments)
    try:
        detector = Detector()
        scoring = Scoring(detector)
        scoring.score_all(args.files)
        _write(scoring.csv(), args.out)
        return int(scoring.failed)
    except ImportError as error:
        _say(f"{error.name} is not installed: python -m pip install -r requirements.txt.")
    except DetectorError as error:
        _say(str(error))
    except OSError as error:
        _say(f"{args.out or 'The answer'} cannot be written ({error.strerror}): name another file.")
    return 1


def _say(sentence: str) -> None:
    print(f"detect: {sentence}", file=sys.stderr)


class Scoring:
    """Files on their way through a detector."""

    def __init__(self, detector: Detector) -> None:
        self.detector, self.failed = detector, False
        try:
            is_image, about = detector.kind == "image", detector.about
            self._reader = ImageReader(about) if is_image else TableReader(about, _say)
        except (LookupError, TypeError, ValueError) as error:
            raise DetectorError(f"detector.json cannot be used ({error!r}): export the detector again.") from None
        self.samples: list[tuple[str, int]] = []  # file and row
        self.scores = np.zeros(0)

    def score_all(self, paths: Sequence[Path]) -> None:
        """Score all samples of files and folders; what cannot be read is told, and the others are scored."""
        found, waiting = [], []
        for name, row, x in self._read(paths):
            self.samples.append((name, row))
            waiting.append(x)
            if len(waiting) == BATCH:
                found.append(self.detector.score(np.stack(waiting)))
                waiting.clear()
        if waiting:
            found.append(self.detector.score(np.stack(waiting)))
        if not self.samples:
            raise DetectorError(f"There is no sample in these files: name some of {', '.join(self._reader.suffixes)}.")
        self.scores = np.concatenate(found)

    def _read(self, paths: Sequence[Path]) -> Iterator[tuple[str, int, np.ndarray]]:
        for file in self._find(paths):
            try:
                for row, x in self._reader.read(file):
                    yield str(file), row, x
            except DetectorError as error:
                self._fail(f"{file} {error}")
            except OSError as error:
                self._fail(f"{file} cannot be read ({error.strerror}).")

    def _fail(self, sentence: str) -> None:
        self.failed = True
        _say(sentence)

    def _find(self, paths: Sequence[Path]) -> Iterator[Path]:
        """The files, and in place of folders all in them that could be samples."""
        for path in paths:
            if path.is_dir():
                inside = (each for each in sorted(path.rglob("*")) if each.name[0] != "." and each.is_file())
                yield from (each for each in inside if each.suffix.lower() in self._reader.suffixes)
            else:
                yield path

    def csv(self) -> str:
        """A line for each sample."""
        alarms = self.detector.alarms(self.scores)
        numbers = zip(self.scores, self.detector.p_values(self.scores), alarms, strict=True)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (name, row), (score, p_value, alarm) in zip(self.samples, numbers, strict=True):
            safe = f"./{name}" if name[0] in "=+-@" else name  # or a spreadsheet would run it as a formula
            writer.writerow((safe, row, f"{score:.9g}", f"{p_value:.6g}", int(alarm)))
        _say(f"{len(alarms):,} samples, {int(alarms.sum()):,} alarms ({self.detector.rule}).")
        return text.getvalue()


def _write(text: str, file: Path | None) -> None:
    """To standard output, or into a file that is written whole or not at all."""
    if file is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    part = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, file)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
