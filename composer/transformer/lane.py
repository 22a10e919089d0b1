"""A plan as the model sees it: for every section the segments to write, with their conditions.

Every part that plays a role becomes a line; a piano that plays tune, chords and bass is three. How dense, how high and how thick a
line is comes from the plan's own numbers read through human practice (`data.practice`, kept in the checkpoint).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.instruments import INSTRUMENTS, Instrument
from composer.plan import Part, Plan
from composer.playable import onsets_per_s
from composer.scene import ROLE_WEIGHT, BarSpan, Scene
from composer.statement import Statement, singing_range, statements
from composer.theory.chords import Chord
from composer.theory.listening import quality_of
from composer.transformer import vocabulary as V
from composer.transformer.transcript import Given, Task, Transcript
from composer.under_speech import SOFTER, is_spoken

Ints = NDArray[np.int64]
#: practice of percussion comes from bands that never stop; beside others than percussion less is more
_RESTRAINT = {"timpani": 0.55, "percussion_kit": 0.65}
#: instruments that the training music does not tell from another, and percussion that stands in it one instrument a line, mostly a triangle
_KNOWN_AS = {"violin_2": "violin", "percussion_kit": "drums"}
#: share of a line's density that is left where somebody speaks all the time
_SPOKEN_SHARE = 0.45
#: who must strike a hard hit; inner lines may follow
STRIKERS = ("melody", "bass", "harmony", "percussion")


@dataclass(frozen=True)
class Voice:
    """One part in one role."""

    part: Part
    role: str

    @property
    def info(self) -> Instrument:
        """The instrument's row."""
        return self.part.info


#: lines a role is written in; who else plays the role doubles the nearest of them, as orchestras do
LINES = {"melody": 1, "bass": 1, "counter": 2, "harmony": 4, "ostinato": 2, "pad": 3, "percussion": 9}


def voices_of(scene: Scene, plan: Plan) -> tuple[list[Voice], dict[str, str]]:
    """Lines of a section in the order they are written (by role, higher instruments first), and follower → leader for all who double."""
    found: list[Voice] = []
    waiting: list[Voice] = []
    for role in V.ROLE_ORDER:
        lines = 0
        for part in [plan.part(p) for p in scene.section.roles.get(role, ()) if p not in scene.section.doubles]:
            voice = Voice(part, _role_of(part.info, role))
            if voice in found or (part.info.polyphony < 3 and any(v.part == part for v in found)):
                continue  # one line at a time: the first role it was given
            if lines < LINES[role]:
                found.append(voice)
                lines += 1
            else:
                waiting.append(voice)
    found.sort(key=lambda v: (V.ROLE_ORDER.index(v.role), -sum(v.info.comfortable)))
    writing = {v.part.id for v in found}
    doubles: dict[str, str] = {}
    for voice in waiting:
        own = [v for v in found if v.role == voice.role and v.part != voice.part]
        if own and voice.part.id not in writing:
            doubles[voice.part.id] = min(own, key=lambda v: abs(sum(v.info.comfortable) - sum(voice.info.comfortable))).part.id
    for follower, leader in scene.section.doubles.items():
        asked, seen = leader, {follower}
        while asked not in writing and asked not in seen:  # whoever is doubled may double somebody itself
            seen.add(asked)
            asked = {**scene.section.doubles, **doubles}.get(asked, asked)
        if asked in writing and follower not in writing:
            doubles[follower] = asked
    return found, doubles


def _role_of(info: Instrument, role: str) -> str:
    """Drums and timpani are percussion whatever they are asked for, as in the training music; bells and xylophones play figures."""
    if is_percussion(info):
        return "percussion"
    return "ostinato" if role == "percussion" else role


def is_percussion(info: Instrument) -> bool:
    """What the training music calls percussion."""
    return info.is_drum or info.id == "timpani"


class Practice:
    """Human practice, read from a checkpoint."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self.tables = tables

    def density(self, role: str, qpm: float, share: float) -> int:
        """Density field at a share (0…1) of practice."""
        band = int(np.digitize(int(V.tempo_field(qpm)), self.tables["tempo_bands"]))
        return round(self._at(self.tables["density"][role][band], share))

    def register(self, info: Instrument, role: str, share: float) -> float:
        """Mean sounding pitch, inside the comfortable range."""
        low, high = info.comfortable
        table = self.tables["register"].get(f"{_KNOWN_AS.get(info.id, info.id)} {role}")
        place = {"melody": 0.62, "counter": 0.5, "harmony": 0.45, "pad": 0.45, "ostinato": 0.5, "bass": 0.28, "percussion": 0.5}[role]
        pitch = self._at(table, share) if table else low + (high - low) * (place + 0.3 * (share - 0.5))
        return float(min(high - 3, max(low + 3, pitch)))

    def voices(self, info: Instrument, role: str, share: float) -> int:
        """Field of notes per onset."""
        table = self.tables["voices"].get(f"{_KNOWN_AS.get(info.id, info.id)} {role}")
        if table:
            return round(self._at(table, share))
        return 1 if info.polyphony < 3 or role in ("melody", "bass", "counter") else 3

    def _at(self, table: list[float], share: float) -> float:
        return float(np.interp(share, self.tables["shares"], table)) if table else 1.0


def hands(voice: Voice) -> int:
    """Notes at one time: chords for who plays chords, else one."""
    if voice.role in ("melody", "counter", "bass") or voice.info.polyphony == 1:
        return 2 if voice.role in ("bass",) and voice.info.family == "piano" else 1
    return min(voice.info.polyphony, 2 if voice.info.family == "strings" and voice.role != "pad" else 4)


def range_of(voice: Voice) -> tuple[int, int]:
    """Sounding pitches a line may use: the comfortable range, chords not below the mud."""
    low, high = voice.info.comfortable
    if voice.info.is_drum:
        return voice.info.range[0], 59  # drums and cymbals; left alone the model rings a triangle for ever
    if is_percussion(voice.info):
        return voice.info.range
    if voice.role in ("melody", "counter") and voice.info.polyphony >= 4 and high >= 79:
        low = max(low, 57)  # above its own accompaniment
    if voice.role in ("harmony", "pad") and voice.info.polyphony >= 4:
        low = max(low, 45)
    if voice.role == "bass":
        high = min(high, max(low + 19, 60))
    return low, high


def density_share(scene: Scene, bar: BarSpan) -> float:
    """How full a bar is among what players are given, 0…1: the section's density, bent by the bar's own arousal, less under speech."""
    share = float(np.clip(0.5 + 1.15 * (scene.section.density - 0.5) + 0.22 * (bar.plan.arousal - scene.arousal), 0.04, 0.97))
    return share * (1 - (1 - _SPOKEN_SHARE) * min(1.0, bar.plan.speech))


def section_task(
    scene: Scene,
    voices: list[Voice],
    owners: Mapping[tuple[str, str], int],
    instruments: list[str],
    practice: Practice,
    shift: int,
    last: Mapping[tuple[str, str], int],
    prompt: Transcript | None,
) -> Task:
    """A section as something to write; `owners` numbers the plan's lines, `last` has the sounding pitch each (part, role) played before."""
    first = scene.bars[0].start
    rows, line, bar_index, start, ticks, struck, closing = [], [], [], [], [], [], []
    given, told = {}, _told(scene, voices)
    beside = not all(is_percussion(voice.info) for voice in voices)
    for index, bar in enumerate(scene.bars):
        fields = _bar_fields(scene, index, len(voices), shift)
        final = scene.is_last and bar is scene.bars[-1]
        length = round(bar.length * V.TICKS_PER_BEAT)
        for number, voice in enumerate(voices):
            rows.append(_row(fields, scene, bar, voice, owners[voice.part.id, voice.role], instruments, practice, shift, beside))
            line.append(number)
            bar_index.append(index)
            start.append(bar.start - first)
            ticks.append(length)
            struck.append(_struck(scene, bar, voice, final, length))
            closing.append(final and not is_percussion(voice.info))
            if number in told and (own := _given(told[number], bar, length, shift)) is not None:
                given[len(rows) - 1] = own
                said = {place for place, _, _ in own.notes}
                struck[-1] = [place for place in struck[-1] if place >= own.free_from or place in said]
                if own.free_from >= np.searchsorted(V.ONSET_TICKS, length):
                    rows[-1][V.FIELD_INDEX["density"]] = int(V.density_field(len(own.notes) / bar.length))
    shifts = [0 if is_percussion(v.info) else shift for v in voices]
    ranges = np.array([[low - s, high - s] for (low, high), s in zip(map(range_of, voices), shifts, strict=True)], dtype=np.int64)
    before = [last.get((v.part.id, v.role), -1) for v in voices]
    return Task(
        name=f"{scene.seed}/{scene.section.id}/notes",
        fields=np.array(rows, dtype=np.int64),
        line=np.array(line, dtype=np.int64),
        bar=np.array(bar_index, dtype=np.int64),
        start=np.array(start),
        ticks=np.array(ticks, dtype=np.int64),
        struck=_rectangle(struck),
        closing=np.array(closing, dtype=bool),
        ranges=np.clip(ranges, 0, 127),
        hands=np.array([hands(v) for v in voices], dtype=np.int64),
        last=np.array([p if p < 0 else int(V.to_relative(p, s)) for p, s in zip(before, shifts, strict=True)], dtype=np.int64),
        owner=np.array([owners[v.part.id, v.role] for v in voices], dtype=np.int64),
        prompt=prompt,
        given=given,
        gaps=np.array([_gap(voice, scene) for voice in voices], dtype=np.int64),
    )


def _told(scene: Scene, voices: list[Voice]) -> dict[int, list[Statement]]:
    """What the line that has the tune is given to say: its number and the statements of the theme, if there are such."""
    number = next((i for i, voice in enumerate(voices) if voice.role == "melody"), None)
    if number is None:
        return {}
    own, singing = range_of(voices[number]), singing_range(voices[number].info, alone=scene.is_alone)
    found = statements(scene, max(own[0], singing[0]), min(own[1], singing[1]))
    return {number: found} if found else {}


def _given(told: list[Statement], bar: BarSpan, length: int, shift: int) -> Given | None:
    """The part of the statements that lies in a bar of `length` ticks; None when none does."""
    inside = [one for one in told if one.start < bar.end - 1e-6 and one.end > bar.start + 1e-6]
    if not inside:
        return None
    notes = {}
    for note in (note for one in inside for note in one.notes if bar.start - 1e-6 <= note.start < bar.end - 1e-6):
        place = int(V.onset_class(round((note.start - bar.start) * V.TICKS_PER_BEAT), length))
        duration = int(np.searchsorted(V.DURATION_TICKS, note.duration * V.TICKS_PER_BEAT * 1.04, side="right")) - 1
        notes[place] = (place, int(V.to_relative(note.pitch, shift)), max(0, duration))
    until = round((inside[-1].end - bar.start) * V.TICKS_PER_BEAT)
    return Given(tuple(notes[place] for place in sorted(notes)), int(np.searchsorted(V.ONSET_TICKS, min(until, length))))


def _playable(density: int, bar: BarSpan, info: Instrument) -> int:
    """A density field, or the highest one that the player keeps up at the bar's tempo."""
    per_beat = (onsets_per_s(info) or float("inf")) * 60 / bar.plan.qpm
    fields = [field for field in range(1, density + 1) if V.onsets_per_beat(field) <= per_beat]
    return fields[-1] if fields else 1


def _gap(voice: Voice, scene: Scene) -> int:
    """Ticks between two onsets of a line at least, at the section's quickest bar."""
    per_s = onsets_per_s(voice.info)
    if per_s is None or voice.info.id == "timpani":  # a roll is no line
        return 0
    return int(np.ceil(max(bar.plan.qpm for bar in scene.bars) / 60 / per_s * V.TICKS_PER_BEAT - 1e-6))


def _struck(scene: Scene, bar: BarSpan, voice: Voice, final: bool, length: int) -> list[int]:
    """Onset classes that this line must strike in a bar: hard hits by those who strike, soft ones by those who move, the last downbeat by all."""
    moments = list(scene.hard) if voice.role in STRIKERS else []
    if voice.role == "ostinato" or (voice.role == "melody" and not scene.hard):
        moments += scene.soft
    places = [round((m - bar.start) * V.TICKS_PER_BEAT) for m in moments if bar.start - 1e-6 <= m < bar.end - 1e-6]
    if final and not is_percussion(voice.info):
        places.append(0)
    return sorted({int(V.onset_class(place, length)) for place in places})


def _rectangle(rows: list[list[int]]) -> Ints:
    """Rows of unequal length side by side, −1 where there is nothing."""
    width = max(1, *(len(row) for row in rows))
    return np.array([row + [-1] * (width - len(row)) for row in rows], dtype=np.int64)


def _bar_fields(scene: Scene, index: int, lines: int, shift: int) -> dict[str, int]:
    bar, bars = scene.bars[index], len(scene.bars)
    upper, lower = (int(x) for x in bar.plan.metre.split("/"))
    fields = {
        "metre": int(V.metre_field(bar.length, lower, upper)),
        "tempo": int(V.tempo_field(bar.plan.qpm)),
        "tonic": (scene.key.tonic - shift) % 12 + 1,
        "mode": 2 if scene.key.is_minor else 1,
        "valence": int(V.valence_field(bar.plan.valence)),
        "arousal": int(V.valence_field(bar.plan.arousal)),
        "tension": int(V.tension_field(bar.plan.tension)),
        "cut_rhythm": int(V.cut_rhythm_field(bar.plan.cut_rhythm)),
        "since": min(index, V.BAR_FIELDS["since"] - 1) + 1,
        "until": min(bars - 1 - index, V.BAR_FIELDS["until"] - 1) + 1,
        "lines": min(lines, V.BAR_FIELDS["lines"]),
    }
    for half, beat in ((1, bar.start), (2, bar.start + bar.length / 2)):
        fields |= {f"{name}_{half}": value for name, value in _chord_fields(scene.chord_at(beat), shift).items()}
    ahead = [h for h in scene.hard if h >= bar.start - 1e-6]
    distance = V.BAR_FIELDS["hit_in"] - 1
    if ahead:
        distance = min(distance, scene.bar_at(ahead[0]).index - bar.index)
        if distance == 0:
            fields["hit_at"] = min(15, int((ahead[0] - bar.start) * 2 + 1e-6)) + 1
    return fields | {"hit_in": distance + 1}


def _chord_fields(chord: Chord, shift: int) -> dict[str, int]:
    return {"root": (chord.root - shift) % 12 + 1, "quality": quality_of(chord) + 1, "bass": (chord.bass - shift) % 12 + 1}


def _row(
    fields: Mapping[str, int],
    scene: Scene,
    bar: BarSpan,
    voice: Voice,
    owner: int,
    instruments: list[str],
    practice: Practice,
    shift: int,
    beside: bool,
) -> list[int]:
    """The fields of a line in a bar; `beside` others than percussion, percussion holds back."""
    share = density_share(scene, bar)
    restraint = _RESTRAINT.get(voice.info.id, 1.0) if beside else 1.0
    quieter = SOFTER if is_spoken(bar.plan) else 0
    high = float(np.clip(0.5 + 0.3 * bar.plan.arousal, 0.1, 0.9))
    register = practice.register(voice.info, voice.role, high)
    known = _KNOWN_AS.get(voice.info.id, voice.info.id)
    own = {
        "instrument": instruments.index(known) + 1 if known in instruments else 0,
        "role": V.ROLE_ORDER.index(voice.role) + 1,
        "density": _playable(practice.density(voice.role, bar.plan.qpm, share * restraint), bar, voice.info),
        # which drums to strike is not a matter of height
        "register": 0 if voice.info.is_drum else int(V.register_field(register - (0 if voice.role == "percussion" else shift))),
        "loudness": int(V.velocity_class(min(124, scene.velocity(bar.start + 1e-3) + 3 + ROLE_WEIGHT[voice.role] - quieter))) + 1,
        "voices": min(practice.voices(INSTRUMENTS[known], voice.role, 0.35 + 0.4 * share), 4 if hands(voice) > 1 else 1),
        "slot": owner % V.LINE_FIELDS["slot"] + 1,
    }
    return [own.get(name, fields.get(name, 0)) for name in V.FIELD_NAMES]
