"""The detector that this folder holds: scores of samples, p-values and alarms, from NumPy and onnxruntime alone."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
BATCH = 256  # samples that are scored at a time
KINDS = ("image", "table", "series", "vector", "points")
LARGEST = float(np.finfo(np.float32).max)  # the score of what is no number


class DetectorError(Exception):
    """What ails the folder, in one sentence."""


class Detector:
    """The detector of a folder.

    Parameters
    ----------
    folder
        Where detector.json and the files beside it lie.

    Raises
    ------
    DetectorError
        When detector.json is damaged or gone; later, when another file is.

    Examples
    --------
    >>> detector = Detector()  # doctest: +SKIP
    >>> scores = detector.score(x)  # doctest: +SKIP
    >>> detector.p_values(scores), detector.alarms(scores)  # doctest: +SKIP
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._opened: dict[str, Any] = {}
        try:
            self.about: dict[str, Any] = json.loads((folder / "detector.json").read_text("utf-8"))
            self._take_over(self.about)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise DetectorError(f"detector.json cannot be used ({error!r}): export the detector again.") from None

    def _take_over(self, said: dict[str, Any]) -> None:
        """Reads detector.json; one of the errors above where it is damaged."""
        self.score_name, self.n_neighbours = str(said["score"]), int(said["n_neighbours"])
        self.rule, self.cut = str(said["threshold"]["rule"]), float(said["threshold"]["cut"])
        self.calibration = np.sort(np.array(said["calibration"], np.float32).reshape(-1))
        self.kind, self.shape = str(said["kind"]), tuple(int(side) for side in said["shape"])
        self.widths = [int(column["width"]) for column in said["columns"]]  # values that each takes; of images none
        self._digests = {str(name): str(digest) for name, digest in said["sha256"].items()}
        if self.score_name not in SCORES or not len(self.calibration) or not np.isfinite(self.calibration).all():
            raise ValueError("no such score, or no calibration")
        if self.kind not in KINDS:
            raise ValueError("no such kind of sample")
        if not self.shape or min(self.shape) < 1 or (self.widths and sum(self.widths) != self.shape[-1]):
            raise ValueError("columns that do not fit the shape")

    def score(self, x: np.ndarray) -> np.ndarray:
        """How odd samples are.

        Parameters
        ----------
        x
            float32 `[N, *shape]` as the network gets them: images in [0, 1], all else standardised; NaN where a value
            is missing.

        Returns
        -------
        np.ndarray
            float64 `[N]`, higher = odder.
        """
        function = SCORES[self.score_name]
        found = [np.asarray(function(self, x[at : at + BATCH]), np.float64) for at in range(0, len(x), BATCH)]
        return np.nan_to_num(np.concatenate([np.zeros(0), *found]), nan=LARGEST, posinf=LARGEST)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """Conformal p-values of scores `[N]`: (1 + number of calibration scores at or above each) / (n + 1)."""
        above = len(self.calibration) - np.searchsorted(self.calibration, scores.astype(np.float32), "left")
        return np.asarray((1 + above) / (len(self.calibration) + 1))

    def alarms(self, scores: np.ndarray) -> np.ndarray:
        """Which scores `[N]` are alarms. Under a false discovery rate all of them decide together (Benjamini & Hochberg
        1995)."""
        name, _, value = self.rule.partition(":")
        if name != "fdr":
            return np.asarray(scores > self.cut)
        found = self.p_values(scores)
        rising = np.sort(found)
        passing = rising <= float(value) * np.arange(1, len(rising) + 1) / max(len(rising), 1) + 1e-12
        return np.asarray(found <= rising[passing].max(initial=0.0))

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Codes float32 `[N, D]`."""
        return self.run("encoder.onnx", {"x": np.nan_to_num(x)})

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """What the decoder makes of the codes, float32 `[N, *shape]`."""
        return self.run("decoder.onnx", {"codes": self.encode(x)})

    def array(self, name: str) -> np.ndarray:
        """An array of the folder."""
        if name not in self._opened:
            self._opened[name] = np.load(io.BytesIO(self._content(name)), allow_pickle=False)
        return np.asarray(self._opened[name])

    def run(self, name: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """What a network of the folder makes of its inputs."""
        if name not in self._opened:
            import onnxruntime

            content = self._content(name)
            try:
                session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            except Exception as error:  # its own have no class in common
                version = onnxruntime.__version__
                raise DetectorError(
                    f"onnxruntime {version} cannot open {name} ({error}): install a newer one."
                ) from None
            self._opened[name] = session
        return np.asarray(self._opened[name].run(None, inputs)[0])

    def _content(self, name: str) -> bytes:
        """A file of the folder, which must be the one that was exported: thresholds hold for that alone."""
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise DetectorError(f"{name} cannot be read ({error.strerror}): export the detector again.") from None
        if hashlib.sha256(content).hexdigest() != self._digests.get(name):
            raise DetectorError(f"{name} is not the file that was exported with detector.json: export both again.")
        return content


# --- Scores -----------------------------------------------------------------------------------------------------------


def reconstruction_error(detector: Detector, x: np.ndarray) -> np.ndarray:
    """Mean squared error over the values that are there, `[N]`."""
    gaps = np.square(x.astype(np.float64) - detector.reconstruct(x)).reshape(len(x), -1)
    observed = ~np.isnan(gaps)
    return np.asarray(np.where(observed, gaps, 0).sum(1) / np.maximum(observed.sum(1), 1))


def worst_neighbourhood(detector: Detector, x: np.ndarray) -> np.ndarray:
    """Mean squared error where it is largest, `[N]`: in a window of a quarter of an image's sides or an eighth of a
    series; summed over the values of one column."""
    errors = np.nan_to_num(np.square(x - detector.reconstruct(x)))  # 0 where a value is missing
    if detector.kind == "image":
        return np.asarray(window_means(window_means(errors.mean(1), 1, 4), 2, 4).max((1, 2)))
    if detector.kind == "series":
        return np.asarray(window_means(errors, 1, 8).max((1, 2)))
    starts = np.cumsum([0, *detector.widths[:-1]])
    return np.asarray(np.add.reduceat(errors, starts, axis=1).max(1))


def window_means(values: np.ndarray, axis: int, part: int) -> np.ndarray:
    """Means over all windows of one `part`-th of an axis."""
    width = -(-values.shape[axis] // part)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values.astype(np.float64), width, axis).mean(-1))


def code_distance(detector: Detector, x: np.ndarray) -> np.ndarray:
    """Mean Euclidean distance to the nearest training codes, `[N]`."""
    known, codes = (each.astype(np.float64) for each in (detector.array("codes.npy"), detector.encode(x)))
    count = min(detector.n_neighbours, len(known))
    rough = np.square(known).sum(1) - 2 * codes @ known.T  # says which are nearest; how near, it rounds
    nearest = known[np.argpartition(rough, count - 1, axis=1)[:, :count]]
    return np.asarray(np.sqrt(np.square(nearest - codes[:, None]).sum(2)).mean(1))


def code_mahalanobis(detector: Detector, x: np.ndarray) -> np.ndarray:
    """Distance to the mean training code in the metric of their covariance, `[N]`."""
    gaps = detector.encode(x) - detector.array("code_mean.npy")
    return np.asarray(np.sqrt(((gaps @ detector.array("code_precision.npy")) * gaps).sum(1)))


def network_score(detector: Detector, x: np.ndarray) -> np.ndarray:
    """What a third network says of samples in nats, `[N]`: -log p(x | z), or a KL divergence."""
    return detector.run("score.onnx", {"x": x})


SCORES: dict[str, Callable[[Detector, np.ndarray], np.ndarray]] = {
    "reconstruction": reconstruction_error,
    "worst-neighbourhood": worst_neighbourhood,
    "likelihood": network_score,
    "knn-codes": code_distance,
    "mahalanobis-codes": code_mahalanobis,
    "kl": network_score,
}
