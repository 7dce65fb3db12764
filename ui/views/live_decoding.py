"""Views that decode in the browser while somebody drags: what each of them is given, and what the
address holds of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.export import packing
from ui.run_data import splits, statistics
from ui.widgets import component, live, view_state

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.packed_map import PlaneMap

N_PRIOR_SAMPLES = 64  # codes sent of a prior that the browser cannot draw from


def _packed(**arrays: Any) -> dict[str, Any]:
    """Arrays, or lists of them, as static/net/packing.js reads them: all numbers as float32, None as null."""

    def as_float(value: Any) -> Any:
        if isinstance(value, list):
            return [as_float(each) for each in value]
        return None if value is None else np.asarray(value, np.float32)

    pieces, blob = packing.pack({name: as_float(value) for name, value in arrays.items()})
    return {"pieces": pieces, "blob": component.blob(blob)}


def plane_payload(plane_map: PlaneMap, run: LoadedModel) -> dict[str, Any]:
    """A run's codes on a plane, as views that move over it read them."""
    return live.plane_payload(plane_key(plane_map, run), plane_map, run.class_label)


def plane_key(plane_map: PlaneMap, run: LoadedModel) -> str:
    """The key of a run's plane in the browser."""
    return f"{run.id}-{run.result['created']}-{'-'.join(plane_map.plane.names)}"


def _changed_numbers(size: int) -> view_state.Reader:
    """Numbers of a code of `size` that are others than at first: `4:0.52,18:-1.2` for z4 and z18."""

    def read(text: str) -> str | None:
        for each in text.split(","):
            dimension, _, value = each.partition(":")
            known = dimension.isdecimal() and len(dimension) < 9 and 0 < int(dimension) <= size
            if not known or len(view_state.parse_numbers(value) or ()) != 1:
                return None
        return text

    return read


@st.fragment
def interpolation(model: str, run: LoadedModel, images: np.ndarray, ends: np.ndarray, path: str) -> None:
    """A slider from the first of two samples to the second: through their codes `ends` `[2, D]`, and their values."""
    readers = {"position": view_state.in_range(1, low=0, high=100), "loop": view_state.one_of("1")}
    view_state.address_state("interpolation", readers)
    given = {"interpolation": path, "class_label": run.class_label}
    live.view("interpolation", model, "interpolation-view", given | _packed(codes=list(ends), images=list(images)))


@st.fragment  # when a slider is let go only this part runs again
def sliders(model: str, run: LoadedModel, images: np.ndarray, ends: np.ndarray) -> None:
    """A slider for each number of a code, from the codes `ends` `[2, D]` of two samples or from the mean of all."""
    ranges, order = statistics.dim_ranges(run)
    starts = {"From": ends[0], "To": ends[1], "Mean code": splits.codes(run).mean(axis=0)}
    means, class_stds = _class_stats(run)
    given = {
        "class_label": run.class_label,
        "order": order,
        "starts": list(starts),
        "class_names": None if means is None else list(run.card.classes),
    }
    arrays = _packed(
        ranges=ranges,
        kl=statistics.kl_per_dim(run),
        codes=list(starts.values()),
        posterior_stds=[*_posterior_stds(run, images), None],  # the mean is no sample's
        prior_samples=None if run.model.bottleneck.samples_normal else run.sample(N_PRIOR_SAMPLES),
        class_means=means,
        class_stds=class_stds,
    )
    readers = {"start": view_state.one_of("1", "2"), "z": _changed_numbers(run.code_size)}
    view_state.address_state("sliders", readers)
    live.view("sliders", model, "sliders", given | arrays)


def _posterior_stds(run: LoadedModel, images: np.ndarray) -> list[np.ndarray | None]:
    """The standard deviations `[D]` of the posterior of each sample; None where the latent has no posterior."""
    from aecore.analysis.latents import posterior  # torch comes with it

    return list(posterior.encode(run, images).sigma) if posterior.has_posterior(run) else [None] * len(images)


def _class_stats(run: LoadedModel) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Means and standard deviations `[classes, D]` of the codes of each class; None where there are no classes, and of
    a conditional model, which is told the class instead: its codes need not know it."""
    return (None, None) if run.model.is_conditional or not run.card.labelled else statistics.class_stats(run)


@st.fragment
def denoise(model: str, run: LoadedModel, image: np.ndarray) -> None:
    """A sample, the same under noise of any kind and strength, and what the model draws of that."""
    from aecore.models import corruptions  # torch comes with it

    readers = {
        "corruption": view_state.one_of("none", *corruptions.CORRUPTIONS),
        "corruption-level": view_state.in_range(1, low=0, high=1),
        "seed": view_state.whole_numbers(10_000, several=False),
    }
    view_state.address_state("denoise", readers)
    live.view("denoise", model, "denoise", _packed(image=image))
