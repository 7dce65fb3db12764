"""Caches that many people share: each is bounded, and its key says what the answer hangs on."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from aecore import data, presets
from aecore.families import build, settle
from aecore.trained import Trained
from ui import shared

ROOT = Path(__file__).resolve().parent.parent
# as many entries as a program has functions, components or sentences: what people do adds none
FEW = {"knobs_of", "_component", "_tell", "mounted"}


def unbounded(source: str) -> list[str]:
    """The functions of a module whose cache grows without end."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for decorator in getattr(node, "decorator_list", []):
            name = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]
            given = {each.arg: ast.unparse(each.value) for each in getattr(decorator, "keywords", [])}
            if name in ("cache_resource", "cache_data") and node.args.args:
                endless = given.get("max_entries", "None") == "None"
            else:
                endless = name == "cache" or (name == "lru_cache" and given.get("maxsize") == "None")
            if endless and node.name not in FEW:
                found.append(node.name)
    return found


@pytest.mark.parametrize("folder", ["aecore", "ui", "pages"])
def test_every_cache_is_bounded(folder):
    files = sorted((ROOT / folder).glob("*.py"))
    assert files
    assert {path.name: endless for path in files if (endless := unbounded(path.read_text()))} == {}


def test_that_look_would_notice():
    code = """
@st.cache_resource(show_spinner=False)
def models(run): ...
@st.cache_data(max_entries=None)
def codes(run): ...
@lru_cache(maxsize=None)
def files(place): ...
@cache
def all_of_them(place): ...
@st.cache_resource(max_entries=3)
def bounded(run): ...
@st.cache_resource
def once(): ...
@lru_cache
def usual(place): ...
"""
    assert unbounded(code) == ["models", "codes", "files", "all_of_them"]


def test_a_run_that_was_trained_again_under_its_name_is_another_one_to_caches(monkeypatch):
    config = settle(presets.start("digits", family="vae", hidden=(8,)))
    first, again = (Trained(config, build(config).model, {"created": created}) for created in (1.0, 2.0))
    assert shared.key_of(first) != shared.key_of(again)
    here = shared.key_of(first)
    monkeypatch.setattr(data, "is_here", lambda name: False)
    assert shared.key_of(first) != here, "a data set that is fetched meanwhile takes the place of what stood in for it"


def test_what_is_kept_of_a_run_is_told_apart_by_its_code_and_what_it_learnt_from(monkeypatch):
    """Baselines of runs on one data set differ with the size of the code, and with how many pictures were learnt."""
    found = []
    for more in ({"z_dim": 2}, {"z_dim": 8}, {"z_dim": 2, "pictures": 50}):
        config = settle(presets.start("digits", family="vanilla", hidden=(8,), **more))
        found.append(shared.baselines(Trained(config, build(config).model.eval(), {"created": 1.0})))
    assert found[1]["pca_mse"] < found[0]["pca_mse"] < found[2]["pca_mse"]
    assert found[0]["mean_picture_mse"] == found[1]["mean_picture_mse"] != found[2]["mean_picture_mse"]
    assert np.isfinite([each["pca_mse"] for each in found]).all()
