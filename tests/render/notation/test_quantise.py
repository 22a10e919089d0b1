from __future__ import annotations

import random

import pytest

from composer.render.notation.metre import UNITS
from composer.render.notation.quantise import Bars, Event, events, place, strikes
from composer.score import Note
from tests.render.notation.conftest import strayed, tempo_of

FOURS = tempo_of(["4/4"] * 8, [100.0])
BARS = Bars(FOURS)


def read(
    notes: list[Note], bars: Bars = BARS, hits: frozenset[int] = frozenset(), may_roll: bool = False, struck: bool = False
) -> list[Event]:
    placed, triplets = place(strikes(notes, bars.tempo, may_roll=may_roll), bars)
    return events(placed, bars, triplets, hits, struck=struck)


@pytest.mark.parametrize("qpm", [60.0, 100.0, 150.0])
@pytest.mark.parametrize("grid", [(0, 12), (0, 6, 12, 18), (0, 8, 16), (0, 12, 18), (0, 6, 12), (0, 18), (8, 16)])
def test_a_strayed_rhythm_is_found_again(qpm: float, grid: tuple[int, ...]) -> None:
    tempo = tempo_of(["4/4"] * 8, [qpm])
    rng = random.Random(f"{qpm}{grid}")
    meant = [beat * UNITS + place for beat in range(32) for place in grid]
    notes = [Note(strayed(at / UNITS, tempo, rng), 0.2, 60 + i % 12, 80) for i, at in enumerate(meant)]
    found = [event.start for event in read(notes, Bars(tempo))]
    wrong = [at for at in meant if at not in set(found)]
    assert len(wrong) <= 0.03 * len(meant), wrong  # at 150 a player 22 ms off is nearer to the other grid


def test_a_note_that_almost_reaches_the_next_does_reach_it() -> None:
    found = read([Note(0.0, 0.8, 60, 80), Note(1.0, 1.7, 62, 80), Note(3.0, 1.0, 64, 80)])
    assert [(e.start, e.end) for e in found] == [(0, 24), (24, 72), (72, 96)]
    assert not any(e.staccato for e in found)


def test_short_notes_get_dots_and_real_rests_stay() -> None:
    found = read([Note(0.0, 0.25, 60, 80), Note(0.5, 0.25, 62, 80), Note(1.0, 0.5, 62, 80), Note(2.0, 0.5, 64, 80), Note(4.0, 1.0, 64, 80)])
    assert [(e.start, e.end, e.staccato) for e in found[:4]] == [(0, 12, True), (12, 24, True), (24, 48, True), (48, 60, False)]


def test_the_breath_before_a_hit_is_no_staccato() -> None:
    notes = [Note(0.0, 0.25, 60, 80), Note(0.5, 0.5, 62, 80)]
    assert read(notes)[0].staccato
    assert not read(notes, hits=frozenset({12}))[0].staccato


def test_a_syncopated_eighth_keeps_its_rest() -> None:
    found = read([Note(0.5, 0.5, 60, 80), Note(1.5, 0.5, 60, 80), Note(2.5, 0.5, 60, 80)])
    assert [(e.start, e.end) for e in found] == [(12, 24), (36, 48), (60, 72)]


def test_a_rolled_chord_is_one_chord_and_a_strummed_one_has_no_sign() -> None:
    beats = 0.045 * 100 / 60
    rolled = read([Note(1 + k * beats, 2 - k * beats, 48 + 5 * k, 80) for k in range(5)], may_roll=True)
    assert [(e.start, e.roll, len(e.notes)) for e in rolled] == [(24, "up", 5)]
    down = read([Note(1 + k * beats, 2 - k * beats, 72 - 5 * k, 80) for k in range(4)], may_roll=True)
    assert [(e.start, e.roll, len(e.notes)) for e in down] == [(24, "down", 4)]
    strum = read([Note(1 + k * beats / 4, 2 - k * beats / 4, 48 + 5 * k, 80) for k in range(5)], may_roll=True)
    assert [(e.start, e.roll, len(e.notes)) for e in strum] == [(24, "", 5)]


def test_a_fast_run_is_no_roll() -> None:
    run = read([Note(1 + k / 4, 0.25, 60 + 2 * k, 80) for k in range(8)], may_roll=True)
    assert [e.start for e in run] == [24 + 6 * k for k in range(8)]


def test_legato_is_held_into_the_next_note() -> None:
    joined = read([Note(0.0, 1.04, 60, 80), Note(1.0, 1.0, 62, 80), Note(2.0, 1.0, 62, 80)])
    assert [e.joins for e in joined] == [True, False, False]


def test_struck_values_end_with_their_beat() -> None:
    assert [(e.start, e.end) for e in read([Note(0.5, 2.0, 36, 80), Note(2.0, 0.05, 38, 80)], struck=True)] == [(12, 24), (48, 72)]


def test_events_of_a_voice_never_overlap_and_end_with_the_score() -> None:
    rng = random.Random(4)
    notes = [Note(rng.uniform(0, 31.9), rng.uniform(0.05, 5), rng.randint(40, 80), 80) for _ in range(300)]
    found = read(sorted(notes, key=lambda n: n.start_beat))
    assert all(a.start < a.end <= b.start for a, b in zip(found, found[1:], strict=False))
    assert found[-1].end <= BARS.edges[-1]
