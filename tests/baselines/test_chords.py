"""The measured floor of the `chords` generator, over many films and ensembles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from composer.baselines.chords import compose
from composer.baselines.melody import melody, rest_share
from composer.evaluation.music import (
    chord_tone_share,
    dynamics_correlation,
    longest_identical_run,
    melody_rest_share,
    out_of_range,
    repeated_pitch_share,
)
from composer.instruments import ENSEMBLES, INSTRUMENTS
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.scene import scenes
from composer.score import Score
from tests.filmmaker import film_of, random_film


def made(seed: int, instruments: tuple[str, ...], duration_s: float = 60.0, **asked: object) -> tuple[Plan, Score]:
    film, options = random_film(seed, duration_s), Options(seed=seed, instruments=instruments, **asked)  # type: ignore[arg-type]
    arranged = plan(film, spot(film, options), options)
    return arranged, compose(arranged)


CASES: list[tuple[int, tuple[str, ...]]] = [
    (seed, (name,)) for name in ("strings", "orchestra", "piano", "cello", "comedy", "hybrid", "horror") for seed in range(3)
]
CASES += [(7, ("strings", "brass")), (8, ("cello", "piano")), (9, ("flute", "harp")), (10, ("drums",)), (11, ("choir", "organ"))]


@pytest.mark.parametrize(("seed", "instruments"), CASES)
def test_floor(seed: int, instruments: tuple[str, ...]) -> None:
    arranged, score = made(seed, instruments)
    assert out_of_range(score) == 0
    assert chord_tone_share(arranged, score) >= 0.9
    assert all(longest_identical_run(arranged, track) <= 4 for track in score.tracks)
    assert {t.instrument for t in score.tracks if t.notes} == {p.instrument for p in arranged.parts}
    for track in score.tracks:
        if track.instrument not in ("percussion_kit", "drums", "timpani") and "melody" in INSTRUMENTS[track.instrument].roles[:1]:
            assert repeated_pitch_share(track) <= 0.9
        for note in track.notes:
            assert 1 <= note.velocity <= 127 and note.duration_beats > 0 and note.start_beat >= 0
            assert score.tempo.beat_to_s(note.end_beat) <= arranged.duration_s + 1e-3


@pytest.mark.parametrize("seed", range(12))
def test_the_tune_breathes(seed: int) -> None:
    arranged, score = made(seed, ("strings", "brass"))
    assert 0.15 <= melody_rest_share(arranged, score) <= 0.40
    for scene in scenes(arranged):
        line = melody(scene, 60, 84)
        assert 0.12 <= rest_share(line, scene.start, scene.end) <= 0.45


def test_louder_where_it_is_more_exciting() -> None:
    correlations = [dynamics_correlation(*made(seed, ("strings", "brass"))) for seed in range(12)]
    assert np.median(correlations) >= 0.6 and min(correlations) > 0.2


@pytest.mark.parametrize("instruments", [("strings", "brass"), ("piano",), ("cello",)])
def test_hits_are_accented_and_begin_together(instruments: tuple[str, ...]) -> None:
    louder, started, total = 0, 0, 0
    for seed in range(6):
        arranged, score = made(seed, instruments)
        on_time = [h for h in arranged.hits if h.is_hard and abs(h.frames_off(arranged.frame_rate)) <= 0.5]
        notes = [n for t in score.tracks for n in t.notes]
        for hit in on_time:
            beat = arranged.tempo.beat_of(hit.bar, hit.beat)
            here = [n.velocity for n in notes if abs(n.start_beat - beat) < 1e-4]
            around = [n.velocity for n in notes if 0.1 < abs(n.start_beat - beat) < 3]
            total += 1
            started += bool(here)
            louder += bool(here and (not around or max(here) > float(np.mean(around)) + 6))
    assert started == total
    assert louder / total >= 0.9


def test_same_plan_same_score_and_roles_are_obeyed() -> None:
    arranged, score = made(3, ("strings", "brass"))
    assert compose(arranged) == score
    silent = replace(arranged, sections=tuple(replace(s, roles={"melody": ("tuba",)}, doubles={}) for s in arranged.sections))
    assert {t.part for t in compose(silent).tracks if t.notes} == {"tuba"}


def test_edits_are_heard() -> None:
    arranged, _ = made(4, ("strings",))
    arranged = replace(arranged, hairpins=())
    louder = replace(arranged, sections=tuple(replace(s, dynamics="ff") for s in arranged.sections))
    softer = replace(arranged, sections=tuple(replace(s, dynamics="pp") for s in arranged.sections))

    def mean(one: Score) -> float:
        return float(np.mean([n.velocity for t in one.tracks for n in t.notes]))

    assert mean(compose(louder)) > mean(compose(softer)) + 40
    moved = replace(arranged, sections=tuple(replace(s, key="F# minor", chords=("i",) * s.bars) for s in arranged.sections))
    classes = {n.pitch % 12 for t in compose(moved).tracks for n in t.notes}
    assert classes <= {6, 8, 9, 11, 1, 2, 4, 5}


@pytest.mark.parametrize("ending", ["ring", "cut", "fade"])
def test_endings(ending: str) -> None:
    arranged, score = made(1, ("strings",), ending=ending)
    last = max(score.tempo.beat_to_s(n.end_beat) for t in score.tracks for n in t.notes)
    if ending == "ring":
        assert arranged.duration_s - 1.6 <= last <= arranged.duration_s - 0.5
    else:
        assert last == pytest.approx(arranged.duration_s, abs=0.35)


@pytest.mark.parametrize("name", sorted(ENSEMBLES))
def test_short_films_and_every_ensemble(name: str) -> None:
    _, score = made(2, (name,), duration_s=3.0)
    assert score.note_count > 0 and out_of_range(score) == 0


def test_a_film_without_cuts_has_music() -> None:
    film = film_of([], 31.0, [0.1] * 31, [0.0] * 31)
    arranged = plan(film, spot(film, Options()), Options())
    assert len(arranged.sections) >= 1 and compose(arranged).note_count > 40
