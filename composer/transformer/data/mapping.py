"""Which instrument of our table a MIDI track means, from its name, its General MIDI program and what the score says of itself.

Names beat programs in engraved scores (OpenScore's "Alto Trombone" carries a voice's program); programs beat names in game music, where
names are free text. Programs are General MIDI 1, counted from 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from composer.instruments import INSTRUMENTS

KEYBOARDS = frozenset({"piano", "organ", "harpsichord", "electric_piano", "harp", "celesta", "accordion"})
#: from this many sounding tracks on a score is an orchestra's: sections instead of soloists
ORCHESTRA_TRACKS = 8

#: first match wins; "voice" and "violin" are settled later by the company they keep
_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"english horn|cor anglais|corno inglese", "english_horn"),
        (r"trombon|posaune", "trombones"),
        (r"trumpet|tromba|trombe|trompete|clarino|cornet", "trumpets"),
        (r"\btuba|ophicle", "tuba"),
        (r"bassoon|fagott|basson\b", "bassoon"),
        (r"clarinet|klarinette|basset", "clarinet"),
        (r"oboe|hautbois", "oboe"),
        (r"piccolo|ottavino", "piccolo"),
        (r"flute|flûte|traverso|flauto|flöte", "flute"),
        (r"recorder|blockfl", "recorder"),
        (r"\bhorns?\b|\bcorn[oi]|waldhorn", "horns"),
        (r"timpani|pauken|timbales", "timpani"),
        (r"triangle|cymbal|percussion|snare|bass drum|tambour", "percussion_kit"),
        (r"harpsichord|cembalo|continuo|clavecin", "harpsichord"),
        (r"\borgan\b|orgue|orgel", "organ"),
        (r"\bharp\b|\bharfe|\bharpe", "harp"),
        (r"guitar", "guitar"),
        (r"piano|klavier", "piano"),
        (r"violone|contrabass|double ?bass|kontrabass", "contrabass"),
        (r"cello|violonc", "cello"),
        (r"viola|bratsche", "viola"),
        (r"violin|violon|\bvl_", "violin"),
        (
            r"voice|voix|singst|gesang|chant|canto|soprano|\balto\b|contralto|t[eé]nor|baryton|baritone|\bbass\b|\bbasso\b|mezzo|choir|"
            r"chor\b|women|\bmen\b|coro|stimme|sång",
            "voice",
        ),
    )
)

#: program → instrument, or a word that `_by_register` settles
_PROGRAMS: dict[int, str] = {}
for _programs, _instrument in (
    (range(4), "piano"), (range(4, 6), "electric_piano"), (range(6, 8), "harpsichord"), ((8, 15, 112), "celesta"), ((9,), "glockenspiel"),
    ((10, 108), "music_box"), ((11,), "vibraphone"), ((12, 114), "marimba"), ((13,), "xylophone"), ((14,), "tubular_bells"),
    (range(16, 21), "organ"), (range(21, 24), "accordion"), ((24, 104, 105, 106, 107), "guitar"), ((25,), "steel_guitar"),
    (range(26, 32), "electric_guitar"), ((32,), "contrabass"), (range(33, 38), "bass_guitar"), ((38, 39), "synth_bass"), ((40, 110), "violin"),
    ((41,), "viola"), ((42,), "cello"), ((43,), "contrabass"), ((44,), "tremolo_strings"), ((45,), "pizzicato_strings"), ((46,), "harp"),
    ((47, 116, 117), "timpani"), ((48, 49, 50, 51, 55), "strings"), ((52, 53, 54), "voice"), ((56,), "trumpets"), ((59,), "muted_trumpet"),
    ((57,), "trombones"), ((58,), "tuba"), ((60,), "horns"), ((61, 62, 63), "brass"), (range(64, 68), "alto_sax"), ((68, 111), "oboe"),
    ((69,), "english_horn"), ((70, 109), "bassoon"), ((71,), "clarinet"), ((72,), "piccolo"), ((73, 75, 77), "flute"),
    ((74, 76, 78, 79), "recorder"), (range(80, 88), "synth_lead"), (range(88, 104), "synth_pad"), ((113, 115), "xylophone"),
    ((118,), "drums"),
):  # fmt: skip
    _PROGRAMS |= dict.fromkeys(_programs, _instrument)

#: sections by register, lowest comfortable median pitch first
_REGISTERS: dict[str, tuple[tuple[int, str], ...]] = {
    "strings": ((0, "contrabasses"), (43, "cellos"), (55, "violas"), (64, "violins_1")),
    "brass": ((0, "trombones"), (60, "trumpets")),
}
_SECTIONS = {"viola": "violas", "cello": "cellos", "contrabass": "contrabasses"}


@dataclass(frozen=True)
class TrackFacts:
    """What the mapping looks at."""

    name: str
    program: int
    is_drum: bool
    #: median pitch
    median: float


def is_band(facts: Sequence[TrackFacts]) -> bool:
    """Whether this is game or pop music (a kit, electric guitars, synths) and not an engraved score."""
    electric = sum(26 <= f.program <= 39 or 80 <= f.program <= 103 for f in facts if not f.is_drum)
    classical = sum(f.program in (40, 41, 42, 60, 68, 70, 71) for f in facts if not f.is_drum)
    return (any(f.is_drum for f in facts) or electric > 0) and classical < 4


def _by_register(kind: str, median: float) -> str:
    return [name for low, name in _REGISTERS[kind] if median >= low][-1]


def named(text: str) -> str | None:
    """The instrument (or "voice") that words name; None when they name none."""
    low = text.lower()
    return next((kind for pattern, kind in _NAMES if pattern.search(low)), None)


def _kind(fact: TrackFacts, index: int, facts: Sequence[TrackFacts], hinted: Sequence[str], orchestral: bool) -> str | None:
    by_program = None if 119 <= fact.program <= 127 else _PROGRAMS.get(fact.program, "synth_pad")
    by_name = named(fact.name)
    if by_name == "voice" and (by_program in KEYBOARDS or (fact.program in (40, 41, 42, 43) and "voice" not in hinted)):
        by_name = None  # «bass:» is a keyboard's staff, «alto» a viola
    if by_name:
        return by_name
    kinds = set(hinted)
    if kinds and kinds <= KEYBOARDS:  # organ stops set as flutes and clarinets
        return by_program if by_program in kinds else hinted[0]
    if len(kinds) == 1 and hinted[0] not in ("voice", "harpsichord"):
        return hinted[0]
    plucked = by_program in KEYBOARDS or by_program in ("guitar", "timpani")
    if "voice" in kinds and not plucked and by_program not in kinds and not orchestral:
        return "voice"
    if fact.program == 69 and (orchestral or "horns" in kinds):  # Mutopia's brass came out as English horns: horns, then trumpets
        return "trumpets" if index and facts[index - 1].program == 69 and orchestral else "horns"
    free_text = len(fact.name) >= 4 and ":" not in fact.name
    if free_text and fact.program in (41, 56, 68, 69, 70, 73) and len(facts) <= 4 and any(f.program == 0 for f in facts):
        return "voice"  # a role in a song: «Mignon», «Knabe»
    return by_program


def instruments_of(facts: Sequence[TrackFacts], hint: str = "") -> list[str | None]:
    """The instrument id of every track; None for sound effects, which are dropped. `hint` says in words who plays ("Voice, Piano")."""
    if is_band(facts):
        kinds = ["drums" if f.is_drum else (None if 119 <= f.program <= 127 else _PROGRAMS.get(f.program, "synth_pad")) for f in facts]
        orchestral = False
    else:
        orchestral = len(facts) >= ORCHESTRA_TRACKS
        words = [w for w in re.split(r"[,&/:;()]|\band\b|\bor\b", hint.lower()) if w.strip()]
        hinted = [kind for w in words if (kind := named("voice" if "satb" in w else w)) is not None]
        kinds = ["percussion_kit" if f.is_drum else _kind(f, i, facts, hinted, orchestral) for i, f in enumerate(facts)]
    voices = sum(kind == "voice" for kind in kinds)
    violins = [i for i, kind in enumerate(kinds) if kind == "violin"]
    settled: list[str | None] = []
    for i, (fact, kind) in enumerate(zip(facts, kinds, strict=True)):
        solo = bool(re.search(r"\bsolo\b|principal", fact.name.lower()))
        if kind == "voice":
            kind = "solo_voice" if voices == 1 or solo else "choir"
        elif kind in _REGISTERS:
            kind = _by_register(kind, fact.median)
        elif orchestral and not solo and kind == "violin":
            number = re.search(r"(?<!\w)(1|2|3|4|iii|ii|i)(?!\w)", fact.name.lower())
            first = number.group(1) in ("1", "i") if number else violins.index(i) < (len(violins) + 1) // 2
            kind = "violins_1" if first else "violins_2"
        elif orchestral and not solo and kind in _SECTIONS:
            kind = _SECTIONS[kind]
        assert kind is None or kind in INSTRUMENTS
        settled.append(kind)
    return settled


def drum_key(name: str) -> int | None:
    """The General MIDI drum key of an orchestra's percussion part that is written on one line, by its name."""
    low = name.lower()
    table = (("triangle", 81), ("cymbal", 49), ("bass drum", 36), ("gran cassa", 36), ("snare", 38), ("tambour", 54))
    return next((key for word, key in table if word in low), None)
