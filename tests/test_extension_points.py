"""What can be added without changing aecore: each toy is all that such an addition needs (docs/architecture.md)."""

import json
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from torch import Tensor

from aecore import cli, limits
from aecore.analysis import architecture, features, loaded, report
from aecore.analysis.diagnosis.doctor import diagnose, evidence_of
from aecore.analysis.evaluation import evaluate_run
from aecore.content import formulas
from aecore.data import datasets
from aecore.data.cards import BUILT_IN, DatasetCard
from aecore.data.datasets import Dataset, Split
from aecore.data.modalities import MODALITIES, Image, Modality, Noun
from aecore.export import compile_browser
from aecore.export.program import UnsupportedLayer
from aecore.jobs import api, executors, scheduler, supervisor
from aecore.jobs.executors import Task
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import Bottleneck
from aecore.models.families.build import resolve_config
from aecore.models.families.registry import FAMILIES, family
from aecore.models.latents import Latent, LatentSummary
from aecore.models.loss_terms import LossTerm, WeightedTerm
from aecore.models.losses import reconstruction_loss
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo
from aecore.store import history, processes_table, queue, runs, snapshots
from tests.pages.test_pages import GALLERY, ROOT, _cold, links, untrained, whole  # noqa: F401
from ui import pages_table
from ui.pages_table import PAGES, Page
from ui.panels.panel import Panel
from ui.panels.registry import PANELS, panels

TINY = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=2))


# --- An executor ------------------------------------------------------------------------------------------------------


class Threads:
    """Does tasks in threads of this process: nothing but the protocol of `aecore.jobs.executors`."""

    name = "threads"

    def __init__(self, warm: bool = False) -> None:
        self.threads: dict[str, threading.Thread] = {}

    def start(self, task: Task) -> str:
        handle = f"thread {len(self.threads)}"
        self.threads[handle] = threading.Thread(target=task.call, args=(self.name, handle), daemon=True)
        self.threads[handle].start()
        return handle

    def poll(self, handle: str) -> str | None:
        return None if handle in self.threads and self.threads[handle].is_alive() else "ended"

    def kill(self, handle: str) -> None:
        """A thread cannot be ended: it hears the command at its next report."""

    def capacity(self) -> int:
        return 1


@pytest.fixture
def threads(monkeypatch, tmp_path) -> Threads:
    """A runs folder with a server, whose jobs threads of this process do."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setitem(executors.EXECUTORS, "threads", Threads)
    monkeypatch.setattr(limits, "cores", lambda: 1)  # a thread that trains changes how many threads torch has here
    monkeypatch.setattr(supervisor, "register_server", processes_table.register_server)  # starts no process
    return Threads()


def _until_done(standing: scheduler.Scheduler) -> None:
    deadline = time.monotonic() + 60
    while queue.jobs():
        assert time.monotonic() < deadline, "waited in vain"
        standing.tick()
        time.sleep(0.01)


def test_an_executor_trains_a_run_and_hears_its_stop(threads):
    assert processes_table.acquire_leadership(9)
    standing = scheduler.Scheduler(threads)
    assert api.submit(TINY).created
    standing.tick()
    assert [(worker.executor, worker.handle) for worker in standing.workers] == [("threads", "thread 0")]
    _until_done(standing)
    assert runs.entry(TINY.id).finished and [line["epoch"] for line in history.history(TINY.id)] == [1, 2]

    long = resolve_config(
        presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1000, batch_size=8)
    )
    api.submit(long)
    while not runs.entry(long.id).progress.get("step"):
        standing.tick()
        time.sleep(0.01)
    job = queue.job(long.id)
    assert (job.executor, job.handle) == ("threads", "thread 1") and runs.read_state(long.id)["handle"] == "thread 1"
    api.cancel(long.id)
    _until_done(standing)
    assert runs.entry(long.id).state == "stopped" and runs.entry(long.id).has_checkpoint


# --- A page: its file, and a line in the table of pages -------------------------------------------------------------

TOY_PAGE = '''"""Toy: how long is a code?"""

import streamlit as st

from ui import chrome
from ui.run_data.selected import selected_run

below_picker = chrome.page("toy", "How long is a code?")
st.metric("Code size", selected_run(below_picker).code_size)
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The pages with one more."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copytree(ROOT / "pages", tmp_path / "pages")
    (tmp_path / "pages" / "toy.py").write_text(TOY_PAGE)
    line = Page("toy", "pages/toy.py", "Toy", ":material/toys:", "Use", needs_run=True)
    monkeypatch.setattr(pages_table, "PAGES", (*PAGES, line))
    return tmp_path


def _opened(toy, page: str, run: str = GALLERY) -> AppTest:
    app = AppTest.from_file(toy / "app.py", default_timeout=100)
    app.query_params["run"] = run
    app.switch_page(f"pages/{page}.py")
    return whole(app.run())


def test_a_new_page_has_its_title_the_chosen_run_and_a_place_in_the_navigation(toy):
    app = _opened(toy, "toy")
    assert [each.value for each in app.title] == ["Toy"] and app.metric[0].value == "2"
    side = [each.proto.label for each in app.sidebar.get("page_link")]
    assert side[-1] == "Toy" and len(side) == len(PAGES) + 1


def test_where_a_finished_run_leads_to_it_is_offered(toy):
    mine = untrained("digits").id
    assert links(_opened(toy, "train", mine))["toy"] == f"run={mine}"


# --- A data set: a card and a loader ----------------------------------------------------------------------------------


def load_stripes(card: DatasetCard, root: Path) -> Dataset:
    """Stripes of one to four pixels, which are the class, at every place and in every shade of a few."""
    rng = np.random.default_rng(0)
    labels = rng.integers(len(card.classes), size=card.n_train + card.n_validation + card.n_test)
    column = np.arange(8) + rng.integers(8, size=len(labels))[:, None]  # [N, W]
    bright = column // (labels + 1)[:, None] % 2 * rng.integers(100, 256, size=len(labels))[:, None]
    x = np.repeat(bright[:, None, None].astype(np.uint8), 8, axis=2)  # [N, 1, H, W]
    ends = np.cumsum([card.n_train, card.n_validation])
    return Dataset(card, *(Split(*each) for each in zip(np.split(x, ends), np.split(labels, ends), strict=True)))


STRIPES = DatasetCard(
    "stripes", "Stripes, 8 x 8", "Upright stripes of four widths.", "8 x 8 images of stripes", Image(1, 8, 8),
    ("1", "2", "3", "4"), n_train=200, n_validation=40, n_test=60, licence="MIT", source="drawn by this test",
)  # fmt: skip


@pytest.fixture
def stripes(monkeypatch, tmp_path):
    """The data sets with one more."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setitem(BUILT_IN, "stripes", STRIPES)
    monkeypatch.setitem(datasets.LOADERS, "stripes", load_stripes)
    return resolve_config(presets.default_config("stripes", family="vae", epochs=2))


def test_a_data_set_trains_is_measured_and_is_listed(stripes, capsys):
    assert cli.main(["train", "--dataset", "stripes", "--epochs", "2", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    run = loaded.load(result["id"])
    assert run.reconstruct(datasets.load("stripes").test.to_float()).shape == (60, 1, 8, 8)
    assert 0 < evaluate_run(run)["mse"] < 1
    assert cli.main(["datasets"]) == 0 and "stripes" in capsys.readouterr().out


def test_a_data_set_is_shown_and_offered_by_the_pages(stripes):
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.switch_page("pages/data.py")
    assert STRIPES.title in [each.value for each in whole(app.run()).subheader]
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["dataset"] = "stripes"
    app.switch_page("pages/train.py")
    assert "stripes" in [box.value for box in whole(app.run()).selectbox]


# --- A modality: what its samples are; a row of MODALITIES, and a data set that has some ------------------------------


@dataclass(frozen=True)
class Directions(Modality):
    """Directions in the plane, as points of the unit circle `[2]`."""

    kind: ClassVar[str] = "directions"
    noun: ClassVar[Noun] = Noun("direction", "directions", "coordinate")
    networks: ClassVar[tuple[str, ...]] = ("mlp",)
    likelihoods: ClassVar[tuple[str, ...]] = ("gaussian",)
    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    bounded: ClassVar[bool] = False
    difference_legend: ClassVar[str] = "Gray: the direction itself."

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    def render(self, x: np.ndarray) -> np.ndarray:
        """The hand of a dial: gray pixels along it."""
        places = np.stack(np.meshgrid(*2 * (np.linspace(-1, 1, 12),), indexing="xy"), -1)  # [12, 12, 2]
        along = np.einsum("hwc,nc->nhw", places, x)
        across = np.einsum("hwc,nc->nhw", places, x[:, ::-1] * np.array([1, -1]))
        return ((along > 0) & (np.abs(across) < 0.15)).astype(np.float32)[:, None]

    def render_difference(self, x: np.ndarray, made: np.ndarray) -> np.ndarray:
        return np.concatenate([self.render(x) / 2, self.render(made), self.render(made)], 1)

    def describe(self, sample: np.ndarray) -> str:
        return f"{np.degrees(np.arctan2(sample[1], sample[0])):.0f} degrees"

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Directions":
        return cls()


WINDS = DatasetCard(
    "winds", "Winds", "Where winds come from.", "directions of winds", Directions(), ("east", "west"), n_train=200,
    n_validation=40, n_test=60, licence="MIT", source="drawn by this test", max_value=1, likelihood="gaussian",
)  # fmt: skip


def load_winds(card: DatasetCard, root: Path) -> Dataset:
    angle = np.random.default_rng(0).uniform(-np.pi, np.pi, 300)
    x = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    labels = (x[:, 0] < 0).astype(np.int64)
    parts = zip(np.split(x, [200, 240]), np.split(labels, [200, 240]), strict=True)
    return Dataset(card, *(Split(*each, 1, kind=card.modality) for each in parts))


@pytest.fixture
def winds(monkeypatch, tmp_path):
    """The kinds of samples with one more, and a data set of it."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setitem(MODALITIES, "directions", Directions)
    monkeypatch.setitem(BUILT_IN, "winds", WINDS)
    monkeypatch.setitem(datasets.LOADERS, "winds", load_winds)
    config = presets.default_config("winds", family="vae", latent_dim=1, epochs=40, lr=0.01)
    for _ in run_training(resolve_config(config), "cpu"):
        pass
    return resolve_config(config)


def test_a_new_kind_of_sample_trains_is_measured_and_drawn(winds):
    run = loaded.load(winds.id)
    found = evaluate_run(run)
    assert found["mse"] < found["mean_baseline_mse"] and run.reconstruct(np.eye(2, dtype=np.float32)).shape == (2, 2)
    assert run.card.modality.describe(np.array([0, 1])) == "90 degrees"
    assert snapshots.load(run.id)[-1].manifold.shape[1:] == (1, 12, 12)  # drawn
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["run"] = run.id
    app.switch_page("pages/reconstruct.py")
    assert any("60 test directions" in each.value for each in whole(app.run()).header) and not app.exception


# --- A family: one function -------------------------------------------------------------------------------------------
# --- A latent type: latents.py and bottlenecks.py; a row of the reports, and one of the panels, with a file each ---


@dataclass
class UnitLatent(Latent):
    """Codes on the unit sphere."""

    radius: Tensor  # [B, 1], how long the encoder's vector was

    def signals(self) -> dict[str, Tensor]:
        return super().signals() | {"radius": self.radius.mean(0)}

    def describe(self) -> LatentSummary:
        return LatentSummary((self.code.shape[1],), "unit vector", "a direction")


class UnitBottleneck(Bottleneck):
    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.in_features = self.out_features = latent_dim

    def forward(self, h: Tensor) -> UnitLatent:
        radius = h.norm(dim=1, keepdim=True)
        z = h / radius.clamp_min(1e-6)
        return UnitLatent(z, z, radius)


RadiusWeight = Annotated[float, ParamInfo("Weight of the squared distance from the sphere.", 0, 10)]
RADIUS = LossTerm(r"(\|h\|-1)^2", "A vector that lies far from the sphere.")


@pytest.fixture
def toy_family(monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))

    @family("Toy", loss_terms={"radius": WeightedTerm(RADIUS, "radius_weight", r"\lambda")})
    def toy_sphere(make, latent_dim: int, radius_weight: RadiusWeight = 0.1) -> Recipe:
        """Puts every code on the unit sphere."""

        def loss(p: ForwardPass) -> dict[str, Tensor]:
            return reconstruction_loss(p) | {"radius": radius_weight * (p.latent.radius - 1).square().mean()}

        return Recipe.simple(build_autoencoder(UnitBottleneck(latent_dim), make), loss)

    yield "toy-sphere"
    del FAMILIES["toy-sphere"]


def mean_radius(run, test) -> dict[str, float]:
    return {"mean": float(run.latents(test.to_float(slice(10))).radius.mean())}


def test_a_family_and_a_latent_type_train_and_are_shown(toy_family, monkeypatch):
    monkeypatch.setitem(report.REPORTS, UnitLatent, {"sphere": mean_radius})
    monkeypatch.setitem(PANELS, UnitLatent, (Panel("sphere", "Sphere", "Codes on a sphere.", lambda run: None),))
    config = resolve_config(presets.default_config("digits", family=toy_family, epochs=2))
    assert config.id.startswith("toy-sphere-digits")
    assert list(run_training(config))

    last, run = history.history(config.id)[-1], loaded.load(config.id)
    assert {"reconstruction", "radius"} == {*last["train"]} and [*last["signals"]["code"]] == ["std", "radius"]
    assert diagnose(evidence_of(runs.entry(config.id))) is not None
    codes = run.encode(datasets.load("digits").test.to_float())
    assert run.types[0] is UnitLatent and np.linalg.norm(codes, axis=1) == pytest.approx(1, abs=1e-4)
    assert architecture.summarise_architecture(run).latent.type == "unit vector"
    assert len(features.atoms(run, codes, range(run.code_size))) == run.code_size
    found = evaluate_run(run)["report"]
    assert {"sphere", "jacobian", "sampling"} <= {*found} and found["sphere"]["mean"] > 0
    assert r"\lambda\cdot(\|h\|-1)^2" in formulas.equation(config, ["reconstruction", "radius"])
    assert {"sphere", "network"} <= {*panels(run)}
    with pytest.raises(UnsupportedLayer):  # the server decodes
        compile_browser.compile_model(run)
