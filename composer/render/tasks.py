"""A score and a bank to the jobs of the stem workers."""

from __future__ import annotations

from pathlib import Path

from composer.errors import RenderError
from composer.instruments import Instrument
from composer.render.events import instrument_of, stem_name
from composer.render.leads import part_leads
from composer.render.levels import part_gain, voice_volumes
from composer.render.soundfont import Soundfont
from composer.render.stems import StemTask
from composer.render.synth import cues_for, voices_of
from composer.render.wav import SAMPLE_RATE
from composer.score import Score

#: a part is cut below this share of its lowest note's frequency: the note itself loses a quarter of a dB
_LOW_CUT = 0.5
#: drums have no lowest note, Hz
_DRUM_CUT_HZ = 30.0


def stem_tasks(score: Score, folder: Path, bank: Soundfont) -> list[StemTask]:
    """One job per part, in score order.

    Raises SoundfontError naming the first instrument that the bank cannot sound, before anything is rendered.
    """
    length = round(score.end_s * SAMPLE_RATE)
    if length < 1:
        raise RenderError(f"the score ends at {score.end_s:g} s", "Its end must come after its beginning.")
    for track in score.tracks:
        bank.preset_for(instrument_of(track))
    return [_task(score, index, length, folder, bank) for index in range(len(score.tracks))]


def _task(score: Score, index: int, length: int, folder: Path, bank: Soundfont) -> StemTask:
    track = score.tracks[index]
    instrument = instrument_of(track)
    rows = bank.rows_for(instrument, voices_of(track))
    presets = tuple(bank.preset_for(row) for row in rows)
    voices = list(zip(rows, presets, strict=True))
    gain, volumes = voice_volumes([part_gain(bank, row, preset) for row, preset in voices])
    cues = cues_for(score, track, length, [part_leads(bank, row, preset).seconds for row, preset in voices], volumes)
    return StemTask(
        instrument=track.instrument,
        name=track.name,
        bank=bank.path,
        presets=presets,
        cues=tuple(cues),
        note_count=sum(cue.is_note for cue in cues),
        gain=gain,
        low_cut_hz=_low_cut_hz(instrument),
        length_samples=length,
        time_reference_samples=round(score.start_of_day_s * SAMPLE_RATE),
        path=folder / stem_name(score, index, ".wav"),
    )


def _low_cut_hz(instrument: Instrument) -> float:
    return _DRUM_CUT_HZ if instrument.is_drum else _LOW_CUT * 440.0 * 2 ** ((instrument.range[0] - 69) / 12)
