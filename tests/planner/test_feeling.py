"""What is read of a span of film: only what touches it is looked at, and nothing that does is missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from composer.film import Span
from composer.planner.feeling import look_seconds, speech_share
from tests.filmmaker import random_film


@pytest.mark.parametrize("seed", range(4))
def test_a_span_is_read_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.uniform(0, 60, 24))
    spans = tuple(Span(float(a), float(b)) for a, b in edges.reshape(-1, 2))
    film = replace(random_film(seed, 60.0), speech=spans)
    film = replace(film, shots=tuple(replace(shot, look=i % 3) for i, shot in enumerate(film.shots)))
    places = [*rng.uniform(0, 60, (40, 2)), (spans[3].start_s, spans[3].end_s), (spans[2].end_s, spans[3].start_s), (0.0, 60.0)]
    for start_s, end_s in (sorted(map(float, place)) for place in places):
        spoken = sum(max(0.0, min(end_s, span.end_s) - max(start_s, span.start_s)) for span in spans)
        assert speech_share(film, start_s, end_s) == pytest.approx(spoken / (end_s - start_s))
        assert sum(look_seconds(film, start_s, end_s).values()) == pytest.approx(min(end_s, film.duration_s) - start_s)
