"""What is heard of a plan once it is composed: everybody who was asked, and less where somebody speaks.

Conventions
-----------
A *part is heard* when its track has a note. Under speech, *onsets* are distinct moments at which a part begins a note whose fundamental lies
between 300 and 3000 Hz (MIDI 63 to 101), where consonants and formants tell words apart; "all parts" adds up the parts, "busiest part" takes the one with the most
in the spans counted. *Inside* are the spans of speech within cues, *outside* the rest of the cues. As people speak where films are calm, the same film is planned and composed a second
time as if nobody spoke ("deaf"): inside against that is what speech changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from composer.film import Film, Span
from composer.instruments import INSTRUMENTS, expand
from composer.options import Options
from composer.plan import Plan
from composer.score import Score
from composer.theory.passage import Floats

#: lowest and highest MIDI pitch with a fundamental in 300 … 3000 Hz
LOWEST, HIGHEST = 63, 101


def count_heard(plan: Plan, score: Score, options: Options) -> Counter[str]:
    """Parts heard, and whether exactly those who were asked (where somebody was) are."""
    heard = {track.part for track in score.tracks if track.notes}
    planned = {part.id for part in plan.parts}
    found = Counter(
        {"composed": 1, "planned parts": len(planned), "heard parts": len(planned & heard), "uninvited parts": len(heard - planned)}
    )
    found["composed as planned"] = int(heard == planned)
    if options.instruments:
        asked = sorted(row.id for row in expand(options.instruments))
        playing = sorted(track.instrument for track in score.tracks if track.notes)
        found.update({"composed for asked": 1, "heard as asked": playing == asked, "notes": score.note_count})
    else:
        found["notes"] = score.note_count
    return found


@dataclass(frozen=True)
class Busy:
    """Onsets per second in the range of speech."""

    #: seconds counted
    seconds: float
    #: of all parts together, and of the busiest one
    all_parts: float
    busiest_part: float


def busy(score: Score, spans: Sequence[Span]) -> Busy:
    """How busy a score is within some spans of film."""
    seconds = sum(span.length_s for span in spans)
    counts = [0]
    for track in score.tracks:
        if INSTRUMENTS[track.instrument].is_drum:
            continue
        beats = np.array([note.start_beat for note in track.notes if LOWEST <= note.pitch <= HIGHEST])
        times: Floats = np.unique(np.round(score.tempo.beat_to_s(beats), 3)) if len(beats) else np.zeros(0)
        counts.append(sum(int(((times >= span.start_s) & (times < span.end_s)).sum()) for span in spans))
    return Busy(seconds, sum(counts) / max(seconds, 1e-9), max(counts) / max(seconds, 1e-9))


def spoken(film: Film, plan: Plan) -> tuple[list[Span], list[Span]]:
    """Where music plays and somebody speaks, and where music plays and nobody does."""
    inside: list[Span] = []
    outside: list[Span] = []
    for cue in plan.cues:
        now = cue.start_s
        for span in film.speech:
            start_s, end_s = max(now, span.start_s), min(cue.end_s, span.end_s)
            if end_s > start_s:
                inside.append(Span(start_s, end_s))
                outside.append(Span(now, start_s))
                now = end_s
        outside.append(Span(now, cue.end_s))
    return inside, [span for span in outside if span.length_s > 0]
