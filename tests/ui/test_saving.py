"""What is shown can be saved: images as sharp squares, charts by the browser, models as files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from aecore.analysis import loaded
from aecore.content import downloads
from aecore.errors import UserError
from tests.pages.test_pages import GALLERY, opened, store, whole  # noqa: F401
from ui.widgets import images


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_saved_images_are_whole_squares_of_their_pixels():
    rows = [np.zeros((3, 1, 8, 8), np.float32), np.ones((2, 1, 8, 8), np.float32)]
    rows[0][0, 0, 0, 0] = 1
    found = pixels(images.grid_png(rows))
    times = found.shape[1] // 26  # three images of 8 and two gaps
    assert found.shape == (17 * times, 26 * times) and found.shape[1] >= images.MIN_PNG_WIDTH
    small = found[::times, ::times]
    assert (found == small.repeat(times, 0).repeat(times, 1)).all()
    assert small[0, 0] == 255 and small[0, 1] == 0 and (small[9:, :8] == 255).all() and (small[9:, 18:] == 128).all()


def test_gray_and_colours_are_saved_side_by_side():
    red = np.zeros((2, 3, 8, 8), np.float32)
    red[:, 0] = 1
    found = pixels(images.grid_png([np.ones((2, 1, 8, 8), np.float32), red]))
    assert found[0, 0].tolist() == [255, 255, 255] and found[-1, 0].tolist() == [255, 0, 0]


def buttons(app: AppTest) -> list[str]:
    return [each.proto.label for each in app.get("download_button")]


def test_reconstructions_are_offered_as_a_file(store):  # noqa: F811
    assert "PNG" in buttons(opened("reconstruct", GALLERY))


@pytest.fixture
def popover(store):  # noqa: F811
    """The model inspector with its popover open."""
    app = opened("model_inspector", GALLERY)
    assert "Save" not in buttons(app), "nothing is prepared before it is asked for"
    app.session_state[f"download-{GALLERY}"] = True
    return whole(app.run())


def test_a_model_is_offered_in_each_kind_of_file_with_the_lines_that_load_it(popover):
    run = loaded.load(GALLERY)
    (kind,) = (each for each in popover.get("button_group") if each.label == "File")
    for name, file in downloads.MODEL_FILES.items():
        app = whole(kind.set_value(name).run()) if name != kind.value else popover
        assert "Save" in buttons(app) and file.description in [each.value for each in app.caption]
        assert not (lines := file.lines(run)) or lines in [each.value for each in app.code]
        (kind,) = (each for each in app.get("button_group") if each.label == "File")


def test_what_cannot_be_made_is_said_and_not_offered(popover, monkeypatch):
    def refuse(_):
        raise UserError("Pages give models of <200> MB at most.")

    monkeypatch.setattr(downloads, "_check_size", refuse)
    app = whole(popover.run())
    assert "Save" not in buttons(app)
    assert [each.value for each in app.info if "200" in each.value] == ["Pages give models of \\<200\\> MB at most."]
