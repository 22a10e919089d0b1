"""Notes and conditions as small whole numbers: the one scheme that data, model and sampling share.

Events
------
Music is written bar by bar; inside a bar, line by line (a *segment*: what one player does in one bar), tune first, then bass, then
what fills the middle (ROLE_ORDER). A segment is one *header* event, which carries conditions and no music, and one event per note.
A note has four factors, decided in this order: onset (place in the bar, never going back), pitch, duration, velocity. The onset class
END says that the segment is over. So a note costs one step of the model and a segment one more.

Time: 24 ticks a beat (quarter); onsets snap to twelve places a beat, which hold 32nds and sextuplets. Bars have at most 8 beats.
Pitch: semitones from a reference tonic (`to_relative`), so that one progression looks the same in every key.

Echoes
------
Music repeats itself with changes. Beside every event stands what came next, at this place of the bar, in three other segments
(ECHOES): the same line one bar ago, the same line two bars ago, and the line written just before in this bar. Each echo has four
numbers: onset (END: nothing more; NO_ECHO: there is no such segment), pitch, duration, and the step by which it was reached.
They say nothing that is not in the events before; they spare a small model from learning where to look.

Conditions
----------
Every segment carries FIELDS: whole numbers with 0 for «unknown», so that any of them can be left out (in training now and then, for
guidance; in use, when nobody asked). Bar fields are the same for all segments of a bar.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]

#: grows when stored data or checkpoints stop being readable
VERSION = 1
TICKS_PER_BEAT = 24
MAX_BAR_BEATS = 8
# 32nds and sixteenth triplets
_PLACES = (0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21)
ONSET_TICKS = np.array([TICKS_PER_BEAT * beat + place for beat in range(MAX_BAR_BEATS) for place in _PLACES], dtype=np.int64)
ONSETS = len(ONSET_TICKS)  # 96
END = ONSETS
DURATION_TICKS = np.array([2, 3, 4, 6, 8, 9, 12, 15, 16, 18, 21, 24, 30, 32, 36, 42, 48, 54, 60, 66, 72, 84, 96, 108, 120, 144, 168, 192, 240, 288, 336, 384])  # fmt: skip
DURATIONS = len(DURATION_TICKS)  # 32
PITCHES = 128
# dynamics from ppp to fff, at the velocities notation programs give them
VELOCITIES_AT = np.array([22, 36, 50, 64, 77, 91, 106, 121], dtype=np.int64)
VELOCITIES = len(VELOCITIES_AT)
#: sizes of the four factors of a note
FACTORS = {"onset": ONSETS + 1, "pitch": PITCHES, "duration": DURATIONS, "velocity": VELOCITIES}

#: where echoes are taken from, and the sizes of their four numbers
ECHOES = ("one bar ago", "two bars ago", "line before")
ECHO_FACTORS = {"onset": ONSETS + 2, "pitch": PITCHES + 1, "duration": DURATIONS + 1, "step": 50}
NO_ECHO = ONSETS + 1
NOTHING = (NO_ECHO, PITCHES, DURATIONS, 49)
CEASED = (END, PITCHES, DURATIONS, 49)

#: inside a bar lines are written in this order, as a composer would: tune, bass, then the middle
ROLE_ORDER = ("melody", "bass", "counter", "harmony", "ostinato", "pad", "percussion")

#: bar fields → number of known values
BAR_FIELDS: dict[str, int] = {
    "metre": 32,          # length in eighths (1…16), + 16 when the beat divides in three
    "tempo": 16,          # 30…240 qpm, by equal ratios
    "tonic": 12,          # semitones above the reference tonic
    "mode": 2,            # major, minor
    "root_1": 13, "quality_1": 12, "bass_1": 13,  # chord of the first half: root and bass above the reference (13th: none)
    "root_2": 13, "quality_2": 12, "bass_2": 13,  # chord of the second half
    "valence": 12, "arousal": 12,                 # −1…1
    "tension": 8,         # 0…1
    "cut_rhythm": 8,      # marked moments per second, 0…2
    "since": 16,          # bars since the section began
    "until": 16,          # bars until it ends (0: its last bar)
    "hit_in": 6,          # bars to the next marked moment: here, 1, 2, 3, 4, further
    "hit_at": 16,         # half-beat of the marked moment in this bar
    "lines": 16,          # how many lines play
}  # fmt: skip
#: segment fields → number of known values
LINE_FIELDS: dict[str, int] = {
    "instrument": 64,     # index into the list that the checkpoint keeps
    "role": len(ROLE_ORDER),
    "density": 12,        # onsets per beat, by equal ratios
    "register": 32,       # mean pitch above the reference, 4 semitones a step
    "loudness": VELOCITIES,
    "voices": 4,          # notes per onset: 1, to 1.5, to 2.5, more
    "before": PITCHES,    # the line's last pitch
    "held": 10,           # beats for which its last note still sounds in this bar
    "slot": 32,           # tells apart two lines of one instrument and role
}  # fmt: skip
FIELDS: dict[str, int] = {**BAR_FIELDS, **LINE_FIELDS}
FIELD_NAMES = tuple(FIELDS)
FIELD_INDEX = {name: i for i, name in enumerate(FIELD_NAMES)}
#: row of each field's «unknown» in one joint embedding table
FIELD_OFFSETS = np.concatenate([[0], np.cumsum([size + 1 for size in FIELDS.values()])[:-1]]).astype(np.int64)
FIELD_ROWS = int(sum(size + 1 for size in FIELDS.values()))
#: what guidance on feeling leaves out
AFFECT_FIELDS = ("valence", "arousal", "tension", "cut_rhythm")
NO_CHORD = 12  # root and bass of silence, before + 1

_SNAP = np.array([int(np.argmin(np.abs(ONSET_TICKS - tick))) for tick in range(TICKS_PER_BEAT * MAX_BAR_BEATS)], dtype=np.int64)


def onset_class(tick: ArrayLike, bar_ticks: ArrayLike) -> Ints:
    """Class of the place nearest to a tick of the bar, the last place that is inside the bar at most."""
    inside = np.minimum(np.asarray(tick), np.asarray(bar_ticks) - 1)
    found = _SNAP[np.clip(inside, 0, len(_SNAP) - 1)]
    late = ONSET_TICKS[found] >= np.asarray(bar_ticks)
    return np.asarray(found - late, dtype=np.int64)


def nearest_class(values: ArrayLike, centres: NDArray[Any]) -> Ints:
    """Index of the nearest of ascending centres."""
    middles = (centres[1:] + centres[:-1]) / 2
    return np.searchsorted(middles, np.asarray(values, dtype=float)).astype(np.int64)


def duration_class(ticks: ArrayLike) -> Ints:
    """Class of the nearest length, by ratio."""
    return nearest_class(np.log2(np.maximum(np.asarray(ticks, dtype=float), 1.0)), np.log2(DURATION_TICKS))


def velocity_class(velocity: ArrayLike) -> Ints:
    """Class of the nearest velocity."""
    return nearest_class(velocity, VELOCITIES_AT)


def _level(value: ArrayLike, low: float, high: float, levels: int) -> Ints:
    """1 … levels, equal steps from low to high; NaN is 0, unknown."""
    x = np.asarray(value, dtype=float)
    step = np.floor((np.nan_to_num(x) - low) / (high - low) * levels)
    return np.where(np.isnan(x), 0, np.clip(step, 0, levels - 1) + 1).astype(np.int64)


def metre_field(beats: ArrayLike, denominator: ArrayLike, numerator: ArrayLike) -> Ints:
    """Bars of `beats` quarters; x/8 with x divisible by three (and more than three) counts in dotted quarters."""
    eighths = np.clip(np.round(np.asarray(beats, dtype=float) * 2), 1, 16)
    triple = (np.asarray(denominator) == 8) & (np.asarray(numerator) % 3 == 0) & (np.asarray(numerator) > 3)
    return (eighths + 16 * triple).astype(np.int64)


def tempo_field(qpm: ArrayLike) -> Ints:
    """30 to 240 qpm, equal ratios."""
    return _level(np.log2(np.asarray(qpm, dtype=float)), np.log2(30.0), np.log2(240.0), BAR_FIELDS["tempo"])


def valence_field(valence: ArrayLike) -> Ints:
    """−1…1; arousal likewise."""
    return _level(valence, -1.0, 1.0, BAR_FIELDS["valence"])


def tension_field(tension: ArrayLike) -> Ints:
    """0…1."""
    return _level(tension, 0.0, 1.0, BAR_FIELDS["tension"])


def cut_rhythm_field(per_second: ArrayLike) -> Ints:
    """0…2 a second, finer below (square root)."""
    return _level(np.sqrt(np.asarray(per_second, dtype=float) / 2.0), 0.0, 1.0, BAR_FIELDS["cut_rhythm"])


def density_field(onsets_per_beat: ArrayLike) -> Ints:
    """Onsets a beat: 1/16 … 6, equal ratios."""
    return _level(np.log2(np.maximum(np.asarray(onsets_per_beat, dtype=float), 1 / 16)), -4.0, 2.6, LINE_FIELDS["density"])


def onsets_per_beat(field: ArrayLike) -> NDArray[np.float64]:
    """Middle of a density field."""
    low, high, levels = -4.0, 2.6, LINE_FIELDS["density"]
    return np.asarray(2.0 ** (low + (np.asarray(field, dtype=float) - 0.5) * (high - low) / levels))


def register_field(pitch_above_reference: ArrayLike) -> Ints:
    """Mean relative pitch, 4 semitones a step."""
    return _level(pitch_above_reference, 0.0, 128.0, LINE_FIELDS["register"])


def voices_field(notes_per_onset: ArrayLike) -> Ints:
    """One note at a time, now and then two, mostly two, more."""
    return (1 + np.searchsorted([1.1, 1.5, 2.5], np.asarray(notes_per_onset, dtype=float))).astype(np.int64)


def held_field(beats: ArrayLike) -> Ints:
    """Whole beats (rounded up) for which the last note still sounds in the bar: 1 is none."""
    return (1 + np.clip(np.ceil(np.asarray(beats, dtype=float) - 1e-6), 0, LINE_FIELDS["held"] - 1)).astype(np.int64)


def reference_shift(tonic: int) -> int:
    """Semitones to take off a sounding pitch so that the tonic becomes a C: −5 … 6."""
    return (tonic + 5) % 12 - 5


def to_relative(pitch: ArrayLike, shift: ArrayLike) -> Ints:
    """Pitch above the reference; octaves are kept, the very ends fold."""
    moved = np.asarray(pitch) - np.asarray(shift)
    return np.where(moved < 0, moved + 12, np.where(moved > 127, moved - 12, moved)).astype(np.int64)
