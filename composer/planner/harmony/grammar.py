"""Which chord may follow which: a weighted grammar for every mode.

Tonic → subdominant → dominant → tonic with prolongations (inversions, passing chords, vi for I), applied dominants and the
Neapolitan, after Aldwell & Schachter, *Harmony and Voice Leading*; the modes after the usage of folk and film music. A step written
``V7/ii 1 @.3`` has weight 1 and is taken from tension 0.3 upwards.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

from composer.theory.chords import Chord, parse_chord
from composer.theory.keys import Key

_MAJOR = """
I: IV 3, V 2, vi 2.5, ii 1.5, ii65 1, V6 1.2, V43 .5, viio6 .3, iii .7, IV6 .4, V65 .5, V7/IV .5 @.2, V7/vi .5 @.3, V65/ii .5 @.25, V7/ii .4 @.25, bVII .3 @.45, iv .3 @.4
I6: IV 2, ii65 1, ii 1, V 1, ii6 1, viio6 .2
vi: IV 2, ii 2, ii65 1, V 1, iii .4, I6 .7, V7/V .6 @.25, IV6 .4, iv .3 @.4
iii: IV 2, vi 2, ii .3
IV: V 2.2, I 1.2, ii 1, I6 1, ii65 .6, V42 .5, viio6 .4, V7 1, iv .5 @.3, viio7/V .4 @.4, bII6 .2 @.6
IV6: V 1.5, V65 .8, I6 .6
ii: V 3, V7 1.5, V65 .5, viio6 .3, V43 .3, viio7/V .3 @.4
ii6: V 2, V7 1
ii65: V 2.5, V7 1.5
V: I 2.5, vi 1.2, I6 .8, IV6 .6, V7/vi .3 @.3
V7: I 3, vi 1
V6: I 2, vi 2, V7/IV .2 @.3
V65: I 3
V43: I6 2, I 1
V42: I6 3
viio6: I 1, I6 1.5
V7/IV: IV 3
V7/vi: vi 3
V7/ii: ii 3
V65/ii: ii 3
V7/V: V 3, V7 1
viio7/V: V 3
iv: I 2, V 1, V7 1
bII6: V 2, V7 1
bVII: IV 2, I 1
"""
_MINOR = """
i: iv 2.5, VI 2.2, V 1.6, iio6 .8, iiø65 .8, III 1, VII 1, V65 .8, V43 .5, v6 1, viio6 .3, V7/iv .5 @.25, V7/VI .3 @.3, viio7 .4 @.5, bII6 .2 @.6
i6: iv 2, iiø65 1, V 1, iio6 1
VI: iv 2, iio6 1, iiø65 1, III 1, V 1, VII .9, bII6 .4 @.5, viio7/V .3 @.5
III: VI 2, iv 1.5, VII 1, iio6 .5
iv: V 2.4, i 1, V7 1, iiø65 .6, VII .8, i6 .7, viio7 .4 @.45, viio7/V .5 @.5
iv6: V 2, V7 .5
iio6: V 2.5, V7 1
iiø65: V 2.5, V7 1.5
VII: III 1.5, i 1, VI 1.2, i6 .4
v6: VI 1.2, iv6 2, iv .6
V: i 2.6, VI 1.2, i6 .8, iv6 .5
V7: i 3, VI 1
V65: i 3
V43: i6 2, i 1
viio6: i6 1.5, i 1
viio7: i 3
V7/iv: iv 3
V7/VI: VI 3
viio7/V: V 3
bII6: V 2, V7 1, viio7 .4 @.5
"""
_DORIAN = """
i: IV 3, VII 2, v 1, III 1.5, ii 1, v6 1, VI .2 @.5
IV: i 2, VII 1.5, v 1, ii .6
VII: IV 2, i 1.5, III 1
III: IV 2, VII 1.5, ii .6
ii: v 1, IV 1, VII .6, V .4
v: i 2, IV 1, VII .5
v6: VII 1, IV 1
V: i 3
VI: VII 1, V 1
"""
_PHRYGIAN = """
i: bII 3, VI 1.5, iv 1.5, vii 1.5, III .8, viio7 .5 @.4
bII: i 2, vii 1, VI .8, III .4, V .4 @.3, iv .5
VI: bII 1.5, vii 1.5, iv 1, III .5
iv: bII 1, i 1, vii .8, VI .5, V .5 @.3
vii: i 2, VI 1, bII 1
III: bII 1.5, vii 1, VI 1
V: i 3, VI 1
viio7: i 3
"""
_LYDIAN = """
I: II 3, V 2, vi 1.5, iii 1, vii .5
II: I 1.5, V 1.2, vi 1, iii .4
V: I 2, vi 1, II 1
vi: II 2, V 1, iii .6
iii: vi 1.5, II 1, V .5
vii: V .7, iii 1, vi 1
"""
_MIXOLYDIAN = """
I: VII 3, IV 2.5, v 1, vi .8, ii .6, bIII .3 @.5
VII: IV 2, I 1.5, v .3, vi .4
IV: I 2, VII 1, v .6, ii .5, V .3
v: IV 1.2, VII 1, I 1, vi .5
vi: IV 1, VII 1, ii .7
ii: v .7, IV 1, VII .8
V: I 2, vi .6
bIII: VII 1, IV 1.5
"""

#: chord → what may follow: (chord, weight, least tension)
Table = dict[str, tuple[tuple[str, float, float], ...]]


def _read(text: str) -> Table:
    table: Table = {}
    for line in text.strip().splitlines():
        chord, _, steps = line.partition(":")
        found = []
        for step in steps.split(","):
            symbol, weight, *least = step.split()
            found.append((symbol, float(weight), float(least[0][1:]) if least else 0.0))
        table[chord] = tuple(found)
    return table


#: the grammar of every mode
GRAMMARS: dict[str, Table] = {
    "major": _read(_MAJOR), "minor": _read(_MINOR), "dorian": _read(_DORIAN),
    "phrygian": _read(_PHRYGIAN), "lydian": _read(_LYDIAN), "mixolydian": _read(_MIXOLYDIAN),
}  # fmt: skip


def tonic_of(key: Key) -> str:
    """The numeral of the tonic triad."""
    return "i" if key.is_minor else "I"


def is_new(before: Chord, after: Chord) -> bool:
    """Whether the ear hears a new chord: another root, or major turned minor; an inversion, a seventh or a suspension is none."""
    if before.root != after.root:
        return True
    return before.third is not None and after.third is not None and before.third != after.third


def differ(one: str, other: str, key: Key) -> bool:
    """`is_new` of two symbols."""
    return is_new(parse_chord(one, key), parse_chord(other, key))


@functools.cache
def _node(symbol: str, key: Key) -> str:
    """The chord of the grammar that a symbol behaves like: itself, else one on the same root, else the tonic."""
    table = GRAMMARS[key.mode]
    if symbol in table:
        return symbol
    root = parse_chord(symbol, key).root
    return next((name for name in table if parse_chord(name, key).root == root), tonic_of(key))


def steps(symbol: str, key: Key, tension: float) -> dict[str, float]:
    """What may follow a chord, with weights; chromatic steps weigh more the tenser it is."""
    found = {}
    for goal, weight, least in GRAMMARS[key.mode][_node(symbol, key)]:
        if tension >= least:
            found[goal] = weight * (0.6 + 1.2 * (tension - least) if least else 1.0)
    return found


def walk(start: str, goal: str, must_change: Sequence[bool], key: Key, tension: float, rng: random.Random) -> list[str] | None:
    """Chords from `start` to just before `goal`: as many as there are flags, which say where (start, the ones between, goal) a new chord
    is needed; the first is not looked at. None when the grammar knows no way.

    Drawn in proportion to the product of the steps' weights, among the ways that arrive.
    """
    count = len(must_change) - 1
    nodes = {name: steps(name, key, tension) for name in {*GRAMMARS[key.mode], start}}

    def may(one: str, other: str, place: int) -> bool:
        return not must_change[place] or differ(one, other, key)

    ahead: list[dict[str, float]] = [{goal: 1.0}]
    for place in range(count, 0, -1):  # weight of all ways from a chord at place − 1 on
        then = ahead[0]
        here = {
            name: sum(w * then.get(after, 0.0) for after, w in follow.items() if may(name, after, place)) for name, follow in nodes.items()
        }
        ahead.insert(0, {name: weight for name, weight in here.items() if weight > 0})
    if start not in ahead[0]:
        return None
    found = [start]
    for place in range(1, count):
        last = found[-1]
        choices = {n: w * ahead[place].get(n, 0.0) for n, w in nodes[last].items() if may(last, n, place)}
        if len(found) > 1 and found[-2] in choices and len(choices) > 1:
            choices[found[-2]] *= 0.35  # to and fro is dull
        found.append(draw(choices, rng))
    return found


def bridge(before: str, after: str | None, must_differ: bool, key: Key, tension: float, rng: random.Random) -> str:
    """A chord that is new after `before` and leads on to `after` (from which it differs, too, where it must)."""
    choices: dict[str, float] = {}
    for name in GRAMMARS[key.mode]:
        if not differ(before, name, key) or name not in {**steps(before, key, tension), tonic_of(key): 1}:
            continue
        if after is not None and (name == after or (must_differ and not differ(name, after, key))):
            continue
        onward = 0.1 if after is None else steps(name, key, tension).get(after, 0.02)
        choices[name] = steps(before, key, tension).get(name, 0.2) * onward
    if not choices:
        pool = [name for name in GRAMMARS[key.mode] if differ(before, name, key)]
        apart = [name for name in pool if after is None or differ(name, after, key)]
        return rng.choice(apart or pool)
    return draw(choices, rng)


def draw(choices: dict[str, float], rng: random.Random) -> str:
    """One of the keys, by weight."""
    return rng.choices(list(choices), weights=list(choices.values()))[0]
