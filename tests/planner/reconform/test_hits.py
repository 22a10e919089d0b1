"""Hits of a re-edited film: a person's own are held above all, and picture that is shown twice has hits both times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from composer.changes import changes_text
from composer.edit import Edit, Kept, Reuse
from composer.film import Span
from composer.options import Options
from composer.plan import Hit, Plan
from composer.planner import plan, spot
from composer.planner.reconform import reconform
from composer.planner.reconform.fresh import shown_again
from composer.planner.reconform.survival import surviving_runs
from tests.reedits import END, RATE, TRIMMED, Cutting, edit_of, invented


@pytest.fixture(scope="module")
def old() -> Plan:
    film = invented()
    return plan(film, spot(film, Options()), Options(instruments=("strings",)))


def conformed(old: Plan, cutting: Cutting) -> tuple[Plan, Reuse]:
    film = invented(cutting)
    return reconform(old, edit_of(cutting), film, spot(film, Options()))


def with_hit(old: Plan, bar: int, beat: float, *, is_own: bool) -> Plan:
    """The plan with a hit exactly on a place in the music."""
    time_s = old.tempo.beat_to_s(old.tempo.beat_of(bar, beat))
    hits = [*(hit for hit in old.hits if abs(hit.time_s - time_s) > 0.4), Hit(time_s, bar, beat, 0.0, 1.0, "accent", "", is_own)]
    return replace(old, hits=tuple(sorted(hits, key=lambda hit: hit.time_s))).check()


@pytest.mark.parametrize("is_own", [True, False])
def test_a_hit_between_the_beats_stays_where_its_bar_keeps_its_notes(is_own: bool, old: Plan) -> None:
    mine = old
    for bar in range(2, len(old.bars)):
        mine = with_hit(mine, bar, 1.37, is_own=is_own)
    made, reuse = conformed(mine, TRIMMED)
    bent = {change.bar: change.old_bar for change in reuse.bars if change.fate == "tempo"}
    held = {hit.bar: hit for hit in made.hits if hit.beat == pytest.approx(1.37) and hit.bar in bent}
    met = [hit for hit in held.values() if abs(hit.frames_off(made.frame_rate)) <= 0.5]
    assert met, reuse.hits
    assert {hit.is_own for hit in met} == {is_own}


def test_a_persons_own_hit_is_never_dropped_while_its_picture_is_there(old: Plan) -> None:
    _, plain = conformed(old, TRIMMED)
    for change in plain.bars:
        if change.fate in ("tempo", "part") and change.old_bar is not None:
            mine = with_hit(old, change.old_bar, 1.37, is_own=True)
            (own,) = (hit for hit in mine.hits if hit.is_own)
            made, _ = conformed(mine, TRIMMED)
            shown_s = edit_of(TRIMMED).moved(own.time_s, 0.02)
            kept = [hit.time_s for hit in made.hits if hit.is_own]
            assert kept == ([pytest.approx(shown_s)] if shown_s is not None else [])


def test_what_is_shown_twice_has_hits_and_candidates_both_times(old: Plan) -> None:
    twice: Cutting = ((0, END), (0, END))
    made, reuse = conformed(old, twice)
    half_s = END / RATE
    first, second = ([hit for hit in made.hits if (hit.time_s >= half_s) == later] for later in (False, True))
    assert len(first) == len(old.hits)
    assert len(second) >= 0.6 * len(first)
    for known in (old.candidates_s, old.wanted_s):
        assert known
    assert [t for t in made.candidates_s if t > half_s + 0.1] == pytest.approx([t + half_s for t in old.candidates_s])
    assert len([t for t in made.wanted_s if t > half_s + 0.1]) >= 0.8 * len(old.wanted_s)
    text = changes_text(invented(), invented(twice), edit_of(twice), reuse, old, made)
    assert "shots 1–8      shown twice (old" in text and "split" not in text
    assert f"shown twice    01:00:40:01–01:01:20:02, {END} frames" in text


def test_only_the_showing_without_music_counts_as_new(old: Plan) -> None:
    twice = Edit(40.04, 50.04, (Kept(10.0, 0.0, 10.0), Kept(0.0, 10.0, 40.04)))
    runs = surviving_runs(old, twice)
    (again,) = shown_again(old, twice, runs)  # the short one: its bars went along with the long one
    assert (again.start_s, again.end_s) == pytest.approx((0.0, 10.0))
    (told,) = twice.repeated  # for people the later one is the second
    assert (told.start_s, told.end_s) == pytest.approx((20.0, 30.0))
    assert Edit(40.04, 40.04, (Kept(0.0, 0.0, 40.04),)).repeated == ()
    assert isinstance(told, Span)
