"""Hits are struck: by all who play there, after a breath, louder than what lies around, each in its own way."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest

from composer.assembly import assemble
from composer.instruments import INSTRUMENTS, expand
from composer.moments import BREATH_S, Moment, moments
from composer.plan import Hit, Mark, Part, Plan, PlanBar, PlanCue, Section
from composer.scene import scenes
from composer.score import Note
from composer.striking import Notes, strike

#: seconds of a beat in the plans of these tests
BEAT_S = 0.5
#: a hard and a soft weight
HARD, SOFT = 0.9, 0.5


def arranged(
    parts: Sequence[str], hits: Sequence[tuple[float, Mark, float]], roles: Mapping[str, str], error_s: float = 0.0, bars: int = 6
) -> Plan:
    """A plan in D minor, 4/4 at 120; hits are (beat from 0, mark, weight); chords go i iv V i …"""
    rows = tuple(PlanBar(n + 1, "4/4", 120.0, 0.0, 0.0, 0.0, 0.0) for n in range(bars))
    chords = tuple(("i", "iv", "V", "i")[n % 4] for n in range(bars))
    played: dict[str, tuple[str, ...]] = {role: (part,) for role, part in roles.items()}
    section = Section("S1", "1m1", 1, bars, "tense", "D minor", "A", "mf", 0.5, chords, played, {}, "")
    marked = tuple(Hit(beat * BEAT_S - error_s, int(beat // 4) + 1, beat % 4 + 1, error_s, weight, mark) for beat, mark, weight in hits)
    length_s = bars * 4 * BEAT_S
    plan = Plan(
        1, 0, "file", "A test", length_s, Fraction(25), "cut", (PlanCue("1m1", 0.0, length_s),),
        tuple(Part(name, name) for name in parts), (section,), marked, rows,
    )  # fmt: skip
    return plan.check()


def at(notes: Sequence[Note], beat: float) -> list[Note]:
    return [note for note in notes if abs(note.start_beat - beat) < 1e-6]


def sounding(notes: Sequence[Note], start: float, end: float) -> list[Note]:
    return [note for note in notes if note.start_beat < end - 1e-6 and note.end_beat > start + 1e-6]


def steady(part: str, beats: float = 24, pitch: int = 62, velocity: int = 60) -> Notes:
    """A note on every beat."""
    return {part: [Note(float(b), 1.0, pitch, velocity) for b in range(int(beats))]}


def test_a_held_note_is_struck_again_after_a_breath() -> None:
    plan = arranged(["cello"], [(2.0, "chord", HARD)], {"melody": "cello"})
    struck = strike(plan, {"cello": [Note(0.0, 8.0, 57, 60)]})["cello"]
    first, *again = sorted(struck, key=lambda n: (n.start_beat, -n.pitch))
    assert first.end_beat == pytest.approx(2.0 - BREATH_S / BEAT_S)
    assert (again[0].start_beat, again[0].pitch, again[0].end_beat) == (2.0, 57, 8.0)  # A belongs to D minor
    assert again[0].velocity > first.velocity + 10


def test_a_held_note_foreign_to_the_chord_moves_to_it() -> None:
    plan = arranged(["flute"], [(2.0, "chord", HARD)], {"melody": "flute"})
    (again,) = at(strike(plan, {"flute": [Note(0.0, 4.0, 76, 60)]})["flute"], 2.0)
    assert again.pitch in (74, 77)  # E goes to D or F


def test_bass_and_harmony_begin_there_and_a_resting_tune_does_not() -> None:
    plan = arranged(["flute", "violas", "tuba"], [(6.0, "chord", HARD)], {"melody": "flute", "harmony": "violas", "bass": "tuba"})
    notes = {"flute": [Note(4.0, 1.0, 74, 60)], "violas": [Note(4.0, 1.5, 62, 50)], "tuba": [Note(4.0, 1.0, 43, 50)]}
    struck = strike(plan, notes)
    assert not at(struck["flute"], 6.0)
    assert {n.pitch % 12 for n in at(struck["violas"], 6.0)} <= {7, 10, 2}  # iv of D minor
    assert [n.pitch for n in at(struck["tuba"], 6.0)] == [43]


def test_a_hit_stands_out_from_what_is_around_it() -> None:
    plan = arranged(["piano"], [(8.0, "chord", HARD)], {"melody": "piano"})
    loud = {"piano": [Note(b / 2, 0.5, 62 + b % 5, 90 + b % 20) for b in range(48)]}
    struck = strike(plan, loud)["piano"]
    hit = min(n.velocity for n in at(struck, 8.0))
    around = [n.velocity for n in struck if 0 < abs(n.start_beat - 8.0) < 4]
    just_before = [n.velocity for n in struck if 0 < 8.0 - n.start_beat < 1.2]
    assert hit >= max(around) + 6
    assert max(just_before) < min(n.velocity for n in struck if n.start_beat > 12)
    assert not sounding(struck, 8.0 - BREATH_S / BEAT_S, 8.0)
    assert len(at(struck, 8.0)) >= 3  # one note would be lost: a chord of the whole hand


def test_dense_hits_each_stand_out() -> None:
    beats = [4.0, 6.0, 7.0, 8.0, 10.0]
    plan = arranged(["piano"], [(beat, "accent", HARD) for beat in beats], {"melody": "piano"})
    struck = strike(plan, {"piano": [Note(b / 4, 0.25, 62 + b % 7, 70) for b in range(96)]})["piano"]
    others = max(n.velocity for n in struck if n.start_beat not in beats and 3 < n.start_beat < 11)
    for beat in beats:
        assert min(n.velocity for n in at(struck, beat)) >= others + 6
        assert not sounding(struck, beat - BREATH_S / BEAT_S, beat)


def test_a_soft_hit_is_struck_by_two_at_most() -> None:
    names = ["flute", "horns", "violas", "cellos"]
    plan = arranged(names, [(2.0, "accent", SOFT)], {"melody": "flute", "counter": "horns", "harmony": "violas", "bass": "cellos"})
    struck = strike(plan, {name: [Note(0.0, 4.0, 57 if name != "flute" else 74, 60)] for name in names})
    assert sorted(name for name in names if at(struck[name], 2.0)) == ["cellos", "violas"]


def test_what_no_beat_reaches_is_left_alone() -> None:
    plan = arranged(["cello"], [(2.0, "chord", HARD)], {"melody": "cello"}, error_s=0.03)
    notes = [Note(0.0, 8.0, 57, 60)]
    assert strike(plan, {"cello": notes})["cello"] == notes


@pytest.mark.parametrize(("error_s", "hard", "soft"), [(0.019, (2.0,), ()), (0.03, (), (2.0,)), (0.1, (), ())])
def test_only_within_half_a_frame_a_hit_has_all_its_weight(error_s: float, hard: tuple[float, ...], soft: tuple[float, ...]) -> None:
    (scene,) = scenes(arranged(["cello"], [(2.0, "chord", HARD)], {"melody": "cello"}, error_s))
    assert (scene.hard, scene.soft) == (hard, soft)


def test_where_nobody_writes_anything_nothing_is_added() -> None:
    plan = arranged(["cello", "timpani"], [(2.0, "chord", HARD)], {"melody": "cello"})
    assert not any(strike(plan, {"cello": [], "timpani": []}).values())


def test_a_stop_is_a_chord_and_then_silence_to_the_end_of_the_bar() -> None:
    plan = arranged(["flute", "cellos"], [(5.0, "stop", HARD)], {"melody": "flute", "bass": "cellos"})
    struck = strike(plan, {**steady("flute", pitch=74), **steady("cellos", pitch=50)})
    for line in struck.values():
        assert at(line, 5.0)
        assert all(n.end_beat < 6.0 for n in sounding(line, 4.9, 8.0))
        assert at(line, 8.0)


@pytest.mark.parametrize(("hit", "other", "free"), [(7.5, None, 8.5), (5.0, 6.0, 6.0), (23.5, None, 24.0)])
def test_the_silence_of_a_stop_lasts_a_beat_but_never_into_the_next_hit_or_past_the_section(
    hit: float, other: float | None, free: float
) -> None:
    more: list[tuple[float, Mark, float]] = [] if other is None else [(other, "chord", HARD)]
    plan = arranged(["cello"], [(hit, "stop", HARD), *more], {"melody": "cello"})
    assert moments(plan)[0].silent_until == free
    struck = strike(plan, {"cello": [Note(b / 2, 0.5, 50, 60) for b in range(48)]})["cello"]
    last = max(n.end_beat for n in struck if n.start_beat < hit + 0.1)
    assert last < free and (free == 24.0 or at(struck, free))


def test_a_stinger_is_stabbed_by_the_low_and_the_brass() -> None:
    names = ["flute", "trombones", "violas", "contrabasses"]
    plan = arranged(
        names, [(8.0, "stinger", HARD)], {"melody": "flute", "counter": "trombones", "harmony": "violas", "bass": "contrabasses"}
    )
    notes = {**steady("flute", pitch=74), **steady("trombones", pitch=53), **steady("violas", pitch=60), **steady("contrabasses", pitch=38)}
    struck = strike(plan, notes)
    assert at(struck["trombones"], 8.0) and at(struck["contrabasses"], 8.0)
    assert not sounding(struck["flute"], 8.0, 9.0) and not sounding(struck["violas"], 8.0, 9.0)
    assert min(n.velocity for n in at(struck["trombones"], 8.0)) > 75


def test_percussion_without_a_role_plays_only_on_its_hits() -> None:
    names = ["timpani", "percussion_kit", "cello"]
    hits: list[tuple[float, Mark, float]] = [(4.0, "chord", HARD), (8.0, "timpani", HARD), (10.0, "chord", HARD), (16.0, "crash", HARD)]
    plan = arranged(names, hits, {"melody": "cello"})
    struck = strike(plan, {"timpani": [], "percussion_kit": [], **steady("cello", pitch=50)})
    assert sorted((n.start_beat, n.pitch) for n in struck["percussion_kit"]) == [(16.0, 36), (16.0, 49)]
    stroke = at(struck["timpani"], 8.0)
    assert [n.pitch % 12 for n in stroke] == [9]  # the root of A major
    assert max(n.start_beat for n in struck["timpani"]) == 8.0
    roll = [n for n in struck["timpani"] if n.start_beat < 8.0]
    assert 3 <= len(roll) <= 7 and min(n.start_beat for n in roll) == 7.0
    assert [n.velocity for n in roll] == sorted(n.velocity for n in roll) and max(n.velocity for n in roll) < stroke[0].velocity - 30
    assert all(at(struck["cello"], beat) for beat, _, _ in hits)


def test_drums_that_play_mark_hits_by_the_bass_drum() -> None:
    plan = arranged(["drums", "cello"], [(6.5, "accent", HARD)], {"percussion": "drums", "melody": "cello"})
    struck = strike(plan, {**steady("drums", pitch=42), **steady("cello", pitch=50)})
    assert [n.pitch for n in at(struck["drums"], 6.5)] == [36]


@pytest.mark.parametrize("name", ["strings", "brass", "woodwinds", "piano", "cello", "harp", "choir", "organ", "guitar", "synth"])
@pytest.mark.parametrize("mark", ["chord", "accent", "stop", "stinger"])
def test_nobody_is_asked_for_what_cannot_be_played(name: str, mark: Mark) -> None:
    cast = expand([name])
    roles: dict[str, str] = dict(zip(("melody", "bass", "harmony", "counter", "pad"), [row.id for row in cast], strict=False))
    plan = arranged([row.id for row in cast], [(b, mark, HARD) for b in (3.0, 6.5, 8.0, 13.0)], roles)
    notes: Notes = {}
    for place, row in enumerate(cast):
        low, high = row.comfortable
        lines = range(row.polyphony)
        notes[row.id] = [
            Note(b * 0.75 + place * 0.25, 0.75, low + (b * 5 + voice * 4) % (high - low), 60) for b in range(30) for voice in lines
        ]
    for track in assemble(plan, notes).tracks:
        low, high = INSTRUMENTS[track.instrument].range
        assert all(low <= note.pitch <= high and note.duration_beats > 0 and 1 <= note.velocity <= 127 for note in track.notes)
        for beat in {note.start_beat for note in track.notes}:
            assert len(at(track.notes, beat)) <= INSTRUMENTS[track.instrument].polyphony
        for _, line in itertools.groupby(sorted(track.notes, key=lambda n: (n.pitch, n.start_beat)), key=lambda n: n.pitch):
            assert all(a.end_beat <= b.start_beat + 1e-6 for a, b in itertools.pairwise(line))


def test_same_notes_same_strokes_and_the_given_ones_are_not_changed() -> None:
    plan = arranged(["piano"], [(8.0, "chord", HARD), (13.0, "stop", HARD)], {"melody": "piano"})
    notes = steady("piano")
    before = list(notes["piano"])
    assert strike(plan, notes) == strike(plan, notes)
    assert notes["piano"] == before


def test_time_grows_with_length_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the film with four times the hits: notes are looked at some four times as often, not sixteen times."""
    looks = 0
    is_on = Moment.is_on

    def counting(moment: Moment, note: Note) -> bool:
        nonlocal looks
        looks += 1
        return is_on(moment, note)

    monkeypatch.setattr(Moment, "is_on", counting)

    def looked(bars: int) -> int:
        nonlocal looks
        looks = 0
        hits: list[tuple[float, Mark, float]] = [(float(4 * bar), "chord", HARD) for bar in range(bars)]
        strike(arranged(["cello"], hits, {"bass": "cello"}, bars=bars), steady("cello", 4 * bars))
        return looks

    assert looked(96) < 5 * looked(24)
