"""How phrases end: kinds of cadences by what the phrase is for, and their formulas by mode.

A formula written ``bII6 V7 i @.4`` is used from tension 0.4 upwards. Kinds as in `composer.theory.chords.is_cadence`; "leading" opens the
key that follows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from composer.planner.harmony.ask import HarmonyAsk
from composer.planner.harmony.grammar import draw
from composer.theory.chords import parse_chord
from composer.theory.keys import MODES, Key

# fmt: off
_FORMULAS: dict[str, dict[str, str]] = {
    "major": {
        "authentic": "V7 I|IV V7 I|ii65 V7 I|ii6 V I|IV I64 V7 I|ii V7 I|iiø65 V7 I @.35|bII6 V7 I @.6",
        "plagal": "IV I|vi IV I|IV6 I", "minor plagal": "IV iv I|iv I|vi iv I", "half": "ii V|IV V|ii65 V|vi ii V|IV Vsus4|V7/V V @.25",
        "deceptive": "IV V vi|V7 vi|ii V7 vi|V7 bVI @.4", "modal": "bVII I @.25|bVI bVII I @.25|bVI I @.3"},
    "minor": {
        "authentic": "V7 i|iv V7 i|iiø65 V7 i|iv6 V i|iv i64 V7 i|VI V7 i|bII6 V7 i @.4|V7 viio7 i @.4",
        "plagal": "iv i|VI iv i|iiø65 i", "half": "iv6 V|iv V|VI V|iiø65 V|bII6 V @.4|viio7/V V @.5|iv Vsus4",
        "deceptive": "V7 VI|iv V7 VI", "modal": "VII i|VI VII i|bII i @.5|bvi i @.3"},
    "dorian": {"authentic": "IV V i|V i", "plagal": "IV i|III IV i|VII IV i", "half": "IV v|ii v", "deceptive": "V VI", "modal": "VII i|v i|III VII i"},
    "phrygian": {"authentic": "viio7 i|bII V i @.3|bII viio7 i", "plagal": "iv i|bII iv i", "half": "bII V @.3|iv V", "deceptive": "V VI", "modal": "bII i|vii i|VI bII i|vii bII i"},
    "lydian": {"authentic": "V I|II V I", "plagal": "II I|vi II I", "half": "II V|vi V", "deceptive": "V vi"},
    "mixolydian": {"authentic": "V I|IV V I", "plagal": "IV I|VII IV I", "half": "IV v|ii v", "deceptive": "v vi", "modal": "VII I|v I|IV VII I"},
}
#: kinds by what the phrase is for
_ANTECEDENT = {"half": 5.0, "deceptive": 0.7, "plagal": 0.8, "modal": 0.4}
_CONSEQUENT = {"authentic": 3.0, "plagal": 1.0, "half": 1.0, "deceptive": 0.8, "modal": 0.5, "minor plagal": 0.3}
_LEADING_ON = {"half": 3.0, "deceptive": 1.5, "authentic": 2.5, "plagal": 1.2, "modal": 0.5, "minor plagal": 0.3}
_BY_FORM = {
    "build": {"half": 7.0}, "climax": {"authentic": 2.0}, "release": {"plagal": 3.0, "minor plagal": 3.0}, "respite": {"plagal": 2.0, "half": 1.5}, "opening": {"half": 1.5},
}
_CLOSING = {"authentic": 5.0, "plagal": 1.0, "modal": 0.5, "minor plagal": 0.6}
#: moods that like to close without a third, and those that may brighten the last minor chord
_OPEN_ENDS = {"fearful": 0.3, "furious": 0.25, "mysterious": 0.25, "tense": 0.15}
_MODAL_MOODS = ("mysterious", "fearful", "tense", "exciting")
_PICARDY = {"sad": 0.15, "reflective": 0.12, "mysterious": 0.15, "tender": 0.3, "hopeful": 0.5, "peaceful": 0.4, "heroic": 0.5}
# fmt: on
_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")
_ALTERED = {1: "bII", 3: "bIII", 4: "bIV", 6: "#IV", 8: "bVI", 10: "bVII", 11: "bI"}
#: share of phrases on a line of film chords that are not closed at all
_UNCLOSED = 0.4
#: how much rarer the leading note's cadence is in a mode; it is not mixolydian's own at all
_AUTHENTIC = {"mixolydian": 0.1}
_MODAL_MODES = ("dorian", "phrygian", "lydian", "mixolydian")


def cadence_kinds(ask: HarmonyAsk, phrases: Sequence[int], rng: random.Random) -> list[str]:
    """A kind for every phrase: half closes answered by full ones, seldom two alike in a row; the last as the section needs it.

    "open" = the phrase may go on without a cadence.
    """
    kinds: list[str] = []
    for place in range(len(phrases) - 1):
        weights = dict(_CONSEQUENT if place % 2 else _ANTECEDENT)
        if place % 2 and place == len(phrases) - 2:
            weights["authentic"] *= 0.5  # the end is near enough
        if kinds:
            weights[kinds[-1]] = weights.get(kinds[-1], 0.0) * 0.3
        kinds.append("open" if rng.random() < _UNCLOSED else draw(_suited(weights, ask), rng))
    return [*kinds, _last_kind(ask, kinds[-1] if kinds else "", rng)]


def _last_kind(ask: HarmonyAsk, before: str, rng: random.Random) -> str:
    if ask.is_last:
        return draw(_suited(dict(_CLOSING), ask), rng)
    if ask.modulation == "pivot" and ask.next_key is not None and ask.next_key.tonic != ask.key.tonic:
        return "leading"
    weights = {kind: weight * _BY_FORM.get(ask.form, {}).get(kind, 1.0) for kind, weight in _LEADING_ON.items()}
    weights[before] = weights.get(before, 0.0) * 0.4
    return draw(_suited(weights, ask), rng)


def _suited(weights: dict[str, float], ask: HarmonyAsk) -> dict[str, float]:
    """Only what the mode has; modal closes in the modes, the minor plagal where there is something to darken."""
    if ask.key.mode in _MODAL_MODES:
        weights["modal"] = weights.get("modal", 0.0) * 6
        weights["authentic"] = weights.get("authentic", 0.0) * _AUTHENTIC.get(ask.key.mode, 0.4)
    elif ask.mood.name in _MODAL_MOODS:
        weights["modal"] = weights.get("modal", 0.0) * 4
    if ask.mood.name in ("playful", "furious", "exciting"):
        weights.pop("minor plagal", None)
    return {kind: weight for kind, weight in weights.items() if weight > 0 and formulas(kind, ask)}


def formulas(kind: str, ask: HarmonyAsk) -> list[tuple[str, ...]]:
    """The chord lines that make a cadence in the key; none for a kind that its mode or the tension does not know."""
    if kind == "leading" and ask.next_key is not None:
        return _leading(ask.key, ask.next_key)
    found = []
    for text in _FORMULAS[ask.key.mode].get(kind, "").split("|"):
        line, _, least = text.partition("@")
        if not least or ask.tension >= float(least):
            found.append(tuple(line.split()))
    return [line for line in found if line]


def _leading(key: Key, following: Key) -> list[tuple[str, ...]]:
    """(a chord both keys know, the dominant of the next one) in every way there is; only that dominant when they share none."""
    goal = degree_of(following.tonic, key, minor=following.is_minor)
    dominant = f"V7/{goal}"
    dominant_root = (following.tonic + 7) % 12
    known = {
        (parse_chord(name, following).root, parse_chord(name, following).is_minor): rank for rank, name in enumerate(_triads(following))
    }
    pivots = []
    for name in _triads(key):
        chord = parse_chord(name, key)
        rank = known.get((chord.root, chord.is_minor))
        if rank is not None and chord.root not in (dominant_root, key.tonic):
            pivots.append((rank, name))
    return [(name, dominant) for _, name in sorted(pivots)] or [(dominant,)]


def _triads(key: Key) -> tuple[str, ...]:
    """Consonant triads of a key, the best preparations of its dominant first."""
    return ("iv", "VI", "i", "III", "VII", "v") if key.is_minor else ("ii", "IV", "vi", "I", "iii", "V")


def degree_of(pitch_class: int, key: Key, *, minor: bool) -> str:
    """The numeral of the triad on a pitch class."""
    scale = MODES["minor" if key.is_minor else "major"]
    step = (pitch_class - key.tonic) % 12
    if step in scale and not (key.mode == "mixolydian" and step == 11):
        name = _DEGREES[scale.index(step)]
    elif step in _ALTERED:
        name = _ALTERED[step]
    else:  # the major sixth of a minor key has no numeral
        return key.pitch_name(pitch_class) + ("m" if minor else "")
    return name.replace("I", "i").replace("V", "v") if minor else name


def coloured_end(symbol: str, ask: HarmonyAsk, rng: random.Random) -> str:
    """The last tonic: as it is, as a bare fifth (dark moods) or with a major third in minor."""
    chance = rng.random()
    if chance < _OPEN_ENDS.get(ask.mood.name, 0.0) and symbol in ("i", "I"):
        return symbol + "5"
    if ask.key.is_minor and symbol == "i" and chance > 1 - _PICARDY.get(ask.mood.name, 0.0) * (1 + max(0.0, ask.valence)):
        return "I"
    return symbol
