"""Music → arrays: every note where it was, headers before notes, conditions that say what is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from composer.theory.passage import Line, Passage, sorted_passage
from composer.transformer import vocabulary as V
from composer.transformer.batches import BAR_COLUMNS, SEGMENT_COLUMNS, Store
from composer.transformer.data.store import Piece, Writer, encode
from composer.transformer.echoes import HEADER
from tests.transformer.tiny import SPLITS, build, piece

S = {name: i for i, name in enumerate(SEGMENT_COLUMNS)}
BAR = {name: i for i, name in enumerate(BAR_COLUMNS)}


@pytest.fixture(scope="module")
def music() -> Passage:
    return piece(0, bars=16)


@pytest.fixture(scope="module")
def encoded(music: Passage) -> Piece:
    return encode(music, Writer().instruments)


def test_every_note_is_there_once(music: Passage, encoded: Piece) -> None:
    note = encoded.events[:, 0] != HEADER
    segment = encoded.event_segment[note]
    bar, line = encoded.segment_bar[segment], encoded.segments[segment, S["line"]]
    beat = (encoded.bar_start[bar] + V.ONSET_TICKS[encoded.events[note, 0]]) / V.TICKS_PER_BEAT
    length = V.DURATION_TICKS[encoded.events[note, 2]] / V.TICKS_PER_BEAT
    found = sorted(zip(beat, line, encoded.events[note, 1], length, strict=True))
    given = sorted(zip(music.onset, music.line, music.pitch, music.duration, strict=True))
    assert [tuple(map(float, row)) for row in found] == [tuple(map(float, row)) for row in given]


def test_segments_come_in_order_each_with_one_header(encoded: Piece) -> None:
    header = encoded.events[:, 0] == HEADER
    assert header.sum() == len(encoded.segments) == len(encoded.segment_bar)
    assert encoded.event_segment[header].tolist() == list(range(len(encoded.segments)))
    assert header[0] and (np.diff(encoded.event_segment) >= 0).all()
    assert (np.diff(encoded.segment_bar) >= 0).all()
    same_bar = np.diff(encoded.segment_bar) == 0
    assert (np.diff(encoded.segments[:, S["role"]])[same_bar] >= 0).all()
    note = ~header[1:] & ~header[:-1]
    onsets = encoded.events[:, 0].astype(int)
    assert (np.diff(onsets)[note] >= 0).all()  # never back within a segment


def test_fields_say_what_is_there(music: Passage, encoded: Piece) -> None:
    for name in V.BAR_FIELDS:
        column = encoded.bars[:, BAR[name]]
        assert column.min() >= 0 and column.max() <= V.BAR_FIELDS[name], name
    assert (encoded.bars[:, BAR["ticks"]] == 96).all() and (encoded.bars[:, BAR["metre"]] == 8).all()
    assert encoded.bar_start.tolist() == [96 * bar for bar in range(music.bars)]
    assert encoded.bars[:, BAR["lines"]].tolist() == np.bincount(encoded.segment_bar).tolist()
    names = Writer().instruments
    for row in encoded.segments:
        assert names[row[S["instrument"]] - 1] == music.lines[row[S["line"]]].instrument
        pitches = music.pitch[music.line == row[S["line"]]]
        assert (row[S["low"]], row[S["high"]]) == (pitches.min(), pitches.max())


def test_a_line_remembers_its_last_pitch_and_what_still_sounds() -> None:
    notes = [(0.0, 6.0, 60, 80, 0), (9.0, 1.0, 64, 80, 0), (12.0, 1.0, 67, 80, 0)]
    passage = sorted_passage(notes, [Line("Flute", "flute")], np.arange(0, 17, 4, dtype=float), np.tile([4, 4], (4, 1)), np.full(4, 100.0))
    found = encode(passage, Writer().instruments).segments
    assert found[:, S["before"]].tolist() == [-1, 60, 60, 64]
    assert found[:, S["held"]].tolist() == [1, 3, 1, 1]


def test_notes_that_snap_to_one_place_are_one() -> None:
    notes = [(0.0, 1.0, 60, 80, 0), (0.01, 1.0, 60, 80, 0), (0.0, 1.0, 64, 80, 0), (3.99, 0.5, 65, 80, 0)]
    passage = sorted_passage(notes, [Line("Piano", "piano")], np.array([0.0, 4.0]), np.array([[4, 4]]), np.array([100.0]))
    events = encode(passage, Writer().instruments).events
    assert events[:, :2].tolist()[1:] == [[0, 64], [0, 60], [V.ONSETS // 2 - 1, 65]]


def test_a_store_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = Store(build(tmp_path / "a"))
    assert [entry["split"] for entry in store.pieces] == list(SPLITS)
    for number, entry in enumerate(store.pieces):
        alone = encode(piece(number, beats=3 if number == 1 else 4), store.instruments)
        a, b = entry["events"]
        assert (store.arrays["events"][a:b] == alone.events).all()
        segments = store.arrays["event_segment"][a:b]
        assert (segments - segments[0] == alone.event_segment).all()
        bars = store.arrays["segment_bar"][segments[0] : segments[-1] + 1]
        assert bars[0] == entry["bars"][0] and (bars - bars[0] == alone.segment_bar).all()
        assert (store.arrays["bars"][slice(*entry["bars"])] == alone.bars).all()
        assert entry["notes"] == (alone.events[:, 0] != HEADER).sum()
    assert {name: len(store.arrays[name]) for name in store.meta["counts"]} == store.meta["counts"]
    assert not store.recastable[store.instruments.index("drums")] and not store.recastable[store.instruments.index("timpani")]
    build(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_another_version_is_refused(tmp_path: Path) -> None:
    meta = build(tmp_path) / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "version": V.VERSION + 1}))
    with pytest.raises(ValueError, match="prepare it again"):
        Store(tmp_path)
