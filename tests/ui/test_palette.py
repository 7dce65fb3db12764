"""The palette: module and theme agree, classes can be told apart by everybody, as areas and as small dots, and keep
their hues between the grounds; text is legible."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from streamlit import config

from tools import colour
from ui.widgets.palette import CLASSES_DARK, CLASSES_LIGHT

ROOT = Path(__file__).parents[2]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
GROUNDS = pytest.mark.parametrize(("ground", "classes"), [("light", CLASSES_LIGHT), ("dark", CLASSES_DARK)])
SHARMA = [  # of the pairs that Sharma, Wu & Dalal 2005 publish, those where implementations went wrong
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]
# CIEDE2000 by ground and whether eyes are normal: of areas, of dots of 2 pixels and of 1.5 (`benchmarks.palette`)
APART = {
    ("light", True): (20.9, 12.1, 10.2),
    ("light", False): (12.6, 6.0, 5.1),
    ("dark", True): (20.8, 14.1, 15.0),
    ("dark", False): (12.3, 7.5, 8.2),
}


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast, 1 to 21."""
    return float(colour.contrast(*colour.from_hex([one, other])))


@pytest.mark.parametrize(("one", "other", "apart"), SHARMA)
def test_differences_are_those_that_were_published(one, other, apart):
    assert colour.pairwise_differences(np.array([one, other], float)) == pytest.approx([apart], abs=1e-4)


def test_oklch_is_as_published_and_goes_both_ways():
    """Ottosson's own table: white is (1, 0, .), red of sRGB (0.628, 0.258, 29.2)."""
    some = colour.from_hex(["#ffffff", "#ff0000", "#12ae9a"])
    lch = colour.to_oklch(some)
    np.testing.assert_allclose(lch[0, :2], [1, 0], atol=1e-3)
    np.testing.assert_allclose(lch[1], [0.628, 0.2577, 29.23], atol=2e-2)
    np.testing.assert_allclose(colour.from_oklch(lch), some, atol=1e-3)


def test_a_dot_is_the_light_of_its_pixels():
    ground, ink = np.ones(3), np.zeros((1, 3))
    source = (ROOT / "static" / "map" / "scatter.js").read_text()
    assert float(re.search(r"const OPACITY = ([\d.]+)", source)[1]) == colour.DOT_OPACITY
    # of 1.5 pixels across: 0.8 of the middle one, 0.2 of the four beside it
    light = colour.to_linear(np.array([0.2, 0.8]))
    expected = (0.8 * light[0] + 4 * 0.2 * light[1]) / 1.6
    assert colour.to_linear(colour.dot(ink, ground, 1.5)) == pytest.approx(np.full((1, 3), expected))
    assert colour.dot(np.ones((1, 3)), ground, 2.0) == pytest.approx(np.ones((1, 3)))
    sizes = [float(colour.dot(ink, ground, diameter)[0, 0]) for diameter in (2, 5, 40)]
    assert sizes[0] > sizes[1] > sizes[2] > 1 - colour.DOT_OPACITY


@GROUNDS
def test_module_and_theme_agree(ground, classes):
    assert tuple(THEME[ground]["chartCategoricalColors"]) == classes
    assert len(set(classes)) == 10


@GROUNDS
def test_every_class_stands_out_from_the_ground(ground, classes):
    assert min(contrast(each, THEME[ground]["backgroundColor"]) for each in classes) >= 3


@GROUNDS
@pytest.mark.parametrize("eyes", list(colour.EYES))
def test_any_two_classes_can_be_told_apart_as_areas_and_as_dots(ground, classes, eyes):
    area, behind = colour.from_hex(classes), colour.from_hex([THEME[ground]["backgroundColor"]])[0]
    least = [
        colour.pairwise_differences(colour.perceived(shown, eyes)).min()
        for shown in (area, colour.dot(area, behind, 2.0), colour.dot(area, behind, 1.5))
    ]
    assert (np.array(least) >= APART[ground, eyes == "normal"]).all()


def test_a_class_keeps_its_hue_between_the_grounds():
    light, dark = (colour.to_oklch(colour.from_hex(classes)) for classes in (CLASSES_LIGHT, CLASSES_DARK))
    assert min(light[:, 1].min(), dark[:, 1].min()) >= 0.07  # a chroma at which a hue can be named
    assert colour.hue_gap(light[:, 2], dark[:, 2]).max() <= 8
    others = ~np.eye(10, dtype=bool)
    assert colour.hue_gap(light[:, None, 2], dark[None, :, 2])[others].min() > 8  # nor is it taken for another


@pytest.mark.parametrize("ground", ["light", "dark"])
@pytest.mark.parametrize("behind", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_and_controls_are_legible(ground, behind):
    theme = THEME[ground]
    assert contrast(theme["textColor"], theme[behind]) >= 7  # AAA: it goes onto projectors
    assert contrast(theme["linkColor"], theme[behind]) >= 4.5
    assert contrast(theme["primaryColor"], theme[behind]) >= 3
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # of primary buttons, in both
    assert contrast(theme["borderColor"], theme[behind]) >= 3


def test_streamlit_still_has_the_hidden_option_we_set():
    assert "runner.postScriptGC" in config._config_options_template
