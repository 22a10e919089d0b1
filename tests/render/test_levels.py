"""Balances hold on every bank: the stored levels are what is measured, and an unknown bank is measured alike."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from composer.instruments import INSTRUMENTS
from composer.render import levels
from composer.render.soundfont import installed, open_soundfont


@pytest.mark.parametrize("name", ["cello", "piano", "percussion_kit", "tuba"])
def test_the_stored_level_is_the_measured_one(bank: Path, name: str) -> None:
    font, instrument = open_soundfont(bank), INSTRUMENTS[name]
    stored = json.loads(Path(levels.__file__).with_name("levels.json").read_text())[font.sha256][name]
    assert levels.measure_level(bank, instrument, font.preset_for(instrument)) == pytest.approx(stored, abs=0.1)


def test_every_instrument_is_stored_for_every_known_bank() -> None:
    table = json.loads(Path(levels.__file__).with_name("levels.json").read_text())
    assert len(table) == 4
    for row in table.values():
        assert row.keys() == INSTRUMENTS.keys(), "run: python -m composer.render.levels BANKS"


def test_an_unknown_bank_is_measured_to_the_same_gain(bank: Path, tmp_path: Path) -> None:
    other = tmp_path / "own.sf2"
    data = bytearray(bank.read_bytes())
    data[data.index(b"INAM") + 8] ^= 1  # a letter of its name: sounds the same, but its hash is new
    other.write_bytes(data)
    known, unknown, cello = open_soundfont(bank), open_soundfont(other), INSTRUMENTS["cello"]
    assert known.sha256 != unknown.sha256
    assert levels.part_gain(unknown, cello, (0, 42)) == pytest.approx(levels.part_gain(known, cello, (0, 42)), rel=0.01)


def test_banks_agree_and_no_family_drowns_another() -> None:
    """After its gain, an instrument's note is as loud on every installed bank, and tutti instruments sit within 4 LU."""
    table = json.loads(Path(levels.__file__).with_name("levels.json").read_text())
    seats: dict[str, list[float]] = {}
    for font in (open_soundfont(path) for path in installed()):
        if font.sha256 not in table:
            continue
        for name in ("violins_1", "cellos", "horns", "trumpets", "tuba", "flute"):
            instrument = INSTRUMENTS[name]
            gain = levels.part_gain(font, instrument, font.preset_for(instrument))
            seats.setdefault(name, []).append(table[font.sha256][name] + 20 * math.log10(gain))
    assert all(max(row) - min(row) < 0.01 for row in seats.values())
    everyone = [level for row in seats.values() for level in row]
    assert max(everyone) - min(everyone) < 4
