"""Orchestration: who plays which role in a section, who doubles whom.

Never more than the instruments asked for, and never one of them silent through the whole film. Roles are given in the order in which a
listener misses them: bass, melody, harmony, then motion and counter-line. The instrument table says who does a role well. Who plays at all
follows the arc: few open, more build, everybody at the climax, few close; now and then one sings alone over held chords. Under speech
nobody runs and nobody sings where voices are: figures, counter-lines and drums rest, the tune goes to whoever reaches below the voice.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from composer.instruments import Role
from composer.plan import Form, Part
from composer.theory.moods import Mood
from composer.under_speech import BAND

#: from this share of speech on a section makes room for the voice
SPOKEN = 0.35
#: share of the players a section's place in the whole adds or takes
_PLAYERS: dict[Form, float] = {
    "whole": 0.0,
    "opening": -0.15,
    "build": 0.0,
    "respite": -0.2,
    "climax": 0.25,
    "release": -0.1,
    "ending": -0.05,
}
#: moods in which somebody may sing alone, and how often that is
_SOLO, _SOLO_CHANCE = ("tender", "sad", "reflective", "mysterious", "peaceful"), 0.4


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
class Ask:
    """What a section asks of the players."""

    mood: Mood
    #: 0 bare … 1 full
    density: float
    #: −1…1
    arousal: float
    form: Form
    #: share of its time in which somebody speaks
    speech: float = 0.0
    #: everybody plays
    tutti: bool = False

    @property
    def is_spoken(self) -> bool:
        """Whether music has to make room for a voice."""
        return self.speech >= SPOKEN


@dataclass(frozen=True)
class Voices:
    """Who has sung so far."""

    #: the part that carried this theme before and carries it again; None for a new theme
    carrier: str | None = None
    #: parts that carried other themes: they step back for a fresh voice
    used: frozenset[str] = frozenset()


def cast(parts: Sequence[Part], ask: Ask, rng: random.Random, voices: Voices) -> Casting:
    """Give roles for one section."""
    drums = [p for p in parts if p.info.roles[0] == "percussion"]
    pitched = [p for p in parts if p not in drums]
    casting = Casting()
    for part in drums:
        if ask.tutti or not pitched or (ask.arousal > -0.15 and not ask.is_spoken and ask.form not in ("respite",)):
            casting.give("percussion", part)
    active = pitched if ask.tutti else _active(pitched, ask, rng)
    if not active:
        return casting
    if len(active) == 1:
        _solo(casting, active[0])
        return casting
    free = list(active)
    bass = _take(free, "bass", lambda p: _grounding(p) + 0.2 * rng.random())
    if bass is not None:
        casting.give("bass", bass)
        if _is_keyboard(bass):
            casting.give("harmony", bass)  # two hands: the left one took the bass
    melody = _take(free, "melody", lambda p: _singing(p, ask, voices) + 0.45 * rng.random())
    if melody is not None:
        casting.give("melody", melody)
    alone = ask.mood.name in _SOLO and ask.density < 0.45 and not ask.tutti and rng.random() < _SOLO_CHANCE
    _fill_middle(casting, free, ask, rng, moving=not alone)
    _double(casting, active, melody, bass, rng, alone=alone)
    _cover(casting, active)
    return casting


def _active(parts: list[Part], ask: Ask, rng: random.Random) -> list[Part]:
    """The instruments that play at all: as many as density and arc ask, the mood's families first."""
    share = 0.45 + 0.6 * ask.density + _PLAYERS[ask.form] - (0.2 if ask.is_spoken else 0.0)
    count = max(min(3, len(parts)), math.ceil(len(parts) * share))
    if count >= len(parts):
        return parts
    lowest = min(parts, key=lambda p: p.info.comfortable[0] if "bass" in p.info.roles else 100)
    ranked = sorted(parts, key=lambda p: (p is not lowest, -_voice_of(p, ask.mood) - 0.35 * rng.random()))
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


def _singing(part: Part, ask: Ask, voices: Voices) -> float:
    """How much a part should have the tune here."""
    bright = (part.info.comfortable[1] - 76) / 24  # a high voice carries over a loud orchestra
    low, high = part.info.comfortable
    below = 1.5 * min(1.0, max(0, BAND[0] - low) / max(1, high - low)) if ask.is_spoken else 0.0
    return (
        skill(part, "melody")
        + _voice_of(part, ask.mood)
        + 0.5 * max(0.0, ask.arousal) * bright
        + below
        + (2.0 - below if part.id == voices.carrier else -0.7 if part.id in voices.used else 0.0)
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


def _fill_middle(casting: Casting, free: list[Part], ask: Ask, rng: random.Random, *, moving: bool) -> None:
    voices = 0
    restless = ask.mood.texture in ("drive", "pulse", "staccato", "flowing", "shimmer", "march") and ask.arousal > -0.6
    if moving and restless and not ask.is_spoken and len(free) > 1:
        runner = _take(free, "ostinato", lambda p: skill(p, "ostinato") + 0.5 * _voice_of(p, ask.mood) + 0.3 * rng.random())
        if runner is not None:
            casting.give("ostinato", runner)
    if moving and len(free) > 2 and ask.density > 0.35 and not ask.is_spoken:
        second = _take(free, "counter", lambda p: skill(p, "counter") + 0.35 * rng.random())
        if second is not None:
            casting.give("counter", second)
    for part in sorted(free, key=lambda p: -skill(p, "harmony")):
        role: Role = "pad" if part.info.roles[0] == "pad" else "harmony"
        if skill(part, role) > 0 and voices < 7:
            casting.give(role, part)
            voices += min(part.info.polyphony, 3)
            free.remove(part)


def _double(casting: Casting, active: Sequence[Part], melody: Part | None, bass: Part | None, rng: random.Random, *, alone: bool) -> None:
    """Whoever is left strengthens the bass from below or the tune from the side; beside a solo nobody plays the tune."""
    for part in active:
        if casting.is_busy(part):
            continue
        if bass is not None and "bass" in part.info.roles:
            casting.doubles[part.id] = bass.id
        elif melody is not None and not (alone and rng.random() < 0.8):
            casting.doubles[part.id] = melody.id
        elif skill(part, "harmony") > 0 or melody is None:
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


def told(
    casting: Casting, roles: Mapping[str, Sequence[str]], doubles: Mapping[str, str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """A casting in which told roles (role → part ids, nobody where empty) and doublings take the place of its own; the rest stays."""
    busy = {p for players in roles.values() for p in players} | set(doubles)
    merged = {role: tuple(p for p in players if p not in busy) for role, players in casting.roles.items()}
    merged |= {role: tuple(players) for role, players in roles.items()}
    merged = {role: players for role, players in merged.items() if players}
    playing = {p for players in merged.values() for p in players}
    follows = {one: other for one, other in {**casting.doubles, **doubles}.items() if one not in playing and other in playing}
    return merged, follows


def joined(
    roles: dict[str, tuple[str, ...]], doubles: dict[str, str], silent: Sequence[Part]
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Roles and doublings with those added who would not be heard at all, each in what it does best."""
    roles, doubles = dict(roles), dict(doubles)
    for part in silent:
        role = part.info.roles[0]
        leader = next(iter(roles.get("melody", ())), None)
        if role == "melody" and leader is not None:
            doubles[part.id] = leader
        else:
            roles[role] = (*roles.get(role, ()), part.id)
    return roles, doubles


#: what suits a film of each mood, in words of `--instruments`
_SUITING: dict[str, tuple[tuple[str, ...], ...]] = {
    "heroic": (("strings", "brass", "timpani"), ("strings", "brass", "choir", "percussion"), ("strings", "horns", "trumpets", "woodwinds", "timpani")),
    "furious": (("strings", "brass", "percussion"), ("strings", "trombones", "tuba", "horns", "percussion"), ("hybrid", "timpani")),
    "exciting": (("strings", "brass", "percussion"), ("strings", "woodwinds", "horns", "trumpets", "percussion"), ("hybrid",)),
    "tense": (("strings", "trombones", "horns", "timpani"), ("strings", "piano", "horns", "percussion"), ("strings", "synth_pad", "synth_bass", "timpani")),
    "fearful": (("tremolo_strings", "cellos", "contrabasses", "trombones", "choir"), ("strings", "trombones", "celesta", "choir"), ("strings", "clarinet", "tuba", "synth_pad")),
    "mysterious": (("strings", "celesta", "clarinet", "harp"), ("strings", "vibraphone", "flute", "harp"), ("cello", "choir", "harp", "celesta", "contrabasses", "violas")),
    "playful": (("flute", "clarinet", "bassoon", "pizzicato_strings", "xylophone"), ("clarinet", "oboe", "bassoon", "pizzicato_strings", "glockenspiel"), ("woodwinds", "pizzicato_strings", "marimba", "tuba")),
    "hopeful": (("strings", "piano", "horns"), ("strings", "guitar", "flute", "horns"), ("strings", "harp", "clarinet", "horns")),
    "tender": (("strings", "piano", "oboe"), ("strings", "harp", "english_horn"), ("piano", "violin", "cello", "clarinet")),
    "peaceful": (("strings", "harp", "flute"), ("strings", "choir", "harp"), ("piano", "strings", "clarinet")),
    "reflective": (("piano", "strings"), ("piano", "clarinet", "cello", "strings"), ("guitar", "violin", "cello", "contrabass")),
    "sad": (("piano", "cello", "strings"), ("strings", "english_horn", "harp"), ("violin", "viola", "cello", "piano")),
}  # fmt: skip


def choose_instruments(mood: Mood, rng: random.Random) -> tuple[str, ...]:
    """What the planner takes when nobody asked: one of the ensembles that suit the film's mood."""
    return rng.choice(_SUITING[mood.name])
