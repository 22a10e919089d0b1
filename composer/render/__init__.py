"""Score to sound: stems, their exact sum, and the mastered mix."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from composer.errors import RenderError
from composer.options import Options, Progress, silent
from composer.process import load_fluidsynth
from composer.rendering import Rendering, Stem
from composer.score import Score

#: shares of the work for the progress bar: stems, then sum and master
_STEMS_SHARE = 0.8


def render(score: Score, folder: Path, options: Options, progress: Progress = silent) -> Rendering:
    """Write stems/audio/*.wav, premaster.wav and mix.wav into `folder`.

    All files are 48 kHz, 24-bit, stereo, start at film time 0 and end at `score.end_s`. Raises SoundfontError (missing,
    damaged or unfit bank), MissingToolError (libfluidsynth), RenderError (silence, a worker that died).
    """
    from composer.render.mix import master, sum_stems
    from composer.render.remaster import loudness_warnings
    from composer.render.soundfont import choose_soundfont
    from composer.render.stems import SILENCE_DBFS, render_stems
    from composer.render.tasks import stem_tasks
    from composer.render.wav import SAMPLE_RATE

    if not score.note_count:
        raise RenderError("the score has no notes", "Compose it again, or check its sections and roles.")
    load_fluidsynth()
    bank = choose_soundfont(options.soundfont)
    (folder / "stems" / "audio").mkdir(parents=True, exist_ok=True)
    tasks = stem_tasks(score, folder / "stems" / "audio", bank)
    premaster, mix = folder / "premaster.wav", folder / "mix.wav"
    with tempfile.TemporaryDirectory(prefix=".sums-", dir=folder) as sums:
        peaks = render_stems(tasks, Path(sums), lambda stage, done: progress(stage, done * _STEMS_SHARE))
        reference = tasks[0].time_reference_samples
        summed = sum_stems([task.path for task in tasks], premaster, sorted(Path(sums).iterdir()), time_reference_samples=reference)
    progress("render", _STEMS_SHARE + 0.05)
    mastered = master(premaster, mix, options.loudness, summed)
    progress("render", 1.0)
    stems = tuple(
        Stem(track.part, task.path.relative_to(folder).as_posix(), round(_dbfs(peak * summed.factor), 2), task.note_count)
        for track, task, peak in zip(score.tracks, tasks, peaks, strict=True)
    )
    warnings = []
    silent_parts = [task.name for task, peak in zip(tasks, peaks, strict=True) if task.note_count and _dbfs(peak) < SILENCE_DBFS]
    if silent_parts:
        warnings.append(f"not heard, though there are notes: {', '.join(silent_parts)} (too soft, or {bank.path.name} lacks the sound)")
    warnings.extend(loudness_warnings(mastered, options.loudness))
    return Rendering(
        sample_rate=SAMPLE_RATE,
        length_samples=tasks[0].length_samples,
        stems=stems,
        premaster=premaster.name,
        mix=mix.name,
        loudness_lufs=mastered.loudness.integrated_lufs,
        true_peak_dbtp=mastered.loudness.true_peak_dbtp,
        gain_db=round(mastered.gain_db, 3),
        premaster_lufs=round(mastered.premaster_lufs, 3),
        lowered_db=round(-20 * math.log10(summed.factor), 4),
        soundfont=bank.path.name,
        soundfont_sha256=bank.sha256,
        warnings=tuple(warnings),
    )


def _dbfs(peak: float) -> float:
    """A factor of full scale in dB; silence is −144 (24 bits)."""
    return max(-144.0, 20 * math.log10(peak)) if peak > 0 else -144.0
