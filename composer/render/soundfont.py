"""Sound banks: which one to use, whether it is whole, and which presets it has. Known before a note is rendered.

Source: SoundFont Technical Specification 2.04 (RIFF form `sfbk`, sub-chunk `phdr`); SF3 differs only in how samples
are packed. FluidSynth itself says little: its command line ends with success after failing to load a bank.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from composer.errors import SoundfontError
from composer.instruments import INSTRUMENTS, Instrument, Technique

DRUM_BANK = 128
_FOLDERS = (
    Path("soundfonts"),
    Path(__file__).parents[2] / "soundfonts",
    Path("~/.local/share/soundfonts").expanduser(),
    Path("/usr/local/share/soundfonts"),
    Path("/usr/local/share/sounds/sf3"),
    Path("/usr/local/share/sounds/sf2"),
    Path("/usr/share/sounds/sf3"),
    Path("/usr/share/sounds/sf2"),
    Path("/usr/share/soundfonts"),
    Path("/opt/homebrew/share/soundfonts"),
)
#: best first; Lite is what Debian's small package holds
_NAMES = ("MuseScore_General.sf3", "MuseScore_General.sf2", "MuseScore_General_Lite.sf3", "FluidR3_GM.sf2", "FluidR3_GM.sf3")
_INSTALL = (
    "Install one: `apt-get install musescore-general-soundfont-small` or `fluid-soundfont-gm` (Debian), "
    "or name a .sf2/.sf3 file with --soundfont (soundfonts/README.md lists sources)."
)
_PRESET = struct.Struct("<20sHHHIII")


@dataclass(frozen=True)
class Soundfont:
    """A bank that was looked at and is whole."""

    #: the file
    path: Path
    #: every (bank, program) it has; drum kits are bank 128
    presets: frozenset[tuple[int, int]]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file (read once per process and file state)."""
        status = self.path.stat()
        return _digest(self.path, status.st_size, status.st_mtime_ns)

    def rows_for(self, instrument: Instrument, techniques: Iterable[Technique]) -> list[Instrument]:
        """Which row of the instrument table sounds each way of playing; its own where the bank has nothing better."""
        rows = (sounding(instrument, technique) for technique in techniques)
        return [row if (0, row.program) in self.presets else instrument for row in rows]

    def preset_for(self, instrument: Instrument) -> tuple[int, int]:
        """(bank, program) that sounds an instrument; an absent drum kit falls back to the standard kit.

        Raises SoundfontError naming the instrument when the bank has no sound for it.
        """
        if instrument.is_drum:
            wanted = [(DRUM_BANK, instrument.program), (DRUM_BANK, 0)]
        else:
            wanted = [(0, instrument.program)]
        for preset in wanted:
            if preset in self.presets:
                return preset
        what = "drum kit" if instrument.is_drum else f"program {instrument.program}"
        raise SoundfontError(f"{self.path.name} has no sound for {instrument.name} ({what})", "Choose another --soundfont or instrument.")


def sounding(instrument: Instrument, technique: Technique) -> Instrument:
    """The row of the instrument table that sounds like an instrument played in some way."""
    program = instrument.program_for(technique)
    return instrument if program == instrument.program else next(row for row in INSTRUMENTS.values() if row.program == program)


def find(asked: Path | None = None) -> Path:
    """Path of the bank that a render would use, after checking it.

    Raises SoundfontError when it is missing, damaged or no sound bank.
    """
    return choose_soundfont(asked).path


def installed() -> list[Path]:
    """Every known bank on this machine, best first."""
    found = [path.resolve() for path in _candidates() if path.is_file()]
    return list(dict.fromkeys(found))


def _candidates() -> Iterator[Path]:
    """Where a bank may be, best first (whether it exists or not)."""
    for name in _NAMES:
        for folder in _FOLDERS:
            yield folder / name
    # pretty_midi ships a small bank; its folder is found without importing it
    spec = importlib.util.find_spec("pretty_midi")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "TimGM6mb.sf2"
    for folder in _FOLDERS:
        yield folder / "TimGM6mb.sf2"


def choose_soundfont(asked: Path | None = None) -> Soundfont:
    """The bank asked for, else HITPOINT_SOUNDFONT, else the best one installed; checked.

    Raises SoundfontError when it is missing, damaged or no sound bank.
    """
    named = asked or (Path(os.environ["HITPOINT_SOUNDFONT"]) if os.environ.get("HITPOINT_SOUNDFONT") else None)
    if named is not None:
        return open_soundfont(named)
    for path in installed():
        return open_soundfont(path)
    raise SoundfontError("no sound bank is installed", _INSTALL)


def open_soundfont(path: Path) -> Soundfont:
    """Check a bank and list its presets.

    Raises SoundfontError when the file is missing, truncated or not a SoundFont.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise SoundfontError(f"sound bank {path} cannot be read ({error.strerror})", "Check the path, or leave it out.") from None
    if not path.is_file():
        raise SoundfontError(f"sound bank {path} is not a file", "Name a .sf2 or .sf3 file.")
    return _opened(path.resolve(), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _opened(path: Path, size: int, _mtime_ns: int) -> Soundfont:
    try:
        with path.open("rb") as file:
            presets = _presets(file, path, size)
    except OSError as error:
        raise SoundfontError(f"sound bank {path} cannot be read ({error.strerror})", "Check its permissions.") from None
    return Soundfont(path, presets)


@functools.lru_cache(maxsize=8)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _presets(file: IO[bytes], path: Path, size: int) -> frozenset[tuple[int, int]]:
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"sfbk":
        what = " but a WAV file" if head[8:] == b"WAVE" else ""
        raise SoundfontError(f"{path} is not a sound bank{what}", "A SoundFont (.sf2 or .sf3) is needed.")
    claimed = struct.unpack("<I", head[4:8])[0] + 8
    if claimed != size:  # FluidSynth loads nothing else
        how = f"cut short ({size} of {claimed} bytes)" if claimed > size else f"damaged: {size - claimed} bytes longer than it says"
        raise SoundfontError(f"sound bank {path} is {how}", "Copy or download it again.")
    header = _find_chunk(file, path, size)
    # the last record only marks the end
    rows = [_PRESET.unpack_from(header, at) for at in range(0, len(header) - 2 * _PRESET.size + 1, _PRESET.size)]
    if not rows:
        raise SoundfontError(f"sound bank {path} holds no presets", "Choose another --soundfont.")
    return frozenset((bank, program) for _, program, bank, *_ in rows)


def _find_chunk(file: IO[bytes], path: Path, end: int) -> bytes:
    """The `phdr` chunk inside the `pdta` list."""
    file.seek(12)
    while file.tell() + 8 <= end:
        name, size = struct.unpack("<4sI", file.read(8))
        start = file.tell()
        if name == b"LIST" and file.read(4) == b"pdta":
            while file.tell() + 8 <= start + size:
                inner, inner_size = struct.unpack("<4sI", file.read(8))
                if inner == b"phdr":
                    return file.read(inner_size)
                file.seek(inner_size + inner_size % 2, os.SEEK_CUR)
            break
        file.seek(start + size)
        if size % 2 and file.read(1) != b"\0":  # the pad byte that RIFF asks for is left out by SF3 writers
            file.seek(start + size)
    raise SoundfontError(f"sound bank {path} is damaged: its list of presets is missing", "Copy or download it again.")


def check_presets(bank: Soundfont, instruments: Iterable[Instrument]) -> None:
    """Raise SoundfontError unless the bank can sound every instrument."""
    for instrument in instruments:
        bank.preset_for(instrument)
