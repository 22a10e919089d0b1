"""How fast players play: a cap on the onsets of every line, and which notes stay where something asks for more.

Speeds are what good players keep up together at moderate dynamics (Adler, *The Study of Orchestration*, 4th ed., on each instrument's agility).
They are those of runs, over four onsets: a single short note before a longer one (a dotted rhythm) may come faster (WITHIN). Drums have no
limit, and a kettledrum none on one drum: those are rolls.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Sequence

from composer.instruments import Instrument
from composer.plan import Plan
from composer.scene import Scene, scenes
from composer.score import Note
from composer.tempo import TempoMap

#: onsets a second that a family keeps up …
_FAMILY_PER_S = {"strings": 9.0, "woodwinds": 8.0, "brass": 6.0, "piano": 10.0, "harp": 10.0, "guitar": 7.0, "percussion": 10.0, "choir": 4.0, "synth": 10.0}  # fmt: skip
#: … and instruments that differ
_PER_S = {"timpani": 6.0, "pizzicato_strings": 7.0, "contrabasses": 7.0, "contrabass": 7.0, "tubular_bells": 4.0, "solo_voice": 6.0}
#: what two, three and four onsets of a line must take at least, as multiples of the time between two of a run
WITHIN = (0.5, 1.5, 3.0)
#: players with two hands for several lines are not held to one line's speed
_LINES_OF = 4
#: onsets nearer than this are one, beats
_SAME_BEATS = 0.02


def onsets_per_s(info: Instrument) -> float | None:
    """How many onsets a second a line on an instrument may have; None: no limit."""
    return None if info.is_drum else _PER_S.get(info.id, _FAMILY_PER_S[info.family])


def spaced(
    onsets: Sequence[float], rank: Callable[[float], int], gap: Callable[[float], float], within: Sequence[float] = (1.0,)
) -> set[float]:
    """The onsets (ascending beats) that stay when no two may be nearer than `gap`: the lowest ranks first, earlier ones first among equals.

    What has rank 0 stays in any case. `within` says how many gaps two, three, … onsets take at least.
    """
    kept: list[float] = []
    for order, beat in sorted((rank(beat), beat) for beat in onsets):
        at, least = bisect.bisect(kept, beat), gap(beat)
        near = False
        for steps, gaps in enumerate(within, 1):
            around = [*kept[max(0, at - steps) : at], beat, *kept[at : at + steps]]
            near = near or any(b - a < gaps * least - 1e-6 for a, b in zip(around, around[steps:], strict=False))
        if order == 0 or not near:
            kept.insert(at, beat)
    return set(kept)


def metric_rank(scene: Scene, beat: float) -> int:
    """0 on a hit, 1 on a downbeat, 2 on other strong beats, 3 on beats, 4 on half-beats, 5 on their halves, 6 elsewhere."""
    if scene.is_hit(beat) or any(abs(beat - soft) < 1e-3 for soft in scene.soft):
        return 0
    place = beat - scene.bar_at(beat).start
    if abs(place) < _SAME_BEATS:
        return 1
    if scene.is_strong(beat):
        return 2
    grid = (1.0, 0.5, 0.25)
    return next((3 + i for i, step in enumerate(grid) if abs(place / step - round(place / step)) * step < _SAME_BEATS), 3 + len(grid))


def playable(plan: Plan, notes: dict[str, list[Note]]) -> dict[str, list[Note]]:
    """The notes of every part without those that come too fast for its players; what was before one of them is not lengthened."""
    tempo, unrolled = plan.tempo, scenes(plan)
    return {part.id: _slowed(notes[part.id], part.info, tempo, unrolled) for part in plan.parts}


def _slowed(notes: list[Note], info: Instrument, tempo: TempoMap, unrolled: Sequence[Scene]) -> list[Note]:
    per_s = onsets_per_s(info)
    if per_s is None or info.polyphony >= _LINES_OF or len(notes) < 2:
        return notes
    onsets = sorted({note.start_beat for note in notes})
    if all((tempo.beat_to_s(b) - tempo.beat_to_s(a)) * per_s >= 1 - 1e-6 for a, b in itertools.pairwise(onsets)):
        return notes

    def gap(beat: float) -> float:
        return tempo.s_to_beat(tempo.beat_to_s(beat) + 1 / per_s) - beat

    stays = spaced(onsets, lambda beat: metric_rank(scene_at(unrolled, beat), beat), gap, WITHIN)
    if info.id == "timpani":  # strokes on one drum may be a roll
        stays |= {b.start_beat for a, b in itertools.pairwise(notes) if a.pitch == b.pitch}
    return [note for note in notes if note.start_beat in stays]


def scene_at(unrolled: Sequence[Scene], beat: float) -> Scene:
    """The section that a beat lies in (or the one before it)."""
    return unrolled[max(0, bisect.bisect(unrolled, beat + 1e-6, key=lambda scene: scene.start) - 1)]
