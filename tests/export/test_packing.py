"""Arrays for a browser: what comes out of the block is what went in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aecore.export import packing


@pytest.mark.parametrize("dtype", packing.DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 5), (4, 1, 3)])
def test_an_array_comes_back(dtype, shape):
    x = np.random.default_rng(0).uniform(0, 200, shape).astype(dtype)
    pieces, blob = packing.pack({"before": np.zeros(3, np.uint8), "x": x})
    found = packing.unpack(json.loads(json.dumps(pieces))["x"], blob)
    assert found.dtype == x.dtype and found.shape == shape
    np.testing.assert_array_equal(found, x)


def test_lists_files_and_what_is_not_there():
    pieces, blob = packing.pack({"files": [b"first", b"", b"second"], "none": None, "some": [None, b"x"]})
    assert [packing.unpack(each, blob).tobytes() for each in pieces["files"]] == [b"first", b"", b"second"]
    assert pieces["none"] is None and pieces["some"][0] is None and len(blob) == 12


def test_an_array_that_is_given_twice_lies_there_once():
    x = np.arange(5, dtype=np.float32)
    pieces, blob = packing.pack({"one": x, "other": x, "copy": x.copy()})
    assert pieces["one"] == pieces["other"] != pieces["copy"] and len(blob) == 2 * x.nbytes


def test_parts_of_an_array_and_other_byte_orders_are_written_as_they_read():
    x = np.arange(12, dtype=">f4").reshape(3, 4)
    for part in (x, x[:, ::2], x.T):
        pieces, blob = packing.pack({"x": part})
        np.testing.assert_array_equal(packing.unpack(pieces["x"], blob), part)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, bool])
def test_numbers_that_javascript_has_no_array_of_are_refused(dtype):
    with pytest.raises(TypeError, match=np.dtype(dtype).name):
        packing.pack({"x": np.zeros(2, dtype)})
