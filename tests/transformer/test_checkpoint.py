"""Files of weights: whole or not at all, and refused in words when they are not ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from composer.transformer import checkpoint, vocabulary as V
from composer.transformer.checkpoint import load_model, load_tensors, save_model, save_tensors
from composer.transformer.model import Transformer
from tests.transformer.tiny import CONFIG


def test_tensors_round_trip(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4).T, "scalar": torch.tensor(7.0), "whole": torch.arange(5)}
    path = tmp_path / "deep" / "x.safetensors"
    save_tensors(path, tensors, {"words": "ä", "numbers": [0.1, 2]})
    found, meta = load_tensors(path)
    assert meta == {"words": "ä", "numbers": [0.1, 2]}
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items()) and len(found) == 3
    assert [p.name for p in path.parent.iterdir()] == ["x.safetensors"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": torch.ones(2)}, {"n": 1})
    whole = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("composer.transformer.checkpoint.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_tensors(path, {"a": torch.zeros(2)}, {"n": 2})
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("content", [b"", b"no music", b"\xff" * 100])
def test_a_broken_file_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="no readable safetensors"):
        load_model(tmp_path / "x")


def test_a_torn_file_is_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, Transformer(CONFIG), {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="no readable safetensors"):
        load_model(path)


def test_files_of_others_and_of_other_versions(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(FileNotFoundError):
        load_model(path)
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(ValueError, match="not written by Hitpoint"):
        load_model(path)
    save_tensors(path, {}, {"vocabulary": V.VERSION + 1})
    with pytest.raises(ValueError, match=f"vocabulary {V.VERSION + 1}"):
        load_model(path)
    for config in ({"width": 32, "wings": 2}, "wide"):
        save_tensors(path, {}, {"vocabulary": V.VERSION, "config": config})
        with pytest.raises(ValueError, match="does not know"):
            load_model(path)
    save_model(path, Transformer(CONFIG), {})
    tensors, meta = load_tensors(path)
    tensors.popitem()
    save_tensors(path, tensors, meta)
    with pytest.raises(ValueError, match="does not fit"):
        load_model(path)


def test_the_hash(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(json.dumps({}).encode())
    assert checkpoint.sha256(tmp_path / "x").startswith("44136fa3")
