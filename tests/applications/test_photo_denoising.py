"""The network for photographs: tiles leave no seams, its files are checked, its noises are what they say; and the page.

All without the photographs that it was trained on.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from aecore.analysis import metrics
from aecore.applications.photo_denoising import card as photos_card
from aecore.applications.photo_denoising import dataset, network, training
from aecore.applications.photo_denoising.network import DenoisingUNet, NetworkSize, denoise
from aecore.applications.photo_denoising.settings import TrainingConfig
from aecore.errors import UserError
from aecore.models.corruptions import corrupt

ROOT = Path(__file__).resolve().parents[2]
SMALL = NetworkSize((8, 12, 16), (1, 1, 1))


def net(size: NetworkSize = SMALL) -> DenoisingUNet:
    """One of random weights: everything in it has an effect."""
    torch.manual_seed(0)
    return DenoisingUNet(size).eval()


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((channels, height, width), dtype=np.float32)


def one_sentence(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert re.fullmatch(r".{20,300}[.]", text) and not re.search(r"[.!?] [A-Z]", text), text
    return text


# Tiles


@pytest.mark.parametrize("blocks", [(1, 1, 1), (2, 1, 2), (1, 2, 1)])
def test_nothing_further_than_its_reach_changes_a_pixel(blocks):
    cleaner, size = net(NetworkSize((4, 4, 4), blocks)), 400
    for at in itertools.product((200, 203, 207), (200, 205)):  # in several places of a cell
        x = torch.rand(1, 3, size, size, requires_grad=True)
        cleaner(x)[0, :, *at].sum().backward()
        rows, columns = np.nonzero(x.grad[0].abs().sum(0).numpy())
        seen = max(abs(rows - at[0]).max(), abs(columns - at[1]).max())
        assert cleaner.receptive_field_margin - 16 <= seen <= cleaner.receptive_field_margin, (
            "no too narrow a margin, and none far too wide"
        )
    assert cleaner.receptive_field_margin % network.STRIDE == 0


@pytest.mark.parametrize(("height", "width"), [(200, 264), (203, 131), (64, 300)])
def test_tiles_are_the_same_as_the_whole(height, width):
    """Each tile sees all that its pixels depend on, so only rounding is left: sums of a few hundred float32 products in
    another order, some 1e-7 a layer."""
    cleaner, x = net(), picture(height, width)
    whole, tiled = denoise(cleaner, x, tile=4096), denoise(cleaner, x, tile=64)
    assert np.abs(whole - x).max() > 0.01, "it does something"
    assert np.abs(tiled - whole).max() < 1e-5


def test_with_less_around_them_tiles_would_show(monkeypatch):
    cleaner, x = net(), picture(200, 264)
    whole = denoise(cleaner, x, tile=4096)
    monkeypatch.setattr(DenoisingUNet, "receptive_field_margin", 8)
    assert np.abs(denoise(cleaner, x, tile=64) - whole).max() > 1e-4


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3), (8, 8), (17, 33)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_keeps_its_size(size, channels):
    x = picture(*size, channels)
    drawn = denoise(net(), x)
    assert drawn.shape == x.shape and drawn.dtype == np.float32
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_one_that_draws_no_noise_changes_nothing():
    cleaner, x = training.identity_init(TrainingConfig(size=SMALL)), picture(21, 50)
    assert np.array_equal(denoise(cleaner, x), x)
    gray = picture(21, 50, 1)
    assert denoise(cleaner, gray) == pytest.approx(gray, abs=1e-6)  # the mean of three equal numbers


def test_shares_are_told_and_a_call_that_raises_ends_it():
    told: list[float] = []
    denoise(net(), picture(128, 192), told.append, tile=64)
    assert told == pytest.approx([each / 6 for each in range(1, 7)])

    def enough(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        denoise(net(), picture(128, 192), enough, tile=64)
    denoise(net(), picture(8, 8))  # nobody holds the turn any more


def test_too_many_pixels_are_refused_in_a_sentence():
    with pytest.raises(UserError) as error:
        denoise(net(), np.broadcast_to(np.float32(0), (3, 2000, 2001)))
    assert "2001 x 2000" in one_sentence(error) and "4 million" in str(error.value)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (2001, 2000), (9000, 500)])
def test_larger_uploads_are_made_to_fit(cut, width, height):
    x = network.load_photo(Image.new("RGB", (width, height), (255, 0, 0)), cut)
    pixels = x.shape[1] * x.shape[2]
    assert 0.99 * network.MAX_PIXELS < pixels <= network.MAX_PIXELS
    assert x.shape[2] / x.shape[1] == pytest.approx(width / height, rel=0.01)
    assert (x[0] == 1).all() and (x[1:] == 0).all()


def test_what_is_cut_out_is_the_middle_as_it_was():
    dots = np.random.default_rng(0).integers(0, 256, (2100, 2100), dtype=np.uint8)
    x = network.load_photo(Image.fromarray(dots), crop=True)
    assert np.array_equal(np.round(255 * x[0]), dots[50:2050, 50:2050])


def test_smaller_ones_stay_as_they_are():
    dots = np.random.default_rng(0).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    for cut in (False, True):
        assert np.array_equal(np.round(255 * network.load_photo(Image.fromarray(dots), cut)), dots.transpose(2, 0, 1))


def test_the_place_that_is_furthest_off():
    a = np.zeros((3, 200, 300), np.float32)
    b = a.copy()
    b[:, 140:150, 250:260] = 1
    rows, columns = network.worst_patch(a, b)
    assert (b - a)[:, rows, columns].sum() == (b - a).sum() and (b - a)[:, rows, columns].shape == (3, 64, 64)
    assert a[:, *network.worst_patch(a[:, :5, :9], b[:, :5, :9])].shape == (3, 64, 64)


# Its folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a network that has learnt nothing, written as a training writes it."""
    place, tiny = tmp_path_factory.mktemp("photographs"), torch.randint(0, 256, (3, 3, 24, 32), dtype=torch.uint8)
    known = dataset.PhotoDataset(tiny, tiny[:1], tiny[1:], ("1", "2"), split_seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos_card, "TEST_CORRUPTIONS", {"gaussian": (0, 25 / 255), "masking": (0.3,)})
        photos_card.write(net(), TrainingConfig(size=SMALL), known, steps=5, elapsed=61.0, folder=place)
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_what_is_written_comes_back(folder):
    read = network.load(folder)
    assert read.size == SMALL
    for before, after in zip(net().parameters(), read.parameters(), strict=True):
        assert torch.allclose(before, after, atol=1e-3, rtol=1e-3)  # halves have 11 bits
    assert {each["corruption"] for each in network.metadata(folder)["scores"]} == {"gaussian", "masking"}


def test_settings_are_json_for_every_reader(folder):
    json.loads((folder / network.METADATA).read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_the_card_says_what_it_must(folder):
    card, said = (folder / "README.md").read_text(), network.metadata(folder)
    for words in (
        "BSDS500",
        "research and teaching",
        said["sha256"],
        "Hallucinates",
        "Limitations",
        "seed 0",
        "25 of 255",
        "1, 2",
    ):
        assert words in card, words


@pytest.mark.parametrize("at", [0.1, 0.5, 0.999])
def test_a_flipped_byte_is_refused(copy, at):
    network.load(copy)
    file = copy / network.WEIGHTS
    content = bytearray(file.read_bytes())
    content[int(at * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError) as error:
        network.load(copy)
    assert "checksum" in one_sentence(error) and network.WEIGHTS in str(error.value)


@pytest.mark.parametrize("name", [network.WEIGHTS, network.METADATA])
def test_a_missing_file_is_said(copy, name):
    (copy / name).unlink()
    with pytest.raises(UserError) as error:
        network.load(copy)
    assert name in one_sentence(error) and "fetch" in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_damaged_settings_are_said(copy, text):
    (copy / network.METADATA).write_text(text)
    with pytest.raises(UserError) as error:
        network.metadata(copy)
    one_sentence(error)


@pytest.mark.parametrize(
    "change",
    [
        {"channels": [48, "64", 96]},
        {"channels": [48, 64]},
        {"blocks": [2, 1, 10**9]},
        {"sha256": None},
        {"scores": [1]},
        {"scores": [{"corruption": "gaussian", "level": 0, "psnr_noisy": None, "psnr_denoised": float("nan")}]},
        {"data": {}},
    ],
)
def test_settings_with_a_wrong_field_are_said(copy, change):
    said = json.loads((copy / network.METADATA).read_text())
    (copy / network.METADATA).write_text(json.dumps({**said, **change}))
    with pytest.raises(UserError, match=f"damaged .*{next(iter(change))}") as error:
        network.metadata(copy)
    one_sentence(error)


@pytest.mark.parametrize("name", [network.WEIGHTS, network.METADATA])
def test_what_is_no_file_is_said_at_once(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)
    with pytest.raises(UserError) as error:
        network.load(copy)
    assert name in one_sentence(error)


def test_settings_of_another_network_are_said(copy):
    said = json.loads((copy / network.METADATA).read_text())
    (copy / network.METADATA).write_text(json.dumps({**said, "channels": [4, 4, 4]}))
    with pytest.raises(UserError) as error:
        network.load(copy)
    assert "does not fit" in one_sentence(error)


# The one that comes with the laboratory


def test_the_committed_network_is_small_and_its_card_is_of_it():
    cleaner, said = network.load(), network.metadata()
    assert sum(weights.numel() for weights in cleaner.parameters()) == said["parameters"] < 1_200_000
    assert (network.FOLDER / "README.md").read_text() == photos_card.readme(said)
    at_25 = next(each for each in said["scores"] if each["corruption"] == "gaussian" and each["level"] == 25 / 255)
    assert at_25["psnr_denoised"] >= 29.5 and len(said["data"]["test"]) == 20


def test_it_cleans_a_photograph_that_it_has_never_seen():
    from skimage import data

    x = network.load_photo(Image.fromarray(data.chelsea()))[:, :128, 100:260]
    for kind, strength, gain in (("gaussian", 25 / 255, 8), ("salt-and-pepper", 0.1, 12), ("masking", 0.3, 12)):
        noisy = corrupt(x[None], kind, strength, 0)[0]
        before, after = (float(metrics.psnr(x[None], y[None])[0]) for y in (noisy, denoise(network.load(), noisy)))
        assert after > before + gain, kind
    assert metrics.psnr(x[None], denoise(network.load(), x)[None])[0] > 34, "and a clean one is hardly touched"


# The training


@pytest.mark.parametrize("strength", [5 / 255, 15 / 255, 30 / 255])
def test_gaussian_noise_has_the_deviation_that_it_says(strength):
    """On middle gray, so that nothing is clipped; of n numbers it is off by some strength / sqrt(2n)."""
    x = np.full((1, 3, 300, 300), 0.5, np.float32)
    noise = corrupt(x, "gaussian", strength, 0) - x
    assert noise.std() == pytest.approx(strength, rel=5 / (2 * noise.size) ** 0.5 + 1e-3)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_pixels_are_hit_as_often_as_it_says(share):
    """In all colours or in none; of n pixels the share is off by some sqrt(share (1 - share) / n)."""
    x = np.full((1, 3, 300, 300), 0.5, np.float32)
    off = 5 * (share * (1 - share) / x[0, 0].size) ** 0.5
    black = corrupt(x, "masking", share, 0) == 0
    assert black.any(1).mean() == pytest.approx(share, abs=off) and (black.any(1) == black.all(1)).all()
    salted = corrupt(x, "salt-and-pepper", share, 0)
    for value in (0, 1):
        assert (salted == value).all(1).mean() == pytest.approx(share / 2, abs=off)
    assert set(np.unique(salted)) == {0, 0.5, 1}


def test_patches_are_turned_pieces_of_the_photographs():
    pixels = torch.arange(2 * 3 * 16 * 24, dtype=torch.float32).reshape(2, 3, 16, 24) % 251
    chance = random.Random(0)
    for _ in range(50):
        found = (dataset.random_patch(pixels, 8, chance) * 255).round()
        if len(found) == 1:
            continue
        turned = [t.flip(2) if mirror else t for t in (found.rot90(n, (1, 2)) for n in range(4)) for mirror in (0, 1)]
        places = pixels.unfold(2, 8, 1).unfold(3, 8, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 8, 8)
        assert any((places == each).all((1, 2, 3)).any() for each in turned)


def test_a_batch_has_every_noise_and_some_of_none():
    torch.manual_seed(0)
    pixels = torch.randint(60, 200, (4, 3, 40, 40), dtype=torch.uint8)
    given, wanted = dataset.make_batch(pixels, TrainingConfig(batch_size=400, patch_size=8), random.Random(0))
    assert given.shape == wanted.shape == (400, 3, 8, 8) and given.min() >= 0 and given.max() <= 1
    gray = (wanted == wanted[:, :1]).all((1, 2, 3))
    assert gray.float().mean().item() == pytest.approx(dataset.GREY_SHARE, abs=0.06)
    assert (given[gray] == given[gray][:, :1]).all(), "gray ones have one noise for all colours"
    same = (given == wanted).all((1, 2, 3)).float().mean().item()
    assert same == pytest.approx(dataset.CLEAN_SHARE, abs=0.05)
    assert (given == 1).all(1).any() and (given == 0).all(1).any()


def _photographs(place: Path, count: int) -> Path:
    place.mkdir()
    for number in range(count):
        size = (32, 24) if number % 3 else (24, 32)
        Image.new("RGB", size, (6 * number,) * 3).save(place / f"{number:03}.jpg", quality=100, subsampling=0)
    return place


def test_held_out_photographs_are_never_trained_on(tmp_path):
    place = _photographs(tmp_path / "train", 40)
    known, again = (dataset.load_photos(place) for _ in range(2))
    assert [len(part) for part in (known.train, known.validation, known.test)] == [10, 10, 20]
    parts = [{int(each.float().mean()) for each in part} for part in (known.train, known.validation, known.test)]
    assert len(set.union(*parts)) == 40, "no photograph is in two of them"
    assert known.test_names == again.test_names and torch.equal(known.test, again.test)
    assert known.train.shape[1:] == (3, 24, 32), "upright ones lie on their side"


def test_too_few_photographs_are_said(tmp_path):
    with pytest.raises(UserError) as error:
        dataset.load_photos(_photographs(tmp_path / "few", 5))
    assert "AECORE_DATA" in one_sentence(error)


@pytest.mark.slow
def test_training_takes_noise_away_and_ends_at_the_lowest_rate():
    """With a clock that counts its calls: so many steps, on every machine the same."""
    slopes = torch.linspace(0, 255, 48).repeat(2, 3, 48, 1).to(torch.uint8).clone()
    slopes[1] = slopes[0].transpose(1, 2)
    settings = TrainingConfig(minutes=9, size=SMALL, batch_size=4, patch_size=32, lr=4e-3, ema_decay=0.9)
    ticks = itertools.count()
    reports = list(training.fit(slopes, settings, lambda: float(next(ticks)), report_every=100))
    assert reports[-1].step > 200 and reports[-1].fraction == 1.0
    assert [each.fraction for each in reports] == sorted(each.fraction for each in reports)
    before, after = photos_card.psnr(reports[-1].net, slopes, "gaussian", 25 / 255)
    assert after > before + 1


def test_the_first_screen_needs_no_torch_for_it():
    code = (
        "import sys, ui.chrome; assert not {'torch', 'aecore.applications.photo_denoising.network'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


# The page


def opened(**asked: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100).run()
    app.switch_page("pages/denoise_photo.py")
    for name, value in asked.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, [each.message for each in app.exception]
    return app


def upload(app: AppTest, content: bytes) -> AppTest:
    app.main.file_uploader[0].set_value(("mine.png", content, "image/png"))
    app.run()
    assert not app.exception, [each.message for each in app.exception]
    return app


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def figures(app: AppTest) -> dict[str, float]:
    return {each.label: float(each.value.split()[0]) for each in app.main.metric}


@pytest.mark.parametrize("name", [network.WEIGHTS, network.METADATA])
def test_the_page_without_a_file_of_the_network_says_what_is_missing(monkeypatch, tmp_path, name):
    """As LICENSE and README let people delete the weights."""
    place = shutil.copytree(network.FOLDER, tmp_path / "pretrained" / "photo-denoising")
    (place / name).unlink()
    for function in (network.load, network.metadata):
        monkeypatch.setattr(function, "__defaults__", (place,))
    app = opened()
    (said,) = [each.value.replace("\\", "") for each in app.error]
    assert (
        said
        == {
            network.WEIGHTS: "No photograph can be cleaned here because pretrained/photo-denoising/weights.safetensors "
            "(the weights of the network for photographs) is missing: fetch the folder "
            "pretrained/photo-denoising again.",
            network.METADATA: "metadata.json of the network for photographs is missing: fetch the folder "
            "pretrained/photo-denoising again.",
        }[name]
    )
    assert app.title[0].value == "Denoise a photo" and not app.main.metric


def test_the_licence_names_the_weights_and_the_terms_of_their_data():
    file = (network.FOLDER / network.WEIGHTS).relative_to(ROOT).as_posix()
    for text in ((ROOT / "LICENSE").read_text(), (ROOT / "README.md").read_text()):
        said = " ".join(text.split())
        assert file in said and "BSDS500" in said and "non-commercial research and teaching" in said
        assert "delete" in said.partition("BSDS500")[2]


def test_the_page_shows_something_at_once():
    app = opened()
    assert not app.error and app.title[0].value == "Denoise a photo"
    shown = figures(app)
    assert shown["PSNR after"] > shown["PSNR before"] + 5
    assert any("invents" in each.value for each in app.info)


def test_noise_is_chosen_by_kind_and_strength():
    app = opened(corruption="masking", photo="coffee")
    first = figures(app)
    app.main.slider[0].set_value(10)
    app.run()
    assert figures(app)["PSNR before"] > first["PSNR before"] + 3
    app.main.segmented_control(key="corruption").set_value("none")
    app.run()
    assert set(figures(app)) == {"RMS change"} and not app.main.slider


def test_one_s_own_photograph_is_cleaned_without_more_noise():
    app = opened(photo="upload")
    assert any("Upload" in each.value for each in app.info) and not app.main.metric
    noisy = np.random.default_rng(0).normal(128, 25, (40, 56, 3)).clip(0, 255).astype(np.uint8)
    upload(app, png(noisy))
    assert 10 < figures(app)["RMS change"] < 30
    assert any("56 x 40" in each.value for each in app.caption)
    app.main.segmented_control(key="corruption-own").set_value("gaussian")
    app.run()
    assert {"PSNR before", "PSNR after"} == set(figures(app))


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200), (9, 9)])
def test_tiny_and_gray_uploads(shape):
    app = upload(opened(photo="upload"), png(np.full(shape, 90, np.uint8)))
    assert not app.error and app.main.metric


def test_too_large_an_upload_is_shrunk_or_cut_and_that_is_said(monkeypatch):
    monkeypatch.setattr(network, "MAX_PIXELS", 1000)
    app = upload(opened(photo="upload"), png(np.full((40, 50), 90, np.uint8)))
    assert any("Shrunk to 35 x 28" in each.value for each in app.caption) and app.main.metric
    app.main.segmented_control(key="photo-large").set_value("cut out the middle")
    app.run()
    assert any("Cut to 35 x 28" in each.value for each in app.caption) and not app.error and not app.exception


def test_a_damaged_upload_is_said():
    app = upload(
        opened(photo="upload"), png(np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8))[:800]
    )
    assert len(app.error) == 1 and not app.main.metric


def test_changed_weights_are_said_on_the_page(copy, monkeypatch):
    (copy / network.WEIGHTS).write_bytes(b"nothing")
    about, load = network.metadata, network.load
    monkeypatch.setattr(network, "metadata", lambda place=copy: about(place))
    monkeypatch.setattr(network, "load", lambda: load(copy))
    assert "checksum" in opened().error[0].value
