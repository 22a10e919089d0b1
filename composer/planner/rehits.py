"""Hits of a re-edited film: old ones whose picture survived keep their place in the music, new cuts bring new ones, the rest goes.

Conventions
-----------
A hit whose bar survived keeps bar and beat and is not moved by a hair. Elsewhere it stands where a beat (a soft one: or a half-beat)
reaches it within half a frame; where none does it is dropped, and said to be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from composer.cues import HARD_WEIGHT, CueSheet, HitPoint
from composer.edit import Edit, HitChange
from composer.film import Film
from composer.plan import Hit, Plan, Section
from composer.planner.refit import Moment
from composer.planner.survival import NewBar, Run
from composer.tempo import TempoMap

#: a beat this near to a hit marks it, frames
REACHED_FRAMES = 0.5
#: a hit that was further off than this was missed already: nothing is bent to keep it there, frames
MET_FRAMES = 0.75
#: a moment this near to the film's beginning is no change of picture any more, seconds
OPENING_S = 0.05
#: a new hit is never closer than this to an old one, seconds (music could not answer both)
APART_S = 0.45


def new_time(hit: Hit, edit: Edit, runs: Sequence[Run], half_s: float) -> float | None:
    """When the picture of an old hit is seen in the new film, seconds; None when it is gone, or opens the film now."""
    home = next((run.stretch for run in runs if _is_home(run, hit, half_s)), None)
    time_s = hit.time_s + home.offset_s if home else edit.moved(hit.time_s, half_s)
    opens = time_s is not None and time_s < OPENING_S <= hit.time_s
    return None if opens else time_s


def _is_home(run: Run, hit: Hit, half_s: float) -> bool:
    """Whether a run holds a hit's bar, and its stretch the hit's picture."""
    stretch = run.stretch
    return run.first <= hit.bar - 1 < run.end and stretch.old_start_s - half_s <= hit.time_s < stretch.old_end_s - half_s


def new_points(edit: Edit, film: Film, cues: CueSheet, taken_s: Sequence[float]) -> list[HitPoint]:
    """Hits that spotting chose where the new film differs: inside new stretches, and where two stretches meet."""
    half_s = 0.5 * film.frame_s
    seams = [seam for k in edit.kept for seam in (k.new_start_s, k.new_end_s)]
    found = []
    for hit in (hit for cue in cues.cues for hit in cue.hits):
        changed = any(abs(hit.time_s - seam) <= half_s for seam in seams)
        changed |= any(span.start_s - half_s <= hit.time_s < span.end_s + half_s for span in edit.added)
        if changed and all(abs(hit.time_s - other) >= APART_S for other in taken_s):
            found.append(hit)
    return found


def moments(old: Plan, edit: Edit, film: Film, cues: CueSheet, runs: Sequence[Run]) -> list[Moment]:
    """What bars that are fitted anew should meet: old hits whose picture survived, and new ones, in order of time."""
    found = []
    for hit in old.hits:
        time_s = new_time(hit, edit, runs, 0.5 * film.frame_s)
        if time_s is not None:
            met = abs(hit.frames_off(old.frame_rate)) <= MET_FRAMES
            found.append(Moment(time_s, hit.weight, hit.is_hard, (hit.bar - 1, hit.beat - 1) if met else None))
    found += [Moment(point.time_s, point.weight, point.is_hard) for point in new_points(edit, film, cues, [m.time_s for m in found])]
    return sorted(found, key=lambda m: m.time_s)


def rehit(
    old: Plan, edit: Edit, film: Film, cues: CueSheet, bars: Sequence[NewBar], runs: Sequence[Run]
) -> tuple[tuple[Hit, ...], tuple[HitChange, ...]]:
    """The hits of the new plan in order of time (with marks still as they were), and what became of each old one."""
    tempo = TempoMap(tuple(new.bar for new in bars))
    places = {new.source.old_bar: i + 1 for i, new in enumerate(bars) if new.run is not None}
    half_s = 0.5 * film.frame_s
    placed: dict[tuple[int, float], tuple[Hit, HitChange]] = {}
    gone: list[HitChange] = []
    times_s = [new_time(hit, edit, runs, half_s) for hit in old.hits]
    for hit, time_s in zip(old.hits, times_s, strict=True):
        if time_s is None:
            gone.append(HitChange(hit.time_s, None, hit.is_hard, "its picture is gone"))
            continue
        stays = hit.bar - 1 in places and any(_is_home(run, hit, half_s) for run in runs)
        moved = replace(hit, time_s=time_s, bar=places[hit.bar - 1]) if stays else _reached(replace(hit, time_s=time_s), tempo, film)
        if moved is None or (moved.bar, moved.beat) in placed:
            gone.append(HitChange(hit.time_s, time_s, hit.is_hard, "no beat reaches it any more"))
        else:
            placed[moved.bar, moved.beat] = moved, HitChange(hit.time_s, time_s, hit.is_hard)
    for point in new_points(edit, film, cues, [time_s for time_s in times_s if time_s is not None]):
        found = _reached(Hit(point.time_s, 1, 1.0, 0.0, point.weight, "chord" if point.is_hard else "accent", point.label), tempo, film)
        if found is not None and (found.bar, found.beat) not in placed and bars[found.bar - 1].section is not None:
            placed[found.bar, found.beat] = found, HitChange(None, point.time_s, found.is_hard)
    order = sorted(placed.values(), key=lambda item: (item[0].time_s, item[0].bar, item[0].beat))
    return tuple(hit for hit, _ in order), (*(change for _, change in order), *gone)


def _reached(hit: Hit, tempo: TempoMap, film: Film) -> Hit | None:
    """The hit on the beat, or softer on the half-beat, that reaches it within half a frame; None where there is none."""
    for step in (1.0, 0.5):
        bar = tempo.bar_at_s(hit.time_s + 0.5 * film.frame_s)  # a bar line just after the moment is its own
        start = float(tempo.bar_beats[bar])
        grid = [start + step * k for k in range(math.ceil(tempo.bars[bar].beats / step))]
        beat = min(grid, key=lambda b: abs(tempo.beat_to_s(b) - hit.time_s))
        if abs(tempo.beat_to_s(beat) - hit.time_s) <= REACHED_FRAMES * film.frame_s + 1e-6:
            weight = hit.weight if step == 1.0 else min(hit.weight, HARD_WEIGHT - 0.01)
            return replace(hit, bar=bar + 1, beat=beat - start + 1, weight=weight)
    return None


def remarked(hits: Sequence[Hit], sections: Sequence[Section]) -> tuple[Hit, ...]:
    """The hits with marks that are true: only the first beat of a section opens one."""
    starts = {(section.first_bar, 1.0) for section in sections}
    done = []
    for hit in hits:
        if hit.mark == "section" and (hit.bar, hit.beat) not in starts:
            hit = replace(hit, mark="chord" if hit.is_hard else "accent")
        elif hit.mark == "chord" and (hit.bar, hit.beat) in starts:
            hit = replace(hit, mark="section")
        done.append(hit)
    return tuple(done)
