"""Where a new film asks for hits and candidates of its own: new picture, picture that is shown again, and the seams between stretches.

Conventions
-----------
All times are seconds of the new film unless a name says "old". Music goes along with one showing of a picture only: the one whose bars
survived, else the first. Every other showing is new film to the music.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from composer.cues import HitPoint
from composer.edit import ROUNDING_S, Edit, Kept
from composer.film import Film, Span
from composer.plan import Plan
from composer.planner.reconform.survival import Gap, Run, section_at_s

#: a new hit is never closer than this to an old one, seconds (music could not answer both)
APART_S = 0.45


def fresh_spans(old: Plan, edit: Edit, runs: Sequence[Run]) -> tuple[Span, ...]:
    """New picture, picture shown again, and (as spans of no length) the seams."""
    seams = [Span(seam, seam) for k in edit.kept for seam in (k.new_start_s, k.new_end_s)]
    return (*edit.added, *shown_again(old, edit, runs), *seams)


def shown_again(old: Plan, edit: Edit, runs: Sequence[Run]) -> tuple[Span, ...]:
    """What the new film shows of the old one although its music is elsewhere."""
    lines = sorted({*old.tempo.bar_seconds.tolist(), *(edge for k in edit.kept for edge in (k.old_start_s, k.old_end_s))})
    spans: list[Span] = []
    for stretch in edit.kept:
        inside = [stretch.old_start_s, *(t for t in lines if stretch.old_start_s < t < stretch.old_end_s), stretch.old_end_s]
        for start_s, end_s in itertools.pairwise(inside):
            if _home((start_s + end_s) / 2, old, edit, runs) != stretch:
                spans.append(Span(start_s + stretch.offset_s, end_s + stretch.offset_s))
    return _joined(spans)


def _home(old_s: float, old: Plan, edit: Edit, runs: Sequence[Run]) -> Kept | None:
    """The stretch with which the music of a moment of the old film goes along."""
    bar = old.tempo.bar_at_s(old_s)
    holders = [*(run.stretch for run in runs if run.first <= bar < run.end), *edit.kept]
    return next((k for k in holders if k.old_start_s <= old_s < k.old_end_s), None)


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order of time, those that touch as one; none as short as rounding."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_s):
        if joined and span.start_s - joined[-1].end_s < ROUNDING_S:
            joined[-1] = Span(joined[-1].start_s, max(span.end_s, joined[-1].end_s))
        else:
            joined.append(span)
    return tuple(span for span in joined if span.length_s > ROUNDING_S)


def is_fresh(time_s: float, spans: Sequence[Span], slack_s: float) -> bool:
    """Whether a moment lies in one of the spans, or this near to it."""
    return any(span.start_s - slack_s <= time_s <= span.end_s + slack_s for span in spans)


def new_points(
    film: Film,
    points: Sequence[HitPoint],
    spans: Sequence[Span],
    taken_s: Sequence[float],
    runs: Sequence[Run],
    gaps: Sequence[Gap],
    old: Plan,
) -> list[HitPoint]:
    """The hits among `points`, chosen for the new film, that lie in fresh spans, where music plays, and apart from those `taken_s`."""
    half_s = 0.5 * film.frame_s
    return [
        point
        for point in points
        if is_fresh(point.time_s, spans, half_s)
        and all(abs(point.time_s - other) >= APART_S for other in taken_s)
        and section_at_s(point.time_s + half_s, runs, gaps, old) is not None
    ]
