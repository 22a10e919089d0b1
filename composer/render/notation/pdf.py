"""PDF: pages to print, engraved by MuseScore 3 (Debian's `musescore3`) from the MusicXML file.

Conventions
-----------
MuseScore runs twice: MusicXML to its own format, which then gets the paper it did not read (`composer.render.notation.paper`), and that to PDF.
It has no display and a home of its own: nothing of the user's settings is read or written. Qt writes the time
of day into the file; it is replaced by the fixed date, so the same music gives the same bytes.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

from composer.dates import fixed_date
from composer.errors import ComposerError, MissingToolError, RenderError
from composer.process import ProgramError, run
from composer.render.notation.paper import dress_mscx, paper_of

#: names MuseScore goes by
PROGRAMS = ("musescore3", "mscore3", "musescore", "mscore", "MuseScore3", "musescore-3", "musescore4portable", "mscore4portable")
INSTALL = "Install it: `apt-get install musescore3` (Debian), or MuseScore 3 from musescore.org; the MusicXML file does not need it."
HELP = "Open score.musicxml in MuseScore to see why, or leave the pages out (`--export musicxml`); `doctor` shows which MuseScore is used."
_TIMEOUT_S = 600.0
_DATE = re.compile(rb"D:\d{14}(?=[-+Z)])")
_XMP_DATE = re.compile(rb"(<xmp:(?:Create|Modify|Metadata)Date>)([^<]*)(</xmp:)")
_UUID = re.compile(rb"uuid:[0-9a-fA-F-]{36}")


def musescore_program() -> str | None:
    """Path of MuseScore, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name)) is not None), None)


class EngravingError(ProgramError):
    """MuseScore failed; `stderr` holds what it wrote."""

    def __init__(self, cause: ProgramError) -> None:
        super().__init__("MuseScore", cause.stderr, cause.returncode)
        said = [line for line in cause.stderr.strip().splitlines() if line.strip()][-1:] or [f"exit status {cause.returncode}"]
        ComposerError.__init__(self, f"MuseScore could not engrave the PDF: {said[0][:300]}", HELP)


def write_pdf(musicxml: Path, pdf: Path) -> None:
    """Engrave a MusicXML file as PDF, whole or not at all.

    Raises MissingToolError when MuseScore is not installed, EngravingError when it fails, RenderError when it leaves no file.
    """
    program = musescore_program()
    if program is None:
        raise MissingToolError("MuseScore is not installed, which engraves the PDF", INSTALL)
    with tempfile.TemporaryDirectory(prefix="hitpoint-musescore-") as name:
        home = Path(name)
        source, own, made = home / "score.musicxml", home / "score.mscx", home / "score.pdf"
        shutil.copyfile(musicxml, source)
        _convert(program, home, source, own)
        _dress(source, own)
        _convert(program, home, own, made)
        data = same_every_time(made.read_bytes())
    part = pdf.with_name(f".{pdf.name}.part")
    part.write_bytes(data)
    part.replace(pdf)


def _convert(program: str, home: Path, source: Path, made: Path) -> None:
    try:
        run(_command(program, home, [source, "-o", made]), _TIMEOUT_S)
    except ProgramError as error:
        raise EngravingError(error) from None
    if not made.is_file() or made.stat().st_size == 0:
        raise RenderError("MuseScore wrote no PDF", HELP)


def _dress(source: Path, own: Path) -> None:
    """Put the paper that the MusicXML file asks for into MuseScore's version of it."""
    try:
        paper = paper_of(ET.parse(source).getroot())
        tree = ET.parse(own)
    except ET.ParseError:
        raise RenderError("the score given to MuseScore, or what it made of it, cannot be read", HELP) from None
    if paper is not None:
        dress_mscx(tree.getroot(), paper)
        tree.write(own, encoding="UTF-8", xml_declaration=True)


def _command(program: str, home: Path, arguments: list[str | Path]) -> list[str | Path]:
    """MuseScore in a home of its own, without a display. `env` sets what only it should see."""
    runtime = home / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    own = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_RUNTIME_DIR": runtime,
    }
    settings = [f"{name}={value}" for name, value in own.items()]
    return [
        "env",
        "QT_QPA_PLATFORM=offscreen",
        "LC_ALL=C.UTF-8",
        "TZ=UTC",
        "QT_HASH_SEED=0",
        *settings,
        program,
        "-c",
        home / "settings",
        *arguments,
    ]


def same_every_time(data: bytes) -> bytes:
    """A PDF with the moment it was made replaced by the fixed date; lengths stay, so its table of places stays true."""
    now = fixed_date()
    data = _DATE.sub(now.strftime("D:%Y%m%d%H%M%S").encode(), data)
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    data = _XMP_DATE.sub(lambda m: m[1] + stamp[: len(m[2])].ljust(len(m[2])) + m[3], data)
    return _UUID.sub(b"uuid:00000000-0000-0000-0000-000000000000", data)
