"""The way of a re-edit: the picture was cut anew, its music goes along.

    old folder + new video ──match──▶ Edit ──reconform──▶ Plan + Reuse ──carry over──▶ Score ──render──▶ Rendering ──deliver──▶ folder

Like `composer.pipeline`, but for one thing: what survived of the old plan and the old performance is kept, and only what must change is
planned and composed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from composer.changes import write_changes
from composer.doctor import require_ready
from composer.edit import Edit, Reuse
from composer.errors import VideoError
from composer.film import Film
from composer.generators import generator
from composer.inheritance import bank_warnings, first_readable, pictures_of
from composer.manifest import read_manifest, write_manifest
from composer.options import Options, Progress, silent
from composer.output import check_folder, new_folder
from composer.pipeline import SAME_FILM_S, Clock, Outcome, check_video
from composer.plan import Plan
from composer.rendering import Rendering
from composer.score import Score
from composer.score_reuse import carried_over, needs_new_music, silent_bars
from composer.stages import read_folder, write_film, write_plan, write_score


@dataclass(frozen=True)
class Reconformed:
    """What came out, for whoever tells the user."""

    #: as of any scored film
    outcome: Outcome
    #: what was done to the picture
    edit: Edit
    #: what became of the music
    reuse: Reuse


def reconform_film(
    old_folder: Path,
    video: Path,
    out: Path,
    options: Options,
    progress: Progress = silent,
    *,
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> Reconformed:
    """Score `video`, a new edit of the film that was scored into `old_folder`, into the folder `out`; nothing is left of a failed run.

    Raises ComposerError for everything that is the input's or the machine's fault.
    """
    check_video(video)
    check_folder(out, overwrite, [video])
    old_film, old_plan, old_score, _ = read_folder(old_folder)
    pictures = pictures_of(old_folder, old_film)
    require_ready(options)

    from composer.evaluation.sync_report import measure_sync
    from composer.planner import spot
    from composer.planner.reconform import reconform
    from composer.render.deliver import deliver
    from composer.render.export import export
    from composer.video import watch

    clock = Clock(progress)
    with new_folder(out, overwrite, [video]) as folder:
        with clock.stage("match"):
            edit = compared(pictures, video, old_film)
        with clock.stage("watch"):
            film = watch(video, options, progress)
            write_film(film, folder)
        with clock.stage("plan"):
            plan, reuse = reconform(old_plan, edit, film, spot(film, Options()), steady=options.steady)
            options = replace(options, seed=plan.seed, ending=plan.ending)
            write_plan(plan, folder)
        with clock.stage("compose"):
            score, reuse = rewritten(old_score, plan, reuse, options, progress)
            write_score(score, folder)
        with clock.stage("render"):
            rendering = _rendered(score, folder, options, progress, old_folder)
        with clock.stage("deliver"):
            scored = deliver(video, film, plan, score, rendering, folder, options, progress)
            sync = measure_sync(plan, score, rendering, folder, scored)
            failures = export(film, plan, score, rendering, folder, scored, options, progress)
            write_changes(folder, old_film, film, edit, reuse, old_plan, plan)
        outcome = Outcome(out, scored.name, film, plan, score, rendering, sync, clock.timings_s, failures)
        _note(folder, outcome, video, options, command)
    return Reconformed(outcome, edit, reuse)


def compared(pictures: Sequence[Path], video: Path, old_film: Film) -> Edit:
    """How `video` was made from the old film, of which the first whole one of `pictures` shows the picture.

    Raises ComposerError when none of them, or `video`, can be read, and where the two have nothing to do with each other.
    """
    from composer.video.fingerprint import Fingerprints, fingerprints
    from composer.video.matching import match

    def look(picture: Path) -> Fingerprints:
        seen = fingerprints(picture)
        if seen.duration_s < old_film.duration_s - SAME_FILM_S:
            lengths = f"{seen.duration_s:.2f} s of {old_film.duration_s:.2f} s can be read"
            raise VideoError(f"{picture} is damaged: {lengths}", "Run `deliver` with the film that was scored, then try again.")
        return seen

    return match(first_readable(pictures, look), fingerprints(video))


def _rendered(score: Score, folder: Path, options: Options, progress: Progress, old_folder: Path) -> Rendering:
    """The sound, with a word when it comes from another bank than the old film's."""
    from composer.render import render

    rendering = render(score, folder, options, progress)
    return replace(rendering, warnings=(*rendering.warnings, *bank_warnings(options, read_manifest(old_folder), rendering)))


def _note(folder: Path, outcome: Outcome, video: Path, options: Options, command: Sequence[str]) -> None:
    """The manifest."""
    write_manifest(
        folder,
        options,
        seed=outcome.plan.seed,
        command=command,
        inputs=[video, folder / "plan.yaml", folder / "score.json"],
        rendering=outcome.rendering,
        timings_s=outcome.timings_s,
        warnings=(*outcome.film.warnings, *outcome.rendering.warnings, *outcome.failures),
        film=outcome.film,
    )


def rewritten(old: Score, plan: Plan, reuse: Reuse, options: Options, progress: Progress = silent) -> tuple[Score, Reuse]:
    """The performed score of a re-edit, and what it keeps in the end.

    The generator writes only where nothing of the old music is left, and bars put together from parts where these leave a hit unmarked.
    """
    from composer.render.perform import controlled, perform

    def written(kept: Reuse) -> Score:
        fresh: Score | None = None
        if needs_new_music(plan, kept):
            fresh = perform(generator(options.generator)(plan, progress=progress), plan, options.humanize)
        return carried_over(old, fresh, plan, kept)

    score = written(reuse)
    silent_at = silent_bars(score, plan, reuse)
    if silent_at:
        edges = plan.tempo.bar_beats
        for bar in silent_at:
            reuse = reuse.without(bar, float(edges[bar - 1]), float(edges[bar]))
        score = written(reuse)
    if plan.ending == "fade" and any(change.fate != "kept" for change in reuse.bars):
        score = controlled(score, plan)  # the fade is now elsewhere: controllers anew, not a note moves
    return score, reuse
