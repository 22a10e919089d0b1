"""Changes of shot: hard cuts judged here, dissolves and fades from `composer.video.gradual`.

Hard cuts are proposed wherever the picture's structure changes and judged on the rows of `composer.video.measure`: the step must stand
out from its neighbours (in old film: without its flicker), change the picture, and not be undone at once (flash, strobe), end a fade or
be a swing of the camera. No detector of PySceneDetect has a part in it: on 300 montages its proposals added nothing; `evaluate shots`
shows its detectors beside this one.

Conventions
-----------
A change is named by picture indices; a cut's index is the first picture of the new shot. A dissolve or fade is put at its
middle. A cut to or from black is a cut.
"""

from __future__ import annotations

import numpy as np

from composer.video.gradual import find_dissolves, find_fades
from composer.video.looks import FLAT, OTHER, Change, Looks, logistic
from composer.video.measure import Rows

#: a change undone within this time is a flash, seconds
FLASH_S = 0.2
#: pictures less different than this (see `Looks.difference`) are the same shot, however sudden the step
LEAST_DIFFERENCE = 0.3


def find_changes(rows: Rows, frame_rate: float) -> list[Change]:
    """All changes of shot in order, from the rows of N pictures."""
    looks = Looks(rows)
    cuts = _cuts(looks, frame_rate)
    looks = looks.steadied(cut.at for cut in cuts)
    fades, slopes = find_fades(looks, {cut.at for cut in cuts}, frame_rate)
    cuts = [cut for cut in cuts if not any(fade.first < cut.at <= fade.last for fade in fades)]
    settled = np.zeros(looks.count, np.bool_)
    for first, last in [*slopes, *((cut.at, cut.at) for cut in cuts)]:
        settled[first : last + 1] = True
    return sorted([*cuts, *fades, *find_dissolves(looks, settled, frame_rate)], key=lambda change: change.at)


def _proposals(looks: Looks) -> list[int]:
    """Steps at which the picture's structure changes, however much brightness flickers around them."""
    return [int(at) for at in np.flatnonzero((looks.step > 0.02) & (looks.alike < OTHER)) if at > 0]


def _cuts(looks: Looks, frame_rate: float) -> list[Change]:
    flash = max(1, round(FLASH_S * frame_rate))
    cuts = []
    for at in _proposals(looks):
        if _ends_slope(looks, at):
            continue
        confidence = _cut_confidence(looks, at)
        strength = looks.difference(at - 1, at)
        if confidence >= 0.5 and strength >= LEAST_DIFFERENCE and not _is_flash(looks, at, flash) and not _is_swing(looks, at):
            cuts.append(Change(at, "cut", at, at, strength, confidence))
    return cuts


def _cut_confidence(looks: Looks, at: int) -> float:
    """A step that stands out, changes the picture's structure and its colours: a logistic of the three.

    Fast movement changes pictures too, but every step of it, and less in structure and colours than in single pixels.
    """
    step = looks.calm_step[at]
    around = np.concatenate([looks.calm_step[max(1, at - 6) : at], looks.calm_step[at + 1 : at + 7]])
    # the second largest: a neighbouring cut or flash may be among them, doubled pictures of animation too
    usual = float(np.sort(around)[-2]) if len(around) > 1 else 0.0
    stands_out = np.log((step + 0.003) / (usual + 0.006))
    structure = 1 - max(0.0, float(looks.alike[at]))
    colours = float(looks.rows.recoloured[at])
    size = np.log((step + 0.001) / 0.05)
    evidence = -0.6 + 3.0 * (stands_out - 1.0) + 3.0 * (structure - 0.25) + 3.0 * (min(colours, 0.6) - 0.2) + 0.8 * min(size, 1.0)
    return logistic(evidence)


def _ends_slope(looks: Looks, at: int) -> bool:
    """Whether the step to `at` is the last of a fade into something flat, or the first of a fade out of it."""
    contrast = looks.contrast
    slope = contrast[max(0, at - 4) : at] if contrast[at] < FLAT else contrast[at : at + 4][::-1]
    return bool(
        min(contrast[at], contrast[at - 1]) < FLAT and len(slope) == 4 and slope[3] < 0.6 * slope[0] and (np.diff(slope) <= 0).all()
    )


def _is_swing(looks: Looks, at: int) -> bool:
    """Whether a swing of the camera is all that happens, and goes on: the picture before fits when shifted."""
    goes_on = at + 1 < looks.count and looks.calm_step[at + 1] > 0.3 * looks.calm_step[at]
    return bool(goes_on) and looks.swung(np.array([at - 1]), np.array([at])) < 0.1


def _is_flash(looks: Looks, at: int, length: int) -> bool:
    """Whether the change at `at` is undone within `length` pictures, or undoes one (flash, strobe, a few broken pictures)."""
    step = looks.distance(at - 1, at)
    for i in range(1, length + 1):
        returns = at + i < looks.count and looks.distance(at - 1, at + i) < 0.35 * step
        undoes = at - 1 - i >= 0 and looks.distance(at - 1 - i, at) < 0.35 * step
        if returns or undoes:
            return True
    brightness = looks.rows.brightness
    if at + length >= looks.count and looks.contrast[at] < FLAT and brightness[at] > brightness[at - 1] + 0.1:
        return True  # the film ends in a flash
    # a flash that fades away slowly: the same picture all the time, only brighter at first
    if brightness[at] < brightness[at - 1] + 0.1:
        return False
    later = [min(at + k * length, looks.count - 1) for k in (1, 2, 3)]
    return any(brightness[i] < brightness[at] - 0.05 and looks.likeness(at - 1, i) > 0.8 for i in later)
