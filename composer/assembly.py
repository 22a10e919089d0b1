"""From the notes of every part to a `Score`: what all generators end with.

One sounding note a pitch, nothing faster than players are or busy under speech, no bar that returns unchanged for ever, hits that stand
out, nothing past the film, and what a DAW shows: markers for sections and hits, key signatures.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from composer.instruments import Instrument
from composer.plan import Hit, Part, Plan
from composer.playable import playable
from composer.scene import REACH_FRAMES, Draft
from composer.score import KeyChange, Marker, Note, Score, TechniqueChange, Track
from composer.striking import strike
from composer.tempo import TempoMap
from composer.theory.voicing import into_range
from composer.timecode import timecode
from composer.under_speech import under_speech

#: a bar may return unchanged this often
MAX_IDENTICAL_BARS = 4
#: a ringing end lets go so long before the end, seconds: the hall needs it
RING_S = 0.9


def assemble(plan: Plan, notes: Mapping[str, list[Note]]) -> Score:
    """The score of a plan from the notes of its parts (by id, in any order)."""
    tempo = plan.tempo
    single = {part.id: without_overlaps(notes[part.id]) for part in plan.parts}
    clear = under_speech(plan, playable(plan, single))
    tidy = {part.id: without_overlaps(_vary_repeats(clear[part.id], tempo, part.info)) for part in plan.parts}
    struck = strike(plan, tidy)
    return Score(
        title=plan.title,
        tempo=tempo,
        end_s=plan.duration_s,
        frame_rate=plan.frame_rate,
        seed=plan.seed,
        tracks=tuple(_track(plan, part, struck[part.id], tempo) for part in plan.parts),
        markers=_markers(plan, tempo),
        keys=_key_changes(plan, tempo),
        start_tc=plan.start_tc,
    )


def moved(notes: Sequence[Draft], info: Instrument, *, seat: float | None = None) -> list[Draft]:
    """A line as another player reads it: moved whole by octaves, single notes folded into the range.

    A leader keeps its octave as nearly as it can; who doubles takes the one nearest to its own `seat` (0 low … 1 high in its range).
    """
    if not notes:
        return []
    low, high = info.comfortable
    middle = sorted(d.pitch for d in notes)[len(notes) // 2]
    shifts = [12 * k for k in range(-4, 5)]

    def misfit(shift: int) -> tuple[float, float]:
        outside = sum(1 for d in notes if not low <= d.pitch + shift <= high)
        wanted = middle if seat is None else low + seat * (high - low)
        return outside, abs(middle + shift - wanted)

    shift = min(shifts, key=misfit)
    return [Draft(d.start, d.duration, into_range(d.pitch + shift, *info.range), d.stress) for d in notes]


def _track(plan: Plan, part: Part, notes: list[Note], tempo: TempoMap) -> Track:
    info = part.info
    changes: list[TechniqueChange] = []
    for section in plan.sections:
        technique = section.techniques.get(part.id, "ordinary")
        if technique != (changes[-1].technique if changes else "ordinary"):
            changes.append(TechniqueChange(tempo.beat_of(section.first_bar), technique))
    closed = tuple(_closed(without_overlaps(notes), plan, tempo))
    return Track(part.id, info.name, info.id, closed, techniques=tuple(changes))


def without_overlaps(notes: list[Note]) -> list[Note]:
    """One sounding note a pitch: the earlier gives way, the louder of two that begin together stays."""
    by_pitch: dict[int, list[Note]] = {}
    for note in sorted(notes, key=lambda n: (n.start_beat, -n.velocity, -n.duration_beats)):
        line = by_pitch.setdefault(note.pitch, [])
        if line and note.start_beat - line[-1].start_beat < 0.02:
            continue
        if line and line[-1].end_beat > note.start_beat:
            line[-1] = Note(line[-1].start_beat, round(note.start_beat - line[-1].start_beat, 6), note.pitch, line[-1].velocity)
        line.append(note)
    return sorted(itertools.chain(*by_pitch.values()), key=lambda n: (n.start_beat, n.pitch))


def _vary_repeats(notes: list[Note], tempo: TempoMap, info: Instrument) -> list[Note]:
    """No bar returns unchanged more than four times running: the fifth leaves out its last weak note or moves it."""
    edges = tempo.bar_beats
    bars: list[list[Note]] = [[] for _ in tempo.bars]
    for note in notes:
        bars[tempo.bar_at_beat(note.start_beat)].append(note)
    run, before = 0, None
    for i, bar in enumerate(bars):
        shape = [(round(n.start_beat - edges[i], 4), round(n.duration_beats, 3), n.pitch) for n in bar]
        run = run + 1 if shape and shape == before else 1
        before = shape
        if run > MAX_IDENTICAL_BARS:
            bars[i] = _varied(bar, info)
            run, before = 1, None
    return [note for bar in bars for note in bar]


def _varied(bar: list[Note], info: Instrument) -> list[Note]:
    last = bar[-1]
    if len(bar) > 2:
        return bar[:-1]
    if info.is_drum or last.duration_beats >= 2:
        half = last.duration_beats / 2
        again = Note(last.start_beat + half, half, last.pitch, max(14, last.velocity - 8))
        return [*bar[:-1], Note(last.start_beat, half * 0.95, last.pitch, last.velocity), again]
    octave = last.pitch + 12 if last.pitch + 12 <= info.range[1] else last.pitch - 12
    if octave < info.range[0]:
        return bar[:-1]
    return [*bar[:-1], Note(last.start_beat, last.duration_beats, octave, last.velocity)]


def _closed(notes: list[Note], plan: Plan, tempo: TempoMap) -> list[Note]:
    """Nothing sounds past its cue. A ringing end lets go early enough for the hall to answer; a fade holds on."""
    kept = []
    for start_s, end_s in cue_spans(plan):
        first = tempo.s_to_beat(start_s) if start_s > 0 else 0.0
        end_beat = min(tempo.total_beats, tempo.s_to_beat(end_s))
        release = min(end_beat, tempo.s_to_beat(max(0.0, end_s - (RING_S if plan.ending == "ring" else 0.0))))
        for note in notes:
            if not first - 0.02 <= note.start_beat < end_beat - 0.02:
                continue
            until = release if note.start_beat < release - 0.25 else end_beat
            kept.append(Note(note.start_beat, round(min(note.duration_beats, until - note.start_beat), 6), note.pitch, note.velocity))
    return kept


def cue_spans(plan: Plan) -> list[tuple[float, float]]:
    """(start, end) of every cue that sections belong to, seconds; the last one ends with the film at the latest."""
    used = {section.cue for section in plan.sections}
    return [(cue.start_s, min(cue.end_s, plan.duration_s)) for cue in plan.cues if cue.id in used]


# --- what a DAW shows -------------------------------------------------------------------------------------------------


def _markers(plan: Plan, tempo: TempoMap) -> tuple[Marker, ...]:
    sections = [Marker(tempo.beat_of(s.first_bar), "section", f"{s.id} {s.mood} {s.key}") for s in plan.sections]
    hits = [
        Marker(_marked_beat(h, plan, tempo), "hit", f"HIT {number:02d} {timecode(h.time_s, plan.frame_rate, plan.start_tc)}")
        for number, h in enumerate(plan.hits, 1)
    ]
    return tuple(sorted(sections + hits, key=lambda m: (m.beat, m.kind != "section")))


def _marked_beat(hit: Hit, plan: Plan, tempo: TempoMap) -> float:
    """A reached hit stands on its beat; one that no beat reaches stands where the picture is."""
    reached = abs(hit.frames_off(plan.frame_rate)) <= REACH_FRAMES
    return tempo.beat_of(hit.bar, hit.beat) if reached else tempo.s_to_beat(hit.time_s)


def _key_changes(plan: Plan, tempo: TempoMap) -> tuple[KeyChange, ...]:
    changes: list[KeyChange] = []
    for section in plan.sections:
        if not changes or changes[-1].key != section.key:
            changes.append(KeyChange(tempo.beat_of(section.first_bar), section.key))
    return tuple(changes)
