"""`Probe`: what the container says about itself, and the one locked way to open a film with ffmpeg or ffprobe.

Conventions
-----------
Stream indices are the container's own (ffmpeg's ``-map 0:INDEX``). "ffmpeg's time zero" is the smallest start time of
the file: without ``-copyts`` ffmpeg subtracts it from everything, in decoding and in stream copy alike.

A header is a claim: durations and frame counts here are what the file *says*; `composer.video.frames` measures them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from composer.errors import VideoError
from composer.process import ProgramError, run

#: Film containers. Playlists (hls, concat, dash), image sequences, devices and raw streams are left out on purpose:
#: a text file that calls itself .mp4 must not make us read other files.
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,dv,nut,wtv,rm,gxf,yuv4mpegpipe"
PROTOCOLS = "file,pipe"
#: among them, those in which ffmpeg's time zero is the earliest start of the streams in use, not of all (see `zero_keepers`)
FLOATING_ZERO = ("mpegts", "mpeg", "ogg")

SMALLEST_SIDE = 16
LARGEST_SIDE = 16384
#: more pixels than any film has (12K is 80 million); a header that claims more is a fault or an attack
MOST_PIXELS = 100_000_000
PROBE_TIMEOUT_S = 60.0

_PLAYLIST = re.compile(rb"\s*(#EXTM3U|ffconcat|\[playlist\]|<\?xml[^>]*>\s*<(MPD|playlist|smil)|<(MPD|smil))", re.IGNORECASE)
_MP4_BOXES = (b"ftyp", b"mdat", b"free", b"skip", b"wide", b"moov")
_DAMAGED = "That is larger than any film; the header is damaged."
_EXPORT = "Export it as H.264 MP4 (`ffmpeg -i INPUT -c:v libx264 OUTPUT.mp4`) and try again."


@dataclass(frozen=True)
class Sound:
    """The chosen sound stream."""

    #: index within the container
    index: int
    #: ffmpeg's name of the codec
    codec: str
    #: samples per second
    sample_rate: int
    #: how many channels
    channels: int
    #: length the header states, seconds; None when it states none
    duration_s: float | None


@dataclass(frozen=True)
class Probe:
    """The header of a film: claims, not measurements."""

    #: the file as given
    path: Path
    #: ffmpeg's name of the container, e.g. "mov,mp4,m4a,3gp,3g2,mj2"
    container: str
    #: file name extension as given, lower case, with its dot ("" without one)
    extension: str
    #: length of the whole file, seconds; None when the header states none
    duration_s: float | None
    #: the container time that ffmpeg calls time zero, seconds
    start_s: float
    #: index of the chosen picture stream
    video_stream: int
    #: ffmpeg's name of the picture codec
    codec: str
    #: stored width and height, pixels
    coded_width: int
    coded_height: int
    #: displayed width and height, pixels (after rotation and pixel aspect)
    width: int
    height: int
    #: clockwise rotation that a player applies, degrees: 0, 90, 180 or 270
    rotation_degrees: int
    #: width of one stored pixel divided by its height
    pixel_aspect: Fraction
    #: frames per second (average when variable); 0 when unknown
    frame_rate: Fraction
    #: unit of the picture's time stamps, seconds
    time_base: Fraction
    #: end of the picture by the header, seconds after ffmpeg's time zero; None when it states none
    picture_end_s: float | None
    #: pictures the header promises; None when it states none
    frame_count: int | None
    #: the chosen sound stream; None for a silent film
    sound: Sound | None
    #: how many picture streams there are (attached pictures not counted)
    video_streams: int

    @property
    def audio_stream(self) -> int | None:
        """Index of the chosen sound stream; None for a silent film."""
        return None if self.sound is None else self.sound.index


def locked_input(path: Path) -> list[str]:
    """ffmpeg arguments that open `path` and nothing else.

    The absolute ``file:`` name keeps a leading dash, ``http:`` or ``%03d`` in a name from being interpreted;
    the two allow-lists keep the file's content from naming other files.
    """
    arguments: list[str] = locked_source(path).output("-").compile()
    return arguments[1 : arguments.index("-i") + 2]


def locked_source(path: Path, **options: Any) -> Any:
    """The same as an input of ffmpeg-python, to be mapped and written on; `options` are more input options."""
    return ffmpeg.input(f"file:{path.absolute()}", protocol_whitelist=PROTOCOLS, format_whitelist=DEMUXERS, **options)


def zero_keepers(film: Probe, source: Any) -> list[Any]:
    """Outputs to nowhere that keep ffmpeg's time zero where it is for picture and sound alike.

    In `FLOATING_ZERO` containers time zero is the earliest start of the streams in use: whoever decodes the picture alone, or the
    sound alone, would lose how much later one of them starts.
    """
    if film.container not in FLOATING_ZERO or film.sound is None:
        return []
    return [source[str(index)].output("-", c="copy", format="null") for index in (film.video_stream, film.sound.index)]


def probe(path: Path) -> Probe:
    """Read a film's header and choose its picture and sound streams.

    Raises VideoError (what is wrong, what to do) for anything that is not a film, MissingToolError without ffprobe.
    """
    _refuse_what_is_no_file(path)
    header = _header(path)
    streams = header.get("streams", [])
    picture = _choose_picture(path, streams)
    width, height, rotation, aspect = _displayed(path, picture)
    start_s = _number(header["format"].get("start_time")) or 0.0
    return Probe(
        path=path,
        container=header["format"].get("format_name", ""),
        extension=path.suffix.lower(),
        duration_s=_number(header["format"].get("duration")),
        start_s=start_s,
        video_stream=int(picture["index"]),
        codec=str(picture["codec_name"]),
        coded_width=int(picture["width"]),
        coded_height=int(picture["height"]),
        width=width,
        height=height,
        rotation_degrees=rotation,
        pixel_aspect=aspect,
        frame_rate=_frame_rate(picture),
        time_base=_ratio(picture.get("time_base")) or Fraction(1, 1000),
        picture_end_s=_picture_end_s(picture, start_s),
        frame_count=int(_number(picture.get("nb_frames")) or 0) or None,
        sound=_choose_sound(streams),
        video_streams=sum(1 for stream in streams if _is_picture(stream)),
    )


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise VideoError(f"{path} is a folder, not a film", "Give the film file inside it.")
        if not path.exists():
            raise VideoError(f"There is no file {path}", "Check the name and the folder.")
        if not path.is_file():
            raise VideoError(f"{path} is a device or a pipe, not a file", "Save the film to a file first.")
        with path.open("rb") as file:
            head = file.read(4096)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"{path} cannot be read ({reason})", "Check the name and its permissions.") from None
    if not head:
        raise VideoError(f"{path} is empty (0 bytes)", "Copy or export the film again.")
    if _PLAYLIST.match(head):
        raise VideoError(f"{path} is a playlist, not a film", "Give the film file that it names.")


def _header(path: Path) -> dict[str, Any]:
    locked = locked_input(path)
    shown = ["-show_format", "-show_streams", "-of", "json"]
    try:
        output, stderr = run(["ffprobe", "-v", "error", "-max_pixels", str(MOST_PIXELS), *locked, *shown], PROBE_TIMEOUT_S)
        header: dict[str, Any] = json.loads(output.decode("utf-8", "replace"))
    except ProgramError as error:
        raise VideoError(*_why_unreadable(path, error.stderr)) from None
    except json.JSONDecodeError:
        raise VideoError(f"{path} has a header that cannot be read", _EXPORT) from None
    if "format" not in header:
        raise VideoError(*_why_unreadable(path, stderr))
    return header


def _why_unreadable(path: Path, stderr: str) -> tuple[str, str]:
    with path.open("rb") as file:
        head = file.read(4096)
    if not any(byte < 9 for byte in head):
        return f"{path} holds text, not a film", "Check that it is the file you mean; its name may be wrong."
    size = re.search(r"Picture size (\d+)x(\d+)", stderr)
    if size:
        return f"{path} claims pictures of {size[1]}×{size[2]} pixels", _DAMAGED
    if "did not end within" in stderr:
        return f"{path} has a header that cannot be read in {PROBE_TIMEOUT_S:g} s", _EXPORT
    if "Format not on whitelist" in stderr:
        return f"{path} is not in a film container (it may be a playlist, a picture, a raw stream or text)", _EXPORT
    if "moov atom not found" in stderr and head[4:8] in _MP4_BOXES:
        return f"{path} is incomplete: its index (moov) is missing", "The download or recording was cut short; get it again."
    return f"{path} is not a film that ffmpeg can read", "Check that it plays; if it does, export it as H.264 MP4."


def _is_picture(stream: dict[str, Any]) -> bool:
    kind = stream.get("disposition", {})
    cover = kind.get("attached_pic") or kind.get("timed_thumbnails") or kind.get("still_image")
    return stream.get("codec_type") == "video" and not cover


def _choose_picture(path: Path, streams: list[dict[str, Any]]) -> dict[str, Any]:
    """The film's picture: never cover art; the default stream first, then most pixels, then the longest."""
    pictures = [stream for stream in streams if _is_picture(stream)]
    if not pictures:
        what = "sound only" if any(s.get("codec_type") == "audio" for s in streams) else "no picture stream"
        raise VideoError(f"{path} has {what}", "Give a file with moving pictures.")
    known = [stream for stream in pictures if stream.get("codec_name", "unknown") != "unknown" and stream.get("width")]
    if not known:
        raise VideoError(f"{path} has a picture stream of an unknown kind or a damaged one", _EXPORT)

    def rank(stream: dict[str, Any]) -> tuple[int, int, float, int]:
        pixels = int(stream["width"]) * int(stream["height"])
        return stream.get("disposition", {}).get("default", 0), pixels, _length_s(stream) or 0.0, -int(stream["index"])

    return max(known, key=rank)


def _choose_sound(streams: list[dict[str, Any]]) -> Sound | None:
    """The film's sound: the default stream first, then most channels, then the first; None without a usable one."""

    def rank(stream: dict[str, Any]) -> tuple[int, int, int]:
        return stream.get("disposition", {}).get("default", 0), int(stream.get("channels", 0)), -int(stream["index"])

    usable = [s for s in streams if s.get("codec_type") == "audio" and s.get("codec_name", "unknown") != "unknown"]
    if not usable:
        return None
    best = max(usable, key=rank)
    rate, channels = int(_number(best.get("sample_rate")) or 0), int(best.get("channels", 0))
    return Sound(int(best["index"]), str(best["codec_name"]), rate, channels, _length_s(best))


def _displayed(path: Path, picture: dict[str, Any]) -> tuple[int, int, int, Fraction]:
    """(width, height, clockwise rotation, pixel aspect) as a player shows the picture."""
    width, height = int(picture["width"]), int(picture["height"])
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise VideoError(f"{path} claims pictures of {width}×{height} pixels", _DAMAGED)
    if min(width, height) < SMALLEST_SIDE:
        hint = f"Pictures need at least {SMALLEST_SIDE}×{SMALLEST_SIDE} pixels."
        raise VideoError(f"{path} has pictures of only {width}×{height} pixels", hint)
    aspect = _ratio(picture.get("sample_aspect_ratio")) or Fraction(1)
    if not Fraction(1, 10) <= aspect <= 10:
        aspect = Fraction(1)
    shown_width = max(1, round(width * aspect))
    turns = [-_number(data.get("rotation", 0), 0.0) for data in picture.get("side_data_list", []) if "rotation" in data]
    rotation = round((turns[0] if turns else 0.0) / 90) * 90 % 360
    return (height, shown_width, rotation, aspect) if rotation in (90, 270) else (shown_width, height, rotation, aspect)


def _frame_rate(picture: dict[str, Any]) -> Fraction:
    for key in ("avg_frame_rate", "r_frame_rate"):
        rate = _ratio(picture.get(key))
        if rate and rate <= 1000:
            return rate
    return Fraction(0)


def _picture_end_s(picture: dict[str, Any], start_s: float) -> float | None:
    length_s, first_s = _length_s(picture), _number(picture.get("start_time"))
    if length_s is not None and _number(picture.get("duration")) is None:
        return length_s - start_s  # Matroska's tag is the time of the stream's end
    return None if length_s is None else (first_s if first_s is not None else start_s) + length_s - start_s


def _length_s(stream: dict[str, Any]) -> float | None:
    """Length of a stream; Matroska keeps it in a tag such as ``00:00:05.000000000``."""
    stated: float | None = _number(stream.get("duration"))
    if stated is not None:
        return stated
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", str(stream.get("tags", {}).get("DURATION", "")))
    return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3]) if tag else None


def _ratio(text: Any) -> Fraction | None:
    """A positive ratio such as "30000/1001" or "16:15"; None for anything else."""
    try:
        ratio = Fraction(str(text).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if ratio > 0 else None


def _number(text: Any, default: Any = None) -> Any:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return default
    return value if abs(value) < 1e12 else default  # also drops NaN and infinity
