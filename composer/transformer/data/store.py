"""Labelled music → the arrays that training reads (`batches.Store`).

Every line of a bar in which it is active becomes a segment: its conditions and its notes. Instruments are listed in `meta.json`, so
that a table that grows later leaves old checkpoints readable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS, ROLES
from composer.theory.affect import measure
from composer.theory.listening import find_chords, find_keys
from composer.theory.passage import Passage
from composer.theory.roles import find_roles
from composer.theory.texture import texture as measure_texture
from composer.transformer import vocabulary as V
from composer.transformer.batches import BAR_COLUMNS, SEGMENT_COLUMNS
from composer.transformer.data.labels import find_form
from composer.transformer.data.practice import practice
from composer.transformer.echoes import HEADER

Array = NDArray[Any]
#: order of the instrument table → place in a segment's order
ROLE_PLACE = np.array([V.ROLE_ORDER.index(role) for role in ROLES], dtype=np.int64)


@dataclass(frozen=True)
class Piece:
    """One movement as arrays; segments and bars counted from its own start."""

    events: Array
    event_segment: Array
    segments: Array
    segment_bar: Array
    bars: Array
    bar_start: Array


def bar_table(passage: Passage, keys: Array, chords: Array, affect: Any, form: Any, lines: Array) -> Array:
    """(B, len(BAR_COLUMNS)) int16; pitch classes as they sound."""
    beats = np.diff(passage.edges)
    half_beat = np.where(np.isnan(form.hit_at), 0, np.clip(np.nan_to_num(form.hit_at) * 2, 0, 15).astype(np.int64) + 1)
    columns = {
        "metre": V.metre_field(beats, passage.metres[:, 1], passage.metres[:, 0]),
        "tempo": V.tempo_field(passage.qpm),
        "tonic": keys[:, 0] + 1,
        "mode": keys[:, 1] + 1,
        "valence": V.valence_field(affect.valence),
        "arousal": V.valence_field(affect.arousal),
        "tension": V.tension_field(affect.tension),
        "cut_rhythm": V.cut_rhythm_field(form.cut_rhythm),
        "since": np.minimum(form.since, V.BAR_FIELDS["since"] - 1) + 1,
        "until": np.minimum(form.until, V.BAR_FIELDS["until"] - 1) + 1,
        "hit_in": np.minimum(form.hit_in, V.BAR_FIELDS["hit_in"] - 1) + 1,
        "hit_at": half_beat,
        "lines": np.clip(lines, 1, V.BAR_FIELDS["lines"]),
        "ticks": np.round(beats * V.TICKS_PER_BEAT),
    }
    for half in (0, 1):
        root, quality, bass = (chords[:, half, k].astype(np.int64) for k in range(3))
        columns[f"root_{half + 1}"] = np.where(root < 0, V.NO_CHORD, root) + 1
        columns[f"quality_{half + 1}"] = np.where(root < 0, V.BAR_FIELDS["quality_1"] - 1, quality) + 1
        columns[f"bass_{half + 1}"] = np.where(bass < 0, V.NO_CHORD, bass) + 1
    return np.stack([np.asarray(columns[name]) for name in BAR_COLUMNS], 1).astype(np.int16)


def encode(passage: Passage, instruments: list[str]) -> Piece:
    """Label and encode one movement."""
    texture = measure_texture(passage)
    roles = find_roles(passage, texture)
    keys = find_keys(passage)
    active = roles >= 0
    bars = bar_table(passage, keys, find_chords(passage, keys), measure(passage), find_form(passage, texture), active.sum(1))
    return encode_segments(passage, roles, texture, bars, instruments)


def encode_segments(passage: Passage, roles: Array, texture: Any, bars: Array, instruments: list[str]) -> Piece:
    """Segments and events of a passage whose bars are described already."""
    bar_ticks = bars[:, BAR_COLUMNS.index("ticks")].astype(np.int64)
    bar_start = np.concatenate([[0], np.cumsum(bar_ticks)])[:-1]
    note_bar = passage.bar_of(passage.onset)
    order = np.lexsort((-passage.pitch, passage.onset, passage.line, note_bar))
    note_bar, line, pitch = note_bar[order], passage.line[order], passage.pitch[order]
    ticks = np.round((passage.onset[order] - passage.edges[note_bar]) * V.TICKS_PER_BEAT).astype(np.int64)
    onset = V.onset_class(ticks, bar_ticks[note_bar])
    duration = V.duration_class(np.round(passage.duration[order] * V.TICKS_PER_BEAT))
    velocity = V.velocity_class(passage.velocity[order])
    # segments in the order they are written: bar, role, higher lines first
    bar_index, line_index = np.nonzero(roles >= 0)
    place = ROLE_PLACE[roles[bar_index, line_index]]
    register = np.nan_to_num(texture.register[bar_index, line_index], nan=60.0)
    rank = np.lexsort((line_index, -np.round(register / 2), place, bar_index))
    bar_index, line_index, place, register = bar_index[rank], line_index[rank], place[rank], register[rank]
    lookup = np.full(roles.shape, -1, dtype=np.int64)
    lookup[bar_index, line_index] = np.arange(len(bar_index))
    owner = lookup[note_bar, line]
    keep = owner >= 0
    owner, onset, pitch, duration, velocity, line, note_bar = (a[keep] for a in (owner, onset, pitch, duration, velocity, line, note_bar))
    # two notes of a chord that snapped to one place are one
    order = np.lexsort((-pitch, onset, owner))
    owner, onset, pitch, duration, velocity, line, note_bar = (a[order] for a in (owner, onset, pitch, duration, velocity, line, note_bar))
    fresh = np.ones(len(owner), dtype=bool)
    fresh[1:] = (owner[1:] != owner[:-1]) | (onset[1:] != onset[:-1]) | (pitch[1:] != pitch[:-1])
    owner, onset, pitch, duration, velocity, line, note_bar = (a[fresh] for a in (owner, onset, pitch, duration, velocity, line, note_bar))
    before, held = _line_memory(owner, onset, pitch, duration, bar_index, line_index, bar_start, bar_ticks, len(passage.lines))
    low, high = _line_ranges(line, pitch, len(passage.lines))
    columns = {
        "instrument": np.array([instruments.index(one.instrument) for one in passage.lines], dtype=np.int64)[line_index] + 1,
        "role": place + 1,
        "density": V.density_field(texture.density[bar_index, line_index]),
        "register": np.round(register),
        "loudness": V.velocity_class(np.nan_to_num(texture.loudness[bar_index, line_index], nan=64.0)) + 1,
        "voices": V.voices_field(np.nan_to_num(texture.voices[bar_index, line_index], nan=1.0)),
        "before": before,
        "held": held,
        "line": line_index,
        "low": low[line_index],
        "high": high[line_index],
    }
    segments = np.stack([columns[name] for name in SEGMENT_COLUMNS], 1).astype(np.int16)
    # headers and notes in one row: a header stands before the notes of its segment
    count = np.bincount(owner, minlength=len(segments))
    total = len(segments) + len(owner)
    header_at = np.concatenate([[0], np.cumsum(count + 1)])[:-1]
    events = np.zeros((total, 4), dtype=np.uint8)
    events[header_at, 0] = HEADER
    note_at = np.arange(len(owner)) + owner + 1
    events[note_at] = np.stack([onset, pitch, duration, velocity], 1)
    event_segment = np.repeat(np.arange(len(segments)), count + 1)
    return Piece(events, event_segment.astype(np.int32), segments, bar_index.astype(np.int32), bars, bar_start.astype(np.int32))


def _line_ranges(line: Array, pitch: Array, lines: int) -> tuple[Array, Array]:
    low, high = np.full(lines, 127), np.zeros(lines, dtype=np.int64)
    np.minimum.at(low, line, pitch)
    np.maximum.at(high, line, pitch)
    return low, high


def _line_memory(
    owner: Array, onset: Array, pitch: Array, duration: Array, bars: Array, lines: Array, bar_start: Array, bar_ticks: Array, count: int
) -> tuple[Array, Array]:
    """For every segment: its line's last pitch before it (−1: none) and the field of beats for which a note still sounds into it."""
    before, held = np.full(len(bars), -1, dtype=np.int64), np.ones(len(bars), dtype=np.int64)
    last = np.full(count, -1, dtype=np.int64)
    until = np.zeros(count, dtype=np.int64)
    bounds = np.searchsorted(owner, np.arange(len(bars) + 1))
    for segment in range(len(bars)):
        line, start = lines[segment], bar_start[bars[segment]]
        before[segment] = last[line]
        held[segment] = V.held_field(max(0, min(until[line] - start, bar_ticks[bars[segment]])) / V.TICKS_PER_BEAT)
        a, b = bounds[segment], bounds[segment + 1]
        if b > a:
            last[line] = pitch[b - 1]
            until[line] = max(until[line], int((start + V.ONSET_TICKS[onset[a:b]] + V.DURATION_TICKS[duration[a:b]]).max()))
    return before, held


class Writer:
    """Collects pieces and writes the store."""

    def __init__(self) -> None:
        self.instruments = list(INSTRUMENTS)
        self.pieces: list[Piece] = []
        self.index: list[dict[str, Any]] = []
        self.counts = {"events": 0, "segments": 0, "bars": 0}

    def add(self, piece: Piece, about: dict[str, Any]) -> None:
        """Take one movement; `about` says where it is from and which split it is in."""
        spans = {"events": len(piece.events), "bars": len(piece.bars)}
        entry = dict(about)
        for name, length in spans.items():
            entry[name] = [self.counts[name], self.counts[name] + length]
        entry["notes"] = int((piece.events[:, 0] != HEADER).sum())
        self.index.append(entry)
        self.pieces.append(piece)
        for name, length in (*spans.items(), ("segments", len(piece.segments))):
            self.counts[name] += length

    def write(self, folder: Path, meta: dict[str, Any]) -> None:
        """All arrays, `index.json` and last `meta.json`, which makes the store complete."""
        folder.mkdir(parents=True, exist_ok=True)
        segment_base = np.concatenate([[0], np.cumsum([len(p.segments) for p in self.pieces])])
        bar_base = np.concatenate([[0], np.cumsum([len(p.bars) for p in self.pieces])])
        arrays: dict[str, Iterable[Array]] = {
            "events": (p.events for p in self.pieces),
            "event_segment": (p.event_segment + np.int32(base) for p, base in zip(self.pieces, segment_base, strict=False)),
            "segments": (p.segments for p in self.pieces),
            "segment_bar": (p.segment_bar + np.int32(base) for p, base in zip(self.pieces, bar_base, strict=False)),
            "bars": (p.bars for p in self.pieces),
            "bar_start": (p.bar_start for p in self.pieces),
        }
        for name, parts in arrays.items():
            np.save(folder / f"{name}.npy", np.concatenate(list(parts)))
        (folder / "index.json").write_text(json.dumps(self.index, indent=0, sort_keys=True), encoding="utf-8")
        table, owner = np.concatenate([p.segments for p in self.pieces]), np.load(folder / "segment_bar.npy")
        bars = np.concatenate([p.bars for p in self.pieces])
        learnt = np.concatenate(
            [np.full(len(p.segments), about["split"] == "train") for p, about in zip(self.pieces, self.index, strict=True)]
        )
        rows = [INSTRUMENTS[name] for name in self.instruments]
        whole = {
            **meta,
            "version": V.VERSION,
            "instruments": self.instruments,
            "ranges": [list(row.range) for row in rows],
            "pitched": [not row.is_drum and row.id != "timpani" for row in rows],
            "counts": self.counts,
            "practice": practice(table[learnt], bars[owner[learnt]], self.instruments),
        }
        (folder / "meta.json").write_text(json.dumps(whole, indent=1, sort_keys=True), encoding="utf-8")
