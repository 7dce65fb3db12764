"""The class colours: how far apart they are, and the search that found them.

    python -m benchmarks.palette              least differences of the palette in use, as a table
    python -m benchmarks.palette --search     searches anew, for two minutes; prints the colours and their table

Ten classes, each of one hue (OKLCH) on the light and on the dark ground, with a contrast of 3:1 against it. Made as
large as possible is the least difference (CIEDE2000) between any two, over both grounds, four kinds of eyes, and two
sizes: an area, and the lone 2-pixel dot of `tools.colour.dot`. These differ in kind (a dot keeps half of its colour,
and dichromats have two dimensions for ten colours, not three), so each is divided by its share in `TARGETS`. Hues of
classes are held apart too, or one ground's dark violet would be taken for the other's pale one. Simulated annealing of
many palettes side by side; the same seed finds the same colours.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from skimage.color import deltaE_ciede2000

from tools import colour
from ui.widgets.palette import CLASSES_DARK, CLASSES_LIGHT

CONFIG = Path(__file__).parents[1] / ".streamlit" / "config.toml"
THEMES = ("light", "dark")
N_CLASSES = 10
MIN_CONTRAST = 3.0
MIN_CHROMA, MIN_LIGHTNESS = 0.07, 0.3  # OKLCH; what is greyer or darker has no hue to name
MAX_HUE_GAP = 8.0  # degrees between the two of a class
DIAMETER = 2.0  # pixels
FIRST_HUE = 255.0  # the first class is the one next to it: blue, as buttons and links are
TARGETS = {  # CIEDE2000 by size and eyes
    "area": {"normal": 20.7, "deuteranopic": 12.4, "protanopic": 12.4, "tritanopic": 12.4},
    "dot on light": {"normal": 12.0, "deuteranopic": 6.0, "protanopic": 6.0, "tritanopic": 6.0},
    "dot on dark": {"normal": 14.0, "deuteranopic": 7.5, "protanopic": 7.5, "tritanopic": 7.5},
}
VIEWS = [(theme, size) for theme in THEMES for size in ("area", f"dot on {theme}")]
SCALE = np.array([TARGETS[size][eyes] for _, size in VIEWS for eyes in colour.EYES])  # in the order of `views`
HUE_TARGET = 20.0  # degrees between classes
SEED, N_CHAINS, N_STEPS = 16, 24, 12_000
STEP = np.array([0.08, 0.05, 25.0])  # how far lightness, chroma and hue move at first


def grounds() -> np.ndarray:
    """The light and the dark ground, sRGB `[2, 3]`."""
    theme = tomllib.loads(CONFIG.read_text())["theme"]
    return colour.from_hex([theme[name]["backgroundColor"] for name in THEMES])


GROUNDS = grounds()


def views(pairs: np.ndarray) -> np.ndarray:
    """CIELAB of colours on both grounds, sRGB `[..., 2, 3]`, in every size and to all eyes: `[..., 16, 3]`."""
    found = []
    for theme, size in VIEWS:
        number = THEMES.index(theme)
        rgb = pairs[..., number, :]
        drawn = rgb if size == "area" else colour.dot(rgb, GROUNDS[number], DIAMETER)
        found += [colour.perceived(drawn, eyes) for eyes in colour.EYES]
    return np.stack(found, axis=-2)


def hues(pairs: np.ndarray) -> np.ndarray:
    """The middle hue of colours on both grounds, sRGB `[..., 2, 3]`, in degrees `[...]`."""
    one, other = np.moveaxis(colour.to_oklch(pairs)[..., 2], -1, 0)
    middle: np.ndarray = one + ((other - one + 180) % 360 - 180) / 2
    return middle


def shares(lab: np.ndarray, hue: np.ndarray, other_lab: np.ndarray, other_hue: np.ndarray) -> np.ndarray:
    """How far classes are apart in each view and in hue, as shares of the targets: `[..., 17]`."""
    apart = deltaE_ciede2000(lab, np.broadcast_to(other_lab, lab.shape)) / SCALE
    return np.concatenate([apart, colour.hue_gap(hue, other_hue)[..., None] / HUE_TARGET], axis=-1)


# --- The search -------------------------------------------------------------------------------------------------------


class Palettes:
    """Many palettes at once, each annealed by itself: what is summed up of each is exp(-sharpness x difference) over
    all pairs of classes and all views, which the smallest differences rule."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.sharpness = rng, 30.0
        self.lch = np.zeros((N_CHAINS, N_CLASSES, len(THEMES), 3))
        for number in range(N_CLASSES):
            missing = np.ones(N_CHAINS, bool)
            while missing.any():
                drawn = self.random_pairs()
                fits = missing & self.allowed(drawn)
                self.lch[fits, number], missing = drawn[fits], missing & ~fits
        shown = displayed(self.lch)
        self.lab, self.hue = views(shown), hues(shown)
        self.cost = self.costs()

    def random_pairs(self) -> np.ndarray:
        """A class for each palette, `[chains, 2, 3]`."""
        drawn = self.rng.uniform([0.25, MIN_CHROMA, 0], [0.95, 0.3, 360], (N_CHAINS, len(THEMES), 3))
        drawn[:, 1, 2] = drawn[:, 0, 2]
        return drawn

    def moved(self, pairs: np.ndarray, size: float) -> np.ndarray:
        """Classes a little elsewhere, their hues on both grounds moved together but for a few degrees."""
        step = self.rng.normal(size=pairs.shape) * STEP * size
        step[:, 1, 2] = step[:, 0, 2] + self.rng.normal(size=len(pairs)) * MAX_HUE_GAP * size
        step *= self.rng.random(pairs.shape) < 0.7  # not all at once
        return pairs + step

    @staticmethod
    def allowed(pairs: np.ndarray) -> np.ndarray:
        rgb = colour.from_oklch(pairs)
        shown = ((rgb >= 0) & (rgb <= 1)).all(axis=(-1, -2))
        rounded = displayed(pairs)
        clear = (colour.contrast(rounded, GROUNDS) >= MIN_CONTRAST).all(axis=-1)
        lch = colour.to_oklch(rounded)
        named = ((lch[..., 1] >= MIN_CHROMA) & (lch[..., 0] >= MIN_LIGHTNESS)).all(axis=-1)
        alike = colour.hue_gap(lch[..., 0, 2], lch[..., 1, 2]) <= MAX_HUE_GAP
        found: np.ndarray = shown & clear & named & alike
        return found

    def differences(self, lab: np.ndarray, hue: np.ndarray) -> np.ndarray:
        """Of one class `[chains, 16, 3]` and `[chains]` from all, `[chains, classes, 17]`."""
        return shares(self.lab, self.hue, lab[:, None], hue[:, None])

    def costs(self) -> np.ndarray:
        """Of each pair of classes, `[chains, classes, classes]`; of one with itself, 0."""
        rows = [
            np.exp(-self.sharpness * self.differences(self.lab[:, i], self.hue[:, i])).sum(-1) for i in range(N_CLASSES)
        ]
        return np.stack(rows, axis=1) * (1 - np.eye(N_CLASSES))

    def step(self, number: int, size: float, temperature: float) -> None:
        """Moves one class of each palette, where that is better, or not much worse."""
        new = self.moved(self.lch[:, number], size)
        shown = displayed(new)
        lab, hue = views(shown), hues(shown)
        row = np.exp(-self.sharpness * self.differences(lab, hue)).sum(-1)
        row[:, number] = 0
        before = self.cost.sum(axis=(1, 2)) / 2
        after = before - self.cost[:, number].sum(-1) + row.sum(-1)
        worse = np.log(np.maximum(after, 1e-300) / before) / self.sharpness
        take = self.allowed(new) & (worse < temperature * self.rng.exponential(size=N_CHAINS))
        self.lch[take, number], self.lab[take, number], self.hue[take, number] = new[take], lab[take], hue[take]
        self.cost[take, number], self.cost[take, :, number] = row[take], row[take]

    def least(self) -> np.ndarray:
        """The least difference of each palette as a share of its target, `[chains]`."""
        rows = [
            np.delete(self.differences(self.lab[:, i], self.hue[:, i]), i, axis=1).min(axis=(1, 2))
            for i in range(N_CLASSES)
        ]
        return np.min(rows, axis=0)


def displayed(lch: np.ndarray) -> np.ndarray:
    """What a screen shows, in steps of 1/255."""
    return np.clip(colour.from_oklch(lch) * 255, 0, 255).round() / 255


def search(n_steps: int) -> np.ndarray:
    """The best palette of all, sRGB `[10, 2, 3]`."""
    palettes = Palettes(np.random.default_rng(SEED))
    for at in range(n_steps):
        done = at / n_steps
        sharpness = 30.0 * 20**done  # from all close pairs to the closest one
        if at % 500 == 0:
            palettes.sharpness = sharpness
            palettes.cost = palettes.costs()
        palettes.step(at % N_CLASSES, 0.01 ** min(1.0, 1.2 * done), 0.05 * 0.001**done)
    return displayed(palettes.lch[palettes.least().argmax()])


def in_order(pairs: np.ndarray) -> np.ndarray:
    """Blue first, then always the class that differs most from those before it."""
    lab, hue = views(pairs), hues(pairs)
    apart = np.array([shares(lab, hue, *each).min(axis=-1) for each in zip(lab, hue, strict=True)])
    order = [int(colour.hue_gap(hue, np.array(FIRST_HUE)).argmin())]
    while len(order) < len(pairs):
        rest = [number for number in range(len(pairs)) if number not in order]
        order.append(max(rest, key=lambda number: apart[number, order].min()))
    found: np.ndarray = pairs[order]
    return found


# --- What is said of it -----------------------------------------------------------------------------------------------


def table(light: Sequence[str], dark: Sequence[str]) -> Iterator[str]:
    """The least differences of two lists of colours by ground, size and eyes, and how far hues differ between them."""
    yield "| ground | size | " + " | ".join(colour.EYES) + " |"
    yield "|---|---|" + "--:|" * len(colour.EYES)
    for name, ground, colours in zip(THEMES, GROUNDS, (light, dark), strict=True):
        rgb = colour.from_hex(colours)
        sizes = {"area": rgb} | {f"dot of {each} px": colour.dot(rgb, ground, each) for each in (1.5, 2.0, 2.4)}
        for size, drawn in sizes.items():
            least = [colour.pairwise_differences(colour.perceived(drawn, eyes)).min() for eyes in colour.EYES]
            yield f"| {name} | {size} | " + " | ".join(f"{each:.1f}" for each in least) + " |"
        yield f"| {name} | contrast against the ground, least | {colour.contrast(rgb, ground).min():.2f} | | | |"
    hues = [colour.to_oklch(colour.from_hex(colours))[:, 2] for colours in (light, dark)]
    yield f"Hues differ by {colour.hue_gap(*hues).max():.1f} degrees at most between the grounds."


def main() -> None:
    parser = argparse.ArgumentParser(description="The class colours: how far apart they are.")
    parser.add_argument("--search", action="store_true", help="search for new ones, for two minutes")
    parser.add_argument("--steps", type=int, default=N_STEPS, help="of the search")
    said = parser.parse_args()
    light, dark = CLASSES_LIGHT, CLASSES_DARK
    if said.search:
        found = in_order(search(said.steps))
        light, dark = (tuple(colour.to_hex(each) for each in found[:, theme]) for theme in (0, 1))
        for one, other, lch in zip(light, dark, colour.to_oklch(found), strict=True):
            print(f"{one} {other}  hues {lch[0, 2]:.0f} {lch[1, 2]:.0f}, lightness {lch[0, 0]:.2f} {lch[1, 0]:.2f}")
    print("\n".join(table(light, dark)))


if __name__ == "__main__":
    main()
