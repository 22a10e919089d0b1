"""Where somebody speaks parts are few-worded and soft between 300 and 3000 Hz; elsewhere nothing changes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from composer.baselines import chords
from composer.instruments import INSTRUMENTS
from composer.moments import moments
from composer.plan import Plan
from composer.scene import scenes
from composer.score import Note, Score
from composer.theory.chords import parse_chord
from composer.transformer import compose as model
from composer.transformer.lane import density_share
from composer.under_speech import BAND, SOFTER, SPOKEN, in_band, is_spoken, under_speech
from tests.transformer.conftest import checkpoint as checkpoint
from tests.transformer.films import planned

FILMS = [(5, ("strings",), 30.0), (2, ("piano_trio",), 30.0), (7, ("hybrid",), 20.0)]


def spoken(plan: Plan, share: float = 1.0) -> Plan:
    """Somebody speaks in the first half."""
    half = len(plan.bars) // 2
    return replace(plan, bars=tuple(replace(bar, speech=share if i < half else 0.0) for i, bar in enumerate(plan.bars)))


def silent(plan: Plan) -> Plan:
    return replace(plan, bars=tuple(replace(bar, speech=0.0) for bar in plan.bars))


def onsets_under_speech(plan: Plan, score: Score) -> dict[str, list[float]]:
    """Seconds at which each part begins something in the band under speech, hits and the last bar left out."""
    tempo = plan.tempo
    struck = [m.beat for m in moments(plan)]
    last = float(tempo.bar_beats[plan.sections[-1].last_bar - 1])
    found = {}
    for track in score.tracks:
        beats = sorted({n.start_beat for n in track.notes if in_band(n, INSTRUMENTS[track.instrument]) and n.start_beat < last})
        found[track.part] = [
            float(tempo.beat_to_s(b))
            for b in beats
            if is_spoken(plan.bars[tempo.bar_at_beat(b + 1e-3)]) and all(abs(b - m) > 2 for m in struck)
        ]
    return found


@pytest.mark.parametrize(("seed", "instruments", "duration_s"), FILMS)
@pytest.mark.parametrize("kind", ["chords", "transformer"])
def test_no_part_is_busy_there(seed: int, instruments: tuple[str, ...], duration_s: float, kind: str, checkpoint: Path) -> None:
    compose: Callable[[Plan], Score] = chords.compose if kind == "chords" else functools.partial(model.compose, checkpoint=checkpoint)
    plan = silent(planned(seed, instruments, duration_s))
    before, after = compose(plan), compose(spoken(plan))
    assert not any(onsets_under_speech(plan, before).values())  # nobody speaks
    heard = onsets_under_speech(spoken(plan), after)
    assert sum(map(len, heard.values())) > 0
    for times in heard.values():
        assert all(b - a >= 0.45 for a, b in pairwise(times))
    assert all(track.notes for track in after.tracks)


def test_where_nobody_speaks_the_rules_write_the_same() -> None:
    plan = silent(planned(5, ("strings",), 30.0))
    before, after = chords.compose(plan), chords.compose(spoken(plan))
    edge = float(plan.tempo.bar_beats[len(plan.bars) // 2])
    for one, other in zip(before.tracks, after.tracks, strict=True):
        assert [n for n in one.notes if n.start_beat > edge + 4] == [n for n in other.notes if n.start_beat > edge + 4]
    assert chords.compose(spoken(plan, SPOKEN - 0.01)) == before


def line(plan: Plan, pitch: int, step: float, bars: int) -> list[Note]:
    """Legato notes from the first section's start."""
    start = scenes(plan)[0].start
    end = float(plan.tempo.bar_beats[plan.sections[0].first_bar - 1 + bars])
    return [Note(float(beat), step, pitch, 80) for beat in np.arange(start, end, step)]


def made(part: str, notes: list[Note], plan: Plan) -> list[Note]:
    return under_speech(plan, {p.id: notes if p.id == part else [] for p in plan.parts})[part]


def still() -> Plan:
    """Spoken throughout, one chord, no hits."""
    plan = planned(5, ("strings",), 30.0)
    sections = tuple(replace(s, chords=(s.chords[0].split()[0],) * s.bars) for s in plan.sections)
    return replace(plan, sections=sections, hits=(), bars=tuple(replace(b, speech=0.9) for b in plan.bars)).check()


def test_what_stays_is_softer_and_holds_on() -> None:
    plan = still()
    scene = scenes(plan)[0]
    pitch = next(p for p in range(70, 82) if p % 12 in scene.chord_at(scene.start).pitch_classes)
    kept = made("violins_1", line(plan, pitch, 0.25, 2), plan)
    assert {n.start_beat % 1 for n in kept} == {scene.start % 1} and 2 <= len(kept) < 9
    assert all(n.velocity == 80 - SOFTER for n in kept)
    assert all(a.end_beat == pytest.approx(b.start_beat) for a, b in pairwise(kept))
    detached = [replace(n, duration_beats=0.1) for n in line(plan, pitch, 0.25, 2)]
    assert {n.duration_beats for n in made("violins_1", detached, plan)} == {0.1}


def test_low_and_high_notes_hits_and_the_close_are_left_alone() -> None:
    plan = still()
    for pitch in (BAND[0] - 1, BAND[1] + 1):
        notes = line(plan, pitch, 0.25, 3)
        assert made("violins_1", notes, plan) == notes
    end = scenes(plan)[-1].bars[-1].start
    closing = [Note(end + k / 4, 0.25, 72, 80) for k in range(8)]
    assert made("violins_1", closing, plan) == closing
    with_hits = spoken(planned(5, ("strings",), 30.0))
    for moment in moments(with_hits):
        notes = [Note(moment.beat - 0.25, 0.2, 72, 80), Note(moment.beat, 0.5, 72, 80), Note(moment.beat + 0.25, 0.2, 72, 80)]
        assert replace(notes[1]) in made("violins_1", notes, with_hits)


def test_a_note_is_not_drawn_out_into_a_chord_that_does_not_bear_it() -> None:
    plan = still()
    section = plan.sections[0]
    plan = replace(plan, sections=(replace(section, chords=("I bII",) * section.bars, key="C major"), *plan.sections[1:])).check()
    scene = scenes(plan)[0]
    assert scene.chord_at(scene.start).pitch_classes == parse_chord("I", scene.key).pitch_classes
    half = scene.bars[0].length / 2
    long = [
        Note(scene.start, half - 0.1, 72, 80),
        Note(scene.start + half - 0.1, 0.1, 72, 80),
        Note(scene.start + half + 0.0, half, 73, 80),
    ]
    assert all(n.end_beat <= scene.start + half + 1e-6 for n in made("violins_1", long, plan) if n.pitch == 72)


def test_fewer_notes_are_asked_of_the_model_there() -> None:
    plan = silent(planned(1, ("strings",)))
    for scene, other in zip(scenes(plan), scenes(spoken(plan, 0.8)), strict=True):
        for bar, told in zip(scene.bars, other.bars, strict=True):
            share, less = density_share(scene, bar), density_share(other, told)
            assert less < share if told.plan.speech else less == share
