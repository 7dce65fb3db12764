"""The doctor: broken settings get the right first finding, healthy ones none, and the offered cure is another run."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from aecore.analysis.diagnosis import checkup, doctor
from aecore.analysis.diagnosis.doctor import (
    Evidence,
    diagnose,
    health_summary,
    with_fix,
)
from aecore.analysis.diagnosis.fixes import outlier_chance, outliers_stand_out
from aecore.analysis.diagnosis.thresholds import CHANCE_DISCRIMINATOR_LOSS, THRESHOLDS
from aecore.config import Config
from aecore.data import datasets
from aecore.errors import UserError
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import FAMILIES, resolve_config
from aecore.store import runs
from benchmarks.doctor import BROKEN_SETTINGS
from tests.kit.cases import few, marked

VAE = resolve_config(presets.default_config("digits", family="vae"))
AAE = resolve_config(presets.default_config("digits", family="aae"))
VQ = resolve_config(presets.default_config("digits", family="vq-vae", latent_dim=8))
RELU = resolve_config(presets.default_config("digits", family="vanilla", params={"latent_activation": "relu"}))

# as a healthy 2-D VAE on the digits ends: 57 % of the variance, PCA's 2 numbers 30 %
BLANK = 64 * math.log(2)
CHECKUP = {
    "saturated_wrong": 0.0,
    "out_of_support": 0.0,
    "constant_output_nll": BLANK,
    "identical_units": 0.25,
    "code": {"std": [1.0, 0.9], "kl": [1.5, 1.4], "sigma": [0.2, 0.3]},
    "validation": {"reconstruction": 20.9, "kl": 2.9},
    "mse": 0.031,
    "mean_baseline_mse": 0.072,
    "pca_mse": 0.0502,
    "effective_code_size": 2,
}
EPOCH = {
    "epoch": 1,
    "train": {"reconstruction": 20.8, "kl": 2.9},
    "validation": {"reconstruction": 20.9, "kl": 2.9},
    "signals": {
        name: CHECKUP[name]
        for name in ("saturated_wrong", "out_of_support", "constant_output_nll", "identical_units", "code")
    },
}
HISTORY = [EPOCH] * VAE.epochs


def ill(config: Config = VAE, history: list | None = None, diverged: bool = False, **changed) -> list[str]:
    """The names of what is found when something of a healthy run is changed."""
    checkup = CHECKUP | changed
    return [
        each.name for each in diagnose(Evidence(config, HISTORY if history is None else history, checkup, diverged))
    ]


def code(**changed) -> dict:
    return CHECKUP["code"] | changed


def epoch(train: float, held_out: float) -> dict:
    return EPOCH | {"train": {"reconstruction": train}, "validation": {"reconstruction": held_out}}


def test_a_healthy_run_gets_a_clean_bill_with_its_numbers():
    healthy = Evidence(VAE, HISTORY, CHECKUP)
    assert diagnose(healthy) == []
    said = dict(health_summary(healthy))
    assert said["explained variance (R2)"] == "57% (PCA with 2: 30%)"
    assert said["active dimensions"] == "2 of 2, total KL 2.90 nats"


def test_steps_that_overshot_for_good_are_found_also_after_the_loss_has_come_down():
    burst = [epoch(3 * BLANK, 30), *[epoch(27, 27)] * VAE.epochs]
    assert ill(history=burst, mse=0.072)[0] == "rising loss"
    early = [epoch(3 * BLANK, 30)] * (VAE.epochs // 10)
    assert [each.name for each in diagnose(Evidence(VAE, early))] == ["rising loss"]
    assert diagnose(Evidence(VAE, early[1:])) == []  # it may come down yet
    assert diagnose(Evidence(VAE, [*early, epoch(27, 27)])) == []
    blast = [epoch(60 * BLANK, 30), *[epoch(27, 27)] * len(early)]
    assert [each.name for each in diagnose(Evidence(VAE, blast))] == ["rising loss"]
    assert ill(history=blast) == []  # it ended well all the same


def test_a_loss_that_began_high_and_fell_in_every_epoch_needs_more_of_them_not_smaller_steps():
    falling = [epoch(loss, loss) for loss in np.geomspace(3 * BLANK, 21, VAE.epochs)]
    assert ill(history=falling, mse=0.072) == ["underfitting"]


def test_of_a_run_that_has_not_begun_nothing_is_said():
    assert diagnose(Evidence(VAE)) == []
    assert health_summary(Evidence(VAE)) == []


POINTS = {"std": [1.0, 1.0]}
OUTLIERS = {"train": 4, "n_train": 685, "validation": 0, "n_validation": 70, "not_normal": 0}  # as clean digits have
PLAIN = {"reconstruction": 20.0}
TROUBLES = {
    "pixels out of range": {"out_of_support": 0.001},
    "identical units": {"identical_units": 1.0},
    "rising loss": {"history": [*HISTORY, epoch(35, 35)]},
    "beta too strong": {
        "config": resolve_config(dataclasses.replace(VAE, family="beta-vae", params={"beta": 4})),
        "code": code(std=[0.01, 0.0], kl=[0.0, 0.0]),
    },
    "reconstruction averaged over pixels": {
        "config": dataclasses.replace(VAE, reduction="mean"),
        "code": code(std=[0.01, 0.0], kl=[0.0, 0.0]),
    },
    "posterior collapse": {"code": code(std=[0.01, 0.0], kl=[0.0, 0.0])},
    "ReLU in the code": {
        "config": RELU,
        "validation": PLAIN,
        "code": POINTS | {"active_rate": [0.97, 0.99], "sparsity_by_design": [0.0]},
    },
    "dead units": {
        "config": resolve_config(presets.default_config("digits", family="sparse", latent_dim=8)),
        "validation": {"reconstruction": 20.0, "l1": 1.0},
        "code": POINTS | {"active_rate": [0.5] * 3 + [0.0] * 5, "sparsity_by_design": [0.0]},
    },
    "regularisation too strong": {
        "config": resolve_config(presets.default_config("digits", family="wae", params={"mmd_weight": 900})),
        "code": POINTS,
        "validation": PLAIN | {"mmd": 1.0},
        "mse": 0.071,
    },
    "corruption too strong": {
        "config": resolve_config(
            presets.default_config("digits", family="denoising", params={"corruption_level": 1.0})
        ),
        "code": POINTS,
        "validation": PLAIN,
        "mse": 0.071,
    },
    "dead codebook entries": {"config": VQ, "code": POINTS | {"usage": [1 / 15] * 15}},  # of 64
    "contaminated training set": {
        "config": resolve_config(dataclasses.replace(VAE, normal=(0, 1, 2, 3, 4), contamination=0.05)),
        "outliers": OUTLIERS | {"train": 19, "not_normal": 34},
    },
    "discriminator too strong": {"config": AAE, "code": POINTS, "validation": PLAIN | {"discriminator": 0.1}},
    "idle discriminator": {
        "config": AAE,
        "code": POINTS,
        "validation": PLAIN | {"discriminator": CHANCE_DISCRIMINATOR_LOSS},
        "history": [EPOCH | {"validation": PLAIN | {"discriminator": CHANCE_DISCRIMINATOR_LOSS}}] * AAE.epochs,
        "sampling": {"coverage": 0.9, "reconstruction_coverage": 0.9, "prior_mmd": 0.8},
    },
    "mode collapse": {
        "config": AAE,
        "code": POINTS,
        "validation": PLAIN | {"discriminator": 1.2},
        "sampling": {"coverage": 0.1, "reconstruction_coverage": 0.9, "prior_mmd": 0.1},
    },
    "one-dimensional code": {"config": dataclasses.replace(VAE, latent_dim=1), "mse": 0.03},
    "overfitting": {"history": [epoch(18, 20.9)] * VAE.epochs},
    "underfitting": {"mse": 0.065},
    "saturated outputs": {"saturated_wrong": 0.03},
}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_is_found_first_where_it_is(name):
    assert ill(**TROUBLES[name])[0] == name


def test_every_sign_has_its_trouble_here():
    found = {ill(**each)[0] for each in TROUBLES.values()} | {"diverged"}  # of which more below
    assert len(found) == len(doctor.CHECKS) + 1  # the weight of the KL has two names


def test_a_loss_that_is_no_number_comes_before_all_else():
    broken = Evidence(dataclasses.replace(VAE, lr=10), [], {}, diverged=True)
    (found,) = diagnose(broken)
    assert found.name == "diverged"
    assert with_fix(broken.config, found).lr == presets.default_config("digits").lr


HARMLESS = {
    "steps that overshot at first": {"history": [epoch(3 * BLANK, 20), *HISTORY]},
    "a beta below 1": {"config": resolve_config(dataclasses.replace(VAE, family="beta-vae", params={"beta": 0.1}))},
    "an averaged loss without a KL": {
        "config": resolve_config(presets.default_config("digits", family="vanilla", reduction="mean")),
        "code": POINTS,
        "validation": {"reconstruction": 0.3},
        "constant_output_nll": math.log(2),
        "history": [],
    },
    "zeros that were asked for": {
        "config": resolve_config(presets.default_config("digits", family="top-k", latent_dim=16)),
        "code": POINTS | {"active_rate": [0.5] * 16, "sparsity_by_design": [0.5]},
        "validation": PLAIN,
    },
    "units to spare": {
        "config": resolve_config(presets.default_config("digits", family="sparse")),
        "code": POINTS | {"active_rate": [0.5] * 20 + [0.0] * 44, "sparsity_by_design": [0.0]},
        "validation": PLAIN | {"l1": 1.0},
    },
    "numbers to spare": {"code": {"std": [1, 1, 0, 0, 0, 0], "kl": [1.5, 1.4, 0, 0, 0, 0], "sigma": [0.2] * 6}},
    "half a codebook idle that is put back": {"config": VQ, "code": POINTS | {"usage": [1 / 32] * 32}},
    "a critic that cannot tell": {
        "config": AAE,
        "code": POINTS,
        "validation": PLAIN | {"discriminator": CHANCE_DISCRIMINATOR_LOSS},
    },
    "one number that is enough": {"config": dataclasses.replace(VAE, latent_dim=1), "mse": 0.005, "pca_mse": 0.05},
    "a gap as small trainings have": {"history": [epoch(20.0, 21.2)] * VAE.epochs},
    "as few outliers as normal images have": {"outliers": OUTLIERS},
    "more outliers than validation has, by chance": {"outliers": OUTLIERS | {"train": 19}},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_trouble_is_not_called_one(name):
    assert ill(**HARMLESS[name]) == []


def test_before_half_of_the_training_only_what_cannot_pass_is_said():
    asleep = EPOCH | {"signals": EPOCH["signals"] | {"code": code(std=[0, 0], kl=[0, 0])}}
    few = [asleep] * (VAE.epochs // 2 - 1)
    assert diagnose(Evidence(VAE, few)) == []
    assert [each.name for each in diagnose(Evidence(VAE, [*few, asleep]))] == ["posterior collapse"]
    alike = EPOCH | {"signals": EPOCH["signals"] | {"identical_units": 1.0}}
    assert [each.name for each in diagnose(Evidence(VAE, [alike]))] == ["identical units"]


def test_a_history_of_before_there_were_vitals_is_read():
    old = [{name: each for name, each in EPOCH.items() if name != "signals"}] * VAE.epochs
    assert diagnose(Evidence(VAE, old)) == []
    assert ill(history=old) == []


def test_every_limit_has_its_reason_and_is_read():
    source = "".join(file.read_text() for file in Path(doctor.__file__).parent.glob("*.py"))
    for name, limit in THRESHOLDS.items():
        assert len(limit.reason) > 40
        assert source.count(f'"{name}"') > 1


# --- Contamination ----------------------------------------------------------------------------------------------------


def contamination(**changed) -> list[doctor.Finding]:
    return diagnose(Evidence(VAE, HISTORY, CHECKUP | {"outliers": OUTLIERS | changed}))


def test_distances_alone_show_a_contamination_where_there_are_more_outliers_than_chance_makes():
    """Fisher's exact test of 1,000 and 1,000 images, 10 outliers in validation: 29 have p = 0.0015, 31 have 0.0006."""
    both = {"n_train": 1000, "n_validation": 1000, "validation": 10}
    assert contamination(**both, train=29) == []
    (found,) = contamination(**both, train=31)
    assert found.name == "contaminated training set" and found.message == (
        "31 of 1,000 training images lie farther from the others than nearly all validation images do, of which 10 of "
        "1,000 lie so far."
    )
    assert not found.fix and "take out" in found.advice  # of data that are as they are no setting is to blame


def test_with_few_validation_images_no_number_of_odd_ones_shows():
    """5 % of 685, all of them outliers and no validation image: 1 - 70 / 755 to the power of 34, about 0.04."""
    assert outlier_chance(OUTLIERS | {"train": 34, "validation": 0}) == pytest.approx((1 - 70 / 755) ** 34, abs=0.01)
    assert contamination(train=34, validation=0) == []


def test_labels_show_what_distances_do_not_and_it_is_said_whether_these_would():
    (hidden,) = contamination(not_normal=34)
    (plain,) = contamination(not_normal=34, n_validation=1000, validation=3, train=34)
    assert hidden.message.startswith("34 of 685 training images are of classes that are not normal, as their labels")
    assert "Without labels it would not be seen: 4 of 685" in hidden.message
    assert "Distances show it too: 34 of 685" in plain.message


def test_runs_of_before_outliers_were_counted_are_read():
    assert diagnose(Evidence(VAE, HISTORY, CHECKUP)) == []
    assert "outliers" not in dict(health_summary(Evidence(VAE, HISTORY, CHECKUP)))
    said = dict(health_summary(Evidence(VAE, HISTORY, CHECKUP | {"outliers": OUTLIERS})))
    assert said["outliers"] == "0.6% of 685 training images, 0.0% of 70 validation images"


def test_distances_are_those_of_brute_force_and_leave_the_image_itself_out():
    data = datasets.load("digits")
    train, validation = data.train.head(300), data.validation.head(20)
    own, others = (each.to_float().reshape(len(each), -1) for each in (train, validation))
    for split, x, skip in ((train, own, 1), (validation, others, 0)):
        expected = np.sort(cdist(x, own), axis=1)[:, skip : skip + checkup.N_NEIGHBOURS].mean(axis=1)
        assert checkup.neighbour_distances(split, train, skip) == pytest.approx(expected, abs=1e-3)  # float32 products
    alone = checkup.neighbour_distances(train.head(1), train.head(1), skip=1)
    assert alone == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("dataset", "normal"), [("digits", (0, 1, 2, 3, 4)), ("digits", ()), ("heartbeats", (0,)), ("machine", (0,))]
)
def test_a_clean_training_set_is_not_blamed(dataset, normal):
    config = Config(dataset=dataset, normal=normal)
    counts = checkup.outliers(config, datasets.load_training(config))
    assert counts["not_normal"] == 0 and not outliers_stand_out(counts)
    assert counts["validation"] <= 0.01 * counts["n_validation"]


def test_a_planted_contamination_of_5_percent_is_found_by_labels_and_where_it_lies_apart_by_distances():
    for dataset, normal, by_distances in (("digits", (0, 1, 2, 3, 4), False), ("machine", (0,), True)):
        config = Config(dataset=dataset, normal=normal, contamination=0.05)
        counts = checkup.outliers(config, datasets.load_training(config))
        assert counts["not_normal"] == pytest.approx(0.05 * counts["n_train"], abs=0.5)
        assert outliers_stand_out(counts) is by_distances


# --- Cures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TROUBLES)
def test_every_cure_is_another_run_that_can_be_trained(name):
    told = {"config": VAE, "history": HISTORY} | TROUBLES[name]
    given = {key: told.pop(key) for key in ("config", "history")}
    found = diagnose(Evidence(**given, checkup=CHECKUP | told))[0]
    if name in ("pixels out of range", "identical units"):  # those of VAE, whose settings are not to blame, say them
        assert resolve_config(with_fix(given["config"], found)) == given["config"]
    else:
        assert resolve_config(with_fix(given["config"], found)).id != given["config"].id
    assert found.fix_text
    assert found.message[-1] == "." and found.meaning[-1] == "."
    assert any(letter.isdigit() for letter in found.message)  # its number


def test_another_family_brings_its_own_knobs():
    found = diagnose(Evidence(VAE, HISTORY, CHECKUP | {"code": code(std=[0, 0], kl=[0, 0])}))[0]
    config = resolve_config(with_fix(VAE, found))
    assert (config.family, config.params["free_bits"]) == ("beta-vae", 0.1)


# the price of the KL is what its family says it is, not a setting of that name


def collapsed(family: str, **more) -> list[doctor.Finding]:
    config = resolve_config(dataclasses.replace(VAE, family=family, **more))
    return diagnose(Evidence(config, HISTORY, CHECKUP | {"code": code(std=[0.01, 0.0], kl=[0.0, 0.0])}))


def test_a_beta_that_weighs_total_correlation_is_not_taken_for_the_price_of_the_kl():
    found = collapsed("beta-tcvae", params={"beta": 20})
    assert found[0].name == "regularisation too strong" and found[0].fix == {"beta": 3.0}
    assert "beta too strong" not in [each.name for each in found]
    within = collapsed("beta-tcvae", params={"beta": 3})
    assert within[0].name == "posterior collapse" and within[0].fix == {"beta": 1.0}


def test_what_an_info_vae_does_not_charge_is_counted():
    config = resolve_config(dataclasses.replace(VAE, family="info-vae", params={"alpha": 0.9}, reduction="mean"))
    assert Evidence(config).kl_weight == pytest.approx(0.1 * 64)
    assert Evidence(dataclasses.replace(config, reduction="sum")).kl_weight == pytest.approx(0.1)
    assert Evidence(resolve_config(presets.default_config("digits", family="wae"))).kl_weight == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_each_cure_that_a_family_declares_is_of_settings_that_there_are(family):
    for trouble, cure in FAMILIES[family].fixes.items():
        finding = doctor.Finding(trouble, "", "", cure)
        assert resolve_config(with_fix(resolve_config(presets.default_config("digits", family=family)), finding))


def test_a_cure_keeps_all_other_settings():
    found = diagnose(Evidence(dataclasses.replace(VAE, lr=5.0), [], diverged=True))[0]
    config = dataclasses.replace(VAE, lr=5.0, seed=7, hidden_sizes=(9,))
    assert with_fix(config, found) == dataclasses.replace(
        config, lr=presets.default_config("digits").lr, grad_clip_norm=1.0
    )


# --- Trainings --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(tmp_path_factory.mktemp("doctor")))
        yield


def examined(config: Config) -> list[doctor.Finding]:
    try:
        list(run_training(config))
    except UserError:
        assert runs.entry(config.id).diverged
    return diagnose(doctor.evidence_of(runs.entry(config.id)))


QUICK = ("learning rate 10", "BCE averaged over pixels")


@pytest.mark.parametrize(
    "broken",
    marked(
        BROKEN_SETTINGS,
        [each for each in BROKEN_SETTINGS if each.description in QUICK],
        lambda broken: broken.description,
    ),
)
def test_what_is_broken_on_purpose_is_named(broken, store):
    """Seed 0, most of them half as long; docs/doctor.md has three seeds of the whole, and the cures trained."""
    whole = broken.config(0)
    config = whole if whole.train_size else dataclasses.replace(whole, epochs=whole.epochs // 2)
    found = examined(config)
    assert found[0].name in broken.expected
    assert resolve_config(with_fix(config, found[0])).id != config.id


@pytest.mark.parametrize("family", few(["linear", "sparse", "vae", "ladder-vae", "vq-vae"], "linear"))
def test_families_at_their_defaults_are_well_on_the_digits(family, store):
    """One of each kind of code, half as long; docs/doctor.md has all families, both networks and three data sets."""
    usual = FAMILIES[family].defaults
    config = resolve_config(presets.default_config("digits", family=family, epochs=60, **usual))
    assert [each.message for each in examined(config)] == []


@pytest.mark.parametrize("contamination", [0.0, 0.05])
def test_a_planted_contamination_is_found_when_a_training_ends_and_its_cure_is_the_run_without(contamination, store):
    config = resolve_config(
        presets.default_config("digits", family="vanilla", epochs=2, normal=(0, 1, 2), contamination=contamination)
    )
    found = {each.name: each for each in examined(config)}
    assert ("contaminated training set" in found) == bool(contamination)
    if contamination:
        assert with_fix(config, found["contaminated training set"]) == dataclasses.replace(config, contamination=0.0)
