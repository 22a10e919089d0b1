"""Refusals in a person's brief: «without brass or drums», «no loud percussion», «not too sad».

Conventions
-----------
A text is a list of tokens: words in lower case, and marks of punctuation. A refusal swallows the thing it names, and what is listed with it
(«x, y or z»; after «without» also «x, y and z»), as long as all of them are players or none is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from composer.instruments import ENSEMBLES, INSTRUMENTS, expand, known_names

_REFUSING = ("no", "not", "without", "never", "neither", "nor", "don't", "avoid", "minus")
_FILLING = frozenset(
    (
        "too",
        "very",
        "so",
        "really",
        "quite",
        "overly",
        "that",
        "much",
        "many",
        "more",
        "any",
        "the",
        "a",
        "an",
        "of",
        "all",
        "use",
        "be",
        "with",
    )
)
#: after these a «not» refuses nothing: «not only sad»
_LIMITING = ("only", "just")
_JOINING = ("or", "nor")
#: words for voices beside the names of instruments
_VOICES = frozenset(("vocals", "voices", "voice", "vocal", "singing", "singers", "singer"))
_DRUMS = ("drum", "drums", "drumming")
_WORD = re.compile(r"[a-z0-9#♯♭_][a-z0-9#♯♭_'-]*|[,;.:!?()]")
#: words of the longest name
_LONGEST = 3


@dataclass(frozen=True)
class Refusal:
    """Something that is not wanted."""

    #: as it was written, e.g. "brass" or "sad"
    name: str
    #: ids of the instruments that must not play; empty for a feeling, or what nobody knows
    instruments: tuple[str, ...]
    #: the tokens it takes: the first, and the one after the last
    first: int
    after: int


def tokens_of(text: str) -> list[str]:
    """Words in lower case and marks of punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))


def refusals(tokens: Sequence[str], feelings: Collection[str]) -> list[Refusal]:
    """What a text refuses, in its order; `feelings` are the words beside the players' names that mean something."""
    found: list[Refusal] = []
    place = 0
    while place < len(tokens):
        if tokens[place] not in _REFUSING:
            place += 1
            continue
        listed = _list(tokens, place, feelings)
        found += listed
        place = listed[-1].after if listed else place + 1
    return found


def _list(tokens: Sequence[str], place: int, feelings: Collection[str]) -> list[Refusal]:
    """What the refusing word at a place refuses: one thing, or a list of things of one kind."""
    first = _thing(tokens, place + 1, place, feelings)
    if first is None:
        return []
    found, waiting = [first], list[Refusal]()
    joining = (*_JOINING, "and") if first.instruments else _JOINING
    ends = joining if tokens[place] == "without" else _JOINING  # «no drums, piano and strings» wants the strings
    at = first.after
    while at < len(tokens) and tokens[at] in (",", *joining):
        commas = tokens[at] == ","
        joins = at + 1 if commas and tokens[at + 1 : at + 2] and tokens[at + 1] in joining else at
        following = _thing(tokens, joins + 1, at, feelings)
        if following is None or bool(following.instruments) != bool(first.instruments) or not _is_known(following, feelings):
            break
        waiting.append(following)
        if tokens[joins] in (ends if len(waiting) > 1 else joining):
            found, waiting = [*found, *waiting], []
        elif not commas:
            break
        at = following.after
    return found


def _is_known(one: Refusal, feelings: Collection[str]) -> bool:
    return bool(one.instruments) or one.name in feelings


def _thing(tokens: Sequence[str], at: int, first: int, feelings: Collection[str]) -> Refusal | None:
    """The thing that is named from a token on, after words that only fill; an adjective nobody knows may stand before a player."""
    while at < len(tokens) and tokens[at] in _FILLING:
        at += 1
    if at >= len(tokens) or not tokens[at][0].isalnum() or tokens[at] in (*_LIMITING, *_REFUSING):
        return None
    for begins in (at, at + 1):
        for size in range(_LONGEST, 0, -1):
            name = " ".join(tokens[begins : begins + size])
            if begins + size <= len(tokens) and (players := refused_players(name)):
                return Refusal(name, players, first, begins + size)
        if tokens[at] in feelings:
            break
    return Refusal(tokens[at], (), first, at + 1)


@functools.cache
def refused_players(name: str) -> tuple[str, ...]:
    """Ids of all who must not play when a name is refused: a family whole, an instrument alone or in a section (violin, violins).

    Empty for words that name no players, and for ensembles of several families: to refuse jazz is not to refuse the piano.
    """
    word = name.replace(" ", "_").replace("-", "_")
    if word in _DRUMS:
        return tuple(i.id for i in INSTRUMENTS.values() if i.is_drum or i.id == "timpani")
    if word in _VOICES:
        return tuple(i.id for i in INSTRUMENTS.values() if i.family == "choir")
    if word not in known_names():
        return ()
    meant = expand([word])
    family = meant[0].family
    if family in ENSEMBLES and meant == expand([family]):
        return tuple(i.id for i in INSTRUMENTS.values() if i.family == family)
    if len(meant) > 1:
        return ()
    if "_" in word:
        return (meant[0].id,)
    own = meant[0].id.rstrip("_12")
    stems = {_stem(word), _stem(own)}  # an own name of two words is no other player's
    return tuple(i for i in INSTRUMENTS if i == meant[0].id or stems & {_stem(part) for part in i.split("_")})


def _stem(word: str) -> str:
    """A name without the ending of its plural."""
    return word.removesuffix("es") if word.endswith("sses") else word if word.endswith("ss") else word.removesuffix("s")
