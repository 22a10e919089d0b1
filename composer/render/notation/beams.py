"""Beams: which short values hang together, and with how many lines.

Conventions
-----------
Decided by the bar's own metre alone (`composer.render.notation.metre`), after Gould, *Behind Bars* (2011), "Grouping of notes": values shorter
than an eighth are beamed by the beat, a stretch of plain eighths by `Metre.beams` (half a bar of 4/4, 3 + 2 beats of 5/4); no beam crosses
a group, a rest breaks it. Where there are 32nds, eighths show: only the first line goes on over them. Places are units from the bar's beginning.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from composer.render.notation.layout import Piece
from composer.render.notation.metre import UNITS, Metre

#: what one line does at one note; a hook points "right" or "left" and belongs to no other note
Line = Literal["start", "continue", "stop", "right", "left"]

_EIGHTH = UNITS // 2
#: length of a value, units → how many flags it has alone (a triplet eighth has those of an eighth)
_FLAGS = {3: 3, 6: 2, 9: 2, 8: 1, 12: 1, 18: 1}


def beams(pieces: Sequence[Piece], metre: Metre) -> list[tuple[Line, ...]]:
    """The lines at every value of one voice of a bar, the outermost first; none where it keeps its flags or has none."""
    found: list[tuple[Line, ...]] = [()] * len(pieces)
    for run in _runs(pieces, metre):
        for index, lines in zip(run, _lines([pieces[i] for i in run], metre), strict=True):
            found[index] = lines
    return found


def _flags(piece: Piece) -> int:
    return _FLAGS.get(piece.end - piece.start, 0) if piece.event is not None else 0


def _runs(pieces: Sequence[Piece], metre: Metre) -> Iterator[list[int]]:
    """Indices of the values under each beam."""
    group_of = [_group(piece, pieces, metre) for piece in pieces]
    for (has_flags, _), indices in itertools.groupby(range(len(pieces)), lambda i: (_flags(pieces[i]) > 0, group_of[i])):
        run = list(indices)
        if has_flags and len(run) > 1:
            yield run


def _group(piece: Piece, pieces: Sequence[Piece], metre: Metre) -> tuple[int, int]:
    """The stretch (start, end) in which a value may share a beam."""
    start, end = _holding(metre.beams, piece.start)
    inside = [other for other in pieces if start <= other.start < end]
    if all(_flags(other) and other.end - other.start == _EIGHTH for other in inside):
        return start, end
    return _holding(metre.windows, piece.start)


def _holding(stretches: Sequence[tuple[int, int]], place: int) -> tuple[int, int]:
    return next((start, end) for start, end in stretches if start <= place < end)


def _lines(run: Sequence[Piece], metre: Metre) -> list[tuple[Line, ...]]:
    """The lines at each value of one beam."""
    found: list[list[Line]] = [[] for _ in run]
    most = max(_flags(piece) for piece in run)
    begin = _holding(metre.windows, run[0].start)[0]
    eighth = [(piece.start - begin) // _EIGHTH for piece in run]
    for depth in range(1, most + 1):
        parts = [(_flags(piece) >= depth, place if depth > 1 and most > 2 else 0) for piece, place in zip(run, eighth, strict=True)]
        for (is_drawn, _), members in itertools.groupby(range(len(run)), parts.__getitem__):
            line = list(members)
            if is_drawn and len(line) == 1:
                found[line[0]].append(_hook(line[0], run, begin))
            elif is_drawn:
                for index in line:
                    found[index].append("start" if index == line[0] else "stop" if index == line[-1] else "continue")
    return [tuple(lines) for lines in found]


def _hook(index: int, run: Sequence[Piece], begin: int) -> Line:
    """A hook stays in its own eighth: it points to the note that it shares it with."""
    if index == 0:
        return "right"
    if index == len(run) - 1:
        return "left"
    return "left" if (run[index].start - begin) % _EIGHTH else "right"
