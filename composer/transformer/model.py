"""The affective transformer.

* one step per note and one per segment header; the four factors of a note are decided one after the other by small heads that see
  the factors already chosen (compound events decoded factor by factor: Nested Music Transformer, arXiv 2408.01180);
* pre-norm decoder, RMS norm without weights, ReLU² feed-forward, no biases (Primer, arXiv 2109.08668; nanochat);
* rotary positions (RoFormer, arXiv 2104.09864), half of every head's pairs turned by the event's place in the sequence, half by its
  *musical time* in beats: «at this moment in another line» and «four bars ago» are fixed angles, whatever lies between;
* conditions of a segment (`vocabulary.FIELDS`) are embedded, mixed by a small network and added to all its events; the pitch head
  also sees the chord that sounds at the chosen onset, and every note the place it has in its chord.

It knows nothing of plans, ranges or sampling (`sampling.py`) and nothing of files (`checkpoint.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from composer.transformer import vocabulary as V

KIND_PAD, KIND_HEADER, KIND_NOTE = 0, 1, 2
IGNORE = -1
_CHORD_FIELDS = tuple(V.FIELD_INDEX[n] for n in ("root_1", "quality_1", "bass_1", "root_2", "quality_2", "bass_2"))


@dataclass(frozen=True)
class ModelConfig:
    """Everything that fixes the shape of the weights."""

    #: channels of the residual stream
    width: int = 320
    #: transformer blocks
    layers: int = 6
    #: attention heads; width / heads channels each
    heads: int = 5
    #: channels inside the factor heads
    head_width: int = 256
    #: events it was trained to look back on
    context: int = 512
    #: share of activations dropped in training
    dropout: float = 0.0
    #: whether half of the rotary pairs turn with musical time
    time_rotary: bool = True


class Events(NamedTuple):
    """A batch of sequences as the model reads it: (B, T) whole numbers unless said otherwise."""

    #: KIND_PAD, KIND_HEADER or KIND_NOTE
    kind: Tensor
    #: factors of notes (0 elsewhere); pitch relative to the reference tonic
    onset: Tensor
    pitch: Tensor
    duration: Tensor
    velocity: Tensor
    #: row of `fields` that an event's segment has
    segment: Tensor
    #: (B, T, 3, 4) what came next at this place of the bar in the segments of `vocabulary.ECHOES`
    echo: Tensor
    #: (B, T) float32 musical time, beats from the window's start
    time: Tensor
    #: (R, len(FIELDS)) conditions of the R segments
    fields: Tensor
    #: (R,) first onset class of the bar's second half
    half: Tensor


class Targets(NamedTuple):
    """What follows each event, (B, T); IGNORE where there is nothing to learn."""

    onset: Tensor
    pitch: Tensor
    duration: Tensor
    velocity: Tensor


def norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the last axis, without weights."""
    return F.rms_norm(x, (x.size(-1),))


class Rotary(nn.Module):
    """Turning angles of half a head's channels: by place, by musical time, or both."""

    def __init__(self, pairs: int, time_rotary: bool) -> None:
        super().__init__()
        by_time = pairs // 2 if time_rotary else 0
        by_place = pairs - by_time
        # place: from every step to the whole context; time: from a half beat to 32 bars of 4/4
        self.register_buffer("place_rates", 1024.0 ** (-torch.arange(by_place) / max(1, by_place)), persistent=False)
        waves = 0.5 * 256.0 ** (torch.arange(by_time) / max(1, by_time - 1))
        self.register_buffer("time_rates", 2 * torch.pi / waves, persistent=False)
        self.place_rates: Tensor
        self.time_rates: Tensor

    def forward(self, place: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) places and times → cosines and sines (B, 1, T, pairs)."""
        angles = torch.cat([place[..., None].float() * self.place_rates, time[..., None].float() * self.time_rates], -1)
        return angles.cos()[:, None], angles.sin()[:, None]


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)  # (B, H, T, pairs) each
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def _attend_in_chunks(q: Tensor, k: Tensor, v: Tensor, chunk: int = 256) -> Tensor:
    """Causal attention (B, H, T, D) as plain products over chunks of queries.

    On a CPU with bfloat16 units this takes less than half the time of the fused kernel, forward and backward together.
    """
    seen, length = [], q.size(2)
    for start in range(0, length, chunk):
        stop = min(start + chunk, length)
        scores = (q[:, :, start:stop] * q.size(-1) ** -0.5) @ k[:, :, :stop].transpose(-1, -2)
        future = torch.ones(stop - start, stop, dtype=torch.bool, device=q.device).triu(start + 1)
        seen.append(torch.softmax(scores.masked_fill(future, float("-inf")), -1).to(v.dtype) @ v[:, :, :stop])
    return torch.cat(seen, 2)


class Block(nn.Module):
    """Attention, then feed-forward, each beside the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.up = nn.Linear(d, 4 * d, bias=False)
        self.down = nn.Linear(4 * d, d, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D), each event seeing itself and those before it."""
        q, k, v = self.project(x, cos, sin)
        seen = _attend_in_chunks(q, k, v) if x.device.type == "cpu" else F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.combine(x, seen)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, D) → turned queries, turned keys and values, (B, H, T, D/H) each."""
        batch, length, d = x.shape
        q, k, v = self.qkv(norm(x)).view(batch, length, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return _turn(norm(q), cos, sin).to(v.dtype), _turn(norm(k), cos, sin).to(v.dtype), v

    def combine(self, x: Tensor, seen: Tensor) -> Tensor:
        """The stream after attention brought (B, H, T, D/H), and after the feed-forward."""
        x = x + self._drop(self.out(seen.transpose(1, 2).reshape(x.shape)))
        return x + self._drop(self.down(F.relu(self.up(norm(x))).square()))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class FactorHead(nn.Module):
    """One factor from the stream and what was already chosen."""

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        self.read = nn.Linear(config.width, config.head_width, bias=False)
        self.mix = nn.Linear(config.head_width, config.head_width, bias=False)
        self.out = nn.Linear(config.head_width, classes)

    def forward(self, stream: Tensor, chosen: Tensor) -> Tensor:
        """(…, D) and (…, head_width) → logits (…, classes)."""
        x = self.read(stream) + chosen
        x = x + self.mix(F.relu(norm(x)).square())
        return self.out(norm(x))


class Transformer(nn.Module):
    """Events in, logits of the next event's factors out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        d, h = config.width, config.head_width
        self.kind = nn.Embedding(3, d)
        self.onset = nn.Embedding(V.ONSETS, d)
        self.pitch = nn.Embedding(V.PITCHES, d)
        self.duration = nn.Embedding(V.DURATIONS, d)
        self.velocity = nn.Embedding(V.VELOCITIES, d)
        self.degree = nn.Embedding(13, d)  # semitones above the sounding chord's root; 12: no chord
        self.fields = nn.Embedding(V.FIELD_ROWS, d)
        self.echo = nn.Embedding(len(V.ECHOES) * sum(V.ECHO_FACTORS.values()), d)
        self.mix_up = nn.Linear(d, 2 * d, bias=False)
        self.mix_down = nn.Linear(2 * d, d, bias=False)
        self.rotary = Rotary(d // config.heads // 2, config.time_rotary)
        blocks = [Block(config) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.onset_out = nn.Linear(d, V.ONSETS + 1)
        self.pitch_head = FactorHead(config, V.PITCHES)
        self.duration_head = FactorHead(config, V.DURATIONS)
        self.velocity_head = FactorHead(config, V.VELOCITIES)
        self.chosen_onset = nn.Embedding(V.ONSETS, h)
        self.chosen_pitch = nn.Embedding(V.PITCHES, h)
        self.chosen_duration = nn.Embedding(V.DURATIONS, h)
        self.chord_root = nn.Embedding(V.BAR_FIELDS["root_1"] + 1, h)
        self.chord_quality = nn.Embedding(V.BAR_FIELDS["quality_1"] + 1, h)
        self.chord_bass = nn.Embedding(V.BAR_FIELDS["bass_1"] + 1, h)
        for name, value in self.constants(config).items():
            if "." not in name:
                self.register_buffer(name, value, persistent=False)
        self.offsets: Tensor
        self.echo_offsets: Tensor
        self.apply(self._start)
        for block in blocks:  # every block begins as the identity
            nn.init.zeros_(block.out.weight)
            nn.init.zeros_(block.down.weight)
        nn.init.zeros_(self.mix_down.weight)

    @staticmethod
    def _start(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)

    # --- pieces, used by training and sampling alike ---------------------------------------------------------------------

    def conditions(self, fields: Tensor) -> Tensor:
        """(R, F) fields → (R, D) one vector per segment."""
        x = F.embedding_bag(fields + self.offsets, self.fields.weight, mode="sum")
        return x + self.mix_down(F.relu(self.mix_up(norm(x))).square())

    @staticmethod
    def chord_at(fields: Tensor, half: Tensor, onset: Tensor) -> Tensor:
        """Root, quality and bass fields (…, 3) of the chord at an onset, from an event's own row of fields and half."""
        chords = fields[..., _CHORD_FIELDS]
        return torch.where((onset >= half)[..., None], chords[..., 3:], chords[..., :3])

    def embed(self, events: Events, conditions: Tensor) -> Tensor:
        """(B, T, D) of events given (R, D) conditions."""
        x = self.kind(events.kind) + conditions[events.segment]
        root = self.chord_at(events.fields[events.segment], events.half[events.segment], events.onset)[..., 0]
        known = (root >= 1) & (root <= 12)
        degree = torch.where(known, (events.pitch - (root - 1)) % 12, torch.full_like(root, 12))
        note = self.onset(events.onset) + self.pitch(events.pitch) + self.duration(events.duration) + self.velocity(events.velocity) + self.degree(degree)  # fmt: skip
        heard = F.embedding_bag(events.echo.flatten(2).flatten(0, 1) + self.echo_offsets, self.echo.weight, mode="sum")
        return x + note * (events.kind == KIND_NOTE)[..., None] + heard.view_as(x)

    def stream(self, events: Events, conditions: Tensor) -> Tensor:
        """(B, T, D) what the factor heads read."""
        x = norm(self.embed(events, conditions))
        place = torch.arange(events.kind.size(1), device=x.device)[None].expand_as(events.kind)
        cos, sin = self.rotary(place, events.time)
        for block in self.blocks:
            x = block(x, cos, sin)
        return norm(x)

    def pitch_logits(self, stream: Tensor, onset: Tensor, chord: Tensor) -> Tensor:
        """(…, 128) given the onset and its chord (…, 3)."""
        said = self.chord_root(chord[..., 0]) + self.chord_quality(chord[..., 1]) + self.chord_bass(chord[..., 2])
        return self.pitch_head(stream, self.chosen_onset(onset) + said)

    def duration_logits(self, stream: Tensor, onset: Tensor, pitch: Tensor) -> Tensor:
        """(…, 32) given onset and pitch."""
        return self.duration_head(stream, self.chosen_onset(onset) + self.chosen_pitch(pitch))

    def velocity_logits(self, stream: Tensor, onset: Tensor, pitch: Tensor, duration: Tensor) -> Tensor:
        """(…, 8) given all the rest."""
        return self.velocity_head(stream, self.chosen_onset(onset) + self.chosen_pitch(pitch) + self.chosen_duration(duration))

    # --- training --------------------------------------------------------------------------------------------------------

    def forward(self, events: Events, targets: Targets) -> Tensor:
        """Sums of −ln p over the batch by factor: (4,) onset, pitch, duration, velocity."""
        stream = self.stream(events, self.conditions(events.fields))
        asked = targets.onset != IGNORE
        note = targets.pitch != IGNORE
        losses = [F.cross_entropy(self.onset_out(stream[asked]).float(), targets.onset[asked], reduction="sum")]
        h, rows = stream[note], events.segment[note]
        onset, pitch, duration = targets.onset[note], targets.pitch[note], targets.duration[note]
        chord = self.chord_at(events.fields[rows], events.half[rows], onset)
        losses.append(F.cross_entropy(self.pitch_logits(h, onset, chord).float(), pitch, reduction="sum"))
        losses.append(F.cross_entropy(self.duration_logits(h, onset, pitch).float(), duration, reduction="sum"))
        loud = self.velocity_logits(h, onset, pitch, duration).float()
        losses.append(F.cross_entropy(loud, targets.velocity[note], ignore_index=IGNORE, reduction="sum"))
        return torch.stack(losses)

    @classmethod
    def constants(cls, config: ModelConfig) -> dict[str, Tensor]:
        """The buffers of a model, which no file holds."""
        rotary = Rotary(config.width // config.heads // 2, config.time_rotary)
        echoes = np.concatenate([[0], np.cumsum(list(V.ECHO_FACTORS.values()) * len(V.ECHOES))[:-1]])
        return {
            "offsets": torch.from_numpy(V.FIELD_OFFSETS),
            "echo_offsets": torch.from_numpy(echoes),
            "rotary.place_rates": rotary.place_rates,
            "rotary.time_rates": rotary.time_rates,
        }

    def parameter_count(self) -> int:
        """Trained numbers."""
        return sum(p.numel() for p in self.parameters())
