"""What is done while notes are held: swells, vibrato, pedal."""

from __future__ import annotations

import pytest

from composer.render.performing.expression import expression
from composer.render.performing.pedal import pedal
from composer.score import Control, Note
from tests.render.stand import chords, desk_for, line, plan_of, score_of


def curve(
    instrument: str, notes: list[Note], number: int, role: str = "melody", *, hard: tuple[float, ...] = (), technique: str = ""
) -> list[Control]:
    score = score_of(instrument, notes, hits=hard, technique=technique)
    return [c for c in expression(notes, desk_for(score, plan_of(score, role, hard=hard))) if c.number == number]


def value(controls: list[Control], beat: float) -> int:
    return [c.value for c in controls if c.beat <= beat + 1e-6][-1]


@pytest.mark.parametrize("instrument", ["violins_1", "oboe", "horns", "choir"])
def test_a_long_note_swells_and_fades(instrument: str) -> None:
    controls = curve(instrument, [Note(0.0, 8.0, 67, 70)], 11)
    assert value(controls, 0.0) < value(controls, 4.5) > value(controls, 7.9)
    peak = max(range(len(controls)), key=lambda k: controls[k].value)
    values = [c.value for c in controls]
    assert values[: peak + 1] == sorted(values[: peak + 1]) and values[peak:] == sorted(values[peak:], reverse=True)


def test_what_leads_to_a_hit_grows_the_brass_most() -> None:
    grown = {}
    for instrument in ("horns", "violins_1"):
        notes = [Note(0.0, 3.85, 60, 70), Note(4.0, 2.0, 62, 90)]
        controls = curve(instrument, notes, 11, "harmony", hard=(4.0,))
        grown[instrument] = value(controls, 3.6) - value(controls, 0.0)
        assert value(controls, 3.95) <= 60 and value(controls, 4.01) >= 102
    assert grown["horns"] > grown["violins_1"] > 0


def test_vibrato_comes_late_and_not_to_clarinets() -> None:
    long = curve("violin", [Note(0.0, 4.0, 67, 70)], 1)
    assert value(long, 0.3) <= 10 < 25 <= value(long, 2.5)
    short = curve("violin", line([67, 69, 71, 72] * 4), 1)
    assert len(short) == 1 and short[0].value <= 10
    assert max(c.value for c in curve("clarinet", [Note(0.0, 4.0, 67, 70)], 1)) == 0
    assert curve("horns", [Note(0.0, 4.0, 60, 70)], 1) == []


def test_pizzicato_has_no_swells() -> None:
    notes = [*line([60, 62, 64, 65, 67, 69, 71], fill=0.9), Note(8.0, 4.0, 72, 70)]
    for number in (1, 11):
        assert len(curve("cellos", notes, number, hard=(8.0,), technique="pizzicato")) == 1
    assert max(c.value for c in curve("violins_1", [Note(0.0, 6.0, 72, 70)], 1, "pad", technique="tremolo")) == 0


def test_curves_are_thin_and_never_far_from_what_is_meant() -> None:
    controls = curve("violins_1", [Note(0.0, 16.0, 67, 70)], 11)
    assert 4 < len(controls) < 25
    assert all(3 <= abs(a.value - b.value) <= 8 for a, b in zip(controls, controls[1:], strict=False))


def test_the_pedal_comes_late_and_is_cleared_by_steps() -> None:
    still = chords(8, (48, 55, 64))
    score = score_of("piano", still)
    downs = [c.beat for c in pedal(still, desk_for(score)) if c.value]
    ups = [c.beat for c in pedal(still, desk_for(score)) if not c.value]
    assert len(downs) == len(ups) == 4  # one a bar
    assert all(0.05 < down % 4 < 0.2 for down in downs) and all(up % 4 == 0 for up in ups)
    steps = line([60, 62, 64, 65, 67, 69, 71, 72])
    walking = pedal(steps, desk_for(score_of("piano", steps)))
    for number, note in enumerate(steps[1:], 1):
        down = [c.value for c in walking if c.beat <= note.start_beat + 1e-6][-1:]
        assert down == [0], number  # no step sounds into the next
    high = line([84, 86, 88, 89, 91, 89, 88, 86])
    assert len([c for c in pedal(high, desk_for(score_of("piano", high))) if c.value]) == 2


def test_dry_music_has_no_pedal() -> None:
    notes = chords(8, (48, 55, 64))
    score = score_of("piano", notes)
    assert pedal(notes, desk_for(score, plan_of(score, "harmony", "furious"))) == []
    assert pedal(notes, desk_for(score, plan_of(score, "harmony", "tender")))
