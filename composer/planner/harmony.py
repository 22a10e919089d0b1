"""Harmony of a section: a mood's progression, phrased in fours, closed by a cadence, moved where a hit asks for a new chord."""

from __future__ import annotations

import random
import re

from composer.theory.chords import bar_chords, is_cadence
from composer.theory.keys import Key
from composer.theory.moods import Mood


def section_chords(mood: Mood, key: Key, bars: int, rng: random.Random, *, is_last: bool) -> tuple[str, ...]:
    """One roman-numeral entry per bar (bars,), ending in a cadence: closing when `is_last`, else often open."""
    entries: list[str] = []
    lines = [_in_gender(line, mood, key) for line in mood.progressions]
    first = rng.choice(lines)
    others = [line for line in lines if line != first] or [first]
    phrase = 0
    while len(entries) < bars:
        # A A B A: the ear needs a return more than news
        line = rng.choice(others) if phrase % 4 == 2 else first
        entries += line
        phrase += 1
    entries = entries[:bars]
    _close(entries, mood, key, rng, is_last)
    return tuple(entries)


def _close(entries: list[str], mood: Mood, key: Key, rng: random.Random, is_last: bool) -> None:
    """Put the closing formula on the last bars (in one bar when there is only one)."""
    closing, *leading = mood.cadences
    before, final = _in_gender(closing if is_last or rng.random() < 0.35 else rng.choice(leading or [closing]), mood, key)
    if len(entries) == 1:
        entries[0] = f"{before} {final}"
        return
    entries[-2:] = [before, final]
    if len(entries) > 2 and entries[-3] == before:
        entries[-3] = "i" if key.is_minor else "I"


# fmt: off
_TO_MINOR = {"I": "i", "IV": "iv", "vi": "VI", "iii": "III", "ii": "iio", "I6": "i6", "IV6": "iv6", "Iadd9": "i", "ii7": "iiø7", "ii65": "iiø65", "bVI": "VI", "bVII": "VII", "bIII": "III", "V7/ii": "V7/iv"}
_TO_MAJOR = {"i": "I", "iv": "IV", "VI": "vi", "III": "iii", "iio6": "ii6", "iv6": "IV6", "v6": "V6", "v": "V", "VII": "bVII", "i42": "Imaj7", "bv": "IV", "vo": "V", "bvi": "bVI"}
# fmt: on


def _in_gender(line: tuple[str, ...], mood: Mood, key: Key) -> tuple[str, ...]:
    """A mood's line in a key of the other gender (asked by the user): every chord in its parallel form; else the line itself."""
    if Key(0, mood.mode).is_minor == key.is_minor:
        return line
    swaps = dict(_TO_MINOR if key.is_minor else _TO_MAJOR)
    if key.mode == "mixolydian":
        swaps["VII"] = "VII"
    if "V7/ii" in line:
        swaps["ii"] = "iv"  # the chord the secondary dominant leads to
    return tuple(" ".join(swaps.get(symbol, symbol) for symbol in entry.split()) for entry in line)


def change_at(entries: list[str], bar: int, beat: float, beats: float, key: Key, rng: random.Random) -> None:
    """Make the harmony change exactly at a beat (from 1) of a bar (index): a hard hit is a new chord.

    Entries share their bar evenly, so a change on beat 4 of 4/4 is written "i i i VI".
    """
    here = entries[bar].split()
    if beat == 1.0:
        if bar > 0 and _same(entries[bar - 1].split()[-1], here[0]) and len(here) == 1 and bar < len(entries) - 1:
            entries[bar] = _another(here[0], key, rng)
        return
    slots, place = round(beats), round(beat - 1)
    if len(here) > 1 or slots < 2 or abs(beat - 1 - place) > 1e-6 or bar == len(entries) - 1:
        return
    following = entries[bar + 1].split()[0]
    new = following if not _same(following, here[0]) else _another(here[0], key, rng)
    if 2 * place == slots:
        entries[bar] = f"{here[0]} {new}"
    else:
        entries[bar] = " ".join([here[0]] * place + [new] * (slots - place))
    if following == new and len(entries[bar + 1].split()) == 1 and bar + 1 < len(entries) - 2:
        entries[bar + 1] = _another(new, key, rng)


def _another(symbol: str, key: Key, rng: random.Random) -> str:
    """A common neighbour of a chord in the key."""
    return rng.choice([other for other in _NEIGHBOURS[key.mode] if not _same(other, symbol)])


def _same(one: str, other: str) -> bool:
    """Whether two numerals are one chord to the ear: I and I6 do not differ enough to mark anything."""
    return _numeral(one) == _numeral(other)


def _numeral(symbol: str) -> str:
    match = re.match(r"[b#]?[IViv]+", symbol)
    return match.group() if match else symbol


#: chords that follow one another freely, by mode
_NEIGHBOURS = {
    "major": ("I", "IV", "vi", "V", "iii"),
    "minor": ("i", "iv", "VI", "III", "VII"),
    "dorian": ("i", "IV", "III", "VII", "v"),
    "phrygian": ("i", "bII", "VI", "iv", "III"),
    "lydian": ("I", "II", "vi", "V", "iii"),
    "mixolydian": ("I", "IV", "VII", "v", "vi"),
}


def ends_in_cadence(entries: tuple[str, ...], key: Key) -> str | None:
    """Name of the cadence at the end of a section's chords, or None."""
    flat = [chord for entry in entries for chord in bar_chords(entry, key)]
    distinct = [c for i, c in enumerate(flat) if i == 0 or (c.root, c.intervals) != (flat[i - 1].root, flat[i - 1].intervals)]
    return is_cadence(distinct[-2], distinct[-1], key) if len(distinct) > 1 else None
