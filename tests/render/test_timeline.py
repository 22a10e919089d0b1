"""The picture is drawn for any film, the same every time, and shows what it should."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from composer.film import Film
from composer.plan import Hit, Part, Plan, PlanBar, PlanCue, Section
from composer.render.timeline import draw_timeline
from composer.render.wav import SAMPLE_RATE, WavWriter, to_ints
from composer.score import Score
from tests.render.conftest import build_score, invented_film


def nouns(seconds: float, instruments: tuple[str, ...] = ("piano", "cellos"), title: str = "A film") -> tuple[Film, Plan, Score]:
    """A film, a plan of one section per eight bars, and a score, of one length."""
    film, score = invented_film(seconds, max(1, round(seconds / 4))), build_score(instruments, seconds, (84.0, 96.0))
    count = len(score.tempo.bars)
    starts = range(1, count + 1, 8)
    sections = tuple(
        Section(f"S{i}", "1m1", first, min(8, count - first + 1), "tense", "D minor", "A", "mf", 0.5, tuple(["i", "iv V7"][b % 2] for b in range(min(8, count - first + 1))), {"melody": ("piano",)}, {}, "a reason")
        for i, first in enumerate(starts, 1)
    )  # fmt: skip
    hits = tuple(
        Hit(shot.start_s, 1 + score.tempo.bar_at_s(shot.start_s), 1.0, 0.01 * (i % 9), 0.5 + 0.4 * (i % 2), "accent")
        for i, shot in enumerate(film.shots[1:])
    )
    bars = tuple(PlanBar(i, "4/4", bar.qpm, 0, 0, 0, 0) for i, bar in enumerate(score.tempo.bars, 1))
    parts = tuple(Part(name, name) for name in instruments)
    plan = Plan(1, 0, "rules", title, seconds, Fraction(25), "ring", (PlanCue("1m1", 0, seconds),), parts, sections, hits, bars)
    return film, plan, score


def mix_of(path: Path, seconds: float) -> Path:
    sound = np.random.default_rng(0).standard_normal((round(seconds * SAMPLE_RATE), 2)) * 0.1
    with WavWriter(path, len(sound)) as writer:
        writer.write(to_ints(sound.astype(np.float32)))
    return path


def picture(path: Path) -> NDArray[np.float32]:
    from matplotlib.image import imread

    return np.asarray(imread(path))


@pytest.mark.parametrize("seconds", [1.0, 10.0, 60.0])
def test_any_length_gives_one_wide_picture(tmp_path: Path, seconds: float) -> None:
    draw_timeline(*nouns(seconds), mix_of(tmp_path / "mix.wav", seconds), tmp_path / "t.png")
    height, width, _ = picture(tmp_path / "t.png").shape
    assert width > 1.3 * height
    assert width > 1600


@pytest.mark.slow
def test_twenty_minutes_and_twenty_parts(tmp_path: Path) -> None:
    many = ("flute", "oboe", "clarinet", "bassoon", "horns", "trumpets", "trombones", "tuba", "timpani", "percussion_kit", "harp", "piano", "choir", "violins_1", "violins_2", "violas", "cellos", "contrabasses", "celesta", "organ")  # fmt: skip
    draw_timeline(*nouns(1200.0, many), mix_of(tmp_path / "mix.wav", 1200.0), tmp_path / "t.png")
    assert picture(tmp_path / "t.png").shape[1] > 4000


def test_same_inputs_same_bytes(tmp_path: Path) -> None:
    mix = mix_of(tmp_path / "mix.wav", 10.0)
    for name in "ab":
        draw_timeline(*nouns(10.0), mix, tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_is_drawn_follows_the_nouns(tmp_path: Path) -> None:
    """Each change of an input changes the picture where its row is, and nowhere else (but in the headline)."""
    film, plan, score = nouns(20.0)
    mix = mix_of(tmp_path / "mix.wav", 20.0)
    draw_timeline(film, plan, score, mix, tmp_path / "base.png")
    base = picture(tmp_path / "base.png")
    fewer = replace(score, tracks=(score.tracks[0], replace(score.tracks[1], notes=())))
    renamed = replace(plan, sections=tuple(replace(section, mood="hopeful") for section in plan.sections))
    sad = replace(film, affect=replace(film.affect, valence=tuple(-0.9 for _ in film.affect.valence)))
    rows = {}
    for name, changed in {"notes": (film, plan, fewer), "mood": (film, renamed, score), "valence": (sad, plan, score)}.items():
        draw_timeline(*changed, mix, tmp_path / f"{name}.png")
        rows[name] = np.flatnonzero((picture(tmp_path / f"{name}.png") != base).any(axis=(1, 2)))
        assert len(rows[name])
    assert rows["valence"].max() < rows["mood"].min() < rows["mood"].max() < rows["notes"].min()


@pytest.mark.parametrize("title", ["$x^2$ & _under_", "東京物語", "a\nb\t\u202e", ""])
def test_odd_titles_do_no_harm(tmp_path: Path, title: str) -> None:
    draw_timeline(*nouns(4.0, title=title), mix_of(tmp_path / "mix.wav", 4.0), tmp_path / "t.png")
    assert (tmp_path / "t.png").stat().st_size > 10_000


def test_bare_nouns_are_enough(tmp_path: Path) -> None:
    """No affect, no hits, one shot, a score without notes in one part."""
    film, plan, score = nouns(5.0)
    bare = replace(film, shots=film.shots[:1], affect=replace(film.affect, times_s=(), emotions=(), valence=(), arousal=()))
    empty = replace(score, tracks=tuple(replace(track, notes=()) for track in score.tracks))
    draw_timeline(bare, replace(plan, hits=()), empty, mix_of(tmp_path / "mix.wav", 5.0), tmp_path / "t.png")
    assert picture(tmp_path / "t.png").any()
