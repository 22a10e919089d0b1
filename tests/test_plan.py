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
        (lambda d: d["bars"][1].update(speech=1.5), "bar 2: a feeling out of range"),
        (lambda d: d["sections"][0].update(form="bild"), "form is 'bild'.*one of whole, opening, build"),
        (lambda d: d["sections"][0].update(variation="upside down"), "variation is .*one of plain"),
        (lambda d: d["sections"][0].update(phrases=[1]), "its phrases have 1"),
        (lambda d: d["themes"][0].update(motif="1:x"), "theme A: '1:x' is no note of a motif"),
        (lambda d: d["themes"][0].update(part="kazoo"), "theme A: unknown part 'kazoo'"),
        (lambda d: d["themes"].append(d["themes"][0]), "theme 'A' is listed twice"),
        (lambda d: d["hairpins"].append({"bar": 1, "beat": 1, "to_bar": 999, "to_beat": 1, "start": "p", "end": "f"}), "bar 999"),
        (
            lambda d: d["hairpins"].append({"bar": 2, "beat": 1, "to_bar": 1, "to_beat": 1, "start": "p", "end": "f"}),
            "ends before it begins",
        ),
        (lambda d: d["hairpins"].append({"bar": 1, "beat": 1, "to_bar": 2, "to_beat": 1, "start": "p", "end": "fff"}), "dynamics 'fff'"),
        (lambda d: d.update(key="H"), "key: unknown key"),
        (lambda d: d["sections"][0].update(doubles={"tuba": "tuba"}), "section S1: part 'tuba' doubles itself"),
        (
            lambda d: d["sections"][0].update(doubles={"tuba": "horns", "horns": "tuba"}),
            r"part 'horns' doubles in a circle \(horns, tuba, horns\)",
        ),
        (lambda d: d["sections"][0].update(modulation="pivott"), "section S1: modulation 'pivott'.*Did you mean pivot"),
        (lambda d: d["sections"][0]["chords"].__setitem__(1, " ".join(["I"] * 9)), "bar 2 has 9 chords.*8 at most"),
        (lambda d: d["hits"][0].update(bar=3, beat=7), "bar 3 beat 7 does not exist.*Bar 3 is in ./4: it has . quarter notes"),
        (lambda d: d["hits"][0].update(bar=999), r"bar 999 beat .* does not exist.*The plan has \d+ bars"),
        (lambda d: [section.update(roles={}, doubles={}) for section in d["sections"]], "nobody plays in this plan"),
    ],
)
def test_what_is_wrong_is_named(made: Plan, tmp_path: Path, change: object, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        edited(made, tmp_path, change)


def test_a_silent_section_and_doublings_in_a_row_are_allowed(made: Plan, tmp_path: Path) -> None:
    def silent(data: dict[str, object]) -> None:
        data["sections"][0].update(roles={}, doubles={})  # type: ignore[index]
        data["sections"][1].update(doubles={"tuba": "trombones", "trombones": "cellos"})  # type: ignore[index]

    plain = edited(made, tmp_path, silent)
    assert plain.sections[0].roles == {} and plain.sections[1].doubles["tuba"] == "trombones"


def test_functions_and_cadences_follow_the_chords(made: Plan, tmp_path: Path) -> None:
    def to_major(data: dict[str, object]) -> None:
        section = data["sections"][0]  # type: ignore[index]
        section.update(
            key="C major", chords=["I", *["IV"] * (section["bars"] - 3), "V7", "I"], phrases=[], functions=["nonsense"], cadences=[]
        )

    section = edited(made, tmp_path, to_major).sections[0]
    assert section.functions[-1] == "tonic" and section.functions[-2] == "dominant"
    assert section.cadences == ("authentic",)


def test_plans_without_the_newer_fields_are_read(made: Plan, tmp_path: Path) -> None:
    def older(data: dict[str, object]) -> None:
        for name in ("themes", "hairpins", "style", "key"):
            data.pop(name)
        for section in data["sections"]:  # type: ignore[attr-defined]
            for name in ("form", "variation", "modulation", "phrases", "functions", "cadences"):
                section.pop(name)

    assert edited(made, tmp_path, older).sections[0].form == "whole"


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
