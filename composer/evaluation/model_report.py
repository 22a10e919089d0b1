"""What `evaluate model` found, as JSON and as tables for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.serial import write_text
from composer.transformer import vocabulary as V

PARTS = ("bits", "control", "style", "speed")
FILES = ("model.json", "model.md")
#: who is measured, and who stands beside
GENERATORS = ("transformer", "chords")
_EXPLAINED = {
    "unigram": "plain frequencies",
    "n-gram": "contexts counted on train",
    "n-gram + cache": "and in the window before the note",
    "as labelled": "the model, conditions found in the music",
    "planned": "the model, conditions as our planner gives them",
    "shuffled": "the model, conditions of another piece",
    "without": "the model, told only who plays",
}


def write_report(found: Mapping[str, Any], folder: Path) -> None:
    """model.json and model.md."""
    write_text(folder / "model.json", json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / "model.md", "\n".join(["# The model, measured", "", *tables(found)]) + "\n")


def tables(found: Mapping[str, Any]) -> list[str]:
    """Markdown for people, one heading a part; columns are padded, so it reads well as plain text."""
    lines = [f"Checkpoint {found['checkpoint']['name']}, sha256 {found['checkpoint']['sha256'][:16]}…, seed {found['seed']}.", ""]
    if found["quick"]:
        lines += ["Small samples (--quick): nothing here is to be quoted.", ""]
    work = {"bits": _bits_lines, "control": _control_lines, "style": _style_lines, "speed": _speed_lines}
    for name in PARTS:
        if name in found:
            lines += work[name](found[name])
    return lines


def _bits_lines(found: Mapping[str, Any]) -> list[str]:
    heads = (*V.FACTORS, "music", "total")
    rows = [
        [name, *(_number(t["all"][head]) for head in heads), _span(t["interval"]), f"{t['more']['total']:+.3f} ({_span(t['more']['interval'])})", _EXPLAINED[name]]
        for name, t in found["tables"].items()
    ]  # fmt: skip
    collections = list(found["tables"]["as labelled"]["collections"])
    by_collection = [[one, *(_number(t["collections"][one]["total"]) for t in found["tables"].values())] for one in collections]
    title = ["## Bits per note", "", f"{found['notes']:,} notes of {found['pieces']:,} test pieces; 95 % intervals over pieces.", ""]
    return [
        *title,
        *table(["", *heads, "95 %", "beyond as labelled", "what it is"], rows),
        "",
        *table(["total by collection", *found["tables"]], by_collection),
        "",
    ]


def _control_lines(found: Mapping[str, Any]) -> list[str]:
    first = found[GENERATORS[0]]
    rows = []
    for name in first["responses"]:
        cells = [found[g]["responses"].get(name, {}) for g in GENERATORS]
        shown = [[_number(c.get("rho"), 2), _span((c.get("low"), c.get("high")), 2), _number(c.get("within"), 2)] for c in cells]
        rows.append([name, *(cell for one in shown for cell in one)])
    shares = [
        [f"{title}: {name}", *(_number(found[g][group].get(name), 3) for g in GENERATORS)]
        for group, title in (("keys", "key"), ("chord_tones", "chord tones"), ("adherence", "adherence"))
        for name in first[group]
    ]
    return [
        "## Control", "", f"{first['plans']} plans × {first['seeds']} seeds; Spearman's ρ, 95 % over plans; within: mean of ρ by ensemble.", "",
        *table(["asked → heard", *(head for g in GENERATORS for head in (f"ρ {g}", "95 %", "within"))], rows), "",
        *table(["share", *GENERATORS], shares), "",
    ]  # fmt: skip


def _style_lines(found: Mapping[str, Any]) -> list[str]:
    rows: list[list[str]] = []
    outside: list[list[str]] = []
    for generator in GENERATORS:
        mine = found[generator]
        for e in mine["ensembles"]:
            rows.append([generator, e["name"], e["kind"], str(e["bars"]), str(e["outputs"]), str(e["human"]), _number(e["inside"], 2), _span(e["interval"], 2), _number(e["people"], 2)])  # fmt: skip
            out = [row for row in e["rows"] if generator == GENERATORS[0] and not row["inside"]]
            outside += [[e["name"], row["measure"], *(_number(q, 2) for q in (row["ours"], *row["human"]))] for row in out]
        rows.append([generator, "all", "", "", "", "", _number(mine["inside"], 2), _span(mine["interval"], 2), _number(mine["people"], 2)])
    first = found[GENERATORS[0]]
    left_out = [f"Not judged, for want of music by people: {'; '.join(first['not_judged'])}.", ""] if first["not_judged"] else []
    lengths = list(first["shared"])
    shared = [[g, *(_number(found[g]["shared"][n], 2) for n in lengths)] for g in GENERATORS]
    shared.append(["held-out people", *(_number(first["shared_human"][n], 2) for n in lengths)])
    return [
        "## Style", "", f"{found['plans']} plans; share of measures whose median lies between people's quartiles.", "",
        *table(["", "asked", "kind", "bars", "ours", "people's", "inside", "95 %", "people inside"], rows), "",
        *left_out, f"Outside ({GENERATORS[0]}):", "", *table(["asked", "measure", "ours", "first quartile", "median", "third quartile"], outside), "",
        "Share of excerpts with a melodic n-gram of so many steps, or more, in common with train (mean over ensembles):", "",
        *table(["", *lengths], shared), "",
    ]  # fmt: skip


def _speed_lines(found: Mapping[str, Any]) -> list[str]:
    return ["## Speed and size", "", *table(["", ""], [[name.replace("_", " "), str(value)] for name, value in found.items()]), ""]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with padded columns; the first is text, the rest numbers."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ":" if i else "-" * (w + 2) for i, w in enumerate(widths)) + "|"
    return [line(heads), rule, *map(line, rows)]


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _span(ends: Sequence[float | None], digits: int = 3) -> str:
    return " … ".join(_number(end, digits) for end in ends)
