"""Voice-leading: chords spread over voices so that each voice moves little and well.

Costs follow the textbook rules (Aldwell & Schachter; Huron 2001, *Tone and Voice*): small steps, no parallel fifths or octaves,
no doubled leading note, a third in the chord, no holes in the middle, nothing muddy in the depth.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from composer.theory.chords import Chord


def nearest_pitch(pitch_class: int, target: float, low: int, high: int) -> int:
    """The pitch of that class within [low, high] closest to `target` (the class an octave off the range when none fits)."""
    pitches = [p for p in range(low, high + 1) if p % 12 == pitch_class % 12]
    if pitches:
        return min(pitches, key=lambda p: (abs(p - target), p))
    middle = (low + high) / 2
    return min((p for p in range(128) if p % 12 == pitch_class % 12), key=lambda p: abs(p - middle))


def into_range(pitch: int, low: int, high: int) -> int:
    """The same pitch class moved by octaves into [low, high]; the nearest octave when the range is less than one."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch if pitch >= low else pitch + 12


@functools.lru_cache(maxsize=4096)
def _candidates(classes: tuple[int, ...], count: int, low: int, high: int) -> tuple[tuple[int, ...], ...]:
    pitches = [p for p in range(low, high + 1) if p % 12 in classes]
    found = []
    for combination in itertools.combinations(pitches, count):
        gaps = [b - a for a, b in itertools.pairwise(combination)]
        if all(gap <= 12 for gap in gaps) and all(gap >= 3 or low_note >= 57 for gap, low_note in zip(gaps, combination, strict=False)):
            found.append(combination)
    return tuple(found)


def _static_cost(voicing: Sequence[int], chord: Chord, leading_note: int, centre: float) -> float:
    classes = [p % 12 for p in voicing]
    cost = 0.25 * abs(sum(voicing) / len(voicing) - centre)
    if chord.third is not None and chord.third not in classes:
        cost += 7
    if chord.root not in classes:
        cost += 2.5
    missing = set(chord.pitch_classes) - set(classes)
    cost += 1.5 * len(missing) if len(voicing) >= len(chord.pitch_classes) else 0
    if classes.count(leading_note) > 1:
        cost += 6
    if chord.third is not None and classes.count(chord.third) > 1:
        cost += 1.5
    return cost


def _motion_cost(before: Sequence[int], after: Sequence[int]) -> float:
    cost = 0.0
    for a, b in zip(before, after, strict=True):
        step = abs(b - a)
        cost += step + (3 if step > 7 else 0)
    for i, j in itertools.combinations(range(len(after)), 2):
        interval = (after[j] - after[i]) % 12
        if interval in (0, 7) and (before[j] - before[i]) % 12 == interval and before[i] != after[i]:
            cost += 6
    return cost


def voice(chord: Chord, count: int, low: int, high: int, before: Sequence[int] | None, leading_note: int) -> tuple[int, ...]:
    """Pitches (count,), ascending, for a chord within [low, high]: the smoothest continuation of `before`.

    Fewer pitches come back only when the range holds fewer chord notes.
    """
    count = max(1, count)
    found: tuple[tuple[int, ...], ...] = ()
    while count > 0 and not found:
        found = _candidates(tuple(sorted(chord.pitch_classes)), count, low, high)
        count -= 1
    if not found:
        return (nearest_pitch(chord.root, (low + high) / 2, low, high),)
    centre = (low + high) / 2
    same = before is not None and len(before) == len(found[0])

    def cost(voicing: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        motion = _motion_cost(before, voicing) if same and before is not None else 0.0
        return _static_cost(voicing, chord, leading_note, centre) + motion, voicing

    return min(found, key=cost)
