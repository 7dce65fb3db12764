"""What is said of an upload on the page Denoise: ink on paper is inverted, a photograph is led on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.pages.test_pages import GALLERY, ROOT, AppTest, _cold, control, links, pictures, store, whole  # noqa: F401


@pytest.fixture
def uploaded():
    """The page after an upload; the model reads digits, light on dark."""

    def go(image: Image.Image) -> AppTest:
        file = io.BytesIO()
        image.save(file, "PNG")
        app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
        app.query_params["run"], app.query_params["image-kind"] = GALLERY, "upload"
        app.run()
        whole(app.switch_page("pages/denoise.py").run())
        app.file_uploader[0].set_value(("image.png", file.getvalue(), "image/png"))
        return whole(app.run())

    return go


def given(app: AppTest) -> str:
    """The address of the image that the model is given."""
    return next(address for alt, address in pictures(app) if "The uploaded image, fitted" in alt)


def stroke(ground: int, ink: int) -> Image.Image:
    image = Image.new("L", (300, 300), ground)
    image.paste(ink, (130, 40, 170, 260))
    return image


def captions(app: AppTest) -> str:
    return " ".join(each.value for each in app.caption)


def test_ink_on_paper_is_inverted_and_it_is_said_and_undone(uploaded):
    app = uploaded(stroke(245, 20))
    assert control(app, "Invert").value is True and "**Invert** undoes it" in captions(app)
    inverted = given(app)
    control(app, "Invert").set_value(False)
    assert given(whole(app.run())) != inverted
    assert control(app, "Invert").value is False and "**Invert** may help" in captions(app)


@pytest.mark.parametrize("ground", [20, 140])
def test_what_is_light_on_dark_or_not_plain_stays_as_it_is(uploaded, ground):
    assert control(uploaded(stroke(ground, 250 if ground < 128 else 20)), "Invert").value is False


def test_a_photograph_is_led_to_its_page_with_the_reason(uploaded):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    app = uploaded(Image.fromarray(noise).resize((640, 480)))
    assert any("photograph: 640 x 480 pixels" in each.value and "in colour" in each.value for each in app.info)
    assert "denoise_photo" in links(app)
    assert "denoise_photo" not in links(uploaded(stroke(245, 20)))
