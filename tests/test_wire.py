"""The names that stand in people's files, addresses and scripts, as they were frozen with format 2 (wire.json).

Whoever renames one of them breaks what others have kept. Where that is wanted all the same: raise Config.VERSION, teach
aecore.store.upgrade the new name (and test it there), and write wire.json anew with `python -m tests.test_wire`. New
names need only the last.
"""

from __future__ import annotations

import ast
import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from aecore.cli.parser import parser
from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.export.compile_browser import UnsupportedLayer, compile_autoencoder
from aecore.models import loss_terms, presets
from aecore.models.families.build import FAMILIES, build_on_meta, build_recipe, resolve_config
from aecore.params import params_of
from aecore.store import database, offline, runs, writer
from aecore.training.state import TrainState
from tests.kit.networks import is_refused

ROOT = Path(__file__).parents[1]
FROZEN = Path(__file__).with_name("wire.json")
WHAT_TO_DO = (
    "A name changed that stands in people's files, addresses or scripts: put it back. If it must change, raise "
    "Config.VERSION, teach aecore.store.upgrade the new name, and run `python -m tests.test_wire`; if it is only new, "
    "that alone."
)


def names_in(value: Any) -> Any:
    """The names in a JSON value, however deep: {name: what is inside, or None}."""
    if isinstance(value, dict):
        return {name: names_in(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        inside: dict[str, Any] = {}
        for each in value:
            inside = union(inside, names_in(each) or {})
        return inside or None
    return None


def union(one: Any, other: Any) -> Any:
    """Names of two values together."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: union(one.get(name), other.get(name)) for name in sorted({*one, *other})}
    return other if one is None else one


@cache
def configs() -> dict[str, Config]:
    """One Config of every family and network, at the defaults of the digits."""
    found = {}
    for family in FAMILIES:
        for network in CARDS["digits"].modality.networks:
            if is_refused(family, network):
                continue
            config = resolve_config(presets.default_config("digits", family=family, network=network))
            if config.network == network:
                found[f"{family}, {network}"] = config
    return found


# --- What is frozen ---------------------------------------------------------------------------------------------------


def gallery_ids() -> Any:
    return {name: resolve_config(model.config).id for name, model in PRETRAINED_MODELS.items()}


def config_ids() -> Any:
    return {name: config.id for name, config in configs().items()}


def settings() -> Any:
    return [*Config().to_json()]


def parameters() -> Any:
    return {name: [param.name for param in params_of(family.build)] for name, family in FAMILIES.items()}


def choices() -> Any:
    """The words that settings can be."""
    sources = {"run": Config, **{name: family.build for name, family in FAMILIES.items()}}
    named = {
        f"{source}.{param.name}": list(param.choices)
        for source, declared in sources.items()
        for param in params_of(declared)
        if param.choices
    }
    return named | {"preset": list(presets.PRESETS)}


def terms() -> Any:
    return {name: [loss_terms.RECONSTRUCTION, *family.loss_terms] for name, family in FAMILIES.items()}


def tensors() -> Any:
    """The tensors of every family's model, and of what only its training needs."""
    found = {}
    for name, config in configs().items():
        recipe = build_on_meta(config)
        found[name] = sorted(recipe.model.state_dict())
        if len(recipe.auxiliary_modules):
            found[f"{name}, auxiliary"] = sorted(recipe.auxiliary_modules.state_dict())
    return found


def checkpoint() -> Any:
    """The groups of tensors in a checkpoint, and what its metadata say."""
    from safetensors import numpy

    config = configs()["aae, mlp"]
    state = TrainState(build_recipe(config), config, torch.device("cpu"))
    state.early_stopping.weights = {"w": torch.zeros(1)}
    state.running_mean.sums, state.running_mean.counts = {"kl": torch.zeros(1)}, {"kl": 1}
    content = state.save()
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    ((key, text),) = head["__metadata__"].items()
    metadata = names_in(json.loads(text))
    metadata["counts"] = None  # by loss term
    return {"tensors": sorted({name.split("/")[0] for name in numpy.load(content)}), key: metadata}


def _gallery(pattern: str) -> Iterator[Path]:
    return (file for name in gallery_ids().values() for file in (runs.PRETRAINED_DIR / name).glob(pattern))


def _json_names(pattern: str) -> Any:
    found: Any = {}
    for file in _gallery(pattern):
        for line in file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]:
            found = union(found, names_in(json.loads(line)))
    return found


# What runs have that were trained after the gallery
NEWER_FIELDS = {
    "config.json": {"decoder_sizes": None, "batch_norm": None, "teacher_forcing": None},
    "result.json": {
        "phase_seconds": {"startup": None, "epoch": None, "closing": None},
        "checkup": {"explained_variance": None},
    },
    "history.jsonl": {"signals": {"explained_variance": None}},
}


def files() -> Any:
    """The JSON files of a run, as the gallery has them, and what is newer."""
    names = ("config.json", "result.json", "history.jsonl")
    return {name: union(_json_names(name), NEWER_FIELDS.get(name, {})) for name in names}


def small_files() -> Any:
    """The JSON files of a run that was stopped, and then deleted."""
    from aecore.jobs.worker import run_training
    from aecore.store import trash

    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", place)
        config = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=50))
        for progress in run_training(config):
            if progress.epoch:
                writer.RunWriter(config).send_command("stop")
        stopped = Path(place, config.id)
        found = {name: names_in(json.loads((stopped / name).read_text())) for name in ("request.json", "state.json")}
        deleted = Path(place, ".trash", trash.delete(config.id, "ada"))
        found |= {name: names_in(json.loads((deleted / name).read_text())) for name in ("label.json", "deleted.json")}
    return found


def tensor_files() -> Any:
    found: dict[str, Any] = {}
    for name in ("snapshots/*.safetensors", offline.FILE_NAME, "program.safetensors"):
        content: dict[str, set[str]] = {"tensors": set(), "metadata": set()}
        for file in _gallery(name):
            with safe_open(file, framework="numpy") as opened:
                content["tensors"] |= set(opened.keys())
                content["metadata"] |= set(opened.metadata() or {})
        found[name] = {part: sorted(each) for part, each in content.items()}
    return found


def ops() -> Any:
    """The steps that the browser computes, and their keys."""
    found: dict[str, set[str]] = {}

    def collect(steps: list[dict[str, Any]]) -> None:
        for step in steps:
            found.setdefault(step["op"], set()).update(step)
            for inside in step.values():
                if isinstance(inside, list) and inside and isinstance(inside[0], dict):
                    collect(inside)

    for config in configs().values():
        for activation in ("relu", "leaky-relu", "elu", "silu", "tanh", "sigmoid"):
            each = Config.from_json(config.to_json() | {"activation": activation})
            for likelihood in ("bernoulli", "gaussian"):
                small = {"likelihood": likelihood, "hidden_sizes": [4] if each.hidden_sizes else []}
                one = Config.from_json(each.to_json() | small)
                try:
                    head = compile_autoencoder(build_recipe(one).model.eval(), (1, 8, 8)).head
                except (UnsupportedLayer, UserError):
                    continue
                found.setdefault("(head)", set()).update(head)
                collect(head["encoder"] + head["decoder"])
    return {name: sorted(keys - {"op"}) for name, keys in sorted(found.items())}


def tables() -> Any:
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(database.TABLES_SQL)
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for (name,) in sorted(named)
        }
    return {"file": database.FILE_NAME, "user_version": database.SCHEMA_VERSION, **columns}


def commands() -> Any:
    """The words of the command line."""
    actions = next(each for each in parser()._actions if each.choices)
    assert isinstance(actions.choices, dict)
    return {
        name: [word for action in one._actions for word in action.option_strings or [action.metavar]]
        for name, one in actions.choices.items()
    }


def environment() -> Any:
    sources = [*(ROOT / "aecore").rglob("*.py"), *(ROOT / "ui").rglob("*.py"), ROOT / "app.py"]
    texts = (file.read_text() for file in sources if "upgrade" not in file.parts)
    return sorted({name for text in texts for name in re.findall(r"\bAECORE_[A-Z_]+\b", text)})


def addresses() -> Any:
    """Pages, and the parameters that widgets are bound to."""
    from ui.pages_table import PAGES

    found: set[str] = {"run", "parent"}
    for file in [*(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]:
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call):
                given = {each.arg: each.value for each in call.keywords}
                bound = isinstance(given.get("bind"), ast.Constant)
                key = given.get("key")
                if ast.unparse(call.func).endswith("bound_choice"):
                    bound, key = True, key or (call.args[2] if len(call.args) > 2 else None)
                if ast.unparse(call.func).endswith("bound_value"):
                    bound, key = True, call.args[0]
                if bound and key is not None:
                    found.add(key.value if isinstance(key, ast.Constant) else ast.unparse(key))
            if isinstance(call, ast.Dict) and "view_state." in ast.unparse(call):  # what views may say (view_state.py)
                found |= {key.value for key in call.keys if isinstance(key, ast.Constant)}
    return {"pages": [Path(page.file).stem for page in PAGES], "parameters": sorted(map(str, found))}


def address_choices() -> Any:
    """Ids of what can be chosen in an address."""
    from aecore.analysis import latent_space, projections
    from ui.panels.registry import PANELS

    return {
        "panel": sorted({panel.id for each in PANELS.values() for panel in each}),
        "interpolation": sorted(latent_space.INTERPOLATIONS),
        "projection": sorted(projections.PROJECTIONS),
    }


SECTIONS: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        gallery_ids,
        config_ids,
        settings,
        parameters,
        choices,
        terms,
        tensors,
        checkpoint,
        files,
        small_files,
        tensor_files,
        ops,
        tables,
        commands,
        environment,
        addresses,
        address_choices,
    )
}


@pytest.mark.parametrize("section", SECTIONS)
def test_names_are_those_that_were_frozen(section):
    assert json.loads(json.dumps(SECTIONS[section]())) == json.loads(FROZEN.read_text())[section], WHAT_TO_DO


def test_what_training_and_evaluating_write_has_the_names_of_the_gallery(tmp_path, monkeypatch):
    """wire.json knows them from the gallery's files: no code may have left them behind."""
    from aecore.analysis import loaded
    from aecore.analysis.evaluation import evaluate_run
    from aecore.jobs.worker import run_training

    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    frozen = json.loads(FROZEN.read_text())["files"]
    config = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=1))
    assert list(run_training(config))
    for name in ("config.json", "result.json", "history.jsonl"):
        text = (tmp_path / config.id / name).read_text()
        new = names_in(json.loads(text.splitlines()[0] if name.endswith("l") else text))
        assert _missing(new, frozen[name]) == [], WHAT_TO_DO
    scores = evaluate_run(loaded.load(config.id))
    scores.pop("checkup")
    assert _missing(names_in(scores), frozen["result.json"]["scores"]) == [], WHAT_TO_DO


def _missing(new: Any, frozen: Any, path: str = "") -> list[str]:
    """The names in one value that another does not have."""
    if not isinstance(new, dict):
        return []
    there = frozen if isinstance(frozen, dict) else {}
    return [
        missing
        for name, inside in new.items()
        for missing in ([f"{path}{name}"] if name not in there else _missing(inside, there[name], f"{path}{name}."))
    ]


if __name__ == "__main__":
    FROZEN.write_text(json.dumps({name: section() for name, section in SECTIONS.items()}, indent=1) + "\n")
