"""The way of a re-edit: what survived is note for note the same, seams are clean, and the whole command tells what it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from composer.assembly import RING_S
from composer.changes import changes_text
from composer.edit import Edit, Kept, Piece, Reuse
from composer.errors import VideoError
from composer.evaluation.sync import heard_hits
from composer.generators import generator
from composer.options import Options
from composer.plan import Hit, Plan, load_plan
from composer.planner import plan as arrange, spot
from composer.planner.reconform import reconform
from composer.reconform import compared, rewritten
from composer.render.perform import perform
from composer.score import Control, Note, Score
from composer.score_reuse import EARLY_S, carried_over, needs_new_music, new_music, silent_bars
from composer.serial import load_json
from tests.conftest import Cli, listing
from tests.reedits import ADDED, END, HEADLESS, REMOVED, SWAPPED, TRIMMED, Cutting, edit_of, invented, make_eight_shots, recut

OPTIONS = Options(instruments=("strings", "piano"), generator="chords")


@pytest.fixture(scope="module")
def old() -> tuple[Plan, Score]:
    film = invented()
    plan = arrange(film, spot(film, OPTIONS), OPTIONS)
    return plan, perform(generator("chords")(plan), plan, OPTIONS.humanize)


def conformed(old: tuple[Plan, Score], cutting: Cutting) -> tuple[Plan, Score, Reuse]:
    film = invented(cutting)
    plan, reuse = reconform(old[0], edit_of(cutting), film, spot(film, Options()))
    return plan, *rewritten(old[1], plan, reuse, OPTIONS)


def bar_notes(score: Score, part: str, bar: int) -> list[tuple[float, int, int]]:
    """(beat in the bar, pitch, velocity) of every note meant for a bar (from 1): players may be a little early."""
    tempo = score.tempo
    start, end = float(tempo.bar_beats[bar - 1]), float(tempo.bar_beats[bar])
    early = 0.03 * tempo.bars[bar - 1].qpm / 60
    notes = next(track.notes for track in score.tracks if track.part == part)
    inside = [note for note in notes if start - (early if bar > 1 else 0) <= note.start_beat < end - early]
    return [(note.start_beat - start, note.pitch, note.velocity) for note in inside]


def test_the_same_picture_has_the_same_score(old: tuple[Plan, Score]) -> None:
    plan, score, reuse = conformed(old, ((0, END),))
    assert score == old[1]
    assert not new_music(plan, reuse)


@pytest.mark.parametrize("cutting", [TRIMMED, REMOVED, ADDED, SWAPPED, HEADLESS])
def test_surviving_bars_are_note_for_note(cutting: Cutting, old: tuple[Plan, Score]) -> None:
    plan, score, reuse = conformed(old, cutting)
    assert score.tempo == plan.tempo and score.end_s == plan.duration_s
    compared = 0
    for change in reuse.bars:
        if change.fate in ("kept", "moved", "tempo") and change.old_bar is not None:
            for track in old[1].tracks:
                before, after = bar_notes(old[1], track.part, change.old_bar), bar_notes(score, track.part, change.bar)
                assert [note[1:] for note in after] == [note[1:] for note in before], (change, track.part)
                assert [note[0] for note in after] == pytest.approx([note[0] for note in before], abs=2e-6)
                compared += len(after)
    assert compared > 0.6 * old[1].note_count
    count = heard_hits(plan, score)
    assert (count.hits, count.missed) == (len(plan.hits), 0)


@pytest.mark.parametrize("cutting", [REMOVED, ADDED, SWAPPED])
def test_seams_are_clean(cutting: Cutting, old: tuple[Plan, Score]) -> None:
    plan, score, reuse = conformed(old, cutting)
    for track in score.tracks:
        assert all(note.duration_beats > 0 and note.end_beat <= plan.tempo.total_beats + 1e-3 for note in track.notes)
        assert all(0 <= control.value <= 127 for control in track.controls)
        assert [c.beat for c in track.controls] == sorted(c.beat for c in track.controls)
        for one, other in overlapping(track.notes):
            pytest.fail(f"{track.part}: {one} sounds into {other}")
    piano = next(track for track in score.tracks if track.part == "piano")
    pedal = [control.value for control in piano.controls if control.number == 64]
    assert not pedal or pedal[-1] == 0
    assert needs_new_music(plan, reuse) == bool(new_music(plan, reuse))


def overlapping(notes: tuple[Note, ...]) -> Iterator[tuple[Note, Note]]:
    """Notes that are struck again while they sound (a player's earliness aside)."""
    sounding: dict[int, Note] = {}
    for note in notes:
        before = sounding.get(note.pitch)
        if before is not None and before.end_beat > note.start_beat + 0.1:
            yield before, note
        sounding[note.pitch] = note


def test_what_rings_over_a_seam_is_cut_and_controllers_are_stated_again(old: tuple[Plan, Score]) -> None:
    plan, score = old
    beats = [float(beat) for beat in plan.tempo.bar_beats]
    track = replace(
        score.tracks[0],
        notes=(Note(beats[1] + 1, 8.0, 60, 80), Note(beats[3] + 1, 1.0, 64, 80), Note(beats[5], 1.0, 67, 80)),
        controls=(Control(0.0, 11, 50), Control(beats[2], 64, 100), Control(beats[4], 11, 90), Control(beats[4], 64, 0)),
    )
    source = replace(score, tracks=(track, *score.tracks[1:]))
    pieces = (Piece(0.0, 0.0, beats[3]), Piece(beats[5], beats[3], beats[2]))
    _, whole, _ = conformed(old, ((0, END),))
    made = carried_over(source, None, plan, Reuse(pieces, conformed(old, ((0, END),))[2].bars, ())).tracks[0]
    assert [(note.start_beat, note.end_beat) for note in made.notes] == [(beats[1] + 1, beats[3]), (beats[3], beats[3] + 1)]
    at_seam = {(control.number, control.value) for control in made.controls if control.beat == beats[3]}
    assert at_seam == {(11, 90), (64, 0)}
    assert whole == score


def test_new_hits_are_struck_exactly_or_their_bar_is_written_anew(old: tuple[Plan, Score]) -> None:
    plan, score = old
    quiet = next(bar for bar in range(3, len(plan.bars)) if all(hit.bar != bar for hit in plan.hits))
    beat = plan.tempo.beat_of(quiet)
    hit = Hit(plan.tempo.beat_to_s(beat), quiet, 1.0, 0.0, 0.9, "chord")
    marked = replace(plan, hits=tuple(sorted([*plan.hits, hit], key=lambda h: h.time_s))).check()
    _, _, reuse = conformed(old, ((0, END),))
    early = replace(score, tracks=(replace(score.tracks[0], notes=(Note(beat - 0.02, 1.0, 60, 80),)),))
    struck = carried_over(early, None, marked, reuse)
    assert [note.start_beat for note in struck.tracks[0].notes] == [beat]
    parts = replace(reuse, bars=tuple(replace(change, fate="part") if change.bar == quiet else change for change in reuse.bars))
    assert silent_bars(struck, marked, parts) == []
    silent = replace(score, tracks=tuple(replace(track, notes=()) for track in score.tracks))
    assert silent_bars(silent, marked, parts) == [quiet]
    without = parts.without(quiet, beat, beat + 3)
    assert [(piece.new_beat, piece.beats) for piece in new_music(plan, without)] == [(beat, 3.0)]
    assert without.bars[quiet - 1].fate == "new"


def test_a_fade_moves_with_the_end(old: tuple[Plan, Score]) -> None:
    plan = replace(old[0], ending="fade")
    faded = (plan, perform(generator("chords")(plan), plan, 0.5))
    made, score, _ = conformed(faded, ((0, END - 60),))
    track = max(score.tracks, key=lambda t: t.notes[-1].end_beat)
    assert track.controls[-1].beat <= made.tempo.total_beats
    assert min(c.value for c in track.controls if c.number == 11 and c.beat > made.tempo.total_beats - 2) < 40


def test_the_list_of_changes_says_it_all(old: tuple[Plan, Score]) -> None:
    for cutting, words in (
        (TRIMMED, ("shot 3", "trimmed by 12 frames at its end", "moved -0.48 s", "kept")),
        (REMOVED, ("shot 5", "removed", "gone with the picture", "its picture is gone")),
        (ADDED, ("new film", "300 frames", "new music", "N1")),
        (SWAPPED, ("moved +3.60 s", "moved -6.04 s")),
        (HEADLESS, ("trimmed by 37 frames at its beginning",)),
    ):
        plan, _, reuse = conformed(old, cutting)
        text = changes_text(invented(), invented(cutting), edit_of(cutting), reuse, old[0], plan)
        for word in words:
            assert word in text, text
        assert f"of {len(plan.bars)} bars note for note" in text


def test_inner_cues_do_not_sound_on_after_a_new_end() -> None:
    """The silence between two cues is gone, and with it the end of the first, whose bars are locked: it lets go where the second begins."""
    options = Options(instruments=("strings", "piano"), generator="chords", cue_s=((2.0, 12.0), (20.0, 36.0)))
    film = invented()
    plan = arrange(film, spot(film, options), options)
    plan = replace(plan, locked=tuple(section.id for section in plan.sections))
    long = perform(generator("chords")(plan), plan, options.humanize)
    ringing = tuple(
        replace(track, notes=tuple(replace(n, duration_beats=n.duration_beats + 6) for n in track.notes)) for track in long.tracks
    )
    cutting: Cutting = ((0, 200), (550, END))
    made, reuse = reconform(plan, edit_of(cutting), invented(cutting), spot(invented(cutting), Options()))
    score, _ = rewritten(replace(long, tracks=ringing), made, reuse, options)
    tempo = made.tempo
    first, second = made.cues
    assert first.end_s == second.start_s
    end_beat, release_beat = tempo.s_to_beat(first.end_s), tempo.s_to_beat(first.end_s - RING_S)
    before = [note for track in score.tracks for note in track.notes if note.start_beat < release_beat - 0.25]
    assert before and all(note.end_beat <= release_beat + 1e-3 for note in before)
    early_beats = EARLY_S * tempo.mean_qpm / 60 * 1.5
    after = [note for track in score.tracks for note in track.notes if note.start_beat >= end_beat - early_beats]
    assert after and max(note.end_beat for note in after) <= tempo.s_to_beat(second.end_s) + 0.2


def test_kept_stretches_know_both_times() -> None:
    edit = Edit(10.0, 10.0, (Kept(4.0, 0.0, 6.0), Kept(0.0, 6.0, 4.0)))
    assert (edit.removed, edit.added) == ((), ())
    assert [edit.moved(time_s) for time_s in (0.0, 3.9, 4.0, 9.9)] == pytest.approx([6.0, 9.9, 0.0, 5.9])


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, run_cli: Cli) -> Path:
    """The old film, scored."""
    place = tmp_path_factory.mktemp("reconform")
    make_eight_shots(place / "old.mp4")
    done = run_cli("old.mp4", "--generator", "chords", "--instruments", "strings", "--ending", "cut", cwd=place)
    assert done.returncode == 0, done.stderr
    return place


def test_a_damaged_scored_film_gives_way_to_the_source(scored: Path) -> None:
    good = scored / "old.mp4"
    recut(scored / "cut.mp4", good, TRIMMED)
    half, empty = scored / "half.mp4", scored / "empty.mp4"
    recut(half, good, ((0, END // 2),))
    empty.write_bytes(good.read_bytes()[:700])
    edit = compared([empty, half, good], scored / "cut.mp4", invented())
    assert len(edit.kept) == 2 and edit.old_duration_s == pytest.approx(END / 25)
    with pytest.raises(VideoError, match=r"half.mp4 is damaged: 20.00 s of 40.04 s can be read"):
        compared([half, empty], scored / "cut.mp4", invented())


def test_the_whole_command(scored: Path, run_cli: Cli) -> None:
    recut(scored / "new.mp4", scored / "old.mp4", TRIMMED)
    done = run_cli("reconform", "old.score", "new.mp4", "--original", "mute", cwd=scored)
    assert (done.returncode, done.stderr) == (0, "")
    folder = scored / "new.score"
    assert listing(scored / "old.score") - {"old.scored.mp4"} | {"changes.txt", "changes.json", "new.scored.mp4"} == listing(folder)
    changes = json.loads((folder / "changes.json").read_text())
    assert changes["note_for_note"] >= 0.8
    assert [(round(k["old_start_s"] * 25), round(k["length_s"] * 25)) for k in changes["kept"]] == [
        (a, b - a) for a, b in TRIMMED if a is not None
    ]
    assert (folder / "changes.txt").read_text().strip().endswith(done.stdout.splitlines()[0].removeprefix("kept").strip())
    before, after = (load_plan(scored / name / "plan.yaml") for name in ("old.score", "new.score"))
    assert (after.seed, after.parts, after.ending) == (before.seed, before.parts, "cut")
    assert all(abs(hit.frames_off(after.frame_rate)) <= 0.5 for hit in after.hits) and len(after.hits) >= len(before.hits)
    count = heard_hits(after, load_json(Score, folder / "score.json"))
    assert count.hits == len(after.hits)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["options"]["generator"] == "chords"  # as the old run was asked
    assert set(manifest["inputs"]) == {"new.mp4", "plan.yaml", "score.json"}
    assert "already exists" in run_cli("reconform", "old.score", "new.mp4", cwd=scored).stderr


@pytest.mark.slow
def test_the_same_film_again_has_the_same_notes(scored: Path, run_cli: Cli) -> None:
    recut(scored / "again.mp4", scored / "old.mp4", ((0, END),))
    done = run_cli("reconform", "old.score", "again.mp4", "-o", "again", "-q", cwd=scored)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (scored / "again" / "score.json").read_bytes() == (scored / "old.score" / "score.json").read_bytes()
    assert json.loads((scored / "again" / "changes.json").read_text())["note_for_note"] == 1.0


def test_what_is_wrong_is_told(scored: Path, run_cli: Cli) -> None:
    recut(scored / "other.mp4", scored / "old.mp4", ((None, 100),))
    for arguments, message in (
        (("old.score", "other.mp4"), "nothing of the old film is in the new one"),
        (("nowhere", "old.mp4"), "there is no folder nowhere"),
        (("old.score", "nowhere.mp4"), "there is no file nowhere.mp4"),
    ):
        done = run_cli("reconform", *arguments, "-o", "wrong", cwd=scored)
        assert done.returncode == 2 and message in done.stderr
    assert not (scored / "wrong").exists()
