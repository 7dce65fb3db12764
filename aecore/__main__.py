"""The command line: python -m aecore datasets | families | train | watch RUN | runs | evaluate RUN | pretrain |
export RUN."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aecore import disk
from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS, pretrained_model
from aecore.errors import UserError
from aecore.jobs import api, queue_position, supervisor
from aecore.models import presets
from aecore.params import params_of
from aecore.store import runs

Row = dict[str, Any]


def table(rows: Iterable[Row]) -> str:
    """Rows as aligned columns for a terminal."""
    rows = list(rows)
    if not rows:
        return "(none)"
    names = list(rows[0])
    texts = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in texts) for i in range(len(names))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in texts)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def show(rows: list[Row], as_json: bool) -> None:
    print(json.dumps(rows, default=str) if as_json else table(rows))


def datasets(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from aecore.data import datasets as data
    from aecore.data.cards import CARDS
    from aecore.data.download import download

    if args.download:
        with tqdm(total=100, unit="%", disable=args.json or not sys.stderr.isatty()) as bar:
            for share in download(args.download):
                bar.update(round(100 * share) - bar.n)
    cards = CARDS.values()
    show(
        [
            {
                "name": card.name,
                "here": "yes" if data.is_available(card.name) else "no",
                "shape": card.shape,
                "train": card.n_train,
                "validation": card.n_validation,
                "test": card.n_test,
                "download": f"{card.download_bytes / 1e6:.1f} MB" if card.download_bytes else "none",
                "licence": card.licence,
            }
            for card in cards
        ],
        args.json,
    )


def families(args: argparse.Namespace) -> None:
    from aecore.models.families.build import FAMILIES

    if args.json:
        knob = lambda k: {  # noqa: E731
            "name": k.name,
            "kind": k.value_type.__name__,
            "default": k.default,
            "choices": k.choices,
            **dataclasses.asdict(k.info),
        }
        print(
            json.dumps(
                [{"name": f.name, "doc": f.doc, "knobs": [knob(k) for k in f.params]} for f in FAMILIES.values()]
            )
        )
        return
    for each in FAMILIES.values():
        print(f"{each.name}: {each.doc}\n")
        for k in each.params:
            span = (
                "true or false"
                if k.value_type is bool
                else f"{k.info.min:g} to {k.info.max:g}"
                if not k.choices
                else ""
            )
            span = span or ", ".join(k.choices)
            print(f"  --set {k.name}={k.default}  ({span}) {k.info.description}")
        print()


def _config_from_args(args: argparse.Namespace) -> Config:
    """The run that the options describe: the data set's own start, with what was said put over it."""
    said = {k.name: v for k in params_of(Config) if (v := getattr(args, k.name)) is not None}
    said = {name: next(k for k in params_of(Config) if k.name == name).validate(value) for name, value in said.items()}
    knobs = dict(pair.split("=", 1) if "=" in pair else (pair, "") for pair in args.set)
    from aecore.models.families.registry import get_family

    network = said.get("network")
    start = presets.default_config(
        args.dataset, str(network) if network else None, args.preset, **get_family(args.family).defaults
    )
    return dataclasses.replace(start, family=args.family, knobs=knobs, **said)


def _user() -> str:
    """Who this is in the queue of a laboratory."""
    return f"{getpass.getuser()} at the command line"


@contextlib.contextmanager
def progress_bar(config: Config, quiet: bool) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """A line that shows how far a training is: called with the epochs done and the parts of the loss."""
    from tqdm import tqdm

    with tqdm(total=config.epochs, unit="epoch", disable=quiet or not sys.stderr.isatty()) as line:

        def show(epoch: int, parts: Mapping[str, float]) -> None:
            line.update(epoch - line.n)
            line.set_postfix({name: f"{nats:.2f}" for name, nats in parts.items()})

        yield show


def follow(run: str, quiet: bool) -> runs.RunInfo:
    """Shows how far a run of the laboratory is until it comes to rest."""
    entry = runs.entry(run)
    assert entry.config
    said = ""
    with progress_bar(entry.config, quiet) as shown:
        for entry in api.watch(run):
            progress = entry.progress
            if "train" in progress:
                shown(progress["epoch"], progress["validation"] or progress["train"])
            if entry.state == "waiting" and not quiet:
                place = queue_position.position(run)
                words = f"waiting: {place.ahead} before it"
                words += f", about {place.seconds:.0f} s" if place.seconds else ""
                if words != said:
                    print(words, file=sys.stderr)
                said = words
    return entry


def watch(args: argparse.Namespace) -> None:
    entry = runs.entry(args.target)
    if entry.config is None:
        raise UserError(f"{entry.id} is broken: {entry.message}")
    entry = follow(args.target, args.json)
    show([{"id": entry.id, "state": entry.state, "note": entry.message}], args.json)


def train(args: argparse.Namespace) -> None:
    from aecore.models.families.build import resolve_config

    config = resolve_config(_config_from_args(args))
    try:
        found = runs.entry(config.id).finished
    except runs.UnknownRun:
        found = False
    if not found and supervisor.has_active_server():
        api.submit(config, args.device, _user())
        try:
            follow(config.id, args.json)
        except KeyboardInterrupt:
            api.cancel(config.id, _user())
            raise
    elif not found:
        from aecore.jobs.worker import run_training

        with progress_bar(config, args.json) as shown:
            for progress in run_training(config, args.device):
                shown(progress.epoch, progress.validation or progress.train)
    entry = runs.entry(config.id)
    if not entry.finished:
        raise UserError(entry.message)
    result = dict(entry.result)
    said = {
        "id": config.id,
        "found": found,
        **result,
        "loss": {k: sum(result[k].values()) for k in ("train", "test")},
    }
    if args.json:
        print(json.dumps(said))
        return
    print(f"{config.id}: {'found, nothing was trained' if found else 'trained'} in {result['seconds']:.1f} s")
    print(f"test loss {said['loss']['test']:.2f} nats per picture, squared error {result['mse']:.5f} per pixel")


def list_runs(args: argparse.Namespace) -> None:
    if wrong := disk.runs_dir_error():
        print(f"aecore: {wrong}", file=sys.stderr)
    show(
        [
            {
                "id": each.id,
                "state": each.state,
                "error": each.result.get("mse", float("nan")),
                "seconds": each.result.get("seconds", float("nan")),
                "gallery": "yes" if each.pretrained else "no",
                "note": each.message,
            }
            for each in runs.entries()
        ],
        args.json,
    )


def evaluate(args: argparse.Namespace) -> None:
    """What a finished run scores on the test pictures, computed afresh."""
    from aecore.analysis import loaded
    from aecore.analysis.evaluation import evaluate_run

    opened = loaded.load(Path(args.target).name)  # a run, or the folder that it lies in
    said = {"id": opened.id, **evaluate_run(opened)}
    print(json.dumps(said) if args.json else "\n".join(_lines(said)))


def _lines(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A line for each number, or list of them, however deep it lies."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        else:
            numbers = value if isinstance(value, list) else [value]
            words = (f"{each:.6g}" if isinstance(each, float) else str(each) for each in numbers)
            yield f"{prefix}{name}: {', '.join(words)}"


def pretrain(args: argparse.Namespace) -> None:
    """Makes the gallery, or one model of it."""
    from aecore.content.build_gallery import build_model

    for each in [pretrained_model(args.target)] if args.target else PRETRAINED_MODELS.values():
        with progress_bar(each.config, args.json) as shown:
            run = build_model(
                each, lambda progress: shown(progress.epoch, progress.validation or progress.train), args.anew
            )
        show([{"name": each.name, "id": run, "error": runs.entry(run).result["mse"]}], args.json)


def export(args: argparse.Namespace) -> None:
    from aecore.export.torch_export import export_onnx, export_run

    if args.onnx:
        files = export_onnx(args.target, Path(args.onnx))
    else:
        files = export_run(args.target, Path(args.to or Path("exports") / args.target))
    show([{"file": str(file), "bytes": file.stat().st_size} for file in files], args.json)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m aecore", description="The autoencoder laboratory without its pages.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.add_argument("--json", action="store_true", help="answer in JSON, for machines")
        added.set_defaults(run=run, command=name)
        return added

    one = command("datasets", datasets, "list the data sets, or download one")
    one.add_argument("--download", metavar="NAME", help="fetch this data set into AECORE_DATA")
    command("families", families, "list the families of autoencoders and their knobs")
    one = command("train", train, "train a model; the same settings a second time are found, not trained")
    one.add_argument("--dataset", default="digits")
    one.add_argument("--family", default="vae")
    about = "; ".join(f"{name}: {preset.description}" for name, preset in presets.PRESETS.items())
    one.add_argument("--preset", default="usual", metavar="|".join(presets.PRESETS), help=about)
    for knob in params_of(Config):
        one.add_argument(
            f"--{knob.name.replace('_', '-')}", metavar="|".join(knob.choices) or None, help=knob.info.description
        )
    one.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a knob of the family's own")
    one.add_argument("--device", help="cpu, cuda or mps; else AECORE_DEVICE, else the fastest there is")
    command("watch", watch, "follow a run until it comes to rest").add_argument("target", metavar="RUN")
    command("runs", list_runs, "list the runs")
    command("evaluate", evaluate, "score a run on the test pictures").add_argument("target", metavar="RUN")
    one = command("pretrain", pretrain, "make the gallery: train the models in pretrained/ that are not there")
    one.add_argument("target", nargs="?", metavar="NAME", help="only this one: " + ", ".join(PRETRAINED_MODELS))
    one.add_argument("--anew", action="store_true", help="also those that are there")
    one = command("export", export, "write a run's encoder and decoder for use without this laboratory")
    one.add_argument("target", metavar="RUN")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--to", metavar="FOLDER", help="where to (default: exports/RUN)")
    where.add_argument("--onnx", metavar="FOLDER", help="write encoder.onnx and decoder.onnx there instead")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    try:
        args.run(args)
    except UserError as error:
        print(json.dumps({"error": str(error)}) if args.json else f"aecore: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
