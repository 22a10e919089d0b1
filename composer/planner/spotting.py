"""Spotting: where music goes, where its sections begin, and which moments it should hit.

Every change of shot is a candidate; its weight grows with how strong the change is, how long the picture rested before and after it
(a cut in a flurry marks nothing), how much the feeling and the loudness change across it. What a person names weighs most. Candidates that
were not chosen are kept: they are the denominator of coverage, fixed before any tempo is fitted.

With a cut list (`--hits`) its cuts take the place of the detected ones; a detected one within a frame lends its strength and its kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from composer.cues import HARD_WEIGHT, Cue, CueSheet, HitKind, HitPoint
from composer.cut_list import CutList, read_cut_list
from composer.errors import OptionError
from composer.film import Film, Shot
from composer.options import Options
from composer.planner.form import affect_change, section_starts
from composer.timecode import DEFAULT_START, check_start

#: music cannot answer two hard hits closer than this, seconds
MIN_HARD_GAP_S = 0.95
#: nor two hits of any kind closer than this
MIN_GAP_S = 0.45
#: no cue and no silence between cues is shorter, seconds
MIN_CUE_S, MIN_REST_S = 2.0, 0.5
#: strength of a cut that only the cut list knows
_LISTED_STRENGTH = 0.8
#: nothing is hit before music has begun to speak, seconds
_FIRST_S = 0.5


def spot(film: Film, options: Options) -> CueSheet:
    """The cues with their section starts and hit points.

    Raises OptionError for a `--hit`, `--cue` or `--silence` that does not fit the film, and for an unreadable cut list.
    """
    listed = read_cut_list(options.hits_file, film, options.start_tc) if options.hits_file else None
    candidates = _candidates(film, options, listed)
    hits = _choose(candidates)
    cues = tuple(
        Cue(f"1m{number}", start_s, end_s, tuple(h for h in hits if start_s <= h.time_s < end_s), section_starts(film, candidates, start_s, end_s, options.seed))
        for number, (start_s, end_s) in enumerate(cue_spans(film, options), 1)
    )  # fmt: skip
    return CueSheet(cues, candidates, _start_tc(film, options, listed), _notes(hits, cues, listed))


def _notes(hits: Sequence[HitPoint], cues: Sequence[Cue], listed: CutList | None) -> tuple[str, ...]:
    """What became of a person's moments that cannot be marked.

    Raises OptionError for a `--hit` where no music is.
    """
    silent = [h for h in hits if h.is_own and not any(cue.start_s <= h.time_s < cue.end_s for cue in cues)]
    for hit in silent:
        if hit.kind == "user":
            raise OptionError(f"--hit {hit.time_s:g} lies where no music is", "Move it, or change --cue and --silence.")
    notes = [f"{hit.label or 'marker'} at {hit.time_s:.2f} s lies where no music is and is not marked" for hit in silent]
    if listed and listed.outside:
        notes.append(f"{listed.outside} moments of the list lie outside the film and were left out")
    return tuple(notes)


def _start_tc(film: Film, options: Options, listed: CutList | None) -> str:
    if options.start_tc is not None:
        check_start(options.start_tc, film.frame_rate)
    return listed.start_tc if listed else options.start_tc or DEFAULT_START


# --- where music goes -------------------------------------------------------------------------------------------------


def cue_spans(film: Film, options: Options) -> tuple[tuple[float, float], ...]:
    """(start, end) of every cue, seconds: the cues asked for, or the whole film, less the silences asked for."""
    cues = [_inside("--cue", span, film) for span in sorted(options.cue_s)] or [(0.0, film.duration_s)]
    for one, other in itertools.pairwise(cues):
        if other[0] < one[1]:
            raise OptionError(f"two cues overlap at {other[0]:g} s", "Give each stretch of film to one --cue.")
    for silence in options.silence_s:
        from_s, to_s = _inside("--silence", silence, film)
        cues = [piece for start, end in cues for piece in ((start, min(end, from_s)), (max(start, to_s), end)) if piece[1] > piece[0]]
    long_enough = [cue for cue in cues if cue[1] - cue[0] >= min(MIN_CUE_S, film.duration_s)]
    if not long_enough:
        raise OptionError("no room is left for music", f"Leave at least one cue of {MIN_CUE_S:g} s.")
    return _joined(long_enough)


def _inside(name: str, span: tuple[float, float], film: Film) -> tuple[float, float]:
    start_s, end_s = span
    if not 0 <= start_s < film.duration_s:
        raise OptionError(f"{name} {start_s:g}-{end_s:g} begins outside the film", f"It is {film.duration_s:.2f} s long.")
    return (0.0 if start_s < MIN_REST_S else start_s), min(end_s, film.duration_s)


def _joined(cues: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Cues without gaps that are too short to be a rest."""
    joined = [cues[0]]
    for start_s, end_s in cues[1:]:
        if start_s - joined[-1][1] < MIN_REST_S:
            joined[-1] = joined[-1][0], end_s
        else:
            joined.append((start_s, end_s))
    return tuple(joined)


# --- what may be hit --------------------------------------------------------------------------------------------------


def _candidates(film: Film, options: Options, listed: CutList | None) -> tuple[HitPoint, ...]:
    shots = film.shots if listed is None or not listed.cuts_s else _shots_of(film, listed.cuts_s)
    found = [_weighed(film, before, shot) for before, shot in itertools.pairwise(shots)]
    own = list(listed.markers) if listed else []
    for time_s in options.hit_s:
        if not 0 <= time_s < film.duration_s:
            raise OptionError(f"--hit {time_s:g} lies outside the film", f"It is {film.duration_s:.2f} s long.")
        own = [m for m in own if abs(m.time_s - time_s) > film.frame_s]
        own.append(HitPoint(time_s, 1.0, "user", "user"))
    for mark in own:
        found = [c for c in found if abs(c.time_s - mark.time_s) > film.frame_s]  # editors often mark cuts
    found += own
    for time_s in options.no_hit_s:
        found = [replace(c, weight=0.0) if abs(c.time_s - time_s) <= 0.25 and c.kind != "user" else c for c in found]
    return tuple(sorted(found, key=lambda c: c.time_s))


def _shots_of(film: Film, cuts_s: Sequence[float]) -> tuple[Shot, ...]:
    """The shots between the cuts of a list, each like the detected shot it begins with, or lies in."""
    edges = [0.0, *cuts_s, film.duration_s]
    shots = []
    for start_s, end_s in itertools.pairwise(edges):
        seen = min(film.shots, key=lambda shot: abs(shot.start_s - start_s))
        if abs(seen.start_s - start_s) > film.frame_s:
            around = next((s for s in film.shots if s.start_s <= start_s < s.end_s), film.shots[-1])
            seen = replace(around, opens_with="cut", strength=_LISTED_STRENGTH, confidence=1.0, transition_s=0.0)
        shots.append(replace(seen, start_s=start_s, end_s=end_s, confidence=1.0))
    return tuple(shots)


def _weighed(film: Film, before: Shot, shot: Shot) -> HitPoint:
    """A change of shot as a candidate; a cut that stands alone by two seconds is a hard hit."""
    rest = min(before.length_s, shot.length_s)
    weight = (
        0.30
        + 0.22 * shot.strength
        + 0.28 * min(1.0, rest / 1.5)
        + 0.06 * min(1.0, before.length_s / 4.0)
        + 0.08 * min(1.0, affect_change(film, shot.start_s) / 0.4)
        + 0.06 * _loudness_jump(film, shot.start_s)
    )
    if film.duration_s - shot.start_s < 1.0:
        weight *= 0.8  # the last chord needs room
    if shot.opens_with in ("dissolve", "fade"):
        weight = min(weight, HARD_WEIGHT - 0.05)  # a change without an edge cannot be hit hard
    kind: HitKind = "fade" if shot.opens_with == "fade" else "dissolve" if shot.opens_with == "dissolve" else "cut"
    return HitPoint(shot.start_s, round(min(1.0, weight * shot.confidence**0.25), 3), kind, shot.opens_with)


def _loudness_jump(film: Film, time_s: float) -> float:
    """How much louder or softer the sound gets across a moment, 0…1 (15 LU = 1)."""
    second = int(time_s)
    if not 1 <= second < len(film.loudness_lufs):
        return 0.0
    return min(1.0, abs(film.loudness_lufs[second] - film.loudness_lufs[second - 1]) / 15)


def _choose(candidates: Iterable[HitPoint]) -> tuple[HitPoint, ...]:
    """By weight, a person's own first; never closer than music can answer; crowded hard ones become soft."""
    chosen: list[HitPoint] = []  # in order of time
    for hit in sorted(candidates, key=lambda c: (not c.is_own, -c.weight, c.time_s)):
        if hit.weight <= (0.0 if hit.is_own else 0.3) or (hit.time_s < _FIRST_S and not hit.is_own):
            continue
        near = [other for other in chosen if abs(hit.time_s - other.time_s) < MIN_HARD_GAP_S]
        if not hit.is_own and any(abs(hit.time_s - other.time_s) < MIN_GAP_S for other in near):
            continue
        if not hit.is_own and hit.is_hard and any(other.is_hard for other in near):
            hit = replace(hit, weight=HARD_WEIGHT - 0.01)
        chosen.append(hit)
    return tuple(sorted(chosen, key=lambda c: c.time_s))
