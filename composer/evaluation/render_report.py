"""What `evaluate render` found, as JSON and as tables for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from composer.evaluation.render_levels import EXACT_DB
from composer.evaluation.render_speech import WANTED_LU
from composer.serial import write_text

FILES = ("render.json", "render.md")
#: every result of the levels as it comes: what is there is not rendered again
KEPT = "levels.jsonl"


def write_report(found: Mapping[str, Any], folder: Path) -> None:
    """render.json and render.md."""
    write_text(folder / FILES[0], json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    pictures = [line for name in found.get("pictures", {}) for line in (f"![{name}]({name}.png)", "")]
    write_text(folder / FILES[1], "\n".join(["# The sound, measured", "", *tables(found), *pictures]) + "\n")


def tables(found: Mapping[str, Any]) -> list[str]:
    """Markdown for people; columns are padded, so it reads well as plain text."""
    lines = [f"Seed {found['seed']}, sound banks {', '.join(found['banks'])}.", ""]
    if found["quick"]:
        lines += ["Small samples (--quick): nothing here is to be quoted.", ""]
    if found["folders"]:
        lines += ["## Folders", "", *_table(_LEVEL_HEADS, [_level_cells(row) for row in found["folders"].values()]), ""]
    for part, told in (("onsets", _onset_lines), ("levels", _level_lines), ("speech", _speech_lines), ("pictures", _tone_lines)):
        if part in found:
            lines += told(found[part])
    return lines


def _onset_lines(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["part"], row["engine"], str(row["notes"]), *(f"{row[name]:.2f}" for name in ("median_ms", "high_ms", "worst_ms", "latency_ms", "drift_ms"))]
        for row in found["rows"]
    ]  # fmt: skip
    told = f"{found['length_s'] / 60:.1f} minutes, {found['tempi']} tempi, {found['soundfont']}: sounding minus written in the MIDI file, the constant taken off."
    heads = ("part", "rendered by", "notes", "median error, ms", "95 %", "worst", "constant, ms", "drift, ms")
    return ["## Onsets", "", told, "", *_table(heads, rows), ""]


_LEVEL_HEADS = ("film", "instruments", "bank", "preset", "s", "parts", "ebur128, LU", "pyloudnorm, LU", "dBTP", "null, dB", "work, dB", "busy", "shift")  # fmt: skip


def _level_cells(row: Mapping[str, Any]) -> list[str]:
    null = "exact" if row["null_db"] <= EXACT_DB else f"{row['null_db']:.0f}"
    bank = Path(row["soundfont"]).stem
    return [
        row["film"], row["instruments"], bank, row["preset"], f"{row['length_s']:.0f}", str(row["parts"]), f"{row['ebur128_lu']:+.2f}", f"{row['pyloudnorm_lu']:+.2f}",
        f"{row['true_peak_dbtp']:.1f}", null, f"{row['work_db']:.1f}", f"{100 * row['busy']:.0f} %", str(row["shift_samples"]),
    ]  # fmt: skip


def _level_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["instruments"], Path(row["soundfont"]).stem), []).append(row)
    summed = [_summed([*key, ""], of) for key, of in groups.items()]
    presets = dict.fromkeys(row["preset"] for row in rows)
    summed += [_summed(["all", "all", preset], [row for row in rows if row["preset"] == preset]) for preset in presets]
    summed.append(_summed(["all", "all", "all"], rows))
    heads = ("instruments", "bank", "preset", "renders", "ebur128: worst, LU", "pyloudnorm: worst, LU", "highest dBTP", "worst null, dB", "work, median dB", "most", "busy", "shifted")  # fmt: skip
    films = len({row["film"] for row in rows})
    return [
        "## Levels", "", f"{films} films, {len(rows)} renders.", "", *_table(heads, summed), "",
        *_table(_LEVEL_HEADS, [_level_cells(row) for row in rows]), "",
    ]  # fmt: skip


def _summed(names: list[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    null = max(row["null_db"] for row in rows)
    return [
        *names, str(len(rows)), f"{max(abs(row['ebur128_lu']) for row in rows):.2f}", f"{max(abs(row['pyloudnorm_lu']) for row in rows):.2f}",
        f"{max(row['true_peak_dbtp'] for row in rows):.1f}", "exact" if null <= EXACT_DB else f"{null:.0f}", f"{median(row['work_db'] for row in rows):.1f}",
        f"{max(row['work_db'] for row in rows):.1f}", f"{100 * median(row['busy'] for row in rows):.0f} %", str(sum(row["shift_samples"] != 0 for row in rows)),
    ]  # fmt: skip


_SPEECH_HEADS = ("film", "music", "utterances", f"≥ {WANTED_LU:g} LU", "least", "median", "detected", "deepest, dB", "far from speech, dB", "turns/min", "largest, dB", "fall, dB/s", "rise, dB/s", "residual, dBFS", "limited")  # fmt: skip


def _speech_lines(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            row["condition"], row["music"], str(row["utterances"]), str(row["reached"]), f"{row['least_lu']:.1f}", f"{row['median_lu']:.1f}",
            f"{100 * row['found']:.0f} %", f"{row['deepest_db']:.0f}", "-" if row["far_db"] is None else f"{row['far_db'] + 0.0:.1f}",
            f"{row['reversals']:.1f}", f"{row['reversal_db']:.1f}", f"{row['fall_db_s']:.0f}", f"{row['rise_db_s']:.0f}", f"{row['residual_dbfs']:.0f}",
            f"{100 * row['changed']:.1f} %",
        ]
        for row in found["films"]
    ]  # fmt: skip
    reached, whole = (sum(row[name] for row in found["films"]) for name in ("reached", "utterances"))
    lines = [
        "## Words over music",
        "",
        f"{reached} of {whole} utterances lie {WANTED_LU:g} LU and more above the music.",
        "",
        *_table(_SPEECH_HEADS, rows),
        "",
    ]
    passing = [
        [f"--original {row['original']}", f"{row['residual_dbfs']:.0f}", f"{100 * row['changed']:.1f} %"] for row in found["passing"]
    ]
    lines += [*_table(("the film's own sound", "residual, dBFS", "limited"), passing), ""]
    clips = [
        [row["name"], ", ".join(f"{a:.1f}–{b:.1f}" for a, b in row["spans_s"]), ", ".join(f"{d:.1f}" for d in row["distances_lu"]), f"{row['residual_dbfs']:.0f}", f"{100 * row['changed']:.1f} %"]
        for row in found["clips"]
    ]  # fmt: skip
    if clips:
        lines += [*_table(("clip", "somebody speaks, s", "film above music there, LU", "residual, dBFS", "limited"), clips), ""]
    return lines


def _tone_lines(found: Mapping[str, Any]) -> list[str]:
    bands = list(next(iter(found.values()))["over_pink_db"])
    rows = [
        [name, *(f"{one['over_pink_db'][band]:+.1f}" for band in bands), str(len(one["clicks_s"])), f"{one['offset_dbfs']:.0f}"]
        for name, one in found.items()
    ]
    lines = [
        "## Tone",
        "",
        "Level of bands above pink noise, dB; clicks; constant offset, dBFS.",
        "",
        *_table(("mix", *bands, "clicks", "offset"), rows),
        "",
    ]
    for name, one in found.items():
        if one["sections_lufs"]:
            sections = [[section, f"{level:.1f}"] for section, level in one["sections_lufs"].items()]
            lines += [*_table((f"{name}: section", "LUFS"), sections), ""]
    return lines


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in (heads, *rows)]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
