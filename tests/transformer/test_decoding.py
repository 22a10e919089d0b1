"""The network hears step by step what the torch model reads at once, and so do the echoes that are kept while writing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from composer.transformer import vocabulary as V
from composer.transformer.batches import PLAIN, Sampler, Store
from composer.transformer.decoding import Decoder
from composer.transformer.model import KIND_PAD, Events, ModelConfig, Transformer, norm
from composer.transformer.network import Heard, Network
from composer.transformer.sampling import Settings, _Writing, write
from composer.transformer.transcript import Task, Transcript, joined, remembered
from tests.transformer.conftest import SMALL, awake, network_of
from tests.transformer.tasks import task
from tests.transformer.tiny import build, tensors

ALONG_EVENTS = ("kind", "onset", "pitch", "duration", "velocity", "segment", "echo", "time")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Events:
    """Three sequences of 160 events."""
    return tensors(Sampler(Store(build(tmp_path_factory.mktemp("store"))), "train", 160, 3, 0, PLAIN).draw(0))[0]


def span(events: Events, start: int, stop: int) -> Events:
    return events._replace(**{name: getattr(events, name)[:, start:stop] for name in ALONG_EVENTS})


def heard_of(network: Network, events: Events) -> Heard:
    """A batch as the network hears it."""
    rows = events.segment.numpy()
    fields = events.fields.numpy()
    kind, onset, pitch, duration, velocity, echo, time = (
        getattr(events, name).numpy() for name in ("kind", "onset", "pitch", "duration", "velocity", "echo", "time")
    )
    return Heard(
        kind, onset, pitch, duration, velocity, echo, time, network.conditions(fields)[rows], fields[rows], events.half.numpy()[rows]
    )


def fed(decoder: Decoder, events: Events) -> Tensor:
    """Streams (B, T, D), one step after the other."""
    whole = heard_of(decoder.network, events)
    steps = [decoder.step(Heard._make(column[:, t : t + 1] for column in whole)) for t in range(events.kind.size(1))]
    return torch.from_numpy(np.stack(steps, 1))


def whole(model: Transformer, events: Events) -> Tensor:
    with torch.no_grad():
        return model.stream(events, model.conditions(events.fields))


def sliding(model: Transformer, events: Events) -> Tensor:
    """Every event at once, each block hearing `context` events."""
    with torch.no_grad():
        x = norm(model.embed(events, model.conditions(events.fields)))
        length = x.size(1)
        place = torch.arange(length)
        cos, sin = model.rotary(place[None].expand(len(x), length), events.time)
        back = place[:, None] - place[None]
        deaf = (back < 0) | (back >= model.config.context)
        for block in model.blocks:
            q, k, v = block.project(x, cos, sin)  # type: ignore[operator]
            scores = (q @ k.transpose(-1, -2) / math.sqrt(q.size(-1))).masked_fill(deaf, -math.inf)
            x = block.combine(x, torch.softmax(scores, -1) @ v)  # type: ignore[operator]
        return norm(x)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-4)


def test_step_by_step_is_the_same_as_at_once(small: Network, learner: Transformer, music: Events) -> None:
    events = span(music, 0, SMALL.context)
    close(fed(Decoder(small, 3), events), whole(learner, events))


@pytest.mark.parametrize("prompt", [1, 20, 63])
def test_a_prompt_is_heard_as_if_it_had_been_stepped(small: Network, learner: Transformer, music: Events, prompt: int) -> None:
    events = span(music, 0, SMALL.context)
    decoder = Decoder(small, 3)
    decoder.prefill(heard_of(small, span(events, 0, prompt)))
    close(fed(decoder, span(events, prompt, SMALL.context)), whole(learner, events)[:, prompt:])


@pytest.mark.parametrize(("longest", "steps"), [(30, 30), (64, 100), (40, 110)])
def test_prompts_of_unequal_length(small: Network, learner: Transformer, music: Events, longest: int, steps: int) -> None:
    """Padded on the left, also when what is written goes round the ring; each is the same as it would be alone."""
    lengths = [longest, longest // 3, 0]
    padded = span(music, 0, longest)
    padded = padded._replace(**{name: getattr(padded, name).clone() for name in ("kind", "segment", "echo", "time")})
    for i, length in enumerate(lengths):
        padded.kind[i, : longest - length] = KIND_PAD
    decoder = Decoder(small, 3)
    decoder.prefill(heard_of(small, padded))
    after = span(music, longest, min(160, longest + steps))
    found = fed(decoder, after)
    for i, length in enumerate(lengths):
        alone = span(music, longest - length, min(160, longest + steps))
        alone = alone._replace(**{name: getattr(alone, name)[i : i + 1] for name in ALONG_EVENTS})
        close(found[i], sliding(learner, alone)[0, length:])


def test_past_the_context_each_block_hears_the_last_events_only(small: Network, learner: Transformer, music: Events) -> None:
    close(fed(Decoder(small, 3), music), sliding(learner, music))


def test_past_the_context_one_block_reads_the_last_events_anew(music: Events) -> None:
    model = awake(ModelConfig(width=32, layers=1, heads=2, head_width=16, context=24))
    found = fed(Decoder(network_of(model), 3), span(music, 0, 100))
    for stop in (24, 25, 49, 77, 100):
        close(found[:, stop - 1], whole(model, span(music, max(0, stop - 24), stop))[:, -1])


def test_an_empty_prompt_changes_nothing(small: Network, learner: Transformer, music: Events) -> None:
    decoder = Decoder(small, 3)
    decoder.prefill(heard_of(small, span(music, 0, 0)))
    assert decoder.steps == 0
    close(fed(decoder, span(music, 0, 5)), whole(learner, span(music, 0, 5)))


def test_those_who_stay_go_on_as_before(small: Network, learner: Transformer, music: Events) -> None:
    decoder = Decoder(small, 3)
    fed(decoder, span(music, 0, 50))
    decoder.keep(np.array([0, 2]))
    later = span(music, 50, 100)
    later = later._replace(**{name: getattr(later, name)[[0, 2]] for name in ALONG_EVENTS})
    close(fed(decoder, later), sliding(learner, span(music, 0, 100))[[0, 2], 50:])


# --- echoes ---------------------------------------------------------------------------------------------------------------


class _Listening(_Writing):
    """Keeps the echoes it gave to the model."""

    def __init__(self, network: Network, tasks: list[Task], settings: Settings) -> None:
        self.given: list[list[list[tuple[int, int, int, int]]]] = [[] for _ in tasks]
        super().__init__(network, tasks, settings)

    def _echo(self, i: int) -> list[tuple[int, int, int, int]]:
        found = super()._echo(i)
        self.given[int(self.alive[i])].append(found)
        return found


def heard(prompt: Transcript | None, music: Transcript) -> Transcript:
    return music if prompt is None else joined([prompt, music])


@pytest.mark.parametrize("seed", range(6))
def test_echoes_kept_while_writing_are_those_that_training_saw(small: Network, seed: int) -> None:
    """Chords, lines that fall silent, prompts of other lines, prompts cut off in the middle of a bar."""
    rng = np.random.default_rng(seed)
    first = write(small, [task(seed, bars=4, lines=3), task(seed + 50, bars=3, lines=4, shared=2)])
    prompts = [None, first[0].part(1, 4, 1000), first[1].part(0, 3, int(rng.integers(1, 12))), joined([first[0].part(0, 2, 40), first[1]])]
    tasks = [task(seed + 100 + i, bars=4, lines=4, prompt=prompt, shared=i) for i, prompt in enumerate(prompts)]
    writing = _Listening(small, tasks, Settings())
    written = writing.run()
    sizes = np.array(list(V.ECHO_FACTORS.values()))
    for prompt, given, music in zip(prompts, writing.given, written, strict=True):
        expected = heard(prompt, music).echoes()[-len(music.events) :]
        found = np.array(given)
        np.testing.assert_array_equal(found, expected)
        assert (found >= 0).all() and (found < sizes).all()
        assert (found[..., 0] < V.END).any() and (found[..., 0] == V.NO_ECHO).any()


def test_a_chord_of_more_notes_than_are_counted_is_echoed_the_same() -> None:
    bar = [(-1, 0, 0, 0), *((0, 100 - i, 3, 3) for i in range(18)), (12, 50, 3, 3)]
    events = np.array(bar * 3)
    segment = np.repeat(np.arange(3), len(bar))
    nothing = np.zeros(3, dtype=np.int64)
    music = Transcript(
        events,
        segment,
        (segment * 4).astype(np.float64),
        np.zeros((3, len(V.FIELDS)), dtype=np.int64),
        nothing,
        np.arange(3),
        nothing,
        12.0,
    )
    memory, found, chord, onset = remembered(None), [], 0, -1
    for event, s in zip(events, segment, strict=True):
        if event[0] < 0:
            memory.begin(int(s), 0)
            chord, onset = 0, -1
            found.append(memory.echo(0))
            continue
        chord = chord + 1 if event[0] == onset else 1
        onset = int(event[0])
        memory.add(onset, chord - 1, int(event[1]), int(event[2]))
        found.append(memory.echo(onset * 16 + min(chord - 1, 15) + 1))
    np.testing.assert_array_equal(np.array(found), music.echoes())
