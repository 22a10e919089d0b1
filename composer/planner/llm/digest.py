"""A film in few words: what a language model is told of it, as plain data.

Conventions
-----------
However long the film, at most 48 rows of picture and sound, 60 turning points and 40 stretches of speech. Times are seconds. A row's looks
are the places and people seen, by number ("0x3 1" is look 0 three times, then look 1). Only `file_name`, `brief` and the labels of a
person's hits are anybody's words: they are cut short, on one line, and meant as data.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from composer.cues import CueSheet
from composer.film import EMOTIONS, Film
from composer.options import Options
from composer.planner.feeling import mean_affect, speech_share
from composer.planner.llm.text import one_line
from composer.planner.llm.turns import Turn
from composer.planner.outline import Outline

MAX_BRIEF, MAX_FILE_NAME, MAX_LABEL = 2000, 120, 60
_MAX_ROWS, _ROW_S = 48, 5.0
_MAX_SPEECH, _SPEECH_GAP_S = 40, 2.0
_MAX_LOOKS, _MAX_LABELS = 5, 20


def digest(film: Film, cues: CueSheet, options: Options, base: Outline, turns: Sequence[Turn]) -> dict[str, Any]:
    """Everything that is told of the film."""
    labels = [[round(h.time_s, 1), one_line(h.label, MAX_LABEL)] for cue in cues.cues for h in cue.hits if h.is_own and h.label]
    told: dict[str, Any] = {
        "file_name": one_line(PurePath(film.path).name, MAX_FILE_NAME),
        "brief": one_line(options.brief, MAX_BRIEF),
        "length_s": round(film.duration_s, 2),
        "shots": len(film.shots),
        "looks": len({shot.look for shot in film.shots}),
        "cues": {"columns": "id start_s end_s", "rows": [[cue.id, round(cue.start_s, 1), round(cue.end_s, 1)] for cue in cues.cues]},
        "turning_points": {"columns": "turn start_s kind weight cue", "rows": [_turn_row(i, turn) for i, turn in enumerate(turns)]},
        "picture_and_sound": {
            "columns": "start_s cuts looks valence arousal emotion motion loudness_lufs speech",
            "rows": _rows(film),
        },
        "speech_s": _speech(film),
    }
    if labels:
        told["labels_of_hits"] = labels[:_MAX_LABELS]
    told["rules_would_have"] = {
        "key": base.key,
        "tempo": _mean_qpm(base),
        "beats_per_bar": base.beats_per_bar,
        "sections": len(base.sections),
    }
    return told


def _turn_row(number: int, turn: Turn) -> list[Any]:
    return [number, round(turn.time_s, 2), turn.kind, round(turn.weight, 2), turn.cue]


def _mean_qpm(base: Outline) -> int:
    return round(float(np.average([s.qpm for s in base.sections], weights=[max(1e-6, s.length_s) for s in base.sections])))


def _rows(film: Film) -> list[list[Any]]:
    """The film in equal stretches."""
    count = max(1, min(_MAX_ROWS, math.ceil(film.duration_s / _ROW_S)))
    edges = [film.duration_s * i / count for i in range(count + 1)]
    return [_row(film, start_s, end_s) for start_s, end_s in itertools.pairwise(edges)]


def _row(film: Film, start_s: float, end_s: float) -> list[Any]:
    seconds = slice(int(start_s), max(int(start_s) + 1, math.ceil(end_s)))
    valence, arousal = mean_affect(film, start_s, end_s)
    emotions = np.asarray(film.affect.emotions[seconds])
    emotion = EMOTIONS[int(emotions.mean(axis=0).argmax())] if emotions.size else "neutral"
    motion, loudness = film.motion[seconds], film.loudness_lufs[seconds]
    return [
        round(start_s, 1),
        sum(start_s <= shot.start_s < end_s for shot in film.shots[1:]),
        _looks(film, start_s, end_s),
        round(valence, 2),
        round(arousal, 2),
        emotion,
        round(float(np.mean(motion)), 2) if motion else 0.0,
        round(float(np.mean(loudness))) if loudness else None,
        round(speech_share(film, start_s, end_s), 1),
    ]


def _looks(film: Film, start_s: float, end_s: float) -> str:
    """Looks in order, runs of one look counted."""
    seen = [shot.look for shot in film.shots if shot.start_s < end_s and shot.end_s > start_s]
    runs = [(look, len(list(shots))) for look, shots in itertools.groupby(seen)]
    told = " ".join(f"{look}x{count}" if count > 1 else f"{look}" for look, count in runs[:_MAX_LOOKS])
    return f"{told} +{len(runs) - _MAX_LOOKS}" if len(runs) > _MAX_LOOKS else told


def _speech(film: Film) -> list[list[float]]:
    """Stretches of speech, with gaps closed until they are few enough."""
    gap_s = _SPEECH_GAP_S
    while True:
        spans: list[list[float]] = []
        for span in film.speech:
            if spans and span.start_s - spans[-1][1] < gap_s:
                spans[-1][1] = span.end_s
            else:
                spans.append([span.start_s, span.end_s])
        if len(spans) <= _MAX_SPEECH:
            return [[round(start_s, 1), round(end_s, 1)] for start_s, end_s in spans]
        gap_s *= 2
