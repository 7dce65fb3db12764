"""What stands in an address is anybody's: parameters that are empty, nonsense, too long, repeated or hostile never take
the content of a page away, and nothing of them is shown as Markdown."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from aecore.export.program import UnsupportedLayer
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import runs
from tests.kit.cases import crossed
from tests.kit.trained_runs import furnished
from tests.pages.test_pages import ROOT, AppTest, _cold, whole  # noqa: F401
from ui.run_data import models
from ui.session import address, choices
from ui.views import latent_map
from ui.views.anomalies import page

PAGES = ["app", *sorted(path.stem for path in (ROOT / "pages").glob("*.py"))]
SOURCES = [*(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]
# What must be asked for before another widget is there, and a parameter of each that appears then
BEHIND = {
    "reconstruct": {"order": "indices"},
    "manifold": {"range": "fixed"},
    "denoise_photo": {"corruption": "masking"},
    "latent_map": {"map": "tsne"},
    "latent_explorer": {"plane": "dimensions"},
}
# Read without a widget
FREE = {"run", "parent"}
ANSWER = 25_000  # characters
WORTHLESS = {
    "empty": "",
    "nonsense": "![x](http://evil.example/a.png)",
    "number": "1e999",
    "not a number": "nan",
    "negative": "-1",
    "long": "9" * ANSWER,
    "repeated": ["", "x"],
    "repeated, empty": ["", ""],
}


@pytest.fixture(scope="module", autouse=True)
def run(tmp_path_factory):
    """A run of three numbers that is told the class, so that every page has all that it can ask."""
    place = tmp_path_factory.mktemp("addresses")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place / "runs"))
        patch.setenv("AECORE_DATA", str(place / "no-data"))
        config = resolve_config(
            presets.default_config("digits", family="conditional-vae", latent_dim=3, hidden_sizes=(8,), epochs=1)
        )
        assert list(run_training(config))
        patch.setattr(
            latent_map, "DEFAULT_POINTS", 100
        )  # more images than a slow map takes without a word, as MNIST has
        yield config.id


CHOSEN: set[str] = set()  # parameters of the choices by id on the page that was opened last


@pytest.fixture(scope="module", autouse=True)
def choices_noted():
    bound_choice = choices.bound_choice

    def noted(label, options, key, *given, **more):
        CHOSEN.add(key)
        return bound_choice(label, options, key, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "bound_choice", noted)
        yield


def opened(page: str, **parameters: str | list[str]) -> AppTest:
    CHOSEN.clear()
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    if page != "app":
        app.switch_page(f"pages/{page}.py")
    return whole(app.run())


def bound(app: AppTest) -> set[str]:
    """The parameters that the widgets and views of a page, the one that was opened last, are bound to."""
    protos = [each.proto for where in (app.main, app.sidebar) for each in where]
    state = app.session_state
    noted = state[address.BOUND_KEY] if address.BOUND_KEY in state else {}  # noqa: SIM401 (it has no get)
    return {proto.query_param_key for proto in protos if getattr(proto, "query_param_key", "")} | CHOSEN | set(noted)


def answers(app: AppTest) -> bool:
    """Whether a page has its content, or the sentence that says why it has none."""
    told = [
        each.value for kind in (app.error, app.info, app.warning) for each in kind if each.value.endswith((".", "?"))
    ]
    return bool(app.title) and (len(list(app.main)) > 4 or bool(told))


# --- Bound parameters -------------------------------------------------------------------------------------------------


def _patterns(key: ast.expr) -> list[str]:
    """What a key can be, as regular expressions; anything where the source does not say."""
    if isinstance(key, ast.Constant):
        return [re.escape(str(key.value))]
    if isinstance(key, ast.IfExp):
        return [*_patterns(key.body), *_patterns(key.orelse)]
    if isinstance(key, ast.JoinedStr):
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in key.values]
        return ["".join(parts)]
    return [".+"]


def _declared() -> dict[str, list[str]]:
    """Where each widget that is bound to the address is made, and the patterns of its parameter."""
    found = {}
    for path in SOURCES:
        for call in [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]:
            said = {each.arg: each.value for each in call.keywords}
            if "bind" in said:
                found[f"{path.name}:{call.lineno}"] = _patterns(said["key"])
            elif ast.unparse(call.func).endswith("bound_choice"):
                found[f"{path.name}:{call.lineno}"] = _patterns(call.args[2])
            elif ast.unparse(call.func).endswith("bound_value"):
                found[f"{path.name}:{call.lineno}"] = _patterns(call.args[0])
    return found


@pytest.fixture(scope="module")
def parameters(run) -> dict[str, set[str]]:
    """The bound parameters of each page, those that appear only after a choice too."""
    asked = ({}, BEHIND)
    return {
        page: set().union(*(bound(opened(page, run=run, **more.get(page, {}))) for more in asked)) for page in PAGES
    }


@pytest.fixture(scope="module")
def detectors(run) -> set[str]:
    """The parameters of the page Anomalies in all of its parts, for runs that have something odd."""
    small = {"family": "vanilla", "hidden_sizes": (8,), "epochs": 1, "normal": (0,)}
    wanted = {name: {"dataset": name, "latent_dim": 1} | small for name in ("digits", "moons", "heartbeats")}
    ids = furnished(Path(os.environ["AECORE_RUNS"]), wanted)
    asked = [("digits", {"section": name}) for name in page.SECTIONS]
    asked += [("digits", {"order": "random"}), ("moons", {}), ("heartbeats", {"section": "over-time"})]
    return set().union(*(bound(opened("anomalies", run=ids[name], **more)) for name, more in asked))


@pytest.fixture
def by_server(monkeypatch):
    """A model that the browser cannot compute."""

    def program(_run):
        raise UnsupportedLayer("The browser cannot compute GRU, a part of this model.")

    monkeypatch.setattr(models, "program", program)


def test_every_widget_that_is_bound_in_the_source_is_met_on_a_page(parameters, detectors, by_server, run):
    declared, met = _declared(), set().union(*parameters.values(), detectors, bound(opened("denoise", run=run)))
    assert len(declared) > 20
    # asked for where a photograph was uploaded, or runs were ticked to compare them, which no address can do
    own = {"corruption-own", "term", "samples", "view"}
    missing = {
        (where, pattern)
        for where, patterns in declared.items()
        for pattern in patterns
        if not any(re.fullmatch(pattern, name) for name in met | own)
    }
    assert not missing


@pytest.mark.parametrize(("page", "kind"), crossed(PAGES, list(WORTHLESS)))
def test_worthless_parameters_leave_a_page_its_content_or_its_sentence(page, kind, run, parameters):
    given = {**BEHIND.get(page, {}), "run": run} | dict.fromkeys(parameters[page] - {"order"}, WORTHLESS[kind])
    app = opened(page, **given)
    assert answers(app)
    _nothing_asked_elsewhere(app)


@pytest.mark.parametrize("kind", WORTHLESS)
def test_worthless_parameters_leave_what_the_server_draws(kind, run, by_server):
    given = bound(opened("denoise", run=run))
    assert {"corruption-level", "seed", "corruption"} <= given
    app = opened("denoise", run=run, **dict.fromkeys(given, WORTHLESS[kind]))
    assert list(app.dataframe) and not app.error


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_choice_is_the_usual_one_and_leaves_the_address(page, run, parameters):
    app, usual = opened(page, run=run, **dict.fromkeys(parameters[page], "")), opened(page, run=run)
    assert answers(app) and not app.error
    assert len(list(app.main)) == len(list(usual.main))
    assert not [name for name in app.query_params if not app.query_params[name]]


# --- Names of runs ----------------------------------------------------------------------------------------------------

SHOWING = [name for name in PAGES if name not in ("app", "data", "gallery", "runs", "denoise_photo")]  # a run
HOSTILE = (
    "![x](http://evil.example/a.png)",
    "[x](http://evil.example)",
    "www.evil.example",
    "http://evil.example",
    "<img src=http://evil.example/a.png>",
    ":material/home:",
    ":red[x]",
    "../../etc/passwd",
    "$x$",
    "\ufffd\u202e",
    "a" * ANSWER,
)


def _nothing_asked_elsewhere(app: AppTest) -> None:
    """No text of the page has an image or a link of HOSTILE in it, once what is escaped has been taken out."""
    for where in (app.main, app.sidebar):
        for each in where:
            for part in ("body", "label", "help", "text"):
                left = re.sub(r"\\.", "", str(getattr(each.proto, part, "")))
                assert not re.search(r"\[x\]\(|https?://evil|www\.evil|:red\[", left), (each.type, left[:300])


@pytest.mark.parametrize(("page", "name"), [*((page, "run") for page in SHOWING), ("train", "parent")])
def test_a_name_that_no_run_can_have_is_never_repeated(page, name, run):
    for hostile in HOSTILE:
        app = opened(page, **({"run": run} | {name: hostile}))
        shown = [each.value for kind in (app.error, app.warning, app.info, app.markdown, app.header) for each in kind]
        _nothing_asked_elsewhere(app)
        if not runs.RUN_ID.fullmatch(hostile):
            assert address.NO_RUN in shown and hostile not in " ".join(shown)


def test_a_search_is_shown_as_it_was_typed(run):
    app = opened("runs", search="![x](http://evil.example/a.png)")
    assert [each.value for each in app.info] == [
        "No run matches '!\\[x\\](http:\u2060//evil.example/a.png)': search for less."
    ]


def test_the_first_screen_opens_under_any_name():
    for hostile in HOSTILE:
        app = opened("app", run=hostile)
        assert app.title and address.NO_RUN in [each.value for each in app.warning]
        _nothing_asked_elsewhere(app)
