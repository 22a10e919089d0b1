"""`preview`: what lies beside a film is used, nothing else is made, and nothing is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from composer.options import Options
from composer.planner import plan as planned, spot
from composer.stages import write_plan
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
    said = cli("preview", "film.mp4", "--from", "0:03", "--to", "8", "-o", "a.wav")
    assert said.stdout == "a.wav  (from the plan)\n"
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"
    assert listing(tmp_path) - {name for name in listing(tmp_path) if name.startswith("film.score/")} == {
        "film.mp4", "film.score", "film.preview.ogg", "a.wav",
    }  # fmt: skip
    assert film.is_file()


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
