"""The model: blind to what comes later, not to conditions; the same after a journey through a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from composer.transformer import vocabulary as V
from composer.transformer.batches import PLAIN, Sampler, Store
from composer.transformer.checkpoint import load_model, save_model
from composer.transformer.model import Events, ModelConfig, Targets, Transformer
from tests.transformer.tiny import CONFIG, build, tensors

Case = tuple[Transformer, Events, Targets]


def awake(config: ModelConfig = CONFIG) -> Transformer:
    """A model whose blocks do something: fresh ones are the identity."""
    torch.manual_seed(0)
    model = Transformer(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    store = Store(build(tmp_path_factory.mktemp("store")))
    return (awake(), *tensors(Sampler(store, "train", CONFIG.context, 3, 0, PLAIN).draw(0)))


def stream(model: Transformer, events: Events) -> Tensor:
    with torch.no_grad():
        return model.stream(events, model.conditions(events.fields))


@pytest.mark.parametrize("at", [5, 40, 63])
def test_nobody_sees_the_future(case: Case, at: int) -> None:
    model, events, _ = case
    before = stream(model, events)
    changed = events._replace(
        **{name: getattr(events, name).clone() for name in ("kind", "onset", "pitch", "duration", "velocity", "time")}
    )
    changed.kind[:, at] = 2
    for name, size in V.FACTORS.items():
        array = getattr(changed, name)
        array[:, at] = (array[:, at] + 1) % (size - 1)
    changed.time[:, at] += 7
    after = stream(model, changed)
    torch.testing.assert_close(after[:, :at], before[:, :at], rtol=0, atol=1e-5)
    assert (after[:, at] - before[:, at]).abs().amax() > 1e-3


@pytest.mark.parametrize("field", ["valence", "root_1", "instrument", "before", "until"])
def test_conditions_matter(case: Case, field: str) -> None:
    model, events, _ = case
    fields = events.fields.clone()
    fields[:, V.FIELD_INDEX[field]] = (fields[:, V.FIELD_INDEX[field]] + 1) % V.FIELDS[field]
    assert (stream(model, events._replace(fields=fields)) - stream(model, events)).abs().amax() > 1e-3


def test_musical_time_matters_only_with_time_rotary(case: Case) -> None:
    _, events, _ = case
    for time_rotary in (True, False):
        model = awake(replace(CONFIG, time_rotary=time_rotary))
        later = events._replace(time=events.time * 1.5)
        assert ((stream(model, later) - stream(model, events)).abs().amax() > 1e-3) == time_rotary


def test_shapes_and_losses(case: Case) -> None:
    model, events, targets = case
    found = stream(model, events)
    assert found.shape == (3, CONFIG.context, CONFIG.width)
    chord = model.chord_at(events.fields[events.segment], events.half[events.segment], events.onset)
    assert chord.shape == (3, CONFIG.context, 3)
    assert model.onset_out(found).shape[-1] == V.ONSETS + 1
    assert model.pitch_logits(found, events.onset, chord).shape[-1] == V.PITCHES
    assert model.duration_logits(found, events.onset, events.pitch).shape[-1] == V.DURATIONS
    assert model.velocity_logits(found, events.onset, events.pitch, events.duration).shape[-1] == V.VELOCITIES
    losses = model(events, targets)
    assert losses.shape == (4,) and losses.isfinite().all() and (losses > 0).all()
    nothing = Targets(*(torch.full_like(target, -1) for target in targets))
    assert model(events, nothing).tolist() == [0, 0, 0, 0]


def test_the_chord_changes_at_half_of_the_bar() -> None:
    fields = torch.arange(len(V.FIELDS))[None, None].expand(1, 2, -1)
    first, second = Transformer.chord_at(fields, torch.tensor([[24, 24]]), torch.tensor([[23, 24]]))[0].tolist()
    assert first == [V.FIELD_INDEX[n] for n in ("root_1", "quality_1", "bass_1")]
    assert second == [V.FIELD_INDEX[n] for n in ("root_2", "quality_2", "bass_2")]


def test_a_model_comes_back_from_its_file(case: Case, tmp_path: Path) -> None:
    model, events, _ = case
    model = awake()
    with torch.no_grad():
        for parameter in model.parameters():  # what bfloat16 can hold
            parameter.copy_(parameter.bfloat16().float())
    save_model(tmp_path / "m.safetensors", model, {"told": 1})
    loaded, meta = load_model(tmp_path / "m.safetensors")
    assert meta["told"] == 1 and loaded.config == CONFIG and not loaded.training
    assert torch.equal(stream(loaded, events), stream(model, events))
    for name, buffer in model.named_buffers():
        assert torch.equal(dict(loaded.named_buffers())[name], buffer), name


def test_weights_are_counted() -> None:
    assert Transformer(CONFIG).parameter_count() == sum(t.numel() for t in Transformer(CONFIG).state_dict().values())
    assert 7e6 < Transformer(ModelConfig(layers=5, heads=4)).parameter_count() < 8e6
