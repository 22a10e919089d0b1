"""The clip whose cuts are known exactly: lone cuts fall on beats of the written MIDI file, far above chance."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from composer.evaluation.sync import chance_on_beat, share_on_beat
from composer.plan import load_plan
from tests.conftest import Cli
from tests.test_films import CLIPS, needs_clips


def lone_cuts(apart_s: float = 1.0) -> list[float]:
    """Known cuts of the montage that lie at least so far from both neighbours, seconds."""
    truth = json.loads((CLIPS / "cuts" / "montage_accelerating_known_cuts.truth.json").read_text())
    edges = [0.0, *truth["cut_seconds"], truth["frames"] / truth["fps"]]
    return [edges[i] for i in range(1, len(edges) - 1) if min(edges[i] - edges[i - 1], edges[i + 1] - edges[i]) >= apart_s - 1e-9]


def sync_of(folder: Path) -> tuple[int, float, float]:
    """(lone cuts, share of them on a beat within one frame in score.mid, the same by chance)."""
    cuts = lone_cuts()
    beats = pretty_midi.PrettyMIDI(str(folder / "score.mid")).get_beats()
    share = float(np.mean([min(abs(beats - cut)) <= 0.04 + 1e-6 for cut in cuts]))
    tempo = load_plan(folder / "plan.yaml").tempo
    assert share == pytest.approx(share_on_beat(tempo, cuts, Fraction(25)))
    return len(cuts), share, chance_on_beat(tempo, cuts, Fraction(25))


@needs_clips
def test_lone_cuts_fall_on_beats(cli: Cli, tmp_path: Path) -> None:
    done = cli(CLIPS / "film" / "montage_accelerating_known_cuts.mp4", "--instruments", "strings,brass", "-o", "out")
    assert done.returncode == 0, done.stderr
    count, share, chance = sync_of(tmp_path / "out")
    assert count >= 8
    assert share >= 0.8
    assert chance <= 0.3
