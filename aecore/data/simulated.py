"""Samples that we draw ourselves, so that what a code should find out is known: points, surfaces, heartbeats,
sensors, and digits that move.

Heartbeats and sensors are drawn by formulas, with causes that are known. They are not medical and not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

BEAT_LENGTH = 140  # moments of a heartbeat, 1.4 seconds
BEAT_CLASSES = ("normal", "fast", "wide", "early")
# Bumps of a heartbeat: place in seconds from the middle of the tallest, height, width in seconds. The idea of Gaussian
# bumps is McSharry, Clifford, Tarassenko & Smith (2003); the numbers are ours.
_BUMPS = (
    ("P", -0.2, 0.15, 0.025),
    ("Q", -0.04, -0.12, 0.01),
    ("R", 0.0, 1.0, 0.011),
    ("S", 0.035, -0.22, 0.012),
    ("T", 0.26, 0.3, 0.045),
)
MACHINE_LENGTH = 96
MACHINE_SENSORS = ("temperature", "pressure", "vibration")
MACHINE_CLASSES = ("normal", "drift", "broken correlation")
CLIMB = 2.0  # degrees of drift of a long series in as many moments as a window has
_PACE = (1.0, 2.5)  # of the load: periods in a window
_LAG = 8  # moments that pressure is behind the load
_WANDERING = 3000, 2300  # moments in which the paces of two long loads go to and fro: never in step for long

VIDEO_FRAMES, VIDEO_SIDE = 10, 16  # pixels along one side of a frame
MAX_SPEED = 2  # pixels from one frame to the next, in either direction
MOTION_FACTORS = ("x", "y", "x velocity", "y velocity")

Samples = tuple[np.ndarray, np.ndarray]  # x float64 [N, *shape] in its own unit, and classes int64 [N]


def moons(random: np.random.RandomState) -> Samples:
    """Two half circles that reach into each other, `[2000, 2]`; 0 is the upper one."""
    label = np.arange(2000) % 2
    angle = random.uniform(0, np.pi, len(label))
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    return np.where(label[:, None] == 0, upper, lower) + random.normal(0, 0.06, (len(label), 2)), label


def ring(random: np.random.RandomState) -> Samples:
    """A circle of radius 1 with some width, `[2000, 2]`; the class is the quarter."""
    angle = random.uniform(0, 2 * np.pi, 2000)
    radius = 1 + random.normal(0, 0.06, 2000)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return x, (angle // (np.pi / 2)).astype(np.int64)


def _rolled(t: np.ndarray, height: np.ndarray) -> np.ndarray:
    return np.stack([t * np.cos(t), height, t * np.sin(t)], 1)


def swiss_roll(random: np.random.RandomState) -> Samples:
    """A sheet rolled up in space, `[2000, 3]` (Marsland 2009); the class is the quarter along the sheet."""
    t = 1.5 * np.pi * (1 + 2 * random.uniform(0, 1, 2000))
    x = _rolled(t, 21 * random.uniform(0, 1, 2000)) + random.normal(0, 0.1, (2000, 3))
    return x, _quarters(unrolled_swiss_roll(x))


def unrolled_swiss_roll(x: np.ndarray) -> np.ndarray:
    """Where along the sheet points `[N, 3]` lie: the turn of the spiral, from 1.5 pi to 4.5 pi; `[N]`."""
    return np.hypot(x[:, 0], x[:, 2])  # the radius of the spiral is its angle


def s_curve(random: np.random.RandomState) -> Samples:
    """A sheet bent like an S in space, `[2000, 3]`; the class is the quarter along the sheet."""
    t = 3 * np.pi * (random.uniform(0, 1, 2000) - 0.5)
    x = np.stack([np.sin(t), 2 * random.uniform(0, 1, 2000), np.sign(t) * (np.cos(t) - 1)], 1)
    return x + random.normal(0, 0.02, x.shape), _quarters(t)


def _quarters(t: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.quantile(t, (0.25, 0.5, 0.75)), t).astype(np.int64)


def heartbeats(random: np.random.RandomState) -> Samples:
    """Single heartbeats of four classes, `[3000, 140, 1]`: normal; fast, where everything comes sooner; wide, whose
    tallest bump takes three times as long; early, which comes too soon and without its first bump."""
    seconds = (np.arange(BEAT_LENGTH) - 50) / 100
    label = np.arange(3000) % len(BEAT_CLASSES)
    beats = np.zeros((len(label), BEAT_LENGTH))
    for number, kind in enumerate(label):
        name = BEAT_CLASSES[kind]
        pace = random.uniform(0.62, 0.74) if name == "fast" else random.uniform(0.9, 1.12)
        shift = -0.17 if name == "early" else 0.0
        strength = random.uniform(0.85, 1.15)
        for bump, at, height, width in _BUMPS:
            if name == "early" and bump == "P":
                continue
            wide = width * (3 if name == "wide" and bump in "QRS" else 1)
            centre = at * pace + shift + random.normal(0, 0.004)
            size = height * strength * (1 + random.normal(0, 0.06))
            beats[number] += size * np.exp(-0.5 * ((seconds - centre) / wide) ** 2)
        beats[number] += 0.05 * random.normal() * np.sin(2 * np.pi * seconds / 3 + random.uniform(0, 6))
    return (beats + random.normal(0, 0.015, beats.shape))[..., None], label


def machine(random: np.random.RandomState) -> Samples:
    """Windows of three sensors of one machine, `[3000, 96, 3]`. Temperature and pressure follow the load, pressure a
    little later; vibration follows the speed. Drift: temperature climbs. Broken correlation: pressure no longer
    follows."""
    label = np.where(np.arange(3000) % 5 == 3, 1, np.where(np.arange(3000) % 5 == 4, 2, 0))
    moments = np.arange(MACHINE_LENGTH)
    own, followed, climb = (np.zeros((len(label), MACHINE_LENGTH)) for _ in range(3))

    def load(shift: float, phase: float, pace: float) -> np.ndarray:
        return np.sin(2 * np.pi * pace * (moments - shift) / MACHINE_LENGTH + phase)

    for number, kind in enumerate(label):
        phase, pace = random.uniform(0, 2 * np.pi), random.uniform(*_PACE)
        own[number] = load(0, phase, pace)
        if kind == 2:
            phase, pace = random.uniform(0, 2 * np.pi), random.uniform(*_PACE)
        followed[number] = load(_LAG, phase, pace)
        if kind == 1:
            climb[number] = random.uniform(8, 14) * moments / MACHINE_LENGTH
    noise = random.normal(0, 1, (*own.shape, 3))
    # a window may begin at any moment of a turn, or those cut from a long series would be unlike these
    return _sensors(own, followed, climb, random.uniform(0, 2 * np.pi, (len(label), 1)), noise), label


def _sensors(
    own: np.ndarray, followed: np.ndarray, climb: np.ndarray, turn: np.ndarray | float, noise: np.ndarray
) -> np.ndarray:
    """What the three sensors say, `[..., T, 3]`, of the load `[..., T]`, the one that pressure follows, what the
    temperature has climbed, where the machine is in its turn at first, and noise `[..., T, 3]`."""
    shaking = (1 + 0.4 * own) * np.sin(2 * np.pi * np.arange(own.shape[-1]) / 8 + turn)
    return np.stack([60 + 6 * own + climb, 3 + 0.5 * followed, shaking], -1) + noise * np.array([0.5, 0.04, 0.08])


def machine_stream(
    random: np.random.RandomState, stretches: Sequence[tuple[int, int]], climb: float = CLIMB
) -> Samples:
    """The same three sensors watched for long.

    The pace of the load wanders within what the windows have. While the correlation is broken pressure follows another
    load of the same kind, so that each sensor alone looks as always; drift ends with its stretch.

    Parameters
    ----------
    stretches
        What follows what: the class, of MACHINE_CLASSES, and for how many moments.
    climb
        Degrees of drift in as many moments as a window has.

    Returns
    -------
    tuple
        x float64 `[T, 3]` in its own unit, and the class of each moment, int64 `[T]`.
    """
    label = np.repeat(*np.array(stretches, np.int64).T)
    own, other = (_wandering_load(random, len(label) + _LAG, period) for period in _WANDERING)
    followed = np.where(label == 2, other[:-_LAG], own[:-_LAG])
    counted = np.concatenate([np.arange(count) for _, count in stretches])
    climbed = np.where(label == 1, climb * counted / MACHINE_LENGTH, 0)
    turn, noise = random.uniform(0, 2 * np.pi), random.normal(0, 1, (len(label), 3))
    return _sensors(own[_LAG:], followed, climbed, turn, noise), label


def _wandering_load(random: np.random.RandomState, count: int, period: int) -> np.ndarray:
    """A load `[count]` whose pace goes evenly to and fro between the slowest and the fastest of windows."""
    slowest, fastest = _PACE
    to_and_fro = np.abs(2 * ((np.arange(count) / period + random.uniform(0, 1)) % 1) - 1)
    pace = slowest + (fastest - slowest) * to_and_fro
    return np.sin(random.uniform(0, 2 * np.pi) + np.cumsum(2 * np.pi * pace / MACHINE_LENGTH))


def moving_digits(digits: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Digits that move straight ahead and bounce off the walls, after Srivastava, Mansimov & Salakhutdinov (2015).

    Parameters
    ----------
    digits
        uint8 `[N, 8, 8]`.
    random
        What the motions are drawn from: any start, any velocity in whole pixels but standing still.

    Returns
    -------
    tuple of np.ndarray
        The sequences, uint8 `[N, 10, 16, 16]`, and their steps of MOTION_FACTORS, int64 `[N, 4]`: the place of the
        upper left corner in the first frame in pixels, and the velocities counted from -MAX_SPEED.
    """
    count, side, _ = digits.shape
    room, speeds = VIDEO_SIDE - side, 2 * MAX_SPEED + 1
    start = random.randint(room + 1, size=(count, 2))
    chosen = random.randint(speeds**2 - 1, size=count)
    chosen += chosen >= speeds**2 // 2  # the one in the middle stands still
    speed = np.stack(np.divmod(chosen, speeds), 1)
    gone = start[:, None] + (speed - MAX_SPEED)[:, None] * np.arange(VIDEO_FRAMES)[:, None]  # [N, T, 2]
    x, y = np.moveaxis(room - np.abs(room - gone % (2 * room)), 2, 0)[..., None, None]  # folded back at either wall
    frames = np.zeros((count, VIDEO_FRAMES, VIDEO_SIDE, VIDEO_SIDE), np.uint8)
    number, moment = np.ogrid[:count, :VIDEO_FRAMES]
    down, across = np.ogrid[:side, :side]
    frames[number[..., None, None], moment[..., None, None], y + down, x + across] = digits[:, None]
    return frames, np.hstack([start, speed]).astype(np.int64)


GENERATORS: dict[str, Callable[[np.random.RandomState], Samples]] = {
    "moons": moons,
    "ring": ring,
    "swiss-roll": swiss_roll,
    "s-curve": s_curve,
    "heartbeats": heartbeats,
    "machine": machine,
}
