"""How loud, how long, and when: phrases, touch, breath, timing of single lines."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.render.perform import perform
from composer.render.performing.articulation import articulated
from composer.render.performing.breathing import LEAST_S, breath_s, breathing
from composer.render.performing.desk import attacks_of
from composer.render.performing.shaping import MOST_DB, arch, shaped
from composer.render.performing.timing import timed
from composer.score import Note, Track
from tests.render.conftest import build_score
from tests.render.stand import chords, desk_for, line, plan_of, score_of

SCALE = (60, 62, 64, 65, 67, 69, 71, 72, 74, 72, 71, 69, 67, 65, 64, 62)
melodies = st.lists(
    st.tuples(st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]), st.floats(0.3, 1.0), st.integers(60, 79), st.booleans()), min_size=2, max_size=40
)


def sung(rows: list[tuple[float, float, int, bool]]) -> list[Note]:
    """Notes of (beats to the next, share that sounds, pitch), with a rest of a beat after some."""
    notes, beat = [], 0.0
    for length, share, pitch, rests in rows:
        notes.append(Note(beat, round(length * share, 6), pitch, 70))
        beat += length + rests
    return notes


def test_a_phrase_rises_and_falls() -> None:
    assert arch(0.6) == 1 and arch(0.0) == arch(1.0) == pytest.approx(-1)
    score = score_of("piano", line([67] * 16))
    velocities = [note.velocity for note in shaped(score.tracks[0].notes, desk_for(score, plan_of(score, "melody", phrases=(6,))))]
    peak = velocities.index(max(velocities))
    assert 7 <= peak <= 11 and velocities[0] < 70 < velocities[peak] and velocities[-1] < velocities[0]
    assert velocities[: peak + 1] == sorted(velocities[: peak + 1]) and velocities[peak:] == sorted(velocities[peak:], reverse=True)


def test_what_is_high_or_long_is_louder() -> None:
    even = score_of("flute", line([72] * 12))
    plan = plan_of(even, "melody")
    flat = shaped(even.tracks[0].notes, desk_for(even, plan))
    for changed in (Note(5.0, 1.0, 81, 70), Note(5.0, 3.0, 72, 70)):
        notes = [
            changed if note.start_beat == 5.0 else note for note in even.tracks[0].notes if not 5.0 < note.start_beat < changed.end_beat
        ]
        score = score_of("flute", notes)
        assert next(n for n in shaped(notes, desk_for(score, plan)) if n.start_beat == 5.0).velocity > flat[5].velocity


def test_tunes_are_shaped_more_than_figures_and_drums_not_at_all() -> None:
    spread = {}
    for role in ("melody", "counter", "bass", "ostinato"):
        score = score_of("piano", line(SCALE))
        spread[role] = np.std([n.velocity for n in shaped(score.tracks[0].notes, desk_for(score, plan_of(score, role)))])
    assert spread["melody"] > spread["counter"] > spread["bass"] > spread["ostinato"] > 0
    drums = score_of("drums", line([36, 38] * 8))
    assert shaped(drums.tracks[0].notes, desk_for(drums)) == list(drums.tracks[0].notes)


@settings(max_examples=40, deadline=None)
@given(melodies, st.sampled_from(["violins_1", "piano", "oboe", "harp"]), st.sampled_from(["melody", "harmony"]))
def test_shaping_keeps_the_level(rows: list[tuple[float, float, int, bool]], instrument: str, role: str) -> None:
    score = score_of(instrument, sung(rows))
    notes = score.tracks[0].notes
    done = shaped(notes, desk_for(score, plan_of(score, role)))
    assert [(n.start_beat, n.duration_beats, n.pitch) for n in done] == [(n.start_beat, n.duration_beats, n.pitch) for n in notes]
    decibels = [40 * np.log10(a.velocity / b.velocity) for a, b in zip(done, notes, strict=True)]
    assert max(abs(d) for d in decibels) < MOST_DB + 0.3 and abs(np.mean(decibels)) < 0.6


def test_nothing_hides_a_hit() -> None:
    notes = [*line([72, 74, 76, 77, 79, 81, 83], velocity=80), Note(7.0, 1.0, 84, 100), *line([83, 81, 79], start=8.0, velocity=80)]
    score = score_of("piano", notes, hits=(7.0,))
    done = {n.start_beat: n.velocity for n in shaped(notes, desk_for(score, plan_of(score, "melody", hard=(7.0,))))}
    assert done[7.0] == 100 and done[6.0] <= 80
    assert max(velocity for beat, velocity in done.items() if beat != 7.0) <= 94


def test_tunes_are_slurred_and_dry_figures_short() -> None:
    notes = line(SCALE, fill=0.95)
    for instrument, role, mood, least, most in (
        ("violins_1", "melody", "tender", 1.001, 1.1),
        ("oboe", "melody", "tender", 1.001, 1.05),
        ("violins_1", "ostinato", "furious", 0.2, 0.6),
        ("contrabasses", "bass", "furious", 0.8, 1.0),
        ("violins_1", "pad", "peaceful", 0.99, 1.0001),
    ):
        score = score_of(instrument, notes, qpm=100)
        held = articulated(notes, desk_for(score, plan_of(score, role, mood)))
        inner = [n for n in held if n.start_beat % 4 not in (3.0, 0.0)]
        assert all(least <= n.duration_beats <= most for n in inner), (instrument, role, mood, {n.duration_beats for n in inner})


def test_written_rests_and_plucked_notes_stay() -> None:
    short = line(SCALE, fill=0.4)
    for instrument in ("violins_1", "harp", "marimba"):
        score = score_of(instrument, short)
        assert articulated(short, desk_for(score, plan_of(score, "melody"))) == short
    whole = line(SCALE)
    plucked = score_of("violins_1", whole, technique="pizzicato")
    assert articulated(whole, desk_for(plucked, plan_of(plucked, "melody"))) == whole


@settings(max_examples=60, deadline=None)
@given(
    melodies,
    st.sampled_from(["violins_1", "oboe", "piano", "choir", "horns"]),
    st.sampled_from(["melody", "harmony", "ostinato", "pad"]),
    st.sampled_from(["tender", "furious", "playful"]),
)
def test_articulation_is_clean_and_stays_when_done_again(
    rows: list[tuple[float, float, int, bool]], instrument: str, role: str, mood: str
) -> None:
    score = score_of(instrument, sung(rows), hits=(4.0,))
    desk = desk_for(score, plan_of(score, role, mood, hard=(4.0,)))
    held = articulated(score.tracks[0].notes, desk)
    assert [(n.start_beat, n.pitch, n.velocity) for n in held] == [(n.start_beat, n.pitch, n.velocity) for n in score.tracks[0].notes]
    for (one, other), was in zip(itertools.pairwise(held), score.tracks[0].notes, strict=False):
        over_s = (one.end_beat - other.start_beat) * 60 / 90
        assert one.duration_beats > 0 and over_s < 0.0305
        if one.pitch == other.pitch:
            assert over_s <= -0.015 or one.duration_beats < 0.1
        if other.start_beat == 4.0:
            assert one.end_beat <= max(was.end_beat, 0) + 1e-6
    assert articulated(held, desk) == held


@settings(max_examples=60, deadline=None)
@given(melodies, st.sampled_from(["flute", "oboe", "tuba", "horns", "solo_voice", "trumpets"]))
def test_nobody_plays_longer_than_a_breath(rows: list[tuple[float, float, int, bool]], instrument: str) -> None:
    score = score_of(instrument, sung(rows))
    desk = desk_for(score, plan_of(score, "melody"))
    held = breathing(articulated(score.tracks[0].notes, desk), desk)
    assert [(n.start_beat, n.pitch) for n in held] == [(n.start_beat, n.pitch) for n in score.tracks[0].notes]
    begun_s = end_s = 0.0
    for note in held:
        start_s = score.tempo.beat_to_s(note.start_beat)
        if start_s - end_s > min(LEAST_S, 0.45 * 0.25 * 60 / 90) - 1e-6:  # between quick notes a breath is as long as these allow
            begun_s = start_s
        end_s = score.tempo.beat_to_s(note.end_beat)
        assert end_s - begun_s <= breath_s(desk) + 1e-6


def test_phrases_end_with_a_breath_but_not_for_bows() -> None:
    notes = line(SCALE, fill=1.0)
    for instrument, least_s in (("oboe", LEAST_S), ("violins_1", 0.0)):
        score = score_of(instrument, notes)
        desk = desk_for(score, plan_of(score, "melody", phrases=(2, 2, 2)))
        held = breathing(articulated(notes, desk), desk)
        gaps_s = [(b.start_beat - a.end_beat) * 60 / 90 for a, b in itertools.pairwise(held)]
        assert gaps_s[7] >= least_s and max(gaps_s[:7]) <= 0 and (instrument == "oboe" or gaps_s[7] < LEAST_S)


def test_timing_drifts_and_spares_hits() -> None:
    notes = line([60 + k % 12 for k in range(400)], step=0.5, fill=1.02)
    score = score_of("violin", notes, hits=(8.0, 20.0))
    desk = desk_for(score)
    assert timed(notes, desk, 0.0, random.Random(1)) == notes
    played = sorted(timed(notes, desk, 1.0, random.Random(1)), key=lambda n: n.start_beat)
    offsets = np.array([b.start_beat - a.start_beat for a, b in zip(notes, played, strict=True)]) * 60 / 90
    assert offsets[16] == offsets[40] == offsets[0] == 0
    free = np.delete(offsets, [0, 16, 40])
    assert 0.004 < free.std() < 0.014 and np.abs(free).max() <= 0.0221
    assert np.corrcoef(free[:-1], free[1:])[0, 1] > 0.4  # what is late stays late for a while
    assert all(a.start_beat < b.start_beat for a, b in itertools.pairwise(played))
    overlaps = [a.end_beat - b.start_beat for a, b in itertools.pairwise(played)]
    assert np.std(overlaps) < 1e-3  # releases go along with the next onset


def test_harps_roll_guitars_strum_and_others_strike_together() -> None:
    widest = {}
    for instrument in ("harp", "guitar", "piano", "celesta"):
        notes = chords(6, (48, 55, 60, 64))
        score = score_of(instrument, notes, hits=(4.0,))
        played = timed(notes, desk_for(score), 0.5, random.Random(2))
        starts = [
            [n.start_beat for n in sorted(played, key=lambda n: (round(n.start_beat / 2), n.pitch))[4 * k : 4 * k + 4]] for k in range(6)
        ]
        assert starts[0] == [0.0] * 4 and starts[2] == [4.0] * 4
        assert all(chord == sorted(chord) for chord in starts)
        widest[instrument] = max(chord[-1] - chord[0] for chord in starts) * 60 / 90
        assert timed(notes, desk_for(score), 0.0, random.Random(2)) == notes
    assert widest["piano"] == widest["celesta"] == 0
    assert 3 * 0.025 <= widest["harp"] <= 3 * 0.06 and 3 * 0.008 <= widest["guitar"] <= 3 * 0.016


def test_attacks_are_what_begins_together() -> None:
    assert [len(attack.notes) for attack in attacks_of([*chords(2, (60, 64, 67)), Note(1.0, 1.0, 72, 70)])] == [3, 1, 3]


def test_chords_repeated_quickly_are_not_rolled() -> None:
    chords = tuple(Note(1 + 0.25 * k, 0.25, pitch, 70) for k in range(4) for pitch in (48, 55, 60, 64))
    score = replace(build_score(("harp",), 6.0, (120.0,)), markers=(), tracks=(Track("harp", "Harp", "harp", chords),))
    played = perform(score, None, 1.0).tracks[0].notes
    together = [sorted(n.start_beat for n in played[4 * k : 4 * k + 4]) for k in range(3)]
    assert all(group[-1] - group[0] < 1e-6 for group in together)
