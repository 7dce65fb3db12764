"""Figures as files: read by an XML parser, by Pillow, and with every number where it belongs."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from aecore.errors import UserError
from aecore.export import figures

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a </title><script>alert("1")</script> & more'
HISTORY = [
    {"epoch": at, "train": {"reconstruction": 9 / at, "kl": 1.0}, "validation": {"reconstruction": 10 / at, "kl": 2.0}}
    for at in range(1, 6)
]
RNG = np.random.default_rng(0)


def parsed(figure: figures.Figure) -> ElementTree.Element:
    return ElementTree.fromstring(figures.to_svg(figure))


def made(name: str) -> figures.Figure:
    if name == "losses":
        return figures.losses(HOSTILE, HISTORY, ("reconstruction", "kl"))
    if name == "map":
        points, labels = RNG.standard_normal((50, 2)), RNG.integers(0, 3, 50)
        return figures.latent_map(HOSTILE, points, labels, ("a", HOSTILE, "c"), ("z1", "z2"))
    axis = np.linspace(-2, 2, 4)
    return figures.manifold(HOSTILE, RNG.random((16, 1, 8, 8)), axis, axis[::-1], ("z1", "z2"))


@pytest.mark.parametrize("name", ["losses", "map", "manifold"])
def test_names_are_text_in_every_format(name):
    figure = made(name)
    texts = [each.text for each in parsed(figure).iter(f"{SVG}text")]
    assert texts[0] == HOSTILE
    page = figures.to_html(figure).decode()
    assert "<script" not in page and "default-src 'none'" in page
    assert page.count("http:") == 1 and "https:" not in page, "the name of a namespace, and no address"


def test_losses_are_lines_in_their_order():
    figure = figures.losses("Losses", HISTORY, ("reconstruction", "kl"))
    lines = parsed(figure).findall(f"{SVG}polyline")
    assert len(lines) == 6 and "reconstruction from 10.0 to 2.0; kl from 2.0 to 2.0; total from 12.0 to 4.0" in (
        figure.description
    )
    places = [[tuple(map(float, each.split(","))) for each in line.get("points").split()] for line in lines]
    x, y = np.array(places[0]).T
    assert (np.diff(x) > 0).all() and (np.diff(y) > 0).all(), "a loss that falls goes down the page"
    assert len({line.get("stroke") for line in lines}) == 3
    with pytest.raises(UserError, match="history is gone"):
        figures.losses("Losses", [], ())


def test_one_epoch_is_a_dot():
    (line, *_) = parsed(figures.losses("Losses", HISTORY[:1], ("kl",))).findall(f"{SVG}polyline")
    one, two = line.get("points").split()
    assert one == two


def test_a_map_has_one_scale_and_up_is_up():
    points, labels = np.array([[0, 0], [4, 0], [0, 2]], float), np.array([0, 1, 1])
    figure = figures.latent_map("Map", points, labels, ("a", "b"), ("z1", "z2"))
    dots = [(float(each.get("cx")), float(each.get("cy"))) for each in parsed(figure).iter(f"{SVG}circle")]
    (x0, y0), (x1, y1), (x2, y2) = dots
    assert x1 - x0 == pytest.approx(2 * (y0 - y2), abs=0.5) and y1 == y0 and x2 == x0
    assert "(a: 1, b: 2)" in figure.description


def test_a_manifold_is_sharp_squares():
    cells = np.zeros((9, 1, 16, 16))
    cells[2, 0, 0, 0] = 1  # the first pixel of the image at the top right
    axis = np.linspace(-1, 1, 3)
    figure = figures.manifold("Manifold", cells, axis, axis[::-1], ("z1", "z2"))
    image = np.asarray(Image.open(io.BytesIO(figures.to_png(figure))))
    times = image.shape[0] // 48
    assert image.shape == (48 * times, 48 * times) and image.shape[0] >= figures.MIN_PNG_WIDTH
    assert (image == 255).sum() == times**2 and (image[:times, 32 * times : 33 * times] == 255).all()
    with pytest.raises(UserError, match="Only a manifold"):
        figures.to_png(made("map"))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 2.9), (0, 12345), (1e-4, 2e-4), (1, 200)])
def test_ticks_are_few_round_and_inside(low, high):
    found = figures.ticks(low, high)
    assert 3 <= len(found) <= 8 and low <= found[0] < found[-1] <= high + 1e-12
    steps = np.diff(found)
    assert steps == pytest.approx(steps[0]) and f"{steps[0]:.6e}"[0] in "125"
