"""Onsets: at their time, as strong as they sound, and prominent only where they stand out."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from composer.errors import RenderError
from composer.instruments import INSTRUMENTS
from composer.onset_strength import Onsets, attack_latency_s, onsets_in_file, onsets_of, prominence
from composer.render.synth import BLOCK_SAMPLES, Player, control, note_off, note_on, play

RATE = 48_000
Floats = NDArray[np.float64]


@pytest.fixture(scope="session")
def bank() -> Path:
    """The small bank that pretty_midi brings: always there."""
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "TimGM6mb.sf2"


def ticks(seconds: float) -> Floats:
    return np.arange(round(seconds * RATE)) / RATE


def struck(seconds: float, starts_s: list[float], hz: float = 440.0, level: float = 0.1, decay: float = 6.0) -> Floats:
    """Tones with partials that begin at once and die away."""
    sound = np.zeros(round(seconds * RATE))
    for start in starts_s:
        first = int(np.ceil(start * RATE))
        after = np.arange(min(len(sound) - first, round(8 / max(decay, 1e-3) * RATE))) / RATE + (first / RATE - start)
        tone = sum((np.sin(2 * np.pi * hz * k * after) / k for k in range(1, 8)), np.zeros(len(after)))
        sound[first : first + len(after)] += level * np.exp(-decay * after) * tone
    return sound


def clicks(seconds: float, starts_s: list[float]) -> Floats:
    sound = np.zeros(round(seconds * RATE))
    for start in starts_s:
        sound[round(start * RATE) : round(start * RATE) + 48] = 0.5
    return sound


def hiss(seconds: float, level: float, seed: int = 0) -> Floats:
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def strongest(found: Onsets) -> float:
    return float(found.times_s[found.strengths.argmax()])


@pytest.mark.parametrize("background", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("start", [0.5, 1.0013, 1.4987])
def test_a_sudden_sound_is_reported_at_its_time(start: float, background: float) -> None:
    for sound in (clicks(2, [start]), struck(2, [start]), struck(2, [start], hz=80), struck(2, [start], hz=2000)):
        assert strongest(onsets_of(sound + hiss(2, background))) == pytest.approx(start, abs=0.003)


def test_a_sharp_attack_in_dense_music_is_reported_at_its_time() -> None:
    held = sum(0.05 * np.sin(2 * np.pi * hz * ticks(4)) for hz in (98, 147, 196, 247, 294, 392, 494, 587))
    starts = [0.503, 1.011, 1.5, 2.021, 2.507, 3.013]
    found = onsets_of(held + hiss(4, 0.003) + struck(4, starts, hz=523, level=0.2))
    for start in starts:
        assert np.abs(found.times_s - start).min() < 0.003


def test_a_slow_attack_is_reported_where_it_has_risen_to_two_fifths() -> None:
    time_s = ticks(2)
    ramp = np.clip((time_s - 0.7) / 0.1, 0, 1)
    tone = sum(np.sin(2 * np.pi * 330 * k * time_s) / k for k in range(1, 8))
    assert strongest(onsets_of(0.2 * ramp * np.asarray(tone))) == pytest.approx(0.7 + 0.1 * 0.15**0.5, abs=0.008)


def test_strength_grows_with_loudness_and_width_and_is_equal_for_equals() -> None:
    def strength(sound: Floats) -> float:
        return float(onsets_of(sound).strengths.max())

    two = onsets_of(struck(5, [1.0, 3.5], decay=8))
    assert two.strengths[0] == pytest.approx(two.strengths[1], rel=0.02)
    soft, loud = strength(struck(1, [0.5], level=0.03)), strength(struck(1, [0.5], level=0.3))
    assert loud == pytest.approx(4 * soft, rel=0.25)  # twice as strong every 10 dB
    together = strength(struck(1, [0.5]) + struck(1, [0.5], hz=1330) + struck(1, [0.5], hz=97))
    assert together > 1.5 * strength(struck(1, [0.5]))


def test_what_rings_wavers_or_trembles_does_not_begin() -> None:
    time_s = ticks(4)
    envelope = np.clip((time_s - 0.5) / 0.02, 0, 1)
    bend = 0.5 * np.sin(2 * np.pi * 5.5 * time_s) / 5.5  # ± 50 cents
    vibrato = sum(np.sin(2 * np.pi * 440 * k * (time_s + 0.03 * bend)) / k for k in range(1, 8))
    tremolo = (1 + 0.25 * np.sin(2 * np.pi * 6 * time_s)) * struck(4, [0.5], decay=0)
    for sound in (struck(4, [0.5], decay=1), 0.1 * envelope * vibrato, tremolo):
        found = onsets_of(sound)
        others = found.strengths[(np.abs(found.times_s - 0.5) > 0.05) & (found.times_s < 3.9)]  # at 4 s it is cut off
        assert others.max(initial=0) < 0.3 * found.strengths.max()


def test_silence_and_nothing_have_no_onsets() -> None:
    for sound in (np.zeros(RATE), np.zeros((0, 2)), hiss(1, 1e-5)):
        found = onsets_of(sound)
        assert len(found) == 0
        assert found.prominent_s.shape == (0,)
        assert attack_latency_s(sound) is None


def test_a_constant_row_of_sixteenths_has_nothing_that_stands_out() -> None:
    for qpm in (80, 120):
        starts = list(np.arange(0.5, 9.5, 15 / qpm))
        found = onsets_of(struck(10, starts, decay=25))
        assert len(found) >= 0.95 * len(starts)
        inside = (found.times_s > 2.5) & (found.times_s < 7.5)
        assert not found.prominent[inside].any()
        uneven = onsets_of(np.sum([struck(10, starts[i::3], decay=25, level=0.09 + 0.01 * i) for i in range(3)], axis=0))
        assert uneven.prominent[(uneven.times_s > 2.5) & (uneven.times_s < 7.5)].mean() < 0.05


def test_accents_among_sixteenths_stand_out_and_nothing_else() -> None:
    starts, accents = list(np.arange(0.5, 9.5, 0.125)), [1.5, 3.5, 4.5, 6.5, 8.5]
    found = onsets_of(struck(10, starts, decay=25, level=0.05) + struck(10, accents, decay=25, hz=660, level=0.3))
    assert [round(float(moment), 1) for moment in found.prominent_s if moment > 1] == accents  # the first comes out of silence


def test_a_few_loud_moments_stand_out_even_one_a_second() -> None:
    assert onsets_of(struck(8, [2.0])).prominent.all()
    found = onsets_of(struck(9, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]))
    assert len(found) == 7
    assert found.prominent.all()


def test_rank_is_counted_within_two_seconds_and_against_ties() -> None:
    times_s = np.arange(0, 20, 0.2)  # 19 within less than 2 s: counted as 20, so rank 5 stands out and rank 6 does not
    strengths = np.ones(len(times_s))
    strengths[50:55] = 2.0
    assert list(np.flatnonzero(prominence(times_s, strengths))) == [50, 51, 52, 53, 54]
    strengths[55] = 2.0 * 0.86  # a sixth about as strong
    assert not prominence(times_s, strengths).any()
    strengths[55] = 2.0 * 0.84  # clearly weaker
    assert prominence(times_s, strengths)[50:56].tolist() == [True] * 5 + [False]


def test_a_file_reads_like_its_sound_in_blocks_and_parts(tmp_path: Path) -> None:
    starts = [0.7, 5.3, 15.98, 16.01 + 1, 31.999, 33.0, 39.2]
    left, right = struck(40, starts), struck(40, starts, hz=310)
    sound = np.stack([left, right], axis=1) + hiss(40, 0.001)[:, None]
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="PCM_24")
    whole, memory = onsets_in_file(tmp_path / "a.wav"), onsets_of(sound)
    assert whole.times_s == pytest.approx(memory.times_s, abs=1e-4)
    assert whole.times_s == pytest.approx(starts, abs=0.003)
    part = onsets_in_file(tmp_path / "a.wav", 5.0, 33.5)
    assert part.times_s == pytest.approx(whole.times_s[1:-1], abs=1e-4)
    assert part.strengths == pytest.approx(whole.strengths[1:-1], rel=1e-3)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    for name in ("a.wav", "missing.wav"):
        with pytest.raises(RenderError, match="cannot be read as sound"):
            onsets_in_file(tmp_path / name)


def test_a_minute_is_looked_at_in_a_second(tmp_path: Path) -> None:
    sound = np.stack([struck(60, list(np.arange(0.5, 59, 0.4)), decay=20)] * 2, axis=1) + hiss(60, 0.002)[:, None]
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="PCM_24")
    began_s = time.process_time()
    onsets_in_file(tmp_path / "a.wav")
    assert time.process_time() - began_s < 1.5


@pytest.mark.parametrize(("name", "pitches", "longest_s"), [("piano", (60, 72, 84), 0.003), ("xylophone", (72, 84), 0.004)])  # fmt: skip
def test_notes_of_struck_instruments_are_heard_where_they_begin(bank: Path, name: str, pitches: tuple[int, ...], longest_s: float) -> None:
    for pitch in pitches:
        assert -0.002 < note_latency_s(bank, name, pitch) < longest_s


def test_bowed_strings_are_heard_later_than_struck_ones(bank: Path) -> None:
    assert note_latency_s(bank, "violins_1", 69) > 0.01 > note_latency_s(bank, "piano", 69)


def note_latency_s(bank: Path, name: str, pitch: int) -> float:
    """From note-on to onset of one note on the small bank."""
    instrument = INSTRUMENTS[name]
    at, until = 150 * BLOCK_SAMPLES, 700 * BLOCK_SAMPLES
    cues = [control(0, 7, 100), control(0, 10, 64), note_on(at, pitch, 90), note_off(until, pitch)]
    with Player(bank, (0, instrument.program), instrument) as player:
        sound = np.concatenate(list(play(player, cues, RATE)))
    found = attack_latency_s(sound, at / RATE)
    assert found is not None
    return found
