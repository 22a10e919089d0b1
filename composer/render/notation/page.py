"""Page: what stands over the whole score and around it, put into a finished score-partwise tree.

Conventions
-----------
Tempo, rehearsal marks, hits stand over the top staff, each as a direction at the beginning of its bar with an offset in divisions
(MusicXML 4.0). A tempo that is only played is a `sound` without words. Chord symbols stand over the highest staff that reads in C
(octaves aside): over a horn they would have to be transposed as its notes are. Sizes are millimetres; 40 tenths are one staff's height.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from composer.dates import fixed_date
from composer.instruments import INSTRUMENTS, Instrument
from composer.render.notation.drums import name_sounds
from composer.render.notation.marks import ChordMark, Context, chord_marks, hit_marks, section_marks, tempo_marks
from composer.render.notation.metre import UNITS
from composer.render.notation.spelling import letter_of, place_of, root_place, written_fifths

COMPOSER = "Hitpoint"
_A4, _A3, _MARGIN = (210.0, 297.0), (297.0, 420.0), 12.0
#: from so many staves on a page is A3
_MANY_STAVES = 14
#: what the title and the page's foot take
_TITLE, _FOOT = 30.0, 12.0
#: staff and the white above it, in heights of a staff, where two systems may fit and where one must; largest and smallest staff
_PITCH, _PITCH_FULL, _LARGEST, _SMALLEST = 3.6, 3.8, 6.5, 4.2
#: least white between staves, tenths
_APART, _APART_FULL = 65, 95
_HIT_POINTS = "7"
#: intervals of a chord → MusicXML kind, and what follows the root in print
_KINDS: dict[tuple[int, ...], tuple[str, str]] = {
    (0, 4, 7): ("major", ""), (0, 3, 7): ("minor", "m"), (0, 3, 6): ("diminished", "dim"), (0, 4, 8): ("augmented", "aug"),
    (0, 4, 7, 10): ("dominant", "7"), (0, 4, 7, 11): ("major-seventh", "maj7"), (0, 3, 7, 10): ("minor-seventh", "m7"),
    (0, 3, 7, 11): ("major-minor", "m(maj7)"), (0, 3, 6, 9): ("diminished-seventh", "dim7"), (0, 3, 6, 10): ("half-diminished", "m7b5"),
    (0, 5, 7): ("suspended-fourth", "sus4"), (0, 2, 7): ("suspended-second", "sus2"), (0, 7): ("power", "5"),
    (0, 4, 8, 10): ("augmented-seventh", "aug7"), (0, 4, 7, 10, 2): ("dominant-ninth", "9"), (0, 3, 7, 10, 2): ("minor-ninth", "m9"),
}  # fmt: skip
#: chords that are another one with a note more: its kind, the degree added, print
_ADDED: dict[tuple[int, ...], tuple[str, int, str]] = {
    (0, 4, 7, 2): ("major", 9, "add9"),
    (0, 3, 7, 2): ("minor", 9, "m(add9)"),
    (0, 5, 7, 10): ("suspended-fourth", 7, "7sus4"),
}


def dress(root: ET.Element, staves: int, context: Context) -> None:
    """Add head, page, drum sounds, tempo, sections, hits and chord symbols to a score whose parts are its tracks, in order."""
    instruments = [INSTRUMENTS[track.instrument] for track in context.score.tracks]
    _head(root, context.score.title)
    _defaults(root, staves)
    _plain(root)
    for number, (score_part, part, track) in enumerate(
        zip(root.iter("score-part"), root.findall("part"), context.score.tracks, strict=True)
    ):
        for channel in score_part.iter("midi-channel"):
            channel.text = str(number % 15 + 1 + (number % 15 >= 9))  # past 15 parts they share; the drums' own is never theirs
        if INSTRUMENTS[track.instrument].is_drum:
            name_sounds(score_part, part, [note.pitch for note in track.notes], INSTRUMENTS[track.instrument].program)
    parts = [part.findall("measure") for part in root.findall("part")]
    divisions = int(root.findtext(".//divisions") or UNITS)
    _chords(parts, instruments, divisions, context)
    top = _Top(parts[0], divisions, context)
    for at, text in hit_marks(context.score):
        top.add(at, _direction([_words(text, {"font-size": _HIT_POINTS})]))
    _tempi(top, context)
    for at, text in section_marks(context.score):
        rehearsal = ET.Element("rehearsal", {"enclosure": "square", "font-weight": "bold"})
        rehearsal.text = text
        top.add(at, _direction([rehearsal]))


class _Top:
    """Measures of the top part, into which marks go: the last added stands first."""

    def __init__(self, measures: Sequence[ET.Element], divisions: int, context: Context) -> None:
        self.measures, self.divisions, self.bars = measures, divisions, context.bars

    def add(self, at: int, element: ET.Element) -> None:
        """Put an element at a place, units: before the note that begins there, else before the one it sounds in, with an offset."""
        index = self.bars.bar_at(at)
        wanted = (at - self.bars.edges[index]) * self.divisions // UNITS
        measure = self.measures[index]
        place = next((i for i, child in enumerate(measure) if child.tag not in ("print", "attributes")), len(measure))
        now = began = 0
        for i, child in enumerate(measure):
            if child.tag == "backup" or now > wanted:
                break
            if child.tag == "note" and child.find("chord") is None:
                place, began = i, now
                now += int(child.findtext("duration", "0"))
        while place and measure[place - 1].tag in ("direction", "harmony", "sound") and began:
            place -= 1
        if not began:
            place = next((i for i, child in enumerate(measure) if child.tag not in ("print", "attributes")), len(measure))
        if wanted > began:
            _insert_offset(element, wanted - began)
        measure.insert(place, element)


def _insert_offset(element: ET.Element, offset: int) -> None:
    mark = ET.Element("offset")
    mark.text = str(offset)
    after = [i for i, child in enumerate(element) if child.tag in ("direction-type", "root", "kind", "bass", "degree", "inversion")]
    element.insert(after[-1] + 1, mark)


def _head(root: ET.Element, title: str) -> None:
    for tag in ("work", "movement-title", "identification"):
        for found in root.findall(tag):
            root.remove(found)
    work, identification = ET.Element("work"), ET.Element("identification")
    ET.SubElement(work, "work-title").text = "".join(character for character in title if character.isprintable())
    ET.SubElement(identification, "creator", {"type": "composer"}).text = COMPOSER
    encoding = ET.SubElement(identification, "encoding")
    ET.SubElement(encoding, "software").text = COMPOSER
    ET.SubElement(encoding, "encoding-date").text = fixed_date().date().isoformat()
    for element in ("accidental", "beam", "stem"):
        ET.SubElement(encoding, "supports", {"element": element, "type": "yes"})
    root.insert(0, work)
    root.insert(1, identification)


def _defaults(root: ET.Element, staves: int) -> None:
    """Paper and size of the staff: two systems a page where they can still be read, else one."""
    width, height = _A3 if staves >= _MANY_STAVES else _A4
    room = height - 2 * _MARGIN - _FOOT
    twice, once = room / (2 * _PITCH * staves), (room - _TITLE) / (_PITCH_FULL * staves)
    is_twice = twice > _SMALLEST * 0.95
    size = min(_LARGEST, max(twice, _SMALLEST) if is_twice else once)
    for old in root.findall("defaults"):
        root.remove(old)
    defaults = ET.Element("defaults")
    scaling = ET.SubElement(defaults, "scaling")
    ET.SubElement(scaling, "millimeters").text = f"{size:.3f}"
    ET.SubElement(scaling, "tenths").text = "40"
    page = ET.SubElement(defaults, "page-layout")
    for name, value in (("page-height", height), ("page-width", width)):
        ET.SubElement(page, name).text = f"{value * 40 / size:.1f}"
    margins = ET.SubElement(page, "page-margins", {"type": "both"})
    for side in ("left", "right", "top", "bottom"):
        ET.SubElement(margins, f"{side}-margin").text = f"{_MARGIN * 40 / size:.1f}"
    apart = ET.SubElement(ET.SubElement(defaults, "staff-layout"), "staff-distance")
    apart.text = f"{_APART if is_twice else _APART_FULL}"
    root.insert(2, defaults)


def _plain(root: ET.Element) -> None:
    """Without what music21 adds and readers stumble over: positions and loudnesses it guesses, notes that name the part's only instrument."""
    for part in root.findall("part"):
        if len({found.get("id") for found in part.iter("instrument")}) == 1:
            for note in part.iter("note"):  # MuseScore 3 takes notes that name their only instrument for a change of it
                for found in note.findall("instrument"):
                    note.remove(found)
    for direction in root.iter("direction"):
        for sound in [s for s in direction.findall("sound") if "dynamics" in s.attrib]:
            direction.remove(sound)
        for element in direction.iter():
            for name in ("default-x", "default-y", "relative-x", "relative-y"):
                element.attrib.pop(name, None)


def _direction(types: Sequence[ET.Element]) -> ET.Element:
    direction = ET.Element("direction", {"placement": "above"})
    for element in types:
        ET.SubElement(direction, "direction-type").append(element)
    return direction


def _words(text: str, style: dict[str, str]) -> ET.Element:
    words = ET.Element("words", style)
    words.text = text
    return words


def _tempi(top: _Top, context: Context) -> None:
    for mark in tempo_marks(context.score, context.plan):
        sound = ET.Element("sound", {"tempo": f"{mark.qpm:.4f}".rstrip("0").rstrip(".")})
        at = context.bars.edges[mark.bar]
        if not mark.is_printed:  # words of one space: a bare sound is printed by MuseScore 3 as a metronome mark
            silent = _direction([_words(" ", {})])
            silent.append(sound)
            top.add(at, silent)
            continue
        types = [_words(f"{mark.text.capitalize()}  ", {"font-weight": "bold"})] if mark.text else []
        direction = _direction([*types, _metronome(mark.qpm, dotted=context.bars.metres[mark.bar].is_compound)])
        direction.append(sound)
        top.add(at, direction)


def _metronome(qpm: float, *, dotted: bool) -> ET.Element:
    metronome = ET.Element("metronome", {"parentheses": "no"})
    ET.SubElement(metronome, "beat-unit").text = "quarter"
    if dotted:
        ET.SubElement(metronome, "beat-unit-dot")
    ET.SubElement(metronome, "per-minute").text = str(round(qpm / (1.5 if dotted else 1.0)))
    return metronome


def _chords(parts: Sequence[Sequence[ET.Element]], instruments: Sequence[Instrument], divisions: int, context: Context) -> None:
    pitched = [i for i, info in enumerate(instruments) if not info.is_drum]
    in_c = [i for i in pitched if instruments[i].transposition % 12 == 0 and instruments[i].family != "percussion"]
    if not pitched:
        return
    part = (in_c or pitched)[0]
    top = _Top(parts[part], divisions, context)
    for mark in chord_marks(context):
        top.add(mark.at, _harmony(mark, instruments[part].transposition))


def _harmony(mark: ChordMark, transposition: int) -> ET.Element:
    chord, key = mark.chord, mark.key
    moved = written_fifths(key.fifths, transposition) - key.fifths
    harmony = ET.Element("harmony")
    _named(harmony, "root", root_place(chord, key) + moved)
    added = _ADDED.get(chord.intervals)
    kind, text = (
        (added[0], added[2]) if added else _KINDS.get(chord.intervals, ("other", "(4ths)" if chord.intervals == (0, 5, 10) else ""))
    )
    ET.SubElement(harmony, "kind", {"text": text} if text else {}).text = kind
    if chord.bass != chord.root:
        _named(harmony, "bass", place_of(chord.bass, key, chord) + moved)
    if added:
        degree = ET.SubElement(harmony, "degree")
        for name, value in (("degree-value", str(added[1])), ("degree-alter", "0"), ("degree-type", "add")):
            ET.SubElement(degree, name).text = value
    return harmony


def _named(harmony: ET.Element, what: str, place: int) -> None:
    step, alter = letter_of(place)
    element = ET.SubElement(harmony, what)
    ET.SubElement(element, f"{what}-step").text = step
    if alter:
        ET.SubElement(element, f"{what}-alter").text = str(alter)
