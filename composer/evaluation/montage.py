"""Films with a known cutting list: seeded montages and single takes, made with ffmpeg from takes that were looked at.

A montage is six shots (a take's part, cropped, sped up or slowed down, brightened or darkened, mirrored or not) joined by hard
cuts, dissolves (ffmpeg's ``xfade``) and fades through black or white. Some are treated as films are: letterboxed, black and white
with flicker and grain, interlaced (combed), every fourth picture shown twice. All lengths are decided here in whole pictures,
so the truth needs no measuring.

Conventions
-----------
Picture indices count from 0. A cut is the first picture of the new shot. A dissolve or fade goes from the last picture of the
old shot alone to the first of the new shot alone, whatever lies between. Seeds from DEVELOPMENT_SEED on are for tuning; those
below use half their montages (the odd seeds) on takes that no tuning montage holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from composer.evaluation.takes import HELD_OUT, MOVES, TAKES
from composer.process import run

#: montages for tuning have seeds from here on
DEVELOPMENT_SEED = 10_000
SHOTS = 6
#: dissolves and fades last from … to, seconds; the part of a shot that is clear of them, seconds
GRADUAL_S, CLEAR_S = (0.3, 2.0), (0.5, 2.5)
RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50))
SIZES = ((320, 180), (320, 240), (400, 170), (480, 270), (640, 360))
#: how a film may be treated, and how often
TREATMENTS = {"none": 0.68, "letterbox": 0.08, "old film": 0.08, "interlaced": 0.08, "doubled": 0.08}

Kind = Literal["cut", "dissolve", "fade"]
_CACHED = (480, 270)


@dataclass(frozen=True)
class TrueChange:
    """One known change of shot; `first` and `last` as in the conventions (equal for a cut)."""

    kind: Kind
    first: int
    last: int


@dataclass(frozen=True)
class MadeFilm:
    """A film whose changes of shot are known."""

    path: Path
    #: pictures a second
    rate: Fraction
    #: pictures in all
    count: int
    truth: tuple[TrueChange, ...]
    #: "seen" or "held out": the takes it is made of
    takes: str
    #: of TREATMENTS for a montage, of MOVES for a single take
    treatment: str
    #: codec and quality
    codec: str


class Studio:
    """Makes films in `folder` from the clips in `clips`; takes are decoded once and kept there, small and lossless."""

    def __init__(self, clips: Path, folder: Path) -> None:
        self.clips, self.folder = clips, folder

    def take(self, name: str) -> tuple[Path, Fraction, int]:
        """(file, pictures a second, pictures) of one take."""
        take = {**TAKES, **HELD_OUT}[name]
        rate = Fraction(25)  # whatever it was: a take's own speed has no part in this
        count = min(take.last - take.first, 250)
        path = self.folder / f"take-{name}.mkv"
        if not path.exists():
            width, height = _CACHED
            fitted = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=area,crop={width}:{height},setsar=1"
            chosen = f"trim=start_frame={take.first}:end_frame={take.first + count},settb=1/25,setpts=N,{fitted},format=yuv420p"
            lossless = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "12", "-threads", "1")
            source = ("-i", f"file:{self.clips / take.file}", "-map", f"0:{take.stream}")
            _ffmpeg(*source, "-vf", chosen, "-r", "25", "-frames:v", count, *lossless, path)
        return path, rate, count

    def montage(self, seed: int) -> MadeFilm:
        """The montage of a seed, as a file."""
        held_out = seed < DEVELOPMENT_SEED and seed % 2 == 1
        random = np.random.default_rng(seed)
        names = [str(name) for name in random.permutation(sorted(HELD_OUT if held_out else TAKES))[:SHOTS]]
        treatment = str(random.choice(list(TREATMENTS), p=list(TREATMENTS.values())))
        rate = Fraction(30) if treatment == "doubled" else RATES[random.integers(len(RATES))]
        cut = _Cutting(random, rate, treatment)
        inputs: list[object] = []
        for name in names:
            path, take_rate, count = self.take(name)
            inputs += ["-i", path]
            cut.add(float(count / take_rate))
        codec, options, ending = _codec(random)
        path = self.folder / f"montage-{seed:05d}.{ending}"
        _ffmpeg(*inputs, "-filter_complex", cut.graph(), "-map", "[v]", "-fps_mode", "passthrough", *options, path)
        return MadeFilm(path, rate, cut.shown(cut.count), tuple(cut.truth()), "held out" if held_out else "seen", treatment, codec)

    def single(self, number: int, held_out: bool) -> MadeFilm:
        """One take with a movement of camera or light: no change of shot anywhere."""
        names = sorted(HELD_OUT if held_out else TAKES)
        name, move = names[number % len(names)], list(MOVES)[(number + number // len(names)) % len(MOVES)]
        source, rate, count = self.take(name)
        count = min(count - 2, 125) // 2 * 2
        shown = count // 2 if move == "interlaced" else count
        path = self.folder / f"single-{'held' if held_out else 'seen'}-{number:04d}.mp4"
        moved = f"trim=end_frame={count},{MOVES[move]},scale=480:270,setsar=1,format=yuv420p"
        quality = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-threads", "1")
        _ffmpeg("-i", source, "-vf", moved, "-fps_mode", "passthrough", *quality, path)
        return MadeFilm(path, rate, shown, (), "held out" if held_out else "seen", move, "x264 crf 23")


def _ffmpeg(*words: object) -> None:
    run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-filter_threads", "1", *map(str, words)], timeout_s=300)


class _Cutting:
    """Plans shots and joins in whole pictures and writes them as one filter graph.

    Inside, pictures are counted before the treatment: twice as many for an interlaced film, four for five of a doubled one.
    """

    def __init__(self, random: np.random.Generator, rate: Fraction, treatment: str) -> None:
        self.random, self.treatment = random, treatment
        self.rate = {"interlaced": 2 * rate, "doubled": rate * 4 / 5}.get(treatment, rate)
        self.size = SIZES[random.integers(len(SIZES))]
        self.count = self._shots = 0
        self._chains: list[str] = []
        self._changes: list[TrueChange] = []
        self._last: tuple[Kind, int, str] | None = None  # the join before the next shot: kind, pictures, colour

    def add(self, available_s: float) -> None:
        """Plan the next shot from a take that lasts `available_s`, and the join after it."""
        i, self._shots = self._shots, self._shots + 1
        before, after = self._last, self._join() if i < SHOTS - 1 else None
        clear = self._pictures(self.random.uniform(*CLEAR_S))
        head = 0 if before is None or before[0] == "cut" else before[1]
        tail = 0 if after is None or after[0] == "cut" else after[1]
        hold = 2 * int(self.random.integers(1, 5)) if after and after[0] == "fade" else 0
        length = head + clear + tail + hold
        filters = [self._view(length, available_s)]
        if before and before[0] == "fade":
            filters.append(f"fade=t=in:s=0:n={head}:c={before[2]}")
        if after and after[0] == "fade":
            filters.append(f"fade=t=out:s={length - tail - hold}:n={tail}:c={after[2]}")
        width, height = self.size
        self._chains.append(f"[{i}:v]{','.join(filters)},scale={width}:{height},setsar=1,format=yuv420p,{self._clock()}[s{i}]")
        start = self._join_up(i, before, head)
        self.count = start + length
        if after:
            first = self.count - tail - hold
            if after[0] == "cut":
                self._changes.append(TrueChange("cut", self.count, self.count))
            else:  # a dissolve ends with this shot, a fade `tail` pictures into the next
                self._changes.append(TrueChange(after[0], first, self.count + (tail if after[0] == "fade" else 0)))
        self._last = after

    def graph(self) -> str:
        """The filter graph; its output is [v]."""
        low, high = "drawbox=0:0:iw:ih*0.12:black:fill", "drawbox=0:ih*0.88:iw:ih*0.12:black:fill"
        end = {
            "letterbox": f"{low},{high}",
            "old film": "hue=s=0,eq=brightness='0.1*(random(0)-0.5)':eval=frame,noise=alls=10:allf=t",
            "interlaced": "tinterlace=interleave_top",
            "doubled": "fps=30:round=up",
        }.get(self.treatment, "null")
        return ";".join([*self._chains, f"[j{SHOTS - 1}]{end},format=yuv420p[v]"])

    def shown(self, i: int) -> int:
        """Index within the finished film of the first picture at or after picture i of the plan."""
        if self.treatment == "interlaced":
            return i // 2
        return -(-i * 5 // 4) if self.treatment == "doubled" else i

    def truth(self) -> list[TrueChange]:
        """The changes, in pictures of the finished film."""
        return [TrueChange(change.kind, self.shown(change.first), self.shown(change.last)) for change in self._changes]

    def _join(self) -> tuple[Kind, int, str]:
        kind: Kind = self.random.choice(np.array(["cut", "dissolve", "fade"]), p=[0.5, 0.28, 0.22]).item()
        whole_s = self.random.uniform(*GRADUAL_S) / (2 if kind == "fade" else 1)
        return kind, 0 if kind == "cut" else self._pictures(whole_s), str(self.random.choice(["black", "black", "white"]))

    def _join_up(self, i: int, before: tuple[Kind, int, str] | None, head: int) -> int:
        """Write how shot i joins what is there; returns the index of its first picture."""
        if before is None:
            self._chains.append("[s0]null[j0]")
            return 0
        if before[0] == "dissolve":
            start = self.count - head
            mixed = f"xfade=transition=fade:duration={float(head / self.rate):.6f}:offset={float(start / self.rate):.6f}"
            self._chains.append(f"[j{i - 1}][s{i}]{mixed},{self._clock()}[j{i}]")
            return start
        self._chains.append(f"[j{i - 1}][s{i}]concat=n=2,{self._clock()}[j{i}]")
        return self.count

    def _clock(self) -> str:
        """Picture n is shown at n / rate, and the next filter knows the rate."""
        rate = f"{self.rate.numerator}/{self.rate.denominator}"
        return f"settb={self.rate.denominator}/{self.rate.numerator},setpts=N,fps={rate}"

    def _pictures(self, seconds: float) -> int:
        count = max(3, round(seconds * float(self.rate)))
        return count + count % 2 if self.treatment == "interlaced" else count

    def _view(self, length: int, available_s: float) -> str:
        """`length` pictures from somewhere in the take: crop, speed, gain, mirror."""
        random = self.random
        needed_s = length / float(self.rate) + 0.1
        speed = min(float(random.choice([0.5, 1, 1, 1.5, 2])), (available_s - 0.1) / needed_s)
        start_s = random.uniform(0, max(0.0, available_s - 0.1 - needed_s * speed))
        size, gain = random.uniform(0.55, 1), random.uniform(0.75, 1.25)
        x, y = random.uniform(0, 1 - size, 2)
        mirror = ",hflip" if random.random() < 0.5 else ""
        rate = f"{self.rate.numerator}/{self.rate.denominator}"
        light = f"lutyuv=y='clip((val-16)*{gain:.3f}+16,16,235)':u='(val-128)*{gain:.3f}+128':v='(val-128)*{gain:.3f}+128'"
        return (
            f"trim=start_frame={int(start_s * 25)},setpts=(PTS-STARTPTS)/{speed:.5f},fps={rate},trim=end_frame={length},setpts=PTS-STARTPTS,"
            f"crop=iw*{size:.3f}:ih*{size:.3f}:iw*{x:.3f}:ih*{y:.3f}{mirror},{light}"
        )


def _codec(random: np.random.Generator) -> tuple[str, Sequence[str], str]:
    """(name, options, file ending)."""
    choice = random.random()
    if choice < 0.1:
        quality = int(random.integers(3, 10))
        return f"mpeg4 q {quality}", ("-c:v", "mpeg4", "-q:v", str(quality), "-threads", "1"), "mp4"
    quality = int(random.integers(18, 33))
    if choice < 0.2:
        speed = ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M", "-threads", "1")
        return f"vp8 crf {quality}", ("-c:v", "libvpx", "-crf", str(quality), *speed), "webm"
    return f"x264 crf {quality}", ("-c:v", "libx264", "-preset", "veryfast", "-crf", str(quality), "-threads", "1"), "mp4"
