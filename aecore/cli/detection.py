"""The command `detect`: what a run is worth as a detector of anomalies, beside rivals without an autoencoder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aecore.cli.output import Row, format_table
from aecore.errors import UserError

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.detection import Detection

MEASURES = ("auroc", "average_precision", "recall_at_1_percent")


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `detect`."""
    command.add_argument("target", metavar="RUN")
    command.add_argument("--data", default="", metavar="NAME", help="a data set that is odd as a whole")
    command.add_argument("--score", default="", metavar="NAME", help="how odd a sample is (default: reconstruction)")
    command.add_argument(
        "--threshold",
        default="",
        metavar="RULE",
        help="quantile:0.99, sigma:3, conformal:0.01, fdr:0.1 or cost:MISS,FALSE_ALARM (default: quantile:0.99)",
    )
    command.add_argument("--base-rate", metavar="SHARE", help="of anomalies where it will work (default: 0.01)")
    command.add_argument(
        "--false-alarms", metavar="ROWS", help="of the test samples, with commas: they are normal, and calibrate"
    )
    command.add_argument("--export", metavar="FOLDER", help="write the detector there, to be used without this project")


def detect(args: argparse.Namespace) -> None:
    """Judge a run as a detector of anomalies; write it as a folder where one is named."""
    from aecore.analysis import loaded
    from aecore.applications.anomaly.detection import Detector
    from aecore.applications.anomaly.scoring import DEFAULT_SCORE, score_of
    from aecore.applications.anomaly.thresholds import DEFAULT_RULE, parse
    from aecore.content import detector_folder
    from aecore.content.detector_card import ChosenDetector

    rule, base_rate = parse(args.threshold or DEFAULT_RULE), _base_rate(args.base_rate)
    run, score = loaded.load(args.target), args.score or DEFAULT_SCORE
    if not run.config.normal and args.data in ("", run.config.dataset) and not args.export:
        raise UserError(
            f"{run.id} has learnt from all classes, so none is odd: train a run with --normal 0,1, name another data "
            "set with --data, or take it as it is with --export."
        )
    score_of(run, score)  # refuses a name that is none, before anything is computed
    if args.export:
        detector_folder.check(run, score)
    marked = _rows(args.false_alarms)
    chosen = ChosenDetector(Detector.of(run, args.data, marked), score, rule, base_rate, args.data, marked)
    found = chosen.detection()
    files = detector_folder.export_detector(chosen, Path(args.export)) if args.export else []
    if args.json:
        print(json.dumps(found.to_json() | {"files": [str(file) for file in files]}))
        return
    _print_report(run, found, base_rate)
    if files:
        print(f"\n{args.export}: {', '.join(file.name for file in files)}")


def _rows(said: str | None) -> tuple[int, ...]:
    """Whole numbers with commas between them."""
    parts = said.split(",") if said else []
    if not all(part.strip().isdecimal() for part in parts):
        raise UserError("The false alarms are rows of the test samples, as in --false-alarms 3,17.")
    return tuple(int(part) for part in parts)


def _base_rate(said: str | None) -> float:
    """A share above 0 and below 1; the default for none."""
    from aecore.applications.anomaly.thresholds import DEFAULT_BASE_RATE

    try:
        share = DEFAULT_BASE_RATE if said is None else float(said)
    except ValueError:
        share = 0
    if not 0 < share < 1:
        raise UserError(f"The base rate is a share between 0 and 1, as in --base-rate 0.01, not {str(said)[:40]}.")
    return share


def _print_report(run: LoadedModel, found: Detection, base_rate: float) -> None:
    """Who wins, all numbers, and what the threshold does."""
    from aecore.content.detector_card import threshold_sentence, winner_sentence

    noun = run.card.modality.noun.many
    print(winner_sentence(run, found))
    print(f"Judged by {found.counts['judged_normal']:,} normal and {found.counts['judged_odd']:,} odd test {noun}.\n")
    own = {name: "this score" if name == found.score else "score" for name in found.scores}
    rows = [_row(name, kind, found.scores[name]) for name, kind in own.items()]
    rows += [_row(name, "rival", numbers) for name, numbers in found.rivals.items()]
    print(format_table(sorted(rows, key=lambda row: -row["auroc"])))
    print(f"\nAlarms begin above {found.threshold.cut:.6g} ({found.rule}). {found.threshold.promise}")
    print(threshold_sentence(found, base_rate))
    if len(found.per_class) > 1:
        kinds = [{"kind": name, "count": told["count"], **_numbers(told)} for name, told in found.per_class.items()]
        print(f"\n{format_table(kinds)}")


def _row(name: str, kind: str, numbers: Mapping[str, float]) -> Row:
    return {"name": name, "what": kind, **_numbers(numbers)}


def _numbers(numbers: Mapping[str, float]) -> Row:
    return {each: numbers[each] for each in MEASURES}
