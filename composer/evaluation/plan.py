"""Plans, judged: whether they are valid and cover their cues, where sections begin, what is heard of them, and how much seeds differ.

Forty films, real clips first and stories made up from numbers after them, are spotted, planned and composed as `score` would. Each film's own counts are
kept; tables are sums of them. What is counted is told in the modules beside this one: `plan_checks` (every plan), `plan_boundaries` (where
sections begin), `plan_heard` (parts and speech), `plan_keys` (keys found by ear), `plan_variety` (seeds).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from composer.errors import ComposerError
from composer.evaluation.plan_boundaries import count_against, count_boundaries, count_scenes, count_themes
from composer.evaluation.plan_checks import count_plan, tempo_steps
from composer.evaluation.plan_films import STORIES, Case, cases
from composer.evaluation.plan_heard import busy, count_heard, spoken
from composer.evaluation.plan_keys import EXCERPTS, count_keys, human_keys
from composer.evaluation.plan_variety import measure_variety
from composer.film import Film
from composer.generators import DEFAULT_GENERATOR, Compose, generator
from composer.options import Options, Progress
from composer.plan import Plan
from composer.planner import plan as arrange, spot

#: films, and seeds of a film whose plans are compared
FILMS, SEEDS = 40, 20
QUICK_FILMS, QUICK_SEEDS = 6, 4
#: who writes the notes when it has to be quick
QUICK_GENERATOR = "chords"
#: films whose seeds are compared: the clips where they are there, beside the first of the stories; without them all three stories
VARIED = ("sintel", "nosferatu")
VARIED_STORIES = ("wave", "dialogue", "elegy")
ASKED = ((), ("strings", "brass"))


@dataclass(frozen=True)
class Work:
    """What to judge."""

    seed: int
    #: (name, film) of real clips
    clips: Sequence[tuple[str, Film]] = ()
    #: collections of people's scores, for the test of keys
    scores: Sequence[Path] = ()
    #: few films, few seeds, quick notes
    quick: bool = False


def evaluate(work: Work, progress: Progress) -> dict[str, Any]:
    """Everything, as plain data."""
    films = cases(QUICK_FILMS if work.quick else FILMS, work.seed, work.clips[:2] if work.quick else work.clips)
    name = QUICK_GENERATOR if work.quick else DEFAULT_GENERATOR
    rows = []
    for done, case in enumerate(films):
        progress("films", done / len(films))
        rows.append(judge(case, generator(name)))
    progress("films", 1.0)
    found: dict[str, Any] = {
        "seed": work.seed, "quick": work.quick, "generator": name, "minutes": round(sum(case.film.duration_s for case in films) / 60, 1),
        "clips": sum(case.kind == "clip" for case in films), "films": rows, "all": dict(sum((Counter(row["counts"]) for row in rows), Counter())),
        "tempo steps": sorted(step for row in rows for step in row["tempo steps"]), "variety": _varieties(work, films, progress),
    }  # fmt: skip
    if work.scores:
        count = EXCERPTS // 12 if work.quick else EXCERPTS
        people = human_keys(work.scores, work.seed, count, lambda done: progress("people", done))
        found["people"] = {name: dict(counts) for name, counts in people.items()}
        progress("people", 1.0)
    return found


def judge(case: Case, compose: Compose) -> dict[str, Any]:
    """One film: planned, composed, counted. A plan that is refused is told as an error."""
    about = {
        "name": case.name,
        "kind": case.kind,
        "seconds": round(case.film.duration_s, 2),
        "asked": _asked(case.options),
    }
    try:
        plan = _planned(case)
    except ComposerError as error:
        return {**about, "error": str(error), "counts": {"films": 1}, "tempo steps": []}
    score = compose(plan)
    counts = count_plan(plan, case.film, case.options)
    for more in (
        Counter({"valid": 1}),
        _boundaries(plan, case),
        count_themes(plan, case.film),
        count_heard(plan, score, case.options),
        count_keys(plan, score),
    ):
        counts.update(more)
    row = {
        **about,
        "sections": len(plan.sections),
        "counts": {name: int(count) for name, count in counts.items()},
        "tempo steps": [round(step, 4) for step in tempo_steps(plan)],
    }
    return {**row, "speech": _speech(case, plan, score, compose)} if case.film.speech else row


def _asked(options: Options) -> str:
    """What was asked, in a few words."""
    tempo = f"{options.tempo_qpm:.0f} BPM" if options.tempo_qpm else ""
    words = (
        *options.instruments,
        tempo,
        "steady" if options.steady else "",
        options.key or "",
        options.mood or "",
        "cues" if options.cue_s or options.silence_s else "",
    )
    return ", ".join(word for word in words if word)


def _planned(case: Case) -> Plan:
    return arrange(case.film, spot(case.film, case.options), case.options).check()


def _boundaries(plan: Plan, case: Case) -> Counter[str]:
    """Boundaries counted against turns and, in stories, scenes; those of a steady tempo apart, as it cannot go where the film turns."""
    found = count_boundaries(plan, case.film, case.options.seed)
    if case.scenes_s:
        of_scenes = count_against(plan, case.film, case.scenes_s, case.options.seed)
        found.update({f"story {what}": count for what, count in of_scenes.items()})
        found.update(count_scenes(plan, case.film, case.scenes_s))
    return Counter({f"steady {what}": count for what, count in found.items()}) if case.options.steady else found


def _speech(case: Case, plan: Plan, score: Any, compose: Callable[[Plan], Any]) -> dict[str, Any]:
    """How busy the music is inside speech and outside, and inside when the planner does not know that somebody speaks."""
    inside, outside = spoken(case.film, plan)
    deaf = _planned(replace(case, film=replace(case.film, speech=())))
    return {"inside": asdict(busy(score, inside)), "outside": asdict(busy(score, outside)), "deaf": asdict(busy(compose(deaf), inside))}


def _varieties(work: Work, films: Sequence[Case], progress: Progress) -> list[dict[str, Any]]:
    """Seeds of three films, first with instruments left to the planner, then asked for."""
    seeds = range(work.seed, work.seed + (QUICK_SEEDS if work.quick else SEEDS))
    tasks = [(case, asked) for case in _varied(work, films) for asked in ASKED]
    found = []
    for done, (case, asked) in enumerate(tasks):
        progress("seeds", done / len(tasks))
        found.append(measure_variety(case.name, case.film, asked, seeds).to_plain())
    progress("seeds", 1.0)
    return found


def _varied(work: Work, films: Sequence[Case]) -> list[Case]:
    """A story and the two clips, or more stories where these are missing; when it has to be quick, the shortest film."""
    if work.quick:
        return [min(films, key=lambda case: case.film.duration_s)]
    clips = [case for case in films if case.kind == "clip" and case.name.startswith(VARIED)]
    stories = sorted((c for c in cases(len(STORIES), work.seed) if c.kind in VARIED_STORIES), key=lambda c: VARIED_STORIES.index(c.kind))
    return [*stories[: max(1, len(VARIED_STORIES) - len(clips))], *clips]
