"""Phrases of a section: how long they are and which of them return.

Fours and eights; what is left over lengthens the last phrase (or makes it a short one of three), so no phrase has a single bar unless the
section has no more. The order A A′ B A″: the ear needs a return more than news.
"""

from __future__ import annotations

import random

from composer.planner.harmony.ask import HarmonyAsk

#: an eight-bar phrase is taken where four bars would pass in less than this
SHORT_FOUR_S = 7.0
_LETTERS = "AABAACBA"


def phrase_bars(ask: HarmonyAsk, rng: random.Random) -> tuple[int, ...]:
    """Bars of each phrase: fours or eights."""
    count = len(ask.bars)
    unit = 8 if 4 * sum(bar.seconds for bar in ask.bars) / count < SHORT_FOUR_S and count >= 16 else 4
    if unit == 4 and count >= 16 and ask.arousal < 0 and rng.random() < 0.25:
        unit = 8
    whole, rest = divmod(count, unit)
    phrases = [unit] * whole
    if not phrases:
        return (count,)
    if rest > 4:
        phrases += [4, rest - 4] if rest - 4 > 2 else [rest]
    elif rest >= 3:
        phrases.insert(rng.choice((len(phrases), max(0, len(phrases) - 1))), rest)
    else:
        phrases[-1] += rest
    return tuple(phrases)


def phrase_letters(count: int) -> str:
    """Which phrases are one another's return; three of them go A A B → A B A, so the last is known, too."""
    return "ABA" if count == 3 else (_LETTERS * (count // len(_LETTERS) + 1))[:count]
