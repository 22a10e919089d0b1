"""A theme's motif is what the tune says: at its first statement, where it returns, and varied as the plan asks; by any generator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from composer.baselines import chords
from composer.baselines.melody import melody, rest_share
from composer.instruments import INSTRUMENTS
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.scene import Scene, scenes
from composer.score import Note, Score
from composer.statement import singing_range, statements
from composer.theory.motif import VARIATIONS, Variation
from composer.transformer import compose as model
from tests.filmmaker import film_of
from tests.themed import MOTIF, asked_of, heard_at, themed
from tests.transformer.conftest import checkpoint as checkpoint

Generator = Callable[[Plan], Score]


@functools.cache
def quiet(instruments: tuple[str, ...] = ("strings",), duration_s: float = 60.0, key: str = "D minor") -> Plan:
    """A film in which nothing happens, so that no hit bends the tune."""
    options = Options(seed=3, instruments=instruments, key=key)
    seconds = round(duration_s)
    film = film_of([], duration_s, [0.2] * seconds, [0.1] * seconds)
    made = plan(film, spot(film, options), options)
    return replace(made, hits=(), hairpins=(), sections=tuple(replace(s, phrases=(), variation="plain") for s in made.sections)).check()


@pytest.fixture(params=["chords", "transformer"])
def generator(request: pytest.FixtureRequest, checkpoint: Path) -> Generator:
    return chords.compose if request.param == "chords" else functools.partial(model.compose, checkpoint=checkpoint)


def tune(score: Score, scene: Scene) -> tuple[Note, ...]:
    lead = scene.section.roles["melody"][0]
    return tuple(n for t in score.tracks if t.part == lead for n in t.notes if scene.start - 0.02 <= n.start_beat < scene.end - 0.02)


@pytest.mark.parametrize("variation", [v for v in VARIATIONS if v != "inverted"])
def test_the_melody_track_says_the_motif(generator: Generator, variation: Variation) -> None:
    """Over a tonic that holds, the tune's notes are the motif's: degrees, places and proportional lengths."""
    arranged = themed(quiet(), variations=(variation,), harmony="i")
    score = generator(arranged)
    said = 0
    for scene in scenes(arranged):
        asked, notes = asked_of(scene), tune(score, scene)
        assert len(asked) >= 2
        for (beat, pc), following in zip(asked, [*asked[1:], None], strict=True):
            weak_or_tonic = pc in scene.chord_at(beat).pitch_classes or not scene.is_strong(beat)
            assert heard_at(notes, beat) == {pc} or not weak_or_tonic
            said += heard_at(notes, beat) == {pc}
            if following is not None:  # nothing else begins in between
                assert not [n for n in notes if beat + 0.02 < n.start_beat < following[0] - 0.02]
    assert said >= 0.8 * sum(len(asked_of(scene)) for scene in scenes(arranged))


def test_an_inverted_theme_falls_where_it_rose(generator: Generator) -> None:
    arranged = themed(quiet(), variations=("inverted",), harmony="i")
    score = generator(arranged)
    for scene in scenes(arranged):
        steps = [b.degree - a.degree for a, b in pairwise(scene.motif.notes)] if scene.motif else []
        beats = [scene.start + note.onset_beats for note in scene.motif.notes] if scene.motif else []
        heard = [min((n.pitch for n in tune(score, scene) if abs(n.start_beat - beat) < 0.02), default=0) for beat in beats]
        assert all(heard)
        assert sum(asked * (b - a) > 0 for asked, (a, b) in zip(steps, pairwise(heard), strict=True)) >= len(steps) - 2


def test_variations_are_heard_in_the_lengths() -> None:
    found = {}
    for variation in VARIATIONS:
        scene = scenes(themed(quiet(), variations=(variation,), harmony="i"))[0]
        first = statements(scene, 60, 84)[0]
        found[variation] = [(round(n.start - scene.start, 3), n.pitch) for n in first.notes]
    onsets = {variation: [beat for beat, _ in notes] for variation, notes in found.items()}
    assert onsets["augmented"][:4] == [2 * beat for beat in onsets["plain"][:4]]
    assert onsets["diminished"] == [beat / 2 for beat in onsets["plain"]]
    assert onsets["inverted"] == onsets["plain"]
    assert onsets["fragmented"] == onsets["plain"][: len(onsets["fragmented"])] and len(onsets["fragmented"]) < len(onsets["plain"])
    turns = [
        (b - a) * (d - c) <= 0 for (a, b), (c, d) in zip(pairwise(p for _, p in found["plain"]), pairwise(p for _, p in found["inverted"]), strict=True)
    ]  # fmt: skip
    assert sum(turns) >= len(turns) - 1


def test_a_theme_returns_in_the_key_and_gender_of_its_section() -> None:
    arranged = quiet(duration_s=90.0)
    keys = ("C major", "A minor")
    base = arranged.sections[0]
    first = replace(base, id="S1", bars=8, key=keys[0], chords=("I",) * 8)
    second = replace(base, id="S2", first_bar=base.first_bar + 8, bars=8, key=keys[1], chords=("i",) * 8)
    both = scenes(themed(replace(arranged, sections=(first, second))))
    steps = []
    for scene in both:
        notes = statements(scene, 57, 84)[0].notes
        steps.append([n.pitch - notes[0].pitch for n in notes])
    assert steps[0][2] == 4 and steps[1][2] == 3  # the third degree
    assert steps[0][3] == 7 == steps[1][3]  # the fifth


def test_strong_and_long_notes_belong_to_the_chord_and_weak_ones_to_its_scale() -> None:
    """Over A major in D minor the seventh degree is a C sharp."""
    arranged = themed(quiet(), "1:5 0.5:6 0.5:7 1:5 1:7 4:2", harmony="V")
    for scene in scenes(arranged):
        assert scene.key.name == "D minor"
        for one in statements(scene, 57, 84):
            for note, following in zip(one.notes, [*one.notes[1:], None], strict=True):
                chord = scene.chord_at(note.start)
                assert note.pitch % 12 != 0  # no C against the C sharp
                if (scene.is_strong(note.start) or note.duration > 1.4) and note.pitch % 12 not in chord.pitch_classes:
                    assert note.duration <= 1 and following is not None and 0 < abs(following.pitch - note.pitch) <= 2
                    assert following.pitch % 12 in scene.chord_at(following.start).pitch_classes


@pytest.mark.parametrize("phrases", [(8,), (4, 4), (3, 5), (2, 2, 2, 2), (1,) * 8])
@pytest.mark.parametrize("motif", [MOTIF, "4:1 4:2 4:3 4:5", "0.5:-2 0.5:12 2:r 1:1"])
def test_statements_stay_in_their_phrases_and_in_the_range(phrases: tuple[int, ...], motif: str) -> None:
    arranged = quiet()
    section = replace(arranged.sections[0], bars=8, chords=("i", "iv", "V", "i", "VI", "iv", "V7", "i"), phrases=phrases)
    for variation in VARIATIONS:
        arranged = themed(replace(arranged, sections=(section,)), motif, variations=(variation,))
        scene = scenes(arranged)[0]
        told = statements(scene, 60, 79)
        assert told and told[0].start == scene.start
        assert {one.start for one in told} >= {p[0].start for p in scene.phrases()[::2][:-1]}
        for one in told:
            phrase = next(p for p in scene.phrases() if p[0].start <= one.start < p[-1].end)
            end = min(phrase[-1].end, scene.bars[-1].start if scene.is_last else scene.end)
            assert one.start < one.end <= end + 1e-6
            assert all(60 <= n.pitch <= 79 and one.start <= n.start and n.end <= one.end + 1e-6 and n.duration > 0.1 for n in one.notes)
            assert all(a.end <= b.start + 1e-6 for a, b in pairwise(one.notes))
        assert all(a.end <= b.start + 1e-6 for a, b in pairwise(told))


def test_a_note_begins_on_every_hard_hit() -> None:
    scene = scenes(themed(quiet()))[0]
    rested = scenes(themed(quiet(), "1.5:r 1:5 1:6 1:r 1:5"))[0]
    for place in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0):
        hit = scene.start + place
        for struck in (replace(scene, hard=(hit,)), replace(rested, hard=(hit,))):
            assert any(n.start == hit and n.pitch % 12 in scene.chord_at(hit).pitch_classes for n in statements(struck, 57, 84)[0].notes)


def test_after_a_stop_the_motif_waits_for_the_next_bar() -> None:
    scene = scenes(themed(quiet()))[0]
    halted = replace(scene, halts=(scene.start,))
    assert statements(halted, 57, 84)[0].start == scene.bars[1].start
    assert statements(replace(scene, halts=(scene.bars[1].start,)), 57, 84)[0].start == scene.start


def test_without_a_motif_nothing_changes() -> None:
    arranged = quiet()
    bare = replace(arranged, themes=())
    empty = themed(bare, "")
    assert all(statements(scene, 60, 84) == [] for scene in scenes(empty))
    assert chords.compose(empty).tracks == chords.compose(replace(empty, themes=())).tracks


def test_drums_and_nobody_state_nothing(checkpoint: Path) -> None:
    arranged = quiet(("drums",))
    given: tuple[dict[str, tuple[str, ...]], ...] = ({"melody": ("drums",)}, {"percussion": ("drums",)})
    for roles in given:
        edited = replace(arranged, sections=tuple(replace(s, roles=roles, doubles={}) for s in arranged.sections))
        for compose in (chords.compose, functools.partial(model.compose, checkpoint=checkpoint)):
            assert compose(themed(edited)).tracks[0].notes == compose(themed(edited, "")).tracks[0].notes


def test_the_tune_still_breathes() -> None:
    for variation in VARIATIONS:
        for scene in scenes(themed(quiet(), variations=(variation,))):
            assert 0.12 <= rest_share(melody(scene, 60, 84), scene.start, scene.end) <= 0.5


def test_same_plan_same_score(generator: Generator) -> None:
    arranged = themed(quiet(duration_s=20.0))
    assert generator(arranged) == generator(arranged)


def test_who_doubles_says_it_too(generator: Generator) -> None:
    arranged = themed(quiet(), harmony="i")
    roles: dict[str, tuple[str, ...]] = {"melody": ("violins_1",)}
    arranged = replace(arranged, sections=tuple(replace(s, roles=roles, doubles={"cellos": "violins_1"}) for s in arranged.sections))
    tracks = {t.part: {(n.start_beat, n.pitch % 12) for n in t.notes} for t in generator(arranged).tracks}
    assert tracks["violins_1"] and len(tracks["violins_1"] & tracks["cellos"]) > 0.9 * len(tracks["violins_1"])


@pytest.mark.parametrize("name", [i for i, row in INSTRUMENTS.items() if not row.is_drum])
def test_every_instrument_has_an_octave_to_sing_in(name: str) -> None:
    info = INSTRUMENTS[name]
    for alone in (False, True):
        low, high = singing_range(info, alone=alone)
        assert info.comfortable[0] <= low and high <= info.comfortable[1] and high - low >= 9
