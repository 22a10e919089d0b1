"""Re-edits of a film whose music keeps one tempo: it still does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from composer.edit import Reuse
from composer.options import Options
from composer.plan import Hit, Plan
from composer.planner import plan, spot
from composer.planner.reconform import reconform
from composer.planner.reconform.survival import surviving_runs
from tests.reedits import ADDED, END, HEADLESS, REMOVED, SWAPPED, TRIMMED, Cutting, edit_of, invented

OPTIONS = Options(instruments=("strings",), tempo_qpm=96.0, steady=True)


@pytest.fixture(scope="module")
def old() -> Plan:
    film = invented()
    return plan(film, spot(film, OPTIONS), OPTIONS)


def conformed(old: Plan, cutting: Cutting, *, steady: bool = True) -> tuple[Plan, Reuse]:
    film = invented(cutting)
    made, reuse = reconform(old, edit_of(cutting), film, spot(film, Options()), steady=steady)
    return made.check(), reuse


@pytest.mark.parametrize("cutting", [TRIMMED, REMOVED, ADDED, SWAPPED, HEADLESS])
def test_every_bar_keeps_the_one_tempo(cutting: Cutting, old: Plan) -> None:
    made, reuse = conformed(old, cutting)
    assert {bar.qpm for bar in made.bars} == {96.0}
    assert 0 <= made.tempo.total_s - made.duration_s < old.tempo.bars[0].seconds
    assert {change.fate for change in reuse.bars} <= {"kept", "moved", "part", "new"}
    assert reuse.note_for_note >= 0.6
    assert all(abs(hit.frames_off(made.frame_rate)) <= 0.5 for hit in made.hits)
    now = {c.old_bar: float(made.tempo.bar_seconds[c.bar - 1]) for c in reuse.bars if c.fate in ("kept", "moved")}
    for run in surviving_runs(old, edit_of(cutting)):
        for i in range(run.first, run.end):
            picture_s = float(old.tempo.bar_seconds[i]) + run.stretch.offset_s
            assert abs(now.get(i + 1, picture_s) - picture_s) <= 30 / 96 + 1e-6  # half a beat


@pytest.mark.parametrize("is_own", [True, False])
def test_a_persons_own_hits_stay_where_no_beat_reaches_them(is_own: bool, old: Plan) -> None:
    bar = len(old.bars) - 6
    time_s = old.tempo.beat_to_s(old.tempo.beat_of(bar))
    mine = replace(old, hits=(Hit(time_s, bar, 1.0, 0.0, 1.0, "accent", "", is_own),)).check()
    made, _ = conformed(mine, TRIMMED)
    held = [hit for hit in made.hits if hit.time_s == pytest.approx(time_s - 0.48)]
    assert [hit.is_own for hit in held] == ([True] if is_own else [])


def test_the_same_picture_stays_as_it_is(old: Plan) -> None:
    made, reuse = conformed(old, ((0, END),))
    assert (made.bars, made.sections, made.hits, reuse.note_for_note) == (old.bars, old.sections, old.hits, 1.0)


def test_without_being_asked_to_the_tempo_bends(old: Plan) -> None:
    made, _ = conformed(old, TRIMMED, steady=False)
    assert len({bar.qpm for bar in made.bars}) > 1
