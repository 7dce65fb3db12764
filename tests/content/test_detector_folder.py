"""A detector taken away: its folder scores as the laboratory does, in a Python that has nothing of it."""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aecore.analysis import loaded
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.thresholds import Calibration, p_values, parse
from aecore.content import detector_folder
from aecore.content.detector_card import ChosenDetector
from aecore.content.detector_folder import SCRIPTS, check, contents, export_detector, portable_scores
from aecore.data import images, uploads
from aecore.data.adding import AddOptions, columns, keep, understand
from aecore.data.datasets import Split
from aecore.errors import UserError
from aecore.export import onnx
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store import runs
from benchmarks.detector_folder import PACKAGES, isolated
from tests.kit.disks import fill, mounted
from tests.kit.own_files import picture, pictures_zip, table_text, write_text
from tests.kit.trained_runs import furnished

LACKING = [name for name in onnx.ONNX_PACKAGES if importlib.util.find_spec(name) is None]
installed = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}")
ROOT = Path(__file__).resolve().parents[2]
SMALL = {"family": "vanilla", "hidden_sizes": (8,), "latent_dim": 3, "epochs": 1, "normal": (0,), "network": "mlp"}
TOLERANCE = 1e-5


def table(count: int) -> str:
    """A CSV with semicolons and decimal commas, an hour, and empty cells in the columns of numbers and categories."""
    rows = [line.replace(",", ";").replace(".", ",") for line in table_text(count).splitlines()]
    made = [f"{rows[0]};hour"] + [f"{row};{at % 24}" for at, row in enumerate(rows[1:])]
    made[3], made[5] = ";".join(["", *made[3].split(";")[1:]]), made[5].replace("red", "").replace("blue", "")
    return "\n".join(made) + "\n"


def series(count: int, label: bool) -> str:
    """A CSV of series of 20 moments, a row each, some of which end early or have a gap."""
    draw = np.random.RandomState(0)
    lines = [",".join([*(f"t{at}" for at in range(20)), *(["label"] if label else [])])]
    for at in range(count):
        cells = [f"{value:.4f}" for value in np.sin(np.arange(20) / 3 + draw.rand()) + draw.normal(0, 0.1, 20)]
        cells[20 - at % 4 :] = [""] * (at % 4)
        cells[at % 7] = "" if at % 5 == 0 else cells[at % 7]
        lines.append(",".join([*cells, *(["ab"[at % 2]] if label else [])]))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """Data sets of each kind as somebody added them: names, and what was understood of the file, in its order."""
    place = tmp_path_factory.mktemp("added")
    files = {
        "image": (pictures_zip(place / "pictures.zip", 60, ("good", "bad")), {"side": 8}),
        "table": (write_text(place / "table.csv", table(80)), {"column_kinds": {"hour": "cyclic"}}),
        "series": (write_text(place / "series.csv", series(80, label=True)), {"kind": "series", "layout": "rows"}),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_DATA", str(place / "data"))
        patch.setenv("AECORE_RUNS", str(place / "runs"))
        found = {}
        for kind, (file, how) in files.items():
            options = AddOptions(name=kind, **how)
            with understand(file, options) as understood:
                card = keep(understood, options)
                split = Split(np.array(understood.x), np.array(understood.y), card.max_value, kind=card.modality)
                found[kind] = card.name, split, file
        yield found


@pytest.fixture(scope="module")
def chosen(added):
    """A detector of each kind of sample, by the score that it is taken away with."""
    settings = {kind: SMALL | {"dataset": name} for kind, (name, _, _) in added.items()}
    settings["vae"] = SMALL | {"family": "vae"}

    @functools.cache
    def choose(kind: str, score: str, rule: str = "conformal:0.3") -> ChosenDetector:
        ids = furnished(runs.runs_dir(), {kind: settings[kind]})
        return ChosenDetector(_detector(ids[kind]), score, parse(rule))

    return choose


@functools.cache
def _detector(run: str) -> Detector:
    return Detector.of(loaded.load(run))


@pytest.fixture(scope="module", autouse=True)
def _exported_once():
    """An export of the same run is the same: it takes seconds."""
    export, kept = onnx.programs, {}

    def programs(run):
        if run.id not in kept:
            kept[run.id] = export(run)
        return dict(kept[run.id])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx, "programs", programs)
        yield


def call(folder: Path, place: Path, *arguments: object, packages=PACKAGES) -> subprocess.CompletedProcess[str]:
    """`detect.py` in a Python that finds these packages only."""
    command, environment = isolated(place / "packages", packages)
    given = [*command, str(folder / "detect.py"), *map(str, arguments)]
    return subprocess.run(given, env=environment, capture_output=True, text=True, cwd=place, timeout=100)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def agree(said: list[dict[str, str]], chosen: ChosenDetector, split: Split) -> None:
    """Scores to 1e-5, p-values and alarms as the laboratory has them."""
    expected = chosen.detector.scorer(chosen.score)(split)
    found = np.array([float(row["score"]) for row in said])
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    calibration = chosen.detector.scored(chosen.score).calibration
    np.testing.assert_allclose([float(row["p_value"]) for row in said], p_values(calibration, expected), atol=1e-6)
    cut = chosen.rule.threshold(Calibration(calibration, np.zeros(0)), expected).cut
    assert [int(row["alarm"]) for row in said] == (expected > cut).astype(int).tolist()
    assert 0 < sum(expected > cut) < len(expected), "some are alarms"


# --- In a Python without the laboratory -------------------------------------------------------------------------------


def pictures(place: Path) -> list[Path]:
    """Pictures of several sizes and kinds."""
    files = {
        "same.png": picture(101, (8, 8)), "wide.png": picture(102, (30, 11)),
        "large.jpg": picture(103, (90, 120), form="JPEG"),
        "gray.png": picture(104, (13, 12), gray=True), "odd.bmp": picture(105, (9, 9), form="BMP"),
    }  # fmt: skip
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return sorted(place.iterdir())


def as_added(files: list[Path], channels: int, side: int) -> np.ndarray:
    """Pictures as a data set keeps them."""
    opened = (uploads.open_upload(file.read_bytes()).image for file in files)
    return np.stack([(images.resize_to(each, (channels, side, side)) * 255 + 0.5).astype(np.uint8) for each in opened])


@installed
def test_pictures_of_any_size_are_scored_and_one_that_is_broken_is_told(chosen, added, tmp_path):
    one, folder, place = chosen("image", "reconstruction"), tmp_path / "detector", tmp_path / "pictures"
    made = {file.name for file in export_detector(one, folder)}
    assert made == {"encoder.onnx", "decoder.onnx", "detector.json", "README.md", "requirements.txt",
                    *detector_folder.SCRIPT_NAMES}  # fmt: skip
    files = pictures(place)
    (place / "broken.png").write_bytes(picture(1)[:60])
    np.save(place / "zarray.npy", added["image"][1].x[:3])
    ended = call(folder, tmp_path, place, tmp_path / "none.png", "--out", tmp_path / "scores.csv")
    assert ended.returncode == 1 and ended.stdout == "", ended.stderr
    broken, missing, counted = ended.stderr.splitlines()
    assert "broken.png cannot be read as a picture" in broken and "none.png cannot be read" in missing
    assert f"{len(files) + 3} samples" in counted
    said = lines((tmp_path / "scores.csv").read_text())
    assert [Path(row["file"]).name for row in said] == [*(file.name for file in files), *3 * ["zarray.npy"]]
    assert [row["row"] for row in said][-3:] == ["1", "2", "3"]
    x = np.concatenate([as_added(files, *one.run.card.shape[:2]), added["image"][1].x[:3]])
    agree(said, one, Split(x, np.zeros(len(x), int)))


@installed
def test_a_table_with_categories_hours_and_gaps_is_scored_by_the_names_of_its_columns(chosen, added, tmp_path):
    one, (_, split, file) = chosen("table", "likelihood"), added["table"]
    export_detector(one, tmp_path / "detector")
    rows = [line.split(";") for line in file.read_text().splitlines()]
    turned = "\n".join(";".join(reversed(row)) for row in rows) + "\n"
    ended = call(tmp_path / "detector", tmp_path, write_text(tmp_path / "turned.csv", turned), packages=PACKAGES[:3])
    assert ended.returncode == 0 and ended.stderr.count("\n") == 1, ended.stderr
    agree(lines(ended.stdout), one, split)
    assert (tmp_path / "detector" / "score.onnx").exists()
    card = (tmp_path / "detector" / "README.md").read_text()
    assert "`width`, `age`, `colour`, `member`, `hour`" in card and "The winner is" in card and "(rival)" in card
    assert one.command() in card


@installed
def test_series_are_scored_a_row_each_and_worse_rows_are_told(chosen, added, tmp_path):
    one, (_, split, _) = chosen("series", "knn-codes"), added["series"]
    export_detector(one, tmp_path / "detector")
    rows = series(80, label=False).splitlines()
    file = write_text(tmp_path / "series.csv", "\n".join([*rows, "," * 19, ",".join("1" * 21)]))
    ended = call(tmp_path / "detector", tmp_path, file)
    assert ended.returncode == 1
    assert "without its rows 81, 82," in ended.stderr and "Traceback" not in ended.stderr
    agree(lines(ended.stdout), one, split)


@installed
def test_what_is_not_installed_is_told_with_what_to_do(chosen, tmp_path):
    export_detector(chosen("image", "reconstruction"), tmp_path / "detector")
    ended = call(
        tmp_path / "detector", tmp_path, pictures(tmp_path / "pictures")[0], packages=["numpy", "numpy.libs", "PIL"]
    )
    assert ended.returncode == 1 and ended.stderr == (
        "detect: onnxruntime is not installed: python -m pip install -r requirements.txt.\n"
    )


# --- In this process --------------------------------------------------------------------------------------------------


@pytest.fixture
def scripts(monkeypatch):
    """The scripts as modules."""
    monkeypatch.syspath_prepend(SCRIPTS)
    names = ("detector", "read_images", "read_tables", "detect")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name)


@pytest.fixture
def unpacked(chosen, tmp_path):
    """The folder of a detector of tables; one with a small network takes no export."""
    place = tmp_path / "detector"
    place.mkdir()
    for name, content in contents(chosen("image", "reconstruction")).items():
        (place / name).write_bytes(content)
    return place


@installed
@pytest.mark.parametrize("score", ["worst-neighbourhood", "mahalanobis-codes"])
@pytest.mark.parametrize("kind", ["image", "table", "series"])
def test_every_score_is_that_of_the_laboratory(chosen, scripts, tmp_path, kind, score):
    one = chosen(kind, score)
    for name, content in contents(one).items():
        (tmp_path / name).write_bytes(content)
    x = one.detector.data.judged.observed()
    found = scripts["detector"].Detector(tmp_path).score(x)
    np.testing.assert_allclose(found, one.detector.scored(score).judged, rtol=TOLERANCE, atol=TOLERANCE)


@installed
@pytest.mark.slow
@pytest.mark.parametrize("score", ["kl", "likelihood"])
def test_scores_in_nats_are_those_of_the_laboratory(chosen, scripts, tmp_path, score):
    test_every_score_is_that_of_the_laboratory(chosen, scripts, tmp_path, "vae", score)


@installed
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "[" * 100_000, '{"score": "reconstruction"}', b"\xff\xfe\x00"],
    ids=["empty", "cut off", "a list", "nothing", "deep", "one key", "no text"],
)
def test_a_damaged_description_is_one_sentence(unpacked, tmp_path, scripts, monkeypatch, capsys, text):
    (unpacked / "detector.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refusal(scripts, unpacked, monkeypatch, capsys).startswith("detector.json cannot be used (")


@installed
@pytest.mark.parametrize(
    ("field", "value"),
    [("calibration", []), ("calibration", ["high"]), ("threshold", 3), ("shape", "wide"), ("score", "taste"),
     ("columns", [{"width": 2}]), ("kind", "smell"), ("sha256", None), ("shape", [1, 8])],
)  # fmt: skip
def test_a_wrong_part_of_the_description_is_one_sentence(unpacked, scripts, monkeypatch, capsys, field, value):
    file = unpacked / "detector.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    assert refusal(scripts, unpacked, monkeypatch, capsys).startswith("detector.json cannot be used (")


@installed
def test_another_network_than_the_exported_one_is_refused(unpacked, scripts, monkeypatch, capsys):
    (unpacked / "encoder.onnx").write_bytes((unpacked / "decoder.onnx").read_bytes())
    assert "encoder.onnx is not the file" in refusal(scripts, unpacked, monkeypatch, capsys)
    (unpacked / "encoder.onnx").unlink()
    assert "encoder.onnx cannot be read" in refusal(scripts, unpacked, monkeypatch, capsys)


def refusal(scripts, folder: Path, monkeypatch, capsys) -> str:
    """The one sentence of a folder that cannot be used."""
    given = folder.parent / "a.png"
    given.write_bytes(picture(1))
    made = scripts["detector"].Detector
    monkeypatch.setattr(scripts["detect"], "Detector", lambda: made(folder))
    assert scripts["detect"].main([str(given)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("detect: ") and err.count("\n") == 1 and err.endswith(".\n")
    return err.removeprefix("detect: ")


def test_pictures_of_every_mode_are_read_as_uploads_are(scripts, tmp_path):
    draw = np.random.RandomState(0)
    rgba = draw.randint(0, 256, (20, 31, 4), np.uint8)
    made = {
        "alpha.png": Image.fromarray(rgba), "la.png": Image.fromarray(rgba[..., :2], "LA"),
        "deep.png": Image.fromarray(draw.randint(0, 2**16, (25, 9), np.uint16)),
        "palette.gif": Image.fromarray(rgba[..., :3]).quantize(16), "bits.png": Image.fromarray(rgba[..., 0] > 99),
        "ink.jpg": Image.fromarray(rgba, "CMYK"),
        "deep.tif": Image.fromarray(draw.randint(0, 2**16, (25, 9), np.uint16)),
    }  # fmt: skip
    for name, image in made.items():
        image.save(tmp_path / name)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        made[f"turned {turn}.png"] = made["alpha.png"]
        made["alpha.png"].convert("RGB").save(tmp_path / f"turned {turn}.png", exif=exif)
    for channels in (1, 3):
        for width in (5, 8, 9, 40):
            about = {"shape": [channels, 8, width]}
            reader = scripts["read_images"].ImageReader(about)
            for name in made:
                ((row, x),) = reader.read(tmp_path / name)
                image = uploads.open_upload((tmp_path / name).read_bytes()).image
                assert row == 1 and (x == images.resize_to(image, (channels, 8, width))).all(), (name, channels, width)


def test_pictures_that_are_too_large_or_of_numbers_are_told(scripts, tmp_path, monkeypatch):
    reader = scripts["read_images"].ImageReader({"shape": [1, 8, 8]})
    Image.new("L", (40, 30)).save(tmp_path / "large.png")
    Image.fromarray(np.zeros((9, 9), np.float32)).save(tmp_path / "floats.tif")
    np.save(tmp_path / "far.npy", np.full((2, 8, 8), 7.0))
    np.save(tmp_path / "flat.npy", np.zeros((2, 64)))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    monkeypatch.setattr(scripts["read_images"], "MAX_PIXELS", 1000)
    told = {"large.png": "40 x 30 pixels", "floats.tif": "32 bits", "far.npy": "outside 0 to 1",
            "flat.npy": "save uint8 or float [N, 1, 8, 8]", "objects.npy": "no array of numbers"}  # fmt: skip
    for name, words in told.items():
        with pytest.raises(scripts["detector"].DetectorError, match=words.replace("[", r"\[")):
            list(reader.read(tmp_path / name))


CELLS = ["1", "-2.5", " 3e2 ", "1,5", "1.234,5", "", "NA", "?", "inf", "1e40", "word", "-", "0,25"]


@pytest.mark.parametrize("separator", [";", ","])
def test_numbers_are_read_as_those_of_an_added_table(scripts, separator):
    import pyarrow

    for cell in CELLS if separator == ";" else ["1", "1,234", "12,345.5", "", "NA", "inf", "-7", "word"]:
        ours = columns.to_numbers(columns.trimmed(pyarrow.array([cell])), separator)[0]
        np.testing.assert_array_equal(scripts["read_tables"].number(cell, separator), ours[0], cell)


def reader(scripts, names: tuple[str, ...], notes: list[str], **more: object):
    said = [{"name": name, "kind": "number", "mean": 1.0, "std": 2.0, "categories": [], "period": 0} for name in names]
    about = {"kind": "vector", "shape": [len(names)], "columns": said, "missing": False, "farthest": 1e4}
    return scripts["read_tables"].TableReader(about | more, notes.append)


@pytest.mark.parametrize(
    "text",
    ["b,extra,a\n5,x,3\n7,y,9\n", "\ufeffa\tb\n3\t5\n9\t7\n", "3,5\n9,7\n", "a;b\r\n3,0;5\r\n\r\n9;7\r\n",
     '"a","b"\n"3","5"\n9,7'],
    ids=["any order", "tabs", "no names", "decimal comma", "quotes"],
)  # fmt: skip
def test_columns_are_found_by_name_or_in_their_order(scripts, tmp_path, text):
    rows = list(reader(scripts, ("a", "b"), []).read(write_text(tmp_path / "rows.csv", text)))
    assert [row for row, _ in rows] == [1, 2]
    assert np.stack([x for _, x in rows]).tolist() == [[1, 2], [4, 3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "has no rows"), ("a,c\n1,2\n", "has no column b"), ("1,2,3\n", "has no column a, b"), ("a,b\n", "")],
)
def test_a_table_of_other_columns_is_one_sentence(scripts, tmp_path, text, words):
    file = write_text(tmp_path / "rows.csv", text)
    if not words:
        assert not list(reader(scripts, ("a", "b"), []).read(file))
        return
    with pytest.raises(scripts["detector"].DetectorError, match=words):
        list(reader(scripts, ("a", "b"), []).read(file))


def test_cells_that_a_column_may_not_hold_are_told(scripts, tmp_path):
    notes: list[str] = []
    file = write_text(tmp_path / "rows.csv", "a,b\n1,word\n,3\n")
    rows = list(reader(scripts, ("a", "b"), notes).read(file))
    assert np.isnan([x for _, x in rows]).tolist() == [[False, True], [True, False]]
    (note,) = notes
    assert ": 2 cells are empty" in note and note.endswith(".")
    assert list(reader(scripts, ("a", "b"), notes, missing=True).read(file)) and ": 1 cells" in notes[1]


def test_an_array_of_series_has_its_channels_side_by_side(scripts, tmp_path):
    values = np.arange(24.0).reshape(2, 4, 3)
    np.save(tmp_path / "x.npy", values)
    found = reader(scripts, ("a", "b", "c"), [], kind="series", shape=[4, 3]).read(tmp_path / "x.npy")
    np.testing.assert_array_equal([x for _, x in found], (values - 1) / 2)


def test_under_a_false_discovery_rate_all_decide_together(scripts):
    draw = np.random.RandomState(0)
    one = scripts["detector"].Detector.__new__(scripts["detector"].Detector)
    for _ in range(50):
        normal, scores = draw.randint(0, 9, 40).astype(float), draw.randint(0, 12, 30).astype(float)
        one.calibration = np.sort(normal.astype(np.float32))
        np.testing.assert_array_equal(one.p_values(scores), p_values(normal, scores))
        for rate in (0.05, 0.3, 0.7):
            one.rule, one.cut = f"fdr:{rate}", 0.0
            cut = parse(one.rule).threshold(Calibration(normal, np.zeros(0)), scores).cut
            np.testing.assert_array_equal(one.alarms(scores), scores > cut)


# --- Whole or not at all ----------------------------------------------------------------------------------------------


@installed
def test_on_a_full_disk_there_is_no_folder_and_no_answer(chosen, scripts, tmp_path):
    one = chosen("image", "reconstruction")
    room = sum(map(len, contents(one).values())) // 2
    with mounted(tmp_path / "disk", "1m") as disk:
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - room)  # enough for some of the files
        with pytest.raises(UserError, match="free some space"):
            export_detector(one, disk / "out")
        assert not list((disk / "out").iterdir())
        fill(disk)
        with pytest.raises(OSError, match="space"):
            scripts["detect"]._write("a,b\n" * 10_000, disk / "scores.csv")
        assert sorted(each.name for each in disk.iterdir()) == ["filler", "out"]


@installed
def test_an_earlier_detector_gives_way_whole(chosen, tmp_path):
    for score in ("knn-codes", "reconstruction"):
        export_detector(chosen("image", score), tmp_path / "out")
        assert (tmp_path / "out" / "codes.npy").exists() == (score == "knn-codes")


# --- What cannot be taken away ----------------------------------------------------------------------------------------


def untrained(family: str) -> loaded.LoadedModel:
    config = resolve_config(presets.default_config("digits", family=family, hidden_sizes=(8,)))
    torch.manual_seed(0)
    return loaded.LoadedModel(config, build_recipe(config).model.eval(), {})


@installed
def test_what_cannot_be_taken_away_is_one_sentence():
    for family, score, words in (
        ("vae", "elbo", "elbo cannot be taken away; those of .* that can are: reconstruction"),
        ("vae", "pca", "pca cannot be taken away"),
        ("vae", "taste", "no anomaly score taste"),
        ("conditional-vae", "reconstruction", "tries every class"),
    ):
        with pytest.raises(UserError, match=words):
            check(untrained(family), score)
    with pytest.raises(UserError, match="--export FOLDER"):
        check(untrained("vae"), "knn-codes", 1000)
    assert "kl" in portable_scores(untrained("vae")) and "kl" not in portable_scores(untrained("ladder-vae"))


@installed
def test_a_network_that_scores_otherwise_is_not_given(chosen, monkeypatch):
    one = chosen("image", "reconstruction")
    other = dataclasses.replace(one, detector=dataclasses.replace(one.detector))
    scored = one.detector.scored(one.score)
    wrong = dataclasses.replace(scored, calibration=scored.calibration + 0.01)
    monkeypatch.setitem(other.detector._kept, one.score, wrong)
    with pytest.raises(UserError, match="scores samples otherwise"):
        contents(other)


def test_what_a_folder_needs_is_what_the_project_is_tried_with():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = {*project["dependencies"], *project["optional-dependencies"]["onnx"]}
    assert {*detector_folder.REQUIREMENTS, *detector_folder.IMAGE_REQUIREMENTS} <= known
