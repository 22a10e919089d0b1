"""Small scores, banks and films for the tests of rendering."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from composer.film import AffectCurve, Film, Shot
from composer.instruments import INSTRUMENTS
from composer.probe import probe
from composer.score import Control, KeyChange, Marker, Note, Score, Track
from composer.tempo import Bar, TempoMap

MakeScore = Callable[..., Score]


@pytest.fixture(scope="session")
def bank() -> Path:
    """The small bank that pretty_midi brings: always there."""
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "TimGM6mb.sf2"


def build_score(
    instruments: Sequence[str] = ("piano", "cellos"), seconds: float = 6.0, tempi: Sequence[float] = (96.0,), **changes: object
) -> Score:
    """Every part plays a chord tone on every beat of 4/4 bars whose tempi repeat `tempi`."""
    bars: list[Bar] = []
    while sum(bar.seconds for bar in bars) < seconds:
        bars.append(Bar(4, 4, tempi[len(bars) % len(tempi)]))
    tracks = []
    for place, name in enumerate(instruments):
        low = INSTRUMENTS[name].comfortable[0]
        notes = tuple(Note(float(beat), 0.9, low + 5 + (beat * 5 + place * 4) % 12, 70 + beat % 3 * 15) for beat in range(4 * len(bars)))
        tracks.append(Track(f"{name}_{place}", INSTRUMENTS[name].name, name, notes, (Control(0.0, 11, 100), Control(2.5, 11, 90))))
    marks = (Marker(0.0, "section", "S1 calm"), Marker(4.0, "hit", "HIT 01 01:00:02:12"))
    fields: dict[str, object] = {
        "title": "A test", "tempo": TempoMap(tuple(bars)), "end_s": seconds, "frame_rate": Fraction(25), "seed": 3,
        "tracks": tuple(tracks), "markers": marks, "keys": (KeyChange(0.0, "D minor"), KeyChange(4.0, "E dorian")),
    }  # fmt: skip
    return Score(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make_score() -> MakeScore:
    return build_score


def read_wav(path: Path) -> NDArray[np.float64]:
    """A WAV as an independent reader sees it, (frames, channels)."""
    import soundfile

    sound, rate = soundfile.read(path, always_2d=True)
    assert rate == 48_000
    return np.asarray(sound)


def ffmpeg(*arguments: object) -> bytes:
    """Run ffmpeg for a test; returns its stdout."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout


def ffprobe(path: Path, *arguments: object) -> dict[str, Any]:
    """ffprobe's JSON."""
    command = ["ffprobe", "-v", "error", "-of", "json", *map(str, arguments), str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def film_of(video: Path, shots: int = 3) -> Film:
    """A Film of a real file: times from its packets, an invented affect."""
    header = probe(video)
    packets = ffprobe(video, "-select_streams", header.video_stream, "-show_entries", "packet=pts_time,duration_time")["packets"]
    times = sorted(float(packet["pts_time"]) for packet in packets if "pts_time" in packet)
    frame_s = float(1 / header.frame_rate)
    return invented_film(
        times[-1] + frame_s - times[0],
        shots,
        str(video),
        header.frame_rate,
        times[0] - header.start_s,
        header.video_stream,
        header.audio_stream,
    )


def invented_film(
    duration_s: float,
    shots: int = 3,
    path: str = "film.mp4",
    rate: Fraction = Fraction(25),
    start_s: float = 0.0,
    video: int = 0,
    audio: int | None = None,
) -> Film:
    edges = np.linspace(0, duration_s, shots + 1)
    rows = int(np.ceil(duration_s))
    lively = [float(np.sin(i / 3.0)) for i in range(rows)]
    emotions = tuple(tuple(0.6 if e == i // 5 % 6 else 0.08 for e in range(6)) for i in range(rows))
    affect = AffectCurve(tuple(float(i) for i in range(rows)), emotions, tuple(-x / 2 for x in lively), tuple(lively))
    parts = tuple(
        Shot(float(a), float(b), "cut" if a else "start", 1.0, 1.0, 0.0, 0.2 + 0.6 * (i % 2), 0.5, 0.3)
        for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
    )
    return Film(
        path,
        duration_s,
        rate,
        320,
        180,
        start_s,
        video,
        audio,
        round(duration_s * rate),
        parts,
        affect,
        tuple(0.3 for _ in range(rows)),
        (),
    )


def lag_samples(heard: NDArray[np.floating[Any]], wanted: NDArray[np.floating[Any]]) -> int:
    """By how many samples `heard` is late against `wanted` (cross-correlation of two mono sounds)."""
    from scipy.signal import fftconvolve

    length = min(len(heard), len(wanted))
    likeness = fftconvolve(heard[:length], wanted[:length][::-1])
    return int(np.argmax(np.abs(likeness))) - (length - 1)
