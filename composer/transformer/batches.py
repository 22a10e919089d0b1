"""Prepared music → batches: which stretch of which piece, moved, thinned and relabelled how.

A batch is a function of (seed, step, rank) alone, so a training that was cut off continues with the batches it would have seen.
Only numpy: the training machine may have nothing else.

Store (written by `data.store`, all arrays memory-mapped)
---------------------------------------------------------
``events`` (E, 4) uint8 onset (255: header), sounding pitch, duration, velocity · ``event_segment`` (E,) int32 ·
``segments`` (S, 11) int16 SEGMENT_COLUMNS · ``segment_bar`` (S,) int32 · ``bars`` (B, …) int16 BAR_COLUMNS · ``bar_start`` (B,) int32
ticks from the piece's start · ``index.json`` pieces with their ranges · ``meta.json`` version and instruments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.transformer import vocabulary as V
from composer.transformer.echoes import HEADER, echoes

Array = NDArray[Any]
SEGMENT_COLUMNS = ("instrument", "role", "density", "register", "loudness", "voices", "before", "held", "line", "low", "high")
#: bar fields with pitch classes as they sound (the reference is chosen per batch), then the bar's length
BAR_COLUMNS = (*V.BAR_FIELDS, "ticks")
_S = {name: i for i, name in enumerate(SEGMENT_COLUMNS)}
_B = {name: i for i, name in enumerate(BAR_COLUMNS)}


@dataclass(frozen=True)
class Augment:
    """How training music is varied; probabilities per example unless said otherwise."""

    #: move everything by −5…+6 semitones away from its own key
    transpose: float = 0.25
    #: leave out some lines
    drop_lines: float = 0.3
    #: give a line to another instrument that can play it (per line)
    recast: float = 0.1
    #: play at a neighbouring tempo, or a dynamic louder or softer
    jitter: float = 0.3
    #: begin with an earlier passage of the piece, as themes return
    recall: float = 0.2
    #: forget all conditions of the bar, or all of feeling (for guidance)
    forget_bar: float = 0.08
    forget_affect: float = 0.12
    #: forget one field (per field)
    forget_field: float = 0.06


PLAIN = Augment(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Batch:
    """Arrays as `model.Events` and `model.Targets` want them, by the same names."""

    kind: Array
    onset: Array
    pitch: Array
    duration: Array
    velocity: Array
    segment: Array
    echo: Array
    time: Array
    fields: Array
    half: Array
    targets: dict[str, Array]

    @property
    def notes(self) -> int:
        """Notes that are learnt from."""
        return int((self.targets["pitch"] >= 0).sum())


class Store:
    """Prepared music on disk."""

    def __init__(self, folder: Path) -> None:
        self.meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        if self.meta["version"] != V.VERSION:
            raise ValueError(f"{folder} holds data of version {self.meta['version']}, this program reads {V.VERSION}: prepare it again")
        self.pieces: list[dict[str, Any]] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        names = ("events", "event_segment", "segments", "segment_bar", "bars", "bar_start")
        self.arrays: dict[str, Array] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
        self.instruments: list[str] = self.meta["instruments"]
        self.ranges: Array = np.array(self.meta["ranges"], dtype=np.int64)  # (I, 2)
        self.recastable: Array = np.array(self.meta["pitched"], dtype=bool)

    def split(self, name: str) -> list[dict[str, Any]]:
        """Pieces of "train", "valid" or "test"."""
        return [piece for piece in self.pieces if piece["split"] == name]


class Sampler:
    """Draws batches from one split."""

    def __init__(self, store: Store, split: str, context: int, batch: int, seed: int, augment: Augment) -> None:
        self.store, self.context, self.batch, self.seed, self.augment = store, context, batch, seed, augment
        self.pieces = store.split(split)
        if not self.pieces:
            raise ValueError(f"the prepared data has no {split} pieces")
        sizes = np.array([piece["events"][1] - piece["events"][0] for piece in self.pieces], dtype=float)
        # long pieces are seen more often, but a symphony is not forty songs
        weights = np.array([piece.get("weight", 1.0) for piece in self.pieces]) * np.maximum(sizes, context) ** 0.85
        self.cumulative = np.cumsum(weights / weights.sum())

    def draw(self, step: int, rank: int = 0) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self.seed, step, rank])
        windows = []
        for _ in range(self.batch):
            piece = self.pieces[min(int(np.searchsorted(self.cumulative, rng.random())), len(self.pieces) - 1)]
            windows.append(_window(self.store, piece, self.context, rng, self.augment))
        return collate(windows, self.context)


def plain_windows(store: Store, piece: dict[str, Any], context: int, stride: int) -> list[dict[str, Array]]:
    """A piece in full, in windows that overlap by context − stride; key "learn" marks the events to be counted."""
    first, last = piece["events"]
    found = []
    for start in range(first, max(first + 1, last - (context - stride)), stride):
        window = _cut(store, start, min(start + context, last))
        # the last event of a window has no target there: the next window counts it
        window["learn"][: max(0, context - stride - 1) if start > first else 0] = False
        found.append(_to_reference(window, _home_shift(window)))
    return found


def _window(store: Store, piece: dict[str, Any], context: int, rng: np.random.Generator, augment: Augment) -> dict[str, Array]:
    first, last = piece["events"]
    wanted = context
    dropping = rng.random() < augment.drop_lines
    if dropping:
        wanted = context * 2
    recalls = rng.random() < augment.recall and last - first > 3 * context
    main = wanted if not recalls else wanted - context // 4
    start = int(rng.integers(first, max(first + 1, last - main + 1)))
    window = _cut(store, _bar_line(store, start, first), min(start + main, last))
    if recalls and start - first > context:
        earlier = _bar_line(store, int(rng.integers(first, start - context // 4)), first)
        window = _join(_cut(store, earlier, earlier + context // 4), window)
    if dropping:
        window = _drop_lines(window, rng)
    window = {name: array[:context] if name in _PER_EVENT else array for name, array in window.items()}
    if augment.recast:
        _recast(window, store, rng, augment.recast)
    if rng.random() < augment.jitter:
        _jitter(window, rng)
    shift = _home_shift(window, rng)
    if rng.random() < augment.transpose:
        shift += int(rng.integers(-5, 7))
    window = _to_reference(window, shift)
    _forget(window, rng, augment)
    return window


_PER_EVENT = ("event", "segment", "learn", "time")


def _bar_line(store: Store, event: int, first: int) -> int:
    """The first event of the bar that holds an event."""
    segments, bars = store.arrays["event_segment"], store.arrays["segment_bar"]
    segment = int(segments[event])
    bar = bars[segment]
    while segment > 0 and bars[segment - 1] == bar:
        segment -= 1
    back = max(first, event - 256)
    return back + int(np.searchsorted(segments[back : event + 1], segment))


def _cut(store: Store, start: int, stop: int) -> dict[str, Array]:
    """Events start … stop with the segments and bars they need, numbered from 0."""
    a = store.arrays
    segment = a["event_segment"][start:stop].astype(np.int64)
    s0, s1 = int(segment[0]), int(segment[-1]) + 1
    bar = a["segment_bar"][s0:s1].astype(np.int64)
    b0, b1 = int(bar[0]), int(bar[-1]) + 1
    event = a["events"][start:stop].astype(np.int64)
    begins = a["bar_start"][b0:b1].astype(np.int64)
    window = {
        "event": event,
        "segment": segment - s0,
        "segments": a["segments"][s0:s1].astype(np.int64),
        "bar": bar - b0,
        "bars": a["bars"][b0:b1].astype(np.int64),
        "learn": np.ones(stop - start, dtype=bool),
    }
    place = np.where(event[:, 0] == HEADER, 0, V.ONSET_TICKS[np.minimum(event[:, 0], V.ONSETS - 1)])
    window["time"] = begins[window["bar"][window["segment"]]] - begins[0] + place
    return window


def _join(before: dict[str, Array], after: dict[str, Array]) -> dict[str, Array]:
    """Two cuts as one: the earlier ends where the later begins; what follows its last event is nothing to learn."""
    before["learn"][-1] = False
    ticks = before["bars"][:, _B["ticks"]].sum()
    return {
        "event": np.concatenate([before["event"], after["event"]]),
        "segment": np.concatenate([before["segment"], after["segment"] + len(before["segments"])]),
        "segments": np.concatenate([before["segments"], after["segments"]]),
        "bar": np.concatenate([before["bar"], after["bar"] + len(before["bars"])]),
        "bars": np.concatenate([before["bars"], after["bars"]]),
        "learn": np.concatenate([before["learn"], after["learn"]]),
        "time": np.concatenate([before["time"], after["time"] + ticks]),
    }


def _drop_lines(window: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Without some of its lines, never all."""
    lines = np.unique(window["segments"][:, _S["line"]])
    if len(lines) < 2:
        return window
    share = rng.uniform(0.15, 0.7)
    kept = lines[rng.random(len(lines)) >= share]
    if len(kept) == 0:
        kept = lines[[rng.integers(len(lines))]]
    playing = np.isin(window["segments"][:, _S["line"]], kept)
    stays = playing[window["segment"]]
    if stays.sum() < 16:
        return window
    window = {name: (array[stays] if name in _PER_EVENT else array) for name, array in window.items()}
    # fewer lines play now, and the condition says so
    counts = np.bincount(window["bar"][playing], minlength=len(window["bars"]))
    window["bars"][:, _B["lines"]] = np.clip(counts, 1, V.BAR_FIELDS["lines"])
    return window


def _recast(window: dict[str, Array], store: Store, rng: np.random.Generator, chance: float) -> None:
    """Other instruments for some lines, only where the whole line lies in their range."""
    segments = window["segments"]
    for line in np.unique(segments[:, _S["line"]]):
        rows = segments[:, _S["line"]] == line
        instrument = int(segments[rows][0, _S["instrument"]]) - 1
        if rng.random() >= chance or not store.recastable[instrument]:
            continue
        low, high = segments[rows][0, _S["low"]], segments[rows][0, _S["high"]]
        able = np.flatnonzero((store.ranges[:, 0] <= low) & (store.ranges[:, 1] >= high) & store.recastable)
        if len(able):
            segments[rows, _S["instrument"]] = int(rng.choice(able)) + 1


def _jitter(window: dict[str, Array], rng: np.random.Generator) -> None:
    tempo = window["bars"][:, _B["tempo"]]
    window["bars"][:, _B["tempo"]] = np.where(tempo > 0, np.clip(tempo + rng.integers(-1, 2), 1, V.BAR_FIELDS["tempo"]), 0)
    louder = int(rng.integers(-1, 2))
    notes = window["event"][:, 0] != HEADER
    window["event"][notes, 3] = np.clip(window["event"][notes, 3] + louder, 0, V.VELOCITIES - 1)
    window["segments"][:, _S["loudness"]] = np.clip(window["segments"][:, _S["loudness"]] + louder, 1, V.VELOCITIES)


def _home_shift(window: dict[str, Array], rng: np.random.Generator | None = None) -> int:
    """Reference of a window: the key of its middle bar, or of one drawn."""
    tonics = window["bars"][:, _B["tonic"]]
    row = len(tonics) // 2 if rng is None else int(rng.integers(len(tonics)))
    return V.reference_shift(int(tonics[row]) - 1)


def _to_reference(window: dict[str, Array], shift: int) -> dict[str, Array]:
    """Pitches and pitch classes counted from a reference `shift` semitones up; fields joined; (drum keys stay)."""
    segments, bars, event = window["segments"], window["bars"].copy(), window["event"]
    drum = segments[:, _S["role"]] == V.ROLE_ORDER.index("percussion") + 1
    for name in ("root_1", "bass_1", "root_2", "bass_2", "tonic"):
        column = bars[:, _B[name]]
        bars[:, _B[name]] = np.where((column >= 1) & (column <= 12), (column - 1 - shift) % 12 + 1, column)
    shifts = np.where(drum, 0, shift)
    before = segments[:, _S["before"]]
    slots = segments[:, _S["line"]] % V.LINE_FIELDS["slot"] + 1
    line_fields = {
        "instrument": segments[:, _S["instrument"]],
        "role": segments[:, _S["role"]],
        "density": segments[:, _S["density"]],
        "register": V.register_field(segments[:, _S["register"]] - shifts),
        "loudness": segments[:, _S["loudness"]],
        "voices": segments[:, _S["voices"]],
        "before": np.where(before >= 0, V.to_relative(before, shifts) + 1, 0),
        "held": segments[:, _S["held"]],
        "slot": slots,
    }
    fields = np.concatenate([bars[window["bar"]][:, : len(V.BAR_FIELDS)], np.stack([line_fields[n] for n in V.LINE_FIELDS], 1)], 1)
    event = event.copy()
    notes = event[:, 0] != HEADER
    event[notes, 1] = V.to_relative(event[notes, 1], shifts[window["segment"][notes]])
    half = np.searchsorted(V.ONSET_TICKS, window["bars"][window["bar"], _B["ticks"]] / 2)
    return {
        "event": event,
        "segment": window["segment"],
        "learn": window["learn"],
        "time": window["time"],
        "fields": fields,
        "half": half,
        "bar": window["bar"],
        "line": segments[:, _S["line"]],
    }


def _forget(window: dict[str, Array], rng: np.random.Generator, augment: Augment) -> None:
    fields = window["fields"]
    if rng.random() < augment.forget_bar:
        fields[:, : len(V.BAR_FIELDS)] = 0
    elif rng.random() < augment.forget_affect:
        fields[:, [V.FIELD_INDEX[name] for name in V.AFFECT_FIELDS]] = 0
    for i, name in enumerate(V.FIELD_NAMES):
        if name not in ("slot", "before", "held", "instrument") and rng.random() < augment.forget_field:
            fields[:, i] = 0
    # which line has which slot must mean nothing
    slot = V.FIELD_INDEX["slot"]
    fields[:, slot] = rng.permutation(V.LINE_FIELDS["slot"])[fields[:, slot] - 1] + 1


def collate(windows: list[dict[str, Array]], context: int) -> Batch:
    """Windows of up to `context` events as one batch with its targets."""
    count = len(windows)
    shape = (count, context)
    kind, onset, pitch, duration, velocity, segment = (np.zeros(shape, dtype=np.int64) for _ in range(6))
    time = np.zeros(shape, dtype=np.float32)
    echo = np.empty((*shape, len(V.ECHOES), 4), dtype=np.int64)
    echo[:] = V.NOTHING
    targets = {name: np.full(shape, -1, dtype=np.int64) for name in V.FACTORS}
    rows, halves, base = [], [], 0
    for i, window in enumerate(windows):
        event, length = window["event"], len(window["event"])
        note = event[:, 0] != HEADER
        kind[i, :length] = np.where(note, 2, 1)
        for array, column in ((onset, 0), (pitch, 1), (duration, 2), (velocity, 3)):
            array[i, :length] = np.where(note, event[:, column], 0)
        segment[i, :length] = window["segment"] + base
        echo[i, :length] = echoes(event, window["segment"], window["bar"], window["line"])
        time[i, :length] = window["time"] / V.TICKS_PER_BEAT
        # what follows: a note of the same segment, or END before the next header
        learn, follows = window["learn"][:-1], note[1:]
        for name, column in (("onset", 0), ("pitch", 1), ("duration", 2), ("velocity", 3)):
            none = V.END if name == "onset" else -1
            targets[name][i, : length - 1] = np.where(learn, np.where(follows, event[1:, column], none), -1)
        rows.append(window["fields"])
        halves.append(window["half"])
        base += len(window["fields"])
    return Batch(kind, onset, pitch, duration, velocity, segment, echo, time, np.concatenate(rows), np.concatenate(halves), targets)
