"""When chords change: harmonic rhythm after feeling and real time, quicker towards cadences, and exactly where a hard hit falls.

Conventions
-----------
Places inside a bar are quarter notes from 0.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from composer.planner.harmony.ask import BarTime, HarmonyAsk

#: seconds that a chord is wished to last where the film is calmest, and where it is most excited
CALM_S, EXCITED_S = 4.8, 1.4
#: no two chords share a bar shorter than this without a hit, seconds
SHARED_BAR_S = 1.6
#: a change nearer than this to a hit gives way to it, quarter notes and seconds
_NEAR_BEATS, _NEAR_S = 1.01, 1.1
#: parts into which an entry may divide its bar
_MAX_PARTS = 8


@dataclass(frozen=True)
class Change:
    """A moment at which a chord begins."""

    #: bar of the section, from 0
    bar: int
    #: quarter notes from 0
    place: float
    #: whether it must be a new chord
    is_hit: bool = False


def wished_seconds(arousal: float) -> float:
    """Seconds a chord should last at an arousal of −1…1."""
    share = (min(1.0, max(-1.0, arousal)) + 1) / 2
    return float(CALM_S * (EXCITED_S / CALM_S) ** share)


def bars_per_chord(ask: HarmonyAsk) -> float:
    """4, 2, 1 or ½ bars."""
    bar_s = sum(bar.seconds for bar in ask.bars) / len(ask.bars)
    ratio = bar_s / wished_seconds(ask.arousal)
    if ratio > math.sqrt(2) and bar_s >= SHARED_BAR_S:
        return 0.5
    return 4.0 if ratio < 0.3 else 2.0 if ratio < 0.7 else 1.0


def parts_of(places: Sequence[float], beats: float) -> int | None:
    """Into how many equal parts a bar is divided so that a chord can begin at every place; None when no entry can say it."""
    for parts in range(1, _MAX_PARTS + 1):
        if all(abs(place * parts / beats - round(place * parts / beats)) < 1e-3 for place in places):
            return parts
    return None


def changes(ask: HarmonyAsk, first: int, count: int, rng: random.Random, *, leads_on: bool) -> list[Change]:
    """Where chords begin in a phrase of `count` bars from bar `first` on; the first is the phrase's own beginning."""
    hits = _hits(ask, first, count)
    found = [Change(bar, place) for bar, place in _regular(ask, first, count, rng, leads_on=leads_on)]
    kept = [change for change in found if not any(_gives_way(change, hit, ask.bars) for hit in hits)]
    if first == 0 and not any((c.bar, c.place) == (0, 0.0) for c in (*kept, *hits)):
        kept.insert(0, Change(0, 0.0))
    return _enough(sorted([*kept, *hits], key=lambda c: (c.bar, c.place)), ask, first, count)


def _regular(ask: HarmonyAsk, first: int, count: int, rng: random.Random, *, leads_on: bool) -> list[tuple[int, float]]:
    hold = bars_per_chord(ask)
    step = max(1, int(hold))
    found = []
    for offset in range(count):
        bar = first + offset
        if offset % step == 0 or (offset >= count - 2 and count > 2):
            found.append((bar, 0.0))
        half = _half(ask.bars[bar].beats)
        is_last = offset == count - 1
        often = 0.55 if hold < 1 else 0.0
        if offset == count - 2 and count > 2 and ask.bars[bar].seconds >= 1.5 * SHARED_BAR_S:
            often += 0.3  # quicker before the cadence
        if half and ask.bars[bar].seconds >= SHARED_BAR_S and rng.random() < often and (not is_last or leads_on):
            found.append((bar, half))
    return found


def _half(beats: float) -> float:
    """Where a bar is shared: in its middle, in threes on the third beat; 0 where it cannot be."""
    if beats < 2:
        return 0.0
    half = 2.0 if beats == 3.0 else float(math.ceil(beats / 2))
    return half if parts_of([half], beats) else 0.0


def _hits(ask: HarmonyAsk, first: int, count: int) -> list[Change]:
    """The moments where a new chord is due, as far as entries can say them; soft hits count on bar lines only."""
    found: list[Change] = []
    for hit in sorted(ask.hits, key=lambda h: (h.bar, h.beat, not h.is_hard)):
        if not first <= hit.bar < first + count or (not hit.is_hard and abs(hit.beat - 1) > 1e-6):
            continue
        place = max(0.0, hit.beat - 1)
        place = float(round(place)) if abs(place - round(place)) < 1e-3 else place
        beats = ask.bars[hit.bar].beats
        others = [c.place for c in found if c.bar == hit.bar]
        if place in others or place >= beats or parts_of([place, *others], beats) is None:
            continue
        found.append(Change(hit.bar, place, is_hit=hit.is_hard))
    return found


def _gives_way(change: Change, hit: Change, bars: Sequence[BarTime]) -> bool:
    """Whether a regular change lies on a hit, or so near that the hit would be one chord of many, or cannot be written beside it."""
    if change.bar == hit.bar:
        beats = abs(change.place - hit.place)
        if change.place and parts_of([change.place, hit.place], bars[change.bar].beats) is None:
            return True
    elif change.bar == hit.bar + 1:
        beats = bars[hit.bar].beats - hit.place + change.place
    else:
        return False
    return beats < 1e-6 or (hit.is_hit and beats <= _NEAR_BEATS and beats * bars[hit.bar].seconds / bars[hit.bar].beats < _NEAR_S)


def _enough(found: list[Change], ask: HarmonyAsk, first: int, count: int) -> list[Change]:
    """At least two chords, so that a phrase can close."""
    last = first + count - 1
    if len(found) < 2:
        spot = Change(last, 0.0) if count > 1 and not any(c.bar == last for c in found) else Change(last, _half(ask.bars[last].beats))
        taken = {(c.bar, c.place) for c in found}
        same_bar = [c.place for c in found if c.bar == spot.bar]
        if (spot.bar, spot.place) not in taken and parts_of([*same_bar, spot.place], ask.bars[last].beats):
            found = sorted([*found, spot], key=lambda c: (c.bar, c.place))
    return found


def entries(found: Sequence[tuple[Change, str]], bars: Sequence[BarTime]) -> list[str]:
    """One entry for each bar: changes (in order, the first at the beginning) with their chords, written so that they share the bar evenly."""
    lines = []
    sounding = found[0][1]
    for index, bar in enumerate(bars):
        inside = [(change.place, chord) for change, chord in found if change.bar == index]
        if not inside or inside[0][0] > 0:
            inside.insert(0, (0.0, sounding))
        parts = parts_of([place for place, _ in inside], bar.beats) or len(inside)
        starts = [round(place * parts / bar.beats) for place, _ in inside]
        slots = [next(chord for at, (_, chord) in zip(starts[::-1], inside[::-1], strict=True) if at <= slot) for slot in range(parts)]
        lines.append(slots[0] if len(set(slots)) == 1 else " ".join(slots))
        sounding = inside[-1][1]
    return lines
