"""The data sets: cards tell the truth, shapes are what their factors say, damaged files are no data set."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aecore.data import cards, datasets, shapes
from aecore.data.download import download
from aecore.data.torchvision_files import FILES
from aecore.errors import UserError
from tests.kit.dataset_files import DOWNLOADED, GENERATED, is_one_sentence, label_of, link_files

REAL = Path(os.environ.get("AECORE_DATA") or "data").resolve()  # before any test names another folder


def numbers(split: datasets.Split) -> np.ndarray:
    """What mnist_like wrote into the images."""
    return split.x[:, 0, 0, :3].astype(np.int64) @ (65536, 256, 1)


def splits(found: datasets.Dataset) -> tuple[datasets.Split, datasets.Split, datasets.Split]:
    return found.train, found.validation, found.test


# Cards


def test_cards_come_in_order_and_under_their_names():
    listed = tuple(name for name in datasets.CARDS if name in GENERATED + DOWNLOADED)
    assert listed == GENERATED + DOWNLOADED  # what else comes with the laboratory: test_built_in.py
    assert all(card.name == name for name, card in datasets.CARDS.items())


@pytest.mark.parametrize("card", datasets.CARDS.values(), ids=datasets.CARDS)
def test_a_card_is_filled_in(card: datasets.DatasetCard):
    assert (
        card.description.endswith((".", "?"))
        and not card.short_description.endswith(".")
        and card.licence
        and card.source
    )
    assert len(set(card.classes)) == len(card.classes)
    assert (card.download_bytes > 0) == (card.name in DOWNLOADED)


def test_class_names_are_those_of_torchvision():
    from torchvision.datasets import KMNIST, FashionMNIST

    assert list(datasets.CARDS["fashion_mnist"].classes) == FashionMNIST.classes
    assert [name.split()[0] for name in datasets.CARDS["kmnist"].classes] == KMNIST.classes


def test_neither_cards_nor_is_here_import_what_is_slow():
    code = (
        "import sys; from aecore.data import datasets as data; [data.is_available(name) for name in data.CARDS]; "
        "sys.exit(', '.join({'torch', 'torchvision', 'sklearn', 'streamlit'} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(datasets.__file__).parents[2])


# What every data set in memory keeps


@pytest.mark.parametrize("name", GENERATED)
def test_counts_and_kinds_are_those_of_the_card(name: str):
    found = datasets.load(name)
    card = datasets.CARDS[name]
    assert found.card is card
    assert [len(split) for split in splits(found)] == [card.n_train, card.n_validation, card.n_test]
    for split in splits(found):
        assert split.x.dtype == np.uint8 and split.x.shape == (len(split), *card.shape)
        assert split.x.flags.c_contiguous
        assert split.y.dtype == np.int64 and split.y.shape == (len(split),)
        assert set(split.y) == set(range(len(card.classes)))


@pytest.mark.parametrize("name", GENERATED)
def test_floats_reach_from_0_to_1(name: str):
    split = datasets.load(name).train
    floats = split.to_float()
    assert floats.dtype == np.float32 and floats.shape == split.x.shape
    assert floats.min() == 0
    # The brightest value of the Okabe & Ito colours is the 240 of yellow; the other sets reach white.
    assert floats.max() == np.float32(240 / 255 if name == "shapes-colour" else 1)


def test_floats_of_rows_are_those_rows_and_new():
    split = datasets.load("digits").train
    floats = split.to_float(np.array([5, 2]))
    assert np.array_equal(floats * 16, split.x[[5, 2]])
    floats[:] = 7
    assert split.x.max() <= 16
    assert np.array_equal(split.to_float(slice(3)), split.to_float()[:3])


def test_load_remembers_but_not_without_end():
    assert datasets.load("shapes") is datasets.load("shapes")
    for name in GENERATED * 2:
        datasets.load(name)
    assert len(datasets._CACHE) <= datasets.MAX_LOADED < len(datasets.CARDS)


def test_splits_are_the_same_in_every_run():
    before = datasets.load("digits")
    datasets._CACHE.clear()
    after = datasets.load("digits")
    assert after is not before
    assert all(np.array_equal(a.x, b.x) for a, b in zip(splits(before), splits(after), strict=True))


@pytest.mark.parametrize("name", GENERATED)
def test_the_first_rows_are_a_fair_sample(name: str):
    share = 100 / len(datasets.CARDS[name].classes)
    for split in splits(datasets.load(name)):
        often = np.bincount(split.y[:100], minlength=len(datasets.CARDS[name].classes))
        assert often.min() > 0 and often.max() < share + 6 * np.sqrt(share)  # in order of class, one has all 100


def test_an_unknown_name_is_answered_with_the_known_ones():
    for ask in (datasets.load, datasets.is_available, lambda name: next(download(name))):
        with pytest.raises(UserError, match=r"called emnist; .*digits, shapes, shapes-colour, .*mnist"):
            ask("emnist")


# Digits


def test_digits_are_scikit_learns_each_once_and_with_its_label():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    true = sorted(
        (p.astype(np.uint8).tobytes(), int(label)) for p, label in zip(bunch.images, bunch.target, strict=True)
    )
    ours = [(p.tobytes(), int(y)) for s in splits(datasets.load("digits")) for p, y in zip(s.x, s.y, strict=True)]
    assert sorted(ours) == true


def test_digits_stay_whole_numbers_to_16():
    for split in splits(datasets.load("digits")):
        assert split.max_value == 16 and split.x.max() == 16


def test_digits_test_set_holds_a_fifth_of_each_class():
    found = datasets.load("digits")
    of_all = np.bincount(np.concatenate([split.y for split in splits(found)]))
    assert np.abs(np.bincount(found.test.y) - of_all / 5).max() <= 0.5


# Shapes. With 8 x 8 sample points a pixel an outline of P pixels crosses about 8 P cells of 1/64 pixel; each
# counts wholly or not at all: 0.29 cells of error, which nearly cancel. For the longest outline (P = 48) one
# sigma is 0.09 pixels of area; for the smallest shape it is 0.02 pixels for the centre of mass. Edges along
# rows or diagonals of points miss by up to half a cell all along: P / 16 pixels of area, alike on both sides.


@pytest.fixture(scope="module")
def white() -> tuple[np.ndarray, np.ndarray]:
    """All images in [0, 1], [12000, 32, 32], and their factors [12000, 5]."""
    pictures, factors = shapes.grey_shapes()
    return pictures[:, 0] / 255, factors


def moments(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area and centre of mass (x, y) of images [N, 32, 32], in pixels; pixel 0 reaches from 0 to 1."""
    middle = np.arange(32) + 0.5
    area = pictures.sum((1, 2))
    return area, pictures.sum(1) @ middle / area, pictures.sum(2) @ middle / area


def test_shapes_come_in_every_combination_and_all_differ(white):
    pictures, factors = white
    assert len(np.unique(factors, axis=0)) == len(factors) == 12_000
    assert factors.min(0).tolist() == [0] * 5 and factors.max(0).tolist() == [2, 4, 7, 9, 9]
    assert len({picture.tobytes() for picture in pictures}) == 12_000


def test_shapes_have_the_area_that_geometry_gives_them(white):
    pictures, factors = white
    area, _, _ = moments(pictures)
    side = np.array([6, 7.5, 9, 10.5, 12])[factors[:, 1]]
    radius = side / np.sqrt(2)
    # The heart is a square of half side h with two half discs; its tip lies sqrt(2) (1 + c) h from its mass.
    c = (np.pi / 2 + 2 / 3) / (4 + np.pi)
    h = radius / (np.sqrt(2) * (1 + c))
    true = np.stack([side**2, np.pi * radius * 0.6 * radius, (4 + np.pi) * h**2])[factors[:, 0], np.arange(len(side))]
    off = np.abs(area - true)
    along = np.isin(factors[:, 2], (0, 4))  # 0 and 45 degrees
    assert off[~along].max() < 5 * 0.09
    assert (off[along] < 4 * side[along] / 16).all()
    upright = (factors[:, 0] == 0) & (factors[:, 2] == 0)
    assert off[upright].max() < 0.15  # edges on fine lines: only the rounding to 255 steps is left


def test_shapes_lie_where_their_factors_say(white):
    pictures, factors = white
    _, x, y = moments(pictures)
    assert np.abs(x - (9.25 + 1.5 * factors[:, 3])).max() < 0.08  # a twentieth of a step
    assert np.abs(y - (9.25 + 1.5 * factors[:, 4])).max() < 0.08


def test_ellipses_point_where_their_factor_says(white):
    pictures, factors = white
    rows = (factors[:, 0] == 1) & (factors[:, 1] == 4)
    pictures, factors = pictures[rows], factors[rows]
    _, x, y = moments(pictures)
    across = np.arange(32) + 0.5 - x[:, None]  # [n, 32]
    down = np.arange(32) + 0.5 - y[:, None]
    xx, yy = (pictures.sum(1) * across**2).sum(1), (pictures.sum(2) * down**2).sum(1)
    xy = np.einsum("nyx,ny,nx->n", pictures, down, across)
    degrees = np.rad2deg(np.arctan2(2 * xy, xx - yy) / 2)
    assert np.abs((degrees - 11.25 * factors[:, 2] + 90) % 180 - 90).max() < 1  # a tenth of a step


def test_hearts_stand_on_their_tip_and_turn_clockwise(white):
    pictures, factors = white
    heart = {turn: pictures[np.all(factors == (2, 4, turn, 5, 5), axis=1)][0] for turn in (0, 7)}
    place = 9.25 + 1.5 * 5
    assert np.flatnonzero(heart[0].any(1))[-1] == int(place + 12 / np.sqrt(2) - 0.1)  # the tip, a radius below
    tip = np.deg2rad(90 + 7 * 11.25)  # from right towards down; 78.75 degrees on from straight down is nearly left
    at = place + 0.85 * 12 / np.sqrt(2) * np.array([np.sin(tip), np.cos(tip)])
    assert heart[7][tuple(at.astype(int))] > 0.5


def test_shapes_are_never_cut(white):
    pictures, _ = white
    # The outermost centre is 9.25 from the edge, the largest radius 8.49: under 0.25 of a pixel there is lit.
    assert max(pictures[:, [0, -1]].max(), pictures[:, :, [0, -1]].max()) < 0.25


@pytest.mark.parametrize("name", ["shapes", "shapes-colour"])
def test_no_shape_is_in_two_splits(name: str):
    every = [picture.tobytes() for split in splits(datasets.load(name)) for picture in split.x]
    assert len(set(every)) == len(every) == 12_000


@pytest.mark.parametrize("name", ["shapes", "shapes-colour"])
def test_labels_and_factors_belong_to_the_pictures(name: str):
    found = datasets.load(name)
    pictures, _ = shapes.grey_shapes()
    names = ("shape", "scale", "rotation", "x", "y") + (("hue",) if name == "shapes-colour" else ())
    assert found.factor_names == names
    for split in splits(found):
        assert split.factors.shape == (len(split), len(names))
        assert np.array_equal(split.y, split.factors[:, 0])
        drawn = pictures[np.ravel_multi_index(split.factors[:300, :5].T, (3, 5, 8, 10, 10))]
        colour = 255 if name == "shapes" else np.array(shapes.HUES)[split.factors[:300, 5], :, None, None]
        assert np.abs(drawn / 255 * colour - split.x[:300]).max() <= 0.5


def test_every_hue_is_as_frequent_as_any_other():
    hues = np.concatenate([split.factors[:, 5] for split in splits(datasets.load("shapes-colour"))])
    # 12,000 of 72,000 without replacement: 2,000 of each, one sigma is sqrt(12000 / 6 * 5 / 6 * 5 / 6) = 37.
    assert np.abs(np.bincount(hues, minlength=6) - 2000).max() < 5 * 37


# Data sets from disk


@pytest.mark.parametrize("name", DOWNLOADED)
def test_what_is_missing_is_said_with_the_way_out(name: str, empty: Path):
    assert not datasets.is_available(name)
    with pytest.raises(datasets.DatasetNotAvailable) as caught:
        datasets.load(name)
    assert f"`python -m aecore datasets --download {name}`" in str(caught.value)
    assert "Data page" in str(caught.value) and is_one_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("name", "place"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
def test_idx_files_load_with_the_right_labels_in_disjoint_splits(name: str, place: str, empty: Path, mnist_like: Path):
    link_files(mnist_like, empty, place)
    assert [other for other in DOWNLOADED if datasets.is_available(other)] == [name]
    found = datasets.load(name)
    assert [len(split) for split in splits(found)] == [55_000, 5_000, 10_000]
    for split in splits(found):
        assert split.x.dtype == np.uint8 and split.x.shape[1:] == (1, 28, 28)
        assert np.array_equal(split.y, label_of(numbers(split)))
    train, validation, test = (numbers(split) for split in splits(found))
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(60_000))
    assert np.array_equal(np.sort(test), np.arange(10_000))
    # A validation set by lot: its mean is 30,000 give or take 17,321 / sqrt(5000) = 245.
    assert abs(validation.mean() - 30_000) < 5 * 245


@pytest.mark.parametrize("file", FILES["mnist"].sizes)
@pytest.mark.parametrize("size", [None, -1, 0], ids=["gone", "a byte short", "empty"])
def test_a_missing_or_cut_file_is_not_a_data_set(file: str, size: int | None, empty: Path, mnist_like: Path):
    path = link_files(mnist_like, empty) / file
    assert datasets.is_available("mnist")
    path.unlink()
    if size is not None:
        path.touch()
        os.truncate(path, (mnist_like / file).stat().st_size - 1 if size else 0)
    assert not datasets.is_available("mnist")
    with pytest.raises(datasets.DatasetNotAvailable):
        datasets.load("mnist")


def test_cifar_is_here_when_all_its_files_are(empty: Path):
    batches = empty / "cifar-10-batches-py"
    batches.mkdir()
    for name, size in FILES["cifar10"].sizes.items():
        assert not datasets.is_available("cifar10")
        (batches / name).touch()
        os.truncate(batches / name, size)  # a sparse file: nothing is written
    assert datasets.is_available("cifar10")
    with pytest.raises(UserError, match=r"damaged: delete the folder .*cifar-10-batches-py"):
        datasets.load("cifar10")


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_garbage_of_the_right_size_is_said_in_a_sentence(file: str, empty: Path, mnist_like: Path):
    raw = link_files(mnist_like, empty)
    (raw / file).unlink()
    (raw / file).write_bytes(b"\x2a" * (mnist_like / file).stat().st_size)
    with pytest.raises(UserError) as caught:
        datasets.load("mnist")
    assert str(raw) in str(caught.value) and is_one_sentence(str(caught.value))


def test_labels_that_name_no_class_are_refused(empty: Path, mnist_like: Path):
    raw = link_files(mnist_like, empty)
    path = raw / "t10k-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] = 10
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        datasets.load("mnist")


def test_colours_of_cifar_become_channels(empty: Path, monkeypatch: pytest.MonkeyPatch):
    class Tiny:
        """A CIFAR10 of 120 images: red is the image's number, green the row, blue the column."""

        def __init__(self, root: Path, train: bool, download: bool) -> None:
            number, row, column = np.indices((100 if train else 20, 32, 32), dtype=np.uint8)
            self.data = np.stack([number, row, column], axis=-1)  # [N, H, W, C], as torchvision has it
            self.targets = [int(n) % 10 for n in number[:, 0, 0]]

    monkeypatch.setattr("torchvision.datasets.CIFAR10", Tiny)
    monkeypatch.setattr(datasets, "is_available", lambda name: True)
    monkeypatch.setitem(
        cards.BUILT_IN, "cifar10", replace(datasets.CARDS["cifar10"], n_train=90, n_validation=10, n_test=20)
    )
    for split, count in zip(splits(datasets.load("cifar10")), (90, 10, 20), strict=True):
        assert split.x.shape == (count, 3, 32, 32) and split.x.flags.c_contiguous
        assert np.array_equal(split.x[:, 0, 5, 9] % 10, split.y)
        assert (split.x[:, 1, 5, 9] == 5).all() and (split.x[:, 2, 5, 9] == 9).all()


def test_the_real_mnist_has_its_known_class_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AECORE_DATA", str(REAL))
    if not datasets.is_available("mnist"):
        pytest.skip(f"no MNIST in {REAL}: set AECORE_DATA to a folder that has it")
    found = datasets.load("mnist")
    fitted = np.concatenate([found.train.y, found.validation.y])
    assert np.bincount(fitted).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(found.test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert len(found.train) == 55_000 and len(found.validation) == 5_000
    # The mean that everybody normalises MNIST with is 0.1307, over the 60,000 that we divide.
    mean = (55 * found.train.x.mean() + 5 * found.validation.x.mean()) / 60 / 255
    assert abs(mean - 0.1307) < 0.0001
