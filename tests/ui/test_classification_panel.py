"""The panel of models with a classifier: its numbers are those of the report, and it says who is ahead."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from aecore.analysis import loaded
from aecore.analysis.latents import classification
from aecore.data.datasets import load
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import resolve_config

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("classification")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place / "runs"))
        patch.setenv("AECORE_DATA", str(place / "no-data"))
        yield


def learnt(family: str, epochs: int) -> str:
    config = resolve_config(
        presets.default_config("digits", family=family, hidden_sizes=(16,), epochs=epochs, labels_per_class=10)
    )
    list(run_training(config))
    return config.id


@pytest.mark.parametrize(
    ("family", "inverted"), [("semi-supervised-vae", False), ("ladder-network", False), ("domain-adversarial", True)]
)
def test_accuracies_stand_beside_those_of_logistic_regression(family, inverted):
    run = learnt(family, 1)
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120)
    app.query_params["run"], app.query_params["panel"] = run, "classification"
    app.run()
    app.switch_page("pages/model_inspector.py").run()
    assert not app.exception, [each.message for each in app.exception]
    found = classification.report(loaded.load(run), load("digits").test)
    shown = {each.label: each.value for each in app.metric}
    assert shown["Classifier accuracy"] == f"{found['accuracy']:.1%}"
    assert shown["Logistic regression, pixels"] == f"{found['raw_accuracy']:.1%}"
    assert shown["Logistic regression, codes"] == f"{found['code_accuracy']:.1%}"
    assert ("Classifier accuracy, inverted" in shown) == ("shifted_accuracy" in found) == inverted
    # an epoch with 100 labels: logistic regression, right in more than 8 of 10, is ahead of any of these
    assert found["accuracy"] < found["raw_accuracy"]
    assert any("at least as well" in each.value for each in app.markdown)
