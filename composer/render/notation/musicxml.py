"""MusicXML: the score as notation that MuseScore, Dorico, Sibelius and Finale open (MusicXML 4.0, score-partwise).

Conventions
-----------
music21 writes the notes (composer.render.notation.engrave). What it has no object for is put into its tree here: marks of the
whole score over the top staff, tempi that are played but not printed, page and staff size. Dates are fixed: same score, same bytes.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from composer.errors import RenderError
from composer.instruments import Family
from composer.plan import Plan
from composer.render.notation.engrave import Engraver
from composer.render.notation.layout import written
from composer.render.notation.marks import Context
from composer.render.notation.page import dress
from composer.render.notation.quantise import Bars
from composer.score import Score
from composer.serial import write_text

_DOCTYPE = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">'
#: families that a bracket holds together
_BRACKETED: tuple[Family, ...] = ("woodwinds", "brass", "percussion", "strings", "choir")


def write_musicxml(score: Score, plan: Plan | None, path: Path) -> None:
    """Write a score as MusicXML; with a plan also its dynamics, hairpins and chord symbols.

    Same score and plan, same bytes. Raises RenderError for a score without parts, OutputError when the file cannot be written.
    """
    root = musicxml_tree(score, plan)
    ET.indent(root, " ")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}\n{ET.tostring(root, encoding="unicode")}\n')


def musicxml_tree(score: Score, plan: Plan | None) -> ET.Element:
    """The score-partwise element.

    Raises RenderError for a score without parts.
    """
    if not score.tracks:
        raise RenderError("the score has no parts, so there is nothing to write as notes", "Compose it with at least one instrument.")
    import music21
    from music21.musicxml.m21ToXml import ScoreExporter

    bars = Bars(score.tempo)
    context = Context(score, plan, bars)
    parts = [written(track, bars, context) for track in score.tracks]
    stream = music21.stream.Score(id="score")
    groups: list[list[Any]] = []
    for number, part in enumerate(parts, 1):
        built = Engraver(part, number, bars, context).streams()
        for staff in built:
            stream.insert(0, staff)
        if len(built) == 2:
            name = part.track.name
            stream.insert(
                0, music21.layout.StaffGroup(built, name=name, abbreviation=built[0].partAbbreviation, symbol="brace", barTogether=True)
            )
        groups.append(built)
    for family, members in itertools.groupby(zip(parts, groups, strict=True), key=lambda pair: pair[0].instrument.family):
        staves = [staff for _, built in members for staff in built]
        if family in _BRACKETED and len(staves) > 1:
            stream.insert(0, music21.layout.StaffGroup(staves, symbol="bracket", barTogether=True))
    root: ET.Element = ScoreExporter(stream, makeNotation=False).parse()
    dress(root, sum(len(part.staves) for part in parts), context)
    return root
