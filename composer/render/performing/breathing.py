"""Breathing: whoever blows or sings lets go after a phrase, and where a line would last longer than a breath.

The note before the breath gives the time, never the note after it: entries stay where they are. Between phrases everybody breathes; inside
a long one the best place is after a long note, before a hit or a downbeat. Choirs breathe in turn (staggered), so their lines last longer.

Conventions
-----------
Breaths are seconds. How long players go on at moderate loudness after Adler, *The Study of Orchestration* (4th ed.): a tuba's breath is
short, an oboe's long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from composer.render.performing.desk import Attack, Desk, attacks_of
from composer.score import Note

#: how long one breath lasts, by instrument, by family, seconds
_BREATH_S = {"flute": 6.0, "piccolo": 6.0, "oboe": 9.0, "english_horn": 9.0, "tuba": 5.0, "choir": 12.0}
_FAMILY_BREATH_S = {"woodwinds": 7.5, "brass": 6.5, "choir": 7.0}
#: a gap that lets a player breathe; what a good one takes; the share of a note that it takes at most: seconds, seconds, 0…1
LEAST_S, _GOOD_S, _SHARE = 0.15, 0.3, 0.35
#: what is left of a note that gives its end
_LEFT_S = 0.06
#: breath is taken after this share of it at the earliest
_EARLIEST = 0.4
#: what a downbeat, a hit, a phrase that begins next are worth, as seconds of the note before
_DOWNBEAT, _HIT = 0.3, 0.5


def breath_s(desk: Desk) -> float:
    """How long the part goes on without breathing, seconds."""
    return _BREATH_S.get(desk.info.id, _FAMILY_BREATH_S.get(desk.info.family, 7.0))


def breathing(notes: Sequence[Note], desk: Desk) -> list[Note]:
    """The notes of a part with gaps to breathe in; onsets, pitches and velocities stay. Who needs no breath keeps all."""
    if not desk.info.breathes or not notes:
        return list(notes)
    attacks = attacks_of(notes)
    line = _Line(desk, attacks, [attack.end for attack in attacks])
    first = 0
    for phrase in desk.phrases(attacks):
        first += len(phrase)
        if first < len(attacks):
            line.breathe_after(first - 1)
    line.breathe_in_time()
    return [_cut(note, end) for attack, end in zip(attacks, line.ends, strict=True) for note in attack.notes]


@dataclass
class _Line:
    """Attacks, and where each is let go while breaths are being placed."""

    desk: Desk
    attacks: Sequence[Attack]
    #: latest release of each attack, beats
    ends: list[float]

    def breathe_after(self, i: int) -> None:
        """Make room between an attack and the next; whatever still sounds then is let go as well."""
        following, own = self.attacks[i + 1].start, self.attacks[i].start
        free_s = (following - own) * self.desk.s_per_beat(own)
        gap_s = min(_GOOD_S, max(LEAST_S + 0.01, _SHARE * free_s), max(0.0, free_s - _LEFT_S))
        edge = following - self.desk.beats(gap_s, own)
        for k in range(i, -1, -1):
            if self.attacks[k].start < own - 16:  # nobody holds a note for longer than this behind the beat
                break
            self.ends[k] = min(self.ends[k], max(edge, self.attacks[k].start + self.desk.beats(0.02, own)))

    def breathe_in_time(self) -> None:
        """No stretch without a gap outlasts a breath."""
        limit, begun, i = breath_s(self.desk), 0, 0
        while i < len(self.attacks):
            self.ends[i] = min(self.ends[i], self.attacks[i].start + self.desk.beats(limit, self.attacks[i].start))
            if i > begun and self._gap_s(i - 1) >= LEAST_S:
                begun = i
            elif i > begun and self._s(self.attacks[begun].start, self._sounds_until(i)) > limit:
                best = max(range(begun, i), key=lambda k: (self._worth(k, begun, limit), k))
                self.breathe_after(best)
                begun = i = best + 1
                continue
            i += 1

    def _worth(self, k: int, begun: int, limit: float) -> float:
        """How good a place after attack `k` is, in seconds of its note; early ones count little."""
        following = self.attacks[k + 1].start
        length_s = min(2.0, self._s(self.attacks[k].start, following))
        scene = self.desk.stretch_at(following).scene
        downbeat = scene is not None and abs(scene.bar_at(following).start - following) < 1e-3
        early = self._s(self.attacks[begun].start, following) < _EARLIEST * limit
        return length_s + (_DOWNBEAT if downbeat else 0.0) + (_HIT if self.desk.is_on_hit(following) else 0.0) - (3.0 if early else 0.0)

    def _gap_s(self, i: int) -> float:
        """Seconds of silence between an attack and the next."""
        return self._s(self._sounds_until(i), self.attacks[i + 1].start)

    def _sounds_until(self, i: int) -> float:
        """Where the last of an attack and the few before it ends, beats."""
        return max(self.ends[max(0, i - 8) : i + 1])

    def _s(self, start: float, end: float) -> float:
        """Seconds from beat to beat."""
        return self.desk.tempo.beat_to_s(end) - self.desk.tempo.beat_to_s(start)


def _cut(note: Note, end: float) -> Note:
    return note if note.end_beat <= end + 1e-6 else replace(note, duration_beats=round(end - note.start_beat, 6))
