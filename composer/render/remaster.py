"""The mix at another loudness, without rendering anew: the premaster is kept, so mastering it again is all there is to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from composer.errors import PlanError
from composer.manifest import read_manifest
from composer.render.mix import GENTLE_DB, PRESETS_LUFS, Mastered, master
from composer.rendering import Rendering

#: a mix further than this from its preset was mastered to another, whatever its manifest says (or could not be that loud: then it comes out the same), LU
_SAME_LU = 0.5
#: a mix that falls short of its preset by more than this is worth a word, LU
_TOLD_LU = 0.3
_SHORT, _PRESSED = "the music is ", "the limiter takes "


def is_mastered_to(rendering: Rendering, preset: str, folder: Path) -> bool:
    """Whether the mix in `folder` has a preset's loudness already, as its manifest says and as it was measured."""
    noted = (read_manifest(folder).get("options") or {}).get("loudness")
    return bool(noted == preset) and abs(rendering.loudness_lufs - PRESETS_LUFS[preset]) <= _SAME_LU


def remaster(rendering: Rendering, folder: Path, preset: str) -> Rendering:
    """Write the mix of `rendering` into `folder` again, at a preset's loudness, from the premaster there; returns how it came out.

    Raises PlanError without a premaster, RenderError when it is silent.
    """
    premaster, mix = folder / rendering.premaster, folder / rendering.mix
    if not premaster.is_file():
        raise PlanError(f"{rendering.premaster} is missing, of which the music would be mastered anew", "Run `render` again.")
    mastered = master(premaster, mix, preset)
    others = [warning for warning in rendering.warnings if not warning.startswith((_SHORT, _PRESSED))]
    return replace(
        rendering,
        loudness_lufs=mastered.loudness.integrated_lufs,
        true_peak_dbtp=mastered.loudness.true_peak_dbtp,
        gain_db=round(mastered.gain_db, 3),
        premaster_lufs=round(mastered.premaster_lufs, 3),
        warnings=(*others, *loudness_warnings(mastered, preset)),
    )


def loudness_warnings(mastered: Mastered, preset: str) -> tuple[str, ...]:
    """What a listener may want to know of how loud the mix came out."""
    short_lu = PRESETS_LUFS[preset] - mastered.loudness.integrated_lufs
    if short_lu > _TOLD_LU:
        return (f"{_SHORT}{short_lu:.1f} LU softer than asked: louder, its strokes would be crushed; a calmer --loudness suits it",)
    if mastered.reduction_db > GENTLE_DB:
        return (f"{_PRESSED}up to {mastered.reduction_db:.1f} dB off the loudest moments; a calmer --loudness keeps more life",)
    return ()
