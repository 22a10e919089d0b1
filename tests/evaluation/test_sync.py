"""Sync measures: perfect is 1, far is 0, empty is defined; and what is heard is heard in the film too."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from composer.errors import PlanError, VideoError
from composer.evaluation.sync import (
    SyncReport,
    beat_times,
    chance_on_beat,
    count_hits,
    heard_hits,
    listen,
    share_on_beat,
)
from composer.evaluation.sync_chance import chance_of, share_near, steady_share
from composer.evaluation.sync_film import find_music
from composer.evaluation.sync_report import as_text, measure_folder, tables
from composer.manifest import sha256_of
from composer.options import Options
from composer.plan import Hit, Part, Plan, PlanBar, PlanCue, Section
from composer.probe import probe
from composer.render.mux import mux
from composer.render.wav import WavWriter, to_ints
from composer.rendering import Rendering, Stem
from composer.score import Note, Score, Track
from composer.serial import load_json, save_json
from composer.tempo import Bar, TempoMap
from tests.conftest import Cli
from tests.films import ffmpeg
from tests.render.conftest import film_of

STEADY = TempoMap((Bar(4, 4, 120),) * 20)
RATE, FRAME_S = 48_000, 0.04
Floats = NDArray[np.float64]


def test_perfect_and_hopeless() -> None:
    assert share_on_beat(STEADY, [0.5, 7.0, 20.0], Fraction(25)) == 1.0
    assert share_on_beat(STEADY, [0.75, 7.25], Fraction(25)) == 0.0
    assert share_on_beat(STEADY, [0.5 + 0.039, 0.5 + 0.041], Fraction(25)) == 0.5
    assert share_on_beat(STEADY, [], Fraction(25)) == 1.0


def test_chance_is_the_share_of_time_near_beats() -> None:
    assert chance_on_beat(STEADY, [3.0], Fraction(25), shifts=20_000) == pytest.approx(2 * 0.04 / 0.5, abs=0.01)


def test_odd_bars_keep_their_own_grid() -> None:
    assert list(beat_times(TempoMap((Bar(7, 8, 60), Bar(2, 4, 60))))) == [0, 1, 2, 3, 3.5, 4.5]


# ---- what is heard ---------------------------------------------------------------------------------------------------------------------


def made_plan(hits_s: Sequence[float], tempi: Sequence[float] = (120.0,) * 6, candidates_s: tuple[float, ...] = ()) -> Plan:
    """Bars of 4/4; every hit marked on the beat nearest to it, the first one soft."""
    bars = tuple(PlanBar(number, "4/4", qpm, 0, 0, 0, 0) for number, qpm in enumerate(tempi, 1))
    tempo = TempoMap(tuple(bar.as_bar() for bar in bars))
    places = [tempo.address(round(tempo.s_to_beat(time_s))) for time_s in hits_s]
    hits = tuple(
        Hit(time_s, bar, beat, 0.0, 0.9 if number else 0.5, "chord", f"cut {number}")
        for number, (time_s, (bar, beat)) in enumerate(zip(hits_s, places, strict=True))
    )
    section = Section("S1", "1m1", 1, len(bars), "tense", "D minor", "A", "mf", 0.5, ("i",) * len(bars), {"melody": ("piano",)}, {}, "")
    plan = Plan(
        1, 0, "file", "A test", round(tempo.total_s, 6), Fraction(25), "ring", (PlanCue("1m1", 0.0, tempo.total_s),),
        (Part("piano", "piano"), Part("cellos", "cellos")), (section,), hits, bars, candidates_s=candidates_s,
    )  # fmt: skip
    return plan.check()


def struck(seconds: float, starts_s: Sequence[float], hz: float = 440.0, level: float = 0.1, decay: float = 20.0) -> Floats:
    """Tones that begin at once and die away."""
    sound = np.zeros(round(seconds * RATE))
    for start in starts_s:
        first = int(np.ceil(start * RATE))
        after = np.arange(min(len(sound) - first, RATE // 2)) / RATE + (first / RATE - start)
        tone = sum((np.sin(2 * np.pi * hz * k * after) / k for k in range(1, 8)), np.zeros(len(after)))
        sound[first : first + len(after)] += level * np.exp(-decay * after) * tone
    return sound


def write(path: Path, sound: Floats) -> Path:
    with WavWriter(path, len(sound)) as writer:
        writer.write(to_ints(np.stack([sound, sound], axis=1).astype(np.float32)))
    return path


def heard(folder: Path, plan: Plan, piano: Floats, cellos: Floats | None = None, notes_s: Sequence[float] = ()) -> SyncReport:
    """Listen to a folder whose two stems are these; `notes_s` is what the piano's notes say."""
    stems = (piano, np.zeros(len(piano)) if cellos is None else cellos)
    write(folder / "mix.wav", 2 * (stems[0] + stems[1]))
    paths = [write(folder / f"{number}.wav", stem) for number, stem in enumerate(stems)]
    rendering = Rendering(
        RATE, len(piano), tuple(Stem(part.id, path.name, -10.0, 1) for part, path in zip(plan.parts, paths, strict=True)), "mix.wav", "mix.wav",
        -14.0, -1.0, 6.02, "a.sf2", "",
    )  # fmt: skip
    return listen(plan, made_score(plan, notes_s), rendering, folder)


def made_score(plan: Plan, notes_s: Sequence[float]) -> Score:
    notes = tuple(Note(plan.tempo.s_to_beat(time_s), 0.5, 60, 80) for time_s in notes_s)
    return Score("A test", plan.tempo, plan.duration_s, plan.frame_rate, 0, (Track("piano", "Piano", "piano", notes),))


def counts(report: SyncReport) -> tuple[int, int, int]:
    return report.heard.all.hits, report.heard.all.near, report.heard.all.missed


HITS = (1.0, 4.5, 7.0, 10.5)


@pytest.mark.parametrize(
    ("late_frames", "expected"),
    [(0, (4, 0, 0)), (0.4, (4, 0, 0)), (-0.4, (4, 0, 0)), (0.65, (0, 4, 0)), (-1.85, (0, 4, 0)), (3, (0, 0, 4)), (-3, (0, 0, 4))],
)
def test_clicks_on_the_frame_hit_and_late_ones_do_not(tmp_path: Path, late_frames: float, expected: tuple[int, int, int]) -> None:
    report = heard(tmp_path, made_plan(HITS), struck(12, [hit + late_frames * FRAME_S for hit in HITS]))
    assert counts(report) == expected
    assert [hit.frames_off for hit in report.hits] == pytest.approx([late_frames] * 4, abs=0.08)
    assert [hit.ms_off for hit in report.hits] == pytest.approx([40 * late_frames] * 4, abs=3)
    assert report.heard.share == expected[0] / 4
    assert (report.heard.hard.total, report.heard.soft.total) == (3, 1)


def test_constant_sixteenths_hit_nothing_though_a_note_is_on_every_hit(tmp_path: Path) -> None:
    sixteenths = [number / 8 for number in range(96)]
    report = heard(tmp_path, made_plan((4.5, 7.0)), struck(12, sixteenths), notes_s=sixteenths)
    assert counts(report) == (0, 0, 2)
    assert report.notes.all.hits == 2
    assert report.notes.chance == pytest.approx(2 * 0.02 / 0.125, abs=0.05)
    assert report.onsets_per_s == pytest.approx(8, abs=0.2)
    accented = heard(
        tmp_path, made_plan((4.5, 7.0)), struck(12, sixteenths) + struck(12, [4.5, 7.0], hz=660, level=0.4), notes_s=sixteenths
    )
    assert counts(accented) == (2, 0, 0)


def test_silence_hits_nothing_and_no_hits_are_defined(tmp_path: Path) -> None:
    silent = heard(tmp_path, made_plan(HITS), np.zeros(12 * RATE))
    assert counts(silent) == (0, 0, 4)
    assert {(hit.frames_off, hit.ms_off, hit.parts, hit.in_notes) for hit in silent.hits} == {(None, None, (), "missed")}
    assert (silent.heard.chance, silent.heard.lift, silent.heard.steady, silent.coverage, silent.onsets_per_s) == (0, None, 0, 0, 0)
    none = heard(tmp_path, made_plan(()), struck(12, HITS))
    assert counts(none) == (0, 0, 0)
    assert (none.heard.share, none.heard.chance, none.heard.lift, none.heard.steady, none.coverage) == (1, 1, 1, 1, 1)
    assert "No hits were planned." in tables({"a": none})


def test_parts_are_named_whose_own_sound_begins_at_the_hit(tmp_path: Path) -> None:
    quiet = struck(12, [4.5, 7.06], hz=110, level=0.02)
    report = heard(tmp_path, made_plan(HITS), struck(12, [1.0, 4.51, 7.0]), quiet)
    assert [hit.parts for hit in report.hits] == [("piano",), ("piano", "cellos"), ("piano",), ()]


def test_chance_and_lift_are_those_of_the_time_that_is_near_an_onset(tmp_path: Path) -> None:
    onsets = np.arange(0.5, 11.6, 1.0)
    report = heard(tmp_path, made_plan((1.5, 4.5, 7.5, 10.0)), struck(12, list(onsets)))
    assert report.heard.share == 0.75
    assert report.heard.chance == pytest.approx(0.04, abs=0.02)
    assert report.heard.lift == pytest.approx(0.75 / report.heard.chance, abs=0.01)
    assert chance_of(onsets, np.array([3.0]), 12.0, Fraction(25), shifts=20_000) == pytest.approx(0.04, abs=0.004)
    assert share_near(onsets, np.array([0.52, 1.4801, 1.53, 2.479]), Fraction(25)) == 0.5


def test_a_steady_tempo_keeps_only_what_was_steady() -> None:
    plan = made_plan(HITS)
    beats = np.arange(24) / 2
    assert steady_share(plan, np.array(HITS)) == 1.0  # nothing moves
    assert steady_share(plan, beats + 0.22) == 1.0  # it may begin elsewhere within a beat
    bent = made_plan((2.4, 4.0, 6.4, 9.6), tempi=(100, 150, 100, 150, 75, 150))
    on_beats = bent.tempo.beat_to_s(np.arange(24.0))
    assert share_near(on_beats, np.array([hit.time_s for hit in bent.hits]), Fraction(25)) == 1.0
    assert steady_share(bent, on_beats) < 0.6
    assert steady_share(bent, np.zeros(0)) == 0.0


def test_coverage_counts_what_was_considered_before_any_tempo(tmp_path: Path) -> None:
    sound = struck(12, HITS[:3])
    considered = (*HITS, 2.0, 3.0, 5.5, 8.0)
    assert heard(tmp_path, made_plan(HITS, candidates_s=considered), sound).coverage == 3 / 8
    assert heard(tmp_path, made_plan(HITS), sound).coverage == 3 / 4  # an old plan does not tell


def test_notes_are_judged_on_their_beat(tmp_path: Path) -> None:
    plan = made_plan((1.0, 4.51, 7.06, 10.2))
    notes_s = [1.0, 4.5, 7.0, 10.19]  # the last begins near the picture but not on its beat
    score = made_score(plan, notes_s)
    count = heard_hits(plan, score)
    assert (count.hits, count.near, count.missed) == (2, 1, 1)
    planned = count_hits(plan)
    assert (planned.hits, planned.near, planned.missed) == (2, 1, 1)
    report = heard(tmp_path, plan, struck(12, notes_s), notes_s=notes_s)
    assert report.notes.all == count
    assert [hit.in_notes for hit in report.hits] == ["hit", "hit", "near", "missed"]


def test_a_report_is_the_same_every_time_and_reads_back(tmp_path: Path) -> None:
    first, second = (heard(tmp_path, made_plan(HITS), struck(12, HITS), notes_s=HITS) for _ in range(2))
    assert as_text({"a": first}) == as_text({"a": second})
    save_json(first, tmp_path / "sync.json")
    assert load_json(SyncReport, tmp_path / "sync.json") == first
    assert (tmp_path / "sync.json").read_text() == as_text({"a": first})
    lines = "\n".join(tables({"one": first, "two": second}))
    assert "## All" in lines
    assert lines.count("heard in the mix") == 2


# ---- what is heard in the film ---------------------------------------------------------------------------------------------------------

KINDS = {
    "a.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", 2, "-pix_fmt", "yuv420p"),
    "a.mkv": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", 2, "-pix_fmt", "yuv420p"),
    "a.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", 8),
}
SECONDS, MOMENTS = 5.0, (1.0, 2.5, 4.0)


def music(late_s: float = 0.0) -> Floats:
    return struck(SECONDS, [moment + late_s for moment in MOMENTS], level=0.2) + struck(SECONDS, [0.6 + late_s, 3.3 + late_s], hz=190)


def scored_film(folder: Path, name: str, options: Options, sound: Sequence[object] = (), late_s: float = 0.0, lead_s: float = 0.0) -> Path:
    """A film of one picture scored with music that is `late_s` late; its picture begins `lead_s` after its own sound."""
    codec: Sequence[object] = ("-c:a", "libvorbis") if name.endswith("webm") else ("-c:a", "aac")
    picture = ("-itsoffset", lead_s, "-f", "lavfi", "-i", f"testsrc2=s=96x64:r=25:d={SECONDS}")
    sounds = (*sound, "-map", "0:v", "-map", "1:a", *codec) if sound else ()
    ffmpeg(*picture, *sounds, *KINDS[name], folder / name)
    out = folder / f"scored.{name}"
    mux(folder / name, probe(folder / name), film_of(folder / name), write(folder / "given.wav", music(late_s)), out, options)
    write(folder / "mix.wav", music())
    return out


NOISE = ("-f", "lavfi", "-i", f"anoisesrc=a=0.3:d={SECONDS}:seed=4")


@pytest.mark.parametrize("name", KINDS)
def test_the_music_is_where_it_belongs_in_every_container(tmp_path: Path, name: str) -> None:
    found = find_music(scored_film(tmp_path, name, Options(original="mute")), tmp_path / "mix.wav", MOMENTS)
    assert found.told.shift_ms == pytest.approx(0, abs=1)
    assert found.told.spread_ms == pytest.approx(0, abs=1)
    assert found.told.counted == "its sound"
    assert found.onsets is not None
    assert found.onsets.times_s == pytest.approx([0.6, 1.0, 2.5, 3.3, 4.0], abs=0.003)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_the_music_is_found_under_the_films_own_sound(tmp_path: Path, name: str) -> None:
    found = find_music(scored_film(tmp_path, name, Options(original="keep"), NOISE), tmp_path / "mix.wav", MOMENTS)
    assert found.told.shift_ms == pytest.approx(0, abs=1)
    assert found.told.counted == "the mix, shifted"
    assert found.onsets is None


def test_music_on_a_track_of_its_own_is_the_one_that_counts(tmp_path: Path) -> None:
    scored = scored_film(tmp_path, "a.mp4", Options(as_track=True), ("-f", "lavfi", "-i", f"sine=f=300:d={SECONDS}"))
    found = find_music(scored, tmp_path / "mix.wav", MOMENTS)
    assert (found.told.stream, found.told.counted) == (2, "its sound")
    assert found.told.shift_ms == pytest.approx(0, abs=1)


def test_a_shift_is_noticed(tmp_path: Path) -> None:
    late_s = 0.0213  # as AAC's priming, were it played
    found = find_music(scored_film(tmp_path, "a.mp4", Options(original="mute"), late_s=late_s), tmp_path / "mix.wav", MOMENTS)
    assert found.told.shift_ms == pytest.approx(1000 * late_s, abs=0.5)
    assert found.told.shift_samples == pytest.approx(RATE * late_s, abs=24)


def test_time_zero_is_the_first_picture_shown(tmp_path: Path) -> None:
    scored = scored_film(tmp_path, "a.mkv", Options(original="keep"), (*NOISE[:-1], "anoisesrc=a=0.01:d=6:seed=4"), lead_s=0.7)
    found = find_music(scored, tmp_path / "mix.wav", MOMENTS)
    assert found.told.shift_ms == pytest.approx(0, abs=1)


def test_other_music_is_not_taken_for_ours(tmp_path: Path) -> None:
    scored = scored_film(tmp_path, "a.mkv", Options(original="mute"))
    other = np.random.default_rng(1).standard_normal(round(SECONDS * RATE)) * 0.1
    found = find_music(scored, write(tmp_path / "mix.wav", other), MOMENTS)
    assert (found.told.shift_ms, found.told.counted, found.onsets) == (None, None, None)


def test_films_that_cannot_be_heard_are_told(tmp_path: Path) -> None:
    write(tmp_path / "mix.wav", music())
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1", tmp_path / "silent.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    for name, problem in (("silent.mp4", "has no sound"), ("broken.mp4", "not a film")):
        with pytest.raises(VideoError, match=problem):
            find_music(tmp_path / name, tmp_path / "mix.wav", MOMENTS)


# ---- the command -----------------------------------------------------------------------------------------------------------------------


def test_every_score_says_how_it_keeps_and_can_be_judged_again(small_film: Path, tmp_path: Path, run_cli: Cli) -> None:
    do = functools.partial(run_cli, cwd=tmp_path)
    scored = do("score", small_film, "--generator", "chords", "--instruments", "piano", "--hit", "4.5", "-o", "out")
    assert scored.returncode == 0, scored.stderr
    assert " heard on the frame (±½)" in scored.stdout
    before = (tmp_path / "out" / "sync.json").read_bytes()
    report = load_json(SyncReport, tmp_path / "out" / "sync.json")
    assert report.film is not None
    assert report.film.shift_ms == pytest.approx(0, abs=1)
    told = do("evaluate", "sync", "out")
    assert told.returncode == 0, told.stderr
    assert "| heard in the mix " in told.stdout
    assert (tmp_path / "out" / "sync.json").read_bytes() == before
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]["sync.json"] == sha256_of(tmp_path / "out" / "sync.json")
    shutil.copytree(tmp_path / "out", tmp_path / "again")
    both = do("evaluate", "sync", "out", "again", "-o", "judged", "-q")
    assert (both.returncode, both.stdout) == (0, "")
    assert set(json.loads((tmp_path / "judged" / "sync.json").read_text())["folders"]) == {"out", "again"}
    assert "already exists" in do("evaluate", "sync", "out", "-o", "judged").stderr
    assert do("evaluate", "sync", "out", "--json", "one.json").returncode == 0
    assert (tmp_path / "one.json").read_bytes() == before
    for words, problem in ((("nowhere",), "there is no folder"), (("judged",), "film.json is missing"), (("out", "-o", "a", "--json", "b"), "exclude")):  # fmt: skip
        refused = do("evaluate", "sync", *words)
        assert refused.returncode == 2
        assert problem in refused.stderr


def test_a_folder_is_measured_only_whole(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="there is no folder"):
        measure_folder(tmp_path / "nowhere")
    soundfile.write(tmp_path / "mix.wav", np.zeros((100, 2)), RATE)
    with pytest.raises(PlanError, match=r"film\.json is missing"):
        measure_folder(tmp_path)
