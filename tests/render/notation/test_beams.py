from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction

import pytest

from composer.render.notation.beams import beams
from composer.render.notation.layout import Piece
from composer.render.notation.metre import UNITS, Metre, pieces
from composer.render.notation.musicxml import musicxml_tree
from composer.score import Note, Score, Track
from tests.render.notation.conftest import tempo_of

ALL = [Metre(upper, lower) for lower in (1, 2, 4, 8, 16) for upper in range(1, 17)]
FLAGS = {3: 3, 6: 2, 9: 2, 12: 1, 18: 1}


def even(metre: Metre, step: int) -> list[Piece]:
    return [Piece(start, start + step, 0) for start in range(0, metre.length, step)]


def stretches(found: Sequence[tuple[str, ...]], line: int = 0) -> list[tuple[int, int]]:
    """(first, last) indices of every beam of one line; complains where one is not begun, not ended or begun twice."""
    result: list[tuple[int, int]] = []
    open_at: int | None = None
    for index, lines in enumerate(found):
        sign = lines[line] if len(lines) > line else ""
        assert (open_at is not None) == (sign in ("continue", "stop")), (index, found)
        if sign == "start":
            open_at = index
        elif sign == "stop":
            assert open_at is not None
            result.append((open_at, index))
            open_at = None
    assert open_at is None
    return result


def any_bar(metre: Metre, rng: random.Random) -> list[Piece]:
    """A bar cut anywhere, written as the metre says; some of it rests."""
    cuts = sorted({0, metre.length, *(rng.randrange(0, metre.length, 3) for _ in range(rng.randint(1, metre.length // 6)))})
    found: list[Piece] = []
    for start, end in itertools.pairwise(cuts):
        event = None if rng.random() < 0.15 else start
        found += [Piece(a, b, event) for a, b in pieces(start, end, metre, is_rest=event is None)]
    return found


@pytest.mark.parametrize("metre", ALL, ids=str)
def test_sixteenths_are_beamed_by_beats(metre: Metre) -> None:
    bar = even(metre, 6)
    found = [(bar[first].start, bar[last].end) for first, last in stretches(beams(bar, metre))]
    assert found == [(start, end) for start, end in metre.windows if end - start > 6]


@pytest.mark.parametrize("metre", [metre for metre in ALL if metre.denominator < 16], ids=str)
def test_eighths_are_beamed_by_groups(metre: Metre) -> None:
    bar = even(metre, 12)
    found = [(bar[first].start, bar[last].end) for first, last in stretches(beams(bar, metre))]
    assert found == [(start, end) for start, end in metre.beams if end - start > 12]


@pytest.mark.parametrize("metre", ALL, ids=str)
def test_no_beam_crosses_a_group_whatever_the_rhythm(metre: Metre) -> None:
    rng = random.Random(str(metre))
    assert metre.beams[0][0] == 0 and metre.beams[-1][1] == metre.length
    assert all(a[1] == b[0] for a, b in itertools.pairwise(metre.beams))
    for _ in range(20):
        bar = any_bar(metre, rng)
        found = beams(bar, metre)
        for first, last in stretches(found):
            inside = bar[first : last + 1]
            plain = all(piece.end - piece.start == UNITS // 2 for piece in inside)
            groups = metre.beams if plain else metre.windows
            assert any(start <= inside[0].start and inside[-1].end <= end for start, end in groups), (bar, found)
        for piece, lines in zip(bar, found, strict=True):
            assert len(lines) in (0, FLAGS.get(piece.end - piece.start, 0))
            assert piece.event is not None or not lines


@pytest.mark.parametrize("metre", ALL, ids=str)
def test_every_line_begins_and_ends_within_the_one_before(metre: Metre) -> None:
    rng = random.Random(f"{metre} lines")
    for _ in range(20):
        found = beams(any_bar(metre, rng), metre)
        outer = stretches(found)
        for line in (1, 2):
            inner = stretches(found, line)
            assert all(any(a <= first and last <= b for a, b in outer) for first, last in inner)
            outer = inner or outer


@pytest.mark.parametrize(
    ("metre", "wanted"),
    [
        ((4, 4), "4 4"), ((3, 4), "6"), ((5, 4), "6 4"), ((6, 4), "6 6"), ((7, 4), "4 4 6"), ((8, 4), "4 4 4 4"), ((9, 4), "6 6 6"),
        ((5, 8), "2 3"), ((7, 8), "2 2 3"), ((8, 8), "2 2 2 2"), ((11, 8), "2 2 2 2 3"), ((12, 8), "3 3 3 3"), ((2, 2), "4 4"), ((3, 2), "4 4 4"),
    ],
)  # fmt: skip
def test_eighths_as_musicians_count_them(metre: tuple[int, int], wanted: str) -> None:
    found = stretches(beams(even(Metre(*metre), 12), Metre(*metre)))
    assert " ".join(str(last - first + 1) for first, last in found) == wanted


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [
        ((18, 6), [("start",), ("stop", "left")]),
        ((6, 18), [("start", "right"), ("stop",)]),
        ((6, 12, 6), [("start", "right"), ("continue",), ("stop", "left")]),
        ((12, 6, 6), [("start",), ("continue", "start"), ("stop", "stop")]),
        ((9, 3, 12), [("start", "start"), ("continue", "stop", "left"), ("stop",)]),
        ((6, 6, 3, 3, 6), [("start", "start"), ("continue", "stop"), ("continue", "start", "start"), ("continue", "continue", "stop"), ("stop", "stop")]),
        ((24,), [()]),
    ],
)  # fmt: skip
def test_a_beat_of_mixed_values(lengths: tuple[int, ...], wanted: list[tuple[str, ...]]) -> None:
    edges = [0, *itertools.accumulate(lengths)]
    bar = [Piece(a, b, a) for a, b in itertools.pairwise([*edges, 48, 72, 96])]
    assert beams(bar, Metre(4, 4))[: len(lengths)] == wanted


def test_a_rest_breaks_a_beam() -> None:
    bar = [Piece(0, 6, 0), Piece(6, 12, 1), Piece(12, 18, None), Piece(18, 24, 2), Piece(24, 48, 3)]
    assert beams(bar, Metre(2, 4)) == [("start", "start"), ("stop", "stop"), (), (), ()]


def test_five_four_is_three_and_two_on_every_staff_of_the_file() -> None:
    tempo = tempo_of(["5/4"], [90.0])
    eighths = tuple(Note(k / 2, 0.5, 72 + k % 3, 80) for k in range(10))
    sixteenths = tuple(Note(k / 4, 0.25, 72 + k % 3, 80) for k in range(20))
    tracks = (Track("flute", "Flute", "flute", eighths), Track("oboe", "Oboe", "oboe", sixteenths))
    root = musicxml_tree(Score("Test", tempo, tempo.total_s, Fraction(25), 0, tracks), None)
    firsts = [[i for i, note in enumerate(part.iter("note")) if note.findtext("beam") == "begin"] for part in root.findall("part")]
    assert firsts == [[0, 6], [0, 4, 8, 12, 16]]
    hooks = [beam.text for beam in root.iter("beam") if "hook" in (beam.text or "")]
    assert not hooks


def test_a_hook_is_a_hook_in_the_file() -> None:
    tempo = tempo_of(["2/4"], [90.0])
    notes = (Note(0.0, 0.75, 72, 80), Note(0.75, 0.25, 74, 80), Note(1.0, 0.25, 74, 80), Note(1.25, 0.75, 72, 80))
    root = musicxml_tree(Score("Test", tempo, tempo.total_s, Fraction(25), 0, (Track("flute", "Flute", "flute", notes),)), None)
    found = [[beam.text for beam in note.findall("beam")] for note in root.iter("note")]
    assert found == [["begin"], ["end", "backward hook"], ["begin", "forward hook"], ["end"]]
