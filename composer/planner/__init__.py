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
from composer.options import Options, Progress, silent
from composer.plan import Plan
from composer.planned import Picture, Planned, Usage
from composer.planner import rules
from composer.planner.arrange import arrange
from composer.planner.explain import explain, prompt_text
from composer.planner.spotting import spot

__all__ = ["FALLBACK", "Picture", "Planned", "Usage", "explain", "make_plan", "plan", "prompt_text", "spot"]

#: how the note begins that tells why a language model did not plan
FALLBACK = "planned by the rules: "


def plan(film: Film, cues: CueSheet, options: Options) -> Plan:
    """The plan of a film.

    Raises OptionError or InstrumentError for a tempo, key, mood or instrument that makes no sense.
    """
    return make_plan(film, cues, options).plan


def make_plan(film: Film, cues: CueSheet, options: Options, pictures: Sequence[Picture] = (), progress: Progress = silent) -> Planned:
    """The plan of a film, and what a language model took to make it; `pictures` are shown to one that sees, `progress` that it is asked.

    A language model that fails for good is told in the plan's notes, and the rules plan instead. Raises as `plan` does.
    """
    base = rules.outline(film, cues, options)
    if options.planner == "rules":
        return Planned(arrange(base, film, cues, options))
    from composer.planner import llm

    try:
        answer = llm.outline(film, cues, options, base, pictures, progress=progress)
    except llm.LlmError as error:
        note = f"{FALLBACK}{error}"
        made = arrange(replace(base, notes=(*base.notes, note)), film, cues, options)
        return Planned(made, error.usage)
    return Planned(arrange(answer.outline, film, cues, options), answer.usage)
