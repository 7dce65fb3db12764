"""Limits: what a run takes of memory is known before anything is allocated, and too much is refused in a sentence."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from aecore import limits
from aecore.analysis import loaded
from aecore.cli import main
from aecore.config import Config
from aecore.errors import UserError
from aecore.jobs.worker import run_training
from aecore.limits import TooLarge
from aecore.models import footprint, presets
from aecore.models.families.build import (
    FAMILIES,
    build_on_meta,
    build_recipe,
    bytes_per_sample,
    complete_config,
    footprint_of,
    model_size,
    resolve_config,
)
from aecore.models.footprint import count_parameters
from aecore.models.losses import reconstruction_loss
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import MAX_TEXT, Param, params_of
from aecore.store import runs
from tests.kit.peaks import peak
from tests.pages.test_pages import ROOT, AppTest, _cold, control, said, whole  # noqa: F401

GIB = 1 << 30
SMALL = Config(hidden_sizes=(8,), epochs=1)
FACTOR = 2.5  # between the estimate of a training's memory and its measured peak, either way


@pytest.fixture(autouse=True)
def computer(monkeypatch, tmp_path):
    """A computer with 4 GiB that trains one run at a time, and a runs folder of the test's own."""
    monkeypatch.setenv("AECORE_MEMORY", str(4 * GIB))
    monkeypatch.setenv("AECORE_WORKERS", "1")
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def refused(app: AppTest) -> list[str]:
    """The limits of parameters that a page's errors name."""
    return [found[1] for text in said(app) if (found := re.search(r"([\d,]+) are the most on this computer", text))]


# --- The machine ------------------------------------------------------------------------------------------------------


def groups(place: Path, **limits_: str) -> Path:
    """Files as the kernel shows them: `a__b__memory.max="..."` is the file a/b/memory.max."""
    for name, said_ in limits_.items():
        file = place / name.replace("__", "/").replace("_limit_", ".limit_").replace("_max", ".max")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(said_ + "\n")
    return place


def test_the_least_limit_of_the_control_groups_around_counts(tmp_path):
    two = groups(tmp_path / "2", service__memory_max=str(3 * GIB), service__app__memory_max="max", memory_max="max")
    assert limits.cgroup_limit("0::/service/app\n", two) == 3 * GIB
    assert limits.cgroup_limit("0::/\n", two) == limits.NO_LIMIT, "its own group has none"
    one = groups(tmp_path / "1", memory__memory_limit_in_bytes=str(1 << 63), memory__box__memory_limit_in_bytes="4096")
    assert limits.cgroup_limit("4:memory:/box\n3:cpu:/\n0::/\n", one) == 4096
    assert limits.cgroup_limit("4:memory:/\n", one) >= limits.NO_LIMIT, "version 1 says none with a very large number"


def test_in_a_container_only_the_top_is_seen(tmp_path):
    """The path is the host's: none of its folders is there, or it leads out of the mount."""
    top = groups(tmp_path, memory__memory_limit_in_bytes="2048", memory_max="1024")
    assert limits.cgroup_limit("4:memory:/docker/0123\n", top) == 2048
    assert limits.cgroup_limit("0::/docker/0123\n", top) == 1024
    assert limits.cgroup_limit("0::/../outside\n", top) == 1024


def test_a_process_in_a_control_group_knows_its_limit():
    """A real one, where this process may make one."""
    from benchmarks.memory import make_cgroup

    own = make_cgroup(GIB)
    if own is None:
        pytest.skip("no memory control group can be made here")
    try:
        with own.attach():
            asked = subprocess.Popen(
                [sys.executable, "-c", "from aecore import limits; print(limits.machine_memory())"],
                env=os.environ | {"AECORE_MEMORY": "", "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
        assert int(asked.communicate()[0]) == GIB
    finally:
        own.close()


def test_the_machine_has_what_it_has_unless_told(monkeypatch):
    assert limits.machine_memory() == 4 * GIB
    monkeypatch.delenv("AECORE_MEMORY")
    assert GIB // 4 < limits.machine_memory() <= psutil.virtual_memory().total
    monkeypatch.setenv("AECORE_MEMORY", "plenty")
    with pytest.raises(UserError, match="AECORE_MEMORY takes a whole number above 0, not 'plenty'"):
        limits.machine_memory()


def test_runs_side_by_side_share(monkeypatch):
    alone = limits.max_run_bytes()
    assert alone == 1.5 * GIB
    monkeypatch.setenv("AECORE_WORKERS", "2")
    assert limits.max_run_bytes() == alone // 2
    monkeypatch.setenv("AECORE_WORKERS", "64")
    assert limits.max_run_bytes() == limits.MIN_RUN_BYTES, "the networks of every lesson train on any computer"
    monkeypatch.setenv("AECORE_RUN_BYTES", "77")
    assert limits.max_run_bytes() == 77


def test_caches_and_trainings_leave_room_for_the_server():
    assert limits.max_cache_bytes() + limits.max_run_bytes() * limits.training_slots() <= limits.machine_memory() / 2


def test_any_network_that_may_be_trained_fits_into_the_caches():
    assert 4 * limits.max_parameters() <= limits.max_cache_bytes()


# --- Counting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_counts_are_those_of_the_network_itself(family):
    config = resolve_config(presets.default_config("digits", family=family))
    recipe = build_recipe(config)
    assert model_size(config).parameters == count_parameters(recipe.modules)
    assert (model_size(config).code_size, model_size(config).code_bits) == (
        recipe.model.bottleneck.out_features,
        recipe.model.bottleneck.bits,
    )
    assert {each.device.type for each in build_on_meta(config).modules.parameters()} == {"meta"}


def at_its_most(family: str) -> Config:
    """A family with every number of its own at its highest, but for the size of a patch: one as large as the sample is
    refused."""
    numbers = [param for param in FAMILIES[family].params if param.value_type in (int, float)]
    highest = {param.name: param.info.max for param in numbers if param.name != "patch_size"}
    return Config(
        family=family, latent_dim=4, params={name: each for name, each in highest.items() if each is not None}
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_followed_through_a_step_that_is_never_taken(family, monkeypatch):
    """Its own loss too, not only encoder and decoder: no family of ours asks its tensors for numbers."""
    monkeypatch.setattr(footprint, "_plain_step_bytes", lambda *_: pytest.fail("its loss could not be followed"))
    for config in (complete_config(Config(family=family)), complete_config(at_its_most(family))):
        found = footprint_of(config)
        weights = 4 * model_size(config).parameters
        assert found.persistent >= 4 * weights and found.step > 0 and bytes_per_sample(config) > 0


def test_what_a_batch_takes_grows_with_it_and_weights_are_not_counted_in():
    small, large = (footprint_of(resolve_config(dataclasses.replace(SMALL, batch_size=each))) for each in (8, 512))
    assert large.step > 20 * small.step and large.persistent == small.persistent
    wide = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(1024, 1024)))
    assert bytes_per_sample(wide) < 100_000 < 4 * model_size(wide).parameters


def test_a_loss_that_asks_for_numbers_is_followed_as_far_as_its_network(monkeypatch):
    """Whoever declares a family may write `.item()`: then encoder, decoder and likelihood are counted."""

    def loss(p: ForwardPass) -> dict[str, torch.Tensor]:
        assert p.nll.mean().item() == p.nll.mean().item()
        return reconstruction_loss(p)

    config = resolve_config(SMALL)
    recipe = build_on_meta(config)
    asking = Recipe.simple(recipe.model, loss)
    card = loaded.CARDS["digits"]
    bare, followed = footprint.step_bytes(asking, card, 32), footprint.step_bytes(recipe, card, 32)
    assert followed / 2 < bare < 2 * followed


def test_nothing_is_measured_anew_for_settings_that_change_nothing(monkeypatch):
    asked: list[Config] = []
    measured = footprint.estimate
    monkeypatch.setattr(
        footprint, "estimate", lambda recipe, config, card: asked.append(config) or measured(recipe, config, card)
    )
    for seed in range(20):
        resolve_config(
            dataclasses.replace(SMALL, hidden_sizes=(9, 7), seed=seed, lr=0.001 + seed / 1e4, epochs=1 + seed)
        )
    assert len(asked) == 1


def test_names_of_runs_are_the_same_on_any_computer(monkeypatch):
    config = presets.default_config("digits", family="vae")
    here = resolve_config(config)
    monkeypatch.setenv("AECORE_MEMORY", str(512 * GIB))
    monkeypatch.setenv("AECORE_WORKERS", "4")
    assert resolve_config(config) == here and resolve_config(config).id == here.id


# --- Refusing ---------------------------------------------------------------------------------------------------------

HOSTILE = {
    "80 layers of 4,096": {"hidden_sizes": (4096,) * 80},
    "a million layers": {"hidden_sizes": (1,) * 10**6},
    "101 layers": {"hidden_sizes": (1,) * 101},
    "widths and latent size": {"hidden_sizes": (4096, 4096), "latent_dim": 4096},
    "a large batch": {"hidden_sizes": (4096, 2048), "batch_size": 8192},
    "wide convolutions": {"network": "conv", "hidden_sizes": (4096, 4096)},
    "wide convolutions, large batch": {"network": "conv", "hidden_sizes": (4096,), "batch_size": 8192},
    "a codebook": {"family": "vq-vae", "latent_dim": 4096, "params": {"codebook_size": 1024, "embedding_dim": 64}},
    "pairs of a batch": {"family": "beta-tcvae", "latent_dim": 64, "batch_size": 8192},
    "kernels of a batch": {"family": "wae", "batch_size": 8192},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_too_large_is_refused_before_anything_is_allocated(name):
    config = Config(**{"dataset": "mnist", "family": "vae", **HOSTILE[name]})
    resolve_config(SMALL)  # what is imported at the first time is
    before, started = psutil.Process().memory_info().rss, time.process_time()
    with pytest.raises(TooLarge) as found:
        resolve_config(config)
    sentence = str(found.value)
    assert sentence.endswith(".") and ("most" in sentence) and ("choose" in sentence or "take some off" in sentence)
    assert psutil.Process().memory_info().rss - before < 100e6, "80 layers alone would be 10 GB"
    assert time.process_time() - started < 10


def test_the_sentence_has_the_number_and_the_limit(monkeypatch):
    monkeypatch.setenv("AECORE_MAX_PARAMETERS", "1000")
    with pytest.raises(TooLarge, match=r"would have 1,156 parameters, and 1,000 are the most on this computer"):
        resolve_config(Config(hidden_sizes=(8,)))
    monkeypatch.delenv("AECORE_MAX_PARAMETERS")
    monkeypatch.setenv("AECORE_RUN_BYTES", "1000000")
    monkeypatch.setenv("AECORE_MAX_PARAMETERS", "2000")
    with pytest.raises(TooLarge, match=r"would take about [0-9.]+ MB of memory, and 1 MB are the most for a run"):
        resolve_config(Config(hidden_sizes=(8,)))


@pytest.mark.slow
def test_presets_and_exhibits_train_on_4_gigabytes():
    from aecore.content.gallery import PRETRAINED_MODELS

    for dataset in loaded.CARDS:
        for family in FAMILIES:
            for preset in presets.PRESETS:
                if preset != "overcomplete":  # codes larger than the images, and losses of all pairs of them
                    resolve_config(presets.default_config(dataset, preset=preset, family=family))
    for exhibit in PRETRAINED_MODELS.values():
        resolve_config(exhibit.config)


def test_form_command_line_and_fork_share_the_limit(monkeypatch, capsys):
    settled = resolve_config(SMALL)
    assert list(run_training(settled))
    monkeypatch.setenv("AECORE_MAX_PARAMETERS", "1000")
    assert main(["train", "--family", "vae", "--hidden-sizes", "8", "--epochs", "1"]) == 1
    assert "1,000 are the most on this computer" in capsys.readouterr().err
    for parameters in ({}, {"parent": settled.id}):
        app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
        app.query_params.update(parameters)
        app = whole(app.switch_page("pages/train.py").run())
        assert refused(app) == ["1,000"]


def test_widths_typed_on_train_are_refused_without_pressing_train():
    app = whole(AppTest.from_file(ROOT / "app.py", default_timeout=100).switch_page("pages/train.py").run())
    before = psutil.Process().memory_info().rss
    control(app, "Hidden layers (units or channels)").set_value("4096," * 80)
    app = whole(app.run())
    assert len(refused(app)) == 1
    assert psutil.Process().memory_info().rss - before < 200e6
    control(app, "Hidden layers (units or channels)").set_value("64, 32")
    assert not refused(whole(app.run())), "the page goes on"


def test_a_run_asked_for_elsewhere_says_so_and_going_on_is_refused(monkeypatch):
    """A queue that came from a larger computer: the run has failed with the sentence, it does not die twice."""
    config = resolve_config(dataclasses.replace(SMALL, hidden_sizes=(1024,)))
    monkeypatch.setenv("AECORE_MAX_PARAMETERS", "100000")
    with pytest.raises(TooLarge):
        list(run_training(config))
    entry = runs.entry(config.id)
    assert entry.state == "failed" and "100,000 are the most on this computer" in entry.message
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["run"] = config.id
    app = whole(app.switch_page("pages/train.py").run())
    control(app, "Restart training").click()
    assert refused(whole(app.run())) == ["100,000", "100,000"], "what is said of the run, and to who presses"
    assert runs.entry(config.id).state == "failed"


def test_a_finished_run_beyond_the_limit_says_so_when_opened_and_stays_in_lists(monkeypatch):
    config = resolve_config(SMALL)
    assert list(run_training(config))
    monkeypatch.setenv("AECORE_MAX_PARAMETERS", "1000")
    assert runs.entry(config.id).finished and config.id in [entry.id for entry in runs.entries()]
    with pytest.raises(TooLarge, match="1,000 are the most"):
        loaded.load(config.id)
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["run"] = config.id
    app = whole(app.switch_page("pages/reconstruct.py").run())
    assert refused(app) == ["1,000"]
    monkeypatch.delenv("AECORE_MAX_PARAMETERS")
    monkeypatch.setenv("AECORE_RUN_BYTES", "1000000")
    monkeypatch.setenv("AECORE_MAX_PARAMETERS", "2000")
    assert loaded.load(config.id).code_size == 2, "what could not be trained here may still be looked at"


# --- What is typed ----------------------------------------------------------------------------------------------------


def _knob(name: str) -> Param:
    return next(param for param in params_of(Config) if param.name == name)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("hidden_sizes", "9" * 10**6),
        ("hidden_sizes", "x," * 10**5),
        ("epochs", "9" * 5000),
        ("network", "m" * 10**6),
        ("hidden_sizes", (0,) * 10**6),
    ],
)
def test_what_was_typed_is_cut_in_messages(name, typed):
    with pytest.raises(UserError) as found:
        _knob(name).validate(typed)
    assert 20 < len(str(found.value)) < 300 and str(found.value).startswith(f"{name} takes ")


def test_lists_of_widths_are_read_up_to_some_length():
    fits = ",".join(["4096"] * limits.MAX_LAYERS)
    assert len(_knob("hidden_sizes").validate(fits)) == limits.MAX_LAYERS and len(fits) <= MAX_TEXT
    with pytest.raises(UserError, match="hidden_sizes takes"):
        _knob("hidden_sizes").validate("1," * MAX_TEXT)


# --- Against measured peaks -------------------------------------------------------------------------------------------

MEASURED = {
    "mlp": {"hidden_sizes": (4096, 1024)},
    "large batch": {"dataset": "shapes", "family": "vanilla", "hidden_sizes": (2048, 1024), "batch_size": 8192},
    "conv": {"network": "conv", "hidden_sizes": (1024,), "batch_size": 512},
    "vq": {
        "family": "vq-vae",
        "latent_dim": 256,
        "batch_size": 1024,
        "params": {"codebook_size": 1024, "embedding_dim": 8},
    },
    "ladder": {"family": "ladder-vae", "latent_dim": 128, "hidden_sizes": (4096, 1024), "batch_size": 512},
    "pairs of a batch": {"family": "beta-tcvae", "latent_dim": 64, "batch_size": 1024},
}
BEFORE = """
from aecore.jobs.executors.process import preload
preload()
from aecore.config import Config
from aecore.models.families.build import footprint_of, resolve_config
from aecore.jobs.worker import run_training
config = resolve_config(Config.from_json(json.loads(sys.argv[1])))
result = footprint_of(config).total
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_a_training_takes_about_what_was_estimated(name, tmp_path, monkeypatch):
    """Within FACTOR, the process's imports aside: workers share those of the process that they are forked from."""
    config = complete_config(Config(**{"epochs": 2, **MEASURED[name]}))
    told = {"AECORE_MEMORY": str(64 * GIB), "PYTHONPATH": str(ROOT), "AECORE_RUNS": str(tmp_path)}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    taken, estimated = peak(BEFORE, "assert list(run_training(config))", json.dumps(config.to_json()))
    assert 1 / FACTOR < taken / estimated < FACTOR, f"peak {taken / 1e6:.0f} MB, estimated {estimated / 1e6:.0f} MB"
