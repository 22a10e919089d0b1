"""What spotting and the tempo solver promise, on made cut lists; and that the counting counts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from composer.evaluation.cut_lists import KINDS, made_film, made_films
from composer.evaluation.spotting import FILES, Count, count_plan, evaluate, lone_cuts, tables, write_report
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from tests.conftest import Cli
from tests.filmmaker import film_of


def test_the_promise_on_made_lists() -> None:
    found = evaluate(3 * len(KINDS), 77, [], lambda _what, _done: None)
    c = Count(**found["all made lists"])
    assert c.films == 3 * len(KINDS) and c.lone > 300
    assert c.lone_hit / c.lone >= 0.85
    assert c.planned_hard_hit == c.planned_hard > 0.6 * c.spotted_hard
    assert c.bars_outside / c.bars <= 0.01
    assert c.changes_large / c.changes <= 0.05
    assert c.bars_odd / c.bars <= 0.05
    assert c.lone_chance / c.lone <= 0.2
    assert c.lone_constant / c.lone <= 0.65


def test_made_films_are_the_same_each_time_and_differ() -> None:
    one, two = (list(made_films(len(KINDS), 5)) for _ in range(2))
    assert one == two
    assert len({film.duration_s for _, film in one}) == len(KINDS)
    assert [kind for kind, _ in one] == list(KINDS)
    gaps = [
        b.start_s - a.start_s for a, b in zip(made_film("log-normal 8 s", 1).shots, made_film("log-normal 8 s", 1).shots[1:], strict=False)
    ]
    assert 4 < sum(gaps) / len(gaps) < 13


def test_counting() -> None:
    film = film_of([4.0, 8.0, 9.0, 14.0], 20.0, [0.0] * 20, [0.0] * 20)
    assert lone_cuts(film) == [4.0, 14.0]
    options = Options(instruments=("strings",))
    sheet = spot(film, options)
    made = plan(film, sheet, options)
    spotted = sheet.cues[0].hits
    count = count_plan(film, made, spotted)
    assert (count.cuts, count.lone, count.films) == (4, 2, 1)
    assert count.cuts_hit == len([h for h in made.hits if abs(h.error_s) <= 0.02])
    late = replace(made, hits=tuple(replace(h, time_s=h.time_s + 0.1, error_s=h.error_s - 0.1) for h in made.hits))
    assert count_plan(film, late, spotted).cuts_hit == 0
    wild = _with_tempi(made, [100.0, 104.0])
    assert count_plan(film, wild, spotted).changes_large > 0


def _with_tempi(made: Plan, tempi: list[float]) -> Plan:
    return replace(made, bars=tuple(replace(bar, qpm=tempi[i % len(tempi)]) for i, bar in enumerate(made.bars)))


def test_a_film_without_cuts_counts_nothing() -> None:
    film = film_of([], 20.0, [0.0] * 20, [0.0] * 20, Fraction(25))
    found = evaluate(0, 0, [("still", film)], lambda _what, _done: None)
    assert found["kinds"]["still"]["cuts"] == 0
    assert any("still" in line for line in tables(found))


def test_the_report_is_written(tmp_path: Path) -> None:
    write_report(evaluate(2, 0, [], lambda _what, _done: None), tmp_path)
    assert all((tmp_path / name).is_file() for name in FILES)


@pytest.mark.slow
def test_the_command(cli: Cli, tmp_path: Path) -> None:
    done = cli("evaluate", "spotting", "--count", 9, "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "all made lists" in done.stdout and (tmp_path / "out" / "spotting.json").is_file()
