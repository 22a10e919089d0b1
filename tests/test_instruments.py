"""The instrument table and its ensembles by name."""

from __future__ import annotations

import pytest

from composer.errors import InstrumentError
from composer.instruments import ENSEMBLES, INSTRUMENTS, expand, known_names


@pytest.mark.parametrize("name", sorted(ENSEMBLES))
def test_an_ensemble_is_known_instruments_each_once(name: str) -> None:
    members = ENSEMBLES[name]
    assert set(members) <= set(INSTRUMENTS) and len(set(members)) == len(members) and name not in INSTRUMENTS
    assert {row.id for row in expand([name])} == set(members)
    assert any("bass" in row.roles or row.family == "percussion" for row in expand([name]))


def test_ensembles_are_read_as_people_write_them() -> None:
    assert [row.id for row in expand(["piano trio"])] == ["piano", "violin", "cello"]
    assert expand(["Piano Trio"]) == expand(["piano-trio"]) == expand(["piano_trio"])
    assert {row.id for row in expand(["string quartet"])} == {"violin", "violin_2", "viola", "cello"}
    assert len(expand(["piano quintet"])) == len(expand(["wind quintet"])) == 5
    with pytest.raises(InstrumentError) as caught:
        expand(["piano trios"])
    assert "piano_trio" in caught.value.hint


def test_aliases_are_names_of_nothing_else() -> None:
    aliases = [alias for row in INSTRUMENTS.values() for alias in row.aliases]
    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & {*INSTRUMENTS, *ENSEMBLES}
    assert {*INSTRUMENTS, *ENSEMBLES, *aliases} <= set(known_names())


def test_ranges_are_ranges() -> None:
    for row in INSTRUMENTS.values():
        assert 0 <= row.range[0] <= row.comfortable[0] < row.comfortable[1] <= row.range[1] <= 127
        assert 0 <= row.program <= 127 and -1 <= row.pan <= 1 and 0 <= row.depth <= 1 and row.roles
