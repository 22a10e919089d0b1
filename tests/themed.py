"""Plans with a motif for every theme, whoever planned them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from composer.plan import Plan, Theme
from composer.scene import Scene
from composer.score import Note
from composer.theory.keys import MODES
from composer.theory.motif import Variation

#: two bars of 4/4: a skip, a run, a long note
MOTIF = "1:1 0.5:2 0.5:3 2:5 1:6 1:5 2:3"


def themed(plan: Plan, motif: str = MOTIF, *, variations: Sequence[Variation] = ("plain",), harmony: str = "") -> Plan:
    """The plan with one theme in all its sections, its motif varied in turn; with `harmony` every bar has this chord."""
    sections = tuple(
        replace(s, theme="A", variation=variations[i % len(variations)], chords=(harmony,) * s.bars if harmony else s.chords)
        for i, s in enumerate(plan.sections)
    )
    return replace(plan, sections=sections, themes=(Theme("A", None, plan.parts[0].id, motif),)).check()


def asked_of(scene: Scene) -> list[tuple[float, int]]:
    """(beat, pitch class) of the motif at the section's first statement, as far as its phrase (and the closing bar) leaves room."""
    assert scene.motif is not None
    phrase = scene.phrases()[0]
    end = scene.bars[-1].start if scene.is_last and phrase[-1] is scene.bars[-1] else phrase[-1].end
    found = []
    for note in scene.motif.notes:
        octave, step = divmod(note.degree - 1, 7)
        found.append((phrase[0].start + note.onset_beats, (scene.key.tonic + 12 * octave + MODES[scene.key.mode][step]) % 12))
    return [(beat, pc) for beat, pc in found if beat < end - 0.25]


def heard_at(notes: Sequence[Note], beat: float) -> set[int]:
    """Pitch classes that begin at a beat."""
    return {note.pitch % 12 for note in notes if abs(note.start_beat - beat) < 0.02}
