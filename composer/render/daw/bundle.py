"""The hand-over bundle: one folder that any workstation opens as a new project.

Conventions
-----------
    daw/README.txt            how to open it, program by program
    daw/NAME.dawproject       DAWproject 1.0, the sound inside (Bitwig, Studio One, Cubase)
    daw/NAME.rpp              Reaper
    daw/conductor.mid         tempi, metres, keys and markers alone
    daw/midi/*.mid            one file for each part, the conductor in each
    daw/audio/*.wav           one stem for each part, before mastering, with time stamp
    daw/mix.wav               the mastered mix, to compare with
    daw/video/*               the scored film
    daw/markers.csv           sections and hits as a table

What the output folder already holds is linked, not copied, where the disk allows it: the bundle can be moved away by itself, and
costs the room of the .dawproject alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from composer.errors import OutputError
from composer.film import Film
from composer.plan import Plan
from composer.render.daw.dawproject import write_dawproject
from composer.render.daw.markers import write_markers
from composer.render.daw.readme import write_readme
from composer.render.daw.reaper import write_reaper
from composer.render.daw.session import Session, gather
from composer.render.midi import write_conductor
from composer.rendering import Rendering
from composer.score import Score

#: errors of a disk that cannot link: the file is copied instead
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES)


def write_bundle(score: Score, plan: Plan | None, rendering: Rendering, folder: Path, film: Film | None, scored: Path | None) -> None:
    """Write `folder`/daw from what `folder` already holds: stems/audio, stems/midi, the mix and the scored film.

    Without a plan sections last until the next one begins; without a scored film there is no video. Raises RenderError when a file of the
    sound is missing, OutputError when the disk refuses.
    """
    session = gather(score, plan, rendering, folder, film, scored)
    daw = folder / "daw"
    try:
        for place in ("midi", "audio", *(["video"] if scored is not None else [])):
            (daw / place).mkdir(parents=True, exist_ok=True)
        for part in session.parts:
            _place(folder / "stems" / part.audio, daw / part.audio)
            _place(folder / "stems" / part.midi, daw / part.midi)
        _place(folder / rendering.mix, daw / "mix.wav")
        if scored is not None and session.film is not None:
            _place(scored, daw / session.film)
        _write_projects(session, daw)
    except OSError as error:
        raise OutputError(
            f"{daw} cannot be written ({error.strerror or error})", "Make room, or choose another folder with --out."
        ) from None


def _write_projects(session: Session, daw: Path) -> None:
    write_conductor(session.score, daw / "conductor.mid")
    write_markers(session, daw / "markers.csv")
    write_reaper(session, daw / f"{session.name}.rpp")
    write_dawproject(session, daw / f"{session.name}.dawproject")
    write_readme(session, daw / "README.txt")


def _place(source: Path, target: Path) -> None:
    """`source` under another name: a second link to the same bytes, or a copy where there can be none."""
    target.unlink(missing_ok=True)
    real = source.resolve()  # a link to a link would dangle once the folder has moved
    try:
        os.link(real, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with contextlib.suppress(OSError):
            target.unlink()
        shutil.copyfile(real, target)
