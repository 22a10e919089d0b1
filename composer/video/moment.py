"""Which moment's picture sets the mood, when one is chosen (`--frame`)."""

from __future__ import annotations

from composer.errors import OptionError
from composer.options import Options


def chosen_moment(options: Options, duration_s: float) -> float | None:
    """The moment whose picture sets the mood, seconds; None when the film goes by its own.

    Raises OptionError when it lies beyond the film's end.
    """
    if options.frame_share is not None:
        return options.frame_share * duration_s
    if options.frame_s is not None and options.frame_s >= duration_s:
        raise OptionError(f"--frame {options.frame_s:g} is beyond the film's end ({duration_s:.2f} s)", "Give an earlier moment, or a share of the film such as 33%.")  # fmt: skip
    return options.frame_s
