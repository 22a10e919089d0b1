"""Words over music, judged: how far music steps back under speech, whether it pumps, and what becomes of the film's own sound.

Conventions
-----------
Films are made (composer.evaluation.render_films): synthetic speech with pauses, alone and over noise, at several levels and in several formats. They
go the real way: watched (so the detector decides where speech is), scored with music that knows nothing of the words, muxed, decoded again.

* *Distance*: loudness of the clean words minus that of the ducked music in the same steps of a twentieth of a second, K-weighted (ITU-R BS.1770-4),
  over each utterance (words with pauses shorter than 0.3 s, by the clean speech's own energy, 0.3 s and longer). In LU; 10 is wanted.
* *Gain* is the sum less the original against the music. It is read off the curve that the mixer uses; *residual* is what the delivered
  film differs from original + music × that curve, dB below full scale, where no limiter acts, so it proves the curve.
* A *passage* is speech with gaps under 4 s. Inside passages a *reversal* is a turn of the gain of 1 dB or more; *slew* is its steepest change.
* *Changed* is the share of time in which the film's own sound comes out otherwise than it went in (the limiter's work; 0 elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from composer.evaluation.render_films import RATE, Spoken, spoken_film
from composer.film import Film
from composer.options import Options
from composer.probe import probe
from composer.render.ducking import duck_curve
from composer.render.film_sound import RawReader, decode_original, film_sound
from composer.render.limiter import true_peaks
from composer.render.loudness import STEP_SAMPLES, STEPS_PER_S, energies, to_lufs
from composer.render.mix import CEILING_DBTP
from composer.render.mux import mux
from composer.render.wav import Floats, WavReader, to_floats

Doubles = NDArray[np.float64]
Grid = NDArray[np.bool_]

WANTED_LU = 10.0
#: utterances shorter than this are not judged, seconds
_SHORTEST_S = 0.3
#: speech with gaps shorter than this is one passage, seconds
PASSAGE_GAP_S = 4.0
#: a turn of the gain this large counts, dB
_TURN_DB = 1.0
#: what is farther from all speech than this should not be touched by it, seconds
_FAR_S = 5.0
#: a limiter that acts anywhere this near may have touched a step (look-ahead and recovery), seconds
_LIMITER_S = 0.5
#: smaller differences are the rounding of 24 bits
_ROUNDING = 2.0**-22


@dataclass(frozen=True)
class SpeechRow:
    """What one film came to."""

    #: what is heard in it, and what plays
    condition: str
    music: str
    #: utterances that were judged
    utterances: int
    #: distances over utterances, LU: least, 5th percentile, median; and how many reach WANTED_LU less a tenth
    least_lu: float
    low_lu: float
    median_lu: float
    reached: int
    #: share of the spoken steps that the detector found
    found: float
    #: deepest gain, dB
    deepest_db: float
    #: mean gain farther than 5 s from all speech, dB; None where there is no such time
    far_db: float | None
    #: turns of the gain a minute inside passages, and the largest of them, dB
    reversals: float
    reversal_db: float
    #: steepest fall and rise, dB a second
    fall_db_s: float
    rise_db_s: float
    #: largest difference between the delivered film and what the curve says, where no limiter acts, dBFS
    residual_dbfs: float
    #: share of the time in which the film is not original + music by the curve: where the limiter acts
    changed: float


def measure(spoken: Spoken, music: Path, music_name: str, folder: Path) -> SpeechRow:
    """Judge one film with `music` (a WAV of ours, as long as it) in `folder`, an empty one of its own.

    Raises VideoError and MissingToolError as watching and muxing do.
    """
    film, before, after = _delivered(spoken, music, folder, "duck")
    length = round(film.duration_s * RATE)
    with WavReader(music) as reader:
        place = _placer(reader)
        gain = duck_curve(before, place, film, 0, length)
        ducked = energies(lambda start, count: place(start, count) * gain(start, count)[:, None], length)
        residual, acting = _against(before, after, place, gain, length)
    clean = energies(spoken.clean_reader(), length)
    return _row(spoken, music_name, film, clean, ducked, _curve_db(gain, length), residual, acting)


@dataclass(frozen=True)
class PassingRow:
    """What becomes of sound that is not to be ducked."""

    #: what was asked for (`--original`)
    original: str
    #: largest difference between the delivered film and original + music ("keep") or music alone ("mute"), where no limiter acts, dBFS
    residual_dbfs: float
    #: share of the time in which the limiter acts
    changed: float


def measure_passing(spoken: Spoken, music: Path, folder: Path, original: Literal["keep", "mute"]) -> PassingRow:
    """Judge one film whose sound is kept as it is, or left out."""
    film, before, after = _delivered(spoken, music, folder, original)
    if original == "mute":
        (folder / "nothing.f32").write_bytes(b"")
        before = RawReader(folder / "nothing.f32", 2)
    with WavReader(music) as reader:
        residual, acting = _against(before, after, _placer(reader), _unducked, round(film.duration_s * RATE))
    return PassingRow(original, _dbfs(residual), round(acting, 3))


def _delivered(spoken: Spoken, music: Path, folder: Path, original: Literal["duck", "keep", "mute"]) -> tuple[Film, RawReader, RawReader]:
    """(the film as watched, its own sound, its sound with the music), after going the whole way."""
    from composer.video import observe

    video, scored = spoken_film(spoken, folder), folder / "delivered.mkv"
    film = observe(video, Options(emotion="embedded")).film
    mux(video, probe(video), film, music, scored, Options(original=original))
    length = round(film.duration_s * RATE)
    before, after = (decode_original(path, probe(path), length, path.with_suffix(".f32")) for path in (video, scored))
    return film, before, after


def _placer(reader: WavReader, lead: int = 0) -> Callable[[int, int], Floats]:
    return lambda start, count: to_floats(reader.read(start - lead, count))


def _dbfs(factor: float) -> float:
    """dB below full scale; what is less than the last of 24 bits counts as that."""
    return round(float(20 * np.log10(max(factor, 2.0**-24))), 1)


def _unducked(_start: int, count: int) -> Floats:
    return np.ones(count, np.float32)


def _curve_db(gain: Callable[[int, int], Floats], length: int) -> Doubles:
    """(steps,) the gain in the middle of every step, dB."""
    middles = range(STEP_SAMPLES // 2, length + STEP_SAMPLES // 2, STEP_SAMPLES)
    return np.asarray(20 * np.log10(np.array([gain(at, 1)[0] for at in middles], float)))


def _against(
    before: RawReader, after: RawReader, place: Callable[[int, int], Floats], gain: Callable[[int, int], Floats], length: int
) -> tuple[float, float]:
    """(largest difference from what should come out where no limiter acts, factor of full scale; share of time in which anything differs)."""
    ceiling = 10 ** ((CEILING_DBTP - 0.05) / 20)
    over, differences = [], []
    for start in range(0, length, STEP_SAMPLES):
        count = min(STEP_SAMPLES, length - start)
        wanted = before.read(start, count)
        wanted[:, :2] += place(start, count) * gain(start, count)[:, None]
        over.append(bool(true_peaks(wanted).max() > ceiling))
        differences.append(float(np.abs(after.read(start, count) - wanted).max()))
    difference = np.array(differences)
    near = _widened(np.array(over), round(_LIMITER_S * STEPS_PER_S))
    return float(difference[~near].max(initial=0.0)), float(np.mean(difference > _ROUNDING))


def _row(
    spoken: Spoken, music: str, film: Film, clean: Doubles, ducked: Doubles, gain_db: Doubles, residual: float, acting: float
) -> SpeechRow:
    truth = spoken.truth(len(clean))
    spans = [(a, b) for a, b in _runs(truth) if b - a >= _SHORTEST_S * STEPS_PER_S]
    distances = np.array([_lufs(clean[a:b]) - _lufs(ducked[a:b]) for a, b in spans])
    found = np.zeros(len(truth), np.bool_)
    for span in film.speech:
        found[int(span.start_s * STEPS_PER_S) : int(np.ceil(span.end_s * STEPS_PER_S))] = True
    far = ~_widened(truth, round(_FAR_S * STEPS_PER_S))
    passages = _runs(_bridged(truth, round(PASSAGE_GAP_S * STEPS_PER_S)))
    turns = [turn for a, b in passages for turn in _turns(gain_db[a:b])]
    steps = np.diff(gain_db) * STEPS_PER_S
    return SpeechRow(
        condition=spoken.name,
        music=music,
        utterances=len(spans),
        least_lu=round(float(distances.min()), 2),
        low_lu=round(float(np.quantile(distances, 0.05)), 2),
        median_lu=round(float(np.median(distances)), 2),
        reached=int(np.sum(distances >= WANTED_LU - 0.1)),
        found=round(float(found[truth].mean()), 3),
        deepest_db=round(float(gain_db.min()), 1),
        far_db=round(float(gain_db[far].mean()), 2) if far.any() else None,
        reversals=round(len(turns) / max(sum(b - a for a, b in passages) / STEPS_PER_S / 60, 1e-9), 1),
        reversal_db=round(max(turns, default=0.0), 1),
        fall_db_s=round(float(-steps.min(initial=0.0)), 1),
        rise_db_s=round(float(steps.max(initial=0.0)), 1),
        residual_dbfs=_dbfs(residual),
        changed=round(acting, 3),
    )


def _lufs(steps: Doubles) -> float:
    return float(to_lufs(np.array([steps.mean()]))[0])


def _turns(gain_db: Doubles) -> Iterator[float]:
    """Sizes of the swings between turning points, of those that are large enough; the way down at the beginning and up at the end are none."""
    extreme, direction, begun = float(gain_db[0]) if len(gain_db) else 0.0, 0, 0.0
    for value in map(float, gain_db):
        if direction == 0 and abs(value - extreme) >= _TURN_DB:
            direction, begun, extreme = (1 if value > extreme else -1), extreme, value
        elif direction * (value - extreme) > 0:
            extreme = value
        elif direction and direction * (extreme - value) >= _TURN_DB:
            yield abs(extreme - begun)
            direction, begun, extreme = -direction, extreme, value


def _runs(steps: Grid) -> list[tuple[int, int]]:
    """(first, behind the last) of every run of true steps."""
    edges = np.flatnonzero(np.diff(steps.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _bridged(steps: Grid, shortest: int) -> Grid:
    """The same with gaps shorter than `shortest` filled."""
    filled = steps.copy()
    for (_, end), (start, _) in zip(_runs(steps), _runs(steps)[1:], strict=False):
        if start - end < shortest:
            filled[end:start] = True
    return filled


def _widened(steps: Grid, by: int) -> Grid:
    return np.asarray(np.convolve(steps, np.ones(2 * by + 1), "same") > 0.5)


# --- real clips -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClipRow:
    """What was found where somebody speaks in a real film: there the clean words are not known, only the whole sound."""

    #: the film, and the spans of its speech, seconds
    name: str
    spans_s: tuple[tuple[float, float], ...]
    #: the film's own sound minus the ducked music over each span, LU
    distances_lu: tuple[float, ...]
    #: largest difference from what the curve says where no limiter acts, dBFS; share of the time in which one acts
    residual_dbfs: float
    changed: float


def measure_clip(name: str, video: Path, film: Film, music: Path, folder: Path) -> ClipRow:
    """Judge a real film that was scored: `music` is its mix. Its new sound is looked at before it is coded (as AAC in MP4, which changes every sample)."""
    length = round(film.duration_s * RATE)
    lead = max(0, round(film.start_offset_s * RATE))
    before = decode_original(video, probe(video), lead + length, folder / "before.f32")
    with film_sound(music, before, film, lead, lead + length, duck=True) as blocks, (folder / "after.f32").open("wb") as file:
        for block in blocks:
            file.write(block.astype("<f4").tobytes())
    after = RawReader(folder / "after.f32", before.channels)
    with WavReader(music) as reader:
        place = _placer(reader, lead)
        gain = duck_curve(before, place, film, lead, lead + length)
        ducked = energies(lambda start, count: place(start, count) * gain(start, count)[:, None], lead + length)
        residual, acting = _against(before, after, place, gain, lead + length)
    own = energies(before.read, lead + length)
    spans = [(round((s.start_s * RATE + lead) / STEP_SAMPLES), round((s.end_s * RATE + lead) / STEP_SAMPLES)) for s in film.speech]
    return ClipRow(
        name=name,
        spans_s=tuple((round(span.start_s, 2), round(span.end_s, 2)) for span in film.speech),
        distances_lu=tuple(round(_lufs(own[a:b]) - _lufs(ducked[a:b]), 2) for a, b in spans),
        residual_dbfs=_dbfs(residual),
        changed=round(acting, 3),
    )
