"""A film of eight shots and what editors do to it: shots trimmed, removed, added, swapped, the head cut off. Frame-exact, at 25 a second."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from composer.edit import Edit, Kept
from composer.film import Film
from tests.filmmaker import film_of
from tests.films import ffmpeg

RATE = 25
#: (source, frames) of every shot: moving pictures that look nothing like each other, and one that stands still (smptebars)
SHOTS = (
    ("testsrc2=s=160x90:r=25", 125),
    ("mandelbrot=s=160x90:r=25:end_scale=0.05", 105),
    ("gradients=s=160x90:r=25:c0=red:c1=yellow:nb_colors=2:seed=3:speed=0.02", 151),
    ("life=s=160x90:r=25:seed=5:ratio=0.3:mold=20:life_color=lime:death_color=olive", 90),
    ("gradients=s=160x90:r=25:c0=navy:c1=white:nb_colors=2:seed=9:speed=0.02", 130),
    ("smptebars=s=160x90:r=25", 100),
    ("cellauto=s=160x90:r=25:rule=110:seed=4", 165),
    ("gradients=s=160x90:r=25:c0=black:c1=orange:nb_colors=2:seed=21:speed=0.02", 135),
)
#: first frame of every shot, and the end
EDGES = (0, *accumulate(frames for _, frames in SHOTS))
END = EDGES[-1]
#: stretches of the old film, (first, end) in frames; None and a length is picture that was not in it
Cutting = tuple[tuple[int | None, int], ...]
#: what editors do
TRIMMED: Cutting = ((0, EDGES[3] - 12), (EDGES[3], END))
REMOVED: Cutting = ((0, EDGES[4]), (EDGES[5], END))
ADDED: Cutting = ((0, EDGES[4]), (None, 300), (EDGES[4], END))
SWAPPED: Cutting = ((0, EDGES[2]), (EDGES[3], EDGES[4]), (EDGES[2], EDGES[3]), (EDGES[4], END))
HEADLESS: Cutting = ((37, END),)


def make_eight_shots(path: Path) -> Path:
    """The old film."""
    inputs = [word for source, frames in SHOTS for word in ("-t", frames / RATE, "-f", "lavfi", "-i", source)]
    joined = "".join(f"[{i}:v]setsar=1,format=yuv420p[v{i}];" for i in range(len(SHOTS)))
    joined += "".join(f"[v{i}]" for i in range(len(SHOTS))) + f"concat=n={len(SHOTS)}[v]"
    ffmpeg(*inputs, "-filter_complex", joined, "-map", "[v]", *_CODED, f"file:{path}")
    return path


def recut(path: Path, source: Path, cutting: Cutting, filters: str = "null", quality: int = 20) -> Path:
    """A new edit of `source`, encoded again; `filters` grade or scale the whole."""
    parts = []
    for i, (first, end) in enumerate(cutting):
        taken = f"[0:v]trim=start_frame={first}:end_frame={end}" if first is not None else f"[1:v]trim=end_frame={end}"
        parts.append(f"{taken},setpts=PTS-STARTPTS,setsar=1,format=yuv420p[v{i}];")
    graph = "".join(parts) + "".join(f"[v{i}]" for i in range(len(cutting))) + f"concat=n={len(cutting)},{filters}[v]"
    other = "testsrc=s=160x90:r=25,hue=h=120,hflip"
    ffmpeg(
        "-i",
        f"file:{source}",
        "-f",
        "lavfi",
        "-i",
        other,
        "-filter_complex",
        graph,
        "-map",
        "[v]",
        *_CODED[:5],
        quality,
        *_CODED[6:],
        f"file:{path}",
    )
    return path


_CODED = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 18, "-pix_fmt", "yuv420p")


def edit_of(cutting: Cutting, end: int = END) -> Edit:
    """What matching should find."""
    kept, at = [], 0
    for first, last in cutting:
        length = last - first if first is not None else last
        if first is not None:
            kept.append(Kept(first / RATE, at / RATE, length / RATE))
        at += length
    return Edit(end / RATE, at / RATE, tuple(kept))


def invented(cutting: Cutting = ((0, END),)) -> Film:
    """The film of such an edit as watching sees it, without any picture."""
    cuts, at = [], 0
    for first, last in cutting:
        if at:
            cuts.append(at)
        if first is None:
            at += last
            continue
        cuts += [at + edge - first for edge in EDGES if first < edge < last]
        at += last - first
    seconds = -(-at // RATE)
    valence, arousal = (
        [curve[i * 5 // seconds] for i in range(seconds)] for curve in ([0.3, -0.2, 0.1, 0.4, -0.3], [0.2, -0.1, 0.5, -0.3, 0.1])
    )
    return film_of([cut / RATE for cut in cuts], at / RATE, valence, arousal, Fraction(RATE))
