"""The options of the command line, and where it begins."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from aecore.cli import commands, detection, files, own_data
from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.errors import UserError
from aecore.models import presets
from aecore.params import params_of


def parser() -> argparse.ArgumentParser:
    """The commands and their options; those of `train` are made of the fields of `Config`."""
    top = argparse.ArgumentParser(
        prog="python -m aecore", description="The autoencoder laboratory from the command line."
    )
    group = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
        added = group.add_parser(name, help=help, description=help)
        added.add_argument("--json", action="store_true", help="answer in JSON, for machines")
        added.set_defaults(run=run, command=name)
        return added

    own_data.add_options(command("datasets", commands.datasets, "list the data sets, download one, or add your own"))
    command("families", commands.families, "list the models and their parameters")
    _add_train_options(
        command("train", commands.train, "train a model; the same settings a second time are not trained again")
    )
    command("watch", commands.watch, "follow a run until it stops").add_argument("target", metavar="RUN")
    command("runs", commands.list_runs, "list the runs")
    command("evaluate", commands.evaluate, "evaluate a run on the test set").add_argument("target", metavar="RUN")
    detection.add_options(command("detect", detection.detect, "find anomalies with a run, beside rivals"))
    one = command("pretrain", commands.pretrain, "build the gallery: train the missing models of pretrained/")
    one.add_argument("target", nargs="?", metavar="NAME", help="only this one: " + ", ".join(PRETRAINED_MODELS))
    one.add_argument("--force", action="store_true", help="also those that exist")
    one = command("export", files.export, "export a run: encoder and decoder, weights, codes, or an offline page")
    one.add_argument("target", metavar="RUN")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--to", metavar="FOLDER", help="where to (default: exports/RUN)")
    where.add_argument("--onnx", metavar="FOLDER", help="write encoder.onnx and decoder.onnx there instead")
    where.add_argument("--safetensors", metavar="FOLDER", help="write weights, settings and model card there instead")
    where.add_argument("--html", metavar="FILE", help="write one page with the decoder inside, which opens offline")
    where.add_argument("--codes", metavar="FILE", help="write the codes of all images as .csv, .parquet or .npz")
    one = command("figure", files.figure, "write a figure of a run: an offline page, SVG, or PNG of a manifold")
    one.add_argument("target", metavar="RUN")
    one.add_argument("--figure", choices=files.FIGURES, default="manifold", help="which (default: manifold)")
    one.add_argument("--to", metavar="FILE", help="a name that ends in .html, .svg or .png (default: RUN-FIGURE.html)")
    one = command("upgrade", commands.upgrade, "convert runs of format 1 to the names of format 2")
    one.add_argument("target", nargs="?", metavar="FOLDER", help="the folder of the runs (default: AECORE_RUNS)")
    return top


def _add_train_options(train: argparse.ArgumentParser) -> None:
    train.add_argument("--dataset", default="digits")
    train.add_argument("--family", default="vae")
    about = "; ".join(f"{name}: {preset.description}" for name, preset in presets.PRESETS.items())
    train.add_argument("--preset", default="default", metavar="|".join(presets.PRESETS), help=about)
    for param in params_of(Config):
        option, choices = f"--{param.name.replace('_', '-')}", "|".join(param.choices) or None
        train.add_argument(option, metavar=choices, help=param.info.description)
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the model")
    train.add_argument("--device", help="cpu, cuda or mps; else AECORE_DEVICE, else the fastest there is")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. Errors for people are one sentence on standard error."""
    args = parser().parse_args(arguments)
    try:
        args.run(args)
    except UserError as error:
        print(json.dumps({"error": str(error)}) if args.json else f"aecore: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
