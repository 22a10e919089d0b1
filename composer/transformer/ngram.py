"""The strongest simple baseline: counted contexts, on the same events, windows and conditions as the transformer (`bits.measure_bits`).

For each factor several *chains* of contexts, general to special. A chain's estimate is interpolated absolute discounting (Ney, Essen and
Kneser 1994): p_k = (max(c − D, 0) + D · T · p_{k−1}) / n. Long-term chains are counted on the train split; local ones in the window
itself before the note (as in the two-part models of Conklin and Witten 1995, IDyOM, PPM), on top of the first long-term chain. Pitch
chains also predict in other views: as a step from the last pitch, above the chord's root, above the note that a copy suggests.
Estimates are mixed by weights that depend on how often each context was seen, on the role and on the place in a chord; the mixture is
fitted on the valid split by gradient (the generalised EM step: posterior minus prior). Every estimate sums to one, so the mixture does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from composer.transformer import vocabulary as V
from composer.transformer.batches import Batch, Store, collate, plain_windows
from composer.transformer.bits import Array, Change, Window, chosen_windows
from composer.transformer.ngram_features import CHAINS, COLUMNS, Chain, features, mix

Columns = dict[str, Array]
_DISCOUNT = 0.7
_BIG = 1 << 40


def _contexts(chain: Chain, columns: Columns) -> list[Array]:
    key = np.zeros(len(columns["order"]), dtype=np.uint64)
    found = []
    for level in chain.levels:
        key = mix(key, *(columns[word] for word in level.split()))
        found.append(key)
    return found


def _seen_as(chain: Chain, factor: str, columns: Columns, values: Array) -> Array:
    return np.asarray((values - columns[chain.view]) % V.FACTORS[factor] if chain.view else values)


class _Level:
    """Counts of one level: of (context, value), of contexts, and of different values in a context."""

    def __init__(self, contexts: Array, values: Array) -> None:
        pairs, where, count = np.unique(mix(contexts, values), return_index=True, return_counts=True)
        self.pairs, self.pair_counts = pairs, count.astype(np.int32)
        self.contexts, inverse = np.unique(contexts[where], return_inverse=True)
        self.types = np.bincount(inverse).astype(np.int32)
        self.totals = np.bincount(inverse, weights=count).astype(np.int32)

    def look(self, contexts: Array, values: Array) -> tuple[Array, Array, Array]:
        """Count of the pair, count of the context, different values in it."""
        return (
            _found(self.pairs, self.pair_counts, mix(contexts, values)),
            _found(self.contexts, self.totals, contexts),
            _found(self.contexts, self.types, contexts),
        )


def _found(keys: Array, values: Array, asked: Array) -> Array:
    index = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[index] == asked, values[index], 0)


class _Earlier:
    """How often a key stood before a place."""

    def __init__(self, keys: Array, order: Array) -> None:
        self.names, number = np.unique(keys, return_inverse=True)
        self.places = np.sort(number * _BIG + order)

    def count(self, keys: Array, order: Array) -> Array:
        """(N,) of earlier places that have the key."""
        if not len(self.names):
            return np.zeros(len(keys), dtype=np.int64)
        number = np.minimum(np.searchsorted(self.names, keys), len(self.names) - 1)
        before = np.searchsorted(self.places, number * _BIG + order) - np.searchsorted(self.places, number * _BIG)
        return np.where(self.names[number] == keys, before, 0)


class _Local:
    """Counts of one level inside windows, up to the asking event."""

    def __init__(self, contexts: Array, values: Array, order: Array) -> None:
        pairs = mix(contexts, values)
        fresh = np.unique(pairs, return_index=True)[1]  # events come in order: the first of its kind
        self.pairs, self.contexts = _Earlier(pairs, order), _Earlier(contexts, order)
        self.types = _Earlier(contexts[fresh], order[fresh])

    def look(self, contexts: Array, values: Array, order: Array) -> tuple[Array, Array, Array]:
        """As `_Level.look`."""
        return (
            self.pairs.count(mix(contexts, values), order),
            self.contexts.count(contexts, order),
            self.types.count(contexts, order),
        )


@dataclass
class _Factor:
    """One factor's counts and mixture."""

    name: str
    unigram: Array
    views: dict[str, Array]
    levels: list[list[_Level]]
    gate: Array | None = None

    def estimates(self, columns: Columns, ask: Array, values: Array) -> tuple[Array, Array]:
        """(N, C) probability of `values` at decisions `ask` by chain, and (N, G) what the gate sees (independent of the values)."""
        asked = {name: column[ask] for name, column in columns.items()}
        past = np.ones(len(columns["order"]), dtype=bool) if self.name == "onset" else columns["is_note"]
        counted = {name: column[past] for name, column in columns.items()}
        found: list[Array] = []
        seen = [np.ones(len(ask)), asked["chordal"], *(asked["role"] == r for r in range(1, len(V.ROLE_ORDER) + 1))]
        for number, chain in enumerate(CHAINS[self.name]):
            mine = _seen_as(chain, self.name, asked, values)
            p = found[0] if chain.local else self.views[chain.view][mine]
            contexts = _contexts(chain, asked)
            if chain.local:
                before, actual = _contexts(chain, counted), _seen_as(chain, self.name, counted, counted[f"y_{self.name}"])
            for k, context in enumerate(contexts):
                if chain.local:
                    c, n, types = _Local(before[k], actual, counted["order"]).look(context, mine, asked["order"])
                else:
                    c, n, types = self.levels[number][k].look(context, mine)
                share = np.maximum(n, 1)
                p = np.where(n > 0, (np.maximum(c - _DISCOUNT, 0) + _DISCOUNT * types * p) / share, p)
                if k >= len(contexts) - 3:
                    seen += [np.log1p(n) / 4, np.where(n > 0, types / share, 1.0)]
            found.append(p)
        return np.stack(found, 1), np.stack([np.asarray(s, dtype=float) for s in seen], 1)

    def mixed(self, estimates: Array, seen: Array) -> Array:
        """(N,) the mixture's probability."""
        weights = np.full(estimates.shape, 1 / estimates.shape[1]) if self.gate is None else _softmax(seen @ self.gate)
        return np.asarray((weights * estimates).sum(1))

    def fit(self, estimates: Array, seen: Array, rng: np.random.Generator, steps: int = 500, size: int = 4096) -> None:
        """Weights that make what came most likely, by Adam."""
        gate = np.zeros((seen.shape[1], estimates.shape[1]))
        mean, square = np.zeros_like(gate), np.zeros_like(gate)
        for step in range(1, steps + 1):
            drawn = rng.integers(len(estimates), size=min(size, len(estimates)))
            weights = _softmax(seen[drawn] @ gate)
            posterior = weights * estimates[drawn]
            posterior /= posterior.sum(1, keepdims=True)
            slope = seen[drawn].T @ (posterior - weights) / len(drawn) - 1e-5 * gate
            mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
            rate = 0.05 * min(1.0, 2 * (1 - step / (steps + 1)))
            gate += rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        self.gate = gate


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


class NGram:
    """The trained baseline; `bits` and `unigram` are scorers as `bits.measure_bits` wants them."""

    def __init__(self, factors: list[_Factor]) -> None:
        self.factors = factors

    def bits(self, batch: Batch) -> Array:
        """(B, 4) bits by window and factor, summed over what the batch's targets ask."""
        columns = _columns(batch)
        likely = [f.mixed(*f.estimates(columns, ask, columns[f"y_{f.name}"][ask])) for f, ask in self._asked(columns)]
        return self._sums(batch, columns, likely)

    def unigram(self, batch: Batch) -> Array:
        """(B, 4) as `bits`, of every factor's plain frequencies."""
        columns = _columns(batch)
        return self._sums(batch, columns, [f.unigram[columns[f"y_{f.name}"][ask]] for f, ask in self._asked(columns)])

    def distribution(self, batch: Batch, factor: str, ask: Array) -> Array:
        """(N, classes) what is expected at decisions `ask` (rows of `features`) given the earlier factors as they came."""
        columns, model = _columns(batch), self.factors[list(V.FACTORS).index(factor)]
        every = [model.mixed(*model.estimates(columns, ask, np.full(len(ask), value))) for value in range(V.FACTORS[factor])]
        return np.stack(every, 1)

    def _asked(self, columns: Columns) -> list[tuple[_Factor, Array]]:
        return [(f, np.flatnonzero(_counts_for(f.name, columns) & columns["learn"])) for f in self.factors]

    def _sums(self, batch: Batch, columns: Columns, likely: list[Array]) -> Array:
        found = np.zeros((len(batch.kind), len(V.FACTORS)))
        for k, ((_, ask), p) in enumerate(zip(self._asked(columns), likely, strict=True)):
            np.add.at(found[:, k], columns["row"][ask], -np.log2(p))
        return found


def _counts_for(factor: str, columns: Columns) -> Array:
    return np.ones(len(columns["order"]), dtype=bool) if factor == "onset" else columns["is_note"].astype(bool)


def _columns(batch: Batch) -> Columns:
    found = features(batch)
    return {name: found[name] for name in COLUMNS}


def _joined(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}


def train_ngram(
    store: Store, seed: int = 0, *, change: Change | None = None, context: int = 512, max_notes: int = 2_000_000, valid_windows: int = 60
) -> NGram:
    """Counts of (at most about `max_notes` notes, whole windows at random, of) train; mixtures of `valid_windows` a collection of valid.

    `change` alters conditions in both, for a baseline that was trained without them.
    """
    rng = np.random.default_rng([seed, 2])
    pieces = store.split("train")
    drawn = sum(int(piece["notes"]) for piece in pieces)
    parts: list[Columns] = []
    waiting: list[Window] = []
    for number, i in enumerate(rng.permutation(len(pieces))):
        windows = plain_windows(store, pieces[i], context, context)
        waiting += [{**w, "piece": np.array(i)} for w in windows if drawn <= max_notes or rng.random() < max_notes / drawn]
        if waiting and (len(waiting) >= 128 or number == len(pieces) - 1):
            part = _columns(collate(change(waiting, rng) if change else waiting, context))
            parts.append({name: column.astype(np.int32) for name, column in part.items()})
            waiting = []
    columns = _joined(parts)
    factors = []
    for name, classes in V.FACTORS.items():
        used = np.flatnonzero(_counts_for(name, columns))
        mine = {key: column[used] for key, column in columns.items()}
        true = mine[f"y_{name}"]
        views, levels = {}, []
        for chain in CHAINS[name]:
            values = _seen_as(chain, name, mine, true)
            count = np.bincount(values, minlength=classes) + 0.5
            views[chain.view] = count / count.sum()
            levels.append([] if chain.local else [_Level(key, values) for key in _contexts(chain, mine)])
        factors.append(_Factor(name, views[""], views, levels))
    model = NGram(factors)
    _fit(model, chosen_windows(store, "valid", context, valid_windows, seed), context, change, rng)
    return model


def _fit(model: NGram, windows: list[Window], context: int, change: Change | None, rng: np.random.Generator) -> None:
    found: list[list[tuple[Array, Array]]] = [[] for _ in model.factors]
    for start in range(0, len(windows), 64):
        some = windows[start : start + 64]
        columns = _columns(collate(change(some, rng) if change else some, context))
        for k, (factor, ask) in enumerate(model._asked(columns)):
            found[k].append(factor.estimates(columns, ask, columns[f"y_{factor.name}"][ask]))
    for factor, pairs in zip(model.factors, found, strict=True):
        factor.fit(np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs]), rng)
