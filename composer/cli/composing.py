"""`compose` and `generate`: from a plan to notes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composer.cli import parameters
from composer.cli.planning import Arranged, check_unseen
from composer.cli.writing import say, warn, write
from composer.errors import MissingToolError, OptionError
from composer.film import Film
from composer.options import Progress

if TYPE_CHECKING:
    from composer.plan import Plan


@click.command()
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

    sources = {"plan.yaml": plan_file}
    write(asked, plan_file.parent, stages.SCORE_FILES, options, [plan_file], work, made_of=sources, outdated=stages.OF_THE_SCORE)


@click.command()
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
    notes_of, options = _generator(asked, given_by_hand), parameters.options_from(asked)
    from composer import pipeline, stages
    from composer.plan import load_plan
    from composer.planned import Planned
    from composer.render.midi import write_midi
    from composer.render.perform import perform
    from composer.serial import save_json

    if is_film:
        check_unseen(options)
    given: Film | Plan = stages.read_film(source) if is_film else load_plan(source)
    if not isinstance(given, Film):
        options = replace(options, seed=options.seed if "seed" in given_by_hand else given.seed, ending=given.ending)
    takes: int = asked["takes"]
    places = [f"take-{number + 1}/" if takes > 1 else "" for number in range(takes)]
    plans: list[Plan] = []
    made_of: dict[str, Path | None] = {}

    def work(folder: Path, progress: Progress) -> Arranged:
        if isinstance(given, Film):  # planned only now: a language model is asked when the folder is known to take what comes of it
            planned = pipeline.arranged(given, options, None, progress)
            stages.write_plan(planned.plan, folder)
            plans.append(planned.plan)
        else:
            planned = Planned(given)
        if takes == 1:
            made_of["plan.yaml"] = folder / "plan.yaml" if isinstance(given, Film) else source
        for number, place in enumerate(places):
            progress("compose", number / takes)
            take = replace(planned.plan, seed=options.seed + number)
            score = perform(notes_of(take), take, options.humanize)
            (folder / place).mkdir(exist_ok=True)
            save_json(score, folder / place / "score.json")
            write_midi(score, folder / place / "score.mid")
        progress("compose", 1.0)
        return Arranged(None, planned.usage)

    names = (*(f"{place}{name}" for place in places for name in ("score.json", "score.mid")), *(stages.PLAN_FILES if is_film else ()))
    inputs = [source, *([asked["checkpoint"]] if asked["checkpoint"] else [])]
    outdated = (*stages.OF_THE_SCORE, "stems/midi") if takes == 1 else ()
    write(asked, source.parent, names, options, inputs, work, made_of=made_of, outdated=outdated)
    for made in plans:
        for note in made.notes:
            say(asked, f"note: {note}")
        warn(asked, made, options)


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
