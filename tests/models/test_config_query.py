"""Setups in an address: every field of every family comes back as it was; what may not be said there is refused."""

from __future__ import annotations

import dataclasses

import pytest

from aecore.config import Config
from aecore.errors import UserError
from aecore.models import config_query, presets
from aecore.models.families.build import FAMILIES, complete_config
from aecore.params import Param, params_of

SETTINGS = {param.name: param for param in params_of(Config)}


def other_value(param: Param, value):
    """A value that a setting can take and does not have: another choice, or a number somewhere in its range."""
    if param.choices:
        return next(each for each in param.choices if each != value)
    if param.value_type is bool:
        return not value
    if param.value_type is tuple:
        return (*value, 7)
    low, high = param.info.min or 0, param.info.max if param.info.max is not None else 10
    numbers = (float(f"{low + share * (high - low):.3g}") for share in (0.37, 0.61))
    tried = (param.validate(param.value_type(number)) for number in numbers)
    return next(each for each in tried if each != value)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_field_comes_back(family):
    chosen = FAMILIES[family]
    start = complete_config(config_query.initial_config("digits", family))
    assert config_query.from_query(config_query.to_query(start)) == start
    for name, param in SETTINGS.items():
        if name in chosen.fixed or (name == "network" and param.value_type is not str):
            continue
        config = dataclasses.replace(start, **{name: other_value(param, getattr(start, name))})
        query = config_query.to_query(config)
        assert config_query.from_query(query) == config, name
        assert set(query) - {"family"} >= {config_query.parameter_name(name)}, name
    for param in chosen.params:
        own = {**start.params, param.name: other_value(param, start.params[param.name])}
        config = dataclasses.replace(start, params=own)
        query = config_query.to_query(config)
        assert config_query.from_query(query) == config, param.name
        assert query.keys() - {"family"} == {config_query.parameter_name(param.name)}


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize("dataset", ["digits", "mnist", "shapes"])
def test_only_what_differs_from_where_the_form_begins_is_said(dataset, preset):
    config = complete_config(config_query.initial_config(dataset, "vae", preset))
    said = {"dataset": dataset} if dataset != "digits" else {}
    said |= {"preset": preset} if preset != "default" else {}
    assert config_query.to_query(config, preset) == said
    assert config_query.from_query(said) == config


def test_the_address_is_readable():
    config = complete_config(
        dataclasses.replace(
            config_query.initial_config("mnist", "beta-vae"), hidden_sizes=(64,), lr=1e-3, params={"beta": 50.0}
        )
    )
    assert config_query.to_query(config) == {
        "dataset": "mnist", "family": "beta-vae", "hidden-sizes": "64", "lr": "0.001", "beta": "50",
    }  # fmt: skip


def test_no_model_has_a_parameter_named_like_a_setting():
    """In an address both stand side by side."""
    own = {param.name for family in FAMILIES.values() for param in family.params}
    assert not own & {*SETTINGS, *config_query.CHOICES}
    assert not config_query.parameter_names() & {"run", "parent"}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"colour": "red"}, "no setting called colour"),
        ({"family": "gpt"}, "gpt"),
        ({"dataset": "cats"}, "cats"),
        ({"preset": "huge"}, "no preset called huge"),
        ({"epochs": "0"}, "epochs takes a whole number from 1 to 1000"),
        ({"lr": "nan"}, "lr takes a number"),
        ({"family": "beta-vae", "beta": "much"}, "beta takes a number"),
    ],
)
def test_what_an_address_may_not_say_is_one_sentence(query, why):
    with pytest.raises(UserError, match=why):
        config_query.from_query(query)


def test_a_run_that_starts_from_weights_has_no_address():
    config = dataclasses.replace(complete_config(Config()), parent="vae-digits-2d-00000000")
    with pytest.raises(UserError, match="starts from the weights of another"):
        config_query.to_query(config)


@pytest.mark.parametrize("name", ["patience", "train_size", "grad_clip_norm"])
def test_an_empty_field_is_a_zero_with_a_meaning(name):
    param = SETTINGS[name]
    assert param.info.zero and param.validate("") == param.validate(None) == 0
    with pytest.raises(UserError):
        SETTINGS["epochs"].validate("")


@pytest.mark.parametrize("source", [Config, *(family.build for family in FAMILIES.values())])
def test_text_of_a_value_is_read_back(source):
    for param in params_of(source):
        for value in (param.default, other_value(param, param.default)):
            assert param.validate(param.to_text(value)) == value, param.name


def test_all_that_cannot_be_is_named_at_once():
    wrong = {"beta": "much", "epochs": "0", "dataset": "cats", "l1-weight": "1"}
    found = config_query.problems({"family": "beta-vae", "seed": "3", "run": "x"} | wrong)
    assert set(found) == set(wrong)
    assert found["l1-weight"] == "beta-vae has no setting called l1-weight."
    assert all(text.endswith(".") for text in found.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_wrong_with_what_was_written(family):
    config = complete_config(config_query.initial_config("digits", family))
    params = {param.name: other_value(param, config.params[param.name]) for param in FAMILIES[family].params}
    assert config_query.problems(config_query.to_query(dataclasses.replace(config, params=params))) == {}
