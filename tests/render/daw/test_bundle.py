"""The bundle as a folder: complete, movable, repeatable, honest about failures."""

from __future__ import annotations

import csv
import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mido
import pytest

from composer.errors import OutputError, RenderError
from composer.plan import load_plan
from composer.render.daw import write_bundle
from composer.render.daw.session import gather, project_name
from composer.render.midi import write_midi_stems
from composer.score import Marker
from composer.timecode import parse_timecode
from tests.conftest import listing
from tests.render.daw.conftest import Made


def test_everything_is_there_and_nothing_else(made: Made) -> None:
    name = "Ete_a_la_mer_more"
    stems = {Path(stem.path).name for stem in made.rendering.stems}
    assert {path for path in listing(made.daw) if (made.daw / path).is_file()} == {
        "README.txt", "conductor.mid", "markers.csv", "mix.wav", f"{name}.rpp", f"{name}.dawproject", f"video/{made.scored.name}",
        *(f"audio/{stem}" for stem in stems), *(f"midi/{stem[:-4]}.mid" for stem in stems),
    }  # fmt: skip


def test_sound_costs_no_room_twice(made: Made) -> None:
    for stem in made.rendering.stems:
        assert (made.daw / "audio" / Path(stem.path).name).samefile(made.folder / stem.path)
    assert (made.daw / "mix.wav").samefile(made.folder / "mix.wav")


@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def test_a_disk_without_links_gets_copies(fresh: Made, monkeypatch: pytest.MonkeyPatch, refusal: int) -> None:
    monkeypatch.setattr(os, "link", _failing(refusal))
    fresh.write()
    for stem in fresh.rendering.stems:
        copy, source = fresh.daw / "audio" / Path(stem.path).name, fresh.folder / stem.path
        assert not copy.samefile(source)
        assert copy.read_bytes() == source.read_bytes()


def test_what_is_reached_through_a_link_is_no_dangling_link(fresh: Made, tmp_path: Path) -> None:
    work = tmp_path / "work"  # how `deliver` sees what was there before
    work.mkdir()
    for entry in list(fresh.folder.iterdir()):
        (work / entry.name).symlink_to(entry)
    replace(fresh, folder=work).write()
    assert not any((work / "daw" / path).is_symlink() for path in listing(work / "daw"))


def test_a_full_disk_is_one_clear_error(fresh: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _failing(errno.ENOSPC))
    with pytest.raises(OutputError, match="daw cannot be written"):
        fresh.write()


def test_missing_sound_is_one_clear_error(fresh: Made) -> None:
    (fresh.folder / fresh.rendering.stems[1].path).unlink()
    with pytest.raises(RenderError, match=r"02_Flute.*is missing"):
        fresh.write()


def test_sound_of_another_score_is_refused(fresh: Made) -> None:
    with pytest.raises(RenderError, match="not of this score"):
        replace(fresh, score=replace(fresh.score, tracks=fresh.score.tracks[:2])).write()


def test_without_a_film_there_is_no_video(fresh: Made) -> None:
    write_bundle(fresh.score, None, fresh.rendering, fresh.folder, None, None)
    assert not (fresh.daw / "video").exists()
    assert "VIDEO" not in fresh.project.read_text()


def test_the_same_twice_is_the_same_bytes(fresh: Made, tmp_path: Path) -> None:
    fresh.write()
    before = {path: (fresh.daw / path).read_bytes() for path in listing(fresh.daw) if (fresh.daw / path).is_file()}
    moved = tmp_path / "elsewhere" / "other.score"
    shutil.copytree(fresh.folder, moved)
    shutil.rmtree(moved / "daw")
    replace(fresh, folder=moved, scored=moved / fresh.scored.name).write()
    assert {path: (moved / "daw" / path).read_bytes() for path in before} == before
    fresh.write()  # and over itself
    assert {path: (fresh.daw / path).read_bytes() for path in before} == before


def test_nothing_names_this_machine(made: Made) -> None:
    for path in ("README.txt", "markers.csv", "conductor.mid", made.project.name, made.dawproject.name):
        assert str(made.folder.parent).encode() not in (made.daw / path).read_bytes()


def test_the_conductor_plays_nothing_and_tells_all(made: Made) -> None:
    (conductor,) = mido.MidiFile(made.daw / "conductor.mid").tracks
    part, _ = mido.MidiFile(next((made.daw / "midi").iterdir())).tracks
    assert list(conductor) == list(part)
    assert {message.type for message in conductor} >= {"set_tempo", "time_signature", "key_signature", "marker"}


def test_the_table_of_markers_is_right(made: Made) -> None:
    with (made.daw / "markers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["#"], row["Name"]) for row in rows] == [
        ("R1", "S1 calm"), ("R2", "S2 'tense'"), ("M1", "HIT 01 01:00:05;03"), ("M2", "HIT 02 01:00:12;01"),
    ]  # fmt: skip
    for row, beat in zip(rows, (0.0, 16.0, 8.0, 20.75), strict=True):
        time_s, rate = made.score.tempo.beat_to_s(beat), made.score.frame_rate
        assert float(row["Seconds"]) == pytest.approx(time_s, abs=1e-6)
        assert abs(parse_timecode(row["Timecode"], rate, made.score.start_tc) - time_s) <= 0.5001 / rate
        hours, minutes, seconds = row["Start"].split(":")
        assert int(hours) * 3600 + int(minutes) * 60 + float(seconds) == pytest.approx(time_s, abs=6e-4)


def test_the_readme_is_plain_and_knows_this_score(made: Made) -> None:
    data = (made.daw / "README.txt").read_bytes()
    text = data.decode("ascii")
    assert max(map(len, text.splitlines())) <= 100
    for word in ("NEW project", "48000 Hz", "29.97 drop-frame", "01:00:00;00", "Cubase", "Logic", "Reaper", "Studio One", "Bitwig", "Pro Tools", "MuseScore", "conductor.mid"):  # fmt: skip
        assert word in text
    for path in (made.project.name, made.dawproject.name, "mix.wav", "markers.csv", f"video/{made.scored.name}"):
        assert path in text
    assert "0.500 s before" in text  # this film's file begins before its first picture


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A small film", "A_small_film"),
        ("Été: <à>/la\\mer", "Ete_a_la_mer"),
        ("日本", "Score"),
        ("", "Score"),
        ("../..", "Score"),
        ("x" * 300, "x" * 60),
    ],
)
def test_project_names_are_safe(title: str, name: str) -> None:
    assert project_name(title) == name


def test_planned_sections_end_with_their_last_bar(fresh: Made) -> None:
    plan = load_plan(Path(__file__).parents[2] / "golden" / "chase.plan.yaml")
    tempo, first = plan.tempo, plan.sections[0]
    shortened = replace(plan, sections=(replace(first, bars=first.bars - 1), *plan.sections[1:]))  # a bar of rest before the next
    marks = tuple(Marker(tempo.beat_of(section.first_bar), "section", section.id) for section in plan.sections)
    score = replace(fresh.score, tempo=tempo, markers=marks)
    write_midi_stems(score, fresh.folder / "stems" / "midi")  # their names tell the tempo
    rendering = replace(fresh.rendering, length_samples=round(plan.duration_s * fresh.rendering.sample_rate))
    regions = gather(score, shortened, rendering, fresh.folder, None, None).regions
    assert regions[0].end_beat == tempo.beat_of(first.first_bar + first.bars - 1)
    assert regions[0].end_beat < gather(score, None, rendering, fresh.folder, None, None).regions[0].end_beat


def _failing(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse
