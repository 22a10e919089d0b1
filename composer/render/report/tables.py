"""What of the report is read: the headline's facts and the tables, as HTML. Every text of the user goes through `escape`.

Times in tables are buttons that bring the film there (`data-time`, seconds); without a script they are plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from composer.cues import HIT_FRAMES, NEAR_FRAMES
from composer.plan import Hit, Plan, Section
from composer.render.report.data import Sheet
from composer.timecode import timecode

#: verdict → sign beside the word, so that colour is never alone
SIGNS = {"hit": "●", "near": "◆", "missed": "✕"}
#: how long before a hit its button lets the film begin, seconds
LEAD_S = 1.0


def facts(sheet: Sheet) -> str:
    """The key figures, as the inside of a description list."""
    film, plan, rendering = sheet.film, sheet.plan, sheet.rendering
    qpm = [60e6 / bar.us_per_beat for bar in sheet.tempo.bars]
    rows = [
        ("Length", f"{clock(film.duration_s)} · {float(film.frame_rate):.6g} fps · {film.width}×{film.height}"),
        ("Hits heard", _hits_heard(sheet)),
        ("Tempo", f"{sheet.tempo.mean_qpm:.0f} BPM" + (f" ({min(qpm):.0f}–{max(qpm):.0f})" if max(qpm) - min(qpm) >= 1 else "")),
        ("Key", _keys(plan)),
        ("Style", plan.style),
        ("Loudness", f"{_minus(rendering.loudness_lufs)} LUFS, peak {_minus(rendering.true_peak_dbtp)} dBTP"),
        ("Plan", f"{plan.origin}, seed {plan.seed}"),
        ("Sound bank", rendering.soundfont),
    ]
    return "\n".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in rows if text)


def _keys(plan: Plan) -> str:
    keys = list(dict.fromkeys(section.key for section in plan.sections))
    home = plan.key or keys[0]
    others = len([key for key in keys if key != home])
    return home + (f" and {others} other{'s' if others > 1 else ''}" if others else "")


def _hits_heard(sheet: Sheet) -> str:
    found = sheet.sync.get("heard")
    if not sheet.plan.hits:
        return "none planned"
    if not found:
        return f"{len(sheet.plan.hits)} planned, not measured"
    counts = found["all"]
    others = "".join(f", {counts[kind]} {kind}" for kind in ("near", "missed") if counts[kind])
    total = sum(counts.values())
    return f"{counts['hits']} of {total} on the frame{others} (by chance {found['chance']:.0%}, at a steady tempo {found['steady']:.0%})"


def hits_table(sheet: Sheet) -> str:
    """Every hit: when, what, how far off as planned and as heard."""
    if not sheet.plan.hits:
        return "<p>No hits were planned.</p>"
    heads = (
        "Hit",
        "Time",
        "Timecode",
        "Bar.beat",
        "Weight",
        "Picture",
        "Marked by",
        "Planned, frames",
        "Heard, frames",
        "Verdict",
        "Who begins there",
    )
    told = (
        "Planned: where the written beat falls against the picture. Heard: the onset that stands out nearest to it in the finished sound. "
        f"Plus is music after picture, in frames of the film; a hit is within {HIT_FRAMES:g} frame, near within {NEAR_FRAMES:g}."
    )
    return f'<p class="soft">{told}</p>\n' + _table(
        "hits", heads, (_hit_row(sheet, number, hit) for number, hit in enumerate(sheet.plan.hits, 1))
    )


def _hit_row(sheet: Sheet, number: int, hit: Hit) -> tuple[str, ...]:
    rate, heard = sheet.film.frame_rate, sheet.heard(number)
    names = {track.part: track.name for track in sheet.score.tracks}
    verdict = str(heard.get("verdict", ""))
    shown = (
        f'<span class="verdict {verdict}"><span aria-hidden="true">{SIGNS[verdict]}</span> {verdict}</span>' if verdict in SIGNS else "–"
    )
    return (
        str(number),
        jump(max(0.0, hit.time_s - LEAD_S), clock(hit.time_s, 2), f"Play from one second before hit {number}"),
        timecode(hit.time_s, rate, sheet.plan.start_tc),
        f"{hit.bar}.{hit.beat:g}",
        f"{hit.weight:.2f}{' hard' if hit.is_hard else ''}",
        escape(hit.label) + (" (asked for)" if hit.is_own else ""),
        escape(hit.mark),
        signed(hit.frames_off(rate)),
        signed(heard.get("frames_off")),
        shown,
        _players([names.get(part, part) for part in heard.get("parts", ())], len(names)),
    )


def _players(names: Sequence[str], count: int) -> str:
    return f"all {count}" if len(names) == count > 2 else escape(", ".join(names)) or "–"


def sections_table(sheet: Sheet) -> str:
    """Every section: where, what, who plays, and why."""
    heads = ("Section", "Bars", "Feeling", "Key and tempo", "Who plays", "Harmony", "Why")
    return _table("sections", heads, (_section_row(sheet, section) for section in sheet.plan.sections))


def _section_row(sheet: Sheet, section: Section) -> tuple[str, ...]:
    plan = sheet.plan
    start_s, end_s = sheet.bar_span_s(section.first_bar, section.last_bar)
    bars = sheet.tempo.bars[section.first_bar - 1 : section.last_bar]
    qpm = 60 * sum(bar.beats for bar in bars) / sum(bar.seconds for bar in bars)
    theme = section.theme + ("" if section.variation == "plain" else f", {section.variation}")
    swells = [f"{h.start} to {h.end} in bars {h.bar}–{h.to_bar}" for h in plan.hairpins if section.first_bar <= h.bar <= section.last_bar]
    locked = " (locked)" if section.id in plan.locked else ""
    return (
        f"<b>{escape(section.id)}</b>{locked} {jump(start_s, clock(start_s, 1), f'Go to the beginning of section {section.id}')} – {clock(end_s, 1)}",
        f"{section.first_bar}–{section.last_bar}",
        _lines([section.mood, section.form, f"theme {theme}", ", ".join([section.dynamics, *swells]), f"density {section.density:.2f}"]),
        _lines([section.key, f"{section.modulation} modulation" if section.modulation else "", f"{qpm:.0f} BPM"]),
        _lines(_who_plays(section, plan)),
        _lines(_harmony(section)),
        escape(section.reason),
    )


def _who_plays(section: Section, plan: Plan) -> list[str]:
    name = {part.id: part.info.name for part in plan.parts}
    roles = [f"{role}: {', '.join(name[part] for part in players)}" for role, players in section.roles.items() if players]
    doubles = [f"{name[one]} with {name[other]}" for one, other in section.doubles.items()]
    ways = [f"{name[part]} {technique}" for part, technique in section.techniques.items() if technique != "ordinary"]
    return [*roles, *doubles, *ways]


def _harmony(section: Section) -> list[str]:
    phrases, first = [], 0
    for place, bars in enumerate(section.phrases or (section.bars,)):
        cadence = section.cadences[place] if place < len(section.cadences) else ""
        phrases.append(" | ".join(section.chords[first : first + bars]) + (f" ({cadence})" if cadence else ""))
        first += bars
    return phrases


def reasons(plan: Plan) -> str:
    """Why the whole is as it is, one line per decision, and its themes."""
    rows = [tuple(reason.split(": ", 1)) if ": " in reason else ("", reason) for reason in plan.reasons]
    rows += [
        (f"theme {theme.letter}", f"{theme.motif or 'free'}, first sung by {plan.part(theme.part).info.name}") for theme in plan.themes
    ]
    if not rows:
        return "<p>The plan gives no reasons.</p>"
    return "<dl>" + "".join(f"<div><dt>{escape(head)}</dt><dd>{escape(text)}</dd></div>" for head, text in rows) + "</dl>"


def notes(sheet: Sheet) -> str:
    """What was odd, and what could not be had."""
    film = sheet.film
    found = [*film.warnings, film.affect_note, *sheet.plan.notes, *sheet.rendering.warnings]
    rows = [f"<li>{escape(line)}</li>" for line in dict.fromkeys(found) if line]
    return f"<ul>{''.join(rows)}</ul>" if rows else "<p>Nothing to note.</p>"


def jump(time_s: float, text: str, label: str) -> str:
    """A button that brings the film to a moment."""
    return f'<button type="button" class="jump" data-time="{time_s:.3f}" title="{escape(label)}">{escape(text)}</button>'


def clock(time_s: float, digits: int = 1) -> str:
    """Minutes and seconds for people, e.g. 1:02.5; hours where there are some."""
    units = round(time_s * 10**digits)
    minutes, rest = divmod(units, 60 * 10**digits)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 10**digits:0{3 + digits}.{digits}f}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"


def signed(value: float | None) -> str:
    """A number with its sign, two digits, nothing having none; a dash for no number."""
    if value is None:
        return "–"
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def _minus(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(escape(text) for text in texts if text)


def _table(name: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names the row; cells are HTML already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    body = "\n".join(
        f'<tr data-row="{place}"><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for place, row in enumerate(rows)
    )
    return f'<div class="wide" tabindex="0" role="region" aria-label="Table of {name}"><table id="{name}"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
