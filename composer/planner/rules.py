"""The rule planner: Film + CueSheet + Options → Plan, offline and the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from composer.cues import CueSheet, HitPoint
from composer.errors import OptionError, nearest
from composer.film import Film
from composer.instruments import expand
from composer.options import Options
from composer.plan import DYNAMICS, PLAN_VERSION, Hit, Mark, Part, Plan, PlanBar, PlanCue, Section
from composer.planner import harmony, orchestration, tempo_fit
from composer.tempo import MAX_QPM, MIN_QPM, Bar, TempoMap
from composer.theory.keys import Key, parse_key
from composer.theory.moods import MOODS, Mood, mood_for, tension_of

#: tonics that lie well for strings and winds, by gender of the key
_TONICS = {"major": ("D", "G", "C", "F", "Bb", "A", "Eb"), "minor": ("D", "A", "E", "G", "C", "B", "F")}


@dataclass(frozen=True)
class _Stretch:
    """A section before it has bars: its span of film and what was felt in it."""

    start_s: float
    end_s: float
    valence: float
    arousal: float
    mood: Mood
    #: cuts per second inside
    cut_rate: float


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
    fits = _fit_tempo(stretches, hits, beats_per_bar, options, film)
    tempo = TempoMap(tuple(bar for bars, _ in fits for bar in bars))
    keys = _keys(stretches, home, options, rng)
    sections = _sections(stretches, fits, keys, rng)
    sections = _arrange(sections, stretches, parts, options)
    placed = _place_hits(hits, tempo, sections, film)
    sections = _chords_on_hits(sections, placed, tempo, options, float(film.frame_rate))
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
        bars=_plan_bars(film, tempo),
        reasons=_reasons(film, cues, home, keys, tempo, placed, parts, options, beats_per_bar),
    ).check()


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
        for start_s, end_s in zip(edges, edges[1:], strict=False):
            valence, arousal = _mean_affect(film, start_s, end_s)
            cut_rate = sum(start_s <= c < end_s for c in cuts) / (end_s - start_s)
            mood = MOODS[options.mood] if options.mood else mood_for(valence, arousal, tension_of(valence, arousal))
            found.append(_Stretch(start_s, end_s, valence, arousal, mood, cut_rate))
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


# --- time -------------------------------------------------------------------------------------------------------------


def _target_qpm(stretch: _Stretch) -> tuple[float, tuple[float, float]]:
    """Tempo the feeling asks for inside the mood's band, quickened by quick cutting; and how far it may go."""
    low, high = stretch.mood.qpm
    lift = 0.5 + 0.5 * (stretch.arousal - stretch.mood.arousal) + 0.35 * min(1.0, stretch.cut_rate / 1.2) - 0.1
    target = low + (high - low) * min(1.0, max(0.0, lift))
    return target, (low * 0.9, high * 1.1)


def _fit_tempo(
    stretches: Sequence[_Stretch], hits: Sequence[HitPoint], beats_per_bar: int, options: Options, film: Film
) -> list[tuple[tuple[Bar, ...], float]]:
    """(bars, base qpm) of every stretch."""
    spans, frame_rate = [], float(film.frame_rate)
    for s in stretches:
        target, limits = _target_qpm(s)
        inside = tuple(h for h in hits if s.start_s + 0.05 < h.time_s < s.end_s - 0.05)
        end_s = s.end_s
        if options.tempo_qpm and s is stretches[-1]:
            # whole beats of the tempo asked for: the last may run a little past the picture
            end_s = math.ceil(s.end_s * options.tempo_qpm / 60 - 1e-6) * 60 / options.tempo_qpm
        spans.append(tempo_fit.SectionSpan(s.start_s, end_s, target, limits, beats_per_bar, inside, 0.45 / frame_rate))
    if not options.steady:
        return [(f.bars, f.base_qpm) for f in tempo_fit.fit(spans, options.tempo_qpm)]
    qpm = options.tempo_qpm or round(float(np.average([s.target_qpm for s in spans], weights=[s.end_s - s.start_s for s in spans])))
    return _steady(stretches, qpm, beats_per_bar, film.duration_s)


def _steady(stretches: Sequence[_Stretch], qpm: float, beats_per_bar: int, duration_s: float) -> list[tuple[tuple[Bar, ...], float]]:
    """Every bar the same; sections begin on the bar line nearest to where the picture asks."""
    bar = Bar(beats_per_bar, 4, qpm)
    total = tempo_fit.steady_bar_count(duration_s, qpm, beats_per_bar)
    edges = [0]
    for i, s in enumerate(stretches[:-1]):
        room = total - (len(stretches) - 1 - i)
        edges.append(min(room, max(edges[-1] + 1, round(s.end_s / bar.seconds))))
    edges.append(total)
    return [((bar,) * (b - a), qpm) for a, b in zip(edges, edges[1:], strict=False)]


def _place_hits(hits: Sequence[HitPoint], tempo: TempoMap, sections: Sequence[Section], film: Film) -> tuple[Hit, ...]:
    """Every hit on the beat (hard) or half-beat (soft) nearest to it; soft ones that no half-beat reaches in two frames are dropped."""
    first_bars = {s.first_bar for s in sections}
    placed: list[Hit] = []
    for hit in hits:
        step = 1.0 if hit.is_hard else 0.5
        beat = _nearest_grid_beat(tempo, hit.time_s, step)
        if beat >= tempo.total_beats - 1e-6:
            continue
        bar, in_bar = tempo.address(beat)
        error = tempo.beat_to_s(beat) - hit.time_s
        if not hit.is_hard and abs(error) > 2.01 * film.frame_s:
            continue
        if placed and (placed[-1].bar, placed[-1].beat) == (bar, in_bar):
            continue
        mark: Mark = "section" if in_bar == 1 and bar in first_bars else "chord" if hit.is_hard else "accent"
        placed.append(Hit(hit.time_s, bar, in_bar, round(error, 6), hit.weight, mark, hit.label))
    return tuple(placed)


def _nearest_grid_beat(tempo: TempoMap, time_s: float, step: float) -> float:
    """Beat of the bar's own grid (bars may have odd lengths) that sounds nearest to a time."""
    bar = tempo.bar_at_s(time_s)
    start = float(tempo.bar_beats[bar])
    options = [start + step * k for k in range(round(tempo.bars[bar].beats / step) + 1)]
    return min(options, key=lambda beat: abs(tempo.beat_to_s(beat) - time_s))


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


def _sections(
    stretches: Sequence[_Stretch], fits: Sequence[tuple[tuple[Bar, ...], float]], keys: Sequence[Key], rng: random.Random
) -> tuple[Section, ...]:
    sections, first = [], 1
    themes: dict[str, str] = {}
    for i, (stretch, (bars, qpm), key) in enumerate(zip(stretches, fits, keys, strict=True)):
        mood = stretch.mood
        theme = themes.setdefault(mood.name, "ABCDEFGHIJKLMNOP"[len(themes) % 16])
        density = min(1.0, max(0.1, 0.5 + 0.42 * stretch.arousal + 0.1 * min(1.0, stretch.cut_rate)))
        chords = harmony.section_chords(mood, key, len(bars), rng, is_last=i == len(stretches) - 1)
        sections.append(
            Section(
                id=f"S{i + 1}",
                cue="1m1",
                first_bar=first,
                bars=len(bars),
                mood=mood.name,
                key=key.name,
                theme=theme,
                dynamics=_dynamics(stretch.arousal),
                density=round(density, 2),
                chords=chords,
                roles={},
                doubles={},
                reason=_section_reason(stretch, key, qpm, i),
            )
        )
        first += len(bars)
    return tuple(sections)


def _dynamics(arousal: float) -> str:
    return DYNAMICS[min(5, max(0, round(2.6 + 2.6 * arousal)))]


def _section_reason(stretch: _Stretch, key: Key, qpm: float, index: int) -> str:
    opening = "opens the film" if index == 0 else "the picture turns here"
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
        near = sum(start_s - 2 <= c < end_s + 2 for c in starts) / (end_s - start_s + 4)
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
    tempo: TempoMap,
    hits: Sequence[Hit],
    parts: Sequence[Part],
    options: Options,
    beats_per_bar: int,
) -> tuple[str, ...]:
    """One line per decision, for a film-maker."""
    on_time = sum(abs(h.frames_off(film.frame_rate)) <= 0.5 for h in hits)
    chosen = "as asked" if options.instruments else f"chosen for a {home.name} film"
    key_why = "as asked" if options.key else f"{home.mode} suits {home.name}; darker or brighter sections take the relative key"
    tempo_why = "as asked" if options.tempo_qpm else "from feeling and cut rhythm, bent so that cuts fall on beats"
    return (
        f"mood: most of the film is {home.name} ({home.words})",
        f"key: {keys[0].name} ({key_why})",
        f"metre: {beats_per_bar}/4",
        f"tempo: {tempo.mean_qpm:.1f} BPM on average ({tempo_why})",
        f"hits: {len(hits)} of {len(cues.candidates)} candidate moments are aimed at, {on_time} of them met within half a frame",
        f"instruments: {', '.join(p.info.name for p in parts)} ({chosen})",
    )
