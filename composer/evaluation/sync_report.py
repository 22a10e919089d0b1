"""How scores keep with their films, as JSON and as tables for people: what `evaluate sync` writes, and the sync.json of every run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from composer.errors import PlanError
from composer.evaluation.sync import HeardHit, HitCount, Measure, SyncReport, listen
from composer.plan import Plan
from composer.rendering import Rendering
from composer.score import Score
from composer.serial import save_json, to_plain, write_text
from composer.stages import read_folder

#: in an output folder
FILE = "sync.json"
FILES = (FILE, "sync.md")


def measure_folder(folder: Path) -> SyncReport:
    """Measure what an output folder holds: mix and stems, and the scored film where there is one.

    Raises PlanError naming the stage that has not run there, or when the folder holds several scored films.
    """
    _, plan, score, rendering = read_folder(folder)
    films = sorted(path for path in folder.glob("*.scored.*") if path.is_file() and not path.name.startswith("."))
    if len(films) > 1:
        raise PlanError(f"{folder} holds {len(films)} scored films ({', '.join(film.name for film in films)})", "Leave one there.")
    return listen(plan, score, rendering, folder, *films)


def measure_sync(plan: Plan, score: Score, rendering: Rendering, folder: Path, scored: Path) -> SyncReport:
    """Measure what was just made and write sync.json beside it."""
    report = listen(plan, score, rendering, folder, scored)
    save_json(report, folder / FILE)
    return report


def as_text(found: Mapping[str, SyncReport]) -> str:
    """JSON: of one folder its report, of several {"folders": {name: report}}."""
    reports = list(found.values())
    plain = to_plain(reports[0]) if len(reports) == 1 else {"folders": {name: to_plain(report) for name, report in found.items()}}
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_report(found: Mapping[str, SyncReport], folder: Path) -> None:
    """sync.json and sync.md."""
    write_text(folder / FILES[0], as_text(found))
    write_text(folder / FILES[1], "\n".join(["# Sync, measured in the sound", "", *tables(found)]) + "\n")


def tables(found: Mapping[str, SyncReport]) -> list[str]:
    """Markdown for people; columns are padded, so it reads well as plain text."""
    lines: list[str] = []
    if len(found) > 1:
        lines += ["## All", "", *_all_lines(found), ""]
    for name, report in found.items():
        lines += [
            f"## {name}",
            "",
            *_share_lines(report),
            "",
            *_told(report),
            "",
            *(_hit_lines(report.hits) or ["No hits were planned."]),
            "",
        ]
    return lines


def _all_lines(found: Mapping[str, SyncReport]) -> list[str]:
    heads = ("", "hits", "heard ±½", "near ±2", "missed", "share", "by chance", "lift", "steady", "notes ±½", "coverage", "onsets/s")
    rows = [
        [name, str(report.heard.all.total), *_counts(report.heard.all), *_worth(report.heard), str(report.notes.all.hits),
         f"{report.coverage:.0%}", f"{report.onsets_per_s:.1f}"]
        for name, report in found.items()
    ]  # fmt: skip
    return _table(heads, rows)


def _share_lines(report: SyncReport) -> list[str]:
    heard, notes = report.heard, report.notes
    none = ["–"] * 4
    rows = [["heard in the mix", *_counts(heard.all), *_worth(heard)]]
    rows += [[f"  {kind} hits", *_counts(count), f"{count.share:.0%}", *none[1:]] for kind, count in (("hard", heard.hard), ("soft", heard.soft)) if count.total]  # fmt: skip
    rows.append(["  by the plain quartile", *_counts(report.top_quartile.all), *_worth(report.top_quartile)])
    rows.append(["    hard hits", *_counts(report.top_quartile.hard), f"{report.top_quartile.hard.share:.0%}", *none[1:]])
    if report.wanted.total:
        rows.append(["hard hits wanted before the tempo", *_counts(report.wanted), f"{report.wanted.share:.0%}", *none[1:]])
    if report.in_film is not None:
        rows.append(["heard in the film", *_counts(report.in_film), f"{report.in_film.share:.0%}", *none[1:]])
    rows.append(["in the notes", *_counts(notes.all), *_worth(notes)])
    return _table(("", "hit ±½", "near ±2", "missed", "share", "by chance", "lift", "steady"), rows)


def _told(report: SyncReport) -> list[str]:
    lines = [
        f"Of {report.candidates} moments considered {report.heard.all.hits} are hit: coverage {report.coverage:.0%}. "
        f"{report.onsets_per_s:.2f} onsets a second, {report.prominent_per_s:.2f} that stand out."
    ]
    film = report.film
    if film is not None and film.shift_ms is not None:
        lines.append(
            f"In {film.name} (stream {film.stream}) the music is {film.shift_ms:+.3f} ms from the mix, nowhere more than {film.spread_ms:.3f} ms from that; "
            f"hits were counted in {film.counted} (likeness {film.likeness:.2f})."
        )
    elif film is not None:
        lines.append(f"In {film.name} (stream {film.stream}) other sound hides the music.")
    return lines


def _hit_lines(hits: Sequence[HeardHit]) -> list[str]:
    heads = ("hit", "seconds", "weight", "mark", "heard", "frames", "ms", "notes", "parts that begin there", "")
    rows = [
        [str(hit.number), f"{hit.time_s:.3f}", f"{hit.weight:.2f}{' hard' if hit.hard else ''}", hit.mark, hit.verdict, _signed(hit.frames_off, 2),
         _signed(hit.ms_off, 0), hit.in_notes, ", ".join(hit.parts), hit.label.replace("|", "/")]
        for hit in hits
    ]  # fmt: skip
    return _table(heads, rows) if rows else []


def _counts(count: HitCount) -> list[str]:
    return [str(count.hits), str(count.near), str(count.missed)]


def _worth(measure: Measure) -> list[str]:
    lift = "–" if measure.lift is None else f"{measure.lift:.1f}"
    return [f"{measure.share:.0%}", f"{measure.chance:.1%}", lift, f"{measure.steady:.0%}"]


def _signed(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:+.{digits}f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with padded columns: numbers to the right, words to the left."""
    numbers = [all(row[i][:1] in "+-–0123456789" for row in rows) for i in range(len(heads))]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numbers, strict=True)) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ":" if right else "-" * (w + 2) for w, right in zip(widths, numbers, strict=True)) + "|"
    return [line(heads), rule, *map(line, rows)]
