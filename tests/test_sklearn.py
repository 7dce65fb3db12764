"""Autoencoders as estimators of scikit-learn: its own checks, and what must be true of scores, thresholds and codes."""

from __future__ import annotations

import doctest
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

import aecore.sklearn
from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.sklearn import AutoencoderDetector, AutoencoderTransformer, detector, transformer
from aecore.sklearn.fitted_model import FittedModel, as_dataset
from aecore.training.loop import fit
from examples import sklearn_pipeline

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "sklearn.md"
CPU = torch.device("cpu")
X = load_breast_cancer().data[:200]  # [200, 30], columns of very different units


# --- The checks of scikit-learn ---------------------------------------------------------------------------------------


@pytest.fixture
def array_api(monkeypatch):
    """The array API, which one of the checks turns on, is for those who ask for it."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")


@parametrize_with_checks([AutoencoderDetector(epochs=5, contamination=0.1), AutoencoderTransformer(epochs=5)])
def test_it_keeps_every_rule_of_scikit_learn(estimator, check, array_api):
    check(estimator)


@pytest.mark.slow
@pytest.mark.timeout(600)  # some fifty fits of fifty epochs
@pytest.mark.parametrize("kind", [AutoencoderDetector, AutoencoderTransformer])
def test_at_its_defaults_it_passes_every_check_and_skips_none(kind, array_api):
    found = check_estimator(kind(), on_skip=None, on_fail="raise")
    assert len(found) > 40 and {each["status"] for each in found} == {"passed"}


# --- Scores and thresholds --------------------------------------------------------------------------------------------


def test_a_score_is_minus_the_squared_error_of_what_comes_back():
    """In units of standardised columns; equal seeds and settings train both estimators to the same weights."""
    scores = AutoencoderDetector(latent_dim=3, random_state=1).fit(X).score_samples(X)
    codes = AutoencoderTransformer(latent_dim=3, random_state=1).fit(X)
    unit = StandardScaler().fit(X)
    back = codes.inverse_transform(codes.transform(X))
    errors = np.square(unit.transform(back) - unit.transform(X)).mean(1)
    assert scores == pytest.approx(-errors, rel=1e-9) and scores.dtype == np.float64


@pytest.mark.parametrize("contamination", [0.005, 0.05, 0.123, 0.5])
def test_contamination_is_the_share_of_training_rows_that_are_outliers(contamination):
    found = AutoencoderDetector(contamination=contamination, epochs=5, random_state=0).fit(X)
    assert abs(np.mean(found.predict(X) == -1) - contamination) <= 1 / len(X)
    assert (found.predict(X) == -1).tolist() == (found.score_samples(X) < found.offset_).tolist()


@pytest.mark.parametrize("degrees", [5, 20, 100])
def test_beyond_the_fence_lie_as_many_chi_squared_errors_as_normal_ones(degrees):
    """Of a normal distribution 0.35 % lie above its third quartile plus 1.5 times the distance of the quartiles, and
    cube roots of chi-squared numbers are about normal (Wilson & Hilferty 1931). Of 200,000 the share has a standard
    error of 0.013 %; the approximation is a little heavier in the tail, most with few degrees of freedom."""
    errors = np.random.default_rng(0).chisquare(degrees, 200_000) / degrees
    assert np.mean(errors > detector.upper_fence(errors)) == pytest.approx(0.0035, abs=0.001)


def test_automatic_contamination_finds_rows_that_are_like_no_other():
    """Rows on a plane in ten dimensions, and three that are off it by as much as the plane is wide."""
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 10)) + 0.05 * rng.normal(size=(300, 10))
    x = np.concatenate([plane, 2 * rng.normal(size=(3, 10))])
    found = AutoencoderDetector(family="linear", epochs=50, lr=0.02, random_state=0).fit_predict(x)
    assert found[300:].tolist() == [-1, -1, -1] and np.mean(found[:300] == -1) < 0.03


# --- Codes ------------------------------------------------------------------------------------------------------------


def test_a_linear_autoencoder_loses_what_pca_loses():
    """No linear code of as many numbers loses less (Bourlard & Kamp 1988; Baldi & Hornik 1989)."""
    z = StandardScaler().fit_transform(X)
    pca = PCA(3).fit(z)
    least = np.square(pca.inverse_transform(pca.transform(z)) - z).mean()
    codes = AutoencoderTransformer(3, family="linear", lr=0.02, epochs=100, standardise=False, random_state=0).fit(z)
    lost = np.square(codes.inverse_transform(codes.transform(z)) - z).mean()
    assert least * (1 - 1e-9) <= lost < 1.01 * least


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_codes_and_takes_them_back(family):
    x = X[:40].astype(np.float32)
    found = AutoencoderTransformer(8, family=family, hidden_sizes=(8,), epochs=2, random_state=0).fit(x)
    codes = found.transform(x)
    back = found.inverse_transform(codes)
    assert codes.shape == (40, found.model_.code_size) and len(found.get_feature_names_out()) == codes.shape[1]
    assert back.shape == x.shape and codes.dtype == back.dtype == np.float32
    assert np.isfinite(codes).all() and np.isfinite(back).all()
    assert found.transform(x[7:8]) == pytest.approx(codes[7:8], rel=1e-5), "a row's code is its own"
    assert np.isfinite(AutoencoderDetector(8, family=family, epochs=2, random_state=0).fit(x).score_samples(x)).all()


def test_codes_have_names_in_a_data_frame():
    rows = load_iris(as_frame=True).data
    found = AutoencoderTransformer(epochs=2, random_state=0).set_output(transform="pandas").fit(rows)
    codes = found.transform(rows)
    assert list(codes.columns) == ["autoencodertransformer0", "autoencodertransformer1"]
    assert found.model_.card.modality.names == tuple(rows.columns)
    assert list(found.feature_names_in_) == list(rows.columns)


# --- Chance, threads and files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["vanilla", "vae", "denoising"])
def test_equal_seeds_give_equal_scores_and_leave_all_chance_outside_alone(family):
    def scores(seed: int) -> list[float]:
        return AutoencoderDetector(family=family, epochs=3, random_state=seed).fit(X).score_samples(X).tolist()

    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    assert scores(0) == scores(0) != scores(1)
    assert torch.equal(torch.get_rng_state(), before[0]) and np.random.get_state()[1].tolist() == before[1]


def test_threads_that_fit_at_once_do_not_disturb_each_other():
    def scores(seed: int) -> list[float]:
        return AutoencoderDetector(family="vae", epochs=3, random_state=seed).fit(X).score_samples(X).tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(scores, range(4))) == [scores(seed) for seed in range(4)]


def _order(count: int) -> np.ndarray:
    """The order of rows under the random state 0, which gives the seed of the run first."""
    random = np.random.RandomState(0)
    random.randint(2**31 - 1)
    return random.permutation(count)


def test_it_is_trained_by_the_loop_of_all_runs():
    found = AutoencoderTransformer(epochs=3, random_state=0).fit(X)
    rows, config = found.scaler_.transform(X)[_order(len(X))], found.model_.config
    data = as_dataset(rows, rows[:0], [f"x{number}" for number in range(30)])
    recipe = build_recipe(config, data.card)
    *_, last = fit(recipe, data, config, CPU)
    assert all(np.array_equal(found.model_.weights[name], each) for name, each in recipe.model.state_dict().items())
    assert found.loss_curve_[-1] == last.train["reconstruction"] and found.n_iter_ == len(found.loss_curve_) == 3


def test_a_pickle_holds_settings_and_arrays_and_nothing_of_torch():
    found = AutoencoderDetector(epochs=2, random_state=0).fit(X)
    scores = found.score_samples(X)
    assert isinstance(found.model_, FittedModel) and b"torch" not in (kept := pickle.dumps(found))
    assert pickle.loads(kept).score_samples(X).tolist() == scores.tolist()


# --- Early stopping ---------------------------------------------------------------------------------------------------


def test_training_stops_early_by_rows_that_are_held_out():
    noise = np.random.default_rng(0).normal(size=(60, 20))  # nothing to learn: the held-out loss soon rises
    found = AutoencoderDetector(epochs=200, lr=0.02, patience=5, validation_fraction=0.25, random_state=0).fit(noise)
    assert found.n_iter_ < 200 and (found.model_.card.n_train, found.model_.card.n_validation) == (45, 15)
    learnt = noise[_order(60)[15:]]
    assert found.scaler_.mean_ == pytest.approx(learnt.mean(0)), "held-out rows tell the scaler nothing"


def test_of_few_rows_none_is_held_out():
    found = AutoencoderDetector(epochs=7, patience=2, random_state=0).fit(X[:5])
    assert found.n_iter_ == 7 and (found.model_.card.n_train, found.model_.card.n_validation) == (5, 0)
    assert AutoencoderDetector(epochs=1).fit(X[:2]).predict(X[:2]).shape == (2,)


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"contamination": 0.6}, "contamination takes 'auto' or a number above 0 and up to 0.5, not 0.6."),
        ({"contamination": "few"}, "contamination takes 'auto' or a number above 0 and up to 0.5, not 'few'."),
        ({"contamination": None}, "contamination takes 'auto' or a number above 0 and up to 0.5, not None."),
        ({"epochs": 0}, "epochs takes a whole number from 1 to 1000, not 0."),
        ({"hidden_sizes": 8}, "hidden_sizes takes whole numbers with commas from 1 to 4096, not 8."),
        ({"family": "no-such"}, "There is no family called no-such; the families are: vanilla, "),
        ({"params": {"noise": 1}}, "There is no setting called noise here; the settings are: latent_activation."),
        ({"patience": 3, "validation_fraction": 1.5}, "validation_fraction takes a number between 0 and 1, not 1.5;"),
    ],
)
def test_a_setting_that_makes_no_sense_is_a_value_error_of_one_sentence(settings, sentence):
    with pytest.raises(ValueError) as refused:
        AutoencoderDetector(**settings).fit(X)
    assert str(refused.value).startswith(sentence) and isinstance(refused.value, UserError)


def test_the_fastest_device_is_found_and_one_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("AECORE_DEVICE", "cpu")  # which is then the fastest
    scores = [AutoencoderDetector(device=name, epochs=1, random_state=0).fit(X).offset_ for name in ("auto", "cpu")]
    assert scores[0] == scores[1]
    with pytest.raises(UserError, match="This machine has no device abacus"):
        AutoencoderDetector(device="abacus").fit(X)


def test_codes_of_another_length_are_refused():
    found = AutoencoderTransformer(2, epochs=1).fit(X)
    with pytest.raises(ValueError, match="A code has 2 features here, not 3"):
        found.inverse_transform(np.zeros((1, 3)))


# --- Pipelines, searches, documents -----------------------------------------------------------------------------------


def test_it_works_in_a_pipeline_and_in_a_search():
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), AutoencoderTransformer(epochs=20, random_state=0), LogisticRegression())
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.8  # a third by chance
    grid = {"autoencodertransformer__latent_dim": [1, 3]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(x, y)
    assert search.best_params_["autoencodertransformer__latent_dim"] == 3 and search.score(x, y) > 0.8


def _examples() -> list[doctest.DocTest]:
    finder, found = doctest.DocTestFinder(), []
    for module in (aecore.sklearn, detector, transformer):
        found += [each for each in finder.find(module, globs={}) if each.examples]
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))
    return [*found, doctest.DocTestParser().get_doctest(blocks, {}, DOCUMENT.name, str(DOCUMENT), 0)]


@pytest.mark.parametrize("example", _examples(), ids=lambda example: example.name)
def test_an_example_gives_what_it_says(example):
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.append)
    assert example.examples and not runner.summarize(verbose=False).failed, "".join(report)


def test_the_document_has_the_tables_of_the_example():
    text, runs = DOCUMENT.read_text(), 2 * [dict.fromkeys(sklearn_pipeline.DESCRIPTIONS, [0.0] * 6)]
    for lines in (list(sklearn_pipeline.table(runs)), list(sklearn_pipeline.differences(runs))):
        assert "\n".join(lines[:2]) in text
        assert all(f"\n{line.split(' | ')[0]} | " in text for line in lines[2:])


@pytest.mark.slow
def test_the_example_reads_digits():
    """Seed 0, 100 labels: ten classes, so a tenth by chance; the table has 84 to 90 percent, give or take 2."""
    found = sklearn_pipeline.accuracies(0, (100,))
    assert found.keys() == sklearn_pipeline.DESCRIPTIONS.keys()
    assert all(0.75 < share < 0.97 for (share,) in found.values())


# --- The core: a card that is in no catalogue -------------------------------------------------------------------------


def test_a_card_beside_the_settings_changes_nothing_of_a_run_in_the_catalogue():
    config = Config(hidden_sizes=(8,), epochs=2)
    plain, told = resolve_config(config), resolve_config(config, card=CARDS["digits"])
    assert plain == told and plain.id == told.id
    weights = [build_recipe(plain, card).model.state_dict() for card in (None, CARDS["digits"])]
    assert all(torch.equal(each, weights[1][name]) for name, each in weights[0].items())


def test_a_data_set_in_no_catalogue_needs_its_card():
    data = as_dataset(np.eye(4, 3), np.eye(0, 3), ["a", "b", "c"])
    config = Config(dataset="array", likelihood="gaussian", hidden_sizes=(4,), epochs=2)
    with pytest.raises(UserError, match="There is no data set called array"):
        resolve_config(config)
    with pytest.raises(UserError, match="The likelihood bernoulli does not fit array, which holds vectors"):
        resolve_config(Config(dataset="array"), card=data.card)
    settled = resolve_config(config, card=data.card)
    reports = list(fit(build_recipe(settled, data.card), data, settled, CPU))
    assert reports[-1].validation == {} and reports[-1].signals["code"] == {}  # no sample is held out
    assert load("digits").card == CARDS["digits"], "the catalogue is as it was"
