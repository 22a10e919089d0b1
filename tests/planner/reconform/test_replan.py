"""Plans of re-edited films: valid, hits on the frame, and every bar as it was that can be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.edit import Edit, Kept, Reuse
from composer.errors import PlanError
from composer.film import Film
from composer.options import Options
from composer.plan import Hairpin, Plan, PlanBar
from composer.planner import plan, spot
from composer.planner.reconform import reconform
from composer.planner.reconform.survival import gaps_between, surviving_runs
from tests.reedits import ADDED, EDGES, END, HEADLESS, RATE, REMOVED, SWAPPED, TRIMMED, Cutting, edit_of, invented


def planned(film: Film) -> Plan:
    return plan(film, spot(film, Options()), Options(instruments=("strings",)))


@pytest.fixture(scope="module")
def old() -> Plan:
    return planned(invented())


def conformed(old: Plan, cutting: Cutting) -> tuple[Plan, Reuse, Edit]:
    film, edit = invented(cutting), edit_of(cutting)
    made, reuse = reconform(old, edit, film, spot(film, Options()))
    return made, reuse, edit


def check(old: Plan, made: Plan, reuse: Reuse, edit: Edit) -> None:
    """What must hold after any re-edit."""
    assert made == made.check()
    assert -0.15 < made.tempo.total_s - made.duration_s < 0.02
    assert [section.first_bar for section in made.sections[1:]] == [s.last_bar + 1 for s in made.sections[:-1]]
    assert all(abs(hit.frames_off(made.frame_rate)) <= 0.5 for hit in made.hits)
    for change in reuse.bars:
        if change.fate in ("kept", "moved", "tempo"):
            assert change.old_bar is not None
            before, after = old.bars[change.old_bar - 1], made.bars[change.bar - 1]
            assert replace(after, bar=before.bar, qpm=before.qpm) == before
            assert (after.qpm == before.qpm) == (change.fate != "tempo")
            assert chords(made, change.bar) == chords(old, change.old_bar)
    ends = [piece.new_end_beat for piece in reuse.pieces]
    assert all(end <= piece.new_beat for end, piece in zip(ends, reuse.pieces[1:], strict=False))
    assert len(reuse.bars) == len(made.bars)


def chords(of: Plan, bar: int) -> str | None:
    section = of.section_at(bar)
    return section.chords[bar - section.first_bar] if section else None


def held(old: Plan, made: Plan, edit: Edit) -> float:
    """Share of the old hits still in the picture that music still marks."""
    times_s = [edit.moved(hit.time_s, 0.02) for hit in old.hits]
    wanted = [time_s for time_s in times_s if time_s is not None and time_s > 0.05]
    return sum(any(abs(hit.time_s - time_s) < 1e-3 for hit in made.hits) for time_s in wanted) / len(wanted)


def test_hand_made_hairpins_go_along_with_their_bars(old: Plan) -> None:
    bare = replace(old, hairpins=()).check()
    own = replace(old, hairpins=(Hairpin(2, 1.0, 3, 1.0, "p", "ff"),)).check()
    for cutting in (TRIMMED, REMOVED, SWAPPED, HEADLESS, ADDED):
        assert conformed(bare, cutting)[0].hairpins == ()
        made, reuse, _ = conformed(own, cutting)
        kept = {change.old_bar: change.bar for change in reuse.bars if change.fate in ("kept", "moved")}
        if 2 in kept and kept.get(3) == kept[2] + 1:
            assert made.hairpins == (Hairpin(kept[2], 1.0, kept[3], 1.0, "p", "ff"),)
    assert conformed(own, ((0, END),))[0].hairpins == own.hairpins


def test_there_is_one_climax(old: Plan) -> None:
    for cutting in (REMOVED, SWAPPED, ADDED):
        made = conformed(old, cutting)[0]
        assert [section.form for section in made.sections].count("climax") <= 1


def test_the_same_picture_has_the_same_plan(old: Plan) -> None:
    made, reuse, edit = conformed(old, ((0, END),))
    check(old, made, reuse, edit)
    assert replace(made, reasons=old.reasons) == old
    assert {change.fate for change in reuse.bars} == {"kept"} and reuse.note_for_note == 1.0
    assert reuse.pieces[0].beats == old.tempo.total_beats and len(reuse.pieces) == 1


def test_a_trimmed_shot_costs_a_bar_or_two(old: Plan) -> None:
    made, reuse, edit = conformed(old, TRIMMED)
    check(old, made, reuse, edit)
    assert reuse.note_for_note >= 0.8
    assert held(old, made, edit) == 1.0
    before = [bar for bar in reuse.bars if bar.fate == "kept"]
    assert made.bars[: len(before)] == old.bars[: len(before)]
    assert [s.id for s in made.sections] == [s.id for s in old.sections]
    shift_s = {
        round(float(made.tempo.bar_seconds[c.bar - 1] - old.tempo.bar_seconds[(c.old_bar or 0) - 1]), 4)
        for c in reuse.bars
        if c.fate == "moved"
    }
    assert shift_s == {-0.48}


@pytest.mark.parametrize(("cutting", "least"), [(REMOVED, 0.8), (ADDED, 0.6), (SWAPPED, 0.65), (HEADLESS, 0.8)])
def test_every_other_edit_keeps_what_survives(cutting: Cutting, least: float, old: Plan) -> None:
    made, reuse, edit = conformed(old, cutting)
    check(old, made, reuse, edit)
    assert reuse.note_for_note >= least
    assert held(old, made, edit) >= 0.85
    survivors = {i + 1 for run in surviving_runs(old, edit) for i in range(run.first, run.end)}
    told = Counter(change.old_bar for change in reuse.bars if change.fate in ("kept", "moved", "tempo"))
    assert len(survivors - set(told)) <= 2 and set(told.values()) == {1}  # one or two took a beat of their neighbour along


def test_tempi_stay_near_their_section(old: Plan) -> None:
    for cutting in (TRIMMED, REMOVED, HEADLESS):
        made, reuse, _ = conformed(old, cutting)
        for change in reuse.bars:
            if change.fate == "tempo" and change.old_bar is not None:
                section = old.section_at(change.old_bar)
                assert section is not None
                base = float(np.median([bar.qpm for bar in old.bars[section.first_bar - 1 : section.last_bar]]))
                was = abs(old.bars[change.old_bar - 1].qpm / base - 1)
                assert abs(made.bars[change.bar - 1].qpm / base - 1) <= max(0.1, was + 0.03)


def test_new_film_brings_new_hits_and_a_section_of_its_own(old: Plan) -> None:
    film, edit = invented(ADDED), edit_of(ADDED)
    made, reuse, _ = conformed(old, ADDED)
    added = edit.added[0]
    new = next(section for section in made.sections if section.id.startswith("N"))
    start_s, end_s = (float(made.tempo.bar_seconds[bar]) for bar in (new.first_bar - 1, new.last_bar))
    assert start_s >= added.start_s - 2.5 and end_s <= added.end_s + 2.5
    neighbour = made.sections[made.sections.index(new) - 1]
    assert (new.key, new.mood, new.roles) == (neighbour.key, neighbour.mood, neighbour.roles)
    fresh = [hit.new_s for hit in reuse.hits if hit.old_s is None]
    cuts = [shot.start_s for shot in film.shots]
    assert fresh and all(min(abs((time_s or 0) - cut) for cut in cuts) < 1e-6 for time_s in fresh)


def test_hits_go_with_their_picture(old: Plan) -> None:
    made, reuse, edit = conformed(old, REMOVED)
    gone = [hit for hit in old.hits if edit.moved(hit.time_s, 0.02) is None]
    dropped = [hit for hit in reuse.hits if hit.why == "its picture is gone"]
    assert gone and [hit.old_s for hit in dropped] == [hit.time_s for hit in gone]
    assert len(made.hits) == sum(not hit.why for hit in reuse.hits)


def test_an_ending_whose_picture_is_gone_is_written_anew(old: Plan) -> None:
    made, reuse, edit = conformed(old, ((0, EDGES[7]),))
    check(old, made, reuse, edit)
    assert [change.fate for change in reuse.bars[-2:]] == ["new", "new"]
    assert made.sections[-1].last_bar == len(made.bars)


def test_a_section_that_is_torn_apart_keeps_its_name() -> None:
    whole = planned(invented())
    middle = len(whole.bars) // 2
    one = replace(whole.sections[0], first_bar=1, bars=len(whole.bars), chords=("I",) * len(whole.bars), key="D major", phrases=())
    old = replace(whole, sections=(one,), locked=(one.id,)).check()
    torn: Cutting = ((0, EDGES[4]), (None, 400), (EDGES[4], END))
    made, _, _ = conformed(old, torn)
    assert [section.id for section in made.sections] == [one.id, "N1", f"{one.id}b"]
    assert made.locked == (one.id, f"{one.id}b")
    assert made.sections[0].bars + made.sections[2].bars >= middle


def test_rests_between_cues_stay_rests() -> None:
    options = Options(instruments=("strings",), cue_s=((0.0, 12.0), (20.0, 36.0)))
    film = invented()
    old = plan(film, spot(film, options), options)
    same, _, _ = conformed(old, ((0, END),))
    assert replace(same, reasons=old.reasons) == old
    made, reuse, edit = conformed(old, TRIMMED)
    assert made == made.check() and reuse.note_for_note >= 0.8
    assert [cue.id for cue in made.cues] == [cue.id for cue in old.cues]
    assert made.cues[1].start_s == pytest.approx(old.cues[1].start_s - 0.48, abs=0.1)
    assert {change.old_bar for change in reuse.bars if made.section_at(change.bar) is None} <= {
        bar.bar for bar in old.bars if old.section_at(bar.bar) is None
    }
    swapped, _, _ = conformed(old, SWAPPED)
    assert swapped == swapped.check() and edit.removed


def test_too_little_is_refused(old: Plan) -> None:
    film = invented(((0, END),))
    crumbs = Edit(old.duration_s, film.duration_s, (Kept(0.2, 0.2, 0.4), Kept(9.0, 12.0, 0.4)))
    with pytest.raises(PlanError, match="no bar of the old music fits"):
        reconform(old, crumbs, film, spot(film, Options()))


def steady(count: int) -> Plan:
    """Bars of two seconds."""
    bars = tuple(PlanBar(i + 1, "4/4", 120.0, 0.0, 0.0, 0.3, 0.2) for i in range(count))
    model = planned(invented())
    section = replace(model.sections[0], id="S1", first_bar=1, bars=count, chords=("I",) * count, phrases=())
    return replace(model, bars=bars, sections=(section,), hits=(), hairpins=(), duration_s=2.0 * count, frame_rate=Fraction(RATE)).check()


def test_which_bars_survive() -> None:
    old = steady(10)
    edit = Edit(20.0, 17.0, (Kept(0.0, 0.0, 7.0), Kept(10.0, 7.0, 10.0)))
    runs = surviving_runs(old, edit)
    assert [(run.first, run.end, run.start_s, run.end_s) for run in runs] == [(0, 3, 0.0, 6.0), (5, 10, 7.0, 17.0)]
    assert [(gap.start_s, gap.end_s) for gap in gaps_between(runs, old, edit)] == [(0.0, 0.0), (6.0, 7.0), (17.0, 17.0)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(20, 320)), min_size=1, max_size=5), st.randoms())
def test_any_cutting_gives_a_valid_plan(pieces: list[tuple[int, int]], random: object) -> None:
    """Stretches of the old film in any order, some with new film before them."""
    old, cutting, at = steady(12), [], 0
    for skip, length in pieces:
        first, end = min(at + skip, 599), min(at + skip + length, 600)
        cutting.append((first, end))
        at = end if end < 599 else 0
    random.shuffle(cutting)  # type: ignore[attr-defined]
    chosen: Cutting = tuple(span for i, span in enumerate(cutting) for span in (*(((None, 30),) if i == 2 else ()), span))
    edit, film = edit_of(chosen, 600), invented(chosen)
    if surviving_runs(old, edit):
        made, reuse = reconform(old, edit, film, spot(film, Options()))
        check(old, made, reuse, edit)
