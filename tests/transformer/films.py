"""Plans of small films, made by the rules."""

from __future__ import annotations

import functools

from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from tests.filmmaker import random_film


@functools.cache
def planned(seed: int, instruments: tuple[str, ...], duration_s: float = 20.0) -> Plan:
    """The plan of a seeded film."""
    film, options = random_film(seed, duration_s), Options(seed=seed, instruments=instruments)
    return plan(film, spot(film, options), options)
