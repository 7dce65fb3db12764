"""The form of a run. The address holds what differs from where the form begins, so a link opens the exact setup; where
it says nothing, the form is as this browser left it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from typing import Any

import streamlit as st

from aecore.analysis import architecture, metrics
from aecore.config import Config
from aecore.content.wording import for_samples
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.models import config_query
from aecore.models.families.build import FAMILIES, complete_config, model_size
from aecore.params import Param, params_of
from aecore.store import runs
from ui.session import address, choices
from ui.session.failures import or_stop
from ui.session.setup import remember, remembered
from ui.session.text import escape
from ui.views.train import fitting_choices
from ui.widgets import controls, sample_images
from ui.widgets.choice_labels import choice_label, dataset_title
from ui.widgets.display import metrics_row
from ui.widgets.share import copy_link

ARCHITECTURE_FIELDS = (
    "network",
    "hidden_sizes",
    "latent_dim",
    "activation",
    "dropout",
    "initialisation",
)  # what weights hang on
MAIN_FIELDS = (
    "network",
    "latent_dim",
    "hidden_sizes",
    "likelihood",
    "epochs",
    "seed",
)  # the rest of a run's settings fold away
MODEL_KEY = "ae-setup-by-model"  # parameters of models that are not chosen now, by the model
OPEN_KEY = "ae-form-open"  # whether the form was opened above a run
LINK_MEANING = "Opens Train with exactly these settings: the address holds all that differs from the defaults."


def setup() -> dict[str, str]:
    """The form's parameters that the address has."""
    known = config_query.parameter_names()
    return {name: value for name, value in st.query_params.items() if name in known}


def sync() -> None:
    """Puts the form as it was left into the address of somebody who comes here by one that says nothing of it; and
    keeps what the address says for the next time. Here already, an address that says nothing means the defaults: Back
    may lead to one. What an address asks for and cannot be is said, and left out."""
    if address.arrived() and not setup():
        known = config_query.parameter_names()
        st.query_params.update({name: value for name, value in remembered().items() if name in known})
    for name, problem in config_query.problems(setup()).items():
        st.warning(f"{escape(problem)} The address asked for it; the default stands.", icon=":material/link_off:")
        address.drop(name)
    remember(setup())


def show_settings(config: Config) -> None:
    """Puts the form to the settings of a run; what it starts from is not among them."""
    query = config_query.to_query(dataclasses.replace(config, parent=None))
    for name in {**remembered(), **query}:
        address.write(name, query.get(name))


def reset() -> None:
    """Takes the form back to where it begins."""
    _take(config_query.parameter_names())


def folded_config(run: str | None, parent: Config | None) -> Config | None:
    """The settings of a run that the form is one line above: one of the form's own settings, or one that goes on from
    another's weights. None where the form is open."""
    config = runs.entry(run).config if run else None
    if config is None or parent or st.session_state.get(OPEN_KEY):
        return None
    try:
        return config if config.parent or complete_config(config_query.from_query(setup())) == config else None
    except UserError:  # the form says what is wrong with the address
        return None


def fold() -> None:
    """Makes the form one line as soon as a run of it is shown."""
    st.session_state[OPEN_KEY] = False


def _unfold() -> None:
    st.session_state[OPEN_KEY] = True


def folded_line(config: Config) -> None:
    """What a run was set to, in one line, and the way back to the form."""
    words, buttons = st.columns([3, 2], vertical_alignment="center")
    words.caption(summary(config))
    with buttons.container(horizontal=True, horizontal_alignment="right"):
        st.button("Change settings", icon=":material/tune:", on_click=_unfold)
        if not config.parent:
            copy_link(config_query.to_query(config), LINK_MEANING)


def form_buttons(config: Config) -> None:
    """Beside the button that trains: back to the defaults, and a link to this setup."""
    if setup():
        st.button("Reset", icon=":material/restart_alt:", on_click=reset, help="All settings back to their defaults.")
    named = {"dataset": config.dataset, "family": config.family}
    copy_link(named | setup(), LINK_MEANING)


def config_form() -> Config:
    """The settings of a run, from data set to seed. `resolve_config` has still to check them together."""
    labels, first = fitting_choices.dataset_labels(), Config()
    dataset = choices.bound_choice("Data set", labels, "dataset", first.dataset, widget="select", after=_change_dataset)
    modality = CARDS[dataset].modality
    fitting = fitting_choices.fitting_presets(modality)
    family = choices.bound_choice(
        "Model",
        {name: each.title for name, each in FAMILIES.items()},
        "family",
        first.family,
        widget="select",
        after=_change_model,
    )
    fitting_choices.drop_unfit(dataset, family)
    fixed = FAMILIES[family].fixed
    preset = choices.bound_choice(
        "Preset",
        {name: name.capitalize() for name in fitting},
        "preset",
        after=lambda before, now: _change_architecture(),
        help="  \n".join(
            f"**{name}**: {each.description}" for name, each in fitting_choices.fitting_presets(modality).items()
        ),
    )
    network: str = config_query.initial_config(dataset, family, preset).network
    if "network" not in fixed and len(modality.networks) > 1:
        param = fitting_choices.fitting_param(_config_param("network"), modality, family)
        network = str(controls.widget(param, "train", network, parameter="network", after=_forget_hidden_sizes))
    start = config_query.initial_config(dataset, family, preset, network)
    return _settings_form(start, fixed, "train", config_query.parameter_name)


def fork_form(parent: Config) -> Config:
    """The settings of a run that starts from the weights of `parent`: what the weights hang on stays as it is."""
    st.markdown(f"Starts from the weights of **{escape(parent.summary)}** (fine-tuning)")
    said = _settings_form(parent, dict.fromkeys(ARCHITECTURE_FIELDS), f"fork-{parent.id}")
    return dataclasses.replace(said, parent=parent.id)


def summary(config: Config) -> str:
    """What a form stands at, in one line of Markdown: data set, model, and what differs from where it begins."""
    query = config_query.to_query(dataclasses.replace(config, parent=None))
    labels = {config_query.parameter_name(each.name): each.label.split(" (")[0] for each in _all_params(config.family)}
    said = [f"**{FAMILIES[config.family].title}**", escape(dataset_title(config.dataset))]
    said += [f"{labels[name]} {escape(choice_label(value))}" for name, value in query.items() if name in labels]
    if config.parent:
        said.append(f"from the weights of {escape(config.parent)}")
    return " · ".join(said)


def describe(config: Config) -> None:
    """What a setup is: model and data in words, and how large it will be."""
    card, family = CARDS[config.dataset], FAMILIES[config.family]
    sizes = model_size(config)
    # levels of grey are bytes; all other values are floats as they come
    each = 1.0 if card.modality.bounded else 4.0
    compression = metrics.compression(card.shape, sizes.code_size, sizes.code_bits, each)
    noun, note = card.modality.noun, family.note(config) if family.note else ""
    st.markdown(f"**{family.title}.** {for_samples(family.doc, noun)}")
    st.markdown(f"**{escape(card.title)}.** {escape(card.description) if card.origin else card.description}")
    st.markdown(for_samples(note, noun))
    metrics_row(
        ("Parameters", f"{sizes.parameters:,}", "Trainable weights and biases: the numbers that training sets."),
        (
            "Input-to-latent dimension ratio",
            f"{compression.dimension_ratio:.3g} : 1",
            f"Compression: numbers in {sample_images.article(noun)} against the {sizes.code_size:,} latent dimensions "
            "of its code.",
        ),
        (
            "Compression ratio in bytes",
            f"{compression.byte_ratio:.3g} : 1",
            f"A {noun.value} is stored in {'one byte' if each == 1 else 'four bytes'}, a code in "
            f"{sizes.code_bits / 8:,.4g}.",
        ),
    )
    st.caption(
        "**How many latent dimensions?** 2 can be drawn as a map as they are. For good reconstructions train with 2, 8 "
        "and 32, and compare their validation losses on Runs (*Best by*): where the loss stops falling by more than "
        "another seed changes it, more are of no use. The Model inspector says how many a VAE really uses."
    )


def layers_table(config: Config) -> None:
    """The layers of a setup and the source of its model, folded away."""
    layers = or_stop(architecture.layers, config)
    with st.expander("Layers and model source code"):
        table, code = st.columns(2)
        table.dataframe(
            [
                {
                    "module": x.part,
                    "layer": x.type,
                    "output shape": " x ".join(map(str, x.shape)),
                    "parameters": x.parameters,
                }
                for x in layers
            ],
            hide_index=True,
            height="content",
            alt=f"The {len(layers)} layers of the network with output shapes and parameter counts.",
        )
        code.code(FAMILIES[config.family].source, language="python", wrap_lines=True)


def _all_params(family: str) -> tuple[Param, ...]:
    return (*params_of(Config), *FAMILIES[family].params)


def _config_param(name: str) -> Param:
    return next(param for param in params_of(Config) if param.name == name)


def _change_dataset(before: str, now: str) -> None:
    """Samples of another kind: settings made for those before leave the address."""
    _take(fitting_choices.unfit_after_change(before, now))


def _change_model(before: str, now: str) -> None:
    """Another model: the parameters of the old one wait until it is chosen again."""
    kept = st.session_state.setdefault(MODEL_KEY, {})
    kept[before] = _take(config_query.parameter_name(param.name) for param in FAMILIES[before].params)
    for name, text in kept.get(now, {}).items():
        address.write(name, text)


def _change_architecture() -> None:
    """Another preset brings sizes and a network of its own."""
    _take(map(config_query.parameter_name, ARCHITECTURE_FIELDS[:3]))


def _forget_hidden_sizes() -> None:
    """Units of one network are no channels of another."""
    _take([config_query.parameter_name("hidden_sizes")])


def _take(names: Iterable[str]) -> dict[str, str]:
    """Takes parameters out of the address; those that were there as the form was drawn."""
    wanted = set(names)
    taken = {name: text for name, text in remembered().items() if name in wanted}
    for name in taken:
        address.write(name, None)
    return taken


def _settings_form(
    start: Config, fixed: Mapping[str, Any], scope: str, parameter: Callable[[str], str] = lambda name: ""
) -> Config:
    """Widgets for all settings but data, family and network, beginning at `start`; those `fixed` cannot be changed.
    `scope` tells the widgets of one form from those of another; `parameter` is what the address calls a setting."""
    said: dict[str, Any] = {}
    modality = CARDS[start.dataset].modality

    def ask(names: list[str]) -> None:
        for column, name in zip(cycle(st.columns(2)), names, strict=False):
            held = name in fixed
            with column:
                said[name] = controls.widget(
                    fitting_choices.fitting_param(_config_param(name), modality, start.family),
                    f"{scope}-{start.family}" if held else scope,
                    getattr(start, name),
                    held,
                    narrow=True,
                    parameter=parameter(name),
                )

    names = [param.name for param in params_of(Config) if param.name != "network"]
    unused = fitting_choices.unused_fields(modality, start.network, start.family)
    said |= {name: getattr(Config(), name) for name in unused}
    names = [name for name in names if name not in unused]
    ask([name for name in MAIN_FIELDS if name in names])
    own = controls.param_widgets(FAMILIES[start.family].build, f"{scope}-{start.family}", start.params, parameter)
    with st.expander("More settings"):
        ask([name for name in names if name not in MAIN_FIELDS])
    return dataclasses.replace(start, params=own, **said)
