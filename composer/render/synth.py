"""One part to sound: FluidSynth, told sample by sample what to play.

Conventions
-----------
Sound is float32 of shape (frames, 2) at 48 kHz, straight from the synthesizer's float mixer: no 16-bit step, no dither.
FluidSynth acts on events at the borders of its 64-sample blocks; every event is moved to the nearest border (at most
32 samples = 0.67 ms), never merely to the next one. A voice starts one sample after its note-on: no latency to compensate but the time that
the sound itself takes to speak (composer.render.leads).
Its chorus and reverb stay off (composer.render.hall does that linearly); the same events give the same samples.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.errors import SoundfontError
from composer.instruments import Instrument
from composer.process import load_fluidsynth
from composer.render.events import EXPRESSION, instrument_of, start_controls, tick_notes
from composer.render.wav import SAMPLE_RATE, Floats
from composer.score import Score, Track
from composer.tempo import beat_to_ticks, ticks_to_beat

BLOCK_SAMPLES = 64
#: frames handed on at once: whole blocks, and with the hall's length a size that its transform likes (3·2**17)
CHUNK_FRAMES = 64 * 4494
_DRUM_CHANNEL = 9
_OFF, _CONTROL, _ON = range(3)
#: a note that its own pitch follows at once keeps at least this much of itself, samples
_LEAST_SAMPLES = 64 * 30
#: a note that expression holds back until its time begins earlier by this much, seconds, so that its attack is over when it is let out:
#: the value grows by this factor from the note's early beginning to so many seconds later
_OPENS_LEAD_S, _OPENED, _OPENED_BY_S = 0.03, 1.4, 0.1
#: seconds by which notes of (pitches, velocities) begin early
LeadsOf = Callable[[Sequence[int], Sequence[int]], NDArray[np.float64]]


@dataclass(frozen=True)
class Cue:
    """One thing to tell the synthesizer."""

    #: when, samples from film time 0, a multiple of BLOCK_SAMPLES
    at_samples: int
    #: _OFF, _CONTROL or _ON
    kind: int
    #: pitch or controller
    number: int
    #: velocity or value
    value: int

    @property
    def is_note(self) -> bool:
        """Whether a note begins here."""
        return self.kind == _ON


def note_on(at_samples: int, pitch: int, velocity: int) -> Cue:
    """A note begins."""
    return Cue(at_samples, _ON, pitch, velocity)


def note_off(at_samples: int, pitch: int) -> Cue:
    """A note is let go."""
    return Cue(at_samples, _OFF, pitch, 0)


def control(at_samples: int, number: int, value: int) -> Cue:
    """A controller moves."""
    return Cue(at_samples, _CONTROL, number, value)


def cues_for(score: Score, track: Track, length_samples: int, leads: LeadsOf | None = None) -> list[Cue]:
    """What one part plays before `length_samples`, in order; times on block borders.

    With `leads`, (pitches, velocities) → seconds, every note begins so much early, that it may be heard on time. It is let go when it is written
    to end, or where its pitch begins again.
    """
    notes = tick_notes(track)
    starts, ends = _times_s(score, [note.start_ticks for note in notes]), _times_s(score, [note.end_ticks for note in notes])
    controls = _times_s(score, [beat_to_ticks(change.beat) for change in track.controls])
    if leads is not None and notes:
        starts = starts - leads([note.pitch for note in notes], [note.velocity for note in notes])
        starts = starts - _OPENS_LEAD_S * _is_opened(starts, controls, track)
    on, off = _blocks(starts), _blocks(ends)
    again: dict[int, int] = {}
    for i in reversed(range(len(notes))):
        # the same pitch struck again: its beginning comes first, and never so early that nothing is left of this note
        following = again.get(notes[i].pitch)
        if following is not None:
            on[following] = max(on[following], min(on[i] + _LEAST_SAMPLES, off[i]))
            off[i] = min(off[i], on[following])
        again[notes[i].pitch] = i
    cues = [Cue(0, _CONTROL, *start) for start in start_controls(instrument_of(track))]
    cues += sorted(
        [note_off(int(at), note.pitch) for at, note in zip(off, notes, strict=True)]
        + [note_on(int(at), note.pitch, note.velocity) for at, note in zip(on, notes, strict=True)]
        + [control(int(at), change.number, change.value) for at, change in zip(_blocks(controls), track.controls, strict=True)],
        key=lambda cue: (cue.at_samples, cue.kind),
    )
    return [cue for cue in cues if cue.at_samples < length_samples]


def _is_opened(starts_s: NDArray[np.float64], controls_s: NDArray[np.float64], track: Track) -> NDArray[np.bool_]:
    """(N,) whether expression holds the sound back where a note begins and lets it out soon after."""
    chosen = [i for i, change in enumerate(track.controls) if change.number == EXPRESSION]
    if not chosen:
        return np.zeros(len(starts_s), bool)
    times_s, values = controls_s[chosen], np.array([track.controls[i].value for i in chosen])
    before, after = (
        values[np.maximum(np.searchsorted(times_s, starts_s + after_s, side="right") - 1, 0)] for after_s in (0.0, _OPENED_BY_S)
    )
    return np.asarray(after > _OPENED * before)


def _times_s(score: Score, ticks: Sequence[int]) -> NDArray[np.float64]:
    return score.tempo.beat_to_s(np.array([ticks_to_beat(tick) for tick in ticks], float))


def _blocks(seconds: NDArray[np.float64]) -> NDArray[np.int_]:
    """The nearest block borders that are not before the film begins, samples."""
    return np.asarray(np.maximum(np.rint(seconds * (SAMPLE_RATE / BLOCK_SAMPLES)).astype(int) * BLOCK_SAMPLES, 0))


class Player:
    """A FluidSynth with one preset of one bank loaded; use as a context manager."""

    def __init__(self, bank: Path, preset: tuple[int, int], instrument: Instrument) -> None:
        """Raises MissingToolError without the library, SoundfontError when the bank or preset does not load."""
        library = load_fluidsynth()
        settings = {
            "synth.dynamic-sample-loading": 1,  # an SF3 bank decodes only the preset that plays
            "synth.reverb.active": 0,
            "synth.chorus.active": 0,
            "synth.polyphony": 512,
            "synth.cpu-cores": 1,
        }
        self._synth = library.Synth(gain=1.0, samplerate=float(SAMPLE_RATE), channels=16, **settings)
        self._channel = _DRUM_CHANNEL if instrument.is_drum else 0
        self._write = library._fl.fluid_synth_write_float
        pointer, whole = ctypes.c_void_p, ctypes.c_int
        self._write.argtypes = [pointer, whole, pointer, whole, whole, pointer, whole, whole]
        font = self._synth.sfload(str(bank))
        if font == -1 or self._synth.program_select(self._channel, font, *preset) == -1:
            self._synth.delete()
            raise SoundfontError(f"FluidSynth cannot load {bank.name} (preset {preset})", "Choose another --soundfont.")

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: Any) -> None:
        self._synth.delete()

    def tell(self, cue: Cue) -> None:
        """Send one event; it takes effect with the next sample rendered."""
        if cue.kind == _ON:
            self._synth.noteon(self._channel, cue.number, cue.value)
        elif cue.kind == _OFF:
            self._synth.noteoff(self._channel, cue.number)
        else:
            self._synth.cc(self._channel, cue.number, cue.value)

    def render(self, out: Floats) -> None:
        """Fill `out`, a C-ordered float32 array (frames, 2)."""
        at = out.ctypes.data
        self._write(self._synth.synth, len(out), at, 0, 2, at, 1, 2)

    @property
    def is_silent(self) -> bool:
        """Whether no voice sounds."""
        return bool(self._synth.get_active_voice_count() == 0)


def play(player: Player, cues: list[Cue], length_samples: int) -> Iterator[Floats]:
    """The sound of `cues`, in chunks of CHUNK_FRAMES (the last one shorter)."""
    place = 0
    for start in range(0, length_samples, CHUNK_FRAMES):
        chunk = np.zeros((min(CHUNK_FRAMES, length_samples - start), 2), np.float32)
        done = 0
        while done < len(chunk):
            while place < len(cues) and cues[place].at_samples <= start + done:
                player.tell(cues[place])
                place += 1
            upcoming = cues[place].at_samples - start if place < len(cues) else len(chunk)
            until = min(len(chunk), upcoming)
            if not player.is_silent:  # rests cost nothing
                player.render(chunk[done:until])
            done = until
        yield chunk
