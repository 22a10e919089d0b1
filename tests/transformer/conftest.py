"""A model of a few thousand random weights, as a file that `compose` can use."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from composer.instruments import INSTRUMENTS
from composer.transformer import vocabulary as V
from composer.transformer.checkpoint import load_model, save_model
from composer.transformer.model import ModelConfig, Transformer
from composer.transformer.network import Network, load_network

SMALL = ModelConfig(width=32, layers=2, heads=2, head_width=16, context=64)
#: made up, with the keys that `data.practice` writes
PRACTICE: dict[str, Any] = {
    "shares": [0.0, 0.5, 1.0],
    "tempo_bands": [6, 9, 12],
    "density": {role: [[2 + band, 5 + band, 8 + band] for band in (2, 1, 0, 0)] for role in V.ROLE_ORDER},
    "register": {"violins_1 melody": [60, 76, 95], "piano harmony": [48, 58, 70], "cello melody": [20, 55, 90]},
    "voices": {"piano harmony": [2, 3, 4], "violins_2 harmony": [1, 2, 2]},
}


def awake(config: ModelConfig, seed: int = 0, std: float = 0.3) -> Transformer:
    """A model whose blocks do something (fresh ones are the identity), with weights that bfloat16 can hold."""
    torch.manual_seed(seed)
    model = Transformer(config)
    with torch.no_grad():
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=std)
            parameter.copy_(parameter.bfloat16().float())
    return model.eval()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_model(path, awake(SMALL), {"instruments": list(INSTRUMENTS), "practice": PRACTICE})
    return path


@pytest.fixture(scope="session")
def small(checkpoint: Path) -> Network:
    return load_network(checkpoint)[0]


@pytest.fixture(scope="session")
def learner(checkpoint: Path) -> Transformer:
    """The same weights in torch."""
    return load_model(checkpoint)[0]


def network_of(model: Transformer) -> Network:
    return Network({name: tensor.numpy() for name, tensor in model.state_dict().items()}, asdict(model.config))
