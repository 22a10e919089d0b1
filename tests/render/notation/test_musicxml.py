from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from composer.errors import RenderError
from composer.instruments import INSTRUMENTS
from composer.plan import Hairpin, Plan, save_plan
from composer.render.notation import write_musicxml
from composer.render.notation.musicxml import musicxml_tree
from composer.score import Note, Score, TechniqueChange, Track
from composer.serial import save_json
from tests.conftest import ROOT, environment
from tests.render.notation.conftest import sheets, tempo_of

Composed = Callable[..., tuple[Plan, Score]]
RARE = ("6/1", "8/2", "13/16", "1/16", "5/16", "15/8", "3/1", "11/8", "2/4", "16/16")
METRES = ("4/4", "3/4", "6/8", "7/8", "5/4", "2/2", "1/4", "9/8", "5/8", "4/4", "12/8", "3/8")


@pytest.fixture(scope="module")
def mixed(composed: Composed) -> tuple[Plan, Score, ET.Element]:
    plan, score = composed(11, 40.0, "strings", "horns", "clarinet", "piano", "harp", "drums", "glockenspiel")
    return plan, score, musicxml_tree(score, plan)


def assert_bars_are_full(root: ET.Element, score: Score) -> None:
    for sheet in sheets(root):
        for (number, voice, staff), total in sheet.sums.items():
            bar = score.tempo.bars[number - 1]
            assert total == Fraction(bar.numerator * 4, bar.denominator), (number, voice, staff)
        assert {number for number, _, _ in sheet.sums} == set(range(1, len(score.tempo.bars) + 1))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_any_rhythm_in_any_metre_is_written_and_sounds_as_meant(seed: int, any_rhythm: Callable[..., Any]) -> None:
    instruments = ("piccolo", "clarinet", "alto_sax", "horns", "timpani", "celesta", "piano", "guitar", "choir", "violas", "contrabasses")
    score, meant = any_rhythm(seed, METRES * 2, instruments)
    root = musicxml_tree(score, None)
    assert_bars_are_full(root, score)
    for track, sheet in zip(score.tracks, sheets(root), strict=True):
        wanted = Counter(meant[track.part])
        found = Counter(sheet.struck)
        assert Counter(p for _, p in found) == Counter(p for _, p in wanted)  # every pitch, sounding
        assert (wanted & found).total() >= 0.98 * wanted.total(), track.part  # at its place (two players' straying may read otherwise)


def test_rare_metres_are_full_too(any_rhythm: Callable[..., Any]) -> None:
    score, meant = any_rhythm(15, RARE, ("guitar", "bassoon", "violas"))
    root = musicxml_tree(score, None)
    assert_bars_are_full(root, score)
    for track, sheet in zip(score.tracks, sheets(root), strict=True):
        assert len(sheet.struck) >= 0.99 * len(meant[track.part])


def test_a_composed_score_loses_no_note(mixed: tuple[Plan, Score, ET.Element]) -> None:
    _, score, root = mixed
    assert_bars_are_full(root, score)
    for track, sheet in zip(score.tracks, sheets(root), strict=True):
        if INSTRUMENTS[track.instrument].is_drum:
            assert len(sheet.struck) == len(track.notes)
            continue
        assert Counter(p for _, p in sheet.struck) == Counter(note.pitch for note in track.notes), track.part
        for note in track.notes:
            nearest = min(abs(float(at) - note.start_beat) for at, pitch in sheet.struck if pitch == note.pitch)
            assert nearest < 0.13


def test_music21_reads_it_back(mixed: tuple[Plan, Score, ET.Element], tmp_path: Path) -> None:
    import music21

    plan, score, _ = mixed
    path = tmp_path / "score.musicxml"
    write_musicxml(score, plan, path)
    read: Any = music21.converter.parse(path)
    horns = next(part for part in read.parts if "Horns" in (part.partName or ""))
    assert len(horns.getElementsByClass("Measure")) == len(score.tempo.bars)
    for measure in horns.getElementsByClass("Measure"):
        assert measure.highestTime == measure.barDuration.quarterLength
    sounding = horns.toSoundingPitch()
    found = Counter(p.midi for n in sounding.recurse().notes if not n.isRest and not _goes_on(n) for p in n.pitches)
    track = next(track for track in score.tracks if track.instrument == "horns")
    assert found == Counter(note.pitch for note in track.notes)


def _goes_on(note: Any) -> bool:
    return note.tie is not None and note.tie.type in ("stop", "continue")


def test_parts_are_named_and_transposed(mixed: tuple[Plan, Score, ET.Element]) -> None:
    _, score, root = mixed
    names = [part.findtext("part-name") for part in root.iter("score-part")]
    assert names == [track.name.replace("in Bb", "in B♭") for track in score.tracks]
    assert all(part.findtext("part-abbreviation") for part in root.iter("score-part"))
    for track, part in zip(score.tracks, root.findall("part"), strict=True):
        wanted = INSTRUMENTS[track.instrument].transposition
        moved = int(part.findtext(".//transpose/chromatic", "0")) + 12 * int(part.findtext(".//transpose/octave-change", "0"))
        assert moved == -wanted
    groups = [g.findtext("group-symbol") for g in root.iter("part-group") if g.get("type") == "start"]
    assert "bracket" in groups


def test_keyboards_have_two_staves_and_drums_their_signs(mixed: tuple[Plan, Score, ET.Element]) -> None:
    _, score, root = mixed
    for track, part in zip(score.tracks, root.findall("part"), strict=True):
        staves = part.findtext(".//staves", "1")
        assert staves == ("2" if track.instrument in ("piano", "harp") else "1")
        if track.instrument == "drums":
            assert part.findtext(".//clef/sign") == "percussion"
            assert "x" in {head.text for head in part.iter("notehead")}
            named = {note.find("instrument").get("id") for note in part.iter("note") if note.find("unpitched") is not None}  # type: ignore[union-attr]
            known = {i.get("id"): i.findtext("midi-unpitched") for i in root.iter("midi-instrument")}
            assert {int(known[name] or 0) - 1 for name in named} <= {note.pitch for note in track.notes}


def test_page_marks_stand_where_the_plan_has_them(mixed: tuple[Plan, Score, ET.Element]) -> None:
    plan, score, root = mixed
    top = root.find("part")
    assert top is not None
    bars: dict[str, list[str]] = {"rehearsal": [], "hit": [], "mood": []}
    for measure in top.findall("measure"):
        number = measure.get("number", "")
        bars["rehearsal"] += [f"{number} {mark.text}" for mark in measure.iter("rehearsal")]
        bars["hit"] += [f"{number} {w.text}" for w in measure.iter("words") if (w.text or "").startswith("HIT")]
        bars["mood"] += [f"{number} {w.text.strip().lower()}" for w in measure.iter("words") if w.get("font-weight") == "bold" and w.text]
    assert bars["rehearsal"] == [f"{s.first_bar} {s.id}" for s in plan.sections]
    assert bars["mood"] == [f"{s.first_bar} {s.mood}" for s in plan.sections]
    assert bars["hit"] == [f"{score.tempo.address(m.beat)[0]} {m.text}" for m in score.markers if m.kind == "hit"]
    assert len([h for part in root.findall("part") for h in part.iter("harmony")]) >= len(plan.sections)


def test_every_tempo_is_played_and_few_are_printed(mixed: tuple[Plan, Score, ET.Element]) -> None:
    _, score, root = mixed
    top = root.find("part")
    assert top is not None
    now, played = 0.0, []
    for measure in top.findall("measure"):
        now = float(next((sound.get("tempo", "0") for sound in measure.iter("sound") if sound.get("tempo")), now))
        played.append(now)
    assert played == pytest.approx([bar.qpm for bar in score.tempo.bars], abs=1e-3)
    assert len(list(top.iter("metronome"))) < 0.6 * len(score.tempo.bars)


def test_dynamics_are_the_plans_and_said_once(composed: Composed) -> None:
    hairpin = Hairpin(2, 1.0, 4, 1.0, "p", "ff")

    def quiet(plan: Plan) -> Plan:
        return replace(plan, sections=tuple(replace(s, dynamics="p") for s in plan.sections), hairpins=(hairpin,)).check()

    plan, score = composed(3, 30.0, "violins_1", "cellos", change=quiet)
    root = musicxml_tree(score, plan)
    for part in root.findall("part"):
        said = [element.tag for mark in part.iter("dynamics") for element in mark]
        assert said == ["p", "ff", "p"]
        assert [w.get("type") for w in part.iter("wedge")] == ["crescendo", "stop"]


def test_techniques_are_words_and_strokes() -> None:
    notes = tuple(Note(float(beat), 1.0, 67, 80) for beat in range(16))
    changes = tuple(TechniqueChange(*c) for c in ((4.0, "pizzicato"), (8.0, "tremolo"), (12.0, "ordinary")))
    track = Track("violins_1", "Violins I", "violins_1", notes, techniques=changes)
    muted = Track(
        "trumpets", "Trumpets in Bb", "trumpets", notes, techniques=(TechniqueChange(4.0, "mute"), TechniqueChange(8.0, "ordinary"))
    )
    tempo = tempo_of(["4/4"] * 4, [90.0])
    score = Score("Test", tempo, tempo.total_s, Fraction(25), 0, (track, muted))
    strings, brass = musicxml_tree(score, None).findall("part")
    bars = [[w.text for w in m.iter("words") if w.text and w.text.strip() and not w.get("font-weight")] for m in strings.findall("measure")]
    assert bars == [[], ["pizz."], ["arco"], []]
    assert [len(list(m.iter("tremolo"))) for m in strings.findall("measure")] == [0, 0, 4, 0]
    words = [w.text for w in brass.iter("words") if w.text and w.text.strip() and not w.get("font-weight")]
    assert words == ["con sord.", "senza sord."]


def test_accidentals_show_when_the_bar_does_not_say_them() -> None:
    pitches = [61, 61, 60, 60, 61, 60, 62, 62]
    track = Track("flute", "Flute", "flute", tuple(Note(float(i), 1.0, p, 80) for i, p in enumerate(pitches)))
    tempo = tempo_of(["4/4"] * 2, [90.0])
    root = musicxml_tree(Score("Test", tempo, tempo.total_s, Fraction(25), 0, (track,)), None)
    assert [note.findtext("accidental") for note in root.iter("note")] == ["flat", None, None, None, "flat", None, "natural", None]


def test_naturals_come_back_and_tied_notes_say_nothing() -> None:
    notes = [Note(0.0, 1.0, 66, 80), Note(1.0, 1.0, 67, 80), Note(2.0, 1.0, 65, 80), Note(3.0, 3.0, 66, 80), Note(6.0, 2.0, 67, 80)]
    tempo = tempo_of(["4/4"] * 2, [90.0])
    root = musicxml_tree(Score("Test", tempo, tempo.total_s, Fraction(25), 0, (Track("flute", "Flute", "flute", tuple(notes)),)), None)
    shown = [(note.findtext("pitch/step"), note.findtext("accidental")) for note in root.iter("note")]
    assert shown == [("F", "sharp"), ("G", None), ("F", "natural"), ("F", "sharp"), ("F", None), ("G", None)]


def test_a_part_without_notes_has_whole_rests(any_rhythm: Callable[..., Any]) -> None:
    score, _ = any_rhythm(1, ("4/4", "3/4"), ("flute",))
    score = replace(score, tracks=(*score.tracks, Track("oboe", "Oboe", "oboe", ())))
    empty = musicxml_tree(score, None).findall("part")[1]
    assert [rest.get("measure") for rest in empty.iter("rest")] == ["yes", "yes"]


def test_bytes_are_the_same_in_every_process(mixed: tuple[Plan, Score, ET.Element], tmp_path: Path) -> None:
    plan, score, _ = mixed
    save_json(score, tmp_path / "score.json")
    save_plan(plan, tmp_path / "plan.yaml")
    program = (
        "import sys; from pathlib import Path; from composer.plan import load_plan; from composer.score import Score;"
        "from composer.serial import load_json; from composer.render.notation import write_musicxml;"
        "write_musicxml(load_json(Score, Path('score.json')), load_plan(Path('plan.yaml')), Path(sys.argv[1]))"
    )
    for number in (1, 2):
        variables = environment(PYTHONPATH=str(ROOT), PYTHONHASHSEED=str(number), TZ=("UTC", "Asia/Tokyo")[number - 1])
        subprocess.run([sys.executable, "-c", program, f"{number}.musicxml"], cwd=tmp_path, env=variables, check=True)
    text = (tmp_path / "1.musicxml").read_text(encoding="utf-8")
    assert text == (tmp_path / "2.musicxml").read_text(encoding="utf-8")
    assert os.fspath(tmp_path) not in text and "2020-01-01" in text


def test_a_score_without_parts_says_so(mixed: tuple[Plan, Score, ET.Element], tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no parts"):
        write_musicxml(replace(mixed[1], tracks=()), None, tmp_path / "score.musicxml")
    assert not (tmp_path / "score.musicxml").exists()


def test_a_title_that_xml_cannot_hold_is_still_written(any_rhythm: Callable[..., Any], tmp_path: Path) -> None:
    score, _ = any_rhythm(1, ("4/4",), ("flute",))
    write_musicxml(replace(score, title="A & <B>\x01\udcff é"), None, tmp_path / "score.musicxml")
    assert ET.parse(tmp_path / "score.musicxml").findtext("work/work-title") == "A & <B> é"


def test_bars_between_cues_are_rests(composed: Composed) -> None:
    def last_section_silent(plan: Plan) -> Plan:
        return replace(plan, sections=plan.sections[:-1], hairpins=()).check()

    plan, score = composed(3, 40.0, "violins_1", "piano")
    silent = plan.sections[-1]
    end = score.tempo.beat_of(silent.first_bar)
    score = replace(score, tracks=tuple(replace(t, notes=tuple(n for n in t.notes if n.start_beat < end - 0.2)) for t in score.tracks))
    root = musicxml_tree(score, last_section_silent(plan))
    for part in root.findall("part"):
        for measure in part.findall("measure")[silent.first_bar :]:
            assert all(note.find("rest") is not None or note.find("tie") is not None for note in measure.iter("note"))


def test_eighths_are_beamed_by_half_bars_and_sixteenths_by_beats() -> None:
    notes = [Note(k / 2, 0.5, 72, 80) for k in range(4)] + [Note(2 + k / 4, 0.25, 74, 80) for k in range(8)]
    tempo = tempo_of(["4/4"], [90.0])
    root = musicxml_tree(Score("Test", tempo, tempo.total_s, Fraction(25), 0, (Track("flute", "Flute", "flute", tuple(notes)),)), None)
    beams = [note.findtext("beam") for note in root.iter("note")]
    assert beams == ["begin", "continue", "continue", "end"] + ["begin", "continue", "continue", "end"] * 2
