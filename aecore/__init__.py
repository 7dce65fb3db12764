"""The library of the autoencoder laboratory: data, models, training, runs and what is measured of them. No pages here.

Each name below is imported when it is first used (PEP 562), so that `import aecore` is quick and loads no torch.

Examples
--------
>>> import aecore
>>> config = aecore.resolve_config(aecore.default_config("digits", family="vanilla", epochs=3))
>>> *_, last = aecore.run_training(config, "cpu")
>>> run = aecore.load_model(config.id)
>>> x = aecore.load_dataset("digits").test.to_float()
>>> run.encode(x).shape
(359, 2)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aecore.analysis import metrics as metrics
    from aecore.analysis import projections as projections
    from aecore.analysis.diagnosis.doctor import diagnose as diagnose
    from aecore.analysis.evaluation import evaluate_run as evaluate_run
    from aecore.analysis.loaded import LoadedModel as LoadedModel
    from aecore.analysis.loaded import load as load_model  # noqa: F401
    from aecore.config import Config as Config
    from aecore.content.gallery import list_runs as list_runs
    from aecore.data.datasets import Dataset as Dataset
    from aecore.data.datasets import Split as Split
    from aecore.data.datasets import load as load_dataset  # noqa: F401
    from aecore.data.download import download as download_dataset  # noqa: F401
    from aecore.errors import UserError as UserError
    from aecore.export.onnx import export_onnx as export_onnx
    from aecore.export.torch_export import export_run as export_run
    from aecore.jobs.api import cancel as cancel
    from aecore.jobs.api import submit as submit
    from aecore.jobs.api import watch as watch
    from aecore.jobs.worker import run_training as run_training
    from aecore.models.families.build import FAMILIES as FAMILIES
    from aecore.models.families.build import build_recipe as build_recipe
    from aecore.models.families.build import resolve_config as resolve_config
    from aecore.models.families.registry import Family as Family
    from aecore.models.presets import default_config as default_config
    from aecore.models.recipe import Recipe as Recipe
    from aecore.store.run_info import RunInfo as RunInfo
    from aecore.training.loop import fit as fit

_SOURCES = {
    # data
    "load_dataset": "aecore.data.datasets:load",
    "download_dataset": "aecore.data.download:download",
    "Dataset": "aecore.data.datasets:Dataset",
    "Split": "aecore.data.datasets:Split",
    # settings and models
    "Config": "aecore.config:Config",
    "default_config": "aecore.models.presets:default_config",
    "resolve_config": "aecore.models.families.build:resolve_config",
    "FAMILIES": "aecore.models.families.build:FAMILIES",
    "Family": "aecore.models.families.registry:Family",
    "build_recipe": "aecore.models.families.build:build_recipe",
    "Recipe": "aecore.models.recipe:Recipe",
    # training
    "fit": "aecore.training.loop:fit",
    "run_training": "aecore.jobs.worker:run_training",
    "submit": "aecore.jobs.api:submit",
    "watch": "aecore.jobs.api:watch",
    "cancel": "aecore.jobs.api:cancel",
    # runs, and what is measured of them
    "list_runs": "aecore.content.gallery:list_runs",
    "RunInfo": "aecore.store.run_info:RunInfo",
    "load_model": "aecore.analysis.loaded:load",
    "LoadedModel": "aecore.analysis.loaded:LoadedModel",
    "evaluate_run": "aecore.analysis.evaluation:evaluate_run",
    "diagnose": "aecore.analysis.diagnosis.doctor:diagnose",
    "metrics": "aecore.analysis.metrics",
    "projections": "aecore.analysis.projections",
    "export_run": "aecore.export.torch_export:export_run",
    "export_onnx": "aecore.export.onnx:export_onnx",
    "UserError": "aecore.errors:UserError",
}
__all__ = sorted(_SOURCES)


def __getattr__(name: str) -> Any:
    if name not in _SOURCES:
        raise AttributeError(f"module 'aecore' has no attribute {name!r}")
    module, _, attribute = _SOURCES[name].partition(":")
    imported = import_module(module)
    value = getattr(imported, attribute) if attribute else imported
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_SOURCES})
