"""Drums on paper: where each General MIDI key stands on a five-line percussion staff, and with which notehead.

Conventions
-----------
Places follow Weinberg, *Guide to Standardized Drumset Notation* (PAS, 1998): bass drum in the lowest space, snare in the third,
cymbals with crosses on and above the top line. Keys are those of General MIDI 1 (channel 10). The place is written as a note of the treble clef.
In MusicXML every sound of a kit is an instrument of the part (`score-instrument`, with `midi-unpitched` counted from 1) that its notes name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class DrumSign:
    """How one key of the kit is written."""

    #: for people
    name: str
    #: display step and octave, as a treble clef would name the place
    step: str
    octave: int
    #: notehead of MusicXML: normal, x, circle-x, diamond, triangle …
    head: str = "normal"


_TABLE: dict[int, DrumSign] = {
    35: DrumSign("Bass Drum 2", "E", 4),
    36: DrumSign("Bass Drum", "F", 4),
    37: DrumSign("Side Stick", "C", 5, "x"),
    38: DrumSign("Snare Drum", "C", 5),
    39: DrumSign("Hand Clap", "B", 4, "x"),
    40: DrumSign("Electric Snare", "C", 5),
    41: DrumSign("Low Floor Tom", "G", 4),
    42: DrumSign("Closed Hi-hat", "G", 5, "x"),
    43: DrumSign("High Floor Tom", "A", 4),
    44: DrumSign("Pedal Hi-hat", "D", 4, "x"),
    45: DrumSign("Low Tom", "B", 4),
    46: DrumSign("Open Hi-hat", "G", 5, "circle-x"),
    47: DrumSign("Low-mid Tom", "D", 5),
    48: DrumSign("High-mid Tom", "E", 5),
    49: DrumSign("Crash Cymbal", "A", 5, "x"),
    50: DrumSign("High Tom", "F", 5),
    51: DrumSign("Ride Cymbal", "F", 5, "x"),
    52: DrumSign("China Cymbal", "B", 5, "x"),
    53: DrumSign("Ride Bell", "F", 5, "diamond"),
    54: DrumSign("Tambourine", "B", 4, "triangle"),
    55: DrumSign("Splash Cymbal", "B", 5, "diamond"),
    56: DrumSign("Cowbell", "E", 5, "triangle"),
    57: DrumSign("Crash Cymbal 2", "B", 5, "x"),
    58: DrumSign("Vibraslap", "D", 5, "triangle"),
    59: DrumSign("Ride Cymbal 2", "D", 5, "x"),
    75: DrumSign("Claves", "A", 4, "x"),
    76: DrumSign("High Wood Block", "G", 5, "triangle"),
    77: DrumSign("Low Wood Block", "F", 5, "triangle"),
    80: DrumSign("Mute Triangle", "A", 5, "triangle"),
    81: DrumSign("Triangle", "A", 5, "diamond"),
}


def drum_sign(key: int) -> DrumSign:
    """The sign of a key; hand drums and what else General MIDI knows stand on the middle line, higher keys above."""
    sign = _TABLE.get(key)
    if sign is None:
        step, octave = (("A", 4), ("B", 4), ("C", 5), ("D", 5))[key % 4]
        return DrumSign(f"Percussion {key}", step, octave)
    return sign


def name_sounds(score_part: ET.Element, part: ET.Element, keys: Iterable[int], program: int) -> None:
    """Give a drum part one instrument for each of its keys, and every note the name of its own: so that it plays what stands there."""
    number = part.get("id")
    by_place: dict[tuple[str, str, str], int] = {}
    for key in sorted(set(keys)):
        sign = drum_sign(key)
        by_place.setdefault((sign.step, str(sign.octave), sign.head), key)
    for old in [child for child in score_part if child.tag in ("score-instrument", "midi-instrument")]:
        score_part.remove(old)
    for key in sorted(by_place.values()):
        instrument = ET.SubElement(score_part, "score-instrument", {"id": f"{number}-K{key}"})
        ET.SubElement(instrument, "instrument-name").text = drum_sign(key).name
    for key in sorted(by_place.values()):
        midi = ET.SubElement(score_part, "midi-instrument", {"id": f"{number}-K{key}"})
        for tag, value in (("midi-channel", 10), ("midi-program", program + 1), ("midi-unpitched", key + 1)):
            ET.SubElement(midi, tag).text = str(value)
    for note in part.iter("note"):
        if note.find("unpitched") is not None:
            place = (
                note.findtext("unpitched/display-step", ""),
                note.findtext("unpitched/display-octave", ""),
                note.findtext("notehead", "normal"),
            )
            after = max(i for i, child in enumerate(note) if child.tag in ("duration", "tie"))
            note.insert(after + 1, ET.Element("instrument", {"id": f"{number}-K{by_place[place]}"}))
