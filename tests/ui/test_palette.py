"""The palette: module and theme agree, classes can be told apart by everybody, text is legible."""

import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab
from streamlit import config

from ui.widgets.palette import CLASSES_DARK, CLASSES_LIGHT

THEME = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())["theme"]
GROUNDS = pytest.mark.parametrize(("ground", "classes"), [("light", CLASSES_LIGHT), ("dark", CLASSES_DARK)])
EYES = {  # Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB
    "normal": np.eye(3),
    "deuteranopic": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "protanopic": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopic": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


def linear(colour: str) -> np.ndarray:
    """`#rrggbb` as linear RGB, 0 to 1."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast, 1 to 21."""
    dark, light = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, eyes: str) -> np.ndarray:
    """CIELAB of a colour as those eyes see it."""
    rgb = np.clip(np.asarray(EYES[eyes]) @ linear(colour), 0, 1)
    return rgb2lab(np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055))


@GROUNDS
def test_module_and_theme_agree(ground, classes):
    assert tuple(THEME[ground]["chartCategoricalColors"]) == classes
    assert len(set(classes)) == 10


@GROUNDS
def test_every_class_stands_out_from_the_ground(ground, classes):
    assert min(contrast(colour, THEME[ground]["backgroundColor"]) for colour in classes) >= 3


@GROUNDS
@pytest.mark.parametrize(
    ("eyes", "apart"), [("normal", 20), ("deuteranopic", 12), ("protanopic", 12), ("tritanopic", 12)]
)
def test_any_two_classes_can_be_told_apart(ground, classes, eyes, apart):
    worst = min(deltaE_ciede2000(seen(a, eyes), seen(b, eyes)) for a, b in combinations(classes, 2))
    assert worst >= apart


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
