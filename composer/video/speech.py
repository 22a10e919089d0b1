"""Where somebody speaks in the film's sound: Silero VAD, a small recurrent network, fed while the sound streams by.

The network and its weights (MIT) come in the Python package ``silero-vad``; it is run by onnxruntime on one thread, several hundred times
faster than real time. What is added here:

* Dialogue is mixed to the middle, most music and ambience is not: what differs between left and right is turned down by up to 6 dB, bin by
  bin of a short-time spectrum (a gentle form of Avendano 2003, "Frequency-domain source identification and manipulation in stereo
  mixes", WASPAA), before the network hears it. Sound in mono stays as it is. (Under music 10 dB louder than the words whose left and
  right are decorrelated, mean F1 over 14 ensembles 0.70 → 0.88; under music as loud as the words it changes little.)
* Memory and level: the network remembers, and with nothing to remember takes flutes and birds for voices. So it first hears the opening
  WARM_S backwards (its answers to that are thrown away). Soft noise under everything (FLOOR, −50 dBFS) keeps it from taking very clean
  and quiet music for a voice. (Of 51 pieces of 8 s of two films in which nobody speaks, 10 had "speech" before, none has since; both were
  chosen on these films. The price: mean F1 0.964 → 0.960 with music or noise 5 dB softer than the words, 0.950 → 0.942 with as loud,
  and very soft lines under music.)
* Spans: speech begins where the probability reaches BEGINS, and ends where it falls below ENDS; pauses shorter than SHORTEST_PAUSE_S
  belong to it, and what is left shorter than SHORTEST_S is no speech. The numbers were chosen on `composer.evaluation.speech`'s tuning set.

Conventions
-----------
Sound comes in at 16 kHz as float32 (n, 2), full scale 1, in pieces of any length; how it is cut into pieces changes nothing.
Times are seconds of that sound. Memory: a few seconds of sound, and 4 bytes for each 32 ms.
"""

from __future__ import annotations

import importlib.util
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from composer.errors import MissingToolError
from composer.film import Span

Sound = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000
#: the network hears this many new samples at a time, after that many old ones
STEP, CONTEXT = 512, 64
STEP_S = STEP / SAMPLE_RATE
#: probability at which speech begins, and below which it ends
BEGINS, ENDS = 0.7, 0.4
#: pauses shorter than this are part of the speech around them; speech shorter than this is none, seconds
SHORTEST_PAUSE_S, SHORTEST_S = 0.3, 0.25
#: how much of the sound's opening the network hears backwards before it begins, seconds
WARM_S = 4.096
#: root mean square of the noise under everything, full scale 1
FLOOR = 0.003
#: the network answers this much late where speech begins, and where it ends, seconds (it listens on for its end)
LATE_S, LATE_END_S = 0.03, 0.06

_MODEL = "data/silero_vad_16k_sequence.onnx"
_STATE = (1, 1, 128)
#: steps given to the network at once
_BATCH = 128
#: the short-time spectrum: 32 ms, half overlapped
_WINDOW, _SHIFT = 512, 256
#: what is only in the sides keeps this gain
_SIDE_GAIN = 0.5
#: the noise repeats after this many samples
_FLOOR_SAMPLES = 1 << 16
_INSTALL = "Install it: `pip install -c constraints.txt silero-vad onnxruntime`, or run `make setup`."


class SpeechDetector:
    """Takes sound piece by piece; ask `spans` at the end."""

    def __init__(self) -> None:
        """Raises MissingToolError when the network or what runs it is not installed."""
        self._session = _load()
        self._hidden, self._cell = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)
        self._middle = Middle()
        self._waiting = np.zeros(CONTEXT, np.float32)
        self._samples = self._heard = 0
        self._warm = False
        self._floor = FLOOR * np.random.default_rng(0).standard_normal(_FLOOR_SAMPLES).astype(np.float32)
        self.probabilities = array("f")

    def add(self, sound: Sound) -> None:
        """Take the next samples (n, 2)."""
        self._samples += len(sound)
        self._hear(self._middle.add(sound))

    def spans(self) -> list[Span]:
        """Where somebody speaks; call it once, at the end."""
        self._hear(self._middle.add(np.zeros((2 * _WINDOW, 2), np.float32)))
        steps = -(-self._samples // STEP)
        missing = CONTEXT + (steps - len(self.probabilities)) * STEP - len(self._waiting)
        self._hear(np.zeros(max(0, missing), np.float32), last=True)
        return speech_spans(self.probabilities[:steps], self._samples / SAMPLE_RATE)

    def _hear(self, sound: Sound, last: bool = False) -> None:
        """Run the network over whole batches (with `last`, over all whole steps) of what waits."""
        floor = self._floor.take(range(self._heard, self._heard + len(sound)), mode="wrap")
        self._waiting, self._heard = np.concatenate([self._waiting, sound + floor]), self._heard + len(sound)
        if not self._warm and not last and len(self._waiting) < CONTEXT + round(WARM_S * SAMPLE_RATE):
            return
        self._warm_up()
        while (steps := (len(self._waiting) - CONTEXT) // STEP) >= (1 if last else _BATCH):
            used = min(steps, _BATCH)
            self.probabilities.frombytes(self._ask(self._waiting, used).tobytes())
            self._waiting = self._waiting[used * STEP :]

    def _warm_up(self) -> None:
        """Once, before anything else: the opening backwards, so that the network knows what sounds here."""
        steps = min(len(self._waiting) - CONTEXT, self._samples, round(WARM_S * SAMPLE_RATE)) // STEP
        if not self._warm and steps > 0:
            opening = self._waiting[CONTEXT : CONTEXT + steps * STEP]
            self._ask(np.concatenate([np.zeros(CONTEXT, np.float32), opening[::-1]]), steps)
        self._warm = True

    def _ask(self, sound: Sound, steps: int) -> Sound:
        """(steps,) probability of speech in the first so many steps after the CONTEXT that `sound` begins with."""
        windows = np.lib.stride_tricks.sliding_window_view(sound, CONTEXT + STEP)[: steps * STEP : STEP]
        asked = {"input": np.ascontiguousarray(windows), "h": self._hidden, "c": self._cell}
        found, self._hidden, self._cell = self._session.run(["speech_probs", "hn", "cn"], asked)
        return np.asarray(found, np.float32).reshape(-1)


class Middle:
    """The middle of a stereo sound, as a stream: what left and right have in common."""

    def __init__(self) -> None:
        self._waiting = np.zeros((_SHIFT, 2), np.float32)  # half a window before the sound begins
        self._tail = np.zeros(_SHIFT, np.float32)
        self._first = True
        self._window = np.sqrt(np.hanning(_WINDOW + 1)[:-1]).astype(np.float32)

    def add(self, sound: Sound) -> Sound:
        """Take (n, 2), give the next samples (m,) that are ready; all in all they are as many as were put in, less what waits."""
        waiting = np.concatenate([self._waiting, sound])
        count = max(0, (len(waiting) - _WINDOW) // _SHIFT + 1)
        self._waiting = waiting[count * _SHIFT :]
        if not count:
            return np.zeros(0, np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(waiting, _WINDOW, axis=0)[: count * _SHIFT : _SHIFT]
        spectrum = np.fft.rfft(frames * self._window)
        middle, side = spectrum[:, 0] + spectrum[:, 1], spectrum[:, 0] - spectrum[:, 1]
        common, apart = (np.square(part.real) + np.square(part.imag) for part in (middle, side))
        gain = np.maximum((common - apart) / (common + apart + 1e-12), _SIDE_GAIN)
        pieces = np.asarray(np.fft.irfft(middle * (gain / 2), _WINDOW), np.float32) * self._window
        # each shift of the output is the second half of one window and the first half of the next
        second = np.concatenate([self._tail[None], pieces[:-1, _SHIFT:]])
        self._tail = pieces[-1, _SHIFT:]
        joined = np.asarray((pieces[:, :_SHIFT] + second).reshape(-1), np.float32)
        skipped, self._first = (_SHIFT if self._first else 0), False
        return joined[skipped:]


def speech_spans(probabilities: Sequence[float], length_s: float) -> list[Span]:
    """Spans, in order, from the probability of each STEP_S of a sound of this length."""
    found: list[Span] = []
    begins: int | None = None
    for step, probability in enumerate([*probabilities, 0.0]):  # the end of the sound ends the speech
        if begins is None and probability >= BEGINS:
            begins = step
        elif begins is not None and probability < ENDS:
            span = Span(max(0.0, begins * STEP_S - LATE_S), min(length_s, max(begins + 1, step) * STEP_S - LATE_END_S))
            begins = None
            if found and span.start_s - found[-1].end_s < SHORTEST_PAUSE_S:
                span = Span(found.pop().start_s, span.end_s)
            found.append(span)
    return [span for span in found if span.length_s >= SHORTEST_S]


def model_file() -> Path:
    """Where the network lies (found without importing its package, which would import torch).

    Raises MissingToolError when it is not installed.
    """
    spec = importlib.util.find_spec("silero_vad")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / _MODEL
        if path.is_file():
            return path
    raise MissingToolError("the speech detector silero-vad is not installed, or of another version", _INSTALL)


def require_detector() -> Any:
    """The module that runs the network, after a look that both are there.

    Raises MissingToolError saying how to install what is missing.
    """
    model_file()
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingToolError(f"onnxruntime, which runs the speech detector, cannot be imported ({error})", _INSTALL) from None
    return onnxruntime


def _load() -> Any:
    onnxruntime, path = require_detector(), model_file()
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base
        raise MissingToolError(f"the speech detector cannot be loaded ({str(error).splitlines()[0][:200]})", _INSTALL) from None
