"""Each noun and its files in an output folder: what every stage writes, and how the next one reads it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from composer.errors import PlanError
from composer.film import Film
from composer.manifest import read_manifest, read_rendering, sha256_of
from composer.plan import Plan, load_plan, save_plan
from composer.rendering import Rendering
from composer.score import Score
from composer.serial import load_json, save_json, write_text

Noun = TypeVar("Noun")

FILM_FILES = ("film.json", "emotions.txt")
#: folder of one picture a shot
KEYFRAMES = "keyframes"
PLAN_FILES = ("plan.yaml", "prompt.txt")
SCORE_FILES = ("score.json", "score.mid", "stems/midi")
SOUND_FILES = ("mix.wav", "premaster.wav", "stems/audio")
#: the film itself comes on top, named after the video
DELIVERY_FILES = ("preview.ogg", "timeline.png", "sync.json", "report.html")
#: what is handed on and would deceive beside another score, another sound, another film: what a stage that replaces one of these takes away
OF_THE_SCORE = ("score.musicxml", "score.pdf", "daw", "report.html")
OF_THE_SOUND = ("daw", "report.html")
OF_THE_FILM = ("daw",)


def write_film(film: Film, folder: Path) -> None:
    """film.json and emotions.txt."""
    from composer.emotions_file import write_emotions

    save_json(film, folder / "film.json")
    write_emotions(film.affect, folder / "emotions.txt")


def write_plan(plan: Plan, folder: Path) -> None:
    """plan.yaml and prompt.txt."""
    from composer.planner import prompt_text

    save_plan(plan, folder / "plan.yaml")
    write_text(folder / "prompt.txt", prompt_text(plan))


def write_score(score: Score, folder: Path) -> None:
    """score.json, score.mid and one MIDI file for each part."""
    from composer.render.midi import write_midi, write_midi_stems

    save_json(score, folder / "score.json")
    write_midi(score, folder / "score.mid")
    write_midi_stems(score, folder / "stems" / "midi")


def read_film(path: Path) -> Film:
    """A film.json.

    Raises PlanError when it is missing or no film.
    """
    return load_json(Film, path)


def read_score(path: Path) -> Score:
    """A score.json or a MIDI file.

    Raises PlanError when it is missing or no score.
    """
    if path.suffix.lower() in (".mid", ".midi"):
        from composer.render.midi import read_midi

        return read_midi(path)
    return load_json(Score, path)


def read_folder(folder: Path) -> tuple[Film, Plan, Score, Rendering]:
    """What `deliver` needs from a folder that the earlier stages filled.

    Raises PlanError naming the stage that has not run there.
    """
    if not folder.is_dir():
        raise PlanError(f"there is no folder {folder}", "Give the output folder of `render` or `score`.")
    film = _made_by("analyze", folder / "film.json", read_film)
    plan = _made_by("plan", folder / "plan.yaml", load_plan)
    score = _made_by("compose", folder / "score.json", read_score)
    rendering = read_rendering(folder)
    if rendering is None or not (folder / rendering.mix).is_file():
        raise PlanError(f"{folder} holds no rendered music", f"Run `render {folder / 'score.json'}` first.")
    if not fits(score, plan) or made_of(folder, "plan.yaml") not in (None, sha256_of(folder / "plan.yaml")):
        raise PlanError(f"the score in {folder} is not of the plan beside it", f"Run `compose {folder / 'plan.yaml'}` and `render` again.")
    of_the_score = [stem.part for stem in rendering.stems] == [track.part for track in score.tracks]
    if not of_the_score or made_of(folder, "score.json") not in (None, sha256_of(folder / "score.json")):
        raise PlanError(f"the sound in {folder} is not of the score beside it", f"Run `render {folder / 'score.json'}` again.")
    return film, plan, score, rendering


def fits(score: Score, plan: Plan) -> bool:
    """Whether a score has the bars and the parts of a plan."""
    return score.tempo == plan.tempo and [track.part for track in score.tracks] == [part.id for part in plan.parts]


def made_of(folder: Path, name: str) -> str | None:
    """SHA-256 of the plan ("plan.yaml") that the score in `folder` was made of, or of the score ("score.json") its sound was made of.

    Where an older version noted no such input, that of the file as it was last written by a stage; None when nothing tells.
    """
    manifest = read_manifest(folder)
    for noted in (manifest.get("inputs"), manifest.get("files")):
        if isinstance(noted, dict) and isinstance(noted.get(name), str):
            return str(noted[name])
    return None


def _made_by(stage: str, path: Path, read: Callable[[Path], Noun]) -> Noun:
    if not path.is_file():
        raise PlanError(f"{path} is missing", f"Run `{stage}` first.")
    return read(path)
