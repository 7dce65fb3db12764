"""The form of a run: a link opens the exact setup, and nothing is forgotten."""

from __future__ import annotations

import dataclasses

import pytest

from aecore.models import config_query
from aecore.models.families.build import FAMILIES, resolve_config
from tests.kit.cases import few
from tests.models.test_config_query import SETTINGS, other_value
from tests.pages.test_pages import LABELS, _cold, control, labels, opened, said, store, trained, whole  # noqa: F401

HARMLESS = ("activation", "epochs", "batch_size", "lr", "weight_decay", "patience", "train_size", "seed", "schedule")


def linked(query: dict[str, str]):
    """The page Train as a link opens it."""
    app = opened()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/train.py")
    return whole(app.run())


def address(app) -> dict[str, str]:
    """The form's parameters in the address; AppTest holds what it was given as text and what it read as a list."""
    known = config_query.parameter_names()
    return {n: v if isinstance(v, str) else v[0] for n, v in app.query_params.items() if n in known}


def trains(app, submitted):
    control(app, "Train").click()
    app.run()
    return submitted[-1]


@pytest.mark.parametrize("family", few(list(FAMILIES), "beta-vae", "vq-vae", "stacked"))
def test_a_link_opens_the_exact_setup(family, submitted):
    start = config_query.initial_config("digits", family)
    free = [name for name in HARMLESS if name not in FAMILIES[family].fixed]
    settings = {name: other_value(SETTINGS[name], getattr(start, name)) for name in free} | {"batch_size": 32}
    own = {param.name: param.default for param in FAMILIES[family].params}
    first = next(iter(FAMILIES[family].params), None)
    if first and first.value_type is float:
        own[first.name] = other_value(first, first.default)
    config = resolve_config(dataclasses.replace(start, **settings, params=own))
    app = linked(config_query.to_query(config))
    assert not app.error, said(app)
    assert trains(app, submitted) == config


def test_what_is_set_stands_in_the_address_and_what_is_usual_does_not(submitted):
    app = linked({})
    assert address(app) == {}
    control(app, LABELS["epochs"]).set_value(7)
    whole(app.run())
    control(app, "Model").set_value("beta-vae")
    whole(app.run())
    control(app, "KL weight").set_value(50.0)
    whole(app.run())
    assert address(app) == {"epochs": "7", "family": "beta-vae", "beta": "50"}
    control(app, LABELS["epochs"]).set_value(config_query.initial_config("digits", "beta-vae").epochs)
    whole(app.run())
    assert address(app) == {"family": "beta-vae", "beta": "50"}
    assert trains(app, submitted).params["beta"] == 50


def test_another_page_and_back_nothing_is_lost():
    app = linked({"family": "beta-vae", "beta": "50", "seed": "3"})
    app.switch_page("pages/data.py")
    app.query_params.clear()
    whole(app.run())
    app.switch_page("pages/train.py")
    app.query_params.clear()  # as the link in the navigation does
    whole(app.run())
    assert address(app) == {"family": "beta-vae", "beta": "50", "seed": "3"}
    assert control(app, LABELS["seed"]).value == 3 and control(app, "KL weight").value == 50


def test_a_link_counts_for_more_than_what_was_left():
    app = linked({"family": "beta-vae", "beta": "50"})
    app.query_params.clear()
    app.query_params["epochs"] = "9"
    whole(app.run())
    assert address(app) == {"epochs": "9"} and control(app, "Model").value == "vae"


def test_parameters_of_a_model_wait_until_it_is_chosen_again():
    app = linked({"family": "beta-vae", "beta": "50", "epochs": "9"})
    control(app, "Model").set_value("sparse")
    whole(app.run())
    assert address(app) == {"family": "sparse", "epochs": "9"}
    control(app, "Model").set_value("beta-vae")
    whole(app.run())
    assert address(app) == {"family": "beta-vae", "beta": "50", "epochs": "9"} and control(app, "KL weight").value == 50


def test_another_network_brings_its_own_sizes():
    app = linked({"hidden-sizes": "99", "epochs": "9"})
    control(app, LABELS["network"]).set_value("conv")
    whole(app.run())
    assert address(app) == {"network": "conv", "epochs": "9"}
    assert control(app, LABELS["hidden_sizes"]).value == "32, 64"


def test_reset_takes_all_back():
    app = linked({"family": "beta-vae", "beta": "50", "seed": "3"})
    control(app, "Reset").click()
    whole(app.run())
    assert address(app) == {} and control(app, "Model").value == "vae" and "Reset" not in labels(app)


def test_empty_means_never_and_says_so(submitted):
    app = linked({"patience": "4"})
    field = control(app, LABELS["patience"])
    assert field.value == 4 and field.placeholder == "never"
    field.set_value(0)  # as an empty field says too, which AppTest cannot empty
    whole(app.run())
    assert address(app) == {} and trains(app, submitted).patience == 0


WRONG = [
    {"epochs": "many"},
    {"lr": "-1"},
    {"hidden-sizes": "a,b"},
    {"likelihood": "poisson"},
    {"beta": "4"},  # no setting of a VAE
    {"dataset": "cats", "family": "gpt", "preset": "huge"},
]


@pytest.mark.parametrize("query", WRONG, ids=lambda query: " ".join(query))
def test_what_an_address_cannot_mean_is_said_and_left_out(query):
    app = linked(query | {"seed": "3"})
    assert sum("The address asked for it; the default stands" in text for text in said(app)) == len(query)
    assert address(app) == {"seed": "3"}
    assert not any("The address asked" in text for text in said(whole(app.run())))


def test_what_was_typed_and_is_wrong_stays_to_be_mended():
    app = linked({})
    control(app, LABELS["hidden_sizes"]).set_value("64, many")
    app.run()
    assert app.error and control(app, LABELS["hidden_sizes"]).value == "64, many" and address(app) == {}


def test_data_that_are_not_here_are_offered_on_the_spot():
    app = linked({"dataset": "mnist"})
    assert any("not on this computer yet" in text for text in said(app))
    assert any(label.startswith("Download (") for label in labels(app))


def test_what_a_fragment_wrote_on_another_page_stays_there():
    """A fragment draws its widgets without the rest of the page: nothing of it is carried on, nor brought back."""
    app = opened("train")
    app.session_state["ae-bound"] = {"panel": "loss", "epochs": "9"}
    app.session_state["ae-written"], app.session_state["ae-page"] = True, "model_inspector"
    assert address(whole(app.run())) == {} and "panel" not in app.query_params


def test_an_event_with_an_old_address_loses_nothing():
    """Two fields are changed quickly: the second event brings the address of before the first."""
    app = linked({})
    control(app, LABELS["epochs"]).set_value(7)
    whole(app.run())
    del app.query_params["epochs"]
    control(app, LABELS["seed"]).set_value(3)
    assert address(whole(app.run())) == {"epochs": "7", "seed": "3"}
    del app.query_params["seed"]  # Back: no widget began this run
    assert address(whole(app.run())) == {"epochs": "7"}


def test_a_run_that_is_not_there_leaves_the_form():
    app = opened("train", "vae-digits-2d-00000000")
    assert "Train" in labels(app) and not app.exception
