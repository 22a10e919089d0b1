"""`Desk`: what a player has on the stand: the part, its roles from section to section, the beats on which all strike together.

Conventions
-----------
Beats are film beats. An `Attack` is all that one part begins at one moment. A phrase ends where the plan's phrase ends or where the line
itself rests. Loudness is in dB as velocity, CC7 and CC11 are heard by General MIDI: 40·log10(value / 127).
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from composer.instruments import INSTRUMENTS, Instrument, Technique
from composer.moments import SAME_BEATS, Moment
from composer.plan import Plan
from composer.scene import ROLE_WEIGHT, Scene
from composer.score import Note, Score, TechniqueChange, Track
from composer.striking import roles_of
from composer.tempo import TempoMap

#: textures of short notes
DRY = ("staccato", "march", "drive", "pulse")
#: a rest ends a phrase when it lasts so many seconds or a whole beat, but half a beat at least
_REST_S, _REST_MOST_BEATS, _REST_LEAST_BEATS = 0.5, 1.0, 0.5
#: where neither plan nor line ends a phrase, it ends after so many beats
_LONGEST_PHRASE_BEATS = 16.0


@dataclass(frozen=True)
class Attack:
    """The notes a part begins together."""

    #: low to high
    notes: tuple[Note, ...]

    @functools.cached_property
    def start(self) -> float:
        """Onset, beats."""
        return self.notes[0].start_beat

    @functools.cached_property
    def end(self) -> float:
        """Release of the longest, beats."""
        return max(note.end_beat for note in self.notes)

    @property
    def top(self) -> int:
        """The highest pitch."""
        return self.notes[-1].pitch

    @functools.cached_property
    def pitches(self) -> frozenset[int]:
        """All pitches."""
        return frozenset(note.pitch for note in self.notes)


@dataclass(frozen=True)
class Stretch:
    """A section as one part plays it."""

    #: first beat, and the beat after the last
    start: float
    end: float
    #: what the part does there, the leading role of several
    role: str
    #: None where no plan tells
    scene: Scene | None

    @property
    def is_dry(self) -> bool:
        """Whether notes are short there."""
        return self.scene is not None and self.scene.mood.texture in DRY

    @property
    def is_light(self) -> bool:
        """Whether even the bass is short there."""
        return self.scene is not None and self.scene.mood.texture == "staccato"

    @property
    def is_line(self) -> bool:
        """Whether the part sings."""
        return self.role in ("melody", "counter")


@dataclass(frozen=True)
class Desk:
    """What one player knows."""

    info: Instrument
    tempo: TempoMap
    plan: Plan | None
    #: sections in order; one without a scene where there is no plan
    stretches: tuple[Stretch, ...]
    #: beats of all hits, ascending: whoever begins there is exactly on time
    hits: tuple[float, ...]
    #: hits that music marks, in order
    moments: tuple[Moment, ...]
    #: how the part plays, in order of time
    techniques: tuple[TechniqueChange, ...]
    #: first beats of the plan's phrases, ascending
    phrase_starts: tuple[float, ...]
    #: where each cue ends, or the film, seconds ascending
    ends_s: tuple[float, ...]

    def s_per_beat(self, beat: float) -> float:
        """Seconds a beat lasts there."""
        return self._s_per_beat[self._bar_at(beat)]

    def beats(self, seconds: float, beat: float) -> float:
        """Seconds as beats of the tempo at a beat."""
        return seconds / self.s_per_beat(beat)

    def stretch_at(self, beat: float) -> Stretch:
        """The section that holds a beat, or the last one before it."""
        return self.stretches[max(0, bisect.bisect_right(self._stretch_starts, beat + SAME_BEATS) - 1)]

    def technique_at(self, beat: float) -> Technique:
        """How the part plays there."""
        before = [change for change in self.techniques if change.beat <= beat + SAME_BEATS]
        return before[-1].technique if before else "ordinary"

    def arousal_at(self, beat: float) -> float:
        """−1…1 as the plan has it, 0 without a plan."""
        return self.plan.bars[self._bar_at(beat)].arousal if self.plan is not None else 0.0

    def is_on_hit(self, beat: float) -> bool:
        """Whether a hit stands there."""
        return _near(self.hits, beat, SAME_BEATS) is not None

    def moment_by(self, beat: float, within_s: float) -> Moment | None:
        """The marked hit that follows so soon after a beat, or stands on it."""
        at = bisect.bisect_left(self._moment_beats, beat - SAME_BEATS)
        found = self.moments[at : at + 1]
        return found[0] if found and found[0].beat - beat <= found[0].beats(within_s) + SAME_BEATS else None

    def phrases(self, attacks: Sequence[Attack]) -> list[Sequence[Attack]]:
        """The attacks of each phrase, in order; none is empty."""
        groups: list[list[Attack]] = []
        end = 0.0
        for attack in attacks:
            is_new = (
                not groups
                or attack.start - end >= self._rest_beats(end) - SAME_BEATS
                or attack.start - groups[-1][0].start >= _LONGEST_PHRASE_BEATS
            )
            if is_new or self._begins_phrase(groups[-1][-1].start, attack.start):
                groups.append([])
            groups[-1].append(attack)
            end = max(end, attack.end)
        return list(groups)

    def _rest_beats(self, beat: float) -> float:
        """How long a rest is that ends a phrase there."""
        return max(_REST_LEAST_BEATS, min(_REST_MOST_BEATS, self.beats(_REST_S, beat)))

    def _begins_phrase(self, before: float, beat: float) -> bool:
        """Whether a phrase of the plan begins after one onset and not after the next."""
        first, last = (bisect.bisect_right(self.phrase_starts, place + SAME_BEATS) for place in (before, beat))
        return last > first

    def _bar_at(self, beat: float) -> int:
        edges = self._edges
        return min(max(0, bisect.bisect_right(edges, beat + 1e-9) - 1), len(edges) - 2)

    @functools.cached_property
    def _edges(self) -> list[float]:
        return [float(edge) for edge in self.tempo.bar_beats]

    @functools.cached_property
    def _s_per_beat(self) -> list[float]:
        return [bar.us_per_beat / 1e6 for bar in self.tempo.bars]

    @functools.cached_property
    def _stretch_starts(self) -> list[float]:
        return [stretch.start for stretch in self.stretches]

    @functools.cached_property
    def _moment_beats(self) -> list[float]:
        return [moment.beat for moment in self.moments]


def desk_of(track: Track, score: Score, plan: Plan | None, unrolled: Sequence[Scene], struck: Sequence[Moment]) -> Desk:
    """The desk of one part; `unrolled` and `struck` are the plan's scenes and moments."""
    info = INSTRUMENTS[track.instrument]
    stretches = [Stretch(scene.start, scene.end, _role(track.part, scene, info), scene) for scene in unrolled]
    cues_s = [min(cue.end_s, score.end_s) for cue in plan.cues] if plan is not None else []
    return Desk(
        info=info,
        tempo=score.tempo,
        plan=plan,
        stretches=tuple(stretches) or (Stretch(0.0, score.tempo.total_beats, info.roles[0], None),),
        hits=tuple(sorted(score.hit_beats())),
        moments=tuple(struck),
        techniques=track.techniques,
        phrase_starts=tuple(sorted(phrase[0].start for scene in unrolled for phrase in scene.phrases())),
        ends_s=tuple(sorted({*cues_s, score.end_s})),
    )


def _role(part: str, scene: Scene, info: Instrument) -> str:
    """The leading role of a part in a section; who has none there strikes hits as whoever plays harmony."""
    roles = roles_of(part, scene.section)
    return next((role for role in ROLE_WEIGHT if role in roles), "percussion" if info.is_drum else "harmony")


def attacks_of(notes: Sequence[Note]) -> list[Attack]:
    """Notes by onset, in order."""
    ordered = sorted(notes, key=lambda note: (note.start_beat, note.pitch))
    return [Attack(tuple(group)) for _, group in itertools.groupby(ordered, key=lambda note: note.start_beat)]


def louder(value: float, decibels: float) -> float:
    """A velocity or CC11 that sounds so many dB louder."""
    return float(value * 10 ** (decibels / 40))


def _near(beats: Sequence[float], beat: float, within: float) -> float | None:
    """The first of some ascending beats that is so near to a beat."""
    at = bisect.bisect_left(beats, beat - within)
    return beats[at] if at < len(beats) and beats[at] <= beat + within else None
