"""A Config is a run said completely: its name is stable, its values are checked, and it survives being written down."""

import dataclasses
import json
import math
from typing import Annotated

import pytest

from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.build import FAMILIES, resolve_config
from aecore.params import Param, ParamInfo, params_of, resolve

INFINITE = (math.nan, math.inf, -math.inf)
FAMILY_PARAMS = [param for family in FAMILIES.values() for param in family.params]
PARAMS = list(dict.fromkeys([*params_of(Config), *FAMILY_PARAMS]))  # two families may mean two things by one name
NUMBERS = [param for param in PARAMS if param.value_type in (int, float)]
WORDS = [param for param in PARAMS if param.choices]


def each(params):
    return pytest.mark.parametrize("param", params, ids=lambda param: param.name)


def _refused(param: Param, value) -> None:
    with pytest.raises(UserError) as caught:
        param.validate(value)
    assert str(caught.value).startswith(f"{param.name} takes ") and str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


# Names


def test_names_of_runs_are_what_they_were():
    """Links, folders and the gallery hold these names. If this fails on purpose, raise config.VERSION with it."""
    assert resolve_config(Config()).id == "vae-digits-2d-732322c1"
    assert resolve_config(Config(family="denoising")).id == "denoising-digits-2d-bf0b3b30"
    linear = resolve_config(Config(family="linear", likelihood="gaussian", latent_dim=8))
    assert linear.id == "linear-digits-8d-8e0785bb"


OTHERS = {
    "dataset": "mnist",
    "family": "vanilla",
    "network": "conv",
    "hidden_sizes": (64, 128),
    "latent_dim": 3,
    "activation": "tanh",
    "likelihood": "gaussian",
    "epochs": 61,
    "batch_size": 129,
    "lr": 0.005,
    "schedule": "constant",
    "optimiser": "sgd",
    "initialisation": "he",
    "weight_decay": 0.01,
    "dropout": 0.1,
    "grad_clip_norm": 5.0,
    "patience": 3,
    "precision": "bfloat16",
    "train_size": 100,
    "reduction": "mean",
    "pixel_range": "0 to 255",
    "decoder_sizes": (64,),
    "batch_norm": True,
    "teacher_forcing": 0.5,
    "normal": (0, 1),
    "contamination": 0.1,
    "labels_per_class": 10,
    "learned_prior": "flow",
    "seed": 1,
    "params": {"weight": 2.0},
    "parent": "vae-digits-2d-732322c1",
    "version": 99,
}


def test_every_field_makes_another_name():
    assert OTHERS.keys() == {field.name for field in dataclasses.fields(Config)}
    names = [Config().id, *(dataclasses.replace(Config(), **{name: value}).id for name, value in OTHERS.items())]
    assert len(set(names)) == len(names)


def test_a_learned_prior_takes_as_many_epochs_again():
    assert [Config(epochs=7, learned_prior=each).total_epochs for each in ("none", "flow")] == [7, 14]


def test_the_order_of_knobs_and_the_kind_of_a_number_make_no_other_name():
    a = Config(family="denoising", params={"corruption": "masking", "corruption_level": 1})
    b = Config(family="denoising", params={"corruption_level": "1.0", "corruption": "masking"})
    assert a.id != b.id and resolve_config(a).id == resolve_config(b).id


def test_two_ways_of_saying_one_run_settle_to_one():
    plain = resolve_config(Config(family="denoising"))
    said = resolve_config(
        Config(family="denoising", epochs="60", params={"corruption_level": 0.4, "corruption": "gaussian"})
    )  # type: ignore[arg-type]
    assert said == plain and said.id == plain.id and plain.params == {"corruption": "gaussian", "corruption_level": 0.4}
    fixed = resolve_config(Config(family="linear", network="conv", hidden_sizes=(3, 3)))
    assert fixed == resolve_config(Config(family="linear")) and (fixed.network, fixed.hidden_sizes) == ("mlp", ())


@pytest.mark.parametrize("family", FAMILIES)
def test_settling_twice_changes_nothing(family):
    once = resolve_config(Config(family=family))
    assert resolve_config(once) == once


def test_the_name_says_kind_data_and_size_and_fits_a_file_system():
    assert resolve_config(presets.default_config("digits", family="vae", latent_dim=16)).id.startswith(
        "vae-digits-16d-"
    )
    for exhibit in PRETRAINED_MODELS.values():
        assert resolve_config(exhibit.config).id.replace("-", "").replace("_", "").isalnum()


# Refusals


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (Config(family="vaee"), "no family called vaee; the families are: vanilla, "),
        (Config(dataset="minst"), "no data set called minst; the data sets are: digits, "),
        (Config(params={"corruption_level": 0.1}), "no setting called corruption_level here; the settings are: none"),
        (
            Config(family="denoising", params={"strenght": 0.1}),
            "strenght here; the settings are: corruption, corruption_level",
        ),
        (
            Config(family="denoising", params={"corruption_level": 1.5}),
            "corruption_level takes a number from 0 to 1, not 1.5",
        ),
        (
            Config(family="denoising", params={"corruption": "snow"}),
            "corruption takes one of gaussian, masking, salt-and-pepper",
        ),
        (Config(latent_dim=0), "latent_dim takes a whole number from 1 to 4096, not 0"),
        (Config(lr=math.nan), "lr takes a number from 1e-06 to 10, not nan"),
    ],
)
def test_settling_refuses_with_what_would_fit(config, what):
    with pytest.raises(UserError) as caught:
        resolve_config(config)
    assert what in str(caught.value)


# Every param


@each(PARAMS)
def test_the_default_of_a_knob_is_one_of_its_values_and_its_text_says_the_same(param):
    assert param.validate(param.default) == param.default
    text = ",".join(map(str, param.default)) if param.value_type is tuple else str(param.default)
    assert param.validate(text) == param.default and type(param.validate(text)) is param.value_type
    assert param.info.description.endswith(".") and param.label[0].isupper()


@each(NUMBERS)
def test_numbers_are_refused_outside_their_range_and_when_they_are_none(param):
    low, high = param.info.min, param.info.max
    assert param.validate(low) == low and param.validate(high) == high
    step = 1 if param.value_type is int else 0.01 * (high - low)
    bad = [low - step, high + step, *INFINITE, "nan", "inf", "-inf", "", "much", None, [], {}, "1" + "0" * 400, 10**400]
    for value in bad:
        if value in ("", None) and param.info.zero:  # an empty field, which has a meaning here
            assert param.validate(value) == 0
        else:
            _refused(param, value)


@each([param for param in NUMBERS if param.value_type is int])
def test_whole_numbers_are_not_rounded(param):
    assert param.validate(float(param.default)) == param.default and type(param.validate(float(param.default))) is int
    _refused(param, param.default + 0.5)
    _refused(param, str(param.default + 0.5))


@each(WORDS)
def test_words_are_refused_unless_they_are_choices(param):
    assert [param.validate(choice) for choice in param.choices] == list(param.choices)
    for value in ("", "nonsense", param.choices[0].upper(), None, 0, 1.5, [param.choices[0]]):
        _refused(param, value)


def test_widths_are_read_from_text_and_lists():
    hidden = next(param for param in PARAMS if param.name == "hidden_sizes")
    for said in ("64, 32", "64,32,", [64, 32], (64.0, 32), "64,32"):
        assert hidden.validate(said) == (64, 32)
    assert hidden.validate("") == hidden.validate([]) == ()
    for value in ("64;32", "a,b", (0, 5), (4097,), (64, -1), 5, None, (math.nan,), (math.inf,), ("inf",), (64.5, 32)):
        _refused(hidden, value)


def _switches(on: Annotated[bool, ParamInfo("A switch.")] = False, free: int = 3) -> None:
    """A signature with a switch, and a parameter that is no param."""


def test_switches_are_read_from_words():
    (param,) = params_of(_switches)
    for text, value in {"true": True, "Yes": True, "1": True, "false": False, "NO": False, "0": False}.items():
        assert param.validate(text) is value
    _refused(param, "maybe")
    assert resolve(_switches, {}) == {"on": False}


# Written down


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(**OTHERS),
        resolve_config(Config(family="denoising", network="conv", hidden_sizes=(8,), lr=0.1)),
        resolve_config(Config(family="linear")),
        *(exhibit.config for exhibit in PRETRAINED_MODELS.values()),
    ],
)
def test_a_config_comes_back_from_json(config):
    text = json.dumps(config.to_json())
    again = Config.from_json(json.loads(text))
    assert again == config and again.id == config.id and json.dumps(again.to_json()) == text


def test_fields_that_are_missing_are_the_defaults():
    """A run written before a setting was there has the default of that setting, and keeps its name."""
    said = Config(latent_dim=5).to_json()
    del said["activation"], said["parent"]
    assert Config.from_json(said) == Config(latent_dim=5) and Config.from_json(said).id == Config(latent_dim=5).id


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "text",
        7,
        {"z_dims": 2},
        Config().to_json() | {"colour": "red"},
        {"params": []},
        {"params": None},
        {"hidden_sizes": 5},
        {"hidden_sizes": [math.inf]},
        {"hidden_sizes": [[1]]},
        {"lr": math.nan},
        {"epochs": 1e400},
        {"latent_dim": "two"},
        {"seed": -1},
        {"network": ["mlp"]},
    ],
)
def test_what_is_no_config_is_refused_in_one_sentence(said):
    with pytest.raises(UserError) as caught:
        Config.from_json(said)
    assert "\n" not in str(caught.value)


def test_a_checked_config_has_each_value_in_its_own_type():
    raw = {"epochs": "7", "latent_dim": 4.0, "lr": 1, "hidden_sizes": "8,4", "seed": "3"}
    checked = Config(**raw).validated()  # type: ignore[arg-type]
    values = (checked.epochs, checked.latent_dim, checked.lr, checked.hidden_sizes, checked.seed)
    assert values == (7, 4, 1.0, (8, 4), 3) and [type(v) for v in values] == [int, int, float, tuple, int]


def test_the_starts_of_all_data_sets_settle():
    from aecore.data.datasets import CARDS

    for dataset in CARDS:
        for network in CARDS[dataset].modality.networks:
            config = presets.default_config(dataset, network)
            assert (
                resolve_config(config) == config.validated() and config.dataset == dataset and config.network == network
            )
