"""Nobody is asked to play faster than players do."""

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
from composer.plan import Plan
from composer.playable import WITHIN, onsets_per_s, playable, spaced
from composer.scene import scenes
from composer.score import Note, Score
from composer.transformer import compose as model
from composer.transformer.sampling import Settings
from tests.transformer.conftest import checkpoint as checkpoint
from tests.transformer.films import planned


def wild(instruments: tuple[str, ...]) -> Plan:
    """As dense and as fast as a plan can ask."""
    plan = planned(5, instruments, 20.0)
    return replace(
        plan,
        bars=tuple(replace(b, qpm=b.qpm * 1.5, arousal=0.9, speech=0.0) for b in plan.bars),
        sections=tuple(replace(s, density=1.0, dynamics="ff") for s in plan.sections),
        duration_s=plan.duration_s / 1.5,
        cues=tuple(replace(c, start_s=c.start_s / 1.5, end_s=c.end_s / 1.5) for c in plan.cues),
        hits=(),
        hairpins=(),
    ).check()


@pytest.mark.parametrize("instruments", [("strings", "brass"), ("woodwinds",), ("horror",), ("comedy",)])
@pytest.mark.parametrize("kind", ["chords", "transformer"])
def test_lines_keep_to_the_speed_of_their_players(instruments: tuple[str, ...], kind: str, checkpoint: Path) -> None:
    hasty = Settings(temperatures=(3.0, 1.0, 3.0, 1.0), top_p=1.0)
    compose: Callable[[Plan], Score] = (
        chords.compose if kind == "chords" else functools.partial(model.compose, checkpoint=checkpoint, settings=hasty)
    )
    plan = wild(instruments)
    score = compose(plan)
    assert score.note_count >= 40
    for track in score.tracks:
        info = INSTRUMENTS[track.instrument]
        per_s = onsets_per_s(info)
        if per_s is None or info.polyphony >= 4 or info.id == "timpani":
            continue
        onsets = [float(score.tempo.beat_to_s(b)) for b in sorted({n.start_beat for n in track.notes})]
        for steps, gaps in enumerate(WITHIN, 1):
            assert all(b - a >= gaps / per_s - 2e-3 for a, b in zip(onsets, onsets[steps:], strict=False)), track.part


def test_thirty_seconds_become_a_regular_figure_that_can_be_played() -> None:
    """At 143 beats a minute sixteenths are nine and a half a second: quavers stay, and one sixteenth of a beat."""
    plan = planned(5, ("strings",), 20.0)
    plan = replace(plan, bars=tuple(replace(b, qpm=143.0) for b in plan.bars), sections=plan.sections[:1], hits=())
    start = scenes(plan)[0].start
    notes = [Note(start + k / 8, 0.1, 60 + k % 5, 80) for k in range(64)]
    kept = playable(plan, {p.id: notes if p.id == "violas" else [] for p in plan.parts})["violas"]
    assert [n.start_beat for n in kept][:21] == [start + beat + place for beat in range(7) for place in (0, 0.25, 0.5)]
    slow = replace(plan, bars=tuple(replace(b, qpm=60.0) for b in plan.bars))
    assert playable(slow, {p.id: notes if p.id == "violas" else [] for p in slow.parts})["violas"] == notes


def test_a_dotted_rhythm_is_no_run() -> None:
    plan = planned(5, ("brass",), 20.0)
    plan = replace(plan, bars=tuple(replace(b, qpm=140.0) for b in plan.bars), sections=plan.sections[:1], hits=())
    start = scenes(plan)[0].start
    dotted = [Note(start + k + place, 0.2, 60, 80) for k in range(8) for place in (0.0, 0.75)]
    run = [Note(start + k / 4, 0.2, 60, 80) for k in range(32)]
    for notes, left in ((dotted, 16), (run, 17)):
        assert len(playable(plan, {p.id: notes if p.id == "trumpets" else [] for p in plan.parts})["trumpets"]) == pytest.approx(
            left, abs=1
        )


def test_rolls_drums_and_chords_are_free() -> None:
    plan = replace(planned(3, ("percussion",), 12.0), hits=())
    start = scenes(plan)[0].start
    roll = [Note(start + k / 8, 0.1, 45, 60 + k) for k in range(16)]
    for part in ("timpani", "percussion_kit"):
        assert playable(plan, {p.id: roll if p.id == part else [] for p in plan.parts})[part] == roll
    two = [Note(start + k / 8, 0.1, 45 + 5 * (k % 2), 60) for k in range(16)]
    assert len(playable(plan, {"timpani": two, "percussion_kit": []})["timpani"]) < 16
    brass = replace(planned(5, ("brass",), 12.0), hits=())
    chord = [Note(start, 1.0, pitch, 80) for pitch in (55, 59, 62)]
    assert playable(brass, {p.id: chord if p.id == "horns" else [] for p in brass.parts})["horns"] == chord


def test_what_is_spaced_keeps_its_distance_and_its_best() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        onsets = sorted({round(float(x), 3) for x in rng.uniform(0, 20, 60)})
        ranks = {beat: int(rng.integers(0, 4)) for beat in onsets}
        kept = sorted(spaced(onsets, ranks.__getitem__, lambda _: 0.5))
        assert {beat for beat in onsets if ranks[beat] == 0} <= set(kept)
        assert all(b - a >= 0.5 - 1e-6 or 0 == ranks[a] == ranks[b] for a, b in pairwise(kept))
        for gone in set(onsets) - set(kept):  # only for somebody at least as good
            assert any(abs(gone - beat) < 0.5 and ranks[beat] <= ranks[gone] for beat in kept)


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_everybody_has_a_speed(name: str) -> None:
    per_s = onsets_per_s(INSTRUMENTS[name])
    assert per_s is None if INSTRUMENTS[name].is_drum else per_s is not None and 3 <= per_s <= 10
