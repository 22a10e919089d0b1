"""A plan for a re-edited picture: what survived stays, what must change is fitted anew, and every change is told.

1. Bars whose whole picture survived move with it (`survival`); the gaps between them are filled as gently as can be (`refit`). Where the old
   run asked for a steady tempo, all bars keep it (`steady`).
2. Every bar belongs to the section it came from; a new stretch of film of some length becomes a section of its own, planned like its
   neighbour (`resection`). Rests stay rests, and new film inside a rest is one.
3. Hits keep bar and beat where these survived (`rehits`); new ones come where the film is new to the music (`fresh`).

Conventions
-----------
Bar indices count from 0, bar numbers (`PlanBar.bar`) from 1. Times of the old plan and of the new film are never mixed: `Edit.moved` converts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from composer.cues import CueSheet, HitPoint
from composer.edit import BarChange, BarFate, Edit, Piece, Reuse
from composer.errors import PlanError
from composer.film import Film, Span
from composer.plan import Hairpin, Plan, PlanBar, PlanCue, Section
from composer.planner.dynamics import hairpins
from composer.planner.feeling import plan_bar
from composer.planner.reconform.filling import Filling, Moment
from composer.planner.reconform.fresh import fresh_spans, is_fresh, new_points
from composer.planner.reconform.refit import Filler
from composer.planner.reconform.rehits import moments, new_time, rehit, remarked
from composer.planner.reconform.resection import ended, resection, sections_in, with_chords
from composer.planner.reconform.steady import steady_bars
from composer.planner.reconform.survival import Gap, NewBar, Run, Source, gaps_between, section_of, surviving_runs
from composer.tempo import Bar, TempoMap

#: a gap shorter than this is rounding, seconds
_ROUNDING_S = 1e-3
#: a cue may begin this near to its bar line, seconds
_BESIDE_S = 0.05
#: how the reason of a re-edit begins (a later one takes its place)
_REASON = "re-edit: "


def reconform(old: Plan, edit: Edit, film: Film, cues: CueSheet, *, steady: bool = False) -> tuple[Plan, Reuse]:
    """The plan of the new film, and what of the old music it keeps; with `steady` an old plan of one tempo keeps it.

    `film` and `cues` are of the new picture. Raises PlanError when not a single bar of music survives.
    """
    runs = surviving_runs(old, edit)
    if not any(section_of(i, old) for run in runs for i in range(run.first, run.end)):
        raise PlanError("no bar of the old music fits the new film", "Too little of each shot is left: score the new film with `score`.")
    gaps, spans = gaps_between(runs, old, edit), fresh_spans(old, edit, runs)
    points = _points(old, edit, film, cues, spans, runs, gaps)
    if steady and len({bar.qpm for bar in old.bars}) == 1:
        bars = steady_bars(old, runs, gaps, film.duration_s)
    else:
        bars = _new_bars(old, gaps, moments(old, edit, film, points, runs))
    bars = ended(bars, old)
    tempo = TempoMap(tuple(new.bar for new in bars))
    sections, locked = resection(bars, old, tempo)
    hits, changes = rehit(old, edit, film, points, bars, runs)
    sections = with_chords(sections, bars, old, hits)
    reuse = Reuse(_pieces(bars, old, tempo), _fates(bars, old, tempo), changes)
    candidates_s, wanted_s = _candidates(old, edit, film, cues, spans)
    plan = replace(
        old,
        duration_s=film.duration_s,
        frame_rate=film.frame_rate,
        cues=_cues(old, edit, sections, tempo, film),
        sections=sections,
        hits=remarked(hits, sections),
        bars=tuple(_plan_bar(i, new, old, tempo, film) for i, new in enumerate(bars)),
        locked=locked,
        reasons=(*(line for line in old.reasons if not line.startswith(_REASON)), _reason(reuse)),
        candidates_s=candidates_s,
        wanted_s=wanted_s,
    )
    return replace(plan, hairpins=_hairpins(old, plan, bars)).check(), reuse


def _hairpins(old: Plan, plan: Plan, bars: Sequence[NewBar]) -> tuple[Hairpin, ...]:
    """The planner's own where the old ones were; those that a person changed go along with their bars, and no others come."""
    if old.hairpins == hairpins(old):
        return hairpins(plan)
    place = {new.source.old_bar: i + 1 for i, new in enumerate(bars) if new.source.old_bar is not None and new.run is not None}
    moved = [(pin, place.get(pin.bar - 1), place.get(pin.to_bar - 1)) for pin in old.hairpins]
    return tuple(
        replace(pin, bar=first, to_bar=last)
        for pin, first, last in moved
        if first is not None and last is not None and last - first == pin.to_bar - pin.bar
    )


def _points(
    old: Plan, edit: Edit, film: Film, cues: CueSheet, spans: Sequence[Span], runs: Sequence[Run], gaps: Sequence[Gap]
) -> list[HitPoint]:
    """The new hits of the new film."""
    carried = (new_time(hit, edit, runs, 0.5 * film.frame_s) for hit in old.hits)
    chosen = [hit for cue in cues.cues for hit in cue.hits]
    return new_points(film, chosen, spans, [time_s for time_s in carried if time_s is not None], runs, gaps, old)


# --- bars -------------------------------------------------------------------------------------------------------------


def _new_bars(old: Plan, gaps: Sequence[Gap], wanted: Sequence[Moment]) -> list[NewBar]:
    """Runs and fillings in the order of the new film."""
    locked = frozenset(i for s in old.sections if s.id in old.locked for i in range(s.first_bar - 1, s.last_bar))
    filler = Filler(old, _bases(old), wanted, locked)
    bars: list[NewBar] = []
    skip = 0  # how many bars of the run before were re-fitted from its left side
    for number, gap in enumerate(gaps):
        filling = Filling(0, 0, (), (), 0.0)
        if _is_open(gap):
            left_free = gap.left.end - gap.left.first - skip if gap.left else 0
            right_free = gap.right.end - gap.right.first if gap.right else 0
            if right_free > 1 and _is_open(gaps[number + 1]):
                right_free -= 1  # the next gap may need one
            filling = filler.fill(gap, left_free, right_free)
        bars = bars[: len(bars) - filling.left] + _filled(filling, gap, old, number)
        skip = filling.right
        if gap.right:
            bars += [_kept_bar(i, gap.right, old) for i in range(gap.right.first + skip, gap.right.end)]
    return bars


def _is_open(gap: Gap) -> bool:
    return abs(gap.end_s - gap.start_s) > _ROUNDING_S


def _bases(old: Plan) -> list[float]:
    """The usual tempo around every bar: its section's median, else (between cues) its own."""
    tempi = [bar.qpm for bar in old.bars]
    for section in old.sections:
        inside = slice(section.first_bar - 1, section.last_bar)
        tempi[inside] = [median(bar.qpm for bar in old.bars[inside])] * section.bars
    return tempi


def _kept_bar(index: int, run: Run, old: Plan) -> NewBar:
    bar = old.bars[index].as_bar()
    return NewBar(bar, Source(index, ((0.0, 0.0, bar.beats),)), run, section_of(index, old))


def _filled(filling: Filling, gap: Gap, old: Plan, number: int) -> list[NewBar]:
    """The bars of a filling, each in its section."""
    models = [old.bars[i].as_bar() for i in ((gap.left.end - 1,) if gap.left else ()) + ((gap.right.first,) if gap.right else ())]
    start_s = gap.start_s - sum(bar.seconds for bar in filling.bars[: filling.left])
    names = sections_in(gap, filling.bars, filling.sources, start_s, number, old)
    return [
        NewBar(_in_metre(bar, source, models, old), source, None, name)
        for bar, source, name in zip(filling.bars, filling.sources, names, strict=True)
    ]


def _in_metre(bar: Bar, source: Source, near: Sequence[Bar], old: Plan) -> Bar:
    """A bar of so many beats written as its model is: 6/8 and 3/4 are not the same."""
    models = [*([old.bars[source.old_bar].as_bar()] if source.old_bar is not None else []), *near]
    model = next((m for m in models if m.beats == bar.beats), bar)
    return Bar(model.numerator, model.denominator, bar.qpm)


def _plan_bar(index: int, new: NewBar, old: Plan, tempo: TempoMap, film: Film) -> PlanBar:
    """A row of the plan: an old bar keeps its feeling, a new one is felt in the film."""
    metre, source = f"{new.bar.numerator}/{new.bar.denominator}", new.source.old_bar
    if source is not None:
        return replace(old.bars[source], bar=index + 1, metre=metre, qpm=new.bar.qpm)
    return replace(plan_bar(film, [shot.start_s for shot in film.shots[1:]], tempo, index), metre=metre)


# --- what is told -----------------------------------------------------------------------------------------------------


def _pieces(bars: Sequence[NewBar], old: Plan, tempo: TempoMap) -> tuple[Piece, ...]:
    """The old music in the order of the new score; what goes on without a seam is one piece."""
    edges = old.tempo.bar_beats
    pieces: list[Piece] = []
    for i, new in enumerate(bars):
        for into_old, into_new, beats in new.source.pieces:
            assert new.source.old_bar is not None
            piece = Piece(float(edges[new.source.old_bar]) + into_old, float(tempo.bar_beats[i]) + into_new, beats)
            last = pieces[-1] if pieces else None
            if last and (last.old_end_beat, last.new_end_beat) == (piece.old_beat, piece.new_beat):
                pieces[-1] = Piece(last.old_beat, last.new_beat, last.beats + beats)
            else:
                pieces.append(piece)
    return tuple(pieces)


def _fates(bars: Sequence[NewBar], old: Plan, tempo: TempoMap) -> tuple[BarChange, ...]:
    edges = old.tempo.bar_seconds
    changes = []
    for i, new in enumerate(bars):
        source = new.source.old_bar
        fate: BarFate = "part" if new.source.pieces else "new"
        if source is not None and new.source.is_whole(old.bars[source].as_bar().beats, new.bar.beats):
            stays = abs(float(tempo.bar_seconds[i]) - float(edges[source])) < _ROUNDING_S
            fate = "tempo" if new.bar.qpm != old.bars[source].qpm else "kept" if stays else "moved"
        changes.append(BarChange(i + 1, source + 1 if source is not None else None, fate, new.section is None))
    return tuple(changes)


def _cues(old: Plan, edit: Edit, sections: Sequence[Section], tempo: TempoMap, film: Film) -> tuple[PlanCue, ...]:
    """The cues of the sections, each from its first bar line to its last (or where the old plan has them beside these)."""
    known = {cue.id: cue for cue in old.cues}
    cues: list[PlanCue] = []
    for name, group in itertools.groupby(sections, key=lambda section: section.cue):
        own = list(group)
        start_s, end_s = float(tempo.bar_seconds[own[0].first_bar - 1]), float(tempo.bar_seconds[own[-1].last_bar])
        reaches_end = own[-1].last_bar == len(tempo.bars) or end_s > film.duration_s
        if name in known:
            start_s, end_s = _beside(known[name].start_s, start_s, edit), _beside(known[name].end_s, end_s, edit)
        start_s = max(start_s, cues[-1].end_s if cues else 0.0)
        cues.append(PlanCue(name, round(start_s, 6), film.duration_s if reaches_end else round(end_s, 6)))
    return tuple(cues)


def _beside(old_s: float, bar_s: float, edit: Edit) -> float:
    """An old moment in the new film if that is beside a bar line, else the bar line."""
    moved = [old_s + k.offset_s for k in edit.kept if k.old_start_s <= old_s <= k.old_end_s]
    return next((time_s for time_s in moved if abs(time_s - bar_s) < _BESIDE_S), round(bar_s, 6))


def _candidates(old: Plan, edit: Edit, film: Film, cues: CueSheet, spans: Sequence[Span]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Candidates, and those wanted as hard hits: old ones whose picture survived, and the new film's in fresh `spans`.

    All of the new film's where the old plan has none.
    """
    half_s = 0.5 * film.frame_s
    new_s = [point.time_s for point in cues.candidates]
    hard_s = [hit.time_s for cue in cues.cues for hit in cue.hits if hit.is_hard]
    if not old.candidates_s:
        return tuple(new_s), tuple(hard_s)

    def carried(before_s: Sequence[float], fresh_s: Sequence[float]) -> tuple[float, ...]:
        kept_s = [moved for time_s in before_s if (moved := edit.moved(time_s, half_s)) is not None and moved > half_s]
        more_s = [t for t in fresh_s if is_fresh(t, spans, half_s) and all(abs(t - k) > half_s for k in kept_s)]
        return tuple(sorted([*kept_s, *more_s]))

    return carried(old.candidates_s, new_s), carried(old.wanted_s, hard_s)


def _reason(reuse: Reuse) -> str:
    kept = sum(change.old_s is not None and not change.why for change in reuse.hits)
    gone = sum(bool(change.why) for change in reuse.hits)
    new = len(reuse.hits) - kept - gone
    bars = f"{round(100 * reuse.note_for_note)} % of {len(reuse.played)} bars are note for note as before"
    return f"{_REASON}{bars}; hits: {kept} kept, {gone} dropped, {new} new"
