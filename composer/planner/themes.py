"""Themes: a motif for every look of the film, back again when similar shots come back, and changed as the feeling has changed.

A motif is made of a head that says the mood (what its first notes do: call, sigh, circle, climb, rock, tiptoe) and a tail that comes to rest.
How a theme returns (Schoenberg, *Fundamentals of Musical Composition*, 1967): in longer notes where it is calmer, in fragments while things
build up, in shorter notes where it is wilder, turned upside down where joy has become gloom; major or minor comes from the section's key.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from composer.plan import Form
from composer.theory.moods import Mood
from composer.theory.motif import Motif, MotifNote, Variation, motif_text

#: looks are the same enough for one theme from this cosine on
_ALIKE = 0.45
#: themes a film can tell apart: so many, and one more for every so many sections
_THEMES, _MORE_EVERY = 3, 6
_PLAIN: tuple[Variation, str] = ("plain", "")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Scenery:
    """What the choice of a theme has to know of a section."""

    #: seconds each look is seen in it
    looks: Mapping[int, float]
    mood: Mood
    valence: float
    arousal: float
    form: Form


@dataclass(frozen=True)
class Casting:
    """Which theme a section has, and how it comes."""

    letter: str
    variation: Variation
    #: look that the theme belongs to; None where the film has one look only
    look: int | None
    #: a few words
    why: str


def cast_themes(sections: Sequence[Scenery], rng: random.Random) -> list[Casting]:
    """The theme of every section."""
    found: list[Casting] = []
    first: dict[str, int] = {}  # letter → its first section
    seen: dict[str, dict[int, float]] = {}  # letter → seconds of each look under it
    telling = len({look for one in sections for look in one.looks}) > 1
    limit = min(len(LETTERS), _THEMES + len(sections) // _MORE_EVERY)
    for i, here in enumerate(sections):
        letter, why = _theme_for(here, sections, first, seen, rng, limit=limit, telling=telling)
        is_new = letter not in first
        first.setdefault(letter, i)
        for look, seconds in here.looks.items():
            under = seen.setdefault(letter, {})
            under[look] = under.get(look, 0.0) + seconds
        own = sections[first[letter]].looks
        before = found[-1].variation if found and found[-1].letter == letter else None
        variation, how = _PLAIN if is_new else _variation(sections[first[letter]], here, before)
        belongs = max(own, key=lambda n: (own[n], -n), default=None) if telling else None
        found.append(Casting(letter, variation, belongs, f"{why}{how}"))
    return found


def _theme_for(
    here: Scenery,
    sections: Sequence[Scenery],
    first: Mapping[str, int],
    seen: Mapping[str, Mapping[int, float]],
    rng: random.Random,
    *,
    limit: int,
    telling: bool,
) -> tuple[str, str]:
    if not first:
        return "A", "theme A is introduced"
    likeness = {letter: cosine(here.looks, looks) for letter, looks in seen.items()} if telling else {}
    best = max(likeness, key=lambda letter: (likeness[letter], letter), default="A")
    if likeness.get(best, 0.0) >= _ALIKE:
        return best, f"these pictures come back, and theme {best} with them"
    main = here.form in ("climax", "ending") and rng.random() < 0.6
    if main:
        return "A", f"the {here.form} has the first theme"
    same = [letter for letter, at in first.items() if sections[at].mood == here.mood]
    if same and (not telling or rng.random() < 0.3):
        return same[0], f"the mood of theme {same[0]}"
    if len(first) < limit:
        new = LETTERS[len(first)]
        return new, f"new pictures, theme {new}"

    def apart(letter: str) -> tuple[float, str]:
        other = sections[first[letter]]
        return math.hypot(other.valence - here.valence, other.arousal - here.arousal), letter

    near = min(first, key=apart)
    return near, f"theme {near} is nearest in feeling"


def cosine(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """How alike two sceneries are, 0…1."""
    product = sum(seconds * other.get(look, 0.0) for look, seconds in one.items())
    lengths = math.hypot(*one.values()) * math.hypot(*other.values()) if one and other else 0.0
    return product / lengths if lengths else 0.0


def _variation(first: Scenery, here: Scenery, before: Variation | None) -> tuple[Variation, str]:
    """How a theme returns; not twice running in one disguise (`before`: how it was heard last, if that was in the section before)."""
    brighter, wilder = here.valence - first.valence, here.arousal - first.arousal
    ways: list[tuple[Variation, str]] = []
    if brighter < -0.45:
        ways.append(("inverted", ", upside down: the feeling has turned"))
    if wilder < -0.3:
        ways.append(("augmented", ", in longer notes: it is calmer now"))
    if here.form == "build" or (wilder > 0.2 and here.form == "respite"):
        ways.append(("fragmented", ", in fragments that press on"))
    if wilder > 0.55:
        ways.append(("diminished", ", in shorter notes: it is wilder now"))
    ways.append(_PLAIN)
    return next(way for way in [*ways, ways[-1]] if way[0] != before or way is ways[-1])


# --- motifs -----------------------------------------------------------------------------------------------------------

#: heads in degrees, by what they do
_HEADS: dict[str, tuple[tuple[int, ...], ...]] = {
    "call": ((1, 5), (5, 8), (1, 5, 6, 5), (5, 1, 5, 8), (1, 3, 5), (5, 5, 8)),
    "sigh": ((6, 5), (5, 4, 3), (8, 7, 6, 5), (5, 6, 5, 3), (3, 2, 1), (5, 4, 5, 3)),
    "circle": ((1, 2, 1), (3, 2, 3), (5, 6, 5, 4), (1, 0, 1, 2), (5, 4, 5), (3, 4, 3, 2)),
    "climb": ((1, 2, 3, 5), (3, 4, 5), (1, 3, 4, 5), (5, 6, 7, 8), (1, 2, 5), (3, 5, 6)),
    "rock": ((3, 5, 3), (1, 3, 1), (5, 3, 6, 5), (5, 3, 4, 2), (1, 5, 3)),
    "tiptoe": ((1, 3, 5, 3), (5, 4, 3, 4), (1, 2, 3, 1), (5, 8, 5, 3), (3, 1, 3, 5)),
}
#: tails from the head's last note: steps relative to it
_TAILS = ((-1, -2), (1, 0), (-1, 0), (2, 1), (-2, -1), (1, 2), (-1,), (2,), (-2,), (1,))
#: degrees on which a tail may come to rest: the chord of the tonic, or the second as a question
_RESTING = (1, 2, 3, 5, 8)
_GESTURES = {
    "heroic": ("call", "climb"), "playful": ("tiptoe", "rock"), "hopeful": ("climb", "call"), "tender": ("rock", "sigh", "climb"),
    "peaceful": ("rock", "circle"), "reflective": ("circle", "rock"), "sad": ("sigh", "circle"), "mysterious": ("circle", "tiptoe"),
    "tense": ("circle", "climb"), "fearful": ("circle", "sigh"), "furious": ("climb", "circle", "call"), "exciting": ("call", "climb", "rock"),
}  # fmt: skip
#: lengths of a head's notes in beats, by how many there are: calm, moving, lively
_RHYTHMS: dict[int, tuple[tuple[tuple[float, ...], ...], ...]] = {
    2: (((3, 1), (2, 2)), ((1.5, 0.5), (1, 1), (3, 1)), ((1, 0.5), (0.5, 1.5), (1.5, 0.5))),
    3: (((2, 1, 1), (1.5, 0.5, 2)), ((1, 1, 2), (1.5, 0.5, 1), (1, 0.5, 0.5)), ((0.5, 0.5, 1), (1, 0.5, 0.5), (0.75, 0.25, 1))),
    4: (((1, 1, 1, 1), (1.5, 0.5, 1, 1)), ((1, 0.5, 0.5, 1), (1.5, 0.5, 0.5, 0.5), (0.5, 0.5, 1, 1)), ((0.5, 0.5, 0.5, 0.5), (0.75, 0.25, 0.5, 0.5), (0.5, 0.25, 0.25, 1))),
}  # fmt: skip


def invent(mood: Mood, beats_per_bar: int, rng: random.Random) -> str:
    """A motif of two bars for a mood, as text: a head, a tail that comes to rest on a long note, and a breath."""
    length = 2.0 * beats_per_bar
    head = rng.choice(_HEADS[rng.choice(_GESTURES[mood.name])])
    pace = 0 if mood.arousal < -0.2 else 1 if mood.arousal < 0.45 else 2
    lengths = list(rng.choice(_RHYTHMS[len(head)][pace]))
    degrees = list(head)
    if sum(lengths) > length - 2:  # a short bar
        lengths = [beats / 2 for beats in lengths]
    if sum(lengths) <= beats_per_bar - 1 + pace / 2 and (pace == 2 or rng.random() < 0.6):  # say it twice, the second time elsewhere
        shift = rng.choice([s for s in (-2, -1, 1, 2) if max(head) + s <= 8] or [-1])
        degrees += [d + shift for d in head]
        lengths += lengths
    resting = [tail for tail in _TAILS if degrees[-1] + tail[-1] in _RESTING] or [
        (min(_RESTING, key=lambda d: abs(d - degrees[-1])) - degrees[-1],)
    ]
    tail = rng.choice(resting)
    steps = [degrees[-1] + step for step in tail]
    rest = max(0.5, 0.125 * length) if mood.arousal > -0.5 else 0.25 * beats_per_bar
    room = length - rest - sum(lengths)
    while room < 1.0 and len(lengths) > 2:
        room += lengths.pop()
        degrees.pop()
    each = [0.5 if pace == 2 else 1.0] * (len(steps) - 1) if room >= 1.5 + len(steps) else []
    steps = steps[-(len(each) + 1) :]
    lengths += [*each, room - sum(each)]
    degrees += steps
    now, notes = 0.0, []
    for degree, beats in zip(degrees, lengths, strict=True):
        notes.append(MotifNote(round(now, 6), round(beats, 6), min(9, max(-2, degree))))
        now += beats
    return motif_text(Motif(tuple(notes), length))
