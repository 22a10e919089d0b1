"""One wide picture of the whole: what the film does, what music was planned, what was played, how loud it came out.

Rows (composer.render.timeline_rows) share one time axis. Everything is drawn with matplotlib's objects (never pyplot: no
global state, no display), the same inputs giving the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from composer.film import Film
from composer.plan import Plan
from composer.render.timeline_rows import DPI, INK, ROWS, RULE, SOFT, Sheet, drawable
from composer.score import Score


def draw_timeline(film: Film, plan: Plan, score: Score, mix: Path, path: Path) -> None:
    """Write the picture as PNG.

    `mix` is the mastered mix, a WAV of ours. Raises RenderError when it cannot be read.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    length_s = max(film.duration_s, 1e-3)
    width = float(np.clip(14 + length_s / 25, 16, 46))
    figure = Figure(figsize=(width, 11.2), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    left, right = 1.3 / width, 1 - 1.75 / width
    heights = [height for _, height, _ in ROWS]
    place = {"left": left, "right": right, "top": 0.925, "bottom": 0.045, "hspace": 0.1}
    rows = figure.subplots(len(ROWS), 1, sharex=True, gridspec_kw={"height_ratios": heights, **place})
    sheet = Sheet(film, plan, score, mix, length_s / (width * DPI * (right - left)))
    for axes, (name, _, paint) in zip(rows, ROWS, strict=True):
        _prepare(axes, name)
        paint(axes, sheet)
    _time_axis(rows, length_s, sheet)
    hard_s = [hit.time_s for hit in plan.hits if hit.is_hard]
    for axes in rows[1:]:
        axes.vlines(hard_s, 0, 1, transform=axes.get_xaxis_transform(), color=INK, lw=0.7, alpha=0.22, zorder=0.5)
    _title(figure, sheet, left, right)
    figure.savefig(path, metadata={"Software": None})


def _prepare(axes: Any, name: str) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=7.5, labelcolor=SOFT)
    axes.set_yticks([])
    place = axes.get_position()
    axes.figure.text(0.22 / axes.figure.get_figwidth(), (place.y0 + place.y1) / 2, name, fontsize=10, color=INK, va="center")


def _time_axis(rows: Sequence[Any], length_s: float, sheet: Sheet) -> None:
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120)
    step = next((step for step in steps if step / sheet.s_per_pixel >= 75), 300)
    ticks = np.arange(0, length_s + 1e-6, step)
    rows[0].set_xlim(0, length_s)
    rows[0].set_xticks(ticks)
    for axes in rows:
        axes.vlines(ticks, 0, 1, transform=axes.get_xaxis_transform(), color=RULE, lw=0.6, zorder=0)
        axes.tick_params(axis="x", labelbottom=False)
    labels = [f"{int(tick // 60)}:{tick % 60:0{4 if step < 1 else 2}.{1 if step < 1 else 0}f}" for tick in ticks]
    rows[-1].set_xticks(ticks, labels)
    rows[-1].tick_params(axis="x", labelbottom=True, labelsize=9, labelcolor=INK, pad=5)


def _title(figure: Any, sheet: Sheet, left: float, right: float) -> None:
    plan, film = sheet.plan, sheet.film
    title = drawable(plan.title)
    title = title if len(title) <= 60 else title[:59] + "…"
    keys = list(dict.fromkeys(section.key for section in plan.sections))
    shown = ", ".join(keys[:3]) + (" …" if len(keys) > 3 else "")
    within = sum(abs(hit.frames_off(film.frame_rate)) <= 0.5 for hit in plan.hits)
    facts = (
        f"{int(film.duration_s // 60)}:{film.duration_s % 60:04.1f}    {_count(film.shots, 'shot')}    {_count(plan.sections, 'section')}    "
        f"{shown}    {sheet.score.tempo.mean_qpm:.0f} bpm    {within} of {len(plan.hits)} hits within half a frame"
    )
    figure.text(
        left,
        0.968,
        title,
        fontsize=17,
        color=INK,
        weight="bold",
        va="center",
        parse_math=False,
    )
    figure.text(right, 0.966, facts, fontsize=10, color=SOFT, ha="right", va="center")


def _count(things: Sequence[Any], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
