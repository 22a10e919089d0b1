"""From an outline to a plan: whoever decided (rules, an LLM), time, harmony, players, hits and dynamics are worked out here.

Time first: hits and section starts bend the tempo map. Then what the map makes possible: chords bar by bar, changed by hits; roles for every
section; how each hit is marked; hairpins into what matters; who plucks, trembles or is muted.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

from composer.cues import CueSheet
from composer.film import Film
from composer.instruments import INSTRUMENTS
from composer.options import Options
from composer.plan import PLAN_VERSION, Hit, Part, Plan, PlanCue, Section, Theme
from composer.planner import orchestration
from composer.planner.dynamics import hairpins
from composer.planner.feeling import plan_bars
from composer.planner.harmony import BarTime, HarmonyAsk, HitAt, write_chords
from composer.planner.outline import Outline
from composer.planner.placing import accent_parts, is_needed, marked, place_hits
from composer.planner.techniques import with_techniques
from composer.planner.timing import Timed, fit_time
from composer.theory.chords import Chord, parse_chord
from composer.theory.keys import parse_key
from composer.theory.moods import MOODS


def arrange(outline: Outline, film: Film, cues: CueSheet, options: Options) -> Plan:
    """The plan of an outline.

    Raises PlanError when the outline contradicts itself.
    """
    wanted = [hit for cue in cues.cues for hit in cue.hits]
    timed = fit_time(outline.sections, wanted, outline.beats_per_bar, options, film)
    placed = place_hits(wanted, timed.tempo, film)
    parts = tuple(Part(name, name) for name in outline.instruments)
    sections = _cast(_sections(outline, timed, placed, options), outline, parts, options)
    hits, parts = _marked(placed, sections, film, parts, options)
    plan = Plan(
        version=PLAN_VERSION,
        seed=options.seed,
        origin=outline.origin,
        title=outline.title,
        duration_s=film.duration_s,
        frame_rate=film.frame_rate,
        ending=options.ending,
        cues=tuple(PlanCue(cue.id, cue.start_s, cue.end_s) for cue in cues.cues),
        parts=parts,
        sections=sections,
        hits=hits,
        bars=plan_bars(film, timed.tempo),
        start_tc=cues.start_tc,
        candidates_s=tuple(c.time_s for c in cues.candidates),
        wanted_s=tuple(hit.time_s for hit in wanted if hit.is_hard),
        notes=(*cues.notes, *outline.notes),
        reasons=(*outline.reasons, *_time_reasons(cues, timed, hits, options, film, by_rules=outline.origin == "rules")),
        style=outline.style,
        key=outline.key,
        themes=_carried(outline.themes, sections, parts),
    )
    return with_techniques(replace(plan, hairpins=hairpins(plan))).check()


# --- sections and their chords ----------------------------------------------------------------------------------------


def _sections(outline: Outline, timed: Timed, hits: Sequence[Hit], options: Options) -> tuple[Section, ...]:
    sections: list[Section] = []
    for i, (asked, following) in enumerate(itertools.zip_longest(outline.sections, outline.sections[1:])):
        first, count = timed.bars[i]
        joined = following is not None and following.cue == asked.cue
        key, next_key = parse_key(asked.key), parse_key(following.key) if joined else None
        harmony = write_chords(
            HarmonyAsk(
                mood=MOODS[asked.mood],
                key=key,
                bars=tuple(BarTime(bar.beats, bar.seconds) for bar in timed.tempo.bars[first - 1 : first - 1 + count]),
                tension=asked.tension,
                valence=asked.valence,
                arousal=asked.arousal,
                form=asked.form,
                progression=asked.progression,
                hits=tuple(HitAt(hit.bar - first, hit.beat) for hit in hits if hit.is_hard and first <= hit.bar < first + count),
                next_key=next_key if next_key != key else None,
                modulation=following.modulation if joined else "",
                before=_last_chord(sections[-1]) if sections and sections[-1].cue == asked.cue else None,
                is_last=not joined,
            ),
            random.Random(f"harmony/{options.seed}/{outline.title}/{i}/{asked.theme}"),
        )
        sections.append(
            Section(
                id=f"S{i + 1}",
                cue=asked.cue,
                first_bar=first,
                bars=count,
                mood=asked.mood,
                key=asked.key,
                theme=asked.theme,
                dynamics=asked.dynamics,
                density=asked.density,
                chords=harmony.chords,
                roles={},
                doubles={},
                reason="; ".join(filter(None, (asked.reason, ", ".join(harmony.reasons), f"about {timed.base_qpm[i]:.0f} BPM"))),
                form=asked.form,
                variation=asked.variation,
                modulation=asked.modulation,
                phrases=harmony.phrases,
            )
        )
    return tuple(sections)


def _last_chord(section: Section) -> Chord:
    return parse_chord(section.chords[-1].split()[-1], parse_key(section.key))


# --- players ----------------------------------------------------------------------------------------------------------


def _cast(sections: Sequence[Section], outline: Outline, parts: Sequence[Part], options: Options) -> tuple[Section, ...]:
    """Roles for every section by the rules, those that the outline tells in their place. The peak is a tutti, so everybody asked for is heard."""
    asks = outline.sections
    peak = max(range(len(asks)), key=lambda i: (asks[i].speech < orchestration.SPOKEN, asks[i].form == "climax", asks[i].arousal, -i))
    carriers: dict[str, str] = {theme.letter: theme.part for theme in outline.themes if theme.part}
    statements: dict[str, int] = {}
    done = []
    for i, (section, asked) in enumerate(zip(sections, outline.sections, strict=True)):
        count = statements[section.theme] = statements.get(section.theme, 0) + 1
        # the third time a theme is heard, someone else has it, in other company
        rng = random.Random(f"orchestra/{options.seed}/{section.theme}/{count // 3}")
        voices = orchestration.Voices(carriers.get(section.theme) if count % 3 else None, frozenset(carriers.values()))
        ask = orchestration.Ask(MOODS[section.mood], section.density, asked.arousal, section.form, asked.speech, tutti=i == peak)
        casting = orchestration.cast(parts, ask, rng, voices)
        roles, doubles = orchestration.told(casting, asked.roles, asked.doubles)
        carriers.setdefault(section.theme, next(iter(roles.get("melody", ())), ""))
        done.append(replace(section, roles=roles, doubles=doubles))
    heard = {p for section in done for p in (*section.doubles, *itertools.chain(*section.roles.values()))}
    roles, doubles = orchestration.joined(done[peak].roles, done[peak].doubles, [p for p in parts if p.id not in heard])
    done[peak] = replace(done[peak], roles=roles, doubles=doubles)
    return tuple(done)


def _carried(themes: Sequence[Theme], sections: Sequence[Section], parts: Sequence[Part]) -> tuple[Theme, ...]:
    """The themes that sections have, each with the part that sings it first."""
    done = []
    for theme in themes:
        singers = [next(iter(s.roles.get("melody", ())), "") for s in sections if s.theme == theme.letter]
        if singers:
            done.append(replace(theme, part=next(filter(None, singers), parts[0].id)))
    return tuple(done)


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


# --- reasons ----------------------------------------------------------------------------------------------------------


def _time_reasons(cues: CueSheet, timed: Timed, hits: Sequence[Hit], options: Options, film: Film, *, by_rules: bool) -> tuple[str, ...]:
    """What became of time, one line per decision."""
    on_time = sum(abs(h.frames_off(film.frame_rate)) <= 0.5 for h in hits)
    wanted = sum(len(cue.hits) for cue in cues.cues)
    wished = "from feeling and cut rhythm" if by_rules else "as told section by section"
    tempo_why = "as asked" if options.tempo_qpm else f"{wished}, bent so that cuts fall on beats"
    music = "" if len(cues.cues) == 1 and not options.cue_s and not options.silence_s else _cue_words(cues)
    return (
        f"tempo: {timed.tempo.mean_qpm:.1f} BPM on average ({tempo_why})",
        f"hits: {len(cues.candidates)} candidate moments, {wanted} worth a hit, {len(hits)} taken into the music, {on_time} of them within half a frame",
        f"steady: {_steady_words(timed, wanted)}",
        *([music] if music else []),
    )


def _steady_words(timed: Timed, wanted: int) -> str:
    """The best constant tempi beside the bent map, as a sequencer's search would find them."""
    if not timed.constant:
        return "no moment asks for any tempo"
    told = "; ".join(f"{one.qpm:.2f} BPM would hit {one.hits} and come near {one.near}" for one in timed.constant[:3])
    return f"of these {wanted}, a constant {told}"


def _cue_words(cues: CueSheet) -> str:
    return f"music: {', '.join(f'{cue.id} {cue.start_s:.1f}-{cue.end_s:.1f} s' for cue in cues.cues)}"
