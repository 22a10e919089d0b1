"""The fifteen checks of a hand-over (docs/daw.md), over what the real program leaves on disk, read by other people's readers.

One film (29.97 drop-frame, cuts off every grid) is scored once for an orchestra of eighteen, with `--export daw,musicxml`.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
import symusic

from composer.instruments import INSTRUMENTS
from composer.plan import Plan
from composer.score import Score
from composer.stages import read_folder
from tests.conftest import Cli
from tests.films import film, with_sound
from tests.render.conftest import ffmpeg, ffprobe
from tests.render.daw.rpp import parse, tempo_points
from tests.render.daw.schemas import validate

#: more than the fifteen melodic channels of a port, and a drum kit
PLAYERS = ("flute", "oboe", "clarinet", "bassoon", "horns", "trumpets", "trombones", "tuba", "timpani", "percussion_kit", "harp", "piano",
           "choir", "violins_1", "violins_2", "violas", "cellos", "contrabasses")  # fmt: skip
RATE, START = Fraction(30000, 1001), "01:00:00;00"
MILLISECOND = 1e-3


@dataclass(frozen=True)
class Handed:
    """What somebody is handed."""

    folder: Path
    source: Path
    plan: Plan
    score: Score

    @property
    def daw(self) -> Path:
        return self.folder / "daw"

    @property
    def scored(self) -> Path:
        return self.folder / f"{self.source.stem}.scored.mp4"

    @property
    def midi_files(self) -> list[Path]:
        """Every MIDI file: the whole, the conductor, one for each part."""
        return [self.folder / "score.mid", self.daw / "conductor.mid", *self.part_files]

    @property
    def part_files(self) -> list[Path]:
        return sorted((self.daw / "midi").iterdir())

    @property
    def stems(self) -> list[Path]:
        return sorted((self.daw / "audio").iterdir())

    def project(self, suffix: str) -> Path:
        (found,) = self.daw.glob(f"*{suffix}")
        return found


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory, run_cli: Cli, bank: Path) -> Handed:
    place = tmp_path_factory.mktemp("handed")
    shots = (("bars", 1.75), ("fractal", 1.35), ("fire", 1.9), ("sea", 1.5))
    silent = film(place / "silent.mp4", *shots, rate="30000/1001")
    source = with_sound(place / "a film.mp4", silent, "sine=f=220:r=48000:d=7,volume=0.1", "-shortest")
    said = run_cli(
        source.name,
        "--instruments",
        ",".join(PLAYERS),
        "--soundfont",
        bank,
        "--start-tc",
        START,
        "--seed",
        "5",
        "--export",
        "daw,musicxml",
        cwd=place,
    )
    assert said.returncode == 0, said.stderr
    folder = place / "a film.score"
    _, plan, score, _ = read_folder(folder)
    return Handed(folder, source, plan, score)


def absolute(track: mido.MidiTrack) -> list[tuple[int, Any]]:
    """(tick, message)."""
    return list(zip(itertools.accumulate(message.time for message in track), track, strict=True))


def test_01_midi_is_type_1_at_960_ticks(handed: Handed) -> None:
    for path in handed.midi_files:
        kind, _, ticks = struct.unpack(">HHH", path.read_bytes()[8:14])  # header chunk, RP-001
        assert (kind, ticks) == (1, 960), path.name
        read: Any = symusic.Score(path)
        assert read.tpq == 960


def test_02_track_0_conducts(handed: Handed) -> None:
    wanted = {"set_tempo", "time_signature", "key_signature", "marker"}
    assert len({bar.us_per_beat for bar in handed.score.tempo.bars}) > 1, "a film whose tempo changes is wanted here"
    for path in handed.midi_files:
        conductor, *others = mido.MidiFile(path).tracks
        assert {message.type for message in conductor} >= wanted
        assert not any(message.type.startswith("note") for message in conductor)
        assert {message.type for _, message in absolute(conductor) if _ == 0} >= {"set_tempo", "time_signature", "key_signature"}
        assert not any(message.type in wanted for track in others for message in track)


def test_03_one_named_track_for_each_instrument(handed: Handed) -> None:
    tracks = mido.MidiFile(handed.folder / "score.mid").tracks[1:]
    alone = [mido.MidiFile(path).tracks[1] for path in handed.part_files]
    names = [INSTRUMENTS[part.instrument].name for part in handed.plan.parts]
    for together in (tracks, alone):
        assert [track[0].name for track in together if track[0].type == "track_name"] == names
        for track, part in zip(together, handed.plan.parts, strict=True):
            start = [message for tick, message in absolute(track) if tick == 0]
            assert next(m.program for m in start if m.type == "program_change") == part.info.program
            controls = {m.control: m.value for m in reversed(start) if m.type == "control_change"}
            assert controls[7] == 100
            assert controls[10] == pytest.approx(64 + 63 * part.info.pan, abs=0.51)
    assert len(mido.MidiFile(handed.part_files[0]).tracks) == 2


def test_04_markers_are_ascii_and_count_at_the_films_rate(handed: Handed) -> None:
    for path in handed.midi_files:
        conductor = mido.MidiFile(path, charset="latin1").tracks[0]
        marks = [(tick, message.text) for tick, message in absolute(conductor) if message.type == "marker"]
        assert all(text.isascii() and text.isprintable() for _, text in marks)
        sections = [text for _, text in marks if not text.startswith("HIT ")]
        assert [text.split()[0] for text in sections] == [section.id for section in handed.plan.sections]
        hits = [(tick, text) for tick, text in marks if text.startswith("HIT ")]
        assert len(hits) == len(handed.plan.hits) >= 2
        for (tick, text), hit in zip(hits, handed.plan.hits, strict=True):
            match = re.fullmatch(r"HIT \d\d 01:(\d\d):(\d\d);(\d\d)", text)
            assert match, text
            minutes, seconds, frames = map(int, match.groups())
            assert (minutes * 60 + seconds) * 30 + frames == round(hit.time_s * RATE)  # within the first minute nothing is dropped
            music_s = handed.score.tempo.beat_to_s(tick / 960)
            assert abs(music_s - hit.time_s - hit.error_s) < MILLISECOND


def test_05_no_overlaps_drums_on_10_and_ports_past_15(handed: Handed) -> None:
    song = mido.MidiFile(handed.folder / "score.mid")
    places = []
    for track, part in zip(song.tracks[1:], handed.plan.parts, strict=True):
        sounding: set[int] = set()
        for message in track:
            if message.type == "note_on":
                assert message.velocity > 0
                assert message.note not in sounding, f"{part.id} strikes a note that still sounds"
                sounding.add(message.note)
            elif message.type == "note_off":
                sounding.remove(message.note)
        assert not sounding
        (channel,) = {message.channel for message in track if not message.is_meta}
        assert (channel == 9) == part.info.is_drum
        (port,) = [message.port for message in track if message.type == "midi_port"]
        places.append((port, channel))
    assert len(places) > 15
    assert len(set(places)) == len(places), "two parts share a channel of a port"
    assert {port for port, _ in places} == {0, 1}


def test_06_seconds_from_the_files_own_tempi_are_the_plans(handed: Handed) -> None:
    tempo = handed.plan.tempo
    for path in handed.midi_files:
        file = mido.MidiFile(path)
        tempi = [(tick, message.tempo) for tick, message in absolute(file.tracks[0]) if message.type == "set_tempo"]

        def seconds(beat: float, tempi: list[tuple[int, int]] = tempi) -> float:
            total = 0.0
            for (start, microseconds), (end, _) in itertools.pairwise([*tempi, (1 << 60, 0)]):
                total += max(0.0, min(beat * 960, end) - start) / 960 * microseconds / 1e6
            return total

        starts_s = np.cumsum([0.0, *(bar.beats * 60 / bar.qpm for bar in tempo.bars)])  # from the plan's own figures
        assert max(abs(seconds(float(beat)) - start_s) for beat, start_s in zip(tempo.bar_beats, starts_s, strict=True)) < MILLISECOND
        for hit in handed.plan.hits:
            assert abs(seconds(tempo.beat_of(hit.bar, hit.beat)) - hit.time_s - hit.error_s) < MILLISECOND
    heard = pretty_midi.PrettyMIDI(str(handed.folder / "score.mid"))
    played = sorted(note.start for instrument in heard.instruments for note in instrument.notes)
    planned = sorted(tempo.beat_to_s(note.start_beat) for track in handed.score.tracks for note in track.notes)
    assert np.abs(np.array(played) - planned).max() < MILLISECOND


def test_07_every_part_has_the_same_conductor(handed: Handed) -> None:
    whole = list(mido.MidiFile(handed.folder / "score.mid").tracks[0])
    assert len(handed.part_files) == len(PLAYERS)
    for path in handed.midi_files:
        assert list(mido.MidiFile(path).tracks[0]) == whole, path.name


def test_08_stems_are_48_khz_24_bit_of_one_length_from_zero(handed: Handed) -> None:
    kinds = {(i.samplerate, i.subtype, i.channels, i.frames) for i in (soundfile.info(path) for path in handed.stems)}
    picture = ffprobe(handed.source, "-select_streams", "v:0", "-show_entries", "stream=nb_frames")["streams"][0]
    assert kinds == {(48000, "PCM_24", 2, round(int(picture["nb_frames"]) / RATE * 48000))}
    struck = 0
    for path, track in zip(handed.stems, handed.score.tracks, strict=True):
        if track.notes and INSTRUMENTS[track.instrument].decays:  # struck and plucked: the onset is sharp
            sound = np.abs(soundfile.read(path)[0]).max(axis=1)
            first = handed.score.tempo.beat_to_s(min(note.start_beat for note in track.notes))
            onset = (
                np.argmax(sound > 0.05 * sound[int((first - 0.2) * 48000) if first > 0.2 else 0 : int((first + 0.5) * 48000)].max()) / 48000
            )
            assert abs(onset - first) < 0.03, f"{path.name}: written {first:.3f} s, heard {onset:.3f} s"
            struck += 1
    assert struck >= 3


def test_09_stems_sum_to_the_premaster(handed: Handed) -> None:
    total = sum(soundfile.read(path, dtype="int32")[0].astype(np.int64) >> 8 for path in handed.stems)
    premaster = soundfile.read(handed.folder / "premaster.wav", dtype="int32")[0].astype(np.int64) >> 8
    loudest = np.abs(premaster).max()
    assert loudest > 0
    left = np.abs(total - premaster).max()
    depth_db = 20 * np.log10(max(left, 1e-9) / loudest)
    assert depth_db <= -60
    assert left == 0, f"the null is {depth_db:.0f} dB deep; it used to be complete"


def test_10_names_sort_and_tell_who_and_how_fast(handed: Handed) -> None:
    average = round(handed.plan.tempo.mean_qpm)
    for paths in (handed.stems, handed.part_files):
        for number, (path, part) in enumerate(zip(paths, handed.plan.parts, strict=True), 1):
            assert re.fullmatch(rf"{number:02d}_[A-Za-z0-9_]+_{average}bpm\.(wav|mid)", path.name)
            assert path.name.split("_", 1)[1].startswith(part.info.name.replace(" ", "_").replace("-", "_"))


def time_reference(path: Path) -> int:
    """Samples since midnight as the broadcast extension has them (EBU Tech 3285: after 256 + 32 + 32 + 10 + 8 bytes, two words)."""
    with path.open("rb") as file:
        data, place = file.read(4096), 12
    while data[place : place + 4] != b"bext":
        place += 8 + (size := struct.unpack_from("<I", data, place + 4)[0]) + size % 2
    low, high = struct.unpack_from("<II", data, place + 8 + 338)
    return int(high << 32 | low)


def test_11_broadcast_wave_knows_its_time(handed: Handed) -> None:
    pictures = 3600 * 30 - 2 * (60 - 6)  # 01:00:00;00 in drop-frame numbers, ST 12-1
    wanted = round(pictures / RATE * 48000)
    assert wanted == round(handed.score.start_of_day_s * 48000)
    for path in (*handed.stems, handed.folder / "premaster.wav", handed.folder / "mix.wav", handed.daw / "mix.wav"):
        assert time_reference(path) == wanted, path.name
    for path in (handed.stems[0], handed.daw / "mix.wav"):
        assert int(ffprobe(path, "-show_entries", "format_tags=time_reference")["format"]["tags"]["time_reference"]) == wanted


def test_12_the_picture_is_copied_and_the_sound_as_long(handed: Handed) -> None:
    def packets(path: Path) -> str:
        return ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", "-f", "framehash", "-hash", "sha256", "-").decode()

    def ends_s(path: Path, kind: str) -> float:
        shown = ffprobe(path, "-select_streams", f"{kind}:0", "-show_entries", "packet=pts_time,duration_time")["packets"]
        return max(float(packet["pts_time"]) + float(packet["duration_time"]) for packet in shown)

    for scored in (handed.scored, handed.daw / "video" / handed.scored.name):
        assert packets(scored) == packets(handed.source)
        assert abs(ends_s(scored, "a") - ends_s(scored, "v")) <= 1024 / 48000  # a packet of AAC


@pytest.mark.parametrize(("name", "schema"), [("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")])
def test_13_dawproject_is_valid(handed: Handed, tmp_path: Path, name: str, schema: str) -> None:
    with zipfile.ZipFile(handed.project(".dawproject")) as archive:
        archive.extract(name, tmp_path)
    validate(tmp_path / name, schema)


def test_13_dawproject_and_reaper_are_whole_and_in_time(handed: Handed) -> None:
    with zipfile.ZipFile(handed.project(".dawproject")) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["project.xml", "metadata.xml"]
        root = ElementTree.fromstring(archive.read("project.xml"))
        files = {element.attrib["path"] for element in root.iter("File")}
        assert files == set(archive.namelist()[2:]) == {f"audio/{path.name}" for path in handed.stems}
    assert root.attrib["version"] == "1.0"
    points = [
        (float(point.attrib["time"]), float(point.attrib["value"])) for point in root.iterfind("Arrangement/TempoAutomation/RealPoint")
    ]
    now, at = 0.0, {}
    for (start, qpm), (end, _) in itertools.pairwise([*points, (handed.plan.tempo.total_beats, 0.0)]):
        at[start] = now
        now += (end - start) * 60 / qpm
    assert all(abs(handed.plan.tempo.beat_to_s(beat) - time_s) < MILLISECOND for beat, time_s in at.items())
    assert abs(now - handed.plan.tempo.total_s) < MILLISECOND
    kinds = [track.attrib["contentType"] for track in root.iter("Track")]
    assert (kinds.count("audio"), kinds.count("notes")) == (len(PLAYERS), len(PLAYERS))
    assert len(root.findall("Arrangement/Markers/Marker")) == len(handed.score.markers)
    assert sum(1 for _ in root.iter("Note")) == sum(
        len(i.notes) for i in pretty_midi.PrettyMIDI(str(handed.folder / "score.mid")).instruments
    )
    reaper = tempo_points(parse(handed.project(".rpp").read_text(encoding="utf-8")))
    assert all(
        abs(reaper.seconds(float(beat)) - handed.plan.tempo.beat_to_s(float(beat))) < MILLISECOND for beat in handed.plan.tempo.bar_beats
    )


def opened_by_musescore(path: Path, place: Path) -> int:
    """Pages that MuseScore engraves of a file; the test is skipped where there is no MuseScore."""
    program = next((found for name in ("musescore3", "mscore3", "mscore", "musescore") if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("MuseScore is not installed (Debian: musescore3)")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(place), "XDG_RUNTIME_DIR": str(place)}
    done = subprocess.run([program, "-o", place / "page.png", path], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return len(list(place.glob("page-*.png")))


def test_14_musescore_opens_musicxml(handed: Handed, tmp_path: Path) -> None:
    assert opened_by_musescore(handed.folder / "score.musicxml", tmp_path) >= 1


def test_14_musescore_opens_midi(handed: Handed, tmp_path: Path) -> None:
    assert opened_by_musescore(handed.folder / "score.mid", tmp_path) >= 1


def test_15_a_readme_says_how_to_open_it(handed: Handed) -> None:
    text = (handed.daw / "README.txt").read_bytes().decode("ascii")
    for word in ("NEW project", "48000 Hz", "29.97 drop-frame", START, "conductor.mid", "If something is off"):
        assert word in text
    for program in ("Cubase", "Logic Pro", "Reaper", "Studio One", "Bitwig", "Pro Tools", "MuseScore"):
        assert program in text
    named = {
        line.split(": ")[0].strip() for line in text.split("Files\n-----\n")[1].split("\n\n")[0].splitlines() if re.match(r"  \S.*: ", line)
    }
    assert named >= {
        "conductor.mid",
        "midi/",
        "audio/",
        "mix.wav",
        "markers.csv",
        handed.project(".rpp").name,
        handed.project(".dawproject").name,
    }
    assert all((handed.daw / name).exists() for name in named)
    assert json.loads((handed.folder / "score.json").read_text())["start_tc"] in text
