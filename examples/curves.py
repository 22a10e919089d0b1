"""What was seen and heard of a film, as one picture: `python -m examples.curves film.mp4 curves.png [--plain]`.

From top to bottom: one picture a shot (none with --plain) with the number of its look, shots and speech, valence and arousal, the six emotions, motion, and
the loudness, roughness and pitch of the sound.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from composer.film import EMOTIONS, Film
from composer.options import Options
from composer.video import watch
from composer.video.keyframes import write_keyframes

COLOURS = ("#e8590c", "#7048e8", "#c92a2a", "#1864ab", "#2b8a3e", "#adb5bd")
_WIDEST = 0.055  # share of the picture's width that a key picture may take


def draw(video: Path, picture: Path, *, plain: bool = False) -> Film:
    """Watch a film and draw its curves."""
    film = watch(video, Options())
    heights = (0.3 if plain else 1.5, 0.7, 2, 2, 1, 1.6)
    figure, axes = plt.subplots(6, 1, figsize=(15, sum(heights) + 1.2), height_ratios=heights, sharex=True, layout="constrained")
    with tempfile.TemporaryDirectory() as folder:
        images = [] if plain else [plt.imread(path) for path in write_keyframes(video, film, Path(folder))]
    _pictures(axes[0], film, images)
    _shots(axes[1], film)
    seconds = np.array(film.affect.times_s) + 0.5
    for name, values, colour in (("valence", film.affect.valence, "#2b8a3e"), ("arousal", film.affect.arousal, "#e8590c")):
        axes[2].plot(seconds, values, color=colour, label=name)
    axes[2].axhline(0, color="#ced4da", linewidth=0.8)
    axes[2].set(ylim=(-1, 1), ylabel="valence, arousal")
    axes[3].stackplot(seconds, np.array(film.affect.emotions).T, labels=EMOTIONS, colors=COLOURS)
    axes[3].set(ylim=(0, 1), ylabel="emotions")
    axes[4].fill_between(seconds, film.motion, color="#495057", step="mid")
    axes[4].set(ylim=(0, 1), ylabel="motion")
    _sound(axes[5], film, seconds)
    for axis in axes[2:4]:
        axis.legend(loc="upper right", ncols=6, fontsize=7, framealpha=0.8)
    axes[5].set(xlim=(0, film.duration_s), xlabel="seconds")
    figure.suptitle(f"{video.stem}: {len(film.shots)} shots, {len({shot.look for shot in film.shots})} looks, affect {film.affect_from}")
    figure.savefig(picture, dpi=80)
    plt.close(figure)
    return film


def _pictures(axis: Any, film: Film, images: list[Any]) -> None:
    axis.set(ylim=(0, 1), yticks=[], ylabel="looks")
    free_from_s = 0.0
    for shot, image in zip(film.shots, images or [None] * len(film.shots), strict=True):
        width_s = min(_WIDEST * film.duration_s, shot.length_s)
        middle_s = (shot.start_s + shot.end_s) / 2
        axis.text(middle_s, 0.02 if images else 0.4, str(shot.look), ha="center", fontsize=7)
        if image is not None and middle_s - width_s / 2 >= free_from_s and width_s > 0.015 * film.duration_s:
            axis.imshow(image, extent=(middle_s - width_s / 2, middle_s + width_s / 2, 0.2, 1), aspect="auto")
            free_from_s = middle_s + width_s / 2
    axis.set_xlim(0, film.duration_s)


def _shots(axis: Any, film: Film) -> None:
    for number, shot in enumerate(film.shots):
        axis.axvspan(shot.start_s, shot.end_s, 0.5, 1, color=("#dee2e6", "#f1f3f5")[number % 2])
        if shot.opens_with in ("dissolve", "fade"):
            half_s = shot.transition_s / 2
            axis.axvspan(
                shot.start_s - half_s, shot.start_s + half_s, 0.5, 1, color="#4dabf7" if shot.opens_with == "dissolve" else "#495057"
            )
        elif shot.opens_with == "cut":
            axis.axvline(shot.start_s, 0.5, 1, color="#e03131", linewidth=1)
    for span in film.speech:
        axis.axvspan(span.start_s, span.end_s, 0.05, 0.4, color="#f59f00")
    axis.set(yticks=[0.22, 0.75], yticklabels=["speech", "shots"], ylim=(0, 1))


def _sound(axis: Any, film: Film, seconds: Any) -> None:
    if not film.loudness_lufs:
        axis.text(film.duration_s / 2, 0.5, "no sound", ha="center")
        axis.set(yticks=[], ylabel="sound")
        return
    axis.plot(seconds, film.loudness_lufs, color="#1c7ed6", label="loudness, LUFS")
    axis.set(ylim=(-70, 0), ylabel="sound")
    beside = axis.twinx()
    beside.plot(seconds, film.roughness, color="#868e96", linewidth=0.9, label="roughness")
    pitch = np.array(film.pitch_hz)
    beside.scatter(seconds[pitch > 0], np.log2(pitch[pitch > 0] / 60) / 4, s=5, color="#9c36b5", label="pitch (60–960 Hz)")
    beside.set(ylim=(0, 1), yticks=[])
    axis.legend(loc="lower left", fontsize=7)
    beside.legend(loc="lower right", fontsize=7)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]), plain="--plain" in sys.argv)
