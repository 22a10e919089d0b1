"""Everything that can be wrong: exit 2, one message that says what and what to do, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from composer.cli.main import main
from tests.conftest import ROOT, Cli, environment, listing, make_small_film, untouched

LAVFI = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i"]
SPEED = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def ffmpeg(*words: object) -> None:
    subprocess.run([*LAVFI, *map(str, words)], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with the environment of a user."""
    for name in ("HITPOINT_SOUNDFONT", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], place: Path, *line: object) -> str:
    """Run a command that must fail; returns its one message."""
    capsys.readouterr()
    with untouched(place):
        code = main([str(word) for word in line])
    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert err.startswith("Error: ")
    assert "Traceback" not in err
    assert err.count("\n") == 1, err
    assert re.search(r"[.?] [A-Z`-]", err), f"it does not say what to do: {err}"
    return err


# --- the film --------------------------------------------------------------------------------------------------------


def no_such_file(path: Path) -> None:
    pass


def a_folder(path: Path) -> None:
    path.mkdir()


def zero_bytes(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 100)


def a_playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n")


def a_concat_list(path: Path) -> None:
    path.write_text("ffconcat version 1.0\nfile /etc/hostname\n")


def audio_only(path: Path) -> None:
    ffmpeg("sine=d=3", "-c:a", "aac", path)


def one_frame(path: Path) -> None:
    ffmpeg("testsrc=s=64x64:r=25", "-frames:v", 1, *SPEED, path)


def under_a_second(path: Path) -> None:
    ffmpeg("testsrc=s=64x64:r=25:d=0.6", *SPEED, path)


def one_pixel(path: Path) -> None:
    ffmpeg("color=s=16x16:r=5:d=3,crop=1:1,format=yuv444p", "-c:v", "libx264", path)


def a_picture(path: Path) -> None:
    ffmpeg("testsrc=s=64x64", "-frames:v", 1, "-f", "image2", "-c:v", "mjpeg", path)


def half_a_film(path: Path) -> None:
    ffmpeg("testsrc=s=320x180:r=25:d=4", *SPEED, path)
    path.write_bytes(path.read_bytes()[:2000])


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [no_such_file, a_folder, zero_bytes, text, a_playlist, a_concat_list, audio_only, one_frame, under_a_second, one_pixel, a_picture, half_a_film, a_pipe])  # fmt: skip
def test_what_cannot_be_scored(make, place, capsys):
    make(place / "film.mp4")
    message = refused(capsys, place, "film.mp4")
    assert "film.mp4" in message or "film" in message
    if make is not no_such_file:
        refused(capsys, place, "analyze", "film.mp4")


def test_a_playlist_does_not_make_us_read_other_files(place, capsys):
    a_playlist(place / "film.mp4")
    assert Path("/etc/hostname").read_text().strip() not in refused(capsys, place, "film.mp4")


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--instruments violinn", "violin"),
        ("--instruments ''", "empty"),
        ("--instruments strings,,brass", "empty"),
        ("--instruments piano,piano", "twice"),
        ("--instruments piano,keys", "twice"),
        ("--instruments fluteophone", "flute"),
        ("--instruments xyzzy", "doctor"),
        ("--ensemble orkestra", "orchestra"),
        ("--tempo 0", "between 22 and 272"),
        ("--tempo nan", "between 22 and 272"),
        ("--tempo 1e9", "between 22 and 272"),
        ("--key 'H minor'", "key"),
        ("--key 'D smajor'", "major"),
        ("--mood tens", "tense"),
        ("--seed -1", "whole number"),
        ("--hit 1:99", "not a time"),
        ("--hits nowhere.csv", "does not exist"),
        ("--hits film.mp4", ".edl"),
        ("--cue 9-3", "ends before it begins"),
        ("--cue noon", "not a stretch"),
        ("--silence 1:00", "two times"),
        ("--accents bells", "percussion"),
        ("--humanize 2", "between 0 and 1"),
        ("--generator magic", "chords"),
        ("--emotion nowhere.txt", "neither auto, embedded, clip nor a file"),
        ("--soundfont nowhere.sf2", "nowhere.sf2"),
        ("--soundfont .", "not a file"),
        ("--out film.mp4", "input"),
        ("--plan nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_a_bad_option_is_refused_before_the_film_is_touched(line, words, place, capsys, monkeypatch):
    import shlex

    monkeypatch.setattr("composer.video.watch", lambda *_: pytest.fail("the film was watched"))
    (place / "film.mp4").write_text("not even a film")
    assert words in refused(capsys, place, "film.mp4", *shlex.split(line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--start-tc 1:2", "no timecode"),
        ("--start-tc 01:00:00;00", "29.97"),
        ("--hits marks.csv", "marks.csv"),
        ("--cue 20-30", "outside the film"),
        ("--cue 1-6 --cue 5-9", "overlap"),
        ("--silence 0-12", "no room"),
        ("--hit 13", "outside the film"),
    ],
)
def test_what_does_not_fit_the_film_is_refused(line, words, place, capsys, small_film):
    (place / "marks.csv").write_text("time,label\n77,far beyond\n", encoding="utf-8")
    assert words in refused(capsys, place, "plan", small_film, *line.split())


def test_sound_banks_that_are_none(place, capsys, small_film):
    from composer.render.soundfont import find

    (place / "text.sf2").write_text("not a bank " * 100)
    (place / "cut.sf2").write_bytes(find().read_bytes()[:100_000])
    (place / "empty.sf2").touch()
    for name in ("text.sf2", "cut.sf2", "empty.sf2"):
        assert name in refused(capsys, place, small_film, "-o", "out", "--soundfont", name)
        assert name in refused(capsys, place, "render", write_score(place), "-o", "out", "--soundfont", name)


def write_score(place: Path) -> Path:
    """A small score.json, made once."""
    from fractions import Fraction

    from composer.score import Note, Score, Track
    from composer.serial import save_json
    from composer.tempo import Bar, TempoMap

    path = place / "score.json"
    if not path.exists():
        track = Track("piano", "Piano", "piano", (Note(0.0, 1.0, 60, 80),))
        save_json(Score("x", TempoMap((Bar(4, 4, 120.0),)), 2.0, Fraction(25), 0, (track,)), path)
    return path


# --- plans -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, small_film: Path, run_cli: Cli) -> Path:
    """A plan.yaml of the small film."""
    folder = tmp_path_factory.mktemp("planned")
    done = run_cli("plan", small_film, "-o", folder, "--instruments", "piano", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "plan.yaml"


def unknown_field(plan):
    plan["tmpo"] = 3


def unknown_bar_field(plan):
    plan["bars"][0]["qmp"] = 90


def overlapping_sections(plan):
    plan["sections"].append({**plan["sections"][0], "id": "S99"})


def no_bars(plan):
    plan["bars"] = []


def a_gap(plan):
    del plan["bars"][1]


def tempo_zero(plan):
    plan["bars"][0]["qpm"] = 0


def tempo_nan(plan):
    plan["bars"][0]["qpm"] = float("nan")


def unknown_key(plan):
    plan["sections"][0]["key"] = "H minor"


def unknown_instrument(plan):
    plan["parts"][0]["instrument"] = "violinn"


def unknown_role(plan):
    plan["sections"][0]["roles"] = {"solo": ["piano"]}


def unknown_chord(plan):
    plan["sections"][0]["chords"][0] = "Q7"


def too_few_chords(plan):
    plan["sections"][0]["chords"].pop()


def another_version(plan):
    plan["version"] = 99


def another_film(plan):
    plan["duration_s"] = 600.0


SPOILERS = [unknown_field, unknown_bar_field, overlapping_sections, no_bars, a_gap, tempo_zero, tempo_nan, unknown_key, unknown_instrument, unknown_role, unknown_chord, too_few_chords, another_version, another_film]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_spoiled_plan(spoil, planned, place, capsys, small_film):
    plan = yaml.safe_load(planned.read_text())
    spoil(plan)
    (place / "plan.yaml").write_text(yaml.safe_dump(plan))
    refused(capsys, place, small_film, "--plan", "plan.yaml", "-o", "out")
    if spoil is not another_film:
        refused(capsys, place, "compose", "plan.yaml", "-o", "out")


@pytest.mark.parametrize(
    "content", ["", "[", "- a\n- b\n", "just text", "!!python/object/apply:os.system ['true']", "a: &x [*x, *x]", "\x00"]
)
def test_a_file_that_is_no_plan(content, place, capsys, small_film):
    (place / "plan.yaml").write_text(content)
    refused(capsys, place, small_film, "--plan", "plan.yaml", "-o", "out")


def test_planning_options_beside_a_plan_are_refused_by_name(planned, place, capsys, small_film):
    for line, name in ((["--tempo", "90"], "--tempo"), (["--instruments", "piano"], "--instruments"), (["--no-hit", "1"], "--no-hit"), (["--seed", "0"], "--seed")):  # fmt: skip
        message = refused(capsys, place, small_film, "--plan", planned, "-o", "out", *line)
        assert name in message
        assert "edit the plan" in message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"title": 3}', "MThd"])
@pytest.mark.parametrize("name", ["score.json", "score.mid"])
def test_a_file_that_is_no_score(name, content, place, capsys):
    (place / name).write_text(content)
    refused(capsys, place, "render", name)


# --- places ----------------------------------------------------------------------------------------------------------


def test_an_existing_output_is_kept(place, capsys, small_film):
    (place / "out").mkdir()
    (place / "out" / "manifest.json").write_text("{}")
    assert "--overwrite" in refused(capsys, place, small_film, "-o", "out")


def test_a_folder_of_somebody_else_is_kept_even_with_overwrite(place, capsys, small_film):
    (place / "out").mkdir()
    (place / "out" / "thesis.tex").write_text("x")
    assert "not made by Hitpoint" in refused(capsys, place, small_film, "-o", "out", "--overwrite")


def test_a_read_only_place(place, capsys, small_film):
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc on this system")
    assert "cannot write" in refused(capsys, place, small_film, "-o", "/proc/self/out")


def test_an_output_that_holds_the_film(place, capsys, small_film):
    film = place / "films" / "a.mp4"
    film.parent.mkdir()
    film.write_bytes(small_film.read_bytes())
    assert "holds the input" in refused(capsys, place, film, "-o", "films", "--overwrite")


def test_a_stage_does_not_write_what_it_cannot(place, capsys):
    score = write_score(place)
    assert "writes no .yaml" in refused(capsys, place, "render", score, "-o", "x.yaml")


def test_deliver_says_which_stage_is_missing(place, capsys, small_film):
    assert "no folder" in refused(capsys, place, "deliver", "nowhere", small_film)
    (place / "work").mkdir()
    assert "analyze" in refused(capsys, place, "deliver", "work", small_film)


# --- the machine -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bare_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with nothing on it."""
    return tmp_path_factory.mktemp("bin")


def test_ffmpeg_is_missing(place, capsys, small_film, bare_path, monkeypatch):
    monkeypatch.setenv("PATH", str(bare_path))
    for command in ("score", "analyze"):
        message = refused(capsys, place, command, small_film, "-o", "out")
        assert "ffmpeg" in message or "ffprobe" in message
        assert "make setup" in message


def test_the_synthesizer_is_missing(place, cli, small_film, tmp_path_factory):
    stub = tmp_path_factory.mktemp("stub")
    (stub / "fluidsynth.py").write_text('raise ImportError("Couldn\'t find the FluidSynth library.")\n')
    for words in ((small_film, "-o", "out"), ("render", write_score(place), "-o", "out")):
        with untouched(place):
            done = cli(*words, PYTHONPATH=str(stub))
        assert done.returncode == 2
        assert re.fullmatch(r"Error: .*libfluidsynth.*make setup.*\n", done.stderr)
        assert done.stdout == ""
    done = cli("doctor", PYTHONPATH=str(stub))
    assert done.returncode == 2
    assert re.search(r"MISSING +libfluidsynth", done.stdout)
    assert "make setup" in done.stdout


def test_the_doctor_on_this_machine(cli):
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert "Ready to score films." in done.stdout
    assert "\x1b" not in done.stdout


def test_the_doctor_without_ffmpeg(cli, bare_path):
    done = cli("doctor", PATH=str(bare_path))
    assert done.returncode == 2
    assert re.search(r"MISSING +ffmpeg", done.stdout)


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


def start(film: Path, folder: Path) -> subprocess.Popen[str]:
    """The program, about to score `film`, once it listens to signals."""
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), str(film), "-o", str(folder), "--instruments", "strings,piano"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < deadline and not listens(child.pid):
        time.sleep(0.01)
    return child


def listens(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # no /proc on this system
        time.sleep(1.0)
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def relatives(folder: Path) -> list[str]:
    """Command lines of running processes that name something in `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def check_interrupted(film: Path, place: Path, delay_s: float, how: str) -> None:
    child = start(film, place / "out")
    time.sleep(delay_s)
    if how == "terminal":
        os.killpg(child.pid, signal.SIGINT)
    elif how == "impatient":
        for _ in range(3):
            child.send_signal(signal.SIGINT)
            time.sleep(0.02)
    else:
        child.send_signal(signal.SIGTERM if how == "system" else signal.SIGINT)
    out, err = child.communicate(timeout=30)
    if child.returncode == 0:  # it was quicker than we
        assert (place / "out" / "manifest.json").exists()
        return
    assert child.returncode == 130, err
    assert re.fullmatch(r"Interrupted; nothing was (left half-)?written\.\n", err)
    assert out == ""
    left = listing(place)
    assert left == set() or "out/manifest.json" in left, left
    assert not any(name.startswith(".") for name in left), left
    assert relatives(place) == []


@pytest.mark.parametrize("how", ["user", "terminal", "system", "impatient"])
@pytest.mark.parametrize("delay_s", [0.0, 0.6, 1.5])
def test_an_interrupted_run_leaves_nothing(delay_s, how, small_film, tmp_path):
    check_interrupted(small_film, tmp_path, delay_s, how)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["user", "terminal", "system", "impatient"])
def test_a_run_interrupted_at_any_moment_leaves_nothing(how, tmp_path):
    film = make_small_film(tmp_path / "film.mp4")
    for number in range(16):
        place = tmp_path / str(number)
        place.mkdir()
        check_interrupted(film, place, number * 0.35, how)


def test_a_run_that_was_killed_can_be_run_again(small_film, tmp_path, run_cli):
    child = start(small_film, tmp_path / "out")
    while child.poll() is None and not any(tmp_path.iterdir()):
        time.sleep(0.01)
    child.kill()
    child.communicate(timeout=30)
    assert [entry.name[:13] for entry in tmp_path.iterdir()] == [".out.partial-"]
    done = run_cli(small_film, "-o", "out", "--instruments", "piano", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
