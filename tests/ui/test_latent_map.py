"""The latent map without a browser: what is packed for it, and the page in each state of a map that takes a while."""

from __future__ import annotations

import time

import numpy as np
import pytest

from aecore.analysis import latent_space, projections
from aecore.analysis import loaded as opening
from aecore.data import datasets
from aecore.export import packed_map, packing
from aecore.jobs import projection_jobs
from aecore.jobs.projection_jobs import ProjectionStatus
from aecore.params import resolve
from tests.kit.trained_runs import furnished
from tests.pages.test_pages import _cold, control, labels, one_sentence, opened, pictures, said, store, whole  # noqa: F401
from ui.run_data import models, splits
from ui.run_data.packed import _point_map
from ui.views import latent_map, selection
from ui.widgets import live

KINDS = {  # runs of every kind of code that the page can meet
    "2-D": {"family": "vae", "latent_dim": 2},
    "1-D": {"family": "vanilla", "latent_dim": 1},
    "8-D": {"family": "vae", "latent_dim": 8},
    "conditional": {"family": "conditional-vae", "latent_dim": 2},
}
TEST = len(datasets.load("digits").test)
TRAINING = len(datasets.load("digits").train) + len(datasets.load("digits").validation)


@pytest.fixture(scope="module")
def runs(store):  # noqa: F811
    """The id of a run of each of KINDS, trained on the digits for one epoch."""
    return furnished(store, {kind: {"epochs": 1, **settings} for kind, settings in KINDS.items()})


class Browser:
    """What stands in for the browser: notes what it is given."""

    def __init__(self) -> None:
        self.given: dict = {}
        self.state: dict = {}

    def view(self, name, model_key, key, data, **more):
        assert name in ("map", "state", "save_figure") and model_key is None
        if name == "map":
            self.given = data
        elif name == "state":
            self.state = data["values"]


@pytest.fixture
def browser(monkeypatch):
    stand_in = Browser()
    monkeypatch.setattr(live, "view", stand_in.view)
    return stand_in


@pytest.fixture
def slow(monkeypatch):
    """Maps that take a while, in the state that a test wants: `slow["now"]`; notes what is asked for and cancelled."""
    found: dict = {"now": None, "asked": [], "cancelled": []}

    def ask(codes, kind, params, urgent=True, user=""):
        found["asked"].append((len(codes), kind, dict(params)))
        found["now"] = found["now"] or ProjectionStatus("k", "running", 0.25, 2.0, 6.0)
        return found["now"]

    def points(self):
        return np.random.default_rng(0).normal(size=(found["asked"][-1][0] if found["asked"] else TEST, 2))

    monkeypatch.setattr(projection_jobs, "status", lambda codes, kind, params: found["now"])
    monkeypatch.setattr(projection_jobs, "submit", ask)
    monkeypatch.setattr(projection_jobs, "cancel", lambda drawing, user: found["cancelled"].append(drawing))
    monkeypatch.setattr(ProjectionStatus, "points", lambda self: points(self).astype(np.float32))
    _point_map.clear()
    return found


def asked(app, **parameters: object):
    """The page, when its address says this of the map."""
    for name in ("selected", "lasso", "hidden"):
        app.query_params.pop(name, None)
    for name, value in parameters.items():
        app.query_params[name] = str(value)
    return whole(app.run())


def chosen(app, name: str, value):
    control(app, name).set_value(value)
    return whole(app.run())


# Packed


def packed(size: int = 2, count: int = 300, **more):
    codes = np.random.default_rng(size).normal(size=(count, size)).astype(np.float32)
    own = np.arange(count) % 12
    classes = [f"class {label}" for label in range(12)]
    flat = latent_space.plane_of_components(codes)
    return (
        codes,
        own,
        packed_map.pack_points(
            packed_map.plane_points(flat, codes, own, 12), own, classes, flat.names, **more or {"codes": codes}
        ),
    )


def piece(given: packed_map.PointMap, name: str) -> np.ndarray:
    return packing.unpack(given.head["pieces"][name], given.blob)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_each_point_comes_with_its_own_row_class_and_code(size):
    codes, own, given = packed(size)
    rows = piece(given, "indices")
    assert sorted(rows) == list(range(300))
    np.testing.assert_array_equal(piece(given, "points"), given.points[rows])
    np.testing.assert_array_equal(piece(given, "labels"), own[rows])
    np.testing.assert_array_equal(piece(given, "codes"), codes[rows])
    assert sum(given.head["class_counts"]) == given.head["count"] == 300


def test_codes_that_are_the_points_are_sent_once():
    codes = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    given = packed_map.pack_points(codes, np.zeros(50, int), "a", ("z1", "z2"), codes)
    assert given.head["pieces"]["codes"] == given.head["pieces"]["points"] and len(given.blob) == 50 * (8 + 1 + 4)


def test_too_many_codes_are_not_sent(monkeypatch):
    monkeypatch.setattr(packed_map, "MAX_CODE_BYTES", 299 * 5 * 4)
    assert packed(5)[2].head["pieces"]["codes"] is None


def test_neighbours_on_the_map_lie_close_in_memory():
    shown = np.random.default_rng(0).uniform(size=(20_000, 2)).astype(np.float32)
    given = packed_map.pack_points(shown, np.zeros(20_000, int), "a")
    ordered = piece(given, "points")
    apart = np.linalg.norm(np.diff(ordered, axis=0), axis=1)
    assert np.median(apart) < 0.05 < np.median(np.linalg.norm(np.diff(shown, axis=0), axis=1))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_no_point_lies_beyond_what_one_may_look_at(size):
    codes = np.random.default_rng(0).standard_cauchy(size=(300, size)).astype(np.float32)  # with some very far away
    flat = latent_space.plane_of_components(codes)
    given = packed_map.pack_points(
        packed_map.plane_points(flat, codes, np.zeros(300, int), 1), np.zeros(300, int), "a", flat.names
    )
    low, high = np.array(given.head["pan_limits"]).T
    assert ((given.points >= low) & (given.points <= high)).all()
    if size > 1:
        assert high[0] - low[0] == pytest.approx(high[1] - low[1]), "the same scale both ways"


@pytest.mark.parametrize("size", [1, 2])
def test_codes_that_are_one_point_are_told_from_others(size):
    same, some = np.full((20, size), 0.3, np.float32), np.random.default_rng(0).normal(size=(20, size))
    for codes, one in ((same, True), (some.astype(np.float32), False)):
        flat = latent_space.plane_of_components(codes)
        given = packed_map.pack_points(
            packed_map.plane_points(flat, codes, np.zeros(20, int), 1), np.zeros(20, int), "a", flat.names, codes
        )
        assert given.single_point == one and np.isfinite(given.head["extent"]).all()


# The page


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["test", "training"])
def test_the_page_sends_all_codes_and_who_they_belong_to(kind, part, runs, browser):
    app = opened("latent_map", runs[kind])
    chosen(app, "Images", part)
    head, run = browser.given["head"], opening.load(runs[kind])
    assert (
        head["count"] == sum(size for _, size in browser.given["splits"]) == {"test": TEST, "training": TRAINING}[part]
    )
    assert head["one_dimensional"] == (kind == "1-D")
    splits = (
        [datasets.load("digits").test]
        if part == "test"
        else [datasets.load("digits").train, datasets.load("digits").validation]
    )
    codes = np.concatenate([run.encode_split(split) for split in splits])
    blob = browser.given["blob"]["blob"][0].as_py()
    sent, rows = (packing.unpack(head["pieces"][name], blob) for name in ("codes", "indices"))
    np.testing.assert_allclose(sent, codes[rows], atol=1e-5)


@pytest.mark.parametrize("part", ["test", "training"])
def test_a_clicked_point_shows_its_picture(part, runs, browser):
    app = opened("latent_map", runs["2-D"])
    chosen(app, "Images", part)
    assert any("Nothing selected" in text for text in said(app)) and not pictures(app)
    row = TRAINING - 1 if part == "training" else 7
    asked(app, selected=row)
    split, own = (datasets.load("digits").test, 7) if part == "test" else (datasets.load("digits").validation, None)
    own = len(split) - 1 if own is None else own
    name = datasets.load("digits").card.classes[split.y[own]]
    word = "test" if part == "test" else "validation"
    assert [alt for alt, _ in pictures(app)] == [
        f"{kind}: {name}, {word} image {own}" for kind in ("Original", "Reconstruction")
    ]


EVERYTHING = "-99,-99,99,-99,99,99,-99,99"


def test_a_lasso_counts_by_class_and_leaves_out_what_is_hidden(runs, browser):
    app = opened("latent_map", runs["2-D"])
    counts = np.bincount(datasets.load("digits").test.y)
    asked(app, lasso=EVERYTHING)
    caption = next(each.value for each in app.caption if "0: " in each.value)
    assert caption.startswith(f"{TEST} of {TEST} images") and f"3: {counts[3]}" in caption
    assert len(pictures(app)) == 2 * selection.MAX_LASSO_IMAGES
    asked(app, lasso=EVERYTHING, hidden=3)
    caption = next(each.value for each in app.caption if "0: " in each.value)
    assert caption.startswith(f"{TEST - counts[3]} of") and "3: " not in caption
    assert any("No image" in text for text in said(asked(app, lasso="50,50,51,50,51,51")))


def test_what_was_chosen_on_another_map_is_forgotten(runs, browser):
    app = opened("latent_map", runs["2-D"])
    assert pictures(asked(app, selected=3, hidden="4,7", zoom=2, centre="0.1,0.2"))
    assert browser.state == {"selected": "3", "hidden": "4,7", "zoom": "2", "centre": "0.1,0.2"}
    assert not pictures(chosen(app, "Projection", "PCA"))
    assert browser.state == {"hidden": "4,7"}, "classes are the same on each map, places are not"


@pytest.mark.parametrize(
    "more",
    [{"selected": each} for each in ("-1", "9" * 12, "x", "3,4", "\u0663")]
    + [{"lasso": each} for each in ("x", "0,1", "0,1,2,3,4", "1e999,0,1,1,0,1", "nan,0,1,1,0,1", "0," * 9999 + "0")]
    + [{"zoom": "0"}, {"centre": "1,2,3"}, {"hidden": "10"}, {"background": "images"}, {"large": "yes"}],
)
def test_what_an_address_cannot_mean_chooses_nothing_and_leaves_it(more, runs, browser):
    app = asked(opened("latent_map", runs["2-D"]), **more)
    assert any("Nothing selected" in text for text in said(app)) and not browser.state
    assert not set(more) & set(app.query_params)


def test_codes_as_they_are_only_where_they_have_two_numbers(runs):
    assert "Raw latent space" in control(opened("latent_map", runs["2-D"]), "Projection").options
    for kind in ("1-D", "8-D"):
        assert control(opened("latent_map", runs[kind]), "Projection").options == list(projections.PROJECTIONS)


def test_a_model_that_the_browser_cannot_compute_loses_only_the_pictures(runs, browser, monkeypatch):
    def unknown(run):
        raise latent_map.UnsupportedLayer("The browser does not know this.")

    monkeypatch.setattr(models, "program", unknown)
    app = opened("latent_map", runs["2-D"])
    assert browser.given["decoder_key"] is None and not app.error and len(said(app)) == 1


def test_a_collapsed_model_is_said(runs, browser, monkeypatch):
    monkeypatch.setattr(splits, "codes", lambda run, part="test": np.zeros((TEST, 2), np.float32))
    monkeypatch.setattr(splits, "_test_codes", lambda key: np.zeros((TEST, 2), np.float32))
    _point_map.clear()
    app = opened("latent_map", runs["2-D"])
    _point_map.clear()
    assert any("collapsed" in text for text in said(app)) and not app.error


# Maps that take a while


@pytest.mark.parametrize("kind", latent_map.ITERATIVE)
def test_a_slow_map_is_begun_and_pca_is_shown_meanwhile(kind, runs, browser, slow):
    app = opened("latent_map", runs["8-D"])
    chosen(app, "Projection", kind)
    assert slow["asked"] == [(TEST, kind, resolve(projections.PROJECTIONS[kind], {}))]
    assert "PCA" in browser.given["title"] and browser.given["head"]["count"] == TEST
    assert any(f"the same {TEST} images by PCA" in each.value for each in app.caption)
    bar = next(each for each in app.main if each.type == "progress")
    assert bar.proto.value == 25 and "about 6 s left" in bar.proto.text
    slow["now"] = ProjectionStatus("k", "ready", 1.0)
    whole(app.run())
    assert browser.given["title"] == f"{kind} projection" and browser.given["head"]["axis_names"] == ["", ""]
    assert not any(each.type == "progress" for each in app.main)


def test_a_map_that_waits_says_for_how_many(runs, browser, slow):
    app = opened("latent_map", runs["8-D"])
    slow["now"] = ProjectionStatus("k", "waiting", seconds_left=90.0, ahead=2)
    chosen(app, "Projection", "UMAP")
    bar = next(each for each in app.main if each.type == "progress")
    assert bar.proto.text == "Queued: 2 projections ahead, about 2 min left"


def test_a_drawing_is_cancelled_and_drawn_again(runs, browser, slow):
    app = opened("latent_map", runs["8-D"])
    chosen(app, "Projection", "t-SNE")
    control(app, "Cancel").click()
    whole(app.run())
    assert [each.key for each in slow["cancelled"]] == ["k"]
    slow["now"] = ProjectionStatus("k", "cancelled")
    whole(app.run())
    assert any("cancelled" in text for text in said(app)) and "Cancel" not in labels(app)
    begun = len(slow["asked"])
    slow["now"] = None
    control(app, "Compute again").click()
    whole(app.run())
    assert len(slow["asked"]) > begun and "Cancel" in labels(app)


def test_why_a_drawing_failed_is_said(runs, browser, slow):
    app = opened("latent_map", runs["8-D"])
    slow["now"] = ProjectionStatus("k", "failed", message="The process that drew it was ended before it was done.")
    chosen(app, "Projection", "t-SNE")
    assert one_sentence(app.error[0].value) == slow["now"].message
    assert "Compute again" in labels(app) and "PCA" in browser.given["title"]


def test_other_settings_are_drawn_only_when_somebody_says_so(runs, browser, slow):
    app = opened("latent_map", runs["8-D"])
    slow["now"] = ProjectionStatus("k", "ready", 1.0)
    chosen(app, "Projection", "t-SNE")
    slow["now"] = None
    chosen(app, "Perplexity", 12.0)
    assert not slow["asked"] and "PCA" in browser.given["title"]
    control(app, "Compute projection").click()
    whole(app.run())
    assert [(kind, params["perplexity"]) for _, kind, params in slow["asked"]] == [("t-SNE", 12.0)]


def test_of_many_pictures_a_slow_map_takes_some_until_more_are_asked_for(runs, browser, slow, monkeypatch):
    monkeypatch.setattr(latent_map, "DEFAULT_POINTS", 400)
    app = opened("latent_map", runs["8-D"])
    chosen(app, "Images", "training")
    assert browser.given["head"]["count"] == TRAINING
    chosen(app, "Projection", "UMAP")
    assert slow["asked"][-1][0] == 400 == browser.given["head"]["count"]
    begun = len(slow["asked"])
    slow["now"] = None
    chosen(app, "Number of points", str(TRAINING))
    assert len(slow["asked"]) == begun and browser.given["head"]["count"] == TRAINING
    control(app, "Compute projection").click()
    whole(app.run())
    assert slow["asked"][-1][0] == TRAINING


def test_a_real_map_appears(runs, browser):
    app = opened("latent_map", runs["8-D"])
    chosen(app, "Projection", "t-SNE")
    codes, begun = splits.codes(opening.load(runs["8-D"])), time.monotonic()
    while (now := projection_jobs.status(codes, "t-SNE", {})) and now.state in ("waiting", "running"):
        assert time.monotonic() - begun < 60
        time.sleep(0.05)
    whole(app.run())
    assert browser.given["title"] == "t-SNE projection"


# --- Codes as a file --------------------------------------------------------------------------------------------------


def test_codes_are_saved_of_all_and_of_those_that_are_selected(runs, browser, monkeypatch):
    """Each format is offered; the count says whose codes they are, and the table holds these."""
    made = []
    monkeypatch.setattr(latent_map, "save_codes", lambda run, count, table, *_: made.append((run, count, table())))
    app = opened("latent_map", runs["2-D"])
    codes = splits.codes(opening.load(runs["2-D"]))
    run, count, table = made[-1]
    assert (run, count, len(table["z1"])) == (runs["2-D"], TEST, TEST)
    np.testing.assert_array_equal(np.stack([table["z1"], table["z2"]], 1), codes)
    np.testing.assert_allclose(np.stack([table["x"], table["y"]], 1), codes)  # the raw latent space
    asked(app, selected=7)
    run, count, table = made[-1]
    assert count == 1 and table["index"].tolist() == [7] and table["split"].tolist() == ["test"]


def test_each_format_is_offered(runs, browser):
    app = opened("latent_map", runs["2-D"])
    assert {"CSV", "Parquet", "npz"} <= {each.proto.label for each in app.main if each.type == "download_button"}
