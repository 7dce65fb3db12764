"""Anomalies over time: streams whose causes are known, and one series of an archive.

    python -m benchmarks.streams [--keep]                                    drawn streams
    python -m benchmarks.streams --series FILE --train 1200 [--keep]         a series with one anomaly

Writes docs/streams.md with --keep. FILE is a CSV with a row for each step, which --title names; a column is_anomaly, or
--anomaly FIRST:LAST, says where the anomaly is. All detectors get the same windows, scaled alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

import aecore
from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly import streams, watching
from aecore.applications.anomaly.detection import DetectionData, Detector
from aecore.applications.anomaly.streams import STREAM_RIVALS, Stream
from aecore.applications.anomaly.thresholds import Calibration, parse
from aecore.applications.anomaly.watching import Persistence, Watch, WatchSettings
from aecore.data import datasets, simulated
from aecore.data.adding.stream import read_stream
from aecore.data.modalities import Series
from aecore.models.families.build import build_recipe, resolve_config
from aecore.sklearn import AutoencoderDetector
from benchmarks.report import write_section

DOCS = Path(__file__).parent.parent / "docs" / "streams.md"
HEADER = """# Anomalies over time

Made by `python -m benchmarks.streams --keep`; the last part with `--series FILE --train 1200`. A window's score is
there when the window is complete, and delays are counted to there. Thresholds are the 0.99 quantile of validation
windows, for every detector alike; nothing was chosen by what is measured."""
MODEL_SEEDS, STREAM_SEEDS = (0, 1, 2), range(1, 11)
NAMES = ("reconstruction", "pca", "knn", "lof", "sensors")
STRIDE = 24
RULE = parse("quantile:0.99")
CODE_SIZE = 8  # of the autoencoder and of PCA on the series of a file


def trained(**settings: object) -> Detector:
    """A detector on a model that is trained here and nowhere kept."""
    config = resolve_config(aecore.default_config(**settings))  # type: ignore[arg-type]
    recipe = build_recipe(config)
    for _ in aecore.fit(recipe, datasets.load_training(config), config, torch.device("cpu")):
        pass
    run = LoadedModel(config, recipe.model.eval(), {})
    return Detector(run, DetectionData.of(run))


def title(name: str) -> str:
    return STREAM_RIVALS[name].title if name in STREAM_RIVALS else "Autoencoder"


# --- Drawn streams ----------------------------------------------------------------------------------------------------


def watches(
    detector: Detector, names: Sequence[str], settings: WatchSettings, drawn: Sequence[Stream] = ()
) -> dict[str, list[Watch]]:
    """Each detector on these streams, or else on ten of the usual ones."""
    drawn = drawn or [found for seed in STREAM_SEEDS if (found := streams.drawn_stream(detector.run, seed))]
    found: dict[str, list[Watch]] = {name: [] for name in names}
    length = detector.run.card.shape[0]
    for name in names:
        score = streams.scorer(detector, name)
        calibration = score(detector.data.calibration)
        cut = RULE.threshold(Calibration(calibration, np.zeros(0)), calibration).cut
        for stream in drawn:
            starts = streams.window_starts(len(stream), length, settings.stride)
            scores = score(streams.cut(stream, starts, length, detector.data.calibration))
            found[name].append(watching.watch(name, stream, length, scores, calibration, cut, settings))
    return found


def figures(found: Sequence[Watch]) -> str:
    """Events found, mean delay and false alarms of several streams, as cells of a table."""
    events = sum(len(watch.delays) for watch in found)
    delays = [delay for watch in found for delay in watch.delays if delay is not None]
    steps = sum(len(w.stream) - sum(e.stop - e.start for e in w.stream.events) for w in found)
    alarms = sum(watch.n_false_alarms for watch in found)
    late = f"{np.mean(delays):.0f}" if delays else "-"
    return f"{len(delays)} of {events} | {late} | {1000 * alarms / steps:.2f}"


def _mean_auroc(found: Sequence[Watch], kind: str) -> str:
    return f"{np.mean([watch.auroc(kind) for watch in found]):.3f}"


def machine() -> tuple[list[str], Detector]:
    """Three sensors: which detectors see a broken correlation, and which a drift."""
    lines = [
        "## Three sensors: a broken correlation, and drift", "",
        f"The drawn machine: {len(STREAM_SEEDS)} streams of {sum(n for _, n in streams.MACHINE):,} steps, windows of "
        f"96 steps every {STRIDE}, an alarm while 2 of 3 windows exceed; vanilla autoencoders that learnt normal "
        f"windows, {len(MODEL_SEEDS)} seeds. PCA has as many components as the code has numbers. AUROC is of windows "
        "within such an event against windows that touch none, mean over the streams; delays in steps, over the "
        "events found; false alarms for each 1,000 normal steps.", "",
        "| detector | numbers in the code | AUROC, broken correlation | AUROC, drift | events found | delay | false "
        "alarms |", "|---|--:|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for size in (3, 8):
        for seed in MODEL_SEEDS:
            detector = trained(dataset="machine", family="vanilla", latent_dim=size, normal=(0,), seed=seed)
            others = ("pca",) if seed == MODEL_SEEDS[0] else ()
            others += ("knn", "lof", "sensors") if others and size == 3 else ()
            for name, found in watches(detector, ("reconstruction", *others), WatchSettings(STRIDE)).items():
                called = f"{title(name)}, seed {seed}" if name == "reconstruction" else title(name)
                counted = str(size) if name in ("reconstruction", "pca") else "-"
                kinds = " | ".join(_mean_auroc(found, kind) for kind in ("broken correlation", "drift"))
                lines.append(f"| {called} | {counted} | {kinds} | {figures(found)} |")
                print(lines[-1], flush=True)
    return lines, detector


def alarms(detector: Detector) -> list[str]:
    """What persistence, stride and a threshold that follows do to one detector."""
    lines = [
        "## How long an alarm has to last, and a threshold that follows", "",
        f"The same streams, the autoencoder with a code of {detector.run.code_size} (seed {MODEL_SEEDS[-1]}). "
        "*Follows*: the 0.99 quantile of so many last windows that looked normal. *Rises*: how often CUSUM (Page 1954, "
        f"allowance {watching.ALLOWANCE:g} and limit {watching.LIMIT:g} standard deviations) found that the level of "
        "what looks normal has risen, in all streams.", "",
        "| alarm | stride | threshold | events found | delay | false alarms | rises |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]  # fmt: skip
    tried = [WatchSettings(STRIDE, Persistence(k, n)) for k, n in ((1, 1), (2, 3), (3, 5), (5, 8))]
    tried += [WatchSettings(stride, Persistence(2, 3)) for stride in (96, 48, 12)]
    tried += [WatchSettings(STRIDE, Persistence(2, 3), rolling) for rolling in (100, 250)]
    for each in tried:
        found = watches(detector, ("reconstruction",), each)["reconstruction"]
        threshold = f"follows {each.rolling}" if each.rolling else "one for all"
        rises = sum(len(watch.drifts) for watch in found)
        lines.append(f"| {each.persistence} | {each.stride} | {threshold} | {figures(found)} | {rises} |")
        print(lines[-1], flush=True)
    return lines


def slow_drift(detector: Detector) -> list[str]:
    """Whether a drift is forgiven by a threshold that follows, and seen by CUSUM."""
    before, during, card = 4000, 16_000, detector.run.card
    lines = [
        "## A drift so slow that a threshold follows it", "",
        f"The same autoencoder; {before:,} normal steps, then a temperature that climbs for {during:,}, by so many "
        f"degrees in 96 steps; mean of {len(MODEL_SEEDS)} streams, stride {STRIDE}, 2 of 3. *Alarm on*: share of the "
        "windows from the beginning of the drift on. *Level found*: steps from there until CUSUM says that the level "
        "has risen.", "",
        "| climb | threshold | alarm on | level found |", "|--:|---|--:|--:|",
    ]  # fmt: skip
    for climb in (0.5, 0.05, 0.025):
        drawn = []
        for seed in MODEL_SEEDS:
            x, label = simulated.machine_stream(np.random.RandomState(seed), [(0, before), (1, during)], climb)
            events = streams.events_of(label, card.classes, normal=(0,))
            drawn.append(streams.Stream(datasets.to_model_space(card, x), events))
        for rolling in (0, 250, 100):
            settings = WatchSettings(STRIDE, Persistence(2, 3), rolling)
            found = watches(detector, ("reconstruction",), settings, drawn)["reconstruction"]
            on = np.mean([watch.alarms[watch.starts >= before].mean() for watch in found])
            seen = [watch.ends[watch.drifts[0]] - before for watch in found if len(watch.drifts)]
            said = f"{np.mean(seen):,.0f}" if len(seen) == len(found) else f"in {len(seen)} of {len(found)}"
            lines.append(f"| {climb:g} | {f'follows {rolling}' if rolling else 'one for all'} | {on:.0%} | {said} |")
            print(lines[-1], flush=True)
    return lines


def heartbeats() -> list[str]:
    """A temporal convolution that has learnt normal beats alone."""
    detector = trained(dataset="heartbeats", family="vanilla", network="tcn", latent_dim=CODE_SIZE, normal=(0,))
    kinds = detector.data.groups[1:]
    lines = [
        "## Heartbeats: a temporal convolution, normal beats only", "",
        f"`--network tcn --latent-dim {CODE_SIZE} --normal 0`; judged on the test beats, "
        f"{int(detector.data.odd.sum())} of {len(detector.data.odd)} odd, with the 99th percentile of the normal "
        "validation beats as threshold. These beats are drawn by a formula: that all are found says little of real "
        "ones.", "",
        f"| detector | AUROC | {' | '.join(f'AUROC, {kind}' for kind in kinds)} | found | false alarms |",
        f"|---|--:|{'--:|' * len(kinds)}--:|--:|",
    ]  # fmt: skip
    for name in ("reconstruction", "pca", "knn", "lof", "isolation-forest", "mean"):
        told, groups = detector.summary(name), detector.per_group(name)
        hit = detector.threshold(name, RULE).alarms(detector.scored(name).judged)
        odd = detector.data.odd
        lines.append(
            f"| {title(name)} | {told['auroc']:.3f} | "
            + " | ".join(f"{groups[kind]['auroc']:.3f}" for kind in kinds)
            + f" | {hit[odd].mean():.1%} | {hit[~odd].mean():.1%} |"
        )
        print(lines[-1], flush=True)
    return lines


# --- A series of a file -----------------------------------------------------------------------------------------------


def period(x: np.ndarray) -> int:
    """The lag at which a series `[T]` is most like itself: the largest local maximum of its autocorrelation, each lag
    divided by how many pairs it has, up to half of the series."""
    centred = x - x.mean()
    found = np.correlate(centred, centred, "full")[len(x) - 1 :] / np.arange(len(x), 0, -1)
    lags = np.arange(2, len(x) // 2)
    peaks = lags[(found[lags] > found[lags - 1]) & (found[lags] >= found[lags + 1])]
    return int(peaks[found[peaks].argmax()])


def ranks(scores: np.ndarray, starts: np.ndarray, length: int, first: int, stop: int) -> tuple[int, int]:
    """The rank of the best window that touches the anomaly, 1 being the oddest: among all windows, and among places,
    where windows that overlap an odder one count for nothing."""
    touching = (starts < stop) & (starts + length > first)
    best = scores[touching].max()
    places: list[int] = []
    for row in np.argsort(-scores):
        if touching[row]:
            break
        if all(abs(starts[row] - starts[other]) >= length for other in places):
            places.append(row)
    return 1 + int((scores[~touching] > best).sum()), 1 + len(places)


def _neighbours(count: int) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    def distance(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        return np.asarray(NearestNeighbors(n_neighbors=count).fit(train).kneighbors(test)[0].mean(1))

    return distance


def _pca(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    fitted = PCA(CODE_SIZE).fit(train)
    return np.asarray(np.square(test - fitted.inverse_transform(fitted.transform(test))).mean(1))


def _autoencoder(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    fitted = AutoencoderDetector(CODE_SIZE, standardise=False, random_state=seed).fit(train)
    return -fitted.score_samples(test)


FILE_DETECTORS: dict[str, tuple[Callable[[np.ndarray, np.ndarray, int], np.ndarray], Sequence[int]]] = {
    "Autoencoder": (_autoencoder, MODEL_SEEDS),
    "PCA residual": (_pca, (0,)),
    "Nearest training window (discord)": (_neighbours(1), (0,)),
    "5 nearest training windows": (_neighbours(5), (0,)),
}


def series(file: Path, called: str, n_train: int, anomaly: tuple[int, int] | None) -> list[str]:
    """Where the windows with the anomaly rank among all windows after the training part."""
    found, said = read_stream(file, Series(2))
    x, odd = found[:, 0], np.flatnonzero(said != "")
    first, stop = anomaly or (int(odd[0]), int(odd[-1]) + 1)
    length = period(x[:n_train])
    cut = np.lib.stride_tricks.sliding_window_view
    train, test = cut(x[:n_train], length), cut(x[n_train:], length)
    starts = n_train + np.arange(len(test))
    lines = [
        f"## {called or file.stem}", "",
        f"{len(x):,} steps, of which the first {n_train:,} are for learning; the anomaly is at {first:,} to "
        f"{stop - 1:,}. Windows of {length} steps, the period that the autocorrelation of the training part has, one "
        f"every step: {len(train):,} to learn from, {len(test):,} to rank. The autoencoder (`AutoencoderDetector`, its "
        f"usual settings) and PCA have {CODE_SIZE} numbers. *Each window standardised* takes mean and scale out of "
        "every window, as discords usually do. Rank 1 is the oddest window; in brackets the rank among places, where "
        "windows that overlap an odder one do not count.", "",
        "| detector | seed | windows as measured | each window standardised |", "|---|--:|--:|--:|",
    ]  # fmt: skip
    for name, (detect, seeds) in FILE_DETECTORS.items():
        for seed in seeds:
            cells = []
            for prepared in (_as_measured, _standardised):
                scores = detect(*prepared(train, test), seed)
                rank, place = ranks(scores, starts, length, first, stop)
                cells.append(f"{rank:,} of {len(test):,} ({place})")
            lines.append(f"| {name} | {seed if len(seeds) > 1 else '-'} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


def _as_measured(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def _standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(  # type: ignore[return-value]
        (each - each.mean(1, keepdims=True)) / np.maximum(each.std(1, keepdims=True), 1e-9) for each in (train, test)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=Path, help="a CSV with a row for each step")
    parser.add_argument("--title", default="", help="what the series is called")
    parser.add_argument("--train", type=int, default=1200, help="steps to learn from")
    parser.add_argument("--anomaly", help="FIRST:LAST, its steps, where the file does not say")
    parser.add_argument("--keep", action="store_true", help=f"write {DOCS.name}")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.series:
        told = tuple(map(int, asked.anomaly.split(":"))) if asked.anomaly else None
        parts = [series(asked.series, asked.title, asked.train, (told[0], told[1] + 1) if told else None)]
    else:
        lines, detector = machine()
        parts = [lines, alarms(detector), slow_drift(detector), heartbeats()]
    for part in parts:
        if asked.keep:
            write_section(DOCS, HEADER, part)


if __name__ == "__main__":
    main()
