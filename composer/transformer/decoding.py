"""One event at a time: the network with its memory of keys and values, for several sequences in step.

The memory is a ring of `context` places: rotary angles are relative, so an old event is simply overwritten. Past the context each
block hears the last `context` events, as in training with a sliding window; up to there all is the same as if the events were read
anew (tests compare).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from composer.transformer.network import KIND_PAD, Floats, Heard, Network, norm, softmax


class Decoder:
    """B sequences that advance together; sequences that begin with a prompt are padded on the left."""

    def __init__(self, network: Network, batch: int) -> None:
        self.network, self.batch, self.context = network, batch, network.context
        shape = (network.layers, batch, network.heads, self.context, network.width // network.heads)
        self.keys = np.zeros(shape, dtype=np.float32)
        self.values = np.zeros(shape, dtype=np.float32)
        #: (B, context) 0 where there is something to hear, −inf elsewhere
        self.deaf = np.full((batch, self.context), -np.inf, dtype=np.float32)
        self.steps = 0

    def prefill(self, events: Heard) -> None:
        """Hear prompts of T ≤ context events (B, T) at once; KIND_PAD on the left is not heard."""
        length = events.kind.shape[1]
        if length == 0:
            return
        x = self.network.embed(events)
        place = np.broadcast_to(np.arange(length), events.kind.shape)
        cos, sin = self.network.rotary(place, events.time)
        heard = events.kind != KIND_PAD
        hidden = np.triu(np.ones((length, length), dtype=bool), 1)[None] | ~heard[:, None]  # (B, T, T)
        hidden[:, np.arange(length), np.arange(length)] = False  # a pad hears itself, so that nothing is undefined
        silence = np.where(hidden, -np.inf, 0.0).astype(np.float32)[:, None]
        for i, block in enumerate(self.network.blocks):
            q, k, v = block.project(x, cos, sin)
            self.keys[i, :, :, :length], self.values[i, :, :, :length] = k, v
            x = block.combine(x, softmax(q @ k.swapaxes(-1, -2) + silence) @ v)
        self.deaf[:, :length] = np.where(heard, 0.0, -np.inf)
        self.steps = length

    def step(self, event: Heard) -> Floats:
        """Hear one event (B, 1); the stream (B, D) that the factor heads read."""
        x = self.network.embed(event)
        cos, sin = self.network.rotary(np.full((self.batch, 1), self.steps), event.time)
        at, seen = self.steps % self.context, min(self.steps + 1, self.context)
        self.deaf[:, at] = 0.0
        hidden = self.deaf[:, None, None, :seen]
        for i, block in enumerate(self.network.blocks):
            q, k, v = block.project(x, cos, sin)
            keys, values = self.keys[i], self.values[i]
            keys[:, :, at], values[:, :, at] = k[:, :, 0], v[:, :, 0]
            scores = (keys[:, :, :seen] @ q.swapaxes(-1, -2)).swapaxes(-1, -2) + hidden
            x = block.combine(x, softmax(scores) @ values[:, :, :seen])
        self.steps += 1
        return norm(x)[:, 0]

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Go on with these sequences only."""
        self.keys, self.values, self.deaf = self.keys[:, rows], self.values[:, rows], self.deaf[rows]
        self.batch = len(rows)
