"""What a chord does in its key: functions after Riemann as Aldwell & Schachter teach them, and the cadences that end phrases.

Chromatic chords are named after their film use (Lehman, *Hollywood Harmony*, 2018: chromatic mediants, tritone poles) or the school's
names (Neapolitan, borrowed, dominant of …). Every legal chord has a name; none holds a comma.
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.theory.chords import Chord, bar_chords, is_cadence
from composer.theory.keys import Key

_MAJOR, _MINOR, _ANY, _DIM = "major", "minor", "", "dim"
#: (semitones above the tonic, gender of the chord) → name, in keys with a major third …
_IN_MAJOR = {
    (0, _MINOR): "borrowed tonic", (0, _DIM): "common-tone diminished", (0, _ANY): "tonic",
    (1, _DIM): "leading-note chord of ii", (1, _ANY): "Neapolitan",
    (2, _MAJOR): "dominant of V", (2, _DIM): "borrowed subdominant", (2, _ANY): "subdominant",
    (3, _ANY): "chromatic mediant", (3, _DIM): "passing diminished",
    (4, _MAJOR): "chromatic mediant", (4, _DIM): "leading-note chord of IV", (4, _ANY): "mediant",
    (5, _MINOR): "borrowed subdominant", (5, _ANY): "subdominant",
    (6, _DIM): "leading-note chord of V", (6, _ANY): "tritone pole",
    (7, _MINOR): "minor dominant", (7, _ANY): "dominant",
    (8, _ANY): "chromatic mediant", (8, _DIM): "leading-note chord of vi",
    (9, _MAJOR): "chromatic mediant", (9, _DIM): "borrowed subdominant", (9, _ANY): "submediant",
    (10, _MAJOR): "borrowed subtonic", (10, _ANY): "borrowed subtonic",
    (11, _MAJOR): "chromatic dominant", (11, _DIM): "dominant", (11, _ANY): "chromatic dominant",
}  # fmt: skip
#: … and with a minor one
_IN_MINOR = {
    (0, _MAJOR): "picardy tonic", (0, _DIM): "common-tone diminished", (0, _ANY): "tonic",
    (1, _ANY): "Neapolitan",
    (2, _MAJOR): "dominant of V", (2, _ANY): "subdominant",
    (3, _MINOR): "chromatic mediant", (3, _ANY): "mediant", (3, _DIM): "passing diminished",
    (4, _DIM): "leading-note chord of iv", (4, _ANY): "chromatic mediant",
    (5, _MAJOR): "borrowed subdominant", (5, _ANY): "subdominant",
    (6, _DIM): "leading-note chord of V", (6, _ANY): "tritone pole",
    (7, _MINOR): "minor dominant", (7, _DIM): "diminished dominant", (7, _ANY): "dominant",
    (8, _MINOR): "chromatic mediant", (8, _ANY): "submediant", (8, _DIM): "passing diminished",
    (9, _DIM): "raised submediant", (9, _ANY): "chromatic mediant",
    (10, _ANY): "subtonic", (10, _DIM): "passing diminished",
    (11, _DIM): "dominant", (11, _ANY): "chromatic dominant",
}  # fmt: skip
#: what a dominant seventh on other degrees than the fifth is
_SEVENTHS = {
    0: "dominant of IV",
    1: "tritone substitute",
    2: "dominant of V",
    8: "augmented sixth",
    9: "dominant of ii",
    4: "dominant of vi",
}
#: what is a mode's own colour and no chromaticism there
_IN_MODE = {
    "dorian": {(5, _MAJOR): "dorian subdominant", (2, _MINOR): "dorian second"},
    "phrygian": {(1, _ANY): "phrygian second", (10, _MINOR): "subtonic"},
    "lydian": {(2, _MAJOR): "lydian second", (2, _ANY): "lydian second", (6, _DIM): "lydian fourth"},
    "mixolydian": {(10, _MAJOR): "subtonic", (10, _ANY): "subtonic", (7, _MINOR): "minor dominant"},
}


def chord_function(chord: Chord, key: Key) -> str:
    """A few words for what a chord does: tonic, subdominant, dominant of iv, Neapolitan, subdominant over tonic pedal, …"""
    colour = {(0, 7): "open ", (0, 5, 10): "quartal "}.get(chord.intervals, "")
    if not colour and chord.third is None:
        colour = "suspended "
    if 8 in chord.intervals and 4 in chord.intervals:
        colour = "augmented "
    return f"{colour}{_base(chord, key)}{_pedal(chord, key)}"


def _base(chord: Chord, key: Key) -> str:
    head, *after = chord.symbol.split("/")
    step = (chord.root - key.tonic) % 12
    if after and not after[0].lstrip("b#")[0].isdigit() and chord.symbol[0] in "VviIb#" and step != 7:
        return f"{'leading-note chord' if head.startswith('vii') else 'dominant'} of {after[0]}"
    if step == 0 and chord.bass == (key.tonic + 7) % 12 and chord.third is not None:
        return "cadential six-four"
    if 10 in chord.intervals and 4 in chord.intervals and step in _SEVENTHS and (step, key.mode) != (0, "mixolydian"):
        return _SEVENTHS[step].replace("IV", "iv" if key.is_minor else "IV")
    gender = _MINOR if chord.is_minor else _MAJOR if chord.third is not None else _ANY
    if chord.is_minor and 6 in chord.intervals and 7 not in chord.intervals:
        gender = _DIM
    table = {**(_IN_MINOR if key.is_minor else _IN_MAJOR), **_IN_MODE.get(key.mode, {})}
    return table.get((step, gender)) or table[step, _ANY]


def _pedal(chord: Chord, key: Key) -> str:
    """The words for a bass that stays while the chords move: a degree written below the chord, or a note foreign to it."""
    written = chord.symbol.rpartition("/")[2].lstrip("b#").isdigit()
    if not written and chord.bass in chord.pitch_classes:
        return ""
    step = (chord.bass - key.tonic) % 12
    if chord.bass == chord.root or (step == 7 and chord.root == key.tonic):
        return ""
    return f" over {({0: 'tonic', 7: 'dominant'}).get(step, key.pitch_name(chord.bass))} pedal"


def function_names(entry: str, key: Key) -> str:
    """The functions of a bar's chords, in order, as many as chords, with commas between."""
    return ", ".join(chord_function(chord, key) for chord in bar_chords(entry, key))


def cadence_names(chords: Sequence[str], key: Key, phrases: Sequence[int]) -> tuple[str, ...]:
    """The cadence at the end of every phrase (bars of each), "" where there is none."""
    found, end = [], 0
    for bars in phrases:
        end += bars
        found.append(last_cadence(chords[max(0, end - bars) : end], key) or "")
    return tuple(found)


def last_cadence(chords: Sequence[str], key: Key) -> str | None:
    """Name of the cadence that the last two different chords of some bars make, or None."""
    flat = [chord for entry in chords for chord in bar_chords(entry, key)]
    distinct = [c for i, c in enumerate(flat) if i == 0 or (c.root, c.intervals) != (flat[i - 1].root, flat[i - 1].intervals)]
    return is_cadence(distinct[-2], distinct[-1], key) if len(distinct) > 1 else None
