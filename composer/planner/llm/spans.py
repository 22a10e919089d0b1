"""Where a model's sections begin and end: drawn to the picture's turns, each long enough, all together covering every cue.

A start within four seconds of a turning point is meant to be there. Sections that would be shorter than eight seconds go into the one
before; one longer than a minute is divided where the rules would begin a section, and all parts do what was told for the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from composer.cues import Cue, CueSheet
from composer.planner.llm.reply import SectionReply
from composer.planner.llm.text import one_line
from composer.planner.llm.turns import Turn
from composer.planner.outline import Outline

#: a section starts at a turning point this near; it is no shorter, and no longer, than this; seconds
SNAP_S, SHORTEST_S, LONGEST_S = 4.0, 8.0, 60.0
#: no answer has more sections
MAX_SECTIONS = 60
#: a start this little beside the cue's is the cue's, seconds
_SAME_S = 0.5
#: so many notes are told, each so long (characters), of so many sections by number
_MAX_NOTES, _LONGEST_NOTE, _MAX_NUMBERS = 20, 200, 8


@dataclass
class Findings:
    """What was wrong with an answer."""

    #: cannot be used: sent back to the model
    faults: list[str] = field(default_factory=list)
    #: was put right: told to the person
    notes: list[str] = field(default_factory=list)

    def told(self, sections: Sequence[tuple[int, Sequence[str]]]) -> tuple[str, ...]:
        """Notes for a person, few and short: the general ones, then those of `sections` (number, notes), alike ones in one line."""
        alike: dict[str, list[int]] = {}
        for number, notes in sections:
            for note in notes:
                alike.setdefault(note, []).append(number)
        lines = [one_line(note, _LONGEST_NOTE) for note in dict.fromkeys(self.notes)]
        lines += [one_line(f"sections[{_some(numbers)}]: {note}", _LONGEST_NOTE) for note, numbers in alike.items()]
        rest = len(lines) - _MAX_NOTES
        return (*lines[: _MAX_NOTES - 1], f"and {rest + 1} more things were put right") if rest > 0 else tuple(lines)


def _some(numbers: Sequence[int]) -> str:
    """Numbers in a row; of many only the first."""
    told = ", ".join(map(str, numbers[:_MAX_NUMBERS]))
    return f"{told} and {len(numbers) - _MAX_NUMBERS} more" if len(numbers) > _MAX_NUMBERS else told


@dataclass(frozen=True)
class Span:
    """A stretch of a cue, and which of the model's sections is for it."""

    cue: str
    start_s: float
    end_s: float
    section: int


def spans(sections: Sequence[SectionReply], turns: Sequence[Turn], cues: CueSheet, base: Outline, found: Findings) -> list[Span]:
    """The spans of all cues, in order and without gaps; empty where faults leave nothing to place."""
    if not sections:
        found.faults.append("sections: at least one is needed")
    if len(sections) > MAX_SECTIONS:
        found.faults.append(f"sections: {len(sections)} are too many; write at most {MAX_SECTIONS}, of {SHORTEST_S:g} seconds and more")
        return []
    starts = [_start_s(i, section, turns, cues, found) for i, section in enumerate(sections)]
    if found.faults or not sections:
        return []
    by_cue: dict[str, list[tuple[float, int]]] = {cue.id: [] for cue in cues.cues}
    for start_s, i in sorted((start_s, i) for i, start_s in enumerate(starts)):
        cue = next((cue for cue in cues.cues if start_s < cue.end_s), None)
        if cue is None or start_s < cue.start_s:
            found.notes.append(f"a section at {start_s:.1f} s would begin where no music is wanted")
        if cue is not None:
            by_cue[cue.id].append((max(start_s, cue.start_s), i))
    placed: list[Span] = []
    for cue in cues.cues:
        last = placed[-1].section if placed else min(range(len(starts)), key=lambda i: starts[i])
        placed += _in_cue(cue, by_cue[cue.id], last, len(sections), base, found)
    return placed


def _start_s(i: int, section: SectionReply, turns: Sequence[Turn], cues: CueSheet, found: Findings) -> float:
    """When a section begins, seconds."""
    first_s, last_s = cues.cues[0].start_s, cues.cues[-1].end_s
    if section.turn is not None:
        if 0 <= section.turn < len(turns):
            return turns[section.turn].time_s
        found.faults.append(f"sections[{i}].turn: there is no turning point {section.turn}; they go from 0 to {len(turns) - 1}")
    elif section.start_s is not None:
        if -_SAME_S <= section.start_s < last_s:
            near = min(turns, key=lambda turn: abs(turn.time_s - section.start_s), default=None)  # type: ignore[operator]
            return near.time_s if near is not None and abs(near.time_s - section.start_s) <= SNAP_S else section.start_s
        found.faults.append(f"sections[{i}].start_s: {section.start_s:g} s is not in the music, which ends at {last_s:g} s")
    elif i:
        found.faults.append(f"sections[{i}]: needs the number of its turning point (turn)")
    return first_s


def _in_cue(cue: Cue, starts: list[tuple[float, int]], last: int, told: int, base: Outline, found: Findings) -> list[Span]:
    """The spans of one cue."""
    if not starts:
        found.notes.append(f"no section was told for {cue.id} from {cue.start_s:.1f} s on: the one before goes on")
        starts = [(cue.start_s, last)]
    if starts[0][0] > cue.start_s + _SAME_S:
        found.notes.append(
            f"the sections of {cue.id} began at {starts[0][0]:.1f} s only: the first one was stretched to {cue.start_s:.1f} s"
        )
    kept = [(cue.start_s, starts[0][1])]
    for start_s, i in starts[1:]:
        if start_s - kept[-1][0] >= SHORTEST_S and cue.end_s - start_s >= SHORTEST_S:
            kept.append((start_s, i))
    if len(kept) < len(starts):
        merged = len(starts) - len(kept)
        found.notes.append(f"of {told} sections {merged} would be shorter than {SHORTEST_S:g} s: they went into the ones before")
    ends = [start_s for start_s, _ in kept[1:]] + [cue.end_s]
    whole = [Span(cue.id, start_s, end_s, i) for (start_s, i), end_s in zip(kept, ends, strict=True)]
    return [part for span in whole for part in _divided(span, base, found)]


def _divided(span: Span, base: Outline, found: Findings) -> list[Span]:
    """A very long span in parts, where the rules would begin a section."""
    if span.end_s - span.start_s <= LONGEST_S:
        return [span]
    edges = [span.start_s]
    for section in base.sections:
        if section.cue == span.cue and section.start_s - edges[-1] >= SHORTEST_S and span.end_s - section.start_s >= SHORTEST_S:
            edges.append(section.start_s)
    if len(edges) > 1:
        found.notes.append(
            f"the section from {span.start_s:.1f} to {span.end_s:.1f} s is very long: it became {len(edges)}, all of one kind"
        )
    return [Span(span.cue, a, b, span.section) for a, b in itertools.pairwise([*edges, span.end_s])]
