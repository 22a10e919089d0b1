"""Notation: a performed score as pages that players read.

`metre` and `quantise` find what was meant, `voices`, `staves`, `spelling`, `drums` and `layout` write it down, `marks` says what stands around the notes, `beams` what hangs
together, `engrave`, `page` and `musicxml` make the MusicXML file, `paper` and `pdf` the pages. `write_musicxml` and `write_pdf` are the doors. docs/notation.md shows pages.
"""

from composer.render.notation.musicxml import write_musicxml
from composer.render.notation.pdf import musescore_program, write_pdf

__all__ = ["musescore_program", "write_musicxml", "write_pdf"]
