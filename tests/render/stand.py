"""Hand-written parts for tests of how players play."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from composer.instruments import INSTRUMENTS
from composer.moments import moments
from composer.plan import Hit, Part as PlanPart, Plan, PlanBar, PlanCue, Section
from composer.render.performing.desk import Desk, desk_of
from composer.scene import scenes
from composer.score import Marker, Note, Score, TechniqueChange, Track
from composer.tempo import Bar, TempoMap


def line(pitches: Sequence[int], step: float = 1.0, fill: float = 1.0, velocity: int = 70, start: float = 0.0) -> list[Note]:
    """Notes of one length one after the other, each sounding for a share of the time to the next."""
    return [Note(start + k * step, step * fill, pitch, velocity) for k, pitch in enumerate(pitches)]


def chords(count: int, pitches: Sequence[int], step: float = 2.0) -> list[Note]:
    """One chord again and again."""
    return [Note(k * step, step * 0.95, pitch, 70) for k in range(count) for pitch in pitches]


def score_of(instrument: str, notes: Sequence[Note], qpm: float = 90.0, hits: Sequence[float] = (), technique: str = "") -> Score:
    """A score with one part in 4/4; `hits` are beats."""
    ends = max(note.end_beat for note in notes)
    tempo = TempoMap((Bar(4, 4, qpm),) * (int(ends // 4) + 2))
    changes = (TechniqueChange(0.0, technique),) if technique else ()  # type: ignore[arg-type]
    track = Track(
        instrument,
        INSTRUMENTS[instrument].name,
        instrument,
        tuple(sorted(notes, key=lambda n: (n.start_beat, n.pitch))),
        techniques=changes,
    )
    markers = tuple(Marker(beat, "hit", "HIT") for beat in hits)
    return Score("A line", tempo, tempo.beat_to_s(ends), Fraction(25), 0, (track,), markers)


def plan_of(score: Score, role: str, mood: str = "tender", phrases: Sequence[int] = (), hard: Sequence[float] = ()) -> Plan:
    """A plan of one section for a score of `score_of`, with hard hits on some beats."""
    (track,) = score.tracks
    bars = len(score.tempo.bars)
    rows = tuple(PlanBar(k + 1, "4/4", bar.qpm, 0.0, 0.0, 0.3, 0.2) for k, bar in enumerate(score.tempo.bars))
    section = Section(
        "S1", "1m1", 1, bars, mood, "C major", "A", "mf", 0.5, ("I",) * bars, {role: (track.part,)}, {}, "", phrases=tuple(phrases)
    )
    hits = tuple(Hit(score.tempo.beat_to_s(b), *score.tempo.address(b), 0.0, 0.9, "accent") for b in hard)
    cues = (PlanCue("1m1", 0.0, score.tempo.total_s),)
    parts = (PlanPart(track.part, track.instrument),)
    return Plan(1, 0, "file", "A line", score.tempo.total_s, Fraction(25), "ring", cues, parts, (section,), hits, rows).check()


def desk_for(score: Score, plan: Plan | None = None) -> Desk:
    """What the only player of a score knows."""
    unrolled, struck = (scenes(plan), moments(plan)) if plan else ([], [])
    return desk_of(score.tracks[0], score, plan, unrolled, struck)
