"""The instrument table: one row per instrument, one place for names, programs, ranges, clefs and seats.

Conventions
-----------
Ranges are *sounding* MIDI pitches (60 = middle C). `transposition` is written minus sounding, in semitones (a horn in F
reads 7 above what sounds: +7). Seats follow the usual concert plan seen from the conductor: pan −1 left … 1 right,
depth 0 front … 1 back. Programs are General MIDI 1, counted from 0.
Ranges after Adler, *The Study of Orchestration* (4th ed.), comfortable ranges narrowed to where sections speak easily.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from composer.errors import InstrumentError, nearest

Family = Literal["strings", "brass", "woodwinds", "piano", "percussion", "choir", "harp", "guitar", "synth"]
Role = Literal["melody", "counter", "harmony", "bass", "ostinato", "pad", "percussion"]
#: other ways to play than the instrument's own sound; General MIDI has programs of their own for them
Technique = Literal["ordinary", "pizzicato", "tremolo", "mute"]
TECHNIQUE_PROGRAMS: dict[Technique, int] = {"pizzicato": 45, "tremolo": 44, "mute": 59}
ROLES: tuple[Role, ...] = ("melody", "counter", "harmony", "bass", "ostinato", "pad", "percussion")


@dataclass(frozen=True)
class Instrument:
    """One row of the table."""

    #: key of the table, lower case with underscores
    id: str
    #: name for people and for MIDI tracks
    name: str
    #: the family it sits with
    family: Family
    #: General MIDI program, 0…127 (a drum kit when is_drum)
    program: int
    #: lowest and highest sounding pitch
    range: tuple[int, int]
    #: where it sounds best
    comfortable: tuple[int, int]
    #: clef it reads
    clef: Literal["treble", "alto", "tenor", "bass", "percussion"]
    #: what it does well, best first
    roles: tuple[Role, ...]
    #: −1 left … 1 right
    pan: float
    #: 0 front … 1 back
    depth: float
    #: written minus sounding, semitones
    transposition: int = 0
    #: notes it can sound at once
    polyphony: int = 1
    #: plays on MIDI channel 10
    is_drum: bool = False
    #: must breathe between phrases
    breathes: bool = False
    #: time from note start to full sound, seconds (slow bows and pads)
    attack_s: float = 0.01
    #: sound dies away by itself (struck and plucked)
    decays: bool = False
    #: further names people type
    aliases: tuple[str, ...] = ()
    #: what else it can do than play in its ordinary way
    techniques: tuple[Technique, ...] = ()

    def program_for(self, technique: Technique) -> int:
        """General MIDI program that sounds it played like that."""
        return TECHNIQUE_PROGRAMS.get(technique, self.program)


def _table(*rows: Instrument) -> dict[str, Instrument]:
    return {row.id: row for row in rows}


# fmt: off
INSTRUMENTS: dict[str, Instrument] = _table(
    # woodwinds -------------------------------------------------------------------------------------------------------
    Instrument("piccolo", "Piccolo", "woodwinds", 72, (74, 108), (79, 103), "treble", ("melody", "ostinato"), -0.12, 0.5, -12, breathes=True),
    Instrument("flute", "Flute", "woodwinds", 73, (60, 96), (67, 91), "treble", ("melody", "counter", "ostinato", "harmony"), -0.15, 0.5, breathes=True, aliases=("flutes",)),
    Instrument("oboe", "Oboe", "woodwinds", 68, (58, 91), (62, 84), "treble", ("melody", "counter", "harmony"), 0.1, 0.5, breathes=True, aliases=("oboes",)),
    Instrument("english_horn", "English Horn", "woodwinds", 69, (52, 81), (55, 76), "treble", ("melody", "counter", "harmony"), 0.15, 0.5, 7, breathes=True, aliases=("cor_anglais",)),
    Instrument("clarinet", "Clarinet in Bb", "woodwinds", 71, (50, 91), (53, 84), "treble", ("counter", "melody", "harmony", "ostinato"), -0.15, 0.55, 2, breathes=True, aliases=("clarinets",)),
    Instrument("bassoon", "Bassoon", "woodwinds", 70, (34, 72), (36, 65), "bass", ("bass", "counter", "harmony"), 0.15, 0.55, breathes=True, aliases=("bassoons", "fagott")),
    Instrument("alto_sax", "Alto Saxophone", "woodwinds", 65, (49, 80), (53, 77), "treble", ("melody", "counter", "harmony"), -0.2, 0.4, 9, breathes=True, aliases=("sax", "saxophone", "saxophones")),
    Instrument("recorder", "Recorder", "woodwinds", 74, (72, 98), (72, 93), "treble", ("melody", "ostinato"), 0.0, 0.4, -12, breathes=True, aliases=("blockflute",)),
    # brass -----------------------------------------------------------------------------------------------------------
    Instrument("horns", "Horns in F", "brass", 60, (41, 77), (45, 70), "treble", ("harmony", "melody", "counter", "pad"), -0.35, 0.75, 7, polyphony=4, breathes=True, attack_s=0.05, aliases=("horn", "french_horn", "french_horns")),
    Instrument("trumpets", "Trumpets in Bb", "brass", 56, (54, 84), (58, 79), "treble", ("melody", "harmony", "ostinato", "counter"), 0.15, 0.8, 2, polyphony=3, breathes=True, aliases=("trumpet",), techniques=("mute",)),
    Instrument("muted_trumpet", "Muted Trumpet", "brass", 59, (54, 82), (58, 77), "treble", ("melody", "counter"), 0.15, 0.7, 2, breathes=True),
    Instrument("trombones", "Trombones", "brass", 57, (40, 72), (43, 67), "bass", ("harmony", "bass", "counter", "pad"), 0.35, 0.8, polyphony=3, breathes=True, attack_s=0.03, aliases=("trombone",)),
    Instrument("tuba", "Tuba", "brass", 58, (29, 60), (31, 53), "bass", ("bass",), 0.45, 0.8, breathes=True, attack_s=0.03),
    # percussion ------------------------------------------------------------------------------------------------------
    Instrument("timpani", "Timpani", "percussion", 47, (38, 60), (40, 57), "bass", ("percussion", "bass"), 0.1, 0.9, polyphony=2, decays=True, aliases=("kettledrums",)),
    Instrument("percussion_kit", "Percussion", "percussion", 48, (35, 81), (35, 81), "percussion", ("percussion",), -0.1, 0.9, polyphony=6, is_drum=True, decays=True, aliases=("orchestral_percussion", "cymbals")),
    Instrument("drums", "Drum Kit", "percussion", 0, (35, 81), (35, 81), "percussion", ("percussion",), 0.0, 0.6, polyphony=6, is_drum=True, decays=True, aliases=("drum_kit", "drumset", "drum")),
    Instrument("glockenspiel", "Glockenspiel", "percussion", 9, (79, 108), (79, 103), "treble", ("ostinato", "melody"), -0.3, 0.7, -24, polyphony=2, decays=True, aliases=("bells",)),
    Instrument("xylophone", "Xylophone", "percussion", 13, (65, 108), (65, 101), "treble", ("ostinato", "melody"), -0.25, 0.7, -12, polyphony=2, decays=True),
    Instrument("marimba", "Marimba", "percussion", 12, (45, 96), (48, 84), "treble", ("ostinato", "harmony", "melody"), -0.25, 0.6, polyphony=4, decays=True),
    Instrument("vibraphone", "Vibraphone", "percussion", 11, (53, 89), (53, 84), "treble", ("harmony", "ostinato", "melody"), 0.25, 0.6, polyphony=4, decays=True, aliases=("vibes",)),
    Instrument("celesta", "Celesta", "percussion", 8, (60, 108), (67, 98), "treble", ("ostinato", "melody", "harmony"), -0.3, 0.6, -12, polyphony=4, decays=True, aliases=("celeste",)),
    Instrument("music_box", "Music Box", "percussion", 10, (60, 100), (65, 96), "treble", ("ostinato", "melody"), 0.0, 0.4, polyphony=4, decays=True),
    Instrument("tubular_bells", "Tubular Bells", "percussion", 14, (60, 77), (60, 77), "treble", ("melody", "bass"), 0.3, 0.9, polyphony=2, decays=True, aliases=("chimes",)),
    # keys, plucked ---------------------------------------------------------------------------------------------------
    Instrument("piano", "Piano", "piano", 0, (21, 108), (28, 96), "treble", ("melody", "harmony", "bass", "ostinato", "counter"), -0.05, 0.3, polyphony=8, decays=True, aliases=("grand_piano", "keys")),
    Instrument("electric_piano", "Electric Piano", "piano", 4, (28, 100), (36, 88), "treble", ("harmony", "melody", "bass", "ostinato"), 0.1, 0.2, polyphony=8, decays=True, aliases=("rhodes",)),
    Instrument("harpsichord", "Harpsichord", "piano", 6, (29, 89), (36, 84), "treble", ("ostinato", "harmony", "melody", "bass"), -0.1, 0.3, polyphony=8, decays=True, aliases=("cembalo",)),
    Instrument("organ", "Pipe Organ", "piano", 19, (36, 96), (36, 84), "treble", ("pad", "harmony", "bass", "melody"), 0.0, 0.9, polyphony=8, aliases=("pipe_organ", "church_organ")),
    Instrument("accordion", "Accordion", "piano", 21, (41, 96), (53, 84), "treble", ("melody", "harmony", "ostinato"), 0.1, 0.3, polyphony=5),
    Instrument("harp", "Harp", "harp", 46, (24, 103), (35, 91), "treble", ("ostinato", "harmony", "bass", "melody"), -0.45, 0.5, polyphony=6, decays=True, aliases=("harps",)),
    Instrument("guitar", "Classical Guitar", "guitar", 24, (40, 83), (40, 76), "treble", ("harmony", "ostinato", "melody", "bass"), 0.2, 0.2, 12, polyphony=6, decays=True, aliases=("acoustic_guitar", "nylon_guitar", "classical_guitar")),
    Instrument("steel_guitar", "Steel-string Guitar", "guitar", 25, (40, 83), (40, 76), "treble", ("harmony", "ostinato", "melody"), -0.2, 0.2, 12, polyphony=6, decays=True, aliases=("folk_guitar", "western_guitar")),
    Instrument("electric_guitar", "Electric Guitar", "guitar", 27, (40, 86), (40, 79), "treble", ("ostinato", "harmony", "melody"), 0.3, 0.2, 12, polyphony=6, decays=True),
    Instrument("bass_guitar", "Bass Guitar", "guitar", 33, (28, 67), (28, 55), "bass", ("bass",), 0.0, 0.2, 12, decays=True, aliases=("electric_bass",)),
    # voices ----------------------------------------------------------------------------------------------------------
    Instrument("choir", "Choir", "choir", 52, (41, 81), (43, 77), "treble", ("pad", "harmony", "melody"), 0.0, 0.95, polyphony=4, breathes=True, attack_s=0.12, aliases=("chorus", "choir_aahs", "voices")),
    Instrument("solo_voice", "Solo Voice", "choir", 53, (55, 84), (60, 79), "treble", ("melody", "counter"), 0.0, 0.3, breathes=True, attack_s=0.08, aliases=("voice", "vocal", "soprano")),
    # synth -----------------------------------------------------------------------------------------------------------
    Instrument("synth_pad", "Synth Pad", "synth", 89, (36, 96), (40, 84), "treble", ("pad", "harmony"), 0.0, 0.6, polyphony=6, attack_s=0.25, aliases=("pad", "warm_pad")),
    Instrument("synth_lead", "Synth Lead", "synth", 81, (36, 96), (48, 84), "treble", ("melody", "ostinato", "counter"), 0.1, 0.3, aliases=("lead",)),
    Instrument("synth_bass", "Synth Bass", "synth", 38, (24, 60), (26, 52), "bass", ("bass", "ostinato"), 0.0, 0.1, aliases=("bass_synth",)),
    # strings ---------------------------------------------------------------------------------------------------------
    Instrument("violins_1", "Violins I", "strings", 48, (55, 98), (57, 91), "treble", ("melody", "ostinato", "harmony", "counter", "pad"), -0.5, 0.2, polyphony=2, attack_s=0.08, aliases=("violins", "first_violins", "violins_i"), techniques=("pizzicato", "tremolo")),
    Instrument("violins_2", "Violins II", "strings", 48, (55, 93), (55, 84), "treble", ("counter", "harmony", "ostinato", "pad", "melody"), -0.25, 0.25, polyphony=2, attack_s=0.08, aliases=("second_violins", "violins_ii"), techniques=("pizzicato", "tremolo")),
    Instrument("violas", "Violas", "strings", 48, (48, 86), (48, 77), "alto", ("harmony", "ostinato", "counter", "pad"), 0.15, 0.3, polyphony=2, attack_s=0.08, techniques=("pizzicato", "tremolo")),
    Instrument("cellos", "Cellos", "strings", 48, (36, 76), (36, 69), "bass", ("bass", "counter", "melody", "harmony", "pad"), 0.4, 0.25, polyphony=2, attack_s=0.08, aliases=("celli",), techniques=("pizzicato", "tremolo")),
    Instrument("contrabasses", "Contrabasses", "strings", 43, (28, 60), (28, 55), "bass", ("bass",), 0.55, 0.35, 12, attack_s=0.05, aliases=("basses", "double_basses"), techniques=("pizzicato", "tremolo")),
    Instrument("violin", "Violin", "strings", 40, (55, 100), (55, 91), "treble", ("melody", "counter", "ostinato", "harmony"), -0.2, 0.1, polyphony=2, attack_s=0.04, aliases=("solo_violin", "fiddle"), techniques=("pizzicato",)),
    Instrument("violin_2", "Violin II", "strings", 40, (55, 100), (55, 91), "treble", ("counter", "harmony", "ostinato", "melody"), -0.05, 0.15, polyphony=2, attack_s=0.04, aliases=("violin_ii", "second_violin", "solo_violin_2"), techniques=("pizzicato",)),
    Instrument("viola", "Viola", "strings", 41, (48, 88), (48, 79), "alto", ("counter", "melody", "harmony", "ostinato"), 0.1, 0.1, polyphony=2, attack_s=0.04, aliases=("solo_viola",), techniques=("pizzicato",)),
    Instrument("cello", "Cello", "strings", 42, (36, 79), (36, 72), "bass", ("melody", "bass", "counter", "ostinato", "harmony"), 0.15, 0.1, polyphony=2, attack_s=0.04, aliases=("solo_cello", "violoncello"), techniques=("pizzicato",)),
    Instrument("contrabass", "Contrabass", "strings", 43, (28, 62), (28, 55), "bass", ("bass", "ostinato"), 0.3, 0.2, 12, attack_s=0.05, aliases=("bass", "double_bass", "upright_bass"), techniques=("pizzicato",)),
    Instrument("tremolo_strings", "Tremolo Strings", "strings", 44, (40, 96), (43, 86), "treble", ("pad", "harmony"), 0.0, 0.35, polyphony=4, attack_s=0.05),
    Instrument("pizzicato_strings", "Pizzicato Strings", "strings", 45, (36, 91), (40, 84), "treble", ("ostinato", "bass", "melody", "harmony"), 0.0, 0.3, polyphony=4, decays=True, aliases=("pizzicato",)),
)
# fmt: on

_STRINGS = ("violins_1", "violins_2", "violas", "cellos", "contrabasses")
_BRASS = ("horns", "trumpets", "trombones", "tuba")
_WINDS = ("flute", "oboe", "clarinet", "bassoon")

#: families and ensembles: one word for several instruments
ENSEMBLES: dict[str, tuple[str, ...]] = {
    "strings": _STRINGS,
    "brass": _BRASS,
    "woodwinds": _WINDS,
    "percussion": ("timpani", "percussion_kit"),
    "synth": ("synth_pad", "synth_lead", "synth_bass"),
    "orchestra": (*_WINDS, *_BRASS, "timpani", "percussion_kit", "harp", *_STRINGS),
    "chamber": ("flute", "clarinet", "horns", "violin", "viola", "cello", "contrabass"),
    "string_trio": ("violin", "viola", "cello"),
    "string_quartet": ("violin", "violin_2", "viola", "cello"),
    "piano_trio": ("violin", "cello", "piano"),
    "piano_quartet": ("violin", "viola", "cello", "piano"),
    "piano_quintet": ("violin", "violin_2", "viola", "cello", "piano"),
    "wind_quintet": ("flute", "oboe", "clarinet", "horns", "bassoon"),
    "hybrid": ("synth_pad", "synth_bass", "drums", *_STRINGS, "horns", "trombones"),
    "horror": ("tremolo_strings", "violins_1", "cellos", "contrabasses", "celesta", "trombones", "choir"),
    "comedy": ("clarinet", "bassoon", "xylophone", "pizzicato_strings", "tuba"),
    "noir": ("muted_trumpet", "alto_sax", "piano", "vibraphone", "contrabass", "drums"),
    "jazz": ("alto_sax", "trumpets", "piano", "contrabass", "drums"),
    "folk": ("violin", "accordion", "guitar", "contrabass"),
    "western": ("trumpets", "guitar", "solo_voice", *_STRINGS),
    "epic": (*_BRASS, "timpani", "percussion_kit", "choir", *_STRINGS),
    "fantasy": ("flute", "horns", "celesta", "harp", "choir", *_STRINGS),
    "romance": ("oboe", "piano", *_STRINGS),
    "baroque": ("recorder", "harpsichord", "violin", "violin_2", "cello"),
    "electronic": ("synth_pad", "synth_lead", "synth_bass", "electric_piano", "drums"),
}
_ENSEMBLE_ALIASES = {"string": "strings", "winds": "woodwinds", "woodwind": "woodwinds", "wind": "woodwinds", "synths": "synth", "synthesizer": "synth", "orchestral": "orchestra", "string_orchestra": "strings"}  # fmt: skip


def _aliases() -> dict[str, str]:
    return {alias: row.id for row in INSTRUMENTS.values() for alias in row.aliases}


def known_names() -> tuple[str, ...]:
    """Every word `--instruments` understands."""
    return tuple(sorted({*INSTRUMENTS, *_aliases(), *ENSEMBLES, *_ENSEMBLE_ALIASES}))


def expand(names: Iterable[str]) -> tuple[Instrument, ...]:
    """The instruments behind names, families and ensembles, in score order (woodwinds, brass, … strings).

    Raises InstrumentError for an empty, unknown or doubled name, naming the nearest known ones.
    """
    names = list(names)
    chosen: list[str] = []
    seen_words: set[str] = set()
    for name in names:
        word = name.strip().lower().replace(" ", "_").replace("-", "_")
        if not word:
            raise InstrumentError("an instrument name is empty", "Write e.g. --instruments strings,brass.")
        word = _ENSEMBLE_ALIASES.get(word, _aliases().get(word, word))
        if word in seen_words:
            raise InstrumentError(f"instrument {name.strip()!r} is named twice", "Name each instrument once.")
        seen_words.add(word)
        if word not in INSTRUMENTS and word not in ENSEMBLES:
            hint = nearest(word, known_names()) or "`doctor` lists all names."
            raise InstrumentError(f"unknown instrument {name.strip()!r}", hint)
        # an instrument that an ensemble named earlier already brings is not a mistake
        chosen += [i for i in ENSEMBLES.get(word, (word,)) if i not in chosen]
    order = list(INSTRUMENTS)
    return tuple(INSTRUMENTS[i] for i in sorted(chosen, key=order.index))
