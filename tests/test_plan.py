"""The plan's one border: what a person may write into plan.yaml, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from composer.errors import PlanError
from composer.options import Options
from composer.plan import Plan, load_plan, plan_to_yaml
from composer.planner import plan, spot
from tests.filmmaker import random_film


@pytest.fixture(scope="module")
def made() -> Plan:
    film, options = random_film(1), Options(instruments=("strings", "brass"))
    return plan(film, spot(film, options), options)


def edited(made: Plan, tmp_path: Path, change: object) -> Plan:
    data = yaml.safe_load(plan_to_yaml(made))
    change(data)  # type: ignore[operator]
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(data))
    return load_plan(path)


def test_a_slower_bar_moves_every_later_hit(made: Plan, tmp_path: Path) -> None:
    slower = edited(made, tmp_path, lambda d: d["bars"][0].update(qpm=60.0))
    before, after = made.hits[-1].error_s, slower.hits[-1].error_s
    assert after - before == pytest.approx(slower.tempo.bars[0].seconds - made.tempo.bars[0].seconds, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(tempoo=3), "tempoo is not a known field"),
        (lambda d: d["sections"][1].update(kye="D"), r"sections\[1\].kye.*Did you mean key"),
        (lambda d: d["sections"][1].update(first_bar=1), "inside the section before it"),
        (lambda d: d["sections"][0].update(key="H minor"), "unknown key"),
        (lambda d: d["sections"][0]["chords"].pop(), "chord entries"),
        (lambda d: d["sections"][0]["chords"].__setitem__(0, "VIII"), "unknown chord"),
        (lambda d: d["sections"][0]["roles"].update(melody=["kazoo"]), "unknown part 'kazoo'"),
        (lambda d: d["sections"][0]["roles"].update(tune=["tuba"]), "unknown role"),
        (lambda d: d["sections"][0].update(dynamics="fff"), "dynamics"),
        (lambda d: d["sections"][0].update(mood="tens"), "unknown mood 'tens'.*Did you mean tense"),
        (lambda d: d["parts"][0].update(instrument="trumpetz"), "unknown instrument.*trumpet"),
        (lambda d: d["bars"][2].update(qpm=0), "tempo 0"),
        (lambda d: d["bars"][2].update(qpm=float("nan")), "finite"),
        (lambda d: d["bars"].pop(0), "numbered 2"),
        (lambda d: d["bars"][0].update(metre="four"), "not a metre"),
        (lambda d: d["hits"][0].update(bar=999), "does not exist"),
        (lambda d: d["bars"][1].update(arousal=1e9), "bar 2: a feeling out of range"),
        (lambda d: d["sections"][1].update(id="S1"), "section 'S1' is listed twice"),
        (lambda d: d.update(version=7), "version 7"),
        (lambda d: d.update(ending="bang"), "one of ring"),
        (lambda d: d.pop("parts"), "parts is missing"),
        (lambda d: d.update(locked=["S99"]), "unknown section"),
        (lambda d: d.update(sections=[]), "no parts, sections or bars"),
    ],
)
def test_what_is_wrong_is_named(made: Plan, tmp_path: Path, change: object, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        edited(made, tmp_path, change)


@pytest.mark.parametrize(
    "content",
    ["", "just text", "[1, 2]", "a: [", "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"), "key: !!python/object:os.system x"],
)
def test_files_that_are_no_plans(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(content.encode("utf-8"))
    with pytest.raises(PlanError):
        load_plan(path)
    with pytest.raises(PlanError, match="cannot be read"):
        load_plan(tmp_path / "missing.yaml")
