"""A plan in words: reasons for a film-maker, and a prompt as text-to-audio systems take it."""

from __future__ import annotations

from composer.cues import HIT_FRAMES, NEAR_FRAMES, HitPoint
from composer.plan import Plan, Section, Theme
from composer.planner.constant_tempo import find_tempi
from composer.theory.moods import MOODS
from composer.timecode import timecode


def explain(plan: Plan) -> str:
    """The plan's reasons, one line per decision: the whole, its themes, and section by section what happens, who plays, and the harmony."""
    lines = [f"{plan.title} (plan by {plan.origin}, seed {plan.seed})", *plan.reasons]
    lines += [_theme_line(theme, plan) for theme in plan.themes]
    for section in plan.sections:
        lines.append(f"{section.id} bars {section.first_bar}-{section.last_bar}, {section.dynamics}: {section.reason}")
        lines += [f"   {line}" for line in (_players_line(section, plan), _harmony_line(section), _swell_line(section, plan)) if line]
    return "\n".join([*lines, *_tempi(plan)]) + "\n"


def _theme_line(theme: Theme, plan: Plan) -> str:
    where = ", ".join(s.id + ("" if s.variation == "plain" else f" {s.variation}") for s in plan.sections if s.theme == theme.letter)
    look = "" if theme.look is None else f", for pictures like those of look {theme.look}"
    return f"theme {theme.letter}: {theme.motif or 'free'}, first sung by {plan.part(theme.part).info.name}{look}; heard in {where}"


def _players_line(section: Section, plan: Plan) -> str:
    """Who does what."""
    roles = [f"{role} {' + '.join(plan.part(p).info.name for p in players)}" for role, players in section.roles.items() if players]
    doubles = [f"{plan.part(one).info.name} doubles {plan.part(other).info.name}" for one, other in section.doubles.items()]
    ways = [f"{plan.part(player).info.name} {technique}" for player, technique in section.techniques.items()]
    return f"players: {', '.join([*roles, *doubles, *ways]) or 'nobody'}"


def _harmony_line(section: Section) -> str:
    """Chords phrase by phrase, and how each phrase ends."""
    phrases, first = [], 0
    for bars, cadence in zip(section.phrases or (section.bars,), section.cadences, strict=True):
        phrases.append(" | ".join(section.chords[first : first + bars]) + (f" ({cadence})" if cadence else ""))
        first += bars
    return f"harmony in {section.key}: {' || '.join(phrases)}"


def _swell_line(section: Section, plan: Plan) -> str:
    swells = [h for h in plan.hairpins if section.first_bar <= h.bar <= section.last_bar]
    told = [f"{h.start} to {h.end} in bars {h.bar}-{h.to_bar}" for h in swells]
    return f"dynamics: {', '.join(told)}" if told else ""


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
    """prompt.txt: Key, Genre, Mood, Tempo, Instruments and about thirty words on atmosphere, rhythm and melody, as text-to-audio systems take it."""
    bars: dict[str, int] = {}
    for section in plan.sections:
        bars[section.mood] = bars.get(section.mood, 0) + section.bars
    moods = sorted(bars, key=lambda name: -bars[name])
    loud = max(plan.sections, key=lambda s: (s.form == "climax", s.density))
    singer = plan.part(plan.themes[0].part).info.name if plan.themes else plan.parts[0].info.name
    metres = [bar.metre for bar in plan.bars]
    rhythm = f"{max(dict.fromkeys(metres), key=metres.count)} at {plan.tempo.mean_qpm:.0f} BPM, strongest in bars {loud.first_bar} to {loud.last_bar}"
    accents = "; accents land on the cuts" if plan.hits else ""
    body = f"{MOODS[moods[0]].words.capitalize()}. {rhythm}. A short motif in {singer} returns with the pictures{accents}."
    return (
        f"Key: {plan.key or plan.sections[0].key}\n"
        f"Genre: {plan.style or 'film score'}\n"
        f"Mood: {', '.join(moods)}\n"
        f"Tempo: {plan.tempo.mean_qpm:.0f} BPM\n"
        f"Instruments: {', '.join(part.info.name for part in plan.parts)}\n"
        f"{body}\n"
    )
