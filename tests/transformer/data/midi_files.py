"""Small MIDI files for the tests of the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mido

Note = tuple[float, float, int]
#: name, program (−1: drums), notes of (onset, length, pitch) in beats
Track = tuple[str, int, Sequence[Note]]
#: (beat, kind, values): "tempo" qpm; "metre" (n, d); "key" name
Event = tuple[float, str, Any]

TICKS = 480


def write(path: Path, tracks: Sequence[Track], events: Sequence[Event] = ((0.0, "tempo", 100.0), (0.0, "metre", (4, 4)))) -> Path:
    """Write a type-1 file and return its path."""
    song = mido.MidiFile(ticks_per_beat=TICKS)
    messages: list[tuple[float, object]] = []
    for beat, kind, value in events:
        if kind == "tempo":
            messages.append((beat, mido.MetaMessage("set_tempo", tempo=round(60e6 / float(value)))))
        elif kind == "metre":
            messages.append((beat, mido.MetaMessage("time_signature", numerator=value[0], denominator=value[1])))
        else:
            messages.append((beat, mido.MetaMessage("key_signature", key=value)))
    song.tracks.append(_track(messages))
    channels = [c for c in range(16) if c != 9]
    for i, (name, program, notes) in enumerate(tracks):
        channel = 9 if program < 0 else channels[i % len(channels)]
        first: list[tuple[float, object]] = [
            (0.0, mido.MetaMessage("track_name", name=name)),
            (0.0, mido.Message("program_change", channel=channel, program=max(program, 0))),
        ]
        for onset, length, pitch in notes:
            first.append((onset, mido.Message("note_on", channel=channel, note=pitch, velocity=80)))
            first.append((onset + length, mido.Message("note_off", channel=channel, note=pitch)))
        song.tracks.append(_track(first))
    path.parent.mkdir(parents=True, exist_ok=True)
    song.save(path)
    return path


def _track(messages):
    track = mido.MidiTrack()
    now = 0
    for beat, message in sorted(messages, key=lambda m: (m[0], getattr(m[1], "type", "") != "note_off")):
        tick = round(beat * TICKS)
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def tune(bars: int = 16, seed: int = 1, start: float = 0.0, base: int = 60) -> list[Note]:
    """A wandering tune in quavers, the same for the same seed."""
    import random

    chance = random.Random(seed)
    return [(start + i * 0.5, 0.5, base + chance.choice([0, 2, 4, 5, 7, 9, 11, 12])) for i in range(bars * 8)]
