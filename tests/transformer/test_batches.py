"""Batches: the same for the same step, inside every table, targets in line with events, keys moved whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from composer.transformer import batches as B, vocabulary as V
from composer.transformer.batches import PLAIN, Augment, Sampler, Store
from composer.transformer.echoes import HEADER
from tests.transformer.tiny import build

CONTEXT = 64
EVERYTHING = Augment(1, 0.7, 0.8, 1, 0.6, 0.2, 0.2, 0.2)
Window = dict[str, Any]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(build(tmp_path_factory.mktemp("store")))


def arrays(batch: B.Batch) -> dict[str, Any]:
    return {**{name: value for name, value in vars(batch).items() if name != "targets"}, **{f"to {k}": v for k, v in batch.targets.items()}}


def same(a: B.Batch, b: B.Batch) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(arrays(a).values(), arrays(b).values(), strict=True))


def test_a_batch_is_a_function_of_seed_step_and_rank(store: Store) -> None:
    def draw(seed: int, step: int, rank: int) -> B.Batch:
        return Sampler(store, "train", CONTEXT, 4, seed, EVERYTHING).draw(step, rank)

    assert same(draw(1, 2, 3), draw(1, 2, 3))
    for other in ((0, 2, 3), (1, 3, 3), (1, 2, 0)):
        assert not same(draw(1, 2, 3), draw(*other))
    sampler = Sampler(store, "train", CONTEXT, 4, 1, EVERYTHING)
    for step in range(3):
        found = sampler.draw(step, 3)
    assert same(found, draw(1, 2, 3))


def test_everything_stays_inside_its_table(store: Store) -> None:
    sampler = Sampler(store, "train", CONTEXT, 8, 0, EVERYTHING)
    sizes = np.array(list(V.FIELDS.values()))
    for step in range(60):
        batch = sampler.draw(step)
        assert (batch.fields >= 0).all() and (batch.fields <= sizes).all()
        for name, classes in V.FACTORS.items():
            values, targets = getattr(batch, name), batch.targets[name]
            assert values.min() >= 0 and values.max() < (V.ONSETS if name == "onset" else classes)
            assert targets.min() >= -1 and targets.max() < classes
        assert batch.kind.shape == (8, CONTEXT) and batch.segment.max() < len(batch.fields) == len(batch.half)
        assert batch.half.min() > 0 and batch.half.max() <= V.ONSETS
        assert batch.time.min() >= 0


@pytest.mark.parametrize("augment", [PLAIN, EVERYTHING], ids=["plain", "varied"])
def test_targets_are_the_next_event(store: Store, augment: Augment) -> None:
    sampler = Sampler(store, "train", CONTEXT, 8, 0, augment)
    ends = 0
    for step in range(20):
        batch = sampler.draw(step)
        before, after = batch.kind[:, :-1], batch.kind[:, 1:]
        for name, targets in batch.targets.items():
            assert (targets[:, -1] == -1).all()
            asked = targets[:, :-1] >= 0
            assert (before[asked] > 0).all() and (after[asked] > 0).all()
            note = asked & (after == 2)
            assert (targets[:, :-1][note] == getattr(batch, name)[:, 1:][note]).all()
            if name == "onset":
                assert (targets[:, :-1][asked & (after == 1)] == V.END).all()
                ends += int((asked & (after == 1)).sum())
                # nothing is left out but the seam of two passages
                assert ((after > 0) & ~asked).sum(1).max() <= (0 if augment is PLAIN else 1)
            else:
                assert (after[asked] == 2).all()
        # a note that is asked for belongs to the segment of the event before it
        note = batch.targets["pitch"][:, :-1] >= 0
        assert (batch.segment[:, :-1][note] == batch.segment[:, 1:][note]).all()
    assert ends > 100


def test_time_goes_on_over_the_seam_of_a_recalled_passage(store: Store) -> None:
    earlier, later = B._cut(store, 0, 10), B._cut(store, 300, 330)
    beats = B._cut(store, 0, 10)["bars"][:, B._B["ticks"]].sum()
    joined = B._join(earlier, later)
    assert len(joined["event"]) == 40 and not joined["learn"][9] and joined["learn"].sum() == 39
    assert (joined["time"][10:] == later["time"] + beats).all()
    assert (np.diff(joined["segment"]) >= 0).all() and joined["segment"].max() < len(joined["segments"])
    assert joined["bar"].max() < len(joined["bars"])
    assert (joined["segments"][joined["segment"][10:]] == later["segments"][later["segment"]]).all()


def test_a_key_is_moved_whole_and_drums_are_not(store: Store) -> None:
    window = B._cut(store, 0, 400)
    home, moved = B._to_reference(window, 0), B._to_reference(window, 3)
    notes = window["event"][:, 0] != HEADER
    drums = (window["segments"][:, B._S["role"]] == V.ROLE_ORDER.index("percussion") + 1)[window["segment"]]
    assert (notes & drums).any() and (notes & ~drums).any()
    a, b = home["event"][:, 1].astype(int), moved["event"][:, 1].astype(int)
    assert (a[notes & drums] == b[notes & drums]).all()
    assert (a[notes & ~drums] == b[notes & ~drums] + 3).all()
    for name in ("root_1", "bass_1", "root_2", "bass_2", "tonic"):
        one, other = (w["fields"][:, V.FIELD_INDEX[name]] for w in (home, moved))
        sounds = (one >= 1) & (one <= 12)
        assert sounds.any() and ((one[sounds] - other[sounds]) % 12 == 3).all()
        assert (one[~sounds] == other[~sounds]).all()
    before = V.FIELD_INDEX["before"]
    one, other = home["fields"][:, before], moved["fields"][:, before]
    drum_rows = window["segments"][:, B._S["role"]] == V.ROLE_ORDER.index("percussion") + 1
    known = one > 0
    assert (one[known & ~drum_rows] - other[known & ~drum_rows] == 3).all() and (one[drum_rows] == other[drum_rows]).all()
    untouched = [
        i for i, name in enumerate(V.FIELD_NAMES) if name not in ("root_1", "bass_1", "root_2", "bass_2", "tonic", "before", "register")
    ]
    assert (home["fields"][:, untouched] == moved["fields"][:, untouched]).all()
    assert (home["half"] == 24).all()  # common time: the third beat


def test_a_window_that_is_never_moved_stands_in_c(store: Store) -> None:
    sampler = Sampler(store, "train", CONTEXT, 8, 0, PLAIN)
    for step in range(10):
        batch = sampler.draw(step)
        assert (batch.fields[:, V.FIELD_INDEX["tonic"]] == 1).any()


def test_dropped_lines_go_whole(store: Store) -> None:
    whole = B._cut(store, 0, 300)
    rng = np.random.default_rng(0)
    thinned = 0
    for _ in range(20):
        before = {name: array.copy() for name, array in whole.items()}
        found = B._drop_lines(before, rng)
        assert len(found["event"]) >= 16
        for segment in np.unique(found["segment"]):
            assert (found["event"][found["segment"] == segment] == whole["event"][whole["segment"] == segment]).all()
        lines = set(whole["segments"][np.unique(found["segment"]), B._S["line"]])
        left = np.isin(whole["segments"][:, B._S["line"]], list(lines))
        assert len(found["event"]) == left[whole["segment"]].sum()
        if len(found["event"]) < len(whole["event"]):
            thinned += 1
            told = found["bars"][found["bar"][found["segment"]], B._B["lines"]]
            counts = np.bincount(whole["bar"][left], minlength=len(whole["bars"]))
            assert (told == counts[whole["bar"][found["segment"]]]).all()
    assert thinned > 10


def test_an_instrument_is_changed_for_one_that_can_play_the_line(store: Store) -> None:
    window = B._cut(store, 0, 300)
    before = window["segments"].copy()
    B._recast(window, store, np.random.default_rng(1), 1.0)
    changed = np.flatnonzero(window["segments"][:, 0] != before[:, 0])
    assert len(changed)
    for row in changed:
        low, high = store.ranges[window["segments"][row, 0] - 1]
        assert low <= before[row, B._S["low"]] and before[row, B._S["high"]] <= high
    drums = store.instruments.index("drums") + 1
    assert (window["segments"][before[:, 0] == drums, 0] == drums).all()


@pytest.mark.parametrize("stride", [16, 32, 64])
def test_plain_windows_count_every_event_once(store: Store, stride: int) -> None:
    for piece in store.pieces:
        first, last = piece["events"]
        windows = B.plain_windows(store, piece, CONTEXT, stride)
        counted = sum(int((B.collate([w], CONTEXT).targets["onset"] >= 0).sum()) for w in windows)
        # but for the first, which nothing precedes, and at stride = context the first of every window
        assert counted == last - first - 1 - ((len(windows) - 1) if stride == CONTEXT else 0)


def test_a_split_without_music_is_told(store: Store) -> None:
    with pytest.raises(ValueError, match="no nothing pieces"):
        Sampler(store, "nothing", CONTEXT, 4, 0, PLAIN)
