"""Cues in a re-edited film: silence stays silence, every cue has an ending, and entries hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from composer.edit import Reuse
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.planner.reconform import reconform
from composer.planner.reconform.fresh import fresh_spans, is_fresh, new_points
from composer.planner.reconform.survival import gaps_between, surviving_runs
from composer.theory.functions import last_cadence
from composer.theory.keys import parse_key
from tests.reedits import END, RATE, Cutting, edit_of, invented

#: music at 2–12 and 20–36 s of 40
OPTIONS = Options(instruments=("strings",), cue_s=((2.0, 12.0), (20.0, 36.0)))


@pytest.fixture(scope="module")
def old() -> Plan:
    film = invented()
    return plan(film, spot(film, OPTIONS), OPTIONS)


def conformed(old: Plan, cutting: Cutting) -> tuple[Plan, Reuse]:
    film = invented(cutting)
    made, reuse = reconform(old, edit_of(cutting), film, spot(film, Options()))
    assert made == made.check()
    return made, reuse


def spans(of: Plan) -> list[tuple[str, float, float]]:
    """(cue, first, last bar line in seconds) of every section."""
    lines = of.tempo.bar_seconds
    return [(s.cue, float(lines[s.first_bar - 1]), float(lines[s.last_bar])) for s in of.sections]


@pytest.mark.parametrize("at_s", [12.6, 15.2, 19.0])
@pytest.mark.parametrize("length", [100, 300])
def test_new_film_in_a_silence_is_silent(at_s: float, length: int, old: Plan) -> None:
    at = round(at_s * RATE)
    made, reuse = conformed(old, ((0, at), (None, length), (at, END)))
    longer_s = length / RATE
    for _, start_s, end_s in spans(made):
        assert end_s <= 12.05 or start_s >= 19.95 + longer_s, spans(made)
    assert next((cue.id, cue.end_s) for cue in made.cues) == ("1m1", old.cues[0].end_s)
    assert not [hit for hit in reuse.hits if hit.old_s is None]
    edit, film = edit_of(((0, at), (None, length), (at, END))), invented(((0, at), (None, length), (at, END)))
    runs = surviving_runs(old, edit)
    gaps, chosen = gaps_between(runs, old, edit), [hit for cue in spot(film, Options()).cues for hit in cue.hits]
    fresh = fresh_spans(old, edit, runs)
    assert any(is_fresh(hit.time_s, fresh, 0.02) for hit in chosen)  # there are cuts that music would mark, and no music
    assert not new_points(film, chosen, fresh, [], runs, gaps, old)
    assert made.cues[1].start_s == pytest.approx(old.cues[1].start_s + longer_s, abs=0.05)


def test_new_film_inside_a_cue_is_still_scored(old: Plan) -> None:
    at = 6 * RATE
    made, _ = conformed(old, ((0, at), (None, 200), (at, END)))
    assert made.cues[0].end_s == pytest.approx(old.cues[0].end_s + 8.0, abs=0.05)
    assert len(made.cues) == 2


def test_rests_do_not_flatter(old: Plan) -> None:
    made, reuse = conformed(old, ((0, END),))
    rests = [bar.bar for bar in made.bars if made.section_at(bar.bar) is None]
    assert rests and [change.bar for change in reuse.bars if change.is_rest] == rests
    worse = replace(reuse, bars=tuple(change if change.is_rest else replace(change, fate="new") for change in reuse.bars))
    assert (reuse.note_for_note, worse.note_for_note) == (1.0, 0.0)


def test_an_ending_that_survives_whole_stays(old: Plan) -> None:
    made, reuse = conformed(old, ((0, 37 * RATE),))  # only silence is cut
    last = made.sections[-1]
    assert (last.chords, reuse.bars[last.last_bar - 1].fate) == (old.sections[-1].chords, "kept")
    assert reuse.note_for_note == 1.0


@pytest.mark.parametrize(("cutting", "cues"), [(((0, 200), (550, END)), ["1m1", "1m2"]), (((0, 200), (380, END)), ["1m1", "1m2"])])
def test_a_cue_that_loses_its_ending_gets_another(cutting: Cutting, cues: list[str], old: Plan) -> None:
    for seed in range(6):  # an open cadence, as inside a cue, would show
        made, reuse = conformed(replace(old, seed=seed), cutting)
        assert [cue.id for cue in made.cues] == cues
        closing = [section for section in made.sections if section.cue == "1m1"][-1]
        assert last_cadence(closing.chords, parse_key(closing.key)) is not None
        assert closing.chords[-1].split()[-1] in ("I", "i")
        assert reuse.bars[closing.last_bar - 1].fate == "new"


def test_cues_that_change_places_or_are_torn_apart_stay_in_order(old: Plan) -> None:
    made, _ = conformed(old, ((450, 950), (0, 450), (950, END)))
    assert [cue.id for cue in made.cues] == ["1m2", "1m1"]
    torn, reuse = conformed(old, ((0, 150), (500, 900), (150, 500), (900, END)))
    assert [cue.id for cue in torn.cues] == ["1m1", "1m2", "1m1b"]
    for cue in torn.cues:
        last = [section for section in torn.sections if section.cue == cue.id][-1]
        whole = reuse.bars[last.last_bar - 1].old_bar in {section.last_bar for section in old.sections}
        assert whole or last_cadence(last.chords, parse_key(last.key)) is not None
