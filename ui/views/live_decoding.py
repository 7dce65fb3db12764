"""Views that decode in the browser while somebody drags: what each of them is given. Nothing comes back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from ui.run_data import splits, statistics
from ui.widgets import live

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.packed_map import PlaneMap

N_PRIOR_SAMPLES = 64  # codes sent of a prior that the browser cannot draw from


def pack_floats(array: np.ndarray) -> str:
    """Float32, little-endian, in base64: what static/net/base64.js reads."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def plane_payload(plane_map: PlaneMap, run: LoadedModel) -> dict[str, Any]:
    """A run's codes on a plane, as views that move over it read them."""
    return live.plane_payload(plane_key(plane_map, run), plane_map, run.class_label)


def plane_key(plane_map: PlaneMap, run: LoadedModel) -> str:
    """The key of a run's plane in the browser."""
    return f"{run.id}-{run.result['created']}-{'-'.join(plane_map.plane.names)}"


def interpolation(model: str, run: LoadedModel, images: np.ndarray, ends: np.ndarray, path: str) -> None:
    """A slider from the first of two images to the second: through their codes `ends` `[2, D]`, and their pixels."""
    given = {"codes": [pack_floats(code) for code in ends], "pictures": [pack_floats(picture) for picture in images]}
    live.view("interpolation", model, "interpolation-view", {"path": path, "label": run.class_label, **given})


def sliders(model: str, run: LoadedModel, images: np.ndarray, ends: np.ndarray) -> None:
    """A slider for each number of a code, from the codes `ends` `[2, D]` of two images or from the mean of all."""
    (spans, order), told, clouds, prior = (
        statistics.dim_ranges(run),
        statistics.kl_per_dim(run),
        _posterior_stds(run, images),
        None if run.model.bottleneck.standard_normal_prior else run.sample_prior(N_PRIOR_SAMPLES),
    )
    starts = {"From": ends[0], "To": ends[1], "mean code": splits.codes(run).mean(axis=0)}
    given = {
        "label": run.class_label,
        "order": order,
        "spans": pack_floats(spans),
        "nats": None if told is None else pack_floats(told),
        "starts": [{"name": name, "code": pack_floats(code)} for name, code in starts.items()],
        "clouds": [*clouds, None],  # the mean is no image's
        "prior": None if prior is None else pack_floats(prior),
        "classes": _class_stats(run),
    }
    live.view("sliders", model, "sliders", given)


def _posterior_stds(run: LoadedModel, images: np.ndarray) -> list[str | None]:
    from aecore.analysis.latents import posterior  # torch comes with it

    if not posterior.has_posterior(run):
        return [None] * len(images)
    return [pack_floats(sigma) for sigma in posterior.encode(run, images).sigma]


def _class_stats(run: LoadedModel) -> dict[str, Any] | None:
    """Where the codes of each class lie; a conditional model is told the class instead, its codes need not know it."""
    if run.model.is_conditional:
        return None
    means, spreads = statistics.class_stats(run)
    return {"names": list(run.card.classes), "means": pack_floats(means), "spreads": pack_floats(spreads)}


def denoise(model: str, run: LoadedModel, image: np.ndarray) -> None:
    """An image, the same under noise of any kind and strength, and what the model draws of that."""
    live.view("denoise", model, "denoise", {"picture": pack_floats(image)})
