"""Techniques: who plucks, trembles or puts the mute on, section by section; sparingly, and never the tune of a broad theme.

| technique | who | where |
|---|---|---|
| pizzicato | strings with a figure, a bass or chords | playful sections up to mf; figure or bass of soft gentle or furtive ones |
| tremolo | strings with chords or pads | fear; tension, and what grows into a louder section: the upper two at most |
| mute | trumpets | soft and lonely or dark |

Except where the texture is made of short notes, some strings stay with the bow. No technique goes on through many sections. A section that
lasts less than two bars changes nothing, nor does one that is locked or in which a person has said how to play. Same seed and same theme in
the same mood: same choice. Practice after Adler, *The Study of Orchestration* (4th ed.).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from composer.instruments import Technique
from composer.plan import DYNAMICS, Part, Plan, Section
from composer.planner.orchestration import SPOKEN
from composer.theory.moods import MOODS

#: a change of technique lasts so many bars at least
_LEAST_BARS = 2
#: mood → loudest dynamics, chance that a figure is plucked, chance that else the bass is
_PLUCKED: dict[str, tuple[str, float, float]] = {
    "playful": ("mf", 0.9, 0.9),
    "mysterious": ("mp", 0.7, 0.6),
    "reflective": ("mp", 0.5, 0.3),
    "hopeful": ("mp", 0.4, 0.3),
    "tender": ("mp", 0.4, 0.25),
    "tense": ("p", 0.6, 0.5),
}
#: roles in which strings may be plucked, and in which they may tremble
_FIGURES, _CHORDS = frozenset({"ostinato", "bass", "harmony"}), frozenset({"harmony", "pad"})
#: moods whose chords tremble above so much tension (fear trembles in any case), how many players at most, in how many of such sections
_TREMBLING, _TENSION, _TREMBLERS, _TREMBLE_CHANCE = ("tense", "furious", "mysterious", "exciting"), 0.5, 2, 0.75
#: moods of a muted trumpet, the loudest dynamics it suits, and in how many of such sections
_MUTED, _MUTED_MOST, _MUTE_CHANCE = ("sad", "mysterious", "fearful", "reflective", "tense"), "mp", 0.85


@dataclass(frozen=True)
class _Choice:
    """A technique, for some parts of a section."""

    technique: Technique
    parts: tuple[Part, ...]
    #: a few words
    why: str
    #: how many sections in a row may have it
    most_in_a_row: int = 3


def with_techniques(plan: Plan) -> Plan:
    """The plan with `Section.techniques` filled, and a reason for each choice; what a person wrote or locked stays."""
    sections: list[Section] = []
    reasons: list[str] = []
    for section in plan.sections:
        chosen = [] if section.id in plan.locked or section.techniques or section.bars < _LEAST_BARS else _choices(section, plan)
        chosen = [one for one in chosen if _in_a_row(one.technique, sections) < one.most_in_a_row]
        sections.append(replace(section, techniques={part.id: one.technique for one in chosen for part in one.parts} or section.techniques))
        reasons += [
            f"playing: {section.id} {', '.join(p.info.name for p in one.parts)} {_told(one.technique)} ({one.why})" for one in chosen
        ]
    return replace(plan, sections=tuple(sections), reasons=(*plan.reasons, *reasons))


def _in_a_row(technique: Technique, before: Sequence[Section]) -> int:
    """How many of the last sections have a technique, without a gap."""
    return len(list(itertools.takewhile(lambda section: technique in section.techniques.values(), reversed(before))))


def _told(technique: Technique) -> str:
    return "muted" if technique == "mute" else technique


def _choices(section: Section, plan: Plan) -> list[_Choice]:
    """Who plays otherwise than usual in a section; every part at most once."""
    rng = random.Random(f"techniques/{plan.seed}/{section.theme}/{section.mood}")
    chances = [rng.random() for _ in range(4)]  # drawn in any case, so that one choice does not change the next
    able = {part: _roles(part, section) for part in plan.parts}
    able = {part: roles for part, roles in able.items() if roles}
    found = [
        _muted(section, able, chances[0]),
        _trembling(section, plan, able, chances[1]),
        _plucked(section, plan, able, chances[2], chances[3]),
    ]
    return [one for one in found if one is not None]


def _roles(part: Part, section: Section) -> frozenset[str]:
    """What a part plays in a section, or whom it doubles plays."""
    leader, way = part.id, {part.id}
    while (leader := section.doubles.get(leader, leader)) not in way:
        way.add(leader)
    return frozenset(role for role, players in section.roles.items() if part.id in players or leader in players)


def _is_up_to(section: Section, dynamics: str) -> bool:
    return DYNAMICS.index(section.dynamics) <= DYNAMICS.index(dynamics)


def _muted(section: Section, able: Mapping[Part, frozenset[str]], chance: float) -> _Choice | None:
    players = tuple(part for part in able if "mute" in part.info.techniques)
    dark = section.mood in _MUTED and _is_up_to(section, _MUTED_MOST) and section.form != "climax"
    return _Choice("mute", players, f"soft and {section.mood}") if players and dark and chance < _MUTE_CHANCE else None


def _trembling(section: Section, plan: Plan, able: Mapping[Part, frozenset[str]], chance: float) -> _Choice | None:
    """Chords under fear, tension or growth."""
    players = [part for part, roles in able.items() if roles <= _CHORDS and "tremolo" in part.info.techniques]
    feelings = plan.bars[section.first_bar - 1 : section.last_bar]
    tension, speech = (sum(values) / len(feelings) for values in ([b.tension for b in feelings], [b.speech for b in feelings]))
    if not players or speech >= SPOKEN:
        return None
    if MOODS[section.mood].texture == "tremolo":
        return _Choice("tremolo", tuple(players), "fear trembles in the chords", 2)
    tense = section.mood in _TREMBLING and tension >= _TENSION
    if not (tense or _grows(section, plan)) or chance >= _TREMBLE_CHANCE:
        return None
    upper = sorted(players, key=lambda part: -part.info.comfortable[0])[: min(_TREMBLERS, max(1, len(players) - 1))]
    return _Choice("tremolo", tuple(part for part in players if part in upper), "tension" if tense else "growing into what follows", 1)


def _grows(section: Section, plan: Plan) -> bool:
    """Whether a section on the way up leads into a louder one by a crescendo."""
    following = next((s for s in plan.sections if s.first_bar == section.last_bar + 1 and s.cue == section.cue), None)
    louder = following is not None and DYNAMICS.index(following.dynamics) > DYNAMICS.index(section.dynamics)
    led = any(h.to_bar == section.last_bar + 1 and DYNAMICS.index(h.end) > DYNAMICS.index(h.start) for h in plan.hairpins)
    return section.form in ("build", "opening") and louder and led and MOODS[section.mood].arousal > 0 and section.mood != "playful"


def _plucked(section: Section, plan: Plan, able: Mapping[Part, frozenset[str]], figure: float, bass: float) -> _Choice | None:
    """Light figures, basses and chords; in dry textures all of these, elsewhere the figure or the bass."""
    most, of_figure, of_bass = _PLUCKED.get(section.mood, ("pp", 0.0, 0.0))
    players = [part for part, roles in able.items() if roles <= _FIGURES and "pizzicato" in part.info.techniques]
    if not players or not _is_up_to(section, most) or section.form == "climax":
        return None
    light = MOODS[section.mood].texture == "staccato"
    if light and figure < of_figure:
        return _Choice("pizzicato", tuple(players), f"light and {section.mood}")
    for roles, chance, of, why in (({"ostinato"}, figure, of_figure, "a light figure"), ({"bass"}, bass, of_bass, "a light bass")):
        chosen = tuple(part for part in players if able[part] == roles)
        if chosen and chance < of and _is_bow_left(chosen, able):
            return _Choice("pizzicato", chosen, f"{why}, soft and {section.mood}")
    return None


def _is_bow_left(chosen: Sequence[Part], able: Mapping[Part, frozenset[str]]) -> bool:
    """Whether somebody still sustains: all strings are never plucked at once outside dry textures."""
    return any(not part.info.decays and part not in chosen for part in able)
