from __future__ import annotations

import itertools

import pytest

from composer.render.notation.metre import THIRD, UNITS, Metre, pieces

METRES = [Metre(*m) for m in ((4, 4), (3, 4), (2, 4), (1, 4), (5, 4), (7, 4), (6, 8), (9, 8), (12, 8), (3, 8), (5, 8), (7, 8), (2, 2), (3, 2), (6, 4), (3, 16), (7, 16))]  # fmt: skip
WRITABLE = {3, 6, 12, 24, 48, 96, 9, 18, 36, 72, 144}
COMMON = Metre(4, 4)


@pytest.mark.parametrize("metre", METRES, ids=str)
@pytest.mark.parametrize("is_rest", [False, True])
def test_any_stretch_is_filled_by_values_that_exist(metre: Metre, is_rest: bool) -> None:
    for start, end in itertools.combinations(range(0, metre.length + 1, 3), 2):
        found = pieces(start, end, metre, is_rest=is_rest)
        assert found[0][0] == start and found[-1][1] == end
        assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
        assert all(b - a in WRITABLE for a, b in found), (start, end, found)


@pytest.mark.parametrize("metre", [COMMON, Metre(1, 1), Metre(2, 2), Metre(3, 2), Metre(6, 4), Metre(8, 2)], ids=str)
@pytest.mark.parametrize("is_rest", [False, True])
def test_thirds_stay_in_their_beat(metre: Metre, is_rest: bool) -> None:
    for start, end in itertools.combinations(range(0, metre.length + 1, THIRD), 2):
        for a, b in pieces(start, end, metre, is_rest=is_rest):
            assert b - a in WRITABLE or (b - a in (8, 16) and a // UNITS == (b - 1) // UNITS)


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (0, 96, [96]),
        (0, 72, [72]),
        (24, 72, [24, 24]),  # the middle of 4/4 shows
        (24, 96, [24, 48]),
        (12, 36, [24]),  # eighth, quarter, eighth
        (36, 60, [12, 12]),
        (6, 18, [12]),
        (0, 60, [48, 12]),
        (0, 30, [24, 6]),
    ],
)
def test_notes_of_common_time(start: int, end: int, wanted: list[int]) -> None:
    assert [b - a for a, b in pieces(start, end, COMMON, is_rest=False)] == wanted


@pytest.mark.parametrize(
    ("metre", "start", "end", "wanted"),
    [
        (COMMON, 24, 72, [24, 24]),
        (COMMON, 48, 96, [48]),
        (COMMON, 12, 48, [12, 24]),
        (COMMON, 0, 36, [24, 12]),
        (Metre(3, 4), 0, 48, [24, 24]),
        (Metre(6, 8), 0, 36, [36]),
        (Metre(6, 8), 36, 72, [36]),
    ],
)
def test_rests_hide_less_than_notes(metre: Metre, start: int, end: int, wanted: list[int]) -> None:
    assert [b - a for a, b in pieces(start, end, metre, is_rest=True)] == wanted


def test_compound_beats_are_shown() -> None:
    assert [b - a for a, b in pieces(0, 48, Metre(6, 8), is_rest=False)] == [36, 12]
    assert [b - a for a, b in pieces(24, 60, Metre(6, 8), is_rest=False)] == [12, 24]
    assert [b - a for a, b in pieces(0, 84, Metre(7, 8), is_rest=False)] == [48, 36]


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_windows_are_the_bar(metre: Metre) -> None:
    assert metre.windows[0][0] == 0 and metre.windows[-1][1] == metre.length
    assert all(a[1] == b[0] for a, b in itertools.pairwise(metre.windows))
    assert max(b - a for a, b in metre.windows) <= 36
