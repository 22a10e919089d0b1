"""The rows of the timeline picture, one painter each: `painter(axes, sheet)` draws into one pair of axes.

Times are film seconds on the shared axis; what stands to the right of a row is its legend.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.film import EMOTIONS, Film, Shot
from composer.instruments import INSTRUMENTS
from composer.plan import DYNAMICS, Plan
from composer.render.loudness import SILENCE_LUFS, STEPS_PER_S, short_term
from composer.score import Score, Track
from composer.theory.chords import bar_chords
from composer.theory.keys import parse_key

DPI = 110
INK, SOFT, RULE = "#22252b", "#6d727c", "#dfe2e7"
#: emotion → colour, warm when excited, cool when calm
EMOTION_COLOURS = dict(zip(EMOTIONS, ("#e4643c", "#7a4f9a", "#c8436b", "#4a74ad", "#68ab78", "#b9bbb6"), strict=True))
_FAMILY_HUES = {"strings": 0.03, "brass": 0.12, "woodwinds": 0.36, "piano": 0.60, "percussion": None, "choir": 0.78, "harp": 0.5, "guitar": 0.08, "synth": 0.88}  # fmt: skip
_GOOD, _NEAR, _MISSED = "#2e8b57", "#d99a26", "#c0392b"


@dataclass(frozen=True)
class Sheet:
    """What every row needs."""

    film: Film
    plan: Plan
    score: Score
    #: the mastered mix
    mix: Path
    #: seconds per pixel of the drawing area
    s_per_pixel: float

    def fits(self, text: str, seconds: float, size: float) -> bool:
        """Whether a text of that font size fits into a stretch of time."""
        return len(text) * size * 0.6 * DPI / 72 + 6 < seconds / self.s_per_pixel

    def longest(self, texts: Sequence[str], seconds: float, size: float) -> str:
        """The first text that fits, else nothing."""
        return next((text for text in texts if self.fits(text, seconds, size)), "")


def drawable(text: str) -> str:
    """Only letters that the standard font has."""
    return "".join(character if character.isprintable() and ord(character) < 0x250 else "?" for character in text)


def _shots(axes: Any, sheet: Sheet) -> None:
    axes.set_ylim(0, 1)
    shots = sheet.film.shots
    colours = [_shot_colour(sheet.film, shot) for shot in shots]
    axes.broken_barh([(shot.start_s, shot.length_s) for shot in shots], (0, 1), facecolors=colours, lw=0)
    cuts = [shot.start_s for shot in shots[1:] if not shot.transition_s]
    if sheet.film.duration_s / max(1, len(shots)) > 6 * sheet.s_per_pixel:
        axes.vlines(cuts, 0, 1, color="white", lw=1.0)
    for number, (shot, colour) in enumerate(zip(shots, colours, strict=True), 1):
        if shot.transition_s > 0:
            half = shot.transition_s / 2
            axes.fill([shot.start_s - half, shot.start_s + half, shot.start_s + half], [0, 0, 1], color="white", alpha=0.45, lw=0)
        if sheet.fits(str(number), shot.length_s, 8):
            ink = "white" if colour.mean() < 0.55 else INK
            axes.text((shot.start_s + shot.end_s) / 2, 0.5, str(number), fontsize=8, color=ink, ha="center", va="center")
    axes.text(1.006, 0.5, "hue: emotion\nlight: brightness", transform=axes.transAxes, fontsize=8, color=SOFT, va="center")


def _shot_colour(film: Film, shot: Shot) -> NDArray[np.float64]:
    """The emotion's hue, muted, as light as the shot."""
    level = 0.18 + 0.8 * min(1.0, shot.brightness * 1.25)
    hue = np.array(_rgb(EMOTION_COLOURS[_emotion_between(film, shot.start_s, shot.end_s)]))
    return np.asarray(np.clip((0.55 * hue + 0.45 * hue.mean()) * level / hue.mean() * 0.62, 0, 1))


def _emotion_between(film: Film, start_s: float, end_s: float) -> str:
    rows = [row for time_s, row in zip(film.affect.times_s, film.affect.emotions, strict=True) if start_s - 1 < time_s < end_s]
    return EMOTIONS[int(np.mean(rows, axis=0).argmax())] if rows else "neutral"


def _rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))  # type: ignore[return-value]


def _hits(axes: Any, sheet: Sheet) -> None:
    axes.set_ylim(0, 1)
    marks: dict[tuple[str, bool], list[float]] = {}
    last = [-np.inf, -np.inf]
    for hit in sheet.plan.hits:
        off = abs(hit.frames_off(sheet.film.frame_rate))
        colour = _GOOD if off <= 0.5 else _NEAR if off <= 2 else _MISSED
        marks.setdefault((colour, hit.is_hard), []).append(hit.time_s)
        label = f"{hit.bar}.{hit.beat:g}"
        room = (len(label) * 8 * 0.62 * DPI / 72 + 5) * sheet.s_per_pixel
        level = next((level for level in (0, 1) if hit.time_s - last[level] > room), None)
        if level is not None:
            last[level] = hit.time_s
            axes.text(hit.time_s, (0.46, 0.14)[level], label, fontsize=8, color=INK, ha="center", va="center")
    for (colour, hard), times_s in marks.items():
        look = {"ms": 8 if hard else 6, "mfc": colour if hard else "white", "mec": colour, "mew": 1.2}
        axes.plot(times_s, np.full(len(times_s), 0.86), "v", clip_on=False, **look)
    axes.text(1.006, 0.5, "▼ hard  ▽ soft\nbar.beat", transform=axes.transAxes, fontsize=8, color=SOFT, va="center")


def _emotion(axes: Any, sheet: Sheet) -> None:
    affect = sheet.film.affect
    axes.set_ylim(-1.38, 1.08)
    axes.axhline(0, color=RULE, lw=0.8)
    spans = [(time_s, min(1.0, sheet.film.duration_s - time_s)) for time_s in affect.times_s]
    winners = [EMOTION_COLOURS[EMOTIONS[int(np.argmax(row))]] for row in affect.emotions]
    axes.broken_barh(spans, (-1.38, 0.246), facecolors=winners, lw=0)
    axes.broken_barh([(span.start_s, span.length_s) for span in sheet.film.speech], (-1.1, 0.09), facecolors=INK, lw=0)
    middle = np.minimum(np.array(affect.times_s) + 0.5, sheet.film.duration_s)
    if len(middle):
        axes.plot(middle, affect.valence, color="#2a9d8f", lw=1.8)
        axes.plot(middle, affect.arousal, color="#d1495b", lw=1.8)
    axes.set_yticks([-1, 0, 1])
    names = [("valence", "#2a9d8f", "—"), ("arousal", "#d1495b", "—"), *((e, EMOTION_COLOURS[e], "■") for e in _used(sheet.film))]
    names += [("speech", INK, "▬")] if sheet.film.speech else []
    _legend(axes, names)


def _used(film: Film) -> list[str]:
    winners = {int(np.argmax(row)) for row in film.affect.emotions}
    return [emotion for index, emotion in enumerate(EMOTIONS) if index in winners]


def _legend(axes: Any, names: Sequence[tuple[str, Any, str]], size: float = 8.5) -> None:
    """Names with a coloured sign, to the right of a row, spread over its height."""
    step = min(0.13 if size > 8 else 0.06, 1 / max(1, len(names)))
    for place, (name, colour, sign) in enumerate(names):
        y = 0.97 - step * (place + 0.5)
        axes.text(1.006, y, sign, transform=axes.transAxes, fontsize=size + 1, color=colour, va="center", weight="bold")
        axes.text(1.006, y, f"     {drawable(name)}", transform=axes.transAxes, fontsize=size, color=INK, va="center", parse_math=False)


def _bar_span_s(sheet: Sheet, first: int, last: int) -> tuple[float, float]:
    """Seconds from the start of bar `first` to the end of bar `last` (from 1), within the film."""
    edges, limit = sheet.plan.tempo.bar_seconds, sheet.film.duration_s
    return min(float(edges[first - 1]), limit), min(float(edges[last]), limit)


def _sections(axes: Any, sheet: Sheet) -> None:
    axes.set_ylim(0, 1)
    for number, section in enumerate(sheet.plan.sections):
        start_s, end_s = _bar_span_s(sheet, section.first_bar, section.last_bar)
        axes.axvspan(start_s, end_s, 0.06, 0.94, facecolor="#e9edf4" if number % 2 else "#d8dfec", edgecolor="white", lw=1.5)
        theme = section.theme + ("" if section.variation == "plain" else f" {section.variation}")
        heads = [
            f"{section.id}  {section.mood} {section.form}  ·  theme {theme}",
            f"{section.id}  {section.mood}  ·  {section.theme}",
            section.mood,
            section.id,
        ]
        details = [f"{section.key}   {section.dynamics}   bars {section.first_bar}–{section.last_bar}", f"{section.key}  {section.dynamics}", section.dynamics]  # fmt: skip
        middle = (start_s + end_s) / 2
        axes.text(
            middle, 0.67, sheet.longest(heads, end_s - start_s, 9.5), fontsize=9.5, color=INK, ha="center", va="center", weight="bold"
        )
        axes.text(middle, 0.3, sheet.longest(details, end_s - start_s, 8), fontsize=8, color=SOFT, ha="center", va="center")


def _dynamics(axes: Any, sheet: Sheet) -> None:
    """Marks where they change, and hairpins as musicians draw them."""
    axes.set_ylim(-1.2, 1.2)
    tempo, before = sheet.plan.tempo, ""
    for section in sheet.plan.sections:
        start_s, _ = _bar_span_s(sheet, section.first_bar, section.last_bar)
        if section.dynamics != before:
            axes.text(start_s + 2 * sheet.s_per_pixel, 0, section.dynamics, fontsize=10, color=INK, style="italic", weight="bold", family="serif", va="center")  # fmt: skip
        before = section.dynamics
    marks = {section.first_bar for section in sheet.plan.sections}
    for pin in sheet.plan.hairpins:
        start_s, end_s = (tempo.beat_to_s(tempo.beat_of(bar, beat)) for bar, beat in ((pin.bar, pin.beat), (pin.to_bar, pin.to_beat)))
        start_s += 34 * sheet.s_per_pixel if pin.bar in marks and pin.beat == 1 else 0.0
        grows = DYNAMICS.index(pin.end) > DYNAMICS.index(pin.start)
        tip, mouth = (start_s, end_s) if grows else (end_s, start_s)
        if end_s - start_s > 4 * sheet.s_per_pixel:
            axes.plot([mouth, tip, mouth], [0.62, 0.0, -0.62], color=INK, lw=0.9)


def _chords(axes: Any, sheet: Sheet) -> None:
    axes.set_ylim(0, 1)
    free_s, before = 0.0, ""
    drawn_s = []
    for time_s, name in _chord_names(sheet):
        if name == before or time_s >= sheet.film.duration_s:
            continue
        width_s = (len(name) * 8.5 * 0.62 * DPI / 72 + 7) * sheet.s_per_pixel
        if time_s >= free_s and time_s + width_s < sheet.film.duration_s + 2 * width_s:
            axes.text(time_s + 2 * sheet.s_per_pixel, 0.5, name, fontsize=8.5, color=INK, ha="left", va="center")
            drawn_s.append(time_s)
            free_s = time_s + width_s
        before = name
    axes.vlines(drawn_s, 0.2, 0.8, color=SOFT, lw=0.6)


def _chord_names(sheet: Sheet) -> Iterator[tuple[float, str]]:
    """(start in seconds, absolute name) of every planned chord."""
    tempo = sheet.plan.tempo
    for section in sheet.plan.sections:
        key = parse_key(section.key)
        for bar, entry in enumerate(section.chords, section.first_bar):
            chords = bar_chords(entry, key)
            start, end = float(tempo.bar_beats[bar - 1]), float(tempo.bar_beats[bar])
            for place, chord in enumerate(chords):
                yield tempo.beat_to_s(start + (end - start) * place / len(chords)), chord.name(key)


def _tempo(axes: Any, sheet: Sheet) -> None:
    tempo = sheet.score.tempo
    qpm = np.array([60e6 / bar.us_per_beat for bar in tempo.bars])
    axes.stairs(qpm, tempo.bar_seconds, baseline=None, color="#3f5f8a", lw=1.6)
    low, high = float(qpm.min()), float(qpm.max())
    margin = max(4.0, (high - low) * 0.25)
    axes.set_ylim(low - margin, high + margin)
    axes.set_yticks(sorted({round(low), round(high)}))
    axes.text(1.006, 0.5, f"mean {tempo.mean_qpm:.0f} bpm", transform=axes.transAxes, fontsize=8.5, color=INK, va="center")


def _part_colours(tracks: Sequence[Track]) -> list[tuple[float, float, float]]:
    """One hue per family, one lightness per part within it."""
    families = [INSTRUMENTS[track.instrument].family for track in tracks]
    colours = []
    for place, family in enumerate(families):
        of_family, count = families[:place].count(family), families.count(family)
        light = 0.34 + 0.34 * (of_family + 0.5) / count
        hue = _FAMILY_HUES[family]
        shifted = (hue or 0.0) + 0.05 * ((of_family + 0.5) / count - 0.5)
        colours.append(colorsys.hls_to_rgb(shifted % 1, light, 0.0 if hue is None else 0.72))
    return colours


def _roll(axes: Any, sheet: Sheet) -> None:
    from matplotlib.collections import LineCollection

    tempo, tracks = sheet.score.tempo, sheet.score.tracks
    colours = _part_colours(tracks)
    pitches = [note.pitch for track in tracks for note in track.notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    axes.set_ylim(low, high)
    octaves = [pitch for pitch in range(12, 121, 12) if low <= pitch <= high]
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.hlines(octaves, 0, sheet.film.duration_s, color=RULE, lw=0.7, zorder=0)
    thick = float(np.clip(210 / (high - low), 2.0, 4.5))
    for track, colour in zip(tracks, colours, strict=True):
        starts = tempo.beat_to_s([note.start_beat for note in track.notes])
        ends = np.minimum(tempo.beat_to_s([note.end_beat for note in track.notes]), sheet.score.end_s)
        lines = [((start, note.pitch), (end, note.pitch)) for start, end, note in zip(starts, ends, track.notes, strict=True)]
        shades = [(*colour, 0.35 + 0.6 * note.velocity / 127) for note in track.notes]
        axes.add_collection(LineCollection(lines, colors=shades, linewidths=thick, capstyle="butt"))
    _legend(axes, [(track.name, colour, "■") for track, colour in zip(tracks, colours, strict=True)], size=8.0)


def _loudness(axes: Any, sheet: Sheet) -> None:
    levels = short_term(sheet.mix)
    axes.set_ylim(-50, 0)
    axes.set_yticks([-40, -20, 0])
    if len(levels):
        times_s = (np.arange(len(levels)) + 0.5) / STEPS_PER_S
        axes.fill_between(times_s, -50, np.maximum(levels, -50), color="#5b7fb2", alpha=0.55, lw=0)
        axes.plot(times_s, np.maximum(levels, -50), color="#3f5f8a", lw=1.0)
    loudest = float(levels.max(initial=SILENCE_LUFS))
    axes.text(1.006, 0.5, f"short-term LUFS\nloudest {loudest:.0f}", transform=axes.transAxes, fontsize=8.5, color=INK, va="center")


#: from the top: (name, height, painter)
ROWS: tuple[tuple[str, float, Callable[[Any, Sheet], None]], ...] = (
    ("Shots", 0.62, _shots),
    ("Hits", 0.62, _hits),
    ("Emotion", 1.5, _emotion),
    ("Sections", 0.6, _sections),
    ("Chords", 0.3, _chords),
    ("Dynamics", 0.3, _dynamics),
    ("Tempo", 0.72, _tempo),
    ("Music", 3.3, _roll),
    ("Loudness", 0.95, _loudness),
)
