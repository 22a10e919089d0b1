"""Layout: a track as staves, voices and bars of written values: all that engraving has to know, still without a program to engrave it.

Conventions
-----------
Places of events are units from film time 0; places of pieces are units from their bar's beginning. A bar of a voice is filled from its
beginning to its end: values, ties and rests add up to the metre exactly.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from composer.instruments import INSTRUMENTS, Instrument
from composer.render.notation import staves as looks
from composer.render.notation.marks import Context
from composer.render.notation.metre import Metre, pieces
from composer.render.notation.quantise import Bars, Event, Placed, Strike, events, place, strikes
from composer.render.notation.spelling import Spelled, place_of, spell, written_place
from composer.render.notation.voices import feet, hands, voices
from composer.score import Track

#: whose lengths say nothing: sound is over when it is struck
_STRUCK = ("timpani", "percussion_kit", "drums", "xylophone")
#: who spreads chords by hand
_ROLLING = ("harp", "guitar", "piano")


@dataclass(frozen=True)
class Piece:
    """One printed value."""

    #: units from the bar's beginning
    start: int
    end: int
    #: index of its event in the voice; None for a rest
    event: int | None
    #: "", "start", "inside" or "stop" of a group of three
    triplet: str = ""
    #: rests of a second voice are not
    is_printed: bool = True


@dataclass(frozen=True)
class Staff:
    """Five lines."""

    #: events of each voice
    voices: tuple[tuple[Event, ...], ...]
    #: spelled notes of every event of each voice, written pitch
    spelled: tuple[tuple[tuple[Spelled, ...], ...], ...]
    #: bar → voice → its pieces; a bar without notes has no voice at all
    bars: tuple[tuple[tuple[Piece, ...], ...], ...]
    #: clef of every bar
    clefs: tuple[str, ...]


@dataclass(frozen=True)
class WrittenPart:
    """A track on paper."""

    track: Track
    instrument: Instrument
    #: one, or the two of a keyboard
    staves: tuple[Staff, ...]
    #: (staff, voice, index) of all events in order of time, one for each beginning
    order: tuple[tuple[int, int, int], ...] = field(default=())

    def event(self, at: tuple[int, int, int]) -> Event:
        """The event of that address."""
        staff, voice, index = at
        return self.staves[staff].voices[voice][index]


def written(track: Track, bars: Bars, context: Context) -> WrittenPart:
    """A track, quantised and laid out."""
    info = INSTRUMENTS[track.instrument]
    found = strikes(track.notes, bars.tempo, may_roll=info.family in _ROLLING)
    sides: tuple[list[Strike], ...] = (found,)
    if not info.is_drum and looks.has_two_staves(info, [note.pitch for note in track.notes]):
        sides = hands(found)
    staves = tuple(_staff(side, number, len(sides), info, bars, context) for number, side in enumerate(sides))
    return WrittenPart(track, info, staves, _order(staves))


def _order(staves: Sequence[Staff]) -> tuple[tuple[int, int, int], ...]:
    first: dict[int, tuple[int, int, int]] = {}
    for s, staff in enumerate(staves):
        for v, voice in enumerate(staff.voices):
            for i, event in enumerate(voice):
                first.setdefault(event.start, (s, v, i))
    return tuple(first[start] for start in sorted(first))


def _staff(side: Sequence[Strike], number: int, count: int, info: Instrument, bars: Bars, context: Context) -> Staff:
    placed, triplets = place(side, bars)
    parted = _parted(placed, info, bars)
    lines = tuple(tuple(events(voice, bars, triplets, context.hits, struck=info.id in _STRUCK)) for voice in parted)
    spelled = tuple(tuple(_spelled(line, info, context)) for line in lines)
    every = tuple(_bar(lines, index, bars) for index in range(len(bars.metres)))
    return Staff(lines, spelled, every, tuple(looks.clefs(info, number, count, _steps(lines, spelled, bars))))


def _parted(placed: list[Placed], info: Instrument, bars: Bars) -> list[list[Placed]]:
    if info.id == "drums":
        return feet(placed)
    if info.polyphony == 1 or info.is_drum:
        return [placed]
    return voices(placed, bars, decays=info.decays)


def _spelled(line: Sequence[Event], info: Instrument, context: Context) -> Iterator[tuple[Spelled, ...]]:
    for index, event in enumerate(line):
        key, chord = context.key_at(event.start), context.chord_at(event.start)
        following = _goes_to(line, index)
        names = [written_place(place_of(note.pitch, key, chord, following), info.transposition, key.fifths) for note in event.notes]
        yield tuple(spell(note.pitch + info.transposition, name) for note, name in zip(event.notes, names, strict=True))


def _goes_to(line: Sequence[Event], index: int) -> int | None:
    """The pitch a single line goes on to; a repeated note goes where its last repetition goes."""
    here = line[index].notes
    for event in line[index + 1 : index + 9]:
        if len(here) > 1 or len(event.notes) > 1:
            return None
        if event.notes[0].pitch != here[0].pitch:
            return event.notes[0].pitch
    return None


def _steps(lines: Sequence[Sequence[Event]], spelled: Sequence[Sequence[tuple[Spelled, ...]]], bars: Bars) -> list[list[int]]:
    """Diatonic steps of the notes that begin in each bar."""
    steps: list[list[int]] = [[] for _ in bars.metres]
    for line, names in zip(lines, spelled, strict=True):
        for event, notes in zip(line, names, strict=True):
            steps[bars.bar_at(event.start)] += [note.diatonic for note in notes]
    return steps


def _bar(lines: Sequence[Sequence[Event]], index: int, bars: Bars) -> tuple[tuple[Piece, ...], ...]:
    """The voices of one bar. One that is silent there is left out; where only the second sounds, and alone, it is the first."""
    begin, end = bars.edges[index], bars.edges[index + 1]
    filled = [_inside(line, begin, end) for line in lines]
    sounding = [number for number, spans in enumerate(filled) if spans]
    if not sounding:
        return ()
    result = []
    for number, spans in enumerate(filled):
        if number == 0 or spans:
            result.append(tuple(_values(spans, bars, index, is_second=number > 0)))
    return tuple(result) if sounding != [1] else (_silence(bars.metres[index]), result[1])


def _silence(metre: Metre) -> tuple[Piece, ...]:
    return (Piece(0, metre.length, None, is_printed=False),)


def _inside(line: Sequence[Event], begin: int, end: int) -> list[tuple[int, int, int]]:
    """(event, start, end) of what sounds in a bar, units from its beginning."""
    first = bisect.bisect_right(line, begin, key=lambda event: event.end)
    found = []
    for index in range(first, len(line)):
        event = line[index]
        if event.start >= end:
            break
        found.append((index, max(event.start, begin) - begin, min(event.end, end) - begin))
    return found


def _values(spans: Sequence[tuple[int, int, int]], bars: Bars, index: int, *, is_second: bool) -> list[Piece]:
    metre = bars.metres[index]
    found: list[Piece] = []
    at = 0
    for event, start, end in [*spans, (-1, metre.length, metre.length)]:
        found += [Piece(a, b, None, is_printed=not is_second) for a, b in pieces(at, start, metre, is_rest=True)]
        found += [Piece(a, b, event) for a, b in pieces(start, end, metre, is_rest=False)]
        at = end
    return _grouped(found, bars, index)


def _grouped(found: list[Piece], bars: Bars, index: int) -> list[Piece]:
    """The pieces with the groups of three marked."""
    begin = bars.edges[index]
    result = []
    for number, piece in enumerate(found):
        mark = ""
        if piece.start % 3 or piece.end % 3:
            window = bars.window_at(begin + piece.start)
            inside = [i for i, other in enumerate(found) if bars.window_at(begin + other.start) == window]
            mark = "start" if number == inside[0] else "stop" if number == inside[-1] else "inside"
        result.append(Piece(piece.start, piece.end, piece.event, mark, piece.is_printed))
    return result
