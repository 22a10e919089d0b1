"""A plan in words: reasons for a film-maker, and a prompt as text-to-audio systems take it."""

from __future__ import annotations

from composer.cues import HIT_FRAMES, NEAR_FRAMES, HitPoint
from composer.plan import Plan
from composer.planner.constant_tempo import find_tempi
from composer.theory.moods import MOODS
from composer.timecode import timecode


def explain(plan: Plan) -> str:
    """The plan's reasons, one line per decision."""
    lines = [f"{plan.title} (plan by {plan.origin}, seed {plan.seed})", *plan.reasons]
    lines += [
        f"{section.id} bars {section.first_bar}-{section.last_bar}, {section.dynamics}: {section.reason}" for section in plan.sections
    ]
    return "\n".join([*lines, *_tempi(plan)]) + "\n"


def _tempi(plan: Plan) -> list[str]:
    """The plan's tempo map and the best constant tempi, marker by marker: how many frames music is off the picture."""
    if not plan.hits:
        return []
    qpm = [bar.qpm for bar in plan.bars]
    moments = [HitPoint(hit.time_s, hit.weight, "cut", hit.label) for hit in plan.hits]
    rows = [("this plan", tuple(hit.frames_off(plan.frame_rate) for hit in plan.hits))]
    rows += [(f"{one.qpm:.2f} BPM", one.frames_off) for one in find_tempi(moments, plan.frame_rate, 0.8 * min(qpm), 1.25 * max(qpm))]
    heads = [timecode(hit.time_s, plan.frame_rate, plan.start_tc) for hit in plan.hits]
    lines = ["", "Frames that music is off the picture, with this plan and with the best constant tempi:"]
    lines.append(f"{'':<12} {'hit':>4} {'near':>4} {'miss':>4}  {'  '.join(heads)}")
    for name, off in rows:
        hit, near = (sum(abs(o) <= frames + 1e-6 for o in off) for frames in (HIT_FRAMES, NEAR_FRAMES))
        cells = "  ".join(f"{o:>{len(head)}.1f}" for o, head in zip(off, heads, strict=True))
        lines.append(f"{name:<12} {hit:>4} {near - hit:>4} {len(off) - near:>4}  {cells}")
    return lines


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
