"""The rules: Film + CueSheet + Options → Outline, offline and the same for the same seed.

One decision after the other, each with its reason: what the sections feel like, who plays, the form's arc, themes, keys, tempi, dynamics and
density. Bars, chords and roles follow in `arrange`, for an LLM's outline as for this one.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.cues import CueSheet
from composer.errors import ComposerError, OptionError, nearest
from composer.film import Film
from composer.instruments import expand
from composer.options import Options
from composer.plan import Form, Theme
from composer.planner.brief import Brief, read_brief
from composer.planner.dynamics import mark
from composer.planner.feeling import cut_rate, look_seconds, mean_affect, peak_arousal, speech_share
from composer.planner.form import affect_change, forms
from composer.planner.keys import Chosen, Feeling, home_tonic, section_keys
from composer.planner.orchestration import choose_instruments
from composer.planner.outline import Outline, OutlineSection
from composer.planner.pace import range_qpm, settled, wish_qpm
from composer.planner.themes import Casting, Scenery, cast_themes, invent
from composer.tempo import MAX_QPM, MIN_QPM
from composer.theory.keys import Key, parse_key
from composer.theory.moods import MOODS, Mood, mood_for, tension_of

#: speech makes a scene sound more excited than its music should be: so much of the arousal goes where somebody speaks all the time
_SPEECH_CALMS = 0.3
#: how far a brief's mood pulls what the film feels like towards itself
_BRIEF_PULL = 0.45
#: how much a section's place in the whole adds to its density
_DENSITY: dict[Form, float] = {
    "whole": 0.0,
    "opening": -0.08,
    "build": 0.02,
    "respite": -0.1,
    "climax": 0.1,
    "release": -0.08,
    "ending": -0.05,
}
#: seeds read a film up to so much slower or quicker
_PACES = (0.93, 0.97, 1.0, 1.03, 1.07)


@dataclass(frozen=True)
class _Stretch:
    """A section before anything is decided: its span of film and what was felt in it."""

    #: id of its cue
    cue: str
    start_s: float
    end_s: float
    valence: float
    #: as the film is, and as its music should be (calmer under speech)
    felt_arousal: float
    arousal: float
    mood: Mood
    #: cuts per second, and share of speech
    cut_rate: float
    speech: float

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s


def outline(film: Film, cues: CueSheet, options: Options) -> Outline:
    """Decide on the music of a film.

    Raises OptionError or InstrumentError for a tempo, key, mood or instrument that makes no sense.
    """
    check_options(options)
    rng = random.Random(f"plan/{options.seed}/{film.frame_count}")  # two films of one seed differ, too
    brief = read_brief(options.brief)
    stretches = _stretches(film, cues, options, brief)
    home = _home_mood(stretches)
    instruments = _instruments(options, brief, home, rng)
    beats_per_bar = _metre(home, rng)
    arc = _arc(film, stretches)
    themes = cast_themes(
        [Scenery(look_seconds(film, s.start_s, s.end_s), s.mood, s.valence, s.arousal, f) for s, f in zip(stretches, arc, strict=True)], rng
    )
    key = Key(home_tonic(home.mode, instruments, rng), home.mode)
    asked_key = options.key or brief.key
    key = parse_key(asked_key) if asked_key else key
    keys = _keys(stretches, arc, themes, key, options, rng)
    tempi = _tempi(film, stretches, options, brief, rng)
    film_arousal = sum(s.arousal * s.length_s for s in stretches) / sum(s.length_s for s in stretches)
    sections = tuple(
        _section(s, f, t, k, q, film_arousal, options, number)
        for number, (s, f, t, k, q) in enumerate(zip(stretches, arc, themes, keys, tempi, strict=True))
    )
    return Outline(
        origin="rules",
        title=Path(film.path).stem.replace("_", " ").strip() or "Untitled",
        style=f"film score, {home.name} underscore",
        key=key.name,
        beats_per_bar=beats_per_bar,
        instruments=instruments,
        themes=_themes(sections, themes, beats_per_bar, options, film),
        sections=sections,
        reasons=_reasons(home, key, instruments, options, brief, beats_per_bar, arc, stretches, sections),
        notes=_notes(options, brief),
    )


def check_options(options: Options) -> None:
    """Raise OptionError for a tempo, key or mood that makes no sense."""
    tempo = options.tempo_qpm
    if tempo is not None and not (math.isfinite(tempo) and MIN_QPM * 1.1 <= tempo <= MAX_QPM / 1.1):
        raise OptionError(f"tempo {tempo:g} is out of range", f"Use {MIN_QPM * 1.1:g} to {MAX_QPM / 1.1:.0f}.")
    if options.mood is not None and options.mood not in MOODS:
        raise OptionError(f"unknown mood {options.mood!r}", nearest(options.mood, MOODS) or f"Moods: {', '.join(MOODS)}.")
    if options.key is not None:
        parse_key(options.key)


# --- what the film asks -----------------------------------------------------------------------------------------------


def _stretches(film: Film, cues: CueSheet, options: Options, brief: Brief) -> list[_Stretch]:
    found = []
    cuts = [c.time_s for c in cues.candidates]
    for cue in cues.cues:
        for start_s, end_s in itertools.pairwise([cue.start_s, *cue.section_starts_s, cue.end_s]):
            valence, felt = mean_affect(film, start_s, end_s)
            speech = speech_share(film, start_s, end_s)
            arousal = felt - _SPEECH_CALMS * speech * max(0.0, felt + 0.3)
            mood = _mood(valence, arousal, options, brief)
            found.append(_Stretch(cue.id, start_s, end_s, valence, felt, arousal, mood, cut_rate(cuts, start_s, end_s), speech))
    return found


def _mood(valence: float, arousal: float, options: Options, brief: Brief) -> Mood:
    if options.mood is not None:
        return MOODS[options.mood]
    if brief.mood is not None:
        wanted = MOODS[brief.mood]
        valence += _BRIEF_PULL * (wanted.valence - valence)
        arousal += _BRIEF_PULL * (wanted.arousal - arousal)
    return mood_for(valence, arousal, tension_of(valence, arousal))


def _home_mood(stretches: Sequence[_Stretch]) -> Mood:
    """The mood most of the film is in."""
    seconds: dict[str, float] = {}
    for s in stretches:
        seconds[s.mood.name] = seconds.get(s.mood.name, 0.0) + s.length_s
    return MOODS[max(seconds, key=lambda name: (seconds[name], name))]


def _instruments(options: Options, brief: Brief, home: Mood, rng: random.Random) -> tuple[str, ...]:
    """Ids in score order: as asked, as the brief names them, else what suits the film's mood; without whom the brief refuses, unless asked for."""
    suiting = choose_instruments(home, rng)  # drawn in any case: what is asked must not change what else is drawn
    if options.instruments:
        return tuple(i.id for i in expand(options.instruments))
    words: list[str] = []
    for word in brief.instruments:
        try:
            expand([*words, word])
        except ComposerError:
            continue  # two words for one instrument
        words.append(word)
    named, chosen = _left(words, brief), _left(suiting, brief)
    if named or _carries(chosen):
        return named or chosen
    # nobody, or drums alone: rather the plainest players that are not refused; who refuses all of them is not obeyed
    return _left(("piano",), brief) or _left(("strings",), brief) or chosen or tuple(i.id for i in expand(suiting))


def _left(names: Sequence[str], brief: Brief) -> tuple[str, ...]:
    """Ids of the instruments behind some names, without those that the brief refuses."""
    return tuple(i.id for i in expand(names) if i.id not in brief.without)


def _carries(instruments: Sequence[str]) -> bool:
    """Whether somebody plays more than percussion."""
    return any(i.family != "percussion" for i in expand(instruments))


def _metre(home: Mood, rng: random.Random) -> int:
    """Beats in a bar: three now and then where a film sways, else four."""
    sways = {"peaceful": 0.25, "tender": 0.35, "playful": 0.25, "reflective": 0.2, "sad": 0.15}.get(home.name, 0.0)
    return 3 if rng.random() < sways else 4


def _arc(film: Film, stretches: Sequence[_Stretch]) -> list[Form]:
    """The form of every section, cue by cue."""
    found: list[Form] = []
    for _, group in itertools.groupby(stretches, key=lambda s: s.cue):
        own = list(group)
        found += forms([s.arousal for s in own], [peak_arousal(film, s.start_s, s.end_s) for s in own])
    return found


# --- music ------------------------------------------------------------------------------------------------------------


def _keys(
    stretches: Sequence[_Stretch],
    arc: Sequence[Form],
    themes: Sequence[Casting],
    home: Key,
    options: Options,
    rng: random.Random,
) -> list[Chosen]:
    if options.key:
        return [Chosen(home, "", "as asked")] * len(stretches)
    feelings = [Feeling(s.cue, s.valence, s.arousal, s.mood.mode, f, t.letter) for s, f, t in zip(stretches, arc, themes, strict=True)]
    return section_keys(feelings, home, rng)


def _tempi(film: Film, stretches: Sequence[_Stretch], options: Options, brief: Brief, rng: random.Random) -> list[float]:
    """The wished tempo of every section."""
    reading = rng.choice(_PACES) * brief.pace
    if options.tempo_qpm is not None:
        return [options.tempo_qpm] * len(stretches)
    wishes = [reading * wish_qpm(s.mood, s.arousal, s.cut_rate) for s in stretches]
    changes = [
        math.inf if after.cue != before.cue else affect_change(film, after.start_s, 5.0) for before, after in itertools.pairwise(stretches)
    ]
    return settled(wishes, [s.length_s for s in stretches], changes)


def _section(
    s: _Stretch, form: Form, theme: Casting, key: Chosen, qpm: float, film_arousal: float, options: Options, number: int
) -> OutlineSection:
    density = 0.5 + 0.42 * s.arousal + 0.1 * min(1.0, s.cut_rate) + _DENSITY[form] - 0.25 * s.speech
    limits = (s.mood.qpm[0] * 0.9, s.mood.qpm[1] * 1.1) if options.tempo_qpm is not None else range_qpm(qpm, s.mood)
    return OutlineSection(
        cue=s.cue,
        start_s=s.start_s,
        end_s=s.end_s,
        form=form,
        mood=s.mood.name,
        key=key.key.name,
        qpm=qpm,
        qpm_range=limits,
        theme=theme.letter,
        variation=theme.variation,
        dynamics=mark(s.arousal, film_arousal, form, s.speech),
        density=round(min(1.0, max(0.08, density)), 2),
        valence=s.valence,
        arousal=s.arousal,
        tension=tension_of(s.valence, s.arousal),
        cut_rate=s.cut_rate,
        speech=s.speech,
        modulation=key.modulation,
        reason=_section_reason(s, form, theme, key, number),
    )


def _section_reason(s: _Stretch, form: Form, theme: Casting, key: Chosen, number: int) -> str:
    place = "the whole cue" if form == "whole" else f"the {form}"
    feeling = f"valence {s.valence:+.2f}, arousal {s.felt_arousal:+.2f} reads as {s.mood.name}"
    voice = f", {round(100 * s.speech)} % spoken, so the music steps back" if s.speech > 0.2 else ""
    how = {"": "", "pivot": ", over a pivot", "direct": ", directly"}[key.modulation]
    why = f" ({key.why}{how})" if number or key.why != "home" else ""
    return f"{s.start_s:.1f}-{s.end_s:.1f} s: {place}; {feeling}{voice}: {key.key.name}{why}; {theme.why}"


def _themes(
    sections: Sequence[OutlineSection],
    castings: Sequence[Casting],
    beats_per_bar: int,
    options: Options,
    film: Film,
) -> tuple[Theme, ...]:
    """A motif for every theme, in the mood of its first section; who sings it is left to the orchestration."""
    found: dict[str, Theme] = {}
    for section, casting in zip(sections, castings, strict=True):
        if section.theme not in found:
            rng = random.Random(f"motif/{options.seed}/{film.frame_count}/{section.theme}")
            found[section.theme] = Theme(section.theme, casting.look, "", invent(MOODS[section.mood], beats_per_bar, rng))
    return tuple(found[letter] for letter in sorted(found))


# --- reasons ----------------------------------------------------------------------------------------------------------


def _reasons(
    home: Mood,
    key: Key,
    instruments: Sequence[str],
    options: Options,
    brief: Brief,
    beats_per_bar: int,
    arc: Sequence[Form],
    stretches: Sequence[_Stretch],
    sections: Sequence[OutlineSection],
) -> tuple[str, ...]:
    """One line per decision, for a film-maker."""
    named = brief.instruments and not options.instruments
    chosen = (
        "as asked"
        if options.instruments
        else "from the brief"
        if named
        else f"chosen for {'an' if home.name[0] in 'aeiou' else 'a'} {home.name} film"
    )
    key_why = (
        "as asked"
        if options.key
        else "from the brief"
        if brief.key
        else f"{home.mode} suits {home.name}; its tonic lies well for who plays"
    )
    peak = next((s for s, f in zip(stretches, arc, strict=True) if f == "climax"), None)
    shape = " - ".join(f"{form} ({section.theme})" for form, section in zip(arc, sections, strict=True))
    return (
        *([f"brief: understood {', '.join(brief.understood)}"] if brief.understood else []),
        f"mood: most of the film is {home.name} ({home.words})",
        f"form: {shape}" + (f"; feeling peaks at {peak.start_s:.1f}-{peak.end_s:.1f} s" if peak else ""),
        f"key: {key.name} ({key_why})",
        f"metre: {beats_per_bar}/4",
        f"instruments: {', '.join(i.name for i in expand(instruments))} ({chosen})",
    )


def _notes(options: Options, brief: Brief) -> tuple[str, ...]:
    if options.brief.strip() and not brief.understood:
        return ("the rules understood nothing of the brief: name instruments, a mood or a key, or ask an LLM (--planner llm)",)
    return ()
