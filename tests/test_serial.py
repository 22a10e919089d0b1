"""Nouns to plain data and back: nothing is lost, and a file a person spoiled is told where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, strategies as st

from composer.cues import Cue, CueSheet, HitPoint
from composer.errors import PlanError
from composer.serial import from_plain, load_json, save_json, to_plain, write_text

finite = st.floats(allow_nan=False, allow_infinity=False)
hit_points = st.builds(HitPoint, finite, finite, st.sampled_from(["cut", "dissolve", "fade", "marker", "user"]), st.text(max_size=8))
cues = st.builds(
    Cue, st.text(max_size=5), finite, finite, st.lists(hit_points, max_size=3).map(tuple), st.lists(finite, max_size=3).map(tuple)
)
sheets = st.builds(CueSheet, st.lists(cues, max_size=3).map(tuple), st.lists(hit_points, max_size=3).map(tuple))


@dataclass(frozen=True)
class Sample:
    """One field of every kind."""

    count: int
    rate: Fraction
    level: float
    loud: bool
    name: str
    kind: Literal["a", "b"]
    maybe: int | None
    rows: tuple[tuple[float, ...], ...]
    table: dict[str, tuple[str, ...]]
    extra: str = "default"


GOOD = {"count": 3, "rate": "30000/1001", "level": 1.5, "loud": True, "name": "x", "kind": "b", "maybe": None, "rows": [[1, 2.5]], "table": {"k": ["v"]}}  # fmt: skip


@given(sheets)
def test_any_noun_survives_json(sheet):
    assert from_plain(CueSheet, json.loads(json.dumps(to_plain(sheet)))) == sheet


def test_every_kind_of_field_survives():
    sample = from_plain(Sample, GOOD)
    assert sample.rate == Fraction(30000, 1001)
    assert sample.rows == ((1.0, 2.5),)
    assert sample.extra == "default"
    assert from_plain(Sample, to_plain(sample)) == sample


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("count", 1.5, "whole number"),
        ("count", True, "whole number"),
        ("rate", "1/0", "fraction"),
        ("rate", "fast", "fraction"),
        ("level", float("nan"), "finite"),
        ("level", float("inf"), "finite"),
        ("level", "1", "finite"),
        ("loud", 1, "true or false"),
        ("name", 7, "text"),
        ("kind", "c", "one of a, b"),
        ("maybe", "x", "whole number"),
        ("rows", 5, "a list"),
        ("rows", [[1, "two"]], "rows[0][1]"),
        ("table", [], "a mapping"),
        ("table", {"k": "v"}, "table.k"),
    ],
)
def test_a_wrong_value_is_told_by_place(field, value, words):
    with pytest.raises(PlanError) as caught:
        from_plain(Sample, {**GOOD, field: value})
    assert words in str(caught.value)
    assert field in str(caught.value)


def test_an_unknown_field_names_the_nearest():
    with pytest.raises(PlanError, match=r"levle is not a known field.*level"):
        from_plain(Sample, {**GOOD, "levle": 2})


def test_a_missing_field_is_named():
    with pytest.raises(PlanError, match="count is missing"):
        from_plain(Sample, {k: v for k, v in GOOD.items() if k != "count"})


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"text"', "\x00"])
def test_a_file_that_is_no_noun_is_an_error_not_a_crash(tmp_path, text):
    path = tmp_path / "noun.json"
    path.write_text(text)
    with pytest.raises(PlanError):
        load_json(CueSheet, path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(PlanError, match="cannot be read"):
        load_json(CueSheet, tmp_path / "none.json")


def test_bytes_that_are_no_text_are_told(tmp_path):
    path = tmp_path / "noun.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(PlanError, match="not JSON"):
        load_json(CueSheet, path)


@given(sheet=sheets)
def test_the_same_noun_gives_the_same_bytes(tmp_path_factory, sheet):
    folder = tmp_path_factory.mktemp("same")
    for name in ("a", "b"):
        save_json(sheet, folder / name)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
    assert load_json(CueSheet, folder / "a") == sheet


def test_a_failed_write_leaves_the_old_text_and_no_neighbour(tmp_path: Path):
    path = tmp_path / "text.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["text.txt"]
