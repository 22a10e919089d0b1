"""Weights and training state on disk: safetensors with a JSON header, written whole or not at all. No pickles."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from composer.transformer import vocabulary as V
from composer.transformer.model import ModelConfig, Transformer


def save_tensors(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """One safetensors file, moved into place when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"hitpoint": json.dumps(meta, sort_keys=True)}
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata=header))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_tensors` wrote.

    Raises OSError or ValueError for a file that is not there, not safetensors or not ours.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            meta = json.loads((file.metadata() or {}).get("hitpoint", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except FileNotFoundError:
        raise
    except Exception as error:  # the library raises a type of its own, which it does not export everywhere
        raise ValueError(f"{path} is no readable safetensors file ({error})") from None
    if not isinstance(meta, dict):
        raise ValueError(f"{path} was not written by Hitpoint")
    return tensors, meta


def save_model(path: Path, model: Transformer, meta: dict[str, Any]) -> None:
    """Weights for use, in half the bytes: bfloat16 is what they were trained in."""
    weights = {name: tensor.detach().to(torch.bfloat16) for name, tensor in model.state_dict().items()}
    save_tensors(path, weights, {**meta, "config": asdict(model.config), "vocabulary": V.VERSION})


def load_model(path: Path) -> tuple[Transformer, dict[str, Any]]:
    """A model ready to use (float32, no dropout) and what its file says of it.

    Raises OSError or ValueError when the file is missing, broken or of another version.
    """
    tensors, meta = load_tensors(path)
    if meta.get("vocabulary") != V.VERSION:
        raise ValueError(f"{path} speaks vocabulary {meta.get('vocabulary')}, this program {V.VERSION}")
    try:
        with torch.device("meta"):  # no time lost on starting values
            model = Transformer(ModelConfig(**meta["config"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} describes its model in a way that this program does not know ({error})") from None
    model = model.to_empty(device="cpu")
    fresh = Transformer.constants(model.config)
    for name, buffer in model.named_buffers():
        buffer.copy_(fresh[name])
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the model it names ({str(error).splitlines()[0]})") from None
    return model.eval(), meta


def sha256(path: Path) -> str:
    """Hash of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
