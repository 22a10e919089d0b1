"""One mix as a picture: spectrogram with sections and hits, loudness over time, spectrum beside pink noise.

Drawn with matplotlib's objects (never pyplot: no global state, no display), the same inputs giving the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.evaluation.render_tone import BANDS_HZ, Tone, look_at
from composer.plan import Plan
from composer.render.loudness import STEPS_PER_S
from composer.render.timeline_rows import INK, RULE, SOFT, drawable

Doubles = NDArray[np.float64]

_DPI = 110
_LOW_HZ, _HIGH_HZ = 25.0, 20_000.0
#: rows of the spectrogram, and its range from the top down, dB
_ROWS, _RANGE_DB = 300, 75.0
_WINDOW = 1 << 13
_MOST_COLUMNS = 1600
_RED, _BLUE, _SAND = "#c0392b", "#2d6cb5", "#d99a26"


@dataclass(frozen=True)
class Landmarks:
    """What is marked on the time axis."""

    #: (name, start, end), seconds
    sections: tuple[tuple[str, float, float], ...] = ()
    #: moments of hard hits, and of soft ones, seconds
    hard_s: tuple[float, ...] = ()
    soft_s: tuple[float, ...] = ()


def landmarks(plan: Plan) -> Landmarks:
    """Sections and hits of a plan."""
    tempo = plan.tempo
    edges_s = tempo.beat_to_s(tempo.bar_beats)
    sections = tuple(
        (f"{s.id} {s.mood}, {s.key}, {s.dynamics}", float(edges_s[s.first_bar - 1]), min(plan.duration_s, float(edges_s[s.last_bar])))
        for s in plan.sections
    )
    hard, soft = (tuple(hit.time_s for hit in plan.hits if hit.is_hard is wanted) for wanted in (True, False))
    return Landmarks(sections, hard, soft)


def draw(mix: Path, title: str, marks: Landmarks, target_lufs: float, path: Path) -> Tone:
    """Write the picture of one mix as PNG; returns what was measured for it.

    Raises RenderError when the mix cannot be read.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tone = look_at(mix)
    figure = Figure(figsize=(16, 12.5), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 1, height_ratios=(4.2, 2.4, 3.2), left=0.06, right=0.93, top=0.94, bottom=0.05, hspace=0.22)
    axes = [figure.add_subplot(grid[row, 0]) for row in range(3)]
    _spectrogram(figure, axes[0], mix, tone, marks)
    _loudness(axes[1], tone, marks, target_lufs)
    _spectrum(axes[2], tone)
    figure.text(0.06, 0.966, drawable(title), fontsize=15, color=INK, weight="bold", va="center", parse_math=False)
    figure.savefig(path, metadata={"Software": None})
    return tone


def _plain(axes: Any) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=9, labelcolor=SOFT)


def _spectrogram(figure: Any, axes: Any, mix: Path, tone: Tone, marks: Landmarks) -> None:
    """Power per window over log frequency; sections named above, hits as lines."""
    levels = _log_spectrogram(mix, tone)
    top = float(np.quantile(levels, 0.9995))
    mesh = axes.imshow(
        levels, origin="lower", aspect="auto", cmap="magma", vmin=top - _RANGE_DB, vmax=top, interpolation="nearest",
        extent=(0.0, tone.length_s, np.log2(_LOW_HZ), np.log2(_HIGH_HZ)),
    )  # fmt: skip
    ticks = [31.25, 62.5, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000]
    axes.set_yticks(np.log2(ticks), [f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:.0f} Hz" for hz in ticks])
    axes.set_xlim(0, tone.length_s)
    _plain(axes)
    across = axes.get_xaxis_transform()
    axes.vlines(marks.hard_s, 0, 1, transform=across, color="white", lw=1.0, alpha=0.75)
    axes.vlines(marks.soft_s, 0, 1, transform=across, color="white", lw=0.7, alpha=0.5, linestyles=(0, (1, 4)))
    for name, start_s, end_s in marks.sections:
        axes.vlines([start_s], 0, 1, transform=across, color="#7fd4ff", lw=1.4)
        room = int((end_s - start_s) / tone.length_s * 190)
        axes.text(start_s, 1.012, drawable(name)[: max(room, 2)], transform=across, fontsize=8.5, color=INK, va="bottom", parse_math=False)
    place = axes.get_position()
    bar = figure.colorbar(mesh, cax=figure.add_axes((0.94, place.y0, 0.01, place.height)))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    bar.set_label("dB", color=SOFT, fontsize=9)


def _log_spectrogram(mix: Path, tone: Tone) -> Doubles:
    """(_ROWS, columns) dB: means of power over rows that are even in log frequency."""
    import soundfile

    step = max(_WINDOW // 8, int(tone.length_s * tone.rate / _MOST_COLUMNS))
    hz = np.fft.rfftfreq(_WINDOW, 1 / tone.rate)
    centres = _LOW_HZ * (_HIGH_HZ / _LOW_HZ) ** ((np.arange(_ROWS) + 0.5) / _ROWS)
    width = np.sqrt((_HIGH_HZ / _LOW_HZ) ** (1 / _ROWS))
    window, columns = np.hanning(_WINDOW), []
    with soundfile.SoundFile(mix) as file:
        for start in range(0, len(file), step):
            first = max(0, min(start - _WINDOW // 2, len(file) - _WINDOW))
            file.seek(first)
            sound = file.read(_WINDOW, always_2d=True)
            power = np.square(np.abs(np.fft.rfft(sound * window[: len(sound), None], _WINDOW, axis=0))).sum(axis=1)
            summed = np.concatenate([[0.0], np.cumsum(power)])
            low, high = np.searchsorted(hz, centres / width), np.searchsorted(hz, centres * width)
            wide = high > low + 1
            mean = (summed[high] - summed[low]) / np.maximum(high - low, 1)
            columns.append(np.where(wide, mean, np.interp(centres, hz, power)))
    return np.asarray(10 * np.log10(np.maximum(np.array(columns).T, 1e-12)))


def _loudness(axes: Any, tone: Tone, marks: Landmarks, target_lufs: float) -> None:
    """Momentary and short-term loudness, the mean of each section, and what is wanted of the whole."""
    times_s = (np.arange(len(tone.steps)) + 0.5) / STEPS_PER_S
    axes.fill_between(times_s, -70, tone.loudness(0.4), color=_BLUE, alpha=0.18, lw=0)
    axes.plot(times_s, tone.loudness(0.4), color=_BLUE, lw=0.8, alpha=0.8, label="momentary (0.4 s)")
    axes.plot(times_s, tone.loudness(3.0), color=INK, lw=1.8, label="short-term (3 s)")
    axes.axhline(target_lufs, color=_RED, lw=1.0, linestyle=(0, (4, 3)), label=f"wanted of the whole: {target_lufs:g} LUFS")
    for _, start_s, end_s in marks.sections:
        level = tone.loudness_of(start_s, end_s)
        axes.hlines(level, start_s, end_s, color=_SAND, lw=2.2)
        axes.text((start_s + end_s) / 2, level + 0.7, f"{level:.1f}", color=_SAND, fontsize=9, ha="center", va="bottom")
    low = max(-60.0, float(np.quantile(tone.loudness(3.0), 0.02)) - 8)
    axes.set_ylim(low, max(target_lufs + 10, float(tone.loudness(0.4).max()) + 2))
    axes.set_xlim(0, tone.length_s)
    axes.grid(axis="y", color=RULE, lw=0.7)
    _plain(axes)
    axes.set_ylabel("LUFS", color=SOFT, fontsize=9)
    axes.set_xlabel("seconds", color=SOFT, fontsize=9, labelpad=2)
    axes.legend(loc="lower right", fontsize=8.5, frameon=False, ncols=3)


def _spectrum(axes: Any, tone: Tone) -> None:
    """Mean power density, smoothed over a third of an octave, beside pink noise; bands with how far they lie above it."""
    shown = (tone.hz >= _LOW_HZ) & (tone.hz <= _HIGH_HZ)
    hz, density = tone.hz[shown], 10 ** (tone.density_db / 10)
    summed = np.concatenate([[0.0], np.cumsum(density)])
    low, high = np.searchsorted(tone.hz, hz * 2 ** (-1 / 6)), np.searchsorted(tone.hz, hz * 2 ** (1 / 6), side="right")
    smooth = 10 * np.log10(np.maximum((summed[high] - summed[low]) / np.maximum(high - low, 1), 1e-20))
    pink = tone.pink_db - 10 * np.log10(hz / 1000)
    axes.plot(hz, pink, color=_RED, lw=1.0, linestyle=(0, (4, 3)), label="pink noise (−3 dB an octave)")
    axes.plot(hz, smooth, color=INK, lw=1.6, label="the mix, a third of an octave wide")
    axes.set_xscale("log")
    axes.set_xlim(_LOW_HZ, _HIGH_HZ)
    axes.set_ylim(max(float(smooth.min()), tone.pink_db - 55), float(max(smooth.max(), pink.max())) + 8)
    for number, (name, tilt) in enumerate(tone.tilts().items()):
        start_hz, end_hz = BANDS_HZ[name]
        axes.axvspan(start_hz, end_hz, color=SOFT, alpha=0.07 if number % 2 else 0.0, lw=0)
        place = np.sqrt(max(start_hz, _LOW_HZ) * min(end_hz, _HIGH_HZ))
        axes.text(
            place, 0.98, f"{name}\n{tilt:+.1f} dB", transform=axes.get_xaxis_transform(), ha="center", va="top", fontsize=9, color=INK
        )
    ticks = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000]
    axes.set_xticks(ticks, [f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz" for hz in ticks])
    axes.minorticks_off()
    axes.grid(axis="y", color=RULE, lw=0.7)
    _plain(axes)
    axes.set_ylabel("dB per Hz", color=SOFT, fontsize=9)
    axes.legend(loc="lower left", fontsize=8.5, frameon=False)


def tone_lines(tone: Tone, sections: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    """What was measured, as plain data."""
    return {
        "length_s": round(tone.length_s, 2),
        "over_pink_db": tone.tilts(),
        "sections_lufs": {name: round(tone.loudness_of(start_s, end_s), 1) for name, start_s, end_s in sections},
        "clicks_s": [round(at_s, 3) for at_s in tone.clicks_s],
        "offset_dbfs": round(tone.offset_dbfs, 1),
    }
