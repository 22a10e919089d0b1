"""Keys, players, speech and seeds: what is measured of composed plans, on scores whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from composer.errors import OptionError
from composer.evaluation.plan_heard import busy, count_heard, spoken
from composer.evaluation.plan_keys import count_keys, find_key, human_keys, is_pair, section_weights
from composer.evaluation.plan_variety import THINGS, differing, measure_variety
from composer.film import Span
from composer.options import Options
from composer.theory.keys import Key, parse_key
from tests.evaluation.small_plans import plan_of, score_of, section
from tests.filmmaker import film_of, random_film

C_MAJOR, A_MINOR = (60, 64, 67, 65, 69, 72, 67, 71, 74, 60, 64, 67), (57, 60, 64, 62, 65, 69, 64, 68, 71, 57, 60, 64)


def tune(pitches: tuple[int, ...], start: float, beats: int) -> list[tuple[float, float, int]]:
    return [(start + i, 1.0, pitches[i % len(pitches)]) for i in range(beats)]


def test_the_finder_is_that_of_music21() -> None:
    from music21 import note, stream

    rng = np.random.default_rng(3)
    for _ in range(5):
        notes = [(int(p), float(q) / 4) for p, q in zip(rng.integers(40, 80, 40), rng.integers(1, 9, 40), strict=True)]
        music: Any = stream.Stream([note.Note(pitch, quarterLength=length) for pitch, length in notes])
        theirs = music.analyze("key.krumhanslschmuckler")
        weights = np.bincount([p % 12 for p, _ in notes], weights=[q for _, q in notes], minlength=12).astype(np.float64)
        assert find_key(weights) == Key(theirs.tonic.pitchClass, theirs.mode)
    assert find_key(np.zeros(12)) is None


def test_keys_are_found_section_by_section() -> None:
    sections = [
        section(1, 1, 8),
        section(2, 9, 8, key="A minor"),
        section(3, 17, 4),
        section(4, 21, 8, key="F# major"),
        section(5, 29, 8, key="D dorian"),
    ]
    plan = plan_of(sections)
    notes = [*tune(C_MAJOR, 0, 32), *tune(A_MINOR, 32, 32), *tune(C_MAJOR, 80, 32), *tune(C_MAJOR, 112, 32)]
    c = count_keys(plan, score_of(plan, {"violins_1": notes}))
    assert (c["sections with a key"], c["found same"], c["found other"], c["sections too short for a key"]) == (3, 2, 1, 1)
    assert (c["modal sections"], c["modal same or relative"], c["modal same tonic"]) == (1, 1, 0)
    assert is_pair(parse_key("C major"), parse_key("A minor")) and not is_pair(parse_key("C major"), parse_key("A major"))


def test_notes_count_as_long_as_their_section_lasts() -> None:
    plan = plan_of([section(1, 1, 2), section(2, 3, 2)], parts=("violins_1", "drums"))
    score = score_of(plan, {"violins_1": [(7.0, 4.0, 60), (8.0, 1.0, 61), (-0.0, 0.5, 62)], "drums": [(0.0, 4.0, 38)]})
    assert section_weights(score, 0.0, 8.0).tolist() == [1.0, 0.0, 0.5, *[0.0] * 9]
    assert section_weights(score, 8.0, 16.0)[1] == 1.0


def _write(path: Path, pitches: tuple[int, ...], key: str | None) -> None:
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
    track += [mido.MetaMessage("key_signature", key=key)] if key else []
    for i in range(64):
        track += [
            mido.Message("note_on", note=pitches[i % len(pitches)], velocity=70),
            mido.Message("note_off", note=pitches[i % len(pitches)], time=480),
        ]
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(path)


def test_keys_in_peoples_music(tmp_path: Path) -> None:
    (tmp_path / "songs" / "midi").mkdir(parents=True)
    up = tuple(p + 2 for p in C_MAJOR)
    for name, pitches, key in (
        ("right", up, "D"),
        ("relative", up, "Bm"),
        ("wrong", C_MAJOR, "Ab"),
        ("none", C_MAJOR, None),
        ("plain", C_MAJOR, "C"),
    ):
        _write(tmp_path / "songs" / "midi" / f"{name}.mid", pitches, key)
    found = human_keys([tmp_path], seed=0)["songs"]
    assert found["first excerpts"] == 3 and found["first right"] == 2
    assert found["right"] * 3 == pytest.approx(found["excerpts"] * 2, abs=3)
    assert human_keys([tmp_path], seed=0) == human_keys([tmp_path], seed=0)
    for name in ("right", "relative", "wrong"):
        (tmp_path / "songs" / "midi" / f"{name}.mid").unlink()
    with pytest.raises(OptionError, match="key signature"):
        human_keys([tmp_path], seed=0)


def test_everybody_asked_is_to_be_heard() -> None:
    plan = plan_of([section(1, 1, 8)], parts=("flute", "violins_1"))
    full = score_of(plan, {"flute": [(0, 1, 70)], "violins_1": [(0, 1, 70)]})
    asked = Options(instruments=("violins_1", "flute"))
    c = count_heard(plan, full, asked)
    assert c["composed as planned"] == c["heard as asked"] == 1 and c["notes"] == c["heard parts"] == 2
    c = count_heard(plan, score_of(plan, {"flute": [(0, 1, 70)], "violins_1": []}), asked)
    assert not c["composed as planned"] and not c["heard as asked"] and c["heard parts"] == 1
    c = count_heard(plan, score_of(plan, {"flute": [(0, 1, 70)], "violins_1": [(0, 1, 70)], "tuba": [(0, 1, 40)]}), asked)
    assert c["uninvited parts"] == 1 and not c["heard as asked"]
    assert "heard as asked" not in count_heard(plan, full, Options())


def test_busy_where_speech_is() -> None:
    plan = plan_of([section(1, 1, 4)], parts=("violins_1", "cello", "drums"))  # 8 s, two beats a second
    score = score_of(plan, {
        "violins_1": [(i / 2, 0.5, 72) for i in range(8)] + [(4.0, 1.0, 62), (5.0, 1.0, 102), (6.0, 1.0, 63), (6.0, 1.0, 101)],
        "cello": [(1.0, 1.0, 70)], "drums": [(i / 4, 0.25, 70) for i in range(40)],
    })  # fmt: skip
    first = busy(score, [Span(0.0, 2.0)])
    assert (first.seconds, first.all_parts, first.busiest_part) == (2.0, 4.5, 4.0)
    assert busy(score, [Span(2.0, 4.0)]).all_parts == 0.5  # two notes at once, within the range to its ends
    assert busy(score, []).all_parts == 0.0


def test_where_music_plays_under_speech() -> None:
    film = replace(film_of([], 8.0, [0.0] * 8, [0.0] * 8), speech=(Span(0.5, 1.5), Span(7.0, 12.0)))
    inside, outside = spoken(film, plan_of([section(1, 1, 4)]))
    assert inside == [Span(0.5, 1.5), Span(7.0, 8.0)]
    assert outside == [Span(0.0, 0.5), Span(1.5, 7.0)]


def test_what_differs_between_plans() -> None:
    one = plan_of([section(1, 1, 8), section(2, 9, 8)], parts=("violins_1", "violas"))
    assert differing(one, one) == set()
    other = plan_of([section(1, 1, 8, chords=("I", "vi", "V", "I") * 2), section(2, 9, 8)], parts=("violins_1", "violas"))
    assert differing(one, other) == set()  # one bar in four of one section
    changed = {"chords": ("ii", "vi", "V", "I") * 2, "roles": {"melody": ("violas",)}}
    for fields, things in (
        ({"chords": ("ii", "vi", "V", "vi") * 2}, {"progression"}),
        ({"roles": {"melody": ("violas",)}}, {"orchestration"}),
        ({"theme": "B"}, {"form"}),
        ({"variation": "inverted"}, {"form"}),
        ({"key": "G major"}, {"key"}),
        (changed, {"orchestration", "progression"}),
    ):
        second = section(2, 9, 8, **({"chords": fields["chords"]} if "chords" in fields else {}))
        made = plan_of([section(1, 1, 8, **fields), second], parts=("violins_1", "violas"))
        assert differing(one, made) == things, fields
    assert differing(one, plan_of(one.sections, qpm=123.0, parts=("violins_1", "violas"))) == {"tempo"}
    assert differing(one, plan_of(one.sections, qpm=118.0, parts=("violins_1", "violas"))) == set()
    assert differing(one, plan_of(one.sections, parts=("violins_1", "violas", "flute"))) == {"orchestration"}
    assert differing(one, plan_of([section(1, 1, 7), section(2, 8, 9)], parts=("violins_1", "violas"))) == {"form"}


def test_seeds_are_compared_in_pairs() -> None:
    found = measure_variety("a film", random_film(3, 40.0), ("strings",), range(4))
    assert found.valid == found.seeds == 4 and found.pairs == 6 == found.by_count.total()
    assert set(found.differ) <= set(THINGS) and sum(n * c for n, c in found.by_count.items()) == found.differ.total()
    assert 0 <= found.median <= 5 and 1 <= found.keys <= 4 and found.tempi[0] <= found.tempi[1]
    nobody = measure_variety("a film", random_film(3, 40.0), ("no such thing",), range(2))
    assert nobody.valid == nobody.pairs == nobody.median == 0
