"""Staves: how each instrument's page looks: abbreviation, clefs, one staff or two.

Conventions
-----------
Abbreviations after Gould, *Behind Bars* (2011), "Score layout". Pitches here are *written* MIDI pitches.
A clef changes only where the bars it saves are worth it: cost = ledger lines a chord, plus a price for every change (Viterbi over bars).
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.instruments import Instrument

_ABBREVIATIONS = {
    "piccolo": "Picc.", "flute": "Fl.", "oboe": "Ob.", "english_horn": "E. Hn.", "clarinet": "Cl.", "bassoon": "Bsn.", "alto_sax": "A. Sax.",
    "recorder": "Rec.", "horns": "Hn.", "trumpets": "Tpt.", "muted_trumpet": "Tpt.", "trombones": "Tbn.", "tuba": "Tba.", "timpani": "Timp.",
    "percussion_kit": "Perc.", "drums": "Dr.", "glockenspiel": "Glock.", "xylophone": "Xyl.", "marimba": "Mar.", "vibraphone": "Vib.",
    "celesta": "Cel.", "music_box": "M. Box", "tubular_bells": "T. Bells", "piano": "Pno.", "electric_piano": "E. Pno.", "harpsichord": "Hpschd.",
    "organ": "Org.", "accordion": "Acc.", "harp": "Hp.", "guitar": "Gtr.", "steel_guitar": "S. Gtr.", "electric_guitar": "E. Gtr.",
    "bass_guitar": "B. Gtr.", "choir": "Ch.", "solo_voice": "Voice", "synth_pad": "Syn. Pad", "synth_lead": "Syn. Ld.", "synth_bass": "Syn. B.",
    "violins_1": "Vln. I", "violins_2": "Vln. II", "violas": "Vla.", "cellos": "Vc.", "contrabasses": "Cb.", "violin": "Vln.",
    "violin_2": "Vln. 2", "viola": "Vla.", "cello": "Vc.", "contrabass": "Cb.", "tremolo_strings": "Str. trem.", "pizzicato_strings": "Str. pizz.",
}  # fmt: skip

#: read from two staves always …
_TWO_STAVES = ("piano", "electric_piano", "harpsichord", "organ", "harp")
#: … or where they play low as well as high
_TWO_STAVES_IF_WIDE = ("celesta", "marimba", "vibraphone", "accordion", "choir", "synth_pad", "tremolo_strings", "pizzicato_strings")
_LOW, _HIGH = 53, 62

#: clef → diatonic steps above C0 of its bottom and top line
_LINES = {"treble": (30, 38), "alto": (24, 32), "tenor": (22, 30), "bass": (18, 26), "percussion": (30, 38)}
#: what else a player of that clef reads
_OTHERS = {
    "violas": ("treble",), "viola": ("treble",), "cellos": ("tenor", "treble"), "cello": ("tenor", "treble"), "bassoon": ("tenor",),
    "trombones": ("tenor",), "contrabass": ("tenor",), "contrabasses": ("tenor",), "upper": ("bass",), "lower": ("treble",),
    "synth_bass": ("treble",), "synth_pad": ("bass",), "choir": ("bass",), "marimba": ("bass",), "tremolo_strings": ("bass",),
    "pizzicato_strings": ("bass",), "accordion": ("bass",), "synth_lead": ("bass",),
}  # fmt: skip
#: ledger lines that a change of clef must save, for one player and for a hand of a keyboard; and every bar away from home
_CHANGE, _CHANGE_OF_HAND, _AWAY = 12.0, 7.0, 0.8


def staff_name(name: str) -> str:
    """Name at the first system, with a true flat sign: "Clarinet in B♭"."""
    return name[:-1] + "♭" if name.endswith((" in Bb", " in Eb", " in Ab")) else name


def abbreviation(instrument: Instrument) -> str:
    """Name at the second and later systems."""
    return _ABBREVIATIONS.get(instrument.id, instrument.name[:4] + ".")


def has_two_staves(instrument: Instrument, pitches: Sequence[int]) -> bool:
    """Whether a part of these sounding pitches is read from two staves."""
    if instrument.id in _TWO_STAVES:
        return True
    return instrument.id in _TWO_STAVES_IF_WIDE and bool(pitches) and min(pitches) < _LOW and max(pitches) > _HIGH


def clefs(instrument: Instrument, staff: int, staves: int, bars: Sequence[Sequence[int]]) -> list[str]:
    """The clef of every bar of a staff (0 the upper), from the diatonic steps above C0 of the notes in each bar."""
    own, who = instrument.clef, instrument.id
    if staves == 2:
        own, who = ("treble", "upper") if staff == 0 else ("bass", "lower")
    choice = (own, *(clef for clef in _OTHERS.get(who, ()) if clef != own))
    if len(choice) == 1:
        return [own] * len(bars)
    change = _CHANGE_OF_HAND if staves == 2 else _CHANGE
    totals = [0.0 if clef == own else change for clef in choice]
    back: list[list[int]] = []
    for steps in bars:
        # of two ways that cost the same the one that changes later: not in a bar of rest
        came = [min(range(len(choice)), key=lambda j: totals[j] + (change - 1e-6 if i != j else 0.0)) for i in range(len(choice))]
        own_cost = [_ledgers(clef, steps) + (_AWAY if clef != own and steps else 0.0) for clef in choice]
        totals = [totals[j] + (change if i != j else 0.0) + own_cost[i] for i, j in enumerate(came)]
        back.append(came)
    at = min(range(len(choice)), key=lambda i: totals[i])
    way: list[str] = []
    for came in reversed(back):
        way.append(choice[at])
        at = came[at]
    return way[::-1]


def _ledgers(clef: str, steps: Sequence[int]) -> float:
    """Ledger lines of a bar's notes; beyond two they weigh double."""
    bottom, top = _LINES[clef]
    total = 0.0
    for step in steps:
        lines = max(0, bottom - step, step - top) // 2
        total += lines + max(0, lines - 2)
    return total
