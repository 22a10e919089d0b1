"""The way of a preview: of a film whose plan (perhaps edited) or score lies there already, one passage to sound, and nothing else.

    VIDEO ──▶ what its folder holds: score, else plan, else Film ──plan──▶ Plan ──compose──▶ the sections of the passage ──render──▶ one sound file

Only what is missing is made. A score is used when the plan beside it is the one it was made of; of an edited plan only those sections are
written that the passage needs. Music alone: no film sound, no stems.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from composer.doctor import require_ready
from composer.errors import OptionError
from composer.generators import generator
from composer.manifest import read_manifest, read_rendering, sha256_of
from composer.options import Options, Progress, silent
from composer.output import default_folder, into_file
from composer.pipeline import arranged, check_video
from composer.plan import Plan, load_plan
from composer.rendering import Rendering
from composer.score import Score
from composer.stages import fits, made_of, read_score


@dataclass(frozen=True)
class Found:
    """What there is to begin with."""

    #: the plan; None = the film has to be watched and planned
    plan: Plan | None
    #: the score made of it, if nothing has changed since
    score: Score | None
    #: how the whole was rendered, if with the bank and loudness that are asked for
    rendering: Rendering | None


def preview(
    video: Path,
    start_s: float,
    end_s: float,
    out: Path,
    options: Options,
    progress: Progress = silent,
    *,
    plan_file: Path | None = None,
    afresh: bool = False,
    composed_by: Collection[str] = (),
    overwrite: bool = False,
) -> str:
    """Write the music of `video` from `start_s` to `end_s` (film time, seconds) to `out`, .wav or .ogg; returns what it was made of, for the user.

    `afresh`: plan anew, whatever lies beside the film. `composed_by`: options of composing that were really asked for: a score that was
    composed otherwise is not what is meant. Raises ComposerError for everything that is the input's or the machine's fault.
    """
    check_video(video)
    if not 0 <= start_s < end_s:
        raise OptionError(f"there is no passage from {start_s:g} to {end_s:g} s", "Give an end that comes after the beginning.")
    if out.suffix.lower() not in (".wav", ".ogg"):
        raise OptionError(f"--out {out} is neither .wav nor .ogg", "Give a name that ends so.")
    found = (
        Found(load_plan(plan_file), None, None)
        if plan_file
        else Found(None, None, None)
        if afresh
        else look(default_folder(video), options, composed_by)
    )
    require_ready(options)
    with into_file(out, out.name, overwrite, [video]) as place:
        plan = found.plan or _planned(video, options, progress)
        if start_s >= plan.duration_s:
            raise OptionError(f"there is no passage from {start_s:g} to {end_s:g} s", f"The film lasts {plan.duration_s:.2f} s.")
        end_s = min(end_s, plan.duration_s)
        score = found.score or _composed(plan, start_s, end_s, options, progress)
        _write(score, start_s, end_s, place / out.name, options, found.rendering, progress)
    return "score" if found.score else "plan" if found.plan else "film"


def look(folder: Path, options: Options, composed_by: Collection[str] = ()) -> Found:
    """What an output folder holds that a preview can begin with: a score only if it is of the plan there and composed as was asked.

    Raises PlanError for a plan or score that cannot be read.
    """
    plan_file, score_file = folder / "plan.yaml", folder / "score.json"
    if not plan_file.is_file():
        return Found(None, None, None)
    plan, asked = load_plan(plan_file), read_manifest(folder).get("options", {})
    otherwise = any(asked.get(name) != getattr(options, name) for name in composed_by)
    if otherwise or not score_file.is_file() or made_of(folder, "plan.yaml") != sha256_of(plan_file):
        return Found(plan, None, None)
    score, rendering = read_score(score_file), read_rendering(folder)
    if not fits(score, plan):
        return Found(plan, None, None)
    asked_for = options.soundfont is None and asked.get("loudness") == options.loudness
    of_the_score = rendering is not None and rendering.premaster_lufs < 0 and made_of(folder, "score.json") == sha256_of(score_file)
    return Found(plan, score, rendering if asked_for and of_the_score else None)


def _planned(video: Path, options: Options, progress: Progress) -> Plan:
    from composer.video import watch

    return arranged(watch(video, options, progress), options, video, progress).plan


def _composed(plan: Plan, start_s: float, end_s: float, options: Options, progress: Progress) -> Score:
    """The performed notes of the sections that sound in the passage; others may be missing."""
    from composer.render.passage import PREROLL_S
    from composer.render.perform import perform

    first, last = (plan.tempo.bar_at_s(at_s) + 1 for at_s in (max(0.0, start_s - PREROLL_S), end_s))
    wanted = frozenset(section.id for section in plan.sections if section.first_bar <= last and section.last_bar >= first)
    return perform(generator(options.generator)(plan, progress=progress, only=wanted), plan, options.humanize)


def _write(score: Score, start_s: float, end_s: float, path: Path, options: Options, whole: Rendering | None, progress: Progress) -> None:
    from composer.render.deliver import write_preview
    from composer.render.passage import render_passage

    wav = path if path.suffix.lower() == ".wav" else path.with_suffix(".wav")
    render_passage(score, start_s, end_s, wav, replace(options, seed=score.seed), whole, progress)
    if wav != path:
        write_preview(wav, path)
