"""Hits on the tempo map, and how music marks each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from composer.cues import HARD_WEIGHT, HIT_FRAMES, HitPoint
from composer.film import Film
from composer.plan import DYNAMICS, Hit, Mark, Part, Section
from composer.planner.form import affect_change
from composer.tempo import TempoMap

#: parts of a beat that only a person's own hits may stand on: triplets, sixteenths and their parts
_FINER = (1 / 3, 1 / 4, 1 / 6, 1 / 8, 1 / 12, 1 / 24, 1 / 48)
#: a shot this dark and this still, for this long, is a black screen: music stops there
_BLACK, _STILL, _BLACK_S = 0.04, 0.02, 0.8
#: a turn of feeling this sharp, in a mood that allows it, is stabbed; so far apart, seconds
_SHOCK, _SHOCKING, _SHOCKS_APART_S = 0.45, ("fearful", "tense", "furious", "mysterious"), 12.0
#: cymbals are kept apart, seconds, and for heavy hits in loud music
_CRASHES_APART_S, _CRASH_WEIGHT = 6.0, 0.8
#: so are strokes of the timpani where they play anyway, seconds
_STROKES_APART_S = 5.0
_CYMBALS, _DRUM = ("percussion_kit", "drums"), "timpani"
ACCENT_PARTS = (_DRUM, "percussion_kit")


def place_hits(hits: Sequence[HitPoint], tempo: TempoMap, film: Film) -> tuple[Hit, ...]:
    """The hits that the tempo map reaches within half a frame, on their beat or half-beat; a person's own always.

    What would be a hard hit becomes a soft one where no whole beat reaches it. All are marked as accents: see `marked`.
    """
    placed: list[Hit] = []
    for hit in hits:
        beat = _beat_of(hit, tempo, film)
        if beat is None:
            continue
        bar, in_bar = tempo.address(beat)
        if placed and (placed[-1].bar, placed[-1].beat) == (bar, round(in_bar, 6)):
            if placed[-1].is_own or not hit.is_own:
                continue
            placed.pop()
        weight = hit.weight if abs(in_bar - round(in_bar)) < 1e-6 else min(hit.weight, HARD_WEIGHT - 0.01)
        error_s = round(tempo.beat_to_s(beat) - hit.time_s, 6)
        placed.append(Hit(hit.time_s, bar, round(in_bar, 6), error_s, weight, "accent", hit.label, hit.is_own))
    return tuple(placed)


def _beat_of(hit: HitPoint, tempo: TempoMap, film: Film) -> float | None:
    """Where music marks a hit, beats from film time 0; None when nothing reaches it.

    A person's own hit is reached by ever finer parts of the beat: being on time is worth more than being on the grid.
    """
    for step in (1.0, 0.5, *(_FINER if hit.is_own else ())):
        beat = _nearest_grid_beat(tempo, hit.time_s, step)
        if abs(tempo.beat_to_s(beat) - hit.time_s) <= HIT_FRAMES * film.frame_s + 1e-6:
            return beat
    return _nearest_grid_beat(tempo, hit.time_s, 1.0) if hit.is_own else None


def _nearest_grid_beat(tempo: TempoMap, time_s: float, step: float) -> float:
    """Beat of the bar's own grid (bars may have odd lengths) that sounds nearest to a time."""
    bar = tempo.bar_at_s(time_s)
    start = float(tempo.bar_beats[bar])
    options = [start + step * k for k in range(round(tempo.bars[bar].beats / step) + 1)]
    if bar == len(tempo.bars) - 1 and len(options) > 1:
        options.pop()  # after the last bar there is nothing
    return min(options, key=lambda beat: abs(tempo.beat_to_s(beat) - time_s))


def marked(hits: Sequence[Hit], sections: Sequence[Section], film: Film, parts: Sequence[Part], *, accents: bool) -> tuple[Hit, ...]:
    """The same hits, each with the way music marks it; cymbals and timpani only where such a part plays.

    With `accents` they were asked for as accents alone, so quieter music may have them too.
    """
    players = {part.instrument for part in parts}
    done: list[Hit] = []
    for hit in hits:
        section = next((s for s in sections if s.first_bar <= hit.bar <= s.last_bar), None)
        if section is not None:
            done.append(replace(hit, mark=_mark(hit, section, film, players, done, accents=accents)))
        elif hit.is_hard:
            done.append(replace(hit, mark="accent"))  # in a rest: the plan still shows where it was wanted
    return tuple(done)


def _mark(hit: Hit, section: Section, film: Film, players: set[str], before: Sequence[Hit], *, accents: bool) -> Mark:
    if not hit.is_hard:
        return "section" if (hit.bar, hit.beat) == (section.first_bar, 1.0) else "accent"
    if _goes_black(film, hit.time_s):
        return "stop"
    opens = (hit.bar, hit.beat) == (section.first_bar, 1.0)
    loud = DYNAMICS.index(section.dynamics) >= DYNAMICS.index("mf" if accents else "f")
    heavy = hit.weight >= _CRASH_WEIGHT
    if players & set(_CYMBALS) and loud and heavy and _rested(before, "crash", hit.time_s, _CRASHES_APART_S):
        return "crash"
    if section.mood in _SHOCKING and affect_change(film, hit.time_s) >= _SHOCK and _rested(before, "stinger", hit.time_s, _SHOCKS_APART_S):
        return "stinger"
    if opens:
        return "section"
    if _DRUM in players and (accents or (loud and _rested(before, "timpani", hit.time_s, _STROKES_APART_S))):
        return "timpani"
    return "chord"


def _goes_black(film: Film, time_s: float) -> bool:
    shot = min(film.shots, key=lambda s: abs(s.start_s - time_s))
    return (
        shot is not film.shots[0]
        and abs(shot.start_s - time_s) <= film.frame_s
        and shot.brightness <= _BLACK
        and shot.motion <= _STILL
        and shot.length_s >= _BLACK_S
    )


def _rested(before: Sequence[Hit], mark: Mark, time_s: float, apart_s: float) -> bool:
    return all(hit.mark != mark or time_s - hit.time_s >= apart_s for hit in before)


def accent_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with timpani and cymbals added where nobody plays them yet."""
    present = {part.instrument for part in parts}
    missing = [i for i in ACCENT_PARTS if i not in present and not (i in _CYMBALS and present & set(_CYMBALS))]
    return (*parts, *(Part(i, i) for i in missing))


def is_needed(part: Part, hits: Sequence[Hit]) -> bool:
    """Whether an accent part has anything to do."""
    return any(hit.mark == ("timpani" if part.instrument == _DRUM else "crash") for hit in hits)
