"""Scores to standard MIDI files that open right in any DAW, and back.

Conventions
-----------
Type 1, 960 ticks to the quarter. Track 0 is the conductor: every tempo, metre, key and marker, its end at the end of
the last bar. Then one track per part: name, instrument, port and program, CC7 and CC10 at tick 0, then music; at one moment
note-offs come before controllers, controllers before note-ons. Drums play on channel 10; past fifteen parts a second port begins.
What the format has no place for (film length, frame rate, seed, modes, part ids) is kept as JSON in sequencer-specific events (FF 7F),
which no program prints, so that our own files read back as the same Score. Source: Standard MIDI Files 1.0 (MMA RP-001).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import mido

from composer.errors import OutputError
from composer.render.events import ascii_text, instrument_of, start_controls, stem_name, technique_programs, tick_notes
from composer.render.midi_reading import own_event, read_midi
from composer.score import Score, Track
from composer.tempo import TICKS_PER_BEAT, TempoMap, beat_to_ticks
from composer.theory.keys import parse_key

__all__ = ["read_midi", "write_conductor", "write_midi", "write_midi_stems"]

_DRUM_CHANNEL = 9
_MELODIC_CHANNELS = [channel for channel in range(16) if channel != _DRUM_CHANNEL]
#: (tick, order within the tick, message)
_Event = tuple[int, int, Any]
_META, _OFF, _CONTROL, _ON = range(4)


def write_midi(score: Score, path: Path) -> None:
    """Write the whole score as one file.

    Raises OutputError when the file cannot be written.
    """
    _save(score, range(len(score.tracks)), path)


def write_midi_stems(score: Score, folder: Path) -> list[Path]:
    """Write one file per part, each with the whole conductor track; returns their paths in score order.

    Raises OutputError when they cannot be written.
    """
    paths = [folder / stem_name(score, index, ".mid") for index in range(len(score.tracks))]
    for index, path in enumerate(paths):
        _save(score, [index], path)
    return paths


def write_conductor(score: Score, path: Path) -> None:
    """Write the conductor track alone: tempi, metres, keys and markers.

    Raises OutputError when the file cannot be written.
    """
    _save(score, (), path)


def _save(score: Score, chosen: Iterable[int], path: Path) -> None:
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="latin1")
    ports = _ports(score.tracks)
    end = max([beat_to_ticks(score.tempo.total_beats), *(note.end_ticks for track in score.tracks for note in tick_notes(track))])
    file.tracks.append(_conductor(score))
    for index in chosen:
        file.tracks.append(_part(score.tracks[index], score.tempo, *ports[index], end, several_ports=ports[-1][0] > 0))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file.save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror})", "Choose another folder with --out.") from None


def _ports(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """(port, channel) of each part: no two share one, so that their programs never collide."""
    melodic = drums = 0
    places = []
    for track in tracks:
        if instrument_of(track).is_drum:
            places.append((drums, _DRUM_CHANNEL))
            drums += 1
        else:
            port, place = divmod(melodic, len(_MELODIC_CHANNELS))
            places.append((port, _MELODIC_CHANNELS[place]))
            melodic += 1
    return places


def _conductor(score: Score) -> mido.MidiTrack:
    note = {
        "title": score.title,
        "end_s": score.end_s,
        "frame_rate": str(score.frame_rate),
        "seed": score.seed,
        "bars": len(score.tempo.bars),
        "start_tc": score.start_tc,
    }
    events: list[_Event] = [
        (0, _META, mido.MetaMessage("track_name", name=ascii_text(score.title) or "Score")),
        (0, _META, own_event(note)),
    ]
    tempo: int | None = None
    metre: tuple[int, int] | None = None
    for bar, beat in zip(score.tempo.bars, score.tempo.bar_beats, strict=False):
        tick = beat_to_ticks(float(beat))
        if (bar.numerator, bar.denominator) != metre:
            metre = (bar.numerator, bar.denominator)
            events.append((tick, _META, mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])))
        if bar.us_per_beat != tempo:
            tempo = bar.us_per_beat
            events.append((tick, _META, mido.MetaMessage("set_tempo", tempo=tempo)))
    for change in score.keys:
        tick, key = beat_to_ticks(change.beat), parse_key(change.key)
        events.append((tick, _META, mido.MetaMessage("key_signature", key=key.signature_name)))
        events.append((tick, _META, own_event({"key": change.key})))
    events += [(beat_to_ticks(marker.beat), _META, mido.MetaMessage("marker", text=ascii_text(marker.text))) for marker in score.markers]
    return _track(events, beat_to_ticks(score.tempo.total_beats))


def _part(track: Track, tempo: TempoMap, port: int, channel: int, end: int, *, several_ports: bool) -> mido.MidiTrack:
    instrument = instrument_of(track)
    note = {"part": track.part, "instrument": track.instrument, "name": track.name}
    events: list[_Event] = [(0, _META, mido.MetaMessage("track_name", name=ascii_text(track.name)))]
    if several_ports:
        events.append((0, _META, mido.MetaMessage("midi_port", port=port)))
    events.append((0, _META, mido.MetaMessage("instrument_name", name=instrument.name)))
    events.append((0, _META, own_event(note)))
    events.append((0, _META, mido.Message("program_change", channel=channel, program=instrument.program)))
    for number, value in start_controls(instrument):
        events.append((0, _META, mido.Message("control_change", channel=channel, control=number, value=value)))
    for change, (tick, technique, program) in zip(track.techniques, technique_programs(track, tempo), strict=True):
        # the program comes early, so the beat is told, and the tick too: a DAW may move the whole
        events.append((tick, _CONTROL, own_event({"technique": technique, "beat": change.beat, "tick": tick})))
        events.append((tick, _CONTROL, mido.Message("program_change", channel=channel, program=program)))
    for control in track.controls:
        message = mido.Message("control_change", channel=channel, control=control.number, value=control.value)
        events.append((beat_to_ticks(control.beat), _CONTROL, message))
    for played in tick_notes(track):
        on = mido.Message("note_on", channel=channel, note=played.pitch, velocity=played.velocity)
        off = mido.Message("note_off", channel=channel, note=played.pitch, velocity=64)
        events += [(played.start_ticks, _ON, on), (played.end_ticks, _OFF, off)]
    return _track(events, end)


def _track(events: list[_Event], end: int) -> mido.MidiTrack:
    """Events of any order as a track with delta times; equal places keep the order they came in."""
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track
