"""The user's hand in spotting: cues, silences, cut lists, timecode; and how hits are placed and marked."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.assembly import cue_spans as spans_of
from composer.baselines.chords import compose
from composer.cues import HARD_WEIGHT, HitPoint
from composer.errors import OptionError
from composer.film import Film
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.planner.placing import marked, place_hits
from composer.tempo import Bar, TempoMap
from tests.filmmaker import film_of, random_film

FILM = random_film(3, 60.0)


def planned(film: Film, options: Options) -> Plan:
    return plan(film, spot(film, options), options)


# --- cues and silences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, [(0, 60)]),
        ({"cue_s": ((30.0, 50.0), (5.0, 20.0))}, [(5, 20), (30, 50)]),
        ({"silence_s": ((20.0, 25.0),)}, [(0, 20), (25, 60)]),
        ({"cue_s": ((5.0, 40.0),), "silence_s": ((10.0, 20.0), (35.0, 99.0))}, [(5, 10), (20, 35)]),
        ({"cue_s": ((0.2, 20.0), (20.1, 99.0))}, [(0, 60)]),
        ({"silence_s": ((1.0, 58.5),), "cue_s": ((0.0, 30.0), (40.0, 60.0), (58.0, 58.2))[:2], "hit_s": ()}, None),
    ],
)
def test_where_music_goes(asked: dict[str, tuple[tuple[float, float], ...]], wanted: list[tuple[float, float]] | None) -> None:
    options = Options(**asked)  # type: ignore[arg-type]
    if wanted is None:
        with pytest.raises(OptionError, match="no room"):
            spot(FILM, options)
        return
    sheet = spot(FILM, options)
    assert [(cue.start_s, cue.end_s) for cue in sheet.cues] == wanted
    assert [cue.id for cue in sheet.cues] == [f"1m{n}" for n in range(1, len(wanted) + 1)]
    for cue in sheet.cues:
        assert all(cue.start_s <= hit.time_s < cue.end_s for hit in cue.hits)
        assert all(cue.start_s < start < cue.end_s for start in cue.section_starts_s)
    assert len(sheet.candidates) == len(FILM.shots) - 1  # the denominator does not shrink with the music


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"cue_s": ((5.0, 20.0), (15.0, 30.0))}, "overlap"),
        ({"cue_s": ((70.0, 80.0),)}, "outside the film"),
        ({"silence_s": ((0.0, 60.0),)}, "no room"),
        ({"hit_s": (61.0,)}, "outside the film"),
        ({"hit_s": (25.0,), "cue_s": ((5.0, 20.0),)}, "where no music is"),
        ({"start_tc": "01:00:00:99"}, "01:00:00:99"),
    ],
)
def test_what_makes_no_sense_is_told(asked: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        spot(FILM, Options(**asked))  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.lists(st.floats(2.5, 12), min_size=2, max_size=6))
def test_one_tempo_map_covers_cues_and_rests(seed: int, lengths: list[float]) -> None:
    edges = np.round(np.cumsum([0.0, *lengths]), 2).tolist()
    cues = tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))
    film = random_film(seed, float(edges[-1]) + 4.0, 2.5)
    made = planned(film, Options(seed=seed, cue_s=cues, instruments=("strings",)))
    assert made.tempo.total_s == pytest.approx(film.duration_s, abs=5e-3)
    for cue in made.cues:
        inside = [section for section in made.sections if section.cue == cue.id]
        assert made.tempo.bar_seconds[inside[0].first_bar - 1] == pytest.approx(cue.start_s, abs=2e-3)
        assert made.tempo.bar_seconds[inside[-1].last_bar] >= cue.end_s - 2e-3
    for track in compose(made).tracks:
        for note in track.notes:
            start, end = (made.tempo.beat_to_s(beat) for beat in (note.start_beat, note.end_beat))
            assert any(cue.start_s - 0.02 <= start and end <= cue.end_s + 0.02 for cue in made.cues), (start, end)


def test_every_cue_has_music_and_an_end() -> None:
    made = planned(FILM, Options(cue_s=((4.0, 20.0), (30.0, 52.0)), instruments=("strings",)))
    starts = sorted(made.tempo.beat_to_s(n.start_beat) for track in compose(made).tracks for n in track.notes)
    for start_s, end_s in spans_of(made):
        inside = [t for t in starts if start_s - 0.02 <= t < end_s]
        assert inside[0] == pytest.approx(start_s, abs=0.03)  # the entry is on time
        assert inside[-1] > end_s - 6


@pytest.mark.parametrize("tempo_qpm", [96.0, None])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 500), lengths=st.lists(st.floats(2.5, 12), min_size=2, max_size=5))
def test_steady_cues_begin_on_the_next_beat_and_last_to_their_end(tempo_qpm: float | None, seed: int, lengths: list[float]) -> None:
    edges = np.round(np.cumsum([1.3, *lengths]), 2).tolist()
    cues = tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))
    film = random_film(seed, float(edges[-1]) + 4.0, 2.5)
    made = planned(film, Options(seed=seed, cue_s=cues, instruments=("piano",), steady=True, tempo_qpm=tempo_qpm))
    assert len({bar.qpm for bar in made.bars}) == 1 and (tempo_qpm is None or made.bars[0].qpm == tempo_qpm)
    beat_s = 60 / made.bars[0].qpm
    for cue in made.cues:
        inside = [section for section in made.sections if section.cue == cue.id]
        assert -1e-3 <= made.tempo.bar_seconds[inside[0].first_bar - 1] - cue.start_s <= beat_s + 1e-3
        assert made.tempo.bar_seconds[inside[-1].last_bar] >= cue.end_s - 1e-3
    assert made.tempo.total_s >= film.duration_s - 1e-3


@pytest.mark.parametrize("tempo_qpm", [22.0, 34.0, 96.0, 250.0])
def test_an_asked_tempo_keeps_cues_on_bar_lines(tempo_qpm: float) -> None:
    options = Options(cue_s=((4.94, 17.34), (18.91, 34.82)), tempo_qpm=tempo_qpm, instruments=("piano",))
    made = planned(random_film(8, 35.0), options)
    for cue in made.cues:
        first = next(section for section in made.sections if section.cue == cue.id)
        assert made.tempo.bar_seconds[first.first_bar - 1] == pytest.approx(cue.start_s, abs=2e-3)
    if tempo_qpm > 30:  # a short rest cannot be slower than one beat
        assert made.tempo.mean_qpm == pytest.approx(tempo_qpm, rel=0.025)


# --- lists ------------------------------------------------------------------------------------------------------------


def test_markers_of_a_list_are_hit(tmp_path: Path) -> None:
    listed = tmp_path / "marks.csv"
    listed.write_text("time,label,weight\n7.32,door,1\n19.05,look back,0.4\n33.3,never,0\n", encoding="utf-8")
    sheet = spot(FILM, Options(hits_file=listed))
    own = {hit.time_s: hit for cue in sheet.cues for hit in cue.hits if hit.kind == "marker"}
    assert set(own) == {7.32, 19.05} and own[7.32].label == "door"
    made = planned(FILM, Options(hits_file=listed))
    door = next(hit for hit in made.hits if hit.time_s == 7.32)
    assert door.is_hard and abs(door.frames_off(made.frame_rate)) <= 0.5 and door.beat == round(door.beat)


def test_the_cuts_of_a_list_replace_the_detected_ones(tmp_path: Path) -> None:
    film = film_of([5.0, 12.0, 20.0], 30.0, [0.0] * 30, [0.0] * 30)
    film = replace(film, shots=(*film.shots[:2], replace(film.shots[2], opens_with="dissolve"), film.shots[3]))
    edl = tmp_path / "cut.edl"
    rows = [("01:00:00:00", "01:00:05:00"), ("01:00:05:00", "01:00:12:01"), ("01:00:12:01", "01:00:16:00"), ("01:00:16:00", "01:00:30:00")]
    edl.write_text("TITLE: cut\nFCM: NON-DROP FRAME\n\n" + "\n".join(f"{i:03d}  AX       V     C        00:00:00:00 00:00:10:00 {a} {b}" for i, (a, b) in enumerate(rows, 1)) + "\n", encoding="ascii")  # fmt: skip
    sheet = spot(film, Options(hits_file=edl))
    assert [c.time_s for c in sheet.candidates] == [5.0, 12.04, 16.0]
    assert [c.kind for c in sheet.candidates] == ["cut", "dissolve", "cut"]  # the one a frame away lends its kind
    assert sheet.start_tc == "01:00:00:00"


def test_what_of_a_list_lies_outside_is_told(tmp_path: Path) -> None:
    listed = tmp_path / "marks.csv"
    listed.write_text("time,label\n7,door\n30,dog\n77,beyond\n", encoding="utf-8")
    made = planned(FILM, Options(hits_file=listed, cue_s=((2.0, 20.0),)))
    assert [hit.label for hit in made.hits if hit.is_own] == ["door"]
    assert len(made.notes) == 2 and "dog" in made.notes[0] and "outside" in made.notes[1]


@pytest.mark.parametrize("time_s", [0.0, 0.02, 39.96, 39.99])
def test_a_persons_hit_at_the_very_edge_is_kept(time_s: float) -> None:
    made = planned(random_film(4, 40.0), Options(hit_s=(time_s,), instruments=("piano",)))
    mine = next(hit for hit in made.hits if hit.is_own)
    assert abs(mine.frames_off(made.frame_rate)) <= 0.51


def test_no_section_begins_just_beside_a_persons_hit() -> None:
    film = random_film(11, 90.0)
    start = spot(film, Options()).cues[0].section_starts_s[1]
    moved = spot(film, Options(hit_s=(start - 0.6,))).cues[0].section_starts_s
    assert all(abs(s - (start - 0.6)) < 1e-6 or abs(s - (start - 0.6)) >= 2 for s in moved)


def test_the_start_timecode_reaches_the_plan() -> None:
    film = random_film(3, 40.0)
    film = replace(film, frame_rate=Fraction(30000, 1001))
    assert planned(film, Options(start_tc="10:00:00;00")).start_tc == "10:00:00;00"


# --- placing and marking ----------------------------------------------------------------------------------------------

TEMPO = TempoMap((Bar(4, 4, 120),) * 20)


def placed(*points: HitPoint) -> dict[float, tuple[int, float, float]]:
    return {hit.time_s: (hit.bar, hit.beat, hit.weight) for hit in place_hits(points, TEMPO, FILM)}


def test_what_no_beat_reaches_is_not_marked() -> None:
    found = placed(HitPoint(4.0, 0.9, "cut"), HitPoint(6.13, 0.9, "cut"), HitPoint(8.25, 0.9, "cut"), HitPoint(10.1, 1.0, "user"))
    assert found[4.0] == (3, 1.0, 0.9)
    assert 6.13 not in found
    assert found[8.25] == (5, 1.5, HARD_WEIGHT - 0.01)  # between two beats: softly
    assert found[10.1][0] == 6 and abs(found[10.1][1] - 7 / 6) < 1e-5  # a person's own: off the grid, if need be


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500), st.lists(st.floats(1.0, 38.0), min_size=1, max_size=8, unique=True))
def test_a_persons_hits_are_always_on_time(seed: int, times_s: list[float]) -> None:
    asked = tuple(t for i, t in enumerate(sorted(times_s)) if i == 0 or t - sorted(times_s)[i - 1] > 0.25)
    made = planned(random_film(seed, 40.0), Options(seed=seed, hit_s=asked, instruments=("piano",)))
    reached = {hit.time_s: hit.frames_off(made.frame_rate) for hit in made.hits}
    assert all(abs(reached[t]) <= 0.51 for t in asked)


def test_marks_follow_picture_and_players() -> None:
    film = film_of([8.0, 16.0, 24.0, 32.0], 40.0, [0.1] * 40, [0.9] * 40)
    dark = replace(film.shots[3], brightness=0.01, motion=0.0)
    film = replace(film, shots=(*film.shots[:3], dark, film.shots[4]))
    options = Options(instruments=("strings",), mood="heroic")
    made = planned(film, options)
    with_accents = planned(film, replace(options, accents="percussion"))
    assert {p.id for p in with_accents.parts} - {p.id for p in made.parts} <= {"timpani", "percussion_kit"}
    assert {h.mark for h in made.hits} <= {"section", "chord", "accent", "stop", "stinger"}
    assert "stop" in {h.mark for h in made.hits if h.time_s == 24.0}
    assert {"crash", "timpani"} & {h.mark for h in with_accents.hits}
    nobody = marked(made.hits, made.sections, film, made.parts, accents=False)
    assert nobody == made.hits
