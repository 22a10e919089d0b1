"""`Score`: notes and controllers on one tempo map, in beats. It carries what a MIDI file needs, so it can be rendered alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from composer.instruments import Technique
from composer.tempo import TempoMap
from composer.timecode import count_frames


@dataclass(frozen=True)
class Note:
    """One sounding note."""

    #: onset, beats from film time 0
    start_beat: float
    #: length, beats
    duration_beats: float
    #: MIDI pitch 0…127 (60 = middle C)
    pitch: int
    #: MIDI velocity 1…127
    velocity: int

    @property
    def end_beat(self) -> float:
        """Release, beats."""
        return self.start_beat + self.duration_beats


@dataclass(frozen=True)
class Control:
    """One controller change (CC1 modulation, CC7 volume, CC10 pan, CC11 expression, CC64 pedal)."""

    #: when, beats
    beat: float
    #: controller number 0…119
    number: int
    #: value 0…127
    value: int


@dataclass(frozen=True)
class TechniqueChange:
    """From here on a part plays in this way."""

    #: when, beats
    beat: float
    #: how
    technique: Technique


@dataclass(frozen=True)
class Track:
    """The notes of one part."""

    #: the part's id in the plan, e.g. "violins_1"
    part: str
    #: name for people, e.g. "Violins I"
    name: str
    #: key of the instrument table (composer.instruments)
    instrument: str
    #: in order of onset, then pitch
    notes: tuple[Note, ...]
    #: in order of time
    controls: tuple[Control, ...] = ()
    #: in order of time; before the first the part plays in its ordinary way
    techniques: tuple[TechniqueChange, ...] = ()


@dataclass(frozen=True)
class Marker:
    """A named moment."""

    #: when, beats
    beat: float
    #: what it marks
    kind: Literal["section", "hit"]
    #: ASCII text, e.g. "S2 tense" or "HIT 03 01:00:12:07"
    text: str


@dataclass(frozen=True)
class KeyChange:
    """A key signature."""

    #: when, beats
    beat: float
    #: e.g. "D minor"
    key: str


@dataclass(frozen=True)
class Score:
    """The music."""

    #: for people
    title: str
    #: bars, metres and tempi
    tempo: TempoMap
    #: where sound must stop, seconds (the film's end)
    end_s: float
    #: the film's frames per second (timecodes)
    frame_rate: Fraction
    #: the seed everything random came from
    seed: int
    #: one per part, in score order
    tracks: tuple[Track, ...]
    #: sections and hits, in order of time
    markers: tuple[Marker, ...] = ()
    #: in order of time
    keys: tuple[KeyChange, ...] = ()
    #: timecode of film time 0 ("01:00:00;00" counts drop-frame)
    start_tc: str = "00:00:00:00"

    @property
    def start_of_day_s(self) -> float:
        """Film time 0 on the clock that timecode counts from, seconds after midnight."""
        return float(count_frames(self.start_tc, self.frame_rate) / self.frame_rate)

    @property
    def note_count(self) -> int:
        """How many notes all tracks hold."""
        return sum(len(track.notes) for track in self.tracks)

    def hit_beats(self) -> Iterator[float]:
        """Where the hits are, beats: timing is never humanised there."""
        return (marker.beat for marker in self.markers if marker.kind == "hit")
