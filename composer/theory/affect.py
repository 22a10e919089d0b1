"""Musical affect: how pleasant, how awake and how tense a passage sounds, measured from its notes alone.

Valence and arousal are the axes of Russell's circumplex (1980), −1…1; tension is 0…1. What moves them in music is old and well
replicated (Gabrielsson & Lindström, *The role of structure in the musical expression of emotions*, 2010): fast, loud, short notes wake;
major mode, consonance, height please. On piano music labelled by people (EMOPIA, Hung et al. 2021; VGMIDI, Ferreira & Whitehead 2019)
notes per second, loudness and short notes each tell high from low arousal almost alone, and the majorness of the pitch classes is the
best single sign of valence, a weaker one. Hence:

* arousal: how many notes per second, how long they are, how loud; loudness can be left out (`flat_velocity`) to judge written music.
* valence: majorness (correlation of the pitch classes with the best major key profile minus the best minor one, Krumhansl 1990), less
  the dissonance, a little height, speed and detachment.
* tension: dissonant intervals that sound together (minor seconds, major sevenths, tritones), minor colour, arousal.

Each measure is standardised against a corpus of scores and games (see `NORMS`) and squashed by tanh, so 0 is ordinary music, not silence.

Conventions: (B,) arrays, one value per bar, each from a window of bars around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.theory.listening import majorness_by_bar
from composer.theory.passage import Floats, Passage
from composer.theory.texture import first_of_onset, window_sum

#: mean and standard deviation over bars of the corpus: 300 files, 50 from each of six collections, every file weighing the same
#: (Mutopia, OpenScore lieder, quartets and orchestra, Freedoom, Simutrans); loudness by definition, since half of the scores have none
NORMS: dict[str, tuple[float, float]] = {
    "log_rate": (1.84, 0.69),
    "log_length": (-1.18, 0.62),
    "velocity": (64.0, 20.0),
    "majorness": (0.04, 0.19),
    "register": (61.3, 6.3),
    "detached": (-0.26, 0.39),
    "dissonance": (0.10, 0.07),
}
#: weights of the standardised measures
AROUSAL = {"log_rate": 0.45, "log_length": -0.25, "velocity": 0.30}
VALENCE = {"majorness": 0.75, "register": 0.12, "log_rate": 0.10, "detached": 0.05, "dissonance": -0.20}
TENSION = {"dissonance": 0.60, "majorness": -0.22, "arousal": 0.50}
#: gain and offset before tanh that bring each to mean 0 and standard deviation 0.45 over the same corpus
AROUSAL_FIT = (0.697, -0.146)
AROUSAL_FLAT_FIT = (0.604, -0.024)
VALENCE_FIT = (0.65, -0.004)
#: gain and offset of the logistic of tension; over the corpus it comes to 0.41 ± 0.18
TENSION_FIT = (1.2, -0.4)

#: bars over which the mode is heard
MODE_BARS = 8
#: slots per beat in which simultaneous notes are looked for
SLOTS = 8
#: notes per second of a window without notes, and the shortest note that counts, seconds
FEWEST, SHORTEST_S = 0.25, 0.03
#: standardised measures are held within this, so that one odd bar cannot fill the scale
LIMIT = 3.0


@dataclass(frozen=True)
class MusicalAffect:
    """What each bar sounds like, (B,) each."""

    #: unpleasant −1 … pleasant 1
    valence: Floats
    #: asleep −1 … awake 1
    arousal: Floats
    #: at rest 0 … tense 1
    tension: Floats


def measure(passage: Passage, window_bars: int = 4, flat_velocity: bool = False) -> MusicalAffect:
    """Affect of every bar; flat_velocity leaves loudness out and shares its weight among the rest."""
    raw = _measures(passage, window_bars)
    z = {name: _standardised(name, raw[name]) for name in NORMS}
    weights = {name: w for name, w in AROUSAL.items() if not (flat_velocity and name == "velocity")}
    gain, offset = AROUSAL_FLAT_FIT if flat_velocity else AROUSAL_FIT
    awake = gain * _weighted(z, weights) / sum(abs(w) for w in weights.values()) + offset
    heard = raw["notes"] > 0
    valence = np.where(heard, np.tanh(VALENCE_FIT[0] * _weighted(z, VALENCE) + VALENCE_FIT[1]), 0.0)
    tense = _weighted({**z, "arousal": awake}, TENSION)
    tension = np.where(heard, 1.0 / (1.0 + np.exp(-(TENSION_FIT[0] * tense + TENSION_FIT[1]))), 0.0)
    return MusicalAffect(valence, np.tanh(awake), tension)


def overall(passage: Passage, flat_velocity: bool = False) -> tuple[float, float, float]:
    """(valence, arousal, tension) of the whole, bars weighing by their seconds; (0, 0, 0) where there are no bars."""
    if not passage.bars:
        return 0.0, 0.0, 0.0
    affect = measure(passage, flat_velocity=flat_velocity)
    seconds = np.diff(passage.seconds())
    valence, arousal, tension = (float(np.average(values, weights=seconds)) for values in (affect.valence, affect.arousal, affect.tension))
    return valence, arousal, tension


def features(passage: Passage) -> dict[str, float]:
    """Plain measures of the whole: rates per second, velocity, note length in seconds, shares 0…1, register in MIDI pitches."""
    if not passage.bars or not len(passage.onset):
        names = (
            "notes_per_second",
            "onsets_per_second",
            "mean_velocity",
            "mean_note_length_s",
            "majorness",
            "register",
            "dissonance",
            "pc_entropy",
            "qpm",
        )
        return dict.fromkeys(names, 0.0)
    total = float(passage.seconds()[-1])
    raw = _measures(passage, passage.bars * 2)
    pitched = passage.pitched()
    profile = np.bincount(passage.pitch[pitched] % 12, weights=passage.duration[pitched], minlength=12)
    share = profile[profile > 0] / max(float(profile.sum()), 1e-9)
    beats = np.diff(passage.edges)
    return {
        "notes_per_second": len(passage.onset) / total,
        "onsets_per_second": _distinct_onsets(passage).sum() / total,
        "mean_velocity": float(passage.velocity.mean()),
        "mean_note_length_s": float(_length_s(passage)[pitched].mean()) if pitched.any() else 0.0,
        "majorness": float(majorness_by_bar(passage, passage.bars * 2).mean()),
        "register": float(raw["register"].mean()),
        "dissonance": float(np.average(raw["dissonance"], weights=beats)),
        "pc_entropy": float(-(share * np.log2(share)).sum()),
        "qpm": float(beats.sum() * 60.0 / total),
    }  # fmt: skip


# measures -----------------------------------------------------------------------------------------------------------------------


def _standardised(name: str, values: Floats) -> Floats:
    """Distance from ordinary music in standard deviations; 0 where there is nothing to measure."""
    mean, deviation = NORMS[name]
    return np.clip(np.nan_to_num((values - mean) / deviation), -LIMIT, LIMIT)


def _weighted(z: dict[str, Floats], weights: dict[str, float]) -> Floats:
    return np.asarray(np.sum([weight * z[name] for name, weight in weights.items()], axis=0))


def _length_s(passage: Passage) -> Floats:
    """(N,) length of each note in seconds at the tempo of its bar."""
    return np.maximum(passage.duration * 60.0 / passage.qpm[passage.bar_of(passage.onset)], SHORTEST_S)


def _distinct_onsets(passage: Passage) -> Floats:
    """(B,) times at which anything begins, in each bar: what one would clap along to."""
    bar = passage.bar_of(passage.onset)
    starts = np.ones(len(bar), dtype=bool)
    starts[1:] = np.diff(passage.onset) > 0.04
    return np.bincount(bar, weights=starts, minlength=passage.bars).astype(np.float64)


def _measures(passage: Passage, window: int) -> dict[str, Floats]:
    """(B,) each; nan where the window has nothing to measure."""
    bars = passage.bars
    if not bars:
        return {name: np.zeros(0) for name in (*NORMS, "notes")}
    bar = passage.bar_of(passage.onset)
    pitched = passage.pitched()
    seconds = window_sum(np.diff(passage.seconds()), window)
    length = _length_s(passage)

    def summed(values: Floats, chosen: NDArray[np.bool_] | None = None) -> Floats:
        weights = values if chosen is None else values * chosen
        return window_sum(np.bincount(bar, weights=weights, minlength=bars).astype(np.float64), window)

    def ratio(top: Floats, bottom: Floats) -> Floats:
        return np.asarray(top / np.where(bottom > 0, bottom, np.nan))

    notes, tones = summed(np.ones(len(bar))), summed(pitched.astype(np.float64))
    onsets = summed(first_of_onset(passage).astype(np.float64))
    distinct = window_sum(_distinct_onsets(passage), window)
    # a tutti has many notes at once, a toccata many in turn: either wakes, both more
    rate = 0.5 * np.log(np.maximum(distinct / seconds, FEWEST)) + 0.5 * np.log(np.maximum(onsets / seconds, FEWEST))
    clash, pairs = _intervals(passage)
    log_length = ratio(summed(np.log(length), pitched), tones)
    return {
        "notes": notes,
        "log_rate": rate,
        "log_length": log_length,
        "velocity": ratio(summed(passage.velocity.astype(np.float64)), notes),
        "majorness": majorness_by_bar(passage, MODE_BARS),
        "register": ratio(summed(passage.pitch * passage.duration, pitched), summed(passage.duration, pitched)),
        # notes shorter than their share of time are detached, longer ones ring
        "detached": -(log_length + np.log(np.maximum(distinct / seconds, FEWEST))),
        "dissonance": ratio(window_sum(clash, window), window_sum(pairs, window)),
    }


def _intervals(passage: Passage) -> tuple[Floats, Floats]:
    """(B,) time in which two pitch classes form a minor second, major seventh or tritone; (B,) time of any two pitch classes; beat-pairs."""
    count = int(np.ceil(passage.edges[-1] * SLOTS)) + 1
    pitched = passage.pitched()
    # the slots whose middles a note covers
    first = np.ceil(passage.onset[pitched] * SLOTS - 0.5).astype(np.int64).clip(0, count)
    after = np.ceil((passage.onset + passage.duration)[pitched] * SLOTS - 0.5).astype(np.int64).clip(0, count)
    pc = passage.pitch[pitched] % 12
    change = np.bincount(first * 12 + pc, minlength=(count + 1) * 12) - np.bincount(after * 12 + pc, minlength=(count + 1) * 12)
    on = (np.cumsum(change.reshape(-1, 12), axis=0)[:-1] > 0).astype(np.float64)
    size = on.sum(axis=1)
    clash = (on * np.roll(on, 1, axis=1)).sum(axis=1) + (on[:, :6] * on[:, 6:]).sum(axis=1)
    slot_bar = passage.bar_of((np.arange(count) + 0.5) / SLOTS)
    pairs = size * (size - 1) / 2

    def per_bar(values: Floats) -> Floats:
        return np.bincount(slot_bar, weights=values, minlength=passage.bars).astype(np.float64) / SLOTS

    return per_bar(clash), per_bar(pairs)
