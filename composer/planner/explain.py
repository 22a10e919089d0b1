"""A plan in words: reasons for a film-maker, and a prompt as text-to-audio systems take it."""

from __future__ import annotations

from composer.plan import Plan
from composer.theory.moods import MOODS


def explain(plan: Plan) -> str:
    """The plan's reasons, one line per decision."""
    lines = [f"{plan.title} (plan by {plan.origin}, seed {plan.seed})", *plan.reasons]
    lines += [
        f"{section.id} bars {section.first_bar}-{section.last_bar}, {section.dynamics}: {section.reason}" for section in plan.sections
    ]
    return "\n".join(lines) + "\n"


def prompt_text(plan: Plan) -> str:
    """prompt.txt: Key, Genre, Mood, Tempo, Instruments and about thirty words on atmosphere, rhythm and melody."""
    bars: dict[str, int] = {}
    for section in plan.sections:
        bars[section.mood] = bars.get(section.mood, 0) + section.bars
    moods = sorted(bars, key=lambda name: -bars[name])
    loud = max(plan.sections, key=lambda s: s.density)
    rhythm = f"{plan.bars[0].metre} at {plan.tempo.mean_qpm:.0f} BPM, busiest in bars {loud.first_bar} to {loud.last_bar}"
    body = f"Film score: {MOODS[moods[0]].words}. {rhythm}. A short motif returns, grows with the picture and rests between phrases; accents land on the cuts."
    return (
        f"Key: {plan.sections[0].key}\n"
        "Genre: film score, orchestral underscore\n"
        f"Mood: {', '.join(moods)}\n"
        f"Tempo: {plan.tempo.mean_qpm:.0f} BPM\n"
        f"Instruments: {', '.join(part.info.name for part in plan.parts)}\n"
        f"{body}\n"
    )
