"""One part to sound: FluidSynth, told sample by sample what to play.

Conventions
-----------
Sound is float32 of shape (frames, 2) at 48 kHz, straight from the synthesizer's float mixer: no 16-bit step, no dither.
FluidSynth acts on events at the borders of its 64-sample blocks; every event is moved to the nearest border (at most
32 samples = 0.67 ms), never merely to the next one. A voice starts one sample after its note-on: no latency to compensate but the time that
the sound itself takes to speak (composer.render.leads).
Its chorus and reverb stay off (composer.render.hall does that linearly); the same events give the same samples.
A part that changes how it plays (pizzicato, tremolo, mute) has a *voice* for each way: a preset on a channel of its own, numbered in order of
appearance from the ordinary one, 0. Controllers reach all of them.
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
from composer.instruments import Instrument, Technique
from composer.process import load_fluidsynth
from composer.render.events import EXPRESSION, VOLUME, instrument_of, start_controls, technique_programs, tick_notes
from composer.render.wav import SAMPLE_RATE, Floats
from composer.score import Score, Track
from composer.tempo import TempoMap, beat_to_ticks, ticks_to_beat

BLOCK_SAMPLES = 64
#: frames handed on at once: whole blocks, and with the hall's length twice a size that its transform likes (3·2**17)
CHUNK_FRAMES = 2 * 64 * 4494
#: voices of FluidSynth that one part may have: a harp's 47 strings and a grand piano's 88 keys in stereo; what is stolen beyond has long died away (−60 dB)
_POLYPHONY = 128
_DRUM_CHANNEL = 9
_OFF, _CONTROL, _ON = range(3)
ALL_VOICES = -1
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
    #: of the part's voices; a controller of ALL_VOICES reaches each
    voice: int = 0

    @property
    def is_note(self) -> bool:
        """Whether a note begins here."""
        return self.kind == _ON

    @property
    def is_control(self) -> bool:
        """Whether a controller moves here."""
        return self.kind == _CONTROL


def note_on(at_samples: int, pitch: int, velocity: int, voice: int = 0) -> Cue:
    """A note begins."""
    return Cue(at_samples, _ON, pitch, velocity, voice)


def note_off(at_samples: int, pitch: int, voice: int = 0) -> Cue:
    """A note is let go."""
    return Cue(at_samples, _OFF, pitch, 0, voice)


def control(at_samples: int, number: int, value: int, voice: int = ALL_VOICES) -> Cue:
    """A controller moves."""
    return Cue(at_samples, _CONTROL, number, value, voice)


def voices_of(track: Track) -> tuple[Technique, ...]:
    """The ways in which a part plays, the ordinary one first, the others as they come."""
    return tuple(dict.fromkeys(["ordinary", *(change.technique for change in track.techniques)]))


def cues_for(
    score: Score, track: Track, length_samples: int, leads: Sequence[LeadsOf] | None = None, volumes: Sequence[int] = ()
) -> list[Cue]:
    """What one part plays before `length_samples`, in order; times on block borders.

    With `leads`, for each voice (pitches, velocities) → seconds, every note begins so much early, that it may be heard on time. It is let go when
    it is written to end, or where its pitch begins again. `volumes` are the voices' CC7 where they are not the usual one.
    """
    notes = tick_notes(track)
    voice = _voice_of_each([note.start_ticks for note in notes], track, score.tempo)
    starts, ends = _times_s(score, [note.start_ticks for note in notes]), _times_s(score, [note.end_ticks for note in notes])
    controls = _times_s(score, [beat_to_ticks(change.beat) for change in track.controls])
    if leads is not None and notes:
        pitches, velocities = [note.pitch for note in notes], [note.velocity for note in notes]
        starts = starts - np.choose(voice, [lead(pitches, velocities) for lead in leads])
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
    cues = [control(0, *start) for start in start_controls(instrument_of(track))]
    cues += [control(0, VOLUME, value, number) for number, value in enumerate(volumes)]
    cues += sorted(
        [note_off(int(at), note.pitch, int(v)) for at, note, v in zip(off, notes, voice, strict=True)]
        + [note_on(int(at), note.pitch, note.velocity, int(v)) for at, note, v in zip(on, notes, voice, strict=True)]
        + [control(int(at), change.number, change.value) for at, change in zip(_blocks(controls), track.controls, strict=True)],
        key=lambda cue: (cue.at_samples, cue.kind),
    )
    return [cue for cue in cues if cue.at_samples < length_samples]


def _voice_of_each(starts_ticks: Sequence[int], track: Track, tempo: TempoMap) -> NDArray[np.int_]:
    """(N,) the voice that notes of these onsets belong to."""
    names = voices_of(track)
    changes = technique_programs(track, tempo)
    numbers = np.array([0, *(names.index(technique) for _, technique, _ in changes)])
    return np.asarray(numbers[np.searchsorted([tick for tick, *_ in changes], np.asarray(starts_ticks, int), side="right")])


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
    """A FluidSynth with one part's presets of one bank loaded; use as a context manager."""

    def __init__(self, bank: Path, preset: tuple[int, int], instrument: Instrument, others: Sequence[tuple[int, int]] = ()) -> None:
        """`preset` sounds the ordinary voice, `others` the following ones.

        Raises MissingToolError without the library, SoundfontError when the bank or preset does not load.
        """
        library = load_fluidsynth()
        settings = {
            "synth.dynamic-sample-loading": 1,  # an SF3 bank decodes only the preset that plays
            "synth.reverb.active": 0,
            "synth.chorus.active": 0,
            "synth.polyphony": _POLYPHONY,
            "synth.cpu-cores": 1,
        }
        self._synth = library.Synth(gain=1.0, samplerate=float(SAMPLE_RATE), channels=16, **settings)
        self._channels = [_DRUM_CHANNEL] if instrument.is_drum else list(range(1 + len(others)))
        self._write = library._fl.fluid_synth_write_float
        pointer, whole = ctypes.c_void_p, ctypes.c_int
        self._write.argtypes = [pointer, whole, pointer, whole, whole, pointer, whole, whole]
        font = self._synth.sfload(str(bank))
        for channel, wanted in zip(self._channels, (preset, *others), strict=True):
            if font == -1 or self._synth.program_select(channel, font, *wanted) == -1:
                self._synth.delete()
                raise SoundfontError(f"FluidSynth cannot load {bank.name} (preset {wanted})", "Choose another --soundfont.")

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: Any) -> None:
        self._synth.delete()

    def tell(self, cue: Cue) -> None:
        """Send one event; it takes effect with the next sample rendered."""
        if cue.kind == _ON:
            self._synth.noteon(self._channels[cue.voice], cue.number, cue.value)
        elif cue.kind == _OFF:
            self._synth.noteoff(self._channels[cue.voice], cue.number)
        else:
            for channel in self._channels if cue.voice == ALL_VOICES else [self._channels[cue.voice]]:
                self._synth.cc(channel, cue.number, cue.value)

    def render(self, out: Floats) -> None:
        """Fill `out`, a float32 array (frames, 2) of any strides."""
        left, (frame, channel) = out.ctypes.data, out.strides
        self._write(self._synth.synth, len(out), left, 0, frame // 4, left + channel, 0, frame // 4)

    @property
    def is_silent(self) -> bool:
        """Whether no voice sounds."""
        return bool(self._synth.get_active_voice_count() == 0)


def play(player: Player, cues: list[Cue], length_samples: int) -> Iterator[Floats]:
    """The sound of `cues`, in chunks of CHUNK_FRAMES (the last one shorter); in memory channel after channel, as the hall wants it."""
    place = 0
    for start in range(0, length_samples, CHUNK_FRAMES):
        chunk = np.zeros((2, min(CHUNK_FRAMES, length_samples - start)), np.float32).T
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
