"""Whether a section's chords are heard in its key, and how bright: key finding of Krumhansl & Schmuckler on the chords themselves.

Profiles: Krumhansl & Kessler (1982), as printed in Krumhansl, *Cognitive Foundations of Musical Pitch* (1990).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from composer.theory.chords import bar_chords
from composer.theory.keys import Key
from composer.theory.listening import key_fit, key_profiles

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_KEYS = key_profiles(np.array((_MAJOR, _MINOR)))


def _fits(chords: Sequence[str], beats: Sequence[float], key: Key) -> NDArray[np.float64]:
    """(24,) correlation of the chords with every key: major ones from C on, then minor ones.

    Every chord counts by its length in beats, its bass twice.
    """
    weights = np.zeros(12)
    for entry, length in zip(chords, beats, strict=True):
        found = bar_chords(entry, key)
        for chord in found:
            for pitch_class in (*chord.pitch_classes, chord.bass):
                weights[pitch_class] += length / len(found)
    return key_fit(weights, _KEYS)


def key_lead(chords: Sequence[str], beats: Sequence[float], key: Key) -> float:
    """How far the key, or its relative, is ahead of every other one (difference of correlations; negative when another is found)."""
    fit, minor = _fits(chords, beats, key), key.is_minor
    own = (key.tonic + 12 * minor, (key.tonic + (3 if minor else 9)) % 12 + 12 * (not minor))
    best_other = max(float(fit[k]) for k in range(24) if k not in own)
    return max(float(fit[own[0]]), float(fit[own[1]])) - best_other


def majorness(chords: Sequence[str], beats: Sequence[float], key: Key) -> float:
    """How much more the chords sound like a major key than like a minor one: best correlation against best, about −0.4…0.4 (Krumhansl 1990)."""
    fit = _fits(chords, beats, key)
    return float(fit[:12].max() - fit[12:].max())


def tonic_share(chords: Sequence[str], beats: Sequence[float], key: Key) -> float:
    """Share of time on chords over the tonic."""
    at_home = 0.0
    for entry, length in zip(chords, beats, strict=True):
        found = bar_chords(entry, key)
        at_home += length * sum(chord.root == key.tonic for chord in found) / len(found)
    return at_home / sum(beats)
