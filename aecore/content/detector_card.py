"""What a detector of anomalies is worth, in words: its card, and who wins, the autoencoder or a rival without one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly.detection import Detection, Detector
from aecore.applications.anomaly.metrics import precision_at
from aecore.applications.anomaly.rivals import RIVALS
from aecore.applications.anomaly.scoring import scores_of
from aecore.applications.anomaly.thresholds import DEFAULT_BASE_RATE, Rule
from aecore.content.run_names import run_name
from aecore.data.modalities import Image, Series, Table

MEASURES = {
    "auroc": "AUROC", "average_precision": "average precision", "recall_at_1_percent": "recall at 1 % false alarms",
}  # fmt: skip
MAX_NAMED = 20  # columns that a card names

README = """# Detector of anomalies: {name}

An autoencoder that learnt from normal {many} alone, and says of others how odd they are. Its score: {title}.
{description}

- **Normal:** {normal}
- **Threshold** `{rule}`: alarms begin above {cut:.6g}. {promise}
- **Calibrated** on {calibration:,} normal validation {many}, which the network did not learn from.

## What it is worth

{winner}

{judged}

{scores}

{at_threshold}

{groups}## Use

```
python -m pip install -r requirements.txt
python detect.py {example} --out scores.csv
```

{reading} What cannot be read is told, and the others are scored.

`scores.csv` has a line for each {one}: `file`, `row`, `score` (higher = odder), `p_value` and `alarm` (1 or 0). The
p-value is the share of normal {many} for calibration, counting the {one} itself, that score as high. In Python
`from detector import Detector` scores arrays.

## Limits

- Odd is what is unlike the normal {many} above. A change of camera, light, sensor or habit is odd too: train and
  calibrate anew after one.
- Of normal {many} at most 1 in 100 get a p-value of 0.01 or less, on average and as long as they are like those for
  calibration. The least p-value there can be is {least:.2g}.
- A low score is no proof that all is well. {missed}

Made of the run `{run}` of the autoencoder laboratory by `{command}`.
"""


@dataclass(frozen=True, eq=False)
class ChosenDetector:
    """A detector with the score and the threshold that somebody has chosen for it."""

    detector: Detector
    score: str
    rule: Rule
    base_rate: float = DEFAULT_BASE_RATE  # share of anomalies where it will work
    dataset: str = ""  # another one that is odd as a whole
    false_alarms: tuple[int, ...] = ()  # rows of the judged samples that were marked as normal

    @property
    def run(self) -> LoadedModel:
        return self.detector.run

    def detection(self) -> Detection:
        """What it is worth, beside all other scores and the rivals."""
        return self.detector.detection(self.score, str(self.rule), self.base_rate)

    def command(self, folder: str = "FOLDER") -> str:
        """The command that writes it as a folder."""
        options = {
            "data": self.dataset,
            "score": self.score,
            "threshold": str(self.rule),
            "base-rate": f"{self.base_rate:g}" if 0 < self.base_rate < 1 else "",
            "false-alarms": ",".join(map(str, self.false_alarms)),
            "export": folder,
        }
        said = " ".join(f"--{name} {value}" for name, value in options.items() if value)
        return f"python -m aecore detect {self.run.id} {said}"


def readme(chosen: ChosenDetector) -> str:
    """The card of a detector in Markdown: what normal was, its figures beside those of its rivals, how it is used."""
    run, found = chosen.run, chosen.detection()
    noun, own = run.card.modality.noun, scores_of(run)[chosen.score]
    return README.format(
        name=run_name(run.config),
        one=noun.one,
        many=noun.many,
        title=own.title[0].lower() + own.title[1:],
        description=own.description,
        normal=_normal(chosen.detector),
        rule=chosen.rule,
        cut=found.threshold.cut,
        promise=found.threshold.promise,
        calibration=found.counts["calibration"],
        winner=winner_sentence(run, found),
        judged=_judged(run, found),
        scores=_score_table(run, found),
        at_threshold=threshold_sentence(found, chosen.base_rate),
        groups=_group_table(found),
        example=example(run),
        reading=_reading(run),
        least=1 / (found.counts["calibration"] + 1),
        missed=_missed(chosen.detector, chosen.score),
        run=run.id,
        command=chosen.command(),
    )


def normal_classes(run: LoadedModel) -> tuple[str, ...]:
    """The names of the classes that a run learnt from."""
    return tuple(run.card.classes[each] for each in run.config.normal) or run.card.classes


def title(run: LoadedModel, name: str) -> str:
    """What a score of a run, or a rival, is called."""
    return RIVALS[name].title if name in RIVALS else scores_of(run)[name].title


def winner_sentence(run: LoadedModel, found: Detection) -> str:
    """Who has the largest AUROC, the chosen score or a rival without an autoencoder, with both numbers."""
    own, called = found.scores[found.score]["auroc"], title(run, found.score)
    if found.winner is None:
        return "Of the test samples none is odd, or none normal, so who would win cannot be said."
    if found.winner != found.score:
        best = found.rivals[found.winner]["auroc"]
        return (
            f"The winner is a rival without an autoencoder: {title(run, found.winner)}, AUROC {best:.3f}. {called} "
            f"reaches {own:.3f}."
        )
    second = max(found.rivals, key=lambda name: found.rivals[name]["auroc"])
    return (
        f"The winner is the autoencoder: {called}, AUROC {own:.3f}. The best rival without one, {title(run, second)}, "
        f"reaches {found.rivals[second]['auroc']:.3f}."
    )


def threshold_sentence(found: Detection, base_rate: float) -> str:
    """What the threshold does to the test samples, and how many alarms would be right at a base rate."""
    says = found.confusion
    if not found.counts["judged_normal"]:
        return f"At the threshold {_percent(says.recall)} of the odd test samples are found."
    if not found.counts["judged_odd"]:
        return f"At the threshold {_percent(says.false_alarm_rate)} of the normal test samples are alarms."
    precision = precision_at(base_rate, says.recall, says.false_alarm_rate)
    right = "no alarm is to be expected" if math.isnan(precision) else f"{_percent(precision)} of the alarms are right"
    return (
        f"At the threshold {_percent(says.recall)} of the odd test samples are found, and "
        f"{_percent(says.false_alarm_rate)} of the normal ones are alarms. Where {100 * base_rate:.3g} % of samples "
        f"are odd, {right}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _normal(detector: Detector) -> str:
    run, count = detector.run, len(detector.data.train)
    named = ", ".join(f"`{name}`" for name in normal_classes(run))
    others = f", {run.config.contamination:.1%} of them of other classes" if run.config.contamination else ""
    what = f"{named} of {run.card.title}" if run.config.normal else f"all of {run.card.title}"
    return f"{what}; {count:,} training {run.card.modality.noun.many}{others}."


def _judged(run: LoadedModel, found: Detection) -> str:
    normal, odd = found.counts["judged_normal"], found.counts["judged_odd"]
    return (
        f"Judged by {normal:,} normal and {odd:,} odd test {run.card.modality.noun.many} that neither the network nor "
        "the threshold has seen; the score was named before. Rivals learnt from the same training samples."
    )


def _score_table(run: LoadedModel, found: Detection) -> str:
    """A row for each score and each rival, the best AUROC first."""
    rows = {f"{title(run, name)} (this detector)" if name == found.score else title(run, name): numbers
            for name, numbers in found.scores.items()}  # fmt: skip
    rows |= {f"{title(run, name)} (rival)": numbers for name, numbers in found.rivals.items()}
    rising = sorted(rows, key=lambda name: -np.nan_to_num(rows[name]["auroc"], nan=-1))
    return _table("score", rows, rising)


def _group_table(found: Detection) -> str:
    if len(found.per_class) < 2:
        return ""
    worst_first = sorted(found.per_class, key=lambda name: found.per_class[name]["auroc"])
    return f"{_table('kind of anomaly, the least found first', found.per_class, worst_first)}\n\n"


def _table(first: str, rows: Mapping[str, Mapping[str, float]], order: Sequence[str]) -> str:
    lines = [f"| {first} | {' | '.join(MEASURES.values())} |", f"|---|{'--:|' * len(MEASURES)}"]
    for name in order:
        numbers = (f"{rows[name][each]:.3f}" for each in MEASURES)
        lines.append(f"| {name.replace('|', '/')} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def _missed(detector: Detector, score: str) -> str:
    """How many odd samples look as normal as any."""
    scores, odd = detector.scored(score).judged, detector.data.odd
    if not odd.any() or odd.all():
        return "An autoencoder gives some anomalies back well."
    below = float(np.mean(scores[odd] < np.median(scores[~odd])))
    return f"Of the odd test samples {_percent(below)} score lower than half of the normal ones."


def example(run: LoadedModel) -> str:
    """A name for what the detector is given."""
    return "pictures" if isinstance(run.card.modality, Image) else "samples.csv"


def _reading(run: LoadedModel) -> str:
    """What the scripts read of this kind of sample."""
    kind = run.card.modality
    if isinstance(kind, Image):
        colour = "turned into gray" if kind.channels == 1 else "in colour"
        return (
            f"Pictures of any size, files or folders, are cut to their middle, resized to {kind.height} x {kind.width} "
            f"pixels and {colour}; arrays (.npy) are [N, {', '.join(map(str, kind.shape))}], uint8 or from 0 to 1."
        )
    if isinstance(kind, Series):
        channels = f", the {len(kind.channels)} channels of a moment side by side" if len(kind.channels) > 1 else ""
        return (
            f"A row of a CSV is a series of {kind.length} moments in its own unit{channels}; arrays (.npy) are "
            f"[N, {kind.length}, {len(kind.channels)}]."
        )
    names = [each.name for each in kind.columns] if isinstance(kind, Table) else list(getattr(kind, "names", ()))
    more = f" and {len(names) - MAX_NAMED} more (detector.json)" if len(names) > MAX_NAMED else ""
    named = ", ".join(f"`{name}`" for name in names[:MAX_NAMED])
    return f"A CSV has these columns, in any order and in their own units: {named}{more}."
