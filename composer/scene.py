"""`Scene`: one section of a plan, unrolled into beats, chords and hits: what every line-writer reads."""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass

from composer.cues import HIT_FRAMES, NEAR_FRAMES
from composer.plan import DYNAMICS, Plan, PlanBar, Section
from composer.tempo import TempoMap
from composer.theory.chords import Chord, bar_chords
from composer.theory.keys import Key, parse_key
from composer.theory.moods import MOODS, Mood
from composer.theory.motif import Motif, parse_motif, varied

#: velocity of a plain note at each dynamic mark
DYNAMIC_VELOCITY = dict(zip(DYNAMICS, (33, 44, 56, 69, 83, 96), strict=True))
#: velocity of a role beside a plain note: the tune leads, the pad recedes
ROLE_WEIGHT = {"melody": 7, "counter": 0, "bass": -2, "ostinato": -8, "harmony": -10, "pad": -14, "percussion": -6}
#: music marks a hit only when its beat is this close to the picture …
REACH_FRAMES = NEAR_FRAMES
#: … and with all its weight only when it is this close
MARK_FRAMES = HIT_FRAMES
#: bars in a phrase where the plan names none
PHRASE_BARS = 4
#: before a louder section that follows at once, and where no hairpin says otherwise, so many bars grow by this share of the difference
_RISE_BARS, _RISE_SHARE = 2, 0.7


@dataclass(frozen=True)
class ChordSpan:
    """A chord and how long it holds, in beats from film time 0."""

    start: float
    end: float
    chord: Chord

    @property
    def length(self) -> float:
        """Beats."""
        return self.end - self.start


@dataclass(frozen=True)
class BarSpan:
    """A bar: its beats from film time 0 and the plan's row for it."""

    index: int
    start: float
    end: float
    plan: PlanBar

    @property
    def length(self) -> float:
        """Beats."""
        return self.end - self.start


@dataclass(frozen=True)
class Swell:
    """A hairpin on the beat line: where, and the velocities of a plain note that it leads from and to."""

    start: float
    end: float
    first: float
    last: float

    def velocity(self, beat: float) -> float:
        """On the line between its ends, and what it led to afterwards."""
        return self.first + (self.last - self.first) * min(1.0, (beat - self.start) / (self.end - self.start))


@dataclass
class Draft:
    """A note before its velocity is known."""

    start: float
    duration: float
    pitch: int
    #: extra velocity for accents and phrasing
    stress: float = 0.0

    @property
    def end(self) -> float:
        """Release, beats."""
        return self.start + self.duration


@dataclass(frozen=True)
class Scene:
    """A section on the beat line."""

    section: Section
    #: of the plan and the film's length: two films of one seed differ, too
    seed: str
    key: Key
    mood: Mood
    bars: tuple[BarSpan, ...]
    spans: tuple[ChordSpan, ...]
    #: beats of hard hits and of soft hits within the section
    hard: tuple[float, ...]
    soft: tuple[float, ...]
    #: the mark of the section that follows at once (None at the end)
    next_dynamics: str | None
    #: its cue ends with it
    is_last: bool
    #: one single-voiced instrument plays the whole film: it has to carry more
    is_alone: bool
    #: what the section's tune begins with, varied as the plan asks; None: the generator's own
    motif: Motif | None = None
    #: beats of stops and stingers: everything is silent after them for a while
    halts: tuple[float, ...] = ()
    #: hairpins that touch the section, in order
    swells: tuple[Swell, ...] = ()

    @property
    def start(self) -> float:
        """First beat."""
        return self.bars[0].start

    @property
    def end(self) -> float:
        """End of the last bar, beats."""
        return self.bars[-1].end

    @functools.cached_property
    def arousal(self) -> float:
        """Mean arousal of its bars."""
        return sum(bar.plan.arousal for bar in self.bars) / len(self.bars)

    @functools.cached_property
    def energy(self) -> int:
        """How lively lines move, 0 … 3, from density and arousal."""
        return min(3, max(0, round(1.5 + 1.1 * self.arousal + 1.6 * (self.section.density - 0.5)) + self.is_alone))

    @property
    def leading_note(self) -> int:
        """Pitch class a semitone under the tonic."""
        return (self.key.tonic + 11) % 12

    def rng(self, what: str) -> random.Random:
        """A generator of its own for every use, so that changing one line leaves the others alone."""
        return random.Random(f"{self.seed}/{self.section.id}/{what}")

    def theme_rng(self, what: str) -> random.Random:
        """The same for every section that shares the theme."""
        return random.Random(f"{self.seed}/theme {self.section.theme}/{what}")

    def chord_at(self, beat: float) -> Chord:
        """The chord sounding at a beat."""
        return next((s.chord for s in reversed(self.spans) if s.start <= beat + 1e-6), self.spans[0].chord)

    def bar_at(self, beat: float) -> BarSpan:
        """The bar that holds a beat."""
        return next((b for b in reversed(self.bars) if b.start <= beat + 1e-6), self.bars[0])

    def phrases(self) -> list[tuple[BarSpan, ...]]:
        """Bars as the plan groups them, else in fours; then a short rest joins the phrase before it."""
        if self.section.phrases:
            edges = [0, *itertools.accumulate(self.section.phrases)]
            return [self.bars[a:b] for a, b in itertools.pairwise(edges)]
        groups = [self.bars[i : i + PHRASE_BARS] for i in range(0, len(self.bars), PHRASE_BARS)]
        if len(groups) > 1 and len(groups[-1]) < 2:
            groups[-2:] = [groups[-2] + groups[-1]]
        return groups

    def is_strong(self, beat: float) -> bool:
        """Downbeats, the middle of a 4/4 bar, and hard hits."""
        bar = self.bar_at(beat)
        place = beat - bar.start
        middle = bar.length == 4 and abs(place - 2) < 1e-6
        return abs(place) < 1e-6 or middle or self.is_hit(beat)

    def is_hit(self, beat: float) -> bool:
        """Whether a hard hit stands at the beat."""
        return any(abs(beat - hit) < 1e-6 for hit in self.hard)

    def velocity(self, beat: float) -> float:
        """Velocity of a plain note: the dynamics there, with the accents of metre and hits."""
        bar = self.bar_at(beat)
        place = beat - bar.start
        metric = 4.0 if place < 1e-6 else 2.0 if self.is_strong(beat) else 0.0 if abs(place - round(place)) < 1e-6 else -3.0
        hit = 16.0 if self.is_hit(beat) else 8.0 if any(abs(beat - s) < 1e-6 for s in self.soft) else 0.0
        return self.level(beat) + metric + hit

    def level(self, beat: float) -> float:
        """Velocity that the dynamics ask for at a beat, accents left out.

        A hairpin's own line inside it, elsewhere the section's mark, growing into a louder section; bent by the bar's arousal. So where a
        hairpin ends what follows holds at once (subito): after the hit it led to, and not before the music is over where it leads to the last bar.
        """
        bend = 15 * (self.bar_at(beat).plan.arousal - self.arousal)
        inside = [swell for swell in self.swells if swell.start - 1e-6 <= beat < self._until(swell)]
        if inside:
            return inside[-1].velocity(beat) + bend
        return DYNAMIC_VELOCITY[self.section.dynamics] + bend + self._rise(beat)

    def _until(self, swell: Swell) -> float:
        """Beat before which a hairpin's line holds: a crescendo takes the hit it leads to along, and what leads to the end holds to the end."""
        if self.is_last and swell.end > self.bars[-1].start - 1e-6:
            return self.end
        takes_hit = swell.last > swell.first and self.start < swell.end and self.is_hit(swell.end)
        return swell.end + (1e-6 if takes_hit else -1e-6)

    def _rise(self, beat: float) -> float:
        """What the bars before a louder section add, unless a hairpin leads there."""
        span = _RISE_BARS * self.bars[-1].length
        into = (beat - (self.end - span)) / span
        if (
            self.next_dynamics is None
            or into <= 0
            or any(s.start < self.end - 1e-6 and s.end > self.end - span + 1e-6 for s in self.swells)
        ):
            return 0.0
        rise = DYNAMIC_VELOCITY[self.next_dynamics] - DYNAMIC_VELOCITY[self.section.dynamics]
        return _RISE_SHARE * max(0, rise) * into


def scenes(plan: Plan) -> list[Scene]:
    """Every section of a plan as a scene."""
    tempo = plan.tempo
    edges = tempo.bar_beats
    # a moment that no beat reached is not marked at all: an accent beside the picture is worse than none
    reached = [h for h in plan.hits if abs(h.frames_off(plan.frame_rate)) <= REACH_FRAMES]
    near = [abs(h.frames_off(plan.frame_rate)) <= MARK_FRAMES + 1e-6 for h in reached]
    hits = [(tempo.beat_of(h.bar, h.beat), h.is_hard and on_frame) for h, on_frame in zip(reached, near, strict=True)]
    halts = [tempo.beat_of(h.bar, h.beat) for h, on_frame in zip(reached, near, strict=True) if on_frame and h.mark in ("stop", "stinger")]
    swells = _swells(plan, tempo)
    unrolled = []
    for section, following in zip(plan.sections, [*plan.sections[1:], None], strict=True):
        key = parse_key(section.key)
        numbers = range(section.first_bar - 1, section.last_bar)
        bars = tuple(BarSpan(i, float(edges[i]), float(edges[i + 1]), plan.bars[i]) for i in numbers)
        joined = following is not None and following.first_bar == section.last_bar + 1
        inside = [(beat, hard) for beat, hard in hits if bars[0].start <= beat < bars[-1].end]
        unrolled.append(
            Scene(
                section=section,
                seed=f"{plan.seed}/{plan.duration_s:.2f}",
                key=key,
                mood=MOODS[section.mood],
                bars=bars,
                spans=_spans(section, key, bars),
                hard=tuple(beat for beat, hard in inside if hard),
                soft=tuple(beat for beat, hard in inside if not hard),
                next_dynamics=following.dynamics if joined and following is not None else None,
                is_last=following is None or following.cue != section.cue,
                is_alone=len(plan.parts) == 1 and plan.parts[0].info.polyphony < 3,
                motif=_motif(plan, section),
                halts=tuple(beat for beat in halts if bars[0].start <= beat < bars[-1].end),
                swells=tuple(swell for swell in swells if swell.start < bars[-1].end and swell.end > bars[0].start),
            )
        )
    return unrolled


def _motif(plan: Plan, section: Section) -> Motif | None:
    theme = plan.theme(section.theme)
    return varied(parse_motif(theme.motif), section.variation) if theme is not None and theme.motif else None


def _swells(plan: Plan, tempo: TempoMap) -> tuple[Swell, ...]:
    found = [
        Swell(tempo.beat_of(h.bar, h.beat), tempo.beat_of(h.to_bar, h.to_beat), DYNAMIC_VELOCITY[h.start], DYNAMIC_VELOCITY[h.end])
        for h in plan.hairpins
    ]
    return tuple(sorted(found, key=lambda s: (s.start, s.end)))


def _spans(section: Section, key: Key, bars: tuple[BarSpan, ...]) -> tuple[ChordSpan, ...]:
    """Chords of all bars in beats; the same chord twice in one bar is one span."""
    spans: list[ChordSpan] = []
    for entry, bar in zip(section.chords, bars, strict=True):
        chords = bar_chords(entry, key)
        step = bar.length / len(chords)
        for i, chord in enumerate(chords):
            start, end = bar.start + i * step, bar.start + (i + 1) * step
            if i and spans[-1].chord == chord:
                spans[-1] = ChordSpan(spans[-1].start, end, chord)
            else:
                spans.append(ChordSpan(start, end, chord))
    return tuple(spans)
