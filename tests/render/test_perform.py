"""Performing: alive, in time where it matters, and on the grid at zero."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.baselines.chords import compose
from composer.instruments import INSTRUMENTS
from composer.moments import moments
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.render.perform import controlled, perform
from composer.score import Note, Score
from tests.filmmaker import random_film

#: bows, reeds, brass, hammers, fingers, voices, sticks
PLAYERS = ("strings", "piano", "flute", "oboe", "horns", "tuba", "harp", "guitar", "choir", "timpani", "percussion_kit")


def composed(seed: int, instruments: tuple[str, ...] = ("strings", "piano", "flute"), duration_s: float = 60.0) -> tuple[Plan, Score]:
    film, options = random_film(seed, duration_s), Options(seed=seed, instruments=instruments)
    arranged = plan(film, spot(film, options), options)
    return arranged, compose(arranged)


@pytest.fixture(scope="module")
def written() -> tuple[Plan, Score]:
    return composed(6)


def lines(score: Score) -> dict[tuple[str, int], list[Note]]:
    """The notes of every part and pitch, in order."""
    return {
        (track.part, pitch): [note for note in track.notes if note.pitch == pitch]
        for track in score.tracks
        for pitch in {note.pitch for note in track.notes}
    }


def test_zero_leaves_every_onset_on_the_grid(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    for before, after in zip(score.tracks, perform(score, arranged, 0.0).tracks, strict=True):
        assert [(n.start_beat, n.pitch) for n in after.notes] == [(n.start_beat, n.pitch) for n in before.notes]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 500), st.lists(st.sampled_from(PLAYERS), min_size=1, max_size=4, unique=True), st.floats(0.0, 1.0), st.booleans())
def test_what_holds_for_every_performance(seed: int, names: list[str], humanize: float, has_plan: bool) -> None:
    arranged, score = composed(seed, tuple(names), 24.0)
    played = perform(score, arranged if has_plan else None, humanize)
    assert played == perform(score, arranged if has_plan else None, humanize)
    hits = sorted(score.hit_beats())
    end = score.tempo.s_to_beat(score.end_s)
    before, after = lines(score), lines(played)
    assert before.keys() == after.keys()
    for place, notes in before.items():
        assert len(notes) == len(after[place])
        for old, new in zip(notes, after[place], strict=True):
            at = bisect.bisect_left(hits, old.start_beat - 1e-6)
            if humanize == 0 or old.start_beat < 1e-9 or (at < len(hits) and hits[at] <= old.start_beat + 1e-6):
                assert new.start_beat == old.start_beat
            assert score.tempo.beat_to_s(old.start_beat) - score.tempo.beat_to_s(new.start_beat) < 0.0225
            assert new.start_beat >= 0 and new.duration_beats > 0 and new.end_beat <= max(end, old.end_beat) + 1e-6
            assert 1 <= new.velocity <= 127
        for one, other in itertools.pairwise(after[place]):
            assert one.end_beat <= other.start_beat + 1e-5
    for old_track, track in zip(score.tracks, played.tracks, strict=True):
        assert _order(old_track.notes, track.notes)
        assert list(track.controls) == sorted(track.controls, key=lambda c: (c.beat, c.number))
        assert all(0 <= c.value <= 127 and c.beat >= 0 for c in track.controls)


def _order(before: tuple[Note, ...], after: tuple[Note, ...]) -> bool:
    """Whether no onset has passed another of its part: everything begun at one place comes before everything begun at the next."""
    where: dict[int, list[float]] = {}
    for note in after:
        where.setdefault(note.pitch, []).append(note.start_beat)
    taken: dict[int, int] = {}
    latest = -1.0
    for _, group in itertools.groupby(before, key=lambda n: n.start_beat):
        starts = []
        for note in group:
            starts.append(where[note.pitch][taken.get(note.pitch, 0)])
            taken[note.pitch] = taken.get(note.pitch, 0) + 1
        if min(starts) <= latest:
            return False
        latest = max(starts)
    return True


def test_who_plays_together_is_apart_by_milliseconds(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = perform(score, arranged, 1.0)
    hits = np.array(list(score.hit_beats()))
    offsets: dict[str, list[float]] = {}
    before, after = lines(score), lines(played)
    for (part, pitch), notes in before.items():
        for old, new in zip(notes, after[part, pitch], strict=True):
            if np.abs(hits - old.start_beat).min() > 1e-6:
                offsets.setdefault(part, []).append(score.tempo.beat_to_s(new.start_beat) - score.tempo.beat_to_s(old.start_beat))
    every = [o for line in offsets.values() for o in line]
    assert 0.003 < np.std(every) < 0.02 and max(abs(o) for o in every) < 0.0225
    assert np.std([np.mean(line) for line in offsets.values() if len(line) > 20]) > 0.001  # everybody has a feel of their own


def test_other_seeds_play_otherwise(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    assert perform(score, arranged, 0.5) != perform(replace(score, seed=score.seed + 1), arranged, 0.5)


def test_controllers_anew_leave_the_notes(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = perform(score, arranged, 0.5)
    faded = controlled(played, replace(arranged, ending="fade"))
    assert [t.notes for t in faded.tracks] == [t.notes for t in played.tracks]
    assert [t.controls for t in faded.tracks] != [t.controls for t in played.tracks]


def test_bowed_parts_swell_and_struck_ones_are_pedalled(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = {t.part: t for t in perform(score, arranged).tracks}
    violin, piano = played["violins_1"], played["piano"]
    expression = [c.value for c in violin.controls if c.number == 11]
    assert len(set(expression)) > 5 and min(expression) >= 40
    assert not [c for c in piano.controls if c.number == 1]
    pedal = [c.value for c in piano.controls if c.number == 64]
    assert pedal and pedal[-1] == 0


def test_the_midi_of_an_orchestra_stays_readable() -> None:
    arranged, score = composed(3, ("orchestra",), 90.0)
    events = sum(len(track.controls) for track in perform(score, arranged).tracks)
    assert events / arranged.duration_s < 30


def expression(score: Score, part: str, beat: float) -> int:
    """What CC11 of a part is at."""
    (track,) = (t for t in score.tracks if t.part == part)
    return [c.value for c in track.controls if c.number == 11 and c.beat <= beat + 1e-6][-1]


def test_a_hard_hit_is_a_sforzando(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    played = perform(score, arranged)
    struck = [m for m in moments(arranged) if m.is_hard and m.beat > 4]
    assert struck
    for moment in struck:
        for track in score.tracks:
            begins = any(moment.is_on(n) for n in track.notes)
            plucked = any(c.technique == "pizzicato" for c in track.techniques)
            if not begins or plucked or INSTRUMENTS[track.instrument].decays:
                continue
            before, on, later = (expression(played, track.part, moment.beat + moment.beats(s)) for s in (-0.03, 0.005, 0.15))
            assert before <= 60 and on >= 100 and later < on + 20
            rise = [c.beat for c in next(t for t in played.tracks if t.part == track.part).controls if c.number == 11]
            opening = [b for b in rise if abs(b - moment.beat) < moment.beats(0.02)]
            assert len(opening) >= 4  # in steps: no click


def test_without_hits_or_without_a_plan_nobody_holds_back(written: tuple[Plan, Score]) -> None:
    arranged, score = written
    for played in (perform(score), perform(score, replace(arranged, hits=()))):
        assert min(c.value for t in played.tracks for c in t.controls if c.number == 11) > 60


def test_the_pedal_is_lifted_before_a_hit_and_stays_up_after_a_stop() -> None:
    film, options = random_film(6), Options(seed=6, instruments=("piano",), mood="tender")
    arranged = plan(film, spot(film, options), options)
    chosen = next(m for m in moments(arranged) if m.is_hard and m.beat > 8)
    marked = replace(arranged, hits=tuple(replace(h, mark="stop") for h in arranged.hits))
    for one, free in ((arranged, chosen.beat + chosen.beats(0.05)), (marked, replace(chosen, mark="stop").silent_until)):
        (track,) = perform(compose(one), one).tracks
        pedal = [(c.beat, c.value) for c in track.controls if c.number == 64]
        assert [value for _, value in pedal] == [100, 0] * (len(pedal) // 2)
        assert not [beat for beat, value in pedal if value and chosen.beat - chosen.breath < beat < free - 1e-6]
        assert [value for beat, value in pedal if beat <= chosen.beat][-1] == 0


def test_a_fading_end_fades() -> None:
    film, options = random_film(6), Options(seed=6, instruments=("strings", "piano"), ending="fade")
    arranged = plan(film, spot(film, options), options)
    score = perform(compose(arranged), arranged)
    sounding = [t for t in score.tracks if t.notes and score.tempo.beat_to_s(t.notes[-1].end_beat) > arranged.duration_s - 0.5]
    assert sounding
    for track in sounding:
        expression = [c.value for c in track.controls if c.number == 11]
        assert expression[-1] < 40
