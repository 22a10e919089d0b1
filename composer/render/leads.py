"""How long each sound takes to speak: measured once per bank, so that every note can begin early by that much.

A bow needs time before it is heard. Whoever writes for samples on a grid knows it as negative track delay; here every note has its own, by preset,
pitch and velocity. `leads.json` holds, for the banks we know (by SHA-256), the time from note-on to the heard onset as composer.onset_strength
defines it (where the attack has reached half its amplitude); for any other bank the same is measured, more coarsely, when a preset is first used.
Regenerate: ``python -m composer.render.leads BANK [BANK …]``.

Conventions
-----------
A lead is in seconds, 0 … LONGEST_S: a pad that swells for half a second has no onset to bring forward. Struck and plucked sounds have a few
milliseconds. Drum kits have none: every key is a sound of its own and speaks at once.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from composer.instruments import INSTRUMENTS, Instrument
from composer.onset_strength import onsets_of
from composer.render.soundfont import Soundfont, open_soundfont
from composer.render.synth import BLOCK_SAMPLES, Player, control, note_off, note_on, play
from composer.render.wav import SAMPLE_RATE, Floats

_TABLE = Path(__file__).with_name("leads.json")
#: no note begins earlier than this before its time
LONGEST_S = 0.12
#: velocities that are measured, and semitones from one measured pitch to the next: stored, and on the spot
_VELOCITIES, _STEP = (40, 65, 90, 115), 2
_QUICK_VELOCITIES, _QUICK_STEP = (45, 80, 115), 5
_HOLD_S, _RING_S, _SILENCE_S = 0.5, 4.0, 0.1
#: level a note is brought to before it is listened to, largest sample
_PEAK = 0.3


@dataclass(frozen=True)
class Leads:
    """How early the notes of one preset begin."""

    #: MIDI pitches that were measured, ascending
    pitches: tuple[int, ...]
    #: velocities that were measured, ascending
    velocities: tuple[int, ...]
    #: milliseconds, one row a pitch, one column a velocity
    leads_ms: tuple[tuple[float, ...], ...]

    def seconds(self, pitches: ArrayLike, velocities: ArrayLike) -> NDArray[np.float64]:
        """(N,) leads of notes in between: linear over pitch and over velocity, constant beyond the ends."""
        table = np.array(self.leads_ms) / 1000
        row, down = _places(pitches, self.pitches)
        column, right = _places(velocities, self.velocities)
        upper = table[row, column] * (1 - right) + table[row, np.minimum(column + 1, table.shape[1] - 1)] * right
        row = np.minimum(row + 1, len(table) - 1)
        lower = table[row, column] * (1 - right) + table[row, np.minimum(column + 1, table.shape[1] - 1)] * right
        return np.asarray(upper * (1 - down) + lower * down)


#: every note at its written time
NO_LEADS = Leads((60,), (80,), ((0.0,),))


def _places(values: ArrayLike, grid: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Index of the grid point at or below each value, and how far it is on the way to the next, 0…1."""
    where = np.interp(np.asarray(values, float), np.asarray(grid, float), np.arange(len(grid)))
    index = np.minimum(where.astype(np.intp), max(0, len(grid) - 2))
    return index, where - index


def part_leads(bank: Soundfont, instrument: Instrument, preset: tuple[int, int]) -> Leads:
    """Leads of a part of `instrument`, played by `preset` of the bank.

    Raises what composer.render.synth.Player raises.
    """
    if instrument.is_drum:
        return NO_LEADS
    return _known().get(bank.sha256, {}).get(_name(preset)) or _measured(bank.path, bank.sha256, preset, instrument.range)


def _name(preset: tuple[int, int]) -> str:
    return f"{preset[0]}:{preset[1]}"


@functools.cache
def _known() -> dict[str, dict[str, Leads]]:
    try:
        table = json.loads(_TABLE.read_text(encoding="ascii"))
    except OSError:  # measuring gives nearly the same numbers
        return {}
    return {sha256: {name: _read(row) for name, row in rows.items()} for sha256, rows in table.items()}


def _read(row: dict[str, Any]) -> Leads:
    return Leads(tuple(row["pitches"]), tuple(row["velocities"]), tuple(tuple(ms) for ms in row["ms"]))


@functools.lru_cache(maxsize=512)
def _measured(bank: Path, _sha256: str, preset: tuple[int, int], pitches: tuple[int, int]) -> Leads:
    low, high = pitches
    return measure_leads(bank, preset, sorted({*range(low, high, _QUICK_STEP), high}), _QUICK_VELOCITIES)


def measure_leads(bank: Path, preset: tuple[int, int], pitches: Sequence[int], velocities: Sequence[int]) -> Leads:
    """Leads of one preset at these pitches and velocities.

    Raises what composer.render.synth.Player raises.
    """
    any_of_it = next(row for row in INSTRUMENTS.values() if not row.is_drum)
    with Player(bank, preset, any_of_it) as player:
        rows = tuple(tuple(_lead_ms(player, pitch, velocity) for velocity in velocities) for pitch in pitches)
    return Leads(tuple(pitches), tuple(velocities), rows)


def _lead_ms(player: Player, pitch: int, velocity: int) -> float:
    """From note-on to the onset of one note, milliseconds; 0 when nothing is heard, the longest when it only swells."""
    before = round(_SILENCE_S * SAMPLE_RATE / BLOCK_SAMPLES) * BLOCK_SAMPLES
    sound = _note(player, pitch, velocity, before)
    peak = float(np.abs(sound).max(initial=0.0))
    if peak < 1e-5:
        return 0.0
    found = onsets_of(sound * np.float32(_PEAK / peak))
    lead_s = float(found.times_s[found.strengths.argmax()]) - before / SAMPLE_RATE if len(found) else LONGEST_S
    return round(1000 * min(max(lead_s, 0.0), LONGEST_S), 1)


def _note(player: Player, pitch: int, velocity: int, before_samples: int) -> Floats:
    """One note after silence; the player is silent again afterwards, unless the note rings on for long."""
    hold = before_samples + round(_HOLD_S * SAMPLE_RATE)
    cues = [control(0, 7, 100), control(0, 10, 64), control(0, 11, 127), note_on(before_samples, pitch, velocity)]
    sound = np.concatenate(list(play(player, cues, hold)))
    player.tell(note_off(0, pitch))
    rest = np.zeros((round(0.1 * SAMPLE_RATE), 2), np.float32)
    for _ in range(round(_RING_S / 0.1)):
        if player.is_silent:
            break
        player.render(rest)
    return sound


def _rows(bank: Soundfont) -> Iterator[tuple[str, Leads]]:
    tuned = [row for row in INSTRUMENTS.values() if not row.is_drum]
    for preset in sorted({bank.preset_for(row) for row in tuned}):
        ranges = [row.range for row in tuned if bank.preset_for(row) == preset]
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        yield _name(preset), measure_leads(bank.path, preset, sorted({*range(low, high, _STEP), high}), _VELOCITIES)


def _text(table: dict[str, dict[str, Leads]]) -> str:
    """JSON, one line a preset."""
    banks = []
    for sha256, rows in table.items():
        lines = [
            f'  "{name}": ' + json.dumps({"pitches": one.pitches, "velocities": one.velocities, "ms": one.leads_ms}, separators=(",", ":"))
            for name, one in rows.items()
        ]
        banks.append(f' "{sha256}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(banks) + "\n}\n"


def main(banks: list[str]) -> None:
    """Measure every preset that the instrument table uses on each bank and write leads.json."""
    table = {bank.sha256: dict(_rows(bank)) for bank in (open_soundfont(Path(name)) for name in banks)}
    _TABLE.write_text(_text(table), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
