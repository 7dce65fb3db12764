"""A trained model as one HTML file: the decoder, a pad and sliders in a page that opens without server and network.

The modules of static/ are put in as they are: an import map names a data URL for each, by which they find each other.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from aecore.export import packed_map, packing, static_files

if TYPE_CHECKING:
    from aecore.analysis.latent_space import Plane
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.modalities import Modality, Noun

ENTRY, PREFIX = "offline/offline.js", "aecore/"
START = f'import "{PREFIX}{ENTRY}";'
N_PRIOR_SAMPLES = 64  # codes put in of a prior that the browser cannot draw from
HIDE_LASSO = ".bar .lasso { display: none; }"  # what it selects is shown by pages only

Facts = Mapping[str, Mapping[str, str]]  # tables by their captions: a value for each name


def render(
    run: LoadedModel, codes: np.ndarray, labels: np.ndarray, title: str, lead: str = "", facts: Facts | None = None
) -> str:
    """A page of a model, with the `codes` [N, D] of test samples that have the classes `labels` [N] on its plane.

    UnsupportedLayer where the browser cannot compute the model, UserError where the codes make no map.
    """
    from aecore.export import compile_browser  # torch comes with it

    head, weights = compile_browser.compile_model(run).payload(run.config.likelihood)
    plane_map = packed_map.pack(default_plane(codes), codes, labels, run.card.classes)
    sliders, arrays = _sliders(run, codes, labels)
    content = {
        "model": _packed(head, weights.tobytes()),
        "pad": _packed({"key": run.id, "head": plane_map.head}, plane_map.blob),
        "sliders": _packed(sliders, arrays),
        "class_names": list(run.card.classes),
    }
    static, imports = static_files.require_static(), _json({"imports": _modules()})
    texts = {
        "title": title,
        "lead": lead or run.config.summary,
        "plane": _plane_text(plane_map.plane, len(codes), run.card.modality.noun),
        "sample": _sample_text(run.card.modality),
        "example": f"aecore.decode([{', '.join('0' * min(3, run.code_size))}{', ...' * (run.code_size > 3)}])",
    }
    return Template((static / "offline" / "offline.html").read_text("utf-8")).substitute(
        {name: escape(text) for name, text in texts.items()},
        policy=_policy(imports, START),
        style=_style(),
        imports=imports,
        start=START,
        tables="\n".join(_table(caption, rows) for caption, rows in (facts or {}).items()),
        content=_json(content),
        **_view("pad", HIDE_LASSO),
        **_view("sliders"),
    )


def default_plane(codes: np.ndarray) -> Plane:
    """The plane on which codes [N, D] are shown first: their own where they have two dimensions or one."""
    from aecore.analysis import latent_space

    make = latent_space.plane_of_components if codes.shape[1] > 2 else latent_space.plane_of_dimensions
    return make(codes)


def _sample_text(modality: Modality) -> str:
    """What a script gets of a code."""
    unit = "from 0 to 1" if modality.bounded else "standardised like the training set"
    article = "an" if modality.noun.one == "image" else "a"
    return f"{article} {modality.noun.one}, as {' x '.join(map(str, modality.shape))} numbers {unit}"


def _plane_text(plane: Plane, count: int, noun: Noun) -> str:
    where = "the plane of the first two principal components"
    if plane.explained_variance_ratio is None:
        where = "the latent space" if plane.names[1] else "the line that the codes lie on"
    return (
        f"The codes of {count:,} test {noun.many} on {where}; drag the point, and the {noun.one} is decoded in your "
        "browser."
    )


# --- What the views are given -----------------------------------------------------------------------------------------


def _sliders(run: LoadedModel, codes: np.ndarray, labels: np.ndarray) -> tuple[dict[str, Any], bytes]:
    """What static/views/sliders takes: codes to start from, and where each dimension lives."""
    from aecore.analysis import latent_space

    means, deviations = class_statistics(codes, labels, len(run.card.classes))
    told = run.model.is_conditional  # the class beside the code: its codes need not know it
    prior = None if run.model.bottleneck.samples_normal else run.sample(N_PRIOR_SAMPLES)
    arrays = {
        "ranges": latent_space.quantile_ranges(codes),
        "kl": None,
        "codes": [codes.mean(axis=0).astype(np.float32)],
        "posterior_stds": [None],
        "prior_samples": None if prior is None else prior.astype(np.float32),
        "class_means": None if told else means,
        "class_stds": None if told else deviations,
    }
    pieces, blob = packing.pack(arrays)
    order = latent_space.order_by_variance(codes).tolist()
    names = None if told else list(run.card.classes)
    return {"order": order, "starts": ["Mean code"], "class_names": names, "pieces": pieces}, blob


def class_statistics(codes: np.ndarray, labels: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of the codes of each class, float32 `[K, D]` both; of all codes for a class
    that has none."""
    own = [codes[labels == label] for label in range(n_classes)]
    own = [each if len(each) else codes for each in own]
    means, deviations = (np.stack([function(each, axis=0) for each in own]) for function in (np.mean, np.std))
    return means.astype(np.float32), deviations.astype(np.float32)


def _packed(head: Mapping[str, Any], blob: bytes) -> dict[str, Any]:
    return {"head": head, "blob": b64encode(blob).decode()}


# --- The page ---------------------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    """JSON that may stand inside a script element, whatever names are in it."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _modules() -> dict[str, str]:
    """The address of each module by the name under which the others import it. A module at a data URL cannot import by
    relative paths."""
    static, found = static_files.STATIC, {}
    for module in static_files.module_graph(static, ENTRY):
        text = static_files.with_names((static / module).read_text("utf-8"), module, PREFIX)
        found[PREFIX + module] = f"data:text/javascript;base64,{b64encode(text.encode()).decode()}"
    return found


def _policy(*scripts: str) -> str:
    """A content security policy: these scripts and what they import run, and nothing is asked of any network."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in scripts)
    return (
        f"default-src 'none'; script-src {hashes} data:; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _style() -> str:
    light, dark = map(static_files.theme_properties, static_files.THEMES)
    own = (static_files.STATIC / "offline" / "offline.css").read_text("utf-8")
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{own}"


def _view(name: str, more_style: str = "") -> dict[str, str]:
    """A view's own HTML and style sheet, as they are: files of ours."""
    place = static_files.STATIC / "views" / name
    style = static_files.stylesheet(place / f"{name}.css") + more_style
    return {name: static_files.markup(place / f"{name}.html"), f"{name}_style": style}


def _table(caption: str, rows: Mapping[str, str]) -> str:
    lines = [f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows.items()]
    return f"<table><caption>{escape(caption)}</caption>\n{chr(10).join(lines)}\n</table>"
