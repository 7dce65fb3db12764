"""The command line, in process: what it prints, what it makes, and the one sentence of what goes wrong."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from PIL import Image

from aecore.analysis import loaded
from aecore.cli import main
from aecore.cli.files import FIGURES
from aecore.data.datasets import CARDS, load, load_training
from aecore.models.families.build import FAMILIES
from aecore.store import runs
from aecore.store.writer import RunWriter
from tests.kit.own_files import table_text, write_text

QUICK = ["train", "--family", "vanilla", "--hidden-sizes", "8", "--epochs", "2", "--latent-dim", "3", "--device", "cpu"]


@pytest.fixture(autouse=True, scope="module")
def store(tmp_path_factory):
    """One runs folder for this file: the trained run serves all its tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest.fixture
def says(capsys):
    """Runs a command that succeeds; what it says in JSON."""

    def run(*arguments: str):
        assert main([*arguments, "--json"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return json.loads(out)

    return run


@pytest.fixture
def refuses(capsys):
    """Runs a command that fails with status 1; its one sentence on standard error."""

    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 1
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("aecore: ") and err.count("\n") == 1
        return err.removeprefix("aecore: ").strip()

    return run


@pytest.fixture
def run(capsys) -> str:
    """A small trained run."""
    assert main([*QUICK, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["id"]


def test_datasets(says, capsys):
    rows = {row["name"]: row for row in says("datasets")}
    assert rows.keys() == CARDS.keys()
    assert rows["digits"]["available"] == "yes" and rows["digits"]["shape"] == [1, 8, 8]
    assert rows["digits"]["n_train"] == 1295
    assert rows["mnist"]["available"] == "no"  # conftest keeps downloads away
    assert main(["datasets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(CARDS) and lines[0].split()[0] == "name"
    assert [line.split()[0] for line in lines[1:]] == list(CARDS)


def test_downloading_what_is_here_is_nothing_to_do(says):
    assert {row["name"] for row in says("datasets", "--download", "digits")} == CARDS.keys()


def test_families_with_their_knobs(says, capsys):
    told = {each["name"]: each for each in says("families")}
    assert told.keys() == FAMILIES.keys()
    assert [param["name"] for param in told["denoising"]["params"]] == ["corruption", "corruption_level"]
    assert main(["families"]) == 0
    text = capsys.readouterr().out
    assert (
        "--set corruption_level=0.4  (0 to 1)" in text
        and "--set corruption=gaussian  (gaussian, masking, salt-and-pepper, dropout, mixed)" in text
    )


def test_training_says_its_scores_and_the_second_time_finds_them(says, capsys):
    arguments = [*QUICK, "--seed", "5"]
    first = says(*arguments)
    assert first["already_trained"] is False and runs.entry(first["id"]).finished
    assert first["loss"]["test"] == pytest.approx(sum(first["test"].values())) and 0 < first["mse"] < 1
    second = says(*arguments)
    assert second["already_trained"] is True and second["created"] == first["created"]
    assert second | {"already_trained": False} == first
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{first['id']}: already trained") and "nats per sample" in out


def test_settings_and_knobs_reach_the_run(says):
    said = says(
        *QUICK,
        "--family",
        "denoising",
        "--set",
        "corruption=masking",
        "--set",
        "corruption_level=0.25",
        "--hidden-sizes",
        "",
    )
    config = runs.entry(said["id"]).config
    assert (
        config.params == {"corruption": "masking", "corruption_level": 0.25}
        and config.hidden_sizes == ()
        and config.latent_dim == 3
    )
    assert config.family == "denoising" and config.epochs == 2


def test_runs_are_listed(says, run, capsys):
    row = next(row for row in says("runs") if row["id"] == run)
    assert row["state"] == "finished" and row["pretrained"] == "no" and row["mse"] == runs.entry(run).result["mse"]
    assert main(["runs"]) == 0
    assert [run, "finished"] in [line.split()[:2] for line in capsys.readouterr().out.splitlines()]


def test_watching_a_run_at_rest_says_how_it_stands(says, run, capsys):
    """One under way is watched in tests/jobs/test_jobs.py, where there is a laboratory."""
    assert says("watch", run) == [{"id": run, "state": "finished", "message": ""}]
    assert main(["watch", run]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [run, "finished"]


def test_evaluating_scores_afresh_beside_the_baselines(says, run, capsys):
    said, result = says("evaluate", run), runs.entry(run).result
    assert (
        said["id"] == run
        and said["test"] == pytest.approx(result["test"])
        and said["mse"] == pytest.approx(result["mse"])
    )
    assert said["pca_mse"] < said["mean_baseline_mse"]
    assert main(["evaluate", run]) == 0
    lines = capsys.readouterr().out
    assert f"mse: {said['mse']:.6g}\n" in lines
    assert f"report.jacobian.max_singular_value: {said['report']['jacobian']['max_singular_value']:.6g}\n" in lines


def test_an_exported_run_works_without_the_laboratory(says, run, tmp_path):
    rows = says("export", run, "--to", str(tmp_path / "deep" / "out"))
    names = {
        "encoder.pt2",
        "decoder.pt2",
        "codes.csv",
        "config.json",
        "result.json",
        "weights.safetensors",
        "README.txt",
    }
    place = tmp_path / "deep" / "out"
    assert {row["file"] for row in rows} == {str(place / name) for name in names}
    assert all(row["bytes"] == (place / row["file"]).stat().st_size > 0 for row in rows)

    x = load("digits").test.to_float(slice(5))
    encoder, decoder = (torch.export.load(place / f"{part}.pt2").module() for part in ("encoder", "decoder"))
    codes = encoder(torch.from_numpy(x))  # five images, where it was exported with two
    opened = loaded.load(run)
    np.testing.assert_allclose(codes.detach(), opened.encode(x), atol=1e-5)
    np.testing.assert_allclose(decoder(codes).detach(), opened.reconstruct(x), atol=1e-5)
    with open(place / "codes.csv", newline="") as stream:
        header, *lines = csv.reader(stream)
    assert header == ["split", "index", "class", "z1", "z2", "z3"] and len(lines) == CARDS["digits"].n_test
    np.testing.assert_allclose(np.array([line[3:] for line in lines[:5]], float), opened.encode(x), atol=1e-5)
    assert [line[2] for line in lines[:5]] == [CARDS["digits"].classes[i] for i in load("digits").test.y[:5]]


def test_codes_are_a_table_that_pandas_reads(says, run, tmp_path):
    for suffix, read in (("csv", pandas.read_csv), ("parquet", pandas.read_parquet)):
        (row,) = says("export", run, "--codes", str(tmp_path / "codes" / f"all.{suffix}"))
        table = read(row["file"])
        assert list(table) == ["split", "index", "class", "z1", "z2", "z3"]
        test = table[table["split"] == "test"]
        assert len(test) == CARDS["digits"].n_test and len(table) > CARDS["digits"].n_train
        np.testing.assert_allclose(
            test[["z1", "z2", "z3"]], loaded.load(run).encode(load("digits").test.to_float()), atol=1e-5
        )
    with np.load(says("export", run, "--codes", str(tmp_path / "all.npz"))[0]["file"]) as archive:
        assert archive["z"].shape == (len(table), 3)


def test_weights_and_an_offline_page_are_files(says, run, tmp_path):
    rows = says("export", run, "--safetensors", str(tmp_path / "weights"))
    assert {Path(row["file"]).name for row in rows} == {"weights.safetensors", "config.json", "README.md"}
    (row,) = says("export", run, "--html", str(tmp_path / "model.html"))
    text = Path(row["file"]).read_text()
    assert text.startswith("<!doctype html>") and run in text


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_an_offline_page_and_an_svg(says, run, tmp_path, name):
    for suffix, begins in (("html", "<!doctype html>"), ("svg", "<?xml")):
        (row,) = says("figure", run, "--figure", name, "--to", str(tmp_path / f"{name}.{suffix}"))
        assert Path(row["file"]).read_text().startswith(begins)


def test_a_manifold_is_a_png(says, run, tmp_path):
    (row,) = says("figure", run, "--to", str(tmp_path / "manifold.png"))
    with Image.open(row["file"]) as image:
        assert image.format == "PNG" and image.width == image.height >= 640


def test_a_file_is_not_written_over_a_folder(refuses, run, tmp_path):
    (tmp_path / "page.html").mkdir()
    (tmp_path / "page.html" / "mine.txt").write_text("mine")
    assert "is a folder" in refuses("export", run, "--html", str(tmp_path / "page.html"))
    assert (tmp_path / "page.html" / "mine.txt").read_text() == "mine"


def test_a_map_is_no_png(refuses, run, tmp_path):
    assert "Only a manifold" in refuses("figure", run, "--figure", "map", "--to", str(tmp_path / "map.png"))


# --- Anomalies --------------------------------------------------------------------------------------------------------

NORMAL = [*QUICK, "--normal", "0,1,2,3,4"]


def test_a_run_learns_from_normal_classes_and_as_many_others_as_are_asked_for(says, refuses):
    config = runs.entry(says(*NORMAL, "--contamination", "0.05")["id"]).config
    assert config.normal == (0, 1, 2, 3, 4) and config.contamination == 0.05
    assert 0.04 < (load_training(config).train.y > 4).mean() < 0.06
    assert "from 0 to 0.5, not 0.9" in refuses(*NORMAL, "--contamination", "0.9")


def test_anomalies_are_found_beside_rivals(says, capsys):
    run = says(*NORMAL)["id"]
    said = says("detect", run, "--threshold", "conformal:0.05")
    assert said["run"] == run and said["score"] == "reconstruction" and said["files"] == []
    assert said["threshold"]["rule"] == "conformal:0.05" and said["threshold"]["cut"] > 0
    assert said["per_class"].keys() == {"5", "6", "7", "8", "9"}
    own, rivals = said["auroc"], {name: each["auroc"] for name, each in said["rivals"].items()}
    assert 0 < own < 1 and {"pca", "knn"} <= rivals.keys()
    assert said["winner"] == max({"reconstruction": own, **rivals}, key={"reconstruction": own, **rivals}.get)
    assert 0 <= said["false_alarm_rate"] <= 1 and 0 <= said["recall"] <= 1 and said["average_precision"] > 0
    assert main(["detect", run, "--threshold", "conformal:0.05", "--base-rate", "0.001"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The winner is ") and f"AUROC {rivals[said['winner']]:.3f}" in out.splitlines()[0]
    assert "this score" in out and "rival" in out and "Where 0.1 % of samples are odd" in out
    marked = says("detect", run, "--false-alarms", "0,3", "--score", "mahalanobis-codes")
    assert marked["counts"]["calibration"] == said["counts"]["calibration"] + 2


def test_what_cannot_be_detected_is_one_sentence(says, refuses, run):
    assert "train a run with --normal 0,1, name another data set with --data" in refuses("detect", run)
    normal = says(*NORMAL)["id"]
    for arguments, words in (
        (["--score", "taste"], "its scores are: reconstruction"),
        (["--threshold", "luck:7"], "no threshold rule 'luck'"),
        (["--threshold", "cost:100,1", "--base-rate", "2"], "base rate is a share between 0 and 1"),
        (["--data", "shapes"], "choose a data set of that size"),
        (["--false-alarms", "first"], "rows of the test samples"),
        (["--score", "knn", "--export", "nowhere"], "its scores are: reconstruction"),
    ):
        assert words in refuses("detect", normal, *arguments)


@pytest.mark.slow
def test_a_detector_is_exported_as_a_folder(says, tmp_path):
    pytest.importorskip("onnxscript")
    run = says(*NORMAL)["id"]
    files = {Path(file).name for file in says("detect", run, "--export", str(tmp_path / "out"))["files"]}
    assert (
        files == {each.name for each in (tmp_path / "out").iterdir()} > {"detect.py", "encoder.onnx", "detector.json"}
    )
    about = json.loads((tmp_path / "out" / "detector.json").read_text())
    assert about["normal"] == ["0", "1", "2", "3", "4"] and about["threshold"]["rule"] == "quantile:0.99"


MISTAKES = {
    "unknown data set": (["train", "--dataset", "minst"], "no data set called minst"),
    "unknown family": (["train", "--family", "vaee"], "no family called vaee"),
    "unknown parameter": (["train", "--set", "colour=red"], "no setting called colour"),
    "parameter without value": (
        ["train", "--family", "denoising", "--set", "corruption_level"],
        "corruption_level takes a number",
    ),
    "parameter out of range": (["train", "--family", "denoising", "--set", "corruption_level=2"], "from 0 to 1, not 2"),
    "setting out of range": (["train", "--epochs", "0"], "epochs takes a whole number from 1 to 1000, not 0"),
    "setting of another kind": (["train", "--lr", "fast"], "lr takes a number"),
    "no number": (["train", "--lr", "nan"], "lr takes a number"),
    "a number beyond floats": (["train", "--seed", "1" + "0" * 400], "seed takes a whole number"),
    "odd widths": (["train", "--hidden-sizes", "64;32"], "hidden_sizes takes whole numbers with commas"),
    "unknown network": (["train", "--network", "transformer"], "network takes one of mlp, conv"),
    "unknown device": ([*QUICK, "--seed", "77", "--device", "abacus"], "no device abacus"),
    "data that are not here": (["train", "--dataset", "mnist"], "--download mnist"),
    "too many halvings": (["train", "--network", "conv", "--hidden-sizes", "4,4,4,4"], "halved 3 times"),
    "download of an unknown set": (["datasets", "--download", "minst"], "no data set called minst"),
    "watching nothing": (["watch", "vae-digits-2d-00000000"], "no run called vae-digits-2d-00000000"),
    "evaluating nothing": (["evaluate", "vae-digits-2d-00000000"], "no run called vae-digits-2d-00000000"),
    "codes of another kind": (["export", "x", "--codes", "codes.xls"], "none of .csv, .parquet and .npz"),
    "a figure of another kind": (["figure", "x", "--to", "x.pdf"], "none of .html, .svg and .png"),
    "a figure of nothing": (["figure", "vae-digits-2d-00000000"], "no run called vae-digits-2d-00000000"),
    "exporting nothing": (["export", "../.."], "no run called '../..'"),
}


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_with_status_1(refuses, arguments, words):
    sentence = refuses(*arguments)
    assert words in sentence and sentence.endswith(".")


def test_a_mistake_is_json_for_machines(capsys):
    assert main(["train", "--family", "vaee", "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "no family called vaee" in json.loads(err)["error"]


def test_exporting_into_a_file_is_a_mistake(refuses, run, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refuses("export", run, "--to", str(tmp_path / "file"))


def test_a_run_that_another_process_trains_is_a_mistake(refuses, says):
    trained_one = runs.entry(says(*QUICK, "--seed", "8")["id"]).config
    other = type(trained_one).from_json(trained_one.to_json() | {"seed": 9})
    with RunWriter(other):
        assert "already being trained" in refuses(*QUICK, "--seed", "9")


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train", "--wings", "2"], ["evaluate"]], ids=str)
def test_what_is_no_command_gets_the_usage_and_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "usage: python -m aecore" in capsys.readouterr().err


# --- Data sets of one's own -------------------------------------------------------------------------------------------


def test_a_data_set_is_added_deleted_and_restored(says, refuses, tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "data"))
    file = write_text(tmp_path / "people.csv", table_text())
    (added,) = says("datasets", "--add", str(file), "--name", "People", "--label", "member", "--column", "age=drop")
    assert added["kind"] == "table" and added["size"] == "3 columns" and added["classes"] == 2
    assert any("age" in note for note in added["notes"])
    assert added["name"] in [row["name"] for row in says("datasets")]
    (deleted,) = says("datasets", "--delete", added["name"])
    assert added["name"] not in [row["name"] for row in says("datasets")]
    assert says("datasets", "--restore", deleted["ticket"]) == [{"restored": added["name"]}]
    assert "no column called height" in refuses("datasets", "--add", str(file), "--label", "height")
    assert "comes with the laboratory" in refuses("datasets", "--delete", "iris")
