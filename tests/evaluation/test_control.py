"""Dose and response: plans spread over all feelings; composers that obey, ignore or defy them are told apart."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from composer.baselines.chords import compose as chords
from composer.evaluation.control import measure_control
from composer.evaluation.dose import ENSEMBLES, dose_plans, spearman
from composer.plan import Plan
from composer.score import Note, Score, Track


@functools.cache
def plans(count: int = 12) -> tuple[Plan, ...]:
    return tuple(dose_plans(count, seed=3))


def fast_and_loud(plan: Plan) -> Score:
    """As many and as loud notes as the whole plan's arousal asks, all on one pitch; the last part plays just one."""
    tempo = plan.tempo
    arousal = float(np.average([bar.arousal for bar in plan.bars], weights=np.diff(tempo.bar_seconds)))
    step = 0.25 * 2 ** (2 - 2 * arousal)  # seconds
    beats = tempo.s_to_beat(np.arange(0, plan.duration_s - step, step))
    notes = tuple(Note(float(a), float(b - a) * 0.9, 67, round(64 + 60 * arousal)) for a, b in zip(beats, beats[1:], strict=False))
    tracks = tuple(Track(p.id, p.info.name, p.instrument, notes if i == 0 else ()) for i, p in enumerate(plan.parts))
    return Score(plan.title, tempo, plan.duration_s, plan.frame_rate, plan.seed, tracks)


def moved(plan: Plan, semitones: int) -> Score:
    """The chords generator in a wrong key."""
    score = chords(plan)
    return replace(
        score, tracks=tuple(replace(t, notes=tuple(replace(n, pitch=n.pitch + semitones) for n in t.notes)) for t in score.tracks)
    )


def test_plans_are_valid_and_spread() -> None:
    many = dose_plans(24, seed=1)
    assert len(many) == 24 and [p.check() for p in many] == many == dose_plans(24, seed=1) != dose_plans(24, seed=2)
    assert all(30 <= p.duration_s <= 40 for p in many)
    assert len({tuple(part.instrument for part in p.parts) for p in many}) == len(ENSEMBLES)
    for name in ("valence", "arousal"):
        asked = np.sort([np.mean([getattr(bar, name) for bar in p.bars]) for p in many])
        assert asked[0] < -0.5 and asked[-1] > 0.5 and np.diff(asked).max() < 0.4
        assert max(max(getattr(bar, name) for bar in p.bars) - min(getattr(bar, name) for bar in p.bars) for p in many) > 0.2, "some step"
    valence, arousal = ([np.mean([getattr(bar, name) for bar in p.bars]) for p in many] for name in ("valence", "arousal"))
    assert abs(np.corrcoef(valence, arousal)[0, 1]) < 0.5


def test_an_obedient_composer() -> None:
    table = measure_control(fast_and_loud, plans(), seeds=2)
    for name in ("arousal → arousal", "arousal → arousal_flat", "arousal → onsets_per_second", "arousal → velocity"):
        response = table.responses[name]
        assert response.rho > 0.96 and response.points == 24 and response.low > 0.75
        assert response.within == pytest.approx(1)
    # one pitch says little of the mode; one part of many plays
    assert np.isnan(table.responses["valence → valence"].rho) or abs(table.responses["valence → valence"].rho) < 0.8
    assert table.adherence["instruments"] < 0.5 and table.adherence["tempo"] == 1
    assert table.chord_tones["all"] < 0.8
    assert json.loads(json.dumps(table.to_plain(), allow_nan=False))["plans"] == 12
    assert len(table.lines()) > 10


def test_spearman_isspearman() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 30).astype(float), rng.normal(size=30)
    often = rng.integers(1, 4, 30)
    theirs = float(spearmanr(np.repeat(x, often), np.repeat(y, often)).statistic)
    assert spearman(x, y, often[None].astype(float))[0] == pytest.approx(theirs)
    assert np.isnan(spearman(np.zeros(30), y, np.ones((2, 30)))).all()


def test_a_composer_that_never_listens() -> None:
    still = fast_and_loud(plans()[0])
    table = measure_control(lambda plan: still, plans()[:1] * 6, seeds=1)
    assert all(np.isnan(r.rho) for name, r in table.responses.items() if "density" not in name)
    assert json.dumps(table.to_plain(), allow_nan=False)


def test_the_chords_generator_and_its_wrong_keys() -> None:
    right = measure_control(chords, plans(), seeds=1)
    assert right.keys["same, modes left out"] > 0.9 and right.keys["other"] < 0.1 and right.stretches >= 8
    assert right.chord_tones["all"] > 0.95
    assert right.adherence["inside the film"] == right.adherence["in range"] == right.adherence["tempo"] == 1
    assert right.responses["arousal → arousal"].rho > 0.7
    wrong = measure_control(lambda plan: moved(plan, 1), plans()[:6], seeds=1)
    assert wrong.keys["same"] == 0 and wrong.chord_tones["all"] < 0.4 and wrong.chord_tones["harmony+bass"] < 0.4


def test_the_end_of_the_film_is_kept() -> None:
    def late(plan: Plan) -> Score:
        score = chords(plan)
        first = score.tracks[0]
        over = Note(score.tempo.total_beats - 1, 3.0, 60, 80)
        return replace(score, tracks=(replace(first, notes=(*first.notes, over)), *score.tracks[1:]))

    assert measure_control(late, plans()[:2], seeds=1).adherence["inside the film"] < 1


def test_silence_is_no_crash() -> None:
    def silence(plan: Plan) -> Score:
        return replace(chords(plan), tracks=())

    table = measure_control(silence, plans()[:3], seeds=1)
    assert table.adherence["instruments"] == 0 and table.chord_tones == {}
    assert json.dumps(table.to_plain(), allow_nan=False) and table.lines()
