"""Matching: which stretches of a new film are stretches of an old one, exact to the frame.

Every stretch in common is a diagonal: new frame j shows old frame j + offset. Three steps:

1. *Offsets* worth trying: where a shot of the new film begins (or ends) like a shot of the old one, and, for every few frames, the old
   frames most like it. Shots may have been moved anywhere, so nothing is assumed about order.
2. *Following*: one pass of dynamic programming over the new film's frames (Viterbi 1967). A state is an offset, or "not in the old
   film"; a frame costs the distance of the two pictures, a change of state costs more inside a shot than at a cut. So a stretch
   goes on as long as its pictures agree, and ends where they stop, to the frame.
3. *Settling* what the pictures leave open. Frames of a motionless shot are all alike, so a trimmed one fits at several offsets:
   the change is put at the last cut that fits, which means that such a shot keeps its beginning and loses its end.

An offset is in frames, so both films must have the same frame rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from composer.edit import Edit, Kept
from composer.errors import VideoError
from composer.video.fingerprint import Fingerprints, Floats, distances, distances_in_step

#: a frame further than this from every old frame is new material (distance of composer.video.fingerprint)
NEW = 0.06
#: two neighbouring frames further apart than this are a cut, for the purposes of this module
CUT = 0.15
#: frames at most so much further apart than their run usually is are one picture
SAME = 0.004
#: what a change of state costs: at a cut of the new film, and inside a shot
_AT_CUT, _INSIDE = 0.1, 0.5
#: kept stretches shorter than this are chance, seconds
SHORTEST_S = 0.2
#: frame rates this near (relative) are one: 23.976 and 24 are not
SAME_RATE = 5e-4
#: less of the old film than this share (of the new film) is nothing
LEAST_SHARE = 0.02
_PROBE_FRAMES = 6
_PROBE_MINIMA = 3
_APART_FRAMES = 12
_MOST_OFFSETS = 600
_BLOCK = 2048


@dataclass(frozen=True)
class _Run:
    """New frames first … end - 1 show old frames first + offset …; None is new material."""

    first: int
    end: int
    offset: int | None


def match(old: Fingerprints, new: Fingerprints) -> Edit:
    """How the new film was made from the old one.

    Raises VideoError when the frame rates differ or nothing of the old film is in the new one.
    """
    if abs(float(new.frame_rate / old.frame_rate) - 1) > SAME_RATE:
        rates = f"{float(new.frame_rate):.5g} frames a second, the scored one {float(old.frame_rate):.5g}"
        raise VideoError(f"the new film has {rates}", "Export the new edit at the old frame rate, or score it anew with `score`.")
    cuts = _cuts(new.prints)
    runs = _follow(old.prints, new.prints, _offsets(old.prints, new.prints, cuts), cuts)
    runs = _settled(runs, old.prints, new.prints, cuts)
    shortest = max(2, round(SHORTEST_S * float(new.frame_rate)))
    kept = tuple(
        _kept(run.first, run.end, run.offset, old, new) for run in runs if run.offset is not None and run.end - run.first >= shortest
    )
    if sum(k.length_s for k in kept) < LEAST_SHARE * new.duration_s:
        raise VideoError(
            "nothing of the old film is in the new one", "Check that both are edits of one film, or score the new one with `score`."
        )
    return Edit(old.duration_s, new.duration_s, kept)


def _kept(first: int, end: int, offset: int, old: Fingerprints, new: Fingerprints) -> Kept:
    length_s = float(new.edges_s[end] - new.edges_s[first])
    return Kept(float(old.edges_s[first + offset]), float(new.edges_s[first]), length_s)


def _cuts(prints: Floats) -> npt.NDArray[np.intp]:
    """(C,) first frames of shots, 0 included: where the picture jumps."""
    jumps = np.flatnonzero(distances_in_step(prints[1:], prints[:-1]) > CUT) + 1
    return np.concatenate([[0], jumps]).astype(np.intp)


# --- step 1: offsets worth trying -------------------------------------------------------------------------------------


def _offsets(old: Floats, new: Floats, new_cuts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """(K,) offsets, those that most evidence speaks for."""
    old_cuts = _cuts(old)
    found = [_alike(old, new, old_cuts, new_cuts, 0)]
    old_ends, new_ends = np.append(old_cuts[1:], len(old)), np.append(new_cuts[1:], len(new))
    found.append(_alike(old, new, old_ends, new_ends, -1))
    probes = np.unique(np.concatenate([np.arange(0, len(new), _PROBE_FRAMES), new_cuts]))
    per_block = max(1, 16_000_000 // len(old))
    found += [_nearest(old, new, probes[i : i + per_block]) for i in range(0, len(probes), per_block)]
    offsets, votes = np.unique(np.concatenate(found), return_counts=True)
    best = np.argsort(-votes, kind="stable")[:_MOST_OFFSETS]
    return np.sort(offsets[best])


def _alike(old: Floats, new: Floats, old_at: npt.NDArray[np.intp], new_at: npt.NDArray[np.intp], step: int) -> npt.NDArray[np.intp]:
    """Offsets between those boundaries of shots whose pictures (`step` frames on) agree."""
    rows, columns = np.nonzero(distances(new[new_at + step], old[old_at + step]) < NEW)
    return np.asarray(old_at[columns] - new_at[rows], np.intp)


def _nearest(old: Floats, new: Floats, probes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Offsets from some new frames to the old frames most like each, minima well apart."""
    apart, found = distances(new[probes], old), []
    for _ in range(_PROBE_MINIMA):
        at = apart.argmin(axis=1)
        good = apart[np.arange(len(probes)), at] < NEW
        found.append(at[good] - probes[good])
        for row, middle in enumerate(at):
            apart[row, max(0, middle - _APART_FRAMES) : middle + _APART_FRAMES + 1] = np.inf
    return np.concatenate(found).astype(np.intp)


# --- step 2: following ------------------------------------------------------------------------------------------------


def _follow(old: Floats, new: Floats, offsets: npt.NDArray[np.intp], cuts: npt.NDArray[np.intp]) -> list[_Run]:
    """The cheapest way through the new film, as runs of one offset."""
    change = np.full(len(new), _INSIDE)
    change[cuts] = _AT_CUT
    total = np.zeros(len(offsets) + 1)
    began = np.zeros(len(offsets) + 1, np.intp)
    last_state, last_began = np.zeros(len(new), np.intp), np.zeros(len(new), np.intp)
    for first in range(0, len(new), _BLOCK):
        costs = _costs(old, new, offsets, first, min(first + _BLOCK, len(new)))
        for j, cost in enumerate(costs, first):
            if j:
                jump = total.min() + change[j]
                began[jump < total] = j
                total = np.minimum(total, jump)
            total = total + cost
            last_state[j] = best = total.argmin()
            last_began[j] = began[best]
    runs: list[_Run] = []
    end = len(new)
    while end > 0:
        state, start = int(last_state[end - 1]), int(last_began[end - 1])
        runs.append(_Run(start, end, int(offsets[state]) if state < len(offsets) else None))
        end = start
    return runs[::-1]


def _costs(old: Floats, new: Floats, offsets: npt.NDArray[np.intp], first: int, end: int) -> npt.NDArray[np.float64]:
    """(end - first, K + 1) what each new frame costs at each offset, and as new material."""
    costs = np.ones((end - first, len(offsets) + 1))
    costs[:, -1] = NEW
    for column, offset in enumerate(offsets.tolist()):
        a, b = max(first, -offset), min(end, len(old) - offset)
        if a < b:
            costs[a - first : b - first, column] = distances_in_step(new[a:b], old[a + offset : b + offset])
    return costs


# --- step 3: settling -------------------------------------------------------------------------------------------------


def _settled(runs: list[_Run], old: Floats, new: Floats, cuts: npt.NDArray[np.intp]) -> list[_Run]:
    """Changes of offset moved to the last cut at which the pictures fit as well."""
    done = list(runs)
    for i in range(len(done) - 1):
        before, after = done[i], done[i + 1]
        if before.offset is None or after.offset is None:
            continue
        fits_before = _fits(old, new, before.offset, before, after)
        fits_after = _fits(old, new, after.offset, before, after)
        at = before.end - before.first
        latest = before.end + _leading(fits_before[at:])
        earliest = before.end - _leading(fits_after[:at][::-1])
        fitting = cuts[(cuts >= earliest) & (cuts <= latest) & (cuts > before.first) & (cuts < after.end)]
        if len(fitting):
            cut = int(fitting[-1])
            done[i], done[i + 1] = _Run(before.first, cut, before.offset), _Run(cut, after.end, after.offset)
    return done


def _fits(old: Floats, new: Floats, offset: int, before: _Run, after: _Run) -> npt.NDArray[np.bool_]:
    """Which frames of two runs show the old film at an offset, as nearly as one of them does."""
    costs = _costs(old, new, np.array([offset], np.intp), before.first, after.end)[:, 0]
    own = costs[: before.end - before.first] if offset == before.offset else costs[before.end - before.first :]
    return np.asarray(costs <= SAME + 1.5 * float(np.median(own)))


def _leading(flags: npt.NDArray[np.bool_]) -> int:
    """How many are true from the beginning on."""
    return len(flags) if flags.all() else int(np.argmin(flags))
