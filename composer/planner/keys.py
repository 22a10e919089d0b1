"""Keys: a home that lies well for who plays, and for every section the key that its change of feeling asks for.

The mode is the mood's own, and moods sit on the circumplex: from bright to dark lydian, major, mixolydian, dorian, minor, phrygian
(Gabrielsson & Lindström 2010; table in docs/planning.md). Between sections of one cue (Schoenberg's regions, *Structural Functions of
Harmony*, 1954; for film, Lehman, *Hollywood Harmony*, 2018):

* little changes: the key goes on;
* brighter: up a fifth, or from minor to the relative or parallel major; darker: down a fifth, or to the relative or parallel minor;
* the step into a climax: up a whole tone; a shock: a chromatic mediant, without preparation;
* a theme that returns brings its key along where the mode allows; the last section comes home.

A close key is entered over a pivot (a chord both know, then the new dominant) where the change is gentle, else directly.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from composer.instruments import INSTRUMENTS
from composer.plan import Form
from composer.theory.keys import Key

#: tonics that lie well: strings like open strings (sharps), winds and brass flats, keyboards whatever is near C
_STRINGS = {"major": "D G A C F E Bb", "minor": "D A E G B C"}
_WINDS = {"major": "Bb F Eb C G Ab D", "minor": "G C D F A Bb"}
_KEYS = {"major": "C F G D Bb Eb A", "minor": "A D E C G F"}
_PITCH = {"C": 0, "Db": 1, "D": 2, "Eb": 3, "E": 4, "F": 5, "F#": 6, "G": 7, "Ab": 8, "A": 9, "Bb": 10, "B": 11}
#: keys stray no further from home than so many sharps or flats, but for shocks and the step into a climax
_STRAYS = 3
#: the feeling moves this far (on the circumplex) before a key does, and this far in a shock
_STAYS, _SHOCK = 0.22, 0.65


@dataclass(frozen=True)
class Feeling:
    """What the choice of a key has to know of a section."""

    #: id of its cue
    cue: str
    valence: float
    arousal: float
    #: mode of its mood
    mode: str
    form: Form
    theme: str


@dataclass(frozen=True)
class Chosen:
    """A section's key and how it is entered."""

    key: Key
    #: "" (the key goes on, or the music begins), "pivot" or "direct"
    modulation: str
    #: a few words
    why: str


def home_tonic(mode: str, instruments: Sequence[str], rng: random.Random) -> int:
    """A tonic for the whole film, one that lies well for most of who plays."""
    families = [INSTRUMENTS[name].family for name in instruments]
    strings = sum(family == "strings" for family in families)
    winds = sum(family in ("brass", "woodwinds") for family in families)
    table = _STRINGS if strings and strings >= winds else _WINDS if winds else _KEYS
    names = table["minor" if Key(0, mode).is_minor else "major"].split()
    weights = [1.0 / (1.0 + 0.25 * i) for i in range(len(names))]
    return _PITCH[rng.choices(names, weights)[0]]


def section_keys(sections: Sequence[Feeling], home: Key, rng: random.Random) -> list[Chosen]:
    """The key of every section of a film whose home key is `home`."""
    chosen: list[Chosen] = []
    of_theme: dict[str, int] = {}
    tonic = home.tonic
    for i, here in enumerate(sections):
        before = sections[i - 1] if i else None
        closes = i + 1 == len(sections) or sections[i + 1].cue != here.cue
        if before is None:
            one = _first(home, here.mode, rng)
        elif before.cue != here.cue:
            back = tonic if closes else of_theme.get(here.theme, tonic)
            one = Chosen(Key(back, here.mode), "", "the theme's own key" if back != tonic else "home again, a new cue")
        else:
            one = _next(chosen[-1].key, before, here, home, of_theme, rng, closes=closes)
        of_theme.setdefault(here.theme, one.key.tonic)
        chosen.append(one)
    return chosen


def _first(home: Key, mode: str, rng: random.Random) -> Chosen:
    """How the film begins: at home, or next door where it begins in another light."""
    if Key(0, mode).is_minor == home.is_minor:
        return Chosen(Key(home.tonic, mode), "", "home")
    step = rng.choice((0, 3, 3) if home.is_minor else (0, 9, 9))
    return Chosen(Key((home.tonic + step) % 12, mode), "", "the relative of home" if step else "home in another light")


def _next(key: Key, before: Feeling, here: Feeling, home: Key, of_theme: dict[str, int], rng: random.Random, *, closes: bool) -> Chosen:
    """The key after `key`."""
    brighter, moved = here.valence - before.valence, math.hypot(here.valence - before.valence, here.arousal - before.arousal)
    same = Key(key.tonic, here.mode)
    if closes:
        return _entered(key, Key(home.tonic, here.mode), moved, "home")
    back = Key(of_theme.get(here.theme, key.tonic), here.mode)
    if here.theme != before.theme and back.tonic != key.tonic and relation(key, back) not in ("step", "far"):
        return _entered(key, back, moved, "where its theme belongs")
    if same.is_minor == key.is_minor:
        return _of_one_gender(key, same, before, here, brighter, moved, home, rng)
    ways = _TO_MINOR if same.is_minor else _TO_MAJOR
    weights = [w if moved < _SHOCK else shocking for _, _, w, shocking in ways]
    near = [0.1 if distance(home, Key((key.tonic + step) % 12, here.mode)) > _STRAYS else 1.0 for step, _, _, _ in ways]
    step, why, _, _ = rng.choices(ways, [w * n for w, n in zip(weights, near, strict=True)])[0]
    return _entered(key, Key((key.tonic + step) % 12, here.mode), moved, why)


#: from major to minor and back: semitones up, words, weight, weight in a shock
_TO_MINOR = ((9, "the relative minor", 3, 1), (0, "the parallel minor", 2, 3), (2, "the minor of the second degree", 1, 0), (4, "a minor third relation", 0, 1))  # fmt: skip
_TO_MAJOR = ((3, "the relative major", 3, 1), (0, "the parallel major", 2, 3), (8, "the major on the sixth", 1, 1), (5, "the major of the fourth degree", 0, 1))  # fmt: skip


def _of_one_gender(
    key: Key, same: Key, before: Feeling, here: Feeling, brighter: float, moved: float, home: Key, rng: random.Random
) -> Chosen:
    """Major to major, or minor to minor."""
    rising = here.arousal - before.arousal
    if here.form == "climax" and rising > 0.15 and before.form in ("build", "opening"):
        return _entered(key, Key((key.tonic + 2) % 12, here.mode), moved, "up a whole tone into the climax")
    if distance(home, same) > _STRAYS and moved < _SHOCK:
        near = min((0, 5, 7), key=lambda step: distance(home, Key((key.tonic + step) % 12, here.mode)))
        return _entered(key, Key((key.tonic + near) % 12, here.mode), moved, "back towards home")
    if moved < _STAYS and rng.random() < 0.75:
        return _entered(key, same, moved, "the same tonic in another light")
    if moved >= _SHOCK:
        step = rng.choice((8, 4) if brighter < 0 else (4, 3, 8))
        return _entered(key, Key((key.tonic + step) % 12, here.mode), moved, "a chromatic mediant for the shock")
    up, down = (7, "up a fifth, brighter"), (5, "down a fifth, darker")
    step, why = up if brighter > 0 or rising > 0.25 else down
    if distance(home, Key((key.tonic + step) % 12, here.mode)) > _STRAYS:
        step = min((0, 5, 7), key=lambda way: distance(home, Key((key.tonic + way) % 12, here.mode)))
        why = "back towards home" if step else "the key goes on, far enough from home"
    return _entered(key, Key((key.tonic + step) % 12, here.mode), moved, why)


def _entered(key: Key, new: Key, moved: float, why: str) -> Chosen:
    """A close key over a pivot where the change is gentle, else directly."""
    if new == key:
        return Chosen(new, "", "the key goes on")
    if new.tonic == key.tonic:  # nothing to prepare: the tonic stays
        return Chosen(new, "" if new.is_minor == key.is_minor else "direct", why)
    gentle = moved < _SHOCK and distance(key, new) <= 1
    return Chosen(new, "pivot" if gentle else "direct", why)


def distance(one: Key, other: Key) -> int:
    """How many sharps or flats the signatures of two keys differ by, 0…6."""
    apart = (one.fifths - other.fifths) % 12
    return min(apart, 12 - apart)


def relation(one: Key, other: Key) -> str:
    """Name of what two keys are to each other: same, relative, parallel, fifth, mediant, step, far."""
    if one.tonic == other.tonic:
        return "same" if one.is_minor == other.is_minor else "parallel"
    step = (other.tonic - one.tonic) % 12
    if one.is_minor != other.is_minor and step == (3 if one.is_minor else 9):
        return "relative"
    if step in (5, 7):
        return "fifth"
    return "mediant" if step in (3, 4, 8, 9) else "step" if step in (2, 10) else "far"
