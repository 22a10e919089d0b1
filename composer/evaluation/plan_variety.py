"""Another seed, another music? Plans of one film with different seeds, held against each other in pairs.

Conventions
-----------
Five things may differ between two plans: the *key* (name of the home key), the *tempo* (mean, by more than 2 %), the *progression* (numerals of the first phrases, bar by bar,
section by section: at least half differ), the *form* (a section begins more than 1 s elsewhere, or a theme's letter or variation differs) and
the *orchestration* (other parts, or other roles in at least half of the sections). Sections beyond those of the shorter plan do not count.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from composer.errors import ComposerError
from composer.evaluation.plan_checks import span_s
from composer.film import Film
from composer.options import Options
from composer.plan import Plan, Section
from composer.planner import plan as arrange, spot

THINGS = ("key", "tempo", "progression", "form", "orchestration")
TEMPO_SHARE, START_S = 0.02, 1.0
#: bars of a first phrase where the plan names none
_PHRASE_BARS = 4


@dataclass
class Variety:
    """What the seeds of one film and ensemble bring."""

    film: str
    #: who was asked to play, "" for nobody
    instruments: str
    seeds: int
    #: seeds whose plan is valid
    valid: int = 0
    pairs: int = 0
    #: pairs that differ in each of THINGS
    differ: Counter[str] = field(default_factory=Counter)
    #: pairs by how many things differ, 0 … 5
    by_count: Counter[int] = field(default_factory=Counter)
    #: how many home keys, and mean tempi (lowest and highest), there are
    keys: int = 0
    tempi: tuple[float, float] = (0.0, 0.0)

    @property
    def median(self) -> float:
        """Things in which the median pair differs; 0 without pairs."""
        counts = sorted(self.by_count.elements())
        return float(np.median(counts)) if counts else 0.0

    def to_plain(self) -> dict[str, Any]:
        """Plain form for JSON."""
        by_count = {str(number): pairs for number, pairs in sorted(self.by_count.items())}
        return {**asdict(self), "differ": dict(self.differ), "by_count": by_count, "median": self.median}


def differing(one: Plan, other: Plan) -> set[str]:
    """Which of THINGS differ between two plans."""
    found = {
        "key": home_key(one) != home_key(other),
        "tempo": abs(one.tempo.mean_qpm / other.tempo.mean_qpm - 1) > TEMPO_SHARE,
        "progression": _progressions_differ(one, other),
        "form": _forms_differ(one, other),
        "orchestration": _players_differ(one, other),
    }
    return {name for name in THINGS if found[name]}


def home_key(plan: Plan) -> str:
    """The plan's own home key, or where it begins."""
    return plan.key or plan.sections[0].key


def _progressions_differ(one: Plan, other: Plan) -> bool:
    bars = [pair for a, b in zip(one.sections, other.sections, strict=False) for pair in zip(_phrase(a), _phrase(b), strict=False)]
    return bool(bars) and 2 * sum(a != b for a, b in bars) >= len(bars)


def _phrase(section: Section) -> tuple[str, ...]:
    return section.chords[: section.phrases[0] if section.phrases else _PHRASE_BARS]


def _forms_differ(one: Plan, other: Plan) -> bool:
    if len(one.sections) != len(other.sections):
        return True
    return any(
        abs(span_s(one, a)[0] - span_s(other, b)[0]) > START_S or (a.theme, a.variation) != (b.theme, b.variation)
        for a, b in zip(one.sections, other.sections, strict=True)
    )


def _players_differ(one: Plan, other: Plan) -> bool:
    if {part.instrument for part in one.parts} != {part.instrument for part in other.parts}:
        return True
    pairs = list(zip(one.sections, other.sections, strict=False))
    others = sum({r: set(p) for r, p in a.roles.items()} != {r: set(p) for r, p in b.roles.items()} for a, b in pairs)
    return bool(pairs) and 2 * others >= len(pairs)


def measure_variety(name: str, film: Film, instruments: tuple[str, ...], seeds: Sequence[int]) -> Variety:
    """Plan one film with every seed and compare all pairs; seeds whose plan is refused only count as not valid."""
    plans = []
    for seed in seeds:
        options = Options(seed=seed, instruments=instruments)
        try:
            plans.append(arrange(film, spot(film, options), options).check())
        except ComposerError:
            continue
    found = Variety(name, ",".join(instruments), len(seeds), len(plans))
    for one, other in itertools.combinations(plans, 2):
        things = differing(one, other)
        found.pairs += 1
        found.differ.update(things)
        found.by_count[len(things)] += 1
    if plans:
        tempi = [plan.tempo.mean_qpm for plan in plans]
        found.keys, found.tempi = len({home_key(plan) for plan in plans}), (min(tempi), max(tempi))
    return found
