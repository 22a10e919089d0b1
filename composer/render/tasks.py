"""A score and a bank to the jobs of the stem workers."""

from __future__ import annotations

from pathlib import Path

from composer.errors import RenderError
from composer.render.events import instrument_of, stem_name
from composer.render.leads import part_leads
from composer.render.levels import part_gain
from composer.render.soundfont import Soundfont
from composer.render.stems import StemTask
from composer.render.synth import cues_for
from composer.render.wav import SAMPLE_RATE
from composer.score import Score


def stem_tasks(score: Score, folder: Path, bank: Soundfont) -> list[StemTask]:
    """One job per part, in score order.

    Raises SoundfontError naming the first instrument that the bank cannot sound, before anything is rendered.
    """
    length = round(score.end_s * SAMPLE_RATE)
    if length < 1:
        raise RenderError(f"the score ends at {score.end_s:g} s", "Its end must come after its beginning.")
    presets = [bank.preset_for(instrument_of(track)) for track in score.tracks]
    tasks = []
    for index, (track, preset) in enumerate(zip(score.tracks, presets, strict=True)):
        cues = cues_for(score, track, length, part_leads(bank, instrument_of(track), preset).seconds)
        tasks.append(
            StemTask(
                instrument=track.instrument,
                name=track.name,
                bank=bank.path,
                preset=preset,
                cues=tuple(cues),
                note_count=sum(cue.is_note for cue in cues),
                gain=part_gain(bank, instrument_of(track), preset),
                length_samples=length,
                path=folder / stem_name(score, index, ".wav"),
            )
        )
    return tasks
