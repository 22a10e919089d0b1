"""What can be asked for on the command line: option types, groups of options, and how they become `Options`.

Everything that can be judged without work is judged here, so that a typing mistake costs no minutes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from composer.errors import InstrumentError, OptionError, nearest
from composer.generators import DEFAULT_GENERATOR, GENERATORS
from composer.options import EXPORTS, Options

Command = TypeVar("Command", bound=Callable[..., Any])

#: options that shape the plan: with --plan the plan file decides them
PLANNING = (
    "seed",
    "instruments",
    "ensemble",
    "tempo",
    "steady",
    "key",
    "mood",
    "brief",
    "planner",
    "llm_model",
    "llm_base_url",
    "llm_frames",
    "emotion",
    "clip_model",
    "frame",
    "hits",
    "hit",
    "no_hit",
    "cue",
    "silence",
    "start_tc",
    "accents",
    "ending",
)
MAX_SEED = 2**63 - 1
#: mean tempi that leave room for bars that are slower and quicker (composer.tempo allows 20 to 300 a bar)
TEMPI = (22.0, 272.0)
_TIME = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:\.[0-9]*)?)")


class Time(click.ParamType[float]):
    """A moment of the film: seconds, M:SS or H:MM:SS, each with decimals if wanted; converts to seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds from text."""
        if isinstance(value, float):
            return value
        match = _TIME.fullmatch(str(value))
        numbers = [float(field) for field in match.groups() if field is not None] if match else []
        if not numbers or any(number >= 60 for number in numbers[1:]):
            self.fail(f"{value!r} is not a time. Write seconds (12.5), minutes (1:02.5) or hours (1:02:03).", param, ctx)
        return sum(number * 60.0**power for power, number in enumerate(reversed(numbers)))


class Stretch(Time):
    """A stretch of film, two times with a dash between: 0:10-0:45.5; converts to (start, end) in seconds."""

    name = "stretch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Seconds from text."""
        if isinstance(value, tuple):
            return value
        ends = str(value).replace("–", "-").split("-")
        if len(ends) != 2:
            self.fail(f"{value!r} is not a stretch of film. Write two times with a dash between, e.g. 0:10-0:45.", param, ctx)
        start_s, end_s = (super(Stretch, self).convert(end.strip(), param, ctx) for end in ends)
        if end_s <= start_s:
            self.fail(f"{value!r} ends before it begins.", param, ctx)
        return start_s, end_s


class Moment(Time):
    """A moment of a film: a time, or a share of its length such as 33%; converts to (seconds, None) or (None, share)."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Seconds or a share from text."""
        if isinstance(value, tuple):
            return value
        if not str(value).endswith("%"):
            return super().convert(value, param, ctx), None
        try:
            percent = float(str(value)[:-1])
        except ValueError:
            percent = math.nan
        if not 0 <= percent <= 100:
            self.fail(f"{value!r} is not a share of the film. Write 0% to 100%, or a time.", param, ctx)
        return None, percent / 100


class Seed(click.ParamType[int]):
    """A whole number that every random generator takes."""

    name = "seed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seed from text."""
        try:
            seed = int(value)
        except ValueError:
            seed = -1
        if not 0 <= seed <= MAX_SEED:
            self.fail(f"{value!r} is not a whole number from 0 up (to {MAX_SEED}).", param, ctx)
        return seed


class Number(click.ParamType[float]):
    """A finite number within bounds (click's own ranges let NaN through)."""

    name = "number"

    def __init__(self, low: float, high: float, unit: str = "") -> None:
        self.low, self.high, self.unit = low, high, unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number from text."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self.low <= number <= self.high:
            self.fail(f"{value!r} is not between {self.low:g} and {self.high:g}{self.unit}.", param, ctx)
        return number


def planning_options(command: Command) -> Command:
    """What shapes the plan."""
    for option in reversed((
        click.option("--instruments", multiple=True, metavar="A,B,…", help="Who plays: instruments or families, e.g. strings,brass  [chosen from the film]"),
        click.option("--ensemble", metavar="NAME", help="A ready group, e.g. orchestra, chamber, string_trio, hybrid."),
        click.option("--tempo", type=Number(*TEMPI, " BPM"), metavar="BPM", help="Mean tempo  [from the film]"),
        click.option("--steady", is_flag=True, help="Every bar at exactly one tempo."),
        click.option("--key", metavar="KEY", help='E.g. "D minor"  [from the film]'),
        click.option("--mood", metavar="MOOD", help="One mood for the whole film, e.g. tense  [from the film]"),
        click.option("--brief", metavar="TEXT", default="", help='Your own words on the music, e.g. "a lonely detective, noir, muted trumpet".'),
        click.option("--planner", type=click.Choice(["rules", "llm"]), default="rules", show_default=True, help="Who plans: our own rules, or a language model (see docs/llm.md)."),
        click.option("--llm-model", metavar="NAME", help="Language model, as its server calls it  [gpt-4o-mini]"),
        click.option("--llm-base-url", metavar="URL", help="Server that speaks chat completions, e.g. http://localhost:11434/v1  [OPENAI_BASE_URL, else OpenAI's]"),
        click.option("--llm-frames", is_flag=True, help="Show the language model pictures of the film, too (or the one of --frame)."),
        click.option("--hit", type=Time(), multiple=True, metavar="TIME", help="Music must mark this moment (12.5, 0:12.5, 1:02:03); repeatable."),
        click.option("--hits", type=click.Path(path_type=Path), metavar="FILE", help="A list of cuts or moments to hit: CSV, EDL, FCPXML, OTIO (see docs/cut-lists.md)."),
        click.option("--no-hit", type=Time(), multiple=True, metavar="TIME", help="Music must not mark this moment; repeatable."),
        click.option("--cue", type=Stretch(), multiple=True, metavar="A-B", help="Music only here, e.g. 0:10-0:45; repeatable  [the whole film]"),
        click.option("--silence", type=Stretch(), multiple=True, metavar="A-B", help="No music here; repeatable."),
        click.option("--start-tc", metavar="HH:MM:SS:FF", help="Timecode of the first picture; with ; before the frames drop-frame  [01:00:00:00, or the list's]"),
        click.option("--accents", type=click.Choice(["none", "percussion"]), default="none", show_default=True, help="Who may mark hits beside the instruments asked for: timpani and cymbals."),
        click.option("--ending", type=click.Choice(["ring", "cut", "fade"]), default="ring", show_default=True, help="How the last chord leaves."),
        click.option("--seed", type=Seed(), metavar="N", default=0, show_default=True, help="Another seed, another music."),
    )):  # fmt: skip
        command = option(command)
    return command


def watching_options(command: Command) -> Command:
    """What shapes how the film is seen."""
    for option in reversed((
        click.option("--emotion", metavar="auto|embedded|clip|FILE", default="auto", show_default=True, help="Where the feeling of each second comes from (auto: clip if it is installed with its weights, else embedded)."),
        click.option("--clip-model", metavar="NAME|ARCH=FILE", help="Which CLIP: a name open_clip knows, or an architecture and a weights file."),
        click.option("--frame", type=Moment(), metavar="TIME|N%", help="One moment whose picture sets the mood of the whole film (12.5, 1:02, 33%)."),
    )):  # fmt: skip
        command = option(command)
    return command


def composing_options(command: Command) -> Command:
    """What shapes the notes."""
    command = click.option("--humanize", type=Number(0, 1), metavar="0…1", default=0.5, show_default=True, help="How human the timing is (never on hits).")(command)  # fmt: skip
    return click.option("--generator", type=click.Choice(list(GENERATORS)), default=DEFAULT_GENERATOR, show_default=True, help="Who writes the notes.")(command)  # fmt: skip


def sound_options(command: Command) -> Command:
    """What shapes the music's sound."""
    command = click.option("--loudness", type=click.Choice(["web", "broadcast", "dialogue"]), default="web", show_default=True, help="−14, −23 or −20 LUFS.")(command)  # fmt: skip
    return click.option("--soundfont", type=click.Path(path_type=Path), metavar="FILE", help="Sound bank (.sf2, .sf3)  [the best one installed]")(command)  # fmt: skip


class Exports(click.ParamType[tuple[str, ...]]):
    """What else to make, with commas between."""

    name = "exports"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The kinds, each once, in the order of EXPORTS."""
        if isinstance(value, tuple):
            return value
        words = [word.strip().lower() for word in str(value).split(",")]
        for word in words:
            if word not in EXPORTS:
                self.fail(f"{word!r} is none of {', '.join(EXPORTS)}. {nearest(word, EXPORTS)}".strip(), param, ctx)
        return tuple(kind for kind in EXPORTS if kind in words)


def film_options(command: Command) -> Command:
    """What shapes what is delivered."""
    command = click.option("--export", "exports", type=Exports(), metavar="daw,musicxml,pdf", default=(), help="Also make: a folder for DAWs (DAWproject, Reaper, MIDI, stems); a score to read and edit; the same printed.")(command)  # fmt: skip
    command = click.option("--as-track", is_flag=True, help="Add the music as a sound track of its own instead of mixing it in.")(command)
    return click.option("--original", type=click.Choice(["duck", "keep", "mute"]), default="duck", show_default=True, help="The film's own sound: music ducks under it, both stay, or it goes.")(command)  # fmt: skip


def output_options(command: Command) -> Command:
    """Where results go and how much is said."""
    for option in reversed((
        click.option("-o", "--out", type=click.Path(path_type=Path), metavar="PATH", help="Where the result goes  [beside the input]"),
        click.option("--overwrite", is_flag=True, help="Replace what is there."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("-v", "--verbose", is_flag=True, help="Say more: timings, and the full story of an error."),
    )):  # fmt: skip
        command = option(command)
    return command


def given(context: click.Context, names: Iterable[str]) -> list[str]:
    """Those of `names` that the user typed as options."""
    return [name for name in names if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]


def asks_for_a_plan(context: click.Context) -> list[str]:
    """Names of the options given that shape a plan."""
    return given(context, PLANNING)


def refuse_with_plan(context: click.Context) -> None:
    """Raise OptionError when an option is given that only the plan can decide."""
    if asked := asks_for_a_plan(context):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise OptionError(f"{names} cannot be used with --plan", "The plan decides that: edit the plan instead.")


def options_from(values: Mapping[str, Any]) -> Options:
    """`Options` from a command's values (those it does not have keep their defaults).

    Raises OptionError or InstrumentError naming the first value that makes no sense.
    """
    from composer.instruments import expand

    instruments = instrument_names(values.get("instruments", ()), values.get("ensemble"))
    if instruments:
        expand(instruments)
    asked = {name: values[name] for name in vars(Options()) if name in values and name != "instruments"}
    renamed = {"tempo_qpm": values.get("tempo"), "hit_s": values.get("hit", ()), "no_hit_s": values.get("no_hit", ())}
    renamed |= {"hits_file": values.get("hits"), "cue_s": values.get("cue", ()), "silence_s": values.get("silence", ())}
    renamed["frame_s"], renamed["frame_share"] = values.get("frame") or (None, None)
    options = Options(instruments=instruments, **asked, **renamed)
    _check_words(options)
    _check_llm(options, is_shown=bool(values.get("show_prompt")))
    if options.as_track and options.original == "mute":
        raise OptionError(
            "--original mute cannot be used with --as-track, which keeps the film's own sound as it is", "Leave one of them out."
        )
    both = set(options.hit_s) & set(options.no_hit_s)
    if both:
        raise OptionError(f"{min(both):g} s is asked for by --hit and --no-hit", "Name each moment once.")
    return options


def decided_by(values: Mapping[str, Any]) -> frozenset[str]:
    """Names of the `Options` fields that a command's own options decide."""
    renamed = {"tempo": "tempo_qpm", "hit": "hit_s", "no_hit": "no_hit_s", "frame": "frame_s", "hits": "hits_file", "cue": "cue_s", "silence": "silence_s"}  # fmt: skip
    return frozenset(renamed.get(name, name) for name in values) & frozenset(vars(Options()))


def instrument_names(lists: tuple[str, ...], ensemble: str | None) -> tuple[str, ...]:
    """The words of every --instruments list, and the ensemble's name, in the user's order."""
    words = tuple(word.strip() for line in lists for word in line.split(","))
    if ensemble is None:
        return words
    from composer.instruments import ENSEMBLES

    name = ensemble.strip().lower().replace(" ", "_").replace("-", "_")
    if name not in ENSEMBLES:
        raise InstrumentError(f"unknown ensemble {ensemble!r}", nearest(name, ENSEMBLES) or f"Ensembles: {', '.join(ENSEMBLES)}.")
    return (*words, name)


def _check_llm(options: Options, *, is_shown: bool) -> None:
    """Raise OptionError for a server that cannot be meant, and for its options where no language model is asked."""
    asked = {"--llm-model": options.llm_model, "--llm-base-url": options.llm_base_url, "--llm-frames": options.llm_frames or None}
    given = [name for name, value in asked.items() if value is not None]
    if options.planner == "llm" or (given and is_shown):
        from composer.planner.llm import check_server

        check_server(options)
    elif given:
        raise OptionError(f"{', '.join(given)} needs --planner llm", "Add it, or leave that out.")


def _check_words(options: Options) -> None:
    if options.key is not None:
        from composer.theory.keys import parse_key

        parse_key(options.key)
    if options.mood is not None:
        from composer.theory.moods import MOODS

        if options.mood not in MOODS:
            raise OptionError(f"unknown mood {options.mood!r}", nearest(options.mood, MOODS) or f"Moods: {', '.join(MOODS)}.")
    if options.hits_file is not None:
        from composer.cut_list import check_kind

        check_kind(options.hits_file)
    if options.emotion_file is not None and not options.emotion_file.is_file():
        raise OptionError(f"--emotion {options.emotion!r} is neither auto, embedded, clip nor a file", "Check the path.")
    if options.clip_model is not None and options.emotion not in ("auto", "clip"):
        raise OptionError(f"--clip-model cannot be used with --emotion {options.emotion}", "Only --emotion clip (or auto) looks with CLIP.")
    framed = options.frame_s is not None or options.frame_share is not None
    if framed and options.emotion_file is not None:
        raise OptionError("--frame and --emotion FILE both say what the film feels like", "Give one of them.")
