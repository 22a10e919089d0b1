"""`Film`: what was seen and heard in the video. Times are presentation times in seconds from the first displayed frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

#: The six emotions, in the order every table and file of the project uses.
EMOTIONS = ("exciting", "fearful", "tense", "sad", "relaxing", "neutral")

Transition = Literal["start", "cut", "dissolve", "fade"]


@dataclass(frozen=True)
class Span:
    """A stretch of film time."""

    #: first moment, seconds
    start_s: float
    #: end, seconds (exclusive)
    end_s: float

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Shot:
    """One run of the camera; it ends where the next begins."""

    #: presentation time of the first frame, seconds (the middle of a dissolve or fade)
    start_s: float
    #: presentation time of the next shot's first frame, or the film's end, seconds
    end_s: float
    #: how the shot begins
    opens_with: Transition
    #: how strong the change into this shot is, 0…1 (1 for a full change of picture)
    strength: float
    #: how sure the detector is that the change is real, 0…1
    confidence: float
    #: length of the dissolve or fade that opens the shot, seconds (0 for a cut)
    transition_s: float
    #: mean luma of the shot, 0…1
    brightness: float
    #: mean saturation of the shot, 0…1
    saturation: float
    #: mean motion of the shot, 0…1 (share of the frame that moves, see composer.video.motion)
    motion: float
    #: number of its look, from 0 in order of first appearance: shots of one number look alike (a place, a person)
    look: int = 0
    #: presentation time of the picture that stands for the shot, seconds (clear of dissolves and fades)
    keyframe_s: float = 0.0

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class AffectCurve:
    """Emotion over time, one row per second of film (row i speaks for [i, i+1) seconds)."""

    #: (N,) start of each row, seconds
    times_s: tuple[float, ...]
    #: (N, 6) probabilities in the order of EMOTIONS, each row sums to 1
    emotions: tuple[tuple[float, ...], ...]
    #: (N,) pleasant (1) against unpleasant (-1)
    valence: tuple[float, ...]
    #: (N,) excited (1) against calm (-1)
    arousal: tuple[float, ...]


@dataclass(frozen=True)
class Film:
    """Everything later stages may know of the video."""

    #: where the video is (as given)
    path: str
    #: length of the picture: last frame's end minus first frame's start, seconds
    duration_s: float
    #: frames per second of the picture stream (average when variable)
    frame_rate: Fraction
    #: displayed width in pixels (after rotation and pixel aspect)
    width: int
    #: displayed height in pixels
    height: int
    #: first displayed frame (film time 0) after ffmpeg's time zero, the earliest start of picture or sound, seconds
    start_offset_s: float
    #: index of the chosen picture stream within the container
    video_stream: int
    #: index of the chosen sound stream within the container; None for a silent film
    audio_stream: int | None
    #: pictures decoded
    frame_count: int
    #: the shots, in order, covering the film
    shots: tuple[Shot, ...]
    #: emotion per second
    affect: AffectCurve
    #: (N,) motion per second, 0…1
    motion: tuple[float, ...]
    #: (N,) short-term loudness of the original sound per second, LUFS (-70 = silence); empty without sound
    loudness_lufs: tuple[float, ...]
    #: where somebody speaks
    speech: tuple[Span, ...] = ()
    #: (N,) roughness of the original sound per second, 0 (smooth or silent) … 1 (see composer.video.timbre); empty without sound
    roughness: tuple[float, ...] = ()
    #: (N,) pitch of the original sound per second, Hz (0 where nothing has a pitch); empty without sound
    pitch_hz: tuple[float, ...] = ()
    #: where the affect comes from: "embedded", "clip:MODEL" or "file"
    affect_from: str = "embedded"
    #: why it does not come from CLIP where that would have been taken; empty otherwise
    affect_note: str = ""
    #: what was odd about the file and how it was dealt with, one line each
    warnings: tuple[str, ...] = ()

    @property
    def frame_s(self) -> float:
        """Length of one frame in seconds."""
        return float(1 / self.frame_rate)
