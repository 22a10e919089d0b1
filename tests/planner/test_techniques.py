"""Techniques: sparse, fitting, and only by who can."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from composer.instruments import Technique
from composer.options import Options
from composer.plan import DYNAMICS, Hairpin, Part, Plan, PlanBar, PlanCue, Section
from composer.planner import plan, spot
from composer.planner.techniques import with_techniques
from composer.striking import roles_of
from composer.theory.moods import MOODS
from tests.filmmaker import random_film

STRINGS = ("violins_1", "violins_2", "violas", "cellos", "contrabasses")
ROLES: dict[str, tuple[str, ...]] = {
    "melody": ("violins_1",),
    "ostinato": ("violins_2",),
    "harmony": ("violas", "trumpets"),
    "bass": ("cellos",),
}


def section(mood: str, dynamics: str, number: int = 1, bars: int = 4, **more: object) -> Section:
    made = Section(f"S{number}", "1m1", 4 * number - 3, bars, mood, "C major", "A", dynamics, 0.5, ("I",) * bars, dict(ROLES), {"contrabasses": "cellos"}, "")  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def plan_of(*sections: Section, seed: int = 0, tension: float = 0.3, **more: object) -> Plan:
    bars = tuple(PlanBar(k + 1, "4/4", 90.0, 0.0, 0.0, tension, 0.2) for k in range(4 * len(sections) + 4))
    parts = tuple(Part(name, name) for name in ("trumpets", *STRINGS))
    made = Plan(
        1, seed, "rules", "A film", 200.0, random_film(1).frame_rate, "ring", (PlanCue("1m1", 0.0, 200.0),), parts, sections, (), bars
    )
    return replace(made, **more).check()  # type: ignore[arg-type]


def seen(mood: str, dynamics: str, **more: object) -> Counter[tuple[str, Technique]]:
    """(part, technique) → in how many of 40 seeds."""
    found: Counter[tuple[str, Technique]] = Counter()
    for seed in range(40):
        (done,) = with_techniques(plan_of(section(mood, dynamics), seed=seed, **more)).sections  # type: ignore[arg-type]
        found.update(done.techniques.items())
    return found


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["strings", "orchestra", "string_quartet", "romance", "horror"]),
    st.sampled_from([None, *MOODS]),
)
def test_only_who_can_where_it_suits_and_told(seed: int, ensemble: str, mood: str | None) -> None:
    film, options = random_film(seed, 60.0), Options(seed=seed, instruments=(ensemble,), mood=mood)
    made = plan(film, spot(film, options), options)
    told = [reason for reason in made.reasons if reason.startswith("playing: ")]
    for one in made.sections:
        for part, technique in one.techniques.items():
            roles = roles_of(part, one)
            assert technique in made.part(part).info.techniques
            assert technique == "mute" or not roles & {"melody", "counter"}
            assert technique != "tremolo" or "bass" not in roles
            assert one.bars >= 2
            assert any(one.id in reason.split() and made.part(part).info.name in reason for reason in told)
        if MOODS[one.mood].texture != "staccato":
            sustaining = [p for p in made.parts if roles_of(p.id, one) and not p.info.decays]
            plucked = {part for part, technique in one.techniques.items() if technique == "pizzicato"}
            assert not plucked or {p.id for p in sustaining} - plucked
    assert len(told) == sum(len(set(one.techniques.values())) for one in made.sections)
    assert made == plan(film, spot(film, options), options)
    assert with_techniques(made).sections == made.sections


def test_playful_sections_are_plucked_and_loud_or_broad_ones_not() -> None:
    plucked = seen("playful", "mp")
    assert {part for part, _ in plucked} == {"violins_2", "violas", "cellos", "contrabasses"} and {t for _, t in plucked} == {"pizzicato"}
    assert plucked["violins_2", "pizzicato"] > 25
    for mood, dynamics in (("playful", "ff"), ("heroic", "mp"), ("sad", "pp"), ("tender", "f"), ("furious", "p")):
        assert not {part for part, technique in seen(mood, dynamics) if technique == "pizzicato"}


def test_soft_gentle_sections_pluck_the_figure_or_the_bass() -> None:
    for one in (with_techniques(plan_of(section("mysterious", "p"), seed=seed)).sections[0] for seed in range(20)):
        strings = {part for part, technique in one.techniques.items() if technique == "pizzicato"}
        assert strings in (set(), {"violins_2"}, {"cellos", "contrabasses"})
    assert len({part for part, _ in seen("mysterious", "p")}) > 2


def test_fear_and_tension_tremble_in_the_chords() -> None:
    assert seen("fearful", "f") == {("violas", "tremolo"): 40}
    tense = seen("tense", "f", tension=0.8)
    assert 20 < tense["violas", "tremolo"] < 40 and len(tense) == 1
    assert not seen("tense", "f", tension=0.2)
    spoken = plan_of(section("fearful", "f"))
    spoken = replace(spoken, bars=tuple(replace(bar, speech=0.9) for bar in spoken.bars))
    assert "tremolo" not in with_techniques(spoken).sections[0].techniques.values()


@pytest.mark.parametrize(("mood", "most"), [("fearful", 2), ("furious", 1), ("playful", 3)])
def test_no_technique_goes_on_for_ever(mood: str, most: int) -> None:
    longest = 0
    for seed in range(8):
        made = with_techniques(plan_of(*(section(mood, "mf", number) for number in range(1, 9)), tension=0.8, seed=seed))
        runs = [len(list(group)) for has, group in itertools.groupby(bool(one.techniques) for one in made.sections) if has]
        assert not runs or (max(runs) == most and len(runs) > 1)
        longest = max([longest, *runs])
    assert longest == most


def test_growing_sections_tremble() -> None:
    grown = 0
    for seed, (form, mark) in itertools.product(range(20), (("build", "f"), ("build", "p"), ("release", "f"))):
        sections = (section("hopeful", "mf", form=form), section("hopeful", mark, 2, form="climax"))
        hairpins = (Hairpin(3, 1.0, 5, 1.0, "mf", mark),)
        first = with_techniques(plan_of(*sections, seed=seed, hairpins=hairpins)).sections[0]
        trembles = first.techniques.get("violas") == "tremolo"
        assert (form, mark) == ("build", "f") or not trembles
        grown += trembles
    assert grown > 10


def test_trumpets_are_muted_where_it_is_soft_and_dark() -> None:
    assert seen("sad", "p")["trumpets", "mute"] > 25
    assert not {t for _, t in seen("heroic", "p")} | {t for p, t in seen("sad", "f") if p == "trumpets"}


@pytest.mark.parametrize("mood", ["playful", "fearful", "sad"])
def test_what_a_person_decided_stays_and_short_sections_change_nothing(mood: str) -> None:
    own: dict[str, Technique] = {"violas": "pizzicato"}
    made = with_techniques(
        plan_of(section(mood, "p", techniques=own), section(mood, "p", 2), section(mood, "p", 3, bars=1), locked=("S2",))
    )
    assert [one.techniques for one in made.sections] == [own, {}, {}]
    assert not [reason for reason in made.reasons if reason.startswith("playing")]


def test_loudness_marks_that_the_rules_name_exist() -> None:
    from composer.planner import techniques

    assert {most for most, _, _ in techniques._PLUCKED.values()} | {techniques._MUTED_MOST} <= set(DYNAMICS)
    assert {*techniques._PLUCKED, *techniques._MUTED, *techniques._TREMBLING} <= set(MOODS)
