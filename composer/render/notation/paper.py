"""Paper: what MuseScore 3 leaves out when it reads MusicXML, put into its own file: page size, margins, a title that fits.

Conventions
-----------
MuseScore 3.2.3 takes the staff size of a MusicXML file but not its `page-layout`; in an `.mscx` file lengths of the page are inches, those of
the music *spaces* (a quarter of the staff's height, `Spatium` in millimetres). Titles are points (1/72 inch), FreeSerif.
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_INCH = 25.4
_POINT = _INCH / 72
#: largest title, and what it may be shrunk to before it is broken once more, points; after so many lines it is only shrunk
_TITLE_POINTS, _LEAST_POINTS, _MOST_LINES = 24.0, 17.0, 6
#: widths in ems (FreeSerif, a little generous): what is narrow or wide, and the rest by kind; height of a line in ems
_WIDTHS = dict.fromkeys(" .,:;!'|ijltfrI()[]-/", 0.36) | dict.fromkeys("mwMW@%—…", 0.92)
_CAPITAL, _IDEOGRAPH, _LETTER, _LEADING = 0.72, 1.0, 0.51, 1.2
#: what stands between title and music: the composer's name, millimetres
_UNDER_TITLE_MM = 7.0


@dataclass(frozen=True)
class Paper:
    """A page, in millimetres, and how staves stand on it."""

    width: float
    height: float
    #: the same on all sides
    margin: float
    #: least white between two staves, in spaces; None where the score leaves it open
    apart: float | None = None


def paper_of(root: ET.Element) -> Paper | None:
    """The paper a MusicXML score asks for; None where it says nothing (or nothing that can be used)."""
    defaults = root.find("defaults")
    if defaults is None:
        return None
    try:
        tenth = float(defaults.findtext("scaling/millimeters", "")) / float(defaults.findtext("scaling/tenths", ""))
        width, height, margin = (
            float(defaults.findtext(f"page-layout/{name}", "")) * tenth
            for name in ("page-width", "page-height", "page-margins/left-margin")
        )
        apart = defaults.findtext("staff-layout/staff-distance")
        spaces = float(apart) / 10 if apart is not None else None
    except (ValueError, ZeroDivisionError):
        return None
    return Paper(width, height, margin, spaces) if 2 * margin < min(width, height) < math.inf else None


def dress_mscx(root: ET.Element, paper: Paper) -> None:
    """Give a score of MuseScore 3 (the root of its `.mscx` file) that paper, and its title the size and the lines to stand on it."""
    style = root.find("Score/Style")
    if style is None:
        return
    sides = ("EvenLeft", "OddLeft", "EvenTop", "OddTop", "EvenBottom", "OddBottom")
    lengths = {"pageWidth": paper.width, "pageHeight": paper.height, "pagePrintableWidth": paper.width - 2 * paper.margin}
    lengths |= {f"page{side}Margin": paper.margin for side in sides}
    values = {name: length / _INCH for name, length in lengths.items()}
    if paper.apart is not None:  # between parts, and between the staves of one
        values |= {"staffDistance": paper.apart, "akkoladeDistance": paper.apart}
    for number, (name, value) in enumerate(values.items()):
        for old in style.findall(name):
            style.remove(old)
        element = ET.Element(name)
        element.text = f"{value:.4f}"
        style.insert(number, element)
    space = float(style.findtext("Spatium", "1.764"))
    box = next(root.iter("VBox"), None)
    text = next((t.find("text") for t in root.iter("Text") if t.findtext("style") == "Title"), None)
    if box is not None and text is not None:
        _set_title(box, text, paper.width - 2 * paper.margin, space)


def _set_title(box: ET.Element, text: ET.Element, room: float, space: float) -> None:
    lines, points = title_lines("".join(text.itertext()), room)
    for child in list(text):
        text.remove(child)
    text.text = ""
    size = ET.SubElement(text, "font", {"size": f"{points:.1f}"})
    size.tail = "\n".join(lines)
    height = box.find("height")
    if height is not None:
        height.text = f"{(len(lines) * points * _POINT * _LEADING + _UNDER_TITLE_MM) / space:.2f}"


def title_lines(title: str, room: float) -> tuple[list[str], float]:
    """(lines, points) of a title on `room` millimetres: shrunk a little, else broken into as few lines as can be read."""
    lines, points = [title], _TITLE_POINTS
    for count in range(1, _MOST_LINES + 1):
        lines = _balanced(title, count)
        points = min(_TITLE_POINTS, room / (max(*map(_ems, lines), 1.0) * _POINT))
        if points >= _LEAST_POINTS:
            break
    return lines, points


def _balanced(title: str, count: int) -> list[str]:
    """The title on at most `count` lines of about the same length."""
    width = math.ceil(len(title) / count)
    for longest in range(max(width, 1), len(title) + 1):
        lines = textwrap.wrap(title, longest, break_on_hyphens=False)
        if len(lines) <= count:
            return lines or [title]
    return [title]


def _ems(line: str) -> float:
    """Estimated width."""
    return sum(
        _WIDTHS.get(c) or (_IDEOGRAPH if unicodedata.east_asian_width(c) in "WF" else _CAPITAL if c.isupper() else _LETTER) for c in line
    )
