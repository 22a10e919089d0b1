"""The sound, judged: onsets, levels, speech over music, and pictures of mixes; `evaluate render`.

Conventions
-----------
What each part measures is told in its own module: composer.evaluation.render_onsets, render_levels, render_speech, render_tone and render_pictures. Results are plain data (dicts, lists, numbers),
the same for the same inputs, banks and seed; the picture of each mix is a PNG.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from composer.errors import OptionError, RenderError
from composer.evaluation import render_levels as levels, render_onsets as onsets, render_pictures as pictures, render_speech as speech
from composer.evaluation.plan_films import STORIES, film_of_story
from composer.evaluation.render_films import LENGTH_S, SPOKEN
from composer.film import Film
from composer.generators import generator
from composer.manifest import read_manifest, read_rendering
from composer.options import Options, Progress
from composer.plan import Plan, load_plan
from composer.planner import plan, spot
from composer.process import find_tool
from composer.render import render
from composer.render.mix import PRESETS_LUFS
from composer.render.perform import perform
from composer.render.soundfont import installed
from composer.rendering import Rendering

PARTS = ("onsets", "levels", "speech", "pictures")
#: who plays under the words, and who in a picture that nobody gave a folder for
_UNDER: tuple[tuple[str, ...], ...] = (("strings", "brass"), ("piano",))
#: the story under the words: nobody speaks in it, so its music makes no room
_STORY = "wave"
#: banks that levels are judged on, unless some are named
_BANKS = 2


@dataclass(frozen=True)
class Work:
    """What is to be judged."""

    #: finished output folders: their levels are measured and their mixes drawn
    folders: tuple[Path, ...] = ()
    #: the test clips (name, video file, film), in order of name
    clips: tuple[tuple[str, Path, Film], ...] = ()
    #: which of PARTS
    parts: tuple[str, ...] = PARTS
    #: films that levels are judged on: clips first, then made ones
    count: int = 12
    #: other made films, other music
    seed: int = 0
    #: banks that levels are judged on; the first plays everything else; empty = the best two installed
    banks: tuple[Path, ...] = ()
    #: small samples, to see that it works
    quick: bool = False

    @property
    def measures_folders(self) -> bool:
        """Whether the levels of the folders are wanted, stems and all: not where nothing but pictures is."""
        return set(self.parts) != {"pictures"}

    def picture_names(self) -> list[str]:
        """Files that `evaluate` will draw."""
        if "pictures" not in self.parts:
            return []
        return [f"{name}.png" for name, _ in _named(self.folders)] or ["mix.png"]


def evaluate(work: Work, folder: Path, kept: Path | None, progress: Progress) -> dict[str, Any]:
    """Judge, draw pictures into `folder`, keep every row of levels in the file `kept` as it comes; results as plain data.

    Raises RenderError for folders that hold no render, MissingToolError when something needed is not installed.
    """
    if "speech" in work.parts:
        find_tool("espeak-ng")
    banks = work.banks or tuple(installed()[:_BANKS])
    options = Options(seed=work.seed, soundfont=banks[0] if banks else None)
    found: dict[str, Any] = {"seed": work.seed, "quick": work.quick, "banks": [bank.name for bank in banks]}
    found["folders"] = {name: vars(_folder_row(name, place)) for name, place in _named(work.folders)} if work.measures_folders else {}
    if "onsets" in work.parts:
        size = (30, 72.0) if work.quick else (onsets.BARS, onsets.LENGTH_S)
        found["onsets"] = onsets.evaluate(options, progress, *size)
    if "levels" in work.parts:
        rows = levels.evaluate(list(_films(work)), banks[:1] if work.quick else banks, work.seed, kept, progress)
        found["levels"] = [vars(row) for row in rows]
    if "speech" in work.parts:
        found["speech"] = _speech(work, options, progress)
    if "pictures" in work.parts:
        found["pictures"] = dict(_pictures(work, options, folder, progress))
    return found


def _named(folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """(a name of its own, folder)."""
    taken: set[str] = set()
    for folder in folders:
        name = folder.resolve().name
        while name in taken:
            name += "_"
        taken.add(name)
        yield name, folder


def _folder_row(name: str, folder: Path) -> levels.LevelRow:
    rendering = _rendering(folder)
    asked = read_manifest(folder).get("options", {})
    chosen = Options(instruments=tuple(asked.get("instruments", ())), loudness=asked.get("loudness", "web"))
    return levels.measured(name, folder, rendering, chosen)


def _rendering(folder: Path) -> Rendering:
    rendering = read_rendering(folder)
    if rendering is None:
        raise RenderError(f"{folder} holds no render", "Give a folder that `score` or `render` made.")
    return rendering


def _films(work: Work) -> Iterator[tuple[str, Film]]:
    """Clips that are long enough, then made films, so many in all."""
    count = min(2, work.count) if work.quick else work.count
    clips = [(name, film) for name, _, film in work.clips if film.duration_s >= levels.SHORTEST_S][:count]
    yield from clips
    yield from levels.made_films(count - len(clips), work.seed)


# --- speech -----------------------------------------------------------------------------------------------------------


def _speech(work: Work, options: Options, progress: Progress) -> dict[str, Any]:
    films = SPOKEN[:3] if work.quick else SPOKEN
    spoken = [(name, video, film) for name, video, film in work.clips if film.speech]
    jobs = len(films) * len(_UNDER) + len(spoken) + 2
    rows: list[speech.SpeechRow] = []
    with tempfile.TemporaryDirectory(prefix="hitpoint-") as name:
        place = Path(name)
        for players in _UNDER:
            music = {preset: _music(replace(options, instruments=players, loudness=preset), place) for preset in _presets()}
            for one in films:
                progress("speech", len(rows) / jobs)
                with tempfile.TemporaryDirectory(dir=place) as here:
                    rows.append(speech.measure(one, music[one.preset], ", ".join(players), Path(here)))
        passing = []
        for way in ("keep", "mute"):
            with tempfile.TemporaryDirectory(dir=place) as here:
                passing.append(speech.measure_passing(films[0], music["web"], Path(here), way))
        clips = []
        for clip, video, film in spoken:
            with tempfile.TemporaryDirectory(dir=place) as here:
                asked = replace(options, instruments=_UNDER[0])
                rendering = _scored(film, asked, Path(here))[1]
                clips.append(speech.measure_clip(clip, video, film, Path(here) / rendering.mix, Path(here)))
    progress("speech", 1.0)
    return {"films": [vars(row) for row in rows], "passing": [vars(row) for row in passing], "clips": [vars(row) for row in clips]}


def _presets() -> list[levels.Preset]:
    return [preset for preset in levels.PRESETS if any(one.preset == preset for one in SPOKEN)]


def _music(options: Options, place: Path) -> Path:
    """Music as long as the spoken films, made for a story in which nobody speaks."""
    folder = place / "-".join((*options.instruments, options.loudness))
    folder.mkdir()
    film, _ = film_of_story(_STORY, STORIES[_STORY], LENGTH_S, Fraction(25), np.random.default_rng([options.seed, 9]))
    return folder / _scored(film, options, folder)[1].mix


def _scored(film: Film, options: Options, folder: Path) -> tuple[Plan, Rendering]:
    """Plan, compose by rules, perform and render into `folder`."""
    planned = plan(film, spot(film, options), options)
    return planned, render(perform(generator("chords")(planned), planned), folder, options)


# --- pictures ---------------------------------------------------------------------------------------------------------


def _pictures(work: Work, options: Options, folder: Path, progress: Progress) -> Iterator[tuple[str, Any]]:
    """(name, what was measured) of each mix drawn: those of the folders, else one of the longest clip's or of a made film's."""
    progress("pictures", 0.0)
    for number, (name, place) in enumerate(_named(work.folders)):
        rendering = _rendering(place)
        marks = pictures.landmarks(load_plan(place / "plan.yaml")) if (place / "plan.yaml").is_file() else pictures.Landmarks()
        wanted = PRESETS_LUFS.get(read_manifest(place).get("options", {}).get("loudness", "web"), PRESETS_LUFS["web"])
        yield name, _drawn(place / rendering.mix, name, marks, wanted, folder)
        progress("pictures", (number + 1) / len(work.folders))
    if not work.folders:
        clips = [(name, film) for name, _, film in work.clips] or list(levels.made_films(1, work.seed))
        name, film = max(clips, key=lambda clip: clip[1].duration_s)
        with tempfile.TemporaryDirectory(prefix="hitpoint-") as here:
            planned, rendering = _scored(film, replace(options, instruments=_UNDER[0]), Path(here))
            found = _drawn(
                Path(here) / rendering.mix,
                "mix",
                pictures.landmarks(planned),
                PRESETS_LUFS["web"],
                folder,
                f"{name}, {' and '.join(_UNDER[0])}",
            )
        yield "mix", found
    progress("pictures", 1.0)


def _drawn(mix: Path, name: str, marks: pictures.Landmarks, wanted: float, folder: Path, title: str = "") -> dict[str, Any]:
    tone = pictures.draw(mix, title or name, marks, wanted, folder / f"{name}.png")
    return pictures.tone_lines(tone, marks.sections)


def check(work: Work) -> None:
    """Raise OptionError or RenderError for what cannot be judged, before any long work."""
    for folder in work.folders:
        if not folder.is_dir():
            raise OptionError(f"there is no folder {folder}", "Give a folder that `score` or `render` made.")
        levels.check_files(folder, _rendering(folder), whole=work.measures_folders)
