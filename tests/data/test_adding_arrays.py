"""NumPy's files: what an array is, by its shape and its numbers, and that pickles are never opened."""

import io
import zipfile

import numpy as np
import pytest

from aecore.data.adding import AddOptions, archives, arrays, understand
from aecore.data.modalities import Image, Points, Series, Vector
from aecore.errors import UserError

DRAW = np.random.RandomState(0)
BYTES, REALS = DRAW.randint(0, 256, (30, 6, 5, 3), np.uint8), DRAW.normal(size=(30, 9, 2))


@pytest.fixture
def read(tmp_path):
    """Reads arrays as a file."""
    opened = []

    def run(options=AddOptions(), **named):  # noqa: B008  frozen
        np.savez(tmp_path / "a.npz", **named)
        opened.append(understand(tmp_path / "a.npz", options))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    ("x", "modality"),
    [
        (BYTES, Image(3, 6, 5)),
        (BYTES.transpose(0, 3, 1, 2), Image(3, 6, 5)),
        (BYTES[..., 0], Image(1, 6, 5)),
        (BYTES[..., :1], Image(1, 6, 5)),
        (np.asfortranarray(BYTES), Image(3, 6, 5)),
    ],
)
def test_bytes_are_images(read, x, modality):
    found = read(x=x, y=np.arange(30) % 3)
    assert found.modality == modality and found.classes == ("0", "1", "2")
    np.testing.assert_array_equal(found.x[:, 0], BYTES[..., 0])


def test_fractions_of_one_and_of_255_are_images_when_it_is_asked(read):
    asked = AddOptions(kind="image")
    for x in (BYTES[..., 0] / 255, BYTES[..., 0].astype(np.float32), BYTES[..., 0].astype(np.int64)):
        np.testing.assert_array_equal(read(asked, x=x).x[:, 0], BYTES[..., 0])
    with pytest.raises(UserError, match="0 to 1 or 0 to 255"):
        read(asked, x=REALS)


def test_reals_are_vectors_points_or_series(read):
    assert isinstance(read(x=REALS[:, :, 0]).modality, Vector)
    assert isinstance(read(x=REALS[:, 0, :]).modality, Points)
    assert read(x=REALS).modality.shape == (9, 2)
    assert isinstance(read(AddOptions(kind="series"), x=REALS[:, :, 0]).modality, Series)
    assert isinstance(read(AddOptions(kind="vector"), x=REALS[:, 0, :]).modality, Vector)


def test_numbers_are_standardised_by_the_training_samples(read):
    found = read(x=REALS[:, :, 0] * [1e-3, *[1e6] * 8] + 5)
    np.testing.assert_allclose(found.x[found.rows[0]].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.x[found.rows[0]].std(0), 1, atol=1e-5)


def test_gaps_are_kept_in_series_and_leave_vectors_out(read):
    x = REALS.copy()
    x[3, 4, 1], x[5, 0, 0] = np.nan, np.inf
    found = read(x=x)
    assert found.modality.missing and np.isnan(found.x[3, 4, 1]) and np.isnan(found.x).sum() == 2
    found = read(x=x[:, 0])
    assert found.n_samples == 29 and "1 sample with NaN or infinity left out." in found.notes


def test_labels_may_be_texts(read):
    found = read(x=BYTES, y=np.array(["dog", "cat", "owl"] * 10))
    assert found.classes == ("cat", "dog", "owl")
    assert [found.classes[each] for each in found.y[:3]] == ["dog", "cat", "owl"]


def test_an_npy_is_read_without_labels(tmp_path):
    np.save(tmp_path / "my codes.npy", REALS[:, :, 0])
    with understand(tmp_path / "my codes.npy", AddOptions()) as found:
        assert found.title == "my codes" and found.classes == () and found.modality.shape == (9,)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"x": REALS[:19]}, "At least 20 samples"),
        ({"x": REALS, "y": np.arange(29)}, "y has the shape"),
        ({"x": REALS, "y": np.linspace(0, 1, 30)}, "y holds fractions"),
        ({"x": np.zeros((300, 4)), "y": np.arange(300)}, "300 different values"),
        ({"u": REALS, "v": REALS}, "no array called x in the file, only u and v"),
        ({"x": np.arange(30)}, "x has the shape"),
        ({"x": np.array(["a"] * 30)}, "x has the shape"),
        ({"x": REALS.astype(complex)}, "complex"),
        ({"x": np.zeros((30, 4, 4, 7), np.uint8)}, "1 or 3 channels"),
        ({"x": np.zeros((30, 1, 300, 4), np.uint8)}, "up to 256 pixels"),
        ({"x": np.zeros((30, 2, 2, 2, 2))}, "1 or 3 channels"),
        ({"x": np.array([{}] * 30, object)}, "never opened here"),
        ({"x": REALS, "y": np.array([None] * 30, object)}, "never opened here"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused_in_one_sentence(read, named, said):
    with pytest.raises(UserError, match=said):
        read(**named)


def test_an_npy_of_objects_and_one_that_breaks_off_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}] * 30, object), allow_pickle=True)
    with pytest.raises(UserError, match="never opened here"):
        understand(tmp_path / "a.npy", AddOptions())
    np.save(tmp_path / "b.npy", REALS)
    (tmp_path / "b.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:-8])
    with pytest.raises(UserError, match="breaks off"):
        understand(tmp_path / "b.npy", AddOptions())


def _npz_that_says(tmp_path, shape, data=b"", method=zipfile.ZIP_DEFLATED):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as packed:
        packed.writestr("x.npy", header.getvalue() + data)
    return tmp_path / "a.npz"


def test_a_header_is_not_believed(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="at most 2 are taken"):
        understand(_npz_that_says(tmp_path, (10**12, 8)), AddOptions())
    with pytest.raises(UserError, match="breaks off"):
        understand(_npz_that_says(tmp_path, (10**6, 8)), AddOptions())
    with pytest.raises(UserError, match="At least 20"):
        understand(_npz_that_says(tmp_path, (0, 8)), AddOptions())
    monkeypatch.setattr(archives, "RATIO_FROM", 10**5)
    with pytest.raises(UserError, match="unpacks to more"):
        understand(_npz_that_says(tmp_path, (10**5, 8), bytes(8 * 8 * 10**5)), AddOptions())


def test_a_method_of_packing_that_takes_memory_by_its_header_is_refused(tmp_path):
    with pytest.raises(UserError, match="packed by a method"):
        understand(_npz_that_says(tmp_path, (30, 8), bytes(8 * 30 * 8), zipfile.ZIP_LZMA), AddOptions())


def test_large_arrays_are_turned_into_bytes_a_piece_at_a_time(read, monkeypatch):
    monkeypatch.setattr(arrays, "CHUNK", 500)
    np.testing.assert_array_equal(read(AddOptions(kind="image"), x=BYTES[..., 0] / 255).x[:, 0], BYTES[..., 0])
