"""Does the affect curve say what a viewer would? Three measures on real clips, each beside the bar it should pass.

* Order: passages of films, two by two, of which people would agree which one is pleasanter, or stirs more. `PAIRS` were written
  down, and committed, before the measure was tuned on anything; `EARLIER_PAIRS` served its first version.
* Doses: one passage transformed step by step (darker, paler, faster, shaken, louder). The value must move the way the literature
  says at every step, and by at least `DOSE_WANTED` over all of them.
* Copies: the same passage in another codec, size, rate or depth. Nothing may move by more than `COPY_ALLOWED`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from composer.errors import OptionError
from composer.film import Film
from composer.options import Options, Progress, silent
from composer.process import run
from composer.serial import write_text

Axis = Literal["valence", "arousal"]

FILES = ("affect.json", "affect.md")
DOSE_WANTED, COPY_ALLOWED = 0.4, 0.05
#: a step against the right direction smaller than this is no step at all
_LEVEL = 0.005
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Passage:
    """Seconds `first_s` to `last_s` of a clip."""

    clip: str
    first_s: int
    last_s: int


@dataclass(frozen=True)
class Pair:
    """Two passages in the order most viewers would put them."""

    #: what is claimed, as a sentence
    claim: str
    axis: Axis
    more: Passage
    less: Passage


BBB, SINTEL, DRIVE = "film/bbb_35s_320x180.mp4", "film/sintel_trailer_480x204.mp4", "film/drive_car_31s.webm"
NOSFERATU, MONTAGE = "film/nosferatu_silent_48s.mp4", "film/montage_accelerating_known_cuts.mp4"
AUTUMN, FLOWER, CLASS = "film/pyscenedetect_testvideo_24s.mp4", "odd/flower_cc0_5s.mp4", "odd/audio_first_6s.mp4"
MEADOW, STAGE = "odd/truncated_header60s_data18s.mp4", "odd/nasa_multi_stream_13s.mp4"

PAIRS = (
    Pair("a spring meadow is pleasanter than a dark stage in space", "valence", Passage(MEADOW, 3, 17), Passage(STAGE, 0, 5)),
    Pair("a flower that opens is pleasanter than a vampire's wood", "valence", Passage(FLOWER, 0, 5), Passage(NOSFERATU, 42, 48)),
    Pair("a spring meadow is pleasanter than the shaman's hut at night", "valence", Passage(MEADOW, 3, 17), Passage(SINTEL, 12, 16)),
    Pair("autumn leaves in the sun are pleasanter than grey roof tiles", "valence", Passage(AUTUMN, 15, 18), Passage(AUTUMN, 19, 22)),
    Pair("a flight at sunset is pleasanter than a walk through a snow storm", "valence", Passage(SINTEL, 31, 36), Passage(SINTEL, 6, 9)),
    Pair(
        "a chase and a fight stir more than a snow storm that is walked through", "arousal", Passage(SINTEL, 26, 33), Passage(SINTEL, 1, 6)
    ),
    Pair("driving through traffic stirs more than a flower that opens", "arousal", Passage(DRIVE, 12, 28), Passage(FLOWER, 0, 5)),
    Pair("people who argue stir more than a letter that is read", "arousal", Passage(CLASS, 0, 6), Passage(NOSFERATU, 10, 19)),
    Pair("half-second shots stir more than a wood at rest", "arousal", Passage(MONTAGE, 26, 31), Passage(NOSFERATU, 22, 27)),
    Pair("the chase stirs more than the desert after it", "arousal", Passage(SINTEL, 22, 30), Passage(SINTEL, 36, 40)),
)
EARLIER_PAIRS = (
    Pair("a meadow in the sun is pleasanter than a vampire's forest", "valence", Passage(BBB, 18, 35), Passage(NOSFERATU, 22, 48)),
    Pair("the meadow is pleasanter than its burrow", "valence", Passage(BBB, 18, 35), Passage(BBB, 8, 17)),
    Pair("the sky over the desert is pleasanter than the shaman's hut", "valence", Passage(SINTEL, 29, 40), Passage(SINTEL, 12, 16)),
    Pair("the flight is pleasanter than the black titles", "valence", Passage(SINTEL, 29, 40), Passage(SINTEL, 43, 52)),
    Pair("the meadow is pleasanter than the snow storm", "valence", Passage(BBB, 18, 35), Passage(SINTEL, 0, 9)),
    Pair("the fight and chase stir more than the titles", "arousal", Passage(SINTEL, 16, 33), Passage(SINTEL, 43, 52)),
    Pair("the montage stirs more as it cuts faster", "arousal", Passage(MONTAGE, 24, 31), Passage(MONTAGE, 0, 10)),
    Pair("driving stirs more than waiting", "arousal", Passage(DRIVE, 10, 28), Passage(DRIVE, 0, 9)),
    Pair("a trailer stirs more than a silent film", "arousal", Passage(SINTEL, 16, 33), Passage(NOSFERATU, 0, 48)),
    Pair("people who ride and run stir more than a letter that is read", "arousal", Passage(NOSFERATU, 31, 48), Passage(NOSFERATU, 10, 19)),
)


@dataclass(frozen=True)
class Dose:
    """One way to change a passage, step by step, and what it should do."""

    name: str
    axis: Axis
    #: +1 or -1: where the value should go from the first step to the last
    towards: int
    #: one ffmpeg filter (of the picture; of the sound when `of_sound`) for each step
    steps: tuple[str, ...]
    passages: tuple[Passage, ...]
    of_sound: bool = False


def _shaken(pixels: float) -> str:
    """Crop to 85 % and let the crop tremble by so many thousandths of the height, at incommensurate rates."""
    reach = f"ih*{pixels / 1000:g}"
    x, y = f"(iw-ow)/2+{reach}*sin(37*t)*cos(11*t)", f"(ih-oh)/2+{reach}*cos(41*t)*sin(13*t+1)"
    return f"crop=w=iw*0.85:h=ih*0.85:x='{x}':y='{y}'"


_SUNNY = (Passage(BBB, 18, 33), Passage(MEADOW, 8, 17), Passage(SINTEL, 31, 35), Passage(FLOWER, 0, 5))
_COLOURED = (Passage(MEADOW, 11, 15), Passage(SINTEL, 31, 35), Passage(FLOWER, 0, 5), Passage(AUTUMN, 15, 18))
_MOVING = (Passage(BBB, 26, 33), Passage(CLASS, 0, 6), Passage(MEADOW, 3, 13), Passage(NOSFERATU, 40, 47))
_STILL = (Passage(FLOWER, 0, 5), Passage(MEADOW, 11, 15), Passage(NOSFERATU, 27, 31), Passage(AUTUMN, 2, 6))
_SOUNDING = (Passage(BBB, 18, 33), Passage(SINTEL, 31, 40), Passage(DRIVE, 12, 20), Passage(CLASS, 0, 6))
DOSES = (
    Dose("darker", "valence", -1, tuple(f"lutyuv=y='16+(val-16)*{gain}'" for gain in (1, 0.75, 0.5, 0.3, 0.15)), _SUNNY),
    Dose("paler", "arousal", -1, tuple(f"hue=s={s}" for s in (1, 0.75, 0.5, 0.25, 0)), _COLOURED),
    Dose("faster", "arousal", 1, tuple(f"setpts=PTS/{k},fps=25" for k in (1, 1.5, 2, 3, 4)), _MOVING),
    Dose("shaken", "arousal", 1, tuple(_shaken(p) for p in (0, 5, 10, 20, 40)), _STILL),
    Dose("louder", "arousal", 1, tuple(f"volume={db}dB" for db in (-36, -27, -18, -9, 0)), _SOUNDING, of_sound=True),
)
#: name of a copy, and how ffmpeg makes it
COPIES = {
    "half the size": ("-vf", "scale=trunc(iw/4)*2:-2", "-c:v", "libx264", "-crf", "20", "-c:a", "copy"),
    "H.264, poor": ("-c:v", "libx264", "-crf", "34", "-c:a", "aac", "-b:a", "64k"),
    "MPEG-4 part 2": ("-c:v", "mpeg4", "-q:v", "6", "-c:a", "libmp3lame"),
    "10 bits": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-crf", "20", "-c:a", "copy"),
    "half the pictures": ("-vf", "fps=12.5", "-c:v", "libx264", "-crf", "20", "-c:a", "copy"),
}
_COPIED = (Passage(BBB, 17, 30), Passage(SINTEL, 16, 34), Passage(NOSFERATU, 20, 40), Passage(DRIVE, 5, 20))


@dataclass(frozen=True)
class Held:
    """One claim of order, measured."""

    pair: Pair
    more: float
    less: float

    @property
    def right(self) -> bool:
        """Whether the order is as claimed."""
        return self.more > self.less


@dataclass(frozen=True)
class Moved:
    """One passage under one dose."""

    dose: Dose
    passage: Passage
    #: mean of the axis at every step
    values: tuple[float, ...]

    @property
    def by(self) -> float:
        """How far the full dose moves the value, positive in the right direction."""
        return self.dose.towards * (self.values[-1] - self.values[0])

    @property
    def monotone(self) -> bool:
        """No step goes against the direction."""
        return bool((self.dose.towards * np.diff(self.values) > -_LEVEL).all())


@dataclass(frozen=True)
class Copied:
    """One passage, copied one way."""

    copy: str
    passage: Passage
    #: change of the passage's mean, absolute
    valence: float
    arousal: float


class Viewer:
    """Watches passages of the clips in a folder; whole clips are watched once."""

    def __init__(self, clips: Path, work: Path) -> None:
        self._clips, self._work = clips, work
        self.film = cache(self._film)

    def _film(self, clip: str) -> Film:
        return _watched(self._clips / clip)

    def mean(self, passage: Passage, axis: Axis) -> float:
        """Mean of one axis over a passage of the whole clip."""
        return float(np.mean(getattr(self.film(passage.clip).affect, axis)[passage.first_s : passage.last_s]))

    def changed(self, passage: Passage, *arguments: str) -> Film:
        """The passage alone, made anew by ffmpeg with `arguments` and watched."""
        made = self._work / "passage.mkv"
        cut = ["-ss", str(passage.first_s), "-t", str(passage.last_s - passage.first_s), "-i", str(self._clips / passage.clip)]
        run(["ffmpeg", "-nostdin", "-v", "error", "-y", *cut, *arguments, str(made)], _TIMEOUT_S)
        return _watched(made)


def _watched(path: Path) -> Film:
    from composer.video import observe

    return observe(path, Options(emotion="embedded")).film


def _mean(film: Film, axis: Axis) -> float:
    return float(np.mean(getattr(film.affect, axis)))


def order(viewer: Viewer, pairs: Sequence[Pair]) -> list[Held]:
    """Every claim, measured."""
    return [Held(pair, viewer.mean(pair.more, pair.axis), viewer.mean(pair.less, pair.axis)) for pair in pairs]


def moved(viewer: Viewer, dose: Dose, passage: Passage) -> Moved:
    """One passage at every step of one dose."""
    x264 = ("-c:v", "libx264", "-crf", "16", "-preset", "veryfast")
    values = []
    for step in dose.steps:
        how = ("-af", step, *x264, "-c:a", "pcm_s16le") if dose.of_sound else ("-vf", step, "-an", *x264)
        values.append(_mean(viewer.changed(passage, *how), dose.axis))
    return Moved(dose, passage, tuple(values))


def copied(viewer: Viewer, copy: str, passage: Passage) -> Copied:
    """One passage beside its copy: both cut out, the first without loss."""
    plain = viewer.changed(passage, "-c:v", "ffv1", "-c:a", "pcm_s16le")
    other = viewer.changed(passage, *COPIES[copy])
    return Copied(copy, passage, *(abs(_mean(other, axis) - _mean(plain, axis)) for axis in ("valence", "arousal")))


@dataclass(frozen=True)
class Judgement:
    """Everything measured."""

    order: tuple[Held, ...]
    earlier: tuple[Held, ...]
    doses: tuple[Moved, ...]
    copies: tuple[Copied, ...]


def check_clips(clips: Path) -> None:
    """Raise OptionError when a clip is missing."""
    passages = [passage for pair in PAIRS + EARLIER_PAIRS for passage in (pair.more, pair.less)] + [
        p for dose in DOSES for p in dose.passages
    ]
    missing = sorted({passage.clip for passage in (*passages, *_COPIED) if not (clips / passage.clip).is_file()})
    if missing:
        raise OptionError(f"{clips} lacks {', '.join(missing)}", "Give the folder of the project's test clips.")


def evaluate(clips: Path, progress: Progress = silent) -> Judgement:
    """All measures on the clips of a folder laid out as SOURCES.md tells."""
    with tempfile.TemporaryDirectory() as folder:
        viewer = Viewer(clips, Path(folder))
        tasks: list[tuple[str, Callable[[], object]]] = [
            ("order", lambda: order(viewer, PAIRS)),
            ("earlier", lambda: order(viewer, EARLIER_PAIRS)),
        ]
        tasks += [("doses", lambda d=dose, p=passage: moved(viewer, d, p)) for dose in DOSES for passage in dose.passages]  # type: ignore[misc]
        tasks += [("copies", lambda c=copy, p=passage: copied(viewer, c, p)) for copy in COPIES for passage in _COPIED]  # type: ignore[misc]
        found: dict[str, list[object]] = {"order": [], "earlier": [], "doses": [], "copies": []}
        for number, (part, task) in enumerate(tasks):
            progress("affect", number / len(tasks))
            made = task()
            found[part] += made if isinstance(made, list) else [made]
        progress("affect", 1.0)
    return Judgement(**{name: tuple(rows) for name, rows in found.items()})  # type: ignore[arg-type]


def write_report(judgement: Judgement, folder: Path) -> None:
    """affect.json and affect.md."""
    rows = {
        "order": [_order_row(held) for held in judgement.order],
        "earlier order": [_order_row(held) for held in judgement.earlier],
        "doses": [
            {
                "dose": m.dose.name,
                "passage": _place(m.passage),
                "axis": m.dose.axis,
                "values": list(m.values),
                "by": m.by,
                "monotone": m.monotone,
            }
            for m in judgement.doses
        ],
        "copies": [{"copy": c.copy, "passage": _place(c.passage), "valence": c.valence, "arousal": c.arousal} for c in judgement.copies],
    }
    write_text(folder / FILES[0], json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / FILES[1], "\n".join(["# Affect, measured", "", *tables(judgement)]) + "\n")


def _order_row(held: Held) -> dict[str, object]:
    return {"claim": held.pair.claim, "axis": held.pair.axis, "more": held.more, "less": held.less, "holds": held.right}


def tables(judgement: Judgement) -> list[str]:
    """The judgement as Markdown lines."""
    lines = ["## Order of passages", ""]
    for title, held in (("named before tuning", judgement.order), ("of the first version", judgement.earlier)):
        lines += [
            f"{sum(h.right for h in held)} of {len(held)} pairs {title} hold.",
            "",
            "| claim | axis | more | less | |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {h.pair.claim} | {h.pair.axis} | {h.more:+.2f} | {h.less:+.2f} | {'holds' if h.right else '**fails**'} |" for h in held
        ]
        lines.append("")
    good = sum(m.monotone and m.by >= DOSE_WANTED for m in judgement.doses)
    lines += ["## Doses", "", f"{good} of {len(judgement.doses)} move the right way at every step and by ≥ {DOSE_WANTED} in all.", ""]
    lines += ["| dose | passage | axis | value at each step | moved | monotone |", "|---|---|---|---|---|---|"]
    for m in judgement.doses:
        values = " ".join(f"{value:+.2f}" for value in m.values)
        lines.append(
            f"| {m.dose.name} | {_place(m.passage)} | {m.dose.axis} | {values} | {m.by:+.2f} | {'yes' if m.monotone else '**no**'} |"
        )
    worst = max(max(c.valence, c.arousal) for c in judgement.copies)
    lines += ["", "## Copies", "", f"The largest change is {worst:.3f} (allowed: {COPY_ALLOWED}).", ""]
    lines += ["| copy | passage | valence | arousal |", "|---|---|---|---|"]
    lines += [f"| {c.copy} | {_place(c.passage)} | {c.valence:.3f} | {c.arousal:.3f} |" for c in judgement.copies]
    return lines


def _place(passage: Passage) -> str:
    return f"{Path(passage.clip).stem} {passage.first_s}–{passage.last_s} s"
