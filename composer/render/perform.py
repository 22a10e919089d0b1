"""Perform: give a written score breath. The door to `composer.render.performing`.

Beats stay where they were composed but for milliseconds of human timing, none of it on hits; velocities follow the phrase, lengths the
articulation, and controllers do what bows, breath and feet do. A hard hit is a sforzando: who sustains holds back just before it (CC11), is
at full strength on it, and relaxes; a pedal is lifted for it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from composer.moments import moments
from composer.plan import Plan
from composer.render.performing.articulation import articulated
from composer.render.performing.breathing import breathing
from composer.render.performing.desk import Desk, desk_of
from composer.render.performing.expression import expression
from composer.render.performing.fading import steady
from composer.render.performing.pedal import pedal
from composer.render.performing.shaping import shaped
from composer.render.performing.timing import timed
from composer.scene import scenes
from composer.score import Control, Note, Score


def perform(score: Score, plan: Plan | None = None, humanize: float = 0.5) -> Score:
    """A written score as players play it; `humanize` 0 (… 1) leaves every onset on the grid and every velocity without chance.

    With a plan, phrases, roles, textures and hits are its own, and a fading end fades. What begins on a hit never moves.
    """
    tracks = []
    for track, desk in zip(score.tracks, _desks(score, plan), strict=True):
        held = breathing(articulated(shaped(track.notes, desk), desk), desk)
        played = timed(held, desk, humanize, random.Random(f"{score.seed}/perform/{track.part}"))
        tracks.append(replace(track, notes=tuple(played), controls=_controls(held, desk)))
    return replace(score, tracks=tuple(tracks))


def controlled(score: Score, plan: Plan | None = None) -> Score:
    """A score that was performed before, with its controllers anew (its plan has changed) and every note as it is."""
    desks = _desks(score, plan)
    return replace(
        score,
        tracks=tuple(replace(track, controls=_controls(track.notes, desk)) for track, desk in zip(score.tracks, desks, strict=True)),
    )


def _desks(score: Score, plan: Plan | None) -> list[Desk]:
    """What each player knows."""
    unrolled, struck = (scenes(plan), moments(plan)) if plan is not None else ([], [])
    return [desk_of(track, score, plan, unrolled, struck) for track in score.tracks]


def _controls(notes: Sequence[Note], desk: Desk) -> tuple[Control, ...]:
    """All controllers of a part, in order."""
    if not desk.info.decays:
        controls = expression(notes, desk)
    else:
        controls = steady(desk) + (pedal(notes, desk) if desk.info.family == "piano" and notes else [])
    return tuple(sorted(controls, key=lambda c: (c.beat, c.number)))
