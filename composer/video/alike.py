"""Shots that look alike: the same place or person seen again gets the same number, so that a theme can return with it.

A shot is known by a few of its pictures, clear of dissolves and fades. Two pictures are alike when their thumbnails hardly
differ *in proportion to what is in them* (so that two dark pictures are not alike for being dark) and their colours are
distributed alike (which takes a pan or a step closer for what it is). Shots join the look of the most alike picture seen so
far, or found a new one ("leader" clustering, Hartigan 1975, *Clustering Algorithms*, ch. 3): linear in shots × looks, and
numbers follow the order in which looks appear.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from composer.video.looks import FLAT, Change
from composer.video.measure import Rows

Floats = npt.NDArray[np.float32]

#: pictures a shot is known by
SAMPLES = 5
#: pictures a look is known by, at most (long dialogues return to it hundreds of times)
EXEMPLARS = 40
#: how different two pictures of one look may be: in layout, and in colour
SAME_LAYOUT, SAME_COLOUR = 0.45, 0.30
#: a look that moved (another part of the same place): the layout may differ, the colours hardly, and there must be colours in the light
MOVED_LAYOUT, MOVED_COLOUR, COLOURFUL, LIT = 1.2, 0.20, 0.03, 0.04


@dataclass(frozen=True)
class Place:
    """One shot as a stretch of pictures clear of its transitions, and the picture that stands for it."""

    #: first picture, and one past the last
    first: int
    stop: int
    #: the picture that is most like all others of the stretch
    key: int


@dataclass
class _Look:
    """One look and the pictures it is known by."""

    thumbs: list[Floats] = field(default_factory=list)
    colours: list[Floats] = field(default_factory=list)


def places(changes: list[Change], rows: Rows) -> list[Place]:
    """Where each shot is clear of dissolves and fades (the whole shot when it is nowhere), and its key picture."""
    count = len(rows.brightness)
    starts = [0, *(change.at for change in changes), count]
    found = []
    for i, (start, stop) in enumerate(zip(starts, starts[1:], strict=False)):
        first = min(changes[i - 1].last + 1, stop - 1) if i and changes[i - 1].kind != "cut" else start
        last = max(changes[i].first, first + 1) if i < len(changes) and changes[i].kind != "cut" else stop
        found.append(Place(first, last, _key(rows, _samples(rows, first, last, 15))))
    return found


def look_numbers(rows: Rows, shots: list[Place]) -> list[int]:
    """The look of every shot, numbered from 0 in order of appearance."""
    looks: list[_Look] = []
    numbers = []
    for shot in shots:
        pictures = _samples(rows, shot.first, shot.stop, SAMPLES)
        thumbs = [np.asarray(rows.thumbs[i] / 255, np.float32) for i in pictures]
        colours = [_colours(thumb) for thumb in thumbs]
        distances = [_distance(look, thumbs, colours) for look in looks]
        best = int(np.argmin(distances)) if distances else -1
        if best < 0 or distances[best] > 1:
            best = len(looks)
            looks.append(_Look())
        looks[best].thumbs = (looks[best].thumbs + thumbs)[-EXEMPLARS:]
        looks[best].colours = (looks[best].colours + colours)[-EXEMPLARS:]
        numbers.append(best)
    return numbers


def _samples(rows: Rows, first: int, stop: int, wanted: int) -> npt.NDArray[np.intp]:
    """Indices of up to `wanted` pictures spread over a stretch; flat ones (black, white, fog) only when there are no others."""
    spread = np.unique(np.linspace(first, stop - 1, wanted + 2)[1:-1].round().astype(np.intp))
    telling = spread[rows.contrast[spread] > FLAT]
    return telling if len(telling) else spread


def _key(rows: Rows, pictures: npt.NDArray[np.intp]) -> int:
    """The medoid: the picture with the smallest sum of distances to the others."""
    thumbs = rows.thumbs[pictures].reshape(len(pictures), -1).astype(np.float32)
    sums = np.abs(thumbs[:, None] - thumbs[None]).mean(axis=2).sum(axis=1)
    return int(pictures[int(sums.argmin())])


def _distance(look: _Look, thumbs: list[Floats], colours: list[Floats]) -> float:
    """How far a shot is from a look; up to 1 it belongs to it. The nearest two pictures decide."""
    seen, new = np.stack(look.thumbs), np.stack(thumbs)
    apart = np.abs(seen[:, None] - new[None]).mean(axis=(2, 3, 4))
    content = (_content(seen)[:, None] + _content(new)[None]) / 2
    layout = apart / (content + 0.02)
    colour = 1 - np.minimum(np.stack(look.colours)[:, None], np.stack(colours)[None]).sum(axis=2)
    still = np.maximum(layout / SAME_LAYOUT, colour / SAME_COLOUR)
    telling = (np.minimum(_colourfulness(seen)[:, None], _colourfulness(new)[None]) > COLOURFUL) & (content > LIT)
    moved = np.where(telling, np.maximum(layout / MOVED_LAYOUT, colour / MOVED_COLOUR), np.inf)
    return float(np.minimum(still, moved).min())


def _content(thumbs: Floats) -> Floats:
    """(N,) mean absolute deviation from each picture's mean colour: how much there is to see."""
    return np.asarray(np.abs(thumbs - thumbs.mean(axis=(1, 2), keepdims=True)).mean(axis=(1, 2, 3)), np.float32)


def _colourfulness(thumbs: Floats) -> Floats:
    """(N,) mean chroma."""
    return np.asarray((thumbs.max(axis=3) - thumbs.min(axis=3)).mean(axis=(1, 2)), np.float32)


def _colours(thumb: Floats) -> Floats:
    """Distribution of a thumbnail's colours in CIELAB, in overlapping bins (a small change of light moves it a little only)."""
    lab = cv2.cvtColor(thumb, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    scaled = np.clip((lab - (0, -60, -60)) / (20, 20, 20), 0, (4.999, 5.999, 5.999))
    low = scaled.astype(np.intp)
    part = scaled - low
    bins = np.zeros((6, 7, 7), np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        np.add.at(bins, tuple((low + corner).T), weight)
    return np.asarray(bins.reshape(-1) / len(lab), np.float32)
