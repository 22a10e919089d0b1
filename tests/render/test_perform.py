"""Performing: alive, in time where it matters, and untouched at zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from composer.baselines.chords import compose
from composer.instruments import INSTRUMENTS
from composer.moments import moments
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.render.perform import perform
from composer.score import Score
from tests.filmmaker import random_film


@pytest.fixture(scope="module")
def written() -> tuple[Plan, Score]:
    film, options = random_film(6), Options(seed=6, instruments=("strings", "piano", "flute"))
    arranged = plan(film, spot(film, options), options)
    return arranged, compose(arranged)


def test_zero_leaves_notes_on_the_grid(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    assert [t.notes for t in perform(score, arranged, 0.0).tracks] == [t.notes for t in score.tracks]


def test_hits_never_move_and_the_rest_moves_by_milliseconds(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = perform(score, arranged, 1.0)
    hits = list(score.hit_beats())
    offsets = []
    for before, after in zip(score.tracks, played.tracks, strict=True):
        assert len(before.notes) == len(after.notes)
        on_hits = sorted((n.start_beat, n.pitch) for n in before.notes if any(abs(n.start_beat - h) < 1e-6 for h in hits))
        kept = {(n.start_beat, n.pitch) for n in after.notes}
        assert all(place in kept for place in on_hits)
        by_pitch = [sorted((n.pitch, n.start_beat) for n in t.notes) for t in (before, after)]
        for (_, a), (_, b) in zip(*by_pitch, strict=True):
            offsets.append(score.tempo.beat_to_s(b) - score.tempo.beat_to_s(a))
    assert 0.003 < np.std(offsets) < 0.02 and max(abs(o) for o in offsets) < 0.03


def test_same_seed_same_performance(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    assert perform(score, arranged, 0.5) == perform(score, arranged, 0.5)


def test_bowed_parts_swell_and_struck_ones_are_pedalled(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = {t.part: t for t in perform(score, arranged).tracks}
    violin, piano = played["violins_1"], played["piano"]
    expression = [c.value for c in violin.controls if c.number == 11]
    assert len(set(expression)) > 5 and min(expression) >= 40
    assert not [c for c in piano.controls if c.number == 1]
    pedal = [c.value for c in piano.controls if c.number == 64]
    assert pedal and pedal[-1] == 0
    for track in played.values():
        assert list(track.controls) == sorted(track.controls, key=lambda c: (c.beat, c.number))
        assert all(0 <= c.value <= 127 for c in track.controls)


def expression(score: Score, part: str, beat: float) -> int:
    """What CC11 of a part is at."""
    (track,) = (t for t in score.tracks if t.part == part)
    return [c.value for c in track.controls if c.number == 11 and c.beat <= beat + 1e-6][-1]


def test_a_hard_hit_is_a_sforzando(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = perform(score, arranged)
    struck = [m for m in moments(arranged) if m.is_hard and m.beat > 4]
    assert struck
    for moment in struck:
        for track in score.tracks:
            begins = any(moment.is_on(n) for n in track.notes)
            if not begins or INSTRUMENTS[track.instrument].decays:
                continue
            before, on, later = (expression(played, track.part, moment.beat + moment.beats(s)) for s in (-0.03, 0.005, 0.15))
            assert before <= 60 and on >= 100 and later < on + 20
            rise = [c.beat for c in next(t for t in played.tracks if t.part == track.part).controls if c.number == 11]
            opening = [b for b in rise if abs(b - moment.beat) < moment.beats(0.02)]
            assert len(opening) >= 4  # in steps: no click


def test_without_hits_or_without_a_plan_nobody_holds_back(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    for played in (perform(score), perform(score, replace(arranged, hits=()))):
        assert min(c.value for t in played.tracks for c in t.controls if c.number == 11) > 60


def test_the_pedal_is_lifted_before_a_hit_and_stays_up_after_a_stop() -> None:
    film, options = random_film(6), Options(seed=6, instruments=("piano",), mood="tender")
    arranged = plan(film, spot(film, options), options)
    chosen = next(m for m in moments(arranged) if m.is_hard and m.beat > 8)
    marked = replace(arranged, hits=tuple(replace(h, mark="stop") for h in arranged.hits))
    for one, free in ((arranged, chosen.beat + 0.08), (marked, replace(chosen, mark="stop").silent_until)):
        (track,) = perform(compose(one), one).tracks
        pedal = [(c.beat, c.value) for c in track.controls if c.number == 64]
        assert [value for _, value in pedal] == [100, 0] * (len(pedal) // 2)
        assert not [beat for beat, value in pedal if value and chosen.beat - chosen.breath < beat < free - 1e-6]
        assert [value for beat, value in pedal if beat <= chosen.beat][-1] == 0


def test_a_fading_end_fades() -> None:
    film, options = random_film(6), Options(seed=6, instruments=("strings", "piano"), ending="fade")
    arranged = plan(film, spot(film, options), options)
    score = perform(compose(arranged), arranged)
    sounding = [t for t in score.tracks if t.notes and score.tempo.beat_to_s(t.notes[-1].end_beat) > arranged.duration_s - 0.5]
    assert sounding
    for track in sounding:
        expression = [c.value for c in track.controls if c.number == 11]
        assert expression[-1] < 40
