"""Steady parts and fading ends. Struck and plucked parts have no curve of their own: their CC11 stands where an even note of the others has it, so that
both keep their places in the balance; an end that the plan wants to fade goes down by CC11 in every part.
"""

from __future__ import annotations

import bisect

from composer.render.performing.desk import Desk
from composer.score import Control

#: CC11 of a part that has no curve
STEADY = 96
#: seconds a fade lasts, and how much is left of CC11 at its end
_FADE_S, _LEAST = 6.0, 0.1
#: steps of a part that has no curve of its own
_STEPS = 24


def fade_level(beat: float, desk: Desk) -> float:
    """1 until the fade, then down to a tenth at the end of the cue."""
    if desk.plan is None or desk.plan.ending != "fade":
        return 1.0
    now_s = desk.tempo.beat_to_s(beat)
    left_s = desk.ends_s[min(bisect.bisect_right(desk.ends_s, now_s), len(desk.ends_s) - 1)] - now_s
    return 1.0 if left_s >= _FADE_S else _LEAST + (1 - _LEAST) * max(0.0, left_s) / _FADE_S


def steady(desk: Desk) -> list[Control]:
    """CC11 of a struck or plucked part: even, but for a fade; back where it was when the next cue begins."""
    controls = [Control(0.0, 11, STEADY)]
    if desk.plan is None or desk.plan.ending != "fade":
        return controls
    for cue in desk.plan.cues:
        end_s = min(cue.end_s, desk.ends_s[-1])
        start, end = (desk.tempo.s_to_beat(max(cue.start_s, end_s - left_s)) for left_s in (_FADE_S, 0.0))
        controls += [
            Control(round(start + (end - start) * k / _STEPS, 6), 11, round(STEADY * (1 - (1 - _LEAST) * k / _STEPS)))
            for k in range(1, _STEPS + 1)
        ]
        controls.append(Control(round(desk.tempo.s_to_beat(cue.end_s + 0.05), 6), 11, STEADY))
    return controls[:-1]  # after the last there is no next
