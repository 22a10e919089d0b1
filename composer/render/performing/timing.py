"""Timing: every player a little off the beat in a way of their own, and exactly on it where a hit is.

A player's deviation is a constant feel (some sit early, some late), a drift that goes on from note to note, and a little chance in every
note. Notes that a part begins together move together; a harp rolls them and a guitar strums them, low to high, from just before the beat.
On hits nobody moves, rolls or strums.

Conventions
-----------
Seconds at --humanize 1; half of it by default. Players of an ensemble are 30–50 ms apart (Rasch 1979, "Synchronization in performed
ensemble music", Acustica 43); here the spread is kept well below that, since samples
speak more evenly than players. Drift is an autoregressive process of first order, since deviations of good players are correlated
(long-range, Hennig et al. 2011, PLoS ONE 6(10)). No note is more than EARLY_MOST_S early (composer.score_reuse reckons with that), and none
passes another.
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import replace

from composer.render.performing.articulation import separate
from composer.render.performing.desk import Attack, Desk, attacks_of
from composer.score import Note

#: standard deviations: between players, of one player's drift, of the single note; and how much of the drift goes on to the next onset
_FEEL_S, _DRIFT_S, _CHANCE_S, _GOES_ON = 0.006, 0.008, 0.003, 0.75
_FEEL_MOST_S, EARLY_MOST_S = 0.01, 0.022
#: whoever keeps time keeps it better
_STEADY: dict[str, float] = {"percussion": 0.5, "ostinato": 0.6, "bass": 0.8, "melody": 1.1, "pad": 1.2}
#: a deviation is at most this share of the time to the neighbouring onsets
_ROOM = 0.3
#: a release this near to the next onset belongs to it and moves with it, seconds
_JOINED_S = 0.07
#: velocity's own little chance, standard deviation at --humanize 1
_VELOCITY = 2.5
#: nearer to each other than this, chords are not spread, seconds
_SPREAD_FROM_S = 0.25
#: seconds from note to note of a spread chord, at least and at most; fewer notes are struck together
_SPREAD_S: dict[str, tuple[float, float]] = {"harp": (0.025, 0.06), "guitar": (0.008, 0.016), "harpsichord": (0.012, 0.02)}
_SPREAD_NOTES = 3
#: a spread chord takes at most this share of the time to the next onset, and of its own length
_SPREAD_SHARE = 0.35


def timed(notes: Sequence[Note], desk: Desk, humanize: float, rng: random.Random) -> list[Note]:
    """The notes as a person plays them; `humanize` 0 returns them as they are, and what begins on a hit or at 0 never moves."""
    if humanize <= 0 or not notes:
        return list(notes)
    attacks = attacks_of(notes)
    offsets_s = _offsets_s(attacks, desk, humanize, rng)
    starts = [attack.start for attack in attacks]
    moved = []
    for i, attack in enumerate(attacks):
        free = desk.is_on_hit(attack.start) or attack.start < 1e-9
        steps_s = [0.0] * len(attack.notes) if free else _steps_s(attack, starts[i + 1 : i + 2], desk, humanize)
        first_s = offsets_s[i] if not steps_s[-1] else max(-EARLY_MOST_S, min(offsets_s[i], 0.0) - 0.2 * steps_s[-1])
        for note, step_s in zip(attack.notes, steps_s, strict=True):
            start = _later(note.start_beat, first_s + step_s, desk)
            end = _release(note, starts, offsets_s, desk)
            velocity = note.velocity if free else min(127, max(1, round(note.velocity + rng.gauss(0.0, _VELOCITY * humanize))))
            length = max(end - start, min(note.duration_beats, desk.beats(0.03, note.start_beat)))
            moved.append(replace(note, start_beat=round(start, 6), duration_beats=round(length, 6), velocity=velocity))
    return separate(moved, desk)


def _offsets_s(attacks: Sequence[Attack], desk: Desk, humanize: float, rng: random.Random) -> list[float]:
    """How late (or early, below 0) each attack comes."""
    feel_s = min(_FEEL_MOST_S, max(-_FEEL_MOST_S, rng.gauss(0.0, _FEEL_S)))
    drift_s = rng.gauss(0.0, _DRIFT_S)
    offsets = []
    for i, attack in enumerate(attacks):
        drift_s = _GOES_ON * drift_s + math.sqrt(1 - _GOES_ON**2) * rng.gauss(0.0, _DRIFT_S)
        wanted_s = humanize * _STEADY.get(desk.stretch_at(attack.start).role, 1.0) * (feel_s + drift_s + rng.gauss(0.0, _CHANCE_S))
        around = [abs(other.start - attack.start) for other in (*attacks[max(0, i - 1) : i], *attacks[i + 1 : i + 2])]
        room_s = min([EARLY_MOST_S, *(_ROOM * beats * desk.s_per_beat(attack.start) for beats in around)])
        exact = attack.start < 1e-9 or desk.is_on_hit(attack.start)
        offsets.append(0.0 if exact else min(room_s, max(-room_s, wanted_s)))
    return offsets


def _steps_s(attack: Attack, following: Sequence[float], desk: Desk, humanize: float) -> list[float]:
    """Seconds after the first note at which each note of an attack begins, low to high: all 0 unless the chord is spread."""
    count = len(attack.notes)
    kind = desk.info.id if desk.info.id in _SPREAD_S else desk.info.family
    if kind not in _SPREAD_S or count < _SPREAD_NOTES:
        return [0.0] * count
    if any((beat - attack.start) * desk.s_per_beat(attack.start) < _SPREAD_FROM_S for beat in following):
        return [0.0] * count  # chords repeated quickly are plucked together
    least_s, most_s = _SPREAD_S[kind]
    held = min([note.duration_beats for note in attack.notes] + [beat - attack.start for beat in following])
    room_s = _SPREAD_SHARE * held * desk.s_per_beat(attack.start) / (count - 1)
    soft = 1 - min(1.0, max(note.velocity for note in attack.notes) / 110)  # soft chords are spread wide, loud ones nearly struck
    step_s = min(room_s, least_s + (most_s - least_s) * min(1.0, 2 * soft))
    return [k * step_s * min(1.0, 2 * humanize) if step_s >= 0.3 * least_s else 0.0 for k in range(count)]


def _release(note: Note, starts: Sequence[float], offsets_s: Sequence[float], desk: Desk) -> float:
    """Where a note is let go, beats: with the attack it leads to, else where it was."""
    joined = desk.beats(_JOINED_S, note.end_beat)
    at = bisect.bisect_left(starts, max(note.end_beat - joined, note.start_beat + 1e-6))
    if at < len(starts) and starts[at] <= note.end_beat + joined:
        return _later(note.end_beat, offsets_s[at], desk)
    return note.end_beat


def _later(beat: float, seconds: float, desk: Desk) -> float:
    """A beat some seconds later (earlier below 0), never before 0."""
    return beat if seconds == 0 else max(0.0, desk.tempo.s_to_beat(desk.tempo.beat_to_s(beat) + seconds))
