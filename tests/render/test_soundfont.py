"""Banks are judged before a note is rendered."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from composer.errors import SoundfontError
from composer.instruments import INSTRUMENTS
from composer.render import soundfont
from composer.render.wav import WavWriter


def tiny_bank(path: Path, *presets: tuple[int, int], odd: bool = False) -> Path:
    """A bank of preset headers only; `odd` leaves a chunk of odd length unpadded, as SF3 writers do."""
    rows = [struct.pack("<20sHHHIII", b"x", program, bank, 0, 0, 0, 0) for bank, program in (*presets, (0, 255))]
    phdr = b"".join(rows)
    body = b"LIST" + struct.pack("<I", 4 + 9) + b"sdta" + b"123456789" if odd else b""
    body += b"LIST" + struct.pack("<I", 12 + len(phdr)) + b"pdta" + b"phdr" + struct.pack("<I", len(phdr)) + phdr
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"sfbk" + body)
    return path


def test_the_small_bank_has_every_general_midi_program(bank: Path) -> None:
    found = soundfont.open_soundfont(bank)
    assert {(0, program) for program in range(128)} <= found.presets
    assert found.sha256 == hashlib.sha256(bank.read_bytes()).hexdigest()


@pytest.mark.parametrize("odd", [False, True])
def test_missing_programs_are_named_and_drum_kits_fall_back(tmp_path: Path, odd: bool) -> None:
    found = soundfont.open_soundfont(tiny_bank(tmp_path / "t.sf2", (0, 0), (128, 0), odd=odd))
    assert found.presets == {(0, 0), (128, 0)}
    assert found.preset_for(INSTRUMENTS["piano"]) == (0, 0)
    assert found.preset_for(INSTRUMENTS["percussion_kit"]) == (128, 0)
    with pytest.raises(SoundfontError, match="Tuba"):
        found.preset_for(INSTRUMENTS["tuba"])


def test_faulty_banks_are_errors_that_say_what_to_do(tmp_path: Path, bank: Path) -> None:
    (tmp_path / "text.sf2").write_text("a text")
    with WavWriter(tmp_path / "wav.sf2", 0):
        pass
    (tmp_path / "short.sf2").write_bytes(bank.read_bytes()[:-1000])
    (tmp_path / "empty.sf2").touch()
    for name, words in {
        "text": "not a sound bank",
        "wav": "a WAV file",
        "short": "cut short",
        "empty": "not a sound bank",
        "none": "cannot be read",
    }.items():
        with pytest.raises(SoundfontError, match=words) as caught:
            soundfont.open_soundfont(tmp_path / f"{name}.sf2")
        assert caught.value.hint
    with pytest.raises(SoundfontError):
        soundfont.open_soundfont(tmp_path)
    (tmp_path / "long.sf2").write_bytes(bank.read_bytes() + b"more")
    with pytest.raises(SoundfontError, match="longer than it says"):  # FluidSynth refuses it too
        soundfont.open_soundfont(tmp_path / "long.sf2")
    no_list = tmp_path / "damaged.sf2"
    no_list.write_bytes(b"RIFF" + struct.pack("<I", 4) + b"sfbk")
    with pytest.raises(SoundfontError, match="damaged"):
        soundfont.open_soundfont(no_list)


def test_the_option_goes_before_the_environment_before_what_is_installed(
    tmp_path: Path, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HITPOINT_SOUNDFONT", raising=False)
    assert soundfont.find() == soundfont.installed()[0]
    own = tiny_bank(tmp_path / "own.sf2", (0, 0))
    monkeypatch.setenv("HITPOINT_SOUNDFONT", str(own))
    assert soundfont.find() == own.resolve()
    assert soundfont.find(bank) == bank.resolve()
    monkeypatch.setenv("HITPOINT_SOUNDFONT", str(tmp_path / "gone.sf2"))
    with pytest.raises(SoundfontError, match=r"gone\.sf2"):
        soundfont.find()


def test_without_any_bank_the_error_names_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HITPOINT_SOUNDFONT", raising=False)
    monkeypatch.setattr(soundfont, "_candidates", lambda: iter(()))
    with pytest.raises(SoundfontError, match="apt-get install"):
        soundfont.find()
