"""Draw Hitpoint's own demo film, "The Night Train": 38 s, 960×540 at 25 fps, with a soft ambience for sound.

    python examples/make_film.py OUT.mp4

Every picture is drawn with numpy and OpenCV and piped into ffmpeg; nothing is downloaded, nothing is random from run to run.
The story gives a composer something to do: a calm dawn, a journey, rain, a tunnel, cuts that come faster and faster through a
night city, fireworks, and a quiet sea that fades to black. `SHOTS` is the cutting list, so the true changes are known.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, RATE = 960, 540, 25
SAMPLE_RATE = 48_000
FADE_OUT_S, BLACK_S = 1.6, 0.6

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class DrawnShot:
    """One line of the cutting list."""

    #: draws the picture at a time of the shot, seconds
    scene: Callable[[float], Picture]
    #: first frame of the shot alone (after its dissolve, if it has one), seconds of film time
    start_s: float
    #: length of the dissolve that leads into it, seconds (0 = hard cut)
    dissolve_s: float = 0.0
    #: where in the scene the shot begins, seconds
    from_s: float = 0.0
    #: loudness of its (wind, rain, rails, crowd, sea), 0…1
    sounds: tuple[float, float, float, float, float] = (0.3, 0, 0, 0, 0)


def gradient(*stops: tuple[float, Colour]) -> Picture:
    """A sky from (height 0…1, colour) stops, top to bottom."""
    at = [stop for stop, _ in stops]
    rows = np.stack([np.interp(np.linspace(0, 1, HEIGHT), at, [c[i] for _, c in stops]) for i in range(3)], axis=1)
    return (rows[:, None, :].astype(np.float32) + _dither()).astype(np.uint8)


@cache
def _dither() -> npt.NDArray[np.float32]:
    """Less than one step of noise hides the bands of an 8-bit gradient."""
    return np.random.default_rng(1).uniform(0, 0.99, (HEIGHT, WIDTH, 1)).astype(np.float32)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour `share` of the way from a to b."""
    s = min(max(share, 0.0), 1.0)
    return (round(a[0] + (b[0] - a[0]) * s), round(a[1] + (b[1] - a[1]) * s), round(a[2] + (b[2] - a[2]) * s))


def glow(picture: Picture, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
    """Add a soft light."""
    reach = int(radius * 2.5)
    left, right = max(0, int(x) - reach), min(WIDTH, int(x) + reach)
    top, bottom = max(0, int(y) - reach), min(HEIGHT, int(y) + reach)
    if left >= right or top >= bottom:
        return
    across = np.exp(-(((np.arange(left, right) - x) / radius) ** 2)).astype(np.float32)
    down = np.exp(-(((np.arange(top, bottom) - y) / radius) ** 2)).astype(np.float32)
    fall = down[:, None] * across[None, :]
    light = cv2.merge([cv2.convertScaleAbs(fall, alpha=strength * part) for part in colour])
    patch = picture[top:bottom, left:right]
    patch[:] = cv2.add(patch, light)


@cache
def ridge(seed: int, roughness: float) -> npt.NDArray[np.float64]:
    """A skyline that repeats after 4096 pixels, heights about -1…1."""
    rng = np.random.default_rng(seed)
    x = np.arange(4096) * 2 * np.pi / 4096
    waves = [(k, rng.uniform(0, 2 * np.pi), k**-roughness) for k in (2, 3, 5, 8, 13, 21, 34, 55, 89)]
    line: npt.NDArray[np.float64] = sum((h * np.sin(k * x + p) for k, p, h in waves), np.zeros(4096))
    return np.asarray(line / np.abs(line).max(), np.float64)


def hill(picture: Picture, seed: int, base: float, height: float, offset: float, colour: Colour, roughness: float = 1.1) -> None:
    """One layer of hills from its skyline to the bottom of the picture."""
    x = np.arange(-8, WIDTH + 9, 4)
    y = base - height * ridge(seed, roughness)[(x + int(offset)) % 4096]
    outline = np.concatenate([np.stack([x, y], 1), [[WIDTH + 8, HEIGHT], [-8, HEIGHT]]])
    cv2.fillPoly(picture, [np.round(outline * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def bloom(picture: Picture, lights: Picture, size: float, strength: float = 1.0) -> Picture:
    """The picture with light drawn on black added, sharp and as a soft halo."""
    small = cv2.resize(lights, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
    halo = cv2.resize(cv2.GaussianBlur(small, (0, 0), size), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(cv2.add(picture, lights), cv2.convertScaleAbs(halo, alpha=strength)), np.uint8)


def dawn(t: float) -> Picture:
    """Hills in the mist, a sun that rises, a few birds."""
    day = min(1.0, 0.15 + t / 8)
    picture = gradient(
        (0.0, mix((38, 44, 92), (96, 148, 205), day)),
        (0.45, mix((150, 90, 120), (245, 205, 170), day)),
        (0.7, mix((230, 130, 90), (255, 226, 170), day)),
        (1.0, (250, 190, 140)),
    )
    sun_x, sun_y = 610, 380 - 20 * t
    glow(picture, sun_x, sun_y, 190, (120, 80, 40), 0.9)
    glow(picture, sun_x, sun_y, 34, (255, 240, 190), 1.6)
    for layer in range(5):
        depth = layer / 4
        near, far = mix((30, 34, 60), (44, 70, 62), day), mix((170, 120, 140), (235, 195, 175), day)
        hill(picture, 11 + layer, 360 + 38 * layer, 34 + 15 * layer, 120 * layer + t * (4 + 13 * layer), mix(far, near, depth))
    for bird in range(5):
        x, y = 180 + 62 * t + 46 * bird + 12 * math.sin(bird * 5), 150 + 22 * math.sin(bird * 2.1) + 6 * math.sin(t + bird)
        lift = 7 * math.sin(7 * t + bird * 1.7)
        wing = np.array([[x - 13, y - lift], [x, y], [x + 13, y - lift]])
        cv2.polylines(picture, [np.round(wing * 16).astype(np.int32)], False, mix((30, 25, 45), (60, 60, 80), day), 2, cv2.LINE_AA, 4)
    return picture


def journey(t: float) -> Picture:
    """Morning fields seen from a train: far hills drift, near poles fly."""
    picture = gradient((0, (92, 160, 220)), (0.5, (190, 222, 240)), (0.62, (232, 238, 225)), (1, (180, 200, 120)))
    for cloud in range(6):
        x = (cloud * 217 - 14 * t) % 1250 - 150
        for puff in range(5):
            glow(picture, x + 34 * puff, 95 + 24 * math.sin(cloud * 4) - 12 * math.sin(puff * 1.3), 34, (60, 50, 40), 0.8)
    hill(picture, 31, 318, 36, 22 * t, (146, 176, 176))
    hill(picture, 32, 346, 28, 60 * t, (112, 156, 112))
    cv2.rectangle(picture, (0, 372), (WIDTH, HEIGHT), (122, 164, 72), -1)
    for row in range(26):  # furrows run to one point on the horizon and sweep by
        at = (row * 140 - 420 * t) % 3640 - 1400
        edge = np.array([[480 + (at - 480) * 0.12, 372], [at, HEIGHT], [at + 62, HEIGHT], [480 + (at + 62 - 480) * 0.12, 372]])
        cv2.fillPoly(picture, [np.round(edge * 16).astype(np.int32)], (142, 180, 82) if row % 2 else (104, 146, 62), cv2.LINE_AA, 4)
    for tree in range(9):
        x = (tree * 231 + 40 * math.sin(tree * 9) - 210 * t) % 2080 - 160
        size = 30 + 14 * math.sin(tree * 3.3)
        cv2.line(picture, (int(x), 402), (int(x), 368), (82, 66, 50), 5, cv2.LINE_AA)
        cv2.ellipse(picture, (int(x), int(366 - size / 2)), (int(size * 0.8), int(size)), 0, 0, 360, (64, 118, 62), -1, cv2.LINE_AA)
    for pole in range(3):
        x = int((pole * 720 - 900 * t) % 2160 - 300)
        cv2.rectangle(picture, (x, 60), (x + 16, HEIGHT), (70, 56, 48), -1)
        cv2.rectangle(picture, (x - 42, 92), (x + 58, 102), (70, 56, 48), -1)
    for wire in range(2):
        sag = 100 + 14 * wire + 16 * np.sin((np.arange(0, WIDTH + 1, 20) + 900 * t) * np.pi / 720) ** 2
        line = np.stack([np.arange(0, WIDTH + 1, 20), sag], 1)
        cv2.polylines(picture, [np.round(line * 16).astype(np.int32)], False, (60, 60, 66), 2, cv2.LINE_AA, 4)
    return picture


@cache
def street() -> Picture:
    """A lamp and a bare tree in the rain."""
    picture = gradient((0, (40, 46, 58)), (0.6, (72, 80, 92)), (0.68, (48, 54, 62)), (1, (26, 30, 36)))
    hill(picture, 51, 350, 16, 0, (50, 56, 66), 0.6)
    rng = np.random.default_rng(5)

    def branch(x: float, y: float, angle: float, length: float, width: float) -> None:
        end_x, end_y = x + length * math.cos(angle), y - length * math.sin(angle)
        cv2.line(picture, (round(x), round(y)), (round(end_x), round(end_y)), (22, 24, 30), max(1, round(width)), cv2.LINE_AA)
        if length > 14:
            for turn in (0.42, -0.36):
                branch(end_x, end_y, angle + turn + rng.uniform(-0.14, 0.14), length * rng.uniform(0.7, 0.82), width * 0.68)

    branch(300, 430, 1.62, 84, 15)
    cv2.line(picture, (690, 440), (690, 190), (18, 20, 26), 7, cv2.LINE_AA)
    cv2.line(picture, (690, 192), (650, 182), (18, 20, 26), 5, cv2.LINE_AA)
    glow(picture, 648, 190, 120, (120, 96, 54), 0.8)
    glow(picture, 648, 190, 16, (255, 226, 160), 1.4)
    glow(picture, 648, 470, 70, (70, 54, 30), 0.7)
    return picture


def rain(t: float) -> Picture:
    """Rain on an empty street."""
    picture = street().copy()
    rng = np.random.default_rng(7)
    for _ in range(260):
        near = rng.uniform(0.4, 1)
        x0, phase, speed = rng.uniform(-80, WIDTH), rng.uniform(0, 1), 1.6 + 1.4 * near
        y = ((phase + speed * t) % 1) * (HEIGHT + 80) - 40
        x = x0 + 0.14 * y
        shade = int(70 + 90 * near)
        cv2.line(picture, (int(x), int(y)), (int(x - 4 * near), int(y - 26 * near)), (shade, shade + 6, shade + 16), 1, cv2.LINE_AA)
    for _ in range(26):
        x, y, phase = rng.uniform(0, WIDTH), rng.uniform(400, 530), rng.uniform(0, 1)
        age = (phase + 1.3 * t) % 1
        shade, size = int(52 + 60 * (1 - age)), (int(3 + 22 * age), int(1 + 7 * age))
        cv2.ellipse(picture, (int(x), int(y)), size, 0, 0, 360, (shade, shade + 4, shade + 10), 1, cv2.LINE_AA)
    return picture


def tunnel(t: float) -> Picture:
    """The train in a tunnel: lamps rush past."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    centre = (WIDTH / 2 + 26 * math.sin(1.3 * t), HEIGHT / 2 + 12 * math.sin(2.1 * t))
    for ring in range(17):  # the near walls first, the far ones over them
        depth = ring - (5.5 * t) % 1
        size, shade = 330 / max(depth, 0.05), 104 / (1 + 0.22 * depth)
        even = int(ring + (5.5 * t) // 1) % 2
        wall = mix((0, 0, 0), (158, 153, 168) if even else (127, 117, 122), shade / 255)
        edge = mix((0, 0, 0), (230, 199, 168), shade / 255)
        middle, axes = (round(centre[0]), round(centre[1])), (round(size * 1.3), round(size))
        cv2.ellipse(picture, middle, axes, 0, 0, 360, wall, -1, cv2.LINE_AA)
        cv2.ellipse(picture, middle, axes, 0, 0, 360, edge, max(1, int(12 / max(depth, 0.1))), cv2.LINE_AA)
    for rail in (-1, 1):
        foot = (round(centre[0] + rail * 250), HEIGHT + 20)
        cv2.line(picture, (round(centre[0]), round(centre[1] + 14)), foot, (150, 140, 130), 4, cv2.LINE_AA)
    lights = np.zeros_like(picture)
    for lamp in range(7):
        depth = lamp * 2 + 2 - (5.5 * t) % 2
        for side in (-1, 1):
            near, far = 330 / max(depth, 0.12), 330 / (max(depth, 0.12) + 0.5)
            ends = [(round(centre[0] + side * 1.02 * size), round(centre[1] - 0.52 * size)) for size in (near, far)]
            cv2.line(lights, ends[0], ends[1], (255, 196, 110), max(1, int(16 / max(depth, 0.4))), cv2.LINE_AA)
    glow(picture, *centre, 30, (90, 110, 150), 0.8)
    return bloom(picture, lights, 6, 1.2)


@cache
def skyline(seed: int, floor: int) -> tuple[Picture, Picture]:
    """(houses, their lit windows) of a night city standing on `floor`."""
    picture = gradient((0, (12, 16, 46)), (0.5, (48, 38, 96)), (0.78, (128, 70, 116)), (1, (40, 26, 52)))
    lights = np.zeros_like(picture)
    rng = np.random.default_rng(seed)
    for layer, shade in ((0, (34, 28, 62)), (1, (22, 18, 44)), (2, (12, 10, 26))):
        x = -20
        while x < WIDTH:
            wide, high = int(rng.integers(46, 110)), int(rng.integers(110, 330) * (1 - 0.2 * layer))
            cv2.rectangle(picture, (x, floor - high), (x + wide, floor), shade, -1)
            cv2.rectangle(lights, (x, floor - high), (x + wide, floor), (0, 0, 0), -1)
            for wx in range(x + 7, x + wide - 8, 11):
                for wy in range(floor - high + 9, floor - 10, 14):
                    if rng.random() < 0.34:
                        warm = [(255, 206, 120), (255, 236, 190), (150, 190, 255)][int(rng.choice(3, p=[0.6, 0.3, 0.1]))]
                        dim = (0.35 + 0.3 * layer) * rng.uniform(0.5, 1)
                        cv2.rectangle(lights, (wx, wy), (wx + 4, wy + 6), tuple(int(c * dim) for c in warm), -1)
            x += wide + int(rng.integers(2, 14))
    return picture, lights


def city(t: float) -> Picture:
    """A night city by the water; the camera glides along."""
    base, windows = skyline(3, 400)
    shift = -int(46 * t) % WIDTH
    picture = np.roll(bloom(base, windows, 3, 0.9), shift, axis=1)
    lower = cv2.flip(picture[400 - 140 : 400], 0)
    wobble = (np.arange(WIDTH)[None, :] + 5 * np.sin(np.arange(140)[:, None] * 0.5 + 5 * t)).astype(np.float32)
    rows = np.repeat(np.arange(140, dtype=np.float32)[:, None], WIDTH, axis=1)
    water = cv2.remap(lower, wobble, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    picture[400:] = cv2.convertScaleAbs(water, alpha=0.55)
    return picture


def traffic(t: float) -> Picture:
    """Headlights and tail lights on a road at dusk."""
    picture = gradient((0, (40, 62, 104)), (0.3, (150, 96, 110)), (0.43, (238, 150, 92)), (0.44, (70, 62, 70)), (1, (34, 34, 44)))
    hill(picture, 61, 242, 26, 30 * t, (36, 30, 48), 0.5)
    road = np.array([[WIDTH / 2 - 30, 238], [WIDTH / 2 + 30, 238], [WIDTH + 260, HEIGHT], [-260, HEIGHT]])
    cv2.fillPoly(picture, [road.astype(np.int32)], (46, 46, 54), cv2.LINE_AA)
    for dash in range(9):
        depth = dash + 0.4 - (6 * t) % 1
        if depth > 0.1:
            ends = [(WIDTH // 2, round(238 + 150 / d)) for d in (depth, depth + 0.45)]
            cv2.line(picture, ends[0], ends[1], (190, 184, 170), max(1, int(8 / depth)), cv2.LINE_AA)
    lights = np.zeros_like(picture)
    rng = np.random.default_rng(17)
    for car in range(34):
        coming, phase, lane = car % 2 == 0, rng.uniform(0, 1), rng.uniform(0.25, 1)
        age = (phase + (0.55 + 0.2 * lane) * t) % 1
        depth = (1 - age if coming else age) * 7 + 0.35
        tail = depth + (0.8 if coming else -0.25)
        side = -1 if coming else 1
        for offset in (0.0, 0.16):
            ends = []
            for d in (depth, max(tail, 0.2)):
                ends.append((round(WIDTH / 2 + side * (90 + 420 * (lane + offset)) / d), round(HEIGHT * 0.44 + 150 / d)))
            colour = (255, 244, 214) if coming else (255, 46, 34)
            cv2.line(lights, ends[0], ends[1], colour, max(1, int(9 / depth)), cv2.LINE_AA)
    return bloom(picture, lights, 5, 1.3)


def wheel(t: float) -> Picture:
    """A driving wheel of the engine, lit by its fire."""
    flicker = 0.9 + 0.1 * math.sin(31 * t) * math.sin(17 * t)
    picture = gradient((0, (30, 14, 12)), (0.5, (96, 40, 22)), (1, (26, 14, 14)))
    glow(picture, 760, 420, 330, (150, 70, 20), 0.8 * flicker)
    turn, centre, radius = 9.5 * t, (430, 285), 212
    cv2.circle(picture, centre, radius, (22, 18, 20), 34, cv2.LINE_AA)
    cv2.circle(picture, centre, radius + 6, (170, 110, 70), 3, cv2.LINE_AA)
    for spoke in range(14):
        angle = turn + spoke * math.pi / 7
        tip = (round(centre[0] + radius * math.cos(angle)), round(centre[1] + radius * math.sin(angle)))
        cv2.line(picture, centre, tip, (40, 28, 26), 13, cv2.LINE_AA)
        cv2.line(picture, centre, tip, (120, 74, 50), 3, cv2.LINE_AA)
    pin = (round(centre[0] + 96 * math.cos(turn)), round(centre[1] + 96 * math.sin(turn)))
    cv2.circle(picture, centre, 40, (60, 40, 34), -1, cv2.LINE_AA)
    cv2.line(picture, pin, (WIDTH + 40, round(285 + 30 * math.sin(turn))), (150, 120, 100), 26, cv2.LINE_AA)
    cv2.line(picture, pin, (WIDTH + 40, round(285 + 30 * math.sin(turn))), (210, 180, 150), 5, cv2.LINE_AA)
    cv2.circle(picture, pin, 22, (200, 160, 120), -1, cv2.LINE_AA)
    for puff in range(6):
        age = (puff / 6 + 0.9 * t) % 1
        glow(picture, 140 + 150 * age + 60 * puff, 520 - 200 * age, 30 + 70 * age, (90, 78, 70), 0.5 * (1 - age))
    return picture


#: (seconds into the scene, x, y, colour, size) of every rocket
_ROCKETS: tuple[tuple[float, int, int, Colour, float], ...] = (
    (-0.25, 480, 170, (255, 210, 120), 1.3),
    (0.55, 250, 150, (255, 96, 120), 1.0),
    (0.95, 720, 130, (120, 190, 255), 1.1),
    (1.55, 420, 210, (150, 255, 170), 0.9),
    (1.8, 620, 110, (255, 180, 255), 1.2),
    (2.5, 330, 120, (255, 220, 130), 1.3),
    (2.75, 760, 200, (255, 120, 90), 1.0),
    (3.3, 520, 140, (190, 210, 255), 1.4),
)


def fireworks(t: float) -> Picture:
    """Fireworks over the roofs."""
    base, windows = skyline(8, 540)
    lights = np.zeros_like(base)
    flash = 0.0
    for number, (start_s, x, y, colour, size) in enumerate(_ROCKETS):
        age = t - start_s
        if not 0 <= age < 1.9:
            continue
        flash += math.exp(-7 * age)
        rng = np.random.default_rng(100 + number)
        fade = max(0.0, 1 - age / 1.9)
        for _ in range(110):
            angle, speed = rng.uniform(0, 2 * np.pi), size * 150 * rng.uniform(0.25, 1) ** 0.5
            ends = []
            for moment in (age, max(0.0, age - 0.09)):
                reach = speed * (1 - math.exp(-2.2 * moment))
                ends.append((round(x + reach * math.cos(angle)), round(y + reach * math.sin(angle) + 46 * moment**2)))
            cv2.line(lights, ends[1], ends[0], mix((0, 0, 0), mix(colour, (255, 255, 255), 1 - 4 * age), fade), 2, cv2.LINE_AA)
    lit = cv2.convertScaleAbs(base, alpha=1.0 + 0.35 * min(flash, 1.5), beta=10 * min(flash, 1.5))
    return bloom(np.asarray(cv2.add(lit, windows), np.uint8), lights, 5, 1.5)


@cache
def night_sky() -> Picture:
    """Moon and stars over a dark sea."""
    picture = gradient((0, (16, 40, 82)), (0.4, (44, 92, 136)), (0.6, (112, 150, 176)), (0.602, (34, 74, 108)), (1, (12, 30, 56)))
    rng = np.random.default_rng(21)
    for _ in range(220):
        x, y, light = int(rng.integers(0, WIDTH)), int(rng.integers(0, 310)), int(rng.integers(60, 220))
        cv2.circle(picture, (x, y), 1, (light, light, min(255, light + 20)), -1, cv2.LINE_AA)
    glow(picture, 640, 130, 150, (70, 76, 80), 0.9)
    cv2.circle(picture, (640, 130), 38, (238, 236, 216), -1, cv2.LINE_AA)
    glow(picture, 628, 122, 26, (12, 12, 8), 0.8)
    return picture


def sea(t: float) -> Picture:
    """A small boat with a lantern under the moon."""
    picture = night_sky().copy()
    rng = np.random.default_rng(23)
    for _ in range(150):
        y = rng.uniform(328, 536)
        spread = 16 + 0.55 * (y - 325)
        x = 640 + rng.normal() * spread
        shine = 0.5 + 0.5 * math.sin(rng.uniform(0, 6.28) + (1.5 + rng.uniform(0, 2)) * t)
        length = int((4 + 0.07 * (y - 320)) * (0.5 + shine))
        cv2.line(picture, (int(x) - length, int(y)), (int(x) + length, int(y)), mix((52, 92, 124), (236, 232, 206), shine), 1, cv2.LINE_AA)
    x, y, tilt = 250 + 16 * t, 404 + 4 * math.sin(1.4 * t), 0.05 * math.sin(1.1 * t)
    turn = np.array([[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]])
    hull = np.array([[-74, -10], [74, -10], [50, 18], [-52, 18]]) @ turn + np.array([x, y])
    cv2.fillPoly(picture, [np.round(hull * 16).astype(np.int32)], (16, 14, 20), cv2.LINE_AA, 4)
    cv2.line(picture, (int(x), int(y - 8)), (int(x + 60 * tilt), int(y - 104)), (18, 16, 22), 4, cv2.LINE_AA)
    sail = np.array([[x + 4, y - 18], [x + 4 + 58 * tilt, y - 100], [x + 52, y - 22]])
    cv2.fillPoly(picture, [np.round(sail * 16).astype(np.int32)], (44, 48, 66), cv2.LINE_AA, 4)
    glow(picture, x - 46, y - 26, 40, (110, 70, 24), 1.0)
    glow(picture, x - 46, y - 26, 7, (255, 214, 140), 1.5)
    glow(picture, x - 46, y + 40, 26, (80, 50, 18), 0.7)
    return picture


#: the cutting list; the sea ends with a fade to black
SHOTS = (
    DrawnShot(dawn, 0.0, sounds=(0.30, 0, 0, 0, 0)),
    DrawnShot(journey, 6.4, dissolve_s=1.2, sounds=(0.15, 0, 0.40, 0, 0)),
    DrawnShot(rain, 12.0, sounds=(0.10, 0.40, 0, 0, 0)),
    DrawnShot(tunnel, 16.4, sounds=(0.05, 0, 0.85, 0, 0)),
    DrawnShot(city, 19.6, sounds=(0.10, 0, 0.1, 0.25, 0)),
    DrawnShot(traffic, 22.2, sounds=(0.05, 0, 0.30, 0.45, 0)),
    DrawnShot(wheel, 24.0, sounds=(0, 0, 0.9, 0, 0)),
    DrawnShot(city, 25.2, from_s=5.0, sounds=(0.05, 0, 0.2, 0.4, 0)),
    DrawnShot(tunnel, 26.2, from_s=1.0, sounds=(0, 0, 0.9, 0, 0)),
    DrawnShot(traffic, 27.0, from_s=3.0, sounds=(0, 0, 0.4, 0.5, 0)),
    DrawnShot(wheel, 27.6, from_s=0.5, sounds=(0, 0, 1.0, 0, 0)),
    DrawnShot(fireworks, 28.2, sounds=(0, 0, 0, 0.8, 0)),
    DrawnShot(sea, 33.0, dissolve_s=1.2, sounds=(0.05, 0, 0, 0, 0.45)),
)
#: length of the film, seconds
LENGTH_S = 38.0


def frame(number: int) -> Picture:
    """Picture `number` of the film, (540, 960, 3) RGB."""
    time_s = number / RATE
    current = max(i for i, shot in enumerate(SHOTS) if _begins_s(shot) <= time_s + 1e-9)
    picture = _drawn(SHOTS[current], time_s)
    into_s = time_s - _begins_s(SHOTS[current])
    if SHOTS[current].dissolve_s > into_s:
        share = (into_s * RATE + 1) / (SHOTS[current].dissolve_s * RATE + 1)
        before = _drawn(SHOTS[current - 1], time_s)
        picture = np.asarray(cv2.addWeighted(picture, share, before, 1 - share, 0), np.uint8)
    left_s = LENGTH_S - BLACK_S - time_s
    finished = cv2.multiply(picture, _vignette(), scale=1 / 255 * min(1.0, max(0.0, left_s / FADE_OUT_S)))
    return np.asarray(finished, np.uint8)


def _begins_s(shot: DrawnShot) -> float:
    """When something of the shot is seen first."""
    return shot.start_s - shot.dissolve_s


def _drawn(shot: DrawnShot, time_s: float) -> Picture:
    return shot.scene(shot.from_s + time_s - _begins_s(shot))


@cache
def _vignette() -> Picture:
    yy, xx = np.ogrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    shade = 1 - 0.28 * np.clip(xx**2 + yy**2 - 0.35, 0, None)
    return np.repeat((255 * np.clip(shade, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def ambience() -> npt.NDArray[np.int16]:
    """(samples, 2) of wind, rain, rails, crowd and sea, each as loud as its shot wants it."""
    count = round(LENGTH_S * SAMPLE_RATE)
    time_s = np.arange(count) / SAMPLE_RATE
    beds = [
        _noise(1, 120, 700) * (0.7 + 0.3 * np.sin(1.1 * time_s))[:, None],
        _noise(2, 1200, 9000) * 0.6,
        _noise(3, 40, 260) * (0.5 + 0.9 * (np.exp(-14 * (time_s * 1.9 % 1)) + np.exp(-14 * ((time_s * 1.9 + 0.22) % 1))))[:, None],
        _noise(4, 250, 2200) * 0.5,
        _noise(5, 80, 900) * (0.55 + 0.45 * np.sin(0.9 * time_s))[:, None],
    ]
    sound = np.zeros((count, 2))
    ramp = round(0.12 * SAMPLE_RATE)
    edges = [0.0, *(_begins_s(shot) + shot.dissolve_s / 2 for shot in SHOTS[1:])]
    for bed, samples in enumerate(beds):
        level = np.zeros(count)
        for shot, edge in zip(SHOTS, edges, strict=True):
            level[round(edge * SAMPLE_RATE) :] = shot.sounds[bed]
        sums = np.cumsum(np.pad(level, (ramp, 0), mode="edge"))
        sound += samples * ((sums[ramp:] - sums[:-ramp]) / ramp)[:, None]
    for number, (start_s, x, _, _, size) in enumerate(_ROCKETS):
        first = round((_begins_s(SHOTS[11]) + max(start_s, 0)) * SAMPLE_RATE)
        length = min(count - first, SAMPLE_RATE)
        bang = _noise(50 + number, 40, 900)[:length] * np.exp(-6 * time_s[:length])[:, None]
        sound[first : first + length] += 1.6 * size * bang * np.array([1.3 - x / WIDTH, 0.3 + x / WIDTH])
    out = np.minimum(1, (LENGTH_S - BLACK_S - time_s) / FADE_OUT_S).clip(0, 1) * np.minimum(1, time_s / 0.8)
    return np.asarray(np.clip(sound * out[:, None] * 5200, -32767, 32767), np.int16)


def _noise(seed: int, low_hz: float, high_hz: float) -> npt.NDArray[np.float64]:
    """(samples, 2) stereo noise between two frequencies, loudness about 1."""
    count = round(LENGTH_S * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=(count, 2)), axis=0)
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)[:, None]
    shape = 1 / (1 + (low_hz / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high_hz) ** 4) / np.sqrt(np.maximum(hertz, 20))
    noise = np.fft.irfft(spectrum * shape, count, axis=0)
    return np.asarray(noise / noise.std(), np.float64)


def make_film(path: Path) -> None:
    """Draw the film, encode it with ffmpeg and put it at `path` (whole or not at all)."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "ambience.wav"
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(ambience().tobytes())
        command = [
            *("ffmpeg", "-nostdin", "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "pipe:0", "-i", f"file:{sound}"),
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "19", "-threads", "2", "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", "-b:a", "128k", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
            *("-t", str(LENGTH_S), "-movflags", "+faststart", f"file:{partial}"),
        ]
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
                assert encoder.stdin is not None
                for number in range(round(LENGTH_S * RATE)):
                    encoder.stdin.write(frame(number).tobytes())
            if encoder.returncode:
                raise SystemExit(f"ffmpeg failed ({encoder.returncode}) while encoding {path}.")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit("usage: python examples/make_film.py OUT.mp4")
    make_film(Path(sys.argv[1]))
