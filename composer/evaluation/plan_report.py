"""What `evaluate plan` found, as JSON and as tables for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from composer.evaluation.plan_checks import RELATIONS
from composer.evaluation.plan_variety import THINGS
from composer.plan import DYNAMICS, FORMS
from composer.serial import write_text

FILES = ("plan.json", "plan.md")
#: what is told of every plan: words, what holds, of what, how much is wanted ("" = it is only told)
_CHECKS = (
    ("plans valid", "valid", "films", "100 %"),
    ("films whose sections cover every cue", "films covered", "films", "100 %"),
    ("cues covered from first to last moment", "cues covered", "cues", "100 %"),
    ("  in a free tempo: the last bar line ends them (half a frame)", "cues in a free tempo that end on time", "cues in a free tempo", "100 %"),
    ("  in an asked tempo", "cues in an asked tempo that end on time", "cues in an asked tempo", ""),
    ("  in a steady tempo", "cues steady that end on time", "cues steady", ""),
    ("asked tempo kept (mean within 2 %)", "tempo kept", "tempo asked", "100 %"),
    ("steady tempo kept (every bar)", "steady kept", "steady asked", "100 %"),
    ("plans without an instrument nobody asked for", "only asked parts", "ensemble asked", "100 %"),
    ("plans with every instrument asked for", "parts as asked", "ensemble asked", "100 %"),
    ("parts heard of those planned", "heard parts", "planned parts", "100 %"),
    ("scores heard as planned", "composed as planned", "composed", "100 %"),
    ("scores heard as asked", "heard as asked", "composed for asked", "100 %"),
    ("sections of 8 to 40 s (where the cue has several)", "of 8 to 40 s", "sections of several", ""),
    ("  shorter", "under 8 s", "sections of several", ""),
    ("  longer than 40 s (all sections)", "over 40 s", "sections", ""),
    ("sections in which nobody plays", "silent sections", "sections", ""),
    ("chords with a function", "chords with a function", "chords", "100 %"),
    ("phrases of 4 or 8 bars", "phrases of 4 or 8", "phrases", ""),
    ("phrases that end with a cadence", "cadences", "phrases", ""),
    ("met hard hits with a new chord", "hard hits with a new chord", "hard hits", ""),
    ("cues of 3 sections or more with one climax", "with one climax", "cues of 3 sections", ""),
    ("  the climax is the most aroused section", "climax most aroused", "cues of 3 sections", ""),
    ("  it holds the peak of arousal (5 s)", "climax holds the peak", "cues of 3 sections", ""),
    ("  either of the two", "climax at either", "cues of 3 sections", ""),
    ("  no section is louder", "climax loudest", "cues of 3 sections", ""),
    ("films with a hairpin", "films with a hairpin", "films", ""),
    ("hairpins that lead to a hard hit or a section", "hairpins into a hard hit or section", "hairpins", ""),
)  # fmt: skip


#: whose boundaries, and what their counts begin with
_WAYS = (
    ("plans, tempo free to bend", ""), ("  turned round the cue at random", "shifted "), ("  on events drawn at random", "drawn "),
    ("plans in a steady tempo", "steady "), ("  turned round the cue at random", "steady shifted "),
)  # fmt: skip
#: names told in a list before the rest is added up
_MOST_NAMES = 12


def write_report(found: Mapping[str, Any], folder: Path) -> None:
    """plan.json and plan.md."""
    write_text(folder / FILES[0], json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / FILES[1], "\n".join(["# Plans, measured", "", *tables(found), *_film_lines(found)]) + "\n")


def tables(found: Mapping[str, Any]) -> list[str]:
    """Markdown for people; columns are padded, so it reads well as plain text."""
    films = len(found["films"])
    lines = [f"{films} films ({found['clips']} clips, {films - found['clips']} made stories, {found['minutes']} minutes), seed {found['seed']}, notes by {found['generator']}.", ""]  # fmt: skip
    if found["quick"]:
        lines += ["Small samples (--quick): nothing here is to be quoted.", ""]
    everything = Counter(found["all"])
    return [
        *lines, *_check_lines(everything), *_boundary_lines(everything), *_key_lines(everything, found.get("people", {})),
        *_variety_lines(found["variety"]), *_speech_lines(found["films"]), *_spread_lines(everything, found["tempo steps"]),
    ]  # fmt: skip


def _check_lines(c: Counter[str]) -> list[str]:
    rows = [[words, *_of(c[part], c[whole]), wanted] for words, part, whole, wanted in _CHECKS]
    return ["## Every plan", "", *_table(("", "holds", "of", "share", "wanted"), rows), ""]


def _boundary_lines(c: Counter[str]) -> list[str]:
    def row(words: str, *ways: str) -> list[str]:
        """What is counted, summed over ways."""
        held = [sum(c[f"{way}{what}"] for way in ways) for what in ("in reach, on a turn", "in reach", "on a turn", "boundaries")]
        return [words, *_of(*held[:2]), *_of(*held[2:])]

    rows = [*(row(words, way) for words, way in _WAYS), row("all plans", "", "steady ")]
    heads = ("inner boundaries of sections", "on a turn", "of those in reach of one", "share", "on a turn", "of all", "share")
    told = "Turns are the strongest fifth of a film's changes of shot and feeling; on one: within half a frame; in reach: within 4 s, neighbours 7 s off. Random ones: 200 draws each. A steady tempo cannot go to a turn."
    scenes = [row(words, f"story {way}") for words, way in _WAYS[:3]]
    anywhere = f"{c['on an event']} of {c['boundaries']} boundaries ({_share(c['on an event'], c['boundaries'])}) in a tempo free to bend stand on some change of shot or feeling, strong or not."
    begun = f"{c['scenes begun']} of {c['scenes']} scenes of 7 s and more ({_share(c['scenes begun'], c['scenes'])}) begin with a section of music."
    story_heads = ("the same, scenes of the made stories", "on a scene", *heads[2:4], "on a scene", *heads[5:])
    themes = [
        ["main look seen before: one of its themes returns", *_of(c["themes returned"], c["looks returned"])],
        ["sections of different looks: one theme all the same", *_of(c["with one theme"], c["pairs of other looks"])],
    ]
    return [
        *["## Where sections begin", "", told, "", *_table(heads, rows), "", anywhere, "", *_table(story_heads, scenes), "", begun, ""],
        *[*_table(("themes", "sections or pairs", "of", "share"), themes), ""],
    ]


def _key_lines(c: Counter[str], people: Mapping[str, Mapping[str, int]]) -> list[str]:
    whole = c["sections with a key"]
    rows = [[f"ours: {name}", *_of(c[f"found {name}"], whole), ""] for name in RELATIONS if c[f"found {name}"]]
    rows.append(["ours: same or relative", *_of(c["found same"] + c["found relative"], whole), "90 %"])
    if c["modal sections"]:
        rows.append(["ours, other modes: a key of the signature", *_of(c["modal same or relative"], c["modal sections"]), ""])
        rows.append(["ours, other modes: a key on the tonic", *_of(c["modal same tonic"], c["modal sections"]), ""])
    total = sum((Counter(counts) for counts in people.values()), Counter[str]())
    for name, counts in [*people.items(), *([("all", total)] if people else [])]:
        rows.append([f"people, {name}: a key of the signature", *_of(counts["right"], counts["excerpts"]), ""])
    if people:
        rows.append(["people, all: first excerpts only", *_of(total["first right"], total["first excerpts"]), ""])
    told = f"Krumhansl & Schmuckler's finder on sections of 8 bars and more in major or minor ({c['sections too short for a key']} sections are shorter); people's music in excerpts of 8 to 16 bars."
    return ["## Keys, heard", "", told, "", *_table(("", "found", "of", "share", "wanted"), rows), ""]


def _variety_lines(varieties: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for v in varieties:
        shares = [_share(v["differ"].get(name, 0), v["pairs"]) for name in THINGS]
        spread = ", ".join(f"{n}: {v['by_count'].get(str(n), 0)}" for n in range(len(THINGS) + 1))
        low, high = v["tempi"]
        rows.append([f"{v['film']}, {v['instruments'] or 'free'}", f"{v['valid']}/{v['seeds']}", f"{v['median']:g}", *shares, spread, str(v["keys"]), f"{low:.0f}…{high:.0f}"])  # fmt: skip
    heads = ("film, instruments", "valid", "median pair", *THINGS, "pairs by things that differ", "keys", "BPM")
    return ["## Seeds", "", "Of all pairs of seeds the share that differs in each of five things (wanted: the median pair in 3). Numerals of a major and a minor key always differ, and one theme that comes otherwise makes another form.", "", *_table(heads, rows), ""]  # fmt: skip


def _speech_lines(films: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [film["speech"] for film in films if "speech" in film and film["speech"]["inside"]["seconds"] > 0]
    if not told:
        return ["## Under speech", "", "Nobody speaks in these films.", ""]
    rows = []
    for words, way in (("inside speech", "inside"), ("outside", "outside"), ("inside, planned as if nobody spoke", "deaf")):
        seconds = sum(film[way]["seconds"] for film in told)
        rates = [
            sum(film[way][what] * film[way]["seconds"] for film in told) / max(seconds, 1e-9) for what in ("all_parts", "busiest_part")
        ]
        rows.append([words, f"{seconds:.0f}", *(f"{rate:.2f}" for rate in rates)])
    heads = ("", "seconds", "all parts, onsets/s", "busiest part, onsets/s")
    return ["## Under speech", "", f"{len(told)} films in which somebody speaks; notes of 300 to 3000 Hz.", "", *_table(heads, rows), ""]


def _spread_lines(c: Counter[str], steps: Sequence[float]) -> list[str]:
    turns = c["turns"]
    tempo = f"{turns} neighbouring sections: median {100 * median(steps):.1f} %" if steps else "no neighbouring sections"
    rows = [
        ["tempo step from section to section", f"{tempo}; over 10 %: {_share(c['tempo turns > 10 %'], turns)}, over 25 %: {_share(c['tempo turns > 25 %'], turns)}"],
        ["keys of neighbours", _listed(c, "key", RELATIONS)],
        ["how a new key is entered", _named(c, "modulation")],
        ["form", _listed(c, "form", FORMS)],
        ["functions of chords", _named(c, "function")],
        ["cadences", _named(c, "cadence")],
        ["dynamics of sections", _listed(c, "dynamics", DYNAMICS)],
        ["films by steps from softest to loudest", _listed(c, "steps of dynamics", [str(n) for n in range(len(DYNAMICS))])],
    ]  # fmt: skip
    return ["## How it is spread", "", *_table(("", "how many"), rows), ""]


def _film_lines(found: Mapping[str, Any]) -> list[str]:
    """Every film on a line."""
    rows = []
    for film in found["films"]:
        c = Counter(film["counts"])
        kept = film.get("error") or ", ".join(words for words, part, whole, wanted in _CHECKS if wanted and c[part] < c[whole])
        on_turn, reach = (sum(c[f"{way}{what}"] for way in ("", "steady ")) for what in ("in reach, on a turn", "in reach"))
        heard = f"{c['found same'] + c['found relative']}/{c['sections with a key']}"
        rows.append([film["name"], f"{film['seconds']:.1f}", film["asked"], str(film.get("sections", 0)), f"{on_turn}/{reach}", heard, str(c["notes"]), kept.replace("|", "/")])  # fmt: skip
    heads = ("film", "seconds", "asked", "sections", "on turns", "keys found", "notes", "not kept")
    return ["## The films", "", *_table(heads, rows)]


def _listed(c: Counter[str], what: str, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {c[f'{what} {name}']}" for name in names if c[f"{what} {name}"]) or "none"


def _named(c: Counter[str], what: str) -> str:
    names = sorted((name for name in c if name.startswith(f"{what} ")), key=lambda name: (-c[name], name))
    told = [f"{name.removeprefix(what + ' ')} {c[name]}" for name in names[:_MOST_NAMES]]
    rest = names[_MOST_NAMES:]
    return ", ".join([*told, *([f"{len(rest)} others {sum(c[name] for name in rest)}"] if rest else [])]) or "none"


def _of(part: int, whole: int) -> list[str]:
    return [str(part), str(whole), _share(part, whole)]


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with padded columns: numbers to the right, words to the left."""
    numbers = [bool(rows) and all(row[i][:1] in "+-–0123456789" for row in rows) for i in range(len(heads))]
    numbers = [is_number and all(":" not in row[i] for row in rows) for i, is_number in enumerate(numbers)]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numbers, strict=True)) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ":" if right else "-" * (w + 2) for w, right in zip(widths, numbers, strict=True)) + "|"
    return [line(heads), rule, *map(line, rows)]
