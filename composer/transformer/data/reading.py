"""A MIDI file as a `Piece`: a `Passage` as played, with the places where tempo, metre or key are set anew.

Nothing is quantised here. Beats are quarter notes; pitches are MIDI numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import symusic
from numpy.typing import NDArray

from composer.errors import ComposerError
from composer.instruments import INSTRUMENTS
from composer.theory.passage import Floats, Ints, Line, Passage
from composer.transformer.data.hands import inner_voices, right_hand, two_handed
from composer.transformer.data.mapping import KEYBOARDS, TrackFacts, drum_key, instruments_of, is_band

Bools = NDArray[np.bool_]

#: a rest of a bar shorter than this, in beats, is no bar
SLIVER = 0.1


class ScoreFileError(ComposerError):
    """A file of notes cannot be read."""


@dataclass(frozen=True)
class RawTrack:
    """One track (or hand) with its n notes, sorted by onset then pitch."""

    line: Line
    #: (n,) beats
    onset: Floats
    #: (n,) beats
    duration: Floats
    #: (n,) MIDI pitch
    pitch: Ints
    #: (n,) 1…127
    velocity: Ints

    def only(self, keep: Bools, name: str) -> RawTrack:
        """The notes of `keep` (n,) under another name."""
        return RawTrack(
            replace(self.line, name=name), self.onset[keep], self.duration[keep], self.pitch[keep], self.velocity[keep]
        )  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A passage and where its score sets something anew."""

    passage: Passage
    #: (B, 3) whether a tempo, a metre, a key is written at the bar's start (restated ones count)
    events: Bools
    #: (B,) key signature in force, fifths −7 … 7 (99 when none was written)
    keys: Ints
    #: tracks dropped because no instrument of ours plays them
    dropped_tracks: int = 0
    dropped_notes: int = 0


def bar_grid(signatures: list[tuple[float, int, int]], end: float) -> tuple[Floats, Ints]:
    """Bar lines (B + 1,) and metres (B, 2) from (beat, numerator, denominator); 4/4 before the first; a change cuts a bar short."""
    changes = sorted({beat: (n, d) for beat, n, d in signatures if n > 0 and d > 0}.items())
    if not changes or changes[0][0] > 1e-6:
        changes.insert(0, (0.0, (4, 4)))
    edges: list[float] = []
    metres: list[tuple[int, int]] = []
    for i, (start, (n, d)) in enumerate(changes):
        stop = changes[i + 1][0] if i + 1 < len(changes) else max(end, start + 1e-3)
        length = 4.0 * n / d
        count = int(np.ceil((stop - start) / length - 1e-6))
        if count > 1 and stop - (start + (count - 1) * length) < SLIVER:
            count -= 1  # rounding of tuplets left a sliver: the bar before takes it
        edges += [start + k * length for k in range(count)]
        metres += [(n, d)] * count
        last = start + count * length
    return np.array([*edges, last]), np.array(metres, dtype=np.int64).reshape(-1, 2)


def bar_tempo(tempos: list[tuple[float, float]], edges: Floats) -> Floats:
    """(B,) mean quarters per minute of every bar, weighted by time, from (beat, qpm); 120 before the first."""
    changes = sorted({beat: qpm for beat, qpm in tempos if qpm > 0}.items())
    if not changes or changes[0][0] > 1e-6:
        changes.insert(0, (0.0, 120.0))
    beats = np.array([b for b, _ in changes])
    qpm = np.array([q for _, q in changes])
    clock = np.concatenate([[0.0], np.cumsum(np.diff(beats) * 60.0 / qpm[:-1])])
    at = np.clip(np.searchsorted(beats, edges, side="right") - 1, 0, None)
    seconds = clock[at] + (edges - beats[at]) * 60.0 / qpm[at]
    return np.asarray(60.0 * np.diff(edges) / np.maximum(np.diff(seconds), 1e-9))


_RIGHT = re.compile(r"right|upper|^rh|\brh|up\b|up:|pianoup|pfup|treble|\bmd\b|dessus|^top|uppera|pri_?up|sec_?up|rechts")
_LEFT = re.compile(r"left|lower|^lh|\blh|down|bass|\bmg\b|basse|bottom|links")


def _hand_name(name: str) -> str | None:
    low = name.lower()
    return "right" if _RIGHT.search(low) else "left" if _LEFT.search(low) else None


def _as_hands(tracks: list[RawTrack], band: bool, edges: Floats) -> list[RawTrack]:
    """Keyboard tracks as right, inner and left; the rest untouched."""
    hands: list[RawTrack] = []
    for i, track in enumerate(tracks):
        kind, row = track.line.instrument, INSTRUMENTS[track.line.instrument]
        if not (kind in KEYBOARDS or (kind == "guitar" and not band)):
            hands.append(track)
            continue
        partners = [j for j, other in enumerate(tracks) if other.line.instrument == kind]
        side = _hand_name(track.line.name)
        if side is None and len(partners) == 2 and tracks[partners[0]].line.name == tracks[partners[1]].line.name:
            side = "right" if i == partners[0] else "left"
        single = len(partners) == 1 or not any(_hand_name(tracks[j].line.name) for j in partners)
        if side is None and single and two_handed(track.onset, track.pitch):
            bar = np.clip(np.searchsorted(edges, track.onset + 1e-6, side="right") - 1, 0, len(edges) - 2)
            above = right_hand(track.onset, track.pitch, bar)
            parts = [(track.only(above, f"{row.name} (right)"), "right"), (track.only(~above, f"{row.name} (left)"), "left")]
        else:
            parts = [(track.only(np.ones(len(track.onset), dtype=bool), f"{row.name} ({side})" if side else track.line.name), side or "")]
        for part, where in parts:
            inner = inner_voices(part.onset, part.duration, part.pitch) if where == "right" else None
            if inner is None:
                hands.append(part)
            else:
                hands += [part.only(~inner, part.line.name), part.only(inner, f"{row.name} (inner)")]
    return hands


def _unique_names(tracks: list[RawTrack]) -> list[Line]:
    lines: list[Line] = []
    seen: dict[str, int] = {}
    for track in tracks:
        clean = re.sub(r"\s+", " ", track.line.name.replace("\x00", "")).strip()
        name = clean if len(clean) > 2 and ":" not in clean else INSTRUMENTS[track.line.instrument].name
        seen[name] = seen.get(name, 0) + 1
        lines.append(replace(track.line, name=name if seen[name] == 1 else f"{name} · {seen[name]}"))
    return lines


def read_piece(path: Path, hint: str = "") -> Piece:
    """The notes of a MIDI file on its own grid of bars. `hint` says in words who plays, where a catalogue knows ("Voice and Piano").

    Raises ScoreFileError for a file that cannot be parsed or that holds no notes.
    """
    try:
        score: Any = symusic.Score(str(path))
    except Exception as error:  # symusic raises several kinds, RuntimeError among them
        raise ScoreFileError(f"{path} cannot be read as MIDI", f"symusic says: {error}") from error
    tpq = float(score.tpq or 480)
    sounding = [track for track in score.tracks if len(track.notes)]
    if not sounding:
        raise ScoreFileError(f"{path} holds no notes")
    arrays = [track.notes.numpy() for track in sounding]
    facts = [
        TrackFacts(t.name, int(t.program), bool(t.is_drum), float(np.median(a["pitch"]))) for t, a in zip(sounding, arrays, strict=True)
    ]
    tracks: list[RawTrack] = []
    dropped = dropped_notes = 0
    end = 0.0
    for fact, notes, kind in zip(facts, arrays, instruments_of(facts, hint), strict=True):
        if kind is None:
            dropped, dropped_notes = dropped + 1, dropped_notes + len(notes["time"])
            continue
        order = np.lexsort((notes["pitch"], notes["time"]))
        onset, length = notes["time"][order] / tpq, notes["duration"][order] / tpq
        pitch, velocity = notes["pitch"][order].astype(np.int64), np.clip(notes["velocity"][order].astype(np.int64), 1, 127)
        key = drum_key(fact.name) if kind == "percussion_kit" else None
        if key is not None:
            pitch = np.full_like(pitch, key)
        tracks.append(RawTrack(Line(fact.name, kind), onset, length, pitch, velocity))
        end = max(end, float((onset + length).max()))
    if not tracks:
        raise ScoreFileError(f"{path} holds only sound effects")
    signatures = [(s.time / tpq, int(s.numerator), int(s.denominator)) for s in score.time_signatures]
    tempos = [(t.time / tpq, float(t.qpm)) for t in score.tempos]
    keys = sorted((k.time / tpq, int(k.key)) for k in score.key_signatures)
    edges, metres = bar_grid([s for s in signatures if s[0] < end], end)
    tracks = _as_hands(tracks, is_band(facts), edges)
    onset = np.concatenate([t.onset for t in tracks])
    pitch = np.concatenate([t.pitch for t in tracks])
    line = np.repeat(np.arange(len(tracks)), [len(t.onset) for t in tracks])
    order = np.lexsort((pitch, line, onset))
    passage = Passage(
        onset[order], np.concatenate([t.duration for t in tracks])[order], pitch[order],
        np.concatenate([t.velocity for t in tracks])[order], line[order],
        tuple(_unique_names(tracks)), edges, metres, bar_tempo(tempos, edges),
    )  # fmt: skip
    return Piece(passage, *_events(edges, tempos, signatures, keys), dropped, dropped_notes)


def _events(
    edges: Floats, tempos: list[tuple[float, float]], signatures: list[tuple[float, int, int]], keys: list[tuple[float, int]]
) -> tuple[Bools, Ints]:
    events = np.zeros((len(edges) - 1, 3), dtype=bool)
    for column, beats in enumerate(([t for t, _ in tempos], [s[0] for s in signatures], [k for k, _ in keys])):
        at = np.searchsorted(edges, np.array(beats) + 1e-6, side="right") - 1
        for beat, bar in zip(beats, at.tolist(), strict=True):
            if 0 <= bar < len(events) and abs(beat - edges[bar]) < 1e-3:
                events[bar, column] = True
    fifths = np.full(len(events), 99, dtype=np.int64)
    for beat, key in keys:
        fifths[edges[:-1] >= beat - 1e-3] = key
    return events, fifths
