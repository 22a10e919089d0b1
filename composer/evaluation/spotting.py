"""Spotting and tempo, judged: how many cuts the bent tempo map reaches, and what that costs the music.

Conventions
-----------
Every denominator stands before any tempo is fitted: all cuts, the *lone* cuts (2 s and more from both neighbours and from the film's ends), and
the hits that spotting chose as hard. A cut is *hit* when the plan marks it and the marked beat or half-beat lies within half a frame in the MIDI.
Beside it: *chance*, the share of lone cuts that lie within half a frame of a half-beat when all are shifted together at random, and the best
*constant tempo* within the moods' bands, whose half-beats count too.
The tempo is judged inside sections: leaving the section's mean tempo by more than 8 %, changing by more than 3 % from bar to bar, bars of another
metre than most of the section's; and across sections, where a new tempo may begin.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.cues import HIT_FRAMES, HitPoint
from composer.evaluation.cut_lists import KINDS, made_films
from composer.film import Film
from composer.options import Options, Progress
from composer.plan import Plan, Section
from composer.planner import plan, spot
from composer.planner.constant_tempo import find_tempi
from composer.serial import write_text
from composer.tempo import Bar, TempoMap

FILES = ("spotting.json", "spotting.md")
LONE_S = 2.0
BAND, MOST_CHANGE = 0.08, 0.03
_SHIFTS = 50
#: float noise: what is 3 % to four decimals is not more
_HAIR = 1e-6


@dataclass
class Count:
    """Sums over films."""

    films: int = 0
    #: all cuts, and those that are hit
    cuts: int = 0
    cuts_hit: int = 0
    #: lone cuts; hit; hit by the best constant tempo (beats and half-beats); expected by chance
    lone: int = 0
    lone_hit: int = 0
    lone_constant: int = 0
    lone_chance: float = 0.0
    #: hard hits that spotting chose; of them in the plan and hit, at all and as hard hits
    spotted_hard: int = 0
    spotted_hit: int = 0
    spotted_hit_hard: int = 0
    #: hard hits of the plan, and those within half a frame
    planned_hard: int = 0
    planned_hard_hit: int = 0
    #: bars in sections; outside the band; in another metre than their section
    bars: int = 0
    bars_outside: int = 0
    bars_odd: int = 0
    #: neighbouring bars inside sections; with too much change; and the same across sections
    changes: int = 0
    changes_large: int = 0
    turns: int = 0
    turns_large: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Count)})


def evaluate(count: int, seed: int, films: Sequence[tuple[str, Film]], progress: Progress) -> dict[str, Any]:
    """Judge `count` made cut lists and the given films (name, film); counts by kind, as plain data."""
    kinds: dict[str, Count] = {}
    for done, (kind, film) in enumerate(itertools.chain(made_films(count, seed), films)):
        progress("evaluate", done / (count + len(films)))
        kinds[kind] = kinds.get(kind, Count()) + judge(film)
    progress("evaluate", 1.0)
    made = sum((c for kind, c in kinds.items() if kind in KINDS), Count())
    return {"seed": seed, "lists": count, "kinds": {k: vars(c) for k, c in kinds.items()}, "all made lists": vars(made)}


def judge(film: Film) -> Count:
    """Spot and plan one film, and count."""
    options = Options(instruments=("strings",))
    sheet = spot(film, options)
    return count_plan(film, plan(film, sheet, options), [hit for cue in sheet.cues for hit in cue.hits])


def count_plan(film: Film, made: Plan, spotted: Sequence[HitPoint]) -> Count:
    """Count one plan. `spotted` are the hits chosen before the tempo was fitted."""
    cuts = [shot.start_s for shot in film.shots[1:]]
    lone = lone_cuts(film)
    within = [hit for hit in made.hits if abs(hit.frames_off(film.frame_rate)) <= HIT_FRAMES + _HAIR]
    hit, hit_hard = {h.time_s for h in within}, {h.time_s for h in within if h.is_hard}
    hard = [h.time_s for h in spotted if h.is_hard]
    bars = _count_bars(made)
    low, high = min(b.qpm for b in made.bars) * 0.8, max(b.qpm for b in made.bars) * 1.25
    constant = find_tempi([HitPoint(t, 0.5, "cut") for t in lone], film.frame_rate, low, high, 1)
    return bars + Count(
        films=1,
        cuts=len(cuts),
        cuts_hit=sum(c in hit for c in cuts),
        lone=len(lone),
        lone_hit=sum(c in hit for c in lone),
        lone_constant=constant[0].hits if constant else 0,
        lone_chance=len(lone) * _chance(made.tempo, lone, film),
        spotted_hard=len(hard),
        spotted_hit=sum(t in hit for t in hard),
        spotted_hit_hard=sum(t in hit_hard for t in hard),
        planned_hard=sum(h.is_hard for h in made.hits),
        planned_hard_hit=len(hit_hard),
    )


def lone_cuts(film: Film) -> list[float]:
    """Cuts that lie LONE_S and more from both neighbours and the film's ends, seconds."""
    edges = [0.0, *(shot.start_s for shot in film.shots[1:]), film.duration_s]
    return [b for a, b, c in zip(edges, edges[1:], edges[2:], strict=False) if min(b - a, c - b) >= LONE_S - _HAIR]


def _chance(tempo: TempoMap, moments_s: Sequence[float], film: Film) -> float:
    """Mean share of moments within half a frame of a half-beat when all are shifted together."""
    if not moments_s:
        return 0.0
    grid = np.array(
        [start + 0.5 * k for start, bar in zip(tempo.bar_beats[:-1], tempo.bars, strict=True) for k in range(int(2 * bar.beats))]
    )
    times: NDArray[np.float64] = tempo.beat_to_s(grid)
    shifts = np.random.default_rng(0).uniform(0, tempo.total_s, _SHIFTS)
    moved = ((np.asarray(moments_s)[None, :] + shifts[:, None]) % tempo.total_s).ravel()
    place = np.searchsorted(times, moved).clip(1, len(times) - 1)
    off = np.minimum(np.abs(times[place] - moved), np.abs(times[place - 1] - moved))
    return float(np.mean(off <= HIT_FRAMES * film.frame_s))


def _count_bars(made: Plan) -> Count:
    total, before = Count(), None
    for section in made.sections:
        bars = _bars_of(made, section)
        qpm = np.array([bar.qpm for bar in bars])
        lengths = np.array([bar.beats for bar in bars])
        mean = lengths.sum() / (lengths / qpm).sum()
        usual = Counter(bar.beats for bar in bars).most_common(1)[0][0]
        total += Count(
            bars=len(bars),
            bars_outside=int((np.abs(qpm / mean - 1) > BAND + _HAIR).sum()),
            bars_odd=sum(bar.beats != usual for bar in bars),
            changes=len(bars) - 1,
            changes_large=_large(qpm),
            turns=int(before is not None),
            turns_large=_large([before, qpm[0]]) if before is not None else 0,
        )
        before = float(qpm[-1])
    return total


def _bars_of(made: Plan, section: Section) -> list[Bar]:
    return [bar.as_bar() for bar in made.bars[section.first_bar - 1 : section.last_bar]]


def _large(qpm: Iterable[float]) -> int:
    steps = np.abs(np.diff(np.log(np.asarray(list(qpm)))))
    return int((steps > np.log(1 + MOST_CHANGE) + _HAIR).sum())


# --- for people -------------------------------------------------------------------------------------------------------


def write_report(found: dict[str, Any], folder: Path) -> None:
    """spotting.json and spotting.md."""
    write_text(folder / "spotting.json", json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / "spotting.md", "\n".join(["# Spotting and tempo, measured", "", *tables(found)]) + "\n")


_HEADS = ("", "films", "cuts", "hit", "lone cuts", "hit", "constant", "chance", "spotted hard", "hit", "as hard", "planned hard hit",
          "bars", "beyond 8 %", "change > 3 %", "odd", "change > 3 % between sections")  # fmt: skip


def tables(found: dict[str, Any]) -> list[str]:
    """Markdown for people; columns are padded, so it reads well as plain text."""
    rows = [_row(kind, Count(**counts)) for kind, counts in (*found["kinds"].items(), ("all made lists", found["all made lists"]))]
    widths = [max(len(row[i]) for row in (_HEADS, *rows)) for i in range(len(_HEADS))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in (_HEADS, *rows)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [f"{found['lists']} made cut lists, seed {found['seed']}.", "", lines[0], rule, *lines[1:], ""]


def _row(name: str, c: Count) -> tuple[str, ...]:
    return (
        name, str(c.films), str(c.cuts), _share(c.cuts_hit, c.cuts), str(c.lone), _share(c.lone_hit, c.lone), _share(c.lone_constant, c.lone),
        _share(c.lone_chance, c.lone), str(c.spotted_hard), _share(c.spotted_hit, c.spotted_hard), _share(c.spotted_hit_hard, c.spotted_hard),
        _share(c.planned_hard_hit, c.planned_hard), str(c.bars), _share(c.bars_outside, c.bars), _share(c.changes_large, c.changes),
        _share(c.bars_odd, c.bars), _share(c.turns_large, c.turns),
    )  # fmt: skip


def _share(part: float, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
