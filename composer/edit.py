"""`Edit` and `Reuse`: how a picture was re-edited, and which music goes along with it.

Conventions
-----------
"Old" is the film that was scored, "new" the one that was edited since. Times are seconds from the first displayed frame, beats are
quarter notes from film time 0, each of its own film. A stretch is kept when every one of its pictures is in both films, in the
same order and at the same distance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from composer.film import Span

#: shorter rests of time than this are rounding, seconds
ROUNDING_S = 1e-3

#: what became of a bar: as it was and where it was; as it was, elsewhere; same notes at another tempo; some of its notes; none of them
BarFate = Literal["kept", "moved", "tempo", "part", "new"]


@dataclass(frozen=True)
class Kept:
    """A stretch of picture that is in both films."""

    #: its first frame in the old film, seconds
    old_start_s: float
    #: its first frame in the new film, seconds
    new_start_s: float
    #: how long it lasts, seconds
    length_s: float

    @property
    def old_end_s(self) -> float:
        """Its end in the old film, seconds (exclusive)."""
        return self.old_start_s + self.length_s

    @property
    def new_end_s(self) -> float:
        """Its end in the new film, seconds (exclusive)."""
        return self.new_start_s + self.length_s

    @property
    def offset_s(self) -> float:
        """New time minus old time, seconds."""
        return self.new_start_s - self.old_start_s


@dataclass(frozen=True)
class Edit:
    """What was done to a picture."""

    #: length of the old film, seconds
    old_duration_s: float
    #: length of the new film, seconds
    new_duration_s: float
    #: what is in both, in the order of the new film; stretches never overlap in the new film
    kept: tuple[Kept, ...]

    @property
    def removed(self) -> tuple[Span, ...]:
        """What of the old film is gone, in its order."""
        return _rest([(k.old_start_s, k.old_end_s) for k in self.kept], self.old_duration_s)

    @property
    def added(self) -> tuple[Span, ...]:
        """What of the new film was not in the old one, in its order."""
        return _rest([(k.new_start_s, k.new_end_s) for k in self.kept], self.new_duration_s)

    @property
    def repeated(self) -> tuple[Span, ...]:
        """What of the new film shows pictures of the old one that it has shown before, in its order."""
        found: list[Span] = []
        for i, k in enumerate(self.kept):
            shown = [(max(e.old_start_s, k.old_start_s), min(e.old_end_s, k.old_end_s)) for e in self.kept[:i]]
            free = _rest([(a, b) for a, b in shown if b > a] + [(0.0, k.old_start_s)], k.old_end_s)
            again = _rest([(span.start_s, span.end_s) for span in free] + [(0.0, k.old_start_s)], k.old_end_s)
            found += [Span(span.start_s + k.offset_s, span.end_s + k.offset_s) for span in again]
        return tuple(found)

    def moved(self, old_s: float, slack_s: float = 0.0) -> float | None:
        """When a moment of the old film is shown in the new one, seconds; None when its picture is gone.

        A moment within `slack_s` before a kept picture counts as that picture's. Of several places the first counts.
        """
        return next((old_s + k.offset_s for k in self.kept if k.old_start_s - slack_s <= old_s < k.old_end_s - slack_s), None)


@dataclass(frozen=True)
class Piece:
    """A stretch of old music that goes on in the new score, beat for beat."""

    #: where it began, beats of the old score
    old_beat: float
    #: where it begins, beats of the new score
    new_beat: float
    #: how long it is, beats
    beats: float

    @property
    def old_end_beat(self) -> float:
        """Its end in the old score, beats."""
        return self.old_beat + self.beats

    @property
    def new_end_beat(self) -> float:
        """Its end in the new score, beats."""
        return self.new_beat + self.beats


@dataclass(frozen=True)
class BarChange:
    """One bar of the new plan and where it comes from."""

    #: number in the new plan, from 1
    bar: int
    #: number in the old plan, from 1; None for new music
    old_bar: int | None
    #: what became of it
    fate: BarFate
    #: nobody plays in it: it lies between cues
    is_rest: bool = False


@dataclass(frozen=True)
class HitChange:
    """A hit point before and after."""

    #: moment of the old film, seconds; None for a new hit
    old_s: float | None
    #: moment of the new film, seconds; None for a hit that was dropped
    new_s: float | None
    #: whether it had to fall on a downbeat or beat
    is_hard: bool
    #: why it was dropped; empty otherwise
    why: str = ""


@dataclass(frozen=True)
class Reuse:
    """What of the old music goes into the new score, and what became of everything."""

    #: in the order of the new score, never overlapping there; what lies between needs new music
    pieces: tuple[Piece, ...]
    #: every bar of the new plan
    bars: tuple[BarChange, ...]
    #: every hit of the old and the new plan, in the order of the new film, dropped ones last
    hits: tuple[HitChange, ...]

    @property
    def note_for_note(self) -> float:
        """Share of the new plan's bars with music that keep every note of an old bar, 0…1."""
        same = sum(change.fate in ("kept", "moved", "tempo") for change in self.played)
        return same / max(1, len(self.played))

    @property
    def played(self) -> tuple[BarChange, ...]:
        """The bars of the new plan in which there is music."""
        return tuple(change for change in self.bars if not change.is_rest)

    def without(self, bar: int, start_beat: float, end_beat: float) -> Reuse:
        """The same, but that a bar of the new plan (from 1), which lasts from `start_beat` to `end_beat`, is written anew."""
        pieces = []
        for piece in self.pieces:
            for start, end in ((piece.new_beat, min(piece.new_end_beat, start_beat)), (max(piece.new_beat, end_beat), piece.new_end_beat)):
                if end > start:
                    pieces.append(Piece(piece.old_beat + start - piece.new_beat, start, end - start))
        bars = tuple(replace(change, old_bar=None, fate="new") if change.bar == bar else change for change in self.bars)
        return replace(self, pieces=tuple(pieces), bars=bars)


def _rest(taken: list[tuple[float, float]], end_s: float) -> tuple[Span, ...]:
    """What spans leave free of [0, end)."""
    free, done_s = [], 0.0
    for start_s, stop_s in [*sorted(taken), (end_s, end_s)]:
        if start_s - done_s > ROUNDING_S:
            free.append(Span(done_s, start_s))
        done_s = max(done_s, stop_s)
    return tuple(free)
