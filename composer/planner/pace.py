"""Tempo wishes: what each section's feeling and cutting ask for, brought so near to each other that the film has one pulse.

Between neighbours a tempo may leap only as far as the picture does: a dissolve into the same feeling hardly changes it, a shock may.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from composer.tempo import MAX_QPM, MIN_QPM
from composer.theory.moods import Mood

#: how much of its own wish (in octaves from the film's mean) a section keeps
_OWN = 0.65
#: largest change between neighbours: always this factor, and more the further the feeling moves
_STEP, _PER_CHANGE = 1.06, 0.3
#: time may be bent away from a section's wish so far to reach hits (factors)
_RANGE = (0.88, 1.25)


def wish_qpm(mood: Mood, arousal: float, cut_rate: float) -> float:
    """Tempo inside the mood's band that the feeling asks for, quickened by quick cutting, quarter notes per minute."""
    low, high = mood.qpm
    lift = 0.4 + 0.5 * (arousal - mood.arousal) + 0.35 * min(1.0, cut_rate / 1.2)
    return low + (high - low) * min(1.0, max(0.0, lift))


def settled(wishes_qpm: Sequence[float], lengths_s: Sequence[float], changes: Sequence[float]) -> list[float]:
    """The wishes, brought near to each other; `changes` (N − 1,) tell how far the feeling moves between neighbours (inf: anything goes)."""
    logs = [math.log(q) for q in wishes_qpm]
    mean = sum(x * s for x, s in zip(logs, lengths_s, strict=True)) / sum(lengths_s)
    logs = [mean + _OWN * (x - mean) for x in logs]
    leaps = [math.log(_STEP + _PER_CHANGE * change) if math.isfinite(change) else math.inf for change in changes]
    for _ in range(50):  # both give way, the shorter one more
        moved = 0.0
        for i, leap in enumerate(leaps):
            excess = abs(logs[i + 1] - logs[i]) - leap
            if excess > 1e-6:
                sign = math.copysign(1.0, logs[i + 1] - logs[i])
                share = lengths_s[i + 1] / (lengths_s[i] + lengths_s[i + 1])
                logs[i] += sign * excess * share
                logs[i + 1] -= sign * excess * (1 - share)
                moved = max(moved, excess)
        if moved < 1e-4:
            break
    return [math.exp(x) for x in logs]


def range_qpm(qpm: float, mood: Mood) -> tuple[float, float]:
    """How far a section's base tempo may lie from its wish, a fifth beyond what its mood likes at most (or a little beside the wish, if that is further)."""
    low, high = max(_RANGE[0] * qpm, min(0.97 * qpm, 0.8 * mood.qpm[0])), min(_RANGE[1] * qpm, max(1.03 * qpm, 1.2 * mood.qpm[1]))
    return max(MIN_QPM * 1.1, low), min(MAX_QPM / 1.1, high)
