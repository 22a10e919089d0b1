"""The commands. Each parses, asks a stage or the whole pipeline, and says what was written; all else lives in the stages."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import composer
from composer.cli import learning, parameters, reconforming
from composer.cli.progress import showing
from composer.errors import MissingToolError, OptionError
from composer.film import Film
from composer.options import Options, Progress

if TYPE_CHECKING:
    from composer.plan import Plan
    from composer.planned import Usage

#: what a film is called: never the output folder of `score`
FILM_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


@click.group(
    context_settings=CONTEXT, epilog="A film as the first word means `score`. Files whose name begins with a dash come after `--`."
)
@click.version_option(composer.__version__, prog_name="hitpoint")
def hitpoint() -> None:
    r"""Hitpoint scores a film: it watches, decides where music should land, composes, performs, renders and mixes it in.

    \b
    hitpoint film.mp4 --instruments strings,brass
    """


@hitpoint.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE", help="Obey this (edited) plan.yaml instead of planning anew."
)
@parameters.planning_options
@parameters.watching_options
@parameters.composing_options
@parameters.sound_options
@parameters.film_options
@parameters.output_options
@click.pass_context
def score(context: click.Context, /, video: Path, plan_file: Path | None, **asked: Any) -> None:
    """Score VIDEO: the whole way, into a folder beside it (film.mp4 → film.score/)."""
    if plan_file is not None:
        parameters.refuse_with_plan(context)
    options = parameters.options_from(asked)
    from composer import pipeline
    from composer.cli.summary import summary, timings
    from composer.output import default_folder

    pipeline.check_video(video)
    out = asked["out"] or default_folder(video)
    if out.suffix.lower() in FILM_SUFFIXES and not out.exists():
        raise OptionError(f"--out {out} names a film, but the result is a folder", "Give a folder, e.g. --out my-score.")
    with _progress(asked) as progress:
        outcome = pipeline.score_film(video, out, options, progress, plan_file, overwrite=asked["overwrite"], command=sys.argv[1:])
    _say(asked, summary(outcome))
    _warn(asked, outcome.plan, options)
    if asked["verbose"]:
        _say(asked, timings(outcome))


@hitpoint.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--keyframes", is_flag=True, help="Also write one JPEG a shot.")
@click.option("--features", type=click.Path(path_type=Path), metavar="FILE.npz", help="Also write a table of features for research, one row a second.")  # fmt: skip
@parameters.watching_options
@parameters.output_options
def analyze(video: Path, keyframes: bool, features: Path | None, **asked: Any) -> None:
    """Watch VIDEO: shots, motion, sound and feeling per second, as film.json and emotions.txt."""
    options = parameters.options_from(asked)
    from composer import pipeline, stages
    from composer.output import default_folder, into_file
    from composer.video import observe

    pipeline.check_video(video)
    if features is not None and features.suffix != ".npz":
        raise OptionError(f"--features {features} is no .npz file", "Give a name that ends in .npz.")

    def work(folder: Path, progress: Progress) -> Any:
        observed = observe(video, options, progress)
        stages.write_film(observed.film, folder)
        if keyframes:
            from composer.video.keyframes import write_keyframes

            write_keyframes(video, observed.film, folder / stages.KEYFRAMES, progress)
        if table is not None and features is not None:
            from composer.video.features import features as measure, write_features

            write_features(measure(observed.film, observed.header, observed.semantic, observed.clip_model), table / features.name)
        return observed.film

    place = asked["out"] or default_folder(video)
    if keyframes and place.suffix in (".json", ".txt"):
        raise OptionError(f"--keyframes writes a folder, but --out {place} names a file", "Give a folder.")
    keyframes = keyframes or (place / stages.KEYFRAMES).is_dir()  # those of another film must not stay beside this one's film.json
    names = (*stages.FILM_FILES, *((stages.KEYFRAMES,) if keyframes else ()))
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(into_file(features, features.name, asked["overwrite"], [video])) if features is not None else None
        _write(asked, default_folder(video), names, options, [video], work)
    if features is not None:
        _say(asked, str(features))


@hitpoint.command()
@click.argument("film_or_video", metavar="VIDEO|FILM.JSON", type=click.Path(path_type=Path))
@click.option("--explain", is_flag=True, help="Also tell the reason of every decision.")
@click.option("--show-prompt", is_flag=True, help="Only show what a language model would be asked: nothing is sent, nothing is written.")
@parameters.planning_options
@parameters.watching_options
@parameters.output_options
def plan(film_or_video: Path, explain: bool, **asked: Any) -> None:
    """Plan the music of VIDEO (or of a film.json): plan.yaml, to be edited, and prompt.txt."""
    options = parameters.options_from(asked)
    from composer import pipeline, planner, stages
    from composer.output import default_folder

    pipeline.check_video(film_or_video)
    is_film = film_or_video.suffix.lower() == ".json"
    film = stages.read_film(film_or_video) if is_film else None
    if film is not None:
        film = _felt_otherwise(film, options)
    if asked["show_prompt"]:
        click.echo(_prompt(film_or_video, film, options, asked), nl=False)
        return
    plans: list[Plan] = []

    def work(folder: Path, progress: Progress) -> _Arranged:
        nonlocal film
        if film is None:
            from composer.video import watch

            film = watch(film_or_video, options, progress)
            stages.write_film(film, folder)
        planned = pipeline.arranged(film, options, None if is_film else film_or_video, progress)
        plans.append(planned.plan)
        stages.write_plan(planned.plan, folder)
        return _Arranged(None if is_film else film, planned.usage)

    place = film_or_video.parent if is_film else default_folder(film_or_video)
    names = stages.PLAN_FILES if is_film else (*stages.PLAN_FILES, *stages.FILM_FILES)
    _write(asked, place, names, options, [film_or_video, *([options.hits_file] if options.hits_file else [])], work)
    for note in plans[0].notes:
        _say(asked, f"note: {note}")
    _warn(asked, plans[0], options)
    if explain:
        click.echo(planner.explain(plans[0]))


@dataclass(frozen=True)
class _Arranged:
    """What planning made, beside the plan itself."""

    #: the film, if it was watched for it
    film: Film | None
    #: what a language model took; None when none was asked
    usage: Usage | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the film."""
        return self.film.warnings if self.film is not None else ()


def _prompt(source: Path, film: Film | None, options: Options, asked: dict[str, Any]) -> str:
    """What a language model would be asked of a film, which is watched if need be."""
    from composer import pipeline, planner
    from composer.planner import rules
    from composer.planner.llm import shown_prompt
    from composer.video import watch

    with _progress(asked) as progress:
        seen = film if film is not None else watch(source, options, progress)
        cues = planner.spot(seen, options)
        pictures = pipeline.pictures_for(seen, options, None if film is not None else source)
    return shown_prompt(seen, cues, options, rules.outline(seen, cues, options), pictures)


def _felt_otherwise(film: Film, options: Options) -> Film:
    """A film.json with the feeling that the options ask for; what needs the pictures cannot be asked for.

    Raises OptionError.
    """
    if options.frame_s is not None or options.frame_share is not None:
        raise OptionError("--frame needs the pictures, which a film.json does not hold", "Give the video.")
    _check_unseen(options)
    if options.emotion_file is not None:
        from composer.emotions_file import read_emotions

        return replace(film, affect=read_emotions(options.emotion_file, len(film.affect.times_s)), affect_from="file")
    source = film.affect_from.split(":")[0]
    if options.emotion not in ("auto", source) or options.clip_model not in (None, film.affect_from.removeprefix("clip:")):
        raise OptionError(f"the feeling in this film.json comes from {film.affect_from}, not from what is asked for", "Give the video.")
    return film


def _check_unseen(options: Options) -> None:
    """Raise OptionError when a language model is to see a film.json."""
    if options.llm_frames:
        raise OptionError("--llm-frames needs the pictures, which a film.json does not hold", "Give the video.")


@hitpoint.command()
@click.argument("plan_file", metavar="PLAN.YAML", type=click.Path(path_type=Path))
@parameters.composing_options
@parameters.output_options
def compose(plan_file: Path, **asked: Any) -> None:
    """Compose and perform PLAN.YAML: score.json, score.mid and one MIDI file for each part."""
    options = parameters.options_from(asked)
    from composer import stages
    from composer.generators import generator
    from composer.plan import load_plan
    from composer.render.perform import perform

    given = load_plan(plan_file)
    options = replace(options, seed=given.seed, ending=given.ending)

    def work(folder: Path, progress: Progress) -> None:
        progress("compose", 0.0)
        composed = generator(options.generator)(given, progress=progress)
        stages.write_score(perform(composed, given, options.humanize), folder)
        progress("compose", 1.0)

    _write(asked, plan_file.parent, stages.SCORE_FILES, options, [plan_file], work)


@hitpoint.command()
@click.argument("source", metavar="PLAN.YAML|FILM.JSON", type=click.Path(path_type=Path))
@parameters.planning_options
@parameters.composing_options
@click.option(
    "--takes",
    type=click.IntRange(1, 99),
    metavar="N",
    default=1,
    show_default=True,
    help="How many versions, from seeds that follow each other; several go into take-1, take-2, …",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), metavar="FILE", help="Weights of the transformer  [the shipped ones]")
@click.option(
    "--temperature",
    type=parameters.Number(0.5, 1.5),
    metavar="0.5…1.5",
    default=1.0,
    show_default=True,
    help="Transformer: how bold, beside its usual boldness.",
)
@click.option(
    "--guidance",
    type=parameters.Number(1, 4),
    metavar="1…4",
    default=1.0,
    show_default=True,
    help="Transformer: how far to exaggerate the feeling asked for (above 1 it takes twice as long).",
)
@click.option(
    "--chord-bias",
    type=parameters.Number(0, 4),
    metavar="0…4",
    default=0.6,
    show_default=True,
    help="Transformer: how strongly to lean on the plan's chords.",
)
@parameters.output_options
@click.pass_context
def generate(context: click.Context, /, source: Path, **asked: Any) -> None:
    """Compose from a plan, or from a film.json (planned first, by the rules or with --planner llm): score.json and score.mid of every take."""
    is_film = source.suffix.lower() == ".json"
    given_by_hand = {name for name in asked if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    decided = [f"--{name.replace('_', '-')}" for name in parameters.PLANNING if name in given_by_hand and name != "seed"]
    if decided and not is_film:
        raise OptionError(f"{', '.join(decided)} cannot be used with a plan", "The plan decides that: edit the plan instead.")
    write, options = _generator(asked, given_by_hand), parameters.options_from(asked)
    from composer import pipeline, stages
    from composer.plan import load_plan
    from composer.planned import Planned
    from composer.render.midi import write_midi
    from composer.render.perform import perform
    from composer.serial import save_json

    if is_film:
        _check_unseen(options)
    given: Film | Plan = stages.read_film(source) if is_film else load_plan(source)
    if not isinstance(given, Film):
        options = replace(options, seed=options.seed if "seed" in given_by_hand else given.seed, ending=given.ending)
    takes: int = asked["takes"]
    places = [f"take-{number + 1}/" if takes > 1 else "" for number in range(takes)]
    plans: list[Plan] = []

    def work(folder: Path, progress: Progress) -> _Arranged:
        if isinstance(given, Film):  # planned only now: a language model is asked when the folder is known to take what comes of it
            planned = pipeline.arranged(given, options, None, progress)
            stages.write_plan(planned.plan, folder)
            plans.append(planned.plan)
        else:
            planned = Planned(given)
        for number, place in enumerate(places):
            progress("compose", number / takes)
            take = replace(planned.plan, seed=options.seed + number)
            score = perform(write(take), take, options.humanize)
            (folder / place).mkdir(exist_ok=True)
            save_json(score, folder / place / "score.json")
            write_midi(score, folder / place / "score.mid")
        progress("compose", 1.0)
        return _Arranged(None, planned.usage)

    names = (*(f"{place}{name}" for place in places for name in ("score.json", "score.mid")), *(stages.PLAN_FILES if is_film else ()))
    inputs = [source, *([asked["checkpoint"]] if asked["checkpoint"] else [])]
    _write(asked, source.parent, names, options, inputs, work)
    for made in plans:
        for note in made.notes:
            _say(asked, f"note: {note}")
        _warn(asked, made, options)


def _generator(asked: dict[str, Any], given_by_hand: set[str]) -> Callable[[Any], Any]:
    """The asked compose function with the transformer's own options; they are refused with any other generator."""
    from composer.generators import CHECKPOINT, generator

    if asked["generator"] != "transformer":
        own = [name for name in ("checkpoint", "temperature", "guidance", "chord_bias") if name in given_by_hand]
        if own:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in own)
            raise OptionError(f"{names} cannot be used with --generator {asked['generator']}", "Only the transformer knows them.")
        return generator(asked["generator"])
    try:
        from composer.transformer.compose import compose as write, load
        from composer.transformer.sampling import DEFAULT
    except ImportError as error:
        if (error.name or "").startswith("composer"):
            raise
        raise MissingToolError(f"the Python package {error.name} is missing, and the transformer needs it", "Run `make setup`, or use --generator chords.") from None  # fmt: skip
    onset, pitch, duration, velocity = (t * asked["temperature"] for t in DEFAULT.temperatures)
    settings = replace(DEFAULT, temperatures=(onset, pitch, duration, velocity), guidance=asked["guidance"], chord_bias=asked["chord_bias"])
    checkpoint = asked["checkpoint"] or CHECKPOINT
    load(checkpoint)  # what is wrong with the weights is told before anything is made
    return functools.partial(write, checkpoint=checkpoint, settings=settings)


@hitpoint.command()
@click.argument("score_file", metavar="SCORE.JSON|SCORE.MID", type=click.Path(path_type=Path))
@parameters.sound_options
@parameters.output_options
def render(score_file: Path, **asked: Any) -> None:
    """Render SCORE.JSON (or any MIDI file): audio stems, their sum, and the mastered mix."""
    options = parameters.options_from(asked)
    from composer import stages
    from composer.doctor import require_ready
    from composer.render import render as render_score

    given = stages.read_score(score_file)
    require_ready(options)
    options = replace(options, seed=given.seed)

    def work(folder: Path, progress: Progress) -> Any:
        return render_score(given, folder, options, progress)

    _write(asked, score_file.parent, stages.SOUND_FILES, options, [score_file], work)


@hitpoint.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("video", type=click.Path(path_type=Path))
@parameters.film_options
@click.option(
    "--loudness",
    type=click.Choice(["web", "broadcast", "dialogue"]),
    default="web",
    show_default=True,
    help="Loudness of the film's sound.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def deliver(folder: Path, video: Path, **asked: Any) -> None:
    """Make the film, preview and timeline of VIDEO anew from what FOLDER holds."""
    options = parameters.options_from(asked)
    from composer import pipeline, stages
    from composer.evaluation.sync_report import measure_sync
    from composer.render.deliver import deliver as make, scored_name

    pipeline.check_video(video)
    film, given, notes, rendering = stages.read_folder(folder)
    given = pipeline.fitted(given, film)
    pipeline.check_same_film(film, video, folder)

    def work(place: Path, progress: Progress) -> None:
        scored = make(video, film, given, notes, rendering, place, options, progress)
        measure_sync(given, notes, rendering, place, scored)

    names = (scored_name(video), *stages.DELIVERY_FILES)
    _write({**asked, "out": None}, folder, names, replace(options, seed=given.seed), [video], work)


@hitpoint.command()
@click.option("--instruments", is_flag=True, help="List every name that --instruments knows.")
def doctor(instruments: bool) -> int:
    """Tell what is installed, which sound bank is used, and what to do about each gap."""
    from composer import doctor as surgery

    if instruments:
        click.echo("\n".join(surgery.instrument_lines()))
        return 0
    checks = surgery.examine()
    good = surgery.can_run(checks)
    width = max(len(check.name) for check in checks)
    for check in checks:
        word, colour = {"ok": ("ok", "green"), "missing": ("MISSING", "red"), "optional": ("-", "yellow")}[check.state]
        click.echo(f"{click.style(f'{word:<7}', fg=colour)}  {check.name:<{width}}  {check.found}")  # plain when piped
        if check.remedy:
            click.echo(f"{'':<7}  {'':<{width}}  {check.remedy}")
    click.echo("Ready to score films." if good else "Not ready: see the lines marked MISSING.")
    return 0 if good else 2


hitpoint.add_command(reconforming.reconform)
hitpoint.add_command(learning.data)
hitpoint.add_command(learning.train)
hitpoint.add_command(learning.evaluate)


@contextlib.contextmanager
def _progress(asked: dict[str, Any]) -> Iterator[Progress]:
    with showing(sys.stderr, wanted=not asked["quiet"]) as progress:
        yield progress


def _say(asked: dict[str, Any], text: str) -> None:
    if not asked["quiet"]:
        click.echo(text)


def _warn(asked: dict[str, Any], plan: Plan, options: Options) -> None:
    """With --quiet, too, tell that a language model was asked for and did not plan; without, the notes have told it."""
    from composer.planner import FALLBACK

    if asked["quiet"] and options.planner == "llm":
        for note in plan.notes:
            if note.startswith(FALLBACK):
                click.echo(f"Warning: {note}", err=True)


def _write(
    asked: dict[str, Any],
    beside: Path,
    names: Sequence[str],
    options: Options,
    inputs: Sequence[Path],
    work: Callable[[Path, Progress], Any],
) -> None:
    """Let one stage `work` in a hidden folder, then move the files `names` to --out (or `beside`): a folder, or one file by its suffix."""
    from composer.output import into_file, into_folder

    out: Path | None = asked["out"]
    single = [name for name in names if out is not None and out.suffix and Path(name).suffix == out.suffix]
    if out is not None and out.suffix in (".json", ".yaml", ".mid", ".txt", ".wav") and not out.is_dir() and not single:
        raise OptionError(f"this command writes no {out.suffix} file", f"It writes {', '.join(names)}: give a folder.")
    with _progress(asked) as progress:
        if out is not None and single:
            with into_file(out, single[0], asked["overwrite"], inputs) as folder:
                notes = _warnings(work(folder, progress))
            written = [str(out)]
        else:
            place = out or beside
            with into_folder(place, names, asked["overwrite"], inputs) as folder:
                made = work(folder, progress)
                notes = _warnings(made)
                _note(folder, place, names, options, inputs, made, parameters.decided_by(asked))
            written = [str(place / name) for name in names if (place / name).exists()]
    _say(asked, "\n".join([*written, *(f"note: {note}" for note in notes)]))


def _warnings(made: Any) -> tuple[str, ...]:
    """What a stage's noun says was odd (films and renderings do)."""
    return getattr(made, "warnings", ())


def _note(
    folder: Path, place: Path, names: Sequence[str], options: Options, inputs: Sequence[Path], made: Any, decided: frozenset[str]
) -> None:
    """Continue the manifest of `place` with what one stage made in `folder`."""
    from composer.manifest import read_manifest, write_manifest
    from composer.rendering import Rendering

    rendering = made if isinstance(made, Rendering) else None
    write_manifest(
        folder,
        options,
        film=made if isinstance(made, Film) else getattr(made, "film", None),
        llm=getattr(made, "usage", None),
        seed=options.seed,
        command=sys.argv[1:],
        inputs=inputs,
        rendering=rendering,
        warnings=_warnings(made),
        earlier=read_manifest(place),
        replaced=names,
        decided=decided,
    )
