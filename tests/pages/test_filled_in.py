"""The panel of models that fill in what they are not shown, on images and on what are none."""

from __future__ import annotations

import pytest

from tests.kit.trained_runs import furnished
from tests.pages.test_pages import opened, pictures, said, whole

SMALL = {"hidden_sizes": (8,), "epochs": 2, "train_size": 200, "latent_dim": 4}
RUNS = {
    ("masked", "digits"): ["4 of 16 patches"],
    ("multimodal", "digits"): ["the left half alone", "the right half alone"],
    ("masked", "iris"): ["1 of 4 patches"],
    ("multimodal", "heartbeats"): ["the first half alone", "the second half alone"],
}


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("filled-in")


@pytest.mark.parametrize("case", RUNS, ids=" ".join)
def test_what_is_hidden_is_shown_filled_in_beside_two_rivals(case, place, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(place / "runs"))
    monkeypatch.setenv("AECORE_DATA", str(place / "no-data"))
    family, dataset = case
    run_id = furnished(place / "runs", {case: SMALL | {"family": family, "dataset": dataset}})[case]
    app = opened("model_inspector", run_id)
    app.query_params["panel"] = "filled-in"
    app = whole(app.run())
    assert not app.error, said(app)
    titles = [each.value for each in app.subheader]
    assert titles == [f"Error of what is hidden, given {seen}" for seen in RUNS[case]]
    assert [each.label for each in app.metric].count("This model") == len(titles)
    assert len(pictures(app)) == 8 * (2 * len(titles) + 1)
