"""The `transformer` generator: sections are written by the model, in two or three waves.

First every theme's first statement, all at once; then the other sections, which begin by hearing their theme's opening (moved to their
own key) and the last bars of the section before them. So a theme returns, a section continues what came before, and there is still
enough to write side by side. What the model does not decide is as in every generator: what a theme's motif says and where
(`composer.statement`: the model is given these notes and goes on from them), doublings, velocities around the plan's dynamics, the closing.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from composer.assembly import assemble, moved
from composer.errors import ComposerError
from composer.generators import CHECKPOINT
from composer.options import Progress, silent
from composer.plan import Plan
from composer.scene import ROLE_WEIGHT, Draft, Scene, scenes
from composer.score import Note, Score
from composer.theory.voicing import into_range, nearest_pitch
from composer.transformer import vocabulary as V
from composer.transformer.lane import Practice, Voice, section_task, voices_of
from composer.transformer.network import Network, load_network
from composer.transformer.sampling import DEFAULT, Settings, write
from composer.transformer.transcript import Transcript, joined

#: bars of a theme, and of the section before, that a section hears before it begins
THEME_BARS, LEAD_BARS = 4, 4
#: what stands in an orchestra for the cymbals of a drum kit: the side drum for whatever keeps time, bass drum for kicks
_IN_ORCHESTRA = {35: 36, 37: 38, 39: 38, 40: 38, 42: 38, 44: 38, 46: 38, 51: 38, 52: 49, 53: 38, 54: 38, 55: 49, 56: 38, 59: 38}
#: sections that are written side by side; more would only take memory
AT_ONCE = 16
#: share of the model's context that each of the two may take
PROMPT_SHARE = 0.25


class CheckpointError(ComposerError):
    """The weights cannot be used."""


@functools.cache
def load(path: Path = CHECKPOINT) -> tuple[Network, dict[str, Any]]:
    """The network and what its file says of it.

    Raises CheckpointError for a file that is missing, broken or of another version.
    """
    try:
        network, meta = load_network(path)
        if lacking := {"instruments", "practice"} - meta.keys():
            raise ValueError(f"{path} does not say what composing needs ({', '.join(sorted(lacking))})")
        return network, meta
    except FileNotFoundError:
        raise CheckpointError(f"there are no weights at {path}", "Get the checkpoint, or use --generator chords.") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(str(error), "Get the checkpoint anew, or use --generator chords.") from None


def compose(
    plan: Plan,
    checkpoint: Path = CHECKPOINT,
    settings: Settings = DEFAULT,
    progress: Progress = silent,
    only: frozenset[str] | None = None,
) -> Score:
    """Write all parts of a plan; the same plan and weights give the same score.

    With `only`, ids of sections, no more is written than these need: themselves and what they hear before they begin.

    Raises CheckpointError when there are no usable weights.
    """
    network, meta = load(checkpoint)
    with threadpool_limits(1, "blas"):  # small products: more threads cost more than they bring, and sums keep their order
        statements = _Writer(plan, network, meta, settings, progress).write(only)
    tracks: dict[str, list[Note]] = {part.id: [] for part in plan.parts}
    for statement in statements:
        for part_id, notes in _played(statement, plan).items():
            tracks[part_id] += notes
    return assemble(plan, tracks)


@dataclass
class _Statement:
    """A section, written."""

    scene: Scene
    voices: list[Voice]
    #: follower → leader
    doubles: dict[str, str]
    #: semitones from the reference C up to the section's tonic
    shift: int
    music: Transcript


class _Writer:
    """Writes the sections of one plan, wave after wave."""

    def __init__(self, plan: Plan, network: Network, meta: dict[str, Any], settings: Settings, progress: Progress = silent) -> None:
        self.plan, self.network, self.settings, self.progress = plan, network, settings, progress
        self.instruments: list[str] = meta["instruments"]
        self.practice = Practice(meta["practice"])
        self.scenes = scenes(plan)
        self.done: dict[int, _Statement] = {}
        self.first: dict[str, int] = {}  # theme → its first section
        self.owners = {(part.id, role): i for i, (part, role) in enumerate((p, r) for p in plan.parts for r in V.ROLE_ORDER)}

    def write(self, only: frozenset[str] | None = None) -> list[_Statement]:
        """The sections in order, all or as many as those of `only` need."""
        for i, scene in enumerate(self.scenes):
            self.first.setdefault(scene.section.theme, i)
        order = waves([scene.section.theme for scene in self.scenes])
        needed = set(range(len(self.scenes))) if only is None else self._needed(only, order)
        for wave in order:
            for start in range(0, len(wave), AT_ONCE):
                self._write_some([i for i in wave[start : start + AT_ONCE] if i in needed])
                self.progress("compose", sum(len(one.scene.bars) for one in self.done.values()) / len(self.plan.bars))
        return [self.done[i] for i in sorted(needed)]

    def _needed(self, only: frozenset[str], order: Sequence[Sequence[int]]) -> set[int]:
        """Sections that must be written for some to be what they are in the whole: each hears its theme's first and what stands before it."""
        turn = {i: (number, place // AT_ONCE) for number, wave in enumerate(order) for place, i in enumerate(wave)}
        needed, ahead = set[int](), [i for i, scene in enumerate(self.scenes) if scene.section.id in only]
        while ahead:
            i = ahead.pop()
            if i not in needed:
                needed.add(i)
                heard = {self.first[self.scenes[i].section.theme], i - 1} & turn.keys()
                ahead += [j for j in heard if turn[j] < turn[i]]
        return needed

    def _write_some(self, wave: Sequence[int]) -> None:
        tasks, pending = [], []
        for i in wave:
            scene = self.scenes[i]
            voices, doubles = voices_of(scene, self.plan)
            shift = V.reference_shift(scene.key.tonic)
            if not voices:
                continue
            last, prompt = self._last_pitches(i), self._prompt(i, shift)
            tasks.append(section_task(scene, voices, self.owners, self.instruments, self.practice, shift, last, prompt))
            pending.append((i, scene, voices, doubles, shift))
        for (i, scene, voices, doubles, shift), music in zip(
            pending, write(self.network, tasks, self.settings) if tasks else [], strict=True
        ):
            self.done[i] = _Statement(scene, voices, doubles, shift, music)
        for i in wave:
            if i not in self.done:  # nobody plays
                empty = np.zeros(0, dtype=np.int64)
                nothing = Transcript(empty.reshape(0, 4), empty, np.zeros(0), empty.reshape(0, len(V.FIELDS)), empty, empty, empty, 0.0)
                self.done[i] = _Statement(self.scenes[i], [], {}, 0, nothing)

    def _prompt(self, i: int, shift: int) -> Transcript | None:
        """What section i hears before it begins: its theme in its own key, then the bars before it as they sound."""
        limit = int(self.network.context * PROMPT_SHARE)
        heard = []
        theme = self.done.get(self.first[self.scenes[i].section.theme])
        if theme is not None and theme.voices:
            heard.append(theme.music.part(0, THEME_BARS, limit, keep_first=True))
        before = self.done.get(i - 1)
        if before is not None and before.voices:
            bars = len(before.scene.bars)
            heard.append(before.music.part(max(0, bars - LEAD_BARS), bars, limit).moved(before.shift - shift))
        return joined(heard) if heard else None

    def _last_pitches(self, i: int) -> dict[tuple[str, str], int]:
        """Sounding pitch that each (part, role) played last in the section before."""
        before = self.done.get(i - 1)
        if before is None:
            return {}
        found = {}
        for draft, voice in _drafts(before):
            found[voice.part.id, voice.role] = draft.pitch
        return found


def waves(themes: Sequence[str]) -> list[list[int]]:
    """Sections in groups that can be written side by side: first statements of themes; then every second of the rest; then what lies between.

    In the later groups no two neighbours are written together, so each of them hears the end of the one before it, if that stands already.
    """
    opening = sorted({theme: themes.index(theme) for theme in themes}.values())
    second: list[int] = []
    for i in range(len(themes)):
        if i not in opening and i - 1 not in second:
            second.append(i)
    third = [i for i in range(len(themes)) if i not in opening and i not in second]
    return [wave for wave in (opening, second, third) if wave]


# --- from events to notes ---------------------------------------------------------------------------------------------


def _drafts(statement: _Statement) -> list[tuple[Draft, Voice]]:
    """Every note as a draft in film beats, with who plays it; `stress` is how far its dynamic lies from the line's own."""
    music, scene = statement.music, statement.scene
    found = []
    for (onset, pitch, duration, velocity), segment, time in zip(music.events, music.segment, music.time, strict=True):
        if onset < 0:
            continue
        voice = statement.voices[segment % len(statement.voices)]
        sounding = int(pitch) + (0 if voice.role == "percussion" else statement.shift)
        loudness = int(music.fields[segment, V.FIELD_INDEX["loudness"]]) - 1
        stress = 0.6 * float(V.VELOCITIES_AT[velocity] - V.VELOCITIES_AT[max(0, loudness)])
        length = float(V.DURATION_TICKS[duration]) / V.TICKS_PER_BEAT
        if voice.info.id == "timpani":
            sounding = _tuned(scene, scene.start + float(time), sounding, voice)
        elif voice.info.id == "percussion_kit":
            sounding = _IN_ORCHESTRA.get(sounding, sounding)
            if sounding in (49, 57) and not scene.is_strong(scene.start + float(time)):
                sounding = 38  # cymbals crash on downbeats and hits
        found.append((Draft(scene.start + float(time), length, sounding, float(np.clip(stress, -14, 14))), voice))
    return found


def _tuned(scene: Scene, beat: float, pitch: int, voice: Voice) -> int:
    """Kettledrums are tuned to the chord: its root or fifth, whichever is nearer to what was written."""
    chord = scene.chord_at(beat)
    low, high = voice.info.range
    return min((nearest_pitch(pc, pitch, low, high) for pc in (chord.root, chord.root + 7)), key=lambda p: (abs(p - pitch), p))


def _played(statement: _Statement, plan: Plan) -> dict[str, list[Note]]:
    """Notes of every part in one section, doublings included."""
    scene = statement.scene
    lines: dict[tuple[str, str], list[Draft]] = {}
    for draft, voice in _drafts(statement):
        lines.setdefault((voice.part.id, voice.role), []).append(draft)
    for (part_id, _), drafts in lines.items():
        if plan.part(part_id).info.polyphony == 1 or len({round(d.start, 4) for d in drafts}) == len(drafts):
            _one_at_a_time(drafts)
    for follower, leader in statement.doubles.items():
        led = next(((role, drafts) for (part, role), drafts in lines.items() if part == leader), None)
        if led is not None and (follower, led[0]) not in lines:
            seat = 0.35 if led[0] == "bass" else 0.42
            lines[follower, led[0]] = moved(led[1], plan.part(follower).info, seat=seat)
    played: dict[str, list[Note]] = {}
    for (part_id, role), drafts in lines.items():
        info = plan.part(part_id).info
        for draft in drafts:
            pitch = draft.pitch if info.is_drum else into_range(draft.pitch, *info.range)
            velocity = round(scene.velocity(draft.start) + draft.stress + ROLE_WEIGHT[role])
            end = min(draft.end, scene.end) if not _held_close(scene, draft) else scene.end
            if end - draft.start > 0.02:
                played.setdefault(part_id, []).append(Note(round(draft.start, 6), round(end - draft.start, 6), pitch, min(124, max(14, velocity))))  # fmt: skip
    return played


def _held_close(scene: Scene, draft: Draft) -> bool:
    """The film's last chord is held to its bar line."""
    return scene.is_last and draft.start >= scene.bars[-1].start - 1e-6


def _one_at_a_time(drafts: list[Draft]) -> None:
    """A line ends each note where the next begins."""
    drafts.sort(key=lambda d: d.start)
    for note, following in zip(drafts, drafts[1:], strict=False):
        if note.end > following.start > note.start:
            note.duration = following.start - note.start
