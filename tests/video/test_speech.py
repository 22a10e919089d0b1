"""Speech: found under noise and music, not found in them, on the right side of the clock."""

import functools
import importlib.util
import shutil

import numpy as np
import pytest

from composer.errors import MissingToolError
from composer.evaluation import speech as measuring
from composer.evaluation.speech_material import SAMPLE_RATE, VOICES, music, noise, say, speech
from composer.film import Span
from composer.video import speech as module
from composer.video.speech import SHORTEST_PAUSE_S, SHORTEST_S, STEP_S, Middle, SpeechDetector, speech_spans
from tests import films

talks = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed (make setup)")


@pytest.fixture(scope="module")
def said():
    return speech(16, seed=7, voices=VOICES[:3])


@functools.cache
def played(*instruments):
    return music(instruments, 16, seed=7)


@talks
@pytest.mark.parametrize("kind", ["pink", "traffic"])
def test_speech_under_noise(said, kind):
    background = noise(kind, 16, seed=7)
    assert measuring.measure(kind, None, background, None).false_share < 0.03
    for snr_db in (10.0, 5.0):
        assert measuring.measure(kind, said, background, snr_db).f1 >= 0.9


@talks
@pytest.mark.parametrize("instruments", [("choir",), ("strings",)])
def test_speech_under_music(said, instruments):
    background = played(*instruments)
    assert measuring.measure("music", None, background, None).false_share < 0.03
    for snr_db in (10.0, 5.0):
        assert measuring.measure("music", said, background.mean(axis=1), snr_db).f1 >= 0.9
        assert measuring.measure("music", said, background, snr_db).f1 >= 0.9


@pytest.mark.parametrize("name", measuring.REAL)
def test_no_speech_wherever_a_clip_begins(name):
    """Music with birds, and a car: whole, repeated, and every piece of 8 s that begins on a second."""
    rows = list(measuring.real_table(films.clip(name).parents[1], [name]))
    assert len(rows) == 3
    assert [row.false_share for row in rows] == [0.0] * 3


def test_clips_that_are_not_there_are_left_out(tmp_path):
    assert list(measuring.real_table(tmp_path)) == []


@talks
@pytest.mark.slow
def test_the_whole_table():
    rows = list(measuring.table())
    assert len(rows) == 1 + 4 * (len(measuring.NOISES) + 2 * len(measuring.MUSIC))
    for row in rows:
        if row.snr_db is None:
            assert row.false_share < 0.03, row
        elif row.snr_db >= 5:
            assert row.f1 >= 0.9, row


@talks
def test_one_sentence_to_the_hundredth():
    """Speech from 2 s on: its edges are found within 0.1 s, and the pause within the sentence is bridged."""
    sentence = 0.05 * say("The train leaves at half past nine.", "en-gb+m3", 150) / 0.1
    sound = np.concatenate([np.zeros(2 * SAMPLE_RATE), sentence, np.zeros(2 * SAMPLE_RATE)])
    found = measuring.detect(np.stack([sound, sound], axis=1))
    assert len(found) == 1
    assert found[0].start_s == pytest.approx(2.0, abs=0.1)
    assert found[0].end_s == pytest.approx(2.0 + len(sentence) / SAMPLE_RATE, abs=0.1)


def f1(found, truth):
    return 2 * np.sum(found & truth) / (np.sum(found) + np.sum(truth))


@talks
@pytest.mark.parametrize("instruments", [("choir",), ("strings",)])
def test_the_middle_helps(said, instruments):
    """Under music 10 dB louder but wide (left and right a quarter of a second apart), words are found because they are in the middle."""
    tune, truth = played(*instruments).mean(axis=1), measuring.truth_of(said)
    mixed = measuring.mix(said, truth, np.stack([tune, np.roll(tune, SAMPLE_RATE // 4)], axis=1), -10.0)
    narrow = np.repeat(mixed.mean(axis=1, keepdims=True), 2, axis=1)
    with_middle, without = (f1(measuring.grid(measuring.detect(sound), len(truth)), truth) for sound in (mixed, narrow))
    assert with_middle > max(0.8, without + 0.15)


@talks
def test_pieces_change_nothing(said):
    sound = np.stack([said, 0.7 * said + noise("pink", 16, 3) * 0.1], axis=1).astype(np.float32)
    whole, pieces = SpeechDetector(), SpeechDetector()
    whole.add(sound)
    rng = np.random.default_rng(0)
    at = 0
    while at < len(sound):
        size = int(rng.integers(1, 9000))
        pieces.add(sound[at : at + size])
        at += size
    spans = whole.spans()
    assert spans
    assert spans == pieces.spans()
    assert whole.probabilities == pieces.probabilities


@pytest.mark.parametrize("count", [0, 1, 100, 511, 512, 513, 70_000])
def test_any_length_of_silence(count):
    detector = SpeechDetector()
    detector.add(np.zeros((count, 2), np.float32))
    assert detector.spans() == []
    assert len(detector.probabilities) >= count // 512


def test_mono_passes_the_middle_unchanged():
    sound = noise("pink", 3).astype(np.float32)
    middle = Middle()
    heard = np.concatenate([middle.add(np.stack([sound, sound], axis=1)), middle.add(np.zeros((1024, 2), np.float32))])
    assert heard[: len(sound)] == pytest.approx(sound, abs=1e-5)


def test_the_sides_are_turned_down():
    sound = noise("white", 3).astype(np.float32)
    opposite = np.stack([sound, -0.5 * sound], axis=1)  # more apart than common
    heard = Middle().add(opposite)
    assert np.std(heard) == pytest.approx(0.5 * np.std(opposite.mean(axis=1)), rel=0.01)


def steps(*runs):
    """Probabilities: (value, seconds) runs."""
    return [value for value, seconds in runs for _ in range(round(seconds / STEP_S))]


def test_spans_from_probabilities():
    talk = steps((0, 1), (0.9, 1), (0, SHORTEST_PAUSE_S - 0.1), (0.9, 1), (0, 2), (0.9, 1))
    found = speech_spans(talk, len(talk) * STEP_S)
    assert [(span.start_s, span.end_s) for span in found] == [pytest.approx((1, 3.2), abs=0.15), pytest.approx((5.2, 6.2), abs=0.15)]
    assert speech_spans(steps((0, 1), (0.9, SHORTEST_S - 0.05), (0, 1)), 2.2) == []
    assert speech_spans(steps((0.5, 3)), 3.0) == []  # not sure enough to begin
    assert speech_spans(steps((0.9, 0.5), (0.5, 1), (0.1, 1)), 2.5)[0].end_s == pytest.approx(1.5, abs=0.1)  # sure enough to go on
    assert speech_spans([], 0.0) == []


def test_spans_are_ordered_and_inside():
    rng = np.random.default_rng(2)
    for _ in range(50):
        found = speech_spans(list(np.repeat(rng.random(200), rng.integers(1, 9))), 5.0)
        edges = [edge for span in found for edge in (span.start_s, span.end_s)]
        assert edges == sorted(edges)
        assert not edges or (edges[0] >= 0 and edges[-1] <= 5.0)


def test_the_grid():
    assert measuring.bridged(np.array([0, 1, 0, 0, 1, 0, 1, 0], bool), 2).tolist() == [0, 1, 0, 0, 1, 1, 1, 0]
    assert measuring.bridged(np.zeros(4, bool), 2).tolist() == [0] * 4
    assert measuring.grid([Span(0.02, 0.05)], 8).tolist() == [0, 0, 1, 1, 1, 0, 0, 0]


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match=r"silero-vad.*pip install"):
        SpeechDetector()


def test_a_broken_model(monkeypatch, tmp_path):
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"no network")
    monkeypatch.setattr(module, "model_file", lambda: broken)
    with pytest.raises(MissingToolError, match="cannot be loaded"):
        SpeechDetector()


def test_torch_is_not_imported():
    """The package of the weights would import torch, which takes a second."""
    import subprocess
    import sys

    code = "import sys; from composer.video.speech import SpeechDetector; SpeechDetector(); print('torch' in sys.modules, 'silero_vad' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert not done.stderr
