"""Expression: what bow, breath and voice do while a note is held: CC11 for loudness, CC1 for vibrato.

CC11 is the sum of four shapes, in dB around a level that the film's arousal raises: the arch of the phrase; the swell of every long note
(messa di voce); the crescendo of a note that leads to a hit, the brass most of all; and the plan's hairpins. Vibrato is little in moving
notes; it sets in late in long ones and grows. Pizzicato has neither: CC11 stays where it is. What is short has its dynamics from velocity
alone (composer.render.performing.shaping).

Conventions
-----------
Controllers hold their value until the next, so a curve is told again only when it has moved by a step (0.5 to 0.8 dB of CC11, less than an
ear notices in music). Phrase arch after Friberg, Bresin & Sundberg 2006 (see shaping).
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from composer.moments import SAME_BEATS
from composer.render.performing.desk import Attack, Desk, attacks_of, louder
from composer.render.performing.fading import fade_level
from composer.render.performing.shaping import WEIGHTS, arch, family_weight
from composer.render.performing.strokes import EXPRESSION, with_strokes
from composer.score import Control, Note

VIBRATO = 1
#: how far a controller has to move to be told again, value: CC11 of a line, of what accompanies it, CC1
STEP_OF_LINE, STEP, STEP_OF_VIBRATO = 3, 5, 8
#: the curve is looked at so often, seconds
_GRID_S = 0.1
#: CC11 of an even note, and how much full arousal adds
_LEVEL, _OF_AROUSAL = 99.0, 9.0
#: share of a phrase's arch that is CC11 (the rest is velocity), in phrases of so many seconds or more: short ones are flatter
_OF_ARCH, _WHOLE_ARCH_S = 0.7, 5.0
#: messa di voce: from this length on, dB a second more, dB at most; where it peaks; by role
_SWELLS_S, _SWELL_DB_A_S, _SWELL_MOST_DB, _SWELL_PEAK = 1.4, 1.1, 3.0, 0.55
_SWELL_OF: dict[str, float] = {"melody": 1.0, "counter": 0.9, "pad": 0.9, "harmony": 0.7, "bass": 0.5}
#: into a hit: from this length on, and dB it grows by, brass and others; a soft hit asks for half; it ends at the hit or so long before it
_LEADS_S, _LEAD_DB, _LEAD_BRASS_DB, _LEAD_GAP_S = 0.7, 2.5, 5.0, 0.35
#: under a hairpin notes swell by this share
_UNDER_HAIRPIN = 0.3
#: by this factor CC11 follows a hairpin at most while a note is held: further notes bring their own velocity
_MOST_SWELL = 1.3
#: who has vibrato, and how much of it
_VIBRATES: dict[str, float] = {"strings": 1.0, "choir": 0.8, "woodwinds": 0.7}
_NO_VIBRATO = ("clarinet", "bassoon", "recorder", "contrabasses", "contrabass", "tremolo_strings", "pizzicato_strings")
#: notes from this length on have it grow, in a tune and elsewhere; after this time, until then: seconds
_VIBRATO_S, _VIBRATO_OTHERS_S, _VIBRATO_AFTER_S, _VIBRATO_FULL_S = 1.2, 2.5, 0.3, 1.2
#: CC1 of short notes, of a tune's long ones, of others' long ones
_VIBRATO_SHORT, _VIBRATO_TUNE, _VIBRATO_OTHERS = 8.0, 40.0, 28.0


@dataclass(frozen=True)
class _Phrase:
    """A phrase while its curve is drawn."""

    attacks: Sequence[Attack]
    starts: Sequence[float]
    #: where its last note ends, beats
    end: float

    @property
    def start(self) -> float:
        """First onset, beats."""
        return self.starts[0]

    def place(self, beat: float) -> float:
        """0 at the beginning … 1 at the end."""
        return (beat - self.start) / max(self.end - self.start, 1e-6)

    def sounding(self, beat: float) -> Attack:
        """The last attack that has begun."""
        return self.attacks[max(0, bisect.bisect_right(self.starts, beat + SAME_BEATS) - 1)]


def expression(notes: Sequence[Note], desk: Desk) -> list[Control]:
    """CC11 and CC1 of a part that sustains, in order of time for each; `notes` are those that the player has articulated."""
    loud: list[Control] = []
    vibrato: list[Control] = []
    for attacks in desk.phrases(attacks_of(notes)):
        phrase = _Phrase(attacks, [attack.start for attack in attacks], max(attack.end for attack in attacks))
        step = STEP_OF_LINE if desk.stretch_at(phrase.start).is_line else STEP
        length_s = (phrase.end - phrase.start) * desk.s_per_beat(phrase.start)
        _draw(loud, EXPRESSION, step, phrase, length_s, functools.partial(_loudness, phrase=phrase, desk=desk))
        if desk.info.family in _VIBRATES:
            _draw(vibrato, VIBRATO, STEP_OF_VIBRATO, phrase, length_s, functools.partial(_vibrato, phrase=phrase, desk=desk))
    return [*with_strokes(loud, notes, desk), *vibrato]


def _draw(controls: list[Control], number: int, step: int, phrase: _Phrase, length_s: float, curve: Callable[[float], float]) -> None:
    """Add a curve over a phrase to the controls that there are, told only where it has moved by a step."""
    last = controls[-1].value if controls else None
    count = max(1, round(length_s / _GRID_S))
    grid = sorted({*phrase.starts, *(phrase.start + k * (phrase.end - phrase.start) / count for k in range(count))})
    for beat in grid:
        value = min(127, max(0, round(curve(beat))))
        if last is None or abs(value - last) >= step:
            controls.append(Control(round(beat, 6), number, value))
            last = value


def _loudness(beat: float, phrase: _Phrase, desk: Desk) -> float:
    """CC11 at a beat of a phrase."""
    level = (_LEVEL + _OF_AROUSAL * desk.arousal_at(beat)) * fade_level(beat, desk)
    attack = phrase.sounding(beat)
    if desk.technique_at(attack.start) == "pizzicato":
        return level
    role = desk.stretch_at(attack.start).role
    whole = min(1.0, (phrase.end - phrase.start) * desk.s_per_beat(phrase.start) / _WHOLE_ARCH_S)
    arch_db = whole * _OF_ARCH * WEIGHTS[role][0] * family_weight(desk) * arch(phrase.place(beat))
    hairpin = _hairpin(beat, attack, desk)
    return louder(level, arch_db + _held_db(beat, attack, role, desk) * (1.0 if hairpin == 1.0 else _UNDER_HAIRPIN)) * hairpin


def _held_db(beat: float, attack: Attack, role: str, desk: Desk) -> float:
    """What a held note does by itself: lead to the hit that follows, or swell and fade, dB."""
    length_s = (attack.end - attack.start) * desk.s_per_beat(attack.start)
    place = min(1.0, max(0.0, (beat - attack.start) / (attack.end - attack.start)))
    goal = desk.moment_by(attack.end, _LEAD_GAP_S)
    if goal is not None and length_s >= _LEADS_S and goal.mark != "stop":
        most = (_LEAD_BRASS_DB if desk.info.family == "brass" else _LEAD_DB) * (1.0 if goal.is_hard else 0.5)
        return most * (place * place - 0.3)
    if length_s < _SWELLS_S:
        return 0.0
    most = min(_SWELL_MOST_DB, _SWELL_DB_A_S * (length_s - _SWELLS_S)) * _SWELL_OF.get(role, 0.0) * family_weight(desk)
    reach = _SWELL_PEAK if place < _SWELL_PEAK else 1 - _SWELL_PEAK
    return most * (0.6 - abs(place - _SWELL_PEAK) / reach)


def _hairpin(beat: float, attack: Attack, desk: Desk) -> float:
    """How much louder a hairpin wants what is held by now than where it began (CC11 is heard as velocity is: squared)."""
    scene = desk.stretch_at(beat).scene
    if scene is None or beat >= scene.end or not any(swell.start <= beat + SAME_BEATS < swell.end for swell in scene.swells):
        return 1.0
    began = max(attack.start, scene.start)
    return min(_MOST_SWELL, max(1 / _MOST_SWELL, scene.level(beat) / scene.level(began)))


def _vibrato(beat: float, phrase: _Phrase, desk: Desk) -> float:
    """CC1 at a beat of a phrase."""
    attack = phrase.sounding(beat)
    if desk.info.id in _NO_VIBRATO or desk.technique_at(attack.start) in ("pizzicato", "tremolo"):
        return 0.0
    length_s, since_s = ((to - attack.start) * desk.s_per_beat(attack.start) for to in (attack.end, beat))
    share = _VIBRATES[desk.info.family]
    is_line = desk.stretch_at(attack.start).is_line
    if length_s < (_VIBRATO_S if is_line else _VIBRATO_OTHERS_S):
        return _VIBRATO_SHORT * share
    goal = _VIBRATO_TUNE + _OF_AROUSAL * desk.arousal_at(beat) if is_line else _VIBRATO_OTHERS
    grown = min(1.0, max(0.0, (since_s - _VIBRATO_AFTER_S) / (_VIBRATO_FULL_S - _VIBRATO_AFTER_S)))
    return share * (_VIBRATO_SHORT + (goal - _VIBRATO_SHORT) * grown)
