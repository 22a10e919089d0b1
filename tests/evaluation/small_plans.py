"""Small plans and scores made by hand, for tests that count."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from composer.instruments import INSTRUMENTS
from composer.plan import Part, Plan, PlanBar, PlanCue, Section
from composer.score import Note, Score, Track


def section(number: int, first_bar: int, bars: int, **changes: Any) -> Section:
    """A section of C major in I IV V I for the strings' first desk."""
    fields: dict[str, Any] = {
        "id": f"S{number}", "cue": "1m1", "first_bar": first_bar, "bars": bars, "mood": "hopeful", "key": "C major", "theme": "A", "dynamics": "mf",
        "density": 0.5, "chords": tuple(("I", "IV", "V", "I")[i % 4] for i in range(bars)), "roles": {"melody": ("violins_1",)}, "doubles": {}, "reason": "",
    }  # fmt: skip
    return Section(**{**fields, **changes})


def plan_of(sections: Sequence[Section], qpm: float = 120.0, parts: Sequence[str] = ("violins_1",), **changes: Any) -> Plan:
    """Bars of four under the sections (2 s each at 120), one cue over all of them, 25 pictures a second."""
    bars = tuple(PlanBar(i + 1, "4/4", qpm, 0.0, 0.0, 0.3, 0.0) for i in range(max(s.last_bar for s in sections)))
    length_s = len(bars) * 240.0 / qpm
    fields: dict[str, Any] = {
        "version": 1, "seed": 0, "origin": "rules", "title": "small", "duration_s": length_s, "frame_rate": Fraction(25), "ending": "ring",
        "cues": (PlanCue("1m1", 0.0, length_s),), "parts": tuple(Part(part, part) for part in parts), "sections": tuple(sections), "hits": (), "bars": bars,
    }  # fmt: skip
    return Plan(**{**fields, **changes}).check()


def score_of(plan: Plan, notes: dict[str, Sequence[tuple[float, float, int]]]) -> Score:
    """Tracks of (start beat, beats, pitch) by part."""
    tracks = tuple(
        Track(part, INSTRUMENTS[part].name, part, tuple(Note(start, length, pitch, 70) for start, length, pitch in notes[part]))
        for part in notes
    )
    return Score("small", plan.tempo, plan.duration_s, plan.frame_rate, 0, tracks)
