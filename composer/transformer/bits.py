"""Bits per note on music that training never saw: of the model, of a baseline, with true, wrong or no conditions.

Every scorer is asked about the same events: pieces of a split in windows that overlap by half, each event counted once, with at least
half a window before it (but at the piece's start). A note costs the sum of its factors; that a segment ends (END) is part of onset.
What is not counted, for anybody: headers (they are given), and the END after a piece's very last note (no event follows it).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from composer.transformer import vocabulary as V
from composer.transformer.batches import Batch, Store, collate, plain_windows
from composer.transformer.echoes import HEADER
from composer.transformer.model import IGNORE, Events, Targets, Transformer

Array = NDArray[Any]
Window = dict[str, Array]
#: a batch → (B, 4) bits by window and factor, summed over what its targets ask
Scorer = Callable[[Batch], Array]
#: windows of one batch and a generator → the same windows with other "fields"; each window has "piece", its piece's number
Change = Callable[[list[Window], np.random.Generator], list[Window]]

_FRAME = tuple(V.FIELD_INDEX[n] for n in ("metre", "tempo", "lines"))
_TEXTURE = tuple(V.FIELD_INDEX[n] for n in ("density", "register", "loudness", "voices"))
_PLAN = tuple(i for i in range(len(V.BAR_FIELDS)) if i not in _FRAME)
_MEMORY = tuple(V.FIELD_INDEX[n] for n in ("before", "held", "slot"))
_CAST = tuple(V.FIELD_INDEX[n] for n in ("instrument", "role"))


@dataclass(frozen=True)
class BitsTable:
    """Costs by piece; everything else is computed from them."""

    #: (P,) collection of each measured piece
    collection: Array
    #: (P, 4) bits by factor (order of `vocabulary.FACTORS`), and (P,) notes they are for
    bits: Array
    notes: Array
    #: notes of each collection in the whole split: its weight in the total, however many windows were measured
    sizes: dict[str, int]

    def per_note(self, collection: str | None = None) -> dict[str, float]:
        """Bits per note by factor, `music` (all but velocity) and `total`; of one collection, or of the split."""
        names = list(self.sizes) if collection is None else [collection]
        return self._named(self._mean(self.bits, self.notes, names))

    def interval(
        self, key: str = "total", collection: str | None = None, *, other: BitsTable | None = None, draws: int = 1000
    ) -> tuple[float, float]:
        """95 % bootstrap interval over pieces (drawn within their collections) of per_note()[key], or of what `other` costs more.

        `other` must have measured the same windows: then the draws are paired.
        """
        if other is not None and not np.array_equal(other.notes, self.notes):
            raise ValueError("the two tables measured different windows")
        bits = self.bits if other is None else other.bits - self.bits
        names = list(self.sizes) if collection is None else [collection]
        rng = np.random.default_rng(0)
        groups = [np.flatnonzero(self.collection == name) for name in names]
        found = []
        for _ in range(draws):
            drawn = np.concatenate([rng.choice(group, len(group)) for group in groups])
            found.append(self._named(self._mean(bits[drawn], self.notes[drawn], names, self.collection[drawn]))[key])
        low, high = np.quantile(found, [0.025, 0.975])
        return float(low), float(high)

    def lines(self) -> list[str]:
        """The table for people: collections, then the split with its interval."""
        heads = (*V.FACTORS, "music", "total")
        found = [f"{'':26s}" + "".join(f"{head:>10s}" for head in heads) + f"{'notes':>10s}"]
        for name in (*self.sizes, None):
            mine = self.notes if name is None else self.notes[self.collection == name]
            found.append(
                f"{name or 'all':26s}" + "".join(f"{self.per_note(name)[head]:10.3f}" for head in heads) + f"{int(mine.sum()):10d}"
            )
        low, high = self.interval()
        return [*found, f"all, total: 95 % between {low:.3f} and {high:.3f}"]

    def _mean(self, bits: Array, notes: Array, names: list[str], collection: Array | None = None) -> Array:
        where = self.collection if collection is None else collection
        sizes = np.array([self.sizes[name] for name in names], dtype=float)
        means = np.stack([bits[where == name].sum(0) / max(1, notes[where == name].sum()) for name in names])
        return np.asarray((sizes[:, None] * means).sum(0) / sizes.sum())

    @staticmethod
    def _named(bits: Array) -> dict[str, float]:
        found = {name: float(b) for name, b in zip(V.FACTORS, bits, strict=True)}
        return {**found, "music": float(bits[:3].sum()), "total": float(bits.sum())}


def held_out_windows(store: Store, piece: dict[str, Any], context: int) -> list[Window]:
    """A piece in windows that overlap by half; "learn" marks every event but the last exactly once."""
    stride = context // 2
    windows = plain_windows(store, piece, context, stride)
    for window in windows[1:]:
        # the last event of the window before has its follower only here
        window["learn"][context - stride - 1] = True
    return windows


def chosen_windows(store: Store, split: str, context: int, max_windows: int | None, seed: int) -> list[Window]:
    """At most so many windows per collection, evenly spread over all of its music, each with "piece" (number in the split).

    They come in a random order, so that a batch holds windows of many pieces.
    """
    by_collection: dict[str, list[Window]] = {}
    for number, piece in enumerate(store.split(split)):
        for window in held_out_windows(store, piece, context):
            by_collection.setdefault(str(piece["collection"]), []).append({**window, "piece": np.array(number)})
    found: list[Window] = []
    for windows in by_collection.values():
        step = 1.0 if max_windows is None else max(1.0, len(windows) / max_windows)
        found += [windows[int(i)] for i in np.arange(0, len(windows), step) + (step - 1) / 2 if i < len(windows)]
    return [found[i] for i in np.random.default_rng(seed).permutation(len(found))]


def measure_bits(
    model: Transformer | Scorer, store: Store, split: str, *, change: Change | None = None, context: int | None = None, max_windows: int | None = 64,
    seed: int = 0, batch: int = 16, progress: Callable[[str], None] | None = None,
) -> BitsTable:  # fmt: skip
    """What a split costs. `context` is the model's own where it has one (else 512); `max_windows` holds per collection."""
    scorer = model_scorer(model) if isinstance(model, Transformer) else model
    context = context or (model.config.context if isinstance(model, Transformer) else 512)
    pieces = store.split(split)
    windows = chosen_windows(store, split, context, max_windows, seed)
    rng = np.random.default_rng([seed, 1])
    bits, notes = np.zeros((len(pieces), len(V.FACTORS))), np.zeros(len(pieces), dtype=np.int64)
    for start in range(0, len(windows), batch):
        some = windows[start : start + batch]
        one = collate(change(some, rng) if change else some, context)
        numbers = np.array([int(window["piece"]) for window in some])
        np.add.at(bits, numbers, scorer(one))
        np.add.at(notes, numbers, (one.targets["pitch"] >= 0).sum(1))
        if progress:
            progress(f"{min(start + batch, len(windows))} of {len(windows)} windows")
    heard = np.flatnonzero(notes > 0)
    sizes: dict[str, int] = {}
    for i in heard:
        sizes[str(pieces[i]["collection"])] = 0
    for piece in pieces:
        if piece["collection"] in sizes:
            sizes[str(piece["collection"])] += int(piece["notes"])
    return BitsTable(np.array([str(pieces[i]["collection"]) for i in heard]), bits[heard], notes[heard], sizes)


def model_scorer(model: Transformer) -> Scorer:
    """The transformer's costs, float32."""

    def score(batch: Batch) -> Array:
        events = Events(*(torch.from_numpy(np.ascontiguousarray(getattr(batch, name))) for name in Events._fields))
        targets = Targets(*(torch.from_numpy(batch.targets[name]) for name in Targets._fields))
        with torch.inference_mode():
            return _costs(model.eval(), events, targets).numpy()

    return score


def _costs(model: Transformer, events: Events, targets: Targets) -> Tensor:
    """(B, 4) bits by window and factor; as `Transformer.forward`, which sums over the batch."""
    stream = model.stream(events, model.conditions(events.fields))
    windows = torch.arange(len(events.kind))[:, None].expand_as(events.kind)
    found = torch.zeros(len(events.kind), len(V.FACTORS), dtype=torch.float64)
    asked, note = targets.onset != IGNORE, targets.pitch != IGNORE
    h, rows = stream[note], events.segment[note]
    onset, pitch, duration, velocity = (target[note] for target in targets)
    chord = model.chord_at(events.fields[rows], events.half[rows], onset)
    for factor, logits, true, window in (
        (0, model.onset_out(stream[asked]), targets.onset[asked], windows[asked]),
        (1, model.pitch_logits(h, onset, chord), pitch, windows[note]),
        (2, model.duration_logits(h, onset, pitch), duration, windows[note]),
        (3, model.velocity_logits(h, onset, pitch, duration), velocity, windows[note]),
    ):
        cost = F.cross_entropy(logits.float(), true, reduction="none").double() / math.log(2)
        found[:, factor].index_add_(0, window, cost)
    return found


# --- conditions ------------------------------------------------------------------------------------------------------------------


def _keeping(fields: tuple[int, ...]) -> Change:
    def change(windows: list[Window], rng: np.random.Generator) -> list[Window]:
        del rng
        keep = np.isin(np.arange(len(V.FIELDS)), fields)
        return [{**window, "fields": np.where(keep, window["fields"], 0)} for window in windows]

    return change


def planned(plan: Callable[[Window], Array]) -> Change:
    """Conditions from outside, such as the rule planner's: a window → its new (R, len(FIELDS)) fields."""
    return lambda windows, rng: [{**window, "fields": plan(window)} for window in windows]


def segment_bars(window: Window) -> Array:
    """(R,) bar of each of a window's segments, from 0: segments whose headers stand at one time share a bar."""
    header = window["event"][:, 0] == HEADER
    begins = np.zeros(len(window["fields"]), dtype=np.int64)  # a first segment without its header lies in the bar at time 0
    begins[window["segment"][header]] = window["time"][header]
    return np.unique(begins, return_inverse=True)[1]


def _shuffling(texture: bool) -> Change:
    texture_at = np.array(_TEXTURE)

    def change(windows: list[Window], rng: np.random.Generator) -> list[Window]:
        pieces = np.array([int(window["piece"]) for window in windows])
        bars = [segment_bars(window) for window in windows]
        found = []
        for i, window in enumerate(windows):
            others = np.flatnonzero(pieces != pieces[i])
            fields = window["fields"].copy()
            if len(others):
                # as long as possible like its own: the three nearest in bars
                near = others[np.argsort(np.abs([int(bars[j].max()) - int(bars[i].max()) for j in others]), kind="stable")[:3]]
                j = int(rng.choice(near))
                giver = windows[j]["fields"]
                first = np.searchsorted(bars[j], bars[i] % (bars[j].max() + 1))
                fields[:, _PLAN] = giver[first][:, _PLAN]
                if texture:
                    for role in np.unique(fields[:, V.FIELD_INDEX["role"]]):
                        mine, theirs = (np.flatnonzero(f[:, V.FIELD_INDEX["role"]] == role) for f in (fields, giver))
                        if len(theirs):
                            fields[np.ix_(mine, texture_at)] = giver[np.ix_(theirs[np.arange(len(mine)) % len(theirs)], texture_at)]
            found.append({**window, "fields": fields})
        return found

    return change


#: `shuffled`: harmony, feeling and form of another piece, bar by bar, and density, register, loudness and voices of its lines of the
#: same role; `shuffled plan`: without the latter (metre, tempo and number of lines stay, they are the page the music is written on).
#: `without`: only who plays, and what a line remembers; `bare`: only what it remembers.
VARIANTS: dict[str, Change | None] = {
    "as labelled": None,
    "shuffled plan": _shuffling(False),
    "shuffled": _shuffling(True),
    "without": _keeping((*_CAST, *_MEMORY)),
    "bare": _keeping(_MEMORY),
}
