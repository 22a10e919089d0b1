"""The whole way: a video goes in, a scored film comes out.

    video ──watch──▶ Film ──spot──▶ CueSheet
    Film + CueSheet + Options ──plan──▶ Plan ──compose──▶ Score ──perform──▶ Score ──render──▶ Rendering ──deliver──▶ folder

Only this page knows it all. Stages take nouns and return nouns; what each leaves in the output folder is told in `composer.stages`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from composer.doctor import require_ready
from composer.errors import PlanError, VideoError
from composer.film import Film
from composer.generators import generator
from composer.manifest import read_manifest, sha256_of, write_manifest
from composer.options import Options, Progress, silent
from composer.output import check_folder, new_folder
from composer.plan import Plan, load_plan
from composer.rendering import Rendering
from composer.score import Score
from composer.stages import write_film, write_plan, write_score

if TYPE_CHECKING:
    from composer.evaluation.sync import SyncReport
    from composer.planned import Picture, Planned

#: how far a plan's film may differ in length from the film it is used on, seconds (another encoder, a frame or two)
SAME_FILM_S = 0.5


@dataclass(frozen=True)
class Outcome:
    """What came out, for whoever tells the user."""

    #: the output folder, as the user named it
    folder: Path
    #: the scored film, relative to the folder
    scored: str
    film: Film
    plan: Plan
    #: as performed
    score: Score
    rendering: Rendering
    #: how music and picture keep together, as heard
    sync: SyncReport
    #: seconds of each stage
    timings_s: dict[str, float]
    #: what was asked for and could not be made, one line each
    failures: tuple[str, ...] = ()


def score_film(
    video: Path,
    out: Path,
    options: Options,
    progress: Progress = silent,
    plan_file: Path | None = None,
    *,
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> Outcome:
    """Score `video` into the folder `out`, planning anew or obeying `plan_file`; nothing is left of a failed run.

    Raises ComposerError for everything that is the input's or the machine's fault.
    """
    check_video(video)
    given = load_plan(plan_file) if plan_file else None
    check_folder(out, overwrite, [video])
    require_ready(options)

    from composer.evaluation.sync_report import measure_sync
    from composer.planned import Planned
    from composer.render import render
    from composer.render.deliver import deliver
    from composer.render.export import export
    from composer.render.perform import perform
    from composer.video import watch

    clock = Clock(progress)
    with new_folder(out, overwrite, [video]) as folder:
        with clock.stage("watch"):
            film = watch(video, options, progress)
            write_film(film, folder)
        with clock.stage("plan"):
            planned = Planned(fitted(given, film)) if given else arranged(film, options, video, progress)
            plan = planned.plan
            options = replace(options, seed=plan.seed, ending=plan.ending)
            write_plan(plan, folder)
        with clock.stage("compose"):
            composed = generator(options.generator)(plan, progress=progress)
        with clock.stage("perform"):
            score = perform(composed, plan, options.humanize)
            write_score(score, folder)
        with clock.stage("render"):
            rendering = render(score, folder, options, progress)
        with clock.stage("deliver"):
            scored = deliver(video, film, plan, score, rendering, folder, options, progress)
            sync = measure_sync(plan, score, rendering, folder, scored)
        with clock.stage("export"):
            failures = export(film, plan, score, rendering, folder, scored, options, progress)
        write_manifest(
            folder,
            options,
            seed=plan.seed,
            command=command,
            inputs=[video, *([options.hits_file] if options.hits_file else []), folder / "plan.yaml", folder / "score.json"],
            rendering=rendering,
            timings_s=clock.timings_s,
            warnings=(*film.warnings, *plan.notes, *rendering.warnings, *failures),
            film=film,
            llm=planned.usage,
        )
    return Outcome(out, scored.name, film, plan, score, rendering, sync, clock.timings_s, failures)


def check_video(video: Path) -> None:
    """Raise VideoError for what is not even a file."""
    try:
        is_folder, is_file, is_there = video.is_dir(), video.is_file(), video.exists()
    except OSError as error:
        raise VideoError(f"{video} cannot be read ({error.strerror})", "Check the path.") from None
    if is_folder:
        raise VideoError(f"{video} is a folder", "Give one video file.")
    if not is_there:
        raise VideoError(f"there is no file {video}", "Check the path.")
    if not is_file:
        raise VideoError(f"{video} is a device or a pipe, not a file", "Save the film to a file first.")


def arranged(film: Film, options: Options, video: Path | None, progress: Progress = silent) -> Planned:
    """Spot and plan; a language model that is to see gets pictures of `video`.

    Raises ComposerError for options that make no sense, and for pictures that cannot be read; never for a language model that fails.
    """
    from composer.planner import make_plan, spot

    return make_plan(film, spot(film, options), options, pictures_for(film, options, video), progress)


def pictures_for(film: Film, options: Options, video: Path | None) -> tuple[Picture, ...]:
    """What a language model is shown: with --llm-frames the moments that tell most of the film, or the one of --frame."""
    if not options.llm_frames or video is None:
        return ()
    from composer.planned import Picture
    from composer.planner.llm import moments
    from composer.video.keyframes import pictures_at
    from composer.video.moment import chosen_moment

    one = chosen_moment(options, film.duration_s)
    times_s = moments(film) if one is None else (one,)
    return tuple(Picture(time_s, jpeg) for time_s, jpeg in zip(times_s, pictures_at(video, film, times_s), strict=True))


def fitted(plan: Plan, film: Film) -> Plan:
    """A plan read from a file, for this film.

    Raises PlanError when it was made for a film of another length.
    """
    if abs(plan.duration_s - film.duration_s) > SAME_FILM_S:
        raise PlanError(
            f"the plan is for a film of {plan.duration_s:.2f} s, but this one lasts {film.duration_s:.2f} s",
            "Make a plan of this film with `plan`.",
        )
    return replace(plan, duration_s=film.duration_s, frame_rate=film.frame_rate).check()


def check_same_film(film: Film, video: Path, folder: Path) -> None:
    """Raise VideoError when a video is neither the one scored into `folder` nor as long as it."""
    from composer.probe import probe

    if sha256_of(video) in read_manifest(folder).get("inputs", {}).values():
        return
    end_s = probe(video).picture_end_s
    if end_s is not None and abs(end_s - film.start_offset_s - film.duration_s) > SAME_FILM_S:
        raise VideoError(f"{video} is not as long as the film that was scored ({film.duration_s:.2f} s)", "Score it with `score`.")


@dataclass
class Clock:
    """Tells progress where each stage begins and ends, and notes how long it took."""

    progress: Progress
    #: seconds of each finished stage
    timings_s: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """One stage."""
        began_s = time.monotonic()
        self.progress(name, 0.0)
        yield
        self.timings_s[name] = time.monotonic() - began_s
        self.progress(name, 1.0)
