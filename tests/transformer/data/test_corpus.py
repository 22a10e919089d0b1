from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from composer.errors import OptionError
from composer.transformer.data.corpus import Tally, collections_in, load_corpus
from composer.transformer.data.works import composer_key, group_works, split, work_keys
from tests.transformer.data.midi_files import tune, write

SCORES = Path(os.environ.get("HITPOINT_SCORES", Path(__file__).resolve().parents[3] / ".." / "shared" / "scores"))


def _collection(root: Path, name: str, licence: str, songs: dict[str, list[tuple[float, float, int]]]) -> Path:
    for song, notes in songs.items():
        write(root / name / "midi" / f"{song}.mid", [("Flute", 73, notes)])
    (root / name / "SOURCES.md").write_text(f"# {name}\nLicence: {licence}.\n", encoding="utf-8")
    return root / name


def test_composers_and_catalogues_agree_over_collections() -> None:
    assert composer_key("BeethovenLv") == composer_key("Beethoven,_Ludwig_van") == "beethoven"
    assert composer_key("Mendelssohn-BartholdyF") == composer_key("Mendelssohn,_Felix") == "mendelssohn"
    assert composer_key("BachJS") == composer_key("Bach,_Johann_Sebastian") == "bach-j" != composer_key("Bach,_Carl")
    assert composer_key("Saint-Georges,_Joseph") != composer_key("Saint-SaensC")
    assert (
        work_keys("beethoven", ("O67 Symphony5",), "x") == work_keys("beethoven", ("Symphony No.5, Op.67 — 1",), "y") == ["beethoven op67"]
    )
    assert work_keys("mozart", ("KV574",), "") == ["mozart k574"]
    assert work_keys("haydn", ("Hob.III32, Op.20 No.2",), "") == ["haydn hobiii32", "haydn op20"]
    assert work_keys("schubert", ("Winterreise, D.911",), "") == ["schubert d911"]
    assert work_keys("holmes", ("20 Mélodies",), "20 Mélodies") == ["holmes 20 melodies"]


def test_groups_join_by_any_key_or_by_music() -> None:
    keys = [["haydn hobiii32", "haydn op20"], ["haydn op20"], ["anonymous x"], ["bach-j bwv1"]]
    names = group_works(keys, {(1, 2): 0.5})
    assert len(set(names[:3])) == 1 and names[3] == "bach-j bwv1"


def test_splits_are_deterministic_and_every_collection_is_heard_in_each() -> None:
    groups = {f"work {i}": {"one" if i % 3 else "two": 100 + i} for i in range(120)}
    chosen = split(groups, seed=3)
    assert chosen == split(dict(reversed(groups.items())), seed=3)
    assert chosen != split(groups, seed=4)
    parts = defaultdict(set)
    for name, part in chosen.items():
        parts[next(iter(groups[name]))].add(part)
    assert all(found == {"train", "valid", "test"} for found in parts.values())
    notes = {part: sum(sum(groups[n].values()) for n, p in chosen.items() if p == part) for part in ("train", "valid", "test")}
    assert 0.85 < notes["train"] / sum(notes.values()) < 0.93


def test_a_corpus_joins_transposed_copies_and_keeps_the_fuller(tmp_path) -> None:
    songs = {f"song_{i}": tune(16, seed=i) for i in range(8)}
    _collection(tmp_path, "one", "CC0 1.0 (LICENSE.txt)", songs)
    moved = [(t, d, p + 5) for t, d, p in tune(16, seed=3)] + [(64.0 + i, 1.0, 70 + i % 4) for i in range(4)]
    _collection(tmp_path, "two", "3-clause BSD (COPYING)", {"copy": moved, "own": tune(16, seed=77)})
    (tmp_path / "two" / "midi" / "broken.mid").write_bytes(b"no music")
    tally = Tally()
    seen: list[tuple[int, int]] = []
    found = list(load_corpus([tmp_path], lambda done, total: seen.append((done, total)), tally=tally))
    assert tally.duplicates == [("one/song_3#1", "two/copy#1")]
    assert len(tally.unreadable) == 1 and "broken.mid" in tally.unreadable[0]
    assert len(found) == 9 and seen[-1] == (11, 11)
    assert {m.collection: m.licence for m in found} == {"one": "CC0 1.0", "two": "3-clause BSD"}
    assert all(m.doubled.shape == (m.passage.bars, len(m.passage.lines)) for m in found)
    assert all(m.notes_after == len(m.passage.onset) for m in found)
    again = [m.split for m in load_corpus([tmp_path / "one", tmp_path / "two"])]
    assert again == [m.split for m in found]


def test_movements_of_a_work_share_a_split(tmp_path) -> None:
    root = _collection(tmp_path, "q", "CC0", {f"A__Quartet__Op.{i // 2}_{i}": tune(16, seed=i) for i in range(40)})
    (root / "index.json").write_text(
        json.dumps({f"A__Quartet__Op.{i // 2}_{i}": {"src": f"s/A,_B/Quartet,_Op.{i // 2}/x.mxl"} for i in range(40)})
    )
    splits = defaultdict(set)
    for movement in load_corpus([tmp_path]):
        splits[movement.work].add(movement.split)
    assert len(splits) == 20 and all(len(parts) == 1 for parts in splits.values())


def test_a_folder_without_scores_is_an_option_error(tmp_path) -> None:
    with pytest.raises(OptionError, match="no scores"):
        collections_in([tmp_path])


@pytest.mark.skipif(not (SCORES / "openscore_orchestra").is_dir(), reason=f"no scores in {SCORES} (HITPOINT_SCORES names the folder)")
def test_beethovens_fifth_is_one_work_in_two_collections(tmp_path) -> None:
    for name, pattern in (("openscore_orchestra", "*Op.67*.mid"), ("mutopia_pd_ccby", "BeethovenLv*O67*.mid")):
        (tmp_path / name / "midi").mkdir(parents=True)
        for path in (SCORES / name / "midi").glob(pattern):
            (tmp_path / name / "midi" / path.name).symlink_to(path.resolve())
        for told in ("SOURCES.md", "index.json"):
            (tmp_path / name / told).symlink_to((SCORES / name / told).resolve())
    tally = Tally()
    found = list(load_corpus([tmp_path], tally=tally))
    assert {m.work for m in found} == {"beethoven op67"}
    # the first movement stands in both: the fuller one stays
    assert any("O67_Symphony5_1" in lost and "Op.67_1" in kept for lost, kept in tally.duplicates)
