"""Turning points: the numbered moments at which a language model may let a section begin, each a strong change of picture or feeling."""

from __future__ import annotations

from dataclasses import dataclass

from composer.cues import CueSheet
from composer.planner.outline import Outline

#: so many are offered at most; two are never nearer than this, nor is one to an end of its cue, seconds
MAX_TURNS, _APART_S, _FROM_ENDS_S = 60, 4.0, 8.0
_LEAST_WEIGHT = 0.4


@dataclass(frozen=True)
class Turn:
    """One of them; its number is its place in the list."""

    time_s: float
    #: id of the cue it lies in
    cue: str
    #: 0 weak … 1 strong
    weight: float
    #: "begins" (the cue does), "asked" (a person wants it marked), or what happens there: cut, dissolve, fade, feeling
    kind: str


def turning_points(cues: CueSheet, base: Outline) -> tuple[Turn, ...]:
    """In order of time: where cues begin, what a person asked for, where the rules let sections begin, then the strongest changes."""
    kinds = {c.time_s: (c.weight, c.kind) for c in cues.candidates}
    groups: tuple[list[Turn], ...] = ([], [], [])
    for cue in cues.cues:
        first_s, last_s = cue.start_s + _FROM_ENDS_S, cue.end_s - _FROM_ENDS_S
        starts = sorted({*cue.section_starts_s, *(section.start_s for section in base.sections if section.cue == cue.id)})
        heavy = [c for c in cues.candidates if c.weight >= _LEAST_WEIGHT]
        groups[0].extend(
            Turn(hit.time_s, cue.id, hit.weight, "asked") for hit in cue.hits if hit.is_own and first_s <= hit.time_s <= last_s
        )
        groups[1].extend(Turn(time_s, cue.id, *kinds.get(time_s, (0.5, "feeling"))) for time_s in starts if first_s <= time_s <= last_s)
        groups[2].extend(Turn(c.time_s, cue.id, c.weight, c.kind) for c in heavy if first_s <= c.time_s <= last_s)
    chosen = [Turn(cue.start_s, cue.id, 1.0, "begins") for cue in cues.cues]
    # of the others no more than there is room for, so that they reach through the longest film
    apart_s = max(_APART_S, sum(cue.end_s - cue.start_s for cue in cues.cues) / MAX_TURNS)
    for group, least_s in zip(groups, (_APART_S, apart_s, apart_s), strict=True):
        for turn in sorted(group, key=lambda turn: (-turn.weight, turn.time_s)):
            if len(chosen) < MAX_TURNS and all(abs(turn.time_s - other.time_s) >= least_s for other in chosen):
                chosen.append(turn)
    return tuple(sorted(chosen, key=lambda turn: turn.time_s))
