"""Watching: a video goes in, a `Film` comes out. One decode pass for the picture, the sound measured beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from composer.emotions_file import at_moment, check_emotions, read_emotions
from composer.film import AffectCurve, Film
from composer.options import Options, Progress, silent
from composer.probe import Probe, probe
from composer.video.affect import clip_affect, embedded_affect, frame_affect
from composer.video.clip import Seen, Watcher, available
from composer.video.kept import keep, recall
from composer.video.moment import chosen_moment
from composer.video.sight import Sight, see
from composer.video.sound import Heard, listening

__all__ = ["Observation", "observe", "watch"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """A film, and what research wants to know beside it."""

    film: Film
    header: Probe
    #: (N, D) CLIP vectors per second, not normalised; None unless the affect comes from CLIP
    semantic: npt.NDArray[np.float32] | None
    #: the CLIP model's name; empty without one
    clip_model: str


def watch(video: Path, options: Options, progress: Progress = silent) -> Film:
    """Watch a video: its shots, movement, affect and sound, with exact times; one that was watched before is remembered.

    Raises as `observe` does.
    """
    reason = _no_clip(options)
    before = recall(video, options) if reason is not None and video.is_file() else None
    if before is not None:
        progress("watch", 1.0)
        return replace(before, affect_note=reason or "")
    film = observe(video, options, progress).film
    keep(film, options)
    return film


def observe(video: Path, options: Options, progress: Progress = silent) -> Observation:
    """Watch a video, and keep what `features` needs.

    Raises VideoError for what is no film, OptionError for a bad `options.emotion` or `frame_s`, MissingToolError without ffmpeg or
    without CLIP where it is asked for.
    """
    header = probe(video)
    if options.emotion_file is not None:
        check_emotions(options.emotion_file)
    clip, note = _clip(header, options)
    with listening(header) as ears:
        seen = see(header, progress, clip.tap if clip is not None else None)
        clock = seen.clock
        heard = ears.hear(clock.start_offset_s, clock.duration_s, timeout_s=60 + clock.duration_s)
    meant = clip.seen(len(seen.motion)) if clip is not None else None
    film = Film(
        path=str(video),
        duration_s=clock.duration_s,
        frame_rate=clock.frame_rate,
        width=header.width,
        height=header.height,
        start_offset_s=clock.start_offset_s,
        video_stream=header.video_stream,
        audio_stream=header.audio_stream if heard.usable else None,
        frame_count=len(clock.times_s),
        shots=seen.shots,
        affect=_affect(options, seen, heard, meant),
        motion=_rounded(seen.motion),
        loudness_lufs=_rounded(heard.loudness_lufs),
        speech=heard.speech,
        roughness=_rounded(heard.roughness),
        pitch_hz=_rounded(heard.pitch_hz),
        affect_from=f"clip:{meant.model}" if meant else "file" if options.emotion_file else "embedded",
        affect_note=note,
        warnings=(*clock.warnings, *heard.warnings),
    )
    return Observation(film, header, meant.vectors if meant else None, meant.model if meant else "")


def _clip(header: Probe, options: Options) -> tuple[Watcher | None, str]:
    """CLIP beside the decode pass, where it is asked for or at hand; and why not, where "auto" would have taken it."""
    reason = _no_clip(options)
    return (Watcher(header, options), "") if reason is None else (None, reason)


def _no_clip(options: Options) -> str | None:
    """None when CLIP is to look at the film; else the reason why "auto" goes without it (empty when nobody thought of CLIP)."""
    if options.emotion == "clip":
        return None
    return available(options) if options.emotion == "auto" else ""


def _affect(options: Options, seen: Sight, heard: Heard, meant: Seen | None) -> AffectCurve:
    """The affect of every second from where it is asked to come from."""
    clock, seconds = seen.clock, len(seen.motion)
    if options.emotion_file is not None:
        return read_emotions(options.emotion_file, seconds)
    at_s = chosen_moment(options, clock.duration_s)
    if meant is not None:
        curve = clip_affect(meant.emotions, seen.shots, clock.duration_s)
        return curve if at_s is None else at_moment(clip_affect(meant.emotions, (), clock.duration_s, smooth=False), at_s)
    if at_s is not None:
        return frame_affect(seen.rows, max(0, int(np.searchsorted(clock.times_s, at_s + 1e-6, side="right")) - 1), seconds)
    return embedded_affect(seen.rows, clock.times_s, clock.duration_s, seen.shots, seen.motion, heard)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(float(round(value, 4)) for value in values)
