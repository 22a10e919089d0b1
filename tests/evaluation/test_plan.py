"""`evaluate plan`: the made films, one film judged, the report, the command."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from composer.evaluation import plan as work
from composer.evaluation.plan_films import RATES, STORIES, cases
from composer.evaluation.plan_report import FILES, tables, write_report
from composer.film import Film
from composer.generators import generator
from composer.options import silent
from tests.conftest import Cli
from tests.filmmaker import random_film


def test_the_made_films_fill_what_they_promise() -> None:
    made = cases(40, 0)
    films = [case.film for case in made]
    assert made == cases(40, 0) and films != [case.film for case in cases(40, 5)]
    assert {case.kind for case in made} == set(STORIES) and {film.frame_rate for film in films} == set(RATES)
    assert min(film.duration_s for film in films) == pytest.approx(20, abs=0.1) and 240 < max(film.duration_s for film in films) < 601
    options = [case.options for case in made]
    assert (
        any(o.steady for o in options)
        and any(o.tempo_qpm for o in options)
        and any(o.key for o in options)
        and any(o.mood for o in options)
    )
    assert any(o.silence_s for o in options) and any(len(o.cue_s) == 2 for o in options) and any(not o.instruments for o in options)
    assert {o.ending for o in options} == {"ring", "cut", "fade"}
    for case in made:
        _check_film(case.film)
        assert set(case.scenes_s) <= {shot.start_s for shot in case.film.shots[1:]} and (case.scenes_s or case.kind == "long calm take")
        assert bool(case.film.speech) == (case.kind in ("dialogue", "voice over"))


def _check_film(film: Film) -> None:
    edges = [0.0, *(shot.end_s for shot in film.shots)]
    assert edges[:-1] == [shot.start_s for shot in film.shots] and edges[-1] == pytest.approx(film.duration_s)
    assert all(abs(t * film.frame_rate - round(t * film.frame_rate)) < 1e-6 for t in edges)
    assert len(film.affect.valence) == len(film.affect.arousal) == len(film.motion) >= film.duration_s
    assert all(-1 <= x <= 1 for x in (*film.affect.valence, *film.affect.arousal))
    assert sorted({shot.look for shot in film.shots}) == list(range(max(shot.look for shot in film.shots) + 1))
    assert all(a.end_s < b.start_s for a, b in zip(film.speech, film.speech[1:], strict=False))


def test_places_return_and_scenes_differ() -> None:
    film = next(case.film for case in cases(12, 0) if case.kind == "alternating scenes")
    looks = [shot.look for shot in film.shots]
    assert any(look in looks[: i - 1] and looks[i - 1] != look for i, look in enumerate(looks) if i > 1)
    build = next(case.film for case in cases(12, 0) if case.kind == "slow build").affect.arousal
    assert sum(build[-4:]) > sum(build[:4]) + 2


def test_clips_come_first() -> None:
    made = cases(3, 0, [("one", random_film(1)), ("two", random_film(2))])
    assert [case.name for case in made] == ["one", "two", "slow build 1"] and made[0].kind == "clip"


def test_one_film_is_judged() -> None:
    case = next(case for case in cases(12, 0) if case.kind == "dialogue")
    row = work.judge(case, generator("chords"))
    counts = Counter(row["counts"])
    assert counts["valid"] == counts["films"] == 1 and row["sections"] == counts["sections"] > 0
    assert counts["composed as planned"] == 1 and set(row["speech"]) == {"inside", "outside", "deaf"}
    refused = work.judge(replace(case, options=replace(case.options, tempo_qpm=9000.0)), generator("chords"))
    assert "9000" in refused["error"] and refused["counts"] == {"films": 1}


def test_the_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "QUICK_FILMS", 2)
    monkeypatch.setattr(work, "QUICK_SEEDS", 2)
    found = work.evaluate(work.Work(0, quick=True), silent)
    assert len(found["films"]) == 2 and len(found["variety"]) == 2 and not {"people"} & set(found)
    assert found["all"]["films"] == 2 and found["all"]["cues"] >= 2
    write_report(found, tmp_path)
    assert json.loads((tmp_path / FILES[0]).read_text()) == json.loads(json.dumps(found))
    text = (tmp_path / FILES[1]).read_text()
    assert "plans valid" in text and "nothing here is to be quoted" in text and "slow build 1" in text
    worse = {**found, "all": {**found["all"], "valid": 1}, "people": {"songs": {"excerpts": 4, "right": 1}}}
    lines = [" ".join(line.split()) for line in tables(worse)]
    assert "| plans valid | 1 | 2 | 50.0 % | 100 % |" in lines
    assert any(line.startswith("| people, songs: a key of the signature | 1 | 4 | 25.0 % |") for line in lines)


@pytest.mark.slow
def test_the_command(cli: Cli, tmp_path: Path) -> None:
    done = cli("evaluate", "plan", "--quick", "--seed", 3, "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "plans valid" in done.stdout and (tmp_path / "out" / "plan.json").is_file()
    (tmp_path / "clips").mkdir()
    assert cli("evaluate", "plan", "--quick", "--clips", "clips", "-o", "other").returncode == 2
    assert cli("evaluate", "plan", "--quick", "--scores", "clips", "-o", "other").returncode == 2
    assert not (tmp_path / "other").exists()
