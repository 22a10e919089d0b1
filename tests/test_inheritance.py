"""What a re-edit takes over from the run before it, and that nothing of a manifest is believed unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composer.errors import OptionError, VideoError
from composer.inheritance import bank_warnings, inherited, pictures_of, same_bank
from composer.manifest import read_manifest, sha256_of
from composer.options import Options
from composer.render import soundfont
from composer.rendering import Rendering
from tests.reedits import invented


def folder_with(place: Path, **manifest: Any) -> Path:
    folder = place / "film.score"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def banks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sound banks, one of them installed."""
    place = tmp_path / "banks"
    place.mkdir()
    for name in ("usual.sf2", "other.sf2"):
        (place / name).write_bytes(name.encode())
    monkeypatch.setattr(soundfont, "installed", lambda: [place / "usual.sf2"])
    monkeypatch.delenv("HITPOINT_SOUNDFONT", raising=False)
    return place


def test_options_that_are_not_given_are_those_of_the_old_run(tmp_path: Path) -> None:
    old = {"generator": "chords", "loudness": "dialogue", "steady": True, "humanize": 0, "emotion": "moods.txt", "clip_model": None}
    folder = folder_with(tmp_path, options=old)
    found = inherited(Options(loudness="web"), folder, {"loudness"})
    assert (found.generator, found.loudness, found.steady, found.humanize, found.emotion) == ("chords", "web", True, 0, "auto")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generator", 5),
        ("humanize", "x"),
        ("humanize", True),
        ("loudness", "loud"),
        ("as_track", 1),
        ("steady", "yes"),
        ("original", ["duck"]),
    ],
)
def test_what_no_option_can_be_is_refused_unless_it_is_given_anew(name: str, value: object, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, options={name: value})
    with pytest.raises(OptionError, match=rf"manifest.json: {name} cannot be"):
        inherited(Options(), folder, set())
    assert inherited(Options(), folder, {name}) == Options()


def test_a_manifest_of_anything_is_no_manifest(tmp_path: Path) -> None:
    for data in ({"options": [1]}, {"soundfont": "x"}, {"soundfont": {"name": 1, "sha256": None}}, {"soundfont": None, "command": 3}):
        assert inherited(Options(), folder_with(tmp_path, **data), set()) == Options()


def test_the_old_bank_is_found_where_the_old_command_had_it_or_beside_the_installed_ones(banks: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.sf2"
    elsewhere.write_bytes(b"mine")
    for path, command in (
        (banks / "usual.sf2", []),
        (banks / "other.sf2", ["film.mp4"]),
        (elsewhere, ["film.mp4", "--soundfont", str(elsewhere)]),
        (elsewhere, ["film.mp4", f"--soundfont={elsewhere}"]),
    ):
        folder = folder_with(tmp_path, soundfont={"name": path.name, "sha256": sha256_of(path)}, command=command)
        assert same_bank(read_manifest(folder)) == path
        assert inherited(Options(), folder, set()).soundfont == path
        assert inherited(Options(soundfont=Path("a.sf2")), folder, {"soundfont"}).soundfont == Path("a.sf2")


def test_another_bank_is_told(banks: Path, tmp_path: Path) -> None:
    manifest = {"soundfont": {"name": "usual.sf2", "sha256": "0" * 64}}  # the name is here, the sound is not
    folder = folder_with(tmp_path, **manifest)
    options = inherited(Options(), folder, set())
    assert options.soundfont is None
    rendering = Rendering(48000, 1, (), "a", "b", -14.0, -1.0, 0.0, "other.sf2", "1" * 64)
    (told,) = bank_warnings(options, manifest, rendering)
    assert "usual.sf2" in told and "other.sf2 plays instead" in told and "--soundfont" in told
    assert bank_warnings(replace(options, soundfont=banks / "other.sf2"), manifest, rendering) == ()
    assert bank_warnings(options, manifest, replace(rendering, soundfont_sha256="0" * 64)) == ()
    assert bank_warnings(options, {}, rendering) == ()


def test_the_old_picture_is_the_scored_film_and_then_the_untouched_source(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(b"a film")
    film = replace(invented(), path=str(source))
    folder = folder_with(tmp_path, inputs={"film.mp4": sha256_of(source)})
    assert pictures_of(folder, film) == [source]
    for name in ("another.scored.mp4", "film.scored.mp4"):
        (folder / name).touch()
    scored = [folder / "film.scored.mp4", folder / "another.scored.mp4"]
    assert pictures_of(folder, film) == [*scored, source]
    source.write_bytes(b"another film")
    assert pictures_of(folder, film) == scored
    for path in scored:
        path.unlink()
    with pytest.raises(VideoError, match=r"holds no scored film.*Run `deliver`"):
        pictures_of(folder, film)
