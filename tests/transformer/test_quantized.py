"""8 bits: nearly the same as the full weights, and the full weights where there are no 8-bit products."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn

from composer.transformer import vocabulary as V
from composer.transformer.batches import PLAIN, Sampler, Store
from composer.transformer.model import Events, ModelConfig, Transformer
from composer.transformer.quantized import QuantizedLinear, quantized
from composer.transformer.sampling import write
from tests.transformer.conftest import SMALL, awake
from tests.transformer.tasks import task
from tests.transformer.tiny import build, tensors


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Events:
    return tensors(Sampler(Store(build(tmp_path_factory.mktemp("store"))), "train", SMALL.context, 4, 0, PLAIN).draw(0))[0]


def logits(model: Transformer, events: Events) -> list[Tensor]:
    with torch.inference_mode():
        stream = model.stream(events, model.conditions(events.fields))
        chord = model.chord_at(events.fields[events.segment], events.half[events.segment], events.onset)
        return [
            model.onset_out(stream),
            model.pitch_logits(stream, events.onset, chord),
            model.duration_logits(stream, events.onset, events.pitch),
            model.velocity_logits(stream, events.onset, events.pitch, events.duration),
        ]


def has_products() -> bool:
    return any(isinstance(module, QuantizedLinear) for module in quantized(awake(SMALL)).modules())


@pytest.mark.parametrize("config", [SMALL, ModelConfig(width=96, layers=2, heads=3, head_width=64, context=64)], ids=["small", "wider"])
def test_logits_are_near_those_of_the_full_weights(events: Events, config: ModelConfig) -> None:
    """Mean divergence of the distributions under 0.004 bits a factor, and no probability more than 0.08 away."""
    model = awake(config, std=0.1)
    for name, full, small in zip(V.FACTORS, logits(model, events), logits(quantized(model), events), strict=True):
        p, q = torch.log_softmax(full, -1), torch.log_softmax(small, -1)
        bits = (p.exp() * (p - q)).sum(-1) / 0.6931
        assert bits.mean() < 0.004, name
        assert (p.exp() - q.exp()).abs().max() < 0.08, name


def test_the_full_model_is_left_as_it_was(events: Events) -> None:
    model = awake(SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    small = quantized(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(isinstance(m, QuantizedLinear) for m in model.modules()) and not small.training
    if has_products():
        assert not any(isinstance(m, nn.Linear) for m in small.modules())


def test_twice_the_same(events: Events) -> None:
    one, other = quantized(awake(SMALL)), quantized(awake(SMALL))
    assert all(torch.equal(a, b) for a, b in zip(logits(one, events), logits(other, events), strict=True))


def test_company_changes_nothing() -> None:
    small = quantized(awake(SMALL))
    tasks = [task(seed, bars=3, lines=2) for seed in range(4)]
    for asked, music in zip(tasks, write(small, tasks), strict=True):
        assert write(small, [asked])[0].events.tolist() == music.events.tolist()


def test_a_linear_map_keeps_its_shape_and_bias() -> None:
    if not has_products():
        pytest.skip("no 8-bit products here")
    torch.manual_seed(0)
    maps = [nn.Linear(16, 8), nn.Linear(16, 8, bias=False), nn.Linear(16, 8)]
    nn.init.zeros_(maps[2].weight)
    x = torch.randn(2, 3, 16)
    for linear in maps:
        small = quantized_map(linear)
        assert small(x).shape == (2, 3, 8)
        torch.testing.assert_close(small(x), linear(x).detach(), rtol=0, atol=0.06)


def quantized_map(linear: nn.Linear) -> QuantizedLinear:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return QuantizedLinear(linear)


@pytest.mark.parametrize("lacking", ["engines", "function"])
def test_without_8_bit_products_the_full_weights_are_used(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    model = awake(SMALL)
    if lacking == "function":
        monkeypatch.delattr(torch, "quantize_per_channel")
    else:
        monkeypatch.setattr(type(torch.backends.quantized), "supported_engines", ["none"])
    assert quantized(model) is model
