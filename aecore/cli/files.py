"""The commands that write files of a run: `export` and `figure`."""

from __future__ import annotations

import argparse
from pathlib import Path

from aecore.cli.output import print_rows
from aecore.errors import UserError

FIGURES = ("manifold", "map", "losses")  # aecore.content.run_figures, which needs torch


def export(args: argparse.Namespace) -> None:
    """Export a run: its encoder and decoder, its weights, its codes, or an offline page."""
    _print_files(_exported(args), args.json)


def _exported(args: argparse.Namespace) -> list[Path]:
    from aecore.analysis import loaded
    from aecore.content import downloads
    from aecore.export import codes, folder
    from aecore.export.onnx import export_onnx
    from aecore.export.torch_export import export_run

    if args.onnx:
        return export_onnx(args.target, Path(args.onnx))
    if args.safetensors:
        weights = downloads.weights(loaded.load(args.target))
        folder.make_folder(Path(args.safetensors))
        return folder.publish(weights, Path(args.safetensors))
    if args.html:
        (page,) = downloads.page(loaded.load(args.target)).values()
        return folder.write_file(Path(args.html), page)
    if args.codes:
        file = Path(args.codes)
        write = codes.FORMATS[_suffix(file, ("csv", "parquet", "npz"))]
        return folder.write_file(file, write(downloads.codes_of_all(loaded.load(args.target))))
    return export_run(args.target, Path(args.to or Path("exports") / args.target))


def figure(args: argparse.Namespace) -> None:
    """Write a figure of a run as an offline page, as SVG, or as PNG."""
    from aecore.content import run_figures
    from aecore.export import figures, folder

    file = Path(args.to or f"{args.target}-{args.figure}.html")
    write = figures.FORMATS[_suffix(file, ("html", "svg", "png"))]
    drawn = run_figures.FIGURES[args.figure](args.target)
    _print_files(folder.write_file(file, write(drawn)), args.json)


def _suffix(file: Path, known: tuple[str, ...]) -> str:
    """What the name of a file ends in, one of `known`; UserError when it does not."""
    suffix = file.suffix.lower().removeprefix(".")
    if suffix not in known:
        *others, last = (f".{each}" for each in known)
        raise UserError(f"{file.name} ends in none of {', '.join(others)} and {last}: name the file so.")
    return suffix


def _print_files(files: list[Path], as_json: bool) -> None:
    print_rows([{"file": str(file), "bytes": file.stat().st_size} for file in files], as_json)
