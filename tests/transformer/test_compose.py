"""`compose` with a model that knows nothing: what holds for every score holds whatever the weights say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, strategies as st

from composer.evaluation.music import longest_identical_run, out_of_range
from composer.instruments import ENSEMBLES, INSTRUMENTS
from composer.plan import Part, Plan
from composer.scene import scenes
from composer.score import Score
from composer.transformer.checkpoint import save_model
from composer.transformer.compose import CheckpointError, compose, waves
from composer.transformer.lane import STRIKERS, voices_of
from composer.transformer.sampling import Settings
from tests.transformer.conftest import PRACTICE, SMALL, awake
from tests.transformer.films import planned

CASES = [
    (0, ("piano",)), (1, ("cello",)), (2, ("orchestra",)), (3, ("percussion",)), (4, ("drums",)), (5, ("strings",)), (6, ("hybrid",)),
    (7, ("horror",)), (8, ("comedy",)), (9, ("flute", "harp")),
]  # fmt: skip


def check(plan: Plan, score: Score) -> None:
    assert [(t.part, t.instrument) for t in score.tracks] == [(p.id, p.instrument) for p in plan.parts]
    assert all(track.notes for track in score.tracks)
    assert out_of_range(score) == 0
    for track in score.tracks:
        assert longest_identical_run(plan, track) <= 4
        until: dict[int, float] = {}
        for note in track.notes:
            assert 1 <= note.velocity <= 127 and note.duration_beats > 0 and note.start_beat >= 0
            assert note.start_beat >= until.get(note.pitch, 0) - 1e-5
            until[note.pitch] = note.end_beat
            assert score.tempo.beat_to_s(note.end_beat) <= plan.duration_s + 1e-3
        if INSTRUMENTS[track.instrument].polyphony == 1:
            assert all(a.start_beat < b.start_beat for a, b in pairwise(track.notes))


@pytest.mark.parametrize(("seed", "instruments"), CASES)
def test_what_holds_for_every_score(checkpoint: Path, seed: int, instruments: tuple[str, ...]) -> None:
    plan = planned(seed, instruments, 11.0)
    score = compose(plan, checkpoint)
    check(plan, score)
    onsets = {round(n.start_beat, 3) for t in score.tracks for n in t.notes}
    for scene in scenes(plan):
        if not {v.role for v in voices_of(scene, plan)[0]} & set(STRIKERS):
            continue
        for hit in scene.hard:
            bar = scene.bar_at(hit)
            if min(h for h in scene.hard if scene.bar_at(h) is bar) == hit and not (scene.is_last and bar is scene.bars[-1]):
                assert round(hit, 3) in onsets, (scene.section.id, hit)


def test_every_hard_hit_is_struck(checkpoint: Path) -> None:
    missed = []
    for seed, instruments in ((0, ("strings",)), (2, ("orchestra",)), (7, ("horror",))):
        plan = planned(seed, instruments, 15.0)
        onsets = {round(n.start_beat, 3) for t in compose(plan, checkpoint).tracks for n in t.notes}
        missed += [(scene.section.id, hit) for scene in scenes(plan) for hit in scene.hard if round(hit, 3) not in onsets]
    assert not missed


def test_same_plan_same_score_and_another_seed_another(checkpoint: Path) -> None:
    plan = planned(5, ("strings",), 11.0)
    threads = torch.get_num_threads()
    score = compose(plan, checkpoint)
    assert torch.get_num_threads() == threads
    assert compose(plan, checkpoint) == score
    other = compose(replace(plan, seed=plan.seed + 1), checkpoint)
    assert [t.notes for t in other.tracks] != [t.notes for t in score.tracks]


def test_guidance_makes_another_score(checkpoint: Path) -> None:
    plan = planned(1, ("cello",), 12.0)
    pushed = compose(plan, checkpoint, Settings(guidance=2.0))
    check(plan, pushed)
    assert pushed != compose(plan, checkpoint)


def test_who_has_no_role_is_silent(checkpoint: Path) -> None:
    plan = planned(2, ("strings",), 12.0)
    alone = replace(plan, sections=tuple(replace(s, roles={"melody": ("violins_1",)}, doubles={}) for s in plan.sections))
    assert {t.part for t in compose(alone, checkpoint).tracks if t.notes} == {"violins_1"}
    nobody = replace(plan, sections=tuple(replace(s, roles={}, doubles={}) for s in plan.sections))
    assert compose(nobody, checkpoint).note_count == 0
    pauses = replace(plan, sections=(replace(plan.sections[0], roles={}, doubles={}), *plan.sections[1:]))
    assert compose(pauses, checkpoint).note_count > 0 or len(plan.sections) == 1


def test_a_follower_plays_what_its_leader_plays(checkpoint: Path) -> None:
    plan = planned(2, ("strings",), 12.0)
    roles: dict[str, tuple[str, ...]] = {"melody": ("violins_1",)}
    doubles = {"cellos": "violins_1"}
    plan = replace(plan, sections=tuple(replace(s, roles=roles, doubles=doubles) for s in plan.sections))
    tracks = {t.part: t.notes for t in compose(plan, checkpoint).tracks}
    led, following = ({(n.start_beat, n.pitch % 12) for n in tracks[part]} for part in ("violins_1", "cellos"))
    assert led and len(led & following) > 0.9 * len(led)


def test_several_themes_and_keys(checkpoint: Path) -> None:
    """Sections that return hear their theme, moved to their own key."""
    plan = planned(5, ("piano_trio",), 30.0)
    keys = ("C major", "F# minor", "B major", "D minor")
    sections = tuple(replace(s, theme="AB"[i % 3 // 2], key=keys[i % 4], chords=("I",) * s.bars) for i, s in enumerate(plan.sections))
    check(plan, compose(replace(plan, sections=sections), checkpoint))


@pytest.mark.parametrize("names", sorted(ENSEMBLES))
def test_very_short_films(checkpoint: Path, names: str) -> None:
    plan = planned(2, (names,), 3.0)
    score = compose(plan, checkpoint)
    assert score.note_count > 0 and out_of_range(score) == 0


def test_drums_are_never_moved_with_the_key(checkpoint: Path) -> None:
    plan = planned(4, ("drums",), 12.0)
    sections = tuple(replace(s, roles={"ostinato": ("drums",)}, key="F# major", chords=("I",) * s.bars) for s in plan.sections)
    assert out_of_range(compose(replace(plan, sections=sections), checkpoint)) == 0


def test_nobody_writes_and_doubles() -> None:
    names = ("flute", "oboe", "clarinet", "bassoon", "tuba")
    plan = planned(0, ("piano",))
    roles: dict[str, tuple[str, ...]] = {"harmony": names, "pad": names[::-1]}
    sections = tuple(replace(s, roles=roles, doubles={}) for s in plan.sections)
    edited = replace(plan, parts=tuple(Part(n, n) for n in names), sections=sections)
    voices, doubles = voices_of(scenes(edited)[0], edited)
    assert not set(doubles) & {v.part.id for v in voices}


def test_a_second_bass_plays_when_the_first_has_the_tune() -> None:
    plan = planned(0, ("piano",))
    sections = tuple(replace(s, roles={"melody": ("cello",), "bass": ("cello", "contrabass")}, doubles={}) for s in plan.sections)
    edited = replace(plan, parts=(Part("cello", "cello"), Part("contrabass", "contrabass")), sections=sections)
    voices, doubles = voices_of(scenes(edited)[0], edited)
    assert "contrabass" in {v.part.id for v in voices} | set(doubles)


# --- checkpoints --------------------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_cannot_be_used(tmp_path: Path) -> None:
    plan = planned(1, ("cello",), 12.0)
    broken, empty, bare = (tmp_path / f"{name}.safetensors" for name in ("broken", "empty", "bare"))
    broken.write_bytes(b"no weights at all" * 100)
    empty.write_bytes(b"")
    save_model(bare, awake(SMALL), {"instruments": list(INSTRUMENTS)})  # from a training that said nothing of practice
    for path in (tmp_path / "missing.safetensors", broken, empty, bare, tmp_path):
        with pytest.raises(CheckpointError) as caught:
            compose(plan, path)
        assert "chords" in caught.value.hint and path.name in caught.value.problem


def test_a_checkpoint_that_was_missing_can_be_put_there(tmp_path: Path) -> None:
    plan, path = planned(1, ("cello",), 12.0), tmp_path / "late.safetensors"
    with pytest.raises(CheckpointError):
        compose(plan, path)
    save_model(path, awake(SMALL), {"instruments": list(INSTRUMENTS), "practice": PRACTICE})
    assert compose(plan, path).note_count > 0


# --- waves ------------------------------------------------------------------------------------------------------------------

themes = st.lists(st.sampled_from("ABCD"), min_size=1, max_size=24)


@given(themes)
def test_every_section_once_and_first_statements_first(asked: list[str]) -> None:
    found = waves(asked)
    assert sorted(i for wave in found for i in wave) == list(range(len(asked)))
    assert 1 <= len(found) <= 3 and all(wave == sorted(wave) for wave in found)
    assert set(found[0]) == {asked.index(theme) for theme in asked}


@given(themes)
def test_neighbours_are_never_written_together_but_in_the_first_wave(asked: list[str]) -> None:
    for wave in waves(asked)[1:]:
        assert all(b - a > 1 for a, b in pairwise(wave))


@given(themes)
def test_what_lies_between_continues_what_stands_before_it(asked: list[str]) -> None:
    found = waves(asked)
    if len(found) == 3:
        assert all(i - 1 in {*found[0], *found[1]} for i in found[2])
