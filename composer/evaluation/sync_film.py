"""The music in the scored film: where a player sounds it, beside the mix it was made from.

Conventions
-----------
Sound is decoded by ffmpeg as a player does it (priming and edit lists honoured, late starts and holes filled with silence). Film time 0 is
the first displayed picture. A *shift* is the film's music minus the mix: positive when it comes late. It is the place of the highest
peak of the cross-correlation over windows around the hits, whitened (phase transform; Knapp & Carter, IEEE Trans. ASSP 24, 1976): so it is found under
the film's own sound, however much louder, and among the repetitions of tones.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from composer.errors import VideoError
from composer.onset_strength import Onsets, onsets_in_file
from composer.probe import PROBE_TIMEOUT_S, locked_input, locked_source
from composer.process import ProgramError, run

RATE = 48_000
_DECODE_TIMEOUT_S = 3600.0
#: name of the track that `--as-track` adds
_TRACK = "Music"
#: length of a window, and how far music may be shifted, seconds
_WINDOW_S, _FARTHEST_S = 1.0, 0.25
#: windows besides those around hits, evenly over the film, and most around hits
_MORE_WINDOWS, _MOST_WINDOWS = 4, 16
#: a window of the mix whose peak stays below this (left and right added; −40 dBFS) tells nothing
_SILENT = 0.01
#: a film whose sound is as like the mix as this holds nothing but music (lossy coding alone leaves more than 0.98)
_ALONE = 0.95
#: how far above the mean (root of squares) a peak of the correlation must rise to be believed; music unlike the film's stays below 5
_CLEAR = 8.0

Complexes = NDArray[np.complex128]
Sounds = NDArray[np.float64]


@dataclass(frozen=True)
class FilmMusic:
    """Where the music lies in a scored film."""

    #: file name of the film
    name: str
    #: index of the sound stream within the container
    stream: int
    #: the film's music minus the mix, samples at 48 kHz and milliseconds; None when the film's sound hides the music
    shift_samples: float | None
    shift_ms: float | None
    #: how far the farthest window in which music sounds alone lies from that, milliseconds; 0 where there is none
    spread_ms: float | None
    #: correlation of the film's sound with the mix at that shift, −1…1
    likeness: float
    #: where the hits in the film were counted: in its own sound (it holds nothing but music), or in the mix moved by the shift
    counted: Literal["its sound", "the mix, shifted"] | None


@dataclass(frozen=True)
class Found:
    """What was found in a film, and what begins in it."""

    told: FilmMusic
    #: onsets of the film's sound, film time; None when other sound lies over the music
    onsets: Onsets | None


def find_music(scored: Path, mix: Path, moments_s: Sequence[float]) -> Found:
    """Look for the music of `mix` in the film `scored`, around some moments (seconds of film time) and elsewhere.

    Raises VideoError when the film has no sound or cannot be decoded, RenderError when the mix cannot be read, MissingToolError without ffmpeg.
    """
    with _decoded(scored) as (stream, sound, lead_s):
        pairs = list(_windows(sound, mix, lead_s, moments_s))
        place = _shift(pairs)
        likeness = _likeness(pairs, place.samples if place is not None else 0.0)
        alone = place is not None and likeness >= _ALONE
        told = FilmMusic(
            name=scored.name,
            stream=stream,
            shift_samples=None if place is None else round(place.samples, 1) + 0.0,
            shift_ms=None if place is None else round(1000 * place.samples / RATE, 3) + 0.0,
            spread_ms=None if place is None else round(1000 * place.spread_samples / RATE, 3),
            likeness=round(likeness, 3),
            counted=None if place is None else "its sound" if alone else "the mix, shifted",
        )
        if not alone:
            return Found(told, None)
        onsets = onsets_in_file(sound)
        return Found(told, Onsets(onsets.times_s - lead_s, onsets.strengths, onsets.prominent))


@contextmanager
def _decoded(scored: Path) -> Iterator[tuple[int, Path, float]]:
    """(stream, a file of its samples from ffmpeg's time 0 on, seconds from there to the first picture); the file is gone when the block ends."""
    stream, lead_s = _header(scored)
    with tempfile.TemporaryDirectory(prefix="hitpoint-") as folder:
        sound = Path(folder) / "film.w64"
        filters = f"aresample={RATE}:async=1:first_pts=0"
        decode = locked_source(scored)[str(stream)].output(f"file:{sound}", af=filters, acodec="pcm_s16le", format="w64")
        try:
            run(decode.global_args("-nostdin", "-v", "error", "-y").compile(), _DECODE_TIMEOUT_S)
        except ProgramError as error:
            raise VideoError(f"the sound of {scored} cannot be decoded ({error})", "Make the film again with `deliver`.") from None
        yield stream, sound, lead_s


def _header(scored: Path) -> tuple[int, float]:
    """(index of the stream with the music, seconds from ffmpeg's time 0 to the first displayed picture)."""
    entries = "format=start_time:stream=index,codec_type:stream_tags=title,handler_name:stream_disposition=default,attached_pic:frame=stream_index,best_effort_timestamp_time"  # fmt: skip
    for interval in ("%+0.5", "%+60"):  # where the picture begins late, it takes more to come to it
        command = ["ffprobe", "-v", "error", *locked_input(scored), "-read_intervals", interval, "-show_entries", entries, "-of", "json"]
        try:
            found: dict[str, Any] = json.loads(run(command, PROBE_TIMEOUT_S)[0].decode("utf-8", "replace"))
        except (ProgramError, json.JSONDecodeError):
            raise VideoError(f"{scored} is not a film that can be read", "Make the film again with `deliver`.") from None
        streams = found.get("streams", [])
        pictures = {s["index"] for s in streams if s.get("codec_type") == "video" and not s.get("disposition", {}).get("attached_pic")}
        stamps = [frame.get("best_effort_timestamp_time") for frame in found.get("frames", []) if frame.get("stream_index") in pictures]
        times_s = [float(stamp) for stamp in stamps if stamp not in (None, "N/A")]
        if times_s:
            return _music_stream(scored, streams), min(times_s) - float(found["format"].get("start_time") or 0.0)
    raise VideoError(f"{scored} shows no picture", "Make the film again with `deliver`.")


def _music_stream(scored: Path, streams: list[dict[str, Any]]) -> int:
    """A track named Music (the last such), else the one that plays by itself, else the first."""
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
    if not sounds:
        raise VideoError(f"{scored} has no sound", "Make the film again with `deliver`.")
    named = [stream for stream in sounds if _TRACK in (stream.get("tags", {}).get("title"), stream.get("tags", {}).get("handler_name"))]
    default = [stream for stream in sounds if stream.get("disposition", {}).get("default")]
    return int((named[-1:] or default or sounds)[0]["index"])


def _windows(sound: Path, mix: Path, lead_s: float, moments_s: Sequence[float]) -> Iterator[tuple[Sounds, Sounds]]:
    """(film, mix) of the same stretch of film time, mono: around the moments, and here and there, but not where the mix is silent."""
    import soundfile

    with soundfile.SoundFile(sound) as film, soundfile.SoundFile(mix) as music:
        length_s = len(music) / music.samplerate
        spread_s = (np.arange(_MORE_WINDOWS) + 0.5) * length_s / _MORE_WINDOWS
        chosen = (
            [moments_s[k * len(moments_s) // _MOST_WINDOWS] for k in range(_MOST_WINDOWS)] if len(moments_s) > _MOST_WINDOWS else moments_s
        )
        for moment in sorted([*chosen, *map(float, spread_s)]):
            start = round((moment - _WINDOW_S / 2) * RATE)
            pair = _mono(film, start + round(lead_s * RATE)), _mono(music, start)
            if np.abs(pair[1]).max() > _SILENT:
                yield pair


def _mono(file: Any, start: int) -> Sounds:
    """A window of left and right together, zeros outside the file."""
    out = np.zeros(round(_WINDOW_S * RATE))
    first, last = max(start, 0), min(start + len(out), len(file))
    if first < last:
        file.seek(first)
        out[first - start : last - start] = file.read(last - first, always_2d=True)[:, :2].sum(axis=1)
    return out


@dataclass(frozen=True)
class _Place:
    """Where music lies."""

    #: how late it is, samples
    samples: float
    #: how far the farthest single window in which it sounds alone lies from that, samples
    spread_samples: float


def _shift(pairs: list[tuple[Sounds, Sounds]]) -> _Place | None:
    """By how much the first of the pairs are late; None when that is not clear."""
    if not pairs:
        return None
    size = scipy.fft.next_fast_len(round((_WINDOW_S + 2 * _FARTHEST_S) * RATE), real=True)
    taper = np.hanning(len(pairs[0][0]))  # the windows' own edges would agree at no shift
    spectra = [(scipy.fft.rfft(film * taper, size), scipy.fft.rfft(mix * taper, size)) for film, mix in pairs]
    crossed = [(film * mix.conj(), np.abs(mix) ** 2) for film, mix in spectra]
    whole, height = _peak(sum(cross for cross, _ in crossed), sum(power for _, power in crossed), size)
    if height < _CLEAR:
        return None
    # a single window may hold one tone, whose periods are all alike once whitened; so only where nothing lies over the music, and unwhitened
    single = [
        _top(scipy.fft.irfft(cross, size))[0] for pair, (cross, _) in zip(pairs, crossed, strict=True) if _likeness([pair], whole) >= _ALONE
    ]
    return _Place(whole, max((abs(shift - whole) for shift in single), default=0.0))


def _peak(crossed: Complexes | int, power: Sounds | int, size: int) -> tuple[float, float]:
    """(lag in samples at which the whitened correlation is largest, how far it rises there above its mean).

    `power` is the mix's: where it has next to none, what the film has is not music and counts little.
    """
    heard = power / (power + 0.01 * np.mean(power) + 1e-12)
    return _top(scipy.fft.irfft(crossed / (np.abs(crossed) + 1e-12) * heard, size))


def _top(answer: Sounds) -> tuple[float, float]:
    """(lag in samples of the highest of its values that are near enough, how far it rises above their mean)."""
    reach = round(_FARTHEST_S * RATE)
    lags = np.abs(np.concatenate([answer[-reach:], answer[: reach + 1]]))
    top = int(np.clip(lags.argmax(), 1, 2 * reach - 1))
    before, peak, after = lags[top - 1 : top + 2]
    bend = before - 2 * peak + after
    place = float(top - reach + (0.5 * (before - after) / bend if bend < 0 else 0.0))
    return place, float(peak / max(np.sqrt(np.mean(lags**2)), 1e-12))


def _likeness(pairs: Sequence[tuple[Sounds, Sounds]], shift: float) -> float:
    """Correlation of the first with the second of all pairs, the first moved back by `shift` samples."""
    late = round(shift)
    both = [(film[max(late, 0) : len(film) + min(late, 0)], mix[max(-late, 0) : len(mix) + min(-late, 0)]) for film, mix in pairs]
    together = sum(float(film @ mix) for film, mix in both)
    powers = [sum(float(sound @ sound) for sound in sounds) for sounds in zip(*both, strict=True)]
    return together / float(np.sqrt(powers[0] * powers[1]) + 1e-12)
