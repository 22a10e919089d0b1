"""The DAWproject as an importer reads it: valid, complete, in time."""

from __future__ import annotations

import itertools
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import soundfile

from composer.instruments import INSTRUMENTS
from composer.render.daw import dawproject
from composer.render.events import tick_notes
from tests.render.daw.conftest import Made, finished_folder, varied_score
from tests.render.daw.schemas import validate


@pytest.fixture(scope="module")
def root(made: Made) -> Element:
    with zipfile.ZipFile(made.dawproject) as archive:
        return ElementTree.fromstring(archive.read("project.xml"))


def found(parent: Element, path: str) -> Element:
    element = parent.find(path)
    assert element is not None, path
    return element


def seconds_of(root: Element, beat: float) -> float:
    """Seconds of a beat by the project's own tempo points."""
    points = [
        (float(point.attrib["time"]), float(point.attrib["value"])) for point in root.iterfind("Arrangement/TempoAutomation/RealPoint")
    ]
    now = 0.0
    for (start, qpm), (end, _) in itertools.pairwise([*points, (float("inf"), 0.0)]):
        now += max(0.0, min(beat, end) - start) * 60 / qpm
    return now


@pytest.mark.parametrize("name", ["project.xml", "metadata.xml"])
def test_it_is_valid(made: Made, name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(made.dawproject) as archive:
        archive.extract(name, tmp_path)
    validate(tmp_path / name, {"project.xml": "Project.xsd", "metadata.xml": "MetaData.xsd"}[name])


def test_the_archive_holds_the_stems_unpacked(made: Made) -> None:
    with zipfile.ZipFile(made.dawproject) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[:2] == ["project.xml", "metadata.xml"]
        assert names[2:] == [f"audio/{Path(stem.path).name}" for stem in made.rendering.stems]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
        for stem in made.rendering.stems:
            assert archive.read(f"audio/{Path(stem.path).name}") == (made.folder / stem.path).read_bytes()


def test_past_four_gigabytes_it_becomes_zip64(fresh: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100_000)  # as if the sound were so long
    fresh.write()
    assert b"PK\x06\x06" in fresh.dawproject.read_bytes()[-300:]
    monkeypatch.undo()
    with zipfile.ZipFile(fresh.dawproject) as archive:
        assert archive.testzip() is None


def test_a_date_before_zip_began_is_no_error(fresh: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    fresh.write()
    with zipfile.ZipFile(fresh.dawproject) as archive:
        assert archive.infolist()[0].date_time[0] == 1980


def test_every_reference_names_one_thing(root: Element) -> None:
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    kinds = {element.attrib["id"]: element.tag for element in root.iter() if "id" in element.attrib}
    wanted = {"track": {"Track"}, "destination": {"Channel"}, "parameter": {"Tempo", "TimeSignature"}}
    used = [(name, kinds[element.attrib[name]]) for element in root.iter() for name in wanted if name in element.attrib]
    assert {name for name, _ in used} == set(wanted)
    assert all(kind in wanted[name] for name, kind in used)


def test_tempo_points_give_the_tempo_maps_seconds(root: Element, made: Made) -> None:
    tempo = made.score.tempo
    beats = [*map(float, tempo.bar_beats), *(note.start_beat for track in made.score.tracks for note in track.notes)]
    assert max(abs(seconds_of(root, beat) - tempo.beat_to_s(beat)) for beat in beats) < 1e-6
    points = found(root, "Arrangement/TempoAutomation")
    assert (points.attrib["timeUnit"], points.attrib["unit"]) == ("beats", "bpm")
    assert {point.attrib["interpolation"] for point in points.iterfind("RealPoint")} == {"hold"}
    assert found(root, "Transport/Tempo").attrib["value"] == found(points, "RealPoint").attrib["value"]


def test_metres_change_where_bars_do(root: Element, made: Made) -> None:
    points = {
        float(point.attrib["time"]): (int(point.attrib["numerator"]), int(point.attrib["denominator"]))
        for point in root.iterfind("Arrangement/TimeSignatureAutomation/TimeSignaturePoint")
    }
    current, beats = (0, 0), [float(beat) for beat in made.score.tempo.bar_beats]
    for bar, beat in zip(made.score.tempo.bars, beats, strict=False):
        current = points.pop(beat, current)
        assert current == (bar.numerator, bar.denominator)
    assert not points


def test_markers_stand_where_they_stood(root: Element, made: Made) -> None:
    shown = [(float(mark.attrib["time"]), mark.attrib["name"]) for mark in root.iterfind("Arrangement/Markers/Marker")]
    assert shown == [(mark.beat, mark.text) for mark in made.score.markers]


def test_sound_begins_at_zero_and_keeps_its_own_speed(root: Element, made: Made) -> None:
    tracks = [track for track in root.iter("Track") if track.attrib["contentType"] == "audio"]
    lanes = {lane.attrib["track"]: lane for lane in root.iterfind("Arrangement/Lanes/Lanes")}
    assert found(root, "Arrangement/Lanes").attrib["timeUnit"] == "beats"
    assert [track.attrib["name"] for track in tracks] == [track.name for track in made.score.tracks]
    for track in tracks:
        (clip,) = lanes[track.attrib["id"]].iter("Clip")
        assert (clip.attrib["contentTimeUnit"], clip.find("Warps")) == ("seconds", None)
        assert [float(clip.attrib[name]) for name in ("time", "playStart")] == [0, 0]
        audio = found(clip, "Audio")
        known = soundfile.info(made.daw / found(audio, "File").attrib["path"])
        assert (int(audio.attrib["sampleRate"]), int(audio.attrib["channels"])) == (known.samplerate, known.channels)
        for told in (audio.attrib["duration"], clip.attrib["playStop"]):
            assert float(told) == pytest.approx(known.duration, abs=1e-6)
        # its length in beats is as long by the project's own tempo: no importer has a reason to stretch it
        assert seconds_of(root, float(clip.attrib["duration"])) == pytest.approx(known.duration, abs=1e-3)
        assert found(track, "Channel/Mute").attrib["value"] == "false"
        assert float(found(track, "Channel/Pan").attrib["value"]) == 0.5


def test_notes_and_controllers_are_the_scores(root: Element, made: Made) -> None:
    tracks = [track for track in root.iter("Track") if track.attrib["contentType"] == "notes"]
    lanes = {lane.attrib["track"]: lane for lane in root.iterfind("Arrangement/Lanes/Lanes")}
    for track, played in zip(tracks, made.score.tracks, strict=True):
        lane = lanes[track.attrib["id"]]
        (clip,) = lane.iter("Clip")
        assert (clip.attrib["time"], clip.attrib["contentTimeUnit"]) == ("0.0", "beats")
        notes = [
            (
                round(float(n["time"]) * 960),
                round((float(n["time"]) + float(n["duration"])) * 960),
                int(n["key"]),
                round(float(n["vel"]) * 127),
            )
            for n in (note.attrib for note in lane.iter("Note"))
        ]
        assert notes == [(note.start_ticks, note.end_ticks, note.pitch, note.velocity) for note in tick_notes(played)]
        assert {note.attrib["channel"] for note in lane.iter("Note")} == {"9" if played.instrument == "percussion_kit" else "0"}
        assert float(clip.attrib["duration"]) * 960 >= max(end for _, end, _, _ in notes)
        told = [
            (float(point.attrib["time"]), int(found(points, "Target").attrib["controller"]), round(float(point.attrib["value"]) * 127))
            for points in lane.iterfind("Points")
            for point in points.iterfind("RealPoint")
        ]
        assert sorted(told) == sorted((control.beat, control.number, control.value) for control in played.controls)
        assert found(track, "Channel/Mute").attrib["value"] == "true"  # the sound plays already
    changes = [(float(point.attrib["time"]), int(point.attrib["value"])) for point in root.iter("IntegerPoint")]
    bowed = INSTRUMENTS["violas"].program
    assert [program for _, program in changes] == [bowed, 45, bowed]  # violas that pluck for a while
    times_s, beats_s = (made.score.tempo.beat_to_s(beats) for beats in ([beat for beat, _ in changes], [0.0, 4.0, 9.0]))
    assert list(beats_s - times_s) == pytest.approx([0.0, 0.0255, 0.0255], abs=0.0006)  # a little early, for human timing


def test_a_score_without_markers_has_no_empty_list(tmp_path: Path) -> None:
    bare = finished_folder(tmp_path / "bare.score", replace(varied_score(4.0), markers=()))
    bare.write()
    with zipfile.ZipFile(bare.dawproject) as archive:
        archive.extract("project.xml", tmp_path)
    assert ElementTree.parse(tmp_path / "project.xml").find("Arrangement/Markers") is None  # the schema wants one at least
    validate(tmp_path / "project.xml", "Project.xsd")


@pytest.mark.parametrize(("value", "text"), [(0, "0.0"), (4, "4.0"), (1 / 3, "0.333333333"), (1e-12, "0.0"), (123456.5, "123456.5")])
def test_numbers_are_plain(value: float, text: str) -> None:
    assert dawproject._number(value) == text
