"""Spot and plan: from what was seen to an arrangement. Rules today; any other planner returns the same `Plan`."""

from composer.planner.explain import explain, prompt_text
from composer.planner.rules import plan
from composer.planner.spotting import spot

__all__ = ["explain", "plan", "prompt_text", "spot"]
