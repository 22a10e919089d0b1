"""Measures of a written score against its plan. All are computed from the notes, none from what the generator meant.

Shares lie in 0…1. A *strong beat* is a downbeat or the third beat of 4/4. A melody's rest share counts the time in which the part
that plays the melody is silent, over the bars where it has that role.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from composer.instruments import INSTRUMENTS
from composer.plan import Plan, Section
from composer.score import Note, Score, Track
from composer.theory.chords import Chord, bar_chords
from composer.theory.keys import parse_key


def strong_beats(plan: Plan) -> Iterator[tuple[float, Section, Chord]]:
    """(beat, section, chord) of every strong beat that lies in a section."""
    tempo = plan.tempo
    for section in plan.sections:
        key = parse_key(section.key)
        for offset, entry in enumerate(section.chords):
            bar = section.first_bar - 1 + offset
            start, length = float(tempo.bar_beats[bar]), tempo.bars[bar].beats
            chords = bar_chords(entry, key)
            for place in (0.0, 2.0) if length == 4 else (0.0,):
                yield start + place, section, chords[min(len(chords) - 1, int(place / length * len(chords) + 1e-6))]


def chord_tone_share(plan: Plan, score: Score) -> float:
    """Share of notes beginning on strong beats (a 1/50 beat either way) that belong to the plan's chord; drums left out."""
    onsets: dict[int, list[int]] = {}
    for track in score.tracks:
        if not INSTRUMENTS[track.instrument].is_drum:
            for note in track.notes:
                onsets.setdefault(round(note.start_beat * 50), []).append(note.pitch % 12)
    good = total = 0
    for beat, _, chord in strong_beats(plan):
        for place in (-1, 0, 1):
            classes = onsets.get(round(beat * 50) + place, [])
            total += len(classes)
            good += sum(pc in chord.sounding for pc in classes)
    return good / total if total else 1.0


def melody_rest_share(plan: Plan, score: Score) -> float:
    """Share of time in which the first melody part is silent, over the sections that give it the melody (1.0 when none does)."""
    tempo = plan.tempo
    silent = total = 0.0
    for section in plan.sections:
        players = section.roles.get("melody", ())
        track = next((t for t in score.tracks if players and t.part == players[0]), None)
        if track is None:
            continue
        start, end = float(tempo.bar_beats[section.first_bar - 1]), float(tempo.bar_beats[section.last_bar])
        total += end - start
        silent += end - start - _covered(track.notes, start, end)
    return silent / total if total else 1.0


def _covered(notes: tuple[Note, ...], start: float, end: float) -> float:
    covered, reached = 0.0, start
    for note in sorted(notes, key=lambda n: n.start_beat):
        a, b = max(note.start_beat, reached), min(note.end_beat, end)
        if b > a:
            covered += b - a
            reached = b
    return covered


def longest_identical_run(plan: Plan, track: Track) -> int:
    """Most bars running that a track plays alike (onsets, lengths, pitches); silent bars don't count."""
    tempo = plan.tempo
    bars: list[list[tuple[float, float, int]]] = [[] for _ in tempo.bars]
    for note in track.notes:
        index = tempo.bar_at_beat(note.start_beat)
        bars[index].append((round(note.start_beat - float(tempo.bar_beats[index]), 3), round(note.duration_beats, 3), note.pitch))
    longest = run = 0
    for before, bar in zip([[], *bars], bars, strict=False):
        run = run + 1 if bar and bar == before else int(bool(bar))
        longest = max(longest, run)
    return longest


def out_of_range(score: Score) -> int:
    """Notes outside the sounding range of their instrument."""
    return sum(not low <= n.pitch <= high for t in score.tracks for low, high in [INSTRUMENTS[t.instrument].range] for n in t.notes)


def repeated_pitch_share(track: Track) -> float:
    """Share of a track's notes that repeat the pitch before them."""
    pitches = [n.pitch for n in track.notes]
    return sum(a == b for a, b in zip(pitches, pitches[1:], strict=False)) / max(1, len(pitches) - 1)


def dynamics_correlation(plan: Plan, score: Score) -> float:
    """Pearson correlation of bar arousal and mean velocity over bars with notes; nan when either is constant or no two bars sound."""
    tempo = plan.tempo
    velocities: dict[int, list[int]] = {}
    for track in score.tracks:
        for note in track.notes:
            velocities.setdefault(tempo.bar_at_beat(note.start_beat), []).append(note.velocity)
    rows = [(plan.bars[bar].arousal, float(np.mean(v))) for bar, v in sorted(velocities.items())]
    if len(rows) < 2:
        return float("nan")
    asked, heard = np.array(rows).T
    return float(np.corrcoef(asked, heard)[0, 1]) if asked.std() > 0 and heard.std() > 0 else float("nan")
