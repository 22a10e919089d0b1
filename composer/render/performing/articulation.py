"""Articulation: how long notes are held, from what they are for, how fast they follow, and the section's texture.

| touch    | who and when | length |
|----------|--------------|--------|
| legato   | tunes and counter-lines of bows, winds, voices and pianos if the next note follows at once | up to 30 ms into the next note |
| tenuto   | long notes, pads, figures in flowing textures, basses that do not run | to the next note |
| détaché  | bowed and blown figures on the move | a gap of 15 %, at most 60 ms |
| staccato | figures and chords in dry textures (march, drive, pulse), basses in light ones | half, as long as the sound needs to speak |

A rest that was written stays: only what nearly reaches the next note is drawn to it. A pitch that comes again is let go first. A hit keeps
its weight, and nothing reaches into the breath before it or over a change of technique; plucked, struck and pizzicato notes keep their
written length (they die away by themselves). The lengths are functions of the onsets alone, so a performance that is articulated again
stays as it is.

Conventions
-----------
Gaps and overlaps are seconds, lengths beats. The share of a note that sounds, from staccato 50 % to legato 100 % and more, after Bresin &
Battel 2000 ("Articulation strategies in expressive piano performance", J. New Music Research 29(3)).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from composer.moments import SAME_BEATS
from composer.render.performing.desk import Attack, Desk, attacks_of
from composer.score import Note

Touch = Literal["legato", "tenuto", "detache", "staccato"]
#: a note that fills this much of the time to the next is meant to reach it, in figures of textures that flow as well
_REACHES, _REACHES_IN_FIGURES = 0.7, 0.55
#: legato: into the next note by this share of the time between two, by family at most so many seconds
_OVERLAP_SHARE = 0.1
_OVERLAP_S: dict[str, float] = {"strings": 0.03, "choir": 0.025, "woodwinds": 0.018, "brass": 0.012, "piano": 0.015, "synth": 0.02}
#: notes that follow each other this fast are on the move, in figures and in tunes; what lasts this long is long, seconds
_MOVING_S, _RUNNING_S, _LONG_S = 0.45, 0.16, 0.9
#: before the same pitch comes again: share of the time between two, and seconds at least and at most
_AGAIN_SHARE, _AGAIN_S, _AGAIN_MOST_S = 0.1, 0.02, 0.06
_DETACHE_SHARE, _DETACHE_MOST_S = 0.15, 0.06
#: after a tune's phrase: share of the time to the next, seconds at most
_LIFT_SHARE, _LIFT_MOST_S = 0.12, 0.15
#: staccato: share of the time to the next note, and what a sound needs beside its attack to be heard, seconds
_STACCATO_SHARE, _SPEAKS_S = 0.5, 0.09
#: nothing is cut to less, seconds
_SHORTEST_S = 0.05


def articulated(notes: Sequence[Note], desk: Desk) -> list[Note]:
    """The notes with the lengths that players give them; onsets, pitches and velocities stay."""
    if desk.info.decays and desk.info.family != "piano":
        return list(notes)
    attacks = attacks_of(notes)
    held: list[Note] = []
    done = 0
    for phrase in desk.phrases(attacks):
        for attack, following in itertools.pairwise(phrase):
            held += _held(attack, following, desk)
        done += len(phrase)
        held += _lifted(phrase[-1], attacks[done], desk) if done < len(attacks) else phrase[-1].notes
    return separate(held, desk)


def _lifted(attack: Attack, following: Attack, desk: Desk) -> Sequence[Note]:
    """The last notes of a phrase, a tune's let go a little before the next phrase (*punctuation*)."""
    if not desk.stretch_at(attack.start).is_line:
        return attack.notes
    free_s = (following.start - attack.start) * desk.s_per_beat(attack.start)
    latest = desk.beats(free_s - min(_LIFT_MOST_S, _LIFT_SHARE * free_s), attack.start)
    return [replace(note, duration_beats=round(min(note.duration_beats, latest), 6)) for note in attack.notes]


def _held(attack: Attack, following: Attack, desk: Desk) -> list[Note]:
    """One attack's notes as long as its touch makes them."""
    free = following.start - attack.start
    if desk.technique_at(attack.start) == "pizzicato" or desk.moment_by(attack.start, 0.0) is not None:
        return list(attack.notes)
    touch = touch_of(attack, following, desk)
    into = desk.moment_by(following.start, 0.0) is not None or desk.technique_at(following.start) != desk.technique_at(attack.start)
    length = _length(touch, free * desk.s_per_beat(attack.start), desk)
    beats = desk.beats(length, attack.start)
    flows = desk.stretch_at(attack.start).role == "ostinato" and touch == "tenuto"
    least = _REACHES_IN_FIGURES if flows else _REACHES
    kept = []
    for note in attack.notes:
        reaches = least * free <= note.duration_beats <= free + SAME_BEATS + desk.beats(0.05, attack.start)
        if not reaches:  # a written rest, or a voice that holds on
            kept.append(note)
        elif into:  # the breath before a hit is the striker's
            kept.append(replace(note, duration_beats=round(min(note.duration_beats, beats, free), 6)))
        else:
            again = note.pitch in following.pitches
            kept.append(replace(note, duration_beats=round(min(beats, free) if again else beats, 6)))
    return kept


def touch_of(attack: Attack, following: Attack, desk: Desk) -> Touch:
    """How a part joins an attack to the one that follows."""
    stretch = desk.stretch_at(attack.start)
    gap_s = (following.start - attack.start) * desk.s_per_beat(attack.start)
    if desk.info.family == "piano" and desk.info.decays:
        return "staccato" if stretch.is_dry and not stretch.is_line and gap_s < _LONG_S else "legato"
    if gap_s >= _LONG_S or stretch.role == "pad":
        return "legato" if stretch.is_line else "tenuto"
    if stretch.is_line:
        return "detache" if (stretch.is_dry and gap_s < _MOVING_S) or (gap_s < _RUNNING_S and desk.info.family == "strings") else "legato"
    if stretch.is_dry and (stretch.role != "bass" or stretch.is_light):
        return "staccato"
    broad = stretch.role == "ostinato" and stretch.scene is not None and gap_s >= _RUNNING_S
    return "tenuto" if broad or gap_s >= _MOVING_S else "detache"


def _length(touch: Touch, gap_s: float, desk: Desk) -> float:
    """Seconds from an onset to its release, by the time to the next onset."""
    if touch == "legato":
        return gap_s + min(_OVERLAP_S.get(desk.info.family, 0.0), _OVERLAP_SHARE * gap_s)
    if touch == "tenuto":
        return gap_s
    if touch == "detache":
        return gap_s - min(_DETACHE_SHARE * gap_s, _DETACHE_MOST_S)
    return max(_STACCATO_SHARE * gap_s, min(_SPEAKS_S + desk.info.attack_s, (1 - _DETACHE_SHARE) * gap_s))


def separate(notes: Sequence[Note], desk: Desk) -> list[Note]:
    """A pitch is let go shortly before it comes again, whoever else still sounds; in order of onset and pitch."""
    done = []
    for _, line in itertools.groupby(sorted(notes, key=lambda n: (n.pitch, n.start_beat)), key=lambda n: n.pitch):
        same = list(line)
        for note, again in itertools.pairwise(same):
            free = again.start_beat - note.start_beat
            free_s = free * desk.s_per_beat(note.start_beat)
            gap_s = 0.0 if desk.info.decays and desk.info.family != "piano" else min(_AGAIN_MOST_S, max(_AGAIN_S, _AGAIN_SHARE * free_s))
            latest = max(free - desk.beats(gap_s, note.start_beat), min(free, desk.beats(_SHORTEST_S, note.start_beat)))
            done.append(replace(note, duration_beats=round(min(note.duration_beats, latest), 6)))
        done.append(same[-1])
    return sorted(done, key=lambda note: (note.start_beat, note.pitch))
