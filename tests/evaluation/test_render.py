"""The judge of onsets and levels: what is right measures as right, and every fault is noticed."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import click.testing
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from composer.cli import judging
from composer.cli.main import main
from composer.errors import OptionError, RenderError
from composer.evaluation import render as work, render_levels as levels, render_onsets as onsets, render_report as report
from composer.options import Options, silent
from composer.render import render
from composer.render.midi import write_midi
from composer.rendering import Rendering
from composer.serial import to_plain

RATE = 48_000


@pytest.fixture(scope="module")
def bank() -> Path:
    """The small bank that pretty_midi brings: always there."""
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "TimGM6mb.sf2"


@pytest.fixture(scope="module")
def rendered(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rendering]:
    """A small render; read only."""
    folder = tmp_path_factory.mktemp("rendered")
    return folder, render(onsets.sharp_score(4, 9.6), folder, Options(soundfont=bank))


# --- onsets -----------------------------------------------------------------------------------------------------------


def test_our_onsets_are_within_a_millisecond(bank: Path) -> None:
    found = onsets.evaluate(Options(soundfont=bank), silent, bars=8, length_s=19.0)
    ours = [row for row in found["rows"] if row["engine"] == "ours"]
    assert found["tempi"] == 8
    assert {row["part"] for row in ours} == {"Xylophone", "Piano", "Wood block"}
    for row in ours:
        assert row["notes"] > 20
        assert row["worst_ms"] < 1.0 and abs(row["latency_ms"]) < 0.4
        assert row["median_ms"] <= row["high_ms"] <= row["worst_ms"]
    assert sum("Xylophone" in line for line in report.tables(_found(onsets=found))) == len(found["rows"]) - 2


def test_times_read_from_the_file_are_those_of_the_tempo_map(tmp_path: Path) -> None:
    score = onsets.sharp_score(40, 96.0)
    write_midi(score, tmp_path / "a.mid")
    read = onsets.midi_onsets(tmp_path / "a.mid")
    for track in score.tracks:
        times = [at_s for at_s, _, _ in read[track.name]]
        assert np.allclose(times, score.tempo.beat_to_s([note.start_beat for note in track.notes]), atol=1e-6)
        assert [(pitch, velocity) for _, pitch, velocity in read[track.name]] == [(n.pitch, n.velocity) for n in track.notes]


def test_a_late_note_is_found_late_to_a_part_of_a_sample(tmp_path: Path) -> None:
    time_s = np.arange(RATE // 20) / RATE

    def note(late: float) -> NDArray[np.float64]:
        since = time_s - late / RATE
        return np.where(since < 0, 0, np.exp(-since * 80) * np.sin(2 * np.pi * 900 * np.maximum(since, 0)))

    attack = np.concatenate([np.zeros(96), note(0)])[: round(0.03 * RATE)]
    sound, written, lates = np.zeros(RATE * 4), [], (0.0, 24.0, -31.0, 7.5, 480.0)
    for i, late in enumerate(lates):
        at = round((0.5 + 0.6 * i) * RATE)
        written.append((at / RATE, 72, 90))
        sound[at + int(np.floor(late)) : at + int(np.floor(late)) + len(time_s)] += note(late - np.floor(late))
    sound += 0.01 * np.random.default_rng(0).standard_normal(len(sound))
    soundfile.write(tmp_path / "a.wav", np.stack([sound, sound], axis=1) * 0.3, RATE, subtype="PCM_24")
    errors = onsets.errors_ms(tmp_path / "a.wav", written, {(72, 90): onsets.Alone(attack, 96.0)})
    assert np.allclose(errors, np.array(lates) / 48, atol=0.01)


# --- levels -----------------------------------------------------------------------------------------------------------


def judged(folder: Path, rendering: Rendering) -> levels.LevelRow:
    return levels.measured("a film", folder, rendering, Options())


def test_a_good_render_has_no_faults(rendered: tuple[Path, Rendering]) -> None:
    row = judged(*rendered)
    assert row.error_lu <= 0.3 and row.true_peak_dbtp <= -1.0
    assert row.null_db == levels.EXACT_DB and row.shift_samples == 0 and row.parts == 3
    assert 0 <= row.busy <= 1


@pytest.mark.parametrize("fault", ["late", "louder", "stem", "squeezed"])
def test_faults_are_noticed(rendered: tuple[Path, Rendering], tmp_path: Path, fault: str) -> None:
    folder, rendering = shutil.copytree(rendered[0], tmp_path / "copy"), rendered[1]
    good = judged(*rendered)

    def change(name: str, how: Any) -> None:
        sound, rate = soundfile.read(folder / name, always_2d=True)
        soundfile.write(folder / name, how(sound), rate, subtype="PCM_24")

    if fault == "late":
        change(rendering.mix, lambda sound: np.roll(sound, 5, axis=0))
        assert judged(folder, rendering).shift_samples == 5
    elif fault == "louder":
        change(rendering.mix, lambda sound: sound * 0.7)
        row = judged(folder, rendering)
        assert row.ebur128_lu == pytest.approx(good.ebur128_lu - 3.1, abs=0.15)
        assert row.pyloudnorm_lu == pytest.approx(good.pyloudnorm_lu - 3.1, abs=0.05)
    elif fault == "stem":
        change(rendering.stems[1].path, lambda sound: sound * 1.001)
        assert -80 < judged(folder, rendering).null_db < -40
    else:
        change(rendering.mix, lambda sound: np.clip(sound, -0.05, 0.05))
        assert judged(folder, rendering).work_db > good.work_db + 6


def test_made_films_are_the_same_each_time_and_half_a_minute_long() -> None:
    one, two = (list(levels.made_films(14, 3)) for _ in range(2))
    assert one == two
    assert len({name for name, _ in one}) == 14
    assert all(25 < film.duration_s < 40 for _, film in one)


def test_rows_that_are_there_are_not_made_again(bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def judge(name: str, _film: object, options: Options) -> levels.LevelRow:
        made.append(f"{name} {options.instruments} {options.loudness}")
        return levels.LevelRow(name, ",".join(options.instruments), bank.name, options.loudness, 1, 1, 0, 0, -1, -200, 0, 0, 0)

    monkeypatch.setattr(levels, "judge", judge)
    films, kept = list(levels.made_films(4, 0)), tmp_path / "out" / "levels.jsonl"
    first = levels.evaluate(films[:2], [bank], 0, kept, silent)
    again = levels.evaluate(films, [bank], 0, kept, silent)
    assert len(made) == len(set(made)) == 3 * 4
    assert again[: len(first)] == first
    assert {row.preset for row in again} == {"web", "broadcast", "dialogue"}
    levels.evaluate(films[:1], [bank], 1, kept, silent)
    assert len(made) == 3 * 4 + 3  # another seed is another render
    name, film = films[0]
    moved = replace(film, path=f"elsewhere/{film.path}")
    levels.evaluate([(name, moved)], [bank], 0, kept, silent)
    assert len(made) == 3 * 5  # where a film lies makes no difference …
    levels.evaluate([(name, replace(film, shots=film.shots[1:]))], [bank], 0, kept, silent)
    assert len(made) == 3 * 6  # … what is in it does
    other = tmp_path / "banks" / bank.name
    other.parent.mkdir()
    content = bytearray(bank.read_bytes())
    content[len(content) // 2] ^= 1
    other.write_bytes(content)
    levels.evaluate(films[:1], [other], 0, kept, silent)
    assert len(made) == 3 * 7  # a bank is what it holds, not what it is called
    monkeypatch.setattr(levels, "_sources_digest", lambda: "newer")
    levels.evaluate(films[:1], [bank], 0, kept, silent)
    assert len(made) == 3 * 8


def test_rows_of_another_form_are_left_out(tmp_path: Path) -> None:
    row = levels.LevelRow("a", "piano", "b.sf2", "web", 1, 1, 0, 0, -1, -200, 0, 0, 0)
    lines = [{"of": "old", "film": "a"}, {"of": "new", **vars(row)}]
    (tmp_path / "kept").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert levels._read(tmp_path / "kept") == {"new": row}


def test_every_source_and_table_tells_versions_apart(tmp_path: Path) -> None:
    for name in ("a.py", "deep/er/b.py", "deep/table.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1", encoding="ascii")
    seen = {first := levels.digest_of(tmp_path)}
    for name in ("a.py", "deep/er/b.py", "deep/table.json", "new.py"):
        (tmp_path / name).write_text("2", encoding="ascii")
        seen.add(levels.digest_of(tmp_path))
    (tmp_path / "notes.txt").write_text("no part of the program", encoding="ascii")
    assert len(seen) == 5 and levels.digest_of(tmp_path) in seen and levels.digest_of(tmp_path) != first


# --- the whole --------------------------------------------------------------------------------------------------------


def _found(**parts: Any) -> dict[str, Any]:
    return {"seed": 0, "quick": False, "banks": ["a.sf2"], "folders": {}, **parts}


def test_what_holds_no_render_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no folder"):
        work.check(work.Work((tmp_path / "gone",)))
    with pytest.raises(RenderError, match="holds no render"):
        work.check(work.Work((tmp_path,)))


@pytest.fixture
def finished(rendered: tuple[Path, Rendering], tmp_path: Path) -> Path:
    """A copy of the small render with the manifest of a finished output folder."""
    folder = shutil.copytree(rendered[0], tmp_path / "film.score")
    (folder / "manifest.json").write_text(json.dumps({"rendering": to_plain(rendered[1])}), encoding="utf-8")
    return folder


def ran(*arguments: object) -> int:
    """The exit code of the command, as a user would run it."""
    return main(["evaluate", "render", "--quiet", *map(str, arguments)])


@pytest.mark.parametrize("damage", ["gone", "empty", "short", "text"])
@pytest.mark.parametrize("kind", ["stem", "premaster", "mix"])
def test_a_folder_that_lacks_a_sound_is_one_clear_error(
    finished: Path, rendered: tuple[Path, Rendering], capsys: pytest.CaptureFixture[str], damage: str, kind: str
) -> None:
    rendering = rendered[1]
    name = {"stem": rendering.stems[1].path, "premaster": rendering.premaster, "mix": rendering.mix}[kind]
    sound, rate = soundfile.read(finished / name)
    (finished / name).unlink()
    if damage == "short":
        soundfile.write(finished / name, sound[:-9], rate, subtype="PCM_24")
    elif damage != "gone":
        (finished / name).write_bytes(b"" if damage == "empty" else b"no sound at all")
    out = finished.parent / "somewhere" / "out"
    assert ran(finished, "--only", "onsets", "-o", out) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and name in said and ("lacks" if damage == "gone" else "damaged") in said
    assert not out.parent.exists()
    if kind != "mix" and damage == "gone":  # a picture needs no stems
        assert ran(finished, "--only", "pictures", "-o", out) == 0
        assert {path.name for path in out.iterdir()} == {*report.FILES, "film.score.png"}


def test_an_error_on_the_way_leaves_no_folder(finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RenderError("no sound today", "Come back tomorrow.")

    monkeypatch.setattr(levels, "judge", broken)
    out = finished.parent / "somewhere" / "out"
    assert ran(finished, "--only", "levels", "--count", "1", "-o", out) == 2
    assert "no sound today" in capsys.readouterr().err
    assert not out.parent.exists()


def test_the_command(bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "ENSEMBLES", (("piano",),))
    asked = ["--only", "levels", "--count", "1", "--quick", "--soundfont", str(bank), "-o", str(tmp_path / "out")]
    done = click.testing.CliRunner().invoke(judging.render, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "piano" in done.output and "TimGM6mb" in done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*report.FILES, report.KEPT}
