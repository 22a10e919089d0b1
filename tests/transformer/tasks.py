"""Seeded tasks: something to write, without a plan."""

from __future__ import annotations

import numpy as np

from composer.transformer import vocabulary as V
from composer.transformer.transcript import Task, Transcript


def task(seed: int, bars: int = 3, lines: int = 3, prompt: Transcript | None = None, shared: int = 0) -> Task:
    """Lines of all kinds: wide and narrow, one hand and four, struck here and there, with a last word; the last line is drums."""
    rng = np.random.default_rng([seed, bars, lines])
    count = bars * lines
    line, bar = np.tile(np.arange(lines), bars), np.repeat(np.arange(bars), lines)
    lengths = rng.choice([24, 36, 42, 72, 84, 96, 120, 216], bars)
    fields = np.stack([rng.integers(0, size + 1, count) for size in V.FIELDS.values()], 1)
    role, drums = V.FIELD_INDEX["role"], lines - 1 if lines > 1 else -1
    fields[:, role] = rng.integers(1, len(V.ROLE_ORDER), lines)[line]
    fields[line == drums, role] = len(V.ROLE_ORDER)
    low = rng.integers(0, 100, lines)
    closing = (bar == bars - 1) & (line != drums)
    struck = np.where(rng.random(count) < 0.4, [rng.integers(np.searchsorted(V.ONSET_TICKS, lengths[b])) for b in bar], -1)
    return Task(
        name=f"task {seed}",
        fields=fields,
        line=line,
        bar=bar,
        start=(np.concatenate([[0], np.cumsum(lengths)])[:-1] / V.TICKS_PER_BEAT)[bar],
        ticks=lengths[bar],
        struck=np.where(closing, 0, struck),
        closing=closing,
        ranges=np.stack([low, np.minimum(127, low + rng.choice([0, 5, 12, 30], lines))], 1),
        hands=rng.integers(1, 5, lines),
        last=rng.integers(-1, 128, lines),
        owner=np.arange(lines) + shared,
        prompt=prompt,
    )
