"""The network in numpy is the model in torch, and a broken file is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from composer.transformer.batches import PLAIN, Sampler, Store
from composer.transformer.checkpoint import load_model
from composer.transformer.model import Transformer
from composer.transformer.network import Network, load_network, read_weights
from tests.transformer.tiny import build, tensors


def test_factors_are_those_of_the_model(small: Network, learner: Transformer, tmp_path: Path) -> None:
    events = tensors(Sampler(Store(build(tmp_path)), "train", 64, 4, 0, PLAIN).draw(0))[0]
    rng = np.random.default_rng(0)
    stream = rng.normal(size=(50, small.width)).astype(np.float32)
    onset, pitch, duration = (rng.integers(0, n, 50) for n in (96, 128, 32))
    fields, half = events.fields[:50].numpy(), events.half[:50].numpy()
    chord = small.chord_at(fields, half, onset)
    with torch.no_grad():
        x, o, p, d = (torch.from_numpy(a) for a in (stream, onset, pitch, duration))
        asked = learner.chord_at(torch.from_numpy(fields), torch.from_numpy(half), o)
        np.testing.assert_array_equal(chord, asked.numpy())
        pairs = [
            (small.conditions(fields), learner.conditions(torch.from_numpy(fields))),
            (small.onset_logits(stream), learner.onset_out(x)),
            (small.pitch_logits(stream, onset, chord), learner.pitch_logits(x, o, asked)),
            (small.duration_logits(stream, onset, pitch), learner.duration_logits(x, o, p)),
            (small.velocity_logits(stream, onset, pitch, duration), learner.velocity_logits(x, o, p, d)),
        ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-4)


def test_weights_are_read_to_the_bit(checkpoint: Path) -> None:
    ours, meta = read_weights(checkpoint)
    model, same = load_model(checkpoint)
    assert meta == same
    assert ours.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(ours[name], tensor.numpy())


@pytest.mark.parametrize("spoilt", ["empty", "cut", "text", "stranger", "version"])
def test_what_is_no_checkpoint_is_told(checkpoint: Path, tmp_path: Path, spoilt: str) -> None:
    data = checkpoint.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if spoilt == "stranger":
        header.pop("__metadata__")
    elif spoilt == "version":
        header["__metadata__"]["hitpoint"] = json.dumps({"vocabulary": 99})
    text = json.dumps(header).encode()
    changed = len(text).to_bytes(8, "little") + text + data[8 + size :]
    path = tmp_path / "broken.safetensors"
    path.write_bytes({"empty": b"", "cut": data[:-100], "text": b"these are no weights at all"}.get(spoilt, changed))
    with pytest.raises(ValueError, match=r"broken\.safetensors"):
        load_network(path)


def test_writing_needs_no_torch() -> None:
    code = "import sys, composer.transformer.compose; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
