"""Quantise for reading: from a performance back to the beats somebody meant.

Conventions
-----------
Written places are whole units (`metre.UNITS` to the quarter note) from film time 0; what was played is float beats. Players stray by up
to 25 ms (composer.render.perform), so a place is judged in units of that spread at the tempo there. Each beat of each staff is
read on the simplest grid that explains it: eighths, sixteenths, triplets, and 32nds only where notes would fall together otherwise
(cost = squared error + what the grid costs, as in Cemgil, Desain & Kappen 2000, *Rhythm quantization for transcription*).
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from composer.render.notation.metre import THIRD, UNITS, Metre
from composer.score import Note
from composer.tempo import TempoMap

#: notes of one part that begin within this are one chord, seconds
_TOGETHER_S = 0.02
#: a chord is spread when its notes follow each other like this, seconds, upwards or downwards, and sound on together …
_ROLL_GAP_S = (0.006, 0.075)
#: … and is written with an arpeggio sign when they take so long each, seconds (a strummed guitar chord is a chord)
_ROLL_SIGN_S = 0.022
_LONGEST_ROLL_S = 0.45
#: how far a player strays, seconds
_SPREAD_S = 0.014
#: the same in units at the least (very slow music)
_LEAST_SPREAD = 0.35
#: silence that is the end of a stroke, not a rest, seconds
_ARTICULATION_S = 0.13
#: share of the way to the next note that a held note fills
_FILLS = 0.7
#: who holds a note so long into the next plays legato, seconds (a player's straying is less)
_LEGATO_S = 0.009
#: a note this much shorter than its value is staccato
_STACCATO = 0.66
#: on a beat, a quarter played so short at the least is a quarter with a dot; what is shorter is an eighth and a rest
_SHORTEST_SHARE = 0.3
#: where a note so long ends is told to the beat, units
_LONG = 2 * UNITS
_EIGHTH = UNITS // 2
# grid step, what choosing it costs
_GRIDS = ((_EIGHTH, 0.0), (UNITS // 4, 0.4), (THIRD, 0.9), (3, 4.0))
_COLLISION = 12.0
_WORST = 12.0


@dataclass(frozen=True)
class Strike:
    """Notes that begin together."""

    #: as played, beats
    start_beat: float
    #: in order of pitch
    notes: tuple[Note, ...]
    #: played one after the other, "up" or "down"
    roll: str = ""


@dataclass(frozen=True)
class Placed:
    """A note with its written beginning."""

    #: written, units
    start: int
    #: as played, units from the written beginning (so a late note is not a short one)
    end: float
    note: Note
    roll: str = ""


@dataclass(frozen=True)
class Bars:
    """The bars of a score in units."""

    tempo: TempoMap

    @functools.cached_property
    def metres(self) -> tuple[Metre, ...]:
        """Of every bar."""
        return tuple(Metre(bar.numerator, bar.denominator) for bar in self.tempo.bars)

    @functools.cached_property
    def edges(self) -> tuple[int, ...]:
        """Start of every bar and the end of the last, units."""
        return (0, *itertools.accumulate(metre.length for metre in self.metres))

    @functools.cached_property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """All beats as (start, end), units."""
        return tuple((edge + a, edge + b) for edge, metre in zip(self.edges, self.metres, strict=False) for a, b in metre.windows)

    @functools.cached_property
    def _window_starts(self) -> tuple[int, ...]:
        return tuple(start for start, _ in self.windows)

    def bar_at(self, place: float) -> int:
        """Index of the bar that holds a place; the ends clip."""
        return min(max(bisect.bisect_right(self.edges, place) - 1, 0), len(self.metres) - 1)

    def window_at(self, place: float) -> int:
        """Index of the beat that holds a place; the ends clip."""
        return min(max(bisect.bisect_right(self._window_starts, place) - 1, 0), len(self.windows) - 1)

    def units(self, seconds: float, place: float) -> float:
        """Seconds as units at the tempo of a place."""
        return seconds * self.tempo.bars[self.bar_at(place)].qpm / 60 * UNITS


def strikes(notes: Sequence[Note], tempo: TempoMap, *, may_roll: bool) -> list[Strike]:
    """The notes of a part as chords, rolled ones gathered where the instrument can roll."""
    ordered = sorted(notes, key=lambda note: (note.start_beat, note.pitch))
    starts_s = [tempo.beat_to_s(note.start_beat) for note in ordered]
    groups: list[list[Note]] = []
    first_s = float("-inf")
    times: list[float] = []
    for note, start_s in zip(ordered, starts_s, strict=True):
        if start_s - first_s > _TOGETHER_S:
            groups.append([])
            first_s = start_s
            times.append(first_s)
        groups[-1].append(note)
    if may_roll:
        return _gather_rolls(groups, times)
    return [_strike(group) for group in groups]


def _strike(group: Sequence[Note], roll: str = "", start_beat: float | None = None) -> Strike:
    at = group[0].start_beat if start_beat is None else start_beat
    return Strike(at, tuple(sorted(group, key=lambda note: note.pitch)), roll)


def _gather_rolls(groups: list[list[Note]], times: list[float]) -> list[Strike]:
    found: list[Strike] = []
    at = 0
    while at < len(groups):
        upto, way = _roll_from(at, groups, times)
        run = [note for group in groups[at:upto] for note in group]
        is_rolled = len(run) > 2 and times[upto - 1] - times[at] >= _ROLL_SIGN_S * (len(run) - 1)
        found.append(_strike(run, way if is_rolled else "", run[0].start_beat))
        at = upto
    return found


def _roll_from(at: int, groups: list[list[Note]], times: list[float]) -> tuple[int, str]:
    """Where the roll that begins at a group ends (exclusive), and its way."""
    upto, way = at + 1, ""
    while upto < len(groups) and times[upto] - times[at] <= _LONGEST_ROLL_S:
        gap = times[upto] - times[upto - 1]
        before, now = groups[upto - 1], groups[upto]
        step = "up" if now[0].pitch > before[-1].pitch else "down" if now[-1].pitch < before[0].pitch else ""
        sounds_on = min(note.end_beat for group in groups[at:upto] for note in group) > now[0].start_beat + 0.05
        if not (_ROLL_GAP_S[0] <= gap <= _ROLL_GAP_S[1] and step and way in ("", step) and sounds_on):
            break
        way = step
        upto += 1
    return upto, way


def place(found: Sequence[Strike], bars: Bars) -> tuple[list[Placed], frozenset[int]]:
    """Every note with its written beginning, and the indices of the beats that are read in three."""
    by_window: dict[int, list[Strike]] = {}
    for strike in found:
        by_window.setdefault(bars.window_at(strike.start_beat * UNITS), []).append(strike)
    placed: list[Placed] = []
    triplets = set[int]()
    for index, group in sorted(by_window.items()):
        step, slots = _best_grid(group, bars, index)
        if step == THIRD and any(slot % 3 for slot in slots):
            triplets.add(index)
        for strike, slot in zip(group, slots, strict=True):
            placed += [Placed(slot, slot + max(note.duration_beats * UNITS, 1.0), note, strike.roll) for note in strike.notes]
    return _distinct(placed), frozenset(triplets)


def _best_grid(group: Sequence[Strike], bars: Bars, index: int) -> tuple[int, list[int]]:
    start, end = bars.windows[index]
    spread = max(bars.units(_SPREAD_S, start), _LEAST_SPREAD)
    best: tuple[float, int, list[int]] | None = None
    for step, price in _GRIDS:
        if step == THIRD and end - start != UNITS:
            continue
        slots, cost = [], price
        latest = end - start - (step if end == bars.edges[-1] else 0)  # nothing begins where the score ends
        for strike in group:
            at = strike.start_beat * UNITS - start
            slot = max(0, min(latest, step * int(at / step + 0.5)))
            cost += min(((at - slot) / spread) ** 2, _WORST)
            slots.append(start + slot)
        cost += _COLLISION * (len(slots) - len(set(slots)))
        if best is None or cost < best[0] - 1e-9:
            best = (cost, step, slots)
    assert best is not None
    return best[1], best[2]


def _distinct(placed: Sequence[Placed]) -> list[Placed]:
    """Two notes of one pitch at one place are one, the longer."""
    kept: dict[tuple[int, int], Placed] = {}
    for item in placed:
        spot = (item.start, item.note.pitch)
        if spot not in kept or kept[spot].end < item.end:
            kept[spot] = item
    return [kept[spot] for spot in sorted(kept)]


@dataclass(frozen=True)
class Event:
    """One written chord or note of a voice."""

    #: units
    start: int
    end: int
    #: in order of pitch
    notes: tuple[Note, ...]
    roll: str = ""
    staccato: bool = False
    #: it was played into what follows
    joins: bool = False


def events(voice: Sequence[Placed], bars: Bars, triplets: frozenset[int], hits: frozenset[int], *, struck: bool = False) -> list[Event]:
    """The chords of one voice with written lengths. `struck`: its lengths say nothing (drums), so values end with the beat."""
    groups = [
        (start, list(group)) for start, group in itertools.groupby(sorted(voice, key=lambda p: (p.start, p.note.pitch)), lambda p: p.start)
    ]
    found: list[Event] = []
    for i, (start, group) in enumerate(groups):
        following = groups[i + 1][0] if i + 1 < len(groups) else None
        played = max(item.end for item in group) - start
        event = Event(start, start + 1, tuple(item.note for item in group), group[0].roll)
        gap = (following if following is not None else bars.edges[-1]) - start
        if struck:
            end = min(start + gap, bars.windows[bars.window_at(start)][1])
            found.append(replace(event, end=max(end, start + 1)))
            continue
        before_hit = following is not None and following in hits
        end, staccato = _written_end(start, played, gap, bars, triplets, before_hit)
        joins = following is not None and _overlaps(group, groups[i + 1][1], bars)
        found.append(replace(event, end=end, staccato=staccato and not joins, joins=joins))
    return found


def _overlaps(group: Sequence[Placed], following: Sequence[Placed], bars: Bars) -> bool:
    """Whether it was held into the next note as a legato player does (a held chord or a repeated note does not count)."""
    if len(group) != 1 or len(following) != 1 or group[0].note.pitch == following[0].note.pitch:
        return False
    return group[0].note.end_beat > following[0].note.start_beat + bars.units(_LEGATO_S, group[0].start) / UNITS


def _written_end(start: int, played: float, gap: int, bars: Bars, triplets: frozenset[int], before_hit: bool) -> tuple[int, bool]:
    """(end, staccato) of a note that sounded for `played` units, `gap` units before the next."""
    rest = gap - played
    breath = bars.units(_ARTICULATION_S, start)
    if rest <= 0.5 or (rest <= breath and (played >= 0.6 * gap or before_hit)) or (rest < _EIGHTH and played >= _FILLS * gap):
        return start + gap, False
    is_on_beat = start == bars.windows[bars.window_at(start)][0]
    if gap <= _EIGHTH or (gap == UNITS and is_on_beat and played >= _SHORTEST_SHARE * gap):
        return start + gap, not before_hit and played < _STACCATO * gap
    end = _nearest_end(start, played, bars, triplets)
    if start + gap - end < _EIGHTH and (start + gap - end) % THIRD:
        end = start + gap  # no sixteenth rests
    end = min(end, start + gap)
    value = end - start
    return end, value <= UNITS and played < _STACCATO * value and not before_hit


def _nearest_end(start: int, played: float, bars: Bars, triplets: frozenset[int]) -> int:
    """The readable place nearest to where a note ended: an eighth (a third in a beat of three), a beat for a long note."""
    target = start + played
    bar_start = bars.edges[bars.bar_at(target)]
    step = UNITS if played >= _LONG else _EIGHTH
    end = bar_start + step * int((target - bar_start) / step + 0.5)
    window = bars.window_at(target)
    if window in triplets and (played < _LONG or window == bars.window_at(start)):
        begin = bars.windows[window][0]
        end = begin + THIRD * round((target - begin) / THIRD)
    elif bars.window_at(end) in triplets:
        end = bars.windows[bars.window_at(end)][0]
    return max(end, _first_end(start, bars, triplets))


def _first_end(start: int, bars: Bars, triplets: frozenset[int]) -> int:
    """The first place at which a note may end: the next eighth of its beat (third, in a beat of three), or the beat's end."""
    window = bars.window_at(start)
    begin, after = bars.windows[window]
    step = THIRD if window in triplets else _EIGHTH
    return min(after, begin + ((start - begin) // step + 1) * step)
