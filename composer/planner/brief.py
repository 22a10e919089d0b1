"""A person's own words, as far as the rules understand them: instruments, moods, a key, how quick, and a few styles.

«a lonely detective, noir, muted trumpet» names an ensemble, a mood and an instrument. What is not understood is told, not guessed at: for
that there is `--planner llm`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from composer.instruments import ENSEMBLES, INSTRUMENTS, known_names
from composer.theory.moods import MOODS

#: words that say a mood
_MOODS = {
    "heroic": "hero heroes triumphant victorious victory epic noble majestic brave",
    "playful": "funny comic comedy cheeky whimsical cartoon quirky silly",
    "hopeful": "hope optimistic uplifting inspiring sunrise bright warm",
    "tender": "love romantic romance intimate gentle loving sweet wedding baby",
    "peaceful": "calm quiet serene relaxing relaxed still meditative dreamy ambient",
    "reflective": "thoughtful nostalgic memory memories wistful contemplative pensive",
    "sad": "lonely lonesome melancholy melancholic grief mourning loss tragic funeral sorrow",
    "mysterious": "mystery noir detective magical enigmatic strange eerie secret uncanny",
    "tense": "suspense suspenseful thriller nervous anxious spy heist",
    "fearful": "horror scary terror dread ghost haunted nightmare creepy",
    "furious": "angry rage war battle fight violent aggressive",
    "exciting": "action chase energetic thrilling adventure sport sports race fast-paced",
}
#: words that say who plays, beside the names of instruments and ensembles
_PLAYERS = {"noir": "noir", "detective": "noir", "horror": "horror", "comedy": "comedy", "epic": "epic", "trailer": "epic", "western": "western", "jazz": "jazz", "folk": "folk", "baroque": "baroque", "electronic": "electronic", "techno": "electronic", "fantasy": "fantasy", "fairy": "fantasy", "romance": "romance"}  # fmt: skip
#: words that push the tempo, as factors
_PACE = {
    "slow": 0.85,
    "slowly": 0.85,
    "calm": 0.92,
    "lento": 0.8,
    "fast": 1.15,
    "quick": 1.12,
    "driving": 1.12,
    "urgent": 1.15,
    "presto": 1.25,
}
_KEY = re.compile(r"\b([A-G](?:#|b| sharp| flat)?) (major|minor|dorian|phrygian|lydian|mixolydian)\b")
_NOT = re.compile(r"\b(?:no|not|without|never)\s+(?:the\s+|any\s+)?([a-z_]+(?:\s[a-z_]+)?)")


@dataclass(frozen=True)
class Brief:
    """What was understood."""

    #: words of `--instruments`; empty = nothing said
    instruments: tuple[str, ...] = ()
    #: a mood that the whole film leans to; None = nothing said
    mood: str | None = None
    #: e.g. "D minor"; None = nothing said
    key: str | None = None
    #: factor on every tempo
    pace: float = 1.0
    #: the words that were understood, in order
    understood: tuple[str, ...] = ()


def read_brief(text: str) -> Brief:
    """What the rules understand of a brief."""
    plain = " ".join(re.findall(r"[a-z0-9#_-]+", text.lower()))
    refused = {word for phrase in _NOT.findall(plain) for word in (phrase, phrase.split()[0])}
    words = [word for word in plain.split() if word not in refused]
    named = [name for name in _names_in(plain) if name.replace("_", " ") not in refused]
    styles = [_PLAYERS[word] for word in words if word in _PLAYERS]
    # an instrument named beside a style joins its ensemble
    players = tuple(dict.fromkeys([*(s for s in styles[:1] if s in ENSEMBLES), *named]))
    moods = [mood for word in words for mood, others in _MOODS.items() if word == mood or word in others.split()]
    mood = max(dict.fromkeys(moods), key=moods.count, default=None)
    pace = 1.0
    for word in words:
        pace *= _PACE.get(word, 1.0)
    key = _KEY.search(text)
    every = {*_PLAYERS, *_PACE, *MOODS, *(w for others in _MOODS.values() for w in others.split())}
    understood = [word for word in words if word in every] + [name for name in named if name not in words]
    return Brief(players, mood, key.group(0) if key else None, min(1.3, max(0.75, pace)), tuple(dict.fromkeys([*understood, *named])))


def _names_in(plain: str) -> list[str]:
    """Instruments and ensembles named in a text, in its order; «muted trumpet» is not also a trumpet."""
    found: list[tuple[int, str]] = []
    rest = f" {plain} "
    for name in sorted(known_names(), key=lambda n: (-len(n), n)):
        if len(name) < 4 and name not in INSTRUMENTS:
            continue
        place = rest.find(f" {name.replace('_', ' ')} ")
        if place >= 0 and name not in ("lead", "keys", "bells", "bass", "drum", "voice", "pad"):
            found.append((place, name))
            rest = rest.replace(f" {name.replace('_', ' ')} ", " " + "." * len(name) + " ")
    return [name for _, name in sorted(found)]
