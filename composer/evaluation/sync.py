"""Sync: which moments of picture are marked by music, as heard in the sound, as written in the notes, and how many would be by chance.

Conventions
-----------
A hit is judged by the distance from its picture to the nearest onset that stands out (`composer.onset_strength`): a *hit* within half a frame of the film,
*near* within two, *missed* beyond. In the notes it is judged by the note that begins on its beat. `docs/sync.md` defines every number.

*Chance*: the same onsets against the same moments, all shifted together by random amounts (seeded) and wrapped around the film: mean share.
*Steady*: the same onsets at the beats where they are, but every cue at its mean tempo from beginning to end; it may choose the best of 16 phases.
A moment is *on a beat* when some beat (quarter note of its bar's own grid) lies within a tolerance given in frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from composer.cues import HIT_FRAMES, NEAR_FRAMES
from composer.evaluation.sync_chance import HAIR, chance_of, distance_s, steady_share
from composer.evaluation.sync_film import FilmMusic, Found, find_music
from composer.onset_strength import Onsets, onsets_in_file
from composer.plan import Hit, Plan
from composer.rendering import Rendering
from composer.score import Score
from composer.tempo import TempoMap

Floats = NDArray[np.float64]
Verdict = Literal["hit", "near", "missed"]

#: a note this near to a beat begins on it, beats
_SAME_BEAT = 0.05
#: how far before and after a hit a stem is looked at, seconds: an onset's strength may peak later than it begins
_EARLIER_S, _LATER_S = 0.05, 0.1


@dataclass(frozen=True)
class HitCount:
    """How hits came out: planned (`count_hits`), in the notes (`heard_hits`), or in the sound."""

    #: within half a frame, within two frames, beyond
    hits: int
    near: int
    missed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.hits + self.near + self.missed

    @property
    def share(self) -> float:
        """Hits among all; 1 when there are none."""
        return self.hits / self.total if self.total else 1.0


@dataclass(frozen=True)
class HeardHit:
    """One hit of the plan, as heard."""

    #: from 1, in order of time (as in the markers of the MIDI)
    number: int
    #: moment of picture, seconds
    time_s: float
    #: a few words
    label: str
    #: 0…1
    weight: float
    #: whether it had to fall on a downbeat or beat
    hard: bool
    #: how music was meant to mark it
    mark: str
    #: by the nearest onset of the mix that stands out
    verdict: Verdict
    #: that onset minus picture, frames and milliseconds; None when nothing in the mix stands out
    frames_off: float | None
    ms_off: float | None
    #: parts whose own sound has an onset within half a frame
    parts: tuple[str, ...]
    #: by the note on its beat
    in_notes: Verdict


@dataclass(frozen=True)
class Measure:
    """Hits by one way of looking for onsets, with what they are worth."""

    #: all hits, the hard and the soft ones
    all: HitCount
    hard: HitCount
    soft: HitCount
    #: hits among all, 0…1
    share: float
    #: mean share when the moments are shifted at random
    chance: float
    #: share over chance; None when nothing is hit by chance
    lift: float | None
    #: share of the same onsets at a steady tempo
    steady: float


@dataclass(frozen=True)
class SyncReport:
    """How a score and its film keep together."""

    #: frames per second of the film
    frame_rate: Fraction
    #: every hit of the plan, in order of time
    hits: tuple[HeardHit, ...]
    #: in the mix: onsets that stand out
    heard: Measure
    #: in the mix: onsets in the plain top quartile of all within 2 s, however few: stricter where hits crowd or music is sparse
    top_quartile: Measure
    #: in the notes
    notes: Measure
    #: the hard hits that were chosen before any tempo was fitted (the plan's `wanted_s`), whatever became of them: heard in the mix
    wanted: HitCount
    #: moments considered before any tempo was fitted
    candidates: int
    #: hits heard among all candidates, 0…1
    coverage: float
    #: onsets of the mix per second of film, and those among them that stand out
    onsets_per_s: float
    prominent_per_s: float
    #: the music in the scored film; None when there is no film yet
    film: FilmMusic | None
    #: hits as they are heard in the film; None when there is no film, or its sound hides the music
    in_film: HitCount | None


def listen(plan: Plan, score: Score, rendering: Rendering, folder: Path, scored: Path | None = None) -> SyncReport:
    """Measure the mix, the stems and (when given) the scored film against the plan; the rendering's files lie in `folder`.

    Raises RenderError when a file cannot be read, VideoError when the film cannot.
    """
    moments_s = [hit.time_s for hit in plan.hits]
    with ThreadPoolExecutor(1) as beside:  # ffmpeg decodes the film while the stems are looked at
        finding = beside.submit(find_music, scored, folder / rendering.mix, moments_s) if scored is not None else None
        mix = onsets_in_file(folder / rendering.mix)
        parts = [_parts_at(time_s, plan.frame_rate, rendering, folder) for time_s in moments_s]
        film = finding.result() if finding is not None else None
    beats = _note_beats(score)
    written = [_written(hit, score, beats, plan) for hit in plan.hits]
    off = [_frames_off(time_s, mix.prominent_s, plan.frame_rate) for time_s in moments_s]
    hits = tuple(_heard(*each, plan.frame_rate) for each in zip(range(1, len(off) + 1), plan.hits, off, parts, written, strict=True))
    heard = _measure(plan, [hit.verdict for hit in hits], mix.prominent_s)
    candidates = max(len(plan.candidates_s), len(plan.hits))
    return SyncReport(
        frame_rate=plan.frame_rate,
        hits=hits,
        heard=heard,
        top_quartile=_measure(plan, [_verdict(_frames_off(t, mix.top_quartile_s, plan.frame_rate)) for t in moments_s], mix.top_quartile_s),
        notes=_measure(plan, written, score.tempo.beat_to_s(beats)),
        wanted=_counted([_verdict(_frames_off(t, mix.prominent_s, plan.frame_rate)) for t in plan.wanted_s]),
        candidates=candidates,
        coverage=round(heard.all.hits / candidates, 4) if candidates else 1.0,
        onsets_per_s=round(len(mix) / plan.duration_s, 3),
        prominent_per_s=round(len(mix.prominent_s) / plan.duration_s, 3),
        film=film.told if film is not None else None,
        in_film=_in_film(plan, mix, film) if film is not None else None,
    )


def count_hits(plan: Plan) -> HitCount:
    """Hits of a plan by how far music is from picture (in the MIDI)."""
    return _counted([_verdict(hit.frames_off(plan.frame_rate)) for hit in plan.hits])


def heard_hits(plan: Plan, score: Score) -> HitCount:
    """Measure each hit of the plan: the note onset at its beat against its moment of picture, in frames.

    A hit whose beat has no note onset is missed, whatever else sounds nearby.
    """
    beats = _note_beats(score)
    return _counted([_written(hit, score, beats, plan) for hit in plan.hits])


def _heard(number: int, hit: Hit, frames_off: float | None, parts: tuple[str, ...], in_notes: Verdict, frame_rate: Fraction) -> HeardHit:
    ms_off = None if frames_off is None else round(1000 * frames_off / float(frame_rate), 1) + 0.0
    return HeardHit(
        number=number,
        time_s=round(hit.time_s, 6),
        label=hit.label,
        weight=hit.weight,
        hard=hit.is_hard,
        mark=hit.mark,
        verdict=_verdict(frames_off),
        frames_off=None if frames_off is None else round(frames_off, 2) + 0.0,
        ms_off=ms_off,
        parts=parts,
        in_notes=in_notes,
    )


def _verdict(frames_off: float | None) -> Verdict:
    if frames_off is None:
        return "missed"
    return "hit" if abs(frames_off) <= HIT_FRAMES + HAIR else "near" if abs(frames_off) <= NEAR_FRAMES + HAIR else "missed"


def _frames_off(time_s: float, onsets_s: Floats, frame_rate: Fraction) -> float | None:
    """The nearest onset minus a moment, frames; None without onsets."""
    return float(onsets_s[np.abs(onsets_s - time_s).argmin()] - time_s) * float(frame_rate) if len(onsets_s) else None


def _counted(verdicts: Sequence[Verdict]) -> HitCount:
    found = Counter(verdicts)
    return HitCount(found["hit"], found["near"], found["missed"])


def _note_beats(score: Score) -> Floats:
    return np.unique([note.start_beat for track in score.tracks for note in track.notes])


def _written(hit: Hit, score: Score, beats: Floats, plan: Plan) -> Verdict:
    """A hit by the note on its beat; what the plan could not reach is not marked, even where a note happens to begin nearer."""
    beat = plan.tempo.beat_of(hit.bar, hit.beat)
    if not len(beats) or np.abs(beats - beat).min() > _SAME_BEAT or abs(hit.frames_off(plan.frame_rate)) > NEAR_FRAMES + HAIR:
        return "missed"
    nearest = score.tempo.beat_to_s(float(beats[np.abs(beats - beat).argmin()]))
    return _verdict((nearest - hit.time_s) * float(plan.frame_rate))


def _parts_at(time_s: float, frame_rate: Fraction, rendering: Rendering, folder: Path) -> tuple[str, ...]:
    """Parts whose stem, brought to its level in the mix, has an onset within half a frame of a moment."""
    room_s = (HIT_FRAMES + HAIR) / float(frame_rate)
    found = []
    for stem in rendering.stems:
        first_s, last_s = time_s - room_s - _EARLIER_S, time_s + room_s + _LATER_S
        onsets = onsets_in_file(folder / stem.path, max(0.0, first_s), last_s, rendering.gain_db)
        if len(onsets) and np.abs(onsets.times_s - time_s).min() <= room_s:
            found.append(stem.part)
    return tuple(found)


def _in_film(plan: Plan, mix: Onsets, film: Found) -> HitCount | None:
    """Hits in the film: in its own sound, or where other sound lies over it by the mix, moved by the shift."""
    if film.onsets is None and film.told.shift_ms is None:
        return None
    onsets_s = film.onsets.prominent_s if film.onsets is not None else mix.prominent_s + (film.told.shift_ms or 0.0) / 1000
    return _counted([_verdict(_frames_off(hit.time_s, onsets_s, plan.frame_rate)) for hit in plan.hits])


def _measure(plan: Plan, verdicts: Sequence[Verdict], onsets_s: Floats) -> Measure:
    kinds = {hard: [verdict for verdict, hit in zip(verdicts, plan.hits, strict=True) if hit.is_hard == hard] for hard in (True, False)}
    count = _counted(verdicts)
    moments = np.array([hit.time_s for hit in plan.hits])
    chance = chance_of(onsets_s, moments, plan.duration_s, plan.frame_rate)
    return Measure(
        all=count,
        hard=_counted(kinds[True]),
        soft=_counted(kinds[False]),
        share=round(count.share, 4),
        chance=round(chance, 4),
        lift=round(count.share / chance, 2) if chance else None,
        steady=round(steady_share(plan, onsets_s), 4),
    )


def beat_times(tempo: TempoMap) -> NDArray[np.float64]:
    """(B,) seconds of every beat of every bar."""
    beats = [start + k for start, bar in zip(tempo.bar_beats[:-1], tempo.bars, strict=True) for k in range(int(np.ceil(bar.beats)))]
    return tempo.beat_to_s(np.asarray(beats))


def share_on_beat(tempo: TempoMap, moments_s: Sequence[float], frame_rate: Fraction, tolerance_frames: float = 1.0) -> float:
    """Share of moments within the tolerance of a beat; 1.0 when there are none."""
    if not len(moments_s):
        return 1.0
    return float(np.mean(distance_s(beat_times(tempo), np.asarray(moments_s)) <= tolerance_frames / float(frame_rate) + 1e-9))


def chance_on_beat(
    tempo: TempoMap, moments_s: Sequence[float], frame_rate: Fraction, tolerance_frames: float = 1.0, shifts: int = 1000, seed: int = 0
) -> float:
    """Mean share on a beat when all moments are shifted together at random."""
    if not len(moments_s):
        return 1.0
    grid = beat_times(tempo)
    rng = np.random.default_rng(seed)
    moved = (np.asarray(moments_s)[None, :] + rng.uniform(0, tempo.total_s, shifts)[:, None]) % tempo.total_s
    return float(np.mean(distance_s(grid, moved.ravel()) <= tolerance_frames / float(frame_rate) + 1e-9))
