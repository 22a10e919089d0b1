"""A film, the rules' outline for it, and two good plans that have nothing in common."""

from __future__ import annotations

from typing import Any

from composer.cues import Cue, CueSheet, HitPoint
from composer.film import Film
from composer.plan import Theme
from composer.planner.outline import Outline, OutlineSection
from tests.filmmaker import film_of

DURATION_S = 60.0
CUTS_S = [6.0, 12.0, 20.0, 28.0, 40.0, 50.0]


def film() -> Film:
    """A minute: calm, then a dark climax, then calm again."""
    seconds = int(DURATION_S)
    valence = [0.3] * 20 + [-0.6] * 20 + [0.2] * 20
    arousal = [-0.4] * 20 + [0.6] * 20 + [-0.3] * 20
    return film_of(CUTS_S, DURATION_S, valence[:seconds], arousal[:seconds])


def cues() -> CueSheet:
    """One cue over all of it."""
    hits = tuple(HitPoint(time_s, 0.8, "cut") for time_s in CUTS_S)
    return CueSheet((Cue("1m1", 0.0, DURATION_S, hits, (20.0, 40.0)),), hits)


def two_cues() -> CueSheet:
    """Music for half a minute, silence, and music again."""
    hits = tuple(HitPoint(time_s, 0.8, "cut") for time_s in CUTS_S)
    return CueSheet((Cue("1m1", 0.0, 28.0, hits[:3], (12.0,)), Cue("1m2", 40.0, DURATION_S, hits[5:], ())), hits)


def section(start_s: float, end_s: float, cue: str = "1m1", **changes: Any) -> OutlineSection:
    """A section as the rules might have it."""
    told: dict[str, Any] = {
        "form": "build", "mood": "hopeful", "key": "D major", "qpm": 90.0, "qpm_range": (80.0, 100.0), "theme": "A", "variation": "plain",
        "dynamics": "mf", "density": 0.5, "valence": 0.1, "arousal": 0.1, "tension": 0.3,
    }  # fmt: skip
    return OutlineSection(cue, start_s, end_s, **{**told, **changes})


def base(sheet: CueSheet | None = None) -> Outline:
    """The rules' outline."""
    sections = tuple(
        section(start_s, end_s, cue.id)
        for cue in (sheet or cues()).cues
        for start_s, end_s in zip((cue.start_s, *cue.section_starts_s), (*cue.section_starts_s, cue.end_s), strict=True)
    )
    themes = (Theme("A", None, "", "1:1 1:3 2:5"),)
    return Outline(
        "rules", "A small film", "film score", "D major", 4, ("violins_1", "cellos", "piano"), themes, sections, ("of the rules",)
    )


#: turning points of the film above: 0 → 0.0 s, 1 → 12 s, 2 → 20 s, 3 → 28 s, 4 → 40 s, 5 → 50 s
NOIR: dict[str, Any] = {
    "title": "Rain on Glass",
    "style": "noir jazz",
    "home_key": "C minor",
    "beats_per_bar": 4,
    "instruments": ["muted trumpet", "piano", "contrabass", "drums"],
    "themes": [{"letter": "A", "motif": "1.5:5 0.5:6 1:5 1:3", "instrument": "muted_trumpet"}],
    "sections": [
        {"turn": 0, "start_s": None, "mood": "mysterious", "key": "C minor", "tempo": 66, "form": "opening", "theme": "A",
         "variation": "plain", "dynamics": "p", "density": 0.2, "progression": ["i", "VI", "iio6", "V7"],
         "roles": {"melody": ["muted_trumpet"], "harmony": ["piano"], "bass": ["contrabass"], "percussion": None}, "reason": "rain, nobody about"},
        {"turn": 2, "start_s": None, "mood": "tense", "key": "G minor", "tempo": 96, "form": "climax", "theme": "A",
         "variation": "fragmented", "dynamics": "ff", "density": 0.9, "progression": ["i", "bII", "iv", "V"], "roles": None, "reason": "he is found"},
        {"turn": 4, "start_s": None, "mood": "sad", "key": "C minor", "tempo": 60, "form": "ending", "theme": "A",
         "variation": "augmented", "dynamics": "pp", "density": 0.1, "progression": ["i", "iv", "V", "i"], "roles": None, "reason": "alone again"},
    ],
}  # fmt: skip
FANFARE: dict[str, Any] = {
    "title": "The Race",
    "style": "bold adventure",
    "home_key": "Bb major",
    "beats_per_bar": 3,
    "instruments": ["horns", "trumpets", "strings", "timpani"],
    "themes": [{"letter": "A", "motif": "1:1 1:5 2:8", "instrument": "horns"}, {"letter": "B", "motif": "1:3 1:2 1:1", "instrument": "violins_1"}],
    "sections": [
        {"turn": 0, "mood": "heroic", "key": "Bb major", "tempo": 126, "form": "build", "theme": "A", "dynamics": "f", "density": 0.7,
         "progression": ["I", "IV", "bVII", "V"]},
        {"turn": 3, "mood": "exciting", "key": "Eb major", "tempo": 138, "form": "climax", "theme": "B", "dynamics": "ff", "density": 1.0,
         "progression": ["I", "bVII", "IV", "I"]},
    ],
}  # fmt: skip
