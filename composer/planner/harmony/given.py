"""Chords that somebody gave, played literally; and single bars of any plan changed where a hit asks for it."""

from __future__ import annotations

import random

from composer.planner.harmony.ask import Harmony, HarmonyAsk
from composer.planner.harmony.cadences import cadence_kinds, formulas
from composer.planner.harmony.grammar import bridge, differ, tonic_of
from composer.planner.harmony.rhythm import parts_of
from composer.theory.chords import parse_chord
from composer.theory.keys import Key


def from_progression(ask: HarmonyAsk, rng: random.Random) -> Harmony:
    """The given entries over and over; only the end of a cue or the way into another key, and bars with hard hits, are changed."""
    count, size = len(ask.bars), len(ask.progression)
    chords = [ask.progression[i % size] for i in range(count)]
    reasons = ["the chords that were given"]
    leads = ask.modulation == "pivot" and ask.next_key is not None and ask.next_key.tonic != ask.key.tonic
    closed = parse_chord(chords[-1].split()[-1], ask.key).root == ask.key.tonic
    if leads or (ask.is_last and not closed):
        line = min(formulas("leading" if leads else cadence_kinds(ask, (count,), rng)[0], ask), key=len)
        chords[-1] = line[-1] if count > 1 else " ".join(line[-2:])
        if count > 1 and len(line) > 1:
            chords[-2] = line[-2]
        reasons.append("opens the next key" if leads else "closed at the end")
    for hit in ask.hits:
        if hit.is_hard:
            change_at(chords, hit.bar, hit.beat, ask.bars[hit.bar].beats, ask.key, rng, may_touch_end=not (leads or ask.is_last))
    return Harmony(tuple(chords), _phrases(ask, size), tuple(reasons))


def _phrases(ask: HarmonyAsk, size: int) -> tuple[int, ...]:
    """The given line is a phrase (two of them where it is short); what is left over belongs to the last."""
    count = len(ask.bars)
    unit = size if size >= 3 else 4
    whole, rest = divmod(count, unit)
    if whole == 0:
        return (count,)
    phrases = [unit] * whole
    if rest >= 3:
        phrases.append(rest)
    else:
        phrases[-1] += rest
    return tuple(phrases)


def change_at(
    chords: list[str],
    bar: int,
    beat: float,
    beats: float,
    key: Key,
    rng: random.Random,
    *,
    tension: float = 0.3,
    may_touch_end: bool = False,
) -> None:
    """Make the chord change exactly at a beat (from 1) of a bar (from 0) of entries; the last two stay unless `may_touch_end`.

    Entries share their bar evenly, so a change on beat 4 of 4/4 is written "i i i VI". Nothing is done where no entry can say it.
    """
    if bar >= len(chords) - 2 and not may_touch_end and len(chords) > 1 and beat == 1:
        return
    here = chords[bar].split()
    following = chords[bar + 1].split()[0] if bar + 1 < len(chords) else None
    if beat == 1.0:
        last = chords[bar - 1].split()[-1] if bar else None
        if last is not None and not differ(last, here[0], key):
            new = bridge(last, here[1] if len(here) > 1 else following, True, key, tension, rng)
            chords[bar] = " ".join([new, *here[1:]])
        return
    _split(chords, bar, beat - 1, beats, following, key, rng, tension)


def _split(
    chords: list[str], bar: int, place: float, beats: float, following: str | None, key: Key, rng: random.Random, tension: float
) -> None:
    """A new chord from a place inside a bar to its end: the one that follows where it is new, else a step between the two."""
    here = chords[bar].split()
    parts = parts_of([place, *(i * beats / len(here) for i in range(1, len(here)))], beats) or 0
    if parts < 2 or not 0 < place < beats:
        return
    at = round(place * parts / beats)
    slots = [here[slot * len(here) // parts] for slot in range(parts)]
    if differ(slots[at - 1], slots[at], key):
        return
    if following is None:  # the close comes on the hit, prepared before it
        close = slots[-1]
        slots = [bridge(tonic_of(key), close, True, key, tension, rng)] * at + [close] * (parts - at)
    else:
        new = following if differ(slots[at - 1], following, key) else bridge(slots[at - 1], following, True, key, tension, rng)
        slots[at:] = [new] * (parts - at)
    chords[bar] = " ".join(slots)
