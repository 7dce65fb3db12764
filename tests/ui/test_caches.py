"""Caches that many people share: each is bounded, all together are in bytes, and keys say what answers hang on."""

from __future__ import annotations

import ast
import contextlib
import gc
import sys
import threading
import types
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from aecore import cache_budget
from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly.rivals import RIVALS
from aecore.cache_budget import CacheBudget, CacheEntry, buffers
from aecore.data import datasets
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from ui.run_data import models, statistics
from ui.run_data.per_run import key_of
from ui.session import cache
from ui.widgets import component

ROOT = Path(__file__).resolve().parents[2]
# as many entries as a program has functions, components or sentences: what people do adds none
FEW = {"get", "params_of", "_component", "_print_once", "_by_name", "_pattern", "family_defaults", "_theme"}


def unbounded(source: str) -> list[str]:
    """The functions of a module whose cache grows without end."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for decorator in getattr(node, "decorator_list", []):
            name = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]
            given = {each.arg: ast.unparse(each.value) for each in getattr(decorator, "keywords", [])}
            if name in ("cache_resource", "cache_data") and node.args.args:
                endless = True  # bounded in entries or not, it knows nothing of the others: ui.session.cache does
            elif name in ("cached", "per_run"):
                endless = given.get("max_entries", "None") == "None"
            else:
                endless = name == "cache" or (name == "lru_cache" and given.get("maxsize") == "None")
            if endless and node.name not in FEW:
                found.append(node.name)
    return found


@pytest.mark.parametrize("folder", ["aecore", "ui", "pages"])
def test_every_cache_is_bounded(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert {path.name: endless for path in files if (endless := unbounded(path.read_text()))} == {}


def test_that_look_would_notice():
    code = """
@st.cache_resource(show_spinner=False)
def models(run): ...
@st.cache_data(max_entries=None)
def codes(run): ...
@lru_cache(maxsize=None)
def files(place): ...
@cache
def all_of_them(place): ...
@st.cache_resource(max_entries=3)
def by_itself(run): ...
@cache.cached(max_entries=None)
def endless(run): ...
@cache.cached(max_entries=3)
def bounded(run): ...
@per_run(max_entries=None)
def of_a_run(run): ...
@st.cache_resource
def once(): ...
@lru_cache
def usual(place): ...
"""
    assert unbounded(code) == ["models", "codes", "files", "all_of_them", "by_itself", "endless", "of_a_run"]


def test_a_run_that_was_trained_again_under_its_name_is_another_one_to_caches(monkeypatch):
    config = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,)))
    first, again = (LoadedModel(config, build_recipe(config).model, {"created": created}) for created in (1.0, 2.0))
    assert key_of(first) != key_of(again)
    here = key_of(first)
    monkeypatch.setattr(datasets, "is_available", lambda name: False)
    assert key_of(first) != here, "a data set that is fetched meanwhile takes the place of what stood in for it"


def test_what_is_kept_of_a_run_is_told_apart_by_its_code_and_what_it_learnt_from(monkeypatch):
    """Baselines of runs on one data set differ with the size of the code, and with how many images were learnt."""
    found = []
    for more in ({"latent_dim": 2}, {"latent_dim": 8}, {"latent_dim": 2, "train_size": 50}):
        config = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), **more))
        found.append(statistics.baselines(LoadedModel(config, build_recipe(config).model.eval(), {"created": 1.0})))
    assert found[1]["pca_mse"] < found[0]["pca_mse"] < found[2]["pca_mse"]
    assert found[0]["mean_baseline_mse"] == found[1]["mean_baseline_mse"] != found[2]["mean_baseline_mse"]
    assert np.isfinite([each["pca_mse"] for each in found]).all()


# --- Sizes ------------------------------------------------------------------------------------------------------------


def size(value: Any) -> int:
    return sum(buffers(value).values())


def test_sizes_are_those_of_buffers_each_counted_once():
    array, tensor, raw = np.zeros(1000, np.float64), torch.zeros(500), bytes(3000)
    assert size(array) == 8000 and size(tensor) == 2000 and 3000 <= size(raw) <= 3100
    assert size(array[10:20]) == 8000, "a view keeps the whole array alive"
    assert 8000 <= size([array, array[::2], {"again": (array,)}]) < 8100, "and a little for the text"
    assert 10_000 <= size({"a": array, "b": tensor}) < 10_200
    assert size(torch.from_numpy(array)) == 8000 and size([array, torch.from_numpy(array)]) == 8000
    assert size(np.frombuffer(raw, np.uint8)) == size(raw)
    assert size([0.5] * 1000) >= 8000 and size(None) == size(7) == 0
    itself: list[Any] = [array]
    itself.append(itself)
    assert size(itself) == 8000


def test_models_tables_and_charts_are_weighed_too():
    config = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(64,)))
    model = build_recipe(config).model
    weights = sum(each.nbytes for each in model.state_dict().values())
    assert weights <= size(LoadedModel(config, model, {})) <= weights + 20_000
    assert size(component.blob(bytes(50_000))) == pytest.approx(50_000, rel=0.01)
    assert size(pa.table({"numbers": np.zeros(1000)})) >= 8000
    from ui.widgets import charts

    figure = charts.scatter(np.zeros((2000, 2)), np.zeros(2000, int), ["a"], ["#000"])
    assert size(figure) >= 2 * 8 * 2000


def test_a_package_that_another_thread_is_importing_is_not_asked(monkeypatch):
    """The first screen is drawn while torch comes: for a second there is a module without its classes."""
    for name in ("torch", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert size({"a": np.zeros(1000, np.uint8)}) >= 1000 and size(object()) == 0


# --- One order over all caches ----------------------------------------------------------------------------------------


class Keeper:
    """Keeps arrays under names, until told to drop them."""

    def __init__(self, budget_: CacheBudget) -> None:
        self.budget, self.entries = budget_, {}

    def ask(self, name: str, size_: int | None = None, value: Any = None) -> Any:
        if name not in self.entries:
            made = np.zeros(size_ or 100, np.uint8) if value is None else value
            self.entries[name] = CacheEntry(made, lambda: self.entries.pop(name, None))
        entry = self.entries[name]
        self.budget.touch(entry)
        return entry.value


def test_what_nobody_asked_for_for_longest_goes_first():
    keeper = Keeper(CacheBudget(lambda: 350))
    for name in "abc":
        keeper.ask(name)
    keeper.ask("a")
    keeper.ask("d")
    assert sorted(keeper.entries) == ["a", "c", "d"] and keeper.budget.total == 300
    keeper.ask("e", 200)
    assert sorted(keeper.entries) == ["d", "e"] and keeper.budget.total == 300


def test_what_grows_after_it_was_kept_is_counted_when_it_is_measured_again():
    budget, growing = CacheBudget(lambda: 100_000), {"a": np.zeros(1000)}
    entry = CacheEntry(growing, lambda: None)
    budget.touch(entry)
    growing["b"] = np.zeros(2000)
    before = budget.total
    budget.remeasure(entry)
    assert budget.total == pytest.approx(before + 16_000, abs=200)
    budget.remeasure(entry)
    assert budget.total == pytest.approx(before + 16_000, abs=200), "and once only"


def test_what_a_rival_has_learnt_is_weighed():
    """A nearest-neighbour rival holds its training samples, however it is called."""
    train = datasets.load("digits").train
    assert size(RIVALS["knn"].fit(train, 2)) >= train.to_float().nbytes


def test_two_caches_share_one_budget():
    budget_ = CacheBudget(lambda: 250)
    one, other = Keeper(budget_), Keeper(budget_)
    one.ask("a")
    other.ask("a")
    other.ask("b")
    assert not one.entries and sorted(other.entries) == ["a", "b"] and budget_.total == 200


def test_a_buffer_that_entries_share_counts_once_and_goes_with_the_last():
    keeper, array = Keeper(CacheBudget(lambda: 250)), np.zeros(200, np.uint8)
    keeper.ask("whole", value=array)
    keeper.ask("part", value=array[50:])
    assert sorted(keeper.entries) == ["part", "whole"] and keeper.budget.total == 200
    keeper.ask("more")
    assert sorted(keeper.entries) == ["more"], "dropping one of the two would have made no room"
    assert keeper.budget.total == 100


def test_what_is_larger_than_everything_is_given_and_not_kept():
    keeper = Keeper(CacheBudget(lambda: 250))
    keeper.ask("small")
    assert len(keeper.ask("large", 1000)) == 1000
    assert sorted(keeper.entries) == ["small"] and keeper.budget.total == 100


def test_what_a_cache_forgets_by_itself_is_counted_no_more():
    keeper = Keeper(CacheBudget(lambda: 1000))
    keeper.ask("a")
    keeper.ask("b")
    del keeper.entries["a"]
    gc.collect()
    assert keeper.budget.total == 100


def test_many_threads_leave_the_sum_right():
    keeper, rng = Keeper(CacheBudget(lambda: 2000)), np.random.default_rng(0)
    asked = [[str(each) for each in rng.integers(0, 50, 300)] for _ in range(4)]

    def ask(names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(KeyError):  # dropped by another thread between two lines of the keeper's own
                keeper.ask(name)

    threads = [threading.Thread(target=ask, args=(names,)) for names in asked]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    gc.collect()
    assert keeper.budget.total <= 2000
    keeper.entries.clear()
    gc.collect()
    assert keeper.budget.total == 0


# --- The caches of pages ----------------------------------------------------------------------------------------------

CALLS: list[str] = []


@cache.cached(max_entries=8)
def _kilobytes(name: str, count: int, _of: Any = None) -> np.ndarray:
    CALLS.append(name)
    return np.zeros(1000 * count, np.uint8)


@cache.cached(max_entries=8)
def _others(name: str) -> np.ndarray:
    return np.zeros(100_000, np.uint8)


@pytest.fixture
def narrow(monkeypatch):
    """A budget of 250 KB for all caches of this process, which are empty."""
    monkeypatch.setenv("AECORE_CACHE_BYTES", "250000")
    monkeypatch.setattr(cache, "CACHE_BUDGET", CacheBudget(lambda: 250_000))
    for each in (_kilobytes, _others):
        each.clear()
    CALLS.clear()
    return cache.CACHE_BUDGET


def test_results_are_kept_until_room_is_needed(narrow):
    first = _kilobytes("a", 100)
    assert _kilobytes("a", 100) is first and CALLS == ["a"]
    _others("b")
    assert narrow.total == 200_000 and cache.status() == "Cache: 0.2 MB of 0.25 MB"
    _others("c")
    assert narrow.total == 200_000
    assert _kilobytes("a", 100) is not first and CALLS == ["a", "a"]


def test_a_result_larger_than_the_budget_is_made_again_for_each_asker(narrow):
    assert len(_kilobytes("large", 300)) == len(_kilobytes("large", 300)) == 300_000
    assert CALLS == ["large", "large"] and narrow.total == 0


def test_what_a_result_was_made_of_is_not_kept_with_it(narrow):
    class Model:
        pass

    model = Model()
    _kilobytes("a", 1, model)
    assert [each for each in gc.get_referrers(model) if not isinstance(each, type(sys._getframe()))] == []


def test_a_cache_cleared_by_hand_is_counted_no_more(narrow):
    _kilobytes("a", 100)
    _kilobytes("b", 100)
    _kilobytes.clear("a", 100)
    gc.collect()
    assert narrow.total == 100_000
    _kilobytes.clear()
    gc.collect()
    assert narrow.total == 0


def test_one_model_serves_all_that_look_at_it_even_when_it_is_not_kept(narrow, monkeypatch, tmp_path):
    """Larger than the budget: it is read once as long as somebody holds it, and again when nobody does."""
    from aecore.analysis import loaded
    from aecore.content.gallery import PRETRAINED_MODELS

    run = resolve_config(PRETRAINED_MODELS["digits-vae-2d"].config).id
    read: list[str] = []
    load = loaded.load
    monkeypatch.setattr(loaded, "load", lambda name, **how: read.append(name) or load(name, **how))
    monkeypatch.setenv("AECORE_CACHE_BYTES", "1000")
    monkeypatch.setattr(cache, "CACHE_BUDGET", CacheBudget(lambda: 1000))
    models.load_model.clear()
    held = models.load_model(run, -1.0)
    assert models.load_model(run, -1.0) is held and read == [run]
    del held
    gc.collect()
    assert models.load_model(run, -1.0) and read == [run, run]


def test_data_sets_come_under_the_same_budget(monkeypatch):
    datasets._CACHE.clear()
    gc.collect()
    monkeypatch.setattr(datasets, "CACHE_BUDGET", CacheBudget(lambda: 1 << 30))
    datasets.load("digits")
    datasets.load("shapes")
    pixels = sum(each.x.nbytes for each in vars(datasets.load("shapes")).values() if isinstance(each, datasets.Split))
    assert datasets.CACHE_BUDGET.total > pixels > 10e6
    monkeypatch.setattr(datasets.CACHE_BUDGET, "max_bytes", lambda: 1 << 20)
    datasets._CACHE.clear()
    gc.collect()
    datasets.load("digits")
    datasets.load("shapes")
    assert [name for name, _ in datasets._CACHE] == ["digits"], "the larger one is read for its asker alone"
    datasets._CACHE.clear()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_what_was_freed_goes_back_to_the_system():
    import psutil

    process = psutil.Process()
    kept = [bytes(100_000) for _ in range(1000)]  # below what the allocator maps by itself
    pins = [bytes(64) for _ in range(1000)]
    full = process.memory_info().rss
    del kept
    cache_budget.trim_memory()
    assert full - process.memory_info().rss > 50e6 and pins


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_process_that_has_grown_tidies_up(monkeypatch):
    tidied: list[int] = []
    monkeypatch.setattr(cache_budget, "trim_memory", lambda: tidied.append(1))
    monkeypatch.setattr(cache_budget, "_malloc_function", lambda name: None)  # other tests' arrays stay as they are
    tidy = cache_budget.MemoryTrimmer()
    tidy.check()
    assert not tidied
    held = np.ones(cache_budget.GROWTH_BYTES * 2, np.uint8)
    tidy.check()
    tidy.check()
    assert len(tidied) == 1 and held[0], "and not again until it has grown again"


def test_what_lies_in_cycles_is_given_back_too():
    class Page:
        pass

    page, gone = Page(), []
    page.self = page  # as the globals of a page's script and the functions in them
    weakref.finalize(page, gone.append, 1)
    del page
    cache_budget.trim_memory()
    assert gone
