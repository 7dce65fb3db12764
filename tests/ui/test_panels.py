"""The Inside page: panels by the kind of code, the doctor, and one computation for page and command line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

from aecore import cli
from aecore.analysis import loaded, report
from aecore.data import datasets
from aecore.dispatch import collect
from aecore.jobs import api
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.autoencoder import Autoencoder, Conditional, build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.families.build import resolve_config
from aecore.models.families.registry import FAMILIES, family
from aecore.models.latents import GaussianLatent, LadderLatent, Latent
from aecore.models.recipe import Recipe
from aecore.store import runs
from aecore.store.writer import RunWriter
from ui.panels import overview, registry

ROOT = Path(__file__).resolve().parents[2]
KINDS = {  # a family of each kind of code
    "points": "vanilla",
    "posterior": "vae",
    "ladder": "ladder-vae",
    "sparsity": "sparse",
    "codebook": "vq-vae",
    "conditional": "conditional-vae",
    "adversary": "aae",
    "linear": "linear",
}
COMMON = [
    "Samples",
    "Aggregate posterior against the prior",
    "Architecture",
    "Loss",
    "Source code",
    "Encoder filters, decoder atoms",
    "Stretch (Jacobian singular values)",
    "Iterated reconstruction",
    "Suggestions and pitfalls",
]
CLOUDS = [
    "KL per latent dimension",
    "Posteriors q(z|x) on the map",
    "ELBO of one image",
    "KL decomposition (MI, TC, dimension-wise KL)",
    "ELBO and IWAE bounds",
]
IDS = {panel.title: panel.id for group in registry.PANELS.values() for panel in group}
OWN = {
    "points": [],
    "posterior": CLOUDS,
    "ladder": ["Ladder levels", *CLOUDS],
    "sparsity": ["Unit activity and sparsity", "Active atoms of one image"],
    "codebook": ["Codebook usage", "Edit codebook indices"],
    "conditional": ["Class x style grid", *CLOUDS],
    "adversary": [],
    "linear": ["Comparison with PCA"],
}


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("inside")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place / "runs"))
        patch.setenv("AECORE_DATA", str(place / "no-data"))
        yield


def learnt(name: str, **more) -> str:
    """A run of a family, trained for two epochs."""
    config = resolve_config(
        presets.default_config("digits", family=name, **({"hidden_sizes": (16,), "latent_dim": 4, "epochs": 2} | more))
    )
    if not (runs.path(config.id) / "config.json").exists():
        list(run_training(config))
    return config.id


def opened(run: str, panel: str | None = None) -> AppTest:
    """The page, by way of the first screen, and one of its panels."""
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    app.query_params["run"] = run
    if panel:
        app.query_params["panel"] = IDS[panel]
    app.run()
    app.switch_page("pages/model_inspector.py").run()
    assert not app.exception, [each.message for each in app.exception]
    return app


def offered(app: AppTest) -> list[str]:
    return list(app.get("button_group")[0].options)


def metric(app: AppTest, label: str) -> str:
    return next(each.value for each in app.metric if each.label == label)


# --- Panels by kind ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_gets_the_panels_of_its_kind_and_the_common_ones(kind):
    assert offered(opened(learnt(KINDS[kind]))) == ["Overview"] + OWN[kind] + COMMON


@pytest.mark.parametrize(
    ("kind", "panel"),
    [(kind, panel) for kind in KINDS for panel in ["Overview", *OWN[kind]]] + [("points", panel) for panel in COMMON],
)
def test_every_panel_opens_on_a_model_that_has_it(kind, panel):
    app = opened(learnt(KINDS[kind]), panel)
    own = next(
        list(block)
        for block in app.main.children.values()
        if panel in [each.value for each in block if each.type == "header"]
    )
    assert len([each for each in own if not hasattr(each, "children")]) > 3  # the choice, the header, lead, and more
    assert not app.error


def test_a_panel_that_this_model_does_not_have_gives_way_to_its_first():
    app = opened(learnt("vanilla"), "Edit codebook indices")
    assert [each.value for each in app.header] == ["Overview"]


# --- The overview -----------------------------------------------------------------------------------------------------


def test_the_overview_answers_in_the_numbers_of_the_run():
    app = opened(learnt("vae"))
    assert [each.value for each in app.subheader] == [
        "What goes in, and what comes out?",
        "How large is the code?",
        "How well does it reconstruct?",
        "What does each part do?",
        "Is all of the code used?",
    ]
    assert [metric(app, name) for name in ("Image", "Code", "Compression ratio")] == [
        "64 numbers",
        "4 numbers",
        "16 : 1",
    ]
    kept, told = runs.entry(learnt("vae")).result["checkup"], " ".join(each.value for each in app.markdown)
    assert f"on validation images, **{kept['mse']:.4f}**" in told
    assert "**Encoder**, 2 layers" in told and "*kl*" in told


def test_the_overview_of_a_codebook_counts_bits():
    app = opened(learnt("vq-vae"))
    assert metric(app, "Image") == "512 bits" and "bits" in metric(app, "Code")
    assert any("codebook entries**" in each.value for each in app.markdown)


@pytest.mark.parametrize(
    ("own", "pca", "mean", "words"),
    [
        (0.5, 1.0, 2.0, ("50% below that of PCA", "75% below that of always")),
        (1.5, 1.0, 1.5, ("50% above that of PCA", "as large as that of always")),
    ],
)
def test_the_verdict_names_rivals_that_win_too(own, pca, mean, words):
    said = overview.verdict(overview.Errors(own, pca, mean, "test"))
    assert all(each in said for each in words), said


def test_a_section_without_data_is_not_shown():
    """A model of the gallery was trained before KLs were kept epoch by epoch."""
    title = "KL per latent dimension"
    assert [each.value for each in opened(learnt("vae"), title).subheader] == ["KL during training"]
    old = opened("vae-mnist-16d-51fbeb4d", title)
    assert title in [each.value for each in old.header] and not old.subheader


def test_kinds_get_what_their_parents_have():
    table = {Conditional: 1, LadderLatent: 2, GaussianLatent: 3, Latent: 4}
    assert collect(table, (Latent, Autoencoder)) == [4]
    assert collect(table, (LadderLatent, Autoencoder)) == [2, 3, 4]
    assert collect(table, (GaussianLatent, Conditional)) == [1, 3, 4]


@dataclass
class Spun(Latent):
    """A kind of code that nobody has seen before."""

    turns: int


@pytest.fixture
def unheard():
    """A family of a new kind, with a loss part of a new name; declared here, and nothing else is told of it."""

    class Spinner(DeterministicBottleneck):
        def forward(self, h):
            return Spun(z=h, code=h, turns=3)

    @family("Unheard of")
    def unheard_of(make, latent_dim: int) -> Recipe:
        """Something that nobody has seen before."""
        model = build_autoencoder(Spinner(latent_dim, nn.Identity), make)
        return Recipe.simple(model, lambda p: {"surprise": p.nll.mean(), "spin": 0.01 * p.latent.code.square().sum()})

    yield "unheard-of"
    del FAMILIES["unheard-of"]


def test_a_kind_never_seen_before_gets_the_common_panels_and_no_error(unheard):
    run = learnt(unheard)
    assert loaded.load(run).types == (Spun, Autoencoder)
    assert offered(opened(run)) == ["Overview", *COMMON]
    for panel in COMMON:
        app = opened(run, panel)
        assert not app.error
        assert not app.exception
    assert "is not known" in shown(
        opened(run, "Aggregate posterior against the prior")
    )  # its family says nothing of its parts
    assert cli.main(["evaluate", run, "--json"]) == 0


# --- One computation --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated():
    """What `evaluate RUN --json` prints, by run."""
    known: dict[str, dict] = {}

    def of(run: str, capsys) -> dict:
        if run not in known:
            capsys.readouterr()
            assert cli.main(["evaluate", run, "--json"]) == 0
            known[run] = json.loads(capsys.readouterr().out)
        return known[run]

    return of


def shown(app: AppTest) -> str:
    """All words and numbers of a page."""
    texts = [each.value for kind in ("markdown", "caption", "success", "latex") for each in getattr(app, kind)]
    return "\n".join([*texts, *(f"{each.label} {each.value}" for each in app.metric)])


@pytest.mark.slow
def test_the_angle_between_a_linear_model_and_pca_is_that_of_evaluate(evaluated, capsys):
    run = learnt("linear", epochs=60, hidden_sizes=(), likelihood="gaussian", lr=0.02)
    said = evaluated(run, capsys)
    app, found = opened(run, "Comparison with PCA"), said["report"]["pca"]
    assert metric(app, "Largest principal angle") == f"{found['principal_angles'][0]:.2f}°"
    assert metric(app, "PCA MSE, training") == f"{found['train']['pca']:.6f}"
    assert 0 < found["principal_angles"][0] < 90 and found["train"]["model"] > found["train"]["pca"] * (1 - 1e-5)
    assert (said["code_size"], said["code_bits"]) == (4, 128)


def test_the_gap_between_the_elbo_and_a_tighter_bound_is_that_of_evaluate(evaluated, capsys):
    run = learnt("vae")
    found = evaluated(run, capsys)["report"]["likelihood_bounds"]
    bounds = found["log_likelihood"]
    assert bounds["1"] < bounds["16"] < bounds["128"] and found["gap"] == pytest.approx(bounds["128"] - bounds["1"])
    app = opened(run, "ELBO and IWAE bounds")
    assert metric(app, "Gap between ELBO and IWAE bound") == f"{found['gap']:.2f} ± {2 * found['gap_std_error']:.2f}"


def test_a_codes_size_is_all_its_numbers_and_its_bits_what_it_takes_to_store(evaluated, capsys):
    run = learnt("vq-vae", params={"codebook_size": 32, "embedding_dim": 3})
    said = evaluated(run, capsys)
    assert (said["code_size"], said["code_bits"]) == (12, 20)  # 4 slots of 3 numbers, each one of 32
    assert said["checkup"]["code_size"] == 12 and runs.entry(run).result["code_size"] == 12
    reconstruct = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    reconstruct.query_params["run"] = run
    reconstruct.run().switch_page("pages/reconstruct.py").run()
    assert metric(reconstruct, "PCA with 12 components") == f"{said['pca_mse']:.4f}"
    assert "20 bits" in shown(reconstruct)


def test_the_numbers_of_clouds_are_those_of_evaluate(evaluated, capsys):
    run = learnt("vae")
    said = evaluated(run, capsys)["report"]["posterior"]
    app = opened(run, "KL per latent dimension")
    assert metric(app, "Total KL") == f"{said['kl_total']:.2f} nats"
    assert metric(app, "Active units") == f"{said['active_units']} of 4"
    parts = shown(opened(run, "KL decomposition (MI, TC, dimension-wise KL)"))
    for name in ("mutual_information", "total_correlation", "dimension_wise_kl"):
        assert f"{said[name]:z.2f} nats" in parts


@pytest.mark.parametrize("name", ["vae", "vanilla", "aae", "sparse"])
def test_the_loss_on_the_page_is_that_of_evaluate(name, evaluated, capsys):
    """Also that of an adversary, whose weights are kept for it."""
    run = learnt(name)
    said = evaluated(run, capsys)["test"]
    there = [float(number) for number in re.findall(r"-?\d+\.\d+", shown(opened(run, "Loss")))]
    assert said == pytest.approx(runs.entry(run).result["test"], rel=1e-6)
    for nats in said.values():
        assert min(abs(number - nats) for number in there) < 0.01


@pytest.mark.parametrize("name", KINDS.values())
def test_what_pages_measure_is_what_evaluate_prints(name, evaluated, capsys):
    from ui.run_data import statistics

    run = learnt(name)
    said, own = evaluated(run, capsys), loaded.load(run)
    for name in said["report"]:
        assert json.loads(json.dumps(statistics.report(own, name))) == said["report"][name]
    assert statistics.checkup(own) == said["checkup"]
    assert json.loads(json.dumps(report.reports(own, datasets.load("digits").test))) == said["report"]


# --- The doctor on the page -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_healthy_model_gets_a_clean_bill_with_its_numbers(evaluated, capsys):
    run = learnt("linear", epochs=60, hidden_sizes=())
    said = evaluated(run, capsys)["checkup"]
    app = opened(run)
    share = 1 - said["mse"] / said["mean_baseline_mse"]
    assert f"Explained variance (R2): {share:.0%}" in app.success[0].value
    assert not [each for each in app.button if each.label.startswith("Retrain")]


def test_an_ill_model_is_told_its_trouble_and_one_click_makes_the_cured_run(monkeypatch):
    run = learnt("beta-vae", params={"beta": 100.0}, epochs=20)
    asked = []
    monkeypatch.setattr(api, "submit", lambda config, *rest: asked.append(config) or False)
    app = opened(run)
    assert "Beta too strong." in shown(app)
    (cure,) = [each for each in app.button if each.label == "Retrain with beta 1"]
    cure.click().run()
    assert [config.params["beta"] for config in asked] == [1.0]
    assert asked[0].id != run


def test_trouble_is_said_while_a_model_still_trains():
    config = resolve_config(presets.default_config("digits", family="vae", seed=9, epochs=50))
    losses = {"reconstruction": 40.0, "kl": 0.0}
    vitals = {"saturated_wrong": 0.0, "out_of_support": 0.0, "constant_output_nll": 44.4, "identical_units": 1.0}
    code = {"std": [0.0, 0.0], "kl": [0.0, 0.0], "sigma": [1.0, 1.0]}
    line = {"seconds": 1.0, "train": losses, "validation": losses, "grad_norm": 0.0, "signals": vitals | {"code": code}}
    with RunWriter(config) as draft:
        draft.set_state("training", progress={"epoch": 1, "epochs": 50, "fraction": 0.02})
        draft.add_epoch({"epoch": 1, **line})
        app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
        app.query_params["run"] = config.id
        app.run().switch_page("pages/train.py").run()
        assert not app.exception
        assert "Identical units" in shown(app)
        assert "collapse" not in shown(app)  # that may still come


def test_a_run_from_before_checkups_is_examined_when_it_is_opened():
    run = learnt("vae", seed=5)
    file = runs.path(run) / "result.json"
    result = json.loads(file.read_text())
    kept = result.pop("checkup")
    file.write_text(json.dumps(result))
    (runs.path(run) / "config.json").touch()
    from ui.run_data import statistics

    assert statistics.checkup(loaded.load(run)) == kept
    opened(run)
