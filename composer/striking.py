"""Striking: how the notes of all parts mark the hits, whoever wrote them.

A hit is heard when something new begins on it, louder than what lies around it, after a breath. So every hit that the plan reaches is marked:

* section, chord, accent: all who play there attack together. What they hold is let go a breath before and struck again (a note that does not
  belong to the chord moves to the nearest one that does); bass and harmony, or whoever is alone, play a chord note if they would not begin there.
* stop: the same as one short chord, then silence to the end of the bar, a beat at least.
* stinger: the low parts and the brass stab a chord, the others are silent for a beat.
* crash: as a chord, and the cymbal with the bass drum under it. timpani: as a chord, and a stroke on the root, rolled into where there is room.

Soft hits are struck by those who begin there, by two parts at least. Around every hard hit the others stay softer, just before it softer still (subito), so that it stands out.

Conventions
-----------
Beats are film beats. A function takes the notes around a hit and returns new lists; only `strike` puts these into its own copy of the lines, so that
time grows with the length of a film and not with its square. Same plan, same notes, same result.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from composer.instruments import Instrument
from composer.moments import SAME_BEATS, STINGER_S, STOP_S, Moment, moments
from composer.plan import Part, Plan, Section
from composer.scene import ROLE_WEIGHT
from composer.score import Note
from composer.theory.voicing import into_range, nearest_pitch

#: what is around a hit (composer.onset_strength judges over the same span)
AROUND_S = 2.0
#: how much louder than the mean and than the loudest note around it a hard hit is struck, velocity …
_ABOVE_MEAN, _ABOVE_BEST = 14, 6
#: … and a soft one above the mean
_SOFT_ABOVE_MEAN = 12
#: how far below the loudest other hit around it a hard hit may stay
_BELOW_PEERS = 8
#: how much louder still a stinger is stabbed
_STAB = 8
_LOUDEST = 124
#: how much of their velocity notes keep that lie just before a hard hit, and how long "just before" is
_SUBITO, _SUBITO_S = 0.82, 0.7
#: what is left of a note when it is cut must be at least this long, seconds
_SHORTEST_S = 0.09
#: a part that begins this soon after the hit begins on it instead, seconds
_TOO_LATE_S = 0.16
#: an attack sounds at least this long, and one that is added at most so many beats
_ATTACK_S, _ADDED_BEATS = 0.35, 1.5
#: roles that must strike a hard hit even if they would not begin there
_MARKING = ("bass", "harmony", "pad")
#: GM percussion keys
_BASS_DRUM, _CRASH = 36, 49
#: instruments other than brass that stab a stinger
_STABBING = ("tremolo_strings", "cellos", "cello", "contrabasses", "contrabass", "timpani", "synth_bass", "bass_guitar")

Notes = dict[str, list[Note]]


def strike(plan: Plan, notes: Mapping[str, Sequence[Note]]) -> Notes:
    """The notes of every part (by id) with all reached hits marked."""
    struck: Notes = {part.id: sorted(notes[part.id], key=_place) for part in plan.parts}
    found = moments(plan)
    longest = {part_id: max((note.duration_beats for note in line), default=0.0) for part_id, line in struck.items()}
    for moment in found:
        near = {part_id: _near(line, moment, longest[part_id]) for part_id, line in struck.items()}
        lines = {part_id: line[near[part_id]] for part_id, line in struck.items()}
        for part_id, its in _struck(moment, plan, lines, somebody=any(struck.values())).items():
            struck[part_id][near[part_id]] = sorted(its, key=_place)
            longest[part_id] = max(longest[part_id], *(note.duration_beats for note in its), 0.0)
    beats = [moment.beat for moment in found]
    for moment in found:
        for line in struck.values():
            around = _between(line, moment.beat - moment.beats(AROUND_S), moment.beat + moment.beats(AROUND_S))
            line[around] = _standing_out(line[around], moment, beats)
    return struck


def _near(line: Sequence[Note], moment: Moment, longest: float) -> slice:
    """The notes of a line that matter for a hit: what may sound in the bar before it, what it may silence, and an onset more on either side.

    `longest` is the length of the line's longest note, beats.
    """
    bar = moment.scene.bar_at(moment.beat).length
    last = max(moment.beat + 1, moment.silent_until, moment.beat + moment.beats(_TOO_LATE_S))
    near = _between(line, moment.beat - max(1.0, bar, moment.breath) - longest, last)
    first, after = near.start, near.stop
    if first > 0:
        first = bisect.bisect_right(line, line[first - 1].start_beat - SAME_BEATS, key=_start)
    if after < len(line):
        after = bisect.bisect_left(line, line[after].start_beat + SAME_BEATS, key=_start)
    return slice(first, after)


def _between(line: Sequence[Note], first: float, last: float) -> slice:
    """The notes of a line that begin between two beats."""
    return slice(bisect.bisect_left(line, first - SAME_BEATS, key=_start), bisect.bisect_right(line, last + SAME_BEATS, key=_start))


# --- who strikes ------------------------------------------------------------------------------------------------------


def _struck(moment: Moment, plan: Plan, notes: Notes, *, somebody: bool) -> Notes:
    """New notes, among those around a hit, of the parts that it changes; `somebody` plays anywhere."""
    section = moment.scene.section
    there = [part for part in plan.parts if roles_of(part.id, section) and _plays_there(notes[part.id], moment)]
    if not there and somebody:  # nobody here: then whoever leads the section
        named = [p for role in (*_MARKING, "melody", "ostinato", "counter", "percussion") for p in section.roles.get(role, ())]
        there = [plan.part(p) for p in named[:1]]
    if not moment.is_hard:
        there = _softly(there, section, notes, moment)
    striking = _stabbing(there, plan) if moment.mark == "stinger" else there
    alone = sum(not part.info.is_drum for part in striking) == 1
    changed = {
        part.id: _attacked(notes[part.id], moment, part.info, _role(part.id, section), must=alone or _must(part, moment), alone=alone)
        for part in striking
    }
    for part in plan.parts:
        line = changed.get(part.id, notes[part.id])
        if moment.mark in ("stop", "stinger"):
            line = _stopped(line, moment)
            changed[part.id] = line if part in striking else [note for note in line if not moment.is_on(note)]
        elif moment.mark in ("crash", "timpani"):
            changed[part.id] = _with_percussion(line, moment, part.info, 14 if len(striking) > 2 else -4)
    return changed


def _must(part: Part, moment: Moment) -> bool:
    """Whether a part that would not begin on the hit is made to."""
    marks = part.info.is_drum or part.info.id == "timpani" or bool(roles_of(part.id, moment.scene.section) & {*_MARKING})
    return marks or not moment.is_hard or moment.mark in ("stop", "stinger")


def roles_of(part_id: str, section: Section) -> frozenset[str]:
    """What a part plays in a section; who doubles has the roles of its leader."""
    leader = section.doubles.get(part_id, part_id)
    return frozenset(role for role, players in section.roles.items() if part_id in players or leader in players)


def _role(part_id: str, section: Section) -> str:
    roles = roles_of(part_id, section)
    return next((role for role in ROLE_WEIGHT if role in roles), "harmony")


def _plays_there(notes: Sequence[Note], moment: Moment) -> bool:
    """Whether a part sounds within the bar before the hit or the beat after it."""
    bar = moment.scene.bar_at(moment.beat).length
    return any(note.start_beat < moment.beat + 1 and note.end_beat > moment.beat - bar for note in notes)


def _softly(there: Sequence[Part], section: Section, notes: Notes, moment: Moment) -> list[Part]:
    """Who strikes a soft hit: those who begin there anyway; when these are fewer than two, the bass or one of the harmony as well."""
    beginning = [part for part in there if any(moment.is_on(note) for note in notes[part.id])]
    marking = sorted(there, key=lambda part: min((_MARKING.index(r) for r in roles_of(part.id, section) if r in _MARKING), default=9))
    return list(dict.fromkeys((*beginning, *marking)))[: max(2, len(beginning))]


def _stabbing(there: Sequence[Part], plan: Plan) -> list[Part]:
    """Low parts that play there, and all the brass, rested or not; everybody when there are none."""
    return [p for p in plan.parts if p.info.family == "brass" or (p in there and (p.info.id in _STABBING or p.info.is_drum))] or list(there)


# --- one part strikes -------------------------------------------------------------------------------------------------


def _attacked(notes: Sequence[Note], moment: Moment, info: Instrument, role: str, *, must: bool, alone: bool) -> list[Note]:
    """A part that begins on the hit, with a breath before it; one that neither plays nor `must` is left alone."""
    before, held, after = _parted(notes, moment)
    on = [note for note in after if moment.is_on(note)]
    after = [note for note in after if not moment.is_on(note)]
    if held and not info.is_drum:
        room = max(0, info.polyphony - len(on))
        on += [_again(note, moment, info, [n.pitch for n in on]) for note in held[::-1][:room]]
    late = [note for note in after if note.start_beat - moment.beat < moment.beats(_TOO_LATE_S)]
    if not on and late:
        on = [replace(note, start_beat=moment.beat, duration_beats=note.end_beat - moment.beat) for note in late]
        after = [note for note in after if note not in late]
    following = min((note.start_beat for note in after), default=moment.scene.end)
    if not on and must:
        on = _added(before, after, moment, info, role, following)
    if on and moment.is_hard and not info.is_drum and (alone or info.polyphony >= 3 or moment.mark == "stinger"):
        on = _fuller(on, moment, info)
    return [*before, *(_long_enough(note, moment, info, following) for note in _one_each(on)), *after]


def _parted(notes: Iterable[Note], moment: Moment) -> tuple[list[Note], list[Note], list[Note]]:
    """What ends before the hit (a breath early), what sounds across it, and what begins on it or later."""
    edge = moment.beat - moment.breath
    shortest = moment.beats(_SHORTEST_S)
    before, held, after = [], [], []
    for note in notes:
        if note.start_beat >= moment.beat - SAME_BEATS:
            after.append(note)
            continue
        if note.end_beat > moment.beat + shortest:
            held.append(note)
        if note.end_beat <= edge:
            before.append(note)
        elif edge - note.start_beat >= shortest:
            before.append(replace(note, duration_beats=round(edge - note.start_beat, 6)))
    return before, held, after


def _again(note: Note, moment: Moment, info: Instrument, taken: Sequence[int]) -> Note:
    """The rest of a held note, struck on the hit; on the nearest chord note that nobody has when it does not belong to the chord."""
    pitch = note.pitch
    if pitch % 12 not in moment.chord.sounding:
        choices = [nearest_pitch(pc, pitch, *info.range) for pc in moment.chord.pitch_classes]
        pitch = min(choices, key=lambda p: (p in taken, abs(p - note.pitch), p))
    return Note(moment.beat, round(note.end_beat - moment.beat, 6), pitch, note.velocity)


def _added(before: Sequence[Note], after: Sequence[Note], moment: Moment, info: Instrument, role: str, following: float) -> list[Note]:
    """Chord notes near where the part was last, or is next."""
    length = min(_ADDED_BEATS, following - moment.beat)
    velocity = min(124, max(14, round(moment.scene.velocity(moment.beat) + ROLE_WEIGHT[role])))
    if info.is_drum:
        return [Note(moment.beat, round(length, 6), _BASS_DRUM, velocity)]
    last = max((note.start_beat for note in before), default=None)
    near = [note.pitch for note in before if last is not None and note.start_beat > last - SAME_BEATS]
    first = min((note.start_beat for note in after), default=None)
    near = near or [note.pitch for note in after if first is not None and note.start_beat < first + SAME_BEATS]
    near = sorted(near or [sum(info.comfortable) // 2])[: info.polyphony]
    if role == "bass" or info.id == "timpani":
        pitches = {nearest_pitch(moment.chord.bass, near[0], *info.comfortable)}
    else:
        pitches = {
            min((nearest_pitch(pc, p, *info.comfortable) for pc in moment.chord.pitch_classes), key=lambda q: abs(q - p)) for p in near
        }
    return [Note(moment.beat, round(length, 6), into_range(pitch, *info.range), velocity) for pitch in sorted(pitches)]


def _fuller(on: list[Note], moment: Moment, info: Instrument) -> list[Note]:
    """A chord of the whole hand: two notes on two strings, four on a keyboard; downwards from what is there, upwards where there is no room."""
    wanted = min(4, info.polyphony)
    pitches = {note.pitch for note in on}
    top = max(on, key=lambda note: note.pitch)
    low, high = info.comfortable
    tones = [p for p in range(low, high + 1) if p % 12 in moment.chord.pitch_classes and abs(p - top.pitch) <= _span(info)]
    for pitch in sorted(tones, key=lambda p: (p > top.pitch, abs(p - top.pitch))):
        gap = 7 if pitch < 50 else 3  # close chords in the depth are mud
        if len(pitches) < wanted and all(abs(pitch - other) >= gap for other in pitches):
            pitches.add(pitch)
            on = [*on, replace(top, pitch=pitch)]
    return on


def _span(info: Instrument) -> int:
    """How far a player reaches from a note of a chord, semitones: a sixth on two strings, two hands on keys."""
    return 9 if info.polyphony < 3 else 28


def _one_each(on: Iterable[Note]) -> list[Note]:
    """The longest of several notes of one pitch."""
    best: dict[int, Note] = {}
    for note in sorted(on, key=lambda n: n.duration_beats):
        best[note.pitch] = replace(note, start_beat=best[note.pitch].start_beat) if note.pitch in best else note
    return list(best.values())


def _long_enough(note: Note, moment: Moment, info: Instrument, following: float) -> Note:
    """An attack that sounds for a moment, but not into what follows in its part or into the next hit."""
    if info.is_drum:
        return note
    room = min(following, moment.until) - moment.beat
    return replace(note, duration_beats=round(max(note.duration_beats, min(moment.beats(_ATTACK_S), room)), 6))


# --- stops, stingers, percussion --------------------------------------------------------------------------------------


def _stopped(notes: Iterable[Note], moment: Moment) -> list[Note]:
    """What begins on the hit is short, and then nothing sounds for a while."""
    until = moment.silent_until
    short = min(moment.beats(STOP_S if moment.mark == "stop" else STINGER_S), 0.8 * (until - moment.beat))
    kept = []
    for note in notes:
        if moment.is_on(note):
            kept.append(replace(note, duration_beats=round(min(note.duration_beats, short), 6)))
        elif note.start_beat < moment.beat:
            kept.append(replace(note, duration_beats=round(min(note.duration_beats, moment.beat - moment.breath - note.start_beat), 6)))
        elif note.start_beat >= until - SAME_BEATS:
            kept.append(note)
    return [note for note in kept if note.duration_beats > 0]


def _with_percussion(notes: list[Note], moment: Moment, info: Instrument, above: int) -> list[Note]:
    """Cymbal and bass drum on a crash, the kettledrum on a stroke, `above` an accent of the others: only for who plays these."""
    velocity = min(116, max(40, round(moment.scene.velocity(moment.beat)) + above))
    if moment.mark == "crash" and info.is_drum:
        others = [note for note in notes if not moment.is_on(note)]
        return [*others, Note(moment.beat, 2.0, _CRASH, velocity), Note(moment.beat, 1.0, _BASS_DRUM, velocity)]
    if moment.mark == "timpani" and info.id == "timpani":
        low, high = info.comfortable
        root = nearest_pitch(moment.chord.root, (low + high) / 2, low, high)
        first = moment.beat - 1.0
        is_free = not any(note.end_beat > first and note.start_beat < moment.beat - SAME_BEATS for note in notes)
        roll = _roll(root, moment, velocity) if is_free and first >= max(moment.scene.start, moment.since + 1) else []
        return [*(note for note in notes if not moment.is_on(note)), *roll, Note(moment.beat, 1.5, root, velocity)]
    return notes


def _roll(pitch: int, moment: Moment, goal: int) -> list[Note]:
    """Thirty-seconds that grow through the beat before the hit, the last one left out: the breath."""
    step = 0.125 if moment.s_per_beat >= 0.45 else 0.25
    count = round(1 / step)
    return [Note(round(moment.beat - 1 + k * step, 6), step * 0.9, pitch, round(goal * (0.3 + 0.3 * k / count))) for k in range(count - 1)]


# --- standing out -----------------------------------------------------------------------------------------------------


def _standing_out(line: Sequence[Note], moment: Moment, struck: Sequence[float]) -> list[Note]:
    """A part in which the hit rises above what is around it, and what is around it gives way; `struck` are the beats of all moments."""
    on = [note for note in line if moment.is_on(note)]
    if not on:
        return list(line)
    around = moment.beats(AROUND_S)
    others = [n.velocity for n in line if abs(n.start_beat - moment.beat) < around and not _is_at(n, struck)]
    mean = sum(others) / len(others) if others else moment.scene.velocity(moment.beat) - 16
    least = max(mean + _ABOVE_MEAN, max(others, default=0) + _ABOVE_BEST) if moment.is_hard else mean + _SOFT_ABOVE_MEAN
    least += _STAB if moment.mark == "stinger" else 0
    if moment.is_hard:  # a loud hit a second away must not hide this one
        peers = [n.velocity for n in line if abs(n.start_beat - moment.beat) < around and not moment.is_on(n) and _is_at(n, struck)]
        least = max(least, max(peers, default=0) - _BELOW_PEERS)
    loud = min(_LOUDEST, max(round(least), *(note.velocity for note in on)))
    done = []
    for note in line:
        velocity = note.velocity
        if moment.is_on(note):
            velocity = max(velocity, loud)
        elif moment.is_hard and abs(note.start_beat - moment.beat) < around and not _is_at(note, struck):
            velocity = min(velocity, loud - _ABOVE_BEST)
            if 0 < moment.beat - note.start_beat < moment.beats(_SUBITO_S):
                velocity = round(_SUBITO * velocity)
        done.append(replace(note, velocity=max(1, velocity)) if velocity != note.velocity else note)
    return done


def _is_at(note: Note, beats: Sequence[float]) -> bool:
    """Whether a note begins on one of some beats, which are in order."""
    place = bisect.bisect(beats, note.start_beat)
    return any(abs(note.start_beat - beat) < SAME_BEATS for beat in beats[max(0, place - 1) : place + 1])


def _start(note: Note) -> float:
    return note.start_beat


def _place(note: Note) -> tuple[float, int]:
    return note.start_beat, note.pitch
