"""Engrave: one written part as music21 streams.

Conventions
-----------
Every bar of every staff becomes a Measure that is complete in itself (values, ties, tuplets, beams, accidentals): music21 is asked to
write, not to decide. Pitches are written pitches; the part's instrument holds the interval to what sounds.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from composer.instruments import Technique
from composer.render.notation.beams import beams
from composer.render.notation.drums import drum_sign
from composer.render.notation.layout import Piece, Staff, WrittenPart
from composer.render.notation.marks import Context, dynamics
from composer.render.notation.metre import UNITS, Metre
from composer.render.notation.quantise import Bars, Event
from composer.render.notation.spelling import Spelled, written_fifths
from composer.render.notation.staves import abbreviation, staff_name
from composer.score import Note

_TYPES = {96: "whole", 48: "half", 24: "quarter", 12: "eighth", 6: "16th", 3: "32nd"}
_CLEFS = {"treble": "TrebleClef", "alto": "AltoClef", "tenor": "TenorClef", "bass": "BassClef", "percussion": "PercussionClef"}
#: what a player is told when the way of playing changes: to it, and back from it
_TECHNIQUE_WORDS: dict[str, tuple[str, str]] = {"pizzicato": ("pizz.", "arco"), "mute": ("con sord.", "senza sord."), "tremolo": ("", "")}
#: instruments that play in such a way all the time
_ALWAYS: dict[str, Technique] = {"pizzicato_strings": "pizzicato", "tremolo_strings": "tremolo", "muted_trumpet": "mute"}
_TREMOLO_STROKES = 3
#: who slurs
_SLURRING = ("strings", "woodwinds", "brass")
#: a note on a hit is accented when it is so much louder than its neighbours
_ACCENT_VELOCITY = 4


class Engraver:
    """Builds the streams of one part: `streams()` gives a Part, or two PartStaffs for a keyboard."""

    def __init__(self, part: WrittenPart, number: int, bars: Bars, context: Context) -> None:
        import music21

        self.m21: Any = music21
        self.part, self.number, self.bars, self.context = part, number, bars, context
        #: (staff, voice, event) → its notes or chords, tied together
        self.printed: dict[tuple[int, int, int], list[Any]] = {}
        self._techniques = _techniques(part)

    def streams(self) -> list[Any]:
        """One stream a staff, with measures."""
        built = [self._staff(staff, number) for number, staff in enumerate(self.part.staves)]
        self._dynamics(built)
        self._slurs(built)
        self._technique_words()
        return built

    # staves and bars -------------------------------------------------------------------------------------------------

    def _staff(self, staff: Staff, number: int) -> Any:
        m21, info = self.m21, self.part.instrument
        two = len(self.part.staves) == 2
        stream = (m21.stream.PartStaff if two else m21.stream.Part)(id=f"P{self.number}-{number + 1}" if two else f"P{self.number}")
        stream.partName, stream.partAbbreviation = staff_name(self.part.track.name), abbreviation(info)
        if number == 0:
            stream.insert(0, self._instrument())
        if info.transposition:
            stream.atSoundingPitch = False
        shown: tuple[Any, ...] = (None, None, None)
        for index, metre in enumerate(self.bars.metres):
            measure = m21.stream.Measure(number=index + 1)
            key = self.context.key_at(self.bars.edges[index])
            fifths = None if info.is_drum else written_fifths(key.fifths, info.transposition)
            now = (staff.clefs[index], fifths, metre)
            self._attributes(measure, shown, now)
            shown = now
            self._fill(measure, staff, number, index, fifths or 0)
            stream.append(measure)
        return stream

    def _attributes(self, measure: Any, shown: tuple[Any, ...], now: tuple[Any, ...]) -> None:
        clef, fifths, metre = now
        if clef != shown[0]:
            measure.clef = getattr(self.m21.clef, _CLEFS[clef])()
        if fifths != shown[1]:
            measure.keySignature = self.m21.key.KeySignature(fifths)
        if metre != shown[2]:
            measure.timeSignature = self.m21.meter.TimeSignature(f"{metre.numerator}/{metre.denominator}")

    def _instrument(self) -> Any:
        m21, info = self.m21, self.part.instrument
        found = m21.instrument.Instrument(self.part.track.name)
        found.partName, found.partAbbreviation = staff_name(self.part.track.name), abbreviation(info)
        found.partId, found.instrumentId = f"P{self.number}", f"P{self.number}-I1"
        found.midiProgram, found.midiChannel = info.program, self.number  # music21 wants them different; `page` sets the real ones
        if info.transposition:
            found.transposition = _interval(-info.transposition)
        return found

    def _fill(self, measure: Any, staff: Staff, number: int, index: int, fifths: int) -> None:
        metre = self.bars.metres[index]
        lines = staff.bars[index]
        accidentals = _Accidentals(fifths)
        if not lines:
            rest = self.m21.note.Rest(quarterLength=Fraction(metre.length, UNITS))
            rest.fullMeasure = True
            measure.insert(0, rest)
            return
        order = sorted(((piece.start, voice, piece) for voice, line in enumerate(lines) for piece in line), key=lambda item: item[:2])
        built: list[list[tuple[Piece, Any]]] = [[] for _ in lines]
        for _, voice, piece in order:  # in order of time: an accidental holds for both voices
            built[voice].append((piece, self._value(staff, number, voice, index, piece, accidentals)))
        for voice, pairs in enumerate(built):
            self._beam(pairs, metre)
            into = measure if len(lines) == 1 else self.m21.stream.Voice(id=str(voice + 1))
            for piece, value in pairs:
                if len(lines) == 2 and piece.event is not None:
                    value.stemDirection = "down" if voice else "up"
                into.insert(Fraction(piece.start, UNITS), value)
            if into is not measure:
                measure.insert(0, into)

    def _beam(self, pairs: Sequence[tuple[Piece, Any]], metre: Metre) -> None:
        for (_, value), lines in zip(pairs, beams([piece for piece, _ in pairs], metre), strict=True):
            if lines:
                value.beams = self.m21.beam.Beams()
            for line in lines:
                value.beams.append(*(("partial", line) if line in ("left", "right") else (line,)))

    # values ----------------------------------------------------------------------------------------------------------

    def _value(self, staff: Staff, number: int, voice: int, index: int, piece: Piece, accidentals: _Accidentals) -> Any:
        if piece.event is None:
            value = self.m21.note.Rest()
            value.duration = self._duration(piece)
            value.style.hideObjectOnPrint = not piece.is_printed
            return value
        event = staff.voices[voice][piece.event]
        begin = self.bars.edges[index]
        is_first, is_last = begin + piece.start == event.start, begin + piece.end == event.end
        value = (
            self._unpitched(event)
            if self.part.instrument.is_drum
            else self._pitched(staff.spelled[voice][piece.event], accidentals, is_first, begin + piece.start)
        )
        value.duration = self._duration(piece)
        if not (is_first and is_last):
            kind = "start" if is_first else "stop" if is_last else "continue"
            for note in _heads(value):
                note.tie = self.m21.tie.Tie(kind)
        doubled = voice > 0 and any(other.start == event.start for other in staff.voices[0])
        self._signs(value, event, is_first and not doubled)
        self.printed.setdefault((number, voice, piece.event), []).append(value)
        return value

    def _duration(self, piece: Piece) -> Any:
        length = piece.end - piece.start
        duration = self.m21.duration
        if piece.triplet:
            found = duration.Duration(type=_TYPES[length * 3 // 2])
            three = duration.Tuplet(3, 2, "eighth")
            three.type = {"start": "start", "stop": "stop"}.get(piece.triplet)
            three.bracket = True
            found.appendTuplet(three)
            return found
        if length in _TYPES:
            return duration.Duration(type=_TYPES[length])
        return (
            duration.Duration(type=_TYPES[length * 2 // 3], dots=1)
            if length * 2 // 3 in _TYPES
            else duration.Duration(Fraction(length, UNITS))
        )

    def _pitched(self, spelled: Sequence[Spelled], accidentals: _Accidentals, is_first: bool, at: int) -> Any:
        notes = []
        for name in spelled:
            note = self.m21.note.Note(self.m21.pitch.Pitch(step=name.step, octave=name.octave))
            shows = accidentals.shows(name, at, is_held=not is_first)
            if name.alter or shows:
                note.pitch.accidental = self.m21.pitch.Accidental(name.alter)
                note.pitch.accidental.displayStatus = shows
            notes.append(note)
        return notes[0] if len(notes) == 1 else self.m21.chord.Chord(notes)

    def _unpitched(self, event: Event) -> Any:
        seen = set[tuple[str, int]]()  # two sounds of one place are one notehead
        notes = []
        for played in event.notes:
            sign = drum_sign(played.pitch)
            if (sign.step, sign.octave) in seen:
                continue
            seen.add((sign.step, sign.octave))
            note = self.m21.note.Unpitched(displayName=f"{sign.step}{sign.octave}")
            note.notehead = sign.head
            notes.append(note)
        return notes[0] if len(notes) == 1 else self.m21.percussion.PercussionChord(notes)

    def _signs(self, value: Any, event: Event, is_first: bool) -> None:
        if self._techniques(event.start) == "tremolo":
            value.expressions.append(self.m21.expressions.Tremolo(numberOfMarks=_TREMOLO_STROKES))
        if not is_first:
            return
        articulations = self.m21.articulations
        if event.start in self.context.hits and self._stands_out(event):
            is_hard = event.start in self.context.hard_hits
            value.articulations.append(articulations.StrongAccent() if is_hard else articulations.Accent())
        elif event.staccato and self._techniques(event.start) != "pizzicato" and not self.part.instrument.is_drum:
            value.articulations.append(articulations.Staccato())
        if event.roll and len(event.notes) > 1 and event.end - event.start >= UNITS:  # harpists spread short chords without being told
            arpeggio = self.m21.expressions.ArpeggioMark()
            if event.roll == "down":
                arpeggio.type = "down"
            value.expressions.append(arpeggio)

    def _stands_out(self, event: Event) -> bool:
        loudest, at = max(note.velocity for note in event.notes), event.start / UNITS
        notes = self.part.track.notes
        around = notes[bisect.bisect_left(notes, at - 4, key=_start) : bisect.bisect_right(notes, at + 4, key=_start)]
        return loudest >= sum(note.velocity for note in around) / max(len(around), 1) + _ACCENT_VELOCITY

    # what spans notes ------------------------------------------------------------------------------------------------

    def _insert(self, at: tuple[int, int, int], mark: Any) -> None:
        """A mark where an event begins, in its own voice or measure."""
        value = self.printed[at][0]
        value.activeSite.insert(value.offset, mark)

    def _dynamics(self, built: Sequence[Any]) -> None:
        order = self.part.order
        marks, wedges = dynamics([self.part.event(at) for at in order], [at[0] for at in order], self.context)
        for mark in marks:
            found = self.m21.dynamics.Dynamic(mark.mark)
            found.placement = "above" if order[mark.at][0] else "below"
            self._insert(order[mark.at], found)
        for wedge in wedges:
            ends = [self.printed[order[wedge.first]][0], self.printed[order[wedge.last]][-1]]
            kind = self.m21.dynamics.Crescendo if wedge.is_crescendo else self.m21.dynamics.Diminuendo
            found = kind(*(ends if ends[0] is not ends[1] else ends[:1]))
            found.placement = "above" if order[wedge.first][0] else "below"
            built[order[wedge.first][0]].insert(0, found)

    def _slurs(self, built: Sequence[Any]) -> None:
        if self.part.instrument.family not in _SLURRING:
            return
        for s, staff in enumerate(self.part.staves):
            for v, line in enumerate(staff.voices):
                for first, last in _slurred(line, self.bars, self._techniques, self.context):
                    built[s].insert(0, self.m21.spanner.Slur(self.printed[s, v, first][0], self.printed[s, v, last][-1]))

    def _technique_words(self) -> None:
        said: str = "ordinary"
        for at in self.part.order:
            now = self._techniques(self.part.event(at).start)
            if now == said:
                continue
            words = [_TECHNIQUE_WORDS[said][1]] if said != "ordinary" else []
            words += [_TECHNIQUE_WORDS[now][0]] if now != "ordinary" else []
            said = now
            text = ", ".join(word for word in words if word)
            if text:
                found = self.m21.expressions.TextExpression(text)
                found.placement = "above"
                self._insert(at, found)


def _start(note: Note) -> float:
    return note.start_beat


def _heads(value: Any) -> Sequence[Any]:
    notes: Sequence[Any] = value.notes if hasattr(value, "notes") else (value,)
    return notes


class _Accidentals:
    """Which accidentals a bar has shown: each holds for its line or space to the bar's end."""

    def __init__(self, fifths: int) -> None:
        sharps, flats = "FCGDAEB"[: max(fifths, 0)], "BEADGCF"[: max(-fifths, 0)]
        self._signature = {step: 1 if step in sharps else -1 if step in flats else 0 for step in "CDEFGAB"}
        self._now: dict[tuple[str, int], int] = {}

    def shows(self, name: Spelled, at: int, *, is_held: bool) -> bool:
        """Whether this note needs its accidental printed; a tied one never does."""
        del at
        spot = (name.step, name.octave)
        if is_held or self._now.get(spot, self._signature[name.step]) == name.alter:
            return False
        self._now[spot] = name.alter
        return True


def _techniques(part: WrittenPart) -> Any:
    """The technique at a place, units."""
    always = _ALWAYS.get(part.instrument.id, "ordinary")
    changes = [(round(change.beat * UNITS), change.technique) for change in part.track.techniques]

    def at(place: int) -> Technique:
        return next((technique for start, technique in reversed(changes) if start <= place), always)

    return at


def _slurred(line: Sequence[Event], bars: Bars, technique: Any, context: Context) -> list[tuple[int, int]]:
    """(first, last) of the runs that were played legato, no longer than a bar and no further than a phrase."""
    found: list[tuple[int, int]] = []
    first: int | None = None
    breaks = {round(phrase[0].start * UNITS) for scene in context.scenes for phrase in scene.phrases()}
    for index, event in enumerate(line):
        goes_on = (
            event.joins
            and index + 1 < len(line)
            and bars.bar_at(line[index + 1].start) == bars.bar_at(event.start)
            and line[index + 1].start not in breaks
            and technique(event.start) == "ordinary"
        )
        if goes_on and first is None:
            first = index
        elif not goes_on and first is not None:
            found.append((first, index))
            first = None
    return found


@functools.cache
def _interval(semitones: int) -> Any:
    """The usual name of a transposition: an octave with its remainder as a second, third, …"""
    import music21

    octaves, rest = divmod(abs(semitones), 12)
    names = ("P1", "m2", "M2", "m3", "M3", "P4", "d5", "P5", "m6", "M6", "m7", "M7")
    generic = int(names[rest][1]) + 7 * octaves
    return music21.interval.Interval(("-" if semitones < 0 else "") + names[rest][0] + str(generic))
