"""Colours as eyes see them: contrast, hue, colour blindness, and how far apart two are, as areas and as small dots.

Colours are arrays [..., 3] of sRGB from 0 to 1. Differences are CIEDE2000: about 1 can just be seen side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

EYES = {  # Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB
    "normal": np.eye(3),
    "deuteranopic": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "protanopic": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopic": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}
DOT_OPACITY = 0.8  # as static/map/scatter.js draws them
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
# Ottosson 2020: linear sRGB to the cube root's LMS, and that to OKLab
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LMS, _FROM_OKLAB = np.linalg.inv(_TO_LMS), np.linalg.inv(_TO_OKLAB)


def from_hex(colours: Sequence[str]) -> np.ndarray:
    """`#rrggbb`, so many, as sRGB `[N, 3]`."""
    return np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]) / 255


def to_hex(rgb: np.ndarray) -> str:
    """One colour `[3]` as `#rrggbb`."""
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)


def to_linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB as light: proportional to its amount."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def from_linear(light: np.ndarray) -> np.ndarray:
    """Light as sRGB; what no screen can show keeps its sign or exceeds 1."""
    magnitude = np.abs(light)
    return np.sign(light) * np.where(magnitude <= 0.0031308, magnitude * 12.92, 1.055 * magnitude ** (1 / 2.4) - 0.055)


def contrast(colours: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """WCAG 2 contrast against a ground, 1 to 21."""
    one, other = to_linear(colours) @ LUMINANCE + 0.05, to_linear(ground) @ LUMINANCE + 0.05
    return np.maximum(one, other) / np.minimum(one, other)


def to_oklch(rgb: np.ndarray) -> np.ndarray:
    """Lightness 0 to 1, chroma from 0, and hue in degrees, 0 to 360."""
    lightness, a, b = np.moveaxis(np.cbrt(to_linear(rgb) @ _TO_LMS.T) @ _TO_OKLAB.T, -1, 0)
    return np.stack([lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360], axis=-1)


def from_oklch(lch: np.ndarray) -> np.ndarray:
    """The inverse of `to_oklch`; beyond 0 to 1 for what no screen can show."""
    lightness, chroma, hue = np.moveaxis(lch, -1, 0)
    lab = np.stack([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=-1)
    return from_linear((lab @ _FROM_OKLAB.T) ** 3 @ _FROM_LMS.T)


def hue_gap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Degrees between hues, 0 to 180."""
    return np.abs((one - other + 180) % 360 - 180)


def dot(colours: np.ndarray, ground: np.ndarray, diameter: float) -> np.ndarray:
    """Colours as the eye takes a lone dot of so many pixels across, drawn as static/map/scatter.js does.

    Each pixel takes `DOT_OPACITY` times the covered share of it from the colour, in sRGB as browsers blend, and the
    rest from the ground. A dot this small is no shape: the eye takes the mean light of its pixels, each weighted by
    how much of it is covered. A 2-pixel dot keeps about half of its colour that way. Where dots overlap there is more.
    """
    reach = np.arange(-int(np.ceil(diameter / 2)), int(np.ceil(diameter / 2)) + 1)
    far = np.hypot(*np.meshgrid(reach, reach))
    cover = DOT_OPACITY * np.clip(diameter / 2 + 0.5 - far, 0, 1).ravel()
    light = np.zeros(np.shape(colours))
    for share, times in zip(*np.unique(cover[cover > 0].round(12), return_counts=True), strict=True):
        light += times * share * to_linear(share * colours + (1 - share) * ground)
    return from_linear(light / cover.sum())


def perceived(colours: np.ndarray, eyes: str) -> np.ndarray:
    """CIELAB of colours as those eyes see them."""
    lab: np.ndarray = rgb2lab(from_linear(np.clip(to_linear(colours) @ EYES[eyes].T, 0, 1)))
    return lab


def pairwise_differences(lab: np.ndarray) -> np.ndarray:
    """CIEDE2000 of every two of `lab` [N, 3]: `[N (N - 1) / 2]`."""
    one, other = np.triu_indices(len(lab), 1)
    found: np.ndarray = deltaE_ciede2000(lab[one], lab[other])
    return found
