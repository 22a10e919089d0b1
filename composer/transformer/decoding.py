"""One event at a time: the model with its memory of keys and values, for several sequences in step.

The memory is a ring of `context` places: rotary angles are relative, so an old event is simply overwritten. Every block hears the last
`context` events; what these had heard in their time stays in them (tests compare this with reading everything at once).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from composer.transformer.model import KIND_PAD, Block, Events, Transformer, norm


class Decoder:
    """B sequences that advance together; sequences that begin with a prompt are padded on the left."""

    def __init__(self, model: Transformer, batch: int) -> None:
        config = model.config
        self.model, self.batch, self.context = model, batch, config.context
        self.blocks: list[Block] = [block for block in model.blocks if isinstance(block, Block)]
        shape = (batch, config.heads, config.context, config.width // config.heads)
        self.keys = [torch.zeros(shape) for _ in self.blocks]
        self.values = [torch.zeros(shape) for _ in self.blocks]
        #: (B, context) 0 where there is something to hear, −inf elsewhere
        self.deaf = torch.full((batch, config.context), float("-inf"))
        self.steps = 0

    def prefill(self, events: Events) -> None:
        """Hear prompts of T ≤ context events (B, T) at once; KIND_PAD on the left is not heard."""
        length = events.kind.size(1)
        if length == 0:
            return
        x = norm(self.model.embed(events, self.model.conditions(events.fields)))
        place = torch.arange(length)[None].expand(self.batch, length)
        cos, sin = self.model.rotary(place, events.time)
        heard = events.kind != KIND_PAD
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        hidden = future[None] | ~heard[:, None]  # (B, T, T)
        hidden[:, torch.arange(length), torch.arange(length)] = False  # a pad hears itself, so that nothing is undefined
        for i, block in enumerate(self.blocks):
            q, k, v = block.project(x, cos, sin)
            self.keys[i][:, :, :length], self.values[i][:, :, :length] = k, v
            scores = (q * q.size(-1) ** -0.5) @ k.transpose(-1, -2)
            x = block.combine(x, torch.softmax(scores.masked_fill(hidden[:, None], float("-inf")), -1) @ v)
        self.deaf[:, :length] = torch.where(heard, 0.0, float("-inf"))
        self.steps = length

    def step(self, event: Events, conditions: Tensor) -> Tensor:
        """Hear one event (B, 1) under its conditions (B, D); the stream (B, D) that the factor heads read."""
        x = norm(self.model.embed(event, conditions))
        place = torch.full((self.batch, 1), self.steps)
        cos, sin = self.model.rotary(place, event.time)
        at, seen = self.steps % self.context, min(self.steps + 1, self.context)
        self.deaf[:, at] = 0.0
        hidden = self.deaf[:, None, None, :seen]
        for i, block in enumerate(self.blocks):
            q, k, v = block.project(x, cos, sin)
            self.keys[i][:, :, at], self.values[i][:, :, at] = k[:, :, 0], v[:, :, 0]
            scores = (q * q.size(-1) ** -0.5) @ self.keys[i][:, :, :seen].transpose(-1, -2) + hidden
            x = block.combine(x, torch.softmax(scores, -1) @ self.values[i][:, :, :seen])
        self.steps += 1
        return norm(x)[:, 0]

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Go on with these sequences only."""
        index = torch.from_numpy(rows)
        self.keys = [k[index] for k in self.keys]
        self.values = [v[index] for v in self.values]
        self.deaf = self.deaf[index]
        self.batch = len(rows)
