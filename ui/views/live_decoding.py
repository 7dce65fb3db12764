"""Views that decode in the browser while somebody drags: what each of them is given. Nothing comes back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from ui import shared
from ui.widgets import live

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained

DRAWS = 64  # codes sent of a prior that the browser cannot draw from


def packed(numbers: np.ndarray) -> str:
    """Float32, little-endian, in base64: what static/live/numbers.js reads."""
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f4").tobytes()).decode()


def interpolation(model: str, run: Trained, pictures: np.ndarray, ends: np.ndarray, path: str) -> None:
    """A slider from the first of two pictures to the second: through their codes `ends` `[2, D]`, and their pixels."""
    given = {"codes": [packed(code) for code in ends], "pictures": [packed(picture) for picture in pictures]}
    live.view("interpolation", model, "interpolation", {"path": path, "label": run.label, **given})


def sliders(model: str, run: Trained, pictures: np.ndarray, ends: np.ndarray) -> None:
    """A slider for each number of a code, from the codes `ends` `[2, D]` of two pictures or from the mean of all."""
    (spans, order), told, clouds, prior = shared.spread(run), shared.nats(run), _clouds(run, pictures), run.draws(DRAWS)
    starts = {"From": ends[0], "To": ends[1], "mean code": shared.codes(run).mean(axis=0)}
    given = {
        "label": run.label,
        "order": order,
        "spans": packed(spans),
        "nats": None if told is None else packed(told),
        "starts": [{"name": name, "code": packed(code)} for name, code in starts.items()],
        "clouds": [*clouds, None],  # the mean is no picture's
        "prior": None if prior is None else packed(prior),
        "classes": _classes(run),
    }
    live.view("sliders", model, "sliders", given)


def _clouds(run: Trained, pictures: np.ndarray) -> list[str | None]:
    clouds = run.clouds(pictures)
    return [None] * len(pictures) if clouds is None else [packed(sigma) for sigma in clouds[0]]


def _classes(run: Trained) -> dict[str, Any] | None:
    """Where the codes of each class lie; a conditional model is told the class instead, its codes need not know it."""
    if run.model.conditional:
        return None
    means, spreads = shared.by_class(run)
    return {"names": list(run.card.classes), "means": packed(means), "spreads": packed(spreads)}


def denoise(model: str, run: Trained, picture: np.ndarray) -> None:
    """A picture, the same under noise of any kind and strength, and what the model draws of that."""
    live.view("denoise", model, "denoise", {"picture": packed(picture)})
