"""What is written can be played, whatever the weights say; the same name writes the same; transcripts can be cut, joined and moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from composer.playable import WITHIN
from composer.transformer import vocabulary as V
from composer.transformer.network import Network
from composer.transformer.sampling import Settings, chord_tones, write
from composer.transformer.transcript import Given, Task, Transcript, joined
from tests.transformer.conftest import SMALL, awake, network_of
from tests.transformer.tasks import task

ARRAYS = ("events", "segment", "time", "fields", "half", "bar", "owner")
BOLD = Settings(temperatures=(3.0, 3.0, 3.0, 3.0), top_p=1.0)


def same(a: Transcript, b: Transcript) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS) and a.beats == b.beats


def check(asked: Task, music: Transcript) -> None:
    """Everything that a player could complain about."""
    headers = np.flatnonzero(music.events[:, 0] < 0)
    assert (music.segment[headers] == np.arange(len(asked.line))).all()  # every segment was begun, so every one before it ended
    assert headers[0] == 0 and (np.diff(music.segment) >= 0).all()
    assert len(music.fields) == len(music.half) == len(music.bar) == len(music.owner) == len(asked.line)
    assert (music.fields >= 0).all() and (music.fields <= np.array(list(V.FIELDS.values()))).all()
    last = asked.last.copy()
    until = np.zeros(len(last))
    for s, line in enumerate(asked.line):
        notes = music.events[(music.segment == s) & (music.events[:, 0] >= 0)]
        onset, pitch, duration, velocity = notes.T
        low, high = asked.ranges[line]
        assert music.fields[s, V.FIELD_INDEX["before"]] == last[line] + 1
        sounding = min(max(0.0, until[line] - asked.start[s]), asked.ticks[s] / V.TICKS_PER_BEAT)
        assert music.fields[s, V.FIELD_INDEX["held"]] == V.held_field(sounding)
        assert ((pitch >= low) & (pitch <= high)).all()
        assert ((velocity >= 0) & (velocity < V.VELOCITIES)).all()
        assert (np.diff(onset) >= 0).all()
        assert (np.diff(pitch)[np.diff(onset) == 0] < 0).all()
        assert np.bincount(onset, minlength=1).max() <= asked.hands[line]
        assert (V.ONSET_TICKS[onset] < asked.ticks[s]).all()
        at = asked.start[s] + V.ONSET_TICKS[onset] / V.TICKS_PER_BEAT
        ends = at + V.DURATION_TICKS[duration] / V.TICKS_PER_BEAT
        assert (ends <= asked.beats + 1e-9).all()
        np.testing.assert_allclose(music.time[music.segment == s][1:], at)
        assert set(np.atleast_1d(asked.struck[s])) - {-1} <= set(onset)
        if asked.closing[s]:
            assert set(onset) == {0}
            allowed = {p for p in range(low, high + 1) if chord_tones(asked.fields[s])[0, p % 12] == 1}
            assert not allowed or set(pitch) <= allowed
        if len(notes):
            last[line], until[line] = pitch[-1], max(until[line], ends.max())


@pytest.mark.parametrize(
    "how", [Settings(), BOLD, Settings(temperatures=(0.2, 0.2, 0.2, 0.2), chord_bias=4)], ids=["plain", "bold", "timid"]
)
def test_what_is_written_can_be_played(small: Network, how: Settings) -> None:
    tasks = [task(seed, bars=3, lines=1 + seed % 5) for seed in range(16)]
    for asked, music in zip(tasks, write(small, tasks, how), strict=True):
        check(asked, music)


@pytest.mark.parametrize("seed", range(4))
def test_also_by_models_that_never_wish_to_end(seed: int) -> None:
    model = awake(SMALL, seed)
    model.onset_out.weight.data.zero_()
    model.onset_out.bias.data[:] = 0.0
    model.onset_out.bias.data[V.END] = -50.0
    tasks = [task(100 + seed, bars=2, lines=3), task(200 + seed, bars=2, lines=2)]
    tasks = [replace(t, struck=np.where(t.closing, t.struck, np.searchsorted(V.ONSET_TICKS, t.ticks) - 1)) for t in tasks]
    for asked, music in zip(tasks, write(network_of(model), tasks, Settings(top_p=1.0)), strict=True):
        check(asked, music)
        counts = np.bincount(music.segment[music.events[:, 0] >= 0], minlength=len(asked.line))
        assert (counts <= np.maximum(6, np.round(asked.ticks / 4)) * np.minimum(3, asked.hands[asked.line])).all()


def test_a_full_bar_keeps_a_place_for_what_must_be_struck() -> None:
    model = awake(SMALL)
    model.onset_out.weight.data.zero_()
    for place in range(V.ONSETS):
        model.onset_out.bias.data[place] = -20.0 * place  # always the next place
    model.onset_out.bias.data[V.END] = -5000.0
    struck = np.array([[47, 40], [0, -1]])
    asked = task(0, bars=2, lines=1)
    asked = replace(asked, ticks=np.full(2, 96), start=np.array([0.0, 4.0]), struck=struck, hands=np.array([1]))
    music = write(network_of(model), [asked])[0]
    check(asked, music)
    assert (music.events[music.segment == 0][1:, 0] == [*range(22), 40, 47]).all()


def test_several_places_of_a_bar_are_struck(small: Network) -> None:
    rng = np.random.default_rng(0)
    tasks = []
    for seed in range(8):
        asked = task(seed, bars=3, lines=2)
        places = np.searchsorted(V.ONSET_TICKS, asked.ticks)
        struck = np.stack([rng.integers(-1, np.where(asked.closing, 0, places)) for _ in range(3)], 1)
        struck[asked.closing] = [0, -1, -1]
        tasks.append(replace(asked, struck=struck))
    for how in (Settings(), BOLD):
        for asked, music in zip(tasks, write(small, tasks, how), strict=True):
            check(asked, music)


def test_the_same_name_writes_the_same_and_another_does_not(small: Network) -> None:
    asked = task(1, bars=4, lines=4)
    first, again, other = (write(small, [one], BOLD)[0] for one in (asked, asked, replace(asked, name="another")))
    assert same(first, again)
    assert not np.array_equal(first.events, other.events)


@pytest.mark.parametrize("guidance", [1.0, 1.5])
def test_company_changes_nothing(small: Network, guidance: float) -> None:
    """Alone or beside shorter and longer ones, with and without prompts."""
    how = Settings(guidance=guidance)
    opening = write(small, [task(9, bars=4, lines=3)], how)[0]
    tasks = [task(1), task(2, bars=1), task(3, bars=5, lines=4, prompt=opening.part(0, 4, 30)), task(4, prompt=opening.part(3, 4, 30))]
    together = write(small, tasks, how)
    for asked, music in zip(tasks, together, strict=True):
        check(asked, music)
        assert same(write(small, [asked], how)[0], music)


def test_guidance_pushes_only_where_feeling_is_asked_for(small: Network) -> None:
    asked = task(3, bars=4)
    assert not same(*(write(small, [asked], Settings(guidance=g))[0] for g in (1.0, 3.0)))
    fields = asked.fields.copy()
    fields[:, [V.FIELD_INDEX[name] for name in V.AFFECT_FIELDS]] = 0
    bare = replace(asked, fields=fields)
    assert same(*(write(small, [bare], Settings(guidance=g))[0] for g in (1.0, 1.5)))


def test_a_prompt_is_heard(small: Network) -> None:
    opening = write(small, [task(9)])[0]
    assert not same(write(small, [task(1)])[0], write(small, [task(1, prompt=opening)])[0])


def test_a_chord_can_be_leant_on_but_not_by_drums(small: Network) -> None:
    asked = task(5, bars=6, lines=2)
    ranges, hands = np.array([[40, 80], [35, 81]]), np.array([1, 1])
    fields = asked.fields.copy()
    for half in (1, 2):
        fields[:, V.FIELD_INDEX[f"root_{half}"]], fields[:, V.FIELD_INDEX[f"quality_{half}"]] = 1, 1
    fields[:, [V.FIELD_INDEX["tonic"], V.FIELD_INDEX["mode"]]] = 1
    asked = replace(asked, fields=fields, ranges=ranges, hands=hands)
    music = write(small, [asked], Settings(chord_bias=500))[0]
    notes = music.events[:, 0] >= 0
    on_beat = notes & (V.ONSET_TICKS[np.maximum(music.events[:, 0], 0)] % V.TICKS_PER_BEAT == 0)
    tune, drums = (music.owner[music.segment] == line for line in (0, 1))
    assert (on_beat & tune).any() and (notes & drums).any()
    assert set(music.events[on_beat & tune, 1] % 12) <= {0, 4, 7}
    assert not set(music.events[notes & drums, 1] % 12) <= {0, 2, 4, 5, 7, 9, 11}


def test_tones_of_chords_and_keys() -> None:
    fields = np.zeros(len(V.FIELDS), dtype=np.int64)
    assert not chord_tones(fields).any()
    for name, value in {"tonic": 3, "mode": 1, "root_1": 3, "quality_1": 1, "root_2": 10, "quality_2": 6}.items():
        fields[V.FIELD_INDEX[name]] = value
    tones = chord_tones(fields)
    assert set(np.flatnonzero(tones[0] == 1)) == {2, 6, 9} and set(np.flatnonzero(tones[1] == 1)) == {9, 1, 4, 7}
    assert set(np.flatnonzero(tones[0] > 0)) == {2, 4, 6, 7, 9, 11, 1}


# --- transcripts ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def music(small: Network) -> list[Transcript]:
    tasks = [replace(task(seed, bars=5, lines=3), ranges=np.tile([30, 90], (3, 1))) for seed in range(3)]
    return write(small, tasks)


def test_all_bars_are_the_whole(music: list[Transcript]) -> None:
    for one in music:
        assert same(one.part(0, 5, 10**6), one)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4), st.integers(1, 5), st.integers(1, 60), st.integers(0, 2))
def test_a_part_is_the_end_of_what_was_asked_for(music: list[Transcript], first: int, bars: int, limit: int, which: int) -> None:
    one = music[which]
    last = min(5, first + bars)
    part = one.part(first, last, limit)
    inside = (one.bar[one.segment] >= first) & (one.bar[one.segment] < last)
    assert len(part.events) <= limit
    if not len(part.events):  # not one segment is as short as that
        assert (one.segment[inside] == one.segment[inside][-1]).sum() > limit
        return
    assert part.events[0, 0] < 0
    np.testing.assert_array_equal(part.events, one.events[inside][-len(part.events) :])
    assert part.time[0] == 0 and part.bar[0] == 0 and part.segment[0] == 0
    assert len(part.fields) == len(part.half) == len(part.bar) == len(part.owner) == part.segment.max() + 1
    np.testing.assert_array_equal(part.fields[part.segment], one.fields[one.segment][inside][-len(part.events) :])
    end = one.time[(one.bar[one.segment] == last)][0] if last < 5 else one.beats
    start = one.time[inside][-len(part.events)]
    assert part.beats == pytest.approx(end - start)


def test_a_part_of_no_bars_is_empty(music: list[Transcript]) -> None:
    empty = music[0].part(2, 2, 100)
    assert len(empty.events) == len(empty.bar) == 0 and empty.beats == 0
    assert same(joined([empty, music[1]]), music[1]) and same(joined([music[1], empty]), music[1])


def test_two_halves_make_the_whole(music: list[Transcript]) -> None:
    for one in music:
        for bar in range(1, 5):
            both = joined([one.part(0, bar, 10**6), one.part(bar, 5, 10**6)])
            assert all(np.array_equal(getattr(both, name), getattr(one, name)) for name in ARRAYS if name != "time")
            np.testing.assert_allclose(both.time, one.time)
            assert both.beats == pytest.approx(one.beats)


@settings(max_examples=40, deadline=None)
@given(st.integers(-11, 11), st.integers(0, 2))
def test_moved_and_moved_back(music: list[Transcript], semitones: int, which: int) -> None:
    one = music[which]
    fields = one.fields.copy()
    fields[:, V.FIELD_INDEX["register"]] = np.clip(fields[:, V.FIELD_INDEX["register"]], 5, 25)
    one = replace(one, fields=fields)
    before = fields[:, V.FIELD_INDEX["before"]]
    fields[:, V.FIELD_INDEX["before"]] = np.where(before, np.clip(before, 20, 100), 0)  # the ends fold
    there = one.moved(semitones)
    assert same(there.moved(-semitones), one)
    drum = one.fields[one.segment, V.FIELD_INDEX["role"]] == len(V.ROLE_ORDER)
    notes = one.events[:, 0] >= 0
    assert (there.events[notes & ~drum, 1] == one.events[notes & ~drum, 1] + semitones).all()
    assert (there.events[notes & drum, 1] == one.events[notes & drum, 1]).all()
    assert (there.fields >= 0).all() and (there.fields <= np.array(list(V.FIELDS.values()))).all()
    for name in ("tonic", "root_1", "bass_2"):
        a, b = (x.fields[:, V.FIELD_INDEX[name]] for x in (one, there))
        known = (a >= 1) & (a <= 12)
        assert ((b - a - semitones)[known] % 12 == 0).all() and (a == b)[~known].all()


# --- what is given, and how fast it may go ------------------------------------------------------------------------------------------


def told(music: Transcript, segment: int, count: int | None = None) -> tuple[tuple[int, int, int], ...]:
    """The first notes of a segment, as a task would give them."""
    rows = music.events[(music.segment == segment) & (music.events[:, 0] >= 0)][:count, :3]
    return tuple((int(a), int(b), int(c)) for a, b, c in rows)


@pytest.mark.parametrize("seed", range(6))
def test_given_notes_are_heard_as_if_the_model_had_written_them(small: Network, seed: int) -> None:
    """With nothing left to chance, its own notes given back lead it to the same music."""
    sure = Settings(top_p=1e-9)
    asked = task(seed, bars=4, lines=3)
    own = write(small, [asked], sure)[0]
    for segments in ([0], [3, 4], range(12)):
        given = {s: Given(told(own, s), V.ONSETS) for s in segments}
        assert same(write(small, [replace(asked, given=given)], sure)[0], own)
    begun = {3: Given(told(own, 3, 1), 0)}
    assert same(write(small, [replace(asked, given=begun)], sure)[0], own)


def test_given_notes_stand_and_the_rest_of_the_bar_is_free_or_not(small: Network) -> None:
    tasks, filled = [], 0
    for seed in range(8):
        asked = task(seed, bars=3, lines=2)
        asked = replace(
            asked, ticks=np.full(6, 96), start=np.repeat([0.0, 4.0, 8.0], 2), struck=np.full(6, -1), closing=np.zeros(6, dtype=bool)
        )
        low = int(asked.ranges[0, 0])
        notes = ((0, low, 11), (12, low, 6))
        tasks.append(replace(asked, hands=np.array([1, 2]), given={0: Given(notes, 24), 2: Given(notes, V.ONSETS), 4: Given((), 12)}))
    for how in (Settings(), BOLD):
        for asked, music in zip(tasks, write(small, tasks, how), strict=True):
            check(asked, music)
            first, second, third = (told(music, s) for s in (0, 2, 4))
            assert first[:2] == asked.given[0].notes and all(onset >= 24 for onset, _, _ in first[2:])
            assert second == asked.given[2].notes
            assert all(onset >= 12 for onset, _, _ in third)
            filled += len(first) > 2
            assert same(write(small, [asked], how)[0], music)  # alone as in company
    assert filled


@pytest.mark.parametrize("gap", [3, 6, 12, 24])
def test_nobody_is_asked_to_play_faster_than_the_gap(small: Network, gap: int) -> None:
    tasks = [task(seed, bars=3, lines=2) for seed in range(8)]
    slow = [replace(t, gaps=np.array([gap, 0]), struck=np.where(t.closing, 0, -1)) for t in tasks]
    for asked, music in zip(slow, write(small, slow, BOLD), strict=True):
        check(asked, music)
        for s in np.flatnonzero(asked.line == 0):
            onsets = V.ONSET_TICKS[np.unique(np.array([onset for onset, _, _ in told(music, int(s))], dtype=np.int64))]
            for steps, gaps in enumerate(WITHIN, 1):
                assert (onsets[steps:] - onsets[:-steps] >= gaps * gap).all()
    for asked, music in zip(tasks, write(small, [replace(t, gaps=np.zeros(2, dtype=np.int64)) for t in tasks], BOLD), strict=True):
        assert same(write(small, [asked], BOLD)[0], music)
