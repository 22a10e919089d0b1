"""A person's own words, as far as the rules understand them: instruments, moods, a key, how quick, a few styles, and who must not play.

«a lonely detective, noir, muted trumpet» names an ensemble, a mood and an instrument; «without brass or drums» refuses players. What is not
understood is told, not guessed at: for that there is `--planner llm`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from composer.instruments import ENSEMBLES, INSTRUMENTS, known_names
from composer.planner.refusals import Refusal, refusals, tokens_of
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
_FEELINGS = frozenset({*MOODS, *_PACE, *_PLAYERS, *(word for others in _MOODS.values() for word in others.split())})
#: names of instruments that mean something else as often
_EVERYDAY = ("lead", "keys", "bells", "bass", "drum", "voice", "pad")
_KEY = re.compile(
    r"(?P<said>\b(?:in|key of|key:)\s+)?\b(?P<tonic>[a-g])(?P<sign>#|b|♯|♭|[ -]sharp|[ -]flat)?[ -]"
    r"(?P<mode>major|minor|dorian|phrygian|lydian|mixolydian)\b",
    re.IGNORECASE,
)
_SIGNS = {"": "", "#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}
_STOPS = ",;.:!?()"


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
    #: the words that were understood: moods and tempi in order, then names, key and refusals
    understood: tuple[str, ...] = ()
    #: ids of instruments that must not play
    without: tuple[str, ...] = ()


def read_brief(text: str) -> Brief:
    """What the rules understand of a brief."""
    tokens = tokens_of(text)
    refused = refusals(tokens, _FEELINGS)
    words = _wanted(tokens, refused)
    named = _names_in(" ".join(words))
    styles = [_PLAYERS[word] for word in words if word in _PLAYERS]
    # an instrument named beside a style joins its ensemble
    players = tuple(dict.fromkeys([*(s for s in styles[:1] if s in ENSEMBLES), *named]))
    moods = [mood for word in words for mood, others in _MOODS.items() if word == mood or word in others.split()]
    mood = max(dict.fromkeys(moods), key=moods.count, default=None)
    pace = 1.0
    for word in words:
        pace *= _PACE.get(word, 1.0)
    key = _key_in(text)
    without = {instrument for one in refused for instrument in one.instruments}
    understood = [word for word in words if word in _FEELINGS] + named + ([key] if key else [])
    understood += [f"no {one.name}" for one in refused if one.instruments]
    return Brief(
        players,
        mood,
        key,
        min(1.3, max(0.75, pace)),
        tuple(dict.fromkeys(understood)),
        tuple(instrument for instrument in INSTRUMENTS if instrument in without),
    )


def _wanted(tokens: list[str], refused: list[Refusal]) -> list[str]:
    """The words that are not refused; a full stop stands where others were, so that nothing is read across the gap."""
    gone = {place for one in refused for place in range(one.first, one.after)}
    return ["." if place in gone or token in _STOPS else token for place, token in enumerate(tokens)]


def _key_in(text: str) -> str | None:
    """A key that is named in a text, e.g. "D minor"; «a minor incident» names none."""
    plain = " ".join(text.split())
    for found in _KEY.finditer(plain):
        if re.search(r"\b(?:no|not|never)\s+$", plain[: found.start()], re.IGNORECASE):
            continue
        closed = found.end() == len(plain) or plain[found.end()] in _STOPS
        said = bool(found["said"]) or found.start() == 0 or plain[: found.start()].rstrip()[-1] in _STOPS
        # the first letter of the alphabet is mostly an article
        if found["tonic"] == "a" and not (said and closed):
            continue
        if found["tonic"] == "A" and not (found["said"] or closed):
            continue
        sign = _SIGNS[(found["sign"] or "").strip(" -").lower()]
        return f"{found['tonic'].upper()}{sign} {found['mode'].lower()}"
    return None


def _names_in(plain: str) -> list[str]:
    """Instruments and ensembles named in a text, in its order; «muted trumpet» is not also a trumpet."""
    found: list[tuple[int, str]] = []
    rest = f" {plain} "
    for name in sorted(known_names(), key=lambda n: (-len(n), n)):
        if len(name) < 4 and name not in INSTRUMENTS:
            continue
        place = rest.find(f" {name.replace('_', ' ')} ")
        if place >= 0 and name not in _EVERYDAY:
            found.append((place, name))
            rest = rest.replace(f" {name.replace('_', ' ')} ", " " + "." * len(name) + " ")
    return [name for _, name in sorted(found)]
