"""Shaping: velocities that follow the phrase and the line.

A phrase rises to a point past its middle and falls away; what is high is louder, so is what is long or has been leapt up to; the last note
lets go. How much of it a part does depends on what it plays: a tune all of it, a figure little, drums none. Who sustains leaves half of it
to CC11 (composer.render.performing.expression). Hits keep their velocity, and nothing near one grows so much that it would hide it.

Conventions
-----------
Everything is reckoned in dB, centred on the phrase (its mean stays what the dynamics ask for), at most MOST_DB either way. After the KTH
rules *phrase arch*, *high loud*, *duration contrast* and *punctuation* (Friberg, Bresin & Sundberg 2006, "Overview of the KTH rule system
for musical performance", Advances in Cognitive Psychology 2(2–3)). *Final ritard* and the tempo part of *phrase arch* are left out:
tempo belongs to the picture.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

from composer.moments import SAME_BEATS, Moment
from composer.render.performing.desk import Attack, Desk, attacks_of, louder
from composer.score import Note
from composer.striking import AROUND_S

MOST_DB = 4.0
#: role → dB from the middle of the arch to its ends, and share of what the line itself asks for
WEIGHTS: dict[str, tuple[float, float]] = {
    "melody": (2.0, 1.0),
    "counter": (1.7, 0.8),
    "bass": (1.2, 0.4),
    "harmony": (1.2, 0.2),
    "ostinato": (1.0, 0.25),
    "pad": (1.0, 0.1),
    "percussion": (0.0, 0.0),
}
#: families that shade more or less than strings do (a flute's dynamics are narrow)
FAMILY: dict[str, float] = {"woodwinds": 0.8, "choir": 0.9, "synth": 0.5, "percussion": 0.7}
#: what of it is velocity where CC11 does the rest
_OF_SUSTAINED = 0.55
#: where a phrase is loudest, 0 its beginning … 1 its end
_PEAK = 0.6
#: dB a semitone above the phrase's mean, dB for each doubling of length, dB for what is leapt up to, dB of the last note
_HIGH_DB, _LONG_DB, _LEAP_DB, _LAST_DB = 0.18, 0.5, 0.6, -1.2
_LEAP_SEMITONES = 5
#: velocity that stays between a hit and what is around it; seconds before it in which nothing grows
_BELOW_HIT, _SUBITO_S = 6, 0.7
#: share of its velocity that a note keeps before a soft hit (a hard one has that from composer.striking), or so many seconds after it
_GIVES_WAY, _GIVES_WAY_S = 0.88, 0.3


def shaped(notes: Sequence[Note], desk: Desk) -> list[Note]:
    """The notes with velocities of a player who phrases; onsets, lengths and pitches stay."""
    if desk.info.is_drum:
        return list(notes)
    done = []
    for phrase in desk.phrases(attacks_of(notes)):
        for attack, decibels in zip(phrase, _phrase_db(phrase, desk), strict=True):
            done += [note if desk.is_on_hit(attack.start) else replace(note, velocity=_velocity(note, decibels)) for note in attack.notes]
    return _below_hits(sorted(notes, key=_start), done, desk)


def arch(place: float) -> float:
    """1 where a phrase is loudest, −1 at its ends; a parabola on either side."""
    reach = _PEAK if place < _PEAK else 1 - _PEAK
    return 1 - 2 * ((place - _PEAK) / reach) ** 2


def family_weight(desk: Desk) -> float:
    """How much the player's family shades."""
    return FAMILY.get(desk.info.family, 1.0)


def _phrase_db(phrase: Sequence[Attack], desk: Desk) -> list[float]:
    """dB for every attack of a phrase, their mean 0."""
    if len(phrase) == 1:
        return [0.0]
    arch_db, of_line = WEIGHTS[desk.stretch_at(phrase[0].start).role]
    start, span = phrase[0].start, phrase[-1].start - phrase[0].start
    middle, usual = fmean(attack.top for attack in phrase), median(attack.end - attack.start for attack in phrase)
    raw = []
    for i, attack in enumerate(phrase):
        line = _line_db(attack, phrase[i - 1] if i else None, middle, usual) + (_LAST_DB if i == len(phrase) - 1 else 0.0)
        raw.append(arch_db * arch((attack.start - start) / span) + of_line * line)
    scale = family_weight(desk) * (1.0 if desk.info.decays or desk.technique_at(start) == "pizzicato" else _OF_SUSTAINED)
    mean = fmean(raw)
    return [min(MOST_DB, max(-MOST_DB, scale * (value - mean))) for value in raw]


def _line_db(attack: Attack, before: Attack | None, middle: float, usual: float) -> float:
    """What the note's own place in the line asks for, dB."""
    high = min(1.6, max(-1.6, _HIGH_DB * (attack.top - middle)))
    doublings = min(2.0, max(-1.0, math.log2((attack.end - attack.start) / usual)))
    leap = _LEAP_DB if before is not None and attack.top - before.top >= _LEAP_SEMITONES else 0.0
    return high + _LONG_DB * doublings + leap


def _velocity(note: Note, decibels: float) -> int:
    return min(127, max(1, round(louder(note.velocity, decibels))))


def _below_hits(written: Sequence[Note], done: list[Note], desk: Desk) -> list[Note]:
    """Nothing grows just before a hit, or around it to more than stays below it; beside a soft one everybody gives way."""
    struck = [(moment, _loudest_on(moment, written)) for moment in desk.moments]
    if not struck:
        return done
    was = {(note.start_beat, note.pitch): note.velocity for note in written}
    on = {round(moment.beat, 3) for moment in desk.moments}
    widest = max(moment.beats(AROUND_S) for moment in desk.moments)
    kept = []
    for note in done:
        if round(note.start_beat, 3) in on:
            kept.append(note)
            continue
        first = bisect.bisect_left(struck, note.start_beat - widest, key=lambda one: one[0].beat)
        after = bisect.bisect_right(struck, note.start_beat + widest, key=lambda one: one[0].beat)
        limits = [_limit(note, was[note.start_beat, note.pitch], moment, loud) for moment, loud in struck[first:after]]
        kept.append(replace(note, velocity=min([note.velocity, *limits])))
    return kept


def _limit(note: Note, before: int, moment: Moment, loud: int) -> int:
    """The velocity a note may have beside a hit that the part strikes `loud` (0: not at all); `before` is what was written."""
    ahead = moment.beat - note.start_beat
    if abs(ahead) >= moment.beats(AROUND_S) or abs(ahead) < SAME_BEATS:
        return 127
    if not moment.is_hard and -moment.beats(_GIVES_WAY_S) < ahead < moment.beats(_SUBITO_S):
        return max(1, round(_GIVES_WAY * before))
    if 0 < ahead < moment.beats(_SUBITO_S):
        return before
    return max(before, loud - _BELOW_HIT)


def _loudest_on(moment: Moment, notes: Sequence[Note]) -> int:
    """The velocity a part (its notes in order) strikes a hit with; 0 when it does not."""
    first = bisect.bisect_left(notes, moment.beat - SAME_BEATS, key=_start)
    after = bisect.bisect_right(notes, moment.beat + SAME_BEATS, key=_start)
    return max((note.velocity for note in notes[first:after]), default=0)


def _start(note: Note) -> float:
    return note.start_beat
