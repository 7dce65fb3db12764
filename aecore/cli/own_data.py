"""The options of `datasets` that add a data set of one's own, and delete it."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from aecore.cli.output import Row, print_rows

# fields of aecore.data.adding.AddOptions that are texts or whole numbers, with what they are
TEXTS = {
    "name": ("TEXT", "title of the data set that is added (default: the name of the file)"),
    "label": ("COLUMN", "its classes; - for none (default: a column called class, label, target, species or y)"),
    "licence": ("TEXT", "under which licence others may use it"),
    "id_column": ("COLUMN", "which series a row belongs to"),
    "time_column": ("COLUMN", "when a row of a series was measured"),
    "group_column": ("COLUMN", "rows of one value here stay in one split"),
    "split_time_column": ("COLUMN", "the last rows in this order are for testing"),
}
CHOICES = {
    "kind": (("image", "table", "series", "vector", "points"), "what the samples are (default: guessed)"),
    "layout": (("rows", "long", "windows"), "of series: a row each, a row for each moment, or one that is cut"),
}
COUNTS = {
    "side": "pixels that pictures are fitted to",
    "window": "moments of a window",
    "stride": "moments from one window to the next",
    "seed": "of the random split",
}


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `datasets` that add, delete and restore."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--download", metavar="NAME", help="fetch this data set into AECORE_DATA")
    what.add_argument("--add", metavar="PATH", help="add a zip of pictures, a CSV or Parquet table, or .npz arrays")
    what.add_argument("--delete", metavar="NAME", help="delete a data set that was added; it can be restored for a day")
    what.add_argument("--restore", metavar="TICKET", help="restore a data set, by what --delete printed")
    more = command.add_argument_group("with --add")
    for name, (metavar, help) in TEXTS.items():
        more.add_argument(_option(name), metavar=metavar, help=help)
    for name, (choices, help) in CHOICES.items():
        more.add_argument(_option(name), choices=choices, help=help)
    for name, help in COUNTS.items():
        more.add_argument(_option(name), type=int, metavar="N", help=help)
    more.add_argument("--colour", action=argparse.BooleanOptionalAction, help="keep colours (default: where there are)")
    more.add_argument(
        "--column", action="append", default=[], metavar="NAME=KIND", help="number, category, ... or drop"
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run(args: argparse.Namespace) -> None:
    """Add, delete or restore, whichever is asked for."""
    act = add if args.add else delete if args.delete else restore
    act(args)


def add(args: argparse.Namespace) -> None:
    """Add a data set, and print what was understood of it."""
    from aecore.data.adding import AddOptions, keep, understand

    given = {name: getattr(args, name) for name in (*TEXTS, *CHOICES, *COUNTS, "colour")}
    kinds = dict(pair.rpartition("=")[::2] for pair in args.column)
    options = AddOptions(
        **{name: value for name, value in given.items() if value is not None},
        column_kinds=kinds,
        added_by=f"{getpass.getuser()} (command line)",
    )
    quiet = args.json or not sys.stderr.isatty()
    report = None if quiet else lambda said: print(said, end="\r", file=sys.stderr)
    with understand(Path(args.add), options, report) as found:
        card = keep(found, options)
    row: Row = {"name": card.name, "kind": found.kind, "size": card.modality.size, "n_samples": found.n_samples}
    row |= {"classes": len(found.classes), "bytes": card.origin.bytes if card.origin else 0}
    if args.json:
        print_rows([row | {"notes": list(found.notes)}], True)
        return
    print_rows([row], False)
    for note in found.notes:
        print(f"- {note}")


def delete(args: argparse.Namespace) -> None:
    """Move a data set that was added to the trash."""
    from aecore.data import adding

    print_rows([{"deleted": args.delete, "ticket": adding.delete(args.delete)}], args.json)


def restore(args: argparse.Namespace) -> None:
    """Take a deleted data set back."""
    from aecore.data import adding

    print_rows([{"restored": adding.restore(args.restore)}], args.json)
