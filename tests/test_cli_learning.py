"""`generate` and `evaluate model` as commands: what they write, and one line for everything wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from composer.baselines.chords import compose as chords
from composer.cli.main import main
from composer.evaluation.dose import dose_plans, film_of
from composer.plan import Plan, load_plan, save_plan
from composer.score import Score
from composer.serial import load_json, save_json
from composer.transformer.checkpoint import save_model
from composer.transformer.model import ModelConfig, Transformer
from composer.transformer.sampling import DEFAULT, Settings
from tests.conftest import listing, untouched
from tests.transformer.stores import little_store

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, weights that know nothing, a plan and a film."""
    folder = tmp_path_factory.mktemp("place")
    store = little_store(folder / "data")
    torch.manual_seed(0)
    model = Transformer(ModelConfig(width=32, layers=1, heads=2, head_width=16, context=64))
    save_model(folder / "tiny.safetensors", model, {"instruments": store.instruments, "practice": store.meta["practice"]})
    save_plan(dose_plans(1, 0, (10, 11))[0], folder / "plan.yaml")
    save_json(film_of(0, np.zeros(10), np.zeros(10), np.random.default_rng(0)), folder / "film.json")
    return folder


def one_error(capsys: Capture) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ") and err.count("\n") == 1, err
    return err


# --- generate ----------------------------------------------------------------------------------------------------------


def test_takes_from_a_plan(place: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    line = ["generate", str(place / "plan.yaml"), "--checkpoint", str(place / "tiny.safetensors")]
    assert main([*line, "--takes", "2", "--seed", "7", "-o", str(out)]) == 0
    said, err = capsys.readouterr()
    assert err == "" and said.splitlines() == [str(out / f"take-{n}" / name) for n in (1, 2) for name in ("score.json", "score.mid")]
    first, second = (load_json(Score, out / f"take-{n}" / "score.json") for n in (1, 2))
    assert (first.seed, second.seed) == (7, 8) and first.tracks != second.tracks
    assert listing(out) == {"manifest.json", *(f"take-{n}{name}" for n in (1, 2) for name in ("", "/score.json", "/score.mid"))}
    # the second again, alone and as one file
    assert main([*line, "--seed", "8", "-o", str(tmp_path / "one.json"), "-q"]) == 0
    assert load_json(Score, tmp_path / "one.json") == second


def test_what_the_transformer_is_told(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def fake(plan: Plan, checkpoint: Path, settings: Settings) -> Score:
        told.append((plan.seed, checkpoint, settings))
        return chords(plan)

    monkeypatch.setattr("composer.transformer.compose.compose", fake)
    weights = place / "tiny.safetensors"
    line = ["generate", str(place / "plan.yaml"), "--checkpoint", str(weights), "-q", "-o", str(tmp_path / "one")]
    assert main(line) == 0
    assert main([*line[:-1], str(tmp_path / "two"), "--temperature", "1.2", "--guidance", "1.5", "--chord-bias", "2"]) == 0
    seed = load_plan(place / "plan.yaml").seed
    onset, pitch, duration, velocity = (1.2 * t for t in DEFAULT.temperatures)
    assert told[0] == (seed, weights, DEFAULT), "a plan's own seed, and the usual settings"
    assert told[1] == (seed, weights, replace(DEFAULT, temperatures=(onset, pitch, duration, velocity), guidance=1.5, chord_bias=2.0))


def test_a_film_is_planned_first(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = ["generate", str(place / "film.json"), "--generator", "chords", "--instruments", "piano", "-o", str(out)]
    assert main(line) == 0
    assert listing(out) == {"manifest.json", "plan.yaml", "prompt.txt", "score.json", "score.mid"}
    assert [part.instrument for part in load_plan(out / "plan.yaml").parts] == ["piano"]
    assert {track.instrument for track in load_json(Score, out / "score.json").tracks} == {"piano"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plan.yaml", "--key", "D minor", "--generator", "chords"], "--key cannot be used with a plan"),
        (["plan.yaml", "--temperature", "1.1", "--generator", "chords"], "--temperature cannot be used with --generator chords"),
        (["plan.yaml", "--temperature", "3"], "not between 0.5 and 1.5"),
        (["plan.yaml", "--takes", "0"], "--takes"),
        (["plan.yaml", "--checkpoint", "none.safetensors"], "no weights"),
        (["plan.yaml", "--checkpoint", "plan.yaml"], "no checkpoint of Hitpoint"),
        (["none.yaml", "--generator", "chords"], "none.yaml"),
        (["plan.yaml", "--generator", "chords", "-o", "x.wav"], "writes no .wav"),
    ],
)
def test_generate_refuses(words: list[str], told: str, place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with untouched(place):
        assert main(["generate", *words]) == 2
    assert told in one_error(capsys)


# --- evaluate model ----------------------------------------------------------------------------------------------------


def test_the_model_is_judged(place: Path, tmp_path: Path, capsys: Capture) -> None:
    line = ["evaluate", "model", "--data", str(place / "data"), "--checkpoint", str(place / "tiny.safetensors"), "--quick"]
    line += ["--only", "control", "-o", str(tmp_path / "out")]
    assert main(line) == 0
    said, err = capsys.readouterr()
    assert err == "" and "\x1b" not in said and "## Control" in said and "## Bits" not in said
    assert listing(tmp_path / "out") == {"model.json", "model.md"}
    found = json.loads((tmp_path / "out" / "model.json").read_text(encoding="utf-8"))
    assert set(found) == {"checkpoint", "quick", "seed", "control"}
    assert set(found["control"]) == {"transformer", "chords"} and found["control"]["chords"]["plans"] == 6
    for row in [line for line in said.splitlines() if line.startswith("|")]:
        assert row.endswith("|")
    with untouched(tmp_path):
        assert main(line) == 2
    assert "already exists" in one_error(capsys)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data", "nowhere"], "holds no prepared data"),
        (["--data", "data", "--checkpoint", "none.safetensors"], "no weights"),
        (["--data", "data", "--only", "style"], "needs --scores"),
        (["--data", "data", "--checkpoint", "tiny.safetensors", "--scores", "data"], "no scores in data"),
        ([], "--data"),
    ],
)
def test_evaluate_model_refuses(words: list[str], told: str, place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with untouched(place):
        assert main(["evaluate", "model", *words, "-o", "out"]) == 2
    assert told in one_error(capsys)
