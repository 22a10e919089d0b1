"""emotions.txt: a header line, then ``time p1 … p6 valence arousal`` per second of film; and the circumplex that ties the six to two axes.

A file may end with the six; then valence and arousal (−1…1) follow from them.

Russell (1980, "A circumplex model of affect") orders feelings on a circle of pleasure (valence) and arousal; the angles
below are his for excited (49°), afraid (116°), sad (208°) and relaxed (318°). Film tension is unpleasant suspense, so
"tense" takes the angle of his "distressed" (138°) and less than full strength; neutral is the centre.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from composer.errors import OptionError
from composer.film import EMOTIONS, AffectCurve
from composer.serial import write_text

Floats = npt.NDArray[np.float64]

#: (angle in degrees from pleasure towards arousal, strength) of each emotion, in the order of EMOTIONS
_ANGLES = {
    "exciting": (49, 0.9),
    "fearful": (116, 0.9),
    "tense": (138, 0.6),
    "sad": (208, 0.8),
    "relaxing": (318, 0.75),
    "neutral": (0, 0.0),
}
#: (6, 2) valence and arousal of each emotion, in the order of EMOTIONS
POSITIONS: Floats = np.array([(r * math.cos(math.radians(a)), r * math.sin(math.radians(a))) for a, r in (_ANGLES[e] for e in EMOTIONS)])
#: what may follow the six in a file
AXES = ("valence", "arousal")
#: how far an emotion reaches on the circle (standard deviation of its influence)
REACH = 0.33


def emotions_at(valence: Floats, arousal: Floats) -> Floats:
    """(N, 6) probabilities for (N,) valence and arousal: the nearer an emotion's position, the likelier it is."""
    points = np.stack([valence, arousal], axis=1)
    squared = ((points[:, None, :] - POSITIONS[None]) ** 2).sum(axis=2)
    weights = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * REACH**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def position_of(emotions: Floats) -> tuple[Floats, Floats]:
    """(valence, arousal), each (N,), of (N, 6) probabilities: the mean of the emotions' positions, spread so that the outermost reach ±1."""
    mean = emotions @ POSITIONS
    spread = np.clip(mean / np.abs(POSITIONS).max(axis=0), -1, 1)
    return spread[:, 0], spread[:, 1]


def affect_curve(times_s: Floats, emotions: Floats, valence: Floats, arousal: Floats) -> AffectCurve:
    """The noun from arrays: (N,), (N, 6), (N,), (N,); rounded to 6 digits so that it prints the same everywhere."""
    rows = np.round(emotions / emotions.sum(axis=1, keepdims=True), 6)
    most = np.arange(len(rows)), rows.argmax(axis=1)  # the largest takes what rounding left over: no other could without falling below 0
    rows[most] = np.round(rows[most] + 1 - rows.sum(axis=1), 6)
    return AffectCurve(
        tuple(float(t) for t in times_s),
        tuple(tuple(float(p) for p in row) for row in rows),
        tuple(float(round(v, 6)) for v in valence),
        tuple(float(round(a, 6)) for a in arousal),
    )


def at_moment(curve: AffectCurve, time_s: float) -> AffectCurve:
    """The feeling of one moment, kept for the whole film."""
    row, rows = min(int(time_s), len(curve.times_s) - 1), len(curve.times_s)
    return AffectCurve(curve.times_s, (curve.emotions[row],) * rows, (curve.valence[row],) * rows, (curve.arousal[row],) * rows)


def write_emotions(curve: AffectCurve, path: Path) -> None:
    """Write emotions.txt, whole or not at all."""
    lines = ["time " + " ".join((*EMOTIONS, *AXES))]
    for time_s, row, valence, arousal in zip(curve.times_s, curve.emotions, curve.valence, curve.arousal, strict=True):
        lines.append(f"{time_s:g} " + " ".join(f"{value:.6f}" for value in (*row, valence, arousal)))
    write_text(path, "\n".join(lines) + "\n")


def read_emotions(path: Path, seconds: int) -> AffectCurve:
    """Read emotions.txt for a film of `seconds` rows; valence and arousal follow from the probabilities where the file has none.

    Each line speaks until the next one's time; the last speaks to the film's end, the first also for what lies before it.
    Raises OptionError naming the line that is wrong.
    """
    times, table = _parse(path)
    grid = np.arange(seconds, dtype=np.float64)
    line = np.clip(np.searchsorted(times, grid + 1e-6, side="right") - 1, 0, len(times) - 1)
    emotions = table[line, : len(EMOTIONS)]
    valence, arousal = table[line, len(EMOTIONS) :].T if table.shape[1] > len(EMOTIONS) else position_of(emotions)
    return affect_curve(grid, emotions, valence, arousal)


def check_emotions(path: Path) -> None:
    """Raise OptionError when `path` is no emotions.txt (before hours of film are decoded for nothing)."""
    _parse(path)


def _parse(path: Path) -> tuple[Floats, Floats]:
    form = f"It needs a header line and then `time {' '.join(EMOTIONS)}` per second, separated by spaces."
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise OptionError(f"The emotion file {path} cannot be read ({reason})", form) from None
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if number == 1 or not words:
            if number == 1:
                columns = _check_header(path, words, form)
            continue
        rows.append(_row(path, number, words, form, rows[-1][0] if rows else -math.inf, columns))
    if not rows:
        raise OptionError(f"The emotion file {path} has no rows", form)
    data = np.array(rows, np.float64)
    data[:, 1 : 1 + len(EMOTIONS)] /= data[:, 1 : 1 + len(EMOTIONS)].sum(axis=1, keepdims=True)
    return data[:, 0], data[:, 1:]


def _check_header(path: Path, words: list[str], form: str) -> int:
    """How many columns the file has beside the time."""
    names = tuple(word.lower().removesuffix("_prob") for word in words[1:])  # Video2Music's files say exciting_prob
    count = len(names)
    if names[len(EMOTIONS) :] == AXES:
        names = names[: len(EMOTIONS)]
    if len(names) != len(EMOTIONS) or (set(names) == set(EMOTIONS) and names != EMOTIONS):
        raise OptionError(f"The header of {path} is not `time {' '.join(EMOTIONS)}`", form)
    try:
        float(words[0])
    except ValueError:
        return count
    raise OptionError(f"{path} has no header line", form)


def _row(path: Path, number: int, words: list[str], form: str, after: float, columns: int) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise OptionError(f"Line {number} of {path} holds something that is no number", form) from None
    if len(values) != 1 + columns:
        raise OptionError(f"Line {number} of {path} has {len(values)} numbers instead of {1 + columns}", form)
    probabilities, axes = values[1 : 1 + len(EMOTIONS)], values[1 + len(EMOTIONS) :]
    if not all(math.isfinite(value) and value >= 0 for value in (values[0], *probabilities)) or not math.isfinite(sum(probabilities)):
        raise OptionError(f"Line {number} of {path} has a negative or infinite number", form)
    if not all(-1 <= value <= 1 for value in axes):
        raise OptionError(f"Line {number} of {path} has a valence or arousal that is not between -1 and 1", form)
    if sum(probabilities) <= 0:
        raise OptionError(f"Line {number} of {path} has no emotion above 0", "At least one must be positive.")
    if values[0] <= after:
        raise OptionError(f"Line {number} of {path} has a time that is not later than the line before", "Times must rise.")
    return values
