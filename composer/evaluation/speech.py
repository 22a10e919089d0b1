"""How well speech is found under noise and music: `python -m composer.evaluation.speech` prints the table.

Conventions
-----------
Synthetic speech (espeak-ng, six voices, five languages, pauses of 0.5–3 s) is mixed with what makes it hard, and given to
`composer.video.speech` as a film's sound would be.

* Truth, on a grid of 10 ms: where the energy of the clean speech is at most 35 dB below its loud frames (95th percentile), pauses shorter
  than 0.3 s bridged: they belong to the talking.
* Precision, recall and F1 count frames of that grid. The false share is the share of all time without speech that was taken for speech.
* The signal-to-noise ratio is the power of the speech in its own frames over the mean power of the whole background.

The thresholds of the detector were chosen on seeds 0 and 1; the table is made with another. Where the environment variable HITPOINT_CLIPS
names a folder of clips, those of REAL that it has are added: films in which nobody speaks, whole, and cut where a clip might begin. The
detector was tuned on them too: that they stay clean shows that it does not fall back, not how it does on other films.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from composer.evaluation.speech_material import SAMPLE_RATE, Floats, music, noise, speech
from composer.film import Span
from composer.probe import locked_source
from composer.process import run
from composer.video.speech import SpeechDetector

Grid = npt.NDArray[np.bool_]

#: one frame of the grid, seconds
GRID_S = 0.01
#: frames of speech whose energy is further below the loud ones are pauses, dB
RANGE_DB = 35.0
#: pauses shorter than this belong to the speech, frames of the grid
BRIDGED = 30
SNRS_DB = (10.0, 5.0, 0.0)
NOISES = ("white", "pink", "brown", "traffic")
#: what plays; the ones that sound most like voices first
MUSIC: tuple[tuple[str, ...], ...] = (("choir",), ("solo_voice",), ("flute",), ("violin",), ("alto_sax",), ("oboe", "harp"), ("horns",), ("strings",), ("brass",), ("organ",), ("horror",), ("piano",), ("orchestra",), ("drums", "bass_guitar", "electric_guitar"))  # fmt: skip


#: real films without a word: music with birds, a car
REAL = ("film/bbb_35s_320x180.mp4", "film/drive_car_31s.webm")
#: length of the pieces cut out of them, and how often the whole is repeated, once each
PIECE_S, TIMES = 8, 10


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    #: what is heard with the speech
    condition: str
    #: power of the speech over that of the rest, dB; None where nobody speaks, infinity where nothing else is heard
    snr_db: float | None
    #: share of the found time that is speech; nan where nobody speaks (so are the next two)
    precision: float
    #: share of the speech that was found
    recall: float
    #: harmonic mean of the two
    f1: float
    #: share of the time without speech that was taken for it
    false_share: float


def table(seconds: int = 60, seed: int = 2, noises: Sequence[str] = NOISES, ensembles: Sequence[Sequence[str]] = MUSIC) -> Iterator[Row]:
    """The rows, one after the other: clean speech, then each background alone and with speech at each of SNRS_DB.

    Music comes in mono, which is harder, and as it is in stereo. Raises MissingToolError without espeak-ng, FluidSynth or the detector.
    """
    said = speech(seconds, seed)
    yield measure("nothing else", said, None, float("inf"))
    for condition, background in _backgrounds(seconds, seed, noises, ensembles):
        yield measure(condition, None, background, None)
        for snr_db in SNRS_DB:
            yield measure(condition, said, background, snr_db)


def _backgrounds(seconds: int, seed: int, noises: Sequence[str], ensembles: Sequence[Sequence[str]]) -> Iterator[tuple[str, Floats]]:
    for kind in noises:
        yield f"{kind} noise", noise(kind, seconds, seed)
    for instruments in ensembles:
        played = music(instruments, seconds, seed)
        yield ", ".join(instruments), played.mean(axis=1)
        yield ", ".join(instruments) + " (stereo)", played


def real_table(folder: Path, names: Sequence[str] = REAL) -> Iterator[Row]:
    """Rows of real films in which nobody speaks: whole, repeated, and the mean of all pieces of PIECE_S that begin on a second.

    Files that the folder does not have are left out.
    """
    for path in (folder / name for name in names):
        if not path.exists():
            continue
        sound = _decoded(path)
        starts = range(0, len(sound) - PIECE_S * SAMPLE_RATE + 1, SAMPLE_RATE)
        shares = [measure("", None, sound[start : start + PIECE_S * SAMPLE_RATE], None).false_share for start in starts]
        yield measure(f"{path.stem}, whole", None, sound, None)
        yield measure(f"{path.stem}, {TIMES} times", None, np.tile(sound, (TIMES, 1)), None)
        nan = float("nan")
        yield Row(f"{path.stem}, {len(shares)} pieces of {PIECE_S} s", None, nan, nan, nan, float(np.mean(shares)))


def _decoded(path: Path) -> Floats:
    """(n, 2) the first sound stream at 16 kHz."""
    command = locked_source(path).output("pipe:1", map="0:a:0", ac=2, ar=SAMPLE_RATE, format="s16le").global_args("-v", "error").compile()
    return np.frombuffer(run(command)[0], "<i2").reshape(-1, 2) / 32768.0


def measure(condition: str, said: Floats | None, background: Floats | None, snr_db: float | None) -> Row:
    """One row: speech (n,) in a background (n,) or (n, 2), or one of the two alone."""
    truth = (
        truth_of(said)
        if said is not None
        else np.zeros(0 if background is None else round(len(background) / SAMPLE_RATE / GRID_S), np.bool_)
    )
    mixed = mix(said, truth, background, snr_db)
    found = grid(detect(mixed), len(truth))
    hits = int(np.sum(found & truth))
    alone = truth.sum() == 0
    precision = float("nan") if alone else hits / max(1, int(found.sum()))
    recall = float("nan") if alone else hits / int(truth.sum())
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return Row(condition, snr_db, precision, recall, float("nan") if alone else f1, float(np.mean(found[~truth])))


def mix(said: Floats | None, truth: Grid, background: Floats | None, snr_db: float | None) -> Floats:
    """(n, 2) the two together, the speech in the middle at its own level."""
    parts: list[Floats] = []
    if said is not None:
        parts.append(_stereo(said))
    if background is not None:
        sides, gain = _stereo(background), 1.0
        if said is not None and snr_db is not None:
            inside = np.repeat(truth, round(GRID_S * SAMPLE_RATE))
            power = float(np.mean(said[: len(inside)][inside] ** 2) / np.mean(sides**2))
            gain = float(np.sqrt(power / 10 ** (snr_db / 10)))
        parts.append(gain * sides)
    return np.asarray(np.clip(np.sum(parts, axis=0), -1, 1), np.float64)


def _stereo(sound: Floats) -> Floats:
    return np.stack([sound, sound], axis=1) if sound.ndim == 1 else sound


def detect(sound: Floats) -> list[Span]:
    """What the detector finds in (n, 2) at 16 kHz."""
    detector = SpeechDetector()
    for start in range(0, len(sound), 2 * SAMPLE_RATE):
        detector.add(sound[start : start + 2 * SAMPLE_RATE].astype(np.float32))
    return detector.spans()


def truth_of(said: Floats) -> Grid:
    """(N,) where clean speech (n,) is heard, by its own energy."""
    size = round(GRID_S * SAMPLE_RATE)
    power = np.square(said[: len(said) // size * size]).reshape(-1, size).mean(axis=1)
    loud = np.quantile(power[power > 0], 0.95)
    return bridged(power > loud / 10 ** (RANGE_DB / 10), BRIDGED)


def bridged(frames: Grid, shortest: int) -> Grid:
    """(N,) the same with gaps shorter than `shortest` filled."""
    edges = np.flatnonzero(np.diff(frames.astype(np.int8), prepend=0, append=0))
    filled = frames.copy()
    for end, start in zip(edges[1:-1:2], edges[2::2], strict=True):
        if start - end < shortest:
            filled[end:start] = True
    return filled


def grid(spans: Iterable[Span], count: int) -> Grid:
    """(count,) which frames of the grid lie in the spans."""
    frames = np.zeros(count, np.bool_)
    for span in spans:
        frames[round(span.start_s / GRID_S) : round(span.end_s / GRID_S)] = True
    return frames


def main() -> None:
    """Print the table."""
    print(f"{'condition':44s} {'SNR':>6s} {'precision':>9s} {'recall':>7s} {'F1':>6s} {'false':>7s}")
    clips = os.environ.get("HITPOINT_CLIPS")
    for row in (*table(), *(real_table(Path(clips)) if clips else ())):
        snr = "alone" if row.snr_db is None else f"{row.snr_db:+.0f} dB"
        print(f"{row.condition:44s} {snr:>6s} {row.precision:9.3f} {row.recall:7.3f} {row.f1:6.3f} {row.false_share:7.2%}")


if __name__ == "__main__":
    main()
