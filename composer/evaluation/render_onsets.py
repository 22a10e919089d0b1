"""Onsets, judged: does every note sound when the exported MIDI file says, over any number of tempo changes?

Conventions
-----------
* The score: one bar, one tempo; sharp sounds (xylophone, piano, wood block) on odd places, a rest after each.
* *When a note should sound* is read from the exported MIDI file with mido, from its own ticks and tempi; nothing of ours is asked.
* *When it sounds* is where the attack of its part's stem, as `render` leaves it, is most like that of the same pitch and velocity rendered alone (normalised
  cross-correlation, refined by a parabola). The note alone begins at a sample that is known, and is heard its lead later (composer.render.leads: the latency
  of the sample, by which every note begins early). So an error is measured against what the ear hears, no part's latency being fitted away.
* Of all errors of one part the median is its constant latency; it is told, and taken off. Errors are in milliseconds, positive when late.
* Beside it the FluidSynth command line plays the same MIDI file; its errors have their median taken off too.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS
from composer.options import Options, Progress
from composer.process import run
from composer.render import render
from composer.render.events import tick_notes
from composer.render.leads import part_leads
from composer.render.midi import write_midi, write_midi_stems
from composer.render.soundfont import Soundfont, choose_soundfont
from composer.render.tasks import stem_tasks
from composer.render.wav import SAMPLE_RATE
from composer.score import Note, Score, Track
from composer.tempo import TICKS_PER_BEAT, Bar, TempoMap

Doubles = NDArray[np.float64]

#: tempo changes of the long score, and its length
BARS, LENGTH_S = 500, 1200.0
#: part → (instrument, pitches)
_PARTS: dict[str, tuple[str, tuple[int, ...]]] = {
    "Xylophone": ("xylophone", (72, 79, 84, 91)),
    "Piano": ("piano", (60, 67, 76, 84)),
    "Wood block": ("drums", (76, 77)),
}
_VELOCITIES = (70, 110)
#: from one note of a part to the next, beats: never twice on the same place of a beat
_STEP_BEATS = 1 + 1 / 7
_NOTE_BEATS = 0.25
#: notes alone follow each other at this distance, seconds: no hall is left of the one before
_APART_S = 4.0
#: the attack that is looked for: from so long before its beginning on, so long, seconds
_BEFORE_S, _ATTACK_S = 0.002, 0.030
#: how far from its time a note is looked for, seconds: ours, and the command line's
_REACH_S, _FAR_REACH_S = 0.020, 0.150


@dataclass(frozen=True)
class OnsetRow:
    """Errors of one part, milliseconds."""

    #: who plays, and what rendered it
    part: str
    engine: str
    #: notes that were measured
    notes: int
    #: the constant that was taken off
    latency_ms: float
    #: of the absolute errors that are left
    median_ms: float
    high_ms: float
    worst_ms: float
    #: mean of the last tenth less that of the first
    drift_ms: float


def evaluate(options: Options, progress: Progress, bars: int = BARS, length_s: float = LENGTH_S) -> dict[str, Any]:
    """Render the score and measure every onset; rows as plain data."""
    score, bank = sharp_score(bars, length_s), choose_soundfont(options.soundfont)
    with tempfile.TemporaryDirectory(prefix="hitpoint-") as name:
        folder = Path(name)
        progress("onsets", 0.0)
        alone = _notes_alone(bank, options, folder / "alone")
        rendering = render(score, folder, options, lambda _stage, done: progress("onsets", 0.05 + 0.7 * done))
        (folder / rendering.mix).unlink()
        write_midi(score, folder / "score.mid")
        written = midi_onsets(folder / "score.mid")
        rows = []
        for track, stem in zip(score.tracks, rendering.stems, strict=True):
            rows.append(_row(track.name, "ours", errors_ms(folder / stem.path, written[track.name], alone[track.name])))
        progress("onsets", 0.8)
        rows += _command_line(score, bank, folder, written)
    progress("onsets", 1.0)
    tempi = len({bar.us_per_beat for bar in score.tempo.bars})
    return {"length_s": round(score.end_s, 3), "tempi": tempi, "soundfont": bank.path.name, "rows": [vars(row) for row in rows]}


def sharp_score(bars: int, length_s: float) -> Score:
    """A score of so many bars, each at a tempo of its own, `length_s` long in all."""
    qpm = 70 + 80 * ((np.arange(bars) * 0.6180339887) % 1)
    qpm *= float((240 / qpm).sum() / length_s)
    tempo = TempoMap(tuple(Bar(4, 4, float(tempo)) for tempo in qpm))
    tracks = []
    for place, (name, (instrument, pitches)) in enumerate(_PARTS.items()):
        beats = np.arange(0.1 + 0.3 * place, 4 * bars - 2, _STEP_BEATS)
        notes = tuple(
            Note(round(beat * TICKS_PER_BEAT) / TICKS_PER_BEAT, _NOTE_BEATS, pitches[i % len(pitches)], _VELOCITIES[i // 3 % 2])
            for i, beat in enumerate(map(float, beats))
        )
        tracks.append(Track(name.lower().replace(" ", "_"), name, instrument, notes))
    return Score("Sharp sounds", tempo, tempo.total_s, Fraction(25), 0, tuple(tracks))


@dataclass(frozen=True)
class Alone:
    """The attack of one note by itself."""

    #: (n,) samples
    attack: Doubles
    #: where in it the note is heard to begin, samples
    onset: float


def _notes_alone(bank: Soundfont, options: Options, folder: Path) -> dict[str, dict[tuple[int, int], Alone]]:
    """Part → (pitch, velocity) → its attack, rendered by itself the way everything is."""
    score = _score_alone()
    rendering = render(score, folder, options)
    found: dict[str, dict[tuple[int, int], Alone]] = {}
    for track, stem, task in zip(score.tracks, rendering.stems, stem_tasks(score, folder, bank), strict=True):
        info = INSTRUMENTS[track.instrument]
        leads = part_leads(bank, info, bank.preset_for(info))
        sound = _mono(folder / stem.path)
        found[track.name] = {}
        for note, cue in zip(tick_notes(track), (cue for cue in task.cues if cue.is_note), strict=True):
            first = cue.at_samples - round(_BEFORE_S * SAMPLE_RATE)
            lead_s = float(leads.seconds([note.pitch], [note.velocity])[0])
            attack = sound[first : first + round(_ATTACK_S * SAMPLE_RATE)]
            found[track.name][note.pitch, note.velocity] = Alone(attack, cue.at_samples + lead_s * SAMPLE_RATE - first)
    return found


def _score_alone() -> Score:
    """Every kind of note of every part once, far from all others."""
    tempo = TempoMap(tuple(Bar(4, 4, 60.0) for _ in range(1 + len(_VELOCITIES) * 4)))
    tracks = []
    for track in sharp_score(1, 4.0).tracks:
        kinds = [(pitch, velocity) for pitch in _PARTS[track.name][1] for velocity in _VELOCITIES]
        notes = tuple(Note(1.0 + _APART_S * i, _NOTE_BEATS, *kind) for i, kind in enumerate(kinds))
        tracks.append(replace(track, notes=notes))
    return Score("Alone", tempo, tempo.total_s, Fraction(25), 0, tuple(tracks))


def midi_onsets(path: Path) -> dict[str, list[tuple[float, int, int]]]:
    """Track name → (seconds, pitch, velocity) of its notes, computed from the file's own ticks and tempi."""
    import mido

    file = mido.MidiFile(path)
    tempi: list[tuple[int, int]] = []
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempi.append((now, message.tempo))
    tempi.sort()
    ticks = np.array([0, *(tick for tick, _ in tempi)])
    tempo = np.array([500_000, *(tempo for _, tempo in tempi)], float)
    started = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * tempo[:-1])]) / (1e6 * file.ticks_per_beat)
    found: dict[str, list[tuple[float, int, int]]] = {}
    for track in file.tracks:
        now = 0
        notes = found.setdefault(track.name, [])
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                place = int(np.searchsorted(ticks, now, side="right")) - 1
                at_s = float(started[place] + (now - ticks[place]) * tempo[place] / (1e6 * file.ticks_per_beat))
                notes.append((at_s, message.note, message.velocity))
    return found


def errors_ms(stem: Path, written: list[tuple[float, int, int]], alone: dict[tuple[int, int], Alone], reach_s: float = _REACH_S) -> Doubles:
    """(N,) heard minus written, milliseconds, of every note of a stem, in order of time."""
    import soundfile

    errors = []
    with soundfile.SoundFile(stem) as file:
        for at_s, pitch, velocity in written:
            known = alone[pitch, velocity]
            expected = at_s * SAMPLE_RATE - known.onset  # where the attack should lie, samples
            reach = round(reach_s * SAMPLE_RATE)
            first = int(np.floor(expected)) - reach
            heard = _stretch(file, first, len(known.attack) + 2 * reach)
            errors.append((first + _place(heard, known.attack) - expected) * 1000 / SAMPLE_RATE)
    return np.array(errors)


def _place(heard: Doubles, attack: Doubles) -> float:
    """Offset at which a stretch is most like the attack, broken samples."""
    products = np.correlate(heard, attack, mode="valid")
    energy = np.convolve(heard**2, np.ones(len(attack)), mode="valid")
    likeness = products / np.sqrt(np.maximum(energy, 1e-12) * (attack @ attack))
    top = int(np.clip(likeness.argmax(), 1, len(likeness) - 2))
    before, peak, after = likeness[top - 1 : top + 2]
    bend = before - 2 * peak + after
    return top + float(0.5 * (before - after) / bend if bend < 0 else 0.0)


def _command_line(score: Score, bank: Soundfont, folder: Path, written: dict[str, list[tuple[float, int, int]]]) -> list[OnsetRow]:
    """The first part, played by the program `fluidsynth` from its own MIDI file; none without the program."""
    import shutil

    if shutil.which("fluidsynth") is None:
        return []
    name = score.tracks[0].name
    alone_midi, midi = (write_midi_stems(one, folder / place)[0] for one, place in ((_score_alone(), "midi-alone"), (score, "midi")))
    alone, sound = folder / "alone.wav", folder / "long.wav"
    for source, target in ((alone_midi, alone), (midi, sound)):
        settings = ("-o", "synth.reverb.active=0", "-o", "synth.chorus.active=0", "-g", "1", "-r", str(SAMPLE_RATE))
        run(["fluidsynth", "-ni", "-q", *settings, "-F", str(target), str(bank.path), str(source)])
    whole, attacks = _mono(alone), {}
    for at_s, pitch, velocity in midi_onsets(alone_midi)[name]:
        first = round((at_s - _BEFORE_S) * SAMPLE_RATE)
        attacks[pitch, velocity] = Alone(whole[first : first + round(_ATTACK_S * SAMPLE_RATE)], at_s * SAMPLE_RATE - first)
    return [_row(name, "FluidSynth command line", errors_ms(sound, written[name], attacks, _FAR_REACH_S))]


def _row(part: str, engine: str, errors: Doubles) -> OnsetRow:
    latency = float(np.median(errors))
    left, tenth = errors - latency, max(1, len(errors) // 10)
    return OnsetRow(
        part=part,
        engine=engine,
        notes=len(errors),
        latency_ms=round(latency, 3),
        median_ms=round(float(np.median(np.abs(left))), 3),
        high_ms=round(float(np.quantile(np.abs(left), 0.95)), 3),
        worst_ms=round(float(np.abs(left).max()), 3),
        drift_ms=round(float(left[-tenth:].mean() - left[:tenth].mean()), 3),
    )


def _mono(path: Path) -> Doubles:
    import soundfile

    with soundfile.SoundFile(path) as file:
        return _stretch(file, 0, len(file))


def _stretch(file: Any, start: int, count: int) -> Doubles:
    """(count,) left and right together; zeros outside the file."""
    out = np.zeros(count)
    first, last = max(start, 0), min(start + count, len(file))
    if first < last:
        file.seek(first)
        out[first - start : last - start] = file.read(last - first, always_2d=True).sum(axis=1)
    return out
