"""Reaper's project as Reaper would read it: balanced, in time, in order, every file there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from composer.render.daw.reaper import frame_rate_setting, quoted
from composer.render.events import tick_notes
from tests.render.daw.conftest import Made
from tests.render.daw.rpp import Block, midi_events, parse, tempo_points, words_of


@pytest.fixture(scope="module")
def project(made: Made) -> Block:
    return parse(made.project.read_text(encoding="utf-8"))


def test_rate_and_timecode_are_the_films(project: Block, made: Made) -> None:
    assert project.value("SAMPLERATE")[:2] == ["48000", "1"]
    assert project.value("TIMEMODE")[3:5] == ["30", "1"]  # 29.97 drop-frame
    assert project.number("PROJOFFS") == pytest.approx(107892 * 1001 / 30000, abs=1e-9)  # pictures before 01:00:00;00, ST 12-1
    assert project.value("TEMPO")[1:] == ["4", "4"]


@pytest.mark.parametrize(
    ("rate", "is_drop", "setting"),
    [("24000/1001", False, (24, 2)), ("24", False, (24, 0)), ("25", False, (25, 0)), ("30000/1001", True, (30, 1)),
     ("30000/1001", False, (30, 2)), ("30", False, (30, 0)), ("60000/1001", False, (60, 2)), ("50", False, (50, 0))],
)  # fmt: skip
def test_frame_rates_are_written_as_reaper_keeps_them(rate: str, is_drop: bool, setting: tuple[int, int]) -> None:
    assert frame_rate_setting(Fraction(rate), is_drop=is_drop) == setting


def test_tempo_points_give_the_tempo_maps_seconds(project: Block, made: Made) -> None:
    tempo, points = made.score.tempo, tempo_points(project)
    beats = [*tempo.bar_beats, *(note.start_beat for track in made.score.tracks for note in track.notes)]
    assert max(abs(points.seconds(float(beat)) - tempo.beat_to_s(float(beat))) for beat in beats) < 1e-6
    assert float(project.value("TEMPO")[0]) == points.points[0][1]


def test_metres_change_where_bars_do(project: Block, made: Made) -> None:
    metres = {float(point[0]): int(point[3]) for point in project.one("TEMPOENVEX").values("PT") if len(point) > 3}
    tempo = made.score.tempo
    bars = list(tempo.bars)
    wanted = {
        round(float(tempo.bar_seconds[place]), 9): (bar.numerator, bar.denominator)
        for place, bar in enumerate(bars)
        if place == 0 or (bar.numerator, bar.denominator) != (bars[place - 1].numerator, bars[place - 1].denominator)
    }
    assert {round(time, 9): (code & 0xFFFF, code >> 16) for time, code in metres.items()} == wanted


def test_sections_are_regions_and_hits_are_markers(project: Block, made: Made) -> None:
    lines = project.values("MARKER")
    regions, hits = [line for line in lines if line[3] == "1"], [line for line in lines if line[3] == "0"]
    to_s = made.score.tempo.beat_to_s
    assert [(line[0], line[2]) for line in regions] == [("1", "S1 calm"), ("1", ""), ("2", "S2 'tense'"), ("2", "")]
    wanted = [to_s(0.0), to_s(16.0), to_s(16.0), made.score.end_s]
    assert [float(line[1]) for line in regions] == pytest.approx(wanted, abs=1e-6)
    wanted_hits = [hit for hit in made.score.markers if hit.kind == "hit"]
    assert [line[2] for line in hits] == [hit.text for hit in wanted_hits]
    assert [float(line[1]) for line in hits] == pytest.approx([to_s(hit.beat) for hit in wanted_hits], abs=1e-9)


def test_folders_hold_sound_and_muted_notes(project: Block, made: Made) -> None:
    depth, shown = 0, []
    for track in project.all("TRACK"):
        kind, step = (int(word) for word in track.value("ISBUS"))
        assert {0: step == 0, 1: step == 1, 2: step < 0}[kind]
        shown.append(("  " * depth + track.value("NAME")[0], track.value("MUTESOLO")[0]))
        depth += step
        assert depth >= 0
    assert depth == 0
    names = [track.name for track in made.score.tracks]
    assert shown == [
        ("FILM", "0"), ("AUDIO", "0"), *((f"  {name}", "0") for name in names),
        ("MIDI", "1"), *((f"  {name} (MIDI)", "0") for name in names),
    ]  # fmt: skip
    assert project.all("TRACK")[0].number("VOLPAN") == 0  # the film is seen, not heard twice


def test_items_lie_at_the_films_start_and_their_files_are_there(project: Block, made: Made) -> None:
    found = set()
    for track in project.all("TRACK"):
        for item in track.all("ITEM"):
            source = item.one("SOURCE")
            assert item.number("POSITION") == 0
            if source.words[1] != "MIDI":
                assert item.number("LENGTH") == pytest.approx(made.rendering.length_samples / 48000, abs=1e-9)
                assert (item.value("BEAT"), track.value("BEAT"), item.number("PLAYRATE")) == (["0"], ["0"], 1)
                (name,) = source.value("FILE")
                assert "\\" not in name
                assert not Path(name).is_absolute()
                assert (made.daw / name).is_file()
                found.add(name)
    film = project.all("TRACK")[0].one("ITEM")
    assert (film.one("SOURCE").words[1], film.number("SOFFS")) == ("VIDEO", 0.5)
    assert found == {f"video/{made.scored.name}", *(f"audio/{Path(stem.path).name}" for stem in made.rendering.stems)}


def test_notes_inside_are_the_scores(project: Block, made: Made) -> None:
    tempo, points = made.score.tempo, tempo_points(project)
    items = [item for track in project.all("TRACK") for item in track.all("ITEM") if item.one("SOURCE").words[1] == "MIDI"]
    for item, track in zip(items, made.score.tracks, strict=True):
        source = item.one("SOURCE")
        assert source.value("HASDATA") == ["1", "960", "QN"]
        assert (item.value("BEAT"), item.value("LOOP")) == (["1"], ["0"])
        events = midi_events(source)
        assert events[-1][1:] == (0xB0, 0x7B, 0)
        assert points.seconds(events[-1][0] / 960) == pytest.approx(item.number("LENGTH"), abs=1e-6)
        ons = [(tick, data, velocity) for tick, status, data, velocity in events if status >> 4 == 9]
        assert sorted(ons) == [(note.start_ticks, note.pitch, note.velocity) for note in sorted(tick_notes(track))]
        assert len([event for event in events if event[1] >> 4 == 8]) == len(ons)
        assert {event[1] & 15 for event in events[:-1]} == {9 if track.instrument == "percussion_kit" else events[0][1] & 15}
        assert sum(event[1] >> 4 == 11 and event[2] not in (7, 10, 123) for event in events) == len(track.controls)
        seconds = [points.seconds(tick / 960) for tick, _, _ in ons]
        assert seconds == pytest.approx([tempo.beat_to_s(note.start_ticks / 960) for note in tick_notes(track)], abs=1e-6)


@pytest.mark.parametrize("text", ["plain", "two words", 'say "so"', "it's", '"it\'s"', '"it\'s `odd`"', "Flûte", "<angle", ">"])
def test_any_name_is_one_word(text: str) -> None:
    (back,) = words_of(quoted(text))
    assert back == (text if "`" not in text or "'" not in text else text.replace("`", "'"))


def test_control_characters_break_no_line() -> None:
    assert words_of(quoted("a\nb\x00")) == ["ab"]
