"""Which pictures of a film a language model is shown, and the prompt as a person can read it."""

from __future__ import annotations

from collections.abc import Sequence

from composer.cues import CueSheet
from composer.film import Film, Shot
from composer.options import Options
from composer.planned import Picture
from composer.planner.llm.conversation import as_text, messages
from composer.planner.llm.prompt import MAX_PICTURES
from composer.planner.outline import Outline


def moments(film: Film) -> tuple[float, ...]:
    """Moments to show, seconds: the longest shot of every look, of those looks that are seen longest; then the longest other shots."""
    seconds: dict[int, float] = {}
    longest: dict[int, Shot] = {}
    for shot in film.shots:
        seconds[shot.look] = seconds.get(shot.look, 0.0) + shot.length_s
        if shot.look not in longest or shot.length_s > longest[shot.look].length_s:
            longest[shot.look] = shot
    ranked = sorted(longest, key=lambda look: (-seconds[look], look))
    shots = [longest[look] for look in ranked[:MAX_PICTURES]]
    others = sorted((shot for shot in film.shots if shot not in shots), key=lambda shot: (-shot.length_s, shot.start_s))
    shots += others[: MAX_PICTURES - len(shots)]
    return tuple(sorted(shot.keyframe_s for shot in shots))


def shown_prompt(film: Film, cues: CueSheet, options: Options, base: Outline, pictures: Sequence[Picture] = ()) -> str:
    """The prompt that would be sent; no server is asked and no key is read."""
    return as_text(messages(film, cues, options, base, pictures)) + "\n"
