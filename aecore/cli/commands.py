"""The commands: each takes the parsed options and prints its answer. What is slow to import, each imports itself."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import sys
from pathlib import Path
from typing import Any

from aecore import disk
from aecore.cli import own_data
from aecore.cli.output import Row, follow_run, format_values, print_rows, progress_bar
from aecore.config import Config
from aecore.content import gallery
from aecore.errors import UserError
from aecore.jobs import api, supervisor
from aecore.models import presets
from aecore.params import Param, params_of
from aecore.store import runs
from aecore.store.run_info import RunInfo


def datasets(args: argparse.Namespace) -> None:
    """List the data sets, download one, or add, delete or restore one of one's own."""
    if args.add or args.delete or args.restore:
        own_data.run(args)
        return
    from tqdm import tqdm

    from aecore.data.cards import CARDS
    from aecore.data.datasets import is_available
    from aecore.data.download import download

    if args.download:
        with tqdm(total=100, unit="%", disable=args.json or not sys.stderr.isatty()) as bar:
            for fraction in download(args.download):
                bar.update(round(100 * fraction) - bar.n)
    rows = [
        {
            "name": card.name,
            "available": "yes" if is_available(card.name) else "no",
            "shape": card.shape,
            "n_train": card.n_train,
            "n_validation": card.n_validation,
            "n_test": card.n_test,
            "download_size": f"{card.download_bytes / 1e6:.1f} MB" if card.download_bytes else "none",
            "licence": card.licence,
        }
        for card in CARDS.values()
    ]
    print_rows(rows, args.json)


def families(args: argparse.Namespace) -> None:
    """List the families of autoencoders with their parameters."""
    from aecore.models.families.build import FAMILIES

    if args.json:
        rows = [
            {"name": each.name, "description": each.doc, "params": [_param_row(param) for param in each.params]}
            for each in FAMILIES.values()
        ]
        print(json.dumps(rows))
        return
    for each in FAMILIES.values():
        print(f"{each.name}: {each.doc}\n")
        for param in each.params:
            print(f"  --set {param.name}={param.default}  ({_value_range(param)}) {param.info.description}")
        print()


def _param_row(param: Param) -> Row:
    return {
        "name": param.name,
        "type": param.value_type.__name__,
        "default": param.default,
        "choices": param.choices,
        **dataclasses.asdict(param.info),
    }


def _value_range(param: Param) -> str:
    """What a parameter may be, in words."""
    if param.choices:
        return ", ".join(param.choices)
    return "true or false" if param.value_type is bool else f"{param.info.min:g} to {param.info.max:g}"


def _config_from_args(args: argparse.Namespace) -> Config:
    """The run that the options describe: the data set's default settings, with the given options put over them."""
    from aecore.models.families.registry import get_family

    fields = {param.name: param for param in params_of(Config)}
    given: dict[str, Any] = {
        name: param.validate(value) for name, param in fields.items() if (value := getattr(args, name)) is not None
    }
    family_params = dict(pair.split("=", 1) if "=" in pair else (pair, "") for pair in args.set)
    network = given.get("network")
    defaults = presets.default_config(
        args.dataset, str(network) if network else None, args.preset, **get_family(args.family).defaults
    )
    return dataclasses.replace(defaults, family=args.family, params=family_params, **given)


def _user() -> str:
    """Who this is in the queue of a server."""
    return f"{getpass.getuser()} (command line)"


def watch(args: argparse.Namespace) -> None:
    """Follow a run until it stops."""
    entry = runs.entry(args.target)
    if entry.config is None:
        raise UserError(f"{entry.id} is broken: {entry.message}")
    entry = follow_run(args.target, args.json)
    print_rows([{"id": entry.id, "state": entry.state, "message": entry.message}], args.json)


def train(args: argparse.Namespace) -> None:
    """Train a model: in the queue of a server that runs, else in this process; nothing where it is trained already."""
    from aecore.models.families.build import resolve_config

    config = resolve_config(_config_from_args(args))
    already_trained = _is_finished(config.id)
    if not already_trained and supervisor.has_active_server():
        api.submit(config, args.device, _user())
        try:
            follow_run(config.id, args.json)
        except KeyboardInterrupt:
            api.cancel(config.id, _user())
            raise
    elif not already_trained:
        from aecore.jobs.worker import run_training

        with progress_bar(config, args.json) as update:
            for progress in run_training(config, args.device):
                update(progress.epoch, progress.validation or progress.train)
    entry = runs.entry(config.id)
    if not entry.finished:
        raise UserError(entry.message)
    _print_result(entry, already_trained, args.json)


def _is_finished(run: str) -> bool:
    try:
        return runs.entry(run).finished
    except runs.UnknownRun:
        return False


def _print_result(entry: RunInfo, already_trained: bool, as_json: bool) -> None:
    result = dict(entry.result)
    loss = {split: sum(result[split].values()) for split in ("train", "test")}
    if as_json:
        print(json.dumps({"id": entry.id, "already_trained": already_trained, **result, "loss": loss}))
        return
    print(f"{entry.id}: {'already trained' if already_trained else 'trained'} in {result['seconds']:.1f} s")
    print(f"test loss {loss['test']:.2f} nats per sample, MSE {result['mse']:.5f} per pixel")


def list_runs(args: argparse.Namespace) -> None:
    """List the runs: own ones newest first, then the gallery."""
    if error := disk.runs_dir_error():
        print(f"aecore: {error}", file=sys.stderr)
    if error := gallery.gallery_error():
        print(f"aecore: {error}", file=sys.stderr)
    rows: list[Row] = [
        {
            "id": each.id,
            "state": each.state,
            "mse": each.result.get("mse", float("nan")),
            "seconds": each.result.get("seconds", float("nan")),
            "pretrained": "yes" if each.pretrained else "no",
            "message": each.message,
        }
        for each in gallery.list_runs()
    ]
    print_rows(rows, args.json)


def evaluate(args: argparse.Namespace) -> None:
    """Evaluate a finished run on the test set, computed afresh."""
    from aecore.analysis import loaded
    from aecore.analysis.evaluation import evaluate_run

    run = loaded.load(Path(args.target).name)  # a run, or the folder that it lies in
    result: dict[str, Any] = {"id": run.id, **evaluate_run(run)}
    print(json.dumps(result) if args.json else "\n".join(format_values(result)))


def pretrain(args: argparse.Namespace) -> None:
    """Build the gallery, or one model of it."""
    from aecore.content.build_gallery import build_model

    models = [gallery.pretrained_model(args.target)] if args.target else gallery.PRETRAINED_MODELS.values()
    for each in models:
        with progress_bar(each.config, args.json) as update:
            run = build_model(
                each, lambda progress: update(progress.epoch, progress.validation or progress.train), args.force
            )
        print_rows([{"name": each.name, "id": run, "mse": runs.entry(run).result["mse"]}], args.json)


def upgrade(args: argparse.Namespace) -> None:
    """Convert a folder of format 1, and say what became of each run in it."""
    from aecore.store.upgrade.folder import upgrade_folder

    report = upgrade_folder(Path(args.target) if args.target else disk.runs_dir())
    rows: list[Row] = [{"id": old, "new_id": new, "message": ""} for old, new in report.upgraded.items()]
    rows += [{"id": each, "new_id": "", "message": why} for each, why in report.left.items()]
    print_rows(rows, args.json)
    if not args.json:
        database = "; the database was converted" if report.database else ""
        print(f"{len(report.upgraded)} upgraded, {len(report.left)} left as they are{database}.")
