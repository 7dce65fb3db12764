"""An image is chosen by its thumbnail, drawn, or taken along from the map."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import GALLERY, ROOT, _cold, links, store, whole  # noqa: F401
from ui.widgets import pickers
from ui.widgets.sketch import parse_image
from ui.widgets.thumbnails import N_THUMBNAILS, class_page


@pytest.mark.parametrize("row", [0, 1, 700, 999])
def test_a_page_of_thumbnails_holds_the_image_and_its_class_alone(row):
    labels = np.arange(1000) % 2
    rows, page = class_page(labels, row)
    assert row in rows and len(rows) <= N_THUMBNAILS and set(labels[rows]) == {labels[row]}
    assert page == row // 2 // N_THUMBNAILS


@pytest.mark.parametrize("said", [None, [], [1, 2], ["x"] * 64, [float("nan")] * 64, {"a": 1}, [[0] * 8] * 7])
def test_what_is_no_drawing_is_no_image(said):
    assert parse_image(said, (1, 8, 8)) is None


def test_a_drawing_is_an_image_between_black_and_white():
    found = parse_image([0, 255, 300, -5, *[51] * 60], (1, 8, 8))
    assert found.shape == (1, 8, 8) and found.ravel()[:5].tolist() == pytest.approx([0, 1, 1, 0, 0.2])


def page(name: str, **query: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    for parameter, value in {"run": GALLERY, **query}.items():
        app.query_params[parameter] = value
    return whole(app.switch_page(f"pages/{name}.py").run())


@pytest.mark.parametrize(("name", "parameter"), [("denoise", "image-kind"), ("interpolate", "to-kind")])
def test_a_page_waits_for_a_drawing(name, parameter, store):  # noqa: F811
    app = page(name, **{parameter: "drawing"})
    assert pickers.NO_IMAGE in [each.value for each in app.info]


def test_an_image_is_taken_from_the_map_to_other_pages(store):  # noqa: F811
    app = page("latent_map", selected="17")
    found = links(app)
    assert found["denoise"] == f"run={GALLERY}&image=17" and found["model_inspector"].endswith("&test-image=17")
    assert found["reconstruct"] == f"run={GALLERY}&order=indices&indices=17" and "interpolate" not in found
    app.query_params["selected"] = "5"
    app = whole(app.run())
    assert links(app)["interpolate"] == f"run={GALLERY}&from=17&to=5"
    assert "test image 17, chosen before" in " ".join(each.value for each in app.caption)


def test_training_images_are_not_taken_to_pages_that_show_test_images(store):  # noqa: F811
    assert not links(page("latent_map", selected="17", subset="training"))
