from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from composer.render.notation.paper import Paper, dress_mscx, paper_of, title_lines

A4 = Paper(210.0, 297.0, 12.0)
MUSICXML = """<score-partwise><defaults><scaling><millimeters>{mm}</millimeters><tenths>40</tenths></scaling>
<page-layout><page-height>{h}</page-height><page-width>{w}</page-width><page-margins type="both"><left-margin>{m}</left-margin></page-margins>
</page-layout></defaults></score-partwise>"""
MSCX = """<museScore version="3.01"><Score><Style><pageWidth>1</pageWidth><Spatium>1.25</Spatium></Style><Staff id="1">
<VBox><height>10</height><Text><style>Title</style><text>{title}</text></Text></VBox></Staff></Score></museScore>"""


def test_paper_is_read_in_millimetres() -> None:
    found = paper_of(ET.fromstring(MUSICXML.format(mm=5, h=2376, w=1680, m=96)))
    assert found is not None
    assert (found.width, found.height, found.margin) == pytest.approx((210, 297, 12))


@pytest.mark.parametrize(
    "text",
    ["<score-partwise/>", "<score-partwise><defaults/></score-partwise>", MUSICXML.format(mm="x", h=1, w=1, m=1), MUSICXML.format(mm=5, h=10, w=10, m=9)],
)  # fmt: skip
def test_paper_that_is_not_said_is_none(text: str) -> None:
    assert paper_of(ET.fromstring(text)) is None


def test_a_mscx_gets_its_page_in_inches_once() -> None:
    root = ET.fromstring(MSCX.format(title="Short"))
    dress_mscx(root, Paper(297.0, 420.0, 12.7))
    style = root.find("Score/Style")
    assert style is not None
    lengths = {element.tag: float(element.text or 0) for element in style}
    assert len(lengths) == len(style)
    assert (lengths["pageWidth"], lengths["pageHeight"]) == pytest.approx((11.693, 16.535), abs=1e-3)
    assert lengths["pagePrintableWidth"] == pytest.approx(11.693 - 1.0, abs=1e-3)
    assert {lengths[f"page{side}Margin"] for side in ("EvenLeft", "OddLeft", "EvenTop", "OddTop", "EvenBottom", "OddBottom")} == {0.5}
    assert lengths["Spatium"] == 1.25


def test_a_long_title_is_broken_and_its_frame_grows() -> None:
    heights = []
    for title in ("Short", "A film whose title goes on and on " * 5):
        root = ET.fromstring(MSCX.format(title=title))
        dress_mscx(root, A4)
        text = next(root.iter("text"))
        assert "".join(text.itertext()).split() == title.split()
        heights.append(float(next(root.iter("VBox")).findtext("height", "0")))
    assert heights[1] > 1.5 * heights[0]


@pytest.mark.parametrize("title", ["Sintel", "word " * 60, "x" * 255, "M" * 120, "吾輩は猫である" * 20, "a" * 40 + " " + "b" * 3, " ", ""])
@pytest.mark.parametrize("room", [186.0, 273.0])
def test_a_title_is_never_wider_than_the_page(title: str, room: float) -> None:
    lines, points = title_lines(title, room)
    assert "".join("".join(lines).split()) == "".join(title.split())
    em = points * 25.4 / 72
    wide = 1.0 if "吾" in title else 0.89 if "M" in title else 0.5 if "x" in title else 0.4
    assert max(map(len, lines), default=0) * wide * em <= room
    assert len(lines) <= 6 and 8 <= points <= 24


def test_a_title_of_sixty_letters_is_one_line_made_smaller() -> None:
    lines, points = title_lines("a short history of nearly every film that was ever made once", 186.0)
    assert len(lines) == 1 and 17 <= points < 24
