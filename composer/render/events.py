"""What a track plays, on whole ticks: the one reading of it that the MIDI files and the synthesizer share."""

from __future__ import annotations

import bisect
import itertools
import math
import unicodedata
from dataclasses import dataclass

from composer.instruments import INSTRUMENTS, Instrument, Technique
from composer.score import Score, Track
from composer.tempo import TICKS_PER_BEAT, TempoMap, beat_to_ticks

VOLUME, PAN, EXPRESSION, PEDAL = 7, 10, 11, 64
#: CC7 that every part starts with (the General MIDI default)
START_VOLUME = 100
#: a change of program comes so long before its beat, seconds: human timing may bring the first note early, by 22 ms at most
TECHNIQUE_LEAD_S = 0.025


@dataclass(frozen=True, order=True)
class TickNote:
    """A note on whole ticks; none overlaps another of its pitch."""

    #: onset, ticks
    start_ticks: int
    #: 0…127
    pitch: int
    #: release, ticks; later than the onset
    end_ticks: int
    #: 1…127
    velocity: int


def tick_notes(track: Track) -> list[TickNote]:
    """The notes of a track in order of onset, then pitch.

    A note that still sounds when its pitch is struck again is shortened to end there; of notes struck together on
    one pitch the louder and longer remains (a MIDI channel cannot hold two).
    """
    rounded = sorted((note.pitch, beat_to_ticks(note.start_beat), beat_to_ticks(note.end_beat), note.velocity) for note in track.notes)
    kept: list[TickNote] = []
    for pitch, struck in itertools.groupby(rounded, key=lambda note: note[0]):
        chain: list[TickNote] = []
        for _, start, end, velocity in struck:
            end = max(end, start + 1)
            if chain and chain[-1].start_ticks == start:
                last = chain.pop()
                end, velocity = max(end, last.end_ticks), max(velocity, last.velocity)
            elif chain and chain[-1].end_ticks > start:
                last = chain.pop()
                chain.append(TickNote(last.start_ticks, pitch, start, last.velocity))
            chain.append(TickNote(start, pitch, end, velocity))
        kept += chain
    return sorted(kept)


def technique_programs(track: Track, tempo: TempoMap) -> list[tuple[int, Technique, int]]:
    """(tick, technique, General MIDI program) wherever a part plays in another way; in order of time, as track.techniques.

    A change comes TECHNIQUE_LEAD_S early, so that no note of its beat comes before it, but after the beginning of the note before.
    """
    info = instrument_of(track)
    onsets = sorted({beat_to_ticks(note.start_beat) for note in track.notes})
    return [
        (_change_ticks(change.beat, onsets, tempo), change.technique, info.program_for(change.technique)) for change in track.techniques
    ]


def _change_ticks(beat: float, onsets: list[int], tempo: TempoMap) -> int:
    """Where the program changes for what is played from `beat` on.

    Of the onsets (ticks, in order) the nearest to the beat is taken for the one that is meant for it: nobody strays by half the way to a neighbour.
    """
    early = tempo.s_to_beat(tempo.beat_to_s(beat) - TECHNIQUE_LEAD_S)
    ticks = math.floor(early * TICKS_PER_BEAT)
    wanted = beat_to_ticks(beat)
    place = bisect.bisect_left(onsets, wanted)
    if place > 0 and (place == len(onsets) or wanted - onsets[place - 1] < onsets[place] - wanted):
        place -= 1
    return max(0, ticks, onsets[place - 1] + 1 if place else 0)


def start_controls(instrument: Instrument) -> tuple[tuple[int, int], ...]:
    """(controller, value) that a part begins with: volume, and its seat as pan."""
    return ((VOLUME, START_VOLUME), (PAN, max(0, min(127, round(64 + 63 * instrument.pan)))))


def instrument_of(track: Track) -> Instrument:
    """The track's row of the instrument table."""
    return INSTRUMENTS[track.instrument]


def ascii_text(text: str) -> str:
    """`text` in printable ASCII: accents dropped, what cannot be written becomes "?"."""
    letters = (character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    plain = "".join(letters).encode("ascii", "replace").decode()
    return "".join(character if character.isprintable() else " " for character in plain)


def stem_name(score: Score, index: int, suffix: str) -> str:
    """File name of one part's stem, e.g. "01_Violins_I_96bpm.wav": sorts in score order, says who and how fast."""
    words = "".join(c if c.isalnum() else " " for c in ascii_text(score.tracks[index].name)).split()
    return f"{index + 1:02d}_{'_'.join(words) or 'Part'}_{round(score.tempo.mean_qpm)}bpm{suffix}"
