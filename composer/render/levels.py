"""How loud each instrument sits: measured once per bank, so that balances hold on every bank.

Banks differ by 7 LU as a whole and by up to 20 LU between programs. `levels.json` holds what one mezzo-forte note (velocity 80,
mean of three pitches of the comfortable range) measures on the banks we know, by the bank's SHA-256; for any other bank the
same measurement is made when it is first used. Regenerate: ``python -m composer.render.levels BANK [BANK …]``.
"""

from __future__ import annotations

import functools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from composer.instruments import INSTRUMENTS, Instrument
from composer.render.events import PAN, START_VOLUME, VOLUME
from composer.render.loudness import SILENCE_LUFS, STEPS_PER_S, energies, to_lufs
from composer.render.soundfont import Soundfont, open_soundfont
from composer.render.synth import BLOCK_SAMPLES, Player, control, note_off, note_on, play
from composer.render.wav import SAMPLE_RATE

_TABLE = Path(__file__).with_name("levels.json")
#: a mezzo-forte note of the string section is brought to this; sixteen parts then stay below full scale
REFERENCE_LUFS = -32.0
_VELOCITY, _CENTRE = 80, 64
_HOLD_S, _RING_S = 1.5, 0.5
_DRUM_KEYS = (36, 38, 45, 49)
#: how instruments of a family sit beside the string section, LU, playing mezzo-forte …
_FAMILY_LU = {"strings": 0.0, "brass": 0.0, "woodwinds": -2.0, "piano": -0.5, "percussion": -2.0, "choir": -1.0, "harp": -2.5, "guitar": -1.0, "synth": -3.0}  # fmt: skip
#: … and single instruments that differ from their family: small bright things carry at low levels, solo strings are one player
_INSTRUMENT_LU = {
    "violin": -1.0, "violin_2": -1.0, "viola": -1.0, "cello": -0.5, "contrabass": -0.5, "tuba": -1.0, "piccolo": -4.0, "timpani": -1.0, "drums": 0.0, "percussion_kit": -1.0,
    "glockenspiel": -6.0, "xylophone": -4.0, "celesta": -4.0, "music_box": -4.0, "tubular_bells": -3.0, "harpsichord": -2.0, "accordion": -1.5, "organ": -1.0,
    "bass_guitar": 0.0, "synth_bass": -1.0,
}  # fmt: skip


def part_gain(bank: Soundfont, instrument: Instrument, preset: tuple[int, int]) -> float:
    """Factor that brings a part of `instrument`, played by `preset` of the bank, to its place in the balance."""
    measured = _known().get(bank.sha256, {}).get(instrument.id)
    if measured is None:
        measured = _measured(bank.path, bank.sha256, instrument.id, preset)
    if measured <= SILENCE_LUFS:  # the render itself will say that it is silent
        return 1.0
    wanted = REFERENCE_LUFS + _INSTRUMENT_LU.get(instrument.id, _FAMILY_LU[instrument.family])
    return float(10 ** ((wanted - measured) / 20))


def voice_volumes(gains: Sequence[float]) -> tuple[float, tuple[int, ...]]:
    """(factor of the part, CC7 of each of its voices) that give the voices these factors.

    FluidSynth's CC7 is 40 dB a decade (General MIDI 2), from the usual volume up or down: the part's factor is the ordinary voice's, or more where
    another needs more than CC7 can give.
    """
    room = (127 / START_VOLUME) ** 2
    whole = max(gains[0], max(gains) / room)
    return whole, tuple(max(1, min(127, round(START_VOLUME * math.sqrt(gain / whole)))) for gain in gains)


@functools.cache
def _known() -> dict[str, dict[str, float]]:
    try:
        table: dict[str, dict[str, float]] = json.loads(_TABLE.read_text(encoding="ascii"))
    except OSError:  # measuring gives the same numbers
        return {}
    return table


@functools.lru_cache(maxsize=512)
def _measured(bank: Path, _sha256: str, instrument_id: str, preset: tuple[int, int]) -> float:
    return measure_level(bank, INSTRUMENTS[instrument_id], preset)


def measure_level(bank: Path, instrument: Instrument, preset: tuple[int, int]) -> float:
    """Loudest 0.4 s of a mezzo-forte note, LUFS: the mean (dB) over pitches of the comfortable range, dry, in the centre.

    Raises what composer.render.synth.Player raises.
    """
    low, high = instrument.comfortable
    pitches = _DRUM_KEYS if instrument.is_drum else [round(low + share * (high - low)) for share in (0.25, 0.5, 0.75)]
    levels = [_note_level(bank, instrument, preset, pitch) for pitch in pitches]
    return round(float(np.mean([level for level in levels if level > SILENCE_LUFS] or [SILENCE_LUFS])), 2)


def _note_level(bank: Path, instrument: Instrument, preset: tuple[int, int], pitch: int) -> float:
    hold = round(_HOLD_S * SAMPLE_RATE / BLOCK_SAMPLES) * BLOCK_SAMPLES
    length = hold + round(_RING_S * SAMPLE_RATE)
    cues = [control(0, VOLUME, START_VOLUME), control(0, PAN, _CENTRE), note_on(0, pitch, _VELOCITY), note_off(hold, pitch)]
    with Player(bank, preset, instrument) as player:
        sound = np.concatenate(list(play(player, cues, length)))
    steps = energies(lambda start, count: sound[start : start + count], length)
    window = np.ones(round(0.4 * STEPS_PER_S)) / round(0.4 * STEPS_PER_S)
    return float(np.maximum(to_lufs(np.convolve(steps, window, mode="valid")).max(), SILENCE_LUFS))


def _rows(bank: Soundfont) -> Iterator[tuple[str, float]]:
    for instrument in INSTRUMENTS.values():
        yield instrument.id, measure_level(bank.path, instrument, bank.preset_for(instrument))


def main(banks: list[str]) -> None:
    """Measure every instrument of the table on each bank and write levels.json."""
    table = {bank.sha256: dict(_rows(bank)) for bank in (open_soundfont(Path(name)) for name in banks)}
    _TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
