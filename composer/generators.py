"""The generators by name: each is a module with `compose(plan) -> Score`, imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from composer.errors import OptionError, nearest

if TYPE_CHECKING:
    from composer.plan import Plan
    from composer.score import Score

#: name → module
GENERATORS: dict[str, str] = {
    "transformer": "composer.transformer.compose",
    "chords": "composer.baselines.chords",
}
#: who composes when nobody is named
DEFAULT_GENERATOR = "transformer"
#: the weights that ship with the program
CHECKPOINT = Path(__file__).parent.parent / "checkpoints" / "hitpoint.safetensors"


def generator(name: str) -> Callable[[Plan], Score]:
    """The compose function of a generator.

    Raises OptionError for an unknown name.
    """
    if name not in GENERATORS:
        raise OptionError(f"unknown generator {name!r}", nearest(name, GENERATORS) or f"There is {', '.join(GENERATORS)}.")
    return cast("Callable[[Plan], Score]", importlib.import_module(GENERATORS[name]).compose)
