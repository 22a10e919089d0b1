from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest

from composer.errors import MissingToolError, RenderError
from composer.plan import Plan
from composer.render.notation import musescore_program, pdf as pdf_module, write_musicxml, write_pdf
from composer.render.notation.pdf import EngravingError, same_every_time
from composer.score import Note, Score, Track
from tests.render.notation.conftest import tempo_of

needs_musescore = pytest.mark.skipif(musescore_program() is None, reason="MuseScore is not installed (apt-get install musescore3)")
needs_poppler = pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm is not installed (apt-get install poppler-utils)")


def small_score(bars: int = 4) -> Score:
    tempo = tempo_of(["4/4"] * bars, [100.0, 104.0])
    notes = tuple(Note(float(beat), 1.0, 60 + beat % 12, 80) for beat in range(4 * bars))
    tracks = (Track("horns", "Horns in F", "horns", notes), Track("cellos", "Cellos", "cellos", notes))
    return Score("Pages", tempo, tempo.total_s, Fraction(25), 0, tracks)


def pages(path: Path, dpi: int = 40) -> list[np.ndarray]:
    """Every page as grey values 0 (black) … 255, (rows, columns)."""
    import matplotlib.image

    stem = path.with_suffix("")
    subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", "-png", str(path), str(stem)], check=True)
    images = [matplotlib.image.imread(p) for p in sorted(path.parent.glob(f"{stem.name}-*.png"))]
    return [(image if image.ndim == 2 else image[..., 0]) * 255 for image in images]


@needs_musescore
def test_the_same_music_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_musicxml(small_score(), None, tmp_path / "score.musicxml")
    write_pdf(tmp_path / "score.musicxml", tmp_path / "1.pdf")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    write_pdf(tmp_path / "score.musicxml", tmp_path / "2.pdf")
    first = (tmp_path / "1.pdf").read_bytes()
    assert first == (tmp_path / "2.pdf").read_bytes()
    assert first.startswith(b"%PDF") and b"D:20200101000000" in first
    assert str(tmp_path).encode() not in first
    assert not (tmp_path / "home").exists()  # nothing of the user's is touched
    assert {p.name for p in tmp_path.iterdir()} == {"score.musicxml", "1.pdf", "2.pdf"}


def page_sizes(path: Path) -> list[tuple[int, int]]:
    """(width, height) of every page, millimetres."""
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", path.read_bytes())
    return [(round(float(w) / 72 * 25.4), round(float(h) / 72 * 25.4)) for w, h in boxes]


@needs_musescore
def test_pages_are_a4(tmp_path: Path) -> None:
    write_musicxml(small_score(), None, tmp_path / "score.musicxml")
    write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")
    assert page_sizes(tmp_path / "score.pdf") == [(210, 297)]


@needs_musescore
@needs_poppler
def test_a_long_title_stays_on_the_paper(tmp_path: Path) -> None:
    title = (
        "A film whose title goes on, and does not end where other titles end, but says it all: who did what, where, when, to whom, why " * 2
    )
    write_musicxml(replace(small_score(), title=title.strip()), None, tmp_path / "score.musicxml")
    write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")
    said = subprocess.run(["pdftotext", "-bbox", tmp_path / "score.pdf", "-"], check=True, capture_output=True, text=True).stdout
    words = re.findall(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)<', said)
    assert [unicodedata.normalize("NFKC", text) for *_, text in words][: len(title.split())] == title.split()
    assert all(float(left) > 20 and float(right) < 595 - 20 and float(top) > 20 for left, top, right, _, _ in words)
    bottom = max(float(below) for _, _, _, below, _ in words[: len(title.split())])
    assert all(float(top) > bottom - 2 for _, top, _, _, _ in words[len(title.split()) :])  # names and tempo stand under it


@pytest.mark.slow
@needs_musescore
@needs_poppler
@pytest.mark.parametrize(("seed", "more"), [(1, ()), (2, ("piano",)), (3, ("piano", "choir", "drums", "celesta"))])
def test_an_orchestra_stands_on_a3_from_the_first_page(
    seed: int, more: tuple[str, ...], composed: Callable[..., tuple[Plan, Score]], tmp_path: Path
) -> None:
    plan, score = composed(seed, 40.0, "orchestra", *more)
    write_musicxml(score, plan, tmp_path / "score.musicxml")
    for name in ("score.pdf", "again.pdf"):
        write_pdf(tmp_path / "score.musicxml", tmp_path / name)
    assert (tmp_path / "score.pdf").read_bytes() == (tmp_path / "again.pdf").read_bytes()
    sizes = page_sizes(tmp_path / "score.pdf")
    assert set(sizes) == {(297, 420)}
    found = pages(tmp_path / "score.pdf")
    assert len(found) == len(sizes)
    for page in found:
        rows = np.flatnonzero((page < 128).any(axis=1)) / len(page)
        assert len(rows[(rows > 0.25) & (rows < 0.5)]) > 0.1 * len(page)  # a title alone leaves this white
        assert rows.max() < 0.98


@pytest.mark.slow
@needs_musescore
@needs_poppler
def test_a_full_score_becomes_pages_with_music_on_each(composed: Callable[..., tuple[Plan, Score]], tmp_path: Path) -> None:
    plan, score = composed(5, 50.0, "orchestra", "piano", "drums")
    write_musicxml(score, plan, tmp_path / "score.musicxml")
    write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")
    found = pages(tmp_path / "score.pdf")
    assert len(found) >= 2
    assert all(0.02 < (page < 128).mean() < 0.4 for page in found)  # a title alone on its page is less


@pytest.mark.slow
@needs_musescore
def test_musescore_reads_what_we_mean(composed: Callable[..., tuple[Plan, Score]], tmp_path: Path) -> None:
    """MuseScore's own playback of the file has our notes at our seconds."""
    plan, score = composed(8, 40.0, "clarinet", "horns", "glockenspiel", "piano", "contrabass")
    write_musicxml(score, plan, tmp_path / "score.musicxml")
    run_musescore(tmp_path, tmp_path / "score.musicxml", "-o", tmp_path / "played.mid")
    now, theirs = 0.0, list[tuple[float, int]]()
    for message in mido.MidiFile(tmp_path / "played.mid"):  # one time line in seconds
        now += message.time
        if message.type == "note_on" and message.velocity:
            theirs.append((now, message.note))
    ours = [(score.tempo.beat_to_s(n.start_beat), n.pitch) for track in score.tracks for n in track.notes]
    assert abs(len(theirs) - len(ours)) <= 0.02 * len(ours)  # one pitch in two hands at once is struck once
    late = [min((abs(start - s) for s, p in theirs if p == pitch), default=9.0) for start, pitch in ours]
    assert np.quantile(late, 0.99) < 0.06


@pytest.mark.slow
@needs_musescore
@needs_poppler
def test_musescore_opens_our_midi(composed: Callable[..., tuple[Plan, Score]], tmp_path: Path) -> None:
    from composer.render.midi import write_midi

    _, score = composed(8, 30.0, "strings")
    write_midi(score, tmp_path / "score.mid")
    run_musescore(tmp_path, tmp_path / "score.mid", "-o", tmp_path / "midi.pdf")
    assert all((page < 128).mean() > 0.002 for page in pages(tmp_path / "midi.pdf"))


def run_musescore(home: Path, *arguments: object) -> None:
    program = musescore_program()
    assert program is not None
    subprocess.run([str(a) for a in pdf_module._command(program, home, list(arguments))], check=True, capture_output=True, timeout=120)  # type: ignore[arg-type]


def test_without_musescore_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert musescore_program() is None
    with pytest.raises(MissingToolError, match="apt-get install musescore3"):
        write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="needs a shell for a program that fails")
def test_a_failing_musescore_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "musescore3"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(pdf_module, "musescore_program", lambda: str(program))
    (tmp_path / "score.musicxml").write_text("<score-partwise/>")
    with pytest.raises(EngravingError, match="MuseScore could not engrave the PDF: broken") as failure:
        write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")
    assert "--export musicxml" in str(failure.value) and failure.value.stderr == "broken\n"
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(EngravingError, match="MuseScore could not engrave the PDF: exit status 3"):
        write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")
    program.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(RenderError, match="wrote no PDF"):
        write_pdf(tmp_path / "score.musicxml", tmp_path / "score.pdf")
    assert not (tmp_path / "score.pdf").exists()


def test_only_dates_and_ids_are_replaced_and_no_byte_moves() -> None:
    data = b"<</CreationDate (D:20261122041500+09'00')>> <xmp:CreateDate>2026-11-22T04:15:00Z</xmp:CreateDate> uuid:0a1b2c3d-0000-1111-2222-333344445555 (D:2026)"
    cleaned = same_every_time(data)
    assert len(cleaned) == len(data)
    assert b"D:20200101000000" in cleaned and b"2020-01-01T00:00:00Z" in cleaned and b"2026-11-22" not in cleaned
    assert cleaned == same_every_time(cleaned)
