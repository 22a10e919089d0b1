"""Pedal: a piano's CC64, changed where the harmony changes and wherever a step would blur.

The foot comes up with the new harmony and goes down a moment later, when the new notes are held by the hand (late or syncopated pedalling:
Banowetz, *The Pianist's Guide to Pedaling*), so the old chord never sounds into the new. Below the treble a step to a neighbouring note
clears what rings; in a run the foot stays up. Where notes should be short there is none, and hits get their breath.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from composer.moments import Moment
from composer.render.performing.desk import Attack, Desk, attacks_of
from composer.score import Control, Note

PEDAL = 64
_DOWN = 100
#: the foot goes down so long after the notes, seconds
_LATE_S = 0.07
#: a pedal shorter than this is none, seconds; and what hits leave of one is longer than this, beats
_SHORTEST_S, _SHORTEST_BEATS = 0.2, 0.15
#: notes from here up ring on without harm; two that are so near to each other blur
_CLEAR_PITCH, _STEP_SEMITONES = 77, 2


def pedal(notes: Sequence[Note], desk: Desk) -> list[Control]:
    """The sustain pedal of a piano part: down and up in turn, in order."""
    controls: list[Control] = []
    for start, end in _lifted(_cleared(_spans(notes, desk), attacks_of(notes), desk), desk.moments):
        down = start + desk.beats(_LATE_S, start)
        if end - down >= desk.beats(_SHORTEST_S, start):
            controls += [Control(round(down, 6), PEDAL, _DOWN), Control(round(end, 6), PEDAL, 0)]
    return controls


def _spans(notes: Sequence[Note], desk: Desk) -> list[tuple[float, float]]:
    """One pedal for every bar that is played in and, with a plan, for every chord of it; none in dry sections."""
    spans: list[tuple[float, float]] = []
    tempo = desk.tempo
    for bar in sorted({tempo.bar_at_beat(note.start_beat) for note in notes}):
        start, end = float(tempo.bar_beats[bar]), float(tempo.bar_beats[bar + 1])
        stretch = desk.stretch_at(start)
        if stretch.is_dry:
            continue
        section = stretch.scene.section if stretch.scene is not None else None
        named = section is not None and section.first_bar <= bar + 1 <= section.last_bar
        changes = len(section.chords[bar + 1 - section.first_bar].split()) if section is not None and named else 1
        spans += [(start + k * (end - start) / changes, start + (k + 1) * (end - start) / changes) for k in range(changes)]
    return spans


def _cleared(spans: Sequence[tuple[float, float]], attacks: Sequence[Attack], desk: Desk) -> list[tuple[float, float]]:
    """Spans that end and begin anew where a step would sound with the note beside it."""
    starts = [attack.start for attack in attacks]
    done = []
    for start, end in spans:
        ringing: set[int] = set()
        for attack in attacks[bisect.bisect_left(starts, start - 1e-6) : bisect.bisect_left(starts, end - 1e-6)]:
            low = {pitch for pitch in attack.pitches if pitch < _CLEAR_PITCH}
            if any(0 < abs(pitch - other) <= _STEP_SEMITONES for pitch in low for other in ringing):
                done.append((start, attack.start))
                start, ringing = attack.start, set()
            ringing |= low
        done.append((start, end))
    return [(a, b) for a, b in done if b > a]


def _lifted(spans: list[tuple[float, float]], struck: Sequence[Moment]) -> list[tuple[float, float]]:
    """Spans of the pedal (in order) without the breath before each hard hit, and without the silence after a stop."""
    hard = [moment for moment in struck if moment.is_hard]
    spans = [(a, b) for a, b in spans if b - a > _SHORTEST_BEATS] if hard else spans
    for moment in hard:
        held, free = moment.beat - moment.breath, moment.silent_until if moment.mark in ("stop", "stinger") else moment.beat
        touched = slice(
            bisect.bisect_right(spans, held, key=lambda span: span[1]), bisect.bisect_left(spans, free, key=lambda span: span[0])
        )
        pieces = [piece for a, b in spans[touched] for piece in ((a, min(b, held)), (max(a, free), b))]
        spans[touched] = [(a, b) for a, b in pieces if b - a > _SHORTEST_BEATS]
    return spans
