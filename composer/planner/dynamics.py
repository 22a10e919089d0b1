"""Dynamics: a mark for every section from the arc of the film, and hairpins between and into what matters.

Crescendi lead into louder sections and into heavy hits; after a hit the section's own mark holds again (subito). Diminuendi lead into softer
sections, unless the picture turns sharply there: then music swells into the cut and drops (subito piano). A calm ending dies away.
"""

from __future__ import annotations

import itertools

from composer.cues import HIT_FRAMES
from composer.plan import DYNAMICS, Form, Hairpin, Hit, Plan, Section
from composer.tempo import TempoMap

#: how far a section's place in the whole moves its mark, in marks
_OF_FORM: dict[Form, float] = {"whole": 0.0, "opening": -0.4, "build": 0.1, "respite": -0.4, "climax": 0.7, "release": -0.2, "ending": -0.2}
#: speech over the whole of a section takes so many marks
_SPEECH = 1.2
#: a hit this heavy is led into, if the last hairpin is so many bars away
_HEAVY, _APART_BARS = 0.8, 3
#: an ending calms down when the arousal of its last bars lies so far below the section's
_CALMS = 0.1
#: marks that a crescendo into a hit suits (before a stop music does not swell)
_LED_INTO = ("section", "chord", "stinger", "crash", "timpani")


def mark(arousal: float, film_arousal: float, form: Form, speech: float) -> str:
    """The mark of a section: loud where it is wild, more so than the film's mean arousal alone would tell."""
    level = 2.6 + 2.4 * arousal + 0.8 * (arousal - film_arousal) + _OF_FORM[form] - _SPEECH * speech
    loudest = len(DYNAMICS) - (1 if form in ("climax", "whole") else 2)  # the top is kept for the climax
    return DYNAMICS[min(loudest, max(0, round(level)))]


def hairpins(plan: Plan) -> tuple[Hairpin, ...]:
    """All hairpins of a plan, in order, none over another."""
    tempo = plan.tempo
    found: list[Hairpin] = []
    for section, following in itertools.zip_longest(plan.sections, plan.sections[1:]):
        joined = following is not None and following.cue == section.cue and following.first_bar == section.last_bar + 1
        last = _into(section, following, tempo, plan) if joined else _ending(section, plan, tempo)
        inside = [
            one
            for hit in plan.hits
            if section.first_bar <= hit.bar <= section.last_bar and (one := _into_hit(hit, section, tempo, plan)) is not None
        ]
        for one in [*inside, *([last] if last else [])]:
            apart = not found or one.bar - found[-1].to_bar >= (_APART_BARS if one is not last else 0)
            if apart and (one is last or last is None or one.to_bar < last.bar):
                found.append(one)
    return tuple(found)


def _into(section: Section, following: Section, tempo: TempoMap, plan: Plan) -> Hairpin | None:
    """What leads from a section into the next: a crescendo, a diminuendo, or a swell that drops."""
    here, there = DYNAMICS.index(section.dynamics), DYNAMICS.index(following.dynamics)
    hit = next((h for h in plan.hits if (h.bar, h.beat) == (following.first_bar, 1.0) and h.is_hard), None)
    sharp = hit is not None and abs(hit.frames_off(plan.frame_rate)) <= HIT_FRAMES + 1e-6 and following.modulation != "pivot"
    if there > here or (sharp and here < len(DYNAMICS) - 1 and there <= here):
        goal = there if there > here else here + 1
    elif there < here and not sharp:
        goal = there
    else:
        return None
    bars = min(2 if abs(goal - here) < 2 else 3, section.bars - 1)
    return _over(tempo, section.last_bar - bars + 1, following.first_bar, 1.0, here, goal) if bars >= 1 else None


def _ending(section: Section, plan: Plan, tempo: TempoMap) -> Hairpin | None:
    """The last bars of a cue: soft endings die away, loud ones and climaxes grow into their last chord and stay there."""
    here = DYNAMICS.index(section.dynamics)
    if section.bars < 4:
        return None
    feelings = [bar.arousal for bar in plan.bars[section.first_bar - 1 : section.last_bar]]
    calms = sum(feelings[-3:]) / 3 < sum(feelings) / len(feelings) - _CALMS
    if here <= DYNAMICS.index("mf") and (section.form != "climax" or calms):
        return _over(tempo, section.last_bar - 2, section.last_bar, tempo.bars[section.last_bar - 1].beats + 1, here, max(0, here - 2))
    return _over(tempo, section.last_bar - 2, section.last_bar, 1.0, max(0, here - 1), min(len(DYNAMICS) - 1, here + 1))


def _into_hit(hit: Hit, section: Section, tempo: TempoMap, plan: Plan) -> Hairpin | None:
    """A crescendo of a bar or so into a heavy hit well inside a section."""
    heavy = hit.is_hard and (hit.weight >= _HEAVY or hit.is_own) and hit.mark in _LED_INTO
    inside = section.first_bar + 2 <= hit.bar <= section.last_bar - 1
    if not heavy or not inside or abs(hit.frames_off(plan.frame_rate)) > HIT_FRAMES + 1e-6:
        return None
    here = DYNAMICS.index(section.dynamics)
    start = hit.bar - (1 if hit.beat < 3 else 0)
    return _over(tempo, start, hit.bar, hit.beat, max(0, here - 1), min(len(DYNAMICS) - 1, here + 1))


def _over(tempo: TempoMap, bar: int, to_bar: int, to_beat: float, start: int, end: int) -> Hairpin | None:
    """From the beginning of a bar to a beat; None where that is no time at all, or nothing changes."""
    if (to_bar, to_beat) <= (bar, 1.0) or start == end:
        return None
    if to_bar > len(tempo.bars):
        to_bar, to_beat = len(tempo.bars), tempo.bars[-1].beats
    return Hairpin(bar, 1.0, to_bar, to_beat, DYNAMICS[start], DYNAMICS[end])
