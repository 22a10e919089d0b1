"""The door: what a command line means, what is refused at once, and how quickly it answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.cli.main import main, route
from composer.cli.parameters import TEMPI, Number, Seed, Time, instrument_names, options_from
from composer.cli.progress import showing
from composer.cli.tree import hitpoint
from composer.errors import ComposerError, InstrumentError, OptionError
from composer.options import Options
from tests.conftest import ROOT, Cli, environment, make_small_film

# --- what the first word means ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (["film.mp4"], ["score", "film.mp4"]),
        (["film.mp4", "--seed", "3"], ["score", "film.mp4", "--seed", "3"]),
        (["--seed", "3", "film.mp4"], ["score", "--seed", "3", "film.mp4"]),
        (["--steady", "film.mp4"], ["score", "--steady", "film.mp4"]),
        (["--", "-film.mp4"], ["score", "--", "-film.mp4"]),
        (["score", "film.mp4"], ["score", "film.mp4"]),
        (["--overwrite", "analyze", "film.mp4"], ["analyze", "--overwrite", "film.mp4"]),
        (["--seed", "3", "plan", "film.mp4"], ["plan", "--seed", "3", "film.mp4"]),
        (["--mood", "plan", "film.mp4"], ["score", "--mood", "plan", "film.mp4"]),
        (["./plan"], ["score", "./plan"]),
        (["doctor"], ["doctor"]),
        ([], ["--help"]),
        (["--version"], ["--version"]),
    ],
)
def test_the_first_word(line, meant):
    assert route(line) == meant


def test_a_mistyped_command_is_not_taken_for_a_film():
    with pytest.raises(OptionError, match="analyze"):
        route(["analyse", "film.mp4"])


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"), [("12.5", 12.5), ("0:12.5", 12.5), ("1:02", 62.0), ("1:02:03", 3723.0), ("0", 0.0), ("90", 90.0)]
)
def test_times(text, seconds):
    assert Time().convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1", "x", "1:60", "1:2:3:4", "nan", "inf", "1e9", ":5", "5:", "1:-2", "1:0x", " 5", "1_0", "1:1_0"])
def test_times_that_are_none(text):
    with pytest.raises(click.BadParameter):
        Time().convert(text, None, None)


@given(st.integers(0, 9), st.integers(0, 59), st.floats(0, 59.99).map(lambda s: round(s, 3)))
def test_every_clock_time_is_read_back(hours, minutes, seconds):
    assert Time().convert(f"{hours}:{minutes:02}:{seconds:.3f}", None, None) == pytest.approx(hours * 3600 + minutes * 60 + seconds)


@pytest.mark.parametrize("text", ["0", "nan", "inf", "1e9", "-96", "21.9", "272.1", "fast", ""])
def test_tempi_that_are_none(text):
    with pytest.raises(click.BadParameter, match="not between 22 and 272 BPM"):
        Number(*TEMPI, " BPM").convert(text, None, None)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", str(2**63)])
def test_seeds_that_are_none(text):
    with pytest.raises(click.BadParameter):
        Seed().convert(text, None, None)


def test_instruments_come_in_the_users_order():
    assert instrument_names(("strings, brass", "harp"), None) == ("strings", "brass", "harp")
    assert instrument_names(("harp",), "String Trio") == ("harp", "string_trio")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"instruments": ("",)}, "empty"),
        ({"instruments": ("strings,,brass",)}, "empty"),
        ({"instruments": ("strings,strings",)}, "named twice"),
        ({"instruments": ("violinn",)}, "violin"),
        ({"ensemble": "orchestr"}, "orchestra"),
        ({"ensemble": "violin"}, "unknown ensemble"),
        ({"key": "H minor"}, "H minor"),
        ({"key": ""}, "key"),
        ({"mood": "tens"}, "tense"),
        ({"emotion": "nowhere.txt"}, "neither auto, embedded, clip nor a file"),
        ({"hit": (1.0,), "no_hit": (1.0,)}, "--hit and --no-hit"),
    ],
)
def test_values_that_make_no_sense(values, words):
    with pytest.raises(ComposerError) as caught:
        options_from(values)
    assert words in str(caught.value)


def test_no_values_are_the_defaults():
    assert options_from({}) == Options()


def test_the_commands_defaults_are_those_of_options():
    for name in ("score", "plan", "analyze", "compose", "render", "deliver"):
        command = hitpoint.commands[name]
        given = ["x"] * sum(isinstance(parameter, click.Argument) for parameter in command.params)
        assert options_from(command.make_context(name, given).params) == Options()


def test_an_ensemble_that_is_unknown_is_an_instrument_error():
    with pytest.raises(InstrumentError):
        options_from({"ensemble": "nobody"})


# --- help and errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *hitpoint.commands])
def test_every_command_explains_itself(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert "Usage: hitpoint" in capsys.readouterr().out


def test_options_of_later_issues_are_not_shown(capsys):
    main(["score", "--help"])
    shown = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert not shown & {"--takes", "--theme"}


def one_error(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("Error: ")
    return err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["film.mp4", "--temp0", "3"], "No such option"),
        (["film.mp4", "--tempo"], "requires an argument"),
        (["film.mp4", "--ending", "boom"], "not one of"),
        (["film.mp4", "second.mp4"], "unexpected extra argument"),
        (["score"], "Missing argument"),
        (["compose"], "Missing argument"),
        (["scor", "film.mp4"], "score"),
        (["film.mp4", "--humanize", "nan"], "between 0 and 1"),
        (
            ["film.mp4", "--plan", "p.yaml", "--key", "C major", "--hit", "3"],
            "--key, --hit cannot be used with --plan. The plan decides that",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(line, words, capsys):
    assert main(line) == 2
    assert words in one_error(capsys)


def test_a_bug_is_exit_1_and_says_how_to_report_it(monkeypatch, capsys):
    def broken():
        raise RuntimeError("oh")

    monkeypatch.setattr("composer.doctor.examine", broken)
    assert main(["doctor"]) == 1
    assert "bug in Hitpoint (RuntimeError: oh). Run it again with --verbose" in one_error(capsys)


def test_verbose_shows_where_a_bug_is(monkeypatch, capsys):
    monkeypatch.setattr("composer.pipeline.check_video", lambda video: 1 / 0)
    assert main(["film.mp4", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_names_with_control_characters_cannot_spoil_the_message(capsys):
    assert main(["no\nsuch\x1b[31m.mp4"]) == 2
    assert "\x1b" not in one_error(capsys)


def test_an_interrupt_is_130(monkeypatch, capsys):
    def interrupted(video):
        raise KeyboardInterrupt

    monkeypatch.setattr("composer.pipeline.check_video", interrupted)
    assert main(["film.mp4"]) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error():
    child = subprocess.Popen(
        [sys.executable, "cli.py", "doctor", "--instruments"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(30) == 0


# --- speed and quiet -------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy():
    code = "import sys; from composer.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment(), check=True
    ).stderr.split()
    assert not {"numpy", "scipy", "cv2", "matplotlib", "mido", "pretty_midi", "fluidsynth", "yaml", "rich", "torch"} & set(loaded)


def test_help_answers_at_once(cli):
    took = []
    for _ in range(5):
        started = time.monotonic()
        assert cli("--help").returncode == 0
        took.append(time.monotonic() - started)
    assert min(took) < 0.3


class _Terminal:
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self, is_terminal: bool) -> None:
        self.text, self.is_terminal = "", is_terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(("is_terminal", "wanted", "drawn"), [(True, True, True), (True, False, False), (False, True, False)])
def test_progress_is_drawn_only_on_a_terminal(is_terminal, wanted, drawn, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = _Terminal(is_terminal)
    with showing(stream, wanted) as progress:  # type: ignore[arg-type]
        for done in (0.0, 0.5, 1.0, 7.0, -1.0):
            progress("watch", done)
    assert ("watch" in stream.text) is drawn
    assert drawn or stream.text == ""


def test_deliver_refuses_another_film_and_stale_sound(small_film: Path, cli: Cli, tmp_path: Path) -> None:
    other = make_small_film(tmp_path / "other.mp4", seconds=8)
    assert cli(small_film, "--instruments", "piano", "-o", "out").returncode == 0
    refused = cli("deliver", "out", other, "--overwrite")
    assert refused.returncode == 2
    assert "is not as long as the film" in refused.stderr
    assert cli("plan", "out/film.json", "--tempo", "70", "--instruments", "piano", "-o", "out", "--overwrite").returncode == 0
    refused = cli("deliver", "out", small_film, "--overwrite")
    assert refused.returncode == 2
    assert "is not of the plan beside it" in refused.stderr
    assert cli("compose", "out/plan.yaml", "--overwrite").returncode == 0
    assert cli("render", "out/score.json", "--overwrite").returncode == 0
    assert cli("deliver", "out", small_film, "--overwrite").returncode == 0
    assert cli("compose", "out/plan.yaml", "--overwrite", "--humanize", "0").returncode == 0
    refused = cli("deliver", "out", small_film, "--overwrite")
    assert refused.returncode == 2
    assert "is not of the score beside it" in refused.stderr


def test_a_single_wav_is_the_mastered_mix_and_film_json_takes_emotions(small_film: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli(small_film, "--instruments", "piano", "-o", "out").returncode == 0
    assert cli("render", "out/score.json", "-o", "song.wav").returncode == 0
    assert (tmp_path / "song.wav").read_bytes() == (tmp_path / "out" / "mix.wav").read_bytes()
    rows = [line.split() for line in (tmp_path / "out" / "emotions.txt").read_text().splitlines()]
    (tmp_path / "wild.txt").write_text("\n".join([" ".join(rows[0][:7]), *(f"{row[0]} 1 0 0 0 0 0" for row in rows[1:])]) + "\n")
    assert cli("plan", "out/film.json", "-o", "measured").returncode == 0
    assert cli("plan", "out/film.json", "-o", "asked", "--emotion", "wild.txt").returncode == 0
    assert cli("plan", "out/film.json", "-o", "again", "--emotion", "out/emotions.txt").returncode == 0
    assert (tmp_path / "again" / "plan.yaml").read_text() == (tmp_path / "measured" / "plan.yaml").read_text()
    assert (tmp_path / "asked" / "plan.yaml").read_text() != (tmp_path / "measured" / "plan.yaml").read_text()


def test_analyze_for_research(small_film: Path, cli: Cli, tmp_path: Path) -> None:
    done = cli("analyze", small_film, "-o", "seen", "--keyframes", "--features", "table.npz")
    assert done.returncode == 0, done.stderr
    film = json.loads((tmp_path / "seen" / "film.json").read_text())
    pictures = sorted(path.name for path in (tmp_path / "seen" / "keyframes").iterdir())
    assert pictures == [f"shot-{number:04d}.jpg" for number in range(1, len(film["shots"]) + 1)]
    with np.load(tmp_path / "table.npz", allow_pickle=False) as table:
        assert len(table["motion"]) == len(table["emotion"]) == len(film["motion"])
    noted = json.loads((tmp_path / "seen" / "manifest.json").read_text())
    assert noted["affect"] == {"from": film["affect_from"], "note": film["affect_note"]}
    refused = cli("analyze", small_film, "-o", "again", "--features", "table.npz")
    assert refused.returncode == 2 and "table.npz" in refused.stderr
    assert not (tmp_path / "again").exists()
    assert cli("analyze", small_film, "-o", "again", "--features", "table.txt").returncode == 2
    (tmp_path / "seen" / "keyframes" / "shot-9999.jpg").write_text("of another film")
    assert cli("analyze", small_film, "-o", "seen", "--overwrite").returncode == 0
    assert sorted(path.name for path in (tmp_path / "seen" / "keyframes").iterdir()) == pictures


def test_one_picture_for_the_mood(small_film: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("analyze", small_film, "-o", "at.json", "--frame", "33%").returncode == 0
    assert len(set(json.loads((tmp_path / "at.json").read_text())["affect"]["valence"])) == 1
    assert cli("analyze", small_film, "-o", "film.json").returncode == 0
    assert cli("plan", "film.json", "-o", "all").returncode == 0
    assert cli("plan", small_film, "-o", "one", "--frame", "0:00.5").returncode == 0
    assert (tmp_path / "one" / "plan.yaml").read_text() != (tmp_path / "all" / "plan.yaml").read_text()
    assert json.loads((tmp_path / "one" / "manifest.json").read_text())["affect"]["from"] == "embedded"
    for asked in (("--frame", "1"), ("--emotion", "clip"), ("--clip-model", "ViT-L-14/openai")):
        refused = cli("plan", "film.json", "-o", "no", *asked)
        assert refused.returncode == 2 and "Give the video." in refused.stderr, asked
    assert cli("analyze", small_film, "-o", "x.json", "--keyframes").returncode == 2
    assert cli("analyze", small_film, "-o", "no", "--emotion", "embedded", "--clip-model", "ViT-L-14/openai").returncode == 2
    for wrong in ("130%", "x%", "99:00", "soon"):
        refused = cli("plan", small_film, "-o", "no", "--frame", wrong)
        assert refused.returncode == 2 and len(refused.stderr.splitlines()) <= 6, wrong
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "changes", "says"),
    [
        (["."], {}, "is a folder"),
        (["FILM", "-o", "music.mp4"], {}, "the result is a folder"),
        (["FILM", "-o", "/proc/nowhere"], {}, "cannot write"),
        (["FILM"], {"SOURCE_DATE_EPOCH": "abc"}, "SOURCE_DATE_EPOCH"),
    ],
)
def test_more_things_to_refuse(
    small_film: Path, cli: Cli, tmp_path: Path, arguments: list[str], changes: dict[str, str], says: str
) -> None:
    done = cli(*(small_film if a == "FILM" else a for a in arguments), **changes)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_manifest_remembers_what_earlier_stages_were_asked(small_film: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("plan", small_film, "--tempo", "90", "--instruments", "cello", "-o", "out").returncode == 0
    assert cli("compose", "out/plan.yaml", "--humanize", "0").returncode == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["options"]["tempo_qpm"] == 90
    assert manifest["options"]["instruments"] == ["cello"]
    assert manifest["options"]["humanize"] == 0
    assert set(manifest["files"]) >= {"plan.yaml", "film.json", "score.json"}
