"""What the report's time line draws and plays, as plain JSON values.

Conventions
-----------
Times are film seconds, rounded to a millisecond (hits to a tenth of one); curves to two or three digits: a page of a long film stays small.
Rows of the same kind are lists without names; the reader, `rows.js`, knows their columns by the comments here. Notes of a part are one flat
list of whole numbers: (start − the start before, length, pitch, velocity) …, the first two in milliseconds.
URLs are relative to the page and quoted byte by byte, so any file name will do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from composer.film import EMOTIONS, Film
from composer.instruments import INSTRUMENTS
from composer.plan import DYNAMICS, Plan
from composer.render.loudness import STEPS_PER_S, short_term
from composer.render.timeline_rows import EMOTION_COLOURS
from composer.rendering import Rendering
from composer.score import Score, Track
from composer.tempo import TempoMap
from composer.theory.chords import bar_chords
from composer.theory.keys import parse_key
from composer.timecode import count_frames, is_drop_frame

SYNC_FILE = "sync.json"
#: values per second of the music's loudness course
LOUDNESS_PER_S = 2
#: quietest loudness that is drawn, LUFS
FLOOR_LUFS = -60.0


@dataclass(frozen=True)
class Sheet:
    """What every part of the page is made from."""

    film: Film
    plan: Plan
    score: Score
    rendering: Rendering
    #: the output folder, where the page goes
    folder: Path
    #: the film with its music
    scored: Path
    #: sync.json as it was read; empty when there is none
    sync: Mapping[str, Any]

    @property
    def tempo(self) -> TempoMap:
        """The one converter between beats and seconds."""
        return self.score.tempo

    def bar_span_s(self, first: int, last: int) -> tuple[float, float]:
        """From the start of bar `first` to the end of bar `last` (from 1), seconds, within the film."""
        edges, limit = self.tempo.bar_seconds, self.film.duration_s
        return min(float(edges[first - 1]), limit), min(float(edges[last]), limit)

    def heard(self, number: int) -> Mapping[str, Any]:
        """What sync.json tells of hit `number` (from 1); empty when it tells nothing."""
        return next((hit for hit in self.sync.get("hits", ()) if hit.get("number") == number), {})


def read_sync(folder: Path) -> Mapping[str, Any]:
    """sync.json of a folder; empty when it is not there or not ours."""
    try:
        found = json.loads((folder / SYNC_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("hits"), list) else {}


def page_data(sheet: Sheet, *, embedded: bool) -> dict[str, Any]:
    """Everything `rows.js` and `sound.js` need; `embedded` tells whether the film follows within the page.

    Raises RenderError when the mix is no WAV of ours.
    """
    film, plan, rendering = sheet.film, sheet.plan, sheet.rendering
    return {
        "duration_s": round(film.duration_s, 4),
        "aspect": round(film.width / max(1, film.height), 3),
        "rate": [film.frame_rate.numerator, film.frame_rate.denominator],
        "first_frame": count_frames(plan.start_tc, film.frame_rate),
        "drop_frame": is_drop_frame(plan.start_tc),
        # a player's time of film time 0
        "offset_s": round(max(0.0, film.start_offset_s), 6),
        "film": {"url": url_of(sheet.scored.relative_to(sheet.folder)), "embedded": embedded},
        "mix": url_of(Path(rendering.mix)),
        # stems sound before the master's gain: never louder than the mix
        "stem_gain": round(min(1.0, 10 ** (rendering.gain_db / 20)), 4),
        "stems_below_db": round(max(0.0, rendering.gain_db), 1),
        **_seen(film),
        "music_lufs": _music_lufs(sheet),
        **_planned(sheet),
        "hits": [_hit(sheet, number) for number in range(1, len(plan.hits) + 1)],
        "candidates_s": [round(time_s, 3) for time_s in plan.candidates_s],
        "parts": [_part(sheet, place) for place in range(len(sheet.score.tracks))],
    }


def url_of(path: Path) -> str:
    """A relative URL of a relative path, whatever its bytes are."""
    return "./" + quote(os.fsencode(path.as_posix()))


def _seen(film: Film) -> dict[str, Any]:
    affect = film.affect
    shots = [
        # start, end, how it opens, length of its transition, brightness, saturation, motion, look, moment of its picture
        [*_ms(shot.start_s, shot.end_s), shot.opens_with, *_ms(shot.transition_s), *_short(shot.brightness, shot.saturation, shot.motion), shot.look, *_ms(shot.keyframe_s)]
        for shot in film.shots
    ]  # fmt: skip
    return {
        "shots": shots,
        "emotions": [[emotion, EMOTION_COLOURS[emotion]] for emotion in EMOTIONS],
        "emotion": [int(np.argmax(row)) for row in affect.emotions],
        "valence": _short(*affect.valence),
        "arousal": _short(*affect.arousal),
        "motion": _short(*film.motion),
        "film_lufs": [round(max(FLOOR_LUFS, value), 1) for value in film.loudness_lufs],
        "speech": [_ms(span.start_s, span.end_s) for span in film.speech],
    }


def _music_lufs(sheet: Sheet) -> dict[str, Any]:
    levels = short_term(sheet.folder / sheet.rendering.mix)
    step = round(STEPS_PER_S / LOUDNESS_PER_S)
    return {"per_s": LOUDNESS_PER_S, "values": [round(max(FLOOR_LUFS, float(value)), 1) for value in levels[step // 2 :: step]]}


def _planned(sheet: Sheet) -> dict[str, Any]:
    plan, tempo = sheet.plan, sheet.tempo
    edges = tempo.bar_seconds
    return {
        # start, upper and lower figure of the metre, quarter notes a minute
        "bars": [[*_ms(float(edges[i])), bar.numerator, bar.denominator, round(60e6 / bar.us_per_beat, 2)] for i, bar in enumerate(tempo.bars)],
        "end_s": round(tempo.total_s, 3),
        "sections": [
            {"id": s.id, "span": _ms(*sheet.bar_span_s(s.first_bar, s.last_bar)), "bars": [s.first_bar, s.last_bar], "mood": s.mood, "key": s.key,
             "form": s.form, "theme": s.theme, "variation": s.variation, "dynamics": s.dynamics, "reason": s.reason}
            for s in plan.sections
        ],
        # start, name, roman numeral
        "chords": [[*_ms(time_s), name, symbol] for time_s, name, symbol in chord_names(sheet)],
        # start, end, from, to, whether it grows
        "swells": [
            [*_ms(tempo.beat_to_s(tempo.beat_of(pin.bar, pin.beat)), tempo.beat_to_s(tempo.beat_of(pin.to_bar, pin.to_beat))),
             pin.start, pin.end, DYNAMICS.index(pin.end) > DYNAMICS.index(pin.start)]
            for pin in plan.hairpins
        ],
    }  # fmt: skip


def chord_names(sheet: Sheet) -> Iterator[tuple[float, str, str]]:
    """(start in seconds, absolute name, roman numeral) of every planned chord within the film."""
    tempo = sheet.tempo
    for section in sheet.plan.sections:
        key = parse_key(section.key)
        for bar, entry in enumerate(section.chords, section.first_bar):
            start, end = float(tempo.bar_beats[bar - 1]), float(tempo.bar_beats[bar])
            chords = bar_chords(entry, key)
            for place, (chord, symbol) in enumerate(zip(chords, entry.split(), strict=True)):
                time_s = tempo.beat_to_s(start + (end - start) * place / len(chords))
                if time_s < sheet.film.duration_s:
                    yield time_s, chord.name(key), symbol


def _hit(sheet: Sheet, number: int) -> dict[str, Any]:
    hit, heard = sheet.plan.hits[number - 1], sheet.heard(number)
    ms_off = heard.get("ms_off")
    return {
        "time_s": round(hit.time_s, 4),
        "hard": hit.is_hard,
        "mark": hit.mark,
        "label": hit.label,
        "music_s": round(hit.time_s + hit.error_s, 4),
        "heard_s": None if ms_off is None else round(hit.time_s + ms_off / 1000, 4),
        "frames": heard.get("frames_off"),
        "verdict": heard.get("verdict", ""),
    }


def _part(sheet: Sheet, place: int) -> dict[str, Any]:
    track, tempo = sheet.score.tracks[place], sheet.tempo
    instrument = INSTRUMENTS[track.instrument]
    stem = next((stem for stem in sheet.rendering.stems if stem.part == track.part), None)
    return {
        "name": track.name,
        "family": instrument.family,
        "notes": _notes(track, tempo, sheet.score.end_s),
        "techniques": [[*_ms(tempo.beat_to_s(change.beat)), change.technique] for change in track.techniques],
        "stem": None
        if stem is None
        else {"url": url_of(Path(stem.path)), "peak_dbfs": round(max(-120.0, stem.peak_dbfs), 1), "notes": stem.note_count},
    }


def _notes(track: Track, tempo: TempoMap, end_s: float) -> list[int]:
    notes = sorted(track.notes, key=lambda note: (note.start_beat, note.pitch))
    starts = np.rint(np.asarray(tempo.beat_to_s([note.start_beat for note in notes])) * 1000).astype(int)
    ends = np.rint(np.minimum(tempo.beat_to_s([note.end_beat for note in notes]), end_s) * 1000).astype(int)
    steps = np.diff(starts, prepend=0)
    rows = [
        (int(step), max(1, int(end - start)), note.pitch, note.velocity)
        for step, start, end, note in zip(steps, starts, ends, notes, strict=True)
    ]
    return [number for row in rows for number in row]


def _ms(*times_s: float) -> list[float]:
    return [round(time_s, 3) for time_s in times_s]


def _short(*values: float) -> list[float]:
    return [round(value, 2) for value in values]
