"""What is told at the end: a few lines for a film-maker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from composer.pipeline import Outcome

if TYPE_CHECKING:
    from composer.evaluation.sync import SyncReport


def summary(outcome: Outcome) -> str:
    """The end of a run in a few aligned lines."""
    plan, rendering, folder = outcome.plan, outcome.rendering, outcome.folder
    qpm = [bar.qpm for bar in plan.bars]
    moods = Counter(section.mood for section in plan.sections)
    rows = {
        "key": ", ".join(dict.fromkeys(section.key for section in plan.sections)),
        "tempo": f"{plan.tempo.mean_qpm:.1f} BPM ({f'{min(qpm):.1f} to {max(qpm):.1f}' if max(qpm) > min(qpm) else 'steady'})",
        "sections": f"{len(plan.sections)}: {', '.join(f'{mood} {count}' for mood, count in moods.items())}",
        "instruments": ", ".join(part.info.name for part in plan.parts),
        "hits": _told(outcome.sync),
        "loudness": f"{rendering.loudness_lufs:.1f} LUFS, true peak {rendering.true_peak_dbtp:.1f} dBTP, bank {rendering.soundfont}",
        "film": str(folder / outcome.scored),
        "music": str(folder / rendering.mix),
        "score": str(folder / "score.mid"),
        "plan": f"{folder / 'plan.yaml'}  (edit it, then run again with --plan)",
    }
    notes = (*outcome.film.warnings, *plan.notes, *rendering.warnings, *outcome.failures)
    return "\n".join([*_table(rows), *(f"note: {note}" for note in notes)])


def _told(sync: SyncReport) -> str:
    onsets = f"{sync.onsets_per_s:.1f} onsets a second"
    if not sync.hits:
        return f"none planned; {onsets}"
    count = sync.heard.all
    share = f"by chance {100 * sync.heard.chance:.0f} %"
    return f"{count.hits} of {count.total} heard on the frame (±½), {count.near} near (±2), {count.missed} missed; {share}; {onsets}"


def timings(outcome: Outcome) -> str:
    """How long each stage took (for --verbose)."""
    return "\n".join(_table({stage: f"{seconds:.2f} s" for stage, seconds in outcome.timings_s.items()}))


def written(folder: Path, names: list[str]) -> str:
    """The files a single stage wrote, one a line."""
    return "\n".join(str(folder / name) for name in names)


def _table(rows: dict[str, str]) -> list[str]:
    width = max(map(len, rows), default=0) + 2
    return [f"{name:<{width}}{text}" for name, text in rows.items()]
