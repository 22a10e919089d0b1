"""The n-gram baseline is a fair one: it sums to one, sees only the past, and learns what can be counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from composer.transformer import vocabulary as V
from composer.transformer.batches import Store, collate
from composer.transformer.bits import VARIANTS, chosen_windows, measure_bits
from composer.transformer.echoes import HEADER
from composer.transformer.ngram import NGram, train_ngram
from composer.transformer.ngram_features import features
from tests.transformer.stores import little_store, same_again, write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return little_store(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(store: Store) -> NGram:
    return train_ngram(store, context=128)


@pytest.mark.parametrize("factor", list(V.FACTORS))
@pytest.mark.parametrize("variant", ["as labelled", "bare"])
def test_what_is_expected_sums_to_one(store: Store, trained: NGram, factor: str, variant: str) -> None:
    change, windows = VARIANTS[variant], chosen_windows(store, "test", 64, 2, 0)
    batch = collate(change(windows, np.random.default_rng(0)) if change else windows, 64)
    notes = np.flatnonzero(features(batch)["is_note"])
    expected = trained.distribution(batch, factor, notes)
    assert expected.shape == (len(notes), V.FACTORS[factor])
    assert (expected > 0).all()
    assert expected.sum(1) == pytest.approx(np.ones(len(notes)), abs=1e-9)


def test_costs_are_those_of_the_distribution(store: Store, trained: NGram) -> None:
    batch = collate(chosen_windows(store, "test", 64, 1, 0), 64)
    columns, cost = features(batch), trained.bits(batch)
    for k, factor in enumerate(V.FACTORS):
        ask = np.flatnonzero(columns["learn"] & (columns["is_note"] | (factor == "onset")))
        likely = trained.distribution(batch, factor, ask)[np.arange(len(ask)), columns[f"y_{factor}"][ask]]
        assert -np.log2(likely).sum() == pytest.approx(cost[:, k].sum())


@pytest.mark.parametrize("factor", list(V.FACTORS))
def test_the_future_is_not_seen(store: Store, trained: NGram, factor: str) -> None:
    batch = collate(chosen_windows(store, "test", 64, 1, 0)[:1], 64)
    rng, cut = np.random.default_rng(0), 40
    changed = replace(batch, **{name: getattr(batch, name).copy() for name in ("onset", "pitch", "duration", "velocity", "time")})
    later = (np.arange(64) > cut) & (batch.kind[0] == 2)
    bar = batch.time[0] - V.ONSET_TICKS[batch.onset[0]] / V.TICKS_PER_BEAT
    for name, size in (("pitch", 128), ("duration", V.DURATIONS), ("velocity", V.VELOCITIES)):
        getattr(changed, name)[0, later] = rng.integers(size, size=later.sum())
    changed.onset[0, later] = np.sort(rng.integers(30, size=later.sum())) * 0 + np.minimum(batch.onset[0, later] + 1, 40)
    changed.time[0, later] = (bar + V.ONSET_TICKS[changed.onset[0]] / V.TICKS_PER_BEAT)[later]
    # decisions at events before the cut, whose own note comes before it too
    ask = np.flatnonzero((features(batch)["order"] < cut) & features(batch)["is_note"])
    assert trained.distribution(changed, factor, ask) == pytest.approx(trained.distribution(batch, factor, ask), rel=1e-12)


def test_what_always_repeats_costs_nothing(tmp_path: Path) -> None:
    store = write_store(tmp_path, [same_again(200)], [same_again(60)], [same_again(60)])
    table = measure_bits(train_ngram(store, context=256).bits, store, "test", context=256)
    assert table.per_note()["total"] < 0.15


def test_the_unigram_costs_the_entropy_of_the_data(tmp_path: Path) -> None:
    store = write_store(tmp_path, [same_again(800)], [same_again(8)], [same_again(8)])
    context = 1 << 13
    found = measure_bits(train_ngram(store, context=context).unigram, store, "train", context=context).per_note()
    event = np.array(store.arrays["events"])[slice(*store.split("train")[0]["events"])]
    note = event[:, 0] != HEADER
    onsets = np.where(note, event[:, 0], V.END)[1:]
    for factor, values in (("onset", onsets), ("pitch", event[note, 1]), ("duration", event[note, 2]), ("velocity", event[note, 3])):
        share = np.unique(values, return_counts=True)[1] / len(values)
        entropy = -(share * np.log2(share)).sum() * len(values) / note.sum()
        assert found[factor] == pytest.approx(entropy, abs=0.08)


def test_contexts_beat_frequencies_and_true_conditions_beat_wrong_ones(store: Store, trained: NGram) -> None:
    labelled = measure_bits(trained.bits, store, "test", context=128)
    assert labelled.per_note()["total"] < 0.7 * measure_bits(trained.unigram, store, "test", context=128).per_note()["total"]
    for variant in ("shuffled plan", "shuffled", "without", "bare"):
        wrong = measure_bits(trained.bits, store, "test", context=128, change=VARIANTS[variant])
        assert wrong.per_note()["total"] >= labelled.per_note()["total"], variant


def test_company_and_padding_change_nothing(store: Store, trained: NGram) -> None:
    windows = chosen_windows(store, "test", 64, 3, 0)[:3]
    together = trained.bits(collate(windows, 80))
    assert together == pytest.approx(np.concatenate([trained.bits(collate([window], 64)) for window in windows]))


def test_the_same_seed_gives_the_same_baseline(store: Store, trained: NGram) -> None:
    batch = collate(chosen_windows(store, "test", 64, 2, 0), 64)
    assert (train_ngram(store, context=128).bits(batch) == trained.bits(batch)).all()
    assert train_ngram(store, context=128, max_notes=800, change=VARIANTS["without"]).bits(batch).sum() > 0
