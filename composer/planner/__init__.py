"""Spot and plan: from what was seen to an arrangement.

    Film ──spot──▶ CueSheet
    Film + CueSheet + Options ──rules or llm──▶ Outline ──arrange──▶ Plan

Rules and language model write the same `Outline`; time, harmony and players are worked out by `arrange` for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from composer.cues import CueSheet
from composer.film import Film
from composer.options import Options
from composer.plan import Plan
from composer.planner import rules
from composer.planner.arrange import arrange
from composer.planner.explain import explain, prompt_text
from composer.planner.planned import Picture, Planned, Usage
from composer.planner.spotting import spot

__all__ = ["Picture", "Planned", "Usage", "explain", "make_plan", "plan", "prompt_text", "spot"]


def plan(film: Film, cues: CueSheet, options: Options) -> Plan:
    """The plan of a film.

    Raises OptionError or InstrumentError for a tempo, key, mood or instrument that makes no sense.
    """
    return make_plan(film, cues, options).plan


def make_plan(film: Film, cues: CueSheet, options: Options, pictures: Sequence[Picture] = ()) -> Planned:
    """The plan of a film, and what a language model took to make it; `pictures` are shown to one that sees.

    A language model that fails for good is told in the plan's notes, and the rules plan instead. Raises as `plan` does.
    """
    base = rules.outline(film, cues, options)
    if options.planner == "rules":
        return Planned(arrange(base, film, cues, options))
    from composer.planner import llm

    try:
        answer = llm.outline(film, cues, options, base, pictures)
    except llm.LlmError as error:
        note = f"planned by the rules: {error.problem}"
        made = arrange(replace(base, notes=(*base.notes, note)), film, cues, options)
        return Planned(made, error.usage)
    return Planned(arrange(answer.outline, film, cues, options), answer.usage)
