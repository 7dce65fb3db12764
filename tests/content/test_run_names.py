"""Names of runs: what differs from the form's beginning, and no two alike."""

import dataclasses
import itertools
import subprocess
import sys

import pytest

from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.content.run_names import brief_names, changed_settings, run_name, run_names
from aecore.data.cards import CARDS
from aecore.models import config_query
from aecore.models.families.build import FAMILIES, complete_config
from aecore.models.family_defaults import family_defaults, initial_settings
from aecore.params import params_of
from aecore.store.people import RunLabel
from aecore.store.run_info import RunInfo


def start(family: str, dataset: str = "digits", **changed) -> Config:
    config = config_query.initial_config(dataset, family)
    return complete_config(dataclasses.replace(config, **changed))


def test_defaults_read_from_the_source_are_those_of_the_declarations():
    assert {name: family.title for name, family in family_defaults().items()} == {
        name: family.title for name, family in FAMILIES.items()
    }
    fitting = [(name, network) for name, card in CARDS.items() for network in card.modality.networks]
    for (dataset, network), family in itertools.product(fitting, FAMILIES):
        expected = config_query.initial_config(dataset, family, network=network)
        assert initial_settings(dataset, family, network) == expected, (dataset, family, network)


@pytest.mark.parametrize(
    ("family", "changed", "name"),
    [
        ("vae", {}, "VAE 2-D"),
        ("beta-vae", {"params": {"beta": 100.0}, "seed": 3}, "beta-VAE 2-D, beta 100, seed 3"),
        ("beta-vae", {"params": {"kl_warmup": 0.2}}, "beta-VAE 2-D, KL warm-up 0.2"),
        ("vanilla", {"latent_dim": 32, "hidden_sizes": (64,), "epochs": 1}, "Vanilla AE 32-D, hidden 64, 1 epoch"),
        ("vae", {"network": "conv", "hidden_sizes": (32, 64)}, "VAE 2-D, convolutional"),
        ("vae", {"decoder_sizes": (64,), "batch_norm": True}, "VAE 2-D, decoder layers 64, batch normalisation on"),
        ("top-k", {"params": {"k": 4}}, "Sparse AE, top-k 64-D, k 4"),
        ("linear", {}, "Linear AE 2-D"),
        ("vq-vae", {"params": {"reset_dead_codes": False}}, "VQ-VAE 8-D, reset dead codes off"),
        ("vae", {"parent": "vae-digits-2d-1f0c3a9e"}, "VAE 2-D, from 1f0c3a9e"),
    ],
)
def test_a_name_says_what_differs_from_the_default(family, changed, name):
    assert run_name(start(family, **changed)) == name


@pytest.mark.parametrize("family", FAMILIES)
def test_runs_that_differ_in_one_setting_have_different_names(family):
    base = start(family)
    names = {run_name(base)}
    own = {param.name: param for param in FAMILIES[family].params}
    for param in [*params_of(Config), *own.values()]:
        if param.name in FAMILIES[family].fixed:
            continue
        value = _another(param, base)
        changed = {"params": {**base.params, param.name: value}} if param.name in own else {param.name: value}
        name = run_name(dataclasses.replace(base, **changed))
        assert name not in names, param.name
        names.add(name)


def _another(param, config):
    now = config.params.get(param.name, getattr(config, param.name, None))
    if param.choices:
        return next(each for each in param.choices if each != now)
    if isinstance(now, bool):
        return not now
    return (7, 7) if isinstance(now, tuple) else now + type(now)(1)


def test_a_name_that_was_given_wins_and_no_two_are_alike():
    one, other = start("vae"), start("vae", "mnist")
    exhibit = RunInfo(
        "vae-mnist-2d-8d676f8e", "finished", other, {"pretrained": {"title": "VAE, 2-D"}}, pretrained=True
    )
    entries = [RunInfo(one.id, "finished", one), RunInfo(other.id, "finished", other), exhibit, RunInfo("x", "broken")]
    names = run_names(entries, {})
    assert list(names.values()) == ["VAE 2-D · digits", "VAE 2-D · mnist", "VAE, 2-D", "x"]
    assert list(run_names(entries, {}, with_data=True).values())[:2] == ["VAE 2-D, digits", "VAE 2-D, mnist"]
    given = {entry.id: RunLabel(name="mine") for entry in entries[:2]} | {exhibit.id: RunLabel(name="theirs")}
    assert list(run_names(entries, given).values()) == ["mine · digits", "mine · mnist", "theirs", "x"]
    twins = [RunInfo(each.id, "finished", each) for each in (one, start("vae", seed=1))]
    alike = run_names(twins, {entry.id: RunLabel(name="mine") for entry in twins})
    assert sorted(alike.values()) == sorted(f"mine · {entry.id[-8:]}" for entry in twins)


def test_runs_beside_each_other_leave_out_what_they_share():
    configs = [start("vae", epochs=40), start("vanilla", epochs=40, seed=2)]
    entries = [RunInfo(each.id, "finished", each) for each in configs]
    assert list(brief_names(entries, {}).values()) == ["VAE 2-D", "Vanilla AE 2-D, seed 2"]
    named = {entries[0].id: RunLabel(name="mine")}
    assert list(brief_names(entries, named).values()) == ["mine", "Vanilla AE 2-D, seed 2, 40 epochs"]


def test_an_unknown_family_shows_all_its_settings():
    config = dataclasses.replace(start("vae"), family="toy", params={"strength": 2.0})
    assert run_name(config) == "toy 2-D, strength 2"
    assert changed_settings(config) == {"strength": 2.0}


def test_the_gallery_is_named_in_a_few_words():
    names = [(each.config.dataset, run_name(complete_config(each.config))) for each in PRETRAINED_MODELS.values()]
    assert len(set(names)) == len(names)  # of one data set: what tells those of several apart is named beside
    assert all(len(name) < 120 for _, name in names)


def test_names_need_no_torch():
    code = "import sys; from aecore.content.run_names import run_name; from aecore.config import Config\n"
    code += "run_name(Config(seed=1)); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
