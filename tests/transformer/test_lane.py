"""Plans as the model reads them: every number inside its table, everybody with one job, hits marked, density and registers obeyed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from composer.instruments import INSTRUMENTS
from composer.plan import Part, Plan
from composer.playable import onsets_per_s
from composer.scene import Scene, scenes
from composer.statement import statements
from composer.transformer import vocabulary as V
from composer.transformer.lane import STRIKERS, Practice, Voice, density_share, hands, range_of, section_task, voices_of
from composer.transformer.transcript import Task
from tests.themed import themed
from tests.transformer.conftest import PRACTICE
from tests.transformer.films import planned

ENSEMBLES: list[tuple[str, ...]] = [
    ("piano",), ("cello",), ("orchestra",), ("percussion",), ("drums",), ("strings", "brass"), ("hybrid",), ("horror",), ("comedy",), ("harp", "marimba"),
]  # fmt: skip
LISTED = list(INSTRUMENTS)
PLAIN = Practice(PRACTICE)
CASES = [(seed, names) for names in ENSEMBLES for seed in (0, 1)]


def tasks_of(plan: Plan, instruments: list[str] = LISTED, practice: Practice = PLAIN) -> list[tuple[Scene, list[Voice], Task, int]]:
    owners = {(p.id, role): i * len(V.ROLE_ORDER) + k for i, p in enumerate(plan.parts) for k, role in enumerate(V.ROLE_ORDER)}
    found = []
    for scene in scenes(plan):
        voices, _ = voices_of(scene, plan)
        shift = V.reference_shift(scene.key.tonic)
        if voices:
            task = section_task(scene, voices, owners, instruments, practice, shift, {}, None)
            found.append((scene, voices, task, shift))
    return found


def column(task: Task, name: str) -> Any:
    return task.fields[:, V.FIELD_INDEX[name]]


@pytest.mark.parametrize(("seed", "names"), CASES)
def test_everything_stays_inside_its_table(seed: int, names: tuple[str, ...]) -> None:
    plan = planned(seed, names)
    found = tasks_of(plan)
    assert found
    for scene, voices, task, _ in found:
        assert task.fields.shape == (len(voices) * len(scene.bars), len(V.FIELDS))
        for name, size in V.FIELDS.items():
            low = 0 if name in ("before", "held", "hit_at", "register") else 1
            assert ((column(task, name) >= low) & (column(task, name) <= size)).all(), name
        assert len(task.line) == len(task.bar) == len(task.start) == len(task.ticks) == len(task.struck) == len(task.closing)
        assert (task.ranges[:, 0] <= task.ranges[:, 1]).all() and (task.ranges >= 0).all() and (task.ranges <= 127).all()
        assert (task.hands >= 1).all() and (np.diff(task.bar) >= 0).all()
        assert task.start[0] == 0 and task.beats == pytest.approx(scene.end - scene.start)
        places = np.searchsorted(V.ONSET_TICKS, task.ticks)
        assert (task.struck < places[:, None]).all()
        assert (column(task, "lines") == len(voices)).all()
        assert (column(task, "since")[0], column(task, "until")[-1]) == (1, 1)
        # the last bar of the film, and nothing else, is closed
        final = scene.is_last & (task.bar == task.bar[-1])
        assert (task.closing <= final).all() and (task.struck[task.closing] == 0).any(1).all()


@pytest.mark.parametrize(("seed", "names"), CASES)
def test_everybody_has_one_job(seed: int, names: tuple[str, ...]) -> None:
    plan = planned(seed, names)
    for scene in scenes(plan):
        voices, doubles = voices_of(scene, plan)
        writing = [v.part.id for v in voices]
        assert len({(v.part.id, v.role) for v in voices}) == len(voices)
        for part in plan.parts:
            if part.info.polyphony < 3:
                assert writing.count(part.id) <= 1
        assert not set(doubles) & set(writing)
        assert set(doubles.values()) <= set(writing)
        assert [V.ROLE_ORDER.index(v.role) for v in voices] == sorted(V.ROLE_ORDER.index(v.role) for v in voices) or any(
            v.role == "ostinato" and not v.info.is_drum for v in voices
        )
        # who was given a role is heard
        asked = {part for players in scene.section.roles.values() for part in players} | set(scene.section.doubles)
        assert asked == set(writing) | set(doubles)


def crowded(names: tuple[str, ...], roles: dict[str, tuple[str, ...]]) -> tuple[Scene, Plan]:
    """A section in which many do the same, as nobody but a person's editor would write it."""
    plan = planned(0, ("piano",))
    parts = tuple(Part(name, name) for name in names)
    sections = tuple(replace(s, roles=roles, doubles={}) for s in plan.sections)
    edited = replace(plan, parts=parts, sections=sections)
    return scenes(edited)[0], edited


def test_who_is_one_too_many_doubles_the_nearest() -> None:
    names = ("flute", "violins_1", "piccolo", "tuba", "contrabasses")
    scene, plan = crowded(names, {"melody": ("flute", "violins_1", "piccolo"), "bass": ("tuba", "contrabasses")})
    voices, doubles = voices_of(scene, plan)
    assert [(v.part.id, v.role) for v in voices] == [("flute", "melody"), ("tuba", "bass")]
    assert doubles == {"violins_1": "flute", "piccolo": "flute", "contrabasses": "tuba"}


def test_bells_that_are_asked_for_percussion_play_figures() -> None:
    scene, plan = crowded(("xylophone", "timpani", "drums"), {"percussion": ("xylophone", "timpani", "drums")})
    voices, doubles = voices_of(scene, plan)
    assert {(v.part.id, v.role) for v in voices} == {("xylophone", "ostinato"), ("timpani", "percussion"), ("drums", "percussion")}
    assert not doubles


@pytest.mark.parametrize("names", ENSEMBLES)
def test_hard_hits_must_be_struck(names: tuple[str, ...]) -> None:
    for seed in range(3):
        for scene, voices, task, _ in tasks_of(planned(seed, names)):
            for hit in scene.hard:
                bar = scene.bar_at(hit)
                here = [h for h in scene.hard if scene.bar_at(h) is bar]
                index = scene.bars.index(bar)
                rows = task.bar == index
                assert (column(task, "hit_in")[rows] == 1).all()
                assert (column(task, "hit_at")[rows] == int((here[0] - bar.start) * 2 + 1e-6) + 1).all()
                if hit != here[0] or (scene.is_last and bar is scene.bars[-1]):
                    continue
                place = V.onset_class(round((hit - bar.start) * V.TICKS_PER_BEAT), task.ticks[rows][0])
                strikers = rows & np.isin(task.line, [i for i, v in enumerate(voices) if v.role in STRIKERS])
                if strikers.any():
                    assert (task.struck[strikers] == place).any()
                assert (task.struck[strikers] == place).any(1).all()


def test_a_fuller_section_asks_for_more_notes() -> None:
    plan = planned(1, ("strings",))
    asked = []
    for density in (0.0, 0.3, 0.6, 1.0):
        edited = replace(plan, sections=tuple(replace(s, density=density) for s in plan.sections))
        asked.append(np.concatenate([column(task, "density") for _, _, task, _ in tasks_of(edited)]))
    for low, high in zip(asked, asked[1:], strict=False):
        assert (low <= high).all() and low.sum() < high.sum()


def test_density_shares_are_shares() -> None:
    for seed, names in CASES:
        for scene in scenes(planned(seed, names)):
            assert all(0 <= density_share(scene, bar) <= 1 for bar in scene.bars)


@pytest.mark.parametrize("name", LISTED)
def test_registers_lie_where_an_instrument_sounds_best(name: str) -> None:
    info, practice = INSTRUMENTS[name], Practice(PRACTICE)
    for role in V.ROLE_ORDER:
        voice = Voice(Part("x", name), role)
        low, high = range_of(voice)
        outer = info.range if info.is_drum or name == "timpani" else info.comfortable
        assert outer[0] <= low <= high <= outer[1] and high - low >= 7
        assert 1 <= hands(voice) <= info.polyphony or (role == "bass" and hands(voice) == 2)
        found = [practice.register(info, role, share) for share in (0.1, 0.5, 0.9)]
        assert all(info.comfortable[0] + 3 <= pitch <= info.comfortable[1] - 3 for pitch in found)
        assert found == sorted(found)
        assert all(1 <= practice.voices(info, role, share) <= V.FIELDS["voices"] for share in (0.0, 1.0))
        for qpm in (40, 80, 120, 200):
            fields = [practice.density(role, qpm, share) for share in (0, 0.4, 0.8, 1)]
            assert fields == sorted(fields) and fields[0] >= 1 and fields[-1] <= V.FIELDS["density"]


@pytest.mark.parametrize("names", [("strings",), ("percussion",), ("piano",)])
def test_pitches_are_counted_from_the_key(names: tuple[str, ...]) -> None:
    for scene, voices, task, shift in tasks_of(planned(1, names)):
        assert (column(task, "tonic") == 1).all()
        for i, voice in enumerate(voices):
            moved = 0 if voice.role == "percussion" else shift
            assert (task.ranges[i] == np.clip(np.array(range_of(voice)) - moved, 0, 127)).all()
        chord = scene.chord_at(scene.start)
        assert (column(task, "root_1")[0] - 1) == (chord.root - shift) % 12


def test_what_a_line_played_last_and_who_is_unknown() -> None:
    plan = planned(1, ("strings",))
    scene = scenes(plan)[0]
    voices, _ = voices_of(scene, plan)
    shift = V.reference_shift(scene.key.tonic)
    owners = {(p.id, role): i for i, (p, role) in enumerate((p, r) for p in plan.parts for r in V.ROLE_ORDER)}
    last = {(voices[0].part.id, voices[0].role): 72}
    task = section_task(scene, voices, owners, ["tuba"], Practice(PRACTICE), shift, last, None)
    assert task.last.tolist() == [72 - shift, *[-1] * (len(voices) - 1)]
    assert (column(task, "instrument") == 0).all()


@pytest.mark.parametrize("names", [("strings",), ("piano",), ("cello",), ("string_quartet",)])
def test_the_line_with_the_tune_is_given_the_motif(names: tuple[str, ...]) -> None:
    plan = themed(planned(5, names))
    for scene, voices, task, shift in tasks_of(plan):
        tune = next(i for i, voice in enumerate(voices) if voice.role == "melody")
        assert task.given and {int(task.line[s]) for s in task.given} == {tune}
        low, high = task.ranges[tune]
        for s, given in task.given.items():
            bar = scene.bars[int(task.bar[s])]
            assert all(low <= pitch <= high and V.ONSET_TICKS[onset] < task.ticks[s] for onset, pitch, _ in given.notes)
            assert [onset for onset, _, _ in given.notes] == sorted({onset for onset, _, _ in given.notes})
            said = {onset for onset, _, _ in given.notes}
            assert all(place >= given.free_from or place in {-1, *said} for place in task.struck[s])
            for onset, pitch, duration in given.notes:
                beat = bar.start + V.ONSET_TICKS[onset] / V.TICKS_PER_BEAT
                told = [n for one in statements(scene, low + shift, high + shift) for n in one.notes if abs(n.start - beat) < 0.1]
                assert V.DURATION_TICKS[duration] / V.TICKS_PER_BEAT <= (told[0].duration * 1.05 if told else 16)
                assert 0 <= pitch + shift <= 127
        assert not any(task.closing[s] for s in task.given)


def test_lines_are_not_denser_than_players_are_fast() -> None:
    plan = planned(5, ("orchestra",))
    for _, voices, task, _ in tasks_of(replace(plan, bars=tuple(replace(b, qpm=143.0) for b in plan.bars))):
        assert task.gaps is not None
        for voice, gap in zip(voices, task.gaps, strict=True):
            if voice.info.family == "strings" and voice.info.id != "contrabasses":
                assert gap == 7  # more than a sixteenth
            if voice.info.is_drum or voice.info.id == "timpani":
                assert gap == 0
    fastest = Practice({**PRACTICE, "density": {role: [[12, 12, 12]] * 4 for role in V.ROLE_ORDER}})
    plan = replace(plan, themes=(), bars=tuple(replace(b, qpm=143.0) for b in plan.bars))
    for _, voices, task, _ in tasks_of(plan, practice=fastest):
        for number, voice in enumerate(voices):
            per_s = onsets_per_s(voice.info) or 99.0
            asked = column(task, "density")[task.line == number]
            assert (V.onsets_per_beat(asked) * 143 / 60 <= per_s).all()
            if voice.info.family == "strings":  # as much as can be
                assert (V.onsets_per_beat(asked + 1) * 143 / 60 > per_s).all()


def test_a_second_violin_is_a_violin_to_the_model() -> None:
    plan = planned(2, ("string_quartet",))
    listed = [name for name in LISTED if name != "violin_2"]
    practice = Practice({**PRACTICE, "register": {"violin counter": [60, 70, 80]}})
    assert practice.register(INSTRUMENTS["violin_2"], "counter", 0.5) == practice.register(INSTRUMENTS["violin"], "counter", 0.5) == 70
    for _, voices, task, _ in tasks_of(plan, listed):
        for i, voice in enumerate(voices):
            if voice.part.id == "violin_2":
                assert (column(task, "instrument")[task.line == i] == listed.index("violin") + 1).all()


def test_percussion_holds_back_only_beside_others() -> None:
    """Timpani that play alone, or with drums alone, carry the film."""

    def density(names: tuple[str, ...]) -> float:
        plan = planned(0, ("timpani",))
        parts = tuple(Part(name, name) for name in names)
        roles = {"percussion": tuple(name for name in names if name != "cello"), "melody": tuple(name for name in names if name == "cello")}
        sections = tuple(replace(section, roles=roles, density=0.3) for section in plan.sections)
        found = tasks_of(replace(plan, parts=parts, sections=sections, themes=()).check())
        own = [column(task, "density")[task.line == [v.info.id for v in voices].index("timpani")] for _, voices, task, _ in found]
        return float(np.concatenate(own).mean())

    alone = density(("timpani",))
    assert alone > density(("timpani", "cello"))
    assert alone == density(("timpani", "percussion_kit"))
