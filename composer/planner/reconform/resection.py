"""Sections, cues and chords of a re-edited film: what was one stays one, what is torn apart goes on under its name with a letter."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from composer.plan import Form, Hit, Plan, Section
from composer.planner import harmony
from composer.planner.reconform.survival import Gap, NewBar, Source, beside, is_before, section_of
from composer.tempo import Bar, TempoMap
from composer.theory.keys import parse_key
from composer.theory.moods import MOODS

#: a new stretch of film at least this long, and with this many bars of new music, is a section of its own
OWN_SECTION_S, OWN_SECTION_BARS = 6.0, 3
_LETTERS = "bcdefghijklmnopqrstuvwxyz"


def sections_in(gap: Gap, bars: Sequence[Bar], sources: Sequence[Source], start_s: float, number: int, old: Plan) -> list[str | None]:
    """The section of every bar that fills a gap from `start_s` on (gaps count 0, 1 …): that of its notes; bars of new music go on with
    what plays beside them or, when they are many, are a section of their own. Beside a rest they are a rest.
    """
    around = beside(gap, old)
    names: list[str | None] = []
    fresh: list[int] = []
    for i, (bar, source) in enumerate(zip(bars, sources, strict=True)):
        side = around[0 if is_before(gap, start_s + bar.seconds / 2) else 1]
        names.append(side if source.old_bar is None else section_of(source.old_bar, old))
        fresh += [i] if side is not None and not source.pieces else []
        start_s += bar.seconds
    if len(fresh) >= OWN_SECTION_BARS and sum(bars[i].seconds for i in fresh) >= OWN_SECTION_S:
        for i in fresh:
            names[i] = f"new {number}"
    return names


def cues_of(bars: Sequence[NewBar], old: Plan) -> list[str | None]:
    """The cue of every bar, None in rests. What is left of one old cue is one, unless something else came between."""
    by_id = {section.id: section for section in old.sections}
    spans = {cue: cue_bars(old, cue) for cue in dict.fromkeys(section.cue for section in old.sections)}

    def home(i: int, new: NewBar) -> str | None:
        if new.section is not None:
            return (by_id.get(new.section) or _neighbour(bars, i, by_id)).cue
        return next((cue for cue, span in spans.items() if new.source.old_bar in span), None)  # a rest inside a cue

    cues: list[str | None] = []
    used: set[str] = set()
    for cue, group in itertools.groupby(enumerate(bars), key=lambda item: home(*item)):
        inside = [new for _, new in group]
        name = None
        if cue is not None and any(new.section is not None for new in inside):
            name = next(n for n in (cue, *(f"{cue}{letter}" for letter in _LETTERS)) if n not in used and (n == cue or n not in spans))
            used.add(name)
        cues += [name if new.section is not None else None for new in inside]
    return cues


def cue_bars(old: Plan, cue: str) -> range:
    """The bars (from 0) from the first to the last of an old cue."""
    own = [section for section in old.sections if section.cue == cue]
    return range(own[0].first_bar - 1, own[-1].last_bar)


def ended(bars: Sequence[NewBar], old: Plan) -> list[NewBar]:
    """The bars, with the last two of a cue written anew where the picture under its old ending is gone: music that just breaks off is no ending."""
    cues, done = cues_of(bars, old), list(bars)
    old_ends = {cue_bars(old, section.cue)[-1] for section in old.sections}
    for i, last in enumerate(bars):
        is_end = cues[i] is not None and cues[i] != next((cue for cue in cues[i + 1 :] if cue is not None), None)
        if is_end and last.source.old_bar not in (None, *old_ends) and last.section not in old.locked:
            for k in range(max(0, i - 1), i + 1):
                if bars[k].section == last.section:
                    done[k] = replace(bars[k], source=Source(), run=None)
    return done


def resection(bars: Sequence[NewBar], old: Plan, tempo: TempoMap) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    """Bars that follow each other in one section, as sections (still without chords); and the ids of those that are locked."""
    by_id = {section.id: section for section in old.sections}
    cues = cues_of(bars, old)
    sections: list[Section] = []
    locked: list[str] = []
    first = 0
    for name, group in itertools.groupby(bars, key=lambda new: new.section):
        count = len(list(group))
        if name is not None:
            model = by_id.get(name) or _neighbour(bars, first, by_id)
            identity = next(n for n in _names(name, by_id) if n not in {s.id for s in sections})
            span = f"{tempo.bar_seconds[first]:.1f}-{tempo.bar_seconds[first + count]:.1f} s"
            reason = model.reason if name in by_id else f"{span}: new film, planned like {model.id}"
            cue = cues[first] or model.cue
            phrases = model.phrases if count == model.bars else ()
            form: Form = "release" if model.form == "climax" and identity != name else model.form  # there is one climax
            sections.append(
                replace(model, id=identity, cue=cue, first_bar=first + 1, bars=count, chords=(), phrases=phrases, form=form, reason=reason)
            )
            locked += [identity] if name in old.locked else []
        first += count
    return tuple(sections), tuple(locked)


def _neighbour(bars: Sequence[NewBar], first: int, by_id: dict[str, Section]) -> Section:
    """The old section before some bars, else the one after them."""
    around = [*bars[:first][::-1], *bars[first:]]
    return next(by_id[new.section] for new in around if new.section in by_id)


def _names(name: str, by_id: dict[str, Section]) -> Iterator[str]:
    """Names for a section, best first: its own and then with a letter; new ones count N1, N2 …"""
    if name in by_id:
        yield name
        yield from (f"{name}{letter}" for letter in _LETTERS if f"{name}{letter}" not in by_id)
    yield from (n for n in (f"N{k}" for k in itertools.count(1)) if n not in by_id)


def with_chords(sections: Sequence[Section], bars: Sequence[NewBar], old: Plan, hits: Sequence[Hit]) -> tuple[Section, ...]:
    """Every bar's chords: its old ones as far as it keeps its beats, else the section's harmony, closed where the section ends."""
    done = []
    for number, section in enumerate(sections):
        closes = number == len(sections) - 1 or sections[number + 1].cue != section.cue
        inside = bars[section.first_bar - 1 : section.last_bar]
        rng = random.Random(f"reconform/{old.seed}/{section.id}/{section.bars}")
        chords = _filled([_old_chords(new, old) for new in inside], section, rng, is_last=closes)
        for hit in hits:
            place = hit.bar - section.first_bar
            if hit.is_hard and 0 <= place < section.bars - 2 and not inside[place].source.pieces:
                trial = list(chords)
                harmony.change_at(trial, place, hit.beat, inside[place].bar.beats, parse_key(section.key), rng)
                chords[place] = trial[place]  # the bar after it may be an old one
        done.append(replace(section, chords=tuple(chords)))
    return tuple(done)


def _filled(entries: Sequence[str | None], section: Section, rng: random.Random, *, is_last: bool) -> list[str]:
    """Chords for the bars that have none."""
    chords: list[str] = []
    for is_new, group in itertools.groupby(entries, key=lambda entry: entry is None):
        known = list(group)
        if is_new:
            closes = len(chords) + len(known) == len(entries)
            count = len(known) + (0 if closes else 2)  # without the cadence where the section goes on
            line = harmony.section_chords(MOODS[section.mood], parse_key(section.key), count, rng, is_last=closes and is_last)
            chords += line[: len(known)]
        else:
            chords += [entry for entry in known if entry is not None]
    return chords


def _old_chords(new: NewBar, old: Plan) -> str | None:
    """The chords of the old beats that a bar keeps, as an entry of its own length; None where it keeps none."""
    index = new.source.old_bar
    section = old.section_at(index + 1) if index is not None else None
    if index is None or section is None:
        return None
    entry = section.chords[index + 1 - section.first_bar].split()
    beats = old.bars[index].as_bar().beats
    if new.source.is_whole(beats, new.bar.beats) or len(entry) == 1:
        return " ".join(entry)
    steps = max(1, round(new.bar.beats))
    places = [min(beats - 1, max(0.0, _old_beat(new.source, beat, beats))) for beat in range(steps)]
    chords = [entry[int(place / beats * len(entry))] for place in places]
    return " ".join(chords) if len(set(chords)) > 1 else chords[0]


def _old_beat(source: Source, beat: float, old_beats: float) -> float:
    """The beat of the old bar that goes on at a beat of the new one."""
    inside = [old + beat - new for old, new, length in source.pieces if new <= beat < new + length]
    return inside[0] if inside else min(beat, old_beats - 1)
