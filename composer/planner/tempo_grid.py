"""Which beat for which hit: the exact search for a section's bars, over all its base tempi at once.

Conventions
-----------
Time is counted in *steps* of 1/N of a plain 4/4 bar at the base tempo (N = 96 to look through all base tempi, 192 to look closely at one).
A bar of b beats in tempo state j lasts round(b · (N + j) / 4) steps: j > 0 is slower than the base. A path is a row of bars from the section's start to its end, both
on bar lines. Its score is the sum of

* what every hit is worth that falls within its tolerance of a downbeat, a beat or (soft hits only) a half-beat,
* less a price for odd bars, for leaving the base tempo, and for every change from bar to bar (at most 3 %, 4 % at a high price);
  slowing down costs little in the last two bars (ritardando).

The best path is found by dynamic programming over (step, state): exact on this grid, linear in the section's length. All steps that lie
closer together than the shortest bar cannot depend on one another, so each such block is one array operation over steps, and over bases.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.cues import HitPoint

Floats = NDArray[np.float32]

#: what a hit is worth, times its weight
HIT_WORTH = 8.0
USER_WORTH = 40.0
#: how much of it, by place in the bar
_DOWNBEAT, _STRONG, _BEAT, _BETWEEN = 1.0, 0.97, 0.92, 0.7
#: a cut heavy enough for a hard hit may be marked softly, between two beats
_SYNCOPE = 0.58
#: prices of odd bars: one beat less or more; the first bar of a cue may be a pickup for less
_ODD_BAR, _PICKUP = 3.8, 1.6
#: price of a change by a per cent (squared), of a steep one, and of a per cent away from the base for a plain bar (squared)
_CHANGE, _STEEP, _AWAY = 0.05, 2.5, 0.005
_RITARDANDO_BARS = 2.2
_NEVER = np.float32(-1e9)


@dataclass(frozen=True)
class Path:
    """A way through one section."""

    #: index into the bases that were asked
    base: int
    #: beats of every bar
    beats: tuple[int, ...]
    #: tempo of every bar, qpm
    qpm: tuple[float, ...]
    #: (hit's index, half-beats since the section began) of every hit that was reached
    placed: tuple[tuple[int, int], ...]
    #: the higher the better
    score: float


def best_paths(
    length_s: float,
    hits: Sequence[HitPoint],
    times_s: Sequence[float],
    bases_qpm: Sequence[float],
    beats: int,
    tolerances_s: tuple[float, float],
    grid: Grid,
    *,
    opens: bool,
) -> list[Path | None]:
    """The best path for every base tempo; None where no row of bars fits.

    `times_s` are the hits' times since the section began, `tolerances_s` those of hard and of soft hits; `beats` is the number of quarter notes in a plain bar; `opens` says that a cue
    begins here.
    """
    search = _Search(length_s, hits, times_s, np.asarray(bases_qpm), beats, tolerances_s, grid, opens)
    search.run()
    return [search.path(b) for b in range(len(bases_qpm))]


@dataclass(frozen=True)
class Grid:
    """How finely time and tempo are cut."""

    #: steps in a 4/4 bar at the base tempo; one step more or less is one tempo state
    bar_steps: int
    #: states on either side of the base
    reach: int
    #: the most a bar may differ from the one before, states; beyond `easy` at a high price
    most_change: int
    easy_change: int

    @functools.cached_property
    def states(self) -> NDArray[np.intp]:
        """(J,) steps that a bar is longer than at the base tempo."""
        return np.arange(-self.reach, self.reach + 1)

    @functools.cache  # noqa: B019 - two grids live as long as the program
    def steps(self, beats: int) -> NDArray[np.intp]:
        """(J,) steps of a bar of that many beats in each state."""
        return np.rint(beats * (self.bar_steps + self.states) / 4).astype(np.intp)

    def change_price(self, states: int) -> float:
        """Price of a change between neighbouring bars."""
        return _CHANGE * (100 * states / self.bar_steps) ** 2 + (_STEEP if abs(states) > self.easy_change else 0.0)

    def away_price(self, state: int) -> float:
        """Price of a plain bar in the state of that index."""
        return _AWAY * (100 * float(self.states[state]) / self.bar_steps) ** 2

    def qpm(self, base_qpm: float, state: int) -> float:
        """Tempo of a state (not its index)."""
        return base_qpm * self.bar_steps / (self.bar_steps + state)


#: 7 of 96 is 7.3 %: that leaves room to even out within 8 %
COARSE = Grid(96, 7, 4, 3)
FINE = Grid(192, 15, 7, 5)


class _Search:
    """The arrays of one section's search; axis 0 is the base, the last axis the step (with `pad` steps before the start)."""

    def __init__(
        self,
        length_s: float,
        hits: Sequence[HitPoint],
        times_s: Sequence[float],
        bases_qpm: NDArray[np.float64],
        beats: int,
        tolerances_s: tuple[float, float],
        grid: Grid,
        opens: bool,
    ) -> None:
        self.hits, self.grid, self.bases_qpm = hits, grid, bases_qpm.tolist()
        self.metres = [beats, *(b for b in (beats - 1, beats + 1) if b >= 2)]
        self.step_s = 240.0 / bases_qpm / grid.bar_steps
        self.ends = np.maximum(1, np.rint(length_s / self.step_s)).astype(np.intp)
        self.at_steps = np.asarray(times_s, dtype=np.float64)[:, None] / self.step_s * (self.ends * self.step_s / length_s)  # (H, B)
        self.tolerances = (
            np.asarray(tolerances_s)[:, None] / self.step_s + 0.3
        )  # (hard and soft, B): what a third of a step adds, evening out takes away again
        self.opens = opens
        self.pad = int(self.grid.steps(self.metres[-1]).max())
        self.size = int(self.ends.max()) + 1
        shape = (len(bases_qpm), len(self.grid.states), self.pad + self.size)
        self.best = np.full(shape, _NEVER, np.float32)
        self.open = np.full(shape, _NEVER, np.float32)  # the best of a state's neighbours, changes paid
        self.best[:, :, self.pad] = self.open[:, :, self.pad] = 0.0
        self.worth = self._worth()

    def _worth(self) -> Floats:
        """(B, metres, J, steps) what the hits inside a bar are worth, by the step at which the bar ends."""
        worth = np.zeros((len(self.step_s), len(self.metres), len(self.grid.states), self.size), np.float32)
        base = np.arange(len(self.step_s))[:, None, None]
        state = np.arange(len(self.grid.states))[None, :, None]
        for i, hit in enumerate(self.hits):
            for m, beats in enumerate(self.metres):
                halves = np.arange(2 * beats)
                value = np.array([_place_worth(hit, int(k), beats) for k in halves], np.float32)
                soft = np.array([is_soft(hit, int(k)) for k in halves], np.intp)
                tolerance = self.tolerances[soft].T[:, None, :]  # (B, 1, K)
                lengths = self.grid.steps(beats)[None, :, None]
                ends = self.at_steps[i][:, None, None] + lengths * (1 - halves / (2 * beats))  # (B, J, K)
                for shift in (-1, 0, 1, 2):
                    step = np.floor(ends).astype(np.intp) + shift
                    near = (np.abs(step - ends) <= tolerance) & (step >= 0) & (step < self.size) & (value > 0)
                    where = np.broadcast_arrays(base, state, step, value)
                    np.add.at(worth, (where[0][near], m, where[1][near], where[2][near]), where[3][near])
        return worth

    def run(self) -> None:
        """Fill `best` and `open`."""
        shortest = int(self.grid.steps(min(self.metres)).min())
        for first in range(1, self.size, shortest):
            last = min(first + shortest, self.size)
            here = slice(self.pad + first, self.pad + last)
            for m, beats in enumerate(self.metres):
                for j, length in enumerate(self.grid.steps(beats).tolist()):
                    ways = self.open[:, j, here.start - length : here.stop - length] + self.worth[:, m, j, first:last]
                    ways -= self._price(m, j)
                    if m and self.opens and first <= length < last:  # the bar that begins at step 0: a pickup
                        ways[:, length - first] += _ODD_BAR - _PICKUP
                    np.maximum(self.best[:, j, here], ways, out=self.best[:, j, here])
            self._open(here, np.arange(first, last))

    def _price(self, metre: int, state: int) -> float:
        length = self.metres[metre] / self.metres[0]
        return (_ODD_BAR if metre else 0.0) + length * self.grid.away_price(state)

    def _open(self, here: slice, steps: NDArray[np.intp]) -> None:
        """What a bar that begins at these steps may build on, by its own state."""
        block = self.best[:, :, here]
        ending = steps[None, :] >= self.ends[:, None] - _RITARDANDO_BARS * self.grid.bar_steps * self.metres[0] / 4  # (B, steps)
        for change in range(-self.grid.most_change, self.grid.most_change + 1):
            states = slice(max(0, change), len(self.grid.states) + min(0, change))
            before = slice(max(0, -change), len(self.grid.states) + min(0, -change))
            price = np.where(ending & (change > 0), 0.3, 1.0) * self.grid.change_price(change)
            np.maximum(self.open[:, states, here], block[:, before] - price[:, None, :].astype(np.float32), out=self.open[:, states, here])

    def path(self, base: int) -> Path | None:
        """Walk back from the section's end; every choice is found again by its score."""
        step = int(self.ends[base])
        last = self.best[base, :, self.pad + step]
        j = int(last.argmax())
        if last[j] <= _NEVER / 2:
            return None
        score = float(last[j])
        bars: list[tuple[int, int, int]] = []  # beats, state, first step
        while step > 0:
            m, start, before = self._back(base, j, step)
            bars.append((self.metres[m], j, start))
            step, j = start, before
        bars.reverse()
        placed = self._placed(base, bars)
        return Path(
            base,
            tuple(b for b, _, _ in bars),
            tuple(self.grid.qpm(self.bases_qpm[base], int(self.grid.states[j])) for _, j, _ in bars),
            placed,
            score,
        )

    def _back(self, base: int, j: int, step: int) -> tuple[int, int, int]:
        """(metre, first step, state before) of the bar in state j that ends at a step on the best path."""
        found: list[tuple[float, int, int, int]] = []
        for m, beats in enumerate(self.metres):
            start = step - int(self.grid.steps(beats)[j])
            if start < 0:
                continue
            price = self._price(m, j) - (_ODD_BAR - _PICKUP if m and self.opens and start == 0 else 0.0)
            gain = float(self.worth[base, m, j, step]) - price
            found.append((float(self.open[base, j, self.pad + start]) + gain, -m, start, 0))
        _, negative, start, _ = max(found)
        if start == 0:
            return -negative, 0, j
        is_ending = start >= self.ends[base] - _RITARDANDO_BARS * self.grid.bar_steps * self.metres[0] / 4
        ways = []
        for before in range(max(0, j - self.grid.most_change), min(len(self.grid.states), j + self.grid.most_change + 1)):
            price = self.grid.change_price(j - before) * (0.3 if is_ending and j > before else 1.0)
            ways.append((float(self.best[base, before, self.pad + start]) - price, -abs(j - before), before))
        return -negative, start, max(ways)[2]

    def _placed(self, base: int, bars: Sequence[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
        placed, halves = [], 0
        for beats, j, start in bars:
            length = int(self.grid.steps(beats)[j])
            for i, hit in enumerate(self.hits):
                place = (float(self.at_steps[i, base]) - start) / length * 2 * beats
                k = round(place)
                tolerance = self.tolerances[int(is_soft(hit, k)), base]
                if 0 <= k < 2 * beats and abs(place - k) * length / (2 * beats) <= tolerance and _place_worth(hit, k, beats) > 0:
                    placed.append((i, halves + k))
            halves += 2 * beats
        return tuple(placed)


def is_soft(hit: HitPoint, half: int) -> bool:
    """Whether a hit is marked softly on a half-beat: a light one anywhere, a heavy one between two beats."""
    return not hit.is_hard or half % 2 == 1


def _place_worth(hit: HitPoint, half: int, beats: int) -> float:
    """What a hit is worth on a half-beat of a bar; 0 where it may not stand."""
    worth = USER_WORTH if hit.is_own else HIT_WORTH * hit.weight
    if half % 2:
        return worth * (_SYNCOPE if hit.is_hard else _BETWEEN)
    strong = half == 4 and beats == 4
    return worth * (_DOWNBEAT if half == 0 else _STRONG if strong else _BEAT)
