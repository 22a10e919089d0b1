"""That the counting of plans counts: right ones are right, and each fault is found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from composer.evaluation.plan_boundaries import Event, count_against, count_boundaries, count_scenes, count_themes, events, main_look, turns
from composer.evaluation.plan_checks import count_plan, key_relation, peak_s, tempo_steps
from composer.film import Film
from composer.options import Options
from composer.plan import Hairpin, Hit, Plan, PlanCue
from composer.theory.keys import parse_key
from tests.evaluation.small_plans import plan_of, section
from tests.filmmaker import film_of

#: three sections of 16, 16 and 8 s
PLAN = plan_of([section(1, 1, 8), section(2, 9, 8, theme="B", form="climax", dynamics="ff"), section(3, 17, 4)])
#: cuts where its sections begin and one between; the feeling turns at 16 s
FILM = film_of([10.0, 16.0, 32.0], 40.0, [0.0] * 40, [-0.5] * 16 + [0.6] * 16 + [-0.2] * 8)


def counted(plan: Plan = PLAN, film: Film = FILM, options: Options | None = None) -> Counter[str]:
    return count_plan(plan, film, options or Options())


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("C major", "C major", "same"), ("D minor", "D dorian", "same"), ("C major", "A minor", "relative"), ("A minor", "C major", "relative"),
        ("C major", "G major", "fifth"), ("A minor", "D minor", "fifth"), ("C major", "C minor", "parallel"), ("C major", "D minor", "near"),
        ("C major", "E minor", "near"), ("A minor", "G major", "near"), ("A minor", "F major", "near"), ("C major", "E major", "mediant"), ("C major", "Ab major", "mediant"),
        ("C major", "F# major", "other"), ("C major", "D major", "other"), ("C major", "F minor", "other"),
    ],
)  # fmt: skip
def test_relations_of_keys(one: str, other: str, relation: str) -> None:
    assert key_relation(parse_key(one), parse_key(other)) == relation
    assert key_relation(parse_key(other), parse_key(one)) == relation


def test_phrases_count_as_the_plan_names_them() -> None:
    plan = PLAN
    first = plan.sections[0]
    halves = (4, first.bars - 4) if first.bars > 4 else (first.bars,)
    named = replace(plan, sections=(replace(first, phrases=halves), *plan.sections[1:])).check()
    c = counted(named)
    assert c["phrases"] == len(halves) and c["phrases of 4 or 8"] == sum(bars in (4, 8) for bars in halves)


def test_a_good_plan_counts_whole() -> None:
    c = counted()
    assert c["cues covered"] == c["films covered"] == c["cues"] == 1
    assert c["sections"] == c["of 8 to 40 s"] == 3 and not c["under 8 s"] and not c["over 40 s"]
    assert c["chords"] == c["chords with a function"] == 20
    assert c["phrases"] == c["phrases of 4 or 8"] == 0  # it names none
    assert c["with one climax"] == c["climax most aroused"] == c["climax holds the peak"] == c["climax loudest"] == 1
    assert c["key same"] == c["turns"] == 2 and not c["key changes"]


def test_gaps_and_short_ends_are_found() -> None:
    assert counted(replace(PLAN, cues=(PlanCue("1m1", 0.0, 40.1),)))["cues covered"] == 0  # 2.5 frames
    assert counted(replace(PLAN, cues=(PlanCue("1m1", 0.0, 40.015),)))["cues covered"] == 1
    for over_s, on_time, covered in ((0.015, 1, 1), (1.9, 0, 1), (2.1, 0, 0)):  # a bar lasts 2 s
        c = counted(replace(PLAN, cues=(PlanCue("1m1", 0.0, 40.0 - over_s),)))
        assert (c["cues in a free tempo that end on time"], c["cues covered"]) == (on_time, covered)
    late = replace(PLAN, cues=(PlanCue("1m1", 0.4, 40.0),))
    assert counted(late)["cues covered"] == 0 and counted(late, options=Options(steady=True))["cues covered"] == 1
    holed = plan_of([section(1, 1, 8), section(2, 10, 7)])
    assert counted(holed)["cues without a gap"] == 0 and counted(holed)["turns"] == 0


def test_lengths() -> None:
    c = counted(plan_of([section(1, 1, 3), section(2, 4, 21)]))
    assert (c["under 8 s"], c["over 40 s"], c["of 8 to 40 s"]) == (1, 1, 0)
    assert counted(plan_of([section(1, 1, 3)]))["sections of several"] == 0


def test_tempo_is_held_to_what_was_asked() -> None:
    assert counted(options=Options(tempo_qpm=118.0))["tempo kept"] == 1
    assert counted(options=Options(tempo_qpm=117.0))["tempo kept"] == 0
    assert counted(options=Options(tempo_qpm=120.0, steady=True))["steady kept"] == 1
    assert counted(options=Options(tempo_qpm=119.0, steady=True))["steady kept"] == 0
    faster = replace(PLAN, bars=tuple(replace(bar, qpm=132.0) if bar.bar > 8 else bar for bar in PLAN.bars))
    assert counted(faster, options=Options(steady=True))["steady kept"] == 0
    assert tempo_steps(faster) == pytest.approx([0.1, 0.0])
    assert counted(faster)["tempo turns > 10 %"] == 0 and counted(faster)["turns"] == 2


def test_the_climax_has_to_be_where_feeling_peaks() -> None:
    early = replace(PLAN, sections=tuple(replace(s, form="climax" if s.id == "S1" else "build") for s in PLAN.sections))
    c = counted(early)
    assert c["with one climax"] == 1 and not c["climax most aroused"] and not c["climax holds the peak"] and not c["climax loudest"]
    assert 16 <= peak_s(FILM, PLAN.cues[0]) <= 32


def test_hard_hits_want_a_new_chord() -> None:
    def hit(bar: int, beat: float, weight: float = 0.9, error_s: float = 0.0) -> Hit:
        return Hit((bar - 1) * 2.0 + (beat - 1) / 2 - error_s, bar, beat, error_s, weight, "accent")

    entries = ("I", "I", "I V", "IV") + ("I",) * 4
    plan = replace(PLAN, sections=(replace(PLAN.sections[0], chords=entries), *PLAN.sections[1:]))
    wanted = {(2, 1.0): 0, (3, 1.0): 0, (3, 3.0): 1, (3, 2.0): 0, (4, 1.0): 1, (5, 1.0): 1}
    for (bar, beat), new in wanted.items():
        c = counted(replace(plan, hits=(hit(bar, beat),)).check())
        assert (c["hard hits"], c["hard hits with a new chord"]) == (1, new), (bar, beat)
    for none in (hit(4, 1.0, weight=0.5), hit(4, 1.0, error_s=0.1), hit(1, 1.0)):
        assert counted(replace(plan, hits=(none,)).check())["hard hits"] == 0


def test_players_and_hairpins() -> None:
    c = counted(options=Options(instruments=("violins_1",)))
    assert c["only asked parts"] == c["parts as asked"] == c["ensemble asked"] == 1
    c = counted(options=Options(instruments=("piano",)))
    assert not c["only asked parts"] and not c["parts as asked"]
    c = counted(options=Options(instruments=("strings",)))
    assert c["only asked parts"] and not c["parts as asked"]
    swell = replace(PLAN, hairpins=(Hairpin(7, 1.0, 9, 1.0, "p", "ff"), Hairpin(10, 1.0, 10, 4.0, "p", "mf")))
    c = counted(swell)
    assert (c["hairpins"], c["hairpins into a hard hit or section"], c["steps of dynamics 4"]) == (2, 1, 1)


# --- boundaries and themes --------------------------------------------------------------------------------------------


def test_events_and_turns() -> None:
    found = events(FILM)
    assert [event.time_s for event in found] == [10.0, 16.0, 32.0]
    assert turns(found) == [16.0]
    still = film_of([], 40.0, [0.0] * 40, [-0.5] * 20 + [0.5] * 20)
    assert turns(events(still)) == [20.0]
    near = film_of([18.0], 40.0, [0.0] * 40, [-0.5] * 20 + [0.5] * 20)
    assert [event.time_s for event in events(near)] == [18.0]
    assert events(film_of([], 20.0, [0.1] * 20, [0.1] * 20)) == []
    assert turns([]) == []
    assert len(turns([Event(float(i), 1.0) for i in range(11)])) == 3


def test_boundaries_are_counted_where_a_turn_is_in_reach() -> None:
    c = count_boundaries(PLAN, FILM)
    assert (c["boundaries"], c["in reach"], c["in reach, on a turn"], c["on a turn"]) == (2, 1, 1, 1)
    assert c["on an event"] == 2  # 32 s is one, but no turn
    assert c["shifted boundaries"] == c["drawn boundaries"] == 400
    assert c["shifted in reach, on a turn"] < 0.1 * c["shifted in reach"]
    late = replace(FILM, shots=tuple(replace(s, start_s=s.start_s + 0.04 * (s.start_s > 0)) for s in FILM.shots))
    c = count_boundaries(PLAN, late)  # a whole frame off
    assert (c["in reach"], c["in reach, on a turn"]) == (1, 0)
    half = replace(late, frame_rate=Fraction(25, 2))
    assert count_boundaries(PLAN, half)["in reach, on a turn"] == 1
    far = replace(FILM, shots=tuple(replace(s, start_s=s.start_s + 5 * (s.start_s > 0)) for s in FILM.shots))
    assert count_boundaries(PLAN, far)["on a turn"] == 0


def test_scenes_that_begin_a_section() -> None:
    c = count_against(PLAN, FILM, [16.0, 31.0])
    assert (c["boundaries"], c["in reach"], c["in reach, on a turn"]) == (2, 2, 1)
    c = count_scenes(PLAN, FILM, [3.0, 16.0, 24.0, 33.0])
    assert (c["scenes"], c["scenes begun"]) == (3, 1)  # the first is too near to the start


def test_themes_that_return() -> None:
    looks = (0, 0, 1, 0)
    film = replace(FILM, shots=tuple(replace(shot, look=look) for shot, look in zip(FILM.shots, looks, strict=True)))
    assert [main_look(film, *span) for span in ((0.0, 16.0), (16.0, 32.0), (32.0, 40.0))] == [0, 1, 0]
    c = count_themes(PLAN, film)  # A B A
    assert (c["looks returned"], c["themes returned"], c["pairs of other looks"], c["with one theme"]) == (1, 1, 2, 0)
    other = replace(PLAN, sections=tuple(replace(s, theme="ABC"[i]) for i, s in enumerate(PLAN.sections)))
    assert count_themes(other, film)["themes returned"] == 0
