"""`Moment`: a hit of a plan that music marks, with all that whoever marks it must know: where, how, on which chord, and what lies around it.

Conventions
-----------
Only hits that a beat reaches within half a frame are moments: an accent beside the picture is worse than none. Beats are film beats.
"""

from __future__ import annotations

from dataclasses import dataclass

from composer.plan import Mark, Plan
from composer.scene import MARK_FRAMES, Scene, scenes
from composer.score import Note
from composer.theory.chords import Chord

#: silence before a hit: long enough for the hall to answer, short enough not to be a rest
BREATH_S, SOFT_BREATH_S = 0.1, 0.05
#: length of the chord of a stop and of a stinger, seconds
STOP_S, STINGER_S = 0.3, 0.9
#: beats closer than this are one
SAME_BEATS = 1e-3


@dataclass(frozen=True)
class Moment:
    """A hit that music marks."""

    #: where, beats
    beat: float
    #: how
    mark: Mark
    #: whether everybody strikes it
    is_hard: bool
    #: what sounds there
    chord: Chord
    #: the section it lies in
    scene: Scene
    #: the hit or the section's end that follows, beats
    until: float
    #: the hit before, beats (minus infinity when there is none)
    since: float
    #: seconds per beat there
    s_per_beat: float

    def beats(self, seconds: float) -> float:
        """Seconds as beats of the tempo there."""
        return seconds / self.s_per_beat

    @property
    def breath(self) -> float:
        """Beats of silence before it."""
        return self.beats(BREATH_S if self.is_hard else SOFT_BREATH_S)

    @property
    def silent_until(self) -> float:
        """Where the silence after a stop or a stinger ends: not later than the next hit or section, beats."""
        bar_end = self.scene.bar_at(self.beat).end if self.mark == "stop" else self.beat
        return min(self.until, max(bar_end, self.beat + 1, self.beat + self.beats(STINGER_S if self.mark == "stinger" else STOP_S)))

    def is_on(self, note: Note) -> bool:
        """Whether a note begins on the hit."""
        return abs(note.start_beat - self.beat) < SAME_BEATS


def moments(plan: Plan) -> list[Moment]:
    """The hits of a plan that a beat reaches within half a frame, in order; of several on one beat the heaviest."""
    tempo = plan.tempo
    unrolled = scenes(plan)
    by_beat = {}
    for hit in sorted(plan.hits, key=lambda h: h.weight):
        if abs(hit.frames_off(plan.frame_rate)) <= MARK_FRAMES + 1e-6:
            by_beat[round(tempo.beat_of(hit.bar, hit.beat), 6)] = hit
    beats = sorted(by_beat)
    found = []
    for i, beat in enumerate(beats):
        scene = next((s for s in unrolled if s.start - SAME_BEATS <= beat < s.end - SAME_BEATS), None)
        if scene is None:
            continue
        hit = by_beat[beat]
        until = min(scene.end, beats[i + 1] if i + 1 < len(beats) else scene.end)
        since = beats[i - 1] if i else float("-inf")
        bar = tempo.bars[tempo.bar_at_beat(beat)]
        found.append(Moment(beat, hit.mark, hit.is_hard, scene.chord_at(beat), scene, until, since, bar.us_per_beat / 1e6))
    return found
