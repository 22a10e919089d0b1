"""`--export` and what becomes of a hand-over afterwards: asked-for files and no others, the same every time, and nothing old beside new music."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyloudnorm
import pytest
import soundfile

from composer.cli.main import main
from composer.manifest import sha256_of
from composer.render.notation.pdf import PROGRAMS, musescore_program
from tests.conftest import listing, make_small_film, untouched

SECONDS = 4
needs_musescore = pytest.mark.skipif(musescore_program() is None, reason="MuseScore is not installed (apt-get install musescore3)")


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


class Place:
    """A folder with a film and its score, and the program at work there."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.here, self.score, self._capsys = folder, folder / "film.score", capsys

    def do(self, *words: str) -> Said:
        code = main(words)
        told = self._capsys.readouterr()
        return Said(code, told.out, told.err)

    def well(self, *words: str) -> str:
        said = self.do(*words)
        assert said.code == 0, said.err
        return said.out

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.score / "manifest.json").read_text(encoding="utf-8"))
        return found

    @property
    def files(self) -> dict[str, str]:
        """Every file but the manifest, with its hash."""
        return {name: sha256_of(self.score / name) for name in listing(self.score) - {"manifest.json"} if (self.score / name).is_file()}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exports")
    film = make_small_film(place / "film.mp4", SECONDS)
    assert main([str(film), "--instruments", "piano,cello", "--generator", "chords", "-q"]) == 0
    return place


@pytest.fixture
def place(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    shutil.copytree(scored, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Place(tmp_path / "here", capsys)


def programs(folder: Path, musescore: str | None) -> str:
    """A PATH with the programs of a run and a MuseScore that is this shell script (None: without)."""
    folder.mkdir()
    for name in ("ffmpeg", "ffprobe", "env", "sh"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    if musescore is not None:
        (folder / PROGRAMS[0]).write_text(f"#!/bin/sh\n{musescore}\n", encoding="utf-8")
        (folder / PROGRAMS[0]).chmod(0o755)
    return str(folder)


@needs_musescore
def test_a_pdf_alone_is_a_pdf_alone(place: Place) -> None:
    before, told = place.files, place.manifest
    told["warnings"] = ["no PDF was made (of an earlier run)", "another"]
    (place.score / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    place.well("deliver", "film.score", "film.mp4", "--export", "pdf", "--overwrite")
    assert set(place.files) - set(before) == {"score.pdf"}
    assert not [name for name in listing(place.here) if Path(name).name.startswith(".")]
    assert place.manifest["warnings"] == ["another"]
    assert place.manifest["files"] == place.files


@pytest.mark.parametrize("words", [("deliver", "film.score", "film.mp4", "--overwrite"), ("film.mp4", "-o", "new")])
def test_a_pdf_without_musescore_is_refused_before_any_work(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", None))
    with untouched(place.here):
        said = place.do(*words, "--export", "musicxml,pdf")
    assert said.code == 2
    assert "MuseScore is not installed" in said.err


def test_a_musescore_that_crashes_costs_the_pdf_and_nothing_else(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.score / "score.pdf").write_bytes(b"%PDF of this very score")
    told = place.manifest
    told["files"]["score.pdf"] = sha256_of(place.score / "score.pdf")
    (place.score / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", "echo 'Segmentation fault in /some/where/lib.so' >&2; exit 3"))
    told_out = place.well("deliver", "film.score", "film.mp4", "--export", "daw,musicxml,pdf", "--overwrite")
    assert "note: no PDF was made (" in told_out and "Segmentation fault in lib.so" in told_out
    assert (place.score / "daw" / "README.txt").is_file() and (place.score / "score.musicxml").is_file()
    assert place.manifest["files"] == place.files, "the PDF that was there is still one of ours"
    (warning,) = [line for line in place.manifest["warnings"] if "PDF" in line]
    assert "/" not in warning

    said = place.do("film.mp4", "-o", "new", "--instruments", "piano", "--generator", "chords", "--export", "pdf", "--quiet")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("Warning: no PDF was made (") and said.err.count("\n") == 1
    assert (place.here / "new" / "film.scored.mp4").is_file() and not (place.here / "new" / "score.pdf").exists()
    assert "no PDF was made" in (place.here / "new" / "manifest.json").read_text(encoding="utf-8")


def test_the_same_bundle_twice_and_a_person_keeps_their_session(place: Place) -> None:
    again = ("deliver", "film.score", "film.mp4", "--export", "daw", "--overwrite")
    place.well(*again)
    first = place.files
    assert any(name.startswith("daw/audio/") for name in first)
    assert place.manifest["files"] == first
    (place.score / "daw" / "session").mkdir()
    (place.score / "daw" / "session" / "mine.rpp").write_text("mine", encoding="utf-8")
    place.well(*again)
    second = place.files
    assert second.pop("daw/session/mine.rpp")
    assert second == first == place.manifest["files"]
    for path in (place.score / "manifest.json", place.score / "daw" / "README.txt"):
        assert os.fsencode(place.here) not in path.read_bytes()


@pytest.mark.parametrize(("kind", "meant"), [("musicxlm", "musicxml"), ("daw,pfd", "pdf"), ("", "daw, musicxml, pdf")])
def test_an_unknown_kind_is_told_with_the_nearest(place: Place, kind: str, meant: str) -> None:
    with untouched(place.here):
        said = place.do("deliver", "film.score", "film.mp4", "--export", kind, "--overwrite")
    assert said.code == 2
    assert meant in said.err and "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "gone", "stays"),
    [
        (("compose", "film.score/plan.yaml", "--generator", "chords"), {"daw", "score.musicxml", "report.html"}, {"score.mid"}),
        (("generate", "film.score/plan.yaml", "--generator", "chords"), {"daw", "score.musicxml", "report.html", "stems/midi"}, {"score.mid"}),
        pytest.param(("render", "film.score/score.json"), {"daw", "report.html"}, {"score.musicxml", "mix.wav"}, marks=pytest.mark.slow),
        (("deliver", "film.score", "film.mp4"), {"daw"}, {"score.musicxml", "report.html"}),
    ],
)  # fmt: skip
def test_what_was_made_of_the_old_music_goes_with_it(place: Place, words: tuple[str, ...], gone: set[str], stays: set[str]) -> None:
    place.well("deliver", "film.score", "film.mp4", "--export", "daw,musicxml", "--overwrite", "--quiet")
    (place.score / "daw" / "mine.txt").write_text("mine", encoding="utf-8")
    refused = place.do(*words)
    assert refused.code == 2 and "--overwrite" in refused.err
    assert (place.score / "daw" / "conductor.mid").is_file()
    (told,) = [line for line in place.well(*words, "--overwrite").splitlines() if line.startswith("taken away")]
    assert set(told.split(": ")[1].split(", ")) == gone
    left = set(place.files) - {"daw/mine.txt"}
    assert (place.score / "daw" / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert not any(name == old or name.startswith(f"{old}/") for name in left for old in gone)
    assert left == set(place.manifest["files"]) >= stays
    assert not any(path.is_dir() and not any(path.iterdir()) for path in place.score.rglob("*"))


def test_deliver_masters_anew_when_asked_and_only_then(place: Place) -> None:
    def heard_lufs() -> float:
        sound, rate = soundfile.read(place.score / "mix.wav")
        return float(pyloudnorm.Meter(rate).integrated_loudness(sound))

    deliver = ("deliver", "film.score", "film.mp4")
    refused = place.do(*deliver, "--loudness", "broadcast")
    assert refused.code == 2 and "--overwrite" in refused.err
    premaster = place.files["premaster.wav"]
    assert "film.score/mix.wav" in place.well(*deliver, "--overwrite", "--loudness", "broadcast")
    assert heard_lufs() == pytest.approx(-23, abs=0.3)
    told = place.manifest
    assert told["options"]["loudness"] == "broadcast"
    assert told["rendering"]["loudness_lufs"] == pytest.approx(heard_lufs(), abs=0.1)
    assert told["files"] == place.files and place.files["premaster.wav"] == premaster
    quiet_film, mix = place.files["film.scored.mp4"], place.files["mix.wav"]
    for more in ((), ("--loudness", "broadcast")):
        assert "mix.wav" not in place.well(*deliver, "--overwrite", *more)
        assert (place.files["film.scored.mp4"], place.files["mix.wav"]) == (quiet_film, mix)
        assert place.manifest["options"]["loudness"] == "broadcast"


def test_a_muted_film_cannot_keep_its_sound_beside_the_music(place: Place) -> None:
    with untouched(place.here):
        for words in (("film.mp4", "-o", "new"), ("deliver", "film.score", "film.mp4", "--overwrite")):
            said = place.do(*words, "--original", "mute", "--as-track")
            assert said.code == 2
            assert "--original mute cannot be used with --as-track" in said.err


@pytest.mark.slow
def test_a_reedit_is_exported_too(place: Place) -> None:
    place.well("deliver", "film.score", "film.mp4", "--overwrite", "--original", "mute")
    place.well("reconform", "film.score", "film.mp4", "-o", "new", "--export", "daw,musicxml", "--as-track")  # more than the old "mute"
    new = Place(place.here, place._capsys)
    new.score = place.here / "new"
    assert {"daw/README.txt", "score.musicxml"} <= set(new.files)
    assert new.manifest["files"] == new.files
    assert set(new.manifest["inputs"]) == {"film.mp4", "plan.yaml", "score.json"}
    assert (new.manifest["options"]["as_track"], new.manifest["options"]["original"]) == (True, "duck")
