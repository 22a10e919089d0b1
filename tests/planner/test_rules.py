"""Spotting and the rule planner: valid plans that obey what was asked, on many invented films."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from composer.errors import ComposerError, OptionError
from composer.evaluation.sync import count_hits
from composer.film import Film
from composer.instruments import expand
from composer.options import Options
from composer.plan import Plan, load_plan, save_plan
from composer.planner import explain, plan, prompt_text, spot
from composer.planner.form import MIN_SECTION_S
from composer.planner.spotting import MIN_HARD_GAP_S
from composer.theory.functions import last_cadence
from composer.theory.keys import parse_key
from tests.filmmaker import film_of, random_film


def planned(film: Film, options: Options) -> Plan:
    return plan(film, spot(film, options), options)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(1.0, 200.0), st.floats(0.6, 9.0))
def test_plans_cover_the_film(seed: int, duration_s: float, mean_shot_s: float) -> None:
    film = random_film(seed, round(duration_s, 2), mean_shot_s)
    made = planned(film, Options(seed=seed))
    assert made.tempo.total_s == pytest.approx(film.duration_s, abs=2e-3)
    assert made.sections[0].first_bar == 1 and made.sections[-1].last_bar == len(made.bars)
    for before, after in zip(made.sections, made.sections[1:], strict=False):
        assert after.first_bar == before.last_bar + 1
    for section in made.sections:
        assert section.bars == 1 or last_cadence(section.chords, parse_key(section.key)), section


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_spotting_leaves_music_time_to_answer(seed: int) -> None:
    film = random_film(seed, 90.0, 1.5)
    sheet = spot(film, Options())
    hits = sheet.cues[0].hits
    hard = [h.time_s for h in hits if h.is_hard]
    assert all(b - a >= MIN_HARD_GAP_S - 1e-9 for a, b in zip(hard, hard[1:], strict=False))
    assert {h.time_s for h in hits} <= {c.time_s for c in sheet.candidates}
    assert len(sheet.candidates) == len(film.shots) - 1
    starts = [0.0, *sheet.cues[0].section_starts_s, film.duration_s]
    assert all(b - a >= MIN_SECTION_S - 1e-9 for a, b in zip(starts, starts[1:], strict=False))


def test_the_users_hand_wins() -> None:
    film = random_film(5)
    cut = film.shots[3].start_s
    made = planned(film, Options(hit_s=(17.3,), no_hit_s=(cut,)))
    mine = next(h for h in made.hits if h.time_s == 17.3)
    assert mine.is_hard and abs(mine.frames_off(film.frame_rate)) <= 0.5
    assert all(h.time_s != cut for h in made.hits)
    with pytest.raises(OptionError, match="outside the film"):
        planned(film, Options(hit_s=(61.0,)))


@pytest.mark.parametrize("qpm", [72.0, 96.0, 140.0])
def test_tempo_is_obeyed(qpm: float) -> None:
    for seed in range(4):
        film = random_film(seed)
        assert planned(film, Options(tempo_qpm=qpm)).tempo.mean_qpm == pytest.approx(qpm, rel=0.02)
        steady = planned(film, Options(tempo_qpm=qpm, steady=True))
        assert {bar.qpm for bar in steady.bars} == {qpm} and len({bar.metre for bar in steady.bars}) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(3.0, 60.0), st.floats(40, 200))
def test_the_mean_tempo_is_kept_in_short_films_too(seed: int, duration_s: float, qpm: float) -> None:
    film = random_film(seed, round(duration_s, 2))
    made = planned(film, Options(seed=seed, tempo_qpm=round(qpm, 1)))
    assert made.tempo.mean_qpm == pytest.approx(round(qpm, 1), rel=0.02)
    assert film.duration_s - 1e-3 <= made.tempo.total_s <= film.duration_s + 60 / qpm + 1e-3


def test_key_mood_and_instruments_are_obeyed() -> None:
    film = random_film(2)
    made = planned(film, Options(key="F# minor", mood="heroic", instruments=("brass", "harp")))
    assert {s.key for s in made.sections} == {"F# minor"} and {s.mood for s in made.sections} == {"heroic"}
    assert [p.instrument for p in made.parts] == [i.id for i in expand(("brass", "harp"))]
    playing = {p for s in made.sections for players in s.roles.values() for p in players} | {p for s in made.sections for p in s.doubles}
    assert playing == {p.id for p in made.parts}


@pytest.mark.parametrize(
    "options",
    [
        Options(tempo_qpm=0),
        Options(tempo_qpm=float("nan")),
        Options(tempo_qpm=1e9),
        Options(key="H minor"),
        Options(mood="grumpy"),
        Options(instruments=("kazoo",)),
        Options(instruments=("piano", "piano")),
        Options(instruments=("",)),
    ],
)
def test_nonsense_is_refused(options: Options) -> None:
    with pytest.raises(ComposerError):
        planned(random_film(0, 20), options)


def test_feeling_reaches_the_plan() -> None:
    calm = planned(film_of([10.0, 20.0], 30.0, [0.5] * 30, [-0.7] * 30), Options())
    wild = planned(film_of([10.0, 20.0], 30.0, [-0.4] * 30, [0.8] * 30), Options())
    assert wild.tempo.mean_qpm > calm.tempo.mean_qpm + 30
    assert wild.sections[0].density > calm.sections[0].density
    assert not parse_key(calm.sections[0].key).is_minor and parse_key(wild.sections[0].key).is_minor


def test_same_seed_same_plan_other_seed_other_plan() -> None:
    film = random_film(9)
    assert planned(film, Options(seed=4)) == planned(film, Options(seed=4))
    assert len({(planned(film, Options(seed=s)).sections[0].key, planned(film, Options(seed=s)).sections[0].chords) for s in range(8)}) >= 4


def test_a_plan_survives_its_file(tmp_path: Path) -> None:
    for seed in range(5):
        made = planned(random_film(seed), Options(seed=seed))
        save_plan(made, tmp_path / "plan.yaml")
        assert load_plan(tmp_path / "plan.yaml") == made


def test_most_hits_land_on_film_like_cuts() -> None:
    counts = [count_hits(planned(random_film(seed), Options(seed=seed))) for seed in range(20)]
    hits = sum(c.hits for c in counts)
    assert hits / sum(c.hits + c.near + c.missed for c in counts) >= 0.85


def test_words_for_people() -> None:
    made = planned(replace(random_film(1), frame_rate=Fraction(24000, 1001)), Options(instruments=("strings",)))
    assert "tempo:" in explain(made) and made.sections[0].reason in explain(made)
    text = prompt_text(made)
    assert [line.split(":")[0] for line in text.splitlines()[:5]] == ["Key", "Genre", "Mood", "Tempo", "Instruments"]
    assert 25 <= len(text.splitlines()[5].split()) <= 60
