"""How well changes of shot are found: known montages and single takes, our detector beside PySceneDetect's at default settings.

How it is counted: `composer.evaluation.shots_scores`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from composer.errors import OptionError
from composer.evaluation.montage import MadeFilm, Studio, TrueChange
from composer.evaluation.shots_scores import Found, scores, tally_cuts, tally_gradual, tally_points
from composer.evaluation.takes import COUNTED, COUNTED_TRUTH, HELD_OUT, TAKES, check_clips
from composer.options import Options, Progress
from composer.probe import probe
from composer.process import run
from composer.video import observe
from composer.video.frames import Pictures
from composer.video.measure import Measurer
from composer.video.shots import find_changes

OURS, WHOLE = "Hitpoint", "Hitpoint, all of analyze"
#: costs are measured on the counted clip so many times over
LONG = 8
#: PySceneDetect's detectors, each at its default settings
OTHERS = ("ContentDetector", "AdaptiveDetector", "HistogramDetector", "HashDetector", "ThresholdDetector")


# --- the detectors -----------------------------------------------------------------------------------------------------


def ours(path: Path, rate: Fraction) -> list[Found]:
    """What `observe` finds: the command `analyze`, sound and feeling included (nothing remembered from before)."""
    claims = []
    for shot in observe(path, Options(emotion="embedded")).film.shots[1:]:
        at, half = shot.start_s * float(rate), shot.transition_s * float(rate) / 2
        claims.append(Found(shot.opens_with, round(at), round(at - half), round(at + half)))
    return claims


def ours_alone(path: Path) -> list[Found]:
    """What the detector finds with nothing else done: decoding, measuring, finding. For its cost."""
    pictures, measurer = Pictures(probe(path)), Measurer()
    for block in pictures.blocks():
        measurer.add(block)
    changes = find_changes(measurer.rows(), float(pictures.clock().frame_rate))
    return [Found(change.kind, change.at, change.first, change.last) for change in changes]


def theirs(name: str, path: Path) -> list[Found]:
    """What one of PySceneDetect's detectors finds through PySceneDetect's own `detect`, all at defaults."""
    import scenedetect

    scenes = scenedetect.detect(str(path), getattr(scenedetect, name)())
    starts = [start.frame_num for start, _ in scenes[1:]]
    return [Found("cut", at, at, at) for at in starts]


@dataclass(frozen=True)
class Timed:
    """What one detector found in one film, and what it cost."""

    found: list[Found]
    wall_s: float
    cpu_s: float


def _timed(work: Callable[[], list[Found]]) -> Timed:
    wall, before = time.perf_counter(), os.times()
    found = work()
    after = os.times()
    return Timed(found, time.perf_counter() - wall, sum(after[:4]) - sum(before[:4]))


def _measure(film: MadeFilm) -> dict[str, Timed]:
    return {OURS: _timed(partial(ours, film.path, film.rate)), **{name: _timed(partial(theirs, name, film.path)) for name in OTHERS}}


def costs(film: Path, minutes: float) -> dict[str, dict[str, float]]:
    """Seconds per minute of film, of every detector on one long film."""
    timed = {
        OURS: _timed(partial(ours_alone, film)),
        WHOLE: _timed(partial(ours, film, Fraction(25))),
        **{name: _timed(partial(theirs, name, film)) for name in OTHERS},
    }
    return {name: {"wall s": round(t.wall_s / minutes, 3), "CPU s": round(t.cpu_s / minutes, 3)} for name, t in timed.items()}


# --- the whole ---------------------------------------------------------------------------------------------------------


def evaluate(clips: Path, count: int, seed: int, progress: Progress, quick: bool = False) -> dict[str, Any]:
    """Measure every detector on `count` montages (seeds from `seed`), half as many single takes, and the counted clip.

    Raises OptionError when clips are missing, MissingToolError without ffmpeg.
    """
    check_clips(clips)
    count = min(count, 8) if quick else count
    if count < 1:
        raise OptionError("--count must be at least 1", "Give 200 for the published table.")
    singles = max(2, count // 2)
    films: list[tuple[MadeFilm, dict[str, Timed]]] = []
    with tempfile.TemporaryDirectory(prefix="hitpoint-shots-") as folder:
        studio = Studio(clips, Path(folder))
        for i, film in enumerate(_films(studio, count, seed, singles)):
            films.append((film, _measure(film)))
            film.path.unlink()
            progress("shots", (i + 1) / (count + singles + 1))
        known = _counted(clips)
        cost = _long_film_costs(clips, Path(folder), known["frames"] / known["fps"])
    progress("shots", 1.0)
    return {
        "seed": seed,
        "quick": quick,
        "takes": {"seen": sorted(TAKES), "held out": sorted(HELD_OUT)},
        **montage_tables(films[:count]),
        "single takes": single_tables(films[count:]),
        "counted clip": known["scores"],
        "cost per minute": cost,
    }


def _films(studio: Studio, count: int, seed: int, singles: int) -> Iterator[MadeFilm]:
    for i in range(count):
        yield studio.montage(seed + i)
    for i in range(singles):
        yield studio.single(seed + i // 2, held_out=i % 2 == 1)


def _counted(clips: Path) -> dict[str, Any]:
    """The clip with 19 cuts known to the picture, at tolerance 0."""
    truth = json.loads((clips / COUNTED_TRUTH).read_text(encoding="utf-8"))
    changes = tuple(TrueChange("cut", at, at) for at in truth["cut_frames"])
    film = MadeFilm(clips / COUNTED, Fraction(truth["fps"]), truth["frames"], changes, "seen", "none", "")
    found = {name: scores([tally_cuts(changes, timed.found, 0)]) for name, timed in _measure(film).items()}
    return {"frames": truth["frames"], "fps": truth["fps"], "scores": found}


def _long_film_costs(clips: Path, folder: Path, clip_s: float) -> dict[str, dict[str, float]]:
    film = folder / "long.mp4"
    run(["ffmpeg", "-nostdin", "-v", "error", "-stream_loop", str(LONG - 1), "-i", f"file:{clips / COUNTED}", "-c", "copy", "-an", film])
    return costs(film, LONG * clip_s / 60)


def montage_tables(films: Sequence[tuple[MadeFilm, dict[str, Timed]]]) -> dict[str, Any]:
    """Scores as spans (whole and by group) and as points, and costs."""
    mine = [(film, timed[OURS].found) for film, timed in films]
    groups: dict[str, list[tuple[MadeFilm, list[Found]]]] = {"all": mine}
    for film, found in mine:
        groups.setdefault(f"takes {film.takes}", []).append((film, found))
        groups.setdefault(f"treatment {film.treatment}", []).append((film, found))
        groups.setdefault(f"codec {film.codec.split()[0]}", []).append((film, found))
    minutes = sum(float(film.count / film.rate) for film, _ in films) / 60
    return {
        "montages": len(films),
        "minutes": round(minutes, 2),
        "true changes": {kind: sum(c.kind == kind for film, _ in films for c in film.truth) for kind in ("cut", "dissolve", "fade")},
        "spans": {name: _span_scores(groups[name]) for name in sorted(groups, key=lambda name: (name != "all", name))},
        "points": {name: _point_scores([(film, timed[name].found) for film, timed in films]) for name in (OURS, *OTHERS)},
        "seconds": {name: round(sum(timed[name].wall_s for _, timed in films), 1) for name in (OURS, *OTHERS)},
        "wrong": [wrong for film, found in mine for wrong in _wrong(film, found)],
    }


def _span_scores(group: Sequence[tuple[MadeFilm, list[Found]]]) -> dict[str, Any]:
    return {
        "films": len(group),
        "cuts at 0": scores([tally_cuts(film.truth, found, 0) for film, found in group]),
        "cuts at 1": scores([tally_cuts(film.truth, found, 1) for film, found in group]),
        "gradual": scores([tally_gradual(film.truth, found) for film, found in group]),
        "recall": {kind: _recall(group, kind) for kind in ("dissolve", "fade")},
    }


def _recall(group: Sequence[tuple[MadeFilm, list[Found]]], kind: str) -> float | None:
    tallies = [tally_gradual([c for c in film.truth if c.kind == kind], found) for film, found in group]
    return scores(tallies)["recall"] if tallies else None


def _point_scores(group: Sequence[tuple[MadeFilm, list[Found]]]) -> dict[str, Any]:
    at_1 = [tally_points(film.truth, [claim.at for claim in found], 1) for film, found in group]
    at_0 = [tally_points(film.truth, [claim.at for claim in found], 0)["cut"] for film, found in group]
    return {"cuts at 0": scores(at_0), **{name: scores([tallies[name] for tallies in at_1]) for name in ("cut", "gradual", "all")}}


def _wrong(film: MadeFilm, found: Sequence[Found]) -> list[dict[str, Any]]:
    """Films on which ours was not perfect: for whoever mends it."""
    tallies = [tally_cuts(film.truth, found, 1), tally_gradual(film.truth, found)]
    if all(t.missed == t.false == 0 for t in tallies):
        return []
    return [{"film": film.path.stem, "treatment": film.treatment, "truth": [asdict(c) for c in film.truth], "found": [asdict(c) for c in found]}]  # fmt: skip


def single_tables(films: Sequence[tuple[MadeFilm, dict[str, Timed]]]) -> dict[str, Any]:
    """False changes on single takes: in all, per minute and by movement."""
    minutes = sum(float(film.count / film.rate) for film, _ in films) / 60
    moves = sorted({film.treatment for film, _ in films})
    table = {}
    for name in (OURS, *OTHERS):
        by_move = {move: sum(len(timed[name].found) for film, timed in films if film.treatment == move) for move in moves}
        table[name] = {"false": sum(by_move.values()), "per minute": round(sum(by_move.values()) / minutes, 3), "by move": by_move}
    return {"films": len(films), "minutes": round(minutes, 2), "false changes": table}
