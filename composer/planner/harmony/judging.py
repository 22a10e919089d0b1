"""What is wrong with a draft: hard hits without a new chord, a key or mode that is not heard, a chord that stays too long."""

from __future__ import annotations

from collections.abc import Sequence

from composer.planner.harmony.ask import Harmony, HarmonyAsk
from composer.planner.harmony.grammar import is_new
from composer.planner.harmony.hearing import key_lead, tonic_share
from composer.theory.chords import bar_chords
from composer.theory.keys import Key

#: by how much the key must be ahead of others (see `key_lead`) and how much of the time the tonic must have, in sections of at least so many bars
_KEY_LEAD, _TONIC_SHARE, _KEY_BARS = 0.12, 0.2, 5
#: mixolydian is heard by its flat seventh: in a triad on it or in a minor dominant, in sections of at least so many bars
_MODE_BARS = 4
#: no chord stays longer without a pedal's movement above it, bars
MAX_HELD_BARS = 4


def faults(draft: Harmony, ask: HarmonyAsk) -> float:
    """0 for none; a missed hit weighs most."""
    missed = sum(not changes_at(draft.chords, ask, hit.bar, hit.beat) for hit in ask.hits if hit.is_hard)
    held = max(0, _longest_run(draft.chords) - MAX_HELD_BARS)
    fault = 4.0 * missed + 2.0 * held
    if ask.key.mode in ("major", "minor") and len(ask.bars) >= _KEY_BARS:
        beats = [bar.beats for bar in ask.bars]
        lead = key_lead(draft.chords, beats, ask.key)
        fault += 0.0 if lead >= _KEY_LEAD else 1.0 + 10 * (_KEY_LEAD - lead)
        fault += 5 * max(0.0, _TONIC_SHARE - tonic_share(draft.chords, beats, ask.key))
    if ask.key.mode == "mixolydian" and len(ask.bars) >= _MODE_BARS and not _has_flat_seventh(draft.chords, ask.key):
        fault += 1.0
    return fault


def _has_flat_seventh(chords: Sequence[str], key: Key) -> bool:
    """Whether a chord on the flat seventh or a minor dominant is among some entries."""
    steps = {((chord.root - key.tonic) % 12, chord.is_minor) for entry in chords for chord in bar_chords(entry, key)}
    return bool(steps & {(10, False), (7, True)})


def changes_at(chords: Sequence[str], ask: HarmonyAsk, bar: int, beat: float) -> bool:
    """Whether a new chord begins exactly at a beat (from 1) of a bar (from 0)."""
    own = bar_chords(chords[bar], ask.key)
    slot = (beat - 1) * len(own) / ask.bars[bar].beats
    if beat == 1:
        last = bar_chords(chords[bar - 1], ask.key)[-1] if bar else ask.before
        return last is None or is_new(last, own[0])
    place = round(slot)
    return abs(slot - place) < 1e-3 and 0 < place < len(own) and is_new(own[place - 1], own[place])


def _longest_run(chords: Sequence[str]) -> int:
    """Bars of the longest stretch of one symbol."""
    longest = run = 0
    for i, entry in enumerate(chords):
        run = run + 1 if i and entry == chords[i - 1] else 1
        longest = max(longest, run)
    return longest
