"""The `chords` generator: a deterministic, voice-led arranger. It needs no weights, so it is both the yardstick and the fallback.

Per section it writes a melody, a counter-line, harmony, bass, ostinato and percussion as the plan's roles ask, hands each line to its
players at their octave, and gives every note a velocity from the section's mark, the bar's arousal, the metre and the hits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from composer.assembly import assemble, moved
from composer.baselines.accompaniment import BASS_DRUM, bass_line, drum_kit, harmony_voices, ostinato, timpani
from composer.baselines.melody import counter_line, melody
from composer.instruments import Instrument
from composer.options import Progress, silent
from composer.plan import Part, Plan
from composer.scene import ROLE_WEIGHT, Draft, Scene, scenes
from composer.score import Note, Score
from composer.statement import singing_range
from composer.theory.voicing import into_range, nearest_pitch

#: in one part that plays several roles, the first named wins where they collide
_PRECEDENCE = ("melody", "counter", "bass", "ostinato", "harmony", "pad", "percussion")


@dataclass
class _Line:
    """What one part plays in one role of one scene."""

    role: str
    notes: list[Draft]


def compose(plan: Plan, progress: Progress = silent, only: frozenset[str] | None = None) -> Score:
    """Write all parts of a plan, the sections of `only` among them; the same plan gives the same score."""
    tracks: dict[str, list[Note]] = {part.id: [] for part in plan.parts}
    for scene in scenes(plan):
        for part_id, lines in _write(scene, plan).items():
            tracks[part_id] += _play(scene, lines, plan.part(part_id).info)
        progress("compose", scene.section.last_bar / len(plan.bars))
    return assemble(plan, tracks)


# --- who plays what ---------------------------------------------------------------------------------------------------


def _write(scene: Scene, plan: Plan) -> dict[str, list[_Line]]:
    """All lines of a scene by part."""
    roles = scene.section.roles
    cast = {role: [plan.part(p) for p in players] for role, players in roles.items() if players}
    lines: dict[str, list[_Line]] = {}

    def add(part: Part, role: str, notes: list[Draft]) -> None:
        lines.setdefault(part.id, []).append(_Line(role, notes))

    lead = cast.get("melody", [])
    tune: list[Draft] = []
    if lead:
        tune = melody(_sung(scene, lead[0]), *singing_range(lead[0].info, alone=len(plan.parts) == 1))
        for part in lead:
            add(part, "melody", moved(tune, part.info))
    second = _second_phrase(scene)
    for part in cast.get("counter", []):
        low, high = part.info.comfortable
        add(part, "counter", [d for d in counter_line(scene, tune, low, high) if d.start >= second])
    basses = cast.get("bass", [])
    if basses:
        info = basses[0].info
        line = bass_line(scene, info.comfortable[0], min(info.comfortable[1], info.comfortable[0] + 24, 55))
        for part in basses:
            add(part, "bass", _fill_gaps(line, tune, scene) if part in lead and part.info.polyphony < 3 else moved(line, part.info))
    for role in ("harmony", "pad"):
        players = cast.get(role, [])
        if players:
            ceiling = min((d.pitch for d in tune), default=80 if role == "harmony" else 76) - 1
            for i, (part, notes) in enumerate(
                zip(players, harmony_voices(scene, [p.info for p in players], max(60, ceiling)), strict=True)
            ):
                enters = second if i and part.info.breathes else scene.start
                add(part, role, [d for d in notes if d.start >= enters])
    for part in cast.get("ostinato", []):
        low, high = part.info.comfortable
        add(part, "ostinato", ostinato(scene, low, max(low + 12, min(high, min((d.pitch for d in tune), default=high)))))
    for part in cast.get("percussion", []):
        add(part, "percussion", _percussion(scene, part.info))
    for follower, leader in scene.section.doubles.items():
        for led in lines.get(leader, [])[:1]:
            add(plan.part(follower), led.role, moved(led.notes, plan.part(follower).info, seat=0.35 if led.role == "bass" else 0.42))
    named = (*lead, *basses, *cast.get("harmony", []), *(plan.part(part_id) for part_id in lines))
    first = next((part for part in named if part.id in lines), None)
    if first is not None:
        _mark_the_unmarked(scene, lines, first)
    return lines


def _mark_the_unmarked(scene: Scene, lines: dict[str, list[_Line]], part: Part) -> None:
    """A hit at which nobody happens to begin gets a chord note from the leading part."""
    onsets = {round(d.start, 5) for part_lines in lines.values() for line in part_lines for d in line.notes}
    own = lines[part.id][0].notes
    for hit in (*scene.hard, *scene.soft):
        if round(hit, 5) in onsets:
            continue
        before = max((d for d in own if d.start < hit), key=lambda d: d.start, default=None)
        following = min((d.start for d in own if d.start > hit), default=scene.end)
        if part.info.is_drum:
            own.append(Draft(hit, 1.0, BASS_DRUM, 8.0))
            continue
        near = before.pitch if before else sum(part.info.comfortable) / 2
        pitch = min(
            (nearest_pitch(pc, near, *part.info.comfortable) for pc in scene.chord_at(hit).pitch_classes), key=lambda p: abs(p - near)
        )
        if before is not None and before.end > hit:
            before.duration = hit - before.start
        own.append(Draft(hit, min(1.0, following - hit) * 0.95, pitch, 4.0))
    own.sort(key=lambda d: d.start)


def _sung(scene: Scene, part: Part) -> Scene:
    """The scene as who leads it reads it: drums cannot state a motif."""
    return replace(scene, motif=None) if part.info.is_drum else scene


def _second_phrase(scene: Scene) -> float:
    """Where a section may grow by new voices: its second phrase; its start when it is loud or has but one."""
    phrases = scene.phrases()
    return phrases[1][0].start if len(phrases) > 1 and scene.section.dynamics not in ("f", "ff") else scene.start


def _percussion(scene: Scene, info: Instrument) -> list[Draft]:
    if info.is_drum:
        return drum_kit(scene, orchestral=info.id == "percussion_kit")
    if info.id == "timpani":
        return timpani(scene, *info.comfortable)
    return ostinato(scene, *info.comfortable)


def _fill_gaps(line: list[Draft], tune: list[Draft], scene: Scene) -> list[Draft]:
    """Alone, a melody instrument answers itself: its own bass notes, where the tune rests a beat or more."""
    filled = []
    for note in line:
        until = min((t.start for t in tune if t.start > note.start - 1e-6), default=scene.end)
        free_from = max((t.end for t in tune if t.start <= note.start), default=scene.start)
        start = max(note.start, free_from)
        if until - start >= (0.45 if scene.is_hit(note.start) else 0.9) and note.end > start + 0.4 and start - note.start < 0.5:
            filled.append(
                Draft(start, min(note.end, until) - start - 0.05, note.pitch, note.stress + (8 if scene.is_hit(note.start) else -4))
            )
    return filled


# --- from lines to notes ----------------------------------------------------------------------------------------------


def _play(scene: Scene, lines: list[_Line], info: Instrument) -> list[Note]:
    """Velocities, collisions and the closing of one part in one scene."""
    kept: list[tuple[Draft, str]] = []
    for line in sorted(lines, key=lambda one: _PRECEDENCE.index(one.role)):
        for note in line.notes:
            pitch = note.pitch if info.is_drum else into_range(note.pitch, *info.range)
            if info.polyphony > 2 or not _collides(kept, note) or line.role in ("harmony", "pad", "percussion"):
                kept.append((Draft(note.start, note.duration, pitch, note.stress), line.role))
    notes = []
    for draft, role in kept:
        velocity = round(scene.velocity(draft.start) + draft.stress + ROLE_WEIGHT[role])
        end = min(draft.end, scene.end)
        if end - draft.start > 0.02:
            notes.append(Note(round(draft.start, 6), round(end - draft.start, 6), draft.pitch, min(124, max(14, velocity))))
    return notes


def _collides(kept: Iterable[tuple[Draft, str]], note: Draft) -> bool:
    return any(other.start < note.end - 1e-6 and note.start < other.end - 1e-6 for other, _ in kept)
