"""From arguments to exit code: what a first word means, and how every way of going wrong is told (interface.md, Exit codes)."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from composer.errors import ComposerError, OptionError, nearest

EXIT_OK, EXIT_BUG, EXIT_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130
DEFAULT = "score"


def main(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name); returns the exit code. Every error is one message on stderr."""
    from composer.cli.tree import hitpoint

    verbose = "--verbose" in arguments or "-v" in arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a film's name may hold bytes that no encoding knows
            stream.reconfigure(errors="backslashreplace")
    try:
        with hitpoint.make_context("hitpoint", route(arguments)) as context:
            result = hitpoint.invoke(context)
        sys.stdout.flush()
        return result if isinstance(result, int) else EXIT_OK
    except click.exceptions.Exit as done:  # --help and --version
        return done.exit_code
    except click.ClickException as error:
        return _fail(_usage(error))
    except ComposerError as error:
        if verbose:
            _tell(getattr(error, "stderr", "") or "".join(traceback.format_exception(error)))
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("Interrupted; nothing was left half-written.", EXIT_INTERRUPTED, label="")
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except Exception as error:
        if verbose:
            _tell(traceback.format_exc())
        hint = "Please report it with the film and this command." if verbose else "Run it again with --verbose and report what it shows."
        return _fail(f"this is a bug in Hitpoint ({type(error).__name__}: {error}). {hint}", EXIT_BUG)


def route(arguments: Sequence[str]) -> list[str]:
    """Put the command first: a film, or options before anything else, mean `score`.

    Raises OptionError for a first word that looks like a mistyped command.
    """
    from composer.cli.tree import hitpoint

    arguments = list(arguments) or ["--help"]
    if arguments[0] in hitpoint.commands or arguments[0] in ("--help", "-h", "--version"):
        return arguments
    place = _first_word(arguments)
    if place is not None:
        word = arguments[place]
        if word in hitpoint.commands:
            return [word, *arguments[:place], *arguments[place + 1 :]]
        meant = nearest(word, hitpoint.commands, count=1)
        if meant and "." not in word and "/" not in word and not Path(word).exists():
            raise OptionError(f"there is no file and no command {word!r}", meant)
    return [DEFAULT, *arguments]


def _first_word(arguments: Sequence[str]) -> int | None:
    """Where the first argument stands that is neither an option of `score` nor an option's value."""
    from composer.cli.tree import hitpoint

    takes_value = {
        name: isinstance(option, click.Option) and not option.is_flag
        for option in hitpoint.commands[DEFAULT].params
        for name in option.opts
    }
    skip = False
    for place, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument == "--":
            return None  # what follows is a file whatever it is called
        elif argument.startswith("-"):
            skip = takes_value.get(argument, False)
        else:
            return place
    return None


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "hitpoint"
    return f"{message.rstrip('.')}. See `{where} --help`."


def _fail(message: str, code: int = EXIT_INPUT, label: str = "Error: ") -> int:
    _tell(label + "".join(character if character.isprintable() else " " for character in message))
    return code


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody may be listening
        print(text.rstrip("\n"), file=sys.stderr, flush=True)
