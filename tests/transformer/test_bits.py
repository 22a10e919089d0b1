"""Bits per note: every note once, nothing else, and conditions changed as said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from composer.transformer import vocabulary as V
from composer.transformer.batches import Batch, Store, collate
from composer.transformer.bits import (
    VARIANTS,
    Array,
    Window,
    chosen_windows,
    held_out_windows,
    measure_bits,
    model_scorer,
    planned,
    segment_bars,
)
from composer.transformer.model import ModelConfig, Transformer
from composer.transformer.train import to_tensors
from tests.transformer.stores import little_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return little_store(tmp_path_factory.mktemp("data"))


def tiny() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(width=32, layers=1, heads=2, head_width=16, context=64))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def asked(batch: Batch) -> Array:
    return np.stack([(batch.targets[name] >= 0).sum(1) for name in V.FACTORS], 1).astype(float)


@pytest.mark.parametrize("context", [16, 50, 64, 4096])
def test_every_note_and_every_end_but_the_last_counts_once(store: Store, context: int) -> None:
    table = measure_bits(asked, store, "test", context=context, max_windows=None, batch=7)
    pieces = store.split("test")
    assert table.notes.tolist() == [piece["notes"] for piece in pieces]
    assert table.bits[:, 0].tolist() == [piece["events"][1] - piece["events"][0] - 1 for piece in pieces]
    assert (table.bits[:, 1:] == table.notes[:, None]).all()
    found = table.per_note()
    assert found["total"] == pytest.approx(found["music"] + 1)


def test_every_note_has_half_a_window_before_it(store: Store) -> None:
    for window in held_out_windows(store, store.split("test")[0], 32)[1:]:
        assert not window["learn"][:15].any()
        assert window["learn"][15:].all()


def test_costs_by_window_are_the_models_own_loss(store: Store) -> None:
    model, windows = tiny(), chosen_windows(store, "test", 64, 3, 0)
    batch = collate(windows, 64)
    with torch.inference_mode():
        whole = model(*to_tensors(batch, torch.device("cpu"))).numpy() / np.log(2)
    assert model_scorer(model)(batch).sum(0) == pytest.approx(whole, rel=1e-4)


def test_company_and_padding_change_nothing(store: Store) -> None:
    score, windows = model_scorer(tiny()), chosen_windows(store, "test", 64, 3, 0)
    short = {**windows[1], **{name: windows[1][name][:20] for name in ("event", "segment", "learn", "time")}}
    together = score(collate([windows[0], short], 64))
    alone = [score(collate([windows[0]], 64)), score(collate([short], 20))]
    assert together == pytest.approx(np.concatenate(alone), rel=1e-4)


def test_few_windows_are_spread_and_always_the_same(store: Store) -> None:
    first, again = (chosen_windows(store, "test", 32, 6, 3) for _ in range(2))
    assert all(np.array_equal(a["event"], b["event"]) for a, b in zip(first, again, strict=True))
    assert len(first) == 12
    assert {int(window["piece"]) for window in first} == set(range(5))
    table = measure_bits(asked, store, "test", context=32, max_windows=2)
    # however few were measured, collections weigh as much as they hold
    assert sum(table.sizes.values()) == sum(piece["notes"] for piece in store.split("test"))


def test_the_interval_is_around_the_mean_and_pairs_must_match(store: Store) -> None:
    model = tiny()
    table = measure_bits(model, store, "test", max_windows=4)
    low, high = table.interval()
    assert low <= table.per_note()["total"] <= high
    assert table.interval(other=table) == (0.0, 0.0)
    assert len(table.lines()) == 5
    with pytest.raises(ValueError, match="different windows"):
        table.interval(other=measure_bits(model, store, "test", max_windows=2))


def test_segments_share_a_bar_when_they_begin_together(store: Store) -> None:
    for window in held_out_windows(store, store.split("test")[0], 32):
        bars = segment_bars(window)
        assert (np.diff(bars) >= 0).all()
        plan = window["fields"][:, : len(V.BAR_FIELDS)]
        assert all((plan[bars == bar] == plan[bars == bar][0]).all() for bar in range(bars.max() + 1))


def changed(store: Store, variant: str) -> tuple[list[Window], list[Window]]:
    windows = chosen_windows(store, "test", 64, 8, 0)
    change = VARIANTS[variant]
    assert change is not None
    before = [window["fields"].copy() for window in windows]
    after = change(windows, np.random.default_rng(0))
    assert all(np.array_equal(window["fields"], fields) for window, fields in zip(windows, before, strict=True))
    return windows, after


def differing(variant: str, store: Store) -> set[str]:
    fields = [(a["fields"] != b["fields"]).any(0) for a, b in zip(*changed(store, variant), strict=True)]
    return {name for name, other in zip(V.FIELD_NAMES, np.any(fields, 0), strict=True) if other}


def test_variants_change_what_they_say(store: Store) -> None:
    _, bare = changed(store, "bare")
    assert {V.FIELD_NAMES[i] for window in bare for i in np.flatnonzero(window["fields"].any(0))} == {"before", "held", "slot"}
    _, without = changed(store, "without")
    assert {V.FIELD_NAMES[i] for window in without for i in np.flatnonzero(window["fields"].any(0))} == {
        "before",
        "held",
        "slot",
        "instrument",
        "role",
    }
    page = {"metre", "tempo", "lines", "instrument", "role", "before", "held", "slot"}
    texture = {"density", "register", "loudness", "voices"}
    plan = differing("shuffled plan", store)
    assert not plan & (page | texture)
    assert {"root_1", "quality_2", "arousal"} <= plan
    everything = differing("shuffled", store)
    assert not everything & page
    assert everything & texture


def test_shuffled_bars_stay_whole(store: Store) -> None:
    for window in changed(store, "shuffled")[1]:
        bars, plan = segment_bars(window), window["fields"][:, : len(V.BAR_FIELDS)]
        assert all((plan[bars == bar] == plan[bars == bar][0]).all() for bar in range(bars.max() + 1))


def test_conditions_from_outside(store: Store) -> None:
    def score(batch: Batch) -> Array:
        assert (batch.fields == 1).all()
        return asked(batch)

    measure_bits(score, store, "test", context=64, change=planned(lambda window: np.ones_like(window["fields"])))
