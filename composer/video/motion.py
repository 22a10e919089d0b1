"""Motion: how much of the picture moves, and how fast.

Hanjalic & Xu (2005, IEEE Trans. Multimedia 7(1)) take the mean length of the motion vectors of two consecutive pictures,
relative to the longest possible, as one of three causes of felt arousal. Here the vectors come from dense optical flow
(Kroeger et al. 2016, DIS) on the small pictures, over a fixed 80 ms instead of one frame interval: so frame rate,
doubled frames of animation and the contrast of the picture hardly matter, which a plain frame difference cannot say.

Conventions
-----------
Speed is in picture diagonals per second. A pixel's share is 0 at rest and nears 1 at FAST and above:
``1 - exp(-(speed - STILL) / FAST)``. Motion is the mean share: 0 (nothing moves) … 1 (everything moves fast).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: the two pictures of a pair are about this far apart, seconds
SPAN_S = 0.08
#: a new pair begins this long after the last one did, seconds
EVERY_S = 0.16
#: slower than this is noise and film grain, diagonals per second
STILL = 0.012
#: speed at which a pixel counts as 63 % moving, diagonals per second
FAST = 0.25


@dataclass
class MotionMeter:
    """Takes luma pictures in order; keeps one number per measured pair."""

    _flow: cv2.DISOpticalFlow = field(default_factory=lambda: cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST))
    _from: tuple[int, float, npt.NDArray[np.uint8]] | None = None
    _next_s: float = 0.0
    #: (first index, second index, motion) per pair
    pairs: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, first: int, times_s: npt.NDArray[np.float64], luma: npt.NDArray[np.uint8]) -> None:
        """Take the next pictures: `luma` (B, H, W) shown at `times_s` (B,), the first of them with index `first`."""
        for i, time_s in enumerate(times_s):
            if self._from is None:
                if time_s >= self._next_s - 1e-6:
                    self._from = (first + i, float(time_s), luma[i].copy())
                continue
            index, from_s, picture = self._from
            if time_s < from_s + SPAN_S - 1e-3:
                continue
            self.pairs.append((index, first + i, self._motion(picture, luma[i], float(time_s) - from_s)))
            self._next_s = from_s + EVERY_S
            chain = time_s >= self._next_s - 1e-6
            self._from = (first + i, float(time_s), luma[i].copy()) if chain else None

    def _motion(self, before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], apart_s: float) -> float:
        if apart_s > 0.5:  # a slide show: nothing is seen moving
            return 0.0
        flow = self._flow.calc(before, after, np.zeros((*before.shape, 2), np.float32))
        lengths = np.sqrt(np.einsum("ijk,ijk->ij", flow, flow))
        speed = lengths / (float(np.hypot(*before.shape)) * apart_s)
        return float(np.mean(1 - np.exp(-np.maximum(speed - STILL, 0) / FAST)))


def usable_pairs(
    pairs: Sequence[tuple[int, int, float]], times_s: npt.NDArray[np.float64], barrier: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """(times_s, motion), each (M,), of the pairs that lie within one shot.

    `barrier[i]` (N,) says that the step from picture i-1 to picture i is no movement: i begins a shot or lies in a dissolve or fade.
    """
    passed = np.cumsum(barrier)
    table = np.array([(times_s[a], motion) for a, b, motion in pairs if passed[a] == passed[b]], np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def motion_per_second(at_s: Floats, motion: Floats, seconds: int) -> Floats:
    """(seconds,) mean motion of the usable pairs in each second; a second without one takes the value of its neighbours."""
    if not len(at_s):
        return np.zeros(seconds)
    second = np.minimum(at_s.astype(int), seconds - 1)
    sums, counts = np.bincount(second, motion, seconds), np.bincount(second, minlength=seconds)
    known = np.flatnonzero(counts)
    means: Floats = np.interp(np.arange(seconds), known, sums[known] / counts[known])
    return means
