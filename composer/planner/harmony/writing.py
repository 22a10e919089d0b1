"""Chords of a section, written phrase by phrase: an idiom or the grammar fills the changes, a cadence ends them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from composer.planner.harmony.ask import Harmony, HarmonyAsk
from composer.planner.harmony.cadences import cadence_kinds, coloured_end, formulas
from composer.planner.harmony.given import from_progression
from composer.planner.harmony.grammar import bridge, differ, draw, is_new, steps, tonic_of, walk
from composer.planner.harmony.hearing import majorness
from composer.planner.harmony.idioms import DOMINANT_PEDAL, FUNCTIONAL, IDIOMS, Idiom, choose_idiom, dressed, is_heard, lines_for
from composer.planner.harmony.judging import MAX_HELD_BARS, faults
from composer.planner.harmony.phrases import phrase_bars, phrase_letters
from composer.planner.harmony.rhythm import Change, changes, entries
from composer.theory.chords import parse_chord

#: drafts at most, and how many without a fault are enough to choose from
DRAFTS, CHOICE = 14, 6
#: majorness (see `hearing`) that goes with the highest valence
_BRIGHT = 0.35
#: drafts this near to the best in majorness are as good: the first of them is taken, so that seeds differ
_AS_BRIGHT = 0.05


@dataclass(frozen=True)
class _Phrase:
    """A phrase as it was written."""

    found: tuple[tuple[Change, str], ...]
    #: its first bar in the section, from 0
    first: int
    idiom: Idiom

    def chord_at(self, bar: int, place: float) -> str:
        """What sounds at a place counted from the phrase's beginning."""
        moment = (bar + self.first, place)
        return next((chord for change, chord in reversed(self.found) if (change.bar, change.place) <= moment), self.found[0][1])


def write_chords(ask: HarmonyAsk, rng: random.Random) -> Harmony:
    """Chords for every bar, phrase lengths and reasons. The same ask and random state give the same harmony.

    Several drafts are written. Without a fault (hard hits without a new chord, a key or mode that is not heard, a chord that stays too long)
    the first is taken whose sound is nearly as bright as the feeling as any, else the one with the fewest faults.
    """
    if ask.progression:
        return from_progression(ask, rng)
    drafts: list[tuple[float, float, Harmony]] = []
    beats, wished = [bar.beats for bar in ask.bars], _BRIGHT * ask.valence
    for _ in range(DRAFTS):
        draft = _draft(ask, rng)
        drafts.append((faults(draft, ask), abs(majorness(draft.chords, beats, ask.key) - wished), draft))
        if sum(fault == 0 for fault, _, _ in drafts) == CHOICE:
            break
    least, nearest, _ = min(drafts, key=lambda rated: rated[:2])
    return next(draft for fault, apart, draft in drafts if fault == least and apart <= nearest + _AS_BRIGHT)


def _draft(ask: HarmonyAsk, rng: random.Random) -> Harmony:
    lengths = phrase_bars(ask, rng)
    kinds = cadence_kinds(ask, lengths, rng)
    models: dict[str, _Phrase] = {}
    written: list[tuple[Change, str]] = []
    words: list[str] = []
    first = 0
    for place, (bars, kind, letter) in enumerate(zip(lengths, kinds, phrase_letters(len(lengths)), strict=True)):
        is_end = place == len(lengths) - 1
        moments = changes(ask, first, bars, rng, leads_on=not is_end and kind in ("half", "open"))
        before = written[-1][1] if written else None
        pushes = is_end and kind == "half" and _may_push(ask, rng)
        model = None if pushes else models.get(letter)
        if model is None:
            known = next((phrase.idiom.name for phrase in models.values()), "")
            idiom = IDIOMS[DOMINANT_PEDAL] if pushes else choose_idiom(ask.mood, ask.key, ask.tension, rng, other_than=known)
            chords = _fresh(ask, moments, idiom, kind, before, rng)
            models[letter] = _Phrase(_at_home(tuple(zip(moments, chords, strict=True)), ask), first, idiom)
            words += [idiom.words] if is_heard(idiom, chords, ask.key) else []
        else:
            chords = _again(ask, moments, model, kind if is_end or kind != "open" else "half", before, rng)
        if is_end and ask.is_last:
            chords[-1] = coloured_end(chords[-1], ask, rng)
        written += zip(moments, chords, strict=True)
        first += bars
    reasons = (*dict.fromkeys(words), *_reasons(ask, kinds))
    return Harmony(tuple(entries(written, ask.bars)), lengths, reasons)


def _may_push(ask: HarmonyAsk, rng: random.Random) -> bool:
    """Whether the last phrase of a build stands on the dominant."""
    idiom = IDIOMS[DOMINANT_PEDAL]
    return ask.form == "build" and ask.tension >= idiom.tension[0] and ask.key.mode in idiom.lines and rng.random() < 0.6


def _at_home(found: tuple[tuple[Change, str], ...], ask: HarmonyAsk) -> tuple[tuple[Change, str], ...]:
    """A phrase as it will return: a chord that only a hit asked for at its beginning gives way to the one it put off."""
    if ask.before is None or ask.before.root != ask.key.tonic or not found[0][0].is_hit or found[0][0].bar or len(found) < 3:
        return found
    return ((found[0][0], found[1][1]), *found[1:])


def _reasons(ask: HarmonyAsk, kinds: Sequence[str]) -> list[str]:
    hard = sum(hit.is_hard for hit in ask.hits)
    found = [f"{hard} hard hit{'s' * (hard != 1)} on a new chord"] if hard else []
    ending = {"leading": "opens the next key", "half": "ends open on the dominant", "deceptive": "ends on a deceptive close"}.get(kinds[-1])
    return [*found, ending or f"{'an' if kinds[-1][0] in 'aeiou' else 'a'} {kinds[-1]} close"]


def _again(ask: HarmonyAsk, moments: Sequence[Change], model: _Phrase, kind: str, before: str | None, rng: random.Random) -> list[str]:
    """A phrase that was heard before, with another end if one can be had."""
    body = [model.chord_at(change.bar - moments[0].bar, change.place) for change in moments]
    first = [chord for _, chord in model.found]
    chords = _closed(ask, moments, body, model.idiom, kind, before, rng)
    for _ in range(4):
        if chords != first:
            break
        chords = _closed(ask, moments, body, model.idiom, kind, before, rng)
    return chords


# --- one phrase -------------------------------------------------------------------------------------------------------


def _fresh(ask: HarmonyAsk, moments: Sequence[Change], idiom: Idiom, kind: str, before: str | None, rng: random.Random) -> list[str]:
    """Chords for a phrase that was not heard yet."""
    count = len(moments)
    if idiom.name != FUNCTIONAL:
        line = lines_for(idiom, ask.key, rng, opens=before is None)
        return _closed(ask, moments, [line[i % len(line)] for i in range(count)], idiom, kind, before, rng)
    kind = "half" if kind == "open" else kind
    start = _opening(ask, before, rng)
    for opening, formula in itertools.product(dict.fromkeys((start, tonic_of(ask.key))), _shuffled(formulas(kind, ask), rng)):
        size = count - len(formula)
        if size < 1 or not _fits(formula, moments[size:], ask):
            continue
        must = [change.is_hit for change in moments[: size + 1]]
        body = walk(opening, formula[0], [False, *must[1:]], ask.key, ask.tension, rng)
        if body is not None:
            body = _sentence(body, moments) if rng.random() < 0.5 else body
            return _mended(ask, moments, [*body, *formula], len(formula), before, rng)
    return _closed(ask, moments, [start] * count, idiom, kind, before, rng)


def _sentence(body: Sequence[str], moments: Sequence[Change]) -> list[str]:
    """Eight bars as 2 + 2 + 4: what the first two bars say is said again, then the rest leads to the cadence."""
    first = moments[0].bar
    if moments[-1].bar - first < 7 or len(body) < 5:
        return list(body)
    done = list(body)
    for i in range(len(body)):
        if moments[i].bar - first in (2, 3):
            said = [k for k in range(i) if (moments[k].bar + 2, moments[k].place) <= (moments[i].bar, moments[i].place)]
            done[i] = body[said[-1]] if said else done[i]
    return done


def _opening(ask: HarmonyAsk, before: str | None, rng: random.Random) -> str:
    """The tonic, or after a close on it now and then a chord that follows it."""
    tonic = tonic_of(ask.key)
    if before is not None and not differ(before, tonic, ask.key) and rng.random() < 0.5:
        return draw({name: w for name, w in steps(tonic, ask.key, ask.tension).items() if differ(name, tonic, ask.key)}, rng)
    return tonic


def _shuffled(items: Sequence[tuple[str, ...]], rng: random.Random) -> list[tuple[str, ...]]:
    return rng.sample(list(items), len(items))


def _fits(formula: Sequence[str], moments: Sequence[Change], ask: HarmonyAsk) -> bool:
    """Whether every hit inside a cadence brings a new chord."""
    pairs = zip(formula, formula[1:], moments[1:], strict=False)
    return all(not change.is_hit or differ(one, other, ask.key) for one, other, change in pairs)


def _closed(
    ask: HarmonyAsk, moments: Sequence[Change], body: Sequence[str], idiom: Idiom, kind: str, before: str | None, rng: random.Random
) -> list[str]:
    """A line of chords whose end makes room for a cadence: the shorter the phrase, the shorter that is."""
    count = len(moments)
    if kind == "open":
        return _mended(ask, moments, body, 0, before, rng)
    longest = 2 if count <= 5 else 3 if count <= 8 else 4
    choices = [dressed(line, idiom.name, ask.key) for line in _shuffled(formulas(kind, ask), rng)]
    choices = [line[-longest:] for line in choices]
    short = [line for line in choices if len(line) < count] or [line[-count:] for line in choices]
    fitting = [line for line in short if _fits(line, moments[count - len(line) :], ask)]
    smooth = [line for line in fitting if len(line) == count or differ(body[count - len(line) - 1], line[0], ask.key)]
    formula = (smooth or fitting or short)[0]
    return _mended(ask, moments, [*body[: count - len(formula)], *formula], len(formula), before, rng)


def _mended(
    ask: HarmonyAsk, moments: Sequence[Change], chords: Sequence[str], closing: int, before: str | None, rng: random.Random
) -> list[str]:
    """The chords, with another one wherever a hit, the step into the cadence or a long stay would bring nothing new; the cadence stays."""
    done = list(chords)
    first_closing = len(done) - closing
    since = moments[0].bar - (before is not None)  # where the chord began; the last one of the phrase before has a bar
    for i, change in enumerate(moments):
        last = done[i - 1] if i else before
        if i == 0 and before is None and ask.before is not None and change.is_hit and closing < len(done):
            if not is_new(ask.before, parse_chord(done[0], ask.key)):
                # another chord leads in; the phrase itself follows, so the tonic is not long in coming
                done[:first_closing] = [bridge(tonic_of(ask.key), done[0], True, ask.key, ask.tension, rng), *done[: first_closing - 1]]
            continue
        if last is None or differ(last, done[i], ask.key):
            since = change.bar
            continue
        until = moments[i + 1].bar if i + 1 < len(moments) else change.bar + 1
        if not (change.is_hit or i == first_closing or until - since > MAX_HELD_BARS):
            continue
        since = change.bar
        after = done[i + 1] if i + 1 < len(done) else None
        if i < first_closing:
            must = after is not None and (moments[i + 1].is_hit or i + 1 == first_closing)
            done[i] = bridge(last, after, must, ask.key, ask.tension, rng)
        elif 0 < i == first_closing and (i > 1 or not moments[0].is_hit):
            past = done[i - 2] if i > 1 else before or tonic_of(ask.key)
            done[i - 1] = bridge(past, done[i], True, ask.key, ask.tension, rng)
    return _resolved(done, closing, ask, rng)


def _resolved(chords: list[str], closing: int, ask: HarmonyAsk, rng: random.Random) -> list[str]:
    """The chords, without applied dominants that lead nowhere; the cadence stays."""
    for i in range(len(chords) - closing):
        target = chords[i].partition("/")[2]
        after = chords[i + 1] if i + 1 < len(chords) else None
        if not target or target[-1].isdigit() or (after and not differ(target, after, ask.key)):
            continue
        chords[i] = bridge(chords[i - 1] if i else tonic_of(ask.key), after, after is not None, ask.key, 0.0, rng)
    return chords
