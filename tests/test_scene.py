"""A section on the beat line: its phrases, and how loud a plain note is where hairpins lead."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from composer.baselines.chords import compose
from composer.plan import Hairpin, Hit, Plan
from composer.scene import DYNAMIC_VELOCITY, Scene, scenes
from tests.transformer.films import planned


def flat(marks: tuple[str, ...] = ("p", "f")) -> Plan:
    """Two sections of eight bars that follow each other, without hits and of one feeling."""
    plan = planned(1, ("strings",), 90.0)
    bars = tuple(replace(bar, arousal=0.0, metre="4/4", qpm=96.0) for bar in plan.bars)
    first = replace(plan.sections[0], id="S1", first_bar=1, bars=8, chords=("i",) * 8, phrases=(), dynamics=marks[0])
    second = replace(first, id="S2", first_bar=9, dynamics=marks[1])
    return replace(plan, bars=bars, sections=(first, second), hits=(), hairpins=()).check()


def levels(scene: Scene) -> np.ndarray:
    return np.array([scene.level(beat) for beat in np.arange(scene.start, scene.end, 0.25)])


def test_without_hairpins_two_bars_rise_into_a_louder_section() -> None:
    first, second = scenes(flat())
    found = levels(first)
    rising = round(4 * 2 * first.bars[-1].length)
    assert (found[:-rising] == DYNAMIC_VELOCITY["p"]).all()
    assert (np.diff(found[-rising:]) > 0).all() and found[-1] < DYNAMIC_VELOCITY["f"]
    assert (levels(second) == DYNAMIC_VELOCITY["f"]).all()
    assert (levels(scenes(flat(("f", "p")))[0]) == DYNAMIC_VELOCITY["f"]).all()


def test_a_hairpin_is_a_straight_line_and_then_the_mark_holds_at_once() -> None:
    plan = replace(flat(("p", "p")), hairpins=(Hairpin(3, 1.0, 5, 1.0, "pp", "ff"),)).check()
    scene = scenes(plan)[0]
    start, end = scene.bars[2].start, scene.bars[4].start
    assert scene.level(start) == DYNAMIC_VELOCITY["pp"] and scene.level(start - 0.25) == DYNAMIC_VELOCITY["p"]
    middle = (DYNAMIC_VELOCITY["pp"] + DYNAMIC_VELOCITY["ff"]) / 2
    assert scene.level((start + end) / 2) == pytest.approx(middle)
    assert scene.level(end - 1e-3) == pytest.approx(DYNAMIC_VELOCITY["ff"], abs=0.1)
    assert scene.level(end) == DYNAMIC_VELOCITY["p"]  # subito
    assert scene.velocity(start + 2) - scene.velocity(start + 1) > 0


def test_a_hairpin_is_heard_in_the_notes() -> None:
    plan = replace(flat(("mf", "mf")), hairpins=(Hairpin(2, 1.0, 7, 1.0, "p", "ff"),)).check()
    notes = [n for t in compose(plan).tracks for n in t.notes]
    edges = plan.tempo.bar_beats
    means = [float(np.mean([n.velocity for n in notes if edges[bar] <= n.start_beat < edges[bar + 1]])) for bar in range(8)]
    assert all(a + 4 < b for a, b in pairwise(means[1:6]))
    assert means[0] > means[1] + 8 and means[5] > means[6] + 15


def test_a_hairpin_into_the_next_section_takes_the_place_of_the_rise() -> None:
    plan = replace(flat(("p", "f")), hairpins=(Hairpin(8, 1.0, 9, 1.0, "mp", "mf"),)).check()
    first, second = scenes(plan)
    last = first.bars[-1].start
    assert first.level(last - 0.25) == DYNAMIC_VELOCITY["p"]  # no rise of two bars beside it
    assert DYNAMIC_VELOCITY["mp"] == first.level(last) < first.level(first.end - 0.25) < DYNAMIC_VELOCITY["mf"]
    assert second.level(second.start) == DYNAMIC_VELOCITY["f"]
    elsewhere = replace(plan, hairpins=(Hairpin(2, 1.0, 3, 1.0, "p", "f"),)).check()
    assert scenes(elsewhere)[0].level(first.end - 0.25) > DYNAMIC_VELOCITY["p"]


def test_a_diminuendo_may_cross_into_the_next_section() -> None:
    plan = replace(flat(("f", "p")), hairpins=(Hairpin(8, 3.0, 9, 3.0, "f", "p"),)).check()
    first, second = scenes(plan)
    found = [*levels(first)[-8:], *levels(second)[:8]]
    assert all(a > b for a, b in pairwise(found))


def test_phrases_are_the_plans() -> None:
    plan = flat()
    assert [len(p) for p in scenes(plan)[0].phrases()] == [4, 4]
    named = replace(plan, sections=(replace(plan.sections[0], phrases=(3, 5)), plan.sections[1]))
    assert [len(p) for p in scenes(named)[0].phrases()] == [3, 5]
    odd = replace(plan, sections=(replace(plan.sections[0], bars=5, chords=("i",) * 5),))
    assert [len(p) for p in scenes(odd)[0].phrases()] == [5]


def test_what_leads_to_the_end_stays_to_the_end() -> None:
    made = flat()
    last = made.sections[-1].last_bar
    for hairpin, loud in (
        (Hairpin(last - 1, 1.0, last, 1.0, "mp", "ff"), True),
        (Hairpin(last - 1, 1.0, last, 5.0, "mp", "pp"), False),
    ):
        scene = scenes(replace(made, hairpins=(hairpin,)).check())[-1]
        before, final, close = (scene.level(beat) for beat in (scene.bars[-1].start - 0.5, scene.bars[-1].start, scene.end - 0.25))
        assert (close >= final > before) if loud else (close < final < before)


def test_a_crescendo_takes_the_hit_along() -> None:
    made = flat(("mp", "mp"))
    beat = made.tempo.beat_of(4, 3.0)
    hit = Hit(made.tempo.beat_to_s(beat), 4, 3.0, 0.0, 0.9, "chord")
    plain = scenes(replace(made, hits=(hit,)).check())[0]
    swelling = scenes(replace(made, hits=(hit,), hairpins=(Hairpin(3, 1.0, 4, 3.0, "mp", "ff"),)).check())[0]
    assert swelling.level(beat) > plain.level(beat) + 10
    assert swelling.level(beat + 0.5) == plain.level(beat + 0.5)
