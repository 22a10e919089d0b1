"""Generators without learning: the yardsticks, and the fallback that always works. All implement ``compose(plan) -> Score``."""
