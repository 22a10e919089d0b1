"""Metre: where a bar is strong, and how a stretch of it is written: which single values, which ties, which rests.

Conventions
-----------
Places and lengths within a bar are whole *units*, `UNITS` to the quarter note (a 32nd is 3, a triplet eighth 8). Every place has a level:
0 the bar line, 1 the middle of a long bar, 2 a beat, 3 an eighth, 4 a sixteenth, 5 anything else. What may cross what follows Gould,
*Behind Bars* (2011), "Rhythm": a value may hide a stronger place only when it begins on the next weaker level, the middle of a bar only
from its first beat; rests hide less than notes do.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

#: units of a quarter note
UNITS = 24
#: a beat divided in three
THIRD = UNITS // 3
_SIXTEENTH, _EIGHTH = UNITS // 4, UNITS // 2
#: lengths that one notehead can have: 32nd … whole, dotted ones, triplet eighth and quarter
_PLAIN = frozenset((3, 6, 12, 24, 48, 96))
_DOTTED = frozenset((9, 18, 36, 72, 144))
_THIRDS = frozenset((8, 16))


@dataclass(frozen=True)
class Metre:
    """The inside of one bar."""

    #: upper and lower figure
    numerator: int
    denominator: int

    @property
    def length(self) -> int:
        """Units."""
        return self.numerator * 4 * UNITS // self.denominator

    @property
    def is_compound(self) -> bool:
        """Whether its beats are dotted (3/8, 6/8, 9/8, 12/8 and their sixteenths)."""
        return self.denominator >= 8 and self.numerator % 3 == 0

    @functools.cached_property
    def beats(self) -> tuple[int, ...]:
        """Edges of the beats, from 0 to the bar's length: 7/8 counts 2 + 2 + 3."""
        unit = 4 * UNITS // self.denominator
        if self.is_compound:
            sizes = [3] * (self.numerator // 3)
        elif self.denominator >= 8 and self.numerator > 1:
            sizes = [2] * (self.numerator // 2)
            sizes[-1] += self.numerator % 2
        else:
            sizes = [1] * self.numerator
        return (0, *itertools.accumulate(size * unit for size in sizes))

    @functools.cached_property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """The beats as (start, end), none longer than a quarter note unless it is dotted: each is read on a grid of its own."""
        found: list[tuple[int, int]] = []
        for start, end in itertools.pairwise(self.beats):
            step = UNITS if (end - start) % UNITS == 0 else end - start
            found += [(place, place + step) for place in range(start, end, step)]
        return tuple(found)

    @functools.cached_property
    def _middles(self) -> frozenset[int]:
        """Beats that no note hides unless it begins the bar."""
        sizes = _groups_of_beats(len(self.beats) - 1)
        return frozenset(self.beats[i] for i in itertools.accumulate(sizes[:-1]))

    @functools.cached_property
    def beams(self) -> tuple[tuple[int, int], ...]:
        """Stretches over which plain eighths share one beam, as (start, end): half a bar of 4/4, all of 3/4, a half note of 3/2, else a beat."""
        if self.denominator != 4:
            step = 2 * UNITS
            return tuple(
                (place, min(place + step, end)) for start, end in itertools.pairwise(self.beats) for place in range(start, end, step)
            )
        sizes = [part for size in _groups_of_beats(self.numerator) for part in ((2, 2) if size == 4 else (size,))]
        return tuple(itertools.pairwise((0, *itertools.accumulate(size * UNITS for size in sizes))))

    @functools.cached_property
    def levels(self) -> tuple[int, ...]:
        """The level of every place from 0 to the bar's length."""
        return tuple(self._level(place) for place in range(self.length + 1))

    def _level(self, place: int) -> int:
        if place in (0, self.length):
            return 0
        if place in self.beats:
            return 1 if place in self._middles else 2
        inside = place - max(edge for edge in self.beats if edge <= place)
        return 3 if inside % _EIGHTH == 0 else 4 if inside % _SIXTEENTH == 0 else 5


def _groups_of_beats(count: int) -> list[int]:
    """How the beats of a bar are counted: 4 as 2 + 2, 5 as 3 + 2, 7 as 4 + 3, 9 as 3 + 3 + 3, 11 as 4 + 4 + 3."""
    if count in (4, 8):
        return [2] * (count // 2)
    if count > 3 and count % 3 == 0:
        return [3] * (count // 3)
    fours, rest = divmod(count, 4)
    if fours and rest == 1:
        return [4] * (fours - 1) + [3, 2]
    return [4] * fours + [rest] * (rest > 0)


def pieces(start: int, end: int, metre: Metre, *, is_rest: bool) -> list[tuple[int, int]]:
    """(start, end) of the values that write a stretch of a bar, in order; as few as can be read."""
    if start >= end:
        return []
    fits = _rest_fits if is_rest else _note_fits
    if fits(start, end, metre):
        return [(start, end)]
    inside = list(range(start + 1, end))
    if _is_in_thirds(start, end):  # a third stays in its beat: the cut is an edge of one
        inside = [edge for edge, _ in metre.windows if start < edge < end] or [p for p in inside if p % THIRD == 0] or inside
    strongest = min(metre.levels[place] for place in inside)
    places = [place for place in inside if metre.levels[place] == strongest]
    cut = next((place for place in reversed(places) if fits(start, place, metre)), places[0])
    return pieces(start, cut, metre, is_rest=is_rest) + pieces(cut, end, metre, is_rest=is_rest)


def _crossed(start: int, end: int, metre: Metre) -> list[int]:
    """Levels of the places hidden inside a stretch."""
    return [level for level in metre.levels[start + 1 : end] if level < 5]


def _is_in_thirds(start: int, end: int) -> bool:
    return start % 3 != 0 or end % 3 != 0


def _note_fits(start: int, end: int, metre: Metre) -> bool:
    length, crossed = end - start, _crossed(start, end, metre)
    if length < UNITS and any(start < edge < end for edge, _ in metre.windows):
        return False  # what has flags shows the beat, also where beats are half notes
    if _is_in_thirds(start, end):
        return length in _THIRDS
    if length not in _PLAIN and length not in _DOTTED:
        return False
    first, last = metre.levels[start], metre.levels[end]
    if any(level == 1 for level in crossed) and (first > 0 or last > 2):
        return False
    if metre.is_compound and any(level <= 2 for level in crossed) and max(first, last) > 2:
        return False
    for edge in (first, last):
        stronger = [level for level in crossed if level < edge]
        if len(stronger) > 1 or any(level < edge - 1 for level in stronger):
            return False
    return True


def _rest_fits(start: int, end: int, metre: Metre) -> bool:
    length, crossed = end - start, _crossed(start, end, metre)
    first, last = metre.levels[start], metre.levels[end]
    if length < UNITS and any(start < edge < end for edge, _ in metre.windows):
        return False  # what has flags shows the beat, also where beats are half notes
    if _is_in_thirds(start, end):
        return length in _THIRDS
    if length not in _PLAIN:
        return metre.is_compound and length == 36 and max(first, last) <= 2
    if any(level <= 2 for level in crossed) and max(first, last) > 1:
        return False
    return all(level > min(first, last) for level in crossed) and (
        max(first, last) <= 2 or all(level > first or level > last for level in crossed)
    )
