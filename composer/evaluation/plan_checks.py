"""What every plan must keep, counted: it covers its cues, its tempo is what was asked, its form follows the film, and nobody plays uninvited.

Conventions
-----------
Counts are `Counter`s that add up over films: a name for what is counted, the same with what holds. Times are compared within half a frame of
the film. In a steady tempo nothing bends: a cue may begin a beat off. A cue is *covered* when its sections follow each other from its start to its end or less than a bar beyond;
it *ends on time* when the last bar line stands within half a frame of its end, which an asked tempo does not always allow. Two sections are neighbours when they touch in one cue. Feelings
of a section are means over the seconds of film under it; the peak of a cue is where arousal is highest in the mean of 5 s.
Keys are related by tonic and gender (a mode with a minor third counts as minor): see `key_relation`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np

from composer.cues import HIT_FRAMES
from composer.film import Film
from composer.instruments import expand
from composer.options import Options
from composer.plan import DYNAMICS, Plan, PlanCue, Section
from composer.theory.chords import Chord, bar_chords
from composer.theory.keys import Key, parse_key
from composer.theory.passage import Floats

Counts = Counter[str]
#: lengths a section may have, seconds, unless its cue is shorter
SHORTEST_S, LONGEST_S = 8.0, 40.0
#: how near the mean tempo has to be to the asked one (interface: 2 %)
TEMPO_SHARE = 0.02
#: how far tempo may step between sections before it is told
STEPS = (0.10, 0.25)
#: in what order `key_relation` is told
RELATIONS = ("same", "relative", "fifth", "parallel", "near", "mediant", "other")
_HAIR = 1e-6
_PEAK_S = 5


def key_relation(one: Key, other: Key) -> str:
    """How two keys are related: "same" (tonic and gender), "relative", "fifth" (same gender), "parallel" (same tonic), "near" (signatures a
    sharp apart, other gender), "mediant" (tonics a third apart) or "other".
    """
    step, same_gender = (other.tonic - one.tonic) % 12, one.is_minor == other.is_minor
    if step == 0:
        return "same" if same_gender else "parallel"
    if not same_gender and step == (3 if one.is_minor else 9):
        return "relative"
    if same_gender and step in (5, 7):
        return "fifth"
    if not same_gender and step in ((10, 8) if one.is_minor else (2, 4)):
        return "near"  # of C major: D minor and E minor
    return "mediant" if step in (3, 4, 8, 9) else "other"


def span_s(plan: Plan, section: Section) -> tuple[float, float]:
    """Where a section begins and ends, seconds."""
    edges = plan.tempo.bar_seconds
    return float(edges[section.first_bar - 1]), float(edges[section.last_bar])


def neighbours(plan: Plan) -> Iterator[tuple[Section, Section]]:
    """Sections that touch in one cue."""
    return ((a, b) for a, b in itertools.pairwise(plan.sections) if a.cue == b.cue and b.first_bar == a.last_bar + 1)


def count_plan(plan: Plan, film: Film, options: Options) -> Counts:
    """Everything this module counts of one plan."""
    return (
        _coverage(plan, film, options)
        + _lengths(plan)
        + _tempo(plan, options)
        + _form(plan, film)
        + _harmony(plan)
        + _hits(plan, film)
        + _keys(plan)
        + _dynamics(plan)
        + _players(plan, options)
    )


# --- time -------------------------------------------------------------------------------------------------------------


def _coverage(plan: Plan, film: Film, options: Options) -> Counts:
    """Cues whose sections run from their first moment to their last, and how many of these end just there."""
    found = Counts(films=1, cues=len(plan.cues), sections=len(plan.sections))
    half = HIT_FRAMES * film.frame_s + _HAIR
    asked = "steady" if options.steady else "in an asked tempo" if options.tempo_qpm is not None else "in a free tempo"
    for cue in plan.cues:
        mine = [s for s in plan.sections if s.cue == cue.id]
        whole = bool(mine) and all(b.first_bar == a.last_bar + 1 for a, b in itertools.pairwise(mine))
        start_s, end_s = (span_s(plan, mine[0])[0], span_s(plan, mine[-1])[1]) if mine else (0.0, 0.0)
        late_s = 60.0 / plan.bars[0].qpm if options.steady else half
        starts = whole and abs(start_s - cue.start_s) <= late_s
        ends = whole and end_s >= cue.end_s - half and float(plan.tempo.bar_seconds[mine[-1].last_bar - 1]) < cue.end_s
        found.update({"cues without a gap": whole, "cues covered": starts and ends, f"cues {asked}": 1})
        found.update({f"cues {asked} that end on time": ends and end_s <= cue.end_s + half})
    found["films covered"] = int(found["cues covered"] == found["cues"])
    return found


def _lengths(plan: Plan) -> Counts:
    found = Counts()
    for section in plan.sections:
        start_s, end_s = span_s(plan, section)
        alone = sum(s.cue == section.cue for s in plan.sections) == 1
        fits = SHORTEST_S - 0.05 <= end_s - start_s <= LONGEST_S + 0.05
        found.update(
            {
                "sections of several": not alone,
                "of 8 to 40 s": fits and not alone,
                "under 8 s": end_s - start_s < SHORTEST_S - 0.05 and not alone,
            }
        )
        found.update({"over 40 s": end_s - start_s > LONGEST_S + 0.05})
    return found


def tempo_steps(plan: Plan) -> list[float]:
    """How much faster or slower each section begins than the one before ended, as a share (0.1 = 10 %, up or down)."""
    pairs = ((plan.bars[a.last_bar - 1].qpm, plan.bars[b.first_bar - 1].qpm) for a, b in neighbours(plan))
    return [max(one, other) / min(one, other) - 1 for one, other in pairs]


def _tempo(plan: Plan, options: Options) -> Counts:
    steps, tempi = tempo_steps(plan), [bar.qpm for bar in plan.bars]
    found = Counts({"turns": len(steps), **{f"tempo turns > {100 * most:.0f} %": sum(s > most + _HAIR for s in steps) for most in STEPS}})
    if options.steady:
        exact = max(tempi) - min(tempi) < _HAIR and (options.tempo_qpm is None or abs(tempi[0] - options.tempo_qpm) < _HAIR)
        found.update({"steady asked": 1, "steady kept": exact})
    elif options.tempo_qpm is not None:
        near = abs(plan.tempo.mean_qpm / options.tempo_qpm - 1) <= TEMPO_SHARE + _HAIR
        found.update({"tempo asked": 1, "tempo kept": near})
    return found


# --- form -------------------------------------------------------------------------------------------------------------


def felt(film: Film, start_s: float, end_s: float) -> tuple[float, float]:
    """Mean valence and arousal of a span of film."""
    rows = slice(int(start_s), max(int(start_s) + 1, int(np.ceil(end_s))))
    valence, arousal = film.affect.valence[rows], film.affect.arousal[rows]
    return (float(np.mean(valence)), float(np.mean(arousal))) if valence else (0.0, 0.0)


def peak_s(film: Film, cue: PlanCue) -> float:
    """The middle of the most aroused 5 s of a cue, seconds."""
    first, last = int(cue.start_s), min(len(film.affect.arousal), int(np.ceil(cue.end_s)))
    arousal: Floats = np.asarray(film.affect.arousal[first:last])
    wide = min(_PEAK_S, len(arousal))
    return first + float(np.argmax(np.convolve(arousal, np.ones(wide) / wide, "valid"))) + wide / 2 if wide else cue.start_s


def _form(plan: Plan, film: Film) -> Counts:
    found = Counts(f"form {section.form}" for section in plan.sections)
    for cue in plan.cues:
        mine = [s for s in plan.sections if s.cue == cue.id]
        if len(mine) < 3:
            continue
        spans = {s.id: span_s(plan, s) for s in mine}
        peak, most = peak_s(film, cue), max(mine, key=lambda s: felt(film, *spans[s.id])[1])
        tops = [s for s in mine if s.form == "climax"]
        loudest = max(DYNAMICS.index(s.dynamics) for s in mine)
        found.update({"cues of 3 sections": 1, "with one climax": len(tops) == 1})
        found.update({"climax holds the peak": any(spans[s.id][0] <= peak < spans[s.id][1] for s in tops)})
        found.update(
            {
                "climax most aroused": any(s is most for s in tops),
                "climax loudest": any(DYNAMICS.index(s.dynamics) == loudest for s in tops),
            }
        )
        at_peak = any(s is most or spans[s.id][0] <= peak < spans[s.id][1] for s in tops)
        found.update({"climax at either": at_peak})
    return found


# --- music ------------------------------------------------------------------------------------------------------------


def _harmony(plan: Plan) -> Counts:
    found = Counts()
    for section in plan.sections:
        named = [bar.split(", ") for bar in section.functions]
        asked = [bar.split() for bar in section.chords]
        full = len(named) == len(asked) and all(len(a) == len(b) and all(a) for a, b in zip(named, asked, strict=True))
        found["chords"] += sum(map(len, asked))
        found["chords with a function"] += sum(map(len, asked)) if full else 0
        found.update(word for bar in named for word in (f"function {name}" for name in bar if name))
        found.update({"phrases": len(section.phrases), "phrases of 4 or 8": sum(p in (4, 8) for p in section.phrases)})
        found.update({"cadences": sum(map(bool, section.cadences))})
        found.update(f"cadence {name}" for name in section.cadences if name)
    return found


def _chord_at(section: Section, plan: Plan, bar: int, beat: float) -> Chord | None:
    """The chord that sounds in a bar of a section (number from 1) at a beat (from 1); before beat 1 the last of the bar before."""
    if beat < 1.0:
        bar, beat = bar - 1, np.inf
    if not section.first_bar <= bar <= section.last_bar:
        return None
    chords = bar_chords(section.chords[bar - section.first_bar], parse_key(section.key))
    place = int(min(beat - 1 + 1e-3, 1e6) / plan.bars[bar - 1].as_bar().beats * len(chords))
    return chords[min(len(chords) - 1, place)]


def _hits(plan: Plan, film: Film) -> Counts:
    """Hard hits that are met, and those with a new chord on them."""
    found = Counts()
    for hit in plan.hits:
        section = plan.section_at(hit.bar)
        if not hit.is_hard or section is None or abs(hit.frames_off(film.frame_rate)) > HIT_FRAMES + _HAIR:
            continue
        before = section if (hit.bar, hit.beat) > (section.first_bar, 1.0 + 1e-3) else plan.section_at(hit.bar - 1)
        if before is None:
            continue  # music begins here
        new, old = _chord_at(section, plan, hit.bar, hit.beat), _chord_at(before, plan, hit.bar, hit.beat - 0.01)
        changes = new is not None and old is not None and (new.root, new.intervals, new.bass) != (old.root, old.intervals, old.bass)
        found.update({"hard hits": 1, "hard hits with a new chord": changes})
    return found


def _keys(plan: Plan) -> Counts:
    found = Counts()
    for one, other in neighbours(plan):
        found[f"key {key_relation(parse_key(one.key), parse_key(other.key))}"] += 1
        if one.key != other.key:
            found.update({"key changes": 1, f"modulation {other.modulation or 'unnamed'}": 1})
    return found


def _dynamics(plan: Plan) -> Counts:
    marks = [DYNAMICS.index(s.dynamics) for s in plan.sections]
    marks += [DYNAMICS.index(mark) for hairpin in plan.hairpins for mark in (hairpin.start, hairpin.end)]
    found = Counts(
        {f"steps of dynamics {max(marks) - min(marks)}": 1, "hairpins": len(plan.hairpins), "films with a hairpin": bool(plan.hairpins)}
    )
    found.update(f"dynamics {section.dynamics}" for section in plan.sections)
    hard = {(hit.bar, hit.beat) for hit in plan.hits if hit.is_hard}
    begins = {section.first_bar for section in plan.sections}
    lands = [(h.to_bar, h.to_beat) in hard or (h.to_beat == 1.0 and h.to_bar in begins) for h in plan.hairpins]
    found["hairpins into a hard hit or section"] = sum(lands)
    return found


def _players(plan: Plan, options: Options) -> Counts:
    parts, asked = [part.instrument for part in plan.parts], [row.id for row in expand(options.instruments)]
    used = {part for s in plan.sections for part in (*itertools.chain(*s.roles.values()), *s.doubles)}
    found = Counts({"silent sections": sum(not any(s.roles.values()) for s in plan.sections), "parts": len(parts)})
    found["parts with a role"] = len(used & {part.id for part in plan.parts})
    if asked:
        found.update(
            {"ensemble asked": 1, "only asked parts": not set(parts) - set(asked), "parts as asked": sorted(parts) == sorted(asked)}
        )
    return found
