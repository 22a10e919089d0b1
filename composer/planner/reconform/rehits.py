"""Hits of a re-edited film: old ones whose picture survived keep their place in the music, new cuts bring new ones, the rest goes.

Conventions
-----------
A hit whose bar survived keeps bar and beat and is not moved by a hair. In a bar that keeps its notes it keeps its beat if that is within
half a frame. Elsewhere it stands where a beat (a soft one: or a half-beat; a person's own: or a finer part) reaches it within half a frame;
where none does it is dropped, and said to be. A person's own is never dropped while its picture is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from composer.cues import HIT_FRAMES, HitPoint
from composer.edit import Edit, HitChange
from composer.film import Film
from composer.plan import Hit, Mark, Plan, Section
from composer.planner.placing import place_hits
from composer.planner.reconform.filling import Moment
from composer.planner.reconform.survival import NewBar, Run
from composer.tempo import TempoMap

#: a hit that was further off than this was missed already: nothing is bent to keep it there, frames
MET_FRAMES = 0.75
#: a moment this near to the film's beginning is no change of picture any more, seconds
OPENING_S = 0.05


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


def moments(old: Plan, edit: Edit, film: Film, points: Sequence[HitPoint], runs: Sequence[Run]) -> list[Moment]:
    """What bars that are fitted anew should meet: old hits whose picture survived, where cues enter and end, and the new `points`, in order of time."""
    found = _cue_edges(old, edit, film)
    for hit in old.hits:
        time_s = new_time(hit, edit, runs, 0.5 * film.frame_s)
        if time_s is not None:
            met = abs(hit.frames_off(old.frame_rate)) <= MET_FRAMES
            found.append(Moment(time_s, hit.weight, hit.is_hard, (hit.bar - 1, hit.beat - 1) if met else None, hit.is_own))
    found += [Moment(point.time_s, point.weight, point.is_hard) for point in points]
    return sorted(found, key=lambda m: m.time_s)


def _cue_edges(old: Plan, edit: Edit, film: Film) -> list[Moment]:
    """Where music enters after a rest, and where it ends before one: there it stays, and the rest gives way."""
    found = []
    for section in old.sections:
        enters = section.first_bar > 1 and old.section_at(section.first_bar - 1) is None
        ends = section.last_bar < len(old.bars) and old.section_at(section.last_bar + 1) is None
        last_beats = old.tempo.bars[section.last_bar - 1].beats
        edges = [(section.first_bar - 1, 0.0)] * enters + [(section.last_bar - 1, last_beats)] * ends
        for bar, beat in edges:
            time_s = edit.moved(float(old.tempo.bar_seconds[bar + (beat > 0)]), 0.5 * film.frame_s)
            found += [Moment(time_s, 1.0, True, (bar, beat))] if time_s is not None else []
    return found


def rehit(
    old: Plan, edit: Edit, film: Film, points: Sequence[HitPoint], bars: Sequence[NewBar], runs: Sequence[Run]
) -> tuple[tuple[Hit, ...], tuple[HitChange, ...]]:
    """The hits of the new plan in order of time (with marks still as they were), and what became of each old one.

    A person's own hits choose their beats first, then the other old ones, then the new `points`.
    """
    tempo = TempoMap(tuple(new.bar for new in bars))
    half_s = 0.5 * film.frame_s
    placed: dict[tuple[int, float], tuple[Hit, HitChange]] = {}
    gone: list[HitChange] = []
    for hit in sorted(old.hits, key=lambda hit: not hit.is_own):
        time_s = new_time(hit, edit, runs, half_s)
        if time_s is None:
            gone.append(HitChange(hit.time_s, None, hit.is_hard, "its picture is gone"))
            continue
        moved = _carried(replace(hit, time_s=time_s), bars, tempo, film, stays=any(_is_home(run, hit, half_s) for run in runs))
        if moved is None or (moved.bar, moved.beat) in placed:
            gone.append(HitChange(hit.time_s, time_s, hit.is_hard, "no beat reaches it any more"))
        else:
            placed[moved.bar, moved.beat] = moved, HitChange(hit.time_s, time_s, hit.is_hard)
    for point in points:
        mark: Mark = "chord" if point.is_hard else "accent"
        found = _reached(Hit(point.time_s, 1, 1.0, 0.0, point.weight, mark, point.label), tempo, film)
        if found is not None and (found.bar, found.beat) not in placed and bars[found.bar - 1].section is not None:
            placed[found.bar, found.beat] = found, HitChange(None, point.time_s, found.is_hard)
    order = sorted(placed.values(), key=lambda item: (item[0].time_s, item[0].bar, item[0].beat))
    gone.sort(key=lambda change: change.old_s or 0.0)
    return tuple(hit for hit, _ in order), (*(change for _, change in order), *gone)


def _carried(hit: Hit, bars: Sequence[NewBar], tempo: TempoMap, film: Film, *, stays: bool) -> Hit | None:
    """An old hit in the new bars: where its beat is now, if that is still on time, else where another one is; None where none is.

    With `stays`, the picture of its bar goes along with a run: there its beat is not judged again.
    """
    for i, new in enumerate(bars):
        if new.source.old_bar != hit.bar - 1:
            continue
        for old_beat, beat, length in new.source.pieces:
            into = hit.beat - 1 - old_beat
            if 0 <= into < length:
                here = replace(hit, bar=i + 1, beat=round(beat + into + 1, 6))
                if (stays and new.run is not None) or _is_met(here, tempo, film):
                    return here
    return _reached(hit, tempo, film)


def _is_met(hit: Hit, tempo: TempoMap, film: Film) -> bool:
    return abs(tempo.beat_to_s(tempo.beat_of(hit.bar, hit.beat)) - hit.time_s) <= HIT_FRAMES * film.frame_s + 1e-6


def _reached(hit: Hit, tempo: TempoMap, film: Film) -> Hit | None:
    """The hit where `composer.planner.placing` puts such a one; None where no beat reaches it."""
    point = HitPoint(hit.time_s, hit.weight, "user" if hit.is_own else "cut", hit.label)
    placed = place_hits([point], tempo, film)
    return replace(hit, bar=placed[0].bar, beat=placed[0].beat, weight=placed[0].weight) if placed else None


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
