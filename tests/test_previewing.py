"""`preview`: what lies beside a film is used, nothing else is made, and nothing is touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from composer.cli.main import main
from composer.errors import OptionError, PlanError
from composer.manifest import sha256_of
from composer.options import Options
from composer.planner import plan as planned, spot
from composer.previewing import look, preview
from composer.stages import made_of, read_folder, write_plan
from composer.transformer.compose import compose
from tests.conftest import Cli, listing, make_small_film, untouched
from tests.filmmaker import random_film


def test_from_the_score_then_from_the_edited_plan(cli: Cli, tmp_path: Path) -> None:
    film = make_small_film(tmp_path / "film.mp4", 12)
    assert cli("film.mp4", "--instruments", "piano,cello", "--generator", "chords").returncode == 0
    folder = tmp_path / "film.score"
    with untouched(folder):
        said = cli("preview", "film.mp4", "--from", "0:03", "--to", "8")
        assert (said.returncode, said.stdout) == (0, "film.preview.ogg  (from the score)\n")
    info = soundfile.info(tmp_path / "film.preview.ogg")
    assert (info.samplerate, info.frames) == (48_000, 5 * 48_000)
    plan = folder / "plan.yaml"
    plan.write_text(
        plan.read_text(encoding="utf-8").replace("dynamics: mf", "dynamics: f").replace("title: ", "title: edited "), encoding="utf-8"
    )
    said = cli("preview", "film.mp4", "--from", "0:03", "--to", "8", "-o", "a.wav", "--generator", "chords")
    assert said.stdout == "a.wav  (from the plan)\n"
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"
    assert listing(tmp_path) - {name for name in listing(tmp_path) if name.startswith("film.score/")} == {
        "film.mp4", "film.score", "film.preview.ogg", "a.wav",
    }  # fmt: skip
    assert film.is_file()


def test_a_score_is_played_only_for_the_plan_and_the_options_it_was_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_small_film(tmp_path / "a.mp4", 4)

    def do(*words: str, code: int = 0) -> str:
        assert main(words) == code
        told = capsys.readouterr()
        return told.err if code else told.out

    def heard(*words: str) -> str:
        return do("preview", "a.mp4", "--from", "1", "--to", "2", "--generator", "chords", *words).split("from the ")[1].removesuffix(")\n")

    do("a.mp4", "--instruments", "piano,cello", "--generator", "chords", "--humanize", "0.3")
    assert heard() == heard("--humanize", "0.3") == "score"
    assert heard("--humanize", "0.5") == "plan"
    assert look(tmp_path / "a.score", Options(), ()).score is not None, "what nobody asked for is as it was"
    assert look(tmp_path / "a.score", Options(), ("generator",)).score is None
    shutil.copytree("a.score", "old.score")
    manifest = tmp_path / "old.score" / "manifest.json"  # as older versions left it
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["inputs"] = {"a.mp4": told["inputs"]["a.mp4"]}
    manifest.write_text(json.dumps(told), encoding="utf-8")
    assert look(tmp_path / "old.score", Options()).score is not None

    do("plan", "a.mp4", "--instruments", "piano,cello", "--tempo", "70", "--seed", "3", "-o", "a.score", "--overwrite")
    assert heard() == "plan"
    assert "is not of the plan beside it" in do("deliver", "a.score", "a.mp4", "--overwrite", code=2)
    for folder in ("a.score", "old.score"):
        if folder == "old.score":
            do("plan", "old.score/film.json", "--instruments", "piano,cello", "--mood", "tense", "--overwrite")
            assert look(tmp_path / folder, Options()).score is None
        with pytest.raises(PlanError, match="is not of the plan beside it"):
            read_folder(tmp_path / folder)
        do("compose", f"{folder}/plan.yaml", "--overwrite", "--generator", "chords")
        assert look(tmp_path / folder, Options()).score is not None
        with pytest.raises(PlanError, match="is not of the score beside it"):
            read_folder(tmp_path / folder)


def test_several_takes_beside_a_score_are_not_that_score(tmp_path: Path) -> None:
    film = random_film(1, 6.0)
    write_plan(planned(film, spot(film, Options()), Options(instruments=("piano",))), tmp_path)
    source = tmp_path / "plan.yaml"
    assert main(["generate", str(source), "--generator", "chords", "-q"]) == 0
    first = made_of(tmp_path, "plan.yaml")
    assert first == sha256_of(source)
    source.write_text(source.read_text(encoding="utf-8").replace("title: ", "title: edited "), encoding="utf-8")
    assert main(["generate", str(source), "--generator", "chords", "--takes", "2", "-q"]) == 0
    assert made_of(tmp_path, "plan.yaml") == first
    other = source.rename(tmp_path / "other.yaml")
    assert main(["compose", str(other), "-o", str(tmp_path), "--generator", "chords", "--overwrite", "-q"]) == 0
    assert made_of(tmp_path, "plan.yaml") == sha256_of(other)


@pytest.mark.parametrize(("name", "container", "kind"), [("a.WAV", "WAV", "PCM_24"), ("b.Ogg", "OGG", "VORBIS")])
def test_the_suffix_decides_however_it_is_written(tmp_path: Path, name: str, container: str, kind: str) -> None:
    film = random_film(1, 6.0)
    make_small_film(tmp_path / "film.mp4", 6)
    write_plan(planned(film, spot(film, Options()), Options(instruments=("piano",))), tmp_path)
    options = Options(generator="chords")
    assert preview(tmp_path / "film.mp4", 1.0, 3.0, tmp_path / name, options, plan_file=tmp_path / "plan.yaml") == "plan"
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.subtype, info.frames) == (container, kind, 2 * 48_000)


def test_a_passage_that_ends_before_it_begins_is_refused_unseen(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film at all: whoever looks says so")
    with pytest.raises(OptionError, match="no passage from 15 to 5 s"):
        preview(tmp_path / "film.mp4", 15.0, 5.0, tmp_path / "a.ogg", Options())
    assert listing(tmp_path) == {"film.mp4"}


def test_without_a_folder_the_film_is_planned(cli: Cli, tmp_path: Path) -> None:
    make_small_film(tmp_path / "film.mp4", 6)
    said = cli("preview", "film.mp4", "--from", "1", "--to", "60", "--instruments", "piano", "-o", "a.ogg")
    assert (said.returncode, said.stdout) == (0, "a.ogg  (from the film)\n")
    assert soundfile.info(tmp_path / "a.ogg").frames == 5 * 48_000  # the film ends before the passage asked for
    assert listing(tmp_path) == {"film.mp4", "a.ogg"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--from", "5", "--to", "3"), "no passage from 5 to 3"),
        (("--from", "50", "--to", "60"), "film lasts 6.00 s"),
        (("--from", "1", "--to", "2", "-o", "a.mp3"), "neither .wav nor .ogg"),
        (("--from", "1", "--to", "2", "--plan", "p.yaml", "--seed", "3"), "--seed cannot be used with --plan"),
        (("--to", "2"), "--from"),
    ],
)
def test_what_cannot_be_heard_is_one_clear_error(cli: Cli, tmp_path: Path, asked: tuple[str, ...], told: str) -> None:
    make_small_film(tmp_path / "film.mp4", 6)
    film = random_film(1, 6.0)
    write_plan(planned(film, spot(film, Options()), Options(instruments=("piano",))), tmp_path)
    (tmp_path / "film.score").mkdir()
    (tmp_path / "plan.yaml").replace(tmp_path / "film.score" / "plan.yaml")
    (tmp_path / "prompt.txt").unlink()
    before = listing(tmp_path)
    said = cli("preview", "film.mp4", *asked)
    assert said.returncode == 2
    assert told in said.stderr and "Traceback" not in said.stderr
    assert listing(tmp_path) == before


@pytest.mark.parametrize("seed", [1, 4])
def test_sections_written_alone_are_what_they_are_in_the_whole(seed: int) -> None:
    film = random_film(seed, 60.0)
    plan = planned(film, spot(film, Options()), Options(instruments=("piano", "cello")))
    whole = compose(plan)
    wanted = plan.sections[len(plan.sections) // 2]
    part = compose(replace(plan), only=frozenset({wanted.id}))
    first, last = float(plan.tempo.bar_beats[wanted.first_bar - 1]) + 0.5, float(plan.tempo.bar_beats[wanted.last_bar]) - 0.5
    for one, other in zip(whole.tracks, part.tracks, strict=True):
        inside = [[(n.start_beat, n.pitch) for n in track.notes if first <= n.start_beat < last] for track in (one, other)]
        assert inside[0] == inside[1]
    assert part.note_count <= whole.note_count
