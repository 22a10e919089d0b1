"""`data prepare`: a folder of MIDI files becomes a store and a card, or one clear line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from composer.cli.learning import STORE_FILES
from composer.cli.main import main
from composer.transformer.batches import Store
from composer.transformer.data.prepare import prepare
from tests.conftest import listing, untouched
from tests.transformer.data.midi_files import tune, write

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scores")
    for name, songs in (("one", 12), ("two", 6)):
        for number in range(songs):
            bass = [(beat * 2.0, 2.0, 40 + (beat * number) % 7) for beat in range(32)]
            tracks = [("Flute", 73, tune(16, seed=hash_of(name, number))), ("Cello", 42, bass)]
            write(folder / name / "midi" / f"song_{number}.mid", tracks)
        (folder / name / "SOURCES.md").write_text(f"# {name}\nLicence: CC0 1.0 (LICENSE).\n", encoding="utf-8")
    return folder


def hash_of(name: str, number: int) -> int:
    return number + (1000 if name == "two" else 0)


def test_scores_become_a_store_and_a_card(scores: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    card = prepare([scores], tmp_path / "data", seed=1, told=lambda *what: told.append(what))
    store = Store(tmp_path / "data")
    assert len(store.pieces) == 18 and {p["split"] for p in store.pieces} == {"train", "valid", "test"}
    assert ("reading", 18, 18) in told and told[-1] == ("labelling", 18, 18)
    assert card == (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "| one | 12 | 12 | 12 |" in card and "CC0 1.0" in card
    assert all(len(value) == 64 for value in store.meta["scores"].values()) and set(store.meta["scores"]) == {"one", "two"}
    prepare([scores], tmp_path / "again", seed=1)
    for name in STORE_FILES:
        assert (tmp_path / "data" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_the_command(scores: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "data"
    line = ["data", "prepare", "--scores", str(scores / "one"), "--scores", str(scores / "two"), "--out", str(out)]
    assert main(line) == 0
    said, err = capsys.readouterr()
    lines = said.splitlines()
    assert err == "" and lines[0] == str(out / "README.md") and len(lines) == 4
    assert re.fullmatch(r"18 movements of 18 works, [\d,]+ notes, 0\.2 hours", lines[1]), lines[1]
    assert lines[3] == "18 × CC0 1.0"
    assert listing(tmp_path) == {"data", *(f"data/{name}" for name in STORE_FILES)}
    with untouched(tmp_path):
        assert main(line) == 2
    assert "already exists" in one_line(capsys)
    first = (out / "index.json").read_bytes()
    (out / "notes of mine.txt").write_text("keep")
    assert main([*line, "--overwrite", "--seed", "5", "-q"]) == 0
    assert capsys.readouterr().out == ""
    assert (out / "index.json").read_bytes() != first and (out / "notes of mine.txt").read_text() == "keep"
    assert listing(tmp_path) == {"data", "data/notes of mine.txt", *(f"data/{name}" for name in STORE_FILES)}


def one_line(capsys: Capture) -> str:
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("Error: ") and err.count("\n") == 1, err
    assert re.search(r"[.?] [A-Z`-]", err), err
    return err


def refused(capsys: Capture, place: Path, *words: object) -> str:
    capsys.readouterr()
    with untouched(place):
        assert main(["data", "prepare", *map(str, words)]) == 2
    return one_line(capsys)


def test_what_can_be_wrong(scores: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    assert "no scores in" in refused(capsys, tmp_path, "--scores", tmp_path / "nowhere", "--out", out)
    assert "--scores" in refused(capsys, tmp_path, "--out", out)
    assert "seed" in refused(capsys, tmp_path, "--scores", scores, "--out", out, "--seed", "x")
    (tmp_path / "bad" / "midi").mkdir(parents=True)
    (tmp_path / "bad" / "midi" / "a.mid").write_bytes(b"no music")
    assert "1 files could not be read" in refused(capsys, tmp_path, "--scores", tmp_path / "bad", "--out", out)
    (tmp_path / "bad" / "index.json").write_text("{")
    assert "not JSON" in refused(capsys, tmp_path, "--scores", tmp_path / "bad", "--out", out)
    (tmp_path / "file").touch()
    assert "is a file" in refused(capsys, tmp_path, "--scores", scores, "--out", tmp_path / "file")
    assert "holds no prepared data" in refused(capsys, tmp_path, "--scores", scores, "--out", tmp_path / "bad", "--overwrite")


def test_the_group_alone_is_an_error(capsys: Capture) -> None:
    assert main(["data"]) == 2
    assert one_line(capsys) == "Error: Missing command. See `hitpoint data --help`.\n"
    assert main(["data", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_an_interrupted_preparation_leaves_nothing(scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from composer.transformer.data import prepare as module

    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "data_card", interrupt)
    assert main(["data", "prepare", "--scores", str(scores), "--out", str(tmp_path / "deep" / "out")]) == 130
    assert listing(tmp_path) == set()
