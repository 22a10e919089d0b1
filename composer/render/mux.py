"""Film and sound into one file: the picture is copied packet by packet, everything else the container holds comes along.

Film time 0 (the first displayed frame) is sample 0 of the music. ffmpeg moves a file's earliest time to 0, so the picture
begins at `film.start_offset_s` in the output (0 unless sound or subtitles begin earlier); the sound is built
from output time 0 and cut at the picture's end. Codecs are chosen so that decoders return exactly those samples: AAC with its
edit list in MP4 and MOV, FLAC in Matroska, Vorbis in WebM (ffmpeg writes Opus there about 7 ms early).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composer.errors import OutputError, VideoError
from composer.film import Film
from composer.options import Options
from composer.probe import FLOATING_ZERO, PROBE_TIMEOUT_S, Probe, locked_input
from composer.process import ProgramError, run, streaming
from composer.render.film_sound import RawReader, decode_original, film_sound
from composer.render.wav import SAMPLE_RATE, Floats

_MATROSKA, _ISO = b"\x1a\x45\xdf\xa3", (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


@dataclass(frozen=True)
class Container:
    """How one kind of file is written."""

    #: file name extension
    suffix: str
    #: ffmpeg's name of the writer
    muxer: str
    #: encoder of the sound and its options
    audio: tuple[str, ...]
    #: options of the writer
    options: tuple[str, ...] = ()
    #: whether fonts and the like may come along
    attachments: bool = False


_AAC = ("aac", "-b:a:{0}", "256k")
_FAST = ("-movflags", "+faststart")
_CONTAINERS = {
    ".mp4": Container(".mp4", "mp4", _AAC, _FAST),
    ".m4v": Container(".m4v", "mp4", _AAC, _FAST),
    ".mov": Container(".mov", "mov", _AAC, _FAST),
    ".mkv": Container(".mkv", "matroska", ("flac",), attachments=True),
    ".webm": Container(".webm", "webm", ("libvorbis", "-q:a:{0}", "7")),
}


def container_of(video: Path) -> Container:
    """What the scored film is written as: the source's container, or Matroska, which holds everything.

    The file's first bytes decide; its name only chooses between relatives.
    """
    suffix = video.suffix.lower()
    with video.open("rb") as file:
        head = file.read(12)
    if head[:4] == _MATROSKA:
        return _CONTAINERS[".webm" if suffix == ".webm" else ".mkv"]
    if head[4:8] in _ISO:
        return _CONTAINERS[suffix if suffix in (".mov", ".m4v") else ".mp4"]
    return _CONTAINERS[".mkv"]


def mux(video: Path, probe: Probe, film: Film, music: Path, out: Path, options: Options) -> None:
    """Write the scored film.

    `music` is a WAV of ours that starts at film time 0. Raises VideoError when the film's streams cannot be carried over,
    MissingToolError without ffmpeg.
    """
    lead = max(0, round(film.start_offset_s * SAMPLE_RATE))
    length = lead + round(film.duration_s * SAMPLE_RATE)
    with tempfile.TemporaryDirectory(prefix=".sound-", dir=out.parent) as folder:
        original: RawReader | None = None
        if probe.sound is not None and options.original != "mute" and not options.as_track:
            original = decode_original(video, probe, length, Path(folder) / "original.f32")
            if original.length_frames == 0:  # a stream without a single good packet
                original = None
        channels = original.channels if original else 2
        streams = _streams(video)
        for everything in (True, False):
            command = _command(video, probe, streams, out, options, channels, everything=everything)
            with film_sound(music, original, film, lead, length, duck=options.original == "duck") as blocks:
                try:
                    _feed(command, blocks)
                    return
                except ProgramError as error:
                    failure = error
    if "No space left" in failure.stderr:
        raise OutputError("the disk is full", "Make room, or choose another place with --out.")
    reason = next((line for line in reversed(failure.stderr.strip().splitlines()) if "Conversion failed" not in line), str(failure))
    raise VideoError(f"{video} cannot be written as {out.suffix} ({reason[:200]})", "Convert it to MP4 or MKV first.")


def _feed(command: list[str], blocks: Iterable[Floats]) -> None:
    with streaming(command, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        try:
            for block in blocks:
                child.stdin.write(block.astype("<f4").tobytes())
            child.stdin.close()
        except BrokenPipeError:
            pass  # its own message says why; `streaming` raises it
        child.wait()


def _streams(video: Path) -> list[dict[str, Any]]:
    shown = ["-show_entries", "stream=index,codec_type,codec_name:stream_tags=language,title", "-of", "json"]
    output, _ = run(["ffprobe", "-v", "error", *locked_input(video), *shown], PROBE_TIMEOUT_S)
    found: list[dict[str, Any]] = json.loads(output.decode("utf-8", "replace")).get("streams", [])
    return found


def _command(
    video: Path, probe: Probe, streams: list[dict[str, Any]], out: Path, options: Options, channels: int, *, everything: bool
) -> list[str]:
    """ffmpeg's arguments; with `everything` all pictures, subtitles and attachments are taken along."""
    container = container_of(video)
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio" and stream.get("codec_name", "unknown") != "unknown"]
    kept = [s["index"] for s in sounds if options.as_track or (options.original != "mute" and s["index"] != probe.audio_stream)]
    new = len(kept) if options.as_track else 0
    before, after = (kept, []) if options.as_track else ([], kept)
    maps = ["0:v" if everything else f"0:{probe.video_stream}", *(f"0:{i}" for i in before), "1:a", *(f"0:{i}" for i in after)]
    if everything:
        maps += ["0:s?", *(["0:t?"] if container.attachments else [])]
    encoder = [part.format(new) for part in container.audio]
    return [
        *("ffmpeg", "-nostdin", "-v", "error", "-y", "-fflags", "+genpts+bitexact"),
        *locked_input(video),
        *("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", str(channels), "-i", "pipe:0"),
        *(argument for stream in maps for argument in ("-map", stream)),
        *("-map_metadata", "0", "-map_chapters", "0", "-c", "copy"),
        *(f"-c:a:{new}", *encoder, f"-flags:a:{new}", "+bitexact"),
        *_labels(probe, sounds, new, options),
        *("-fflags", "+bitexact", *container.options, "-f", container.muxer, f"file:{out.absolute()}"),
        *_zero_keeper(probe),
    ]


def _zero_keeper(probe: Probe) -> list[str]:
    """The sound goes nowhere, but being in use it keeps the picture's late start where that would be lost (see composer.probe)."""
    if probe.sound is None or probe.container not in FLOATING_ZERO:
        return []
    return ["-map", f"0:{probe.sound.index}", "-c", "copy", "-f", "null", "-"]


def _labels(probe: Probe, sounds: list[dict[str, Any]], new: int, options: Options) -> list[str]:
    """Language and name of the new sound track, and which track plays by itself."""
    if options.as_track:
        named = [f"-metadata:s:a:{new}", "title=Music", f"-metadata:s:a:{new}", "handler_name=Music"]  # MP4 keeps only the latter
        return [*named, f"-disposition:a:{new}", "0" if sounds else "default"]
    tags: dict[str, str] = next((s.get("tags", {}) for s in sounds if s["index"] == probe.audio_stream), {})
    labels = [f"-disposition:a:{new}", "default"]
    for name in ("language", "title"):
        if tags.get(name):
            labels += [f"-metadata:s:a:{new}", f"{name}={tags[name]}"]
    return labels
