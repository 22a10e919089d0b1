"""From a model's answer to an `Outline`: every word and number judged, a person's wishes above it, the rules' outline below it.

What cannot be meant is a fault, sent back to the model (`Faulty`); what only goes too far is put right and noted. What the answer leaves
out is as the rules would have it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from composer.cues import CueSheet
from composer.errors import ComposerError, nearest
from composer.film import Film
from composer.options import Options
from composer.plan import DYNAMICS, FORMS, Form, Theme
from composer.planner.feeling import cut_rate, look_seconds, mean_affect, speech_share
from composer.planner.keys import distance
from composer.planner.llm.players import cast, chosen, singer
from composer.planner.llm.reply import Faulty, Reply, SectionReply
from composer.planner.llm.spans import MAX_SECTIONS, Findings, Span, spans
from composer.planner.llm.text import one_line
from composer.planner.llm.turns import Turn
from composer.planner.outline import Outline, OutlineSection
from composer.theory.chords import parse_chord
from composer.theory.keys import Key, parse_key
from composer.theory.moods import MOODS, tension_of
from composer.theory.motif import VARIATIONS, Variation, parse_motif

#: tempi that music is played at, qpm; others are drawn into the band of the mood
TEMPI = (40.0, 220.0)
#: how far the tempo that a section keeps to may be from the one told, to either side; single bars bend further (tempo_bend.BAND)
_BEND = 0.03
#: longest text of each kind, characters
_TITLE, _STYLE, _REASON, _WORD = 80, 80, 160, 40
#: a phrase has at most so many bars, a bar so many chords
_MAX_BARS, _MAX_CHORDS = 32, 4
#: shortest note of a motif, beats
_SHORTEST_BEATS = 0.125
_ROMAN = re.compile(r"[b#]?[IViv]")
#: metres that are written, by the beats a model may wish for
_METRES = {2: 4, 3: 3, 4: 4, 6: 3}
_EXTREMES = {"ppp": "pp", "pppp": "pp", "fff": "ff", "ffff": "ff"}


def decide(
    reply: Reply, film: Film, cues: CueSheet, options: Options, base: Outline, turns: Sequence[Turn], model: str, notes: Sequence[str] = ()
) -> Outline:
    """The outline that an answer means.

    Raises Faulty with everything that cannot be used.
    """
    found = Findings(notes=list(notes))
    players = chosen(reply.instruments, options.instruments, base.instruments, found)
    home = _key(reply.home_key, "home_key", found) or parse_key(base.key)
    home = parse_key(options.key) if options.key else home
    placed = spans(reply.sections, turns, cues, base, found)
    of_sections = [Findings(found.faults) for _ in reply.sections[:MAX_SECTIONS]]  # notes of their own, faults of all
    told = [
        _section(i, section, options, home, players, own) for i, (section, own) in enumerate(zip(reply.sections, of_sections, strict=False))
    ]
    themes = _letters(reply, found)
    if found.faults:
        raise Faulty(*found.faults)
    sections = [_placed(span, told[span.section], film, options, base) for span in placed]
    sections = _themed(sections, sorted(themes) or ["A"])
    found.notes.extend(_oddities(sections))
    heard = sorted({span.section for span in placed})
    return Outline(
        origin=f"llm:{model}",
        title=one_line(reply.title or "", _TITLE) or base.title,
        style=one_line(reply.style or "", _STYLE) or base.style,
        key=home.name,
        beats_per_bar=_metre(reply.beats_per_bar, base, found),
        instruments=players,
        themes=_themes(sections, themes, players, film, base, found),
        sections=tuple(_entered(sections)),
        reasons=_reasons(reply, home, options, model, sections),
        notes=found.told([(i, of_sections[i].notes) for i in heard]),
    )


# --- one section ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """What the answer says of one section; None or empty where it says nothing."""

    form: Form | None
    mood: str
    #: name of the key: told, asked for, or (for a section that names no mood of its own) home
    key: str
    qpm: float | None
    theme: str
    variation: Variation
    dynamics: str
    density: float | None
    progression: tuple[str, ...]
    roles: dict[str, tuple[str, ...]]
    reason: str


def _section(i: int, reply: SectionReply, options: Options, home: Key, players: Sequence[str], found: Findings) -> _Told:
    """One section, judged word by word."""
    where = f"sections[{i}]"
    form, variation = _word(reply.form, FORMS, f"{where}.form", found), _word(reply.variation, VARIATIONS, f"{where}.variation", found)
    mood = options.mood or _word(reply.mood, MOODS, f"{where}.mood", found)
    own = _key(reply.key, f"{where}.key", found)
    key = home if options.key or (own is None and not reply.mood) else own
    return _Told(
        form=next((one for one in FORMS if one == form), None),
        mood=mood,
        key=key.name if key else "",
        qpm=_tempo(reply.tempo, mood, found),
        theme=_letter(reply.theme, f"{where}.theme", found) if reply.theme else "",
        variation=next((one for one in VARIATIONS if one == variation), "plain"),
        dynamics=_word(_EXTREMES.get((reply.dynamics or "").strip().lower(), reply.dynamics), DYNAMICS, f"{where}.dynamics", found),
        density=_density(reply.density, found),
        progression=_progression(reply, own, key or home, where, found),
        roles=cast(reply.roles, players, found),
        reason=one_line(reply.reason or "", _REASON),
    )


def _word(told: str | None, known: Collection[str], where: str, found: Findings) -> str:
    """A known word; "" when nothing is told."""
    word = one_line(told or "", _WORD).lower()
    if word and word not in known:
        found.faults.append(f"{where}: {word!r} is none. {nearest(word, known) or 'Use one of ' + ', '.join(known)}")
    return word


def _key(told: str | None, where: str, found: Findings) -> Key | None:
    if not told:
        return None
    try:
        return parse_key(one_line(told, _WORD))
    except ComposerError as error:
        found.faults.append(f"{where}: {error}")
        return None


def _tempo(told: float | None, mood: str, found: Findings) -> float | None:
    """A tempo that can be played."""
    if told is None or TEMPI[0] <= told <= TEMPI[1]:
        return told
    low, high = MOODS[mood].qpm if mood in MOODS else TEMPI
    qpm = high if told > TEMPI[1] else low
    found.notes.append(f"tempo {told:g} cannot be played, {qpm:g} is taken")
    return qpm


def _density(told: float | None, found: Findings) -> float | None:
    if told is None or 0 <= told <= 1:
        return told
    found.notes.append(f"density {told:g} is not between 0 and 1")
    return min(1.0, max(0.0, told))


def _progression(told: SectionReply, own: Key | None, key: Key, where: str, found: Findings) -> tuple[str, ...]:
    """The chords told, one entry per bar."""
    entries = [" ".join(one_line(entry, 80).replace("|", " ").split()) for entry in told.progression or ()]
    entries = [entry for entry in entries if entry]
    if len(entries) > _MAX_BARS or any(len(entry.split()) > _MAX_CHORDS for entry in entries):
        found.notes.append(f"a phrase has at most {_MAX_BARS} bars of {_MAX_CHORDS} chords, the rest is left out")
        entries = [" ".join(entry.split()[:_MAX_CHORDS]) for entry in entries[:_MAX_BARS]]
    if own is not None and own.is_minor != key.is_minor and entries:
        found.notes.append(f"its chords were for {own.name} and are left out, as {key.name} is asked for")
        return ()
    for chord in dict.fromkeys(chord for entry in entries for chord in entry.split()):
        try:
            parse_chord(chord, key)
        except ComposerError as error:
            found.faults.append(f"{where}.progression: {error.problem}. Write roman numerals as told, e.g. i, iv6, V7, bVI, V7/iv.")
        else:
            if not _ROMAN.match(chord):
                found.faults.append(f"{where}.progression: write {chord!r} as a roman numeral of the section's key")
    return tuple(entries)


def _placed(span: Span, told: _Told, film: Film, options: Options, base: Outline) -> OutlineSection:
    """A section with its time, what the film feels like there, and the rules' word where nothing was told."""
    below = max(base.sections, key=lambda s: min(s.end_s, span.end_s) - max(s.start_s, span.start_s))
    valence, arousal = mean_affect(film, span.start_s, span.end_s)
    qpm, limits = _pace(told, below, options)
    mood, key = told.mood or below.mood, told.key or below.key
    return OutlineSection(
        cue=span.cue,
        start_s=span.start_s,
        end_s=span.end_s,
        form=told.form or below.form,
        mood=mood,
        key=key,
        qpm=qpm,
        qpm_range=limits,
        theme=told.theme,
        variation=told.variation,
        dynamics=told.dynamics or below.dynamics,
        density=round(below.density if told.density is None else told.density, 2),
        valence=round(valence, 3),
        arousal=round(arousal, 3),
        tension=round(tension_of(valence, arousal), 3),
        cut_rate=cut_rate([shot.start_s for shot in film.shots[1:]], span.start_s, span.end_s),
        speech=speech_share(film, span.start_s, span.end_s),
        progression=told.progression,
        roles=told.roles,
        reason=f"{span.start_s:.1f}-{span.end_s:.1f} s: {told.reason or 'so the model has it'} ({mood}, {key})",
    )


def _pace(told: _Told, below: OutlineSection, options: Options) -> tuple[float, tuple[float, float]]:
    """A section's tempo and how far time may be bent from it, qpm."""
    if options.tempo_qpm is not None or (told.qpm is None and told.mood in ("", below.mood)):
        return below.qpm, below.qpm_range
    if told.qpm is not None:
        return told.qpm, (round(told.qpm * (1 - _BEND), 2), round(told.qpm * (1 + _BEND), 2))
    low, high = MOODS[told.mood].qpm
    return round((low + high) / 2, 1), (low * 0.9, high * 1.1)


def _entered(sections: Sequence[OutlineSection]) -> list[OutlineSection]:
    """Every section with how its key is entered: a close key over a pivot, a far one directly."""
    done = [replace(sections[0], modulation="")]
    for before, here in zip(sections, sections[1:], strict=False):
        old, new = parse_key(before.key), parse_key(here.key)
        changes = old != new and before.cue == here.cue
        done.append(replace(here, modulation=("pivot" if distance(old, new) <= 1 else "direct") if changes else ""))
    return done


def _oddities(sections: Sequence[OutlineSection]) -> list[str]:
    """What of a form is unusual: it is done as told."""
    forms = [section.form for section in sections]
    odd = [f"the model has {forms.count('climax')} sections that are the climax"] if forms.count("climax") > 1 else []
    if "ending" in forms and "opening" in forms[forms.index("ending") :]:
        odd.append("the model has an ending before an opening")
    return odd


# --- the whole --------------------------------------------------------------------------------------------------------


def _metre(told: int | None, base: Outline, found: Findings) -> int:
    if told is None:
        return base.beats_per_bar
    beats = _METRES.get(told, 4)
    if beats != told:
        found.notes.append(f"{told} beats in a bar are written as {beats}")
    return beats


def _letter(told: str, where: str, found: Findings) -> str:
    """A letter from A to Z; "" after a fault."""
    letter = one_line(told, _WORD).upper().removeprefix("THEME ")
    if re.fullmatch("[A-Z]", letter):
        return letter
    found.faults.append(f"{where}: {letter!r} is not one letter from A to Z")
    return ""


def _letters(reply: Reply, found: Findings) -> dict[str, tuple[str, str | None]]:
    """Letter → (motif, or "" where it cannot be read; instrument's name), each letter once."""
    themes: dict[str, tuple[str, str | None]] = {}
    for i, theme in enumerate(reply.themes or ()):
        letter = _letter(theme.letter, f"themes[{i}].letter", found)
        if letter in themes:
            found.notes.append(f"theme {letter} is told twice, the first one holds")
        elif letter:
            themes[letter] = (_motif(theme.motif, letter, found), theme.instrument)
    return themes


def _motif(told: str | None, letter: str, found: Findings) -> str:
    text = one_line(told or "", 300)
    if not text:
        return ""
    try:
        motif = parse_motif(text)
    except ComposerError as error:
        found.notes.append(f"the motif of theme {letter} was left out: {one_line(error.problem, 120)}")
        return ""
    if min(note.length_beats for note in motif.notes) < _SHORTEST_BEATS:
        found.notes.append(f"the motif of theme {letter} was left out: its notes are too short")
        return ""
    return text


def _themed(sections: Sequence[OutlineSection], letters: Sequence[str]) -> list[OutlineSection]:
    """Every section with a theme: what was told, else the one before goes on; a theme's first time is plain."""
    done: list[OutlineSection] = []
    for section in sections:
        letter = section.theme or (done[-1].theme if done else letters[0])
        is_new = all(before.theme != letter for before in done)
        done.append(replace(section, theme=letter, variation="plain" if is_new else section.variation))
    return done


def _themes(
    sections: Sequence[OutlineSection],
    told: dict[str, tuple[str, str | None]],
    players: Sequence[str],
    film: Film,
    base: Outline,
    found: Findings,
) -> tuple[Theme, ...]:
    """The themes that sections have, with the look under which each is heard first."""
    rules = {theme.letter: theme for theme in base.themes}
    tells = len({shot.look for shot in film.shots}) > 1
    themes = []
    for letter in dict.fromkeys(section.theme for section in sections):
        first = next(section for section in sections if section.theme == letter)
        looks = look_seconds(film, first.start_s, first.end_s)
        motif, name = told.get(letter, ("", None))
        own = rules.get(letter)
        part = singer(name or next(iter(first.roles.get("melody", ())), None), players, own.part if own else None, found)
        look = max(looks, key=lambda one: (looks[one], -one)) if tells and looks else None
        themes.append(Theme(letter, look, part, motif or (own.motif if own else "")))
    return tuple(themes)


def _reasons(reply: Reply, home: Key, options: Options, model: str, sections: Sequence[OutlineSection]) -> tuple[str, ...]:
    """One line per decision for the whole film."""
    style = one_line(reply.style or "", _STYLE)
    moods = ", ".join(dict.fromkeys(section.mood for section in sections))
    return (
        f"planned by the language model {model}{f': {style}' if style else ''}",
        f"mood: {moods} ({'as asked' if options.mood else 'as the model has it'})",
        f"key: home is {home.name} ({'as asked' if options.key or not reply.home_key else 'as the model has it'})",
    )
