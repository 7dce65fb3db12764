"""The page of an exported model is one file, and escaped; what a browser makes of it is in tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded
from aecore.errors import UserError
from aecore.export import offline_html, static_files
from aecore.export.program import UnsupportedLayer
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config

HOSTILE = "</script><script>alert(1)</script>"


def opened(dataset: str = "digits", **settings) -> loaded.LoadedModel:
    config = resolve_config(presets.default_config(dataset, **settings))
    torch.manual_seed(0)
    return loaded.LoadedModel(config, build_recipe(config).model.eval(), {})


def page(run: loaded.LoadedModel, title: str = "A model", **more) -> str:
    random = np.random.default_rng(0)
    codes = random.standard_normal((60, run.code_size)).astype(np.float32)
    return offline_html.render(run, codes, random.integers(0, 10, 60), title, **more)


def test_the_page_holds_all_that_it_needs_and_no_address():
    text = page(opened(family="vae"))
    imports = json.loads(re.search(r'<script type="importmap">(.*?)</script>', text)[1])["imports"]
    sources = {name: base64.b64decode(url.partition(",")[2]).decode() for name, url in imports.items()}
    assert "aecore/net/net.js" in sources and "aecore/views/pad/pad.js" in sources
    for source in sources.values():
        named = re.findall(r"^(?:import|export) (?:[^'=();]* from )?'([^']+)';", source, re.MULTILINE)
        assert set(named) <= set(sources)
    assert not re.findall(r'(?:src|href)="(?!data:)', text) and "https://" not in text


def test_the_policy_names_the_scripts_that_run():
    text = page(opened(family="vae"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    for script in re.findall(r'<script type="(?:importmap|module)">(.*?)</script>', text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "http" not in policy


def test_names_cannot_end_a_script():
    run = opened(family="vae")
    plain = page(run).count("<script")
    text = page(run, HOSTILE, lead=HOSTILE, facts={HOSTILE: {HOSTILE: HOSTILE}})
    assert text.count("<script") == plain and text.count("</script") == plain
    assert offline_html._json({"name": HOSTILE}).count("<") == 0
    assert json.loads(offline_html._json({"name": HOSTILE})) == {"name": HOSTILE}


def test_a_model_that_the_browser_cannot_compute_is_said():
    run = opened(family="vae")
    run.model.encoder = nn.GRU(64, 4)
    with pytest.raises(UnsupportedLayer, match="GRU"):
        page(run)


def test_an_installed_library_says_what_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setattr(static_files, "STATIC", tmp_path / "static")
    with pytest.raises(UserError, match=r"static/.*laboratory's folder\.$"):
        page(opened(family="vae"))


@pytest.mark.parametrize(
    ("dataset", "many", "sample"),
    [
        ("digits", "images", "an image, as 1 x 8 x 8 numbers from 0 to 1."),
        ("iris", "rows", "a row, as 4 numbers standardised like the training set."),
        ("heartbeats", "series", "a series, as 140 x 1 numbers standardised like the training set."),
    ],
)
def test_the_page_says_what_its_samples_are(dataset, many, sample):
    run = opened(dataset, family="vae")
    codes = np.random.default_rng(0).standard_normal((60, run.code_size)).astype(np.float32)
    text = offline_html.render(run, codes, np.arange(60) % len(run.card.classes), "A model")
    assert f"The codes of 60 test {many} on" in text and sample in text


def test_classes_without_codes_have_the_statistics_of_all():
    codes, labels = np.array([[0.0], [2.0], [4.0]]), np.array([0, 0, 2])
    means, deviations = offline_html.class_statistics(codes, labels, 3)
    assert means.ravel().tolist() == [1, 2, 4] and deviations[0, 0] == 1 and deviations[2, 0] == 0
