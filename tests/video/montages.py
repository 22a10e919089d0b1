"""Montages with a known cutting list, put together in memory from single takes of the real clips.

Shots are cropped, sped up or slowed down, mirrored and brightened or darkened at random (seeded), then joined by cuts,
dissolves and fades through black. No encoder is involved: it is the detector that is measured, on what the decode pass hands it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from composer.video.frames import BLOCK_FRAMES, Block
from composer.video.looks import Change
from composer.video.measure import Measurer
from composer.video.shots import find_changes
from tests import films

RATE = 25
Pictures = npt.NDArray[np.uint8]
#: (file, stream, first and last picture) of takes without a cut
TAKES = {
    "drive": ("film/drive_car_31s.webm", "v:0", 0, 900),
    "flower": ("odd/flower_cc0_5s.mp4", "v:0", 0, 150),
    "dancer": ("odd/audio_first_6s.mp4", "v:0", 0, 185),
    "meadow": ("film/bbb_35s_320x180.mp4", "v:0", 85, 425),
    "hill": ("film/montage_accelerating_known_cuts.mp4", "v:0", 0, 150),
    "coast": ("film/montage_accelerating_known_cuts.mp4", "v:0", 150, 275),
    "desk": ("film/nosferatu_silent_48s.mp4", "v:0", 70, 222),
    "forest": ("film/nosferatu_silent_48s.mp4", "v:0", 580, 683),
}


@dataclass(frozen=True)
class Truth:
    """One known change: pictures `first` to `last` are mixed (both the new shot's first picture for a cut)."""

    kind: str
    first: int
    last: int


@cache
def _file(name: str, stream: str) -> Pictures:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(films.clip(name)), "-map", f"0:{stream}", "-vf", "scale=320:180:flags=area"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, 180, 320, 3)


def take(name: str) -> Pictures:
    """(N, 180, 320, 3) of one take."""
    file, stream, first, last = TAKES[name]
    return _file(file, stream)[first:last]


def shot(random: np.random.Generator, source: Pictures, count: int) -> Pictures:
    """(count, 90, 160, 3): a random part of a take, changed."""
    speed = min(float(random.choice([0.5, 1, 1, 1.5, 2])), (len(source) - 1) / count)
    start = random.integers(0, len(source) - int(count * speed))
    size = random.uniform(0.6, 1)
    width, height = int(320 * size), int(180 * size)
    x, y = random.integers(0, 321 - width), random.integers(0, 181 - height)
    gain, mirrored = random.uniform(0.75, 1.25), random.random() < 0.5
    chosen = source[start + (np.arange(count) * speed).astype(int), y : y + height, x : x + width]
    small = np.stack([cv2.resize(picture, (160, 90), interpolation=cv2.INTER_AREA) for picture in chosen])
    return np.clip(small[:, :, ::-1] * gain if mirrored else small * gain, 0, 255).astype(np.uint8)


def montage(seed: int) -> tuple[Pictures, list[Truth]]:
    """(pictures, true changes) of eight shots."""
    random = np.random.default_rng(seed)
    names = list(random.permutation(sorted(TAKES)))
    film, truth = shot(random, take(names[0]), 60), []
    for name in names[1:]:
        kind = str(random.choice(["cut", "dissolve", "fade"], p=[0.6, 0.25, 0.15]))
        mixed = 0 if kind == "cut" else int(random.uniform(0.32, 1.2) * RATE)
        new = shot(random, take(name), int(random.uniform(0.5, 2.0) * RATE) + 2 * mixed)
        at = len(film)
        if kind == "cut":
            film = np.concatenate([film, new])
            truth.append(Truth(kind, at, at))
            continue
        share = ((np.arange(mixed) + 1) / (mixed + 1))[:, None, None, None]
        if kind == "dissolve":
            mixture = (film[-mixed:] * (1 - share) + new[:mixed] * share).astype(np.uint8)
            film = np.concatenate([film[:-mixed], mixture, new[mixed:]])
            truth.append(Truth(kind, at - mixed, at))
        else:
            out, black, back = (
                (film[-mixed:] * (1 - share)).astype(np.uint8),
                np.zeros_like(new[:4]),
                (new[:mixed] * share).astype(np.uint8),
            )
            film = np.concatenate([film[:-mixed], out, black, back, new[mixed:]])
            truth.append(Truth(kind, at - mixed, at + 4 + mixed))
    return film, truth


def single_take(name: str, change: str) -> Pictures:
    """Up to 8 s of one take, with a camera or light change that is no cut."""
    source = take(name)[:200]
    random = np.random.default_rng(1)
    pictures = []
    for i, picture in enumerate(source):
        along = i / len(source)
        x, y, size, gain, light = 0, 0, 0.7, 1.0, 0.0
        if change == "pan":
            x = int(48 - 48 * np.cos(6 * along))
        elif change == "zoom":
            size = 1 - 0.5 * along
        elif change == "shake":
            x, y = random.integers(0, 16, 2)
        elif change == "brighter":
            gain = 1 + 0.5 * np.sin(9 * along)
        elif change == "swing":
            size, x = 0.45, int(176 * np.clip((i - 60) / 10, 0, 1))
        elif change == "flicker":
            gain = random.uniform(0.85, 1.15)
        elif change == "flash":
            light = 170.0 * (i % 50 in (20, 21))
        elif change == "strobe":
            light = 190.0 * (60 < i < 120 and i // 3 % 2)
        part = picture[y : y + int(180 * size), x : x + int(320 * size)]
        pictures.append(np.clip(cv2.resize(part, (160, 90), interpolation=cv2.INTER_AREA) * gain + light, 0, 255))
    return np.stack(pictures).astype(np.uint8)


def changes_of(film: Pictures, rate: float = RATE) -> list[Change]:
    """What the detector finds in pictures (N, 90, 160, 3)."""
    measurer = Measurer()
    for first in range(0, len(film), BLOCK_FRAMES):
        images = np.ascontiguousarray(film[first : first + BLOCK_FRAMES])
        measurer.add(Block(first, images, (first + np.arange(len(images))) / rate))
    return find_changes(measurer.rows(), rate)


def agreement(truth: list[Truth], found: list[Change]) -> dict[str, tuple[int, int, int]]:
    """(right, missed, false) for "cut" (±1 picture) and "gradual" (each covers half of the other)."""
    right: set[int] = set()
    counts = {"cut": [0, 0, 0], "gradual": [0, 0, 0]}
    for true in truth:
        hits = [i for i, change in enumerate(found) if _agree(true, change)]
        right.update(hits)
        counts["cut" if true.kind == "cut" else "gradual"][0 if hits else 1] += 1
    for i, change in enumerate(found):
        counts["cut" if change.kind == "cut" else "gradual"][2] += i not in right
    return {kind: (a, b, c) for kind, (a, b, c) in counts.items()}


def _agree(true: Truth, change: Change) -> bool:
    if true.kind == "cut" or change.kind == "cut":
        return true.kind == change.kind and abs(true.first - change.at) <= 1
    overlap = min(true.last, change.last) - max(true.first, change.first)
    return overlap >= 0.5 * (true.last - true.first) and overlap >= 0.5 * (change.last - change.first)
