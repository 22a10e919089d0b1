"""PDF: pages to print, engraved by MuseScore 3 (Debian's `musescore3`) from the MusicXML file.

Conventions
-----------
MuseScore runs without a display and with a home of its own: nothing of the user's settings is read or written. Qt writes the time
of day into the file; it is replaced by the fixed date, so the same music gives the same bytes.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from composer.dates import fixed_date
from composer.errors import MissingToolError, RenderError
from composer.process import run

#: names MuseScore goes by
PROGRAMS = ("musescore3", "mscore3", "musescore", "mscore", "MuseScore3", "musescore-3", "musescore4portable", "mscore4portable")
INSTALL = "Install it: `apt-get install musescore3` (Debian), or MuseScore 3 from musescore.org; the MusicXML file does not need it."
_TIMEOUT_S = 600.0
_DATE = re.compile(rb"D:\d{14}(?=[-+Z)])")
_XMP_DATE = re.compile(rb"(<xmp:(?:Create|Modify|Metadata)Date>)([^<]*)(</xmp:)")
_UUID = re.compile(rb"uuid:[0-9a-fA-F-]{36}")


def musescore_program() -> str | None:
    """Path of MuseScore, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name)) is not None), None)


def write_pdf(musicxml: Path, pdf: Path) -> None:
    """Engrave a MusicXML file as PDF, whole or not at all.

    Raises MissingToolError when MuseScore is not installed, ProgramError when it fails, RenderError when it leaves no file.
    """
    program = musescore_program()
    if program is None:
        raise MissingToolError("MuseScore is not installed, which engraves the PDF", INSTALL)
    with tempfile.TemporaryDirectory(prefix="hitpoint-musescore-") as name:
        home = Path(name)
        source, made = home / "score.musicxml", home / "score.pdf"
        shutil.copyfile(musicxml, source)
        run(_command(program, home, [source, "-o", made]), _TIMEOUT_S)
        if not made.is_file() or made.stat().st_size == 0:
            raise RenderError("MuseScore wrote no PDF", "Open score.musicxml in MuseScore to see why.")
        data = same_every_time(made.read_bytes())
    part = pdf.with_name(f".{pdf.name}.part")
    part.write_bytes(data)
    part.replace(pdf)


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
