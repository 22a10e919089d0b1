"""Statements: a theme's motif set into the phrases of a section, as the notes its tune begins with.

Conventions
-----------
A section's first phrase states the motif from its first beat (a bar later when a stop or a stinger silences that one), as the section's variation has it; so does every second phrase after it, and
the second of a pair. Where there is room for a sentence (idea, idea again, continuation; Schoenberg, *Fundamentals of Musical Composition*),
and where only the head of a theme is left, it is said twice. Later statements may be moved by scale steps (a sequence: the harmony of the place
decides which). Between statements the tune is free. Notes on strong beats, and long ones, belong to the chord (or
lean on one of its notes: an appoggiatura, Aldwell & Schachter, *Harmony and Voice Leading*); the others lie in the chord's scale. Beats
are film beats, pitches sounding MIDI pitches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from composer.instruments import Instrument
from composer.scene import BarSpan, Draft, Scene
from composer.theory.chords import chord_scale
from composer.theory.keys import MODES
from composer.theory.motif import Motif
from composer.theory.voicing import into_range

#: a note so long is heard against the chord wherever it begins, beats
_LONG_BEATS = 1.5
#: an appoggiatura lasts so long at most, and leans on a note so near, semitones
_LEANS_BEATS, _LEANS_ON = 1.0, 2
#: scale steps by which a later statement may be moved
_SEQUENCES = (0, 1, -1, 2, -2)
#: … and what is turned upside down: around its first note, or so that the notes of the tonic's triad stay such
_MIRRORS = (0, 4, 2, -2)
#: two statements take this share of a phrase at most: what is left must suffice to go on and to close
_SENTENCE_SHARE = 0.7
#: less than this is no note, beats
_SHORTEST_BEATS = 0.2
#: a statement that fills its phrase lets the last so many beats go: a breath
_BREATH_BEATS = 0.5
#: shares of a written length that sound, of short and of long notes
_SHORT_SHARE, _LONG_SHARE = 0.97, 0.99


@dataclass(frozen=True)
class Statement:
    """A motif said once: its notes, and the stretch in which nothing else of the tune begins."""

    #: beats
    start: float
    end: float
    #: in order, one at a time
    notes: tuple[Draft, ...]


@dataclass(frozen=True)
class _Wish:
    """A note as the motif has it, before the harmony is asked."""

    start: float
    length: float
    pitch: int


def singing_range(info: Instrument, *, alone: bool) -> tuple[int, int]:
    """Where a tune sits on an instrument: the singing upper two thirds of its comfortable range, not above the staff's top."""
    low, high = info.comfortable
    if info.polyphony >= 4 and high >= 79:
        return max(low, 62), min(high, 86)  # above its own accompaniment
    floor = low + (high - low) // (4 if alone else 2 if low < 48 else 3)
    floor = max(low, min(floor, 62))
    return floor, min(high, max(84, floor + 15))  # small high instruments need an octave, too


def statements(scene: Scene, low: int, high: int) -> list[Statement]:
    """All statements of a section's motif within [low, high], in order; none where its theme has no motif."""
    motif = scene.motif
    if motif is None:
        return []
    found: list[Statement] = []
    for start, end, is_later in _places(scene, motif):
        steps = _SEQUENCES if is_later else _MIRRORS if scene.section.variation == "inverted" else (0,)
        tries = [(_set(scene, motif, step, start, end, low, high), step) for step in steps]
        (notes, _), _ = min(tries, key=lambda one: (one[0][1] + 0.4 * abs(one[1]), steps.index(one[1])))
        if notes:
            found.append(Statement(start, end, tuple(notes)))
    return found


def _places(scene: Scene, motif: Motif) -> list[tuple[float, float, bool]]:
    """(start, end, whether it may be a sequence) of every statement; the last bar of a cue is left to the closing."""
    phrases, found = scene.phrases(), []
    for i, phrase in enumerate(phrases):
        if i % 2 and len(phrases) != 2:
            continue
        start, limit = _free_from(scene, phrase), _limit(scene, phrase)
        is_sentence = 2 * motif.length_beats <= _SENTENCE_SHARE * (phrase[-1].end - start) + 1e-6
        copies = 2 if is_sentence or scene.section.variation == "fragmented" else 1
        for copy in range(copies):
            until = start + motif.length_beats
            if start < limit - 1e-6:
                found.append((start, min(until, limit), i > 0 or copy > 0))
            start = next((bar.start for bar in phrase if bar.start >= until - 1e-6), limit)
    return found


def _free_from(scene: Scene, phrase: Sequence[BarSpan]) -> float:
    """The first bar of a phrase that no stop or stinger silences."""
    return next((bar.start for bar in phrase if not any(bar.start - 1e-6 <= halt < bar.end - 1e-6 for halt in scene.halts)), phrase[-1].end)


def _limit(scene: Scene, phrase: Sequence[BarSpan]) -> float:
    """Where a phrase's statements end at the latest."""
    is_last = scene.is_last and phrase[-1] is scene.bars[-1]
    return phrase[-1].start if is_last else phrase[-1].end


def _tonic(scene: Scene, degrees: Sequence[int], low: int, high: int) -> int:
    """The tonic's pitch that puts the motif best: as much as can be inside the range, then nearest to its middle (higher when excited)."""
    centre = low + (high - low) * (0.46 + 0.12 * scene.arousal)
    pitches = [scene.key.tonic + _semitones(scene, degree) for degree in degrees]
    middle = (min(pitches) + max(pitches)) / 2

    def misfit(octave: int) -> tuple[int, float]:
        return sum(not low <= p + 12 * octave <= high for p in pitches), abs(middle + 12 * octave - centre)

    return scene.key.tonic + 12 * min(range(11), key=misfit)


def _semitones(scene: Scene, degree: int) -> int:
    """A degree's distance from the tonic."""
    octave, step = divmod(degree - 1, 7)
    return 12 * octave + MODES[scene.key.mode][step]


def _set(scene: Scene, motif: Motif, step: int, start: float, end: float, low: int, high: int) -> tuple[list[Draft], int]:
    """The motif in the harmony of a place, and how many of its notes had to change."""
    tonic = _tonic(scene, [note.degree + step for note in motif.notes], low, high)
    wishes = _cut(
        [
            _Wish(start + n.onset_beats, n.length_beats, into_range(tonic + _semitones(scene, n.degree + step), low, high))
            for n in motif.notes
        ],
        scene.hard,
        start,
        end,
    )
    notes: list[Draft] = []
    changes = 0
    for i, wish in enumerate(wishes):
        following = wishes[i + 1] if i + 1 < len(wishes) else None
        pitch = wish.pitch if _fits(scene, wish, following) else _moved(scene, wish, wishes[i - 1] if i else None, notes, low, high)
        changes += pitch != wish.pitch
        share = _SHORT_SHARE if wish.length < 2 else _LONG_SHARE
        notes.append(Draft(wish.start, wish.length * share, pitch, 5.0 if i == 0 else 0.0))
    return notes, changes


def _cut(wishes: Sequence[_Wish], hits: Sequence[float], start: float, end: float) -> list[_Wish]:
    """Nothing past the end, a breath before it, and a note that begins on every hard hit in between."""
    found = [_Wish(w.start, min(w.length, end - w.start), w.pitch) for w in wishes if w.start < end - _SHORTEST_BEATS]
    if found and found[-1].start + found[-1].length > end - 1e-6 and found[-1].length >= 2 * _BREATH_BEATS:
        found[-1] = _Wish(found[-1].start, found[-1].length - _BREATH_BEATS, found[-1].pitch)
    for hit in (h for h in hits if start - 1e-6 < h < end - _SHORTEST_BEATS and found):
        if hit < found[0].start - 1e-6:  # in the motif's first rest
            found.insert(0, _Wish(hit, min(1.0, found[0].start - hit), found[0].pitch))
        at = max(i for i, w in enumerate(found) if w.start <= hit + 1e-6)
        if abs(found[at].start - hit) < 1e-6:
            continue
        held = found[at]
        following = found[at + 1].start if at + 1 < len(found) else end
        struck = _Wish(hit, max(min(1.0, following - hit), held.start + held.length - hit), held.pitch)
        before = [_Wish(held.start, min(held.length, hit - held.start), held.pitch)] if hit - held.start >= _SHORTEST_BEATS else []
        found[at : at + 1] = [*before, struck]
    return found


def _fits(scene: Scene, wish: _Wish, following: _Wish | None) -> bool:
    """Whether the harmony bears a note as it is."""
    chord = scene.chord_at(wish.start)
    if wish.pitch % 12 in chord.pitch_classes:
        return True
    if not _is_weighty(scene, wish):
        return wish.pitch % 12 in _passing(scene, wish.start)
    # an appoggiatura leans on a chord note that follows at once
    leans = following is not None and not scene.is_hit(wish.start) and wish.length <= _LEANS_BEATS + 1e-6
    return (
        leans
        and following is not None
        and following.start - wish.start - wish.length < 1e-6
        and 0 < abs(following.pitch - wish.pitch) <= _LEANS_ON
        and following.pitch % 12 in scene.chord_at(following.start).pitch_classes
        and wish.pitch % 12 in _passing(scene, wish.start)
    )


def _is_weighty(scene: Scene, wish: _Wish) -> bool:
    return scene.is_strong(wish.start) or wish.length >= _LONG_BEATS


def _passing(scene: Scene, beat: float) -> set[int]:
    """Pitch classes that may pass over the chord: its scale, and the fourth above its root, which a raised third would else forbid."""
    chord = scene.chord_at(beat)
    fourth = (chord.root + 5) % 12
    return {*chord_scale(chord, scene.key), *({fourth} & set(scene.key.scale))}


def _moved(scene: Scene, wish: _Wish, before: _Wish | None, notes: Sequence[Draft], low: int, high: int) -> int:
    """The nearest note that the harmony bears, the line still going the way the motif goes."""
    classes = set(scene.chord_at(wish.start).pitch_classes) if _is_weighty(scene, wish) else _passing(scene, wish.start)
    pitches = [p for p in range(low, high + 1) if p % 12 in classes and abs(p - wish.pitch) <= 7] or [wish.pitch]

    def cost(pitch: int) -> tuple[float, int]:
        turned = before is not None and _sign(pitch - notes[-1].pitch) != _sign(wish.pitch - before.pitch)
        return abs(pitch - wish.pitch) + 1.6 * turned, pitch

    return min(pitches, key=cost)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
