"""The generators by name: each is a module with `compose(plan, progress=…) -> Score`, imported only when it is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from composer.errors import OptionError, nearest

if TYPE_CHECKING:
    from composer.options import Progress
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


class Compose(Protocol):
    """What every generator is."""

    def __call__(self, plan: Plan, *, progress: Progress = ..., only: frozenset[str] | None = ...) -> Score:
        """Write all parts of a plan; of its sections at least those whose ids are in `only`, just as if all were written (None: all)."""


def generator(name: str) -> Compose:
    """The compose function of a generator.

    Raises OptionError for an unknown name.
    """
    if name not in GENERATORS:
        raise OptionError(f"unknown generator {name!r}", nearest(name, GENERATORS) or f"There is {', '.join(GENERATORS)}.")
    return cast("Compose", importlib.import_module(GENERATORS[name]).compose)
