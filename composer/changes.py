"""changes.txt and changes.json: what a re-edit changed, shot by shot, bar by bar and hit by hit, for people and for programs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from composer.edit import BarChange, Edit, HitChange, Reuse
from composer.film import Film, Shot
from composer.plan import Plan
from composer.serial import to_plain, write_text
from composer.timecode import timecode

CHANGES_FILES = ("changes.txt", "changes.json")


def write_changes(folder: Path, old_film: Film, film: Film, edit: Edit, reuse: Reuse, old: Plan, plan: Plan) -> None:
    """changes.txt and changes.json."""
    write_text(folder / CHANGES_FILES[0], changes_text(old_film, film, edit, reuse, old, plan))
    data: dict[str, Any] = {
        "old_duration_s": edit.old_duration_s,
        "new_duration_s": edit.new_duration_s,
        "note_for_note": round(reuse.note_for_note, 4),
        **{name: to_plain(getattr(edit, name)) for name in ("kept", "removed", "added", "repeated")},
        **{name: to_plain(getattr(reuse, name)) for name in ("pieces", "bars", "hits")},
    }
    write_text(folder / CHANGES_FILES[1], json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def changes_text(old_film: Film, film: Film, edit: Edit, reuse: Reuse, old: Plan, plan: Plan) -> str:
    """The list of changes for people; timecodes are those of the new film unless a line says "was" or "old"."""
    blocks = {
        "Picture": _picture(old_film, film, edit, old, plan),
        "Music": _music(reuse.bars, old, plan),
        "Hits": _hits(reuse.hits, old, plan),
    }
    text = "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in blocks.items())
    return f"{text}\n\n{headline(reuse)}\n"


def headline(reuse: Reuse) -> str:
    """The whole in one line."""
    count = len(reuse.played)
    same = round(reuse.note_for_note * count)
    kept, dropped, new = (sum(1 for _ in hits) for hits in _sorted_hits(reuse.hits))
    return f"{same} of {count} bars note for note ({100 * reuse.note_for_note:.0f} %); hits: {kept} kept, {dropped} dropped, {new} new"


# --- picture ----------------------------------------------------------------------------------------------------------


def _picture(old_film: Film, film: Film, edit: Edit, old: Plan, plan: Plan) -> list[str]:
    """One line for each run of old shots that fared alike, and for each stretch of film that is new or shown twice."""
    fates = [_shot_fate(shot, edit, old_film.frame_rate) for shot in old_film.shots]
    lines, number = [], 1
    for fate, group in itertools.groupby(fates):
        count = len(list(group))
        shots = old_film.shots[number - 1 : number - 1 + count]
        was = f"(old {_span(shots[0].start_s, shots[-1].end_s, old)})"
        lines.append(f"{_numbers('shot', number, number + count - 1):<14} {fate} {was}")
        number += count
    more = [("new film", span) for span in edit.added] + [("shown twice", span) for span in edit.repeated]
    for word, span in more:
        lines.append(f"{word:<14} {_span(span.start_s, span.end_s, plan)}, {_frames(round(span.length_s * film.frame_rate))}")
    return lines


def _shot_fate(shot: Shot, edit: Edit, rate: Fraction) -> str:
    """What became of one old shot."""
    total, half_s = round(shot.length_s * rate), 0.5 / float(rate)
    found = []
    for kept in edit.kept:
        start_s, end_s = max(shot.start_s, kept.old_start_s), min(shot.end_s, kept.old_end_s)
        if end_s - start_s > half_s:
            found.append((start_s, end_s, kept.offset_s))
    if not found:
        return "removed"
    once = _without_repeats(found)
    words = ["shown twice"] if sum(b - a for a, b, _ in found) - sum(b - a for a, b, _ in once) > half_s else []
    found = once
    left = sum(round((end_s - start_s) * rate) for start_s, end_s, _ in found)
    head, tail = round((found[0][0] - shot.start_s) * rate), round((shot.end_s - found[-1][1]) * rate)
    if left < total and len(found) == 1:
        words += [f"trimmed by {_frames(n)} at its {end}" for n, end in ((head, "beginning"), (tail, "end")) if n > 0]
    elif len(found) > 1:
        words.append(f"split in {len(found)}, {_frames(max(0, total - left))} gone")
    offset_s = found[0][2]
    if abs(offset_s) >= half_s:
        words.append(f"moved {offset_s:+.2f} s")
    return ", ".join(words) or "kept"


def _without_repeats(found: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """(start, end, offset) of the old film, in the order of the new one; of stretches that overlap in the old film the first counts."""
    once: list[tuple[float, float, float]] = []
    for start_s, end_s, offset_s in found:
        if not any(start_s < b and a < end_s for a, b, _ in once):
            once.append((start_s, end_s, offset_s))
    return once


# --- music ------------------------------------------------------------------------------------------------------------


def _music(bars: Sequence[BarChange], old: Plan, plan: Plan) -> list[str]:
    """One line for each run of bars that fared alike, and one for the old bars that are gone."""
    lines = []
    alike = itertools.groupby(
        bars, key=lambda change: (change.fate, (change.old_bar or 0) - change.bar if change.old_bar else None, _section(change, plan))
    )
    for _, group in alike:
        run = list(group)
        lines.append(f"{_numbers('bar', run[0].bar, run[-1].bar):<14} {_section(run[0], plan):<5} {_bar_fate(run, old, plan)}")
    gone = sorted({bar.bar for bar in old.bars} - {change.old_bar for change in bars})
    for _, numbers in itertools.groupby(enumerate(gone), key=lambda item: item[1] - item[0]):
        run_gone = [number for _, number in numbers]
        lines.append(f"{'old ' + _numbers('bar', run_gone[0], run_gone[-1]):<14} {'':<5} gone with the picture")
    return lines


def _section(change: BarChange, plan: Plan) -> str:
    section = plan.section_at(change.bar)
    return section.id if section else "-"


def _bar_fate(run: Sequence[BarChange], old: Plan, plan: Plan) -> str:
    first, last = run[0], run[-1]
    if first.old_bar is None or last.old_bar is None:
        return "new music"
    was = f"(old {_numbers('bar', first.old_bar, last.old_bar)})"
    tempi = f"{_tempi([old.bars[c.old_bar - 1].qpm for c in run if c.old_bar])} → {_tempi([plan.bars[c.bar - 1].qpm for c in run])} BPM"
    if first.fate == "kept":
        return "kept"
    if first.fate == "moved":
        shift_s = float(plan.tempo.bar_seconds[first.bar - 1] - old.tempo.bar_seconds[first.old_bar - 1])
        return f"moved {shift_s:+.2f} s {was}"
    if first.fate == "tempo":
        return f"same notes, tempo {tempi} {was}"
    metres = f"{old.bars[first.old_bar - 1].metre} → {plan.bars[first.bar - 1].metre}"
    return f"part of its notes, {metres}, tempo {tempi} {was}"


def _tempi(qpm: Sequence[float]) -> str:
    low, high = min(qpm), max(qpm)
    return f"{low:.1f}" if high - low < 0.05 else f"{low:.1f}–{high:.1f}"


# --- hits -------------------------------------------------------------------------------------------------------------


def _sorted_hits(hits: Sequence[HitChange]) -> tuple[list[HitChange], list[HitChange], list[HitChange]]:
    """Kept, dropped, new."""
    kept = [h for h in hits if h.old_s is not None and not h.why]
    return kept, [h for h in hits if h.why], [h for h in hits if h.old_s is None]


def _hits(hits: Sequence[HitChange], old: Plan, plan: Plan) -> list[str]:
    kept, dropped, new = _sorted_hits(hits)
    rate = plan.frame_rate
    on_time = sum(abs(hit.frames_off(rate)) <= 0.5 for hit in plan.hits)
    lines = [f"kept {len(kept)}, dropped {len(dropped)}, new {len(new)}; {on_time} of {len(plan.hits)} within half a frame"]
    lines += [f"dropped        {timecode(h.old_s or 0.0, rate, old.start_tc)} (old)  {h.why}" for h in dropped]
    return lines + [f"new            {timecode(h.new_s or 0.0, rate, plan.start_tc)}" for h in new]


# --- words ------------------------------------------------------------------------------------------------------------


def _numbers(noun: str, first: int, last: int) -> str:
    return f"{noun} {first}" if first == last else f"{noun}s {first}–{last}"


def _span(start_s: float, end_s: float, plan: Plan) -> str:
    return "–".join(timecode(time_s, plan.frame_rate, plan.start_tc) for time_s in (start_s, end_s))


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"
