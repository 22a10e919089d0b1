"""Gradual changes of shot: fades and dissolves.

* Dissolves: between the pictures A before and B after, every picture is a mixture (1-a)·A + a·B with rising a, and contrast
  dips on the way (after Alattar 1993, "Detecting and compressing dissolve regions in video sequences"); no camera does that.
* Fades go through a run of flat pictures (black, white, fog) that is entered and left gradually. Fades at the very start and
  end of the film begin and end it: they are no changes. Neither is a fade out of which, or into which, a cut leads: the cut is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np
import numpy.typing as npt

from composer.video.looks import FLAT, Change, Floats, Looks, apart, logistic

#: dissolves are looked for between these lengths, seconds
SHORTEST_DISSOLVE_S, LONGEST_DISSOLVE_S = 0.24, 3.0
#: a dissolve that turns out shorter is none, seconds
LEAST_DISSOLVE_S = 0.19
#: the core of a flat run: up to this part of the way from its least contrast to FLAT
CORE = 0.3
#: pictures that are nearly flat, neither black nor white, for longer than this are a shot, seconds
LONGEST_MIST_S = 0.6
#: a slope into or out of black is at most this long, seconds
LONGEST_SLOPE_S = 3.0


def find_fades(looks: Looks, cuts: set[int], frame_rate: float) -> tuple[list[Change], list[tuple[int, int]]]:
    """Runs of flat pictures that are entered and left gradually; and where such runs with their slopes lie, changes or not."""
    found, slopes, in_order = [], [], sorted(cuts)
    for (start, stop), (run_start, run_stop) in _flat_cores(looks.contrast):
        first = _slope_end(looks, start, -1, frame_rate, cuts)
        last = _slope_end(looks, stop - 1, 1, frame_rate, cuts)
        near = in_order[bisect_left(in_order, run_start - 1) : bisect_right(in_order, run_stop + 1)]
        by_cut = any(looks.distance(start, cut if cut <= start else cut - 1) < 0.05 for cut in near)  # from black itself, not from mist
        if first > 0 and start > 0 and stop < looks.count and not by_cut and _is_fade(looks, first, start, stop, last, frame_rate):
            strength = max(looks.difference(first, start), looks.difference(stop, last))
            found.append(Change((start + stop) // 2, "fade", first, last, strength, _depth(looks, first, (start + stop) // 2, last)))
        elif looks.contrast[(start + stop) // 2] > 0.5 * FLAT:
            continue  # a dim or foggy view: it may dissolve
        slopes.append((first, last))
    return apart(found), slopes


def _flat_cores(contrast: Floats) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """(first, end) of the flattest parts of every run of flat pictures, and of the run: a misty shot may lie beside the black."""
    cores = []
    for start, stop in _runs(contrast < FLAT):
        run = contrast[start:stop]
        least = float(run.min())
        cores += [((start + first, start + end), (start, stop)) for first, end in _runs(run <= least + CORE * (FLAT - least))]
    return cores


def _runs(those: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], those, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _depth(looks: Looks, first: int, middle: int, last: int) -> float:
    """How much of the contrast is gone in the middle, 0…1."""
    contrast = looks.contrast
    return float(np.clip(1 - 2 * contrast[middle] / (contrast[first] + contrast[last] + 1e-6), 0, 1))


def _is_fade(looks: Looks, first: int, start: int, stop: int, last: int, frame_rate: float) -> bool:
    """Whether the slopes lead to something flat and back slowly enough, and the flat pictures are not just a dim view of the same."""
    middle = (start + stop) // 2
    brief = last - first < 3 or (looks.likeness(first, last) > 0.85 and last - first < 0.8 * frame_rate)
    seen = looks.contrast[middle] > 0.5 * FLAT
    like = max(looks.likeness(middle, first), looks.likeness(middle, last)) > 0.6
    misty = 0.06 < looks.rows.brightness[middle] < 0.94 and stop - start > LONGEST_MIST_S * frame_rate
    return not brief and not (seen and (like or misty))


def _slope_end(looks: Looks, start: int, direction: int, frame_rate: float, cuts: set[int]) -> int:
    """Walk from the edge of a flat run to where the picture no longer grows out of it as fast as before; never over a cut."""
    reach, back = [0.0], max(3, round(0.12 * frame_rate))
    for i in range(1, round(LONGEST_SLOPE_S * frame_rate) + 1):
        at = start + direction * i
        if not 0 <= at < looks.count or (at if direction > 0 else at + 1) in cuts:
            break
        reach.append(looks.distance(start, at))
        if i > back and reach[i] - reach[i - back] < 0.3 * back * reach[i] / i:
            break
    return start + direction * int(np.argmax(reach))


def find_dissolves(looks: Looks, settled: npt.NDArray[np.bool_], frame_rate: float) -> list[Change]:
    """Stretches in which every picture is a mixture of the picture before and the picture after; none reaches into what is settled."""
    passed = np.concatenate([[0], np.cumsum(settled)])
    middles = [(middle, half) for half in _half_lengths(frame_rate) for middle in _mixture_peaks(looks, half, passed)]
    found = [change for middle, half in middles if (change := _dissolve_at(looks, middle, half, frame_rate, passed)) is not None]
    return apart(
        sorted(found, key=lambda change: -change.confidence * (change.last - change.first) ** 0.5),
        lambda change: not _is_swing(looks, change),
    )


def _half_lengths(frame_rate: float) -> list[int]:
    """Half window lengths in pictures, growing by 1.4."""
    lengths = {max(3, round(SHORTEST_DISSOLVE_S * frame_rate * 1.4**k / 2)) for k in range(9)}
    return sorted(length for length in lengths if length <= LONGEST_DISSOLVE_S * frame_rate / 2)


def _mixture_peaks(looks: Looks, half: int, passed: npt.NDArray[np.int64]) -> list[int]:
    """Middles, best first, where the middle picture is about the mean of the two `half` pictures away, and those differ."""
    middles = np.arange(half, looks.count - half)
    middles = middles[passed[middles + half + 1] == passed[middles - half]]
    if not len(middles):
        return []
    distance = looks.distances(middles - half, middles + half)
    middles, distance = middles[distance > 0.03], distance[distance > 0.03]
    score = distance * np.maximum(0, 1 - looks.midpoint_misses(middles, half) / 0.5)
    peaks: list[int] = []
    taken = np.zeros(looks.count + 1, np.bool_)
    for i in np.argsort(-score, kind="stable"):
        if score[i] <= 0:
            break
        if not taken[middles[i]]:
            taken[max(0, middles[i] - half) : middles[i] + half + 1] = True
            peaks.append(int(middles[i]))
    return peaks


def _dissolve_at(looks: Looks, middle: int, half: int, frame_rate: float, passed: npt.NDArray[np.int64]) -> Change | None:
    """Fit the mixture around `middle`; None when it is no dissolve (`passed` counts the settled pictures before each)."""
    before, after = looks.thumb(middle - half), looks.thumb(middle + half)
    direction = after - before
    energy = float(direction @ direction)
    if looks.likeness(middle - half, middle + half) > 0.8:
        return None  # the same picture, brighter or darker
    inner = np.arange(middle - half, middle + half + 1)
    offsets = looks.flat_thumbs[inner] / 255.0 - before
    share = offsets @ direction / energy
    residual = ((offsets - share[:, None] * direction) ** 2).sum(axis=1) / energy
    if residual.max() > 0.25 or np.diff(share).max() > 0.4 or np.diff(share).min() < -0.1:
        return None
    rising = np.flatnonzero((share > 0.1) & (share < 0.9))
    if len(rising) < 3:
        return None
    stretch = len(rising) / 0.8  # the middle 80 % of the mixture were counted
    at = round(float(rising.mean())) + middle - half
    first, last = max(0, round(at - stretch / 2)), min(looks.count - 1, round(at + stretch / 2))
    first, last = _steepest(share, first - middle + half, last - middle + half, middle - half)
    at = (first + last) // 2
    if last - first < LEAST_DISSOLVE_S * frame_rate or passed[last + 1] != passed[first]:
        return None
    confidence = _dissolve_confidence(looks, first, at, last)
    if confidence < 0.5:
        return None
    return Change(at, "dissolve", first, last, looks.difference(first, last), confidence)


def _steepest(share: Floats, first: int, last: int, start: int) -> tuple[int, int]:
    """First and last picture of the dissolve within the window: the ramp between two levels that fits its share best.

    The window begins at picture `start`; `first` and `last` (within it) are the guess to begin with. What moves in the pictures
    before and after lets the share drift there, but slowly.
    """
    first, last = max(first, 0), min(last, len(share) - 1)
    spread = max(1, (last - first) // 12)
    at, offsets = np.arange(len(share)), np.arange(-4, 9) * spread
    begins, ends = np.meshgrid(first + offsets, last - offsets, indexing="ij")
    fits = (begins >= 0) & (ends < len(share)) & (ends - begins >= 4)
    if not fits.any():
        return start + first, start + last
    begins, ends = begins[fits], ends[fits]
    ramps = np.clip((at - begins[:, None]) / (ends - begins)[:, None], 0, 1)
    ramps -= ramps.mean(axis=1, keepdims=True)
    fit = ramps @ (share - share.mean()) / np.sqrt((ramps**2).sum(axis=1))
    best = int(np.argmax(fit))
    return start + int(begins[best]), start + int(ends[best])


def _is_swing(looks: Looks, change: Change) -> bool:
    """Whether the pictures follow from each other by a swing of the camera."""
    for gap, least in ((1, 0.75), (max(1, (change.last - change.first) // 4), 0.5)):
        at = np.unique(np.linspace(change.first, change.last - gap, 6).round().astype(np.intp))
        if looks.swung(at, at + gap) < least:
            return True
    return False


def _dissolve_confidence(looks: Looks, first: int, middle: int, last: int) -> float:
    """Two different pictures, a loss of contrast between them, an even progress, nothing but their mixture, and its detail.

    Details of two pictures have nothing to do with each other, so their variances add: half way a quarter of each is left.
    A logistic, fitted on 130 montages of known dissolves and 150 single takes with moved cameras (1700 candidates,
    cross-validated by halves of the films: 3 % of those at a dissolve missed, 0.3 % of the others taken).
    """
    contrast = looks.contrast
    ends = (contrast[first] + contrast[last]) / 2
    if min(contrast[first], contrast[last]) < 0.5 * FLAT:
        return 0.0  # out of black or into it: a fade
    dip = float(contrast[middle] / (ends + 1e-3))
    before, direction = looks.thumb(first), looks.thumb(last) - looks.thumb(first)
    offsets = looks.flat_thumbs[first : last + 1] / 255.0 - before
    energy = float(direction @ direction) + 1e-9
    share = offsets @ direction / energy
    uneven = float(np.abs(share - np.linspace(0, 1, len(share))).max())
    residual = float((((offsets - share[:, None] * direction) ** 2).sum(axis=1) / energy).mean())
    evidence = 11.2 + 5.2 * looks.difference(first, last) - 9.8 * dip - 12 * uneven - 44 * residual
    return logistic(evidence - 11 * _detail_miss(looks, first, middle, last))


def _detail_miss(looks: Looks, first: int, middle: int, last: int) -> float:
    """How far the detail half way is from what a mixture has, as a logarithm; a usual value where it is not known."""
    fine = looks.fine
    if fine is None:
        return 0.2
    mixed = float(np.hypot(fine[first], fine[last])) / 2
    return float(abs(np.log((fine[max(0, middle - 1) : middle + 2].mean() + 0.004) / (mixed + 0.004))))
