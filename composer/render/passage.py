"""A passage of a score to sound, fast: only its own seconds are rendered, with what rings into them.

Conventions
-----------
The passage is cut out of what the synthesizers are told, not out of the score: so it sounds as it does in the whole. Rendering begins
PREROLL_S before it, where notes that are held already are struck anew; that much is thrown away, and the hall has its answer.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from composer.errors import OptionError
from composer.options import Options, Progress, silent
from composer.process import load_fluidsynth
from composer.render.loudness import SILENCE_LUFS, integrated
from composer.render.mix import ReadInts, Whole, master, write_sum
from composer.render.soundfont import choose_soundfont
from composer.render.stems import StemTask, render_stems
from composer.render.synth import Cue
from composer.render.tasks import stem_tasks
from composer.render.wav import FULL_SCALE, SAMPLE_RATE, RunningSum
from composer.rendering import Rendering
from composer.score import Score

#: what sounds this long before a passage is still heard in it
PREROLL_S = 3.0


@dataclass(frozen=True)
class Passage:
    """Where a passage lies, samples from film time 0."""

    #: where rendering begins
    begin: int
    #: first sample that is kept
    start: int
    #: end of the last one
    end: int


def render_passage(
    score: Score, start_s: float, end_s: float, path: Path, options: Options, whole: Rendering | None = None, progress: Progress = silent
) -> None:
    """Write the mastered music from `start_s` to `end_s` (film time, seconds) as a WAV.

    `whole` is the rendering of the whole where there is one: the passage is then as loud as it is there; else it is brought to the loudness preset
    by itself. Raises OptionError when nothing sounds there, else what `composer.render.render` raises.
    """
    load_fluidsynth()
    place = Passage(*(round(at_s * SAMPLE_RATE) for at_s in (max(0.0, start_s - PREROLL_S), start_s, end_s)))
    with tempfile.TemporaryDirectory(prefix=".passage-", dir=path.parent) as name:
        folder = Path(name)
        tasks = [_within(task, place) for task in stem_tasks(score, folder, choose_soundfont(options.soundfont))]
        tasks = [task for task in tasks if task.note_count]
        nothing = OptionError(f"no music sounds between {start_s:g} and {end_s:g} s", "Choose another passage.")
        if not tasks:
            raise nothing
        render_stems(tasks, folder, lambda stage, done: progress("render", 0.8 * done))
        with contextlib.ExitStack() as stack:
            portions = [
                _kept(stack.enter_context(RunningSum(portion, place.end - place.begin)), place) for portion in sorted(folder.glob("*.raw"))
            ]
            factor = 1.0 if whole is None else 10 ** (-whole.lowered_db / 20)
            alike = None if whole is None else Whole(whole.gain_db, whole.premaster_lufs)
            peak, known = write_sum(
                [_lowered(portion, factor) for portion in portions], place.end - place.start, folder / "premaster.wav", 0
            )
            if peak >= FULL_SCALE:  # as the whole would have been lowered
                factor *= FULL_SCALE / (1.2 * peak)
                _, known = write_sum(
                    [_lowered(portion, factor) for portion in portions], place.end - place.start, folder / "premaster.wav", 0
                )
        if whole is None and integrated(known.steps) <= SILENCE_LUFS:
            raise nothing
        master(folder / "premaster.wav", path, options.loudness, known, alike)
        progress("render", 1.0)


def _kept(portion: RunningSum, place: Passage) -> ReadInts:
    """What is left of a sum without the preroll."""
    return lambda start, count: portion.read(place.start - place.begin + start, count)


def _lowered(portion: ReadInts, factor: float) -> ReadInts:
    return portion if factor == 1 else lambda start, count: np.rint(portion(start, count) * factor).astype(np.int32)


def _within(task: StemTask, place: Passage) -> StemTask:
    """The part of a job that is heard in a passage; its sound begins where rendering does."""
    cues = passage_cues(task.cues, place.begin, place.end)
    return replace(task, cues=tuple(cues), note_count=sum(cue.is_note for cue in cues), length_samples=place.end - place.begin)


def passage_cues(cues: tuple[Cue, ...], begin: int, end: int) -> list[Cue]:
    """What a synthesizer must be told from `begin` to `end` (samples): first all that holds there already, controllers and then notes."""
    controls: dict[tuple[int, int], Cue] = {}
    held: dict[tuple[int, int], Cue] = {}
    for cue in cues:
        if cue.at_samples > begin:
            break
        if cue.is_control:
            controls[cue.number, cue.voice] = cue
        elif cue.is_note:
            held[cue.number, cue.voice] = cue
        else:
            held.pop((cue.number, cue.voice), None)
    known = [replace(cue, at_samples=0) for cue in (*controls.values(), *held.values())]
    return known + [replace(cue, at_samples=cue.at_samples - begin) for cue in cues if begin < cue.at_samples < end]
