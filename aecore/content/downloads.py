"""The files in which a model is taken home: what is in each, how it is made, and the two lines that load it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aecore import files
from aecore.analysis.loaded import LoadedModel, state_bytes
from aecore.analysis.offline_bundle import available_codes
from aecore.config import Config
from aecore.content import model_card
from aecore.content.run_names import format_setting, run_name, setting_label
from aecore.content.wording import for_samples
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.export import codes, compile_browser, offline_html, onnx, torch_export
from aecore.export.folder import zip_archive
from aecore.models.families.build import FAMILIES
from aecore.models.footprint import count_parameters
from aecore.params import params_of
from aecore.store import runs

MAX_BYTES = 200_000_000  # of a model's weights that a page gives: they lie in the server's memory until it closes
Contents = dict[str, bytes]  # files by their names

WITH_LIBRARY = """
With the library of the laboratory the files are a model again:

```python
import json, aecore, safetensors.torch
model = aecore.build_recipe(aecore.Config.from_json(json.load(open("config.json")))).model
safetensors.torch.load_model(model, "weights.safetensors")
```
"""


@dataclass(frozen=True)
class ModelFile:
    """A kind of file that a finished run is given as."""

    label: str  # on its button
    description: str  # one sentence on what is in it
    suffix: str  # of its name, behind the run's id
    mime: str
    contents: Callable[[LoadedModel, str], Contents]  # of a run and the name that people gave it
    lines: Callable[[LoadedModel], str] = lambda run: ""  # that load it
    language: str = "python"
    check: Callable[[LoadedModel], object] = lambda run: None  # raises UserError where it cannot be made

    def obstacle(self, run: LoadedModel) -> str:
        """Why this file cannot be made of a run: one sentence; empty where it can."""
        try:
            _check_size(run)
            self.check(run)
        except UserError as error:
            return str(error)
        return ""

    def make(self, run: LoadedModel, title: str = "") -> bytes:
        """The file; a ZIP archive where it holds several."""
        made = self.contents(run, title)
        return zip_archive(made) if len(made) > 1 else next(iter(made.values()))


def _check_size(run: LoadedModel) -> None:
    size = 4 * count_parameters(run.model)
    if size > MAX_BYTES:
        raise UserError(
            f"Pages give models of {MAX_BYTES / 1e6:.0f} MB at most, and this one has {size / 1e6:.0f} MB: "
            f"use `python -m aecore export {run.id}`."
        )


def card(run: LoadedModel, title: str = "") -> str:
    """The model card of a run, in Markdown."""
    return model_card.readme(runs.entry(run.id), title)


def weights(run: LoadedModel, title: str = "") -> Contents:
    """The weights as a training left them, the settings that make their model, and the card."""
    config = json.dumps(run.config.to_json(), indent=2).encode()
    kept = {"weights.safetensors": _weights_file(run), "config.json": config}
    return kept | {"README.md": _readme(run, title, "safetensors", WITH_LIBRARY)}


def _weights_file(run: LoadedModel) -> bytes:
    """The file that the run keeps; of one that was stopped there is none yet."""
    file = runs.path(run.id) / runs.WEIGHTS_FILE
    return files.read_bytes(file, 10 * MAX_BYTES) if file.exists() else state_bytes(run.model)


def _readme(run: LoadedModel, title: str, name: str, more: str = "") -> bytes:
    """The card with how to load what lies beside it."""
    shape, size = ", ".join(map(str, run.card.shape)), run.code_size
    labels = "; `labels`: int64 `[N]`" if run.model.is_conditional and name == "onnx" else ""
    span = "in [0, 1]" if run.card.modality.bounded else "in standard deviations from the mean of the training set"
    called = "" if run.card.modality.bounded else f"{run.card.modality.noun.many}, "
    told = f"`images`: {called}float32 `[N, {shape}]` {span}"
    arrays = f"\n{told}; `codes`: float32 `[N, {size}]`{labels}.\n"
    loading = f"\n## Loading\n\n```python\n{MODEL_FILES[name].lines(run)}\n```\n"
    return f"{card(run, title)}{loading}{'' if name == 'safetensors' else arrays}{more}".encode()


def _onnx(run: LoadedModel, title: str) -> Contents:
    return onnx.programs(run) | {"README.md": _readme(run, title, "onnx")}


def _onnx_lines(run: LoadedModel) -> str:
    given = '{"codes": codes, "labels": labels}' if run.model.is_conditional else '{"codes": codes}'
    return f'import onnxruntime\n(images,) = onnxruntime.InferenceSession("decoder.onnx").run(None, {given})'


def _torch(run: LoadedModel, title: str) -> Contents:
    return torch_export.programs(run) | {"README.md": _readme(run, title, "torch")}


def page(run: LoadedModel, title: str = "") -> Contents:
    """One HTML file with the live decoder inside."""
    entry = runs.entry(run.id)
    caption = f"On the test {run.card.modality.noun.many}"
    facts = {"Settings": settings(run.config), caption: dict(model_card.metric_rows(entry))}
    name = " ".join(title.split()) or entry.title or run_name(run.config)
    text = offline_html.render(run, *available_codes(run), name, _lead(run), facts)
    return {f"{run.id}.html": text.encode()}


def _lead(run: LoadedModel) -> str:
    """What a family is, in its first sentence."""
    return for_samples(FAMILIES[run.config.family].doc.split("\n")[0], run.card.modality.noun)


def settings(config: Config) -> dict[str, str]:
    """The settings of a run as people read them."""
    named = {"Data set": CARDS[config.dataset].title, "Model": FAMILIES[config.family].title}
    own = {setting_label(name, config.family): format_setting(name, each) for name, each in config.params.items()}
    return (
        named | own | {each.label: format_setting(each.name, getattr(config, each.name)) for each in params_of(Config)}
    )


MODEL_FILES = {
    "safetensors": ModelFile(
        "Weights",
        "The weights in safetensors, the settings and the model card.",
        "-weights.zip",
        "application/zip",
        weights,
        lambda run: 'from safetensors.torch import load_file\nweights = load_file("weights.safetensors")',
    ),
    "onnx": ModelFile(
        "ONNX",
        "Encoder and decoder for other programs, checked in onnxruntime; takes about ten seconds.",
        "-onnx.zip",
        "application/zip",
        _onnx,
        _onnx_lines,
        check=lambda run: onnx.require_packages(),
    ),
    "torch": ModelFile(
        "torch.export",
        "Encoder and decoder as programs that need torch alone.",
        "-torch.zip",
        "application/zip",
        _torch,
        lambda run: 'import torch\nimages = torch.export.load("decoder.pt2").module()(codes)',
    ),
    "html": ModelFile(
        "Offline page",
        "One HTML file with the decoder inside: a pad and sliders that open without server and network.",
        ".html",
        "text/html",
        page,
        lambda run: (
            "// open the file; in the console of the page:\n"
            f"aecore.decode([{', '.join('0' * min(3, run.code_size))}{', ...' * (run.code_size > 3)}])"
        ),
        "javascript",
        compile_browser.compile_model,
    ),
    "card": ModelFile(
        "Model card",
        "What it is, what it was made of, and its metrics, in Markdown.",
        ".md",
        "text/markdown",
        lambda run, title: {f"{run.id}.md": card(run, title).encode()},
    ),
}


def codes_of_all(run: LoadedModel) -> codes.Table:
    """A row for each sample of a run's data set: split, index, class and code; where the data set is not here, for each
    test sample whose code the run brings along."""
    if not datasets.is_available(run.config.dataset):
        found, labels = available_codes(run)
        return codes.codes_table(found, labels, run.card.classes, {"test": len(found)})
    known = datasets.load(run.config.dataset)
    splits = {name: getattr(known, name) for name in ("train", "validation", "test")}
    return codes.codes_table(
        np.concatenate([run.encode_split(split) for split in splits.values()]),
        np.concatenate([split.y for split in splits.values()]),
        run.card.classes,
        {name: len(split) for name, split in splits.items()},
    )
