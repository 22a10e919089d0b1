"""A passage sounds as it does in the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.errors import OptionError
from composer.options import Options
from composer.render import render
from composer.render.passage import passage_cues, render_passage
from composer.render.synth import Cue, control, note_off, note_on
from composer.render.wav import SAMPLE_RATE
from composer.score import Note, Track
from tests.render.conftest import build_score, read_wav


def test_a_passage_is_the_same_stretch_of_the_mix(bank: Path, tmp_path: Path) -> None:
    score, options = build_score(("flute", "timpani", "violins_1"), 20.0), Options(soundfont=bank)
    whole = tmp_path / "whole"
    whole.mkdir()
    rendering = render(score, whole, options)
    render_passage(score, 8.0, 12.0, tmp_path / "a.wav", options, rendering)
    mix, passage = read_wav(whole / "mix.wav")[8 * SAMPLE_RATE : 12 * SAMPLE_RATE], read_wav(tmp_path / "a.wav")
    assert passage.shape == mix.shape
    assert np.corrcoef(mix[:, 0], passage[:, 0])[0, 1] > 0.995
    assert 20 * np.log10(passage.std() / mix.std()) == pytest.approx(0, abs=0.3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "whole"]


def test_without_a_known_gain_it_is_as_loud_as_the_preset(bank: Path, tmp_path: Path) -> None:
    from composer.render.loudness import measure

    render_passage(build_score(seconds=20.0), 0.0, 6.0, tmp_path / "a.wav", Options(soundfont=bank, loudness="broadcast"))
    assert measure(tmp_path / "a.wav").integrated_lufs == pytest.approx(-23.0, abs=0.3)


def test_where_nothing_sounds_is_one_clear_error(bank: Path, tmp_path: Path) -> None:
    base = build_score(("flute",), 30.0)
    score = replace(base, tracks=(Track("flute", "Flute", "flute", (Note(0.0, 1.0, 70, 80),)),))
    with pytest.raises(OptionError, match="no music"):
        render_passage(score, 20.0, 25.0, tmp_path / "a.wav", Options(soundfont=bank))
    assert not list(tmp_path.iterdir())


@st.composite
def performances(draw: st.DrawFn) -> tuple[Cue, ...]:
    """Notes that follow each other on a few pitches, and controllers."""
    cues = []
    for pitch in draw(st.lists(st.integers(60, 64), max_size=4, unique=True)):
        times = sorted(draw(st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True)))
        cues += [note_on(at, pitch, 80) if i % 2 == 0 else note_off(at, pitch) for i, at in enumerate(times[: len(times) // 2 * 2])]
    cues += [
        control(at, draw(st.sampled_from([1, 11, 64])), draw(st.integers(0, 127))) for at in draw(st.lists(st.integers(0, 100), max_size=6))
    ]
    return tuple(sorted(cues, key=lambda cue: (cue.at_samples, cue.kind)))


@given(performances(), st.integers(0, 90), st.integers(1, 50))
@settings(max_examples=200)
def test_what_is_told_leads_to_the_same_state_at_every_moment(cues: tuple[Cue, ...], begin: int, length: int) -> None:
    def state(told: list[Cue], until: int) -> tuple[set[int], dict[int, int]]:
        sounding: set[int] = set()
        values: dict[int, int] = {}
        for cue in told:
            if cue.at_samples > until:
                break
            if cue.is_control:
                values[cue.number] = cue.value
            elif cue.is_note:
                sounding.add(cue.number)
            else:
                sounding.discard(cue.number)
        return sounding, values

    passage = passage_cues(cues, begin, begin + length)
    assert all(0 <= cue.at_samples < length for cue in passage)
    for at in range(length):
        assert state(passage, at) == state(list(cues), begin + at)
