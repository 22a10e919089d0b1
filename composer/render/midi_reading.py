"""MIDI files to scores: ours exactly, foreign ones as well as the format allows.

A foreign file's programs are looked up in the instrument table (the nearest of their General MIDI family otherwise), and
channel 10 is drums. A tempo that changes inside a bar becomes that bar's mean tempo: bars stay where they sound.

A part keeps its first program. Later ones that sound it in another way (pizzicato, tremolo, mute) are changes of technique from the next note
on, any other one an end of them; a part that begins with such a program takes its instrument from the one that it turns to. Changes that our own
events tell are read from those, to the exact beat.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import mido

from composer.errors import OptionError, PlanError
from composer.instruments import INSTRUMENTS, TECHNIQUE_PROGRAMS, Instrument, Technique
from composer.render.events import EXPRESSION, PAN, PEDAL, VOLUME, ascii_text
from composer.score import Control, KeyChange, Marker, Note, Score, TechniqueChange, Track
from composer.tempo import TICKS_PER_BEAT, Bar, TempoMap
from composer.timecode import check_start

#: how our own events begin, after the manufacturer's id for what no maker owns (MIDI 1.0)
OURS = "Hitpoint "
_NO_MAKER = 0x7D
_CONTROLS = (1, VOLUME, PAN, EXPRESSION, PEDAL)
_DRUM_CHANNEL = 9
_NO_PROGRAM = -1
_TECHNIQUES = {program: technique for technique, program in TECHNIQUE_PROGRAMS.items()}
#: what a foreign file is given to ring out, seconds
_RING_S = 2.5
_DEFAULT_RATE = Fraction(25)
_MOST_BARS = 50_000
#: by which files of older versions, whose events told no beat, changed programs before their beat
_OLD_LEAD_BEATS = 1 / 16


@dataclass
class _Line:
    """One channel of one track while it is read."""

    channel: int
    #: ticks per quarter note of the file
    per_beat: int
    name: str = ""
    own: dict[str, Any] = field(default_factory=dict)
    #: (tick, program) of all changes; the last is in force
    asked: list[tuple[int, int]] = field(default_factory=lambda: [(0, _NO_PROGRAM)])
    #: (tick of the change, tick of the first note that it sounds, program) of every change that is heard
    programs: list[tuple[int, int, int]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    #: what our own events tell, and the ticks at which they do
    techniques: list[TechniqueChange] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    sounding: dict[int, tuple[int, int]] = field(default_factory=dict)

    def play(self, message: Any, tick: int) -> None:
        """Take one channel message."""
        if message.type == "program_change":
            self.ask(message.program, tick)
        elif message.type == "control_change" and message.control in _CONTROLS:
            self.controls.append(Control(tick / self.per_beat, message.control, message.value))
        elif message.type in ("note_on", "note_off"):
            self.release(message.note, tick)
            if message.type == "note_on" and message.velocity > 0:
                asked_ticks, program = self.asked[-1]
                if not self.programs or self.programs[-1][2] != program:
                    self.programs.append((asked_ticks, tick, program))
                self.sounding[message.note] = (tick, message.velocity)

    def ask(self, program: int, tick: int) -> None:
        """Take a change of program; one right after the first onset is meant for that, too."""
        if program != self.asked[-1][1]:
            self.asked.append((tick, program))
        if not self.notes and [begun for *_, begun in self.programs] == [_NO_PROGRAM]:
            self.programs = [(tick, self.programs[0][1], program)]

    @property
    def program(self) -> int:
        """The program that it begins with; _NO_PROGRAM where nothing was asked for."""
        return self.programs[0][2] if self.programs else self.asked[-1][1]

    def release(self, pitch: int, tick: int) -> None:
        """End a sounding note."""
        start, velocity = self.sounding.pop(pitch, (tick, 0))
        if tick > start:
            self.notes.append(Note(start / self.per_beat, (tick - start) / self.per_beat, pitch, velocity))


@dataclass
class _Conductor:
    """What belongs to no part, from all tracks."""

    #: ticks per quarter note of the file
    per_beat: int
    #: what our own conductor track says
    own: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    #: (tick, microseconds per quarter)
    tempi: list[tuple[int, int]] = field(default_factory=list)
    #: (tick, numerator, denominator)
    metres: list[tuple[int, int, int]] = field(default_factory=list)
    keys: list[KeyChange] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    #: end of the music, ticks
    end_ticks: int = 0

    def note(self, message: Any, tick: int) -> None:
        """Take one meta event."""
        beat = tick / self.per_beat
        if message.type == "set_tempo":
            self.tempi.append((tick, message.tempo))
        elif message.type == "time_signature":
            self.metres.append((tick, message.numerator, message.denominator))
        elif message.type == "key_signature":
            minor = message.key.endswith("m")
            self.keys.append(KeyChange(beat, f"{message.key[:-1]} minor" if minor else f"{message.key} major"))
        elif message.type == "marker":
            self.markers.append(Marker(beat, "hit" if message.text.startswith("HIT ") else "section", ascii_text(message.text)))
        elif self.keys and "key" in (own := _own(message)):
            self.keys[-1] = KeyChange(self.keys[-1].beat, str(own["key"]))

    def tempo_map(self) -> TempoMap:
        """Bars up to the end: a new metre begins a new bar, a bar's tempo is the mean of what happens in it."""
        tempi, metres = sorted(self.tempi, key=lambda row: row[0]), sorted(self.metres, key=lambda row: row[0])
        bars: list[Bar] = []
        start, numerator, denominator = 0, 4, 4
        count = self.own.get("bars")  # a marker may stand beyond the last bar
        while len(bars) < count if isinstance(count, int) else start < self.end_ticks or not bars:
            for tick, upper, lower in metres:
                if tick <= start:
                    numerator, denominator = upper, lower
            length = max(1, numerator * 4 * self.per_beat // denominator)
            change = next((tick for tick, *_ in metres if start < tick < start + length), None)
            sixteenths = (change - start) * 4 / self.per_beat if change else 0.0
            cut = change is not None and sixteenths == int(sixteenths) and sixteenths <= 16
            if cut:
                length = int(sixteenths) * self.per_beat // 4
            upper, lower = _lowest(int(sixteenths), 16) if cut else (numerator, denominator)
            bars.append(Bar(upper, lower, 60e6 / _mean_tempo(tempi, start, start + length)))
            start += length
            if len(bars) > _MOST_BARS:
                raise PlanError(f"the MIDI file has more than {_MOST_BARS} bars", "Its times are damaged; export it again.")
        return TempoMap(tuple(bars))


def read_midi(path: Path) -> Score:
    """Read a MIDI file.

    Raises PlanError when it is missing, damaged, or holds no notes.
    """
    file = _load(path)
    conductor, lines = _Conductor(file.ticks_per_beat), []
    for number, track in enumerate(file.tracks):
        lines += _read_track(track, conductor, first=number == 0)
    if not any(line.notes for line in lines):
        raise PlanError(f"{path} holds no notes", "Give a MIDI file with music in it.")
    own, tempo = conductor.own, conductor.tempo_map()
    try:
        end_s = float(own.get("end_s") or tempo.beat_to_s(max(note.end_beat for line in lines for note in line.notes)) + _RING_S)
        frame_rate, seed = Fraction(own.get("frame_rate", _DEFAULT_RATE)), int(own.get("seed", 0))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise PlanError(f"{path} has a damaged Hitpoint note ({error})", "Use the score.json beside it.") from None
    return Score(
        title=str(own.get("title") or conductor.title or path.stem),
        tempo=tempo,
        end_s=end_s,
        frame_rate=frame_rate,
        seed=seed,
        tracks=_tracks(lines),
        markers=tuple(sorted(conductor.markers, key=lambda marker: marker.beat)),
        keys=tuple(sorted(conductor.keys, key=lambda key: key.beat)),
        start_tc=_start_tc(own, frame_rate),
    )


def _start_tc(own: dict[str, Any], frame_rate: Fraction) -> str:
    """The timecode that our own conductor track notes; midnight elsewhere."""
    start_tc = str(own.get("start_tc", "00:00:00:00"))
    try:
        check_start(start_tc, frame_rate)
    except OptionError:
        return "00:00:00:00"
    return start_tc


def _read_track(track: Any, conductor: _Conductor, *, first: bool) -> list[_Line]:
    """The channels that play in one track, in order of appearance; meta events go to the conductor."""
    channels: dict[int, _Line] = {}
    own: dict[str, Any] = {}
    name, tick = "", 0
    techniques: list[TechniqueChange] = []
    told: set[int] = set()
    for message in track:
        tick += message.time
        if message.is_meta and (named := _technique(message)) is not None:
            techniques.append(TechniqueChange(_told_beat(_own(message), tick / conductor.per_beat), named))
            told.add(tick)
        elif message.type == "track_name":
            name = name or message.name.strip()
        elif message.is_meta:
            own |= _own(message)
            conductor.note(message, tick)
        elif hasattr(message, "channel"):
            channels.setdefault(message.channel, _Line(message.channel, conductor.per_beat)).play(message, tick)
    for line in channels.values():
        line.name, line.own, line.techniques, line.told = name, own, techniques, told
        for pitch in list(line.sounding):
            line.release(pitch, tick)
    if first:
        conductor.title, conductor.own = name, own
    conductor.end_ticks = max(conductor.end_ticks, tick)
    return [line for line in channels.values() if line.notes or "part" in own]


def _load(path: Path) -> Any:
    try:
        file = mido.MidiFile(path, clip=True, charset="latin1")
    except OSError as error:
        if error.strerror:
            raise PlanError(f"{path} cannot be read ({error.strerror})", "Check the path.") from None
        raise PlanError(f"{path} is not a MIDI file ({error})", "Give a standard MIDI file (.mid).") from None
    except Exception as error:  # mido meets damage with whatever its parser trips over
        raise PlanError(f"{path} is a damaged MIDI file ({type(error).__name__}: {error})", "Export it again.") from None
    if file.type == 2 or not 0 < file.ticks_per_beat < 0x8000:
        raise PlanError(f"{path} is a kind of MIDI file without bars and beats", "Export it as type 1 with ticks per quarter note.")
    return file


def own_event(value: dict[str, Any]) -> Any:
    """An event that carries a value of ours: sequencer-specific (FF 7F), for text is printed on every staff by notation programs."""
    return mido.MetaMessage("sequencer_specific", data=(_NO_MAKER, *(OURS + json.dumps(value)).encode("ascii")))


def _own(message: Any) -> dict[str, Any]:
    """What one of our own events says; nothing for any other event."""
    if message.type == "sequencer_specific":
        text = bytes(message.data[1:]).decode("latin1")
    elif message.type == "text":  # files of older versions
        text = message.text
    else:
        return {}
    if not text.startswith(OURS):
        return {}
    try:
        value = json.loads(text[len(OURS) :])
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _technique(message: Any) -> Technique | None:
    """The way to play that one of our own events begins."""
    name = _own(message).get("technique")
    return next((technique for technique in get_args(Technique) if technique == name), None)


def _told_beat(own: dict[str, Any], here_beat: float) -> float:
    """The beat that a change of technique is meant for, of an event of ours found at `here_beat`: moved as far as the event was moved since."""
    try:
        beat = float(own["beat"]) + (here_beat - float(own["tick"]) / TICKS_PER_BEAT)
    except (KeyError, TypeError, ValueError, OverflowError):
        beat = math.nan
    if not math.isfinite(beat):
        return here_beat + _OLD_LEAD_BEATS if here_beat else 0.0
    return max(0.0, beat)


def _lowest(numerator: int, denominator: int) -> tuple[int, int]:
    while numerator % 2 == 0 and denominator > 4:
        numerator, denominator = numerator // 2, denominator // 2
    return numerator, denominator


def _mean_tempo(tempi: list[tuple[int, int]], start: int, end: int) -> float:
    """Microseconds per quarter that make the ticks from `start` to `end` last as long as they do."""
    edges = [start, *(tick for tick, _ in tempi if start < tick < end), end]
    total = 0
    for left, right in itertools.pairwise(edges):
        current = next((tempo for tick, tempo in reversed(tempi) if tick <= left), 500_000)
        total += current * (right - left)
    return total / (end - start)


def _tracks(lines: list[_Line]) -> tuple[Track, ...]:
    programs = {line.channel: line.program for line in lines if line.program != _NO_PROGRAM}
    used: dict[str, int] = defaultdict(int)
    tracks = []
    for line in lines:
        controls = line.controls
        if "part" in line.own and line.own.get("instrument") in INSTRUMENTS:
            part, name, instrument = str(line.own["part"]), str(line.own.get("name", line.name)), INSTRUMENTS[line.own["instrument"]]
            controls = controls[2:]  # the volume and pan that every part of ours begins with
        else:
            instrument = _home(line, line.program if line.program != _NO_PROGRAM else programs.get(line.channel, 0))
            used[instrument.id] += 1
            part = instrument.id + (f"_{used[instrument.id]}" if used[instrument.id] > 1 else "")
            name = line.name or instrument.name
        notes = tuple(sorted(line.notes, key=lambda note: (note.start_beat, note.pitch)))
        tracks.append(Track(part, name, instrument.id, notes, tuple(controls), _changes(line, instrument)))
    return tuple(tracks)


def _home(line: _Line, first: int) -> Instrument:
    """Who plays a line that begins with the program `first`; where that is a way to play, whoever else it asks for that can play so."""
    for program in dict.fromkeys(program for _, program in line.asked[1:]) if first in _TECHNIQUES else ():
        turned = _instrument(program, line)
        if _TECHNIQUES[first] in turned.techniques:
            return turned
    return _instrument(first, line)


def _changes(line: _Line, instrument: Instrument) -> tuple[TechniqueChange, ...]:
    """The changes of technique that our own events tell, and those that only programs do."""
    ways = {instrument.program_for(technique): technique for technique in instrument.techniques}
    found, now = list(line.techniques), "ordinary"
    for asked_ticks, onset_ticks, program in line.programs:
        technique = ways.get(program, "ordinary")
        if technique != now and asked_ticks not in line.told:
            found.append(TechniqueChange(onset_ticks / line.per_beat, technique))
        now = technique
    return tuple(sorted(found, key=lambda change: change.beat))


def _instrument(program: int, line: _Line) -> Instrument:
    """The table's row for a program: of several, the one whose range lies nearest to what is played."""
    rows = list(INSTRUMENTS.values())
    if line.channel == _DRUM_CHANNEL:
        return next((row for row in rows if row.is_drum and row.program == program), INSTRUMENTS["drums"])
    pitched = [row for row in rows if not row.is_drum]
    named = [row for row in pitched if row.name == line.name and row.program == program]
    same = named or [row for row in pitched if row.program == program] or [row for row in pitched if row.program // 8 == program // 8]
    middle = sum(note.pitch for note in line.notes) / max(1, len(line.notes))
    return min(same or [INSTRUMENTS["piano"]], key=lambda row: abs(sum(row.comfortable) / 2 - middle))
