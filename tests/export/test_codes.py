"""Codes as a file: each of the formats is opened by the program that people will open it with."""

from __future__ import annotations

import io

import numpy as np
import pandas
import pytest

from aecore.export import codes as export

RNG = np.random.default_rng(4)
CODES = RNG.standard_normal((7, 3)).astype(np.float32)
LABELS, CLASSES = np.array([0, 1, 2, 0, 1, 2, 0]), ("null", "one, or so", 'the "second"')
SPLITS = {"train": 4, "validation": 3}
POINTS = RNG.standard_normal((7, 2)).astype(np.float32)

NUMBERS = dict.fromkeys(["x", "y", "z1", "z2", "z3"], np.float32)
READERS = {
    "csv": lambda data: pandas.read_csv(io.BytesIO(data), keep_default_na=False, dtype=NUMBERS),
    "parquet": lambda data: pandas.read_parquet(io.BytesIO(data)),
}


def table(**more):
    return export.codes_table(CODES, LABELS, CLASSES, SPLITS, **more)


@pytest.mark.parametrize("kind", READERS)
def test_pandas_reads_back_every_number_and_name(kind):
    frame = READERS[kind](export.FORMATS[kind](table(points=POINTS)))
    assert list(frame) == ["split", "index", "class", "x", "y", "z1", "z2", "z3"]
    assert frame["split"].tolist() == ["train"] * 4 + ["validation"] * 3
    assert frame["index"].tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert frame["class"].tolist() == [CLASSES[label] for label in LABELS]
    np.testing.assert_array_equal(frame[["z1", "z2", "z3"]].to_numpy(np.float32), CODES)
    np.testing.assert_array_equal(frame[["x", "y"]].to_numpy(np.float32), POINTS)


def test_numpy_reads_it_without_pickles():
    with np.load(io.BytesIO(export.to_npz(table())), allow_pickle=False) as archive:
        assert set(archive) == {"split", "index", "class", "z"}
        np.testing.assert_array_equal(archive["z"], CODES)
        assert archive["class"].tolist() == [CLASSES[label] for label in LABELS]


def test_some_rows_keep_their_own_numbers():
    some = table(rows=np.array([5, 1]))
    assert some["split"].tolist() == ["validation", "train"] and some["index"].tolist() == [1, 1]
    np.testing.assert_array_equal(some["z2"], CODES[[5, 1], 1])


def test_no_rows_are_a_table_without_lines():
    assert export.to_csv(table(rows=np.array([], int))).decode() == "split,index,class,z1,z2,z3\n"
    assert len(pandas.read_parquet(io.BytesIO(export.to_parquet(table(rows=np.array([], int)))))) == 0


def test_no_class_is_run_as_a_formula_by_a_spreadsheet():
    classes = ("=cmd|' /C calc'!A0", "-1", "@SUM(A1)", "-x", "a=b", "+2.5", "+cmd")
    written = export.codes_table(CODES, np.arange(7), classes, SPLITS)
    cells = pandas.read_csv(io.BytesIO(export.to_csv(written)), dtype=str)["class"].tolist()
    assert cells == ["'=cmd|' /C calc'!A0", "-1", "'@SUM(A1)", "'-x", "a=b", "+2.5", "'+cmd"]
