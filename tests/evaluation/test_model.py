"""The parts of `evaluate model`: baselines that see what they may, conditions as planned, like compared with like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from composer.baselines.chords import compose as chords
from composer.errors import MissingToolError, OptionError
from composer.evaluation import model_bits, model_report, model_speed, model_style
from composer.evaluation.copying import ngram_index
from composer.evaluation.dose import dose_plans
from composer.evaluation.model_style import Human, by_hands, like_the_corpus, measure_generator
from composer.theory.passage import Line, Passage, of_score, sorted_passage
from composer.transformer import vocabulary as V
from composer.transformer.batches import Store
from composer.transformer.bits import chosen_windows, measure_bits
from composer.transformer.checkpoint import save_model
from composer.transformer.echoes import HEADER
from composer.transformer.lane import Practice
from composer.transformer.model import ModelConfig, Transformer
from composer.transformer.ngram import train_ngram
from tests.transformer.stores import little_piece, little_store, same_again, write_store

CONFIG = ModelConfig(width=32, layers=1, heads=2, head_width=16, context=64)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return little_store(tmp_path_factory.mktemp("data"))


def tiny(store: Store) -> tuple[Transformer, dict[str, object]]:
    torch.manual_seed(0)
    return Transformer(CONFIG).eval(), {"instruments": store.instruments, "practice": store.meta["practice"]}


def report_of(**parts: object) -> list[str]:
    """Lines of the report from its first heading."""
    about = {"checkpoint": {"name": "x", "sha256": "0" * 64}, "quick": False, "seed": 0}
    return model_report.tables({**about, **parts})[2:]


# --- bits ------------------------------------------------------------------------------------------------------------


def test_the_static_ngram_knows_only_train(tmp_path: Path) -> None:
    figure = np.random.default_rng(3).integers(55, 85, 4)
    loop = same_again(40)
    loop = replace(loop, pitch=np.where(loop.line == 0, figure[np.arange(len(loop.pitch)) % 4], loop.pitch))
    store = write_store(tmp_path, [little_piece(seed) for seed in range(6)], [loop], [loop])
    counted = train_ngram(store, context=64)
    static = model_bits.static_ngram(counted, store, 64, 8)
    alone, cached, plain = (measure_bits(one, store, "test", context=64).per_note() for one in (static, counted.bits, counted.unigram))
    assert cached["total"] < 0.7 * alone["total"], "only what counts in the window knows a figure that train never had"
    assert alone["total"] < plain["total"]


def test_every_row_of_the_table(store: Store) -> None:
    model, meta = tiny(store)
    told: list[str] = []
    found = model_bits.measure_all(model, meta, store, quick=True, told=told.append).to_plain()
    assert list(found["tables"]) == told[2:] == list(model_report._EXPLAINED)
    assert found["tables"]["as labelled"]["more"] == {"total": 0, "interval": [0, 0]}
    assert found["tables"]["n-gram"]["all"]["total"] < found["tables"]["unigram"]["all"]["total"]
    assert set(found["tables"]["planned"]["collections"]) == {"even", "odd"}
    lines = report_of(bits=json.loads(json.dumps(found, allow_nan=False)))
    assert lines[0] == "## Bits per note"
    assert sum(line.startswith(("| even", "| odd")) for line in lines) == 2


def test_other_instruments_are_refused(store: Store) -> None:
    model, meta = tiny(store)
    with pytest.raises(OptionError, match="different instruments"):
        model_bits.measure_all(model, {**meta, "instruments": ["kazoo"]}, store, quick=True)


def test_the_reference_of_a_window(store: Store) -> None:
    pieces = store.split("test")
    for window in chosen_windows(store, "test", 64, None, 0):
        shift = model_bits.reference_of(store, pieces[int(window["piece"])], window, 64)
        tonic = int(window["fields"][window["bar"] == window["bar"].max() // 2, V.FIELD_INDEX["tonic"]][0])
        assert -5 <= shift <= 6
        assert tonic == 1
        note = window["event"][:, 0] != HEADER
        first = pieces[int(window["piece"])]["events"][0]
        raw = np.array(store.arrays["events"][first : pieces[int(window["piece"])]["events"][1]], dtype=np.int64)
        assert set(window["event"][note, 1] + shift) <= set(raw[raw[:, 0] != HEADER, 1])


def test_conditions_as_planned(store: Store) -> None:
    fields_of = model_bits.planned_fields(store, "test", 64, Practice(store.meta["practice"]))
    window = chosen_windows(store, "test", 64, 1, 0)[0]
    column = V.FIELD_INDEX
    new = fields_of(window)
    assert (new[:, [column[name] for name in model_bits.UNKNOWN]] == 0).all()
    changed = {V.FIELD_NAMES[i] for i in np.flatnonzero((new != window["fields"]).any(axis=0))}
    assert changed <= {*model_bits.UNKNOWN, "density", "register", "loudness", "voices"}
    levels = {}
    for arousal in (1, 12):
        felt = window["fields"].copy()
        felt[:, column["arousal"]] = arousal
        levels[arousal] = fields_of({**window, "fields": felt}).mean(axis=0)
        assert (fields_of({**window, "fields": felt}) <= np.array(list(V.FIELDS.values()))).all()
    assert levels[12][column["loudness"]] > levels[1][column["loudness"]] + 1
    assert levels[12][column["density"]] >= levels[1][column["density"]]


# --- style -----------------------------------------------------------------------------------------------------------


def piano(bars: int = 16) -> Passage:
    notes = [(4.0 * bar + beat, 1.0, pitch, 80, 0) for bar in range(bars) for beat in range(4) for pitch in (43 + beat, 50, 67, 71, 76 + beat)]  # fmt: skip
    notes += [(4.0 * bar, 4.0, 60, 80, 1) for bar in range(bars)]
    lines = [Line("Piano", "piano"), Line("Cello", "cello")]
    return sorted_passage(notes, lines, np.linspace(0, 4.0 * bars, bars + 1), np.tile([4, 4], (bars, 1)), np.full(bars, 100.0))


def test_keyboards_are_split_as_in_the_corpus() -> None:
    whole, split = piano(), by_hands(piano())
    assert [line.name for line in split.lines] == ["Piano (right)", "Cello", "Piano (left)", "Piano (inner)"]
    assert len(split.onset) == len(whole.onset) and sorted(split.pitch) == sorted(whole.pitch)
    assert (np.diff(split.onset) >= 0).all()
    assert (split.pitch[split.line == 0] >= 76).all() and (split.pitch[split.line == 2] <= 50).all()
    assert set(split.pitch[split.line == 1]) == {60}


def test_a_generator_beside_itself_and_beside_a_copy() -> None:
    plans = dose_plans(24, 5, (24, 26))[::6]
    ours = [passage for plan in plans if (passage := like_the_corpus(chords(plan))) is not None]
    theirs = [of_score(chords(replace(plan, seed=plan.seed + extra))) for plan in plans for extra in (100, 200, 300)]
    human = Human([*theirs, *ours], ngram_index(ours))
    report = measure_generator(chords, plans, ["strings"] * len(plans), human)
    assert report.shared[6] > 0.9
    assert all(0 <= one.inside <= 1 and one.interval[0] <= one.interval[1] and one.people > 0.5 for one in report.ensembles)
    assert len(report.ensembles) == 1 and report.ensembles[0].kind == "strings" and report.ensembles[0].outputs == len(ours)
    assert json.loads(json.dumps(report.to_plain(), allow_nan=False))["shared"]["6"] == report.shared[6]
    lines = report_of(style={"plans": 4, "transformer": report.to_plain(), "chords": report.to_plain()})
    assert sum(line.startswith("| chords") for line in lines) == 3 and all(line.endswith("|") for line in lines if line.startswith("|"))
    nobody = measure_generator(chords, plans[:1], ["strings"], Human([], ngram_index([])))
    assert nobody.ensembles == [] and nobody.not_judged == ["strings"] and report.not_judged == []
    assert json.dumps(nobody.to_plain(), allow_nan=False)


def test_scores_that_are_not_the_datas(store: Store, tmp_path: Path) -> None:
    from tests.transformer.data.midi_files import tune, write

    for number in range(2):
        bass = [(beat * 2.0, 2.0, 40 + beat % 7) for beat in range(32)]
        write(tmp_path / "other" / "midi" / f"{number}.mid", [("Flute", 73, tune(16, seed=number)), ("Cello", 42, bass)])
    with pytest.raises(OptionError, match="test movements"):
        model_style.read_human(store, [tmp_path / "other"])


# --- speed -----------------------------------------------------------------------------------------------------------


def test_speed_and_size(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, meta = tiny(store)
    path = tmp_path / "tiny.safetensors"
    save_model(path, model, meta)
    found = model_speed.measure_speed(path, 8, ensemble="piano")
    assert all(found[name] > 0 for name in ("notes", "notes_per_second", "film_per_second", "compose_s", "load_s", "file_mb"))
    assert 50 < found["peak_rss_mb"] < 4000
    assert report_of(speed=found)[0] == "## Speed and size"
    monkeypatch.setattr("composer.evaluation.model_speed.sys.executable", "false")
    with pytest.raises(MissingToolError, match="no message"):
        model_speed.measure_speed(path, 8)
