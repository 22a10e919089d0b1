"""Orchestration: who plays which role in a section, who doubles whom.

Never more than the instruments asked for, and never one of them silent through the whole film. Roles are given in the order in which a
listener misses them: bass, melody, harmony, then motion and counter-line. The instrument table says who does a role well.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from composer.instruments import Role
from composer.plan import Part
from composer.theory.moods import Mood


@dataclass
class Casting:
    """Roles of one section while they are being given out."""

    roles: dict[str, list[str]] = field(default_factory=dict)
    doubles: dict[str, str] = field(default_factory=dict)

    def give(self, role: Role, part: Part) -> None:
        """Let a part play a role."""
        players = self.roles.setdefault(role, [])
        if part.id not in players:
            players.append(part.id)

    def is_busy(self, part: Part) -> bool:
        """Whether the part plays already."""
        return part.id in self.doubles or any(part.id in players for players in self.roles.values())


def skill(part: Part, role: Role) -> float:
    """How well a part plays a role: 1 for its first, less for later ones, 0 for what it does not do."""
    roles = part.info.roles
    return 1.0 - 0.15 * roles.index(role) if role in roles else 0.0


@dataclass(frozen=True)
class Voices:
    """Who has sung so far."""

    #: the part that carried this theme before and carries it again; None for a new theme
    carrier: str | None = None
    #: parts that carried other themes: they step back for a fresh voice
    used: frozenset[str] = frozenset()


def cast(parts: Sequence[Part], mood: Mood, density: float, arousal: float, rng: random.Random, voices: Voices, *, tutti: bool) -> Casting:
    """Give roles for one section; `tutti` lets everybody play."""
    drums = [p for p in parts if p.info.roles[0] == "percussion"]
    pitched = [p for p in parts if p not in drums]
    casting = Casting()
    for part in drums:
        if tutti or arousal > -0.15 or not pitched:
            casting.give("percussion", part)
    active = pitched if tutti else _active(pitched, mood, density, rng)
    if not active:
        return casting
    if len(active) == 1:
        _solo(casting, active[0])
        return casting
    free = list(active)
    bass = _take(free, "bass", _grounding)
    if bass is not None:
        casting.give("bass", bass)
        if _is_keyboard(bass):
            casting.give("harmony", bass)  # two hands: the left one took the bass
    melody = _take(free, "melody", lambda p: _singing(p, mood, voices, arousal) + 0.25 * rng.random())
    if melody is not None:
        casting.give("melody", melody)
    _fill_middle(casting, free, mood, density, arousal, rng)
    _double(casting, active, melody, bass)
    _cover(casting, active)
    return casting


def _active(parts: list[Part], mood: Mood, density: float, rng: random.Random) -> list[Part]:
    """The instruments that play at all: as many as the density asks, the mood's families first."""
    count = max(min(3, len(parts)), math.ceil(len(parts) * (0.45 + 0.6 * density)))
    if count >= len(parts):
        return parts
    lowest = min(parts, key=lambda p: p.info.comfortable[0] if "bass" in p.info.roles else 100)
    ranked = sorted(parts, key=lambda p: (p is not lowest, -_voice_of(p, mood) - 0.2 * rng.random()))
    return [p for p in parts if p in ranked[:count]]


def _voice_of(part: Part, mood: Mood) -> float:
    """How much this mood likes the part's family, 0…0.6."""
    return 0.6 - 0.15 * mood.families.index(part.info.family) if part.info.family in mood.families else 0.0


def _is_keyboard(part: Part) -> bool:
    """Struck or plucked, with several notes at once: it can carry bass and chords alone."""
    return part.info.decays and part.info.polyphony >= 4 and "harmony" in part.info.roles


def _grounding(part: Part) -> float:
    """How much a part should have the bass: born basses first, then keyboards, then whoever reaches down."""
    born = 0.6 if part.info.roles[0] == "bass" else 0.45 if _is_keyboard(part) and "bass" in part.info.roles else 0.0
    return skill(part, "bass") + born - part.info.comfortable[0] / 60


def _singing(part: Part, mood: Mood, voices: Voices, arousal: float) -> float:
    """How much a part should have the tune here."""
    bright = (part.info.comfortable[1] - 76) / 24  # a high voice carries over a loud orchestra
    return (
        skill(part, "melody")
        + _voice_of(part, mood)
        + 0.5 * max(0.0, arousal) * bright
        + (2.0 if part.id == voices.carrier else -0.35 if part.id in voices.used else 0.0)
    )


def _take(free: list[Part], role: Role, rank: Callable[[Part], float]) -> Part | None:
    able = [p for p in free if skill(p, role) > 0]
    if not able:
        return None
    best = max(able, key=rank)
    free.remove(best)
    return best


def _solo(casting: Casting, part: Part) -> None:
    """One instrument alone: a melody line with its own bass between the phrases; keyboards play everything."""
    wanted: tuple[Role, ...] = ("melody", "bass") if part.info.polyphony < 3 else ("melody", "harmony", "bass")
    for role in wanted:
        if skill(part, role) > 0 or role == "melody":
            casting.give(role, part)


def _fill_middle(casting: Casting, free: list[Part], mood: Mood, density: float, arousal: float, rng: random.Random) -> None:
    voices = 0
    moving = mood.texture in ("drive", "pulse", "staccato", "flowing", "shimmer", "march") and arousal > -0.6
    if moving and len(free) > 1:
        runner = _take(free, "ostinato", lambda p: skill(p, "ostinato") + 0.5 * _voice_of(p, mood) + 0.1 * rng.random())
        if runner is not None:
            casting.give("ostinato", runner)
    if len(free) > 2 and density > 0.35:
        second = _take(free, "counter", lambda p: skill(p, "counter") + 0.2 * rng.random())
        if second is not None:
            casting.give("counter", second)
    for part in sorted(free, key=lambda p: -skill(p, "harmony")):
        role: Role = "pad" if part.info.roles[0] == "pad" else "harmony"
        if skill(part, role) > 0 and voices < 7:
            casting.give(role, part)
            voices += min(part.info.polyphony, 3)
            free.remove(part)


def _double(casting: Casting, active: Sequence[Part], melody: Part | None, bass: Part | None) -> None:
    """Whoever is left strengthens the bass from below or the tune from the side."""
    for part in active:
        if casting.is_busy(part):
            continue
        if bass is not None and "bass" in part.info.roles:
            casting.doubles[part.id] = bass.id
        elif melody is not None:
            casting.doubles[part.id] = melody.id
        else:
            casting.give("harmony", part)


def _cover(casting: Casting, active: Sequence[Part]) -> None:
    """A role nobody took goes to whoever can play several lines at once (a piano under a cello)."""
    able = [p for p in active if p.info.polyphony >= 4]
    for role in ("melody", "harmony", "bass"):
        if not casting.roles.get(role):
            if role == "harmony" and casting.roles.get("pad"):
                continue
            player = max(able, key=lambda p: skill(p, role), default=None)
            if player is not None and skill(player, role) > 0:
                casting.give(role, player)
            elif role == "melody" and casting.roles:
                casting.give("melody", max(active, key=lambda p: p.info.comfortable[1]))


def choose_instruments(mood: Mood) -> tuple[str, ...]:
    """What the planner takes when nobody asked: an ensemble that suits the film's mood."""
    return {
        "heroic": ("strings", "brass", "timpani"),
        "furious": ("strings", "brass", "percussion"),
        "exciting": ("strings", "brass", "percussion"),
        "tense": ("strings", "trombones", "horns", "timpani"),
        "fearful": ("tremolo_strings", "cellos", "contrabasses", "trombones", "choir"),
        "mysterious": ("strings", "celesta", "clarinet", "harp"),
        "playful": ("flute", "clarinet", "bassoon", "pizzicato_strings", "xylophone"),
        "hopeful": ("strings", "piano", "horns"),
        "tender": ("strings", "piano", "oboe"),
        "peaceful": ("strings", "harp", "flute"),
        "reflective": ("piano", "strings"),
        "sad": ("piano", "cello", "strings"),
    }[mood.name]
