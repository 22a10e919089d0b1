"""The trained model for use: the same sums as `model.Transformer`, in numpy alone.

One note at a time a model has little to multiply; what costs is calling. Plain arrays call cheaply, start at once (torch takes a second
to import and 200 MB to hold) and give the same notes whoever else is written beside. Tests hold it against the torch model event by
event. Only writing is here; learning stays in torch.

Shapes: B sequences, T events, H heads of D/H channels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from composer.transformer import vocabulary as V

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Array = NDArray[Any]
KIND_PAD, KIND_HEADER, KIND_NOTE = 0, 1, 2
_CHORDS = np.array([V.FIELD_INDEX[n] for n in ("root_1", "quality_1", "bass_1", "root_2", "quality_2", "bass_2")])
_ECHO_OFFSETS = np.concatenate([[0], np.cumsum(list(V.ECHO_FACTORS.values()) * len(V.ECHOES))[:-1]])
_EPSILON = np.float32(np.finfo(np.float32).eps)


class Heard(NamedTuple):
    """Events as the network hears them: as `model.Events`, in arrays (B, T), with each event's own row of conditions."""

    kind: Ints
    onset: Ints
    pitch: Ints
    duration: Ints
    velocity: Ints
    #: (B, T, 3, 4)
    echo: Ints
    #: (B, T) beats
    time: Floats
    #: (B, T, D) mixed conditions of the event's segment
    conditions: Floats
    #: (B, T, len(FIELDS)) and (B, T) of the event's segment
    fields: Ints
    half: Ints


def norm(x: Floats) -> Floats:
    """Root-mean-square norm over the last axis."""
    scale = np.sqrt(np.vecdot(x, x) / np.float32(x.shape[-1]) + _EPSILON)
    return x / scale[..., None]


def _square(x: Floats) -> Floats:
    """ReLU²."""
    x = np.maximum(x, 0.0)
    return x * x


def softmax(x: Floats) -> Floats:
    """Over the last axis."""
    x = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(x / x.sum(-1, keepdims=True), dtype=np.float32)


class Block:
    """Attention, then feed-forward, each beside the stream."""

    def __init__(self, weights: Mapping[str, Floats], name: str, heads: int) -> None:
        self.qkv, self.out, self.up, self.down = (_map(weights, f"{name}.{part}") for part in ("qkv", "out", "up", "down"))
        self.heads = heads

    def project(self, x: Floats, cos: Floats, sin: Floats) -> tuple[Floats, Floats, Floats]:
        """(B, T, D) → turned queries, turned keys and values, (B, H, T, D/H) each; queries come scaled."""
        batch, length, d = x.shape
        width = d // self.heads
        q, k, v = (norm(x) @ self.qkv).reshape(batch, length, 3, self.heads, width).transpose(2, 0, 3, 1, 4)
        return _turn(norm(q), cos, sin) * np.float32(width**-0.5), _turn(norm(k), cos, sin), v

    def combine(self, x: Floats, seen: Floats) -> Floats:
        """The stream after attention brought (B, H, T, D/H), and after the feed-forward."""
        x = x + seen.transpose(0, 2, 1, 3).reshape(x.shape) @ self.out
        return x + _square(norm(x) @ self.up) @ self.down


def _map(weights: Mapping[str, Floats], name: str) -> Floats:
    """A linear map as (in, out), so that rows are multiplied from the left."""
    return np.ascontiguousarray(weights[f"{name}.weight"].T)


def _turn(x: Floats, cos: Floats, sin: Floats) -> Floats:
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], -1)


class Network:
    """All weights, and the sums that need no memory of earlier events."""

    def __init__(self, weights: Mapping[str, Floats], config: Mapping[str, Any]) -> None:
        self.width, self.heads, self.layers, self.context = (int(config[name]) for name in ("width", "heads", "layers", "context"))
        self.table = {name: weights[f"{name}.weight"] for name in (
            "kind", "onset", "pitch", "duration", "velocity", "degree", "fields", "echo", "chosen_onset", "chosen_pitch", "chosen_duration",
            "chord_root", "chord_quality", "chord_bass",
        )}  # fmt: skip
        self.mix_up, self.mix_down = _map(weights, "mix_up"), _map(weights, "mix_down")
        self.blocks = [Block(weights, f"blocks.{i}", self.heads) for i in range(self.layers)]
        self.onset_out = _map(weights, "onset_out"), weights["onset_out.bias"]
        self.heads_of = {name: self._head(weights, f"{name}_head") for name in ("pitch", "duration", "velocity")}
        pairs = self.width // self.heads // 2
        by_time = pairs // 2 if config["time_rotary"] else 0
        by_place = pairs - by_time
        self.place_rates = (1024.0 ** (-np.arange(by_place) / max(1, by_place))).astype(np.float32)
        self.time_rates = (2 * np.pi / (0.5 * 256.0 ** (np.arange(by_time) / max(1, by_time - 1)))).astype(np.float32)

    @staticmethod
    def _head(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats, Floats, Floats]:
        return _map(weights, f"{name}.read"), _map(weights, f"{name}.mix"), _map(weights, f"{name}.out"), weights[f"{name}.out.bias"]

    def rotary(self, place: Array, time: Array) -> tuple[Floats, Floats]:
        """(B, T) places and times → cosines and sines (B, 1, T, pairs)."""
        angles = np.concatenate([place[..., None] * self.place_rates, time[..., None] * self.time_rates], -1).astype(np.float32)
        return np.cos(angles)[:, None], np.sin(angles)[:, None]

    def conditions(self, fields: Ints) -> Floats:
        """(R, F) fields → (R, D) one vector per segment."""
        x = self.table["fields"][fields + V.FIELD_OFFSETS].sum(1)
        return x + _square(norm(x) @ self.mix_up) @ self.mix_down

    @staticmethod
    def chord_at(fields: Ints, half: Ints, onset: Ints) -> Ints:
        """Root, quality and bass fields (…, 3) of the chord at an onset."""
        chords = fields[..., _CHORDS]
        return np.where((onset >= half)[..., None], chords[..., 3:], chords[..., :3])

    def embed(self, events: Heard) -> Floats:
        """(B, T, D)."""
        table = self.table
        root = self.chord_at(events.fields, events.half, events.onset)[..., 0]
        degree = np.where((root >= 1) & (root <= 12), (events.pitch - (root - 1)) % 12, 12)
        note = table["onset"][events.onset] + table["pitch"][events.pitch] + table["duration"][events.duration]
        note = note + table["velocity"][events.velocity] + table["degree"][degree]
        echo = events.echo.reshape(*events.kind.shape, -1) + _ECHO_OFFSETS
        x = table["kind"][events.kind] + events.conditions + table["echo"][echo].sum(-2)
        return norm(x + note * (events.kind == KIND_NOTE)[..., None])

    def onset_logits(self, stream: Floats) -> Floats:
        """(B, 97)."""
        weight, bias = self.onset_out
        return stream @ weight + bias

    def pitch_logits(self, stream: Floats, onset: Ints, chord: Ints) -> Floats:
        """(B, 128) given the onset and its chord (B, 3)."""
        table = self.table
        said = table["chord_root"][chord[..., 0]] + table["chord_quality"][chord[..., 1]] + table["chord_bass"][chord[..., 2]]
        return self._factor("pitch", stream, table["chosen_onset"][onset] + said)

    def duration_logits(self, stream: Floats, onset: Ints, pitch: Ints) -> Floats:
        """(B, 32) given onset and pitch."""
        return self._factor("duration", stream, self.table["chosen_onset"][onset] + self.table["chosen_pitch"][pitch])

    def velocity_logits(self, stream: Floats, onset: Ints, pitch: Ints, duration: Ints) -> Floats:
        """(B, 8) given all the rest."""
        chosen = self.table["chosen_onset"][onset] + self.table["chosen_pitch"][pitch] + self.table["chosen_duration"][duration]
        return self._factor("velocity", stream, chosen)

    def _factor(self, name: str, stream: Floats, chosen: Floats) -> Floats:
        read, mix, out, bias = self.heads_of[name]
        x = stream @ read + chosen
        x = x + _square(norm(x)) @ mix
        return norm(x) @ out + bias


def read_weights(path: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Weights of a checkpoint as float32 and what its file says of it; no torch.

    Raises OSError or ValueError for a file that is not there, broken, not ours or of another version.
    """
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        meta = json.loads(header.pop("__metadata__")["hitpoint"])
        body = memoryview(data)[8 + size :]
        weights = {name: _array(entry, body) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no checkpoint of Hitpoint ({error})") from None
    if not isinstance(meta, dict) or meta.get("vocabulary") != V.VERSION:
        raise ValueError(
            f"{path} is of another version ({meta.get('vocabulary') if isinstance(meta, dict) else meta}; this one: {V.VERSION})"
        )
    return weights, meta


def _array(entry: Mapping[str, Any], body: memoryview) -> Floats:
    """One tensor of a safetensors file (huggingface.co/docs/safetensors: offsets into the data, little-endian)."""
    start, stop = entry["data_offsets"]
    if stop > len(body):
        raise ValueError("it ends too early")
    kinds = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    if entry["dtype"] not in kinds:
        raise ValueError(f"weights of type {entry['dtype']}")
    raw = np.frombuffer(body[start:stop], dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32)


def load_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """A checkpoint ready to write.

    Raises OSError or ValueError as `read_weights`, also for weights that do not fit their configuration.
    """
    weights, meta = read_weights(path)
    try:
        return Network(weights, meta["config"]), meta
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}") from None
