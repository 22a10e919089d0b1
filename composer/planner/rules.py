"""The rule planner: Film + CueSheet + Options → Plan, offline and the same for the same seed."""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from composer.cues import CueSheet
from composer.errors import OptionError, nearest
from composer.film import Film
from composer.instruments import INSTRUMENTS, expand
from composer.options import Options
from composer.plan import DYNAMICS, PLAN_VERSION, Hit, Part, Plan, PlanBar, PlanCue, Section
from composer.planner import harmony, orchestration
from composer.planner.placing import accent_parts, is_needed, marked, place_hits
from composer.planner.timing import Timed, fit_time
from composer.tempo import MAX_QPM, MIN_QPM, TempoMap
from composer.theory.keys import Key, parse_key
from composer.theory.moods import MOODS, Mood, mood_for, tension_of

#: tonics that lie well for strings and winds, by gender of the key
_TONICS = {"major": ("D", "G", "C", "F", "Bb", "A", "Eb"), "minor": ("D", "A", "E", "G", "C", "B", "F")}


@dataclass(frozen=True)
class _Stretch:
    """A section before it has bars: its span of film and what was felt in it."""

    #: id of its cue
    cue: str
    start_s: float
    end_s: float
    valence: float
    arousal: float
    mood: Mood
    #: cuts per second inside
    cut_rate: float
    #: the first, and the last, of its cue
    opens: bool
    closes: bool


def plan(film: Film, cues: CueSheet, options: Options) -> Plan:
    """Arrange the film.

    Raises OptionError or InstrumentError for a tempo, key, mood or instrument that makes no sense.
    """
    _check_options(options)
    rng = random.Random(f"plan/{options.seed}/{film.frame_count}")  # two films of one seed differ, too
    stretches = _stretches(film, cues, options)
    home = _home_mood(stretches)
    parts = tuple(Part(i.id, i.id) for i in expand(options.instruments or orchestration.choose_instruments(home)))
    hits = [hit for cue in cues.cues for hit in cue.hits]
    beats_per_bar = _metre(home, rng)
    timed = fit_time(stretches, hits, beats_per_bar, options, film)
    keys = _keys(stretches, home, options, rng)
    sections = _sections(stretches, timed, keys, rng)
    sections = _arrange(sections, stretches, parts, options)
    placed, parts = _marked(place_hits(hits, timed.tempo, film), sections, film, parts, options)
    sections = _chords_on_hits(sections, placed, timed.tempo, options, float(film.frame_rate))
    return Plan(
        version=PLAN_VERSION,
        seed=options.seed,
        origin="rules",
        title=_title(film.path),
        duration_s=film.duration_s,
        frame_rate=film.frame_rate,
        ending=options.ending,
        cues=tuple(PlanCue(cue.id, cue.start_s, cue.end_s) for cue in cues.cues),
        parts=parts,
        sections=sections,
        hits=placed,
        bars=_plan_bars(film, timed.tempo),
        start_tc=cues.start_tc,
        candidates_s=tuple(c.time_s for c in cues.candidates),
        wanted_s=tuple(hit.time_s for hit in hits if hit.is_hard),
        notes=cues.notes,
        reasons=_reasons(film, cues, home, keys, timed, placed, parts, options, beats_per_bar),
    ).check()


def _marked(
    hits: tuple[Hit, ...], sections: Sequence[Section], film: Film, parts: tuple[Part, ...], options: Options
) -> tuple[tuple[Hit, ...], tuple[Part, ...]]:
    """The hits with their marks, and all parts, those that only accents need included."""
    accents = options.accents == "percussion"
    everybody = accent_parts(parts) if accents else parts
    done = marked(hits, sections, film, everybody, accents=accents)
    wanted = [part for part in everybody if part in parts or is_needed(part, done)]
    order = list(INSTRUMENTS)
    return done, tuple(sorted(wanted, key=lambda part: order.index(part.instrument))) if accents else parts


def _check_options(options: Options) -> None:
    tempo = options.tempo_qpm
    if tempo is not None and not (math.isfinite(tempo) and MIN_QPM * 1.1 <= tempo <= MAX_QPM / 1.1):
        raise OptionError(f"tempo {tempo:g} is out of range", f"Use {MIN_QPM * 1.1:g} to {MAX_QPM / 1.1:.0f}.")
    if options.mood is not None and options.mood not in MOODS:
        raise OptionError(f"unknown mood {options.mood!r}", nearest(options.mood, MOODS) or f"Moods: {', '.join(MOODS)}.")
    if options.key is not None:
        parse_key(options.key)


def _title(path: str) -> str:
    return Path(path).stem.replace("_", " ").strip() or "Untitled"


# --- what the film asks -----------------------------------------------------------------------------------------------


def _stretches(film: Film, cues: CueSheet, options: Options) -> list[_Stretch]:
    found = []
    cuts = [c.time_s for c in cues.candidates]
    for cue in cues.cues:
        edges = [cue.start_s, *cue.section_starts_s, cue.end_s]
        for i, (start_s, end_s) in enumerate(itertools.pairwise(edges)):
            valence, arousal = _mean_affect(film, start_s, end_s)
            cut_rate = sum(start_s <= c < end_s for c in cuts) / (end_s - start_s)
            mood = MOODS[options.mood] if options.mood else mood_for(valence, arousal, tension_of(valence, arousal))
            found.append(_Stretch(cue.id, start_s, end_s, valence, arousal, mood, cut_rate, i == 0, i == len(edges) - 2))
    return found


def _mean_affect(film: Film, start_s: float, end_s: float) -> tuple[float, float]:
    """Mean (valence, arousal) of a span; the strongest quarter of its seconds counts double (a shock colours its scene)."""
    rows = slice(int(start_s), max(int(start_s) + 1, math.ceil(end_s)))
    valence, arousal = np.asarray(film.affect.valence[rows]), np.asarray(film.affect.arousal[rows])
    if valence.size == 0:
        return 0.0, 0.0
    strength = np.hypot(valence, arousal)
    weights = np.where(strength >= np.quantile(strength, 0.75), 2.0, 1.0)
    return float(np.average(valence, weights=weights)), float(np.average(arousal, weights=weights))


def _home_mood(stretches: Sequence[_Stretch]) -> Mood:
    """The mood most of the film is in."""
    seconds: dict[str, float] = {}
    for s in stretches:
        seconds[s.mood.name] = seconds.get(s.mood.name, 0.0) + s.end_s - s.start_s
    return MOODS[max(seconds, key=lambda name: (seconds[name], name))]


def _metre(home: Mood, rng: random.Random) -> int:
    """Beats in a bar: three now and then where a film sways, else four."""
    sways = {"peaceful": 0.25, "tender": 0.35, "playful": 0.25, "reflective": 0.2, "sad": 0.15}.get(home.name, 0.0)
    return 3 if rng.random() < sways else 4


# --- music ------------------------------------------------------------------------------------------------------------


def _keys(stretches: Sequence[_Stretch], home: Mood, options: Options, rng: random.Random) -> list[Key]:
    """A home key, and for sections of another gender its relative; the mode is the mood's own."""
    if options.key:
        return [parse_key(options.key)] * len(stretches)
    gender = "minor" if Key(0, home.mode).is_minor else "major"
    tonic = parse_key(f"{rng.choice(_TONICS[gender])} {gender}").tonic
    keys = []
    for s in stretches:
        is_minor = Key(0, s.mood.mode).is_minor
        if is_minor == (gender == "minor"):
            keys.append(Key(tonic, s.mood.mode))
        else:
            keys.append(Key((tonic + (9 if is_minor else 3)) % 12, s.mood.mode))
    return keys


def _sections(stretches: Sequence[_Stretch], timed: Timed, keys: Sequence[Key], rng: random.Random) -> tuple[Section, ...]:
    sections = []
    themes: dict[str, str] = {}
    for i, (stretch, (first, bars), qpm, key) in enumerate(zip(stretches, timed.bars, timed.base_qpm, keys, strict=True)):
        mood = stretch.mood
        theme = themes.setdefault(mood.name, "ABCDEFGHIJKLMNOP"[len(themes) % 16])
        density = min(1.0, max(0.1, 0.5 + 0.42 * stretch.arousal + 0.1 * min(1.0, stretch.cut_rate)))
        sections.append(
            Section(
                id=f"S{i + 1}",
                cue=stretch.cue,
                first_bar=first,
                bars=bars,
                mood=mood.name,
                key=key.name,
                theme=theme,
                dynamics=_dynamics(stretch.arousal),
                density=round(density, 2),
                chords=harmony.section_chords(mood, key, bars, rng, is_last=stretch.closes),
                roles={},
                doubles={},
                reason=_section_reason(stretch, key, qpm, i),
            )
        )
    return tuple(sections)


def _dynamics(arousal: float) -> str:
    return DYNAMICS[min(5, max(0, round(2.6 + 2.6 * arousal)))]


def _section_reason(stretch: _Stretch, key: Key, qpm: float, index: int) -> str:
    opening = "opens the film" if index == 0 else f"cue {stretch.cue} begins" if stretch.opens else "the picture turns here"
    feeling = f"valence {stretch.valence:+.2f}, arousal {stretch.arousal:+.2f} reads as {stretch.mood.name}"
    return f"{stretch.start_s:.1f}-{stretch.end_s:.1f} s: {opening}; {feeling}: {key.name}, about {qpm:.0f} BPM"


def _arrange(sections: Sequence[Section], stretches: Sequence[_Stretch], parts: Sequence[Part], options: Options) -> tuple[Section, ...]:
    """Roles for every section; the loudest one is a tutti, so everybody asked for is heard."""
    peak = max(range(len(sections)), key=lambda i: (stretches[i].arousal, -i))
    carriers: dict[str, str] = {}
    statements: dict[str, int] = {}
    done = []
    for i, (section, stretch) in enumerate(zip(sections, stretches, strict=True)):
        count = statements[section.theme] = statements.get(section.theme, 0) + 1
        # the third time a theme is heard, someone else has it, in other company
        rng = random.Random(f"orchestra/{options.seed}/{section.theme}/{count // 3}")
        voices = orchestration.Voices(carriers.get(section.theme) if count % 3 else None, frozenset(carriers.values()))
        casting = orchestration.cast(parts, stretch.mood, section.density, stretch.arousal, rng, voices, tutti=i == peak)
        carriers.setdefault(section.theme, next(iter(casting.roles.get("melody", [])), ""))
        roles = {role: tuple(players) for role, players in casting.roles.items()}
        done.append(replace(section, roles=roles, doubles=dict(casting.doubles)))
    return tuple(done)


def _chords_on_hits(
    sections: Sequence[Section], hits: Sequence[Hit], tempo: TempoMap, options: Options, rate: float
) -> tuple[Section, ...]:
    """A hard hit gets a new chord, unless the cadence owns the bar."""
    done = []
    for section in sections:
        rng = random.Random(f"hits/{options.seed}/{section.id}")
        entries, key = list(section.chords), parse_key(section.key)
        for hit in hits:
            index = hit.bar - section.first_bar
            if hit.is_hard and 0 <= index < section.bars - 2 and abs(hit.error_s) <= 2 / rate:
                harmony.change_at(entries, index, hit.beat, tempo.bars[hit.bar - 1].beats, key, rng)
        done.append(replace(section, chords=tuple(entries)))
    return tuple(done)


def _plan_bars(film: Film, tempo: TempoMap) -> tuple[PlanBar, ...]:
    starts = [shot.start_s for shot in film.shots[1:]]
    rows = []
    for i, bar in enumerate(tempo.bars):
        start_s, end_s = float(tempo.bar_seconds[i]), float(tempo.bar_seconds[i + 1])
        valence, arousal = _mean_affect(film, min(start_s, film.duration_s - 0.01), min(end_s, film.duration_s))
        near = (bisect.bisect_left(starts, end_s + 2) - bisect.bisect_left(starts, start_s - 2)) / (end_s - start_s + 4)
        rows.append(
            PlanBar(
                i + 1,
                f"{bar.numerator}/{bar.denominator}",
                bar.qpm,
                round(valence, 2),
                round(arousal, 2),
                round(tension_of(valence, arousal), 2),
                round(near, 2),
            )
        )
    return tuple(rows)


def _reasons(
    film: Film,
    cues: CueSheet,
    home: Mood,
    keys: Sequence[Key],
    timed: Timed,
    hits: Sequence[Hit],
    parts: Sequence[Part],
    options: Options,
    beats_per_bar: int,
) -> tuple[str, ...]:
    """One line per decision, for a film-maker."""
    on_time = sum(abs(h.frames_off(film.frame_rate)) <= 0.5 for h in hits)
    wanted = sum(len(cue.hits) for cue in cues.cues)
    chosen = "as asked" if options.instruments else f"chosen for a {home.name} film"
    key_why = "as asked" if options.key else f"{home.mode} suits {home.name}; darker or brighter sections take the relative key"
    tempo_why = "as asked" if options.tempo_qpm else "from feeling and cut rhythm, bent so that cuts fall on beats"
    music = "" if len(cues.cues) == 1 and not options.cue_s and not options.silence_s else _cue_words(cues)
    return (
        f"mood: most of the film is {home.name} ({home.words})",
        f"key: {keys[0].name} ({key_why})",
        f"metre: {beats_per_bar}/4",
        f"tempo: {timed.tempo.mean_qpm:.1f} BPM on average ({tempo_why})",
        f"hits: {len(cues.candidates)} candidate moments, {wanted} worth a hit, {len(hits)} taken into the music, {on_time} of them within half a frame",
        f"steady: {_steady_words(timed, wanted)}",
        *([music] if music else []),
        f"instruments: {', '.join(p.info.name for p in parts)} ({chosen})",
    )


def _steady_words(timed: Timed, wanted: int) -> str:
    """The best constant tempi beside the bent map, as a sequencer's search would find them."""
    if not timed.constant:
        return "no moment asks for any tempo"
    told = "; ".join(f"{one.qpm:.2f} BPM would hit {one.hits} and come near {one.near}" for one in timed.constant[:3])
    return f"of these {wanted}, a constant {told}"


def _cue_words(cues: CueSheet) -> str:
    return f"music: {', '.join(f'{cue.id} {cue.start_s:.1f}-{cue.end_s:.1f} s' for cue in cues.cues)}"
