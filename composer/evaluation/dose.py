"""Dose and response: plans for films made up so that their feelings fill the plane, and how one thing asked shows in one thing heard.

Conventions
-----------
Spearman's ρ is over outputs (plan × seed); its 95 % interval resamples plans with all their seeds (cluster bootstrap), since seeds of one
plan are no independent evidence; `within` is the mean of ρ inside each ensemble, so that a busy piano and a slow choir cannot make or
hide a slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.stats import qmc

from composer.film import EMOTIONS, AffectCurve, Film, Shot
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan as arrange, spot
from composer.theory.passage import Floats

#: who plays in the plans, in turn
ENSEMBLES: tuple[tuple[str, ...], ...] = (("strings",), ("strings", "brass"), ("piano",), ("orchestra",), ("woodwinds",), ("cello", "piano"))  # fmt: skip
#: how far feelings go
REACH = 0.9


def film_of(number: int, valence: Floats, arousal: Floats, rng: np.random.Generator) -> Film:
    """A film of as many seconds as there are feelings (N,) −1…1, cut every few seconds."""
    seconds, rate = len(valence), Fraction(25)
    lengths = np.maximum(0.8, rng.lognormal(np.log(3.8) - 0.125, 0.5, seconds))
    edges = [0.0, *(round(float(t) * 25) / 25 for t in np.cumsum(lengths) if t < seconds - 1), float(seconds)]
    cuts = enumerate(zip(edges, edges[1:], strict=False))
    shots = tuple(Shot(a, b, "cut" if i else "start", 0.8, 0.95, 0.0, 0.4, 0.3, 0.2) for i, (a, b) in cuts)
    emotions = ((1 / len(EMOTIONS),) * len(EMOTIONS),) * seconds
    curve = AffectCurve(tuple(map(float, range(seconds))), emotions, tuple(map(float, valence)), tuple(map(float, arousal)))
    name, still = f"dose {number:03d}.mp4", (0.2,) * seconds
    return Film(name, float(seconds), rate, 640, 360, 0.0, 0, None, round(seconds * rate), shots, curve, still, ())


def dose_plans(count: int = 54, seed: int = 0, length_s: tuple[int, int] = (30, 40)) -> list[Plan]:
    """Plans by rules for films of whole seconds (shortest, longest) whose feelings fill the square of valence × arousal, −0.9…0.9, evenly for every ensemble.

    The square is sampled by a Latin hypercube per ensemble (McKay, Beckman & Conover 1979). Every other film holds its feeling, the others
    step once by up to 0.6 in each, somewhere near the middle.
    """
    each = -(-count // len(ENSEMBLES))
    points = [qmc.LatinHypercube(2, rng=np.random.default_rng([seed, i])).random(each) for i in range(len(ENSEMBLES))]
    plans = []
    for number in range(count):
        turn, place = number % len(ENSEMBLES), number // len(ENSEMBLES)
        rng = np.random.default_rng([seed, 1000 + number])
        seconds = int(rng.integers(length_s[0], length_s[1] + 1))
        after = np.arange(seconds) >= round(seconds * rng.uniform(0.4, 0.6))
        size = rng.uniform(-0.6, 0.6, 2) if (turn + place) % 2 else np.zeros(2)
        feeling = REACH * (2 * points[turn][place] - 1)
        valence, arousal = (np.clip(f + s * (after - 0.5), -REACH, REACH) for f, s in zip(feeling, size, strict=True))
        film = film_of(number, valence, arousal, rng)
        options = Options(seed=seed + number, instruments=ENSEMBLES[turn])
        plans.append(arrange(film, spot(film, options), options))
    return plans


@dataclass(frozen=True)
class Response:
    """How one thing asked shows in one thing measured."""

    #: Spearman's ρ over all, and its 95 % interval; nan where one of the two is constant
    rho: float
    low: float
    high: float
    #: mean of ρ inside each ensemble
    within: float
    #: points that went in
    points: int


def _midranks(values: Floats, weights: Floats) -> Floats:
    """(R, N) rank of every value (N,) where it occurs weights (R, N) times; ties share their middle rank."""
    known, group = np.unique(values, return_inverse=True)
    mass = np.stack([np.bincount(group, weights=row, minlength=len(known)) for row in weights])
    return np.asarray((np.cumsum(mass, axis=1) - mass / 2)[:, group])


def spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    """(R,) Spearman's rho of x and y (N,) where every pair occurs weights (R, N) times; nan where one is constant."""
    one, two = (r - np.average(r, axis=1, weights=weights)[:, None] for r in (_midranks(x, weights), _midranks(y, weights)))
    spread = np.sqrt((weights * one**2).sum(axis=1) * (weights * two**2).sum(axis=1))
    return np.asarray((weights * one * two).sum(axis=1) / np.where(spread > 1e-9, spread, np.nan))


def response(rows: Floats, groups: Sequence[tuple[str, ...]], resamples: int = 1000) -> Response:
    """Response from rows of (plan, asked, heard); `groups` (plans,) tells the ensembles."""
    number, (asked, heard) = rows[:, 0].astype(np.int64), rows[:, 1:].T
    drawn = (
        np.random.default_rng(0).multinomial(len(groups), np.full(len(groups), 1 / len(groups)), resamples)[:, number].astype(np.float64)
    )
    found = spearman(asked, heard, drawn[drawn.sum(axis=1) > 0])
    found = found[np.isfinite(found)]
    low, high = (float(q) for q in np.quantile(found, [0.025, 0.975])) if len(found) else (float("nan"), float("nan"))
    mine = [np.array([groups[n] == group for n in number]) for group in sorted(set(groups))]
    inside = [float(spearman(asked[m], heard[m], np.ones((1, m.sum())))[0]) for m in mine if m.any()]
    known = [rho for rho in inside if np.isfinite(rho)]
    rho = float(spearman(asked, heard, np.ones((1, len(rows))))[0])
    return Response(rho, low, high, float(np.mean(known)) if known else float("nan"), len(rows))
