"""Staves and voices: which hand takes a note of a keyboard, and where one staff truly holds two rhythms.

Conventions
-----------
Places are units (`composer.render.notation.metre`). A staff has one voice unless two cost less: what one rhythm would cut off or
lengthen, against what a second voice costs the reader. Voice 1 is the upper.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from composer.render.notation.metre import UNITS
from composer.render.notation.quantise import Bars, Placed, Strike

MIDDLE_C = 60
#: where hands may part (the lowest note of the right hand), and what one of them reaches, semitones
_SPLITS = tuple(range(46, 76, 2))
_REACH = 14
#: what parting away from middle C, moving the parting, a note too far for the hand and a crossed middle cost
_OFF_MIDDLE, _MOVING, _STRETCH, _FAR = 0.12, 0.1, 2.0, 0.4
#: what a second voice costs a bar, in beats of wrong length; overlaps shorter than this are legato, units
_SECOND_VOICE, _OVERLAP = 1.25, 6.0
#: how wrong a cut length is where sound dies away by itself anyway
_RINGING = 0.4
#: a kit's feet (bass drums, pedal hi-hat) stand below
_FEET = frozenset((35, 36, 44))


def hands(strikes: Sequence[Strike]) -> tuple[list[Strike], list[Strike]]:
    """Right and left hand of a keyboard part: the cheapest way to part each chord, following the music (Viterbi over the parting)."""
    costs: list[list[float]] = []
    back: list[list[int]] = []
    count = len(_SPLITS)
    for strike in strikes:
        own = [_parting_cost(strike, split) for split in _SPLITS]
        if costs:
            before = costs[-1]
            best = [min(range(count), key=lambda j: before[j] + _MOVING * abs(_SPLITS[i] - _SPLITS[j])) for i in range(count)]
            own = [own[i] + before[j] + _MOVING * abs(_SPLITS[i] - _SPLITS[j]) for i, j in enumerate(best)]
            back.append(best)
        costs.append(own)
    if not costs:
        return [], []
    at = min(range(count), key=lambda i: costs[-1][i])
    way = [at]
    for best in reversed(back):
        at = best[at]
        way.append(at)
    right, left = [], []
    for strike, state in zip(strikes, reversed(way), strict=True):
        upper = tuple(note for note in strike.notes if note.pitch >= _SPLITS[state])
        lower = tuple(note for note in strike.notes if note.pitch < _SPLITS[state])
        right += [Strike(strike.start_beat, upper, strike.roll)] if upper else []
        left += [Strike(strike.start_beat, lower, strike.roll)] if lower else []
    return right, left


def _parting_cost(strike: Strike, split: int) -> float:
    pitches = [note.pitch for note in strike.notes]
    upper, lower = [p for p in pitches if p >= split], [p for p in pitches if p < split]
    cost = _OFF_MIDDLE * abs(split - MIDDLE_C)
    for hand in (upper, lower):
        if hand:
            cost += _STRETCH * max(0, (max(hand) - min(hand) - _REACH) / 4)
    cost += sum(_FAR * (MIDDLE_C - 5 - p) for p in upper if p < MIDDLE_C - 5) + sum(
        _FAR * (p - MIDDLE_C - 4) for p in lower if p > MIDDLE_C + 4
    )
    return cost


def feet(placed: Sequence[Placed]) -> list[list[Placed]]:
    """A drum kit's hands (voice 1) and feet (voice 2)."""
    upper = [item for item in placed if item.note.pitch not in _FEET]
    lower = [item for item in placed if item.note.pitch in _FEET]
    return [upper, lower] if upper and lower else [list(placed)]


def voices(placed: Sequence[Placed], bars: Bars, *, decays: bool) -> list[list[Placed]]:
    """The notes of a staff as one or two voices, decided bar by bar; a note that sounds across a bar line keeps its voice."""
    weight = _RINGING if decays else 1.0
    ordered = sorted(placed, key=lambda item: (item.start, item.note.pitch))
    starts = [item.start for item in ordered]
    upper: list[Placed] = []
    lower: list[Placed] = []
    held: tuple[list[Placed], list[Placed]] = ([], [])
    for bar_start, bar_end in itertools.pairwise(bars.edges):
        inside = ordered[bisect.bisect_left(starts, bar_start) : bisect.bisect_left(starts, bar_end)]
        held = ([i for i in held[0] if i.end > bar_start + _OVERLAP], [i for i in held[1] if i.end > bar_start + _OVERLAP])
        here_upper, here_lower = _part_bar(inside, held, bar_end, weight)
        upper += here_upper
        lower += here_lower
        held = (held[0] + here_upper, held[1] + here_lower)
    return [upper, lower] if lower else [upper]


def _part_bar(
    inside: list[Placed], held: tuple[list[Placed], list[Placed]], bar_end: int, weight: float
) -> tuple[list[Placed], list[Placed]]:
    best: tuple[float, list[Placed], list[Placed]] = (_wrong(held[0] + inside, bar_end) * weight, inside, [])
    if best[0] <= _SECOND_VOICE:
        return best[1], best[2]
    for split in sorted({item.note.pitch for item in inside})[1:]:
        above, below = [i for i in inside if i.note.pitch >= split], [i for i in inside if i.note.pitch < split]
        cost = _SECOND_VOICE + weight * (_wrong(held[0] + above, bar_end) + _wrong(held[1] + below, bar_end))
        if cost < best[0]:
            best = (cost, above, below)
    return best[1], best[2]


def _wrong(voice: list[Placed], bar_end: int) -> float:
    """Beats by which lengths are wrong when these notes share one rhythm."""
    wrong = 0.0
    groups = [(start, list(group)) for start, group in itertools.groupby(sorted(voice, key=lambda i: i.start), lambda i: i.start)]
    for index, (_, group) in enumerate(groups):
        following = groups[index + 1][0] if index + 1 < len(groups) else bar_end
        ends = [min(item.end, bar_end) for item in group]
        longest = min(max(ends), following)
        for end in ends:
            over = end - following
            wrong += max(0.0, over) if over > _OVERLAP else 0.0
            wrong += 0.5 * max(0.0, longest - end - _OVERLAP)
    return wrong / UNITS
