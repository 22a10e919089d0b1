"""The generators by name: each is a module with `compose(plan) -> Score`, imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from composer.errors import OptionError, nearest

if TYPE_CHECKING:
    from composer.plan import Plan
    from composer.score import Score

#: name → module
GENERATORS: dict[str, str] = {
    "chords": "composer.baselines.chords",
}


def generator(name: str) -> Callable[[Plan], Score]:
    """The compose function of a generator.

    Raises OptionError for an unknown name.
    """
    if name not in GENERATORS:
        raise OptionError(f"unknown generator {name!r}", nearest(name, GENERATORS) or f"There is {', '.join(GENERATORS)}.")
    return cast("Callable[[Plan], Score]", importlib.import_module(GENERATORS[name]).compose)
