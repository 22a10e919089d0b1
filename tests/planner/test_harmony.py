"""Harmony of a section: phrases that close, hits that change the chord, a key that is heard, and no two seeds alike."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from composer.planner.harmony import (
    BarTime,
    Harmony,
    HarmonyAsk,
    HitAt,
    change_at,
    section_chords,
    write_chords,
)
from composer.planner.harmony.cadences import _FORMULAS
from composer.planner.harmony.grammar import GRAMMARS, differ, tonic_of
from composer.planner.harmony.hearing import key_lead
from composer.planner.harmony.idioms import IDIOMS
from composer.planner.harmony.judging import MAX_HELD_BARS, changes_at
from composer.planner.harmony.rhythm import bars_per_chord, wished_seconds
from composer.theory.chords import bar_chords, parse_chord
from composer.theory.functions import cadence_names, function_names, last_cadence
from composer.theory.keys import MODES, Key, parse_key
from composer.theory.moods import MOODS, tension_of


def ask_for(mood: str = "sad", key: str = "D minor", bars: int = 12, beats: float = 4.0, seconds: float = 2.4) -> HarmonyAsk:
    """A section of a mood, its feeling the mood's own."""
    found = MOODS[mood]
    tension = tension_of(found.valence, found.arousal)
    return HarmonyAsk(found, parse_key(key), (BarTime(beats, seconds),) * bars, tension, found.valence, found.arousal)


def plainly(mood: str, other_gender: bool) -> str:
    """A major or minor key for a mood: of its gender, or against it."""
    return "E minor" if Key(0, MOODS[mood].mode).is_minor != other_gender else "E major"


@st.composite
def asks(draw: st.DrawFn) -> HarmonyAsk:
    bars, beats = draw(st.integers(1, 24)), draw(st.sampled_from([2, 3, 4, 4, 4, 6]))
    times = (BarTime(float(beats), draw(st.floats(1.0, 4.5))),) * bars
    places = st.tuples(st.integers(0, bars - 1), st.integers(1, beats))
    hits = tuple(HitAt(bar, float(beat), hard) for (bar, beat), hard in draw(st.dictionaries(places, st.booleans(), max_size=5)).items())
    key = Key(draw(st.integers(0, 11)), draw(st.sampled_from(sorted(MODES))))
    following = draw(st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES))))
    return HarmonyAsk(
        MOODS[draw(st.sampled_from(sorted(MOODS)))],
        key,
        times,
        draw(st.floats(0, 1)),
        draw(st.floats(-1, 1)),
        draw(st.floats(-1, 1)),
        draw(st.sampled_from(["whole", "opening", "build", "respite", "climax", "release", "ending"])),
        hits=hits,
        next_key=following,
        modulation=draw(st.sampled_from(["pivot", "direct"])) if following else "",
        is_last=draw(st.booleans()) and following is None,
    )


@settings(max_examples=150, deadline=None)
@given(asks(), st.integers(0, 10_000))
def test_any_section_gets_legal_chords(ask: HarmonyAsk, seed: int) -> None:
    made = write_chords(ask, random.Random(seed))
    assert len(made.chords) == sum(made.phrases) == len(ask.bars)
    assert min(made.phrases) > 1 or len(ask.bars) == 1
    assert made.reasons and all(made.reasons)
    for entry in made.chords:
        assert len(function_names(entry, ask.key).split(", ")) == len(entry.split())
    assert len(cadence_names(made.chords, ask.key, made.phrases)) == len(made.phrases)
    assert last_cadence(made.chords, ask.key) is not None
    assert max(len(list(same)) for _, same in itertools.groupby(made.chords)) <= MAX_HELD_BARS


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_hard_hits_get_a_new_chord(mood: str) -> None:
    """Hits on whole beats, also in the last bars and at the first beat of the section."""
    hit = total = 0
    for seed in range(40):
        rng = random.Random(f"{mood}/{seed}")
        beats, bars = rng.choice([3, 4, 4, 6]), rng.choice([2, 5, 8, 13])
        ask = ask_for(mood, plainly(mood, seed % 2 == 0), bars, float(beats), rng.uniform(1.2, 3.5))
        hits = tuple(HitAt(bar, float(rng.randint(1, beats))) for bar in range(bars) if rng.random() < 0.3)
        ask = replace(ask, hits=hits, before=parse_chord("I", ask.key), is_last=seed % 3 == 0)
        made = write_chords(ask, rng)
        hit += sum(changes_at(made.chords, ask, one.bar, one.beat) for one in hits)
        total += len(hits)
    assert total > 40 and hit == total


def test_a_hit_in_the_cadence_gets_the_close() -> None:
    for seed in range(20):
        ask = replace(ask_for(bars=8), hits=(HitAt(7, 3.0),), is_last=True)
        last = write_chords(ask, random.Random(seed)).chords[-1].split()
        assert parse_chord(last[-1], ask.key).root == ask.key.tonic
        assert differ(last[len(last) // 2 - 1], last[len(last) // 2], ask.key)
        assert len(set(last[len(last) // 2 :])) == 1


@pytest.mark.parametrize("mood", sorted(MOODS))
@pytest.mark.parametrize("other_gender", [False, True])
def test_the_key_is_heard(mood: str, other_gender: bool) -> None:
    """Krumhansl & Schmuckler find the key or its relative, whatever the tension."""
    found = []
    for seed in range(24):
        ask = replace(ask_for(mood, plainly(mood, other_gender), 8 + seed % 9), tension=seed / 23)
        made = write_chords(ask, random.Random(seed))
        found.append(key_lead(made.chords, [bar.beats for bar in ask.bars], ask.key) > 0)
    assert all(found)


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_mixolydian_has_its_flat_seventh(mood: str) -> None:
    """From four bars on a chord on it or a minor dominant, whatever the idiom; phrases close over it rather than over a leading note."""
    closes: list[str] = []
    for seed in range(16):
        ask = replace(ask_for(mood, "D mixolydian", 4 + seed % 9), is_last=seed % 2 == 0)
        made = write_chords(ask, random.Random(seed))
        steps = {((chord.root - 2) % 12, chord.is_minor) for entry in made.chords for chord in bar_chords(entry, ask.key)}
        assert steps & {(10, False), (7, True)}, made.chords
        closes += cadence_names(made.chords, ask.key, made.phrases)
    assert closes.count("authentic") < 0.25 * len(closes) and closes.count("authentic") < closes.count("modal")


def test_key_finding_hears_another_key() -> None:
    chords, beats = ["I", "IV", "V7", "I"], [4.0] * 4
    assert key_lead(chords, beats, parse_key("C")) > 0.1
    assert key_lead(["I/V", "IV/V", "V7/V", "I/V"], beats, parse_key("C")) < 0


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_a_cue_ends_on_a_closed_tonic(mood: str) -> None:
    for seed, mode in itertools.product(range(8), (MOODS[mood].mode, "major", "minor")):
        ask = replace(ask_for(mood, f"A {mode}", 1 + seed * 2), is_last=True)
        last = bar_chords(write_chords(ask, random.Random(seed)).chords[-1], ask.key)[-1]
        assert (last.root, last.bass) == (ask.key.tonic, ask.key.tonic)
        assert last.intervals in ((0, 4, 7), (0, 3, 7), (0, 7))


def test_seeds_differ_and_repeat() -> None:
    for mood in MOODS:
        ask = ask_for(mood, plainly(mood, False))
        firsts = [write_chords(ask, random.Random(seed)).chords[:4] for seed in range(16)]
        pairs = list(itertools.combinations(firsts, 2))
        assert sum(one != other for one, other in pairs) >= 0.8 * len(pairs), mood
        assert write_chords(ask, random.Random(7)) == write_chords(ask, random.Random(7))


def test_phrases_answer_one_another() -> None:
    """The first phrase returns, but with another end; the first close is more often open than the second."""
    openings = identical = 0
    first, second = [], []
    for seed in range(60):
        ask = replace(ask_for("tender", "G major", 16), is_last=True)
        made = write_chords(ask, random.Random(seed))
        if made.phrases != (4, 4, 4, 4):
            continue
        phrases = [made.chords[i : i + 4] for i in range(0, 16, 4)]
        openings += phrases[0][0] == phrases[1][0]
        identical += len(set(phrases)) < 4
        names = cadence_names(made.chords, ask.key, made.phrases)
        first.append(names[0] == "half")
        second.append(names[1] == "half")
    assert len(first) > 30 and openings > 0.7 * len(first) and identical < 0.3 * len(first)
    assert sum(first) > sum(second)


def test_tension_brings_chromatic_chords() -> None:
    def share(tension: float) -> float:
        foreign = total = 0
        for mood, seed in itertools.product(("heroic", "sad", "mysterious", "tender"), range(12)):
            ask = replace(ask_for(mood, plainly(mood, False), 16), tension=tension)
            scale = set(ask.key.scale) | ({(ask.key.tonic + 11) % 12} if ask.key.is_minor else set())
            chords = [c for entry in write_chords(ask, random.Random(seed)).chords for c in bar_chords(entry, ask.key)]
            foreign += sum(not set(c.pitch_classes) <= scale for c in chords)
            total += len(chords)
        return foreign / total

    low, middle, high = share(0.05), share(0.5), share(0.95)
    assert low < 0.12 and low < middle < high < 0.4


def test_harmonic_rhythm_follows_feeling_and_time() -> None:
    assert wished_seconds(-1) > 4.5 and wished_seconds(1) < 1.5
    calm, excited = replace(ask_for(seconds=2.0), arousal=-1.0), replace(ask_for(seconds=2.6), arousal=1.0)
    assert (bars_per_chord(calm), bars_per_chord(excited)) == (2.0, 0.5)
    assert bars_per_chord(replace(excited, bars=(BarTime(4.0, 1.5),) * 12)) == 1.0

    def chords(ask: HarmonyAsk) -> int:
        return sum(len(list(itertools.groupby(e.split()))) for e, _ in itertools.groupby(write_chords(ask, random.Random(2)).chords))

    assert chords(calm) < 12 < chords(excited)


@pytest.mark.parametrize("following", ["F major", "A minor", "G minor", "E major", "B minor", "Db major", "F# minor"])
@pytest.mark.parametrize("key", ["D minor", "D major", "D dorian"])
def test_a_pivot_opens_the_next_key(key: str, following: str) -> None:
    ask = replace(ask_for(key=key), next_key=parse_key(following), modulation="pivot")
    made = write_chords(ask, random.Random(4))
    last = bar_chords(made.chords[-1], ask.key)[-1]
    assert last.pitch_classes == parse_chord("V7", parse_key(following)).pitch_classes
    direct = write_chords(replace(ask, modulation="direct"), random.Random(4))
    assert parse_chord(direct.chords[-1].split()[-1], ask.key).root in {ask.key.tonic, *ask.key.scale, (ask.key.tonic + 8) % 12}


def test_given_chords_are_played_literally() -> None:
    given_chords = ("i", "bVI", "iv V7", "i5")
    ask = replace(ask_for(bars=10), progression=given_chords)
    made = write_chords(ask, random.Random(0))
    assert made.chords == (*given_chords, *given_chords, *given_chords[:2])
    assert sum(made.phrases) == 10
    closed = write_chords(replace(ask, is_last=True), random.Random(0))
    assert closed.chords[:8] == made.chords[:8] and parse_chord(closed.chords[-1], ask.key).root == ask.key.tonic
    hit = write_chords(replace(ask, hits=(HitAt(3, 4.0),)), random.Random(0))
    assert changes_at(hit.chords, ask, 3, 4.0) and hit.chords[:3] == made.chords[:3]


def test_a_bar_is_changed_at_its_hit() -> None:
    key = parse_key("D minor")
    chords = ["i", "i", "VI", "iv", "V", "i"]
    change_at(chords, 1, 4.0, 4.0, key, random.Random(1))
    assert chords == ["i", "i i i VI", "VI", "iv", "V", "i"]
    change_at(chords, 0, 1.0, 4.0, key, random.Random(1))
    assert chords[0] == "i"
    same = ["i", "i", "VI", "iv", "V", "i"]
    change_at(same, 1, 1.0, 4.0, key, random.Random(1))
    assert differ(same[0], same[1], key) and differ(same[1], same[2], key)
    change_at(same, 5, 1.0, 4.0, key, random.Random(1))
    assert same[5] == "i"


def test_sections_of_which_little_is_known() -> None:
    chords = section_chords(MOODS["fearful"], parse_key("E phrygian"), 7, random.Random(3), is_last=True)
    assert len(chords) == 7 and parse_chord(chords[-1].split()[-1], parse_key("E phrygian")).root == 4


@pytest.mark.parametrize("mode", sorted(MODES))
def test_tables_are_legal_chords(mode: str) -> None:
    """Every chord of grammar, idioms and cadences is read, named, and leads somewhere."""
    key = Key(2, mode)
    assert tonic_of(key) in GRAMMARS[mode]
    for chord, following in GRAMMARS[mode].items():
        for symbol in (chord, *(step[0] for step in following)):
            assert function_names(symbol, key)
    for idiom in IDIOMS.values():
        for line in idiom.lines.get(mode, ()):
            assert all(function_names(symbol, key) for symbol in line) and len(line) >= 3
    for kind, text in _FORMULAS[mode].items():
        for formula in text.split("|"):
            symbols = formula.split("@")[0].split()
            assert cadence_names([" ".join(symbols)], key, [1])[0] == kind, (kind, symbols)


def test_moods_name_idioms_that_are_there() -> None:
    for mood in MOODS.values():
        assert set(mood.idioms) <= set(IDIOMS)
        assert any(mood.mode in IDIOMS[name].lines for name in mood.idioms)


def test_a_mood_against_its_gender_stays_itself() -> None:
    """Sad music in major still falls, and is in major."""
    made: list[Harmony] = [write_chords(ask_for("sad", "C major", 16), random.Random(seed)) for seed in range(20)]
    assert sum("over a falling bass" in one.reasons for one in made) >= 4
    assert all(bar_chords(one.chords[0], parse_key("C"))[0].root in parse_key("C").scale for one in made)


def test_the_handbook_knows_every_idiom_and_mood() -> None:
    text = (Path(__file__).parents[2] / "docs" / "harmony.md").read_text(encoding="utf-8")
    for idiom in IDIOMS.values():
        assert f"| {idiom.name} |" in text and f"| {idiom.tension[0]:g} … {idiom.tension[1]:g} |" in text
    for mood in MOODS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| {mood.name} | {mood.mode} |"))
        assert all(f"{name} {weight:g}" in row for name, weight in mood.idioms.items())


def test_a_build_may_stand_on_the_dominant() -> None:
    ask = replace(ask_for("tense", "D minor", 8), tension=0.7, form="build")
    built = [write_chords(ask, random.Random(seed)) for seed in range(40)]
    pedals = [one for one in built if "over a dominant pedal" in one.reasons and any("/5" in entry for entry in one.chords[4:])]
    assert len(pedals) >= 8
    assert all(
        parse_chord(one.chords[-1].split()[-1], ask.key).root == 9
        for one in pedals
        if cadence_names(one.chords, ask.key, one.phrases)[-1] == "half"
    )
    calm = [write_chords(replace(ask, form="release", tension=0.2), random.Random(seed)) for seed in range(40)]
    assert not any("over a dominant pedal" in one.reasons for one in calm)


def test_a_hit_may_not_keep_the_tonic_away() -> None:
    """A section that begins on a hit after its own tonic opens elsewhere, and comes home at once."""
    for seed in range(12):
        ask = ask_for("tender", "G major", 8)
        ask = replace(ask, hits=(HitAt(0, 1.0),), before=parse_chord("I", ask.key))
        made = write_chords(ask, random.Random(seed))
        roots = [chord.root for entry in made.chords for chord in bar_chords(entry, ask.key)]
        assert roots[0] != ask.key.tonic and ask.key.tonic in roots[1:6]
