"""Harmony of a section: phrases, cadences, idioms, harmonic rhythm and hits (see docs/harmony.md)."""

from __future__ import annotations

import random

from composer.planner.harmony.ask import BarTime, Harmony, HarmonyAsk, HitAt
from composer.planner.harmony.given import change_at
from composer.planner.harmony.writing import write_chords
from composer.theory.keys import Key
from composer.theory.moods import Mood, tension_of

__all__ = ["BarTime", "Harmony", "HarmonyAsk", "HitAt", "change_at", "section_chords", "write_chords"]


def section_chords(mood: Mood, key: Key, bars: int, rng: random.Random, *, is_last: bool) -> tuple[str, ...]:
    """One entry per bar (bars,) for a section of which no more is known: 4/4 at the middle of the mood's tempi, its feeling the mood's own."""
    seconds = 4 * 60 * 2 / sum(mood.qpm)
    times = (BarTime(4.0, seconds),) * bars
    ask = HarmonyAsk(mood, key, times, tension_of(mood.valence, mood.arousal), mood.valence, mood.arousal, is_last=is_last)
    return write_chords(ask, rng).chords
